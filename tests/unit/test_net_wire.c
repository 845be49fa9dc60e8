/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-net and a peer that does not read, that cuts its stream anywhere or goes away; and
 * resets meanwhile.
 */
#include "tests/unit/net_rig.h"

/* The peer does not read: the ring stays full, then all of it arrives in order. */
static void test_backpressure(void)
{
	struct bench b;
	uint8_t buf[9000];
	uint32_t id, used;
	unsigned int done = 0;
	gpa_t at[256];

	setup(&b, DRV_ALL_FEATURES);
	for (unsigned int i = 0; i < 256; i++) {
		at[i] = packet(&b, i, 9000 - i, 0);
		add_out(&b, at[i], NET_HDR + 9000 - i);
	}
	drv_kick(&b.d, TXQ);
	settle(&b);
	while (drv_used(&b.d, TXQ, &id, &used))
		done++;
	CHECK(done > 0 && done < 256);
	for (unsigned int i = 0; i < 256; i++) {
		REQUIRE(peer_frame(&b, buf, sizeof(buf)) == 9000 - (long)i);
		REQUIRE(matches(buf, i, 0, 9000 - i));
	}
	for (; done < 256; done++)
		REQUIRE(sent(&b));
	CHECK(!drv_used(&b.d, TXQ, &id, &used));
	teardown(&b);
}

/* One of the frames of 9000 bytes below. */
static bool whole(const uint8_t *p)
{
	for (unsigned int i = 0; i < 100; i++)
		if (matches(p, i, 0, 9000))
			return true;
	return false;
}

/* Resets while the stream is full and while buffers are held: it stays in step. */
static void test_reset_in_flight(void)
{
	struct bench b;
	uint8_t buf[9000], *p;
	unsigned int seed = 255;
	long n;
	gpa_t at;

	setup(&b, DRV_ALL_FEATURES);
	for (int round = 0; round < 10; round++) {
		for (unsigned int i = 0; i < 100; i++)
			add_out(&b, packet(&b, i, 9000, 0), NET_HDR + 9000);
		drv_kick(&b.d, TXQ);
		at = drv_alloc(&b.d, 20000, 4096);
		for (unsigned int i = 0; i < 20; i++)
			REQUIRE(add_in(&b, at + i * 1000, 1000));
		drv_kick(&b.d, RXQ);
		if (round & 1)
			settle(&b);
		drv_reset(&b.d);
		p = drv_ram(&b.d, at, 20000);
		memset(p, 0xee, 20000);
		peer_send(&b, 77, 500);
		settle(&b);
		for (unsigned int i = 0; i < 20000; i++)
			REQUIRE(p[i] == 0xee);
		REQUIRE(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
		/* Frames of the old driver end where they should, then the new one's come. */
		at = drv_alloc(&b.d, MIB(1), 4096);
		REQUIRE(add_in(&b, at, 1000));
		drv_kick(&b.d, RXQ);
		CHECK(got(&b, at, 1000, 77, 500));
		at = packet(&b, seed, 64, 0);
		add_out(&b, at, NET_HDR + 64);
		drv_kick(&b.d, TXQ);
		do {
			n = peer_frame(&b, buf, sizeof(buf));
			REQUIRE(n == 9000 || n == 64);
			REQUIRE(n == 64 || whole(buf));
		} while (n != 64);
		CHECK(matches(buf, seed, 0, 64));
		CHECK(sent(&b));
		drv_reset(&b.d);
		REQUIRE(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
	}
	/* Destroyed with work in both directions. */
	for (unsigned int i = 0; i < 100; i++)
		add_out(&b, packet(&b, i, 9000, 0), NET_HDR + 9000);
	drv_kick(&b.d, TXQ);
	teardown(&b);
}

/* Single bytes and several frames at once. */
static void test_cut_stream(void)
{
	struct bench b;
	uint8_t buf[3 * 104] = { 0 };
	gpa_t at;

	setup(&b, DRV_ALL_FEATURES);
	at = drv_alloc(&b.d, 3 * 2048, 4096);
	for (unsigned int i = 0; i < 3; i++) {
		REQUIRE(add_in(&b, at + i * 2048, 2048));
		buf[i * 104 + 3] = 100;
		fill(buf + i * 104 + 4, i, 100);
	}
	drv_kick(&b.d, RXQ);
	for (unsigned int i = 0; i < 104; i++) {
		peer_write(&b, &buf[i], 1);
		if (i % 16 == 3)
			settle(&b);
	}
	CHECK(got(&b, at, 2048, 0, 100));
	peer_write(&b, buf + 104, 4);
	peer_write(&b, (uint8_t[8]){ 0 }, 0);
	peer_write(&b, buf + 108, 204);
	CHECK(got(&b, at + 2048, 2048, 1, 100));
	CHECK(got(&b, at + 4096, 2048, 2, 100));
	/* A frame of nothing is none. */
	REQUIRE(add_in(&b, at, 2048));
	drv_kick(&b.d, RXQ);
	peer_write(&b, (uint8_t[4]){ 0 }, 4);
	peer_send(&b, 8, 60);
	CHECK(got(&b, at, 2048, 8, 60));
	teardown(&b);
}

static bool link_down(struct bench *b)
{
	for (int i = 0; i < 500; i++) {
		if (!fake_mmio_read(&b->f, b->d.config + 6, 2))
			return true;
		usleep(10000);
	}
	return false;
}

/* The peer ends: found by receiving, or by sending when nothing is to be received. */
static void test_peer_gone(void)
{
	struct bench b;
	gpa_t at;

	for (int how = 0; how < 4; how++) {
		setup(&b, DRV_ALL_FEATURES);
		at = drv_alloc(&b.d, 4096, 4096);
		if (how != 1) {
			REQUIRE(add_in(&b, at, 4096));
			drv_kick(&b.d, RXQ);
		}
		if (how == 2)	/* a frame of 2 GiB */
			peer_write(&b, (uint8_t[]){ 0x80, 0, 0, 0, 1 }, 5);
		else if (how == 3) /* one byte too many, all of it there at once */
			peer_send(&b, 0, NET_FRAME_MAX + 1);
		else
			close_fd(&b.peer);
		if (how == 1) {
			add_out(&b, packet(&b, 0, 60, 0), NET_HDR + 60);
			drv_kick(&b.d, TXQ);
			CHECK(sent(&b));
		}
		CHECK(link_down(&b));
		CHECK_HAS(b.f.last_log, "link down");
		CHECK(fake_msi_wait(&b.f, drv_msi_data(&b.d, -1), WAIT));
		/* The guest's packets are taken and lost. */
		for (int i = 0; i < 300; i++) {
			add_out(&b, at, 60);
			drv_kick(&b.d, TXQ);
			REQUIRE(sent(&b));
		}
		drv_reset(&b.d);
		REQUIRE(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
		CHECK(!fake_mmio_read(&b.f, b.d.config + 6, 2));
		teardown(&b);
	}
}

/* The peer ends while the ring waits for it to read. */
static void test_gone_when_full(void)
{
	struct bench b;

	setup(&b, DRV_ALL_FEATURES);
	for (unsigned int i = 0; i < 256; i++)
		add_out(&b, packet(&b, i, 9000, 0), NET_HDR + 9000);
	drv_kick(&b.d, TXQ);
	settle(&b);
	close_fd(&b.peer);
	for (unsigned int i = 0; i < 256; i++)
		REQUIRE(sent(&b));
	CHECK(link_down(&b));
	teardown(&b);
}

int main(void)
{
	RUN(test_backpressure);
	RUN(test_reset_in_flight);
	RUN(test_cut_stream);
	RUN(test_peer_gone);
	RUN(test_gone_when_full);
	return tests_done();
}
