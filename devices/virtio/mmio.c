/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtio over MMIO (virtio 1.2, 4.2), the modern interface only. A device has a place of 512
 * bytes and one level-triggered interrupt line, high while InterruptStatus is not 0.
 *
 * The doorbell is one register for all queues, and the value tells which: each queue has an
 * ioeventfd that matches its number, while the device is active. A write that gets here all
 * the same signals the queue's eventfd, with the same effect.
 *
 * Registers are called on vCPU threads without a lock; selectors are atomic, all else is
 * behind virtio.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "devices/virtio/mmio_regs.h"
#include "devices/virtio/virtio.h"
#include "vmm/irq.h"

#define VENDOR_ID 0x004d5654U	/* "TVM" */

/* 4.2.2, InterruptStatus */
#define ISR_QUEUE 1
#define ISR_CONFIG 2

struct vmmio {
	struct virtio_dev *vd;		/* borrowed, outlives us */
	uint64_t base;
	unsigned int gsi;
	_Atomic uint32_t device_sel, driver_sel, queue_sel;
	bool registered[VIRTIO_MAX_QUEUES]; /* doorbells; loop's thread */
	pthread_mutex_t lock;		/* isr, and the line that follows it */
	uint32_t isr;
};

/* ---- Doorbells and interrupts -------------------------------------------------------- */

static void vmmio_stopped(void *ctx)
{
	struct vmmio *vm = ctx;
	const struct irq *irq = vm->vd->env->irq;

	for (unsigned int i = 0; i < vm->vd->nr_queues; i++) {
		if (!vm->registered[i])
			continue;
		irq->ops->doorbell_match_del(irq->ctx, BUS_MMIO, vm->base + MMIO_QUEUE_NOTIFY, 4,
			i, vm->vd->regs[i].notify_fd);
		vm->registered[i] = false;
	}
}

/* Failure is harmless: the write is then an exit, and comes to reg_write(). */
static void vmmio_started(void *ctx)
{
	struct vmmio *vm = ctx;
	const struct irq *irq = vm->vd->env->irq;

	if (!irq->ops->doorbell_match_add)
		return;
	for (unsigned int i = 0; i < vm->vd->nr_queues; i++) {
		if (vm->registered[i] || !virtio_queue_read(vm->vd, i, VIRTIO_Q_READY))
			continue;
		vm->registered[i] = irq->ops->doorbell_match_add(irq->ctx, BUS_MMIO,
			vm->base + MMIO_QUEUE_NOTIFY, 4, i, vm->vd->regs[i].notify_fd) >= 0;
	}
}

/* The line changes under the lock, or a late "low" could hide a new interrupt for ever. */
static void isr_change(struct vmmio *vm, uint32_t set, uint32_t clear)
{
	const struct irq *irq = vm->vd->env->irq;
	uint32_t old;

	pthread_mutex_lock(&vm->lock);
	old = vm->isr;
	vm->isr = (old & ~clear) | set;
	if (!old != !vm->isr)
		irq->ops->set_line(irq->ctx, vm->gsi, vm->isr);
	pthread_mutex_unlock(&vm->lock);
}

static uint32_t isr_read(struct vmmio *vm)
{
	uint32_t isr;

	pthread_mutex_lock(&vm->lock);
	isr = vm->isr;
	pthread_mutex_unlock(&vm->lock);
	return isr;
}

static void vmmio_vq_interrupt(void *ctx, unsigned int vq)
{
	isr_change(ctx, ISR_QUEUE, 0);
}

static void vmmio_config_interrupt(void *ctx)
{
	isr_change(ctx, ISR_CONFIG, 0);
}

/* ---- Registers (4.2.2) --------------------------------------------------------------- */

static uint32_t reg_read(struct vmmio *vm, uint64_t off)
{
	struct virtio_dev *vd = vm->vd;
	uint32_t sel = vm->queue_sel;

	switch (off) {
	case MMIO_MAGIC_VALUE:
		return VIRTIO_MMIO_MAGIC;
	case MMIO_VERSION:
		return VIRTIO_MMIO_VERSION;
	case MMIO_DEVICE_ID:
		return vd->ops->id;
	case MMIO_VENDOR_ID:
		return VENDOR_ID;
	case MMIO_DEVICE_FEATURES:
		return virtio_device_features(vd, vm->device_sel);
	case MMIO_QUEUE_NUM_MAX:
		return sel < vd->nr_queues ? vd->regs[sel].max_size : 0;
	case MMIO_QUEUE_READY:
		return virtio_queue_read(vd, sel, VIRTIO_Q_READY);
	case MMIO_INTERRUPT_STATUS:
		return isr_read(vm);
	case MMIO_STATUS:
		return virtio_status(vd);
	case MMIO_SHM_LEN_LOW:
	case MMIO_SHM_LEN_HIGH:
	case MMIO_SHM_BASE_LOW:
	case MMIO_SHM_BASE_HIGH:
		return UINT32_MAX; /* 4.2.2.1: no such region */
	case MMIO_CONFIG_GENERATION:
		return vd->config_generation;
	default:
		return 0; /* for writing only, nothing, or a queue reset that is done */
	}
}

static void reg_write(struct vmmio *vm, uint64_t off, uint32_t val)
{
	struct virtio_dev *vd = vm->vd;
	uint32_t sel = vm->queue_sel;

	switch (off) {
	case MMIO_DEVICE_FEATURES_SEL:
		vm->device_sel = val;
		break;
	case MMIO_DRIVER_FEATURES:
		virtio_set_driver_features(vd, vm->driver_sel, val);
		break;
	case MMIO_DRIVER_FEATURES_SEL:
		vm->driver_sel = val;
		break;
	case MMIO_QUEUE_SEL:
		vm->queue_sel = val;
		break;
	case MMIO_QUEUE_NUM:
		virtio_queue_write(vd, sel, VIRTIO_Q_SIZE, val);
		break;
	case MMIO_QUEUE_READY:
		virtio_queue_write(vd, sel, VIRTIO_Q_READY, val);
		break;
	case MMIO_QUEUE_NOTIFY:
		virtio_queue_kick(vd, val);
		break;
	case MMIO_INTERRUPT_ACK:
		isr_change(vm, 0, val);
		break;
	case MMIO_STATUS:
		if (val <= UINT8_MAX)
			virtio_set_status(vd, (uint8_t)val);
		break;
	case MMIO_QUEUE_DESC_LOW:
		virtio_queue_write(vd, sel, VIRTIO_Q_DESC_LO, val);
		break;
	case MMIO_QUEUE_DESC_HIGH:
		virtio_queue_write(vd, sel, VIRTIO_Q_DESC_HI, val);
		break;
	case MMIO_QUEUE_DRIVER_LOW:
		virtio_queue_write(vd, sel, VIRTIO_Q_DRIVER_LO, val);
		break;
	case MMIO_QUEUE_DRIVER_HIGH:
		virtio_queue_write(vd, sel, VIRTIO_Q_DRIVER_HI, val);
		break;
	case MMIO_QUEUE_DEVICE_LOW:
		virtio_queue_write(vd, sel, VIRTIO_Q_DEVICE_LO, val);
		break;
	case MMIO_QUEUE_DEVICE_HIGH:
		virtio_queue_write(vd, sel, VIRTIO_Q_DEVICE_HI, val);
		break;
	case MMIO_QUEUE_RESET:
		if (val == 1)
			virtio_queue_reset(vd, sel);
		break;
	}
}

/* 4.2.2.2: registers are 32 bits wide; the configuration space is as the device likes. */
static uint64_t vmmio_read(void *dev, uint64_t off, unsigned int size)
{
	struct vmmio *vm = dev;

	if (off >= MMIO_CONFIG)
		return virtio_config_read(vm->vd, off - MMIO_CONFIG, size);
	return size == 4 && off % 4 == 0 ? reg_read(vm, off) : ones(size);
}

static void vmmio_write(void *dev, uint64_t off, unsigned int size, uint64_t val)
{
	struct vmmio *vm = dev;

	if (off >= MMIO_CONFIG)
		virtio_config_write(vm->vd, off - MMIO_CONFIG, size, val);
	else if (size == 4 && off % 4 == 0)
		reg_write(vm, off, (uint32_t)val);
}

static const struct io_ops io_ops = { .read = vmmio_read, .write = vmmio_write };

/* ---- Life ---------------------------------------------------------------------------- */

static void vmmio_reset(void *ctx)
{
	struct vmmio *vm = ctx;

	vm->device_sel = vm->driver_sel = vm->queue_sel = 0;
	isr_change(vm, 0, UINT32_MAX);
}

static void vmmio_machine_reset(void *ctx)
{
	/* There is nothing that a device reset leaves alone. */
}

/* The place on the bus stays: the machine goes with us. */
static void vmmio_detach(void *ctx)
{
	struct vmmio *vm = ctx;

	pthread_mutex_destroy(&vm->lock);
	free(vm);
}

static const struct virtio_transport_ops transport_ops = {
	.vq_interrupt = vmmio_vq_interrupt,
	.config_interrupt = vmmio_config_interrupt,
	.started = vmmio_started,
	.stopped = vmmio_stopped,
	.reset = vmmio_reset,
	.machine_reset = vmmio_machine_reset,
	.detach = vmmio_detach,
};

int virtio_mmio_attach(struct virtio_dev *vd, struct tvm_error *err)
{
	struct mmio_slots *slots = vd->env->mmio;
	struct vmmio *vm;
	int r;

	if (slots->nr == slots->max)
		return err_set(err, -ENOSPC, "%s: more than %u virtio devices on MMIO", vd->name,
			slots->max);
	if (vd->config_size > VIRTIO_MMIO_SIZE - MMIO_CONFIG)
		return err_set(err, -EINVAL, "%s: its configuration does not fit MMIO", vd->name);
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return err_set(err, -ENOMEM, "%s: out of memory", vd->name);
	vm->vd = vd;
	vm->base = slots->base + slots->stride * slots->nr;
	vm->gsi = slots->gsi + slots->nr;
	pthread_mutex_init(&vm->lock, NULL);
	r = bus_add(vd->env->bus, BUS_MMIO, vm->base, VIRTIO_MMIO_SIZE, &io_ops, vm, vd->name, err);
	if (r < 0) {
		vmmio_detach(vm);
		return r;
	}
	slots->nr++;
	vd->transport = &transport_ops;
	vd->transport_ctx = vm;
	return 0;
}
