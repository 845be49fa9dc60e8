/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random work on two file systems at once: the same calls on a file system to be tested and on
 * one that is known to be right, everything compared: results, errors, contents, attributes,
 * listings. The same seed gives the same calls. Each side is a table of functions with paths
 * relative to its root, so that a side can also be a protocol.
 *
 * Nothing follows a symbolic link; links point nowhere. Results are >= 0 or a negative errno.
 */
#ifndef TESTS_GUEST_FS_RANDOM_H
#define TESTS_GUEST_FS_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define FS_PATH 64
#define FS_NAMES 256		/* in one directory */

struct fs_info {
	uint32_t mode;		/* with type */
	uint32_t nlink;		/* of what is no directory */
	uint64_t size;		/* of regular files and links */
};

/* Sorted by the engine. */
struct fs_list {
	unsigned int nr;
	char names[FS_NAMES][16];
};

struct fs_side {
	const char *name;
	const struct fs_ops *ops;
	void *ctx;
	unsigned int handles[8];	/* the engine's open files on this side */
};

struct fs_ops {
	/* flags of open(2); a handle */
	int (*open)(void *ctx, const char *path, int flags, uint32_t mode);
	int (*close)(void *ctx, unsigned int handle);
	int (*read)(void *ctx, unsigned int handle, uint64_t off, void *buf, uint32_t n);
	int (*write)(void *ctx, unsigned int handle, uint64_t off, const void *buf, uint32_t n);
	int (*truncate)(void *ctx, unsigned int handle, uint64_t size);
	int (*fsync)(void *ctx, unsigned int handle);
	int (*fstat)(void *ctx, unsigned int handle, struct fs_info *out);
	int (*stat)(void *ctx, const char *path, struct fs_info *out);
	int (*chmod)(void *ctx, const char *path, uint32_t mode);	/* of no link */
	int (*mkdir)(void *ctx, const char *path, uint32_t mode);
	int (*mkfifo)(void *ctx, const char *path, uint32_t mode);
	int (*unlink)(void *ctx, const char *path);
	int (*rmdir)(void *ctx, const char *path);
	int (*rename)(void *ctx, const char *from, const char *to);
	int (*link)(void *ctx, const char *from, const char *to);
	int (*symlink)(void *ctx, const char *text, const char *path);
	int (*readlink)(void *ctx, const char *path, char *buf, size_t size);
	int (*list)(void *ctx, const char *path, struct fs_list *out);
};

/* count calls; false, and a report on stdout, at the first difference. */
bool fs_random(struct fs_side *tested, struct fs_side *right, uint64_t seed, unsigned int count);

/* posix.c: the files beneath an open directory. ctx: its descriptor as a pointer. */
extern const struct fs_ops fs_posix;
static inline void *fs_posix_ctx(int fd)
{
	return (void *)(intptr_t)fd;
}

#endif
