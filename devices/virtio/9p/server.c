/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dispatch. The fields of a request are copied to a worker's memory and parsed there; the data
 * of Twrite and Rread moves between guest memory and the host's kernel unseen. That an answer
 * fits is known before the request has any effect.
 */
#include "devices/virtio/9p/server.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/le.h"

#define MAX_XATTR_BYTES MIB(4)		/* of all fids of a share together */
#define VERSION "9P2000.L"

enum { CHANGES = 1 };			/* refused on a read-only share */

struct message {
	p9_handler *fn;
	uint16_t answer;		/* bytes that must fit; more are checked on the way */
	uint8_t flags;
};

static const struct message messages[] = {
	[P9_TSTATFS] = { p9_statfs, P9_HDR + 60, 0 },
	[P9_TLOPEN] = { p9_lopen, P9_HDR + 17, 0 },
	[P9_TLCREATE] = { p9_lcreate, P9_HDR + 17, CHANGES },
	[P9_TSYMLINK] = { p9_symlink, P9_HDR + 13, CHANGES },
	[P9_TMKNOD] = { p9_mknod, P9_HDR + 13, CHANGES },
	[P9_TRENAME] = { p9_rename, P9_HDR, CHANGES },
	[P9_TREADLINK] = { p9_readlink, P9_HDR + 2, 0 },
	[P9_TGETATTR] = { p9_getattr, P9_HDR + 153, 0 },
	[P9_TSETATTR] = { p9_setattr, P9_HDR, CHANGES },
	[P9_TXATTRWALK] = { p9_xattrwalk, P9_HDR + 8, 0 },
	[P9_TXATTRCREATE] = { p9_xattrcreate, P9_HDR, CHANGES },
	[P9_TREADDIR] = { p9_readdir, P9_IO_HDR, 0 },
	[P9_TFSYNC] = { p9_fsync, P9_HDR, 0 },
	[P9_TLOCK] = { p9_lock, P9_HDR + 1, 0 },
	[P9_TGETLOCK] = { p9_getlock, P9_HDR + 23, 0 },
	[P9_TLINK] = { p9_link, P9_HDR, CHANGES },
	[P9_TMKDIR] = { p9_mkdir, P9_HDR + 13, CHANGES },
	[P9_TRENAMEAT] = { p9_renameat, P9_HDR, CHANGES },
	[P9_TUNLINKAT] = { p9_unlinkat, P9_HDR, CHANGES },
	[P9_TATTACH] = { p9_attach, P9_HDR + 13, 0 },
	[P9_TWALK] = { p9_walk, P9_HDR + 2, 0 },
	[P9_TREAD] = { p9_read, P9_IO_HDR, 0 },
	[P9_TWRITE] = { p9_write, P9_HDR + 4, CHANGES },
	[P9_TCLUNK] = { p9_clunk, P9_HDR, 0 },
	[P9_TREMOVE] = { p9_remove, P9_HDR, 0 },	/* clunks in any case */
};

bool p9_header_read(const struct p9_bufs *bufs, struct p9_header *h)
{
	uint8_t raw[P9_HDR];

	if (p9_iov_read(bufs->out, bufs->nr_out, 0, raw, sizeof(raw)) < sizeof(raw))
		return false;
	h->size = (uint32_t)le_load(raw, 4);
	h->type = raw[4];
	h->tag = (uint16_t)le_load(raw + 5, 2);
	return true;
}

/* Rversion forgets everything; the type of what is unknown gets its own error. */
static int version(struct p9_call *c)
{
	uint32_t msize = p9_get32(&c->in);
	char *name = p9_call_name(c, 0);
	bool known = !strcmp(name, VERSION);
	const char *answer = known ? VERSION : "unknown";

	if (c->in.err)
		return c->in.err;
	if (msize < P9_MSIZE_MIN || c->room < P9_HDR + 6 + strlen(answer))
		return -EMSGSIZE;
	p9_server_reset(c->s);
	msize = msize < P9_MSIZE_MAX ? msize : P9_MSIZE_MAX;
	if (known)
		c->s->msize = msize;
	p9_put32(&c->out, msize);
	p9_put_str(&c->out, answer, strlen(answer));
	return 0;
}

static int dispatch(struct p9_call *c)
{
	const struct message *m;

	if (c->h.size < P9_HDR || c->h.size > c->bufs->out_len)
		return -EINVAL;
	if (c->h.type == P9_TVERSION)
		return c->h.size > P9_MSIZE_MIN ? -EMSGSIZE : version(c);
	if (c->h.type == P9_TAUTH || c->h.type >= ARRAY_SIZE(messages) ||
		!messages[c->h.type].fn)
		return -EOPNOTSUPP;
	if (!c->s->msize)
		return -EPROTO;
	if (c->h.size > c->s->msize)
		return -EMSGSIZE;
	m = &messages[c->h.type];
	if (c->room < m->answer)
		return -EMSGSIZE;
	if ((m->flags & CHANGES) && c->s->ro)
		return -EROFS;
	return m->fn(c);
}

/* header and error of Rlerror, or a header alone. */
static uint32_t answer(const struct p9_header *h, const struct p9_bufs *bufs, int error)
{
	uint8_t buf[P9_ERR_SIZE];
	uint32_t size = error ? P9_ERR_SIZE : P9_HDR;

	assert(bufs->in_len >= size);
	le_store(buf, 4, size);
	buf[4] = error ? P9_RLERROR : (uint8_t)(h->type + 1);
	le_store(buf + 5, 2, h->tag);
	le_store(buf + 7, 4, (uint32_t)error);
	return (uint32_t)p9_iov_write(bufs->in, bufs->nr_in, 0, buf, size);
}

uint32_t p9_answer_error(const struct p9_header *h, const struct p9_bufs *bufs, int error)
{
	return answer(h, bufs, error);
}

uint32_t p9_answer_empty(const struct p9_header *h, const struct p9_bufs *bufs)
{
	return answer(h, bufs, 0);
}

static int64_t serve(struct p9_server *s, const struct p9_header *h, const struct p9_bufs *bufs,
	struct p9_scratch *scratch, bool no_wait)
{
	struct p9_call c = { .s = s, .h = *h, .bufs = bufs, .scratch = scratch,
		.no_wait = no_wait };
	uint64_t most = s->msize ? s->msize : P9_MSIZE_MIN, len = h->size, total;
	int r;

	c.room = (uint32_t)(bufs->in_len < most ? bufs->in_len : most);
	c.out = (struct p9_out){ .buf = scratch->out, .len = P9_HDR, .cap = P9_OUT_MAX };
	if (h->type == P9_TWRITE && len > P9_WRITE_HDR)
		len = P9_WRITE_HDR;
	c.in.p = scratch->in;
	if (len > P9_HDR && len - P9_HDR > sizeof(scratch->in))
		c.in.err = -EMSGSIZE;
	else if (len > P9_HDR)
		c.in.left = p9_iov_read(bufs->out, bufs->nr_out, P9_HDR, scratch->in,
			(size_t)len - P9_HDR);
	r = c.in.err ? c.in.err : dispatch(&c);
	if (r == -EAGAIN && no_wait)
		return r;
	if (r < 0)
		return answer(h, bufs, -r);
	total = c.out.len + c.payload;
	assert(total <= c.room);
	le_store(c.out.buf, 4, total);
	c.out.buf[4] = (uint8_t)(h->type + 1);
	le_store(c.out.buf + 5, 2, h->tag);
	p9_iov_write(bufs->in, bufs->nr_in, 0, c.out.buf, c.out.len);
	return (int64_t)total;
}

uint32_t p9_serve(struct p9_server *s, const struct p9_header *h, const struct p9_bufs *bufs,
	struct p9_scratch *scratch)
{
	return (uint32_t)serve(s, h, bufs, scratch, false);
}

int64_t p9_serve_now(struct p9_server *s, const struct p9_header *h, const struct p9_bufs *bufs,
	struct p9_scratch *scratch)
{
	return h->type == P9_TREAD ? serve(s, h, bufs, scratch, true) : -EAGAIN;
}

struct p9_fid *p9_call_fid(struct p9_call *c)
{
	uint32_t id = p9_get32(&c->in);
	struct p9_fid *fid = c->in.err ? NULL : p9_fid_get(&c->s->fids, id);

	if (fid && fid->kind != P9_FID_FILE) {
		p9_fid_put(fid);
		fid = NULL;
	}
	if (!fid && !c->in.err)
		c->in.err = -EBADF;
	return fid;
}

/* An index for each file system below the export; a mixture when there are too many. */
static uint64_t dev_index(struct p9_server *s, dev_t dev)
{
	uint64_t i;

	pthread_mutex_lock(&s->dev_lock);
	for (i = 0; i < s->nr_devs && s->devs[i] != dev; i++)
		;
	if (i == s->nr_devs && i < P9_MAX_DEVS)
		s->devs[s->nr_devs++] = dev;
	pthread_mutex_unlock(&s->dev_lock);
	return i < P9_MAX_DEVS ? i : P9_MAX_DEVS + (dev * 0x9e3779b97f4a7c15u >> 57);
}

struct p9_qid p9_qid_of(struct p9_server *s, const struct stat *st)
{
	return (struct p9_qid){
		.type = S_ISDIR(st->st_mode) ? P9_QID_DIR : S_ISLNK(st->st_mode) ?
			P9_QID_SYMLINK : 0,
		.version = (uint32_t)st->st_mtim.tv_sec ^ (uint32_t)st->st_mtim.tv_nsec ^
			(uint32_t)st->st_size << 8,
		.path = (uint64_t)st->st_ino ^ dev_index(s, st->st_dev) << 56,
	};
}

void p9_server_reset(struct p9_server *s)
{
	p9_fids_clear(&s->fids);
	s->msize = 0;
}

/* The kernel keeps these ids per thread. */
int p9_server_enter(const struct p9_server *s)
{
	if (s->policy != FS_SQUASH)
		return 0;
	if (geteuid() == 0 && syscall(SYS_setgroups, 0, NULL) < 0)
		return -errno;
	setfsgid(s->gid);
	setfsuid(s->uid);
	return setfsgid((gid_t)-1) == (int)s->gid && setfsuid((uid_t)-1) == (int)s->uid ? 0 :
		-EPERM;
}

static int choose_policy(struct p9_server *s, const struct share_opts *opts,
	struct tvm_error *err)
{
	bool root = geteuid() == 0;

	switch (opts->owner) {
	case SHARE_OWNER_DEFAULT:
		s->policy = root ? FS_HOST : FS_MAPPED;
		break;
	case SHARE_OWNER_HOST:
		if (!root && !opts->ro)
			return err_set(err, -EPERM, "%s: owner=host needs root; owner=mapped does "
				"not", opts->path);
		s->policy = FS_HOST;
		break;
	case SHARE_OWNER_SQUASH:
		if (!root && (opts->uid != geteuid() || opts->gid != getegid()))
			return err_set(err, -EPERM, "%s: owner=squash=%u:%u needs root", opts->path,
				opts->uid, opts->gid);
		s->policy = FS_SQUASH;
		break;
	case SHARE_OWNER_MAPPED:
		s->policy = FS_MAPPED;
	}
	return 0;
}

int p9_server_init(struct p9_server *s, const struct share_opts *opts, struct tvm_error *err)
{
	unsigned int sharers = opts->sharers ? opts->sharers : 1;
	struct rlimit files = { 1024, 1024 };
	uint64_t max = opts->max_fids ? opts->max_fids : SHARE_MAX_FIDS;
	int fd, r = choose_policy(s, opts, err);

	if (r < 0)
		return r;
	s->ro = opts->ro;
	s->uid = opts->uid;
	s->gid = opts->gid;
	/* Half of them are for all shares, the other half for whatever else the process does. */
	getrlimit(RLIMIT_NOFILE, &files);
	s->budget.max_fds = files.rlim_cur / 2 / sharers;
	if (s->budget.max_fds > 2 * max)
		s->budget.max_fds = 2 * max;
	s->budget.max_bytes = MAX_XATTR_BYTES;
	pthread_mutex_init(&s->dev_lock, NULL);
	p9_fids_init(&s->fids, &s->budget, (uint32_t)max);
	fd = fs_open_root(opts->path);
	r = p9_node_create(&s->budget, fd, NULL, &s->root);
	if (r < 0)
		return err_sys(err, r, "%s: cannot share this directory", opts->path);
	if (s->policy == FS_MAPPED && fs_mapped_probe(s->root->fd) < 0)
		return err_set(err, -ENOTSUP, "%s: its file system has no user attributes, which "
			"owner=mapped needs", opts->path);
	return 0;
}

void p9_server_fini(struct p9_server *s)
{
	if (!s->budget.max_bytes)
		return;
	p9_fids_fini(&s->fids);
	p9_node_put(s->root);
	pthread_mutex_destroy(&s->dev_lock);
	s->root = NULL;
	s->budget.max_bytes = 0;
}
