/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio driver in plain C, in the test's own process: it drives a device through its PCI
 * transport as a guest's driver would, on the fakes of fakes.h. For unit tests, fuzzers and
 * benchmarks; nothing of it is clever about being hostile, but every step can be taken alone
 * and every ring field can be written.
 *
 *	struct drv d;
 *	drv_init(&d, &f, slot);				enumerate, reset, DRIVER
 *	drv_start(&d, DRV_ALL_FEATURES, 64);		negotiate, all queues, DRIVER_OK
 *	gpa_t buf = drv_alloc(&d, 512, 16);
 *	drv_add(&d, 0, (struct drv_buf[]){ { buf, 512, true } }, 1, false);
 *	drv_kick(&d, 0);
 *	drv_wait(&d, 0, 1000, &id, &len);
 *	drv_reset(&d);
 */
#ifndef TESTS_UNIT_DRIVER_H
#define TESTS_UNIT_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/le.h"

struct fake_env;

#define DRV_MAX_QUEUES 32
/* Tests that write split rings by hand rely on the first. */
#define DRV_ALL_FEATURES (~(1ULL << 34)) /* but VIRTIO_F_RING_PACKED */
#define DRV_ALL_FEATURES_PACKED (~0ULL)

/* Data of queue n's message is DRV_MSI_DATA + 1 + n, that of configuration changes is
 * DRV_MSI_DATA + 0, plus the slot shifted by 8. */
#define DRV_MSI_DATA 0x4000

/* Offsets in the common configuration (virtio 1.2, 4.1.4.3). */
enum {
	DRV_DEVICE_FEATURE_SELECT = 0,
	DRV_DEVICE_FEATURE = 4,
	DRV_DRIVER_FEATURE_SELECT = 8,
	DRV_DRIVER_FEATURE = 12,
	DRV_CONFIG_VECTOR = 16,
	DRV_NUM_QUEUES = 18,
	DRV_STATUS = 20,
	DRV_GENERATION = 21,
	DRV_QUEUE_SELECT = 22,
	DRV_QUEUE_SIZE = 24,
	DRV_QUEUE_VECTOR = 26,
	DRV_QUEUE_ENABLE = 28,
	DRV_QUEUE_NOTIFY_OFF = 30,
	DRV_QUEUE_DESC = 32,
	DRV_QUEUE_DRIVER = 40,
	DRV_QUEUE_DEVICE = 48,
	DRV_QUEUE_RESET = 58,
};

#define DRV_DESC_NEXT 1
#define DRV_DESC_WRITE 2
#define DRV_DESC_INDIRECT 4
#define DRV_DESC_AVAIL (1U << 7)	/* packed rings only */
#define DRV_DESC_USED (1U << 15)

struct drv_desc {
	le64 addr;
	le32 len;
	le16 flags;
	le16 next;
};

struct drv_packed_desc {
	le64 addr;
	le32 len;
	le16 id;
	le16 flags;
};

struct drv_buf {
	gpa_t gpa;
	uint32_t len;
	bool write;		/* device-writable */
};

struct drv_queue {
	uint16_t size;
	gpa_t desc, avail, used;
	uint64_t doorbell;	/* gpa */
	uint16_t free_head;	/* list through next[] */
	uint16_t nr_free;
	uint16_t next[1024];
	uint16_t avail_idx, last_kick, last_used;
	/* Packed: avail_idx and last_used are slots of the ring, free_head lists ids. */
	bool packed, avail_wrap, used_wrap;
	unsigned int added;	/* slots since the last kick */
	uint16_t slots[1024];	/* by id */
	gpa_t indirect;		/* size * size descriptors, a table for each head; 0: none yet */
};

struct drv {
	struct fake_env *f;
	unsigned int slot;
	uint16_t device_id;
	gpa_t mmio;		/* registers of the MMIO transport; 0: PCI */
	unsigned int gsi;	/* its interrupt line */
	gpa_t common, notify, isr, config, msix;	/* MMIO; 0: absent */
	uint32_t notify_multiplier;
	unsigned int window;	/* config space offset of the PCI_CFG capability */
	unsigned int nr_vectors, nr_queues;
	uint64_t features;	/* accepted */
	gpa_t heap;		/* next free byte of RAM */
	struct drv_queue q[DRV_MAX_QUEUES];
};

/* Configuration space by ECAM. */
uint32_t drv_cfg_read(struct drv *d, unsigned int off, unsigned int size);
void drv_cfg_write(struct drv *d, unsigned int off, unsigned int size, uint32_t val);

/*
 * Find the capabilities, enable memory and MSI-X with all vectors unmasked, reset the device,
 * set ACKNOWLEDGE and DRIVER. -ENODEV when the slot has no virtio device.
 */
int drv_init(struct drv *d, struct fake_env *f, unsigned int slot);

/*
 * The same for a device on the MMIO transport, its registers at base. Offsets of the common
 * configuration are translated, so all else works as on PCI; there are no vectors.
 */
int drv_mmio_init(struct drv *d, struct fake_env *f, gpa_t base, unsigned int gsi);

/* Slot of the first device with this virtio id, or -ENODEV. */
int drv_find(struct fake_env *f, unsigned int virtio_id);

uint64_t drv_read(struct drv *d, unsigned int off, unsigned int size);	/* common cfg */
void drv_write(struct drv *d, unsigned int off, unsigned int size, uint64_t val);
uint8_t drv_status(struct drv *d);
uint64_t drv_offered(struct drv *d);

/* Accept (offered & wanted); 0 or -ENOTSUP when the device does not take it. */
int drv_negotiate(struct drv *d, uint64_t wanted);

/* Registers and zeroed rings of one queue, vector, enable; size 0: the device's maximum. */
void drv_queue_init(struct drv *d, unsigned int vq, uint16_t size);
void drv_driver_ok(struct drv *d);

/* negotiate, all queues, DRIVER_OK. */
int drv_start(struct drv *d, uint64_t wanted, uint16_t size);

/* Reset the device; rings and heap are forgotten. ACKNOWLEDGE | DRIVER again. */
void drv_reset(struct drv *d);

/* RAM from the heap, never freed before drv_reset(); align is a power of two. */
gpa_t drv_alloc(struct drv *d, uint64_t len, uint64_t align);
void *drv_ram(struct drv *d, gpa_t gpa, size_t len);

/* Make a chain available; its head, or -ENOSPC. No kick. */
int drv_add(struct drv *d, unsigned int vq, const struct drv_buf *bufs, unsigned int n,
	bool indirect);

/* Ring the doorbell: always, or only if the device wants it (flags, EVENT_IDX). */
void drv_kick(struct drv *d, unsigned int vq);
bool drv_kick_if_wanted(struct drv *d, unsigned int vq);

/* Take a used chain: its head and length; false when there is none. */
bool drv_used(struct drv *d, unsigned int vq, uint32_t *id, uint32_t *len);

/* The same, waiting for the queue's interrupt up to ms milliseconds. */
bool drv_wait(struct drv *d, unsigned int vq, int ms, uint32_t *id, uint32_t *len);

uint32_t drv_msi_data(const struct drv *d, int vq); /* -1: configuration changes */

/* Ring fields as they are, for tests that break rules. */
void drv_set_desc(struct drv *d, unsigned int vq, uint16_t i, gpa_t addr, uint32_t len,
	uint16_t flags, uint16_t next);
void drv_set_avail(struct drv *d, unsigned int vq, uint16_t slot, uint16_t head);
void drv_set_avail_idx(struct drv *d, unsigned int vq, uint16_t idx);
void drv_set_avail_flags(struct drv *d, unsigned int vq, uint16_t flags);
void drv_set_used_event(struct drv *d, unsigned int vq, uint16_t event);
uint16_t drv_used_idx(struct drv *d, unsigned int vq);

/* The same for packed rings. */
uint16_t drv_packed_flags(bool wrap); /* of a descriptor that is available in that round */
void drv_set_packed(struct drv *d, unsigned int vq, uint16_t slot, gpa_t addr, uint32_t len,
	uint16_t id, uint16_t flags);
void drv_set_driver_event(struct drv *d, unsigned int vq, uint16_t slot, bool wrap,
	uint16_t flags); /* 0: interrupt always, 1: never, 2: when slot is used */

/* driver_mmio.c, for driver.c. */
uint64_t drv_mmio_read(struct drv *d, unsigned int off, unsigned int size);
void drv_mmio_write(struct drv *d, unsigned int off, unsigned int size, uint64_t val);
bool drv_mmio_wait(struct drv *d, int ms);	/* for the line; acknowledges */

/* driver_packed.c, for driver.c. */
int drv_packed_add(struct drv *d, unsigned int vq, const struct drv_buf *bufs, unsigned int n,
	bool indirect);
bool drv_packed_kick_wanted(struct drv *d, unsigned int vq);
bool drv_packed_used(struct drv *d, unsigned int vq, uint32_t *id, uint32_t *len);

#endif
