/* SPDX-License-Identifier: Apache-2.0 */
/* See store.h. Names are ours, so paths never leave the directory; links are not followed. */
#include "tee/soft/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"

#define LOCK_NAME "lock"

int store_open(struct store *st, const char *dir, struct tvm_error *err)
{
	_cleanup_close_ int dir_fd = -1, lock_fd = -1;
	struct stat sb;
	int r;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_sys(err, -errno, "soft platform: cannot make directory '%s'", dir);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0 || fstat(dir_fd, &sb) < 0)
		return err_sys(err, -errno, "soft platform: cannot open directory '%s'", dir);
	if (sb.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, -EACCES,
			"soft platform: others may write to '%s'; chmod 700 it", dir);
	lock_fd = openat(dir_fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock_fd < 0)
		return err_sys(err, -errno, "soft platform: cannot open '%s/" LOCK_NAME "'", dir);
	do {
		r = flock(lock_fd, LOCK_EX);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_sys(err, -errno, "soft platform: cannot lock '%s/" LOCK_NAME "'", dir);
	*st = (struct store){
		.dir = dir, .dir_fd = take_fd(&dir_fd), .lock_fd = take_fd(&lock_fd),
	};
	return 0;
}

void store_close(struct store *st)
{
	close_fd(&st->lock_fd);
	close_fd(&st->dir_fd);
}

ssize_t store_read(struct store *st, const char *name, void *buf, size_t size, bool secret,
	struct tvm_error *err)
{
	_cleanup_close_ int fd = openat(st->dir_fd, name,
		O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat sb;
	size_t done = 0;
	ssize_t n;

	if (fd < 0 || fstat(fd, &sb) < 0)
		return err_sys(err, -errno, "soft platform: cannot open '%s/%s'", st->dir, name);
	if (!S_ISREG(sb.st_mode))
		return err_set(err, -EINVAL, "soft platform: '%s/%s' is not a regular file",
			st->dir, name);
	if (secret && (sb.st_mode & (S_IRWXG | S_IRWXO)))
		return err_set(err, -EACCES,
			"soft platform: others may read '%s/%s'; chmod 600 it, or make new keys",
			st->dir, name);
	if (sb.st_size < 0 || (uint64_t)sb.st_size > size)
		return err_set(err, -EFBIG, "soft platform: '%s/%s' is %lld bytes, more than %zu",
			st->dir, name, (long long)sb.st_size, size);
	while (done < size) {
		n = read(fd, (char *)buf + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, -errno, "soft platform: cannot read '%s/%s'", st->dir,
				name);
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int write_all(int fd, const void *buf, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = write(fd, (const char *)buf + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int store_write(struct store *st, const char *name, const void *buf, size_t size, mode_t mode,
	struct tvm_error *err)
{
	_cleanup_close_ int fd = -1;
	char tmp[64];
	int r;

	/* One name is enough under the lock; what a crash left there is ours to replace. */
	snprintf(tmp, sizeof(tmp), ".%s.tmp", name);
	unlinkat(st->dir_fd, tmp, 0);
	fd = openat(st->dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	r = fd < 0 ? -errno : write_all(fd, buf, size);
	if (!r && renameat(st->dir_fd, tmp, st->dir_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(st->dir_fd, tmp, 0);
		return err_sys(err, r, "soft platform: cannot write '%s/%s'", st->dir, name);
	}
	/* The file is replaced; when this fails, only a power cut can tell. */
	fsync(st->dir_fd);
	return 0;
}

int store_remove(struct store *st, const char *name, struct tvm_error *err)
{
	if (unlinkat(st->dir_fd, name, 0) < 0 && errno != ENOENT)
		return err_sys(err, -errno, "soft platform: cannot remove '%s/%s'", st->dir, name);
	return 0;
}

bool store_exists(struct store *st, const char *name)
{
	struct stat sb;

	return !fstatat(st->dir_fd, name, &sb, AT_SYMLINK_NOFOLLOW);
}
