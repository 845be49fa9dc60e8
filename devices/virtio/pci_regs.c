/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers of virtio over PCI: the areas of BAR 0 (virtio 1.2, 4.1.4.3 to 4.1.4.6). Called
 * on vCPU threads without a lock; selectors are atomic, all else is behind virtio.c.
 */
#include "devices/virtio/pci_regs.h"

#include "base/cleanup.h"

#define REG(field) offsetof(struct common_cfg, field)

static le32 queue_reg(struct vpci *vp, uint16_t sel, enum virtio_queue_reg reg)
{
	return le32_make(virtio_queue_read(vp->vd, sel, reg));
}

static void common_image(struct vpci *vp, struct common_cfg *c)
{
	struct virtio_dev *vd = vp->vd;
	uint16_t sel = vp->queue_sel;
	bool present = sel < vd->nr_queues;

	*c = (struct common_cfg){
		.device_feature_select = le32_make(vp->device_sel),
		.device_feature = le32_make(virtio_device_features(vd, vp->device_sel)),
		.driver_feature_select = le32_make(vp->driver_sel),
		.driver_feature = le32_make(virtio_driver_features(vd, vp->driver_sel)),
		.config_msix_vector = le16_make(vp->config_vector),
		.num_queues = le16_make((uint16_t)vd->nr_queues),
		.device_status = virtio_status(vd),
		.config_generation = (uint8_t)vd->config_generation,
		.queue_select = le16_make(sel),
		.queue_size = le16_make((uint16_t)virtio_queue_read(vd, sel, VIRTIO_Q_SIZE)),
		.queue_msix_vector = le16_make(present ? vp->vectors[sel] : VIRTIO_MSI_NO_VECTOR),
		.queue_enable = le16_make((uint16_t)virtio_queue_read(vd, sel, VIRTIO_Q_ENABLE)),
		.queue_notify_off = le16_make(present ? sel : 0),
		.queue_desc = { queue_reg(vp, sel, VIRTIO_Q_DESC_LO),
			queue_reg(vp, sel, VIRTIO_Q_DESC_HI) },
		.queue_driver = { queue_reg(vp, sel, VIRTIO_Q_DRIVER_LO),
			queue_reg(vp, sel, VIRTIO_Q_DRIVER_HI) },
		.queue_device = { queue_reg(vp, sel, VIRTIO_Q_DEVICE_LO),
			queue_reg(vp, sel, VIRTIO_Q_DEVICE_HI) },
		.queue_reset = le16_make(0), /* done before the write returns (2.6.1) */
	};
}

static uint64_t common_read(struct vpci *vp, uint64_t off, unsigned int size)
{
	struct common_cfg c;

	/* Drivers poll status while they reset us; the rest may be slow. */
	if (off == REG(device_status) && size == 1)
		return virtio_status(vp->vd);
	common_image(vp, &c);
	return range_within(off, size, 0, sizeof(c)) ? le_load((uint8_t *)&c + off, size) :
						       ones(size);
}

/* 4.1.5.1.2.1: a vector that does not exist reads back as none. */
static uint16_t checked_vector(const struct vpci *vp, uint64_t val)
{
	return val < vp->fn.msix.nr ? (uint16_t)val : VIRTIO_MSI_NO_VECTOR;
}

/* 4.1.3.1: each field is written with its own width, 64-bit ones in two halves. */
static void common_write(struct vpci *vp, uint64_t off, unsigned int size, uint64_t val)
{
	struct virtio_dev *vd = vp->vd;
	uint16_t sel = vp->queue_sel;
	uint32_t val32 = (uint32_t)val;

	switch (off << 4 | size) {
	case REG(device_feature_select) << 4 | 4:
		vp->device_sel = val32;
		break;
	case REG(driver_feature_select) << 4 | 4:
		vp->driver_sel = val32;
		break;
	case REG(driver_feature) << 4 | 4:
		virtio_set_driver_features(vd, vp->driver_sel, val32);
		break;
	case REG(config_msix_vector) << 4 | 2:
		vp->config_vector = checked_vector(vp, val);
		break;
	case REG(device_status) << 4 | 1:
		virtio_set_status(vd, (uint8_t)val);
		break;
	case REG(queue_select) << 4 | 2:
		vp->queue_sel = (uint16_t)val;
		break;
	case REG(queue_size) << 4 | 2:
		virtio_queue_write(vd, sel, VIRTIO_Q_SIZE, val32);
		break;
	case REG(queue_msix_vector) << 4 | 2:
		if (sel < vd->nr_queues) {
			vp->vectors[sel] = checked_vector(vp, val);
			msix_source_vector(&vp->fn.msix, &vp->calls[sel], vp->vectors[sel]);
		}
		break;
	case REG(queue_enable) << 4 | 2:
		virtio_queue_write(vd, sel, VIRTIO_Q_ENABLE, val32);
		break;
	case REG(queue_desc[0]) << 4 | 4:
		virtio_queue_write(vd, sel, VIRTIO_Q_DESC_LO, val32);
		break;
	case REG(queue_desc[1]) << 4 | 4:
		virtio_queue_write(vd, sel, VIRTIO_Q_DESC_HI, val32);
		break;
	case REG(queue_driver[0]) << 4 | 4:
		virtio_queue_write(vd, sel, VIRTIO_Q_DRIVER_LO, val32);
		break;
	case REG(queue_driver[1]) << 4 | 4:
		virtio_queue_write(vd, sel, VIRTIO_Q_DRIVER_HI, val32);
		break;
	case REG(queue_device[0]) << 4 | 4:
		virtio_queue_write(vd, sel, VIRTIO_Q_DEVICE_LO, val32);
		break;
	case REG(queue_device[1]) << 4 | 4:
		virtio_queue_write(vd, sel, VIRTIO_Q_DEVICE_HI, val32);
		break;
	case REG(queue_reset) << 4 | 2:
		if (val == 1)
			virtio_queue_reset(vd, sel);
		break;
	default:
		if (size == 8 && off >= REG(queue_desc) && off < REG(queue_notify_data)) {
			common_write(vp, off, 4, val32);
			common_write(vp, off + 4, 4, val >> 32);
		}
	}
}

/* ---- BAR 0 --------------------------------------------------------------------------- */

static void notify_write(struct vpci *vp, uint64_t off)
{
	if (!(off % NOTIFY_MULTIPLIER) && off / NOTIFY_MULTIPLIER < vp->vd->nr_queues)
		virtio_queue_kick(vp->vd, (unsigned int)(off / NOTIFY_MULTIPLIER));
}

uint64_t vpci_bar_read(struct pci_fn *fn, unsigned int bar, uint64_t off, unsigned int size)
{
	struct vpci *vp = container_of(fn, struct vpci, fn);
	uint64_t in_area = off % AREA_SIZE;

	if (in_area + size > AREA_SIZE)
		return ones(size);
	switch (off - in_area) {
	case COMMON_OFF:
		return common_read(vp, in_area, size);
	case ISR_OFF:
		/* 4.1.4.5.1: reading resets it. */
		return in_area ? ones(size) : atomic_exchange(&vp->isr, 0);
	case DEVICE_OFF:
		return virtio_config_read(vp->vd, in_area, size);
	default:
		return ones(size); /* doorbells are for writing */
	}
}

void vpci_bar_write(struct pci_fn *fn, unsigned int bar, uint64_t off, unsigned int size,
	uint64_t val)
{
	struct vpci *vp = container_of(fn, struct vpci, fn);
	uint64_t in_area = off % AREA_SIZE;

	if (in_area + size > AREA_SIZE)
		return;
	switch (off - in_area) {
	case COMMON_OFF:
		common_write(vp, in_area, size, val);
		break;
	case DEVICE_OFF:
		virtio_config_write(vp->vd, in_area, size, val);
		break;
	case NOTIFY_OFF:
		notify_write(vp, in_area);
		break;
	}
}
