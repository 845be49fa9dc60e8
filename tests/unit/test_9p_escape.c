/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-9p: attempts to leave the export, alone and with a second thread that renames. */
#include "tests/unit/test_9p.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "tests/harness.h"

#define ROUNDS 1500

/* A thread that does what somebody on the host, or another guest, may do meanwhile. */
struct racer {
	struct client *c;
	void (*fn)(struct client *c);
	_Atomic bool stop;
	pthread_t thread;
};

static void *race(void *opaque)
{
	struct racer *r = opaque;

	while (!r->stop)
		r->fn(r->c);
	return NULL;
}

static void race_start(struct racer *r, struct client *c, void (*fn)(struct client *c))
{
	*r = (struct racer){ .c = c, .fn = fn };
	FAKE_MUST(!pthread_create(&r->thread, NULL, race, r));
}

static void race_stop(struct racer *r)
{
	r->stop = true;
	pthread_join(r->thread, NULL);
}

static void make_outside(struct client *c)
{
	FAKE_MUST(!mkdirat(c->dir, "../outside", 0755));
	host_file(c, "../outside/in", "secret");
	FAKE_MUST(!mkdirat(c->dir, "d", 0755));
	host_file(c, "d/in", "public");
	FAKE_MUST(!symlinkat("../outside", c->dir, "s"));
}

static uint64_t inode(struct client *c, const char *name)
{
	struct stat st;

	FAKE_MUST(!fstatat(c->dir, name, &st, AT_SYMLINK_NOFOLLOW));
	return st.st_ino;
}

/* CVE-2016-9602: a symbolic link is data for the guest, the host follows none. */
static void test_symlinks_cve_2016_9602(void)
{
	struct client c;
	struct stat st;

	open_share(&c);
	make_outside(&c);
	symlinkat("../outside/in", c.dir, "f");
	symlinkat("../outside/new", c.dir, "dangling");
	symlinkat("/proc/self/root", c.dir, "magic");
	CHECK_INT(walk(&c, 0, 1, "s"), 0);
	CHECK_INT(c.i[P9_HDR + 2], P9_QID_SYMLINK);
	CHECK_INT(walk(&c, 1, 2, "in"), ENOTDIR);
	CHECK_INT(rpc(&c, P9_TWALK, "wwhss", 0, 2, 2, "s", "in"), 0);
	CHECK_INT(le_load(c.i + P9_HDR, 2), 1);
	CHECK_INT(rpc(&c, P9_TWALK, "wwhss", 0, 2, 2, "magic", "etc"), 0);
	CHECK_INT(le_load(c.i + P9_HDR, 2), 1);
	CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 1, O_RDONLY), ELOOP);
	CHECK_INT(rpc(&c, P9_TMKDIR, "wsww", 1, "x", 0755, 0), ENOTDIR);
	CHECK_INT(rpc(&c, P9_TLCREATE, "wswww", 1, "x", 2, 0644, 0), ENOTDIR);
	CHECK_INT(rpc(&c, P9_TUNLINKAT, "wsw", 1, "in", 0), ENOTDIR);
	CHECK_INT(rpc(&c, P9_TRENAMEAT, "wsws", 1, "in", 0, "got"), ENOTDIR);
	CHECK_INT(rpc(&c, P9_TLCREATE, "wswww", 0, "dangling", 2, 0644, 0), ELOOP);
	CHECK_INT(rpc(&c, P9_TLCREATE, "wswww", 0, "f", 01002, 0644, 0), ELOOP);
	CHECK(fstatat(c.dir, "../outside/new", &st, 0) < 0);
	/* What changes attributes changes the link's. */
	CHECK_INT(walk(&c, 0, 3, "f"), 0);
	CHECK_INT(rpc(&c, P9_TSETATTR, "wwwwwddddd", 3, 1, 0777, 0, 0, 0ull, 0ull, 0ull, 0ull,
		0ull), EOPNOTSUPP);
	CHECK_INT(rpc(&c, P9_TSETATTR, "wwwwwddddd", 3, 8, 0, 0, 0, 0ull, 0ull, 0ull, 0ull, 0ull),
		ELOOP);
	CHECK_INT(rpc(&c, P9_TSETATTR, "wwwwwddddd", 3, 0x1b0, 0, 0, 0, 0ull, 5ull, 0ull, 5ull,
		0ull), 0);
	CHECK(!fstatat(c.dir, "../outside/in", &st, 0));
	CHECK(st.st_size == 6 && (st.st_mode & 07777) == 0644 && st.st_mtim.tv_sec != 5);
	CHECK(!fstatat(c.dir, "f", &st, AT_SYMLINK_NOFOLLOW) && st.st_atim.tv_sec == 5);
	CHECK_INT(rpc(&c, P9_TXATTRWALK, "wws", 3, 9, "user.a") != 0, 1);
	close_share(&c);
}

static void swap_dir_and_link(struct client *c)
{
	renameat2(c->dir, "d", c->dir, "s", RENAME_EXCHANGE);
}

/* CVE-2016-9602 again: a directory that becomes a link between two steps. */
static void test_link_race_cve_2016_9602(void)
{
	unsigned int reached = 0;
	struct client c;
	struct racer r;
	struct stat st;

	open_share(&c);
	make_outside(&c);
	race_start(&r, &c, swap_dir_and_link);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (rpc(&c, P9_TWALK, "wwhss", 0, 1, 2, "d", "in") == 0 &&
			le_load(c.i + P9_HDR, 2) == 2) {
			reached++;
			CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 1, O_RDONLY), 0);
			CHECK_INT(read_at9(&c, 1, 0, 100), 0);
			CHECK(!memcmp(c.i + 11, "public", 6));
		}
		clunk(&c, 1);
		if (walk(&c, 0, 2, "d") == 0) {
			rpc(&c, P9_TLCREATE, "wswww", 2, "new", 2, 0644, 0);
			rpc(&c, P9_TMKDIR, "wsww", 2, "dir", 0755, 0);
			clunk(&c, 2);
		}
	}
	race_stop(&r);
	CHECK(reached > 0);
	CHECK(fstatat(c.dir, "../outside/new", &st, 0) < 0);
	CHECK(fstatat(c.dir, "../outside/dir", &st, 0) < 0);
	close_share(&c);
}

static void move_out_and_in(struct client *c)
{
	renameat(c->dir, "d", c->dir, "../moved");
	renameat(c->dir, "../moved", c->dir, "d");
}

/* CVE-2016-7116: ".." ends at the root, also when the directory is moved meanwhile. */
static void test_dotdot_cve_2016_7116(void)
{
	uint64_t root, top;
	struct client c;
	struct racer r;

	open_share(&c);
	make_outside(&c);
	FAKE_MUST(!mkdirat(c.dir, "d/sub", 0755));
	root = inode(&c, ".");
	top = inode(&c, "..");
	CHECK_INT(rpc(&c, P9_TWALK, "wwhss", 0, 1, 2, "..", ".."), 0);
	CHECK_INT(answer64(&c, 2 + 13 + 5) & ~(255ull << 56), root);
	CHECK_INT(rpc(&c, P9_TWALK, "wwhssss", 0, 2, 4, "d", "..", "..", "d"), 0);
	CHECK_INT(le_load(c.i + P9_HDR, 2), 4);
	CHECK_INT(walk(&c, 1, 3, "../outside"), ENOENT);
	CHECK_INT(rpc(&c, P9_TMKDIR, "wsww", 0, "../x", 0755, 0), EINVAL);
	CHECK_INT(rpc(&c, P9_TWALK, "wwhss", 0, 4, 2, "d", "sub"), 0);
	race_start(&r, &c, move_out_and_in);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (rpc(&c, P9_TWALK, "wwhsss", 4, 5, 3, "..", "..", "..") == 0) {
			for (unsigned int k = 0; k < le_load(c.i + P9_HDR, 2); k++)
				CHECK((answer64(&c, 2 + 13 * k + 5) & ~(255ull << 56)) != top);
			clunk(&c, 5);
		}
		CHECK(rpc(&c, P9_TWALK, "wwhss", 4, 6, 2, "..", "outside") != NO_ANSWER);
		clunk(&c, 6);
	}
	race_stop(&r);
	/* Outside for good: no way up from there. */
	FAKE_MUST(!renameat(c.dir, "d", c.dir, "../moved"));
	CHECK_INT(walk(&c, 4, 7, ".."), ENOENT);
	close_share(&c);
}

static void swap_file_and_fifo(struct client *c)
{
	renameat2(c->dir, "file", c->dir, "fifo", RENAME_EXCHANGE);
}

/* CVE-2023-2861: devices, fifos and sockets of the host are seen, never opened. */
static void test_nodes_cve_2023_2861(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	static const char *const names[] = { "fifo", "sock", "null" };
	unsigned int opened = 0;
	struct client c;
	struct racer r;
	int s, ret;

	open_share(&c);
	FAKE_MUST(!mkfifoat(c.dir, "fifo", 0666));
	snprintf(un.sun_path, sizeof(un.sun_path), "%.90s/sock", c.path);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	FAKE_MUST(!bind(s, (struct sockaddr *)&un, sizeof(un)));
	mknodat(c.dir, "null", S_IFCHR | 0666, 0x103);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (walk(&c, 0, 1, names[i]))
			continue;	/* a device needs root */
		CHECK_INT(rpc(&c, P9_TGETATTR, "wd", 1, 0x7ffull), 0);
		CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 1, O_RDONLY), EACCES);
		CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 1, O_RDWR), EACCES);
		CHECK_INT(rpc(&c, P9_TSETATTR, "wwwwwddddd", 1, 8, 0, 0, 0, 0ull, 0ull, 0ull, 0ull,
			0ull), EACCES);
		CHECK_INT(clunk(&c, 1), 0);
		CHECK_INT(rpc(&c, P9_TLCREATE, "wswww", 0, names[i], 0, 0644, 0), EACCES);
	}
	host_file(&c, "file", "x");
	race_start(&r, &c, swap_file_and_fifo);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		CHECK_INT(walk(&c, 0, 1, "file"), 0);
		ret = rpc(&c, P9_TLOPEN, "ww", 1, O_RDONLY);
		CHECK(ret == 0 || ret == EACCES);
		opened += !ret;
		clunk(&c, 1);
		CHECK_INT(rpc(&c, P9_TWALK, "wwh", 0, 1, 0), 0);
		ret = rpc(&c, P9_TLCREATE, "wswww", 1, "file", 1, 0644, 0);
		CHECK(ret == 0 || ret == EACCES);
		clunk(&c, 1);
	}
	race_stop(&r);
	CHECK(opened > 0);
	close(s);
	close_share(&c);
}

static void rename_there_and_back(struct client *c)
{
	renameat(c->dir, "d", c->dir, "a much longer name for the same directory");
	renameat(c->dir, "a much longer name for the same directory", c->dir, "d");
}

static void add(struct client *c, gpa_t *at)
{
	gpa_t out = *at, in = out + 256;

	memcpy(drv_ram(&c->d, out, c->n), c->o, c->n);
	FAKE_MUST(drv_add(&c->d, 0, (struct drv_buf[]){ { out, (uint32_t)c->n, false },
		{ in, 256, true } }, 2, false) >= 0);
	*at = in + 256;
}

/*
 * CVE-2018-19489, CVE-2021-20181: a fid's path was freed or replaced by a rename while others
 * used it. Here many requests rename, walk and clunk the same fids at once.
 */
static void test_rename_cve_2018_19489_cve_2021_20181(void)
{
	struct client c;
	struct racer r;
	uint32_t id, len;
	gpa_t pool;

	open_share(&c);
	make_outside(&c);
	CHECK_INT(rpc(&c, P9_TWALK, "wwhss", 0, 1, 2, "d", "in"), 0);
	CHECK_INT(walk(&c, 0, 2, "d"), 0);
	CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 1, O_RDONLY), 0);
	pool = drv_alloc(&c.d, MIB(1), 4096);
	race_start(&r, &c, rename_there_and_back);
	for (unsigned int round = 0; round < 60; round++) {
		gpa_t at = pool;
		unsigned int n = 0;

		for (unsigned int i = 0; i < 20; i++) {
			build(&c, P9_TRENAME, "wws", 1, i % 2 ? 0 : 2, i % 4 ? "in" : "out");
			add(&c, &at);
			build(&c, P9_TWALK, "wwhs", 2, 10 + i % 3, 1, i % 2 ? "in" : "..");
			add(&c, &at);
			build(&c, P9_TREAD, "wdw", 1, 0ull, 6);
			add(&c, &at);
			build(&c, P9_TRENAMEAT, "wsws", 2, "in", 2, "out");
			add(&c, &at);
			build(&c, P9_TCLUNK, "w", 10 + i % 3);
			add(&c, &at);
			n += 5;
		}
		drv_kick(&c.d, 0);
		while (n) {
			REQUIRE(drv_wait(&c.d, 0, WAIT, &id, &len));
			n--;
		}
		CHECK_INT(read_at9(&c, 1, 0, 6), 0);
		CHECK(!memcmp(c.i + 11, "public", 6));
	}
	race_stop(&r);
	close_share(&c);
}

static void come_and_go(struct client *c)
{
	host_file(c, "d/fleeting", "");
	unlinkat(c->dir, "d/fleeting", 0);
}

/* A name that others make and remove: one of the two ways to open it works, as on the host. */
static void test_create_race(void)
{
	struct client c;
	struct racer r;

	open_share(&c);
	FAKE_MUST(!mkdirat(c.dir, "d", 0755));
	race_start(&r, &c, come_and_go);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		CHECK_INT(walk(&c, 0, 1, "d"), 0);
		CHECK_INT(rpc(&c, P9_TLCREATE, "wswww", 1, "fleeting", 2, 0644, 0), 0);
		CHECK_INT(clunk(&c, 1), 0);
	}
	race_stop(&r);
	close_share(&c);
}

/* The export is renamed, then removed: errors, and the device goes on. */
static void test_export_goes_away(void)
{
	struct client c;
	char moved[256];

	open_share(&c);
	make_outside(&c);
	CHECK_INT(walk(&c, 0, 1, "d"), 0);
	snprintf(moved, sizeof(moved), "%s/elsewhere", c.top);
	FAKE_MUST(!rename(c.path, moved));
	CHECK_INT(rpc(&c, P9_TWALK, "wwhss", 1, 2, 2, "..", "d"), 0);
	CHECK_INT(le_load(c.i + P9_HDR, 2), 2);
	nftw(moved, rm_one, 16, FTW_DEPTH | FTW_PHYS);
	CHECK_INT(walk(&c, 0, 3, "d"), ENOENT);
	CHECK_INT(rpc(&c, P9_TMKDIR, "wsww", 0, "x", 0755, 0), ENOENT);
	CHECK_INT(walk(&c, 1, 3, ".."), ENOENT);
	CHECK_INT(rpc(&c, P9_TGETATTR, "wd", 0, 0x7ffull), 0);
	CHECK_INT(rpc(&c, P9_TWALK, "wwh", 0, 4, 0), 0);
	CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 4, O_RDONLY), 0);
	CHECK(rpc(&c, P9_TREADDIR, "wdw", 4, 0ull, 1000) != NO_ANSWER);
	close_share(&c);
}

int main(void)
{
	RUN(test_symlinks_cve_2016_9602);
	RUN(test_link_race_cve_2016_9602);
	RUN(test_dotdot_cve_2016_7116);
	RUN(test_nodes_cve_2023_2861);
	RUN(test_rename_cve_2018_19489_cve_2021_20181);
	RUN(test_create_race);
	RUN(test_export_goes_away);
	return tests_done();
}
