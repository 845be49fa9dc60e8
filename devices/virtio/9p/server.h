/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 9P2000.L server of one share: from a request's buffers to its answer's. It knows nothing
 * of queues; the device (9p.c) decides on which thread and in which order calls happen.
 *
 *	server.c		dispatch, Tversion, budgets
 *	msg_fid.c		attach, walk, clunk, remove
 *	msg_file.c		open, create, read, write, fsync, locks
 *	msg_dir.c		readdir and whatever changes directories
 *	msg_attr.c		getattr, setattr, statfs, extended attributes
 */
#ifndef DEVICES_VIRTIO_9P_SERVER_H
#define DEVICES_VIRTIO_9P_SERVER_H

#include <sys/uio.h>

#include "devices/virtio/9p/9p.h"
#include "devices/virtio/9p/fid.h"
#include "devices/virtio/9p/fs.h"
#include "devices/virtio/9p/wire.h"

#define P9_MAX_DEVS 64
#define P9_MAX_BUFS 258			/* of one request, readable and writable */
#define P9_IN_MAX 8192u			/* fields of a request: a link's text is the longest */
#define P9_OUT_MAX (65536u + P9_IO_HDR)	/* an answer, without data of files */
#define P9_DENTS_MAX 32768u

struct p9_server {
	enum fs_policy policy;
	bool ro;
	uint32_t uid, gid;		/* FS_SQUASH */
	struct p9_budget budget;
	struct p9_node *root;
	uint32_t msize;			/* 0: no Tversion yet; changes with no call running */
	struct p9_fids fids;
	pthread_mutex_t dev_lock;	/* the two below; order: nothing inside */
	unsigned int nr_devs;
	dev_t devs[P9_MAX_DEVS];	/* index: upper byte of a qid's path */
};

/* A worker's memory. */
struct p9_scratch {
	uint8_t in[P9_IN_MAX], out[P9_OUT_MAX];
	struct iovec iov[P9_MAX_BUFS];
	char names[2][P9_NAME_MAX + 1];
	char text[4096];
	uint8_t dents[P9_DENTS_MAX] __attribute__((aligned(8)));
};

/* Buffers in guest memory: readable out, writable in. */
struct p9_bufs {
	const struct iovec *out, *in;
	unsigned int nr_out, nr_in;
	uint64_t out_len, in_len;
};

/* The header of a request, copied once. */
struct p9_header {
	uint32_t size;
	uint8_t type;
	uint16_t tag;
};

/* One request while it is served. */
struct p9_call {
	struct p9_server *s;
	struct p9_header h;
	const struct p9_bufs *bufs;
	struct p9_scratch *scratch;
	struct p9_in in;
	struct p9_out out;		/* the answer, from its header on */
	uint64_t payload;		/* bytes already in guest memory, behind out */
	uint32_t room;			/* for the whole answer */
	bool no_wait;			/* see p9_serve_now() */
};

int p9_server_init(struct p9_server *s, const struct share_opts *opts, struct tvm_error *err);
void p9_server_fini(struct p9_server *s); /* fine on a zeroed structure */

/* Worker, before its first call: take the ids of the policy. 0 or a negative errno. */
int p9_server_enter(const struct p9_server *s);

/* Forget fids and version; no call runs. */
void p9_server_reset(struct p9_server *s);

/* Copy the header; false: there is none. */
bool p9_header_read(const struct p9_bufs *bufs, struct p9_header *h);

/*
 * Serve one request whose in_len is at least P9_ERR_SIZE; returns the bytes stored into the
 * writable buffers. Tversion only while nothing else runs. Any number of threads, each with
 * its scratch.
 */
uint32_t p9_serve(struct p9_server *s, const struct p9_header *h, const struct p9_bufs *bufs,
	struct p9_scratch *scratch);

/*
 * The same on a thread that must not wait, for a Tread whose data the host has at hand: the
 * bytes, or -EAGAIN when it may have to wait, or for any other request; p9_serve() is due then.
 */
int64_t p9_serve_now(struct p9_server *s, const struct p9_header *h, const struct p9_bufs *bufs,
	struct p9_scratch *scratch);

/* The same without a look at the request: its answer is an error (errno > 0), or empty. */
uint32_t p9_answer_error(const struct p9_header *h, const struct p9_bufs *bufs, int error);
uint32_t p9_answer_empty(const struct p9_header *h, const struct p9_bufs *bufs);

/* ---- For the handlers: 0 or a negative errno ------------------------------------------ */

typedef int p9_handler(struct p9_call *c);

p9_handler p9_attach, p9_walk, p9_clunk, p9_remove;
p9_handler p9_lopen, p9_lcreate, p9_read, p9_write, p9_fsync, p9_lock, p9_getlock;
p9_handler p9_readdir, p9_mkdir, p9_mknod, p9_symlink, p9_link, p9_rename, p9_renameat,
	p9_unlinkat, p9_readlink;
p9_handler p9_getattr, p9_setattr, p9_statfs, p9_xattrwalk, p9_xattrcreate;

/* Write the attribute that fid has collected, when it is clunked. */
int p9_xattr_commit(struct p9_server *s, struct p9_fid *fid);

struct p9_qid p9_qid_of(struct p9_server *s, const struct stat *st);

/* A fid of kind FILE from the message; NULL: c->in.err is set. */
struct p9_fid *p9_call_fid(struct p9_call *c);

static inline char *p9_call_name(struct p9_call *c, unsigned int i)
{
	p9_get_str(&c->in, c->scratch->names[i], sizeof(c->scratch->names[i]));
	return c->scratch->names[i];
}

#endif
