/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several queues of virtio-blk, and resets with requests in the host's hands. A pipe or socket
 * instead of the file makes those certain: a read of it waits until the test writes, a write
 * until the test reads.
 */
#include <signal.h>
#include <sys/socket.h>

#include "devices/virtio/blk.h"
#include "tests/unit/test_blk.h"

/* A disk whose host side is fds[0]; the test has fds[1]. */
struct hung {
	struct bench b;
	struct blk *blk;
	struct blk_file file;
	int fds[2];
};

static void setup_hung(struct hung *h, uint32_t queues, bool mmio, uint64_t features, bool socket)
{
	struct bench *b = &h->b;

	make_image(b, SECTORS * 512);
	b->opts.queues = queues;
	b->mmio = mmio;
	FAKE_MUST(!create(b, NULL));
	h->blk = (struct blk *)b->dev;
	/* A socket works in both directions, but only at offset 0. */
	FAKE_MUST(!(socket ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, h->fds) :
		pipe2(h->fds, O_CLOEXEC)));
	h->file = (struct blk_file){ .fd = h->fds[0], .buffered_fd = -1,
		.size = SECTORS * 512, .block_size = 512 };
	blk_io_destroy(h->blk->io);
	FAKE_MUST(!blk_io_create(&b->f.env, "fake", &h->file, 256 * h->blk->nr_queues, true,
		&blk_request_io_ops, h->blk, &h->blk->io, NULL));
	fake_env_start(&b->f);
	FAKE_MUST(!(mmio ? drv_mmio_init(&b->d, &b->f, BLK_MMIO_BASE, BLK_MMIO_GSI) :
		drv_init(&b->d, &b->f, (unsigned int)drv_find(&b->f, VIRTIO_ID_BLOCK))));
	FAKE_MUST(!drv_start(&b->d, features, 0));
}

static void teardown_hung(struct hung *h)
{
	teardown(&h->b);
	close(h->fds[0]);
	if (h->fds[1] >= 0)
		close(h->fds[1]);
	drop_image(&h->b);
}

struct count {
	const struct blk_queue *q;
	unsigned int n;
};

static void read_count(void *opaque)
{
	struct count *c = opaque;

	c->n = c->q->in_flight;
}

/* Requests of a queue that the engine has, once the loop has seen to what was kicked before. */
static unsigned int in_flight(struct hung *h, unsigned int vq)
{
	struct count c = { .q = &h->blk->queues[vq] };

	for (int i = 0; i < 20; i++) {
		usleep(1000);
		loop_call(h->b.f.loop, read_count, &c);
	}
	return c.n;
}

static void answer(struct hung *h, uint8_t byte)
{
	uint8_t buf[512];

	memset(buf, byte, sizeof(buf));
	FAKE_MUST(write(h->fds[1], buf, sizeof(buf)) == sizeof(buf));
}

/* Of a socket: leave no room for the device. */
static size_t stuff(struct hung *h)
{
	static const uint8_t zero[4096];
	size_t total = 0;
	ssize_t n;

	while ((n = send(h->fds[0], zero, sizeof(zero), MSG_DONTWAIT)) > 0)
		total += (size_t)n;
	return total;
}

/* Read len bytes; the last one of them. */
static uint8_t swallow(struct hung *h, size_t len)
{
	uint8_t buf[4096];
	ssize_t n = 1;

	for (; len; len -= (size_t)n) {
		n = read(h->fds[1], buf, len < sizeof(buf) ? len : sizeof(buf));
		FAKE_MUST(n > 0);
	}
	return buf[n - 1];
}

static bool all_bytes(struct bench *b, const struct req *r, uint8_t byte)
{
	const uint8_t *p = drv_ram(&b->d, r->data, r->len);

	for (uint32_t i = 0; i < r->len; i++)
		if (p[i] != byte)
			return false;
	return true;
}

/* ---- Queues -------------------------------------------------------------------------- */

static void check_queues(bool mmio, uint64_t features)
{
	struct req r[4];
	struct bench b;
	uint32_t id, used;

	make_image(&b, SECTORS * 512);
	b.opts.queues = 4;
	b.mmio = mmio;
	setup(&b, features);
	CHECK(drv_offered(&b.d) & BIT(F_MQ));
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 34, 2), 4);
	CHECK_INT(b.d.nr_queues, mmio ? b.d.nr_queues : 4);
	if (!mmio)
		CHECK_INT(b.d.nr_vectors, 5);
	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int q = 0; q < 4; q++) {
			r[q] = make(&b, T_IN, 8 * q + round, 4096);
			REQUIRE(submit_to(&b, q, &r[q], true, round & 1) >= 0);
			drv_kick(&b.d, q);
		}
		for (unsigned int q = 4; q-- > 0;) {
			REQUIRE(drv_wait(&b.d, q, WAIT, &id, &used));
			CHECK_INT(used, 4097);
			CHECK_INT(status_of(&b, &r[q]), S_OK);
			CHECK(matches(drv_ram(&b.d, r[q].data, 4096), (8 * q + round) * 512, 4096));
			CHECK(!drv_used(&b.d, q, &id, &used));
		}
	}
	/* What one queue wrote another one reads. */
	r[0] = make(&b, T_OUT, 100, 512);
	memset(drv_ram(&b.d, r[0].data, 512), 0x66, 512);
	CHECK_INT(run_on(&b, 3, &r[0], false, &used), S_OK);
	r[1] = make(&b, T_IN, 100, 512);
	CHECK_INT(run_on(&b, 1, &r[1], true, &used), S_OK);
	CHECK(all_bytes(&b, &r[1], 0x66));
	teardown(&b);
	drop_image(&b);
}

static void test_queues_pci(void)
{
	check_queues(false, DRV_ALL_FEATURES);
}

static void test_queues_pci_packed(void)
{
	check_queues(false, DRV_ALL_FEATURES_PACKED);
}

static void test_queues_mmio(void)
{
	check_queues(true, DRV_ALL_FEATURES);
}

/* 5.2.5: a driver that does not know of queues uses the first. */
static void test_queues_not_accepted(void)
{
	struct bench b;
	struct req r;
	uint32_t used;

	make_image(&b, SECTORS * 512);
	b.opts.queues = 8;
	setup(&b, DRV_ALL_FEATURES & ~BIT(F_MQ));
	r = make(&b, T_IN, 1, 512);
	CHECK_INT(run(&b, &r, true, &used), S_OK);
	teardown(&b);
	b.opts.queues = 1;
	setup(&b, DRV_ALL_FEATURES);
	CHECK(!(drv_offered(&b.d) & BIT(F_MQ)));
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 34, 2), 0);
	teardown(&b);
	drop_image(&b);
}

static void test_too_many(void)
{
	struct tvm_error err = { 0 };
	struct bench b;

	make_image(&b, SECTORS * 512);
	b.opts.queues = BLK_QUEUES_MAX + 1;
	CHECK_INT(create(&b, &err), -EINVAL);
	CHECK_HAS(err.msg, "33 queues");
	teardown(&b);
	b.opts.queues = BLK_QUEUES_MAX;
	setup(&b, DRV_ALL_FEATURES);
	CHECK_INT(b.d.nr_queues, BLK_QUEUES_MAX);
	teardown(&b);
	drop_image(&b);
}

/* ---- Resets with requests in flight -------------------------------------------------- */

struct resetter {
	pthread_t thread;
	struct drv *d;
	int vq;			/* -1: the device */
	_Atomic bool done;
};

static void *resetter_run(void *opaque)
{
	struct resetter *x = opaque;

	if (x->vq < 0) {
		drv_write(x->d, DRV_STATUS, 1, 0);
	} else {
		drv_write(x->d, DRV_QUEUE_SELECT, 2, (unsigned int)x->vq);
		drv_write(x->d, DRV_QUEUE_RESET, 2, 1);
	}
	x->done = true;
	return NULL;
}

static void start_reset(struct resetter *x, struct drv *d, int vq)
{
	/* When it has come to the point nobody can see: callers try again when it was late. */
	*x = (struct resetter){ .d = d, .vq = vq };
	FAKE_MUST(!pthread_create(&x->thread, NULL, resetter_run, x));
	usleep(20000);
}

/*
 * I/O that completes after a reset finds its request, queue and buffers gone (CVE-2026-45782).
 * Here the reset waits for it, and the completion reaches neither ring nor status byte.
 */
static void check_reset(bool mmio, uint64_t features)
{
	struct resetter x;
	struct hung h;
	struct req r;
	uint32_t id, used;
	int hits = 0;

	setup_hung(&h, 2, mmio, features, false);
	for (int round = 0; round < 40 && hits < 3; round++) {
		r = make(&h.b, T_IN, 0, 512);
		submit_to(&h.b, 1, &r, true, false);
		drv_kick(&h.b.d, 1);
		CHECK_INT(in_flight(&h, 1), 1);
		start_reset(&x, &h.b.d, -1);
		CHECK(!x.done);
		answer(&h, 0x11);
		pthread_join(x.thread, NULL);
		if (status_of(&h.b, &r) == NONE) {
			CHECK(!drv_used(&h.b.d, 1, &id, &used));
			hits++;
		}
		drv_reset(&h.b.d);
		REQUIRE(!drv_start(&h.b.d, features, 0));
		answer(&h, 0x22);
		r = make(&h.b, T_IN, 0, 512);
		CHECK_INT(run_on(&h.b, 1, &r, true, &used), S_OK);
		CHECK(all_bytes(&h.b, &r, 0x22));
	}
	CHECK_INT(hits, 3);
	teardown_hung(&h);
}

static void test_reset_pci(void)
{
	check_reset(false, DRV_ALL_FEATURES);
}

static void test_reset_mmio_packed(void)
{
	check_reset(true, DRV_ALL_FEATURES_PACKED);
}

/* 2.6.1: one queue is taken back while the other one still waits for its host. */
static void check_queue_reset(bool mmio, uint64_t features)
{
	struct resetter x;
	struct req a, r;
	struct hung h;
	uint32_t id, used;
	int hits = 0;

	setup_hung(&h, 2, mmio, features, true);
	CHECK(drv_offered(&h.b.d) & BIT(VIRTIO_F_RING_RESET));
	for (int round = 0; round < 40 && hits < 3; round++) {
		size_t stuffed = stuff(&h);

		a = make(&h.b, T_OUT, 0, 512);
		memset(drv_ram(&h.b.d, a.data, a.len), 0x44, a.len);
		submit_to(&h.b, 0, &a, false, false);
		drv_kick(&h.b.d, 0);
		CHECK_INT(in_flight(&h, 0), 1);
		r = make(&h.b, T_IN, 0, 512);
		submit_to(&h.b, 1, &r, true, false);
		drv_kick(&h.b.d, 1);
		CHECK_INT(in_flight(&h, 1), 1);
		start_reset(&x, &h.b.d, 1);
		CHECK(!x.done);
		answer(&h, 0x33);
		pthread_join(x.thread, NULL);
		hits += status_of(&h.b, &r) == NONE;
		CHECK_INT(drv_read(&h.b.d, DRV_QUEUE_ENABLE, 2), 0);
		CHECK_INT(in_flight(&h, 0), 1); /* was not waited for */
		CHECK(!drv_used(&h.b.d, 0, &id, &used));
		CHECK_INT(swallow(&h, stuffed + a.len), 0x44);
		REQUIRE(drv_wait(&h.b.d, 0, WAIT, &id, &used));
		CHECK_INT(status_of(&h.b, &a), S_OK);
		/* It comes back, smaller. */
		memset(&h.b.d.q[1], 0, sizeof(h.b.d.q[1]));
		drv_queue_init(&h.b.d, 1, 16);
		answer(&h, 0x55);
		r = make(&h.b, T_IN, 0, 512);
		CHECK_INT(run_on(&h.b, 1, &r, true, &used), S_OK);
		CHECK(all_bytes(&h.b, &r, 0x55));
	}
	CHECK_INT(hits, 3);
	teardown_hung(&h);
}

static void test_queue_reset_pci(void)
{
	check_queue_reset(false, DRV_ALL_FEATURES);
}

static void test_queue_reset_packed(void)
{
	check_queue_reset(false, DRV_ALL_FEATURES_PACKED);
}

static void test_queue_reset_mmio(void)
{
	check_queue_reset(true, DRV_ALL_FEATURES);
}

static void *answer_later(void *opaque)
{
	usleep(50000);
	answer(opaque, 0x77);
	return NULL;
}

/* The machine ends while the host still works. */
static void test_destroy(void)
{
	pthread_t thread;
	struct hung h;
	struct req r;

	setup_hung(&h, 1, false, DRV_ALL_FEATURES, false);
	r = make(&h.b, T_IN, 0, 512);
	submit(&h.b, &r, true);
	drv_kick(&h.b.d, 0);
	CHECK_INT(in_flight(&h, 0), 1);
	FAKE_MUST(!pthread_create(&thread, NULL, answer_later, &h));
	loop_stop(h.b.f.loop);
	virtio_blk_class.destroy(h.b.dev);
	h.b.dev = NULL;
	pthread_join(thread, NULL);
	teardown_hung(&h);
}

/*
 * A driver that hands in heads again before they came back must not get more requests in
 * flight than the queue has entries (CVE-2016-5403).
 */
static void test_in_flight_bound(void)
{
	struct hung h;
	struct req r;
	uint32_t used;

	setup_hung(&h, 1, false, DRV_ALL_FEATURES, false);
	r = make(&h.b, T_IN, 0, 512);
	for (int i = 0; i < 256; i++)
		REQUIRE(submit_to(&h.b, 0, &r, true, true) >= 0);
	drv_kick(&h.b.d, 0);
	CHECK_INT(in_flight(&h, 0), 256);
	for (uint16_t i = 0; i < 100; i++) {
		drv_set_avail(&h.b.d, 0, (uint16_t)(256 + i), i);
		drv_set_avail_idx(&h.b.d, 0, (uint16_t)(256 + i + 1));
	}
	drv_kick(&h.b.d, 0);
	CHECK_INT(in_flight(&h, 0), 256);
	CHECK(drv_status(&h.b.d) & VIRTIO_S_NEEDS_RESET);
	close(h.fds[1]);
	h.fds[1] = -1;
	drv_reset(&h.b.d);
	REQUIRE(!drv_start(&h.b.d, DRV_ALL_FEATURES, 0));
	r = make(&h.b, T_IN, 0, 512);
	CHECK_INT(run(&h.b, &r, true, &used), S_IOERR);
	teardown_hung(&h);
}

/* What the host moves in pieces arrives whole; what ends too early is an error. */
static void test_short_reads(void)
{
	struct hung h;
	struct req r;
	uint32_t id, used;

	setup_hung(&h, 1, false, DRV_ALL_FEATURES, false);
	r = make(&h.b, T_IN, 0, 2048);
	submit(&h.b, &r, true);
	drv_kick(&h.b.d, 0);
	for (int i = 0; i < 4; i++) {
		CHECK_INT(in_flight(&h, 0), 1);
		answer(&h, 0x10);
	}
	REQUIRE(drv_wait(&h.b.d, 0, WAIT, &id, &used));
	CHECK_INT(used, 2049);
	CHECK_INT(status_of(&h.b, &r), S_OK);
	CHECK(all_bytes(&h.b, &r, 0x10));
	r = make(&h.b, T_IN, 0, 2048);
	submit(&h.b, &r, true);
	drv_kick(&h.b.d, 0);
	answer(&h, 0x20);
	CHECK_INT(in_flight(&h, 0), 1);
	close(h.fds[1]);
	h.fds[1] = -1;
	REQUIRE(drv_wait(&h.b.d, 0, WAIT, &id, &used));
	CHECK_INT(used, 513);
	CHECK_INT(status_of(&h.b, &r), S_IOERR);
	teardown_hung(&h);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	RUN(test_queues_pci);
	RUN(test_queues_pci_packed);
	RUN(test_queues_mmio);
	RUN(test_queues_not_accepted);
	RUN(test_too_many);
	RUN(test_reset_pci);
	RUN(test_reset_mmio_packed);
	RUN(test_queue_reset_pci);
	RUN(test_queue_reset_packed);
	RUN(test_queue_reset_mmio);
	RUN(test_destroy);
	RUN(test_in_flight_bound);
	RUN(test_short_reads);
	return tests_done();
}
