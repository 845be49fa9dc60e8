/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes: getattr, setattr, statfs, extended ones. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "devices/virtio/9p/server.h"

#define GETATTR_BASIC 0x7ffu
#define V9FS_MAGIC 0x01021997u
#define XATTR_MAX 65536u		/* the kernel's own limit for a value, and for the list */

enum {
	SET_MODE = 1,
	SET_UID = 2,
	SET_GID = 4,
	SET_SIZE = 8,
	SET_ATIME = 0x10,
	SET_MTIME = 0x20,
	SET_CTIME = 0x40,		/* the host's business */
	SET_ATIME_SET = 0x80,
	SET_MTIME_SET = 0x100,
};

static void put_time(struct p9_out *out, struct timespec t)
{
	p9_put64(out, (uint64_t)t.tv_sec);
	p9_put64(out, (uint64_t)t.tv_nsec);
}

int p9_getattr(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = p9_call_fid(c);
	struct p9_out *out = &c->out;
	struct p9_qid qid;
	struct stat st;
	int r;

	p9_get64(&c->in);		/* what is wanted; the basic set costs nothing */
	if (c->in.err)
		return c->in.err;
	r = fs_stat(c->s->policy, fid->node->fd, &st);
	if (r < 0)
		return r;
	qid = p9_qid_of(c->s, &st);
	p9_put64(out, GETATTR_BASIC);
	p9_put_qid(out, &qid);
	p9_put32(out, st.st_mode);
	p9_put32(out, st.st_uid);
	p9_put32(out, st.st_gid);
	p9_put64(out, st.st_nlink);
	p9_put64(out, st.st_rdev);
	p9_put64(out, (uint64_t)st.st_size);
	p9_put64(out, (uint64_t)st.st_blksize);
	p9_put64(out, (uint64_t)st.st_blocks);
	put_time(out, st.st_atim);
	put_time(out, st.st_mtim);
	put_time(out, st.st_ctim);
	for (int i = 0; i < 4; i++)	/* birth, generation, data version: not given */
		p9_put64(out, 0);
	return 0;
}

static int set_size(struct p9_fid *fid, uint64_t size)
{
	_cleanup_close_ int fd = -1;
	int use = fid->io_fd;

	if (fid->node->type == S_IFDIR)
		return -EISDIR;
	if (size > INT64_MAX)
		return -EFBIG;
	if (use < 0 || (fid->open_flags & O_ACCMODE) == O_RDONLY) {
		use = fd = fs_reopen(fid->node->fd, fid->node->type, O_WRONLY);
		if (fd < 0)
			return fd;
	}
	return ftruncate(use, (off_t)size) < 0 ? -errno : 0;
}

static struct timespec time_of(uint32_t valid, uint32_t set, uint32_t explicit, uint64_t sec,
	uint64_t nsec)
{
	struct timespec t = { .tv_sec = (time_t)sec, .tv_nsec = (long)nsec };

	if (!(valid & set))
		t.tv_nsec = UTIME_OMIT;
	else if (!(valid & explicit))
		t.tv_nsec = UTIME_NOW;
	return t;
}

int p9_setattr(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = p9_call_fid(c);
	uint32_t valid = p9_get32(&c->in), mode = p9_get32(&c->in), uid = p9_get32(&c->in);
	uint32_t gid = p9_get32(&c->in);
	uint64_t size = p9_get64(&c->in), asec = p9_get64(&c->in), ansec = p9_get64(&c->in);
	uint64_t msec = p9_get64(&c->in), mnsec = p9_get64(&c->in);
	struct timespec t[2];
	int r = c->in.err, fd;

	if (r < 0)
		return r;
	if (((valid & SET_ATIME_SET) && ansec > 999999999) ||
		((valid & SET_MTIME_SET) && mnsec > 999999999))
		return -EINVAL;
	fd = fid->node->fd;
	if (valid & (SET_UID | SET_GID))
		r = fs_chown(c->s->policy, fd, valid & SET_UID ? uid : ~0u,
			valid & SET_GID ? gid : ~0u);
	/* After the owner: changing that clears bits. */
	if (r == 0 && (valid & SET_MODE))
		r = fs_chmod(c->s->policy, fd, fid->node->type, mode);
	if (r == 0 && (valid & SET_SIZE))
		r = set_size(fid, size);
	if (r == 0 && (valid & (SET_ATIME | SET_MTIME))) {
		t[0] = time_of(valid, SET_ATIME, SET_ATIME_SET, asec, ansec);
		t[1] = time_of(valid, SET_MTIME, SET_MTIME_SET, msec, mnsec);
		r = utimensat(fd, "", t, AT_EMPTY_PATH) < 0 ? -errno : 0;
	}
	return r;
}

int p9_statfs(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = p9_call_fid(c);
	struct p9_out *out = &c->out;
	struct statfs f;
	uint64_t fsid;

	if (c->in.err)
		return c->in.err;
	if (fstatfs(fid->node->fd, &f) < 0)
		return -errno;
	memcpy(&fsid, &f.f_fsid, sizeof(fsid));
	p9_put32(out, V9FS_MAGIC);
	p9_put32(out, (uint32_t)f.f_bsize);
	p9_put64(out, f.f_blocks);
	p9_put64(out, f.f_bfree);
	p9_put64(out, f.f_bavail);
	p9_put64(out, f.f_files);
	p9_put64(out, f.f_ffree);
	p9_put64(out, fsid);
	p9_put32(out, P9_NAME_MAX);
	return 0;
}

/* A fid for node that carries an attribute; buf (size bytes) is consumed in any case. */
static int xattr_fid(struct p9_call *c, struct p9_fid *from, enum p9_fid_kind kind,
	const char *name, uint8_t *buf, size_t size, struct p9_fid **out)
{
	_cleanup_free_ uint8_t *own = buf;
	struct p9_budget *budget = &c->s->budget;
	struct p9_fid *fid;
	int r;

	if (!p9_take(&budget->bytes, budget->max_bytes, sizeof(struct p9_xattr) + size))
		return -ENOSPC;
	r = p9_fid_create(from->node, from->uid, &fid);
	if (r == 0) {
		fid->kind = kind;
		fid->xattr = calloc(1, sizeof(*fid->xattr));
		if (fid->xattr) {
			fid->xattr->buf = take_ptr(&own);
			fid->xattr->size = size;
			memcpy(fid->xattr->name, name, strlen(name) + 1);
			*out = fid;
			return 0;
		}
		p9_fid_put(fid);
		r = -ENOMEM;
	}
	p9_give(&budget->bytes, sizeof(struct p9_xattr) + size);
	return r;
}

/* Names that the guest may know, one behind the other. */
static size_t filter(enum fs_policy policy, char *list, size_t len)
{
	size_t kept = 0;

	for (size_t at = 0; at < len;) {
		size_t n = strlen(list + at) + 1;

		if (fs_xattr_ok(policy, list + at)) {
			memmove(list + kept, list + at, n);
			kept += n;
		}
		at += n;
	}
	return kept;
}

int p9_xattrwalk(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = p9_call_fid(c), *new = NULL;
	_cleanup_free_ char *buf = NULL;
	uint32_t id = p9_get32(&c->in);
	char *name = p9_call_name(c, 0), *fit;
	struct fs_proc p;
	size_t size;
	ssize_t n;
	int r;

	if (c->in.err)
		return c->in.err;
	if (*name && !fs_xattr_ok(c->s->policy, name))
		return -EOPNOTSUPP;
	buf = calloc(1, XATTR_MAX + 1);
	if (!buf)
		return -ENOMEM;
	p = fs_proc(fid->node->fd);
	n = *name ? getxattr(p.path, name, buf, XATTR_MAX) : listxattr(p.path, buf, XATTR_MAX);
	if (n < 0)
		return -errno;
	size = *name ? (size_t)n : filter(c->s->policy, buf, (size_t)n);
	fit = realloc(buf, size ? size : 1);
	if (fit)
		buf = fit;
	r = xattr_fid(c, fid, P9_FID_XATTR_READ, name, (uint8_t *)take_ptr(&buf), size, &new);
	if (r == 0)
		r = p9_fid_add(&c->s->fids, new, id);
	p9_put64(&c->out, size);
	return r;
}

int p9_xattrcreate(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = p9_call_fid(c), *new = NULL;
	char *name = p9_call_name(c, 0);
	uint64_t size = p9_get64(&c->in);
	uint32_t flags = p9_get32(&c->in);
	uint8_t *buf;
	int r;

	if (c->in.err)
		return c->in.err;
	if (!fs_xattr_ok(c->s->policy, name))
		return -EOPNOTSUPP;
	if (flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	if (size > XATTR_MAX)
		return -E2BIG;
	if (fid->io_fd >= 0)
		return -EINVAL;
	buf = calloc(1, size ? (size_t)size : 1);
	if (!buf)
		return -ENOMEM;
	r = xattr_fid(c, fid, P9_FID_XATTR_WRITE, name, buf, (size_t)size, &new);
	if (r < 0)
		return r;
	new->xattr->flags = (int)flags;
	return p9_fid_replace(&c->s->fids, fid, new);
}

int p9_xattr_commit(struct p9_server *s, struct p9_fid *fid)
{
	struct p9_xattr *x = fid->xattr;
	struct fs_proc p = fs_proc(fid->node->fd);
	int r;

	pthread_mutex_lock(&fid->lock);
	if (x->written != x->size)
		r = -EINVAL;
	else if (!x->size && x->flags == XATTR_REPLACE) /* how Linux says remove */
		r = removexattr(p.path, x->name) < 0 ? -errno : 0;
	else
		r = setxattr(p.path, x->name, x->buf, x->size, x->flags) < 0 ? -errno : 0;
	pthread_mutex_unlock(&fid->lock);
	return r;
}
