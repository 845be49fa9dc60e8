/* SPDX-License-Identifier: Apache-2.0 */
/* Packed rings of driver.h. Written from virtio 1.2, 2.8, the driver's side of it. */
#include "tests/unit/driver.h"

#include <errno.h>

#include "devices/virtio/virtio.h"
#include "tests/unit/fakes.h"

#define WRAP_BIT 0x8000

uint16_t drv_packed_flags(bool wrap)
{
	return wrap ? DRV_DESC_AVAIL : DRV_DESC_USED;
}

void drv_set_packed(struct drv *d, unsigned int vq, uint16_t slot, gpa_t addr, uint32_t len,
	uint16_t id, uint16_t flags)
{
	struct drv_packed_desc *p = drv_ram(d, d->q[vq].desc + 16ULL * slot, sizeof(*p));

	p->addr = le64_make(addr);
	p->len = le32_make(len);
	p->id = le16_make(id);
	__atomic_store_n((uint16_t *)(void *)&p->flags, htole16(flags), __ATOMIC_RELEASE);
}

void drv_set_driver_event(struct drv *d, unsigned int vq, uint16_t slot, bool wrap,
	uint16_t flags)
{
	uint32_t v = (uint32_t)flags << 16 | (wrap ? WRAP_BIT : 0U) | slot;

	__atomic_store_n((uint32_t *)drv_ram(d, d->q[vq].avail, 4), htole32(v),
		__ATOMIC_RELEASE);
}

/* A table's entries follow each other; only their write flag counts (2.8.7). */
static gpa_t fill_table(struct drv *d, struct drv_queue *q, const struct drv_buf *bufs,
	unsigned int n, uint16_t id)
{
	struct drv_packed_desc *table;
	gpa_t at;

	if (!q->indirect)
		q->indirect = drv_alloc(d, 16ULL * q->size * q->size, 16);
	at = q->indirect + 16ULL * q->size * id;
	table = drv_ram(d, at, 16ULL * n);
	for (unsigned int k = 0; k < n; k++)
		table[k] = (struct drv_packed_desc){ le64_make(bufs[k].gpa),
			le32_make(bufs[k].len), le16_make(0),
			le16_make(bufs[k].write ? DRV_DESC_WRITE : 0) };
	return at;
}

int drv_packed_add(struct drv *d, unsigned int vq, const struct drv_buf *bufs, unsigned int n,
	bool indirect)
{
	struct drv_queue *q = &d->q[vq];
	struct drv_buf table = { 0 };
	uint16_t id = q->free_head, first = q->avail_idx, first_flags = 0;
	uint16_t extra = indirect ? DRV_DESC_INDIRECT : DRV_DESC_NEXT;
	unsigned int slots = indirect ? 1 : n;

	if (!n || q->nr_free < slots || n > q->size || id >= q->size)
		return -ENOSPC;
	if (indirect) {
		table.gpa = fill_table(d, q, bufs, n, id);
		table.len = 16 * n;
		bufs = &table;
	}
	for (unsigned int k = 0; k < slots; k++) {
		uint16_t flags = drv_packed_flags(q->avail_wrap);

		flags |= bufs[k].write ? DRV_DESC_WRITE : 0;
		flags |= indirect || k + 1 < slots ? extra : 0;
		/* The first one's flags come last: they make all of them available (2.8.13). */
		if (!k)
			first_flags = flags;
		drv_set_packed(d, vq, q->avail_idx, bufs[k].gpa, bufs[k].len, id,
			k ? flags : drv_packed_flags(!q->avail_wrap));
		if (++q->avail_idx == q->size) {
			q->avail_idx = 0;
			q->avail_wrap = !q->avail_wrap;
		}
	}
	q->free_head = q->next[id];
	q->nr_free = (uint16_t)(q->nr_free - slots);
	q->slots[id] = (uint16_t)slots;
	q->added += slots;
	drv_set_packed(d, vq, first, bufs[0].gpa, bufs[0].len, id, first_flags);
	return id;
}

bool drv_packed_kick_wanted(struct drv *d, unsigned int vq)
{
	struct drv_queue *q = &d->q[vq];
	uint32_t event = le32toh(__atomic_load_n((uint32_t *)drv_ram(d, q->used, 4),
		__ATOMIC_ACQUIRE));
	int slot = event & 0x7fff, old = q->avail_idx - (int)q->added;

	if (event >> 16 != 2)
		return event >> 16 != 1;
	if (!!(event & WRAP_BIT) != q->avail_wrap)
		slot -= q->size;
	return slot >= old && slot < q->avail_idx;
}

bool drv_packed_used(struct drv *d, unsigned int vq, uint32_t *id, uint32_t *len)
{
	struct drv_queue *q = &d->q[vq];
	struct drv_packed_desc *p = drv_ram(d, q->desc + 16ULL * q->last_used, sizeof(*p));
	uint16_t flags = le16toh(__atomic_load_n((uint16_t *)(void *)&p->flags,
		__ATOMIC_ACQUIRE));

	if (!!(flags & DRV_DESC_AVAIL) != q->used_wrap || !!(flags & DRV_DESC_USED) != q->used_wrap)
		return false;
	*id = le16_get(p->id);
	*len = flags & DRV_DESC_WRITE ? le32_get(p->len) : 0;
	FAKE_MUST(*id < q->size && q->slots[*id]);
	q->last_used += q->slots[*id];
	if (q->last_used >= q->size) {
		q->last_used -= q->size;
		q->used_wrap = !q->used_wrap;
	}
	q->nr_free += q->slots[*id];
	q->slots[*id] = 0;
	q->next[*id] = q->free_head;
	q->free_head = (uint16_t)*id;
	return true;
}
