/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Split virtqueues (virtio 1.2, 2.7).
 *
 *	descriptor table   guest writes   { addr, len, flags, next } x size
 *	driver area        guest writes   flags, idx, ring[size], used_event     "avail"
 *	device area        we write       flags, idx, { id, len }[size], avail_event  "used"
 */
#include "devices/virtio/virtq_ring.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "devices/virtio/virtio.h"
#include "vmm/gmem.h"

/* 2.7.6, 2.7.8 */
#define VIRTQ_AVAIL_F_NO_INTERRUPT 1
#define VIRTQ_USED_F_NO_NOTIFY 1

struct virtq_used_elem {
	le32 id;
	le32 len;
};

/* Offsets in the driver and in the device area. */
#define RING_FLAGS 0
#define RING_IDX 2
#define RING_ENTRIES 4

static uint8_t *used_event(const struct virtq *vq)
{
	return vq->avail + RING_ENTRIES + 2 * vq->size;
}

static uint8_t *avail_event(const struct virtq *vq)
{
	return vq->used + RING_ENTRIES + sizeof(struct virtq_used_elem) * vq->size;
}

static void set_avail_event(struct virtq *vq, uint16_t event)
{
	vq->avail_event = event;
	store16(avail_event(vq), event, __ATOMIC_RELAXED);
}

/* Copy, check and collect the chain that starts at entry head of the descriptor table. */
static int walk(struct virtq *vq, uint16_t head, struct virtq_chain *chain)
{
	const struct virtq_desc *table = vq->desc;
	const void *indirect;
	unsigned int nr = vq->size, i = head, n = 0;
	struct virtq_desc d;
	bool in_table = false;
	uint16_t flags;
	int r;

	chain->nr_out = chain->nr_in = 0;
	chain->out_len = chain->in_len = 0;
	for (;;) {
		if (i >= nr)
			return virtq_broken(vq, "descriptor %u of %u", i, nr);
		desc_copy(&d, &table[i]);
		flags = le16_get(d.flags);
		if (flags & VIRTQ_DESC_F_INDIRECT) {
			/* 2.7.5.3.2: the write flag is ignored; plain ones may come before. */
			r = virtq_open_table(vq, le64_get(d.addr), le32_get(d.len), flags,
				in_table, &indirect, &nr);
			if (r < 0)
				return r;
			table = indirect;
			in_table = true;
			i = 0;
			continue;
		}
		/* 2.7.5.3.1: a chain is at most queue-size long; more is a loop. */
		if (++n > vq->size)
			return virtq_broken(vq, "chain longer than the queue, or a loop");
		r = virtq_add_buf(vq, chain, le64_get(d.addr), le32_get(d.len),
			flags & VIRTQ_DESC_F_WRITE);
		if (r < 0 || !(flags & VIRTQ_DESC_F_NEXT))
			return r;
		i = le16_get(d.next);
	}
}

/* ---- Split ring ---------------------------------------------------------------------- */

/* Whether avail has entries that were not taken; negative when its index is impossible. */
static int split_look(struct virtq *vq)
{
	/* Acquire: pairs with the driver's release of idx after ring[] and descriptors. */
	vq->avail_idx = load16(vq->avail + RING_IDX, __ATOMIC_ACQUIRE);
	/* 2.7.6.1: idx never goes back, and no more than size buffers are outstanding. */
	if ((uint16_t)(vq->avail_idx - vq->last_avail) > vq->size)
		return virtq_broken(vq, "available index jumps from %u to %u", vq->last_avail,
			vq->avail_idx);
	return vq->avail_idx != vq->last_avail;
}

static int split_pop(struct virtq *vq, struct virtq_chain *chain)
{
	uint16_t slot = vq->last_avail & (vq->size - 1);
	uint16_t head;
	int r;

	if (vq->avail_idx == vq->last_avail) {
		r = split_look(vq);
		/* Before we say "empty", the driver must know that we wait for this entry. */
		if (!r && vq->notify_on && vq->event_idx && vq->avail_event != vq->last_avail) {
			set_avail_event(vq, vq->last_avail);
			store_load_barrier(); /* avail_event, then avail.idx */
			r = split_look(vq);
		}
		if (r <= 0)
			return r;
	}
	head = load16(vq->avail + RING_ENTRIES + 2 * slot, __ATOMIC_RELAXED);
	if (head >= vq->size)
		return virtq_broken(vq, "head %u of %u", head, vq->size);
	if (vq->in_flight[head / 64] & BIT(head % 64))
		return virtq_broken(vq, "head %u is in use", head);
	r = walk(vq, head, chain);
	if (r < 0)
		return r;
	vq->in_flight[head / 64] |= BIT(head % 64);
	vq->last_avail++;
	vq->last_head = head;
	chain->head = head;
	chain->ring_slots = 0;
	return 1;
}

static void split_push(struct virtq *vq, const struct virtq_chain *chain, uint32_t written)
{
	struct virtq_used_elem elem = {
		.id = le32_make(chain->head),
		.len = le32_make(written),
	};
	uint16_t slot = vq->used_idx & (vq->size - 1);

	memcpy(vq->used + RING_ENTRIES + sizeof(elem) * slot, &elem, sizeof(elem));
	/* Release: pairs with the driver's acquire of idx before it reads the entry. */
	store16(vq->used + RING_IDX, ++vq->used_idx, __ATOMIC_RELEASE);
}

static void split_unpop(struct virtq *vq)
{
	vq->last_avail--;
	vq->in_flight[vq->last_head / 64] &= ~BIT(vq->last_head % 64);
}

static bool split_wants_interrupt(struct virtq *vq)
{
	uint16_t old = vq->signalled, now = vq->used_idx, event;

	vq->signalled = now;
	if (old == now)
		return false;
	store_load_barrier(); /* used.idx, then used_event or flags */
	if (!vq->event_idx)
		return !(load16(vq->avail + RING_FLAGS, __ATOMIC_RELAXED) &
			VIRTQ_AVAIL_F_NO_INTERRUPT);
	/* 2.7.7.2: entry used_event was among those written since we asked last. */
	event = load16(used_event(vq), __ATOMIC_RELAXED);
	return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

static bool split_enable_notify(struct virtq *vq)
{
	if (vq->event_idx)
		set_avail_event(vq, vq->last_avail);
	else
		store16(vq->used + RING_FLAGS, 0, __ATOMIC_RELAXED);
	store_load_barrier(); /* avail_event or flags, then avail.idx */
	return split_look(vq) > 0;
}

static void split_disable_notify(struct virtq *vq)
{
	/* With events (2.7.10.2) it is enough not to move avail_event. */
	if (!vq->event_idx)
		store16(vq->used + RING_FLAGS, VIRTQ_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
}

static int split_start(struct virtq *vq, const struct virtq_setup *setup)
{
	size_t event = setup->event_idx ? 2 : 0;

	/* 2.7: a power of two; what a driver may write depends on what it accepts later. */
	if (!is_pow2(vq->size))
		return virtq_broken(vq, "size %u is not a power of two", vq->size);
	/* 2.7: alignment of the three parts. */
	vq->desc = virtq_map_area(vq, "descriptor table", setup->desc,
		sizeof(struct virtq_desc) * vq->size, 16);
	if (!vq->desc)
		return -EIO;
	vq->avail = virtq_map_area(vq, "available ring", setup->driver,
		RING_ENTRIES + 2 * vq->size + event, 2);
	if (!vq->avail)
		return -EIO;
	vq->used = virtq_map_area(vq, "used ring", setup->device,
		RING_ENTRIES + sizeof(struct virtq_used_elem) * vq->size + event, 4);
	if (!vq->used)
		return -EIO;
	store16(vq->used + RING_FLAGS, 0, __ATOMIC_RELAXED);
	if (vq->event_idx)
		set_avail_event(vq, 0);
	return 0;
}

const struct ring_ops virtq_split_ops = {
	.start = split_start,
	.pop = split_pop,
	.push = split_push,
	.unpop = split_unpop,
	.wants_interrupt = split_wants_interrupt,
	.enable_notify = split_enable_notify,
	.disable_notify = split_disable_notify,
};
