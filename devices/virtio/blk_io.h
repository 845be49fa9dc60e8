/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of a disk: a raw file or block device (blk_file.c) and the engine that
 * moves bytes between it and guest memory (blk_io.c): io_uring, or plain system calls where
 * the host forbids io_uring. blk_step.c knows which calls a request comes to. Everything runs
 * on the loop's thread or with it stopped.
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
	bool device;		/* a block device, not a regular file */
	bool discard;		/* space can be given back */
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

enum blk_op { BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_DISCARD, BLK_ZERO };

/* One system call of a request; most requests have one. */
enum blk_step {
	STEP_MOVE,		/* between file and iov */
	STEP_SYNC,
	STEP_PUNCH,		/* fallocate: a hole */
	STEP_DISCARD,		/* of a block device that cannot make holes */
	STEP_ZERO,		/* fallocate: zeroes, with space behind them */
	STEP_FILL,		/* zeroes written */
};

/* Embedded in its request; untouched by the caller until done(). */
struct blk_io_req {
	enum blk_op op;
	bool durable;		/* BLK_WRITE, BLK_ZERO: on stable storage when done */
	bool unmap;		/* BLK_ZERO: better without space behind it */
	uint64_t offset;
	uint64_t len;		/* bytes */
	/*
	 * BLK_READ, BLK_WRITE: guest memory of len bytes; entries are consumed. BLK_ZERO: nr_iov
	 * entries that the engine may use.
	 */
	struct iovec *iov;
	unsigned int nr_iov;
	const bool *cancelled;	/* true: start nothing more of it; NULL: never */
	uint64_t moved;		/* bytes read or written */

	enum blk_step step;	/* from here on: the engine's own */
	bool buffered;		/* not by O_DIRECT */
	struct iovec *fill;
	unsigned int nr_fill;
};

struct blk_io_ops {
	/* 0, or a negative errno: req->moved bytes are good all the same. */
	void (*done)(void *opaque, struct blk_io_req *req, int result);
	/* After the last done() of a batch that neither start nor submit caused. */
	void (*batch_done)(void *opaque);
};

/* At most depth requests are in flight. uring false: do not even try. file is borrowed. */
int blk_io_create(const struct dev_env *env, const char *name, const struct blk_file *file,
	unsigned int depth, bool uring, const struct blk_io_ops *ops, void *opaque,
	struct blk_io **out, struct tvm_error *err);
void blk_io_destroy(struct blk_io *io); /* drains; NULL is fine */

/*
 * done() may be called before these return, and may start further requests itself.
 * blk_io_submit() follows a batch of starts.
 */
void blk_io_start(struct blk_io *io, struct blk_io_req *req);
void blk_io_submit(struct blk_io *io);

/*
 * Wait until *in_flight, which the caller counts, is 0; NULL: until nothing is in flight. The
 * host kernel touches no buffer of those requests afterwards.
 */
void blk_io_drain(struct blk_io *io, const unsigned int *in_flight);

/* Drop the first n bytes of *iov, and entries that are empty. */
void blk_iov_skip(struct iovec **iov, unsigned int *nr, uint64_t n);

/* ---- blk_step.c, for the engine ------------------------------------------------------- */

void blk_step_first(const struct blk_file *file, struct blk_io_req *req);

/* By this thread: bytes, or a negative errno. */
int blk_step_run(const struct blk_file *file, struct blk_io_req *req);

/* After a step that gave *res: true when another one follows, else *res is the request's. */
bool blk_step_next(const struct blk_file *file, struct blk_io_req *req, int *res);

/* With O_DIRECT, what is not aligned goes through the page cache: slow, and right. */
bool blk_step_buffered(const struct blk_file *file, const struct blk_io_req *req);

int blk_step_fallocate_mode(enum blk_step step);

#endif
