/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What pci.c (capabilities, interrupts, doorbells) and pci_regs.c (registers) share: the
 * state of one virtio device on PCI. Clauses are those of virtio 1.2.
 *
 *	BAR 0   0x0000  common configuration     0x2000  device configuration
 *	        0x1000  ISR status               0x3000  doorbells, 4 bytes a queue
 *	BAR 1   MSI-X table and pending bits: vectors 0 .. nr_queues
 */
#ifndef DEVICES_VIRTIO_PCI_REGS_H
#define DEVICES_VIRTIO_PCI_REGS_H

#include "base/le.h"
#include "devices/pci/pci.h"
#include "devices/virtio/virtio.h"

enum { REGS_BAR, MSIX_BAR };

#define COMMON_OFF 0x0000
#define ISR_OFF 0x1000
#define DEVICE_OFF 0x2000
#define NOTIFY_OFF 0x3000
#define REGS_SIZE 0x4000
#define AREA_SIZE 0x1000
#define NOTIFY_MULTIPLIER 4

/* 4.1.4.3: struct virtio_pci_common_cfg */
struct common_cfg {
	le32 device_feature_select;
	le32 device_feature;
	le32 driver_feature_select;
	le32 driver_feature;
	le16 config_msix_vector;
	le16 num_queues;
	uint8_t device_status;
	uint8_t config_generation;
	le16 queue_select;
	le16 queue_size;
	le16 queue_msix_vector;
	le16 queue_enable;
	le16 queue_notify_off;
	le32 queue_desc[2];
	le32 queue_driver[2];
	le32 queue_device[2];
	le16 queue_notify_data;		/* without its feature: reads 0 */
	le16 queue_reset;
};

/* 4.1.5.1.2 */
#define VIRTIO_MSI_NO_VECTOR 0xffff

struct vpci {
	struct pci_fn fn;
	struct virtio_dev *vd;		/* borrowed, outlives us */
	unsigned int window;		/* offset of the PCI_CFG capability */
	_Atomic uint32_t device_sel, driver_sel;
	_Atomic uint16_t queue_sel;
	_Atomic uint16_t config_vector;
	_Atomic uint16_t vectors[VIRTIO_MAX_QUEUES];
	struct msix_source calls[VIRTIO_MAX_QUEUES]; /* queues that others serve */
	_Atomic uint8_t isr;

	/*
	 * Doorbells: the loop's thread and a vCPU that moves the BAR meet here. Lock order:
	 * bus, this, vd->lock and irq.
	 */
	pthread_mutex_t lock;
	bool started, decoded;
	uint64_t base;			/* of BAR 0, while decoded */
	bool registered[VIRTIO_MAX_QUEUES];
	unsigned int doorbell_size;	/* what the host takes: 0 (any) or 2 */
};

uint64_t vpci_bar_read(struct pci_fn *fn, unsigned int bar, uint64_t off, unsigned int size);
void vpci_bar_write(struct pci_fn *fn, unsigned int bar, uint64_t off, unsigned int size,
	uint64_t val);

#endif
