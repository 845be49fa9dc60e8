/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-9p under random work (tests/guest/fs/random.h), as a guest's kernel would ask for it,
 * beside the host's own file system.
 */
#include "tests/unit/test_9p.h"

#include <stdlib.h>

#include "tests/guest/fs/random.h"
#include "tests/harness.h"

#define FIRST_HANDLE 100u	/* fids: 0 root, 1 to 9 for one call, then handles */

static uint32_t next_handle;

/*
 * Fid to becomes what path names; parent: its directory instead, and *last its name. What lies
 * behind a link is nowhere, what lies behind a file is no directory.
 */
static int resolve(struct client *c, const char *path, uint32_t to, bool parent, const char **last)
{
	unsigned int nr = 0, done, type;
	const char *p = path;
	size_t count_at;
	int r;

	build(c, P9_TWALK, "ww", 0, to);
	count_at = c->n;
	put(c, 2, 0);
	while (*p && strcmp(path, ".")) {
		size_t n = strcspn(p, "/");

		*last = p;
		if (!parent || p[n]) {
			put(c, 2, n);
			memcpy(c->o + c->n, p, n);
			c->n += n;
			nr++;
		}
		p += n + (p[n] == '/');
	}
	le_store(c->o + count_at, 2, nr);
	le_store(c->o, 4, c->n);
	r = transact(c, (uint32_t)c->n);
	if (r)
		return -r;
	done = (unsigned int)le_load(c->i + P9_HDR, 2);
	type = done ? c->i[P9_HDR + 2 + P9_QID_SIZE * (done - 1)] : P9_QID_DIR;
	if (done == nr && (!parent || type & P9_QID_DIR))
		return 0;
	if (done == nr)
		clunk(c, to);
	return type & (P9_QID_DIR | P9_QID_SYMLINK) ? -ENOENT : -ENOTDIR;
}

static int q_open(void *ctx, const char *path, int flags, uint32_t mode)
{
	struct client *c = ctx;
	uint32_t h = FIRST_HANDLE + next_handle++;
	uint32_t l = (uint32_t)(flags & O_ACCMODE) | (flags & O_EXCL ? 0200u : 0) |
		(flags & O_TRUNC ? 01000u : 0);
	const char *name;
	int r;

	if (!(flags & O_CREAT)) {
		r = resolve(c, path, h, false, &name);
		if (r < 0)
			return r;
		r = rpc(c, P9_TLOPEN, "ww", h, l);
	} else {
		r = resolve(c, path, h, true, &name);
		if (r < 0)
			return r;
		r = rpc(c, P9_TLCREATE, "wswww", h, name, l, mode, getegid());
	}
	if (!r)
		return (int)h;
	clunk(c, h);
	return -r;
}

static int q_close(void *ctx, unsigned int handle)
{
	return -clunk(ctx, handle);
}

static int q_read(void *ctx, unsigned int handle, uint64_t off, void *buf, uint32_t n)
{
	struct client *c = ctx;
	int r = read_at9(c, handle, off, n);

	if (r)
		return -r;
	memcpy(buf, c->i + P9_IO_HDR, answer32(c, 0));
	return (int)answer32(c, 0);
}

static int q_write(void *ctx, unsigned int handle, uint64_t off, const void *buf, uint32_t n)
{
	int r = write_at(ctx, handle, off, buf, n);

	return r ? -r : (int)answer32(ctx, 0);
}

static int q_truncate(void *ctx, unsigned int handle, uint64_t size)
{
	return -rpc(ctx, P9_TSETATTR, "wwwwwddddd", handle, 8, 0, 0, 0, size, 0ull, 0ull, 0ull,
		0ull);
}

static int q_fsync(void *ctx, unsigned int handle)
{
	return -rpc(ctx, P9_TFSYNC, "ww", handle, 1);
}

static int q_fstat(void *ctx, unsigned int handle, struct fs_info *out)
{
	struct client *c = ctx;
	int r = rpc(c, P9_TGETATTR, "wd", handle, 0x7ffull);

	if (r)
		return -r;
	*out = (struct fs_info){ .mode = answer32(c, 21) };
	if (!S_ISDIR(out->mode))
		out->nlink = answer32(c, 33);
	if (S_ISREG(out->mode) || S_ISLNK(out->mode))
		out->size = answer64(c, 49);
	return 0;
}

/* What takes a fid for the time of one call. */
static int with(struct client *c, const char *path, int (*fn)(struct client *c, void *arg),
	void *arg)
{
	const char *name;
	int r = resolve(c, path, 1, false, &name);

	if (r < 0)
		return r;
	r = fn(c, arg);
	FAKE_MUST(!clunk(c, 1));
	return r;
}

static int stat_fn(struct client *c, void *arg)
{
	return q_fstat(c, 1, arg);
}

static int q_stat(void *ctx, const char *path, struct fs_info *out)
{
	return with(ctx, path, stat_fn, out);
}

static int chmod_fn(struct client *c, void *arg)
{
	return -rpc(c, P9_TSETATTR, "wwwwwddddd", 1, 1, *(uint32_t *)arg, 0, 0, 0ull, 0ull, 0ull,
		0ull, 0ull);
}

static int q_chmod(void *ctx, const char *path, uint32_t mode)
{
	return with(ctx, path, chmod_fn, &mode);
}

struct text {
	char *buf;
	size_t size;
};

static int readlink_fn(struct client *c, void *arg)
{
	struct text *t = arg;
	int r = rpc(c, P9_TREADLINK, "w", 1);
	size_t n = le_load(c->i + P9_HDR, 2);

	if (r)
		return -r;
	memcpy(t->buf, c->i + P9_HDR + 2, n < t->size ? n : t->size);
	return (int)n;
}

static int q_readlink(void *ctx, const char *path, char *buf, size_t size)
{
	return with(ctx, path, readlink_fn, &(struct text){ buf, size });
}

/* In answers of a size that changes from call to call. */
static int list_fn(struct client *c, void *arg)
{
	struct fs_list *out = arg;
	uint64_t cookie = 0;
	uint32_t n, at, count = 300 + 37 * (next_handle++ % 100);
	int r = rpc(c, P9_TLOPEN, "ww", 1, O_RDONLY);

	out->nr = 0;
	while (!r && !(r = rpc(c, P9_TREADDIR, "wdw", 1, cookie, count)) && (n = answer32(c, 0))) {
		for (at = 11; at < 11 + n;) {
			uint32_t len = (uint32_t)le_load(c->i + at + 22, 2);

			cookie = le_load(c->i + at + 13, 8);
			if (c->i[at + 24] != '.' && out->nr < FS_NAMES) {
				FAKE_MUST(len < 16);
				memcpy(out->names[out->nr], c->i + at + 24, len);
				out->names[out->nr++][len] = 0;
			}
			at += 24 + len;
		}
	}
	return -r;
}

static int q_list(void *ctx, const char *path, struct fs_list *out)
{
	return with(ctx, path, list_fn, out);
}

/* What takes a directory and a name. */
static int q_mkdir(void *ctx, const char *path, uint32_t mode)
{
	const char *name;
	int r = resolve(ctx, path, 1, true, &name);

	if (r < 0)
		return r;
	r = -rpc(ctx, P9_TMKDIR, "wsww", 1, name, mode, getegid());
	FAKE_MUST(!clunk(ctx, 1));
	return r;
}

static int q_mkfifo(void *ctx, const char *path, uint32_t mode)
{
	const char *name;
	int r = resolve(ctx, path, 1, true, &name);

	if (r < 0)
		return r;
	r = -rpc(ctx, P9_TMKNOD, "wswwww", 1, name, S_IFIFO | mode, 0, 0, getegid());
	FAKE_MUST(!clunk(ctx, 1));
	return r;
}

static int remove_one(struct client *c, const char *path, uint32_t flags)
{
	const char *name;
	int r = resolve(c, path, 1, true, &name);

	if (r < 0)
		return r;
	r = -rpc(c, P9_TUNLINKAT, "wsw", 1, name, flags);
	FAKE_MUST(!clunk(c, 1));
	return r;
}

static int q_unlink(void *ctx, const char *path)
{
	return remove_one(ctx, path, 0);
}

static int q_rmdir(void *ctx, const char *path)
{
	return remove_one(ctx, path, 0x200);
}

static int q_rename(void *ctx, const char *from, const char *to)
{
	const char *old, *new;
	int r = resolve(ctx, from, 1, true, &old);

	if (r < 0)
		return r;
	r = resolve(ctx, to, 2, true, &new);
	if (r == 0) {
		r = -rpc(ctx, P9_TRENAMEAT, "wsws", 1, old, 2, new);
		FAKE_MUST(!clunk(ctx, 2));
	}
	FAKE_MUST(!clunk(ctx, 1));
	return r;
}

static int q_link(void *ctx, const char *from, const char *to)
{
	const char *name;
	int r = resolve(ctx, from, 1, false, &name);

	if (r < 0)
		return r;
	r = resolve(ctx, to, 2, true, &name);
	if (r == 0) {
		r = -rpc(ctx, P9_TLINK, "wws", 2, 1, name);
		FAKE_MUST(!clunk(ctx, 2));
	}
	FAKE_MUST(!clunk(ctx, 1));
	return r;
}

static int q_symlink(void *ctx, const char *text, const char *path)
{
	const char *name;
	int r = resolve(ctx, path, 1, true, &name);

	if (r < 0)
		return r;
	r = -rpc(ctx, P9_TSYMLINK, "wssw", 1, name, text, getegid());
	FAKE_MUST(!clunk(ctx, 1));
	return r;
}

static const struct fs_ops p9_ops = { q_open, q_close, q_read, q_write, q_truncate, q_fsync,
	q_fstat, q_stat, q_chmod, q_mkdir, q_mkfifo, q_unlink, q_rmdir, q_rename, q_link,
	q_symlink, q_readlink, q_list };

static bool play(struct client *c, uint64_t seed, unsigned int count)
{
	struct fs_side tested = { .name = "9p", .ops = &p9_ops, .ctx = c };
	struct fs_side right = { .name = "the host", .ops = &fs_posix };
	char path[300];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "%s/right", c->top);
	FAKE_MUST(!mkdir(path, 0755));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FAKE_MUST(fd >= 0);
	right.ctx = fs_posix_ctx(fd);
	ok = fs_random(&tested, &right, seed, count);
	close(fd);
	return ok;
}

static void run_policy(enum share_owner owner, unsigned int seeds, unsigned int count)
{
	/* TEST_SEED=N plays one seed, which a report named. */
	const char *one = getenv("TEST_SEED");

	for (unsigned int seed = 1; seed <= seeds; seed++) {
		unsigned int n = one ? (unsigned int)atoi(one) : seed;
		struct client c;
		bool ok;

		make_tree(&c);
		c.opts.owner = owner;
		start_share(&c);
		hello(&c, geteuid());
		ok = play(&c, n, count);
		if (!ok)
			printf("# seed %u, owner %d\n", n, (int)owner);
		CHECK(ok);
		close_share(&c);
	}
}

static void test_default(void)
{
	run_policy(SHARE_OWNER_DEFAULT, 3, 2000);
}

static void test_mapped(void)
{
	run_policy(SHARE_OWNER_MAPPED, 3, 2000);
}

int main(void)
{
	umask(0);
	RUN(test_default);
	RUN(test_mapped);
	return tests_done();
}
