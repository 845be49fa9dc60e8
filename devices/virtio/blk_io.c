/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of a disk on io_uring. A request has at most one submission at a time, so a ring
 * of depth entries never overflows. What the kernel moved only in part is submitted again for
 * the rest. What io_uring refuses to do is done by the loop's thread itself.
 */
#include "devices/virtio/blk_io.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "devices/later.h"
#include "vmm/device.h"

#define RETRY_NS 1000000u

struct blk_io {
	struct loop *loop;			/* borrowed */
	const struct blk_file *file;		/* borrowed */
	const struct blk_io_ops *ops;
	void *opaque;
	bool uring;
	bool fixed;				/* file is registered with the ring */
	unsigned int in_flight;			/* prepared or submitted, not done */
	struct io_uring ring;
	struct loop_fd completions;
	struct later retry;			/* the kernel had no memory to submit */
};

void blk_iov_skip(struct iovec **iov, unsigned int *nr, uint64_t n)
{
	while (*nr && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		(*iov)++;
		(*nr)--;
	}
	if (*nr) {
		(*iov)->iov_base = (uint8_t *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

/* n more bytes are done. true: the request is complete. */
static bool advance(struct blk_io_req *req, size_t n)
{
	blk_iov_skip(&req->iov, &req->nr_iov, n);
	req->moved += n;
	return req->moved >= req->len;
}

static bool aligned(const struct blk_file *file, const struct blk_io_req *req)
{
	uint64_t bits = 0;

	for (unsigned int i = 0; i < req->nr_iov; i++)
		bits |= (uintptr_t)req->iov[i].iov_base | req->iov[i].iov_len;
	return !(bits & (file->mem_align - 1)) &&
		!((req->offset + req->moved) & (file->offset_align - 1)) &&
		!((req->len - req->moved) & (file->offset_align - 1));
}

/* With O_DIRECT, what is not aligned goes through the page cache: slow, and right. */
static bool use_buffered(const struct blk_io *io, const struct blk_io_req *req)
{
	return io->file->buffered_fd >= 0 && req->op != BLK_FLUSH && !aligned(io->file, req);
}

/* ---- By the loop's thread itself ----------------------------------------------------- */

static ssize_t move_now(struct blk_io *io, struct blk_io_req *req)
{
	int fd = use_buffered(io, req) ? io->file->buffered_fd : io->file->fd;
	off_t at = (off_t)(req->offset + req->moved);
	int nr = req->nr_iov < IOV_MAX ? (int)req->nr_iov : IOV_MAX;

	switch (req->op) {
	case BLK_READ:
		return preadv(fd, req->iov, nr, at);
	case BLK_WRITE:
		return pwritev2(fd, req->iov, nr, at, req->durable ? RWF_DSYNC : 0);
	case BLK_FLUSH:
		return fdatasync(fd);
	}
	return -1;
}

static int run_now(struct blk_io *io, struct blk_io_req *req)
{
	ssize_t n;

	for (;;) {
		n = move_now(io, req);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (req->op == BLK_FLUSH || advance(req, (size_t)n))
			return 0;
		if (!n)
			return -EIO; /* the file is shorter than it was */
	}
}

/* ---- io_uring ------------------------------------------------------------------------ */

static bool prepare(struct blk_io *io, struct blk_io_req *req)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);
	bool buffered = use_buffered(io, req);
	int fd = buffered ? io->file->buffered_fd : io->file->fd;
	uint64_t at = req->offset + req->moved;

	if (!sqe)
		return false;
	if (io->fixed)
		fd = buffered; /* index into the registered table */
	switch (req->op) {
	case BLK_READ:
		io_uring_prep_readv(sqe, fd, req->iov, req->nr_iov, at);
		break;
	case BLK_WRITE:
		io_uring_prep_writev2(sqe, fd, req->iov, req->nr_iov, at,
			req->durable ? RWF_DSYNC : 0);
		break;
	case BLK_FLUSH:
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
		break;
	}
	if (io->fixed)
		sqe->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data(sqe, req);
	io->in_flight++;
	return true;
}

void blk_io_start(struct blk_io *io, struct blk_io_req *req)
{
	req->moved = 0;
	if (!io->uring || !prepare(io, req))
		io->ops->done(io->opaque, req, run_now(io, req));
}

static void completed(struct blk_io *io, struct blk_io_req *req, int res)
{
	io->in_flight--;
	if (res == -EAGAIN || res == -EINTR || res == -ECANCELED) {
		/* Not the disk's fault: a thread that submitted has ended, or no memory. */
		res = run_now(io, req);
	} else if (res >= 0 && req->op != BLK_FLUSH) {
		if (!advance(req, (size_t)res)) {
			if (res > 0 && prepare(io, req))
				return;
			res = res > 0 ? run_now(io, req) : -EIO;
		}
	}
	io->ops->done(io->opaque, req, res < 0 ? res : 0);
}

static void reap(struct blk_io *io)
{
	struct io_uring_cqe *cqe;

	while (!io_uring_peek_cqe(&io->ring, &cqe)) {
		struct blk_io_req *req = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(&io->ring, cqe);
		completed(io, req, res);
	}
}

void blk_io_submit(struct blk_io *io)
{
	if (!io->uring || !io_uring_sq_ready(&io->ring))
		return;
	if (io_uring_submit(&io->ring) < 0)
		later_arm(&io->retry, RETRY_NS);
}

static void on_completions(void *opaque, uint32_t events)
{
	struct blk_io *io = opaque;

	reap(io);
	blk_io_submit(io); /* the rest of what was moved in part */
	io->ops->batch_done(io->opaque);
}

static void on_retry(void *opaque)
{
	blk_io_submit(opaque);
}

void blk_io_drain(struct blk_io *io)
{
	struct pollfd pfd = { .fd = io->ring.ring_fd, .events = POLLIN };

	while (io->in_flight) {
		/* Nothing submitted for want of memory: give others a moment to finish. */
		if (io_uring_submit_and_wait(&io->ring, 1) < 0)
			poll(&pfd, 1, 1);
		reap(io);
	}
}

static int setup_uring(struct blk_io *io, unsigned int depth)
{
	int fds[] = { io->file->fd, io->file->buffered_fd };
	int r = io_uring_queue_init(depth, &io->ring, 0);

	if (r < 0)
		return r;
	r = loop_watch(io->loop, &io->completions, io->ring.ring_fd, EPOLLIN, on_completions, io);
	if (!r)
		r = later_init(&io->retry, io->loop, on_retry, io);
	if (r < 0) {
		loop_unwatch(io->loop, &io->completions);
		io_uring_queue_exit(&io->ring);
		return r;
	}
	io->fixed = !io_uring_register_files(&io->ring, fds, fds[1] < 0 ? 1 : 2);
	io->uring = true;
	return 0;
}

int blk_io_create(const struct dev_env *env, const char *name, const struct blk_file *file,
	unsigned int depth, bool uring, const struct blk_io_ops *ops, void *opaque,
	struct blk_io **out, struct tvm_error *err)
{
	struct blk_io *io = calloc(1, sizeof(*io));
	int r;

	if (!io)
		return err_set(err, -ENOMEM, "%s: out of memory", name);
	io->loop = env->loop;
	io->file = file;
	io->ops = ops;
	io->opaque = opaque;
	io->completions = LOOP_FD_NONE;
	if (uring) {
		/* Containers often forbid it, and old kernels count it as locked memory. */
		r = setup_uring(io, depth);
		if (r < 0)
			log_info(env->log, "%s: no io_uring (errno %d), using plain system calls",
				name, -r);
	}
	*out = io;
	return 0;
}

void blk_io_destroy(struct blk_io *io)
{
	if (!io)
		return;
	blk_io_drain(io);
	if (io->uring) {
		loop_unwatch(io->loop, &io->completions);
		later_fini(&io->retry);
		if (io->fixed)
			io_uring_unregister_files(&io->ring);
		io_uring_queue_exit(&io->ring);
	}
	free(io);
}
