/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-balloon (virtio 1.2, 5.5) with free page reporting: memory that the guest does not
 * use goes back to the host; the guest has it again, zeroed, by touching it. Deflating needs
 * nothing from us.
 *
 * A chain may name as much memory as there is, so it is worked off a bounded piece at a time,
 * with other work of this thread in between.
 *
 * Queues that are not offered have no number (as Linux and QEMU count them): statistics and
 * hints are not, so reporting is queue 2.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/le.h"
#include "base/log.h"
#include "devices/devices.h"
#include "devices/virtio/virtio.h"
#include "vmm/device.h"
#include "vmm/devopts.h"
#include "vmm/gmem.h"

#define QUEUE_SIZE 128
#define PAGE_SHIFT 12	/* 5.5.6: of page numbers, whatever the guest's pages are */

/* One turn's work; a call costs more than its bytes. */
#define TURN MIB(64)
#define CALL_COST KIB(128)

/* 5.5.3 */
#define VIRTIO_BALLOON_F_DEFLATE_ON_OOM 2
#define VIRTIO_BALLOON_F_REPORTING 5

enum { INFLATEQ, DEFLATEQ, REPORTINGQ, NR_QUEUES };

struct balloon_config {		/* 5.5.4, as far as the offered features reach */
	le32 num_pages;
	le32 actual;
};

/* A chain that was popped and is not pushed yet. */
struct work {
	bool taken;
	uint64_t done;			/* its bytes */
	struct virtq_chain chain;
	struct iovec iov[QUEUE_SIZE];
};

struct balloon {
	struct dev dev;
	struct virtio_dev vd;
	le32 target;			/* config.num_pages, which the driver can write */
	struct work work[NR_QUEUES];
};

/* Not our business when it fails: the memory stays with the guest. */
static void discard(struct balloon *bl, gpa_t gpa, uint64_t len, int64_t *budget)
{
	int r = gmem_discard(bl->vd.env->gmem, gpa, len);

	*budget -= (int64_t)(CALL_COST + len);
	if (r < 0)
		log_guest(bl->vd.env->log, "%s: 0x%llx bytes at 0x%llx cannot be given back: "
			"error %d", bl->vd.name, (unsigned long long)len,
			(unsigned long long)gpa, -r);
}

/* ---- Inflating: the chain is an array of page numbers -------------------------------- */

/* Neighbours, up or down, are one range; a driver allocates them so. */
static size_t take_run(const le32 *pfns, size_t n, gpa_t *gpa, uint64_t *len)
{
	uint32_t low = le32_get(pfns[0]), high = low;
	size_t i;

	for (i = 1; i < n; i++) {
		uint32_t pfn = le32_get(pfns[i]);

		if (pfn - 1 == high && pfn)
			high = pfn;
		else if (pfn + 1 == low && low)
			low = pfn;
		else
			break;
	}
	*gpa = (gpa_t)low << PAGE_SHIFT;
	*len = ((uint64_t)high - low + 1) << PAGE_SHIFT;
	return i;
}

/* True when the chain is done. */
static bool inflate(struct balloon *bl, struct work *w, int64_t *budget)
{
	le32 pfns[256];
	size_t n, used;
	uint64_t len;
	gpa_t gpa;

	do {
		n = virtq_chain_read(&w->chain, w->done, pfns, sizeof(pfns)) / sizeof(pfns[0]);
		for (used = 0; used < n && *budget > 0;) {
			used += take_run(pfns + used, n - used, &gpa, &len);
			discard(bl, gpa, len, budget);
		}
		w->done += used * sizeof(pfns[0]);
		if (used < n)
			return false;
	} while (n && *budget > 0);
	return !n;
}

/* ---- Reporting: the buffers are the free memory -------------------------------------- */

/* Where a buffer lies in guest memory. */
static gpa_t gpa_of(const struct gmem *gm, const uint8_t *at)
{
	const struct gmem_slot *s;

	for (unsigned int i = 0; (s = gmem_slot(gm, i)); i++)
		if (at >= s->hva && (size_t)(at - s->hva) < s->size)
			return s->gpa + (gpa_t)(at - s->hva);
	return UINT64_MAX;	/* not so; and no memory, in any case */
}

static bool report(struct balloon *bl, struct work *w, int64_t *budget)
{
	const struct iovec *iov = w->chain.iov + w->chain.nr_out;
	uint64_t at = w->done;

	for (unsigned int i = 0; i < w->chain.nr_in; i++) {
		uint64_t piece, len = iov[i].iov_len;
		gpa_t gpa = gpa_of(bl->vd.env->gmem, iov[i].iov_base);

		for (; at < len; at += piece) {
			piece = len - at < TURN ? len - at : TURN;
			if (*budget <= 0)
				return false;
			discard(bl, gpa + at, piece, budget);
			w->done += piece;
		}
		at -= len;
	}
	return true;
}

/* ---- The device ---------------------------------------------------------------------- */

static bool work_on(struct balloon *bl, unsigned int index, int64_t *budget)
{
	struct work *w = &bl->work[index];
	struct virtq *vq = bl->vd.queues[index];
	bool done = true;

	if (!w->taken) {
		w->chain.iov = w->iov;
		w->chain.max_iov = ARRAY_SIZE(w->iov);
		w->taken = virtq_pop(vq, &w->chain) > 0;
		w->done = 0;
		*budget -= (int64_t)CALL_COST;
	}
	if (!w->taken)
		return false;
	if (index == INFLATEQ)
		done = inflate(bl, w, budget);
	else if (index == REPORTINGQ)
		done = report(bl, w, budget);
	if (done) {
		w->taken = false;
		virtq_push(vq, &w->chain, 0);
	}
	return done;
}

static void balloon_notify(struct virtio_dev *vd, unsigned int index)
{
	struct balloon *bl = container_of(vd, struct balloon, vd);
	struct virtq *vq = vd->queues[index];
	int64_t budget = TURN;

	do {
		virtq_disable_notify(vq);
		while (budget > 0 && work_on(bl, index, &budget))
			;
	} while (budget > 0 && virtq_enable_notify(vq));
	virtq_notify(vq);
	if (budget <= 0)
		virtio_queue_kick(vd, index);
}

/* Chains in hand go with their queues. */
static void balloon_queue_reset(struct virtio_dev *vd, unsigned int index)
{
	container_of(vd, struct balloon, vd)->work[index].taken = false;
}

static void balloon_reset(struct virtio_dev *vd)
{
	for (unsigned int i = 0; i < NR_QUEUES; i++)
		balloon_queue_reset(vd, i);
}

/* 5.5.6: the driver writes actual, on which nothing here relies, and nothing else. */
static void config_written(struct virtio_dev *vd, size_t off, size_t len)
{
	struct balloon *bl = container_of(vd, struct balloon, vd);

	pthread_mutex_lock(&vd->lock);
	((struct balloon_config *)vd->config)->num_pages = bl->target;
	pthread_mutex_unlock(&vd->lock);
}

static const struct virtio_ops balloon_ops = {
	.id = VIRTIO_ID_BALLOON,
	.features = BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) | BIT(VIRTIO_BALLOON_F_REPORTING),
	.notify = balloon_notify,
	.reset = balloon_reset,
	.queue_reset = balloon_queue_reset,
	.config_written = config_written,
};

static le32 pages(uint64_t bytes)
{
	uint64_t n = bytes >> PAGE_SHIFT;

	return le32_make(n < UINT32_MAX ? (uint32_t)n : UINT32_MAX);
}

void balloon_set_target(struct dev *dev, uint64_t bytes)
{
	struct balloon *bl = (struct balloon *)dev;

	bl->target = pages(bytes);
	virtio_config_update(&bl->vd, offsetof(struct balloon_config, num_pages), &bl->target,
		sizeof(bl->target));
}

uint64_t balloon_actual(struct dev *dev)
{
	return virtio_config_read(&((struct balloon *)dev)->vd,
		offsetof(struct balloon_config, actual), 4) << PAGE_SHIFT;
}

static void machine_reset(struct dev *dev)
{
	virtio_machine_reset(&((struct balloon *)dev)->vd);
}

static void balloon_destroy(struct dev *dev)
{
	struct balloon *bl = (struct balloon *)dev;

	virtio_fini(&bl->vd);
	free(bl);
}

static int balloon_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	static const uint16_t sizes[NR_QUEUES] = { QUEUE_SIZE, QUEUE_SIZE, QUEUE_SIZE };
	const struct balloon_opts *o = opts;
	struct balloon *bl;
	int r;

	/* Its pages are not ours to take, and zeroes would not be what it left there. */
	if (env->access_platform)
		return err_set(err, -ENOTSUP, "balloon: not for a confidential machine");
	bl = calloc(1, sizeof(*bl));
	if (!bl)
		return err_set(err, -ENOMEM, "balloon: out of memory");
	bl->dev.cls = &virtio_balloon_class;
	r = virtio_init(&bl->vd, &balloon_ops, env, "balloon", 0, sizeof(struct balloon_config),
		ARRAY_SIZE(sizes), sizes, err);
	if (!r) {
		bl->target = pages(o ? o->size : 0);
		((struct balloon_config *)bl->vd.config)->num_pages = bl->target;
		r = virtio_attach(&bl->vd, err);
	}
	if (r < 0) {
		balloon_destroy(&bl->dev);
		return r;
	}
	*out = &bl->dev;
	return 0;
}

const struct dev_class virtio_balloon_class = {
	.name = "virtio-balloon",
	.create = balloon_create,
	.reset = machine_reset,
	.destroy = balloon_destroy,
};
