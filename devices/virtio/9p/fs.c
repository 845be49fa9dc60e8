/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding and opening files beneath a share. Whatever a second thread, another machine or the
 * host renames or links meanwhile, the kernel decides in one step that the result lies beneath
 * the directory that we hold.
 */
#include "devices/virtio/9p/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS)
#define TRIES 64	/* of a lookup that renames disturb */

static int open_how(int dir, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = resolve,
	};
	long r;

	for (int i = 0; i < TRIES; i++) {
		r = syscall(SYS_openat2, dir, path, &how, sizeof(how));
		if (r >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return r < 0 ? -errno : (int)r;
}

bool fs_name_ok(const char *name)
{
	return *name && strcmp(name, ".") && strcmp(name, "..") && !strchr(name, '/') &&
		strlen(name) <= NAME_MAX;
}

struct fs_proc fs_proc(int fd)
{
	struct fs_proc p;

	snprintf(p.path, sizeof(p.path), "/proc/self/fd/%d", fd);
	return p;
}

int fs_open_root(const char *path)
{
	return open_how(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, 0);
}

int fs_lookup(int dir, const char *name)
{
	if (!fs_name_ok(name))
		return -ENOENT;
	return open_how(dir, name, O_PATH | O_NOFOLLOW, 0, BENEATH);
}

bool fs_same(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
		sa.st_ino == sb.st_ino;
}

static int path_of(int fd, char *buf, size_t size)
{
	struct fs_proc p = fs_proc(fd);
	ssize_t n = readlink(p.path, buf, size - 1);

	if (n < 0 || (size_t)n >= size - 1)
		return n < 0 ? -errno : -ENAMETOOLONG;
	buf[n] = 0;
	return (int)n;
}

/*
 * The path that the kernel knows is only a hint where to look: the lookup is confined again,
 * and what it finds must be the parent of fd.
 */
int fs_parent(int root, int fd, char *name)
{
	_cleanup_close_ int parent = -1, child = -1;
	char base[PATH_MAX], path[PATH_MAX], *last;
	int n = path_of(root, base, sizeof(base)), r = path_of(fd, path, sizeof(path));

	if (n < 0 || r < 0)
		return n < 0 ? n : r;
	if (n == 1)
		n = 0;			/* the export is "/" itself */
	if (memcmp(base, path, (size_t)(n < r ? n : r)) || r < n || (path[n] && path[n] != '/'))
		return -ENOENT;
	last = strrchr(path + n, '/');
	if (!last || !last[1])
		return -ENOENT;
	if (!fs_name_ok(last + 1))
		return -ENOENT;
	memcpy(name, last + 1, strlen(last + 1) + 1);
	*last = 0;
	parent = open_how(root, last > path + n ? path + n + 1 : ".", O_PATH | O_DIRECTORY, 0,
		BENEATH);
	if (parent < 0)
		return parent;
	child = fs_lookup(parent, name);
	if (child < 0 || !fs_same(child, fd))
		return -ENOENT;
	return take_fd(&parent);
}

int fs_reopen(int fd, mode_t type, int flags)
{
	struct fs_proc p = fs_proc(fd);
	int r, last = O_NONBLOCK;

	/*
	 * type is that of the object behind fd and cannot change. A device, fifo or socket
	 * of the host is never opened: that may block, or do things.
	 */
	if (type == S_IFLNK)
		return -ELOOP;
	if (type != S_IFREG && type != S_IFDIR)
		return -EACCES;
	flags = (flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_CLOEXEC | O_NOCTTY;
	for (;;) {
		r = open(p.path, flags | last);
		if (r >= 0 || (errno != EINTR && !(errno == EWOULDBLOCK && last)))
			return r < 0 ? -errno : r;
		/* Another program's lease: the open that waits until it is given up. */
		if (errno == EWOULDBLOCK)
			last = 0;
	}
}

int fs_create(int dir, const char *name, int flags, mode_t mode)
{
	if (!fs_name_ok(name))
		return -EINVAL;
	return open_how(dir, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
		mode & 07777, BENEATH);
}
