/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-net through its PCI transport: packets, buffers and options. A socket pair is the
 * wire; what happens to the wire itself is in test_net_wire.c, taps are in test_net_tap.c.
 */
#include <fcntl.h>
#include <sys/un.h>

#include "tests/unit/net_rig.h"

static void test_config(void)
{
	struct bench b;
	uint64_t offered;

	setup(&b, DRV_ALL_FEATURES);
	offered = drv_offered(&b.d) & 0xffffff;
	CHECK_INT(offered, BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS) |
		BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_MTU));
	CHECK_INT(fake_mmio_read(&b.f, b.d.config, 1) & 3, 2);
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 6, 2), 1);
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 10, 2), 9000);
	teardown(&b);
}

static void test_transmit(void)
{
	struct bench b;
	uint8_t buf[70000];
	gpa_t at;

	setup(&b, DRV_ALL_FEATURES);
	/* Whatever the header says: nobody reads it here. */
	for (unsigned int i = 0; i < 3; i++) {
		at = packet(&b, i, 60 + i, i ? 0xff : 0);
		drv_add(&b.d, TXQ, (struct drv_buf[]){ { at, 5 + i * 7, false },
			{ at + 5 + i * 7, NET_HDR + 60 + i - 5 - i * 7, false } }, 2, i == 1);
		drv_kick(&b.d, TXQ);
		CHECK_INT(peer_frame(&b, buf, sizeof(buf)), 60 + i);
		CHECK(matches(buf, i, 0, 60 + i));
		CHECK(sent(&b));
	}
	at = packet(&b, 9, NET_FRAME_MAX, 0);
	add_out(&b, at, NET_PACKET_MAX);
	drv_kick(&b.d, TXQ);
	CHECK_INT(peer_frame(&b, buf, sizeof(buf)), NET_FRAME_MAX);
	CHECK(matches(buf, 9, 0, NET_FRAME_MAX));
	CHECK(sent(&b));
	teardown(&b);
}

/* Dropped with a line in the log, as on a wire; the next packet goes. */
static void test_wrong_packets(void)
{
	struct bench b;
	uint8_t buf[100];
	gpa_t at;

	setup(&b, DRV_ALL_FEATURES);
	at = packet(&b, 0, MIB(1), 0);
	for (uint32_t len = 1; len <= MIB(1); len = len < 11 ? 11 : len == 11 ?
			NET_PACKET_MAX + 1 : len < MIB(1) ? (uint32_t)MIB(1) : UINT32_MAX) {
		add_out(&b, at, len);
		drv_kick(&b.d, TXQ);
		CHECK(sent(&b));
		CHECK_HAS(b.f.last_log, "is refused");
	}
	drv_add(&b.d, TXQ, (struct drv_buf[]){ { at, 20, true } }, 1, false); /* writable */
	drv_kick(&b.d, TXQ);
	CHECK(sent(&b));
	add_out(&b, at, NET_HDR + 30);
	drv_kick(&b.d, TXQ);
	CHECK_INT(peer_frame(&b, buf, sizeof(buf)), 30);
	CHECK(sent(&b));
	CHECK(!(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET));
	teardown(&b);
}

static void test_receive(void)
{
	struct bench b;

	for (int merge = 0; merge < 2; merge++) {
		gpa_t at;

		setup(&b, merge ? DRV_ALL_FEATURES : NO_MERGE);
		at = drv_alloc(&b.d, 20 * 2048, 4096);
		for (unsigned int i = 0; i < 20; i++)
			REQUIRE(add_in(&b, at + i * 2048, 2048));
		drv_kick(&b.d, RXQ);
		for (unsigned int i = 0; i < 20; i++)
			peer_send(&b, i, 14 + i * 79);
		for (unsigned int i = 0; i < 20; i++)
			CHECK(got(&b, at + i * 2048, 2048, i, 14 + i * 79));
		teardown(&b);
	}
}

/* A packet over many buffers; the next one starts in a buffer of its own. */
static void test_merge(void)
{
	struct bench b;
	gpa_t at;

	setup(&b, DRV_ALL_FEATURES);
	at = drv_alloc(&b.d, 256 * 512, 4096);
	for (unsigned int i = 0; i < 256; i++)
		REQUIRE(add_in(&b, at + i * 512, 512));
	drv_kick(&b.d, RXQ);
	peer_send(&b, 1, 500);		/* with the header exactly one */
	peer_send(&b, 2, 501);
	peer_send(&b, 3, 9000);
	peer_send(&b, 4, NET_FRAME_MAX);
	CHECK(got(&b, at, 512, 1, 500));
	CHECK(got(&b, at + 512, 512, 2, 501));
	CHECK(got(&b, at + 3 * 512, 512, 3, 9000));
	CHECK(got(&b, at + 21 * 512, 512, 4, NET_FRAME_MAX));
	teardown(&b);
}

/* Buffers come after packets, one by one: nothing is lost, and nothing spins meanwhile. */
static void test_ring_empty(void)
{
	struct bench b;
	gpa_t at;

	setup(&b, DRV_ALL_FEATURES);
	at = drv_alloc(&b.d, MIB(1), 4096);
	for (unsigned int i = 0; i < 40; i++)
		peer_send(&b, i, 1000);
	settle(&b);
	/* 1012 bytes in buffers of 300: a packet waits for its end. */
	for (unsigned int i = 0; i < 40; i++) {
		for (unsigned int j = 0; j < 4; j++) {
			uint32_t id, used;

			CHECK(!drv_used(&b.d, RXQ, &id, &used));
			REQUIRE(add_in(&b, at + (i * 4 + j) * 300, 300));
			if (i < 3)
				settle(&b);
			drv_kick(&b.d, RXQ);
		}
		CHECK(got(&b, at + i * 4 * 300, 300, i, 1000));
	}
	teardown(&b);
}

/* What can never fit is dropped, and what follows arrives. */
static void test_no_fit(void)
{
	struct bench b;
	gpa_t at;

	for (int merge = 0; merge < 2; merge++) {
		setup_size(&b, merge ? DRV_ALL_FEATURES : NO_MERGE, 4);
		at = drv_alloc(&b.d, 4 * 300, 4096);
		for (unsigned int i = 0; i < 4; i++)
			REQUIRE(add_in(&b, at + i * 300, 300));
		drv_kick(&b.d, RXQ);
		peer_send(&b, 1, merge ? 1189 : 289);
		peer_send(&b, 2, 288);
		peer_send(&b, 3, merge ? 888 : 200);
		CHECK(got(&b, at, 300, 2, 288));
		CHECK(got(&b, at + 300, 300, 3, merge ? 888 : 200));
		teardown(&b);
	}
}

/* Indirect chains of as many buffers as allowed: more than one system call can take. */
static void test_many_buffers(void)
{
	struct drv_buf bufs[256];
	struct bench b;
	uint32_t id, used, sum = 0;
	gpa_t at;

	setup(&b, DRV_ALL_FEATURES);
	at = drv_alloc(&b.d, 16 * 256, 4096);
	for (unsigned int i = 0; i < 16; i++) {
		for (unsigned int j = 0; j < 256; j++)
			bufs[j] = (struct drv_buf){ at + i * 256 + j, 1, true };
		REQUIRE(drv_add(&b.d, RXQ, bufs, 256, true) >= 0);
	}
	drv_kick(&b.d, RXQ);
	peer_send(&b, 3, 4000);	/* needs 16 chains, of which 3 fit at once: dropped */
	peer_send(&b, 5, 600);
	for (int i = 0; i < 3; i++) {
		REQUIRE(drv_wait(&b.d, RXQ, WAIT, &id, &used));
		sum += used;
	}
	CHECK_INT(sum, 612);
	CHECK(matches(drv_ram(&b.d, at + NET_HDR, 600), 5, 0, 600));
	CHECK_INT(le_load(drv_ram(&b.d, at + 10, 2), 2), 3);
	peer_send(&b, 6, 200);
	REQUIRE(drv_wait(&b.d, RXQ, WAIT, &id, &used));
	CHECK_INT(used, 212);
	CHECK(matches(drv_ram(&b.d, at + 3 * 256 + NET_HDR, 200), 6, 0, 200));
	teardown(&b);
}

static void test_wrong_buffers(void)
{
	struct bench b;
	uint32_t id, used;
	gpa_t at;

	setup(&b, DRV_ALL_FEATURES);
	for (int i = 0; i < 3; i++) {
		at = drv_alloc(&b.d, 4096, 64);
		if (i == 0)
			add_in(&b, at, NET_HDR - 1);
		else if (i == 1)
			drv_add(&b.d, RXQ, (struct drv_buf[]){ { at, 100, false } }, 1, false);
		else
			add_in(&b, GIB(1), 100);
		drv_kick(&b.d, RXQ);
		CHECK(!drv_wait(&b.d, RXQ, 50, &id, &used));
		CHECK(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET);
		drv_reset(&b.d);
		REQUIRE(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
		at = drv_alloc(&b.d, 4096, 64);
		/* A readable buffer before the writable ones changes nothing. */
		drv_add(&b.d, RXQ, (struct drv_buf[]){ { at + 2048, 9, false },
			{ at, 1000, true } }, 2, i == 1);
		drv_kick(&b.d, RXQ);
		peer_send(&b, 1, 100);
		CHECK(got(&b, at, 1000, 1, 100));
	}
	teardown(&b);
}

static void refuse(const struct net_opts *opts, int code, const char *text)
{
	struct tvm_error err = { 0 };
	struct dev *dev = NULL;
	struct fake_env f;

	fake_env_init(&f, MIB(1));
	CHECK_INT(virtio_net_class.create(&f.env, opts, &dev, &err), code);
	CHECK_INT(err.code, code);
	CHECK_HAS(err.msg, text);
	CHECK(!dev && drv_find(&f, VIRTIO_ID_NET) < 0);
	fake_env_fini(&f);
}

#define OPTS(...) (&(struct net_opts){ __VA_ARGS__ })

static void test_refused(void)
{
	static char long_path[120], tap[] = "t0", path[] = "/tmp/no such socket", fd[] = "900";
	static char bad_mac[] = "52:54:00:12:34", group[] = "01:00:5e:00:00:01", nothing[] = "";
	static char pattern_name[] = "tap%d", text[] = "3x", zero_mac[] = "00:00:00:00:00:00";
	char null[16];
	int n = open("/dev/null", O_RDWR | O_CLOEXEC), dgram;

	memset(long_path, 'x', sizeof(long_path) - 1);
	refuse(OPTS(.mtu = 0), -EINVAL, "one of tap, stream and fd");
	refuse(OPTS(.tap = tap, .fd = fd), -EINVAL, "one of tap, stream and fd");
	refuse(OPTS(.stream = path), -ENOENT, "no such socket");
	refuse(OPTS(.stream = long_path), -EINVAL, "107");
	refuse(OPTS(.stream = nothing), -EINVAL, "107");
	refuse(OPTS(.tap = long_path), -EINVAL, "name of an interface");
	refuse(OPTS(.tap = pattern_name), -EINVAL, "name of an interface");
	refuse(OPTS(.fd = fd), -EBADF, "fd 900");
	refuse(OPTS(.fd = text), -EINVAL, "not a number");
	refuse(OPTS(.stream = path, .mac = bad_mac), -EINVAL, "52:54:00:12:34");
	refuse(OPTS(.stream = path, .mac = group), -EINVAL, "one station");
	refuse(OPTS(.stream = path, .mac = zero_mac), -EINVAL, "one station");
	refuse(OPTS(.stream = path, .mtu = 67), -EINVAL, "68");
	refuse(OPTS(.stream = path, .mtu = 65536), -EINVAL, "65535");
	snprintf(null, sizeof(null), "%d", n);
	refuse(OPTS(.fd = null), -EINVAL, "neither a tap nor");
	close(n);
	dgram = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(null, sizeof(null), "%d", dgram);
	refuse(OPTS(.fd = null), -EINVAL, "neither a tap nor");
	close(dgram);
}

/* By path, with a given address; the made ones differ by index and stay the same. */
static void test_addresses(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static char mac[] = "52:54:00:aB:34:56";
	uint64_t made[3];

	snprintf(addr.sun_path, sizeof(addr.sun_path), "/tmp/test-net-%d", (int)getpid());
	FAKE_MUST(!bind(server, (struct sockaddr *)&addr, sizeof(addr)) && !listen(server, 8));
	for (unsigned int i = 0; i < 4; i++) {
		struct net_opts opts = { .stream = addr.sun_path, .index = i == 2 ? 1 : 0,
			.mac = i == 3 ? mac : NULL };
		struct tvm_error err = { 0 };
		struct dev *dev = NULL;
		struct fake_env f;
		struct drv d;
		uint64_t v;

		fake_env_init(&f, MIB(1));
		REQUIRE(!virtio_net_class.create(&f.env, &opts, &dev, &err));
		FAKE_MUST(!drv_init(&d, &f, (unsigned int)drv_find(&f, VIRTIO_ID_NET)));
		CHECK(!(drv_offered(&d) & BIT(VIRTIO_NET_F_MTU)));
		v = fake_mmio_read(&f, d.config, 4) | fake_mmio_read(&f, d.config + 4, 2) << 32;
		if (i == 3)
			CHECK_INT(v, 0x5634ab005452);
		else
			made[i] = v;
		virtio_net_class.destroy(dev);
		fake_env_fini(&f);
	}
	CHECK(made[0] == made[1] && made[0] != made[2]);
	close(server);
	unlink(addr.sun_path);
}

int main(void)
{
	RUN(test_config);
	RUN(test_transmit);
	RUN(test_wrong_packets);
	RUN(test_receive);
	RUN(test_merge);
	RUN(test_ring_empty);
	RUN(test_no_fit);
	RUN(test_many_buffers);
	RUN(test_wrong_buffers);
	RUN(test_refused);
	RUN(test_addresses);
	return tests_done();
}
