/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A 9P client on the virtio driver of driver.h: one request at a time, its answer checked for
 * what every answer must have.
 *
 *	rpc(&c, P9_TWALK, "wwhs", 0, 1, 1, "name")	0, or the error that the server gave
 *	(b, h, w, d: 1, 2, 4, 8 bytes; s: string)
 */
#ifndef TESTS_UNIT_TEST_9P_H
#define TESTS_UNIT_TEST_9P_H

#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "devices/virtio/9p/9p.h"
#include "devices/virtio/9p/wire.h"
#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"

#define WAIT 20000
#define BUF (MIB(1) + 4096)
#define NO_ANSWER 9999

struct client {
	struct fake_env f;
	struct drv d;
	struct dev *dev;
	struct share_opts opts;
	char top[200], path[256];	/* the test's directory; the export in it */
	int dir;			/* the test's own view of the export */
	gpa_t out, in;
	uint8_t *o, *i;			/* request, answer */
	size_t n;			/* bytes of the request */
	uint32_t room, used;
	uint16_t tag;
};

static inline int rm_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline void make_tree_in(struct client *c, const char *where)
{
	memset(c, 0, sizeof(*c));
	snprintf(c->top, sizeof(c->top), "%.160s/test-9p-XXXXXX", where);
	FAKE_MUST(mkdtemp(c->top));
	snprintf(c->path, sizeof(c->path), "%s/share", c->top);
	FAKE_MUST(!mkdir(c->path, 0755));
	c->dir = open(c->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FAKE_MUST(c->dir >= 0);
	c->opts = (struct share_opts){ .tag = (char *)"data", .path = c->path };
}

static inline void make_tree(struct client *c)
{
	make_tree_in(c, "/tmp");
}

static inline void drop_tree(struct client *c)
{
	close(c->dir);
	nftw(c->top, rm_one, 32, FTW_DEPTH | FTW_PHYS);
}

static inline void buffers(struct client *c)
{
	c->out = drv_alloc(&c->d, BUF, 4096);
	c->in = drv_alloc(&c->d, BUF, 4096);
	c->o = drv_ram(&c->d, c->out, BUF);
	c->i = drv_ram(&c->d, c->in, BUF);
	c->room = BUF;
}

/* c->opts may be changed between make_tree() and this. */
static inline void start_share_with(struct client *c, uint64_t memory)
{
	struct tvm_error err = { 0 };

	fake_env_init(&c->f, memory);
	if (virtio_9p_class.create(&c->f.env, &c->opts, &c->dev, &err) < 0)
		printf("# %s\n", err.msg);
	FAKE_MUST(c->dev);
	fake_env_start(&c->f);
	FAKE_MUST(!drv_init(&c->d, &c->f, (unsigned int)drv_find(&c->f, VIRTIO_ID_9P)));
	FAKE_MUST(!drv_start(&c->d, DRV_ALL_FEATURES, 0));
	buffers(c);
}

static inline void start_share(struct client *c)
{
	start_share_with(c, MIB(16));
}

static inline void stop_share(struct client *c)
{
	loop_stop(c->f.loop);
	virtio_9p_class.destroy(c->dev);
	fake_env_fini(&c->f);
}

static inline void put(struct client *c, unsigned int size, uint64_t v)
{
	le_store(c->o + c->n, size, v);
	c->n += size;
}

static inline void vbuild(struct client *c, uint8_t type, const char *fmt, va_list ap)
{
	c->n = 0;
	put(c, 4, 0);
	put(c, 1, type);
	put(c, 2, ++c->tag);
	for (; *fmt; fmt++) {
		if (*fmt == 's') {
			const char *s = va_arg(ap, const char *);
			size_t len = strlen(s);

			put(c, 2, len);
			memcpy(c->o + c->n, s, len);
			c->n += len;
		} else if (*fmt == 'd') {
			put(c, 8, va_arg(ap, uint64_t));
		} else {
			put(c, *fmt == 'b' ? 1 : *fmt == 'h' ? 2 : 4, va_arg(ap, unsigned int));
		}
	}
	le_store(c->o, 4, c->n);
}

/* Send what c->o holds; readable: bytes of it. */
static inline int transact(struct client *c, uint32_t readable)
{
	struct drv_buf bufs[] = { { c->out, readable, false }, { c->in, c->room, true } };
	uint32_t id;

	memset(c->i, 0xee, c->room < 16 ? c->room : 16);
	FAKE_MUST(drv_add(&c->d, 0, bufs, c->room ? 2 : 1, false) >= 0);
	drv_kick(&c->d, 0);
	if (!drv_wait(&c->d, 0, WAIT, &id, &c->used))
		return NO_ANSWER;
	FAKE_MUST(c->used <= c->room);
	if (!c->used)
		return NO_ANSWER;
	FAKE_MUST(c->used >= P9_HDR && le_load(c->i, 4) == c->used);
	FAKE_MUST(le_load(c->i + 5, 2) == c->tag);
	FAKE_MUST(c->i[4] == c->o[4] + 1 || (c->i[4] == P9_RLERROR && c->used == 11));
	return c->i[4] == P9_RLERROR ? (int)le_load(c->i + 7, 4) : 0;
}

static inline void build(struct client *c, uint8_t type, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vbuild(c, type, fmt, ap);
	va_end(ap);
}

static inline int rpc(struct client *c, uint8_t type, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vbuild(c, type, fmt, ap);
	va_end(ap);
	return transact(c, (uint32_t)c->n);
}

/* Version and fid 0 at the root, attached as uid. */
static inline void hello(struct client *c, uint32_t uid)
{
	FAKE_MUST(!rpc(c, P9_TVERSION, "ws", (unsigned int)MIB(1), "9P2000.L"));
	FAKE_MUST(!rpc(c, P9_TATTACH, "wwssw", 0, P9_NOFID, "u", "", uid));
}

static inline void open_share(struct client *c)
{
	make_tree(c);
	start_share(c);
	hello(c, 0);
}

static inline void close_share(struct client *c)
{
	stop_share(c);
	drop_tree(c);
}

static inline int walk(struct client *c, uint32_t fid, uint32_t to, const char *name)
{
	return rpc(c, P9_TWALK, "wwhs", fid, to, 1, name);
}

static inline int clunk(struct client *c, uint32_t fid)
{
	return rpc(c, P9_TCLUNK, "w", fid);
}

/* fid becomes a new open file in the root. */
static inline int create(struct client *c, uint32_t fid, const char *name, uint32_t mode)
{
	int r = rpc(c, P9_TWALK, "wwh", 0, fid, 0);

	return r ? r : rpc(c, P9_TLCREATE, "wswww", fid, name, O_RDWR, mode, 0);
}

static inline int write_at(struct client *c, uint32_t fid, uint64_t off, const void *p, uint32_t n)
{
	build(c, P9_TWRITE, "wdw", fid, off, n);
	memcpy(c->o + c->n, p, n);
	c->n += n;
	le_store(c->o, 4, c->n);
	return transact(c, (uint32_t)c->n);
}

static inline int read_at9(struct client *c, uint32_t fid, uint64_t off, uint32_t n)
{
	return rpc(c, P9_TREAD, "wdw", fid, off, n);
}

static inline uint32_t answer32(struct client *c, unsigned int off)
{
	return (uint32_t)le_load(c->i + P9_HDR + off, 4);
}

static inline uint64_t answer64(struct client *c, unsigned int off)
{
	return le_load(c->i + P9_HDR + off, 8);
}

/* A host file in the export, or beside it ("../name"). */
static inline void host_file(struct client *c, const char *name, const char *text)
{
	int fd = openat(c->dir, name, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);

	FAKE_MUST(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

#endif
