/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtqueue: the only code that touches ring memory.
 *
 * The guest is hostile and writes ring memory while we look: every descriptor and index is
 * read exactly once into a local, checked there and used from there. Addresses and size are
 * frozen at virtq_start(); later register writes change nothing.
 *
 * All functions run on the loop's thread (or with it stopped).
 */
#ifndef DEVICES_VIRTIO_VIRTQ_H
#define DEVICES_VIRTIO_VIRTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/bits.h"

struct gmem;
struct virtio_dev;

#define VIRTQ_MAX_SIZE 1024

/* One chain of buffers, taken by virtq_pop() and given back by virtq_push() exactly once. */
struct virtq_chain {
	uint16_t head;		/* descriptor index (split) or buffer id (packed) */
	uint16_t ring_slots;	/* packed: descriptors to skip */
	unsigned int nr_out;	/* device-readable buffers: iov[0 .. nr_out) */
	unsigned int nr_in;	/* device-writable buffers: iov[nr_out .. nr_out + nr_in) */
	uint64_t out_len, in_len;
	struct iovec *iov;	/* caller's storage of max_iov entries */
	unsigned int max_iov;
};

struct virtq;

/*
 * Next chain: 1 with chain filled, 0 when the ring is empty, or negative when the guest
 * broke a rule (the device then needs a reset: vq and device are marked, logged once).
 * chain->iov and chain->max_iov must be set; a chain of more buffers is a broken rule.
 */
int virtq_pop(struct virtq *vq, struct virtq_chain *chain);

/* Hand the chain back; written: bytes stored into its device-writable part. */
void virtq_push(struct virtq *vq, const struct virtq_chain *chain, uint32_t written);

/* Undo the newest virtq_pop(), once, instead of pushing: the chain will be popped again. */
void virtq_unpop(struct virtq *vq);

/* Interrupt the driver for what was pushed, if it wants to be (EVENT_IDX, flags). */
void virtq_notify(struct virtq *vq);

/*
 * Ask the driver for (enable) or spare it (disable) notifications of new buffers; they are
 * enabled at first. virtq_enable_notify() returns true when buffers came meanwhile: look
 * again. A device that pops until the ring is empty needs neither of them.
 */
bool virtq_enable_notify(struct virtq *vq);
void virtq_disable_notify(struct virtq *vq);

bool virtq_ready(const struct virtq *vq); /* started, and not broken */
unsigned int virtq_index(const struct virtq *vq);
unsigned int virtq_size(const struct virtq *vq);

/* Where a ready ring lies in host memory, for whoever else serves it: vhost.c. */
struct virtq_areas {
	const void *desc, *driver, *device;
};
void virtq_areas(const struct virtq *vq, struct virtq_areas *out);

/*
 * Copy between a chain and a local: off counts from the first readable (read) or first
 * writable (write) byte. Return bytes copied, fewer when the chain is shorter.
 */
size_t virtq_chain_read(const struct virtq_chain *chain, uint64_t off, void *dst, size_t len);
size_t virtq_chain_write(const struct virtq_chain *chain, uint64_t off, const void *src,
	size_t len);

/* ---- For virtio.c -------------------------------------------------------------------- */

/* What the driver wrote into the queue's registers, copied when the queue starts. */
struct virtq_setup {
	uint16_t size;		/* up to VIRTQ_MAX_SIZE; split rings want a power of two */
	bool event_idx, indirect, packed; /* accepted features */
	gpa_t desc, driver, device;
};

int virtq_create(struct virtio_dev *vd, unsigned int index, struct virtq **out);
void virtq_destroy(struct virtq *vq); /* NULL is fine */

/* Map the rings. Negative: outside the device view or misaligned; the device is broken. */
int virtq_start(struct virtq *vq, const struct virtq_setup *setup);
bool virtq_started(const struct virtq *vq); /* even if broken since */
void virtq_stop(struct virtq *vq); /* forgets chains in flight */

#endif
