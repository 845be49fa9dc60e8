/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of virtio-blk: the device (blk.c), its requests (blk_req.c), and those that name
 * ranges of the disk instead of carrying data (blk_ranges.c). All of it runs on the loop's
 * thread or with it stopped.
 *
 * A request has a slot from pop to push. A chain that is in flight cannot be popped again, so
 * no more slots are taken than the queues have entries, and one for the pop that finds nothing.
 */
#ifndef DEVICES_VIRTIO_BLK_H
#define DEVICES_VIRTIO_BLK_H

#include "base/le.h"
#include "devices/virtio/blk_io.h"
#include "devices/virtio/virtio.h"

#define BLK_QUEUE_SIZE 256
#define BLK_QUEUES_MAX VIRTIO_MAX_QUEUES
#define BLK_BATCH 16			/* requests that go to the kernel together: guest and
					   device work at once on parts of a deep queue */
#define BLK_SEG_MAX 126			/* data buffers; header and status make 128 */
#define BLK_ID_BYTES 20			/* virtio 1.2, 5.2.6 */

/* Of one discard or write-zeroes request. Sectors: what may have to be written as zeroes. */
#define BLK_RANGES_MAX 32
#define BLK_DISCARD_SECTORS (1U << 22)
#define BLK_ZEROES_SECTORS (1U << 17)

/* 5.2.3 */
#define VIRTIO_BLK_F_SEG_MAX 2
#define VIRTIO_BLK_F_RO 5
#define VIRTIO_BLK_F_BLK_SIZE 6
#define VIRTIO_BLK_F_FLUSH 9
#define VIRTIO_BLK_F_MQ 12
#define VIRTIO_BLK_F_DISCARD 13
#define VIRTIO_BLK_F_WRITE_ZEROES 14

/* 5.2.6 */
#define VIRTIO_BLK_T_IN 0
#define VIRTIO_BLK_T_OUT 1
#define VIRTIO_BLK_T_FLUSH 4
#define VIRTIO_BLK_T_GET_ID 8
#define VIRTIO_BLK_T_DISCARD 11
#define VIRTIO_BLK_T_WRITE_ZEROES 13

#define VIRTIO_BLK_S_OK 0
#define VIRTIO_BLK_S_IOERR 1
#define VIRTIO_BLK_S_UNSUPP 2

struct blk_header {
	le32 type;
	le32 reserved;
	le64 sector;
};

/* A checked copy of what the guest wrote. */
struct blk_range {
	uint64_t sector;
	uint32_t nr;
	bool unmap;
};

struct blk_request {
	struct blk_io_req io;
	struct blk_queue *queue;
	struct virtq_chain chain;
	uint8_t *status;		/* guest memory, the chain's last byte */
	struct blk_request *next_free;
	unsigned int range, nr_ranges;	/* the next one, and how many there are */
	struct blk_range ranges[BLK_RANGES_MAX];
	struct iovec iov[BLK_SEG_MAX + 2];
};

struct blk_queue {
	struct blk *blk;
	struct virtq *vq;		/* borrowed from vd */
	unsigned int in_flight;		/* requests that the engine has */
	bool resetting;			/* requests end without reaching the guest */
	bool pushed;			/* since the last interrupt */
};

struct blk {
	struct dev dev;
	struct virtio_dev vd;
	struct blk_file file;
	struct blk_io *io;		/* owned */
	bool ro;
	char id[BLK_ID_BYTES];
	unsigned int nr_queues;
	struct blk_queue queues[BLK_QUEUES_MAX];
	struct blk_request *free;	/* list; newest first, so few slots are ever touched */
	unsigned int nr_used;		/* slots that were ever in the list */
	unsigned int nr_slots;
	struct blk_request *slots;	/* owned */
};

/* Take up to max requests of q and start them: how many; 0 when there are none. */
unsigned int blk_take(struct blk_queue *q, unsigned int max);

/* Interrupt every queue that has something new. */
void blk_interrupt(struct blk *blk);

extern const struct blk_io_ops blk_request_io_ops;

/* ---- blk_req.c for blk_ranges.c ------------------------------------------------------- */

/* Sectors [sector, sector + nr) exist. */
static inline bool blk_in_disk(const struct blk *blk, uint64_t sector, uint64_t nr)
{
	return range_within(sector, nr, 0, blk->file.size / BLK_SECTOR);
}

/* Every request ends here, once. moved: bytes of data stored into guest memory. */
void blk_finish(struct blk_request *req, uint8_t status, uint64_t moved);

/* req->io is filled in. */
void blk_start_io(struct blk_request *req);

/* ---- blk_ranges.c --------------------------------------------------------------------- */

/* VIRTIO_BLK_T_DISCARD or VIRTIO_BLK_T_WRITE_ZEROES. */
void blk_ranges_start(struct blk_request *req, uint32_t type);

/* A range is done: start the next one; false: there is none. */
bool blk_ranges_next(struct blk_request *req);

#endif
