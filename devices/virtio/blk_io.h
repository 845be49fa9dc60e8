/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of a disk: a raw file or block device (blk_file.c) and the engine that
 * moves bytes between it and guest memory (blk_io.c): io_uring, or plain preadv/pwritev
 * where the host forbids io_uring. Everything runs on the loop's thread or with it stopped.
 */
#ifndef DEVICES_VIRTIO_BLK_IO_H
#define DEVICES_VIRTIO_BLK_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct dev_env;
struct disk_opts;
struct tvm_error;

#define BLK_SECTOR 512u

/* ---- The file ------------------------------------------------------------------------ */

struct blk_file {
	int fd;			/* owned */
	int buffered_fd;	/* owned; with O_DIRECT: for what is not aligned; else -1 */
	uint64_t size;		/* bytes, a multiple of block_size */
	uint32_t block_size;	/* what the guest should take for a logical block */
	uint32_t mem_align;	/* with O_DIRECT: of buffers and their lengths */
	uint32_t offset_align;	/* with O_DIRECT: of file offsets */
};

/* Opens, checks and locks. On success *out owns the descriptors. */
int blk_file_open(const struct dev_env *env, const struct disk_opts *opts, struct blk_file *out,
	struct tvm_error *err);
void blk_file_close(struct blk_file *file);

/* ---- The engine ---------------------------------------------------------------------- */

struct blk_io;

enum blk_op { BLK_READ, BLK_WRITE, BLK_FLUSH };

/* Embedded in its request; untouched by the caller until done(). */
struct blk_io_req {
	enum blk_op op;
	bool durable;		/* BLK_WRITE: on stable storage when done */
	uint64_t offset;
	struct iovec *iov;	/* guest memory; entries are consumed */
	unsigned int nr_iov;
	uint64_t len;		/* bytes in iov */
	uint64_t moved;		/* bytes read or written */
};

struct blk_io_ops {
	/* 0, or a negative errno: req->moved bytes are good all the same. */
	void (*done)(void *opaque, struct blk_io_req *req, int result);
	/* After the last done() of a batch that blk_io_start() did not cause. */
	void (*batch_done)(void *opaque);
};

/* At most depth requests are in flight. uring false: do not even try. file is borrowed. */
int blk_io_create(const struct dev_env *env, const char *name, const struct blk_file *file,
	unsigned int depth, bool uring, const struct blk_io_ops *ops, void *opaque,
	struct blk_io **out, struct tvm_error *err);
void blk_io_destroy(struct blk_io *io); /* drains; NULL is fine */

/* done() may be called before this returns. blk_io_submit() follows a batch of these. */
void blk_io_start(struct blk_io *io, struct blk_io_req *req);
void blk_io_submit(struct blk_io *io);

/* Wait until nothing is in flight: the host kernel touches no buffer afterwards. */
void blk_io_drain(struct blk_io *io);

/* Drop the first n bytes of *iov, and entries that are empty. */
void blk_iov_skip(struct iovec **iov, unsigned int *nr, uint64_t n);

#endif
