/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of virtio-blk (virtio 1.2, 5.2.6). The header is copied before it is looked at, the
 * status byte is written once, data goes between guest memory and the host kernel unseen.
 */
#include <assert.h>
#include <errno.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "devices/virtio/blk.h"

static struct blk_request *get_slot(struct blk *blk)
{
	struct blk_request *req = blk->free;

	if (req) {
		blk->free = req->next_free;
		return req;
	}
	assert(blk->nr_used < blk->nr_slots);
	return &blk->slots[blk->nr_used++];
}

static void put_slot(struct blk *blk, struct blk_request *req)
{
	req->next_free = blk->free;
	blk->free = req;
}

void blk_finish(struct blk_request *req, uint8_t status, uint64_t moved)
{
	struct blk_queue *q = req->queue;

	if (!q->resetting) {
		*req->status = status;
		virtq_push(q->vq, &req->chain, (uint32_t)moved + 1);
		q->pushed = true;
	}
	put_slot(q->blk, req);
}

static void log_failure(const struct blk *blk, const struct blk_io_req *io, int error)
{
	static const char *const names[] = { "read", "write", "flush", "discard", "write zeroes" };

	log_guest(blk->vd.env->log, "%s: %s of %llu bytes at %llu failed: errno %d", blk->vd.name,
		names[io->op], (unsigned long long)io->len, (unsigned long long)io->offset,
		error);
}

static void io_done(void *opaque, struct blk_io_req *io, int result)
{
	struct blk_request *req = container_of(io, struct blk_request, io);
	uint8_t status = VIRTIO_BLK_S_OK;

	req->queue->in_flight--;
	if (result < 0 && !req->queue->resetting)
		log_failure(opaque, io, -result);
	if (result < 0)
		status = result == -EOPNOTSUPP ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR;
	else if (!req->queue->resetting && blk_ranges_next(req))
		return;
	blk_finish(req, status, io->op == BLK_READ ? io->moved : 0);
}

static void batch_done(void *opaque)
{
	blk_interrupt(opaque);
}

const struct blk_io_ops blk_request_io_ops = { io_done, batch_done };

void blk_start_io(struct blk_request *req)
{
	struct blk *blk = req->queue->blk;
	struct blk_io_req *io = &req->io;

	/* 5.2.6.2: a driver that cannot flush sees a write-through cache. */
	io->durable = !virtio_has(&blk->vd, VIRTIO_BLK_F_FLUSH);
	io->cancelled = &req->queue->resetting;
	req->queue->in_flight++;
	blk_io_start(blk->io, io);
}

/* 5.2.6.1, 5.2.6.2: whole sectors, none beyond the end. */
static void start_move(struct blk_request *req, enum blk_op op, uint64_t sector)
{
	const struct blk *blk = req->queue->blk;
	struct blk_io_req *io = &req->io;

	if (io->len % BLK_SECTOR || !blk_in_disk(blk, sector, io->len / BLK_SECTOR) ||
	    (op == BLK_WRITE && blk->ro)) {
		log_guest(blk->vd.env->log, "%s: %s of %llu bytes at sector %llu of %llu%s",
			blk->vd.name, op == BLK_READ ? "read" : "write",
			(unsigned long long)io->len, (unsigned long long)sector,
			(unsigned long long)(blk->file.size / BLK_SECTOR),
			blk->ro ? ", read-only" : "");
		blk_finish(req, VIRTIO_BLK_S_IOERR, 0);
		return;
	}
	if (!io->len) {
		blk_finish(req, VIRTIO_BLK_S_OK, 0);
		return;
	}
	io->op = op;
	io->offset = sector * BLK_SECTOR;
	blk_start_io(req);
}

/* The buffers of a request without its header, or without its status byte. */
static void readable_data(struct blk_request *req)
{
	req->io.iov = req->iov;
	req->io.nr_iov = req->chain.nr_out;
	req->io.len = req->chain.out_len - sizeof(struct blk_header);
	blk_iov_skip(&req->io.iov, &req->io.nr_iov, sizeof(struct blk_header));
}

static void writable_data(struct blk_request *req)
{
	struct iovec *last = &req->iov[req->chain.nr_out + req->chain.nr_in - 1];

	req->io.iov = req->iov + req->chain.nr_out;
	req->io.nr_iov = req->chain.nr_in;
	req->io.len = req->chain.in_len - 1;
	if (--last->iov_len == 0)
		req->io.nr_iov--;
}

static void start_flush(struct blk_request *req)
{
	req->io.op = BLK_FLUSH;
	req->io.offset = req->io.len = 0;
	req->io.nr_iov = 0;
	blk_start_io(req);
}

static void get_id(struct blk_request *req)
{
	uint64_t room = req->chain.in_len - 1;
	size_t n = room < BLK_ID_BYTES ? (size_t)room : BLK_ID_BYTES;

	virtq_chain_write(&req->chain, 0, req->queue->blk->id, n);
	blk_finish(req, VIRTIO_BLK_S_OK, n);
}

static void start(struct blk_request *req, const struct blk_header *h)
{
	uint32_t type = le32_get(h->type);

	req->range = req->nr_ranges = 0;
	switch (type) {
	case VIRTIO_BLK_T_IN:
		writable_data(req);
		start_move(req, BLK_READ, le64_get(h->sector));
		break;
	case VIRTIO_BLK_T_OUT:
		readable_data(req);
		start_move(req, BLK_WRITE, le64_get(h->sector));
		break;
	case VIRTIO_BLK_T_FLUSH:
		start_flush(req);
		break;
	case VIRTIO_BLK_T_GET_ID:
		get_id(req);
		break;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		blk_ranges_start(req, type);
		break;
	default:
		blk_finish(req, VIRTIO_BLK_S_UNSUPP, 0);
	}
}

/* The next request, its header not looked at yet; NULL when there is none. */
static struct blk_request *pop(struct blk_queue *q)
{
	struct blk_request *req = get_slot(q->blk);

	req->queue = q;
	req->chain.iov = req->iov;
	req->chain.max_iov = ARRAY_SIZE(req->iov);
	if (virtq_pop(q->vq, &req->chain) <= 0) {
		put_slot(q->blk, req);
		return NULL;
	}
	/* The guest's processor has it: let it come while others are popped. */
	__builtin_prefetch(req->iov[0].iov_base);
	return req;
}

/* 5.2.6: any split into buffers is allowed, but header and status must be there. */
static bool look(struct blk_request *req, struct blk_header *h)
{
	const struct virtq_chain *chain = &req->chain;
	struct blk_queue *q = req->queue;

	/* Nothing of a batch starts after a broken rule. */
	if (!virtq_ready(q->vq))
		return false;
	if (virtq_chain_read(chain, 0, h, sizeof(*h)) == sizeof(*h) && chain->in_len)
		return true;
	virtio_broken(&q->blk->vd, "request of %llu readable and %llu writable bytes",
		(unsigned long long)chain->out_len, (unsigned long long)chain->in_len);
	return false;
}

static void begin(struct blk_request *req)
{
	struct blk_queue *q = req->queue;
	struct iovec *last;
	struct blk_header h;

	if (!look(req, &h)) {
		virtq_push(q->vq, &req->chain, 0);
		put_slot(q->blk, req);
		return;
	}
	last = &req->iov[req->chain.nr_out + req->chain.nr_in - 1];
	req->status = (uint8_t *)last->iov_base + last->iov_len - 1;
	start(req, &h);
}

unsigned int blk_take(struct blk_queue *q, unsigned int max)
{
	struct blk_request *reqs[BLK_BATCH];
	unsigned int nr;

	for (nr = 0; nr < max && nr < BLK_BATCH; nr++) {
		reqs[nr] = pop(q);
		if (!reqs[nr])
			break;
	}
	for (unsigned int i = 0; i < nr; i++)
		begin(reqs[i]);
	return nr;
}
