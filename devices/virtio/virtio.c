/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of a virtio device that is the same for every device and transport (virtio 1.2,
 * 2.1 to 2.5 and 3.1): the status state machine, feature negotiation, configuration space, and
 * the way to the loop's thread. Queues are in virtio_queue.c.
 *
 * A running device never sees a register: DRIVER_OK copies them into the queues.
 */
#include "devices/virtio/virtio.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"

#define CONFIG_MAX 4096

/* Bits that a driver may set; the others are reserved or the device's own (2.1). */
#define DRIVER_STATUS \
	(VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER | VIRTIO_S_DRIVER_OK | VIRTIO_S_FEATURES_OK | \
		VIRTIO_S_FAILED)

/* ---- On the loop's thread ------------------------------------------------------------ */

static void do_activate(void *opaque)
{
	struct virtio_dev *vd = opaque;
	int r = 0;

	for (unsigned int i = 0; i < vd->nr_queues && r >= 0; i++)
		r = virtio_queue_start(vd, i);
	if (r >= 0) {
		vd->active = true;
		r = vd->ops->activate ? vd->ops->activate(vd) : 0;
	}
	if (r < 0) {
		virtio_broken(vd, "cannot be started: error %d", -r);
		return;
	}
	if (vd->transport)
		vd->transport->started(vd->transport_ctx);
}

static void do_reset(void *opaque)
{
	struct virtio_dev *vd = opaque;

	for (unsigned int i = 0; i < vd->nr_queues; i++)
		loop_unwatch(vd->env->loop, &vd->regs[i].watch);
	if (vd->active) {
		vd->active = false;
		if (vd->transport)
			vd->transport->stopped(vd->transport_ctx);
		if (vd->ops->reset)
			vd->ops->reset(vd);
	}
	for (unsigned int i = 0; i < vd->nr_queues; i++) {
		virtq_stop(vd->queues[i]);
		virtio_queue_clear(&vd->regs[i], false);
	}
	pthread_mutex_lock(&vd->lock);
	vd->accepted = 0;
	pthread_mutex_unlock(&vd->lock);
	if (vd->transport)
		vd->transport->reset(vd->transport_ctx);
	/* Last: a driver that reads 0 sees the rest done (2.4). */
	atomic_store_explicit(&vd->status, 0, memory_order_release);
}

/* ---- Status and features ------------------------------------------------------------- */

/* 2.2.2, 6.2: what we can accept. Without these two nothing here is right. */
static bool features_ok(struct virtio_dev *vd)
{
	uint64_t need = BIT(VIRTIO_F_VERSION_1), got;

	if (vd->env->access_platform)
		need |= BIT(VIRTIO_F_ACCESS_PLATFORM);
	pthread_mutex_lock(&vd->lock);
	got = vd->accepted;
	pthread_mutex_unlock(&vd->lock);
	if (!(got & ~vd->features) && (got & need) == need)
		return true;
	log_guest(vd->env->log, "%s: driver accepts features 0x%llx, offered 0x%llx, needed 0x%llx",
		vd->name, (unsigned long long)got, (unsigned long long)vd->features,
		(unsigned long long)need);
	return false;
}

/* 3.1.1: the order of the bits; set bits stay set until a reset (2.1.1). */
static bool step_allowed(uint8_t old, uint8_t val)
{
	uint8_t added = val & ~old;

	if (old & ~val & DRIVER_STATUS)
		return false;
	if ((added & VIRTIO_S_DRIVER) && !(val & VIRTIO_S_ACKNOWLEDGE))
		return false;
	if ((added & VIRTIO_S_FEATURES_OK) && !(val & VIRTIO_S_DRIVER))
		return false;
	/* The driver has to see FEATURES_OK before it goes on. */
	if ((added & VIRTIO_S_DRIVER_OK) && !(old & VIRTIO_S_FEATURES_OK))
		return false;
	/* What failed or is broken starts again from reset (2.1.1, 2.1.2). */
	return !(added & VIRTIO_S_DRIVER_OK) || !(old & (VIRTIO_S_FAILED | VIRTIO_S_NEEDS_RESET));
}

void virtio_set_status(struct virtio_dev *vd, uint8_t val)
{
	uint8_t old, added;

	pthread_mutex_lock(&vd->ctl);
	old = virtio_status(vd);
	added = val & ~old & DRIVER_STATUS;
	if (!val) {
		loop_call(vd->env->loop, do_reset, vd);
	} else if (!step_allowed(old, val & DRIVER_STATUS)) {
		log_guest(vd->env->log, "%s: status 0x%02x after 0x%02x is ignored", vd->name, val,
			old);
	} else {
		if ((added & VIRTIO_S_FEATURES_OK) && !features_ok(vd))
			added &= (uint8_t)~VIRTIO_S_FEATURES_OK;
		/* or, not store: NEEDS_RESET may come from another thread. */
		atomic_fetch_or(&vd->status, added);
		if (added & VIRTIO_S_DRIVER_OK)
			loop_call(vd->env->loop, do_activate, vd);
	}
	pthread_mutex_unlock(&vd->ctl);
}

uint32_t virtio_device_features(struct virtio_dev *vd, uint32_t sel)
{
	return sel > 1 ? 0 : (uint32_t)(vd->features >> (32 * sel));
}

uint32_t virtio_driver_features(struct virtio_dev *vd, uint32_t sel)
{
	uint64_t accepted;

	pthread_mutex_lock(&vd->lock);
	accepted = vd->accepted;
	pthread_mutex_unlock(&vd->lock);
	return sel > 1 ? 0 : (uint32_t)(accepted >> (32 * sel));
}

void virtio_set_driver_features(struct virtio_dev *vd, uint32_t sel, uint32_t val)
{
	if (sel > 1)
		return; /* bits that nobody has offered */
	pthread_mutex_lock(&vd->lock);
	/* 2.2.1: negotiation ends with FEATURES_OK. */
	if (!(virtio_status(vd) & VIRTIO_S_FEATURES_OK)) {
		vd->accepted &= ~((uint64_t)UINT32_MAX << (32 * sel));
		vd->accepted |= (uint64_t)val << (32 * sel);
	}
	pthread_mutex_unlock(&vd->lock);
}

/* ---- Configuration space ------------------------------------------------------------- */

uint64_t virtio_config_read(struct virtio_dev *vd, uint64_t off, unsigned int size)
{
	uint64_t val = 0;

	pthread_mutex_lock(&vd->lock);
	for (unsigned int i = 0; i < size; i++) {
		uint8_t byte = off + i < vd->config_size ? vd->config[off + i] : 0xff;

		val |= (uint64_t)byte << (8 * i);
	}
	pthread_mutex_unlock(&vd->lock);
	return val;
}

struct config_write {
	struct virtio_dev *vd;
	size_t off, len;
};

static void do_config_written(void *opaque)
{
	struct config_write *w = opaque;

	w->vd->ops->config_written(w->vd, w->off, w->len);
}

void virtio_config_write(struct virtio_dev *vd, uint64_t off, unsigned int size, uint64_t val)
{
	struct config_write w = { vd, off, size };

	if (!vd->ops->config_written || !range_within(off, size, 0, vd->config_size))
		return;
	pthread_mutex_lock(&vd->ctl);
	pthread_mutex_lock(&vd->lock);
	for (unsigned int i = 0; i < size; i++)
		vd->config[off + i] = (uint8_t)(val >> (8 * i));
	pthread_mutex_unlock(&vd->lock);
	loop_call(vd->env->loop, do_config_written, &w);
	pthread_mutex_unlock(&vd->ctl);
}

void virtio_config_changed(struct virtio_dev *vd)
{
	atomic_fetch_add(&vd->config_generation, 1);
	if ((virtio_status(vd) & VIRTIO_S_DRIVER_OK) && vd->transport)
		vd->transport->config_interrupt(vd->transport_ctx);
}

void virtio_config_update(struct virtio_dev *vd, size_t off, const void *src, size_t len)
{
	pthread_mutex_lock(&vd->lock);
	memcpy(vd->config + off, src, len);
	pthread_mutex_unlock(&vd->lock);
	virtio_config_changed(vd);
}

void virtio_broken(struct virtio_dev *vd, const char *fmt, ...)
{
	uint8_t old = atomic_fetch_or(&vd->status, VIRTIO_S_NEEDS_RESET);
	char msg[128];
	va_list ap;

	if (old & VIRTIO_S_NEEDS_RESET)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	log_guest(vd->env->log, "%s: needs reset: %s", vd->name, msg);
	/* 2.1.2: a running driver is told. */
	if ((old & VIRTIO_S_DRIVER_OK) && vd->transport)
		vd->transport->config_interrupt(vd->transport_ctx);
}

/* ---- Life ---------------------------------------------------------------------------- */

static int init_queue(struct virtio_dev *vd, unsigned int i, uint16_t max_size,
	struct tvm_error *err)
{
	struct virtio_queue *q = &vd->regs[i];
	int r;

	if (!is_pow2(max_size) || max_size > VIRTQ_MAX_SIZE)
		return err_set(err, -EINVAL, "%s: queue size %u, powers of two to %d are allowed",
			vd->name, max_size, VIRTQ_MAX_SIZE);
	q->vd = vd;
	q->max_size = q->size = max_size;
	q->notify_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->notify_fd < 0)
		return err_sys(err, -errno, "%s: eventfd", vd->name);
	r = virtq_create(vd, i, &vd->queues[i]);
	return r < 0 ? err_set(err, r, "%s: out of memory", vd->name) : 0;
}

int virtio_init(struct virtio_dev *vd, const struct virtio_ops *ops, const struct dev_env *env,
	const char *name, uint64_t features, size_t config_size, unsigned int nr_queues,
	const uint16_t *queue_sizes, struct tvm_error *err)
{
	int r;

	memset(vd, 0, sizeof(*vd));
	if (nr_queues > VIRTIO_MAX_QUEUES || config_size > CONFIG_MAX)
		return err_set(err, -EINVAL, "%s: %u queues, at most %d are allowed", name,
			nr_queues, VIRTIO_MAX_QUEUES);
	vd->ops = ops;
	vd->env_copy = *env;
	vd->env = &vd->env_copy;
	snprintf(vd->name, sizeof(vd->name), "%s", name);
	vd->features = ops->features | features | BIT(VIRTIO_F_VERSION_1) |
		BIT(VIRTIO_F_INDIRECT_DESC) | BIT(VIRTIO_F_EVENT_IDX);
	if (!env->split_only)
		vd->features |= BIT(VIRTIO_F_RING_PACKED);
	if (ops->queue_reset)
		vd->features |= BIT(VIRTIO_F_RING_RESET);
	if (env->access_platform)
		vd->features |= BIT(VIRTIO_F_ACCESS_PLATFORM);
	vd->config_size = config_size;
	pthread_mutex_init(&vd->ctl, NULL);
	pthread_mutex_init(&vd->lock, NULL);
	for (unsigned int i = 0; i < VIRTIO_MAX_QUEUES; i++) {
		vd->regs[i].notify_fd = -1;
		vd->regs[i].watch = LOOP_FD_NONE;
	}

	r = -ENOMEM;
	vd->config = calloc(1, config_size ? config_size : 1);
	if (!vd->config) {
		err_set(err, r, "%s: out of memory", name);
		goto fail;
	}
	for (unsigned int i = 0; i < nr_queues; i++) {
		r = init_queue(vd, i, queue_sizes[i], err);
		if (r < 0)
			goto fail;
	}
	vd->nr_queues = nr_queues;
	return 0;

fail:
	virtio_fini(vd);
	return r;
}

int virtio_attach(struct virtio_dev *vd, struct tvm_error *err)
{
	if (vd->env->mmio)
		return virtio_mmio_attach(vd, err);
	if (!vd->env->pci)
		return err_set(err, -ENODEV, "%s: the machine has no PCI bus", vd->name);
	return virtio_pci_attach(vd, err);
}

void virtio_machine_reset(struct virtio_dev *vd)
{
	loop_call(vd->env->loop, do_reset, vd);
	if (vd->transport)
		vd->transport->machine_reset(vd->transport_ctx);
}

void virtio_fini(struct virtio_dev *vd)
{
	if (!vd->env)
		return;
	loop_call(vd->env->loop, do_reset, vd);
	if (vd->transport)
		vd->transport->detach(vd->transport_ctx);
	for (unsigned int i = 0; i < VIRTIO_MAX_QUEUES; i++) {
		virtq_destroy(vd->queues[i]);
		close_fd(&vd->regs[i].notify_fd);
	}
	free(vd->config);
	pthread_mutex_destroy(&vd->lock);
	pthread_mutex_destroy(&vd->ctl);
	memset(vd, 0, sizeof(*vd));
}
