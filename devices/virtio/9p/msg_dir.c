/* SPDX-License-Identifier: Apache-2.0 */
/* Directories: reading them, and what adds, removes and renames entries. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "devices/virtio/9p/server.h"

#define L_REMOVEDIR 0x200u
#define ENTRY_FIXED (P9_QID_SIZE + 8 + 1 + 2)	/* qid[13] offset[8] type[1] name[s] */

/* Append one entry; false: it does not fit into what is left. */
static bool put_entry(struct p9_call *c, dev_t dev, const struct dirent64 *d, size_t *left)
{
	size_t len = strlen(d->d_name);
	struct stat st = { .st_dev = dev, .st_ino = d->d_ino };
	uint8_t type = d->d_type;
	struct p9_qid qid;

	if (ENTRY_FIXED + len > *left)
		return false;
	st.st_mode = type == DT_DIR ? S_IFDIR : type == DT_LNK ? S_IFLNK : S_IFREG;
	if (!strcmp(d->d_name, ".."))
		fstat(c->s->root->fd, &st);	/* nothing above the root is shown */
	qid = p9_qid_of(c->s, &st);
	qid.version = 0;
	/* What is a file here may be a fifo there. */
	if (c->s->policy == FS_MAPPED && type == DT_REG)
		type = DT_UNKNOWN;
	p9_put_qid(&c->out, &qid);
	p9_put64(&c->out, (uint64_t)d->d_off);
	p9_put8(&c->out, type);
	p9_put_str(&c->out, d->d_name, len);
	*left -= ENTRY_FIXED + len;
	return true;
}

/*
 * Append the entries of one getdents64() into size bytes: how many came, 0 at the end. An
 * entry takes at most 28 bytes of the answer for 24 of the host's, so six sevenths of what is
 * left never hold too many: what is read is told, and the file's position is the next cookie.
 */
static int list_some(struct p9_call *c, struct p9_fid *fid, dev_t dev, size_t *left, size_t size)
{
	ssize_t n = getdents64(fid->io_fd, c->scratch->dents,
		size < P9_DENTS_MAX ? size : P9_DENTS_MAX);
	int count = 0;

	for (ssize_t at = 0; at < n; count++) {
		const struct dirent64 *d = (const void *)(c->scratch->dents + at);

		at += d->d_reclen;
		if (!put_entry(c, dev, d, left)) {
			fid->dir_pos = -1;
			/* An empty answer would mean the end. */
			return count ? count : -EINVAL;
		}
		fid->dir_pos = d->d_off;
	}
	return n < 0 ? -errno : count;
}

/*
 * From cookie off on, as many as fit. Cookies are the file system's own. One that is where the
 * last answer ended needs no search: some file systems count entries to find a place, and would
 * miss some after others were removed.
 */
static int list(struct p9_call *c, struct p9_fid *fid, uint64_t off, size_t left)
{
	size_t before = c->out.len;
	struct stat st;
	int r;

	if (fstat(fid->io_fd, &st) < 0)
		return -errno;
	if (fid->dir_pos < 0 || (uint64_t)fid->dir_pos != off) {
		if (lseek(fid->io_fd, (off_t)off, SEEK_SET) < 0)
			return -errno;
		fid->dir_pos = (off_t)off;
	}
	do {
		r = list_some(c, fid, st.st_dev, &left, left / 7 * 6);
	} while (r > 0 && left > ENTRY_FIXED);
	if (r == -EINVAL && c->out.len == before)
		r = list_some(c, fid, st.st_dev, &left, P9_DENTS_MAX);	/* one, if it fits */
	return c->out.len > before || r > 0 ? 0 : r;
}

int p9_readdir(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = p9_call_fid(c);
	uint64_t off = p9_get64(&c->in);
	uint32_t count = p9_get32(&c->in), most = c->room - P9_IO_HDR;
	struct p9_out len = { .buf = c->out.buf + P9_HDR, .cap = 4 };
	int r;

	if (c->in.err)
		return c->in.err;
	if (fid->io_fd < 0)
		return -EBADF;
	if (fid->node->type != S_IFDIR)
		return -ENOTDIR;
	if (off > INT64_MAX)
		return -EINVAL;
	count = count < most ? count : most;
	if (count > P9_OUT_MAX - P9_IO_HDR)
		count = P9_OUT_MAX - P9_IO_HDR;
	p9_put32(&c->out, 0);
	pthread_mutex_lock(&fid->lock);
	r = list(c, fid, off, count);
	pthread_mutex_unlock(&fid->lock);
	p9_put32(&len, (uint32_t)(c->out.len - P9_IO_HDR));
	return r;
}

/* dir/name was made just now: owner, then its qid into the answer; or away with it. */
static int made(struct p9_call *c, struct p9_fid *dir, const char *name,
	const struct fs_owner *owner)
{
	_cleanup_close_ int fd = fs_lookup(dir->node->fd, name);
	mode_t type = owner->mode & S_IFMT;
	struct p9_qid qid;
	struct stat st;
	int r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;

	/* Another's by now: it keeps its owner. */
	if (r == 0 && (st.st_mode & S_IFMT) != type)
		return -ENOENT;
	if (r == 0)
		r = fs_set_created(c->s->policy, fd, type, owner);
	if (r < 0) {
		unlinkat(dir->node->fd, name, type == S_IFDIR ? AT_REMOVEDIR : 0);
		return r;
	}
	qid = p9_qid_of(c->s, &st);
	p9_put_qid(&c->out, &qid);
	return 0;
}

int p9_mkdir(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *dir = p9_call_fid(c);
	char *name = p9_call_name(c, 0);
	uint32_t mode = p9_get32(&c->in), gid = p9_get32(&c->in);
	struct fs_owner owner = { .gid = gid, .mode = S_IFDIR | (mode & 07777) };

	if (c->in.err)
		return c->in.err;
	if (!fs_name_ok(name))
		return -EINVAL;
	owner.uid = dir->uid;
	if (mkdirat(dir->node->fd, name, fs_initial_mode(c->s->policy, owner.mode)) < 0)
		return -errno;
	return made(c, dir, name, &owner);
}

/*
 * A regular file; under FS_MAPPED it stands for any type, which is an attribute (owner.c).
 */
static int make_regular(struct p9_call *c, struct p9_fid *dir, const char *name,
	const struct fs_owner *owner)
{
	_cleanup_close_ int fd = fs_create(dir->node->fd, name, O_WRONLY,
		fs_initial_mode(c->s->policy, S_IFREG | (owner->mode & 07777)));
	struct p9_qid qid;
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	r = fs_set_created(c->s->policy, fd, S_IFREG, owner);
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dir->node->fd, name, 0);
		return r;
	}
	qid = p9_qid_of(c->s, &st);
	p9_put_qid(&c->out, &qid);
	return 0;
}

/* Fifos and sockets do nothing until somebody on the host opens them; devices are not made. */
int p9_mknod(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *dir = p9_call_fid(c);
	char *name = p9_call_name(c, 0);
	uint32_t mode = p9_get32(&c->in), major = p9_get32(&c->in), minor = p9_get32(&c->in);
	uint32_t gid = p9_get32(&c->in), type = mode & S_IFMT;
	struct fs_owner owner = { .gid = gid };

	if (c->in.err)
		return c->in.err;
	type = type ? type : S_IFREG;
	if (!fs_name_ok(name) || (type != S_IFREG && type != S_IFIFO && type != S_IFSOCK &&
		type != S_IFCHR && type != S_IFBLK))
		return -EINVAL;
	owner.uid = dir->uid;
	owner.mode = type | (mode & 07777);
	owner.rdev = type == S_IFCHR || type == S_IFBLK ? makedev(major, minor) : 0;
	if (type == S_IFREG || c->s->policy == FS_MAPPED)
		return make_regular(c, dir, name, &owner);
	if (type == S_IFCHR || type == S_IFBLK)
		return -EPERM;
	if (mknodat(dir->node->fd, name, type | fs_initial_mode(c->s->policy, owner.mode), 0) < 0)
		return -errno;
	return made(c, dir, name, &owner);
}

int p9_symlink(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *dir = p9_call_fid(c);
	char *name = p9_call_name(c, 0), *text = c->scratch->text;
	struct fs_owner owner = { .mode = S_IFLNK | 0777 };

	p9_get_str(&c->in, text, sizeof(c->scratch->text));
	owner.gid = p9_get32(&c->in);
	if (c->in.err)
		return c->in.err;
	if (!fs_name_ok(name))
		return -EINVAL;
	owner.uid = dir->uid;
	if (symlinkat(text, dir->node->fd, name) < 0)
		return -errno;
	return made(c, dir, name, &owner);
}

int p9_readlink(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = p9_call_fid(c);
	ssize_t n;

	if (c->in.err)
		return c->in.err;
	if (fid->node->type != S_IFLNK)
		return -EINVAL;
	n = readlinkat(fid->node->fd, "", c->scratch->text, sizeof(c->scratch->text));
	if (n < 0)
		return -errno;
	if ((size_t)n > c->room - P9_HDR - 2)
		return -EMSGSIZE;
	p9_put_str(&c->out, c->scratch->text, (size_t)n);
	return 0;
}

int p9_link(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *dir = p9_call_fid(c), *fid = p9_call_fid(c);
	char *name = p9_call_name(c, 0);
	struct fs_proc p;

	if (c->in.err)
		return c->in.err;
	if (!fs_name_ok(name))
		return -EINVAL;
	/* Follows the link of /proc, which ends at the object itself. */
	p = fs_proc(fid->node->fd);
	return linkat(AT_FDCWD, p.path, dir->node->fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int p9_rename(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = p9_call_fid(c), *dir = p9_call_fid(c);
	char *name = p9_call_name(c, 0), *old = c->scratch->names[1];
	_cleanup_close_ int parent = -1;

	if (c->in.err)
		return c->in.err;
	if (!fs_name_ok(name))
		return -EINVAL;
	if (fs_same(c->s->root->fd, fid->node->fd))
		return -EBUSY;
	parent = fs_parent(c->s->root->fd, fid->node->fd, old);
	if (parent < 0)
		return parent;
	return renameat(parent, old, dir->node->fd, name) < 0 ? -errno : 0;
}

int p9_renameat(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *from = p9_call_fid(c), *to = NULL;
	char *old = p9_call_name(c, 0), *name;

	to = p9_call_fid(c);
	name = p9_call_name(c, 1);
	if (c->in.err)
		return c->in.err;
	if (!fs_name_ok(old) || !fs_name_ok(name))
		return -EINVAL;
	return renameat(from->node->fd, old, to->node->fd, name) < 0 ? -errno : 0;
}

int p9_unlinkat(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *dir = p9_call_fid(c);
	char *name = p9_call_name(c, 0);
	uint32_t flags = p9_get32(&c->in);

	if (c->in.err)
		return c->in.err;
	if (!fs_name_ok(name) || (flags & ~L_REMOVEDIR))
		return -EINVAL;
	return unlinkat(dir->node->fd, name, flags ? AT_REMOVEDIR : 0) < 0 ? -errno : 0;
}
