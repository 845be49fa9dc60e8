/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queues of a virtio device, one at a time: their registers, their doorbells, start and reset.
 * A running queue never sees a register: virtio_queue_start() copies them.
 */
#include "devices/virtio/virtio.h"

#include <sys/eventfd.h>

/* ---- On the loop's thread ------------------------------------------------------------ */

static void on_kick(void *opaque, uint32_t events)
{
	struct virtio_queue *q = opaque;
	struct virtio_dev *vd = q->vd;
	unsigned int vq = (unsigned int)(q - vd->regs);
	eventfd_t count;

	eventfd_read(q->notify_fd, &count);
	if (vd->active && virtq_ready(vd->queues[vq]))
		vd->ops->notify(vd, vq);
}

int virtio_queue_start(struct virtio_dev *vd, unsigned int vq)
{
	struct virtio_queue *q = &vd->regs[vq];
	struct virtq_setup setup;
	bool enabled;
	int r;

	pthread_mutex_lock(&vd->lock);
	enabled = q->enabled;
	setup = (struct virtq_setup){
		.size = q->size,
		.event_idx = virtio_has(vd, VIRTIO_F_EVENT_IDX),
		.indirect = virtio_has(vd, VIRTIO_F_INDIRECT_DESC),
		.packed = virtio_has(vd, VIRTIO_F_RING_PACKED),
		.desc = q->desc,
		.driver = q->driver,
		.device = q->device,
	};
	pthread_mutex_unlock(&vd->lock);
	if (!enabled)
		return 0;
	r = virtq_start(vd->queues[vq], &setup);
	return r < 0 || q->external ? r : virtio_queue_watch(vd, vq);
}

int virtio_queue_watch(struct virtio_dev *vd, unsigned int vq)
{
	struct virtio_queue *q = &vd->regs[vq];

	if (q->watch.fd >= 0 || !virtq_ready(vd->queues[vq]))
		return 0;
	return loop_watch(vd->env->loop, &q->watch, q->notify_fd, EPOLLIN, on_kick, q);
}

void virtio_queue_clear(struct virtio_queue *q, bool alone)
{
	eventfd_t count;

	eventfd_read(q->notify_fd, &count);
	pthread_mutex_lock(&q->vd->lock);
	q->size = q->max_size;
	q->enabled = false;
	q->was_reset = alone;
	q->desc = q->driver = q->device = 0;
	pthread_mutex_unlock(&q->vd->lock);
}

/* 2.6.1 */
static void do_queue_reset(void *opaque)
{
	struct virtio_queue *q = opaque;
	struct virtio_dev *vd = q->vd;
	unsigned int vq = (unsigned int)(q - vd->regs);

	if (!vd->active || !virtio_has(vd, VIRTIO_F_RING_RESET))
		return;
	loop_unwatch(vd->env->loop, &q->watch);
	if (virtq_started(vd->queues[vq]))
		vd->ops->queue_reset(vd, vq);
	virtq_stop(vd->queues[vq]);
	virtio_queue_clear(q, true);
}

/* Enabled again. A device reset may have come before us. */
static void do_queue_start(void *opaque)
{
	struct virtio_queue *q = opaque;
	struct virtio_dev *vd = q->vd;
	unsigned int vq = (unsigned int)(q - vd->regs);
	bool start;
	int r;

	pthread_mutex_lock(&vd->lock);
	start = vd->active && q->was_reset && q->enabled;
	if (start)
		q->was_reset = false;
	pthread_mutex_unlock(&vd->lock);
	if (!start)
		return;
	r = virtio_queue_start(vd, vq);
	if (r < 0) {
		virtio_broken(vd, "queue %u cannot be started: error %d", vq, -r);
		return;
	}
	if (vd->transport)
		vd->transport->started(vd->transport_ctx);
	if (virtq_ready(vd->queues[vq]))
		vd->ops->notify(vd, vq);
}

/* ---- Queue registers ----------------------------------------------------------------- */

static uint64_t *queue_address(struct virtio_queue *q, enum virtio_queue_reg reg)
{
	if (reg == VIRTIO_Q_DESC_LO || reg == VIRTIO_Q_DESC_HI)
		return &q->desc;
	if (reg == VIRTIO_Q_DRIVER_LO || reg == VIRTIO_Q_DRIVER_HI)
		return &q->driver;
	return &q->device;
}

static bool is_high(enum virtio_queue_reg reg)
{
	return reg == VIRTIO_Q_DESC_HI || reg == VIRTIO_Q_DRIVER_HI || reg == VIRTIO_Q_DEVICE_HI;
}

uint32_t virtio_queue_read(struct virtio_dev *vd, unsigned int vq, enum virtio_queue_reg reg)
{
	struct virtio_queue *q;
	uint64_t val;

	if (vq >= vd->nr_queues)
		return 0;
	q = &vd->regs[vq];
	pthread_mutex_lock(&vd->lock);
	if (reg == VIRTIO_Q_SIZE)
		val = q->size;
	else if (reg == VIRTIO_Q_ENABLE || reg == VIRTIO_Q_READY)
		val = q->enabled;
	else
		val = *queue_address(q, reg) >> (is_high(reg) ? 32 : 0);
	pthread_mutex_unlock(&vd->lock);
	return (uint32_t)val;
}

void virtio_queue_write(struct virtio_dev *vd, unsigned int vq, enum virtio_queue_reg reg,
	uint32_t val)
{
	struct virtio_queue *q;
	bool running, start = false;
	uint64_t *addr;

	if (vq >= vd->nr_queues)
		return;
	q = &vd->regs[vq];
	pthread_mutex_lock(&vd->lock);
	running = virtio_status(vd) & VIRTIO_S_DRIVER_OK;
	if (reg == VIRTIO_Q_READY && !val && !running)
		q->enabled = false;
	/* Nothing of an enabled queue or of a running device changes any more. */
	if (q->enabled || (running && !q->was_reset))
		goto out;
	if (reg == VIRTIO_Q_SIZE) {
		/* 4.1.4.3.2, 2.8.10.1: a power of two in split rings; up to what we offered. */
		if (val && val <= q->max_size &&
			(is_pow2(val) || virtio_has(vd, VIRTIO_F_RING_PACKED)))
			q->size = (uint16_t)val;
	} else if (reg == VIRTIO_Q_ENABLE || reg == VIRTIO_Q_READY) {
		q->enabled = val == 1;
		start = q->enabled && running;
	} else {
		addr = queue_address(q, reg);
		if (is_high(reg))
			*addr = (*addr & UINT32_MAX) | (uint64_t)val << 32;
		else
			*addr = (*addr & ~(uint64_t)UINT32_MAX) | val;
	}
out:
	pthread_mutex_unlock(&vd->lock);
	if (start) {
		pthread_mutex_lock(&vd->ctl);
		loop_call(vd->env->loop, do_queue_start, q);
		pthread_mutex_unlock(&vd->ctl);
	}
}

void virtio_queue_reset(struct virtio_dev *vd, unsigned int vq)
{
	if (vq >= vd->nr_queues)
		return;
	pthread_mutex_lock(&vd->ctl);
	loop_call(vd->env->loop, do_queue_reset, &vd->regs[vq]);
	pthread_mutex_unlock(&vd->ctl);
}

void virtio_queue_kick(struct virtio_dev *vd, unsigned int vq)
{
	if (vq < vd->nr_queues)
		eventfd_write(vd->regs[vq].notify_fd, 1);
}
