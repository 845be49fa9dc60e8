/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-9p: the protocol, its limits and what happens on many requests at once. */
#include "tests/unit/test_9p.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/harness.h"

static void test_config(void)
{
	struct client c;
	uint8_t tag[4];

	make_tree(&c);
	start_share(&c);
	CHECK_INT(fake_mmio_read(&c.f, c.d.config, 2), 4);
	for (unsigned int i = 0; i < 4; i++)
		tag[i] = (uint8_t)fake_mmio_read(&c.f, c.d.config + 2 + i, 1);
	CHECK(!memcmp(tag, "data", 4));
	CHECK(drv_offered(&c.d) & 1);
	close_share(&c);
}

static void refuse(struct client *c, int code, const char *text)
{
	struct tvm_error err = { 0 };

	fake_env_init(&c->f, MIB(1));
	CHECK_INT(virtio_9p_class.create(&c->f.env, &c->opts, &c->dev, &err), code);
	CHECK_HAS(err.msg, text);
	CHECK(!c->dev);
	fake_env_fini(&c->f);
}

static void test_refused(void)
{
	char long_tag[300];
	struct client c;

	make_tree(&c);
	host_file(&c, "file", "x");
	c.opts.tag = (char *)"";
	refuse(&c, -EINVAL, "tag");
	memset(long_tag, 'x', sizeof(long_tag));
	long_tag[299] = 0;
	c.opts.tag = long_tag;
	refuse(&c, -EINVAL, "tag");
	c.opts.tag = (char *)"t";
	c.opts.path = (char *)"/no such directory";
	refuse(&c, -ENOENT, "no such directory");
	snprintf(c.path + strlen(c.path), 8, "/file");
	c.opts.path = c.path;
	refuse(&c, -ENOTDIR, "file");
	drop_tree(&c);
}

static void test_version(void)
{
	struct client c;

	make_tree(&c);
	start_share(&c);
	CHECK_INT(rpc(&c, P9_TATTACH, "wwssw", 0, P9_NOFID, "", "", 0), EPROTO);
	CHECK_INT(rpc(&c, P9_TVERSION, "ws", 4095, "9P2000.L"), EMSGSIZE);
	CHECK_INT(rpc(&c, P9_TVERSION, "ws", 8192, "9P2000.u"), 0);
	CHECK(!memcmp(c.i + P9_HDR + 6, "unknown", 7));
	CHECK_INT(rpc(&c, P9_TATTACH, "wwssw", 0, P9_NOFID, "", "", 0), EPROTO);
	CHECK_INT(rpc(&c, P9_TVERSION, "ws", 8192, "9P2000.L"), 0);
	CHECK_INT(answer32(&c, 0), 8192);
	CHECK_INT(rpc(&c, P9_TVERSION, "ws", ~0u, "9P2000.L"), 0);
	CHECK_INT(answer32(&c, 0), MIB(1));
	CHECK_INT(rpc(&c, P9_TATTACH, "wwssw", 0, P9_NOFID, "", "", 0), 0);
	CHECK_INT(c.i[P9_HDR], P9_QID_DIR);
	CHECK_INT(rpc(&c, P9_TATTACH, "wwssw", 0, P9_NOFID, "", "", 0), EBADF);
	CHECK_INT(rpc(&c, P9_TATTACH, "wwssw", 1, 0, "", "", 0), EINVAL);
	CHECK_INT(rpc(&c, P9_TATTACH, "wwssw", 1, P9_NOFID, "", "sub", 0), ENOENT);
	CHECK_INT(rpc(&c, P9_TATTACH, "wwssw", 1, P9_NOFID, "", "/", 7), 0);
	CHECK_INT(rpc(&c, P9_TAUTH, "wssw", 5, "", "", 0), EOPNOTSUPP);
	/* A new version forgets fids. */
	CHECK_INT(rpc(&c, P9_TVERSION, "ws", 8192, "9P2000.L"), 0);
	CHECK_INT(clunk(&c, 0), EBADF);
	close_share(&c);
}

static void test_walk(void)
{
	struct client c;

	open_share(&c);
	mkdirat(c.dir, "a", 0755);
	mkdirat(c.dir, "a/b", 0755);
	host_file(&c, "a/b/f", "hello");
	CHECK_INT(rpc(&c, P9_TWALK, "wwhsss", 0, 1, 3, "a", "b", "f"), 0);
	CHECK_INT(le_load(c.i + P9_HDR, 2), 3);
	CHECK_INT(c.i[P9_HDR + 2 + 26], 0);
	/* A part of the way: told, and no fid. */
	CHECK_INT(rpc(&c, P9_TWALK, "wwhsss", 0, 2, 3, "a", "x", "f"), 0);
	CHECK_INT(le_load(c.i + P9_HDR, 2), 1);
	CHECK_INT(clunk(&c, 2), EBADF);
	CHECK_INT(walk(&c, 0, 2, "x"), ENOENT);
	CHECK_INT(walk(&c, 0, 2, ""), ENOENT);
	CHECK_INT(walk(&c, 0, 2, "a/b"), ENOENT);
	CHECK_INT(walk(&c, 1, 2, "x"), ENOTDIR);
	CHECK_INT(walk(&c, 9, 2, "a"), EBADF);
	CHECK_INT(walk(&c, 0, 1, "a"), EBADF);
	CHECK_INT(walk(&c, 0, P9_NOFID, "a"), EBADF);
	/* Clones, and onto itself. */
	CHECK_INT(rpc(&c, P9_TWALK, "wwh", 0, 2, 0), 0);
	CHECK_INT(rpc(&c, P9_TWALK, "wwh", 0, 0, 0), 0);
	CHECK_INT(walk(&c, 2, 2, "a"), 0);
	CHECK_INT(rpc(&c, P9_TWALK, "wwhss", 2, 3, 2, "b", "f"), 0);
	CHECK_INT(rpc(&c, P9_TWALK, "wwh", 0, 4, 17), EINVAL);
	close_share(&c);
}

/* Requests cut short anywhere, and sizes that lie: an error each, and the server lives. */
static void test_malformed(void)
{
	static const uint8_t types[] = { 8, 12, 14, 16, 18, 20, 22, 24, 26, 30, 32, 40, 50, 52,
		54, 70, 72, 74, 76, 102, 104, 108, 110, 116, 118, 120, 122, 0, 6, 7, 99, 101, 200,
		255 };
	struct client c;

	open_share(&c);
	for (unsigned int i = 0; i < ARRAY_SIZE(types); i++) {
		CHECK(rpc(&c, types[i], "") != NO_ANSWER);
		CHECK(c.i[4] == P9_RLERROR || types[i] == 50);
		for (unsigned int j = 0; j < 3; j++)
			CHECK(rpc(&c, types[i], j == 0 ? "b" : j == 1 ? "h" : "wh", 255,
				65535) > 0 || (types[i] == P9_TFLUSH && j));
	}
	build(&c, P9_TWALK, "wwhs", 0, 1, 1, "name");
	le_store(c.o, 4, 6);
	CHECK_INT(transact(&c, (uint32_t)c.n), EINVAL);
	le_store(c.o, 4, c.n + 1);
	CHECK_INT(transact(&c, (uint32_t)c.n), EINVAL);
	le_store(c.o, 4, ~0u);
	CHECK_INT(transact(&c, (uint32_t)c.n), EMSGSIZE);
	le_store(c.o, 4, c.n);
	le_store(c.o + P9_HDR + 10, 2, 5);	/* the string is longer than the message */
	CHECK_INT(transact(&c, (uint32_t)c.n), EINVAL);
	build(&c, P9_TMKDIR, "wsww", 0, "a\1b", 0755, 0);
	c.o[P9_HDR + 4 + 2 + 1] = 0;
	CHECK_INT(transact(&c, (uint32_t)c.n), EINVAL);
	CHECK_INT(rpc(&c, P9_TGETATTR, "wd", 0, 0x7ffull), 0);
	close_share(&c);
}

/*
 * CVE-2026-48914 and its kind: an answer is never longer than the buffers for it, and what
 * cannot be answered is not done.
 */
static void test_answer_fits_cve_2026_48914(void)
{
	char data[64] = "0123456789";
	struct client c;
	struct stat st;

	open_share(&c);
	CHECK_INT(create(&c, 1, "f", 0644), 0);
	CHECK_INT(write_at(&c, 1, 0, data, sizeof(data)), 0);
	c.room = 11;
	CHECK_INT(rpc(&c, P9_TGETATTR, "wd", 1, 0x7ffull), EMSGSIZE);
	CHECK_INT(rpc(&c, P9_TMKDIR, "wsww", 0, "d", 0755, 0), EMSGSIZE);
	CHECK(fstatat(c.dir, "d", &st, 0) < 0);
	CHECK_INT(rpc(&c, P9_TWALK, "wwhs", 0, 5, 1, "f"), EMSGSIZE);
	CHECK_INT(rpc(&c, P9_TSYMLINK, "wssw", 0, "l", "target", 0), EMSGSIZE);
	CHECK_INT(rpc(&c, P9_TGETLOCK, "wbddws", 1, 0, 0ull, 0ull, 1, "me"), EMSGSIZE);
	c.room = BUF;
	CHECK_INT(rpc(&c, P9_TSYMLINK, "wssw", 0, "l", "target", 0), 0);
	CHECK_INT(walk(&c, 0, 2, "l"), 0);
	for (c.room = 11; c.room < 200; c.room++) {
		int want = (int)c.room - 11 < 64 ? (int)c.room - 11 : 64;

		c.i[c.room] = 0x5a;
		CHECK_INT(read_at9(&c, 1, 0, 100), 0);
		CHECK_INT(answer32(&c, 0), want);
		CHECK_INT(rpc(&c, P9_TREADLINK, "w", 2), c.room < 15 ? EMSGSIZE : 0);
		rpc(&c, P9_TREADDIR, "wdw", 0, 0ull, 1000);
		CHECK_INT(rpc(&c, P9_TSTATFS, "w", 0), c.room < 67 ? EMSGSIZE : 0);
		CHECK_INT(c.i[c.room], 0x5a);
	}
	/* Not even an error fits: the driver has broken the device. */
	c.room = 10;
	CHECK_INT(rpc(&c, P9_TCLUNK, "w", 1), NO_ANSWER);
	CHECK(drv_status(&c.d) & VIRTIO_S_NEEDS_RESET);
	close_share(&c);
}

static void test_budget(void)
{
	struct client c;
	unsigned int n;

	make_tree(&c);
	c.opts.max_fids = 50;
	start_share(&c);
	hello(&c, 0);
	for (n = 1; n < 100 && !rpc(&c, P9_TWALK, "wwh", 0, n, 0); n++)
		;
	CHECK_INT(n, 50);
	CHECK_INT(le_load(c.i + 7, 4), ENFILE);
	CHECK_INT(clunk(&c, 7), 0);
	CHECK_INT(rpc(&c, P9_TWALK, "wwh", 0, 70, 0), 0);
	close_share(&c);
}

/* Few descriptors: an error for the guest, and the rest of the process keeps its half. */
static void test_descriptors(void)
{
	struct rlimit old, low;
	struct client c;
	unsigned int n;

	make_tree(&c);
	getrlimit(RLIMIT_NOFILE, &old);
	low = (struct rlimit){ 128, old.rlim_max };
	setrlimit(RLIMIT_NOFILE, &low);
	start_share(&c);
	hello(&c, 0);
	mkdirat(c.dir, "d", 0755);
	for (n = 1; n < 200 && !walk(&c, 0, n, "d"); n++)
		;
	CHECK_INT(n, 64);
	CHECK_INT(le_load(c.i + 7, 4), ENFILE);
	CHECK_INT(rpc(&c, P9_TVERSION, "ws", 8192, "9P2000.L"), 0);
	CHECK_INT(rpc(&c, P9_TATTACH, "wwssw", 0, P9_NOFID, "", "", 0), 0);
	CHECK_INT(walk(&c, 0, 1, "d"), 0);
	stop_share(&c);
	/* Four shares have an eighth each. */
	c.opts.sharers = 4;
	start_share(&c);
	hello(&c, 0);
	for (n = 1; n < 200 && !walk(&c, 0, n, "d"); n++)
		;
	CHECK_INT(n, 16);
	stop_share(&c);
	setrlimit(RLIMIT_NOFILE, &old);
	drop_tree(&c);
}

/* Many at once, each with its flush behind it: every chain returns, flushes come later. */
static void add_message(struct client *c, gpa_t *at, uint32_t room)
{
	gpa_t out = *at, in = out + align_up(c->n, 16);

	memcpy(drv_ram(&c->d, out, c->n), c->o, c->n);
	FAKE_MUST(drv_add(&c->d, 0, (struct drv_buf[]){ { out, (uint32_t)c->n, false },
		{ in, room, true } }, 2, false) >= 0);
	*at = in + align_up(room, 16);
}

static void flood(struct client *c, unsigned int pairs)
{
	gpa_t at = drv_alloc(&c->d, MIB(4), 4096);

	for (unsigned int i = 0; i < pairs; i++) {
		build(c, P9_TREAD, "wdw", 1, 0ull, 16384);
		le_store(c->o + 5, 2, 1000 + i);
		add_message(c, &at, 16384 + 11);
		build(c, P9_TFLUSH, "h", 1000 + i);
		le_store(c->o + 5, 2, 2000 + i);
		add_message(c, &at, 11);
	}
	drv_kick(&c->d, 0);
}

static void test_flush(void)
{
	struct client c;
	uint32_t id, len;
	unsigned int reads = 0, flushes = 0;
	char block[16384];

	open_share(&c);
	memset(block, 7, sizeof(block));
	CHECK_INT(create(&c, 1, "f", 0644), 0);
	CHECK_INT(write_at(&c, 1, 0, block, sizeof(block)), 0);
	CHECK_INT(rpc(&c, P9_TFLUSH, "h", 4711), 0);
	flood(&c, 60);
	for (unsigned int i = 0; i < 120; i++) {
		REQUIRE(drv_wait(&c.d, 0, WAIT, &id, &len));
		if (len == P9_HDR)
			flushes++;
		else
			reads++;
		CHECK(len == P9_HDR || len == 11 || len == 11 + 16384);
		CHECK(flushes <= reads);
	}
	CHECK_INT(reads, 60);
	CHECK_INT(rpc(&c, P9_TGETATTR, "wd", 0, 0x7ffull), 0);
	close_share(&c);
}

/* Tversion behind a crowd waits for all of it. */
static void test_version_waits(void)
{
	struct client c;
	uint32_t id, len;
	gpa_t at;

	open_share(&c);
	CHECK_INT(create(&c, 1, "f", 0644), 0);
	at = drv_alloc(&c.d, MIB(1), 4096);
	for (unsigned int i = 0; i < 20; i++) {
		build(&c, P9_TREAD, "wdw", 1, 0ull, 100);
		add_message(&c, &at, 111);
	}
	build(&c, P9_TVERSION, "ws", 8192, "9P2000.L");
	add_message(&c, &at, 100);
	build(&c, P9_TCLUNK, "w", 1);
	add_message(&c, &at, 100);
	drv_kick(&c.d, 0);
	for (unsigned int i = 0; i < 22; i++) {
		REQUIRE(drv_wait(&c.d, 0, WAIT, &id, &len));
		CHECK_INT(len, i == 20 ? 21 : 11);
	}
	close_share(&c);
}

static void test_reset_in_flight(void)
{
	char block[16384] = { 0 };
	struct client c;

	open_share(&c);
	for (unsigned int round = 0; round < 20; round++) {
		CHECK_INT(create(&c, 1, "f", 0644), 0);
		CHECK_INT(write_at(&c, 1, 0, block, sizeof(block)), 0);
		flood(&c, 60);
		drv_reset(&c.d);
		FAKE_MUST(!drv_start(&c.d, DRV_ALL_FEATURES, 0));
		buffers(&c);
		hello(&c, 0);
	}
	CHECK_INT(create(&c, 1, "g", 0644), 0);
	flood(&c, 60);
	close_share(&c);	/* and the machine ends */
}

/* The driver takes the queue back with requests in it (virtio 1.2, 2.6.1); fids stay. */
static void test_queue_reset_in_flight(void)
{
	char block[16384] = { 0 };
	struct client c;

	make_tree(&c);
	start_share(&c);
	hello(&c, 0);
	CHECK(drv_offered(&c.d) & BIT(VIRTIO_F_RING_RESET));
	CHECK_INT(create(&c, 1, "f", 0644), 0);
	CHECK_INT(write_at(&c, 1, 0, block, sizeof(block)), 0);
	for (unsigned int round = 0; round < 20; round++) {
		gpa_t heap = align_up(c.d.heap, 4096);

		flood(&c, 60);
		if (round % 2) {
			build(&c, P9_TVERSION, "ws", 8192, "9P2000.L");
			add_message(&c, &(gpa_t){ drv_alloc(&c.d, 4096, 16) }, 100);
			drv_kick(&c.d, 0);
		}
		drv_write(&c.d, DRV_QUEUE_SELECT, 2, 0);
		drv_write(&c.d, DRV_QUEUE_RESET, 2, 1);
		/* Nothing is written into what the driver has back. */
		memset(drv_ram(&c.d, heap, MIB(4)), 0x5a, MIB(4));
		c.d.heap = heap;
		memset(&c.d.q[0], 0, sizeof(c.d.q[0]));
		drv_queue_init(&c.d, 0, 0);
		for (gpa_t at = heap + MIB(1); at < heap + MIB(4); at += 8)
			REQUIRE(*(uint64_t *)drv_ram(&c.d, at, 8) == 0x5a5a5a5a5a5a5a5aull);
		if (rpc(&c, P9_TGETATTR, "wd", 1, 0x7ffull)) {
			CHECK(round % 2);	/* the version came through */
			hello(&c, 0);
			CHECK_INT(create(&c, 1, "f", 0644), 0);
		}
		CHECK_INT(read_at9(&c, 1, 0, 100), 0);
		CHECK_INT(answer32(&c, 0), 100);
	}
	close_share(&c);
}

/* ---- A request that takes long --------------------------------------------------------- */

/*
 * Somebody on the host has a lease of the file: an open waits until it is given up. Another
 * process, since the kernel asks by a signal.
 */
struct leaser {
	pid_t pid;
	int end;		/* written to: give it up */
};

static void lease_take(struct leaser *l, struct client *c, const char *name)
{
	int ready[2], end[2];
	char byte;

	FAKE_MUST(!pipe(ready) && !pipe(end));
	l->pid = fork();
	FAKE_MUST(l->pid >= 0);
	if (!l->pid) {
		int fd = openat(c->dir, name, O_RDWR | O_CLOEXEC);

		close(ready[0]);
		close(end[1]);
		signal(SIGIO, SIG_IGN);
		if (fd < 0 || fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
			_exit(1);
		(void)!write(ready[1], "x", 1);
		(void)!read(end[0], &byte, 1);
		_exit(0);
	}
	close(ready[1]);
	close(end[0]);
	l->end = read(ready[0], &byte, 1) == 1 ? end[1] : -1;
	close(ready[0]);
	if (l->end < 0)
		close(end[1]);
}

static void lease_give_up(struct leaser *l)
{
	if (l->end >= 0)
		close(l->end);
	waitpid(l->pid, NULL, 0);
}

/* One request that waits for the host: others pass it, its flush does not. */
static void test_slow_request(void)
{
	uint32_t id, len;
	struct leaser l;
	struct client c;
	gpa_t at;

	make_tree(&c);
	host_file(&c, "leased", "x");
	host_file(&c, "other", "x");
	lease_take(&l, &c, "leased");
	start_share(&c);
	hello(&c, 0);
	CHECK_INT(walk(&c, 0, 1, "leased"), 0);
	at = drv_alloc(&c.d, 65536, 4096);
	if (l.end >= 0) {
		build(&c, P9_TLOPEN, "ww", 1, O_RDONLY);
		le_store(c.o + 5, 2, 5000);
		add_message(&c, &at, 100);
		/* Each of these is the only answer that comes. */
		CHECK_INT(walk(&c, 0, 2, "other"), 0);
		CHECK_INT(clunk(&c, 2), 0);
		build(&c, P9_TFLUSH, "h", 5000);	/* by now it runs */
		add_message(&c, &at, 50);
		for (unsigned int i = 0; i < 50; i++) {
			CHECK_INT(walk(&c, 0, 2, "other"), 0);
			CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 2, O_RDWR), 0);
			CHECK_INT(rpc(&c, P9_TFSYNC, "ww", 2, 0), 0);
			CHECK_INT(clunk(&c, 2), 0);
		}
	}
	lease_give_up(&l);
	if (l.end >= 0) {
		REQUIRE(drv_wait(&c.d, 0, WAIT, &id, &len));
		CHECK_INT(len, 24);	/* Rlopen, then Rflush */
		REQUIRE(drv_wait(&c.d, 0, WAIT, &id, &len));
		CHECK_INT(len, 7);
		CHECK_INT(read_at9(&c, 1, 0, 10), 0);
	}
	close_share(&c);
	if (l.end < 0)
		SKIP("no leases in /tmp");
}

int main(void)
{
	RUN(test_config);
	RUN(test_refused);
	RUN(test_version);
	RUN(test_walk);
	RUN(test_malformed);
	RUN(test_answer_fits_cve_2026_48914);
	RUN(test_budget);
	RUN(test_descriptors);
	RUN(test_flush);
	RUN(test_version_waits);
	RUN(test_reset_in_flight);
	RUN(test_queue_reset_in_flight);
	RUN(test_slow_request);
	return tests_done();
}
