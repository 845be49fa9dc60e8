/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See random.h. Few names and a shallow tree make collisions, and so errors, frequent. Files
 * stay open while their names go, so that handles are tested as well as names.
 */
#include "tests/guest/fs/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HANDLES 8
#define IO_MAX 40000u
#define SIZE_MAX_FILE 200000u
#define CHECK_EVERY 500
#define MAX_DEEP 28		/* bytes of a path that is still looked into: walks have 16 names */

struct run {
	struct fs_side *t, *r;		/* tested, right */
	uint64_t x;			/* random state */
	unsigned int step;
	bool open[HANDLES], writable[HANDLES];
	char what[200];			/* the call at hand */
	char a[FS_PATH], b[FS_PATH];
	uint8_t buf[IO_MAX], buf_t[IO_MAX], buf_r[IO_MAX];
	struct fs_list list_t, list_r;
};

#define BOTH(run, out_t, out_r, fn, ...) \
	(out_t = (run)->t->ops->fn((run)->t->ctx, __VA_ARGS__), \
	 out_r = (run)->r->ops->fn((run)->r->ctx, __VA_ARGS__))

/* xorshift64* */
static uint32_t rnd(struct run *s, uint32_t n)
{
	s->x ^= s->x >> 12;
	s->x ^= s->x << 25;
	s->x ^= s->x >> 27;
	return (uint32_t)((s->x * 0x2545f4914f6cdd1dull) >> 33) % n;
}

static void path(struct run *s, char *out)
{
	unsigned int depth = 1 + rnd(s, 3);
	size_t n = 0;

	for (unsigned int i = 0; i < depth; i++)
		n += (size_t)sprintf(out + n, "%s%c", i ? "/" : "", 'a' + (int)rnd(s, 5));
}

__attribute__((format(printf, 2, 3)))
static void what(struct run *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->what, sizeof(s->what), fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 2, 3)))
static bool differs(struct run *s, const char *fmt, ...)
{
	va_list ap;

	printf("# call %u, %s: ", s->step, s->what);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	return false;
}

static bool same(struct run *s, int t, int r)
{
	if (t == r)
		return true;
	return differs(s, "%s says %d (%s), %s %d (%s)", s->t->name, t,
		t < 0 ? strerror(-t) : "fine", s->r->name, r, r < 0 ? strerror(-r) : "fine");
}

static bool same_info(struct run *s, const struct fs_info *t, const struct fs_info *r)
{
	if (t->mode == r->mode && t->nlink == r->nlink && t->size == r->size)
		return true;
	return differs(s, "%s has mode %o, %u links, size %llu, %s %o, %u, %llu", s->t->name,
		t->mode, t->nlink, (unsigned long long)t->size, s->r->name, r->mode, r->nlink,
		(unsigned long long)r->size);
}

/* ---- Open files ----------------------------------------------------------------------- */

static bool close_handle(struct run *s, unsigned int h)
{
	int t = s->t->ops->close(s->t->ctx, s->t->handles[h]);
	int r = s->r->ops->close(s->r->ctx, s->r->handles[h]);

	s->open[h] = false;
	what(s, "close of handle %u", h);
	return same(s, t, r);
}

static bool do_open(struct run *s)
{
	static const int kinds[] = { O_RDONLY, O_RDWR, O_WRONLY, O_RDWR | O_CREAT,
		O_RDWR | O_CREAT | O_EXCL, O_WRONLY | O_CREAT | O_TRUNC, O_RDWR | O_TRUNC };
	int flags = kinds[rnd(s, sizeof(kinds) / sizeof(kinds[0]))], t, r;
	unsigned int h = rnd(s, HANDLES), mode = 0600 | rnd(s, 0100);
	struct fs_info it, ir;

	path(s, s->a);
	if (s->open[h] && !close_handle(s, h))
		return false;
	what(s, "open(%s, %#o, %o)", s->a, flags, mode);
	/* Fifos would block, or not; directories are listed. */
	r = s->r->ops->stat(s->r->ctx, s->a, &ir);
	if (r == 0 && !S_ISREG(ir.mode) && !S_ISLNK(ir.mode))
		return true;
	BOTH(s, t, r, open, s->a, flags, mode);
	if ((t < 0 || r < 0) && t != r)
		return same(s, t, r);
	if (r < 0)
		return true;
	s->t->handles[h] = (unsigned int)t;
	s->r->handles[h] = (unsigned int)r;
	s->open[h] = true;
	s->writable[h] = (flags & O_ACCMODE) != O_RDONLY;
	t = s->t->ops->fstat(s->t->ctx, s->t->handles[h], &it);
	r = s->r->ops->fstat(s->r->ctx, s->r->handles[h], &ir);
	return same(s, t, r) && same_info(s, &it, &ir);
}

static bool do_read(struct run *s, unsigned int h)
{
	uint32_t off = rnd(s, SIZE_MAX_FILE), n = rnd(s, IO_MAX);
	int t, r;

	if (rnd(s, 3) == 0)
		off = 0;
	what(s, "read of handle %u, %u at %u", h, n, off);
	t = s->t->ops->read(s->t->ctx, s->t->handles[h], off, s->buf_t, n);
	r = s->r->ops->read(s->r->ctx, s->r->handles[h], off, s->buf_r, n);
	if (!same(s, t, r))
		return false;
	for (int i = 0; i < r; i++)
		if (s->buf_t[i] != s->buf_r[i])
			return differs(s, "other data from byte %d on", i);
	return true;
}

static bool do_write(struct run *s, unsigned int h)
{
	uint32_t off = rnd(s, SIZE_MAX_FILE - IO_MAX), n = rnd(s, rnd(s, 4) ? 3000 : IO_MAX);
	int t, r;

	for (uint32_t i = 0; i < n; i += 4) {
		uint32_t v = rnd(s, 1u << 31);

		memcpy(s->buf + i, &v, n - i < 4 ? n - i : 4);
	}
	what(s, "write of handle %u, %u at %u", h, n, off);
	t = s->t->ops->write(s->t->ctx, s->t->handles[h], off, s->buf, n);
	r = s->r->ops->write(s->r->ctx, s->r->handles[h], off, s->buf, n);
	return same(s, t, r);
}

static bool do_handle(struct run *s)
{
	unsigned int h = rnd(s, HANDLES);
	struct fs_info it, ir;
	uint32_t size;
	int t, r;

	if (!s->open[h])
		return do_open(s);
	switch (rnd(s, 10)) {
	case 0:
		return close_handle(s, h);
	case 1:
		what(s, "fstat of handle %u", h);
		t = s->t->ops->fstat(s->t->ctx, s->t->handles[h], &it);
		r = s->r->ops->fstat(s->r->ctx, s->r->handles[h], &ir);
		return same(s, t, r) && (r < 0 || same_info(s, &it, &ir));
	case 2:
		if (!s->writable[h])
			return true;
		size = rnd(s, SIZE_MAX_FILE);
		what(s, "truncation of handle %u to %u", h, size);
		t = s->t->ops->truncate(s->t->ctx, s->t->handles[h], size);
		r = s->r->ops->truncate(s->r->ctx, s->r->handles[h], size);
		return same(s, t, r);
	case 3:
		what(s, "fsync of handle %u", h);
		t = s->t->ops->fsync(s->t->ctx, s->t->handles[h]);
		r = s->r->ops->fsync(s->r->ctx, s->r->handles[h]);
		return same(s, t, r);
	case 4:
	case 5:
	case 6:
		return do_read(s, h);
	default:
		return do_write(s, h);
	}
}

/* ---- Names ---------------------------------------------------------------------------- */

static bool do_name(struct run *s)
{
	unsigned int mode = 0600 | rnd(s, 0100);
	int t, r;

	path(s, s->a);
	path(s, s->b);
	switch (rnd(s, 12)) {
	case 0:
	case 1:
	case 2:
		what(s, "mkdir(%s, %o)", s->a, mode | 0100);
		BOTH(s, t, r, mkdir, s->a, mode | 0100);
		break;
	case 3:
		what(s, "rmdir(%s)", s->a);
		BOTH(s, t, r, rmdir, s->a);
		break;
	case 4:
	case 5:
		what(s, "unlink(%s)", s->a);
		BOTH(s, t, r, unlink, s->a);
		break;
	case 6:
	case 7:
		what(s, "rename(%s, %s)", s->a, s->b);
		BOTH(s, t, r, rename, s->a, s->b);
		break;
	case 8:
	case 9:
		what(s, "link(%s, %s)", s->a, s->b);
		BOTH(s, t, r, link, s->a, s->b);
		break;
	case 10:
		what(s, "symlink(nowhere/%s, %s)", s->a, s->b);
		sprintf((char *)s->buf, "nowhere/%s", s->a);
		BOTH(s, t, r, symlink, (char *)s->buf, s->b);
		break;
	default:
		what(s, "mkfifo(%s, %o)", s->a, mode);
		BOTH(s, t, r, mkfifo, s->a, mode);
	}
	return same(s, t, r);
}

static bool same_node(struct run *s, const char *p, struct fs_info *ir)
{
	struct fs_info it;
	int t = s->t->ops->stat(s->t->ctx, p, &it), r = s->r->ops->stat(s->r->ctx, p, ir);

	what(s, "stat(%s)", p);
	if (!same(s, t, r) || (r == 0 && !same_info(s, &it, ir)))
		return false;
	if (r < 0)
		ir->mode = 0;
	if (!S_ISLNK(ir->mode))
		return true;
	what(s, "readlink(%s)", p);
	t = s->t->ops->readlink(s->t->ctx, p, (char *)s->buf_t, IO_MAX);
	r = s->r->ops->readlink(s->r->ctx, p, (char *)s->buf_r, IO_MAX);
	return same(s, t, r) && (r < 0 || !memcmp(s->buf_t, s->buf_r, (size_t)r) ||
		differs(s, "other texts"));
}

static bool do_attr(struct run *s)
{
	unsigned int mode = 0600 | rnd(s, 0100);
	struct fs_info info;
	int t, r;

	path(s, s->a);
	if (!same_node(s, s->a, &info))
		return false;
	if (!info.mode || S_ISLNK(info.mode) || rnd(s, 2))
		return true;
	if (S_ISDIR(info.mode))
		mode |= 0100;
	what(s, "chmod(%s, %o)", s->a, mode);
	BOTH(s, t, r, chmod, s->a, mode);
	return same(s, t, r);
}

/* ---- Everything ----------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool same_file(struct run *s, const char *p, uint64_t size)
{
	int t, r;

	BOTH(s, t, r, open, p, O_RDONLY, 0);
	what(s, "open(%s)", p);
	if (t < 0 || r < 0)
		return same(s, t, r);
	for (uint64_t off = 0; off < size; off += IO_MAX) {
		int nt = s->t->ops->read(s->t->ctx, (unsigned int)t, off, s->buf_t, IO_MAX);
		int nr = s->r->ops->read(s->r->ctx, (unsigned int)r, off, s->buf_r, IO_MAX);

		what(s, "read of %s at %llu", p, (unsigned long long)off);
		if (!same(s, nt, nr))
			return false;
		if (nr > 0 && memcmp(s->buf_t, s->buf_r, (size_t)nr))
			return differs(s, "other data");
	}
	s->t->ops->close(s->t->ctx, (unsigned int)t);
	s->r->ops->close(s->r->ctx, (unsigned int)r);
	return true;
}

/* One directory; where its subdirectories are is told by todo. */
static bool same_dir(struct run *s, const char *dir, char (*todo)[FS_PATH], unsigned int *nr)
{
	struct fs_info info;
	int t, r;

	t = s->t->ops->list(s->t->ctx, dir, &s->list_t);
	r = s->r->ops->list(s->r->ctx, dir, &s->list_r);
	what(s, "list of %s", dir);
	if (!same(s, t, r))
		return false;
	qsort(s->list_t.names, s->list_t.nr, sizeof(s->list_t.names[0]), by_name);
	qsort(s->list_r.names, s->list_r.nr, sizeof(s->list_r.names[0]), by_name);
	if (s->list_t.nr != s->list_r.nr)
		return differs(s, "%u and %u names", s->list_t.nr, s->list_r.nr);
	for (unsigned int i = 0; i < s->list_r.nr; i++) {
		char p[FS_PATH];

		if (strcmp(s->list_t.names[i], s->list_r.names[i]))
			return differs(s, "%s and %s", s->list_t.names[i], s->list_r.names[i]);
		snprintf(p, sizeof(p), "%.40s%s%.15s", strcmp(dir, ".") ? dir : "",
			strcmp(dir, ".") ? "/" : "", s->list_r.names[i]);
		if (!same_node(s, p, &info))
			return false;
		if (S_ISREG(info.mode) && !same_file(s, p, info.size))
			return false;
		if (S_ISDIR(info.mode) && *nr < FS_NAMES && strlen(p) < MAX_DEEP)
			memcpy(todo[(*nr)++], p, FS_PATH);
		what(s, "list of %s", dir);
	}
	return true;
}

static bool same_all(struct run *s)
{
	static const char top[FS_PATH] = ".";
	char (*todo)[FS_PATH] = calloc(FS_NAMES, FS_PATH);
	unsigned int nr = 1;
	bool ok = todo;

	if (todo)
		memcpy(todo[0], top, FS_PATH);
	for (unsigned int i = 0; ok && i < nr; i++) {
		char dir[FS_PATH];

		memcpy(dir, todo[i], FS_PATH);
		ok = same_dir(s, dir, todo, &nr);
	}
	free(todo);
	return ok;
}

bool fs_random(struct fs_side *tested, struct fs_side *right, uint64_t seed, unsigned int count)
{
	struct run *s = calloc(1, sizeof(*s));
	bool ok = s;

	if (!s)
		return false;
	s->t = tested;
	s->r = right;
	s->x = seed * 0x9e3779b97f4a7c15ull + 1;
	for (s->step = 0; ok && s->step < count; s->step++) {
		uint32_t kind = rnd(s, 10);

		ok = kind < 4 ? do_handle(s) : kind < 5 ? do_open(s) : kind < 6 ? do_attr(s) :
			do_name(s);
		if (ok && s->step % CHECK_EVERY == CHECK_EVERY - 1)
			ok = same_all(s);
	}
	for (unsigned int h = 0; h < HANDLES; h++)
		if (s->open[h])
			ok = close_handle(s, h) && ok;
	ok = ok && same_all(s);
	free(s);
	return ok;
}
