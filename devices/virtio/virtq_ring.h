/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of a virtqueue: what virtq.c shares with the ring formats (virtq_split.c,
 * virtq_packed.c). Nobody else includes this.
 */
#ifndef DEVICES_VIRTIO_VIRTQ_RING_H
#define DEVICES_VIRTIO_VIRTQ_RING_H

#include <endian.h>

#include "base/le.h"
#include "devices/virtio/virtq.h"

/* virtio 1.2, 2.7.5 */
#define VIRTQ_DESC_F_NEXT 1
#define VIRTQ_DESC_F_WRITE 2
#define VIRTQ_DESC_F_INDIRECT 4

struct virtq_desc {
	le64 addr;
	le32 len;
	le16 flags;
	le16 next;
};

/* One ring format. virtq.c calls pop to disable_notify only while the queue is ready. */
struct ring_ops {
	int (*start)(struct virtq *vq, const struct virtq_setup *setup);
	int (*pop)(struct virtq *vq, struct virtq_chain *chain);
	void (*push)(struct virtq *vq, const struct virtq_chain *chain, uint32_t written);
	void (*unpop)(struct virtq *vq);
	bool (*wants_interrupt)(struct virtq *vq);
	bool (*enable_notify)(struct virtq *vq);
	void (*disable_notify)(struct virtq *vq);
};

extern const struct ring_ops virtq_split_ops;
extern const struct ring_ops virtq_packed_ops;

struct virtq_packed_desc;

struct virtq {
	struct virtio_dev *vd;		/* borrowed */
	unsigned int index;
	const struct ring_ops *ring;
	bool started, broken;

	/* Frozen by virtq_start(). */
	uint16_t size;
	bool event_idx, indirect;
	const struct virtq_desc *desc;	/* guest memory; split */
	struct virtq_packed_desc *packed; /* guest memory; packed */
	uint8_t *avail, *used;		/* guest memory: driver and device area */

	/* Split: they count modulo 2^16. Packed: positions, see virtq_packed.c. */
	uint16_t last_avail;		/* next entry of avail to take */
	uint16_t avail_idx;		/* newest idx we have seen */
	uint16_t used_idx;		/* next entry of used to write */
	uint16_t signalled;		/* used_idx when wants_interrupt() was asked last */
	uint16_t avail_event;		/* what the driver was told last */
	bool notify_on;
	bool can_unpop;
	uint16_t last_head;
	uint16_t last_slots;		/* packed: of the newest chain */
	uint32_t pushed;		/* packed: slots since wants_interrupt() was asked */
	uint64_t in_flight[VIRTQ_MAX_SIZE / 64]; /* bit per head: popped, not pushed */
};

/* The guest broke a rule: mark queue and device, log, return -EIO. */
__attribute__((format(printf, 2, 3)))
int virtq_broken(struct virtq *vq, const char *fmt, ...);

/* Append one buffer of a descriptor's copy to the chain, checked. */
int virtq_add_buf(struct virtq *vq, struct virtq_chain *chain, gpa_t addr, uint32_t len,
	bool write);

/*
 * The indirect table at [addr, addr + len) of 16-byte entries, checked (2.7.5.3, 2.8.7);
 * nested: its descriptor is in such a table itself.
 */
int virtq_open_table(struct virtq *vq, gpa_t addr, uint32_t len, uint16_t flags, bool nested,
	const void **table, unsigned int *nr);

/* Pointer to a part of the ring in the device view; NULL: virtq_broken() was called. */
void *virtq_map_area(struct virtq *vq, const char *what, gpa_t gpa, size_t len, uint64_t align);

/* Areas are aligned (2.7), so 16-bit fields are loaded and stored whole. */
static inline uint16_t load16(const uint8_t *p, int order)
{
	uint16_t v = order == __ATOMIC_ACQUIRE ?
		__atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_ACQUIRE) :
		__atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_RELAXED);

	return le16toh(v);
}

static inline void store16(uint8_t *p, uint16_t v, int order)
{
	if (order == __ATOMIC_RELEASE)
		__atomic_store_n((uint16_t *)(void *)p, htole16(v), __ATOMIC_RELEASE);
	else
		__atomic_store_n((uint16_t *)(void *)p, htole16(v), __ATOMIC_RELAXED);
}

/*
 * Between our store of an index or event and the load of the other side's: without it both
 * sides may miss each other's newest value, and a buffer waits for ever.
 */
static inline void store_load_barrier(void)
{
	__sync_synchronize();
}

/* The one copy of a descriptor; the barrier keeps the compiler from reading it again. */
static inline void desc_copy(struct virtq_desc *dst, const struct virtq_desc *src)
{
	memcpy(dst, src, sizeof(*dst));
	__asm__ volatile("" ::: "memory");
}

#endif
