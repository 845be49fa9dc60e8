/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtqueues of any ring format: what devices call, and what the formats share.
 *
 * A ring lies in guest memory that other vCPUs write at any time. It is mapped once, at
 * virtq_start(); each descriptor and index is then copied once, and only the copy is looked
 * at. A rule that the guest breaks marks queue and device; nothing is processed afterwards.
 */
#include "devices/virtio/virtq.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "devices/virtio/virtio.h"
#include "devices/virtio/virtq_ring.h"
#include "vmm/gmem.h"

/* ---- For the ring formats ------------------------------------------------------------ */

int virtq_broken(struct virtq *vq, const char *fmt, ...)
{
	char msg[96];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	vq->broken = true;
	virtio_broken(vq->vd, "queue %u: %s", vq->index, msg);
	return -EIO;
}

int virtq_add_buf(struct virtq *vq, struct virtq_chain *chain, gpa_t addr, uint32_t len,
	bool write)
{
	unsigned int nr = chain->nr_out + chain->nr_in;
	uint64_t *total = write ? &chain->in_len : &chain->out_len;

	/* 2.7.4.2: device-writable descriptors come after all device-readable ones. */
	if (!write && chain->nr_in)
		return virtq_broken(vq, "device-readable buffer after a device-writable one");
	/* A buffer of nothing has no use; refusing it bounds a chain by its bytes as well. */
	if (!len)
		return virtq_broken(vq, "buffer of length 0");
	if (nr >= chain->max_iov)
		return virtq_broken(vq, "chain of more than %u buffers", chain->max_iov);
	/* 2.7.5.2: less than 2^32 bytes; what was written must fit the used ring's len. */
	if (chain->out_len + chain->in_len + len > UINT32_MAX)
		return virtq_broken(vq, "chain of 4 GiB or more");
	if (gmem_map(vq->vd->env->gmem, addr, len, &chain->iov[nr]) < 0)
		return virtq_broken(vq, "buffer 0x%llx+0x%x is not in the device's memory",
			(unsigned long long)addr, len);
	*total += len;
	if (write)
		chain->nr_in++;
	else
		chain->nr_out++;
	return 0;
}

int virtq_open_table(struct virtq *vq, gpa_t addr, uint32_t len, uint16_t flags, bool nested,
	const void **table, unsigned int *nr)
{
	struct iovec iov;

	/* 2.7.5.3.1 and 2.8.5.1 say the same of both formats. */
	if (!vq->indirect)
		return virtq_broken(vq, "indirect descriptor without the feature");
	if (nested)
		return virtq_broken(vq, "indirect descriptor in an indirect table");
	if (flags & VIRTQ_DESC_F_NEXT)
		return virtq_broken(vq, "indirect descriptor with a next one");
	if (!len || len % sizeof(struct virtq_desc))
		return virtq_broken(vq, "indirect table of %u bytes", len);
	/* No chain is longer than the queue, so neither is its table. */
	if (len / sizeof(struct virtq_desc) > vq->size)
		return virtq_broken(vq, "indirect table of more entries than the queue has");
	if (gmem_map(vq->vd->env->gmem, addr, len, &iov) < 0)
		return virtq_broken(vq, "indirect table is not in the device's memory");
	*table = iov.iov_base;
	*nr = len / sizeof(struct virtq_desc);
	return 0;
}

void *virtq_map_area(struct virtq *vq, const char *what, gpa_t gpa, size_t len, uint64_t align)
{
	struct iovec iov;

	if (gpa % align) {
		virtq_broken(vq, "%s at 0x%llx is not aligned", what, (unsigned long long)gpa);
		return NULL;
	}
	if (gmem_map(vq->vd->env->gmem, gpa, len, &iov) < 0) {
		virtq_broken(vq, "%s at 0x%llx is not in the device's memory", what,
			(unsigned long long)gpa);
		return NULL;
	}
	return iov.iov_base;
}

/* ---- For devices --------------------------------------------------------------------- */

int virtq_pop(struct virtq *vq, struct virtq_chain *chain)
{
	int r;

	if (!virtq_ready(vq))
		return vq->started ? -EIO : 0;
	r = vq->ring->pop(vq, chain);
	if (r > 0) {
		vq->can_unpop = true;
		TRACE(vq->vd->env->log, "virtq", "%s.%u: pop %u out %llu in %llu", vq->vd->name,
			vq->index, chain->head, (unsigned long long)chain->out_len,
			(unsigned long long)chain->in_len);
	}
	return r;
}

void virtq_push(struct virtq *vq, const struct virtq_chain *chain, uint32_t written)
{
	uint64_t *word = &vq->in_flight[chain->head / 64];

	/* Our own rules: a chain is pushed once, and not with more than it can hold. */
	assert(vq->started && (*word & BIT(chain->head % 64)));
	assert(written <= chain->in_len);
	*word &= ~BIT(chain->head % 64);
	vq->can_unpop = false;
	TRACE(vq->vd->env->log, "virtq", "%s.%u: push %u written %u", vq->vd->name, vq->index,
		chain->head, written);
	if (virtq_ready(vq))
		vq->ring->push(vq, chain, written);
}

void virtq_unpop(struct virtq *vq)
{
	assert(vq->can_unpop);
	vq->can_unpop = false;
	vq->ring->unpop(vq);
}

void virtq_notify(struct virtq *vq)
{
	struct virtio_dev *vd = vq->vd;

	if (virtq_ready(vq) && vq->ring->wants_interrupt(vq))
		vd->transport->vq_interrupt(vd->transport_ctx, vq->index);
}

bool virtq_enable_notify(struct virtq *vq)
{
	vq->notify_on = true;
	return virtq_ready(vq) && vq->ring->enable_notify(vq);
}

void virtq_disable_notify(struct virtq *vq)
{
	vq->notify_on = false;
	if (virtq_ready(vq))
		vq->ring->disable_notify(vq);
}

bool virtq_ready(const struct virtq *vq)
{
	return vq->started && !vq->broken &&
		!(atomic_load_explicit(&vq->vd->status, memory_order_relaxed) &
			VIRTIO_S_NEEDS_RESET);
}

unsigned int virtq_index(const struct virtq *vq)
{
	return vq->index;
}

unsigned int virtq_size(const struct virtq *vq)
{
	return vq->size;
}

void virtq_areas(const struct virtq *vq, struct virtq_areas *out)
{
	*out = (struct virtq_areas){
		.desc = vq->ring == &virtq_packed_ops ? (const void *)vq->packed : vq->desc,
		.driver = vq->avail,
		.device = vq->used,
	};
}

/* Copy len bytes between buf and the buffers iov[0..nr), off bytes into them. */
static size_t copy(const struct iovec *iov, unsigned int nr, uint64_t off, void *to,
	const void *from, size_t len)
{
	size_t done = 0;

	for (unsigned int i = 0; i < nr && done < len; i++) {
		size_t n;

		if (off >= iov[i].iov_len) {
			off -= iov[i].iov_len;
			continue;
		}
		n = iov[i].iov_len - off;
		if (n > len - done)
			n = len - done;
		if (to)
			memcpy((uint8_t *)to + done, (const uint8_t *)iov[i].iov_base + off, n);
		else
			memcpy((uint8_t *)iov[i].iov_base + off, (const uint8_t *)from + done, n);
		done += n;
		off = 0;
	}
	__asm__ volatile("" ::: "memory"); /* one copy, not to be repeated later */
	return done;
}

size_t virtq_chain_read(const struct virtq_chain *chain, uint64_t off, void *dst, size_t len)
{
	return copy(chain->iov, chain->nr_out, off, dst, NULL, len);
}

size_t virtq_chain_write(const struct virtq_chain *chain, uint64_t off, const void *src,
	size_t len)
{
	return copy(chain->iov + chain->nr_out, chain->nr_in, off, NULL, src, len);
}

/* ---- Life ---------------------------------------------------------------------------- */

int virtq_create(struct virtio_dev *vd, unsigned int index, struct virtq **out)
{
	struct virtq *vq = calloc(1, sizeof(*vq));

	if (!vq)
		return -ENOMEM;
	vq->vd = vd;
	vq->index = index;
	*out = vq;
	return 0;
}

void virtq_destroy(struct virtq *vq)
{
	free(vq);
}

int virtq_start(struct virtq *vq, const struct virtq_setup *setup)
{
	struct virtq fresh = {
		.vd = vq->vd,
		.index = vq->index,
		.ring = setup->packed ? &virtq_packed_ops : &virtq_split_ops,
		.started = true,
		.size = setup->size,
		.event_idx = setup->event_idx,
		.indirect = setup->indirect,
		.notify_on = true,
	};

	assert(setup->size && setup->size <= VIRTQ_MAX_SIZE);
	*vq = fresh;
	return vq->ring->start(vq, setup);
}

bool virtq_started(const struct virtq *vq)
{
	return vq->started;
}

void virtq_stop(struct virtq *vq)
{
	vq->started = false;
}
