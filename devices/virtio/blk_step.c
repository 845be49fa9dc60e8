/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request of a disk as system calls, one after the other, whoever makes them. What was
 * moved only in part goes on with the rest. Zeroes are first asked of the file system, which
 * may refuse; then they are written.
 */
#include "devices/virtio/blk_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/bits.h"

/* What STEP_FILL writes, again and again; aligned for O_DIRECT. */
#define ZEROES 4096u
static const uint8_t zeroes[ZEROES] __attribute__((aligned(ZEROES)));

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

static bool aligned(const struct blk_file *file, const struct blk_io_req *req)
{
	uint64_t bits = 0;

	for (unsigned int i = 0; i < req->nr_iov; i++)
		bits |= (uintptr_t)req->iov[i].iov_base | req->iov[i].iov_len;
	return !(bits & (file->mem_align - 1)) &&
		!((req->offset + req->moved) & (file->offset_align - 1)) &&
		!((req->len - req->moved) & (file->offset_align - 1));
}

bool blk_step_buffered(const struct blk_file *file, const struct blk_io_req *req)
{
	if (file->buffered_fd < 0 || (req->step != STEP_MOVE && req->step != STEP_FILL))
		return false;
	return req->buffered || !aligned(file, req);
}

int blk_step_fallocate_mode(enum blk_step step)
{
	return (step == STEP_PUNCH ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE) |
		FALLOC_FL_KEEP_SIZE;
}

static void fill(struct blk_io_req *req)
{
	uint64_t left = req->len - req->moved;

	req->iov = req->fill;
	req->step = STEP_FILL;
	for (req->nr_iov = 0; left && req->nr_iov < req->nr_fill; req->nr_iov++) {
		size_t n = left < ZEROES ? (size_t)left : ZEROES;

		req->iov[req->nr_iov] = (struct iovec){ (void *)zeroes, n };
		left -= n;
	}
}

void blk_step_first(const struct blk_file *file, struct blk_io_req *req)
{
	uint64_t end = req->offset + req->len, start;

	req->moved = 0;
	req->buffered = false;
	switch (req->op) {
	case BLK_READ:
	case BLK_WRITE:
		req->step = STEP_MOVE;
		break;
	case BLK_FLUSH:
		req->step = STEP_SYNC;
		break;
	case BLK_DISCARD:
		req->step = STEP_PUNCH;
		if (!file->device)
			break;
		/* A hint: whole blocks or nothing. */
		start = align_up(req->offset, file->block_size);
		end = align_down(end, file->block_size);
		req->offset = start;
		req->len = end > start ? end - start : 0;
		break;
	case BLK_ZERO:
		req->step = req->unmap ? STEP_PUNCH : STEP_ZERO;
		req->fill = req->iov;
		req->nr_fill = req->nr_iov;
		break;
	}
}

static int move(const struct blk_file *file, struct blk_io_req *req)
{
	int fd = blk_step_buffered(file, req) ? file->buffered_fd : file->fd;
	off_t at = (off_t)(req->offset + req->moved);

	if (req->op == BLK_READ)
		return (int)preadv(fd, req->iov, (int)req->nr_iov, at);
	return (int)pwritev2(fd, req->iov, (int)req->nr_iov, at,
		req->op == BLK_WRITE && req->durable ? RWF_DSYNC : 0);
}

static int step(const struct blk_file *file, struct blk_io_req *req)
{
	uint64_t range[2] = { req->offset, req->len };

	switch (req->step) {
	case STEP_MOVE:
	case STEP_FILL:
		return move(file, req);
	case STEP_SYNC:
		return fdatasync(file->fd);
	case STEP_PUNCH:
	case STEP_ZERO:
		return fallocate(file->fd, blk_step_fallocate_mode(req->step),
			(off_t)req->offset, (off_t)req->len);
	case STEP_DISCARD:
		return ioctl(file->fd, BLKDISCARD, range);
	}
	return -1;
}

int blk_step_run(const struct blk_file *file, struct blk_io_req *req)
{
	int r;

	do
		r = step(file, req);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/* The file system cannot do it, or not here; nobody says that the disk is bad. */
static bool refused(int res)
{
	return res == -EOPNOTSUPP || res == -EINVAL || res == -ENOSYS;
}

/* true: another step is set up. */
static bool follow(const struct blk_file *file, struct blk_io_req *req, int *res)
{
	switch (req->step) {
	case STEP_MOVE:
	case STEP_FILL:
		/* O_DIRECT may want more than it says, or older kernels say. */
		if (*res == -EINVAL && !blk_step_buffered(file, req) && file->buffered_fd >= 0) {
			req->buffered = true;
			return true;
		}
		if (*res < 0)
			return false;
		req->moved += (unsigned int)*res;
		if (req->moved < req->len && !*res) {
			*res = -EIO; /* the file is shorter than it was */
			return false;
		}
		if (req->step == STEP_MOVE)
			blk_iov_skip(&req->iov, &req->nr_iov, (unsigned int)*res);
		else
			fill(req);
		if (req->moved < req->len)
			return true;
		break;
	case STEP_PUNCH:
		if (req->op == BLK_DISCARD && file->device && refused(*res)) {
			req->step = STEP_DISCARD;
			return true;
		}
		if (req->op == BLK_ZERO && refused(*res)) {
			req->step = STEP_ZERO;
			return true;
		}
		break;
	case STEP_ZERO:
		if (refused(*res)) {
			fill(req);
			return true;
		}
		break;
	case STEP_DISCARD:
	case STEP_SYNC:
		return false;
	}
	if (*res < 0)
		return false;
	*res = 0;
	if (req->op != BLK_ZERO || !req->durable)
		return false;
	req->step = STEP_SYNC;
	return true;
}

bool blk_step_next(const struct blk_file *file, struct blk_io_req *req, int *res)
{
	if (!follow(file, req, res))
		return false;
	if (!req->cancelled || !*req->cancelled)
		return true;
	*res = -ECANCELED;
	return false;
}
