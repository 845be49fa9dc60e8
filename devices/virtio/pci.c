/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtio over PCI, modern interface only (virtio 1.2, 4.1). Layout: pci_regs.h.
 *
 * Doorbells are ioeventfds while the device is active and BAR 0 is decoded; a doorbell write
 * that gets here all the same signals the queue's eventfd, with the same effect.
 *
 * Interrupts are MSI-X only. Without it the ISR byte says what happened and nothing is sent.
 */
#include "devices/virtio/pci_regs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "vmm/irq.h"

/* 4.1.2 */
#define PCI_VENDOR_VIRTIO 0x1af4
#define PCI_DEVICE_VIRTIO 0x1040

/* 4.1.4 */
#define VIRTIO_PCI_CAP_COMMON_CFG 1
#define VIRTIO_PCI_CAP_NOTIFY_CFG 2
#define VIRTIO_PCI_CAP_ISR_CFG 3
#define VIRTIO_PCI_CAP_DEVICE_CFG 4
#define VIRTIO_PCI_CAP_PCI_CFG 5

struct virtio_pci_cap {
	uint8_t cap_vndr, cap_next;	/* filled in by pci_fn_cap() */
	uint8_t cap_len;
	uint8_t cfg_type;
	uint8_t bar;
	uint8_t id;
	uint8_t padding[2];
	le32 offset;
	le32 length;
	le32 extra;			/* notify_off_multiplier, or pci_cfg_data */
};

/* 4.1.4.5 */
#define ISR_QUEUE 1
#define ISR_CONFIG 2

/* ---- Doorbells ----------------------------------------------------------------------- */

static uint64_t doorbell(const struct vpci *vp, unsigned int vq)
{
	return vp->base + NOTIFY_OFF + NOTIFY_MULTIPLIER * vq;
}

static void doorbells_del(struct vpci *vp)
{
	const struct irq *irq = vp->vd->env->irq;

	for (unsigned int i = 0; i < vp->vd->nr_queues; i++) {
		if (!vp->registered[i])
			continue;
		irq->ops->doorbell_del(irq->ctx, BUS_MMIO, doorbell(vp, i), vp->doorbell_size,
			vp->vd->regs[i].notify_fd);
		vp->registered[i] = false;
	}
}

/* Failure is harmless: the write is then an exit, and comes to notify_write(). */
static void doorbells_add(struct vpci *vp)
{
	const struct irq *irq = vp->vd->env->irq;
	bool any = false;
	int r;

	for (unsigned int i = 0; i < vp->vd->nr_queues; i++) {
		int fd = vp->vd->regs[i].notify_fd;

		if (!virtio_queue_read(vp->vd, i, VIRTIO_Q_ENABLE))
			continue;
		r = irq->ops->doorbell_add(irq->ctx, BUS_MMIO, doorbell(vp, i),
			vp->doorbell_size, fd);
		if (r < 0 && !vp->doorbell_size && !any) {
			vp->doorbell_size = 2; /* 4.1.5.2: the driver writes 16 bits */
			r = irq->ops->doorbell_add(irq->ctx, BUS_MMIO, doorbell(vp, i), 2, fd);
		}
		vp->registered[i] = r >= 0;
		any |= vp->registered[i];
	}
}

static void doorbells_set(struct vpci *vp, bool started, bool decoded, uint64_t base)
{
	doorbells_del(vp);
	vp->started = started;
	vp->decoded = decoded;
	vp->base = base;
	if (started && decoded)
		doorbells_add(vp);
}

static void vpci_bar_moved(struct pci_fn *fn, unsigned int bar, uint64_t addr, bool decoded)
{
	struct vpci *vp = container_of(fn, struct vpci, fn);

	if (bar != REGS_BAR)
		return;
	pthread_mutex_lock(&vp->lock);
	doorbells_set(vp, vp->started, decoded, addr);
	pthread_mutex_unlock(&vp->lock);
}

static void set_started(struct vpci *vp, bool started)
{
	pthread_mutex_lock(&vp->lock);
	doorbells_set(vp, started, vp->decoded, vp->base);
	pthread_mutex_unlock(&vp->lock);
}

/* ---- The PCI_CFG capability: BAR 0 through configuration space (4.1.4.9) ---------------- */

static bool window_target(struct vpci *vp, uint32_t *off, unsigned int *size)
{
	unsigned int cap = vp->window;

	*off = pci_fn_peek(&vp->fn, cap + offsetof(struct virtio_pci_cap, offset), 4);
	*size = pci_fn_peek(&vp->fn, cap + offsetof(struct virtio_pci_cap, length), 4);
	/* 4.1.4.9.2: the driver's duties; MSI-X has a way of its own. */
	return pci_fn_peek(&vp->fn, cap + offsetof(struct virtio_pci_cap, bar), 1) == REGS_BAR &&
		(*size == 1 || *size == 2 || *size == 4) && !(*off % *size) &&
		range_within(*off, *size, 0, REGS_SIZE);
}

static uint32_t vpci_window_read(struct pci_fn *fn, unsigned int off, unsigned int size)
{
	struct vpci *vp = container_of(fn, struct vpci, fn);
	unsigned int len;
	uint32_t at;

	if (off != fn->window_off || !window_target(vp, &at, &len))
		return (uint32_t)ones(size);
	return (uint32_t)vpci_bar_read(fn, REGS_BAR, at, len);
}

static void vpci_window_write(struct pci_fn *fn, unsigned int off, unsigned int size,
	uint32_t val)
{
	struct vpci *vp = container_of(fn, struct vpci, fn);
	unsigned int len;
	uint32_t at;

	if (off == fn->window_off && window_target(vp, &at, &len))
		vpci_bar_write(fn, REGS_BAR, at, len, val & ones(len));
}

/* ---- Function level reset -------------------------------------------------------------- */

static void vpci_flr(struct pci_fn *fn)
{
	virtio_set_status(container_of(fn, struct vpci, fn)->vd, 0);
	pci_fn_reset(fn);
}

/* ---- For virtio.c -------------------------------------------------------------------- */

static void interrupt(struct vpci *vp, uint16_t vector, uint8_t isr)
{
	if (msix_enabled(&vp->fn.msix))
		msix_raise(&vp->fn.msix, vector); /* NO_VECTOR is past the last one */
	else
		atomic_fetch_or(&vp->isr, isr);
}

static void vpci_vq_interrupt(void *ctx, unsigned int vq)
{
	struct vpci *vp = ctx;

	interrupt(vp, vp->vectors[vq], ISR_QUEUE);
}

static void vpci_vq_call_fd(void *ctx, unsigned int vq, int fd)
{
	struct vpci *vp = ctx;

	msix_source_fd(&vp->fn.msix, &vp->calls[vq], fd);
}

static void vpci_config_interrupt(void *ctx)
{
	struct vpci *vp = ctx;

	interrupt(vp, vp->config_vector, ISR_CONFIG);
}

static void vpci_started(void *ctx)
{
	set_started(ctx, true);
}

static void vpci_stopped(void *ctx)
{
	set_started(ctx, false);
}

static void vpci_reset(void *ctx)
{
	struct vpci *vp = ctx;

	vp->device_sel = vp->driver_sel = 0;
	vp->queue_sel = 0;
	vp->config_vector = VIRTIO_MSI_NO_VECTOR;
	for (unsigned int i = 0; i < VIRTIO_MAX_QUEUES; i++) {
		vp->vectors[i] = VIRTIO_MSI_NO_VECTOR;
		msix_source_vector(&vp->fn.msix, &vp->calls[i], VIRTIO_MSI_NO_VECTOR);
	}
	vp->isr = 0;
}

static void vpci_machine_reset(void *ctx)
{
	struct vpci *vp = ctx;

	pci_fn_reset(&vp->fn);
}

static void vpci_detach(void *ctx)
{
	struct vpci *vp = ctx;

	pci_del(&vp->fn);
	pthread_mutex_destroy(&vp->lock);
	free(vp);
}

static const struct virtio_transport_ops transport_ops = {
	.vq_interrupt = vpci_vq_interrupt,
	.vq_call_fd = vpci_vq_call_fd,
	.config_interrupt = vpci_config_interrupt,
	.started = vpci_started,
	.stopped = vpci_stopped,
	.reset = vpci_reset,
	.machine_reset = vpci_machine_reset,
	.detach = vpci_detach,
};

/* ---- Set-up -------------------------------------------------------------------------- */

static const struct pci_fn_ops fn_ops = {
	.bar_read = vpci_bar_read,
	.bar_write = vpci_bar_write,
	.bar_moved = vpci_bar_moved,
	.window_read = vpci_window_read,
	.window_write = vpci_window_write,
	.reset = vpci_flr,
};

/* PCI Code and ID Assignment: class, subclass, interface. */
static uint32_t class_code(uint32_t virtio_id)
{
	switch (virtio_id) {
	case VIRTIO_ID_NET:
		return 0x020000; /* Ethernet */
	case VIRTIO_ID_BLOCK:
	case VIRTIO_ID_9P:
		return 0x018000; /* other mass storage */
	case VIRTIO_ID_CONSOLE:
	case VIRTIO_ID_VSOCK:
		return 0x078000; /* other communication device */
	default:
		return 0x00ff00; /* fits in no class */
	}
}

static unsigned int add_cap(struct vpci *vp, uint8_t type, uint32_t offset, uint32_t length)
{
	/* Only two types have the last member (4.1.4.4, 4.1.4.9). */
	bool notify = type == VIRTIO_PCI_CAP_NOTIFY_CFG;
	bool extra = notify || type == VIRTIO_PCI_CAP_PCI_CFG;
	uint8_t len = sizeof(struct virtio_pci_cap) - (extra ? 0 : sizeof(le32));
	struct virtio_pci_cap cap = {
		.cap_len = len,
		.cfg_type = type,
		.bar = REGS_BAR,
		.offset = le32_make(offset),
		.length = le32_make(length),
		.extra = le32_make(notify ? NOTIFY_MULTIPLIER : 0),
	};

	return pci_fn_cap(&vp->fn, PCI_CAP_ID_VNDR, &cap, len);
}

static void add_caps(struct vpci *vp)
{
	struct virtio_dev *vd = vp->vd;

	add_cap(vp, VIRTIO_PCI_CAP_COMMON_CFG, COMMON_OFF, sizeof(struct common_cfg));
	add_cap(vp, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY_OFF, NOTIFY_MULTIPLIER * vd->nr_queues);
	add_cap(vp, VIRTIO_PCI_CAP_ISR_CFG, ISR_OFF, 1);
	/* 4.1.4.6: present only where there is a device-specific configuration. */
	if (vd->config_size)
		add_cap(vp, VIRTIO_PCI_CAP_DEVICE_CFG, DEVICE_OFF, (uint32_t)vd->config_size);
	vp->window = add_cap(vp, VIRTIO_PCI_CAP_PCI_CFG, 0, 0);
	pci_fn_writable(&vp->fn, vp->window + offsetof(struct virtio_pci_cap, bar), 1);
	pci_fn_writable(&vp->fn, vp->window + offsetof(struct virtio_pci_cap, offset), 8);
	vp->fn.window_off = vp->window + offsetof(struct virtio_pci_cap, extra);
	pci_fn_flr(&vp->fn);
}

int virtio_pci_attach(struct virtio_dev *vd, struct tvm_error *err)
{
	struct pci_ids ids = {
		.vendor = PCI_VENDOR_VIRTIO,
		.device = (uint16_t)(PCI_DEVICE_VIRTIO + vd->ops->id),
		.subsys_vendor = PCI_VENDOR_VIRTIO,
		.subsys = (uint16_t)(PCI_DEVICE_VIRTIO + vd->ops->id),
		.class_code = class_code(vd->ops->id),
		.revision = 1,
	};
	struct vpci *vp = calloc(1, sizeof(*vp));
	int r;

	if (!vp)
		return err_set(err, -ENOMEM, "%s: out of memory", vd->name);
	vp->vd = vd;
	pthread_mutex_init(&vp->lock, NULL);
	pci_fn_init(&vp->fn, &fn_ops, vd->name, &ids);
	pci_fn_bar(&vp->fn, REGS_BAR, REGS_SIZE, 0);
	add_caps(vp);
	for (unsigned int i = 0; i < VIRTIO_MAX_QUEUES; i++)
		vp->calls[i].fd = -1;
	r = pci_fn_msix(&vp->fn, MSIX_BAR, vd->nr_queues + 1, err);
	if (r < 0)
		goto fail;
	vp->fn.msix.sources = vp->calls;
	vp->fn.msix.nr_sources = vd->nr_queues;
	vpci_reset(vp);
	r = pci_add(vd->env->pci, &vp->fn, err);
	if (r < 0)
		goto fail;
	vd->transport = &transport_ops;
	vd->transport_ctx = vp;
	return 0;

fail:
	vpci_detach(vp);
	return r;
}
