/* SPDX-License-Identifier: Apache-2.0 */
/* See driver.h. Written from virtio 1.2, 2.7, 3.1 and 4.1, the driver's side of them. */
#include "tests/unit/driver.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "devices/virtio/virtio.h"
#include "tests/unit/fakes.h"

/* Rings and buffers from here on; what is below belongs to the test. */
#define HEAP_START 0x10000

/* ---- PCI ----------------------------------------------------------------------------- */

static uint64_t ecam(unsigned int slot, unsigned int off)
{
	return FAKE_ECAM + (slot << 15) + off;
}

uint32_t drv_cfg_read(struct drv *d, unsigned int off, unsigned int size)
{
	return (uint32_t)fake_mmio_read(d->f, ecam(d->slot, off), size);
}

void drv_cfg_write(struct drv *d, unsigned int off, unsigned int size, uint32_t val)
{
	fake_mmio_write(d->f, ecam(d->slot, off), size, val);
}

static gpa_t bar_address(struct drv *d, unsigned int bar)
{
	uint32_t lo = drv_cfg_read(d, PCI_BASE_ADDRESS_0 + 4 * bar, 4);
	uint64_t addr = lo & ~15U;

	if (lo & PCI_BASE_ADDRESS_MEM_TYPE_64)
		addr |= (uint64_t)drv_cfg_read(d, PCI_BASE_ADDRESS_0 + 4 * bar + 4, 4) << 32;
	return addr;
}

static void virtio_cap(struct drv *d, unsigned int cap)
{
	gpa_t addr = bar_address(d, drv_cfg_read(d, cap + 4, 1)) + drv_cfg_read(d, cap + 8, 4);

	switch (drv_cfg_read(d, cap + 3, 1)) {
	case 1:
		d->common = addr;
		break;
	case 2:
		d->notify = addr;
		d->notify_multiplier = drv_cfg_read(d, cap + 16, 4);
		break;
	case 3:
		d->isr = addr;
		break;
	case 4:
		d->config = addr;
		break;
	case 5:
		d->window = cap;
		break;
	}
}

static void msix_cap(struct drv *d, unsigned int cap)
{
	uint32_t table = drv_cfg_read(d, cap + 4, 4);

	d->nr_vectors = (drv_cfg_read(d, cap + 2, 2) & 0x7ff) + 1;
	d->msix = bar_address(d, table & 7) + (table & ~7U);
	drv_cfg_write(d, cap + 2, 2, 0x8000);
	for (unsigned int i = 0; i < d->nr_vectors; i++) {
		gpa_t entry = d->msix + 16 * i;

		fake_mmio_write(d->f, entry, 4, 0xfee00000);
		fake_mmio_write(d->f, entry + 4, 4, 0);
		fake_mmio_write(d->f, entry + 8, 4, drv_msi_data(d, (int)i - 1));
		fake_mmio_write(d->f, entry + 12, 4, 0);
	}
}

uint32_t drv_msi_data(const struct drv *d, int vq)
{
	return DRV_MSI_DATA + (d->slot << 8) + 1 + (uint32_t)vq;
}

int drv_init(struct drv *d, struct fake_env *f, unsigned int slot)
{
	unsigned int cap;

	memset(d, 0, sizeof(*d));
	d->f = f;
	d->slot = slot;
	d->device_id = (uint16_t)drv_cfg_read(d, PCI_DEVICE_ID, 2);
	if (drv_cfg_read(d, PCI_VENDOR_ID, 2) != 0x1af4)
		return -ENODEV;
	drv_cfg_write(d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	cap = drv_cfg_read(d, PCI_CAPABILITY_LIST, 1);
	for (; cap; cap = drv_cfg_read(d, cap + 1, 1)) {
		uint8_t id = (uint8_t)drv_cfg_read(d, cap, 1);

		if (id == PCI_CAP_ID_VNDR)
			virtio_cap(d, cap);
		else if (id == PCI_CAP_ID_MSIX)
			msix_cap(d, cap);
	}
	d->nr_queues = (unsigned int)drv_read(d, DRV_NUM_QUEUES, 2);
	drv_reset(d);
	return 0;
}

int drv_find(struct fake_env *f, unsigned int virtio_id)
{
	for (unsigned int slot = 0; slot < PCI_SLOTS; slot++)
		if (fake_mmio_read(f, ecam(slot, PCI_VENDOR_ID), 4) ==
			((0x1040 + virtio_id) << 16 | 0x1af4))
			return (int)slot;
	return -ENODEV;
}

/* ---- Initialisation (3.1) ------------------------------------------------------------ */

uint64_t drv_read(struct drv *d, unsigned int off, unsigned int size)
{
	if (d->mmio)
		return drv_mmio_read(d, off, size);
	return fake_mmio_read(d->f, d->common + off, size);
}

void drv_write(struct drv *d, unsigned int off, unsigned int size, uint64_t val)
{
	if (d->mmio)
		drv_mmio_write(d, off, size, val);
	else
		fake_mmio_write(d->f, d->common + off, size, val);
}

uint8_t drv_status(struct drv *d)
{
	return (uint8_t)drv_read(d, DRV_STATUS, 1);
}

static void add_status(struct drv *d, uint8_t bits)
{
	drv_write(d, DRV_STATUS, 1, drv_status(d) | bits);
}

void drv_reset(struct drv *d)
{
	drv_write(d, DRV_STATUS, 1, 0);
	d->heap = HEAP_START;
	d->features = 0;
	memset(d->q, 0, sizeof(d->q));
	add_status(d, VIRTIO_S_ACKNOWLEDGE);
	add_status(d, VIRTIO_S_DRIVER);
}

uint64_t drv_offered(struct drv *d)
{
	uint64_t lo;

	drv_write(d, DRV_DEVICE_FEATURE_SELECT, 4, 0);
	lo = drv_read(d, DRV_DEVICE_FEATURE, 4);
	drv_write(d, DRV_DEVICE_FEATURE_SELECT, 4, 1);
	return lo | drv_read(d, DRV_DEVICE_FEATURE, 4) << 32;
}

int drv_negotiate(struct drv *d, uint64_t wanted)
{
	d->features = drv_offered(d) & wanted;
	drv_write(d, DRV_DRIVER_FEATURE_SELECT, 4, 0);
	drv_write(d, DRV_DRIVER_FEATURE, 4, (uint32_t)d->features);
	drv_write(d, DRV_DRIVER_FEATURE_SELECT, 4, 1);
	drv_write(d, DRV_DRIVER_FEATURE, 4, d->features >> 32);
	add_status(d, VIRTIO_S_FEATURES_OK);
	return drv_status(d) & VIRTIO_S_FEATURES_OK ? 0 : -ENOTSUP;
}

static void write_address(struct drv *d, unsigned int off, gpa_t gpa)
{
	drv_write(d, off, 4, (uint32_t)gpa);
	drv_write(d, off + 4, 4, gpa >> 32);
}

void drv_queue_init(struct drv *d, unsigned int vq, uint16_t size)
{
	struct drv_queue *q = &d->q[vq];
	uint64_t avail, used;
	uint16_t max;

	drv_write(d, DRV_QUEUE_SELECT, 2, vq);
	max = (uint16_t)drv_read(d, DRV_QUEUE_SIZE, 2);
	q->size = size && size < max ? size : max;
	drv_write(d, DRV_QUEUE_SIZE, 2, q->size);
	q->packed = d->features & BIT(VIRTIO_F_RING_PACKED);
	q->avail_wrap = q->used_wrap = true;
	avail = q->packed ? 4 : 6 + 2ULL * q->size;
	used = q->packed ? 4 : 6 + 8ULL * q->size;
	q->desc = drv_alloc(d, 16ULL * q->size, 16);
	q->avail = drv_alloc(d, avail, 4);
	q->used = drv_alloc(d, used, 4);
	memset(drv_ram(d, q->desc, 16ULL * q->size), 0, 16ULL * q->size);
	memset(drv_ram(d, q->avail, avail), 0, avail);
	memset(drv_ram(d, q->used, used), 0, used);
	q->nr_free = q->size;
	for (uint16_t i = 0; i < q->size; i++)
		q->next[i] = i + 1;
	write_address(d, DRV_QUEUE_DESC, q->desc);
	write_address(d, DRV_QUEUE_DRIVER, q->avail);
	write_address(d, DRV_QUEUE_DEVICE, q->used);
	drv_write(d, DRV_QUEUE_VECTOR, 2, vq + 1);
	q->doorbell = d->notify +
		(uint64_t)d->notify_multiplier * drv_read(d, DRV_QUEUE_NOTIFY_OFF, 2);
	drv_write(d, DRV_QUEUE_ENABLE, 2, 1);
}

void drv_driver_ok(struct drv *d)
{
	add_status(d, VIRTIO_S_DRIVER_OK);
}

int drv_start(struct drv *d, uint64_t wanted, uint16_t size)
{
	int r = drv_negotiate(d, wanted);

	if (r < 0)
		return r;
	drv_write(d, DRV_CONFIG_VECTOR, 2, 0);
	for (unsigned int i = 0; i < d->nr_queues; i++)
		drv_queue_init(d, i, size);
	drv_driver_ok(d);
	return 0;
}

gpa_t drv_alloc(struct drv *d, uint64_t len, uint64_t align)
{
	gpa_t gpa = align_up(d->heap, align);

	FAKE_MUST(range_within(gpa, len, 0, gmem_slot(d->f->gmem, 0)->size));
	d->heap = gpa + len;
	return gpa;
}

void *drv_ram(struct drv *d, gpa_t gpa, size_t len)
{
	return fake_ram(d->f, gpa, len);
}

/* ---- Rings (2.7) --------------------------------------------------------------------- */

static le16 *le16_at(struct drv *d, gpa_t gpa)
{
	return drv_ram(d, gpa, 2);
}

static uint16_t load_acquire(struct drv *d, gpa_t gpa)
{
	return le16toh(__atomic_load_n((uint16_t *)drv_ram(d, gpa, 2), __ATOMIC_ACQUIRE));
}

static void store_release(struct drv *d, gpa_t gpa, uint16_t v)
{
	__atomic_store_n((uint16_t *)drv_ram(d, gpa, 2), htole16(v), __ATOMIC_RELEASE);
}

void drv_set_desc(struct drv *d, unsigned int vq, uint16_t i, gpa_t addr, uint32_t len,
	uint16_t flags, uint16_t next)
{
	struct drv_desc *desc = drv_ram(d, d->q[vq].desc + 16ULL * i, 16);

	*desc = (struct drv_desc){ le64_make(addr), le32_make(len), le16_make(flags),
		le16_make(next) };
}

void drv_set_avail(struct drv *d, unsigned int vq, uint16_t slot, uint16_t head)
{
	*le16_at(d, d->q[vq].avail + 4 + 2ULL * (slot % d->q[vq].size)) = le16_make(head);
}

void drv_set_avail_idx(struct drv *d, unsigned int vq, uint16_t idx)
{
	d->q[vq].avail_idx = idx;
	store_release(d, d->q[vq].avail + 2, idx);
}

void drv_set_avail_flags(struct drv *d, unsigned int vq, uint16_t flags)
{
	store_release(d, d->q[vq].avail, flags);
}

void drv_set_used_event(struct drv *d, unsigned int vq, uint16_t event)
{
	store_release(d, d->q[vq].avail + 4 + 2ULL * d->q[vq].size, event);
}

uint16_t drv_used_idx(struct drv *d, unsigned int vq)
{
	return load_acquire(d, d->q[vq].used + 2);
}

static uint16_t take_desc(struct drv_queue *q)
{
	uint16_t i = q->free_head;

	q->free_head = q->next[i];
	q->nr_free--;
	return i;
}

int drv_add(struct drv *d, unsigned int vq, const struct drv_buf *bufs, unsigned int n,
	bool indirect)
{
	struct drv_queue *q = &d->q[vq];
	struct drv_desc *table;
	uint16_t head = q->free_head, i = head;

	if (q->packed)
		return drv_packed_add(d, vq, bufs, n, indirect);
	if (!n || q->nr_free < (indirect ? 1 : n) || n > q->size)
		return -ENOSPC;
	if (indirect) {
		gpa_t at;

		if (!q->indirect)
			q->indirect = drv_alloc(d, 16ULL * q->size * q->size, 16);
		at = q->indirect + 16ULL * q->size * head;
		table = drv_ram(d, at, 16ULL * n);
		for (unsigned int k = 0; k < n; k++)
			table[k] = (struct drv_desc){ le64_make(bufs[k].gpa),
				le32_make(bufs[k].len),
				le16_make((bufs[k].write ? DRV_DESC_WRITE : 0) |
					(k + 1 < n ? DRV_DESC_NEXT : 0)),
				le16_make((uint16_t)(k + 1)) };
		take_desc(q);
		drv_set_desc(d, vq, head, at, 16 * n, DRV_DESC_INDIRECT, 0);
	} else {
		for (unsigned int k = 0; k < n; k++) {
			bool more = k + 1 < n;

			i = take_desc(q);
			drv_set_desc(d, vq, i, bufs[k].gpa, bufs[k].len,
				(bufs[k].write ? DRV_DESC_WRITE : 0) | (more ? DRV_DESC_NEXT : 0),
				more ? q->free_head : 0);
		}
	}
	drv_set_avail(d, vq, q->avail_idx, head);
	drv_set_avail_idx(d, vq, q->avail_idx + 1);
	return head;
}

void drv_kick(struct drv *d, unsigned int vq)
{
	d->q[vq].last_kick = d->q[vq].avail_idx;
	d->q[vq].added = 0;
	fake_mmio_write(d->f, d->q[vq].doorbell, d->mmio ? 4 : 2, vq);
}

bool drv_kick_if_wanted(struct drv *d, unsigned int vq)
{
	struct drv_queue *q = &d->q[vq];
	uint16_t now = q->avail_idx, old = q->last_kick, event;
	bool wanted;

	__sync_synchronize(); /* avail.idx, then avail_event or flags */
	if (q->packed) {
		wanted = drv_packed_kick_wanted(d, vq);
	} else if (d->features & BIT(VIRTIO_F_EVENT_IDX)) {
		event = load_acquire(d, q->used + 4 + 8ULL * q->size);
		wanted = (uint16_t)(now - event - 1) < (uint16_t)(now - old);
	} else {
		wanted = !(load_acquire(d, q->used) & 1);
	}
	if (wanted)
		drv_kick(d, vq);
	q->last_kick = now;
	q->added = 0;
	return wanted;
}

static void free_chain(struct drv *d, unsigned int vq, uint16_t head)
{
	struct drv_queue *q = &d->q[vq];
	struct drv_desc *desc;
	uint16_t i = head, flags;

	do {
		desc = drv_ram(d, q->desc + 16ULL * i, 16);
		flags = le16_get(desc->flags);
		q->next[i] = q->free_head;
		q->free_head = i;
		q->nr_free++;
		i = le16_get(desc->next);
	} while ((flags & DRV_DESC_NEXT) && i < q->size && q->nr_free < q->size);
}

bool drv_used(struct drv *d, unsigned int vq, uint32_t *id, uint32_t *len)
{
	struct drv_queue *q = &d->q[vq];
	le32 *elem;

	if (q->packed)
		return drv_packed_used(d, vq, id, len);
	if (drv_used_idx(d, vq) == q->last_used)
		return false;
	elem = drv_ram(d, q->used + 4 + 8ULL * (q->last_used % q->size), 8);
	*id = le32_get(elem[0]);
	*len = le32_get(elem[1]);
	q->last_used++;
	FAKE_MUST(*id < q->size);
	free_chain(d, vq, (uint16_t)*id);
	return true;
}

bool drv_wait(struct drv *d, unsigned int vq, int ms, uint32_t *id, uint32_t *len)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (;;) {
		int passed;

		if (drv_used(d, vq, id, len))
			return true;
		/* Ask for an interrupt at the next one, then look again (2.7.7). */
		if (d->q[vq].packed && d->features & BIT(VIRTIO_F_EVENT_IDX))
			drv_set_driver_event(d, vq, d->q[vq].last_used, d->q[vq].used_wrap, 2);
		else if (d->features & BIT(VIRTIO_F_EVENT_IDX))
			drv_set_used_event(d, vq, d->q[vq].last_used);
		__sync_synchronize();
		if (drv_used(d, vq, id, len))
			return true;
		clock_gettime(CLOCK_MONOTONIC, &now);
		passed = (int)((now.tv_sec - start.tv_sec) * 1000 +
			(now.tv_nsec - start.tv_nsec) / 1000000);
		if (passed >= ms || !(d->mmio ? drv_mmio_wait(d, ms - passed) : fake_msi_wait(d->f,
			drv_msi_data(d, (int)vq), ms - passed)))
			return drv_used(d, vq, id, len);
	}
}
