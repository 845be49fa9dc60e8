/* SPDX-License-Identifier: Apache-2.0 */
/* Fids come and go: attach, walk, clunk, remove. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "devices/virtio/9p/server.h"

int p9_attach(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = NULL;
	struct p9_server *s = c->s;
	uint32_t id = p9_get32(&c->in), afid = p9_get32(&c->in), uid;
	struct p9_qid qid;
	struct stat st;
	char *aname;
	int r;

	p9_call_name(c, 0);		/* uname: the number decides */
	aname = p9_call_name(c, 1);
	uid = p9_get32(&c->in);
	if (c->in.err)
		return c->in.err;
	if (afid != P9_NOFID)
		return -EINVAL;
	if (*aname && strcmp(aname, "/"))
		return -ENOENT;
	if (fstat(s->root->fd, &st) < 0)
		return -errno;
	r = p9_fid_create(s->root, uid, &fid);
	if (r == 0)
		r = p9_fid_add(&s->fids, fid, id);
	if (r < 0)
		return r;
	qid = p9_qid_of(s, &st);
	p9_put_qid(&c->out, &qid);
	return 0;
}

/* One step of a walk; the result is a reference of its own. */
static int step(struct p9_server *s, struct p9_node *from, const char *name,
	struct p9_node **out, struct stat *st)
{
	char own[P9_NAME_MAX + 1];

	if (from->type != S_IFDIR)
		return -ENOTDIR;
	if (!strcmp(name, ".") || (!strcmp(name, "..") && fs_same(s->root->fd, from->fd))) {
		if (fstat(from->fd, st) < 0)
			return -errno;
		*out = p9_node_get(from);
		return 0;
	}
	if (!strcmp(name, ".."))
		return p9_node_create(&s->budget, fs_parent(s->root->fd, from->fd, own), st, out);
	return p9_node_create(&s->budget, fs_lookup(from->fd, name), st, out);
}

/* Walk as far as possible: number of steps, or why not even one. *node moves along. */
static int walk_names(struct p9_call *c, unsigned int nr, struct p9_node **node)
{
	struct p9_node *found;
	struct p9_qid qid;
	struct stat st;
	unsigned int i;
	int r = 0;

	for (i = 0; i < nr; i++) {
		char *name = p9_call_name(c, 0);

		r = c->in.err ? c->in.err : step(c->s, *node, name, &found, &st);
		if (r < 0)
			break;
		p9_node_put(*node);
		*node = found;
		qid = p9_qid_of(c->s, &st);
		p9_put_qid(&c->out, &qid);
	}
	return i || !nr ? (int)i : r;
}

int p9_walk(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = p9_call_fid(c), *new = NULL;
	_cleanup_node_ struct p9_node *node = NULL;
	uint32_t id = p9_get32(&c->in);
	unsigned int nr = p9_get16(&c->in);
	size_t at = c->out.len;
	int done, r;

	if (c->in.err)
		return c->in.err;
	if (nr > P9_WALK_MAX)
		return -EINVAL;
	if (c->room < P9_HDR + 2 + nr * P9_QID_SIZE)
		return -EMSGSIZE;
	p9_put16(&c->out, 0);
	node = p9_node_get(fid->node);
	done = walk_names(c, nr, &node);
	if (done < 0)
		return done;
	c->out.buf[at] = (uint8_t)done;
	if ((unsigned int)done < nr)
		return 0;		/* newfid stays what it was */
	if (!nr && id == fid->id)
		return 0;
	r = p9_fid_create(node, fid->uid, &new);
	if (r < 0)
		return r;
	return id == fid->id ? p9_fid_replace(&c->s->fids, fid, new) :
		p9_fid_add(&c->s->fids, new, id);
}

int p9_clunk(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = NULL;
	uint32_t id = p9_get32(&c->in);

	if (c->in.err)
		return c->in.err;
	fid = p9_fid_remove(&c->s->fids, id);
	if (!fid)
		return -EBADF;
	return fid->kind == P9_FID_XATTR_WRITE ? p9_xattr_commit(c->s, fid) : 0;
}

int p9_remove(struct p9_call *c)
{
	_cleanup_fid_ struct p9_fid *fid = NULL;
	_cleanup_close_ int parent = -1;
	uint32_t id = p9_get32(&c->in);
	char *name = c->scratch->names[0];

	if (c->in.err)
		return c->in.err;
	fid = p9_fid_remove(&c->s->fids, id);
	if (!fid || fid->kind != P9_FID_FILE)
		return -EBADF;
	if (c->s->ro)
		return -EROFS;
	if (fs_same(c->s->root->fd, fid->node->fd))
		return -EBUSY;
	parent = fs_parent(c->s->root->fd, fid->node->fd, name);
	if (parent < 0)
		return parent;
	return unlinkat(parent, name, fid->node->type == S_IFDIR ? AT_REMOVEDIR : 0) < 0 ?
		-errno : 0;
}
