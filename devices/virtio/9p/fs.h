/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's file system as a share sees it. Names are single components, resolved by the
 * kernel beneath an O_PATH descriptor; no symbolic link is ever followed on the host, and
 * nothing but regular files and directories is ever opened. Results are >= 0 or a negative
 * errno.
 */
#ifndef DEVICES_VIRTIO_9P_FS_H
#define DEVICES_VIRTIO_9P_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* A component that may be created, removed or renamed: no "/", not "", "." or "..". */
bool fs_name_ok(const char *name);

/* "/proc/self/fd/N": the object behind an O_PATH descriptor, for calls that want a path. */
struct fs_proc { char path[32]; };
struct fs_proc fs_proc(int fd);

/* O_PATH descriptor of the directory that a share exports; its owner's path, links allowed. */
int fs_open_root(const char *path);

/* O_PATH descriptor of dir/name; a symbolic link is itself the result. */
int fs_lookup(int dir, const char *name);

/*
 * O_PATH descriptor of fd's parent, root itself for root; name (256 bytes) becomes fd's name
 * in it. -ENOENT when fd is not, or not any more, beneath root.
 */
int fs_parent(int root, int fd, char *name);

/* Open what an O_PATH descriptor refers to, if it is a regular file or a directory. */
int fs_reopen(int fd, mode_t type, int flags);

/* Create a regular file that is not there yet (-EEXIST). */
int fs_create(int dir, const char *name, int flags, mode_t mode);

/* Same file (device and number)? */
bool fs_same(int a, int b);

/* ---- owner.c: who owns what ----------------------------------------------------------- */

enum fs_policy { FS_HOST, FS_SQUASH, FS_MAPPED };

/* What a new object is to have; mode with its type. uid, gid ~0: leave. */
struct fs_owner {
	uint32_t uid, gid, mode;
	uint64_t rdev;
};

/* Modes under which the host's object is created, before fs_set_created(). */
mode_t fs_initial_mode(enum fs_policy policy, mode_t mode);

/* fd (O_PATH or not) was created just now: owner and mode as asked. */
int fs_set_created(enum fs_policy policy, int fd, mode_t type, const struct fs_owner *o);

/* What the guest is told. */
int fs_stat(enum fs_policy policy, int fd, struct stat *st);
int fs_chown(enum fs_policy policy, int fd, uint32_t uid, uint32_t gid);
int fs_chmod(enum fs_policy policy, int fd, mode_t type, uint32_t mode);

/* Somebody other than the guest's root is about to write: no setuid or setgid bit survives. */
int fs_drop_setid(enum fs_policy policy, int fd);

/* Does the file system keep what FS_MAPPED needs? */
int fs_mapped_probe(int fd);

/* Whether the guest may name this attribute. */
bool fs_xattr_ok(enum fs_policy policy, const char *name);

#endif
