/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 9p [DIRECTORY [ROUNDS]]: virtio-9p with the guest's side in this process, beside the system
 * calls that the host would make for the same work. The two take turns, so that what else the
 * host does meets both; a ratio is the median of the rounds' own.
 *
 *	read, write	a file in the page cache, in order, with the data of one message of
 *			512 KiB at a time: depth messages under way, against pread, pwrite
 *	metadata	Twalk, Tgetattr, Tclunk of one name, against openat2, fstat, close
 *
 * Prints "bench: NAME value unit ratio=R target=T" lines. Numbers never make it fail.
 */
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/bench/median.h"
#include "tests/unit/test_9p.h"

#define MSIZE (512u << 10)
#define COUNT (MSIZE - P9_WRITE_HDR - 1)	/* Linux: msize less P9_IOHDRSZ */
#define MESSAGES 384
#define FILES 64
#define TRIPLES 4000
#define MAX_ROUNDS 99
#define MAX_DEPTH 16

/* ---- The guest: depth messages under way, each with its place ------------------------- */

struct guest {
	struct client c;
	unsigned int depth;
	gpa_t out[MAX_DEPTH], in[MAX_DEPTH];
	uint16_t slot_of[1024];		/* by chain */
	uint32_t in_len;
};

static void submit(struct guest *g, unsigned int slot, uint32_t out_len)
{
	struct drv_buf bufs[] = { { g->out[slot], out_len, false },
		{ g->in[slot], g->in_len, true } };
	int head = drv_add(&g->c.d, 0, bufs, 2, false);

	FAKE_MUST(head >= 0);
	g->slot_of[head] = (uint16_t)slot;
}

/* The next answer's slot; it must be no error. */
static unsigned int reap(struct guest *g)
{
	uint32_t id, len;
	unsigned int slot;
	uint8_t *answer;

	drv_kick_if_wanted(&g->c.d, 0);
	FAKE_MUST(drv_wait(&g->c.d, 0, WAIT, &id, &len));
	slot = g->slot_of[id];
	answer = drv_ram(&g->c.d, g->in[slot], P9_IO_HDR);
	FAKE_MUST(len >= P9_HDR && answer[4] != P9_RLERROR);
	return slot;
}

static uint32_t message(struct guest *g, unsigned int slot, uint8_t type, uint32_t fid,
	const void *rest, uint32_t n, uint32_t data)
{
	uint8_t *p = drv_ram(&g->c.d, g->out[slot], P9_HDR + 4 + n);
	uint32_t size = P9_HDR + 4 + n + data;

	le_store(p, 4, size);
	p[4] = type;
	le_store(p + 5, 2, slot);
	le_store(p + 7, 4, fid);
	memcpy(p + 11, rest, n);
	return size;
}

/* ---- Data ---------------------------------------------------------------------------- */

static double guest_data(struct guest *g, uint8_t type, unsigned int depth)
{
	double start = now();

	for (unsigned int i = 0; i < MESSAGES + depth; i++) {
		unsigned int slot = i < depth ? i : reap(g);
		uint8_t rest[12];

		if (i >= MESSAGES)
			continue;
		le_store(rest, 8, (uint64_t)i * COUNT);
		le_store(rest + 8, 4, COUNT);
		submit(g, slot, message(g, slot, type, 1, rest, 12, type == P9_TWRITE ? COUNT : 0));
	}
	return now() - start;
}

static double host_data(int fd, uint8_t type, uint8_t *buf)
{
	double start = now();

	for (unsigned int i = 0; i < MESSAGES; i++) {
		off_t at = (off_t)i * COUNT;

		FAKE_MUST((type == P9_TREAD ? pread(fd, buf, COUNT, at) :
			pwrite(fd, buf, COUNT, at)) == COUNT);
	}
	return now() - start;
}

/* ---- Metadata ------------------------------------------------------------------------ */

static uint32_t triple(struct guest *g, unsigned int slot, unsigned int stage, unsigned int file)
{
	uint8_t rest[32] = { 0 };
	char name[16];
	uint32_t fid = 100 + slot, n;

	if (stage == 2)
		return message(g, slot, P9_TCLUNK, fid, rest, 0, 0);
	if (stage == 1) {
		le_store(rest, 8, 0x7ff);
		return message(g, slot, P9_TGETATTR, fid, rest, 8, 0);
	}
	n = (uint32_t)snprintf(name, sizeof(name), "file%u", file % FILES);
	le_store(rest, 4, fid);
	le_store(rest + 4, 2, 1);
	le_store(rest + 6, 2, n);
	memcpy(rest + 8, name, n);
	return message(g, slot, P9_TWALK, 0, rest, 8 + n, 0);
}

/* Each slot does one triple after the other. */
static double guest_meta(struct guest *g, unsigned int depth)
{
	unsigned int stage[MAX_DEPTH] = { 0 }, begun = 0, running = 0;
	double start = now();

	for (; running < depth; running++)
		submit(g, running, triple(g, running, 0, begun++));
	while (running) {
		unsigned int slot = reap(g);

		stage[slot] = (stage[slot] + 1) % 3;
		if (stage[slot])
			submit(g, slot, triple(g, slot, stage[slot], 0));
		else if (begun < TRIPLES)
			submit(g, slot, triple(g, slot, 0, begun++));
		else
			running--;
	}
	return now() - start;
}

static double host_meta(int dir)
{
	struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS };
	double start = now();

	for (unsigned int i = 0; i < TRIPLES; i++) {
		struct stat st;
		char name[16];
		int fd;

		snprintf(name, sizeof(name), "file%u", i % FILES);
		fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
		FAKE_MUST(fd >= 0 && !fstat(fd, &st));
		close(fd);
	}
	return now() - start;
}

/* ---- The course of things ------------------------------------------------------------ */

static void set_up(struct guest *g, const char *where)
{
	struct client *c = &g->c;

	make_tree_in(c, where);
	for (unsigned int i = 0; i < FILES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "file%u", i);
		host_file(c, name, "");
	}
	start_share_with(c, MIB(32));
	FAKE_MUST(!rpc(c, P9_TVERSION, "ws", MSIZE, "9P2000.L"));
	FAKE_MUST(!rpc(c, P9_TATTACH, "wwssw", 0, P9_NOFID, "u", "", 0));
	FAKE_MUST(!create(c, 1, "data", 0644));
	for (unsigned int i = 0; i < MAX_DEPTH; i++) {
		g->out[i] = drv_alloc(&c->d, i < 4 ? MSIZE : 4096, 4096);
		g->in[i] = drv_alloc(&c->d, i < 4 ? MSIZE : 4096, 4096);
	}
}

static void data(struct guest *g, int fd, uint8_t *buf, unsigned int rounds, uint8_t type,
	unsigned int depth, const char *target)
{
	static const double mib = (double)MESSAGES * COUNT / (1 << 20);
	double ours[MAX_ROUNDS], ratio[MAX_ROUNDS];

	g->in_len = type == P9_TREAD ? MSIZE : P9_IO_HDR;
	for (unsigned int i = 0; i < rounds; i++) {
		double host = host_data(fd, type, buf), t = guest_data(g, type, depth);

		ours[i] = mib / t;
		ratio[i] = host / t;
	}
	printf("bench: 9p_%s_512k_depth%u %.0f MiB/s ratio=%.3f target=%s\n",
		type == P9_TREAD ? "read" : "write", depth, median(ours, rounds),
		median(ratio, rounds), target);
}

static void metadata(struct guest *g, unsigned int rounds, unsigned int depth)
{
	double ours[MAX_ROUNDS], ratio[MAX_ROUNDS];

	g->in_len = 4096;
	for (unsigned int i = 0; i < rounds; i++) {
		double host = host_meta(g->c.dir), t = guest_meta(g, depth);

		ours[i] = TRIPLES / t;
		ratio[i] = host / t;
	}
	printf("bench: 9p_walk_getattr_clunk_depth%u %.0f /s ratio=%.3f target=-\n", depth,
		median(ours, rounds), median(ratio, rounds));
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 2 ? (unsigned int)atoi(argv[2]) : 9;
	static struct guest g;
	uint8_t *buf = aligned_alloc(4096, MSIZE);
	int fd;

	if (rounds < 1 || rounds > MAX_ROUNDS)
		rounds = 9;
	FAKE_MUST(buf);
	memset(buf, 1, MSIZE);
	set_up(&g, argc > 1 ? argv[1] : "/tmp");
	fd = openat(g.c.dir, "data", O_RDWR | O_CLOEXEC);
	FAKE_MUST(fd >= 0);
	host_data(fd, P9_TWRITE, buf);
	data(&g, fd, buf, rounds, P9_TREAD, 1, "0.7");
	data(&g, fd, buf, rounds, P9_TREAD, 4, "-");
	data(&g, fd, buf, rounds, P9_TWRITE, 1, "-");
	metadata(&g, rounds, 1);
	metadata(&g, rounds, MAX_DEPTH);
	close(fd);
	free(buf);
	close_share(&g.c);
	return 0;
}
