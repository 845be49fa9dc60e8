/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads that need not wait are served by the thread that takes them (p9_serve_now()): only
 * with all of the data, whatever the page cache has; everything else is left to workers.
 */
#include "devices/virtio/9p/server.h"

#include "tests/harness.h"
#include "tests/unit/test_9p.h"

#define SIZE (256u << 10)
#define COUNT (64u << 10)

struct direct {
	struct client c;		/* its tree and its message; no device */
	struct p9_server s;
	struct p9_scratch scratch;
	uint8_t answer[P9_IO_HDR + COUNT];
};

static int64_t ask(struct direct *t, bool now)
{
	struct iovec out = { t->c.o, t->c.n }, in = { t->answer, sizeof(t->answer) };
	struct p9_bufs bufs = { &out, &in, 1, 1, out.iov_len, in.iov_len };
	struct p9_header h;

	FAKE_MUST(p9_header_read(&bufs, &h));
	memset(t->answer, 0xee, sizeof(t->answer));
	return now ? p9_serve_now(&t->s, &h, &bufs, &t->scratch) :
		p9_serve(&t->s, &h, &bufs, &t->scratch);
}

static int64_t read_now(struct direct *t, uint32_t fid, uint64_t off)
{
	build(&t->c, P9_TREAD, "wdw", fid, off, COUNT);
	return ask(t, true);
}

static void set_up(struct direct *t)
{
	static uint8_t message[256];

	make_tree(&t->c);
	t->c.o = message;
	FAKE_MUST(!p9_server_init(&t->s, &t->c.opts, NULL));
	build(&t->c, P9_TVERSION, "ws", (unsigned int)MIB(1), "9P2000.L");
	FAKE_MUST(ask(t, false) > P9_ERR_SIZE);
	build(&t->c, P9_TATTACH, "wwssw", 0, P9_NOFID, "u", "", 0);
	FAKE_MUST(ask(t, false) > P9_ERR_SIZE);
	build(&t->c, P9_TLCREATE, "wswww", 0, "f", O_RDWR, 0644, 0);
	FAKE_MUST(ask(t, false) > P9_ERR_SIZE);
}

static void tear_down(struct direct *t)
{
	p9_server_fini(&t->s);
	drop_tree(&t->c);
}

static uint8_t pattern(uint64_t off)
{
	return (uint8_t)(off * 7 + off / 4096);
}

static int fill(struct direct *t)
{
	static uint8_t data[SIZE];
	int fd = openat(t->c.dir, "f", O_RDWR | O_CLOEXEC);

	for (unsigned int i = 0; i < SIZE; i++)
		data[i] = pattern(i);
	FAKE_MUST(fd >= 0 && pwrite(fd, data, SIZE, 0) == SIZE);
	return fd;
}

static bool whole(const struct direct *t, uint64_t off, uint32_t n)
{
	if (le_load(t->answer, 4) != P9_IO_HDR + n || le_load(t->answer + P9_HDR, 4) != n)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (t->answer[P9_IO_HDR + i] != pattern(off + i))
			return false;
	return true;
}

/* Whether the file system under /tmp can tell what it has. */
static bool can_tell(int fd)
{
	char byte;
	struct iovec iov = { &byte, 1 };

	return preadv2(fd, &iov, 1, 0, RWF_NOWAIT) == 1;
}

static void test_cached(void)
{
	static struct direct t;
	bool told = false;
	int fd;

	set_up(&t);
	fd = fill(&t);
	if (can_tell(fd)) {
		CHECK_INT(read_now(&t, 0, 4096), P9_IO_HDR + COUNT);
		CHECK(whole(&t, 4096, COUNT));
		/* Up to the end of the file, at it and behind it. */
		CHECK_INT(read_now(&t, 0, SIZE - 100), P9_IO_HDR + 100);
		CHECK(whole(&t, SIZE - 100, 100));
		CHECK_INT(read_now(&t, 0, SIZE), P9_IO_HDR);
		CHECK_INT(read_now(&t, 0, 2 * SIZE), P9_IO_HDR);
		told = true;
	}
	close(fd);
	tear_down(&t);
	if (!told)
		SKIP("no RWF_NOWAIT on the file system of /tmp");
}

/* What is not in the page cache: nothing, or all; never a part that looks like the end. */
static void test_not_cached(void)
{
	static struct direct t;
	int64_t n;
	int fd;

	set_up(&t);
	fd = fill(&t);
	FAKE_MUST(!fsync(fd));
	for (uint32_t from = 0; from <= COUNT; from += COUNT / 4) {
		/* The first part of the message's data is there, the rest is not. */
		posix_fadvise(fd, 0, SIZE, POSIX_FADV_RANDOM);
		posix_fadvise(fd, from, SIZE - from, POSIX_FADV_DONTNEED);
		n = read_now(&t, 0, 0);
		CHECK(n == -EAGAIN || (n == P9_IO_HDR + COUNT && whole(&t, 0, COUNT)));
		CHECK_INT(ask(&t, false), P9_IO_HDR + COUNT);
		CHECK(whole(&t, 0, COUNT));
	}
	close(fd);
	tear_down(&t);
}

static void test_others(void)
{
	static struct direct t;

	set_up(&t);
	build(&t.c, P9_TGETATTR, "wd", 0, 0x7ffull);
	CHECK_INT(ask(&t, true), -EAGAIN);
	build(&t.c, P9_TCLUNK, "w", 0);
	CHECK_INT(ask(&t, true), -EAGAIN);
	/* Errors that need no file are answered; those of files are for a worker. */
	CHECK_INT(read_now(&t, 77, 0), P9_ERR_SIZE);
	CHECK_INT(le_load(t.answer + P9_HDR, 4), EBADF);
	CHECK_INT(read_now(&t, 0, ~0ull), P9_ERR_SIZE);
	CHECK_INT(le_load(t.answer + P9_HDR, 4), EINVAL);
	build(&t.c, P9_TATTACH, "wwssw", 1, P9_NOFID, "u", "", 0);
	FAKE_MUST(ask(&t, false) > P9_ERR_SIZE);
	build(&t.c, P9_TLOPEN, "ww", 1, O_RDONLY);
	FAKE_MUST(ask(&t, false) > P9_ERR_SIZE);
	CHECK_INT(read_now(&t, 1, 0), -EAGAIN);	/* a directory */
	tear_down(&t);
}

int main(void)
{
	RUN(test_cached);
	RUN(test_not_cached);
	RUN(test_others);
	return tests_done();
}
