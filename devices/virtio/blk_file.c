/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a disk image: raw, by the name that the user gave, never probed for a format (its
 * contents are the guest's). Read-only is enforced by the descriptor's own mode.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "devices/virtio/blk_io.h"
#include "vmm/device.h"
#include "vmm/devopts.h"

#define BLOCK_MAX 4096u

static int check_kind(int fd, const char *path, struct stat *st, struct tvm_error *err)
{
	if (fstat(fd, st) < 0)
		return err_sys(err, -errno, "%s", path);
	if (S_ISREG(st->st_mode) || S_ISBLK(st->st_mode))
		return 0;
	return err_set(err, -EINVAL, "%s: is neither a regular file nor a block device", path);
}

static int open_image(const struct disk_opts *opts, struct stat *st, int *out,
	struct tvm_error *err)
{
	int mode = (opts->ro ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY;
	/* O_NONBLOCK: a fifo by that name must give an error, not a wait. */
	_cleanup_close_ int fd = open(opts->path, mode | O_NONBLOCK);
	int r;

	if (fd < 0) {
		r = -errno;
		return err_sys(err, r, "cannot open %s%s", opts->path,
			!opts->ro && (r == -EACCES || r == -EROFS) ?
			" for writing (\"ro\" would open it read-only)" : "");
	}
	r = check_kind(fd, opts->path, st, err);
	if (r < 0)
		return r;
	/* With it io_uring would fail requests instead of letting them wait. */
	if (fcntl(fd, F_SETFL, mode & O_ACCMODE) < 0)
		return err_sys(err, -errno, "%s", opts->path);
	*out = take_fd(&fd);
	return 0;
}

/*
 * Two writers destroy an image. The lock belongs to the open file, so it also holds between
 * machines of one process, and ends with the last descriptor whatever happens to us.
 */
static int lock_image(const struct dev_env *env, const struct disk_opts *opts, int fd,
	struct tvm_error *err)
{
	struct flock lock = { .l_type = opts->ro ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return err_set(err, -EBUSY, "%s: another machine uses this image%s", opts->path,
			opts->ro ? " and may write to it" : "");
	log_warn(env->log, "%s: cannot be locked: errno %d", opts->path, errno);
	return 0;
}

/* What O_DIRECT asks of buffers and offsets; the guest is told by its block size. */
static void direct_limits(struct blk_file *file, int fd)
{
	file->mem_align = file->offset_align = file->block_size;
#ifdef STATX_DIOALIGN
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &sx) < 0 ||
	    !(sx.stx_mask & STATX_DIOALIGN) || !is_pow2(sx.stx_dio_mem_align) ||
	    !is_pow2(sx.stx_dio_offset_align))
		return;
	file->mem_align = sx.stx_dio_mem_align;
	file->offset_align = sx.stx_dio_offset_align;
	if (file->offset_align > file->block_size && file->offset_align <= BLOCK_MAX)
		file->block_size = file->offset_align;
#endif
}

static int open_direct(const struct disk_opts *opts, struct blk_file *file, struct tvm_error *err)
{
	char path[32];
	int fd;

	/* The very file that was checked, whatever the name stands for by now. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	fd = open(path, (opts->ro ? O_RDONLY : O_RDWR) | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, -errno, "%s: \"direct\" is not possible here", opts->path);
	file->buffered_fd = file->fd;
	file->fd = fd;
	direct_limits(file, fd);
	return 0;
}

/* Asked beyond the end, where there is nothing to lose. */
static bool can_discard(const struct blk_file *file, uint64_t end)
{
	uint64_t range[2] = { align_up(end, BLOCK_MAX), BLOCK_MAX };

	if (file->device)
		return !ioctl(file->fd, BLKDISCARD, range) || errno == EINVAL;
	return !fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		(off_t)range[0], (off_t)range[1]) || errno == EFBIG;
}

int blk_file_open(const struct dev_env *env, const struct disk_opts *opts, struct blk_file *out,
	struct tvm_error *err)
{
	struct blk_file file = { .fd = -1, .buffered_fd = -1, .block_size = BLK_SECTOR };
	struct stat st;
	off_t end;
	int r, block;

	r = open_image(opts, &st, &file.fd, err);
	if (r < 0)
		return r;
	r = lock_image(env, opts, file.fd, err);
	if (r < 0)
		goto fail;
	file.device = S_ISBLK(st.st_mode);
	if (file.device && !ioctl(file.fd, BLKSSZGET, &block) && block > 0 &&
	    is_pow2((unsigned int)block) && block <= (int)BLOCK_MAX && block > (int)BLK_SECTOR)
		file.block_size = (uint32_t)block;
	if (opts->direct) {
		r = open_direct(opts, &file, err);
		if (r < 0)
			goto fail;
	}
	end = lseek(file.fd, 0, SEEK_END);
	if (end < (off_t)file.block_size) {
		r = err_set(err, -EINVAL, "%s: is smaller than a block of %u bytes", opts->path,
			file.block_size);
		goto fail;
	}
	file.size = align_down((uint64_t)end, file.block_size);
	file.discard = !opts->ro && can_discard(&file, (uint64_t)end);
	*out = file;
	return 0;

fail:
	blk_file_close(&file);
	return r;
}

/* By word: an io_uring that had the file holds on to it for a while after its own end. */
static void unlock_image(int fd)
{
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	if (fd >= 0)
		fcntl(fd, F_OFD_SETLK, &lock);
}

void blk_file_close(struct blk_file *file)
{
	unlock_image(file->fd);
	unlock_image(file->buffered_fd);
	close_fd(&file->fd);
	close_fd(&file->buffered_fd);
}
