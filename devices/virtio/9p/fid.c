/* SPDX-License-Identifier: Apache-2.0 */
/* Table of fids, counted references, budgets. */
#include "devices/virtio/9p/fid.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

bool p9_take(_Atomic uint64_t *used, uint64_t max, uint64_t n)
{
	uint64_t now = atomic_fetch_add(used, n);

	if (n <= max && now <= max - n)
		return true;
	atomic_fetch_sub(used, n);
	return false;
}

void p9_give(_Atomic uint64_t *used, uint64_t n)
{
	atomic_fetch_sub(used, n);
}

int p9_node_create(struct p9_budget *budget, int fd, struct stat *st, struct p9_node **out)
{
	_cleanup_close_ int own = fd;
	struct p9_node *node;
	struct stat local;

	if (fd < 0)
		return fd;
	if (!st)
		st = &local;
	if (fstat(fd, st) < 0)
		return -errno;
	if (!p9_take(&budget->fds, budget->max_fds, 1))
		return -ENFILE;
	node = calloc(1, sizeof(*node));
	if (!node) {
		p9_give(&budget->fds, 1);
		return -ENOMEM;
	}
	node->refs = 1;
	node->fd = take_fd(&own);
	node->type = st->st_mode & S_IFMT;
	node->budget = budget;
	*out = node;
	return 0;
}

struct p9_node *p9_node_get(struct p9_node *node)
{
	atomic_fetch_add(&node->refs, 1);
	return node;
}

void p9_node_put(struct p9_node *node)
{
	if (!node || atomic_fetch_sub(&node->refs, 1) != 1)
		return;
	close_fd(&node->fd);
	p9_give(&node->budget->fds, 1);
	free(node);
}

int p9_fid_create(struct p9_node *node, uint32_t uid, struct p9_fid **out)
{
	struct p9_fid *fid = calloc(1, sizeof(*fid));

	if (!fid)
		return -ENOMEM;
	fid->refs = 1;
	fid->uid = uid;
	fid->node = p9_node_get(node);
	fid->io_fd = -1;
	pthread_mutex_init(&fid->lock, NULL);
	*out = fid;
	return 0;
}

void p9_fid_put(struct p9_fid *fid)
{
	struct p9_budget *budget;
	int io_fd;

	if (!fid || atomic_fetch_sub(&fid->refs, 1) != 1)
		return;
	budget = fid->node->budget;
	io_fd = fid->io_fd;
	if (io_fd >= 0) {
		close(io_fd);
		p9_give(&budget->fds, 1);
	}
	if (fid->xattr) {
		p9_give(&budget->bytes, sizeof(*fid->xattr) + fid->xattr->size);
		free(fid->xattr->buf);
		free(fid->xattr);
	}
	p9_node_put(fid->node);
	pthread_mutex_destroy(&fid->lock);
	free(fid);
}

void p9_fids_init(struct p9_fids *t, struct p9_budget *budget, uint32_t max)
{
	pthread_mutex_init(&t->lock, NULL);
	t->budget = budget;
	t->max = max;
}

void p9_fids_clear(struct p9_fids *t)
{
	struct p9_fid *all = NULL, *fid;

	pthread_mutex_lock(&t->lock);
	for (unsigned int i = 0; i < P9_BUCKETS; i++) {
		while ((fid = t->buckets[i])) {
			t->buckets[i] = fid->next;
			fid->next = all;
			all = fid;
		}
	}
	t->nr = 0;
	pthread_mutex_unlock(&t->lock);
	while ((fid = all)) {
		all = fid->next;
		p9_fid_put(fid);
	}
}

void p9_fids_fini(struct p9_fids *t)
{
	p9_fids_clear(t);
	pthread_mutex_destroy(&t->lock);
}

/* Where the pointer to fid id is, or would be appended. Lock held. */
static struct p9_fid **slot(struct p9_fids *t, uint32_t id)
{
	struct p9_fid **p = &t->buckets[(id * 2654435761u) >> 20];

	while (*p && (*p)->id != id)
		p = &(*p)->next;
	return p;
}

int p9_fid_add(struct p9_fids *t, struct p9_fid *fid, uint32_t id)
{
	struct p9_fid **p;
	int r = 0;

	pthread_mutex_lock(&t->lock);
	p = slot(t, id);
	if (id == ~0u || *p) {
		r = -EBADF;
	} else if (t->nr >= t->max) {
		r = -ENFILE;
	} else {
		fid->id = id;
		fid->next = NULL;
		atomic_fetch_add(&fid->refs, 1);
		*p = fid;
		t->nr++;
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

int p9_fid_replace(struct p9_fids *t, struct p9_fid *old, struct p9_fid *fid)
{
	struct p9_fid **p;
	bool there;

	pthread_mutex_lock(&t->lock);
	p = slot(t, old->id);
	there = *p == old;
	if (there) {
		fid->id = old->id;
		fid->next = old->next;
		atomic_fetch_add(&fid->refs, 1);
		*p = fid;
	}
	pthread_mutex_unlock(&t->lock);
	if (there)
		p9_fid_put(old);
	return there ? 0 : -EBADF;
}

struct p9_fid *p9_fid_get(struct p9_fids *t, uint32_t id)
{
	struct p9_fid *fid;

	pthread_mutex_lock(&t->lock);
	fid = *slot(t, id);
	if (fid)
		atomic_fetch_add(&fid->refs, 1);
	pthread_mutex_unlock(&t->lock);
	return fid;
}

struct p9_fid *p9_fid_remove(struct p9_fids *t, uint32_t id)
{
	struct p9_fid **p, *fid;

	pthread_mutex_lock(&t->lock);
	p = slot(t, id);
	fid = *p;
	if (fid) {
		*p = fid->next;
		t->nr--;
	}
	pthread_mutex_unlock(&t->lock);
	return fid;
}
