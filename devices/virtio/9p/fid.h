/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fids: what the guest calls its handles. A fid refers to a node, and a node holds an O_PATH
 * descriptor: never a path, so a rename changes nothing about it and frees nothing under it.
 *
 * A fid's node, uid and kind never change. What 9P calls changing a fid (Tlcreate, Twalk onto
 * itself, Txattrcreate) puts another fid object under the same number; whoever still works
 * with the old one has a reference. Everything here may be called from any worker.
 */
#ifndef DEVICES_VIRTIO_9P_FID_H
#define DEVICES_VIRTIO_9P_FID_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* What one share may take of the process. */
struct p9_budget {
	_Atomic uint64_t fds, bytes;
	uint64_t max_fds, max_bytes;
};

bool p9_take(_Atomic uint64_t *used, uint64_t max, uint64_t n);
void p9_give(_Atomic uint64_t *used, uint64_t n);

struct p9_node {
	_Atomic uint32_t refs;
	int fd;			/* O_PATH, owned */
	mode_t type;		/* S_IFMT bits, as on the host */
	struct p9_budget *budget;
};

/*
 * fd (O_PATH) is consumed, also on failure; a negative fd is the errno to return. st may be
 * NULL; else what fstat() says.
 */
int p9_node_create(struct p9_budget *budget, int fd, struct stat *st, struct p9_node **out);
struct p9_node *p9_node_get(struct p9_node *node);
void p9_node_put(struct p9_node *node); /* NULL is fine */

enum p9_fid_kind { P9_FID_FILE, P9_FID_XATTR_READ, P9_FID_XATTR_WRITE };

struct p9_xattr {
	char name[256];		/* as the host calls it */
	uint8_t *buf;		/* owned, size bytes */
	size_t size, written;
	int flags;
};

struct p9_fid {
	_Atomic uint32_t refs;
	uint32_t id;
	uint32_t uid;		/* from Tattach; ~0: nobody said */
	enum p9_fid_kind kind;
	struct p9_node *node;	/* a reference */
	struct p9_xattr *xattr;	/* owned; kinds other than FILE */
	pthread_mutex_t lock;	/* opening; the position of a directory; xattr's contents */
	_Atomic int io_fd;	/* owned; -1, or open for good */
	int open_flags;		/* valid when io_fd is */
	off_t dir_pos;		/* of a directory: where io_fd stands, -1: anywhere; lock */
	struct p9_fid *next;	/* table's lock */
};

#define P9_BUCKETS 4096u

struct p9_fids {
	pthread_mutex_t lock;
	struct p9_budget *budget;
	uint32_t nr, max;
	struct p9_fid *buckets[P9_BUCKETS];
};

void p9_fids_init(struct p9_fids *t, struct p9_budget *budget, uint32_t max);
void p9_fids_clear(struct p9_fids *t);
void p9_fids_fini(struct p9_fids *t);

/* A fid outside of the table with one reference, the caller's. Takes a reference to node. */
int p9_fid_create(struct p9_node *node, uint32_t uid, struct p9_fid **out);
void p9_fid_put(struct p9_fid *fid); /* NULL is fine */

/* Becomes fid id: -EBADF when there is one already, -ENFILE. The table has its own reference. */
int p9_fid_add(struct p9_fids *t, struct p9_fid *fid, uint32_t id);

/* fid takes the place of old; -EBADF when old is not there any more. */
int p9_fid_replace(struct p9_fids *t, struct p9_fid *old, struct p9_fid *fid);

struct p9_fid *p9_fid_get(struct p9_fids *t, uint32_t id); /* NULL: no such fid */

/* Out of the table; the caller puts it. */
struct p9_fid *p9_fid_remove(struct p9_fids *t, uint32_t id);

static inline void p9_fid_cleanup(struct p9_fid **fid)
{
	p9_fid_put(*fid);
}

static inline void p9_node_cleanup(struct p9_node **node)
{
	p9_node_put(*node);
}

#define _cleanup_fid_ __attribute__((cleanup(p9_fid_cleanup)))
#define _cleanup_node_ __attribute__((cleanup(p9_node_cleanup)))

#endif
