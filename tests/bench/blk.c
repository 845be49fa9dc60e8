/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk [DIRECTORY [ROUNDS]]: virtio-blk with the guest's side in this process, beside io_uring
 * on the same file with as many requests under way. The two take turns, so that what else the
 * host does meets both; a ratio is the median of the rounds' own.
 *
 *	cached	the file is in the page cache: what the path itself costs
 *	direct	O_DIRECT, where the file system has it: what a disk leaves of that
 *
 * "cpu" is the processor time of the device's thread for one request; its ratio is io_uring's
 * own time by that, and says more than time on the clock where the host does much else.
 * "guest" is the same of the thread that plays the guest: it sleeps until it is interrupted, and
 * a scheduler with little room lets it run where the device ran, which waits. What the clock says
 * is then the sum of both; the ratio is that of the clock less the guest's time.
 *
 * io_uring uses one thread, a registered file and one call for each batch, as the device does.
 * Prints "bench: NAME value unit ratio=R target=T" lines. Numbers never make it fail.
 */
#include <liburing.h>
#include <time.h>

#include "tests/bench/median.h"
#include "tests/unit/test_blk.h"

#define IMAGE_SIZE MIB(128)
#define DEPTH 32u
#define SEQ_LEN (128u << 10)
#define MAX_ROUNDS 99

/* Processor time of the calling thread. */
static void cpu_now(void *opaque)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	*(double *)opaque = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What both do: the i-th of nr requests. */
struct load {
	const char *name;
	bool write, sequential;
	uint32_t len;
	unsigned int nr;
};

static uint64_t place(const struct load *l, unsigned int i)
{
	uint64_t slots = IMAGE_SIZE / l->len;

	/* A walk over all places in no order that a disk could guess. */
	return (l->sequential ? i % slots : i * 2654435761ULL % slots) * l->len;
}

/* ---- io_uring alone ------------------------------------------------------------------ */

struct raw {
	struct io_uring ring;
	uint8_t *bufs;
};

static void raw_init(struct raw *raw, int fd)
{
	struct io_uring_params p = { .flags = IORING_SETUP_COOP_TASKRUN };

	if (io_uring_queue_init_params(2 * DEPTH, &raw->ring, &p) < 0)
		FAKE_MUST(!io_uring_queue_init(2 * DEPTH, &raw->ring, 0));
	FAKE_MUST(!io_uring_register_files(&raw->ring, &fd, 1));
	raw->bufs = aligned_alloc(4096, DEPTH * SEQ_LEN);
	FAKE_MUST(raw->bufs);
	memset(raw->bufs, 0x5a, DEPTH * SEQ_LEN);
}

static void raw_start(struct raw *raw, const struct load *l, unsigned int slot, unsigned int i)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&raw->ring);
	uint8_t *buf = raw->bufs + slot * SEQ_LEN;

	if (l->write)
		io_uring_prep_write(sqe, 0, buf, l->len, place(l, i));
	else
		io_uring_prep_read(sqe, 0, buf, l->len, place(l, i));
	sqe->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data64(sqe, slot);
}

static double raw_run(struct raw *raw, const struct load *l)
{
	unsigned int begun = 0, done = 0;
	double start = now();
	struct io_uring_cqe *cqe;

	for (; begun < DEPTH; begun++)
		raw_start(raw, l, begun, begun);
	while (done < l->nr) {
		FAKE_MUST(io_uring_submit_and_wait(&raw->ring, 1) >= 0);
		while (!io_uring_peek_cqe(&raw->ring, &cqe)) {
			unsigned int slot = (unsigned int)io_uring_cqe_get_data64(cqe);

			FAKE_MUST(cqe->res == (int)l->len);
			io_uring_cqe_seen(&raw->ring, cqe);
			done++;
			if (begun < l->nr)
				raw_start(raw, l, slot, begun++);
		}
	}
	return now() - start;
}

/* ---- The device ---------------------------------------------------------------------- */

struct guest {
	struct bench b;
	struct req reqs[DEPTH];
	uint8_t slot_of[256];		/* by chain */
};

static void guest_start(struct guest *g, const struct load *l, unsigned int slot, unsigned int i)
{
	struct req *r = &g->reqs[slot];
	uint8_t *h = drv_ram(&g->b.d, r->header, 16);
	int head;

	le_store(h, 4, l->write ? T_OUT : T_IN);
	le_store(h + 8, 8, place(l, i) / 512);
	r->len = l->len;
	head = submit_to(&g->b, 0, r, !l->write, true);
	FAKE_MUST(head >= 0);
	g->slot_of[head] = (uint8_t)slot;
}

static double guest_run(struct guest *g, const struct load *l)
{
	unsigned int begun = 0, done = 0;
	double start = now();
	uint32_t id, used;

	for (; begun < DEPTH; begun++)
		guest_start(g, l, begun, begun);
	while (done < l->nr) {
		drv_kick_if_wanted(&g->b.d, 0);
		FAKE_MUST(drv_wait(&g->b.d, 0, WAIT, &id, &used));
		do {
			unsigned int slot = g->slot_of[id];

			FAKE_MUST(status_of(&g->b, &g->reqs[slot]) == S_OK);
			done++;
			if (begun < l->nr)
				guest_start(g, l, slot, begun++);
		} while (drv_used(&g->b.d, 0, &id, &used));
	}
	return now() - start;
}

/* ---- The course of things ------------------------------------------------------------ */

static void compare(struct guest *g, struct raw *raw, const struct load *l, const char *how,
	unsigned int rounds, const char *target)
{
	double ours[MAX_ROUNDS], ratio[MAX_ROUNDS], cpu[MAX_ROUNDS], cpu_ratio[MAX_ROUNDS];
	double guest[MAX_ROUNDS], rest_ratio[MAX_ROUNDS];

	raw_run(raw, l);
	for (unsigned int i = 0; i < rounds; i++) {
		double c[6], alone, t;

		cpu_now(&c[0]);
		alone = raw_run(raw, l);
		cpu_now(&c[1]);
		loop_call(g->b.f.loop, cpu_now, &c[2]);
		cpu_now(&c[4]);
		t = guest_run(g, l);
		cpu_now(&c[5]);
		loop_call(g->b.f.loop, cpu_now, &c[3]);
		ours[i] = l->nr / t;
		ratio[i] = alone / t;
		cpu[i] = 1e9 * (c[3] - c[2]) / l->nr;
		cpu_ratio[i] = (c[1] - c[0]) / (c[3] - c[2]);
		guest[i] = 1e9 * (c[5] - c[4]) / l->nr;
		rest_ratio[i] = alone / (t - (c[5] - c[4]));
	}
	printf("bench: blk_%s_%s_depth%u %.0f /s ratio=%.3f target=%s\n", l->name, how, DEPTH,
		median(ours, rounds), median(ratio, rounds), target);
	printf("bench: blk_%s_%s_depth%u_cpu %.0f ns ratio=%.3f target=-\n", l->name, how, DEPTH,
		median(cpu, rounds), median(cpu_ratio, rounds));
	printf("bench: blk_%s_%s_depth%u_guest %.0f ns ratio=%.3f target=-\n", l->name, how,
		DEPTH, median(guest, rounds), median(rest_ratio, rounds));
	fflush(stdout);
}

static bool set_up(struct guest *g, struct raw *raw, bool direct, uint64_t features)
{
	struct bench *b = &g->b;
	int fd;

	b->opts.direct = direct;
	fake_env_init(&b->f, MIB(32));
	b->dev = NULL;
	if (virtio_blk_class.create(&b->f.env, &b->opts, &b->dev, NULL) < 0) {
		fake_env_fini(&b->f);
		return false;
	}
	fake_env_start(&b->f);
	FAKE_MUST(!drv_init(&b->d, &b->f, (unsigned int)drv_find(&b->f, VIRTIO_ID_BLOCK)));
	FAKE_MUST(!drv_start(&b->d, features, 0));
	for (unsigned int i = 0; i < DEPTH; i++) {
		g->reqs[i] = make(b, T_IN, 0, 0);
		g->reqs[i].data = drv_alloc(&b->d, SEQ_LEN, 4096);
		memset(drv_ram(&b->d, g->reqs[i].data, SEQ_LEN), 0x5a, SEQ_LEN);
	}
	fd = open(b->path, O_RDWR | O_CLOEXEC | (direct ? O_DIRECT : 0));
	FAKE_MUST(fd >= 0);
	raw_init(raw, fd);
	close(fd);
	return true;
}

static void tear_down(struct guest *g, struct raw *raw)
{
	teardown(&g->b);
	io_uring_queue_exit(&raw->ring);
	free(raw->bufs);
}

int main(int argc, char **argv)
{
	static const struct load cached[] = {
		{ "randread_4k", false, false, 4096, 200000 },
		{ "randwrite_4k", true, false, 4096, 100000 },
		{ "read_128k", false, true, SEQ_LEN, 8000 },
	}, direct[] = {
		{ "randread_4k", false, false, 4096, 8000 },
		{ "read_128k", false, true, SEQ_LEN, 1000 },
	};
	unsigned int rounds = argc > 2 ? (unsigned int)atoi(argv[2]) : 9;
	static struct guest g;
	struct raw raw;

	if (rounds < 1 || rounds > MAX_ROUNDS)
		rounds = 9;
	make_image_in(&g.b, IMAGE_SIZE, argc > 1 ? argv[1] : "/tmp");
	FAKE_MUST(set_up(&g, &raw, false, DRV_ALL_FEATURES_PACKED));
	for (unsigned int i = 0; i < ARRAY_SIZE(cached); i++)
		compare(&g, &raw, &cached[i], "cached", rounds, i ? "-" : "0.9");
	tear_down(&g, &raw);
	FAKE_MUST(!fsync(g.b.fd));
	if (!set_up(&g, &raw, true, DRV_ALL_FEATURES_PACKED)) {
		printf("# blk: no O_DIRECT there\n");
	} else {
		for (unsigned int i = 0; i < ARRAY_SIZE(direct); i++)
			compare(&g, &raw, &direct[i], "direct", rounds, i ? "-" : "0.9");
		tear_down(&g, &raw);
	}
	drop_image(&g.b);
	return 0;
}
