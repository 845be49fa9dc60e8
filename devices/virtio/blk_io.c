/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of a disk on io_uring. A request has at most one submission at a time, so the ring
 * of completions, which has room for depth of them, never overflows; submissions that do not
 * fit go to the kernel at once. What io_uring refuses to do is done by the loop's thread itself.
 */
#include "devices/virtio/blk_io.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "devices/later.h"
#include "vmm/device.h"

#define RETRY_NS 1000000u
#define SQ_ENTRIES 256u

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

/* Step by step until its end, by this thread. */
static int run_now(struct blk_io *io, struct blk_io_req *req)
{
	int res;

	do
		res = blk_step_run(io->file, req);
	while (blk_step_next(io->file, req, &res));
	return res;
}

static struct io_uring_sqe *get_sqe(struct blk_io *io)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);

	if (!sqe && io_uring_submit(&io->ring) > 0)
		sqe = io_uring_get_sqe(&io->ring);
	return sqe;
}

static void prepare_move(struct io_uring_sqe *sqe, int fd, const struct blk_io_req *req)
{
	uint64_t at = req->offset + req->moved;
	int flags = req->op == BLK_WRITE && req->durable ? RWF_DSYNC : 0;

	/* One buffer is the common case, and cheaper without the detour. */
	if (req->nr_iov > 1 && req->op == BLK_READ)
		io_uring_prep_readv(sqe, fd, req->iov, req->nr_iov, at);
	else if (req->nr_iov > 1)
		io_uring_prep_writev(sqe, fd, req->iov, req->nr_iov, at);
	else if (req->op == BLK_READ)
		io_uring_prep_read(sqe, fd, req->iov->iov_base, (unsigned int)req->iov->iov_len,
			at);
	else
		io_uring_prep_write(sqe, fd, req->iov->iov_base, (unsigned int)req->iov->iov_len,
			at);
	sqe->rw_flags = flags;
}

/* false: this thread has to do the step. */
static bool prepare(struct blk_io *io, struct blk_io_req *req)
{
	bool buffered = blk_step_buffered(io->file, req);
	int fd = buffered ? io->file->buffered_fd : io->file->fd;
	struct io_uring_sqe *sqe;

	sqe = req->step == STEP_DISCARD ? NULL : get_sqe(io);
	if (!sqe)
		return false;
	if (io->fixed)
		fd = buffered; /* index into the registered table */
	switch (req->step) {
	case STEP_MOVE:
	case STEP_FILL:
		prepare_move(sqe, fd, req);
		break;
	case STEP_SYNC:
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
		break;
	default:
		io_uring_prep_fallocate(sqe, fd, blk_step_fallocate_mode(req->step),
			(off_t)req->offset, (off_t)req->len);
	}
	if (io->fixed)
		sqe->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data(sqe, req);
	io->in_flight++;
	return true;
}

void blk_io_start(struct blk_io *io, struct blk_io_req *req)
{
	blk_step_first(io->file, req);
	if (req->op == BLK_DISCARD && !req->len)
		io->ops->done(io->opaque, req, 0);
	else if (!io->uring || !prepare(io, req))
		io->ops->done(io->opaque, req, run_now(io, req));
}

static void completed(struct blk_io *io, struct blk_io_req *req, int res)
{
	io->in_flight--;
	/* Not the disk's fault: a thread that submitted has ended, or no memory. */
	if (res == -EAGAIN || res == -EINTR || res == -ECANCELED)
		res = blk_step_run(io->file, req);
	if (blk_step_next(io->file, req, &res)) {
		if (prepare(io, req))
			return;
		res = run_now(io, req);
	}
	io->ops->done(io->opaque, req, res);
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

/* What the page cache has is complete when the kernel returns. */
void blk_io_submit(struct blk_io *io)
{
	while (io->uring && io_uring_sq_ready(&io->ring)) {
		if (io_uring_submit(&io->ring) <= 0) {
			later_arm(&io->retry, RETRY_NS);
			return;
		}
		reap(io);
	}
}

static void on_completions(void *opaque, uint32_t events)
{
	struct blk_io *io = opaque;

	reap(io);
	blk_io_submit(io); /* further steps */
	io->ops->batch_done(io->opaque);
}

static void on_retry(void *opaque)
{
	on_completions(opaque, 0);
}

void blk_io_drain(struct blk_io *io, const unsigned int *in_flight)
{
	struct pollfd pfd = { .fd = io->ring.ring_fd, .events = POLLIN };

	while (in_flight ? *in_flight : io->in_flight) {
		/* Nothing submitted for want of memory: give others a moment to finish. */
		if (io_uring_submit_and_wait(&io->ring, 1) < 0)
			poll(&pfd, 1, 1);
		reap(io);
	}
	blk_io_submit(io); /* further steps of other requests */
}

static int setup_ring(struct blk_io *io, unsigned int depth)
{
	struct io_uring_params p = {
		/* The loop's thread is not to be interrupted, it comes by itself. */
		.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_COOP_TASKRUN,
		.cq_entries = depth,
	};
	unsigned int entries = depth < SQ_ENTRIES ? depth : SQ_ENTRIES;
	int r = io_uring_queue_init_params(entries, &io->ring, &p);

	if (r != -EINVAL)
		return r;
	p.flags &= ~IORING_SETUP_COOP_TASKRUN; /* Linux 5.19 */
	return io_uring_queue_init_params(entries, &io->ring, &p);
}

static int setup_uring(struct blk_io *io, unsigned int depth)
{
	int fds[] = { io->file->fd, io->file->buffered_fd };
	int r = setup_ring(io, depth);

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
	blk_io_drain(io, NULL);
	if (io->uring) {
		loop_unwatch(io->loop, &io->completions);
		later_fini(&io->retry);
		if (io->fixed)
			io_uring_unregister_files(&io->ring);
		io_uring_queue_exit(&io->ring);
	}
	free(io);
}
