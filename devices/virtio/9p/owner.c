/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owner policies of a share (9p.h).
 *
 *	host	ids and modes of the guest are those of the host
 *	squash	the workers have the file system ids of one user (server.c); the kernel does
 *		the rest, and what that user may not do, the guest may not either
 *	mapped	files belong to whoever runs us, with modes 0600 and 0700; what the guest is
 *		told is in user.tvm.owner: "uid gid mode rdev", mode octal and with its type. A
 *		fifo, socket or device of the guest is a regular file here. Symbolic links
 *		cannot have such attributes and are shown as they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "devices/virtio/9p/fs.h"

#define OWN_PREFIX "user.tvm."
#define OWN_NAME "user.tvm.owner"

mode_t fs_initial_mode(enum fs_policy policy, mode_t mode)
{
	if (policy == FS_SQUASH)
		return mode & 07777;
	return (mode & S_IFMT) == S_IFDIR ? 0700 : 0600;
}

/* 1: read; 0: there is none. What does not parse is taken for absent. */
static int mapped_get(int fd, struct fs_owner *o)
{
	struct fs_proc p = fs_proc(fd);
	unsigned int uid, gid, mode;
	uint64_t rdev;
	char buf[80];
	ssize_t n = getxattr(p.path, OWN_NAME, buf, sizeof(buf) - 1);

	if (n < 0)
		return 0;
	buf[n] = 0;
	if (sscanf(buf, "%u %u %o %" SCNu64, &uid, &gid, &mode, &rdev) != 4)
		return 0;
	*o = (struct fs_owner){ uid, gid, mode, rdev };
	return 1;
}

static int mapped_set(int fd, const struct fs_owner *o)
{
	struct fs_proc p = fs_proc(fd);
	char buf[80];
	int n = snprintf(buf, sizeof(buf), "%u %u %o %" PRIu64, o->uid, o->gid, o->mode, o->rdev);

	return setxattr(p.path, OWN_NAME, buf, (size_t)n, 0) < 0 ? -errno : 0;
}

/* A regular file may stand for a node of the guest; other types are what they are. */
static void overlay(struct stat *st, const struct fs_owner *o)
{
	uint32_t type = o->mode & S_IFMT;

	st->st_uid = o->uid;
	st->st_gid = o->gid;
	st->st_mode = (st->st_mode & S_IFMT) | (o->mode & 07777);
	if (S_ISREG(st->st_mode) && (type == S_IFIFO || type == S_IFSOCK || type == S_IFCHR ||
		type == S_IFBLK)) {
		st->st_mode = type | (o->mode & 07777);
		st->st_rdev = o->rdev;
	}
}

int fs_stat(enum fs_policy policy, int fd, struct stat *st)
{
	struct fs_owner o;

	if (fstat(fd, st) < 0)
		return -errno;
	if (policy == FS_MAPPED && (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) &&
		mapped_get(fd, &o))
		overlay(st, &o);
	return 0;
}

/* Two changes at once may lose one, as chmod() and chown() of a file server may. */
static int mapped_change(int fd, const uint32_t *uid, const uint32_t *gid, const uint32_t *mode)
{
	struct fs_owner o;
	struct stat st;
	int r = fs_stat(FS_MAPPED, fd, &st);

	if (r < 0)
		return r;
	if (S_ISLNK(st.st_mode))
		return 0;
	o = (struct fs_owner){ st.st_uid, st.st_gid, st.st_mode, st.st_rdev };
	if (uid && *uid != ~0u)
		o.uid = *uid;
	if (gid && *gid != ~0u)
		o.gid = *gid;
	if (mode)
		o.mode = (o.mode & S_IFMT) | (*mode & 07777);
	return mapped_set(fd, &o);
}

int fs_chown(enum fs_policy policy, int fd, uint32_t uid, uint32_t gid)
{
	if (policy == FS_MAPPED)
		return mapped_change(fd, &uid, &gid, NULL);
	return fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int fs_chmod(enum fs_policy policy, int fd, mode_t type, uint32_t mode)
{
	struct fs_proc p = fs_proc(fd);

	if (type == S_IFLNK)
		return -EOPNOTSUPP;
	if (policy == FS_MAPPED)
		return mapped_change(fd, NULL, NULL, &mode);
	return chmod(p.path, mode & 07777) < 0 ? -errno : 0;
}

int fs_set_created(enum fs_policy policy, int fd, mode_t type, const struct fs_owner *o)
{
	struct fs_owner all = *o;
	int r;

	if (policy == FS_MAPPED) {
		if (type == S_IFLNK)
			return 0;
		all.uid = o->uid == ~0u ? 0 : o->uid;
		all.gid = o->gid == ~0u ? 0 : o->gid;
		return mapped_set(fd, &all);
	}
	if (policy == FS_HOST) {
		r = fs_chown(policy, fd, o->uid, o->gid);
		if (r < 0)
			return r;
	}
	/* The process's umask is none of the guest's, and chown() clears bits. */
	return type == S_IFLNK ? 0 : fs_chmod(policy, fd, type, o->mode);
}

int fs_drop_setid(enum fs_policy policy, int fd)
{
	uint32_t mode;
	struct stat st;
	int r;

	if (policy == FS_SQUASH)
		return 0;
	r = fs_stat(policy, fd, &st);
	if (r < 0)
		return r;
	mode = st.st_mode & ~(uint32_t)S_ISUID;
	if (mode & S_IXGRP)	/* without it, the bit once meant mandatory locks */
		mode &= ~(uint32_t)S_ISGID;
	return mode == st.st_mode ? 0 : fs_chmod(policy, fd, S_IFREG, mode);
}

int fs_mapped_probe(int fd)
{
	struct fs_proc p = fs_proc(fd);

	if (getxattr(p.path, OWN_NAME, NULL, 0) < 0 && errno == ENOTSUP)
		return -ENOTSUP;
	return 0;
}

/* Attributes that mean something to the host's kernel are for passthrough only. */
bool fs_xattr_ok(enum fs_policy policy, const char *name)
{
	if (!strncmp(name, OWN_PREFIX, strlen(OWN_PREFIX)))
		return false;
	if (!strncmp(name, "user.", 5))
		return name[5];
	return policy == FS_HOST && !strncmp(name, "security.", 9) && name[9];
}
