/* SPDX-License-Identifier: Apache-2.0 */
/* A side of random.h: files beneath a directory, by system calls. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/guest/fs/random.h"

static int dir_of(void *ctx)
{
	return (int)(intptr_t)ctx;
}

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

static int do_open(void *ctx, const char *path, int flags, uint32_t mode)
{
	return result(openat(dir_of(ctx), path, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, mode));
}

static int do_close(void *ctx, unsigned int handle)
{
	return result(close((int)handle));
}

static int do_read(void *ctx, unsigned int handle, uint64_t off, void *buf, uint32_t n)
{
	return result(pread((int)handle, buf, n, (off_t)off));
}

static int do_write(void *ctx, unsigned int handle, uint64_t off, const void *buf, uint32_t n)
{
	return result(pwrite((int)handle, buf, n, (off_t)off));
}

static int do_truncate(void *ctx, unsigned int handle, uint64_t size)
{
	return result(ftruncate((int)handle, (off_t)size));
}

static int do_fsync(void *ctx, unsigned int handle)
{
	return result(fsync((int)handle));
}

static int info(int r, const struct stat *st, struct fs_info *out)
{
	if (r < 0)
		return -errno;
	*out = (struct fs_info){ .mode = st->st_mode };
	if (!S_ISDIR(st->st_mode))
		out->nlink = (uint32_t)st->st_nlink;
	if (S_ISREG(st->st_mode) || S_ISLNK(st->st_mode))
		out->size = (uint64_t)st->st_size;
	return 0;
}

static int do_fstat(void *ctx, unsigned int handle, struct fs_info *out)
{
	struct stat st;

	return info(fstat((int)handle, &st), &st, out);
}

static int do_stat(void *ctx, const char *path, struct fs_info *out)
{
	struct stat st;

	return info(fstatat(dir_of(ctx), path, &st, AT_SYMLINK_NOFOLLOW), &st, out);
}

static int do_chmod(void *ctx, const char *path, uint32_t mode)
{
	return result(fchmodat(dir_of(ctx), path, mode, 0));
}

static int do_mkdir(void *ctx, const char *path, uint32_t mode)
{
	return result(mkdirat(dir_of(ctx), path, mode));
}

static int do_mkfifo(void *ctx, const char *path, uint32_t mode)
{
	return result(mkfifoat(dir_of(ctx), path, mode));
}

static int do_unlink(void *ctx, const char *path)
{
	return result(unlinkat(dir_of(ctx), path, 0));
}

static int do_rmdir(void *ctx, const char *path)
{
	return result(unlinkat(dir_of(ctx), path, AT_REMOVEDIR));
}

static int do_rename(void *ctx, const char *from, const char *to)
{
	return result(renameat(dir_of(ctx), from, dir_of(ctx), to));
}

static int do_link(void *ctx, const char *from, const char *to)
{
	return result(linkat(dir_of(ctx), from, dir_of(ctx), to, 0));
}

static int do_symlink(void *ctx, const char *text, const char *path)
{
	return result(symlinkat(text, dir_of(ctx), path));
}

static int do_readlink(void *ctx, const char *path, char *buf, size_t size)
{
	return result(readlinkat(dir_of(ctx), path, buf, size));
}

static int do_list(void *ctx, const char *path, struct fs_list *out)
{
	int fd = openat(dir_of(ctx), path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	out->nr = 0;
	if (!d)
		return -errno;
	while ((e = readdir(d)) && out->nr < FS_NAMES)
		if (e->d_name[0] != '.')
			snprintf(out->names[out->nr++], sizeof(out->names[0]), "%.15s", e->d_name);
	closedir(d);
	return 0;
}

const struct fs_ops fs_posix = { do_open, do_close, do_read, do_write, do_truncate, do_fsync,
	do_fstat, do_stat, do_chmod, do_mkdir, do_mkfifo, do_unlink, do_rmdir, do_rename, do_link,
	do_symlink, do_readlink, do_list };
