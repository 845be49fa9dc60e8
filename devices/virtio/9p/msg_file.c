/* SPDX-License-Identifier: Apache-2.0 */
/* Open files: lopen, lcreate, read, write, fsync, locks. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "devices/virtio/9p/server.h"

/* Flags of Tlopen and Tlcreate: octal as in the protocol, whatever the host's are. */
#define L_ACCMODE 03u
#define L_EXCL 0200u
#define L_TRUNC 01000u
#define L_APPEND 02000u
#define L_DSYNC 010000u
#define L_DIRECTORY 0200000u
#define L_SYNC 04000000u

/* Of a name that comes and goes under other hands, which may stay in step with us for a while. */
#define CREATE_TRIES 1000

#define LOCK_SUCCESS 0
#define LOCK_MAX 2	/* read, write, unlock */
#define LOCK_UNLOCK 2

static int host_flags(uint32_t flags)
{
	int out = (int)(flags & L_ACCMODE);

	out |= flags & L_TRUNC ? O_TRUNC : 0;
	out |= flags & L_APPEND ? O_APPEND : 0;
	out |= flags & L_DSYNC ? O_DSYNC : 0;
	out |= flags & L_SYNC ? O_SYNC : 0;
	out |= flags & L_DIRECTORY ? O_DIRECTORY : 0;
	return out;
}

/* Give fid its open file; fd is consumed. */
static int set_open(struct p9_call *c, struct p9_fid *fid, int fd, int flags)
{
	_cleanup_close_ int own = fd;

	if (fd < 0)
		return fd;
	if (!p9_take(&c->s->budget.fds, c->s->budget.max_fds, 1))
		return -ENFILE;
	fid->open_flags = flags;
	fid->io_fd = take_fd(&own);
	return 0;
}

static void put_opened(struct p9_call *c, const struct stat *st)
{
	struct p9_qid qid = p9_qid_of(c->s, st);

	p9_put_qid(&c->out, &qid);
	p9_put32(&c->out, 0);		/* iounit: whatever msize allows */
}

/* A node of the guest is a regular file here and has no contents. */
static bool has_contents(struct p9_server *s, struct p9_node *node)
{
	struct stat st;

	return s->policy != FS_MAPPED || (fs_stat(s->policy, node->fd, &st) == 0 &&
		(st.st_mode & S_IFMT) == node->type);
}

static int open_fid(struct p9_call *c, struct p9_fid *fid, uint32_t flags)
{
	int r, host = host_flags(flags);

	if ((flags & L_ACCMODE) == L_ACCMODE)
		return -EINVAL;
	if (c->s->ro && ((flags & L_ACCMODE) || (flags & L_TRUNC)))
		return -EROFS;
	if (!has_contents(c->s, fid->node))
		return -EACCES;
	pthread_mutex_lock(&fid->lock);
	r = fid->io_fd >= 0 ? -EINVAL :
		set_open(c, fid, fs_reopen(fid->node->fd, fid->node->type, host), host);
	pthread_mutex_unlock(&fid->lock);
	return r;
}

int p9_lopen(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = p9_call_fid(c);
	uint32_t flags = p9_get32(&c->in);
	struct stat st;
	int r;

	if (c->in.err)
		return c->in.err;
	r = open_fid(c, fid, flags);
	if (r < 0)
		return r;
	if (fstat(fid->node->fd, &st) < 0)
		return -errno;
	put_opened(c, &st);
	return 0;
}

/* A new file: give it its owner, or take it away again. */
static int create_file(struct p9_call *c, struct p9_fid *dir, const char *name, int flags,
	const struct fs_owner *owner, struct p9_fid **out)
{
	_cleanup_close_ int fd = -1, path_fd = -1;
	_cleanup_node_ struct p9_node *node = NULL;
	_cleanup_fid_ struct p9_fid *fid = NULL;
	int r;

	fd = fs_create(dir->node->fd, name, flags,
		fs_initial_mode(c->s->policy, owner->mode));
	if (fd < 0)
		return fd;
	r = fs_set_created(c->s->policy, fd, S_IFREG, owner);
	if (r == 0) {
		/* The name may be another's by now; the open file is not. */
		struct fs_proc p = fs_proc(fd);

		path_fd = open(p.path, O_PATH | O_CLOEXEC);
		r = path_fd < 0 ? -errno : 0;
	}
	if (r == 0)
		r = p9_node_create(&c->s->budget, take_fd(&path_fd), NULL, &node);
	if (r == 0)
		r = p9_fid_create(node, dir->uid, &fid);
	if (r == 0)
		r = set_open(c, fid, take_fd(&fd), flags);
	if (r < 0) {
		unlinkat(dir->node->fd, name, 0);
		return r;
	}
	*out = fid;
	fid = NULL;
	return 0;
}

/* What is there already, without O_EXCL: looked at first, so that no device is opened. */
static int open_existing(struct p9_call *c, struct p9_fid *dir, const char *name,
	uint32_t flags, struct p9_fid **out)
{
	_cleanup_node_ struct p9_node *node = NULL;
	_cleanup_fid_ struct p9_fid *fid = NULL;
	int r = p9_node_create(&c->s->budget, fs_lookup(dir->node->fd, name), NULL, &node);

	if (r < 0)
		return r;
	if (node->type == S_IFDIR)
		return -EISDIR;
	r = p9_fid_create(node, dir->uid, &fid);
	if (r == 0)
		r = open_fid(c, fid, flags);
	if (r < 0)
		return r;
	*out = fid;
	fid = NULL;
	return 0;
}

int p9_lcreate(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *dir = p9_call_fid(c), *fid = NULL;
	char *name = p9_call_name(c, 0);
	uint32_t flags = p9_get32(&c->in), mode = p9_get32(&c->in), gid = p9_get32(&c->in);
	struct fs_owner owner = { .gid = gid, .mode = S_IFREG | (mode & 07777) };
	struct stat st;
	int r = 0;

	if (c->in.err)
		return c->in.err;
	if ((flags & L_ACCMODE) == L_ACCMODE || (flags & L_DIRECTORY) || !fs_name_ok(name))
		return -EINVAL;
	if (dir->io_fd >= 0)
		return -EINVAL;
	owner.uid = dir->uid;
	for (int i = 0; i < CREATE_TRIES; i++) {
		r = create_file(c, dir, name, host_flags(flags), &owner, &fid);
		if (r != -EEXIST || (flags & L_EXCL))
			break;
		r = open_existing(c, dir, name, flags, &fid);
		if (r != -ENOENT)
			break;
	}
	if (r < 0)
		return r;
	if (fstat(fid->node->fd, &st) < 0)
		return -errno;
	put_opened(c, &st);
	return p9_fid_replace(&c->s->fids, dir, fid);
}

/* An attribute's value, or as much of it as was asked for. */
static int read_xattr(struct p9_call *c, struct p9_fid *fid, uint64_t off, uint32_t count)
{
	const struct p9_xattr *x = fid->xattr;
	uint64_t left;

	if (fid->kind != P9_FID_XATTR_READ)
		return -EINVAL;
	left = off < x->size ? x->size - off : 0;
	count = count < left ? count : (uint32_t)left;
	p9_put32(&c->out, count);
	c->payload = count ? p9_iov_write(c->bufs->in, c->bufs->nr_in, P9_IO_HDR, x->buf + off,
		count) : 0;
	return 0;
}

/* count bytes of the host's file into the answer: how many, or a negative errno. */
static ssize_t read_file(struct p9_call *c, int fd, uint64_t off, uint32_t count)
{
	struct iovec *iov = c->scratch->iov;
	unsigned int nr = p9_iov_slice(c->bufs->in, c->bufs->nr_in, P9_IO_HDR, count, iov);
	ssize_t n;

	do {
		n = preadv(fd, iov, (int)nr, (off_t)off);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/*
 * The same of what is in the page cache: all of it, or up to the end of the file. Else, and
 * where the file system cannot tell, -EAGAIN.
 */
static ssize_t read_cached(struct p9_call *c, int fd, uint64_t off, uint32_t count)
{
	struct iovec *iov = c->scratch->iov;
	unsigned int nr = p9_iov_slice(c->bufs->in, c->bufs->nr_in, P9_IO_HDR, count, iov);
	ssize_t n = preadv2(fd, iov, (int)nr, (off_t)off, RWF_NOWAIT);

	if (n < 0)
		return -EAGAIN;
	if (n == count)
		return n;
	nr = p9_iov_slice(c->bufs->in, c->bufs->nr_in, P9_IO_HDR + (uint64_t)n,
		count - (uint32_t)n, iov);
	return preadv2(fd, iov, (int)nr, (off_t)off + n, RWF_NOWAIT) ? -EAGAIN : n;
}

int p9_read(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = p9_fid_get(&c->s->fids, p9_get32(&c->in));
	uint64_t off = p9_get64(&c->in);
	uint32_t count = p9_get32(&c->in), most = c->room - P9_IO_HDR;
	ssize_t n;

	if (c->in.err)
		return c->in.err;
	if (!fid)
		return -EBADF;
	count = count < most ? count : most;
	if (fid->kind != P9_FID_FILE)
		return read_xattr(c, fid, off, count);
	if (fid->io_fd < 0)
		return -EBADF;
	if (off > (uint64_t)INT64_MAX - count)
		return -EINVAL;
	n = c->no_wait ? read_cached(c, fid->io_fd, off, count) :
		read_file(c, fid->io_fd, off, count);
	if (n < 0)
		return (int)n;
	c->payload = (uint64_t)n;
	p9_put32(&c->out, (uint32_t)n);
	return 0;
}

static int write_xattr(struct p9_call *c, struct p9_fid *fid, uint64_t off, uint32_t count)
{
	struct p9_xattr *x = fid->xattr;
	int r = -ENOSPC;

	if (fid->kind != P9_FID_XATTR_WRITE)
		return -EINVAL;
	pthread_mutex_lock(&fid->lock);
	if (off <= x->size && count <= x->size - off) {
		if (count)
			p9_iov_read(c->bufs->out, c->bufs->nr_out, P9_WRITE_HDR, x->buf + off,
				count);
		if (off + count > x->written)
			x->written = off + count;
		p9_put32(&c->out, count);
		r = 0;
	}
	pthread_mutex_unlock(&fid->lock);
	return r;
}

int p9_write(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = p9_fid_get(&c->s->fids, p9_get32(&c->in));
	uint64_t off = p9_get64(&c->in);
	uint32_t count = p9_get32(&c->in);
	unsigned int nr;
	ssize_t n;
	int r;

	if (c->in.err)
		return c->in.err;
	if (!fid)
		return -EBADF;
	if (count > c->h.size - P9_WRITE_HDR || off > (uint64_t)INT64_MAX - count)
		return -EINVAL;
	if (fid->kind != P9_FID_FILE)
		return write_xattr(c, fid, off, count);
	if (fid->io_fd < 0)
		return -EBADF;
	/* As the host's kernel does it when it knows that the writer is not privileged. */
	if (fid->uid && (r = fs_drop_setid(c->s->policy, fid->node->fd)) < 0)
		return r;
	nr = p9_iov_slice(c->bufs->out, c->bufs->nr_out, P9_WRITE_HDR, count, c->scratch->iov);
	do {
		n = pwritev(fid->io_fd, c->scratch->iov, (int)nr, (off_t)off);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	p9_put32(&c->out, (uint32_t)n);
	return 0;
}

int p9_fsync(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = p9_call_fid(c);
	uint32_t data_only = c->in.left ? p9_get32(&c->in) : 0; /* absent in old clients */
	int r;

	if (c->in.err)
		return c->in.err;
	if (fid->io_fd < 0)
		return -EBADF;
	r = data_only ? fdatasync(fid->io_fd) : fsync(fid->io_fd);
	return r < 0 ? -errno : 0;
}

/*
 * The guest's kernel has settled a lock among its own processes before it asks. Nobody else is
 * told: locks of the host would set two open files of one guest process against each other.
 */
int p9_lock(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = p9_call_fid(c);
	uint8_t type = p9_get8(&c->in);

	p9_get32(&c->in);
	p9_get64(&c->in);
	p9_get64(&c->in);
	p9_get32(&c->in);
	p9_call_name(c, 0);
	if (c->in.err)
		return c->in.err;
	if (fid->io_fd < 0)
		return -EBADF;
	if (type > LOCK_MAX)
		return -EINVAL;
	p9_put8(&c->out, LOCK_SUCCESS);
	return 0;
}

int p9_getlock(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = p9_call_fid(c);
	uint8_t type = p9_get8(&c->in);
	uint64_t start = p9_get64(&c->in), len = p9_get64(&c->in);
	uint32_t pid = p9_get32(&c->in);
	char *client = p9_call_name(c, 0);

	if (c->in.err)
		return c->in.err;
	if (fid->io_fd < 0)
		return -EBADF;
	if (type > LOCK_MAX)
		return -EINVAL;
	if (c->room < P9_HDR + 23 + strlen(client))
		return -EMSGSIZE;
	p9_put8(&c->out, LOCK_UNLOCK);
	p9_put64(&c->out, start);
	p9_put64(&c->out, len);
	p9_put32(&c->out, pid);
	p9_put_str(&c->out, client, strlen(client));
	return 0;
}
