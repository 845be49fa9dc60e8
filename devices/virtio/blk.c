/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-blk (virtio 1.2, 5.2): the protocol. The header is copied before it is looked at, the
 * status byte is written once, data goes between guest memory and the host kernel unseen.
 *
 * A request has a slot from pop to push. A chain that is in flight cannot be popped again, so
 * no more slots are taken than the queue has entries, and one for the pop that finds nothing.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/le.h"
#include "base/log.h"
#include "devices/devices.h"
#include "devices/virtio/blk_io.h"
#include "devices/virtio/virtio.h"
#include "vmm/devopts.h"

#define QUEUE_SIZE 256
#define SEG_MAX 126			/* data buffers; header and status make 128 */
#define ID_BYTES 20			/* 5.2.6 */

/* 5.2.3 */
#define VIRTIO_BLK_F_SEG_MAX 2
#define VIRTIO_BLK_F_RO 5
#define VIRTIO_BLK_F_BLK_SIZE 6
#define VIRTIO_BLK_F_FLUSH 9

/* 5.2.4, as far as the offered features reach */
struct blk_config {
	le64 capacity;			/* in sectors of 512 bytes */
	le32 size_max;
	le32 seg_max;
	uint8_t geometry[4];
	le32 blk_size;
};

/* 5.2.6 */
#define VIRTIO_BLK_T_IN 0
#define VIRTIO_BLK_T_OUT 1
#define VIRTIO_BLK_T_FLUSH 4
#define VIRTIO_BLK_T_GET_ID 8

#define VIRTIO_BLK_S_OK 0
#define VIRTIO_BLK_S_IOERR 1
#define VIRTIO_BLK_S_UNSUPP 2

struct blk_header {
	le32 type;
	le32 reserved;
	le64 sector;
};

struct request {
	struct blk_io_req io;
	struct virtq_chain chain;
	uint8_t *status;		/* guest memory, the chain's last byte */
	struct request *next_free;
	struct iovec iov[SEG_MAX + 2];
};

struct blk {
	struct dev dev;
	struct virtio_dev vd;
	struct blk_file file;
	struct blk_io *io;		/* owned */
	bool ro;
	bool resetting;			/* requests end without reaching the guest */
	bool pushed;			/* since the last interrupt */
	char id[ID_BYTES];
	struct request *free;		/* list; newest first, so few slots are ever touched */
	unsigned int nr_used;		/* slots that were ever in the list */
	struct request slots[QUEUE_SIZE + 1];
};

static struct request *get_slot(struct blk *blk)
{
	struct request *req = blk->free;

	if (req) {
		blk->free = req->next_free;
		return req;
	}
	assert(blk->nr_used < ARRAY_SIZE(blk->slots));
	return &blk->slots[blk->nr_used++];
}

static void put_slot(struct blk *blk, struct request *req)
{
	req->next_free = blk->free;
	blk->free = req;
}

/* Every request ends here. moved: bytes of data stored into guest memory. */
static void finish(struct blk *blk, struct request *req, uint8_t status, uint64_t moved)
{
	if (!blk->resetting) {
		*req->status = status;
		virtq_push(blk->vd.queues[0], &req->chain, (uint32_t)moved + 1);
		blk->pushed = true;
	}
	put_slot(blk, req);
}

static void io_done(void *opaque, struct blk_io_req *io, int result)
{
	struct blk *blk = opaque;
	struct request *req = container_of(io, struct request, io);

	if (result < 0 && !blk->resetting)
		log_guest(blk->vd.env->log, "%s: %s of %llu bytes at %llu failed: errno %d",
			blk->vd.name, io->op == BLK_READ ? "read" :
			io->op == BLK_WRITE ? "write" : "flush", (unsigned long long)io->len,
			(unsigned long long)io->offset, -result);
	finish(blk, req, result < 0 ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK,
		io->op == BLK_READ ? io->moved : 0);
}

/* 5.2.6.1, 5.2.6.2: whole sectors, none beyond the end. */
static bool in_disk(const struct blk *blk, uint64_t sector, uint64_t len)
{
	return len % BLK_SECTOR == 0 &&
		range_within(sector, len / BLK_SECTOR, 0, blk->file.size / BLK_SECTOR);
}

static void start_io(struct blk *blk, struct request *req, enum blk_op op, uint64_t sector)
{
	struct blk_io_req *io = &req->io;

	if (op != BLK_FLUSH && (!in_disk(blk, sector, io->len) || (op == BLK_WRITE && blk->ro))) {
		log_guest(blk->vd.env->log, "%s: %s of %llu bytes at sector %llu of %llu%s",
			blk->vd.name, op == BLK_READ ? "read" : "write",
			(unsigned long long)io->len, (unsigned long long)sector,
			(unsigned long long)(blk->file.size / BLK_SECTOR),
			blk->ro ? ", read-only" : "");
		finish(blk, req, VIRTIO_BLK_S_IOERR, 0);
		return;
	}
	if (op != BLK_FLUSH && !io->len) {
		finish(blk, req, VIRTIO_BLK_S_OK, 0);
		return;
	}
	io->op = op;
	io->offset = sector * BLK_SECTOR;
	/* 5.2.6.2: a driver that cannot flush sees a write-through cache. */
	io->durable = op == BLK_WRITE && !virtio_has(&blk->vd, VIRTIO_BLK_F_FLUSH);
	blk_io_start(blk->io, io);
}

/* The buffers of a request without its header, or without its status byte. */
static void readable_data(struct request *req)
{
	req->io.iov = req->iov;
	req->io.nr_iov = req->chain.nr_out;
	req->io.len = req->chain.out_len - sizeof(struct blk_header);
	blk_iov_skip(&req->io.iov, &req->io.nr_iov, sizeof(struct blk_header));
}

static void writable_data(struct request *req)
{
	struct iovec *last = &req->iov[req->chain.nr_out + req->chain.nr_in - 1];

	req->io.iov = req->iov + req->chain.nr_out;
	req->io.nr_iov = req->chain.nr_in;
	req->io.len = req->chain.in_len - 1;
	if (--last->iov_len == 0)
		req->io.nr_iov--;
}

static void get_id(struct blk *blk, struct request *req)
{
	uint64_t room = req->chain.in_len - 1;
	size_t n = room < ID_BYTES ? (size_t)room : ID_BYTES;

	virtq_chain_write(&req->chain, 0, blk->id, n);
	finish(blk, req, VIRTIO_BLK_S_OK, n);
}

static void start(struct blk *blk, struct request *req, const struct blk_header *h)
{
	uint32_t type = le32_get(h->type);
	uint64_t sector = le64_get(h->sector);

	switch (type) {
	case VIRTIO_BLK_T_IN:
		writable_data(req);
		start_io(blk, req, BLK_READ, sector);
		break;
	case VIRTIO_BLK_T_OUT:
		readable_data(req);
		start_io(blk, req, BLK_WRITE, sector);
		break;
	case VIRTIO_BLK_T_FLUSH:
		req->io.nr_iov = 0;
		req->io.len = 0;
		start_io(blk, req, BLK_FLUSH, 0);
		break;
	case VIRTIO_BLK_T_GET_ID:
		get_id(blk, req);
		break;
	default:
		finish(blk, req, VIRTIO_BLK_S_UNSUPP, 0);
	}
}

/* Take one request: false when there is none. */
static bool take(struct blk *blk, struct virtq *vq)
{
	struct request *req = get_slot(blk);
	struct iovec *last;
	struct blk_header h;

	req->chain.iov = req->iov;
	req->chain.max_iov = ARRAY_SIZE(req->iov);
	if (virtq_pop(vq, &req->chain) <= 0) {
		put_slot(blk, req);
		return false;
	}
	/* 5.2.6: any split into buffers is allowed, but header and status must be there. */
	if (virtq_chain_read(&req->chain, 0, &h, sizeof(h)) < sizeof(h) || !req->chain.in_len) {
		virtio_broken(&blk->vd, "request of %llu readable and %llu writable bytes",
			(unsigned long long)req->chain.out_len,
			(unsigned long long)req->chain.in_len);
		virtq_push(vq, &req->chain, 0);
		put_slot(blk, req);
		return false;
	}
	last = &req->iov[req->chain.nr_out + req->chain.nr_in - 1];
	req->status = (uint8_t *)last->iov_base + last->iov_len - 1;
	start(blk, req, &h);
	return true;
}

static void interrupt(void *opaque)
{
	struct blk *blk = opaque;

	if (blk->pushed)
		virtq_notify(blk->vd.queues[0]);
	blk->pushed = false;
}

static void blk_notify(struct virtio_dev *vd, unsigned int index)
{
	struct blk *blk = container_of(vd, struct blk, vd);
	struct virtq *vq = vd->queues[index];
	unsigned int budget = QUEUE_SIZE;

	do {
		virtq_disable_notify(vq);
		while (budget && take(blk, vq))
			budget--;
	} while (budget && virtq_enable_notify(vq));
	blk_io_submit(blk->io);
	interrupt(blk);
	/* A guest that is faster than we are must leave turns for others on this thread. */
	if (!budget)
		virtio_queue_kick(vd, index);
}

static void blk_reset(struct virtio_dev *vd)
{
	struct blk *blk = container_of(vd, struct blk, vd);

	blk->resetting = true;
	blk_io_drain(blk->io);
	blk->resetting = false;
	blk->pushed = false;
}

static const struct virtio_ops blk_ops = {
	.id = VIRTIO_ID_BLOCK,
	.features = BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_BLK_SIZE) |
		BIT(VIRTIO_BLK_F_FLUSH),
	.notify = blk_notify,
	.reset = blk_reset,
};

static void machine_reset(struct dev *dev)
{
	virtio_machine_reset(&((struct blk *)dev)->vd);
}

static void blk_destroy(struct dev *dev)
{
	struct blk *blk = (struct blk *)dev;

	virtio_fini(&blk->vd);
	blk_io_destroy(blk->io);
	blk_file_close(&blk->file);
	free(blk);
}

static void fill_config(struct blk *blk)
{
	struct blk_config *config = (struct blk_config *)blk->vd.config;

	config->capacity = le64_make(blk->file.size / BLK_SECTOR);
	config->seg_max = le32_make(SEG_MAX);
	config->blk_size = le32_make(blk->file.block_size);
}

static int blk_init(struct blk *blk, const struct dev_env *env, const struct disk_opts *opts,
	struct tvm_error *err)
{
	static const struct blk_io_ops io_ops = { io_done, interrupt };
	static const uint16_t sizes[] = { QUEUE_SIZE };
	const char *base = strrchr(opts->path, '/');
	char name[24];
	int r;

	if (opts->serial && strlen(opts->serial) > ID_BYTES)
		return err_set(err, -EINVAL, "%s: serial \"%s\" is longer than %d bytes",
			opts->path, opts->serial, ID_BYTES);
	if (opts->serial)
		memcpy(blk->id, opts->serial, strlen(opts->serial));
	blk->ro = opts->ro;
	r = blk_file_open(env, opts, &blk->file, err);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "disk %.18s", base ? base + 1 : opts->path);
	r = virtio_init(&blk->vd, &blk_ops, env, name, blk->ro ? BIT(VIRTIO_BLK_F_RO) : 0,
		sizeof(struct blk_config), ARRAY_SIZE(sizes), sizes, err);
	if (r < 0)
		return r;
	fill_config(blk);
	r = blk_io_create(env, blk->vd.name, &blk->file, QUEUE_SIZE, true, &io_ops, blk, &blk->io,
		err);
	return r < 0 ? r : virtio_attach(&blk->vd, err);
}

static int blk_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	struct blk *blk = calloc(1, sizeof(*blk));
	int r;

	if (!blk)
		return err_set(err, -ENOMEM, "disk: out of memory");
	blk->dev.cls = &virtio_blk_class;
	blk->file.fd = blk->file.buffered_fd = -1;
	r = blk_init(blk, env, opts, err);
	if (r < 0) {
		blk_destroy(&blk->dev);
		return r;
	}
	*out = &blk->dev;
	return 0;
}

const struct dev_class virtio_blk_class = {
	.name = "virtio-blk",
	.create = blk_create,
	.reset = machine_reset,
	.destroy = blk_destroy,
};
