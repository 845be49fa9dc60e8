/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-rng (virtio 1.2, 5.4): the host kernel's random bytes. */
#include <errno.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "devices/devices.h"
#include "devices/virtio/virtio.h"

#define QUEUE_SIZE 64
#define BUFFER_MAX 4096u	/* 5.4.6.1: a device may use less than the buffer */
#define BUFFERS_PER_TURN 16	/* then others on this thread have theirs */

struct rng {
	struct dev dev;
	struct virtio_dev vd;
	struct iovec iov[QUEUE_SIZE];
};

/* Returns the bytes stored into a chain; 0 only when it has no room for any. */
static uint32_t fill(struct rng *rng, const struct virtq_chain *chain)
{
	uint8_t buf[BUFFER_MAX];
	size_t want = chain->in_len < sizeof(buf) ? (size_t)chain->in_len : sizeof(buf);
	ssize_t n;

	do {
		n = getrandom(buf, want, 0);
	} while (n < 0 && errno == EINTR);
	if (n <= 0) {
		log_guest(rng->vd.env->log, "%s: no random bytes for a buffer of %llu",
			rng->vd.name, (unsigned long long)chain->in_len);
		return 0;
	}
	return (uint32_t)virtq_chain_write(chain, 0, buf, (size_t)n);
}

static void rng_notify(struct virtio_dev *vd, unsigned int index)
{
	struct rng *rng = container_of(vd, struct rng, vd);
	struct virtq_chain chain = { .iov = rng->iov, .max_iov = ARRAY_SIZE(rng->iov) };
	struct virtq *vq = vd->queues[index];
	unsigned int budget = BUFFERS_PER_TURN;

	do {
		virtq_disable_notify(vq);
		while (budget && virtq_pop(vq, &chain) > 0) {
			virtq_push(vq, &chain, fill(rng, &chain));
			budget--;
		}
	} while (budget && virtq_enable_notify(vq));
	virtq_notify(vq);
	if (!budget)
		virtio_queue_kick(vd, index);
}

/* No buffer outlives rng_notify(). */
static void rng_queue_reset(struct virtio_dev *vd, unsigned int index)
{
}

static const struct virtio_ops rng_ops = {
	.id = VIRTIO_ID_RNG,
	.notify = rng_notify,
	.queue_reset = rng_queue_reset,
};

static void rng_reset(struct dev *dev)
{
	virtio_machine_reset(&((struct rng *)dev)->vd);
}

static void rng_destroy(struct dev *dev)
{
	struct rng *rng = (struct rng *)dev;

	virtio_fini(&rng->vd);
	free(rng);
}

static int rng_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	static const uint16_t sizes[] = { QUEUE_SIZE };
	struct rng *rng = calloc(1, sizeof(*rng));
	int r;

	if (!rng)
		return err_set(err, -ENOMEM, "rng: out of memory");
	rng->dev.cls = &virtio_rng_class;
	r = virtio_init(&rng->vd, &rng_ops, env, "rng", 0, 0, ARRAY_SIZE(sizes), sizes, err);
	if (!r)
		r = virtio_attach(&rng->vd, err);
	if (r < 0) {
		rng_destroy(&rng->dev);
		return r;
	}
	*out = &rng->dev;
	return 0;
}

const struct dev_class virtio_rng_class = {
	.name = "virtio-rng",
	.create = rng_create,
	.reset = rng_reset,
	.destroy = rng_destroy,
};
