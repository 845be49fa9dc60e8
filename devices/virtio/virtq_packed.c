/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed virtqueues (virtio 1.2, 2.8).
 *
 *	descriptor ring   both write     { addr, len, id, flags } x size
 *	driver area       guest writes   { off_wrap, flags }: which interrupts it wants
 *	device area       we write       { off_wrap, flags }: which notifications we want
 *
 * Both sides go round the ring, and a wrap counter that flips each round tells a descriptor of
 * this round from one of the last. We keep slot and counter in one number, the position: 0 to
 * 2 * size - 1, the counter being 1 in the first half. last_avail is the position of the next
 * descriptor to take, used_idx of the next to write; what lies between them is in flight, at
 * most the whole ring. So each position is taken once before it is given back, and a driver
 * that marks descriptors available for ever finds the ring full (compare CVE-2026-16457).
 */
#include "devices/virtio/virtq_ring.h"

#include <errno.h>
#include <string.h>

#include "devices/virtio/virtio.h"

/* 2.8.1 */
#define VIRTQ_DESC_F_AVAIL (1U << 7)
#define VIRTQ_DESC_F_USED (1U << 15)

/* 2.8.14: flags of an event suppression structure */
#define RING_EVENT_FLAGS_ENABLE 0U
#define RING_EVENT_FLAGS_DISABLE 1U
#define RING_EVENT_FLAGS_DESC 2U
#define EVENT_WRAP 0x8000U

struct virtq_packed_desc {
	le64 addr;
	le32 len;
	le16 id;
	le16 flags;
};

/* ---- Positions ----------------------------------------------------------------------- */

static unsigned int slot_of(const struct virtq *vq, unsigned int pos)
{
	return pos < vq->size ? pos : pos - vq->size;
}

static bool wrap_of(const struct virtq *vq, unsigned int pos)
{
	return pos < vq->size;
}

/* From position a up to b, or b before a: modulo two rounds. */
static unsigned int distance(const struct virtq *vq, unsigned int a, unsigned int b)
{
	return b >= a ? b - a : b + 2U * vq->size - a;
}

static uint16_t forward(const struct virtq *vq, unsigned int pos, unsigned int n)
{
	pos += n;
	return (uint16_t)(pos < 2U * vq->size ? pos : pos - 2U * vq->size);
}

static uint8_t *flags_at(const struct virtq *vq, unsigned int pos)
{
	return (uint8_t *)&vq->packed[slot_of(vq, pos)].flags;
}

/* 2.8.1: AVAIL is the driver's wrap counter at that position, USED is not. */
static bool is_available(const struct virtq *vq, unsigned int pos, uint16_t flags)
{
	bool wrap = wrap_of(vq, pos);

	return !!(flags & VIRTQ_DESC_F_AVAIL) == wrap && !!(flags & VIRTQ_DESC_F_USED) != wrap;
}

/* ---- Event suppression (2.8.14) ------------------------------------------------------- */

/* Areas are 4-byte aligned (2.8.10): both halves are loaded and stored together. */
static void set_event(struct virtq *vq, uint16_t off_wrap, uint16_t flags)
{
	__atomic_store_n((uint32_t *)(void *)vq->used, htole32(off_wrap | (uint32_t)flags << 16),
		__ATOMIC_RELAXED);
}

/* Notify us when the descriptor at our next position is there. */
static void set_event_here(struct virtq *vq)
{
	unsigned int slot = slot_of(vq, vq->last_avail);

	vq->avail_event = vq->last_avail;
	set_event(vq, (uint16_t)(slot | (wrap_of(vq, vq->last_avail) ? EVENT_WRAP : 0)),
		RING_EVENT_FLAGS_DESC);
}

static bool packed_wants_interrupt(struct virtq *vq)
{
	uint32_t since = vq->pushed, event;
	unsigned int slot, old;

	vq->pushed = 0;
	if (!since)
		return false;
	store_load_barrier(); /* used flags, then the driver's event */
	event = le32toh(__atomic_load_n((uint32_t *)(void *)vq->avail, __ATOMIC_RELAXED));
	switch (event >> 16 & 3) {
	case RING_EVENT_FLAGS_DISABLE:
		return false;
	case RING_EVENT_FLAGS_DESC:
		if (vq->event_idx)
			break;
		return true; /* 2.8.14: reserved without the feature */
	default:
		return true;
	}
	slot = event & ~EVENT_WRAP & 0xffff;
	if (slot >= vq->size || since >= 2U * vq->size)
		return true; /* no such descriptor; or surely among them */
	old = forward(vq, vq->used_idx, 2U * vq->size - since);
	return distance(vq, old, slot + (event & EVENT_WRAP ? 0U : vq->size)) < since;
}

/* ---- Descriptors --------------------------------------------------------------------- */

static unsigned int in_flight(const struct virtq *vq)
{
	return distance(vq, vq->used_idx, vq->last_avail);
}

/* Whether the next descriptor is available, with its flags; negative when it cannot be. */
static int packed_look(struct virtq *vq, uint16_t *flags)
{
	/* Acquire: pairs with the driver's release of the flags after all else of the chain. */
	*flags = load16(flags_at(vq, vq->last_avail), __ATOMIC_ACQUIRE);
	if (!is_available(vq, vq->last_avail, *flags))
		return 0;
	if (in_flight(vq) == vq->size)
		return virtq_broken(vq, "more available descriptors than the queue has");
	return 1;
}

/* 2.8.7: entries follow each other, only their write flag counts. */
static int walk_table(struct virtq *vq, struct virtq_chain *chain,
	const struct virtq_packed_desc *ind, uint16_t ind_flags)
{
	const struct virtq_packed_desc *entries;
	struct virtq_packed_desc d;
	const void *table;
	unsigned int nr;
	int r;

	r = virtq_open_table(vq, le64_get(ind->addr), le32_get(ind->len), ind_flags, false, &table,
		&nr);
	entries = table;
	for (unsigned int i = 0; r >= 0 && i < nr; i++) {
		memcpy(&d, &entries[i], sizeof(d));
		__asm__ volatile("" ::: "memory"); /* the one copy */
		if (le16_get(d.flags) & VIRTQ_DESC_F_INDIRECT)
			return virtq_broken(vq, "indirect descriptor in an indirect table");
		r = virtq_add_buf(vq, chain, le64_get(d.addr), le32_get(d.len),
			le16_get(d.flags) & VIRTQ_DESC_F_WRITE);
	}
	return r;
}

/* Copy, check and collect the chain at our position, whose first flags have been loaded. */
static int walk(struct virtq *vq, uint16_t flags, struct virtq_chain *chain)
{
	unsigned int room = vq->size - in_flight(vq), pos = vq->last_avail, n;
	struct virtq_packed_desc d;
	int r;

	chain->nr_out = chain->nr_in = 0;
	chain->out_len = chain->in_len = 0;
	for (n = 1;; n++) {
		memcpy(&d, &vq->packed[slot_of(vq, pos)], sizeof(d));
		__asm__ volatile("" ::: "memory"); /* the one copy */
		if (n > 1)
			flags = le16_get(d.flags);
		/* 2.8.13: all of a chain is available once its first descriptor is. */
		if (!is_available(vq, pos, flags))
			return virtq_broken(vq, "descriptor %u of a chain is not available", n);
		pos = forward(vq, pos, 1);
		if (flags & VIRTQ_DESC_F_INDIRECT) {
			/* 2.8.5.1: a table is a buffer of its own. */
			if (n > 1)
				return virtq_broken(vq, "indirect descriptor in a chain");
			r = walk_table(vq, chain, &d, flags);
			break;
		}
		r = virtq_add_buf(vq, chain, le64_get(d.addr), le32_get(d.len),
			flags & VIRTQ_DESC_F_WRITE);
		if (r < 0 || !(flags & VIRTQ_DESC_F_NEXT))
			break;
		if (n == room)
			return virtq_broken(vq, "chain longer than the queue, or a loop");
	}
	if (r < 0)
		return r;
	/* 2.8.6: the last descriptor names the buffer. */
	chain->head = le16_get(d.id);
	chain->ring_slots = (uint16_t)n;
	return 0;
}

static int packed_pop(struct virtq *vq, struct virtq_chain *chain)
{
	uint16_t flags, id;
	int r;

	r = packed_look(vq, &flags);
	/* Before we say "empty", the driver must know that we wait for this descriptor. */
	if (!r && vq->notify_on && vq->event_idx && vq->avail_event != vq->last_avail) {
		set_event_here(vq);
		store_load_barrier(); /* our event, then the descriptor's flags */
		r = packed_look(vq, &flags);
	}
	if (r <= 0)
		return r;
	r = walk(vq, flags, chain);
	if (r < 0)
		return r;
	/* Drivers count ids like descriptors; in_flight has no more bits than that. */
	id = chain->head;
	if (id >= vq->size)
		return virtq_broken(vq, "buffer id %u of %u", id, vq->size);
	if (vq->in_flight[id / 64] & BIT(id % 64))
		return virtq_broken(vq, "buffer id %u is in use", id);
	vq->in_flight[id / 64] |= BIT(id % 64);
	vq->last_avail = forward(vq, vq->last_avail, chain->ring_slots);
	vq->last_head = id;
	vq->last_slots = chain->ring_slots;
	return 1;
}

static void packed_push(struct virtq *vq, const struct virtq_chain *chain, uint32_t written)
{
	struct virtq_packed_desc *d = &vq->packed[slot_of(vq, vq->used_idx)];
	uint16_t flags = written ? VIRTQ_DESC_F_WRITE : 0; /* 2.8.4: len counts with it only */

	if (wrap_of(vq, vq->used_idx))
		flags |= VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;
	d->len = le32_make(written);
	d->id = le16_make(chain->head);
	/* Release: pairs with the driver's acquire of flags before it reads id and len. */
	store16((uint8_t *)&d->flags, flags, __ATOMIC_RELEASE);
	vq->used_idx = forward(vq, vq->used_idx, chain->ring_slots);
	vq->pushed += chain->ring_slots;
	if (vq->pushed > 2U * vq->size)
		vq->pushed = 2U * vq->size; /* as good as more */
}

static void packed_unpop(struct virtq *vq)
{
	vq->last_avail = forward(vq, vq->last_avail, 2U * vq->size - vq->last_slots);
	vq->in_flight[vq->last_head / 64] &= ~BIT(vq->last_head % 64);
}

static bool packed_enable_notify(struct virtq *vq)
{
	uint16_t flags;

	if (vq->event_idx)
		set_event_here(vq);
	else
		set_event(vq, 0, RING_EVENT_FLAGS_ENABLE);
	store_load_barrier(); /* our event, then the descriptor's flags */
	return packed_look(vq, &flags) > 0;
}

static void packed_disable_notify(struct virtq *vq)
{
	/* With events it is enough not to move ours. */
	if (!vq->event_idx)
		set_event(vq, 0, RING_EVENT_FLAGS_DISABLE);
}

static int packed_start(struct virtq *vq, const struct virtq_setup *setup)
{
	/* 2.8.10: alignment of the three parts. */
	vq->packed = virtq_map_area(vq, "descriptor ring", setup->desc,
		sizeof(struct virtq_packed_desc) * vq->size, 16);
	if (!vq->packed)
		return -EIO;
	vq->avail = virtq_map_area(vq, "driver area", setup->driver, 4, 4);
	if (!vq->avail)
		return -EIO;
	vq->used = virtq_map_area(vq, "device area", setup->device, 4, 4);
	if (!vq->used)
		return -EIO;
	if (vq->event_idx)
		set_event_here(vq);
	else
		set_event(vq, 0, RING_EVENT_FLAGS_ENABLE);
	return 0;
}

const struct ring_ops virtq_packed_ops = {
	.start = packed_start,
	.pop = packed_pop,
	.push = packed_push,
	.unpop = packed_unpop,
	.wants_interrupt = packed_wants_interrupt,
	.enable_notify = packed_enable_notify,
	.disable_notify = packed_disable_notify,
};
