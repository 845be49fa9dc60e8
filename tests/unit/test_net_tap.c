/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-net on a real tap, in a network namespace of its own. A packet socket on the
 * interface is the rest of the network. Needs root and /dev/net/tun.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "devices/devices.h"
#include "devices/virtio/net.h"
#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"
#include "tests/harness.h"
#include "vmm/devopts.h"

#define WAIT 10000
#define RXQ 0
#define TXQ 1
#define PROTO 0x88b5	/* for experiments */
#define NEEDS_CSUM 1	/* virtio 1.2, 5.1.6: flags and gso_type */
#define GSO_TCPV4 1

struct bench {
	struct fake_env f;
	struct drv d;
	struct dev *dev;
	struct net_opts opts;
	int wire;	/* packet socket, with virtio headers of 10 bytes */
};

static char tap_name[] = "tvmtest0";
static const char *no_tap, *no_vhost;
static enum net_vhost vhost;	/* who serves the queues */

static void probe(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		no_tap = "cannot open /dev/net/tun";
	else if (unshare(CLONE_NEWNET) < 0)
		no_tap = "no network namespace of its own";
	close_fd(&fd);
	fd = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
	no_vhost = no_tap ? no_tap : fd < 0 ? "cannot open /dev/vhost-net" : NULL;
	close_fd(&fd);
}

static void link_up(const char *name)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_flags = IFF_UP };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	FAKE_MUST(s >= 0 && !ioctl(s, SIOCSIFFLAGS, &ifr));
	close(s);
}

static void setup(struct bench *b, uint64_t features)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct tvm_error err = { 0 };
	int one = 1;

	memset(b, 0, sizeof(*b));
	b->opts.tap = tap_name;
	b->opts.vhost = vhost;
	fake_env_init(&b->f, MIB(64));
	if (virtio_net_class.create(&b->f.env, &b->opts, &b->dev, &err) < 0)
		printf("# %s\n", err.msg);
	FAKE_MUST(b->dev);
	link_up(tap_name);
	b->wire = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	ll.sll_ifindex = (int)if_nametoindex(tap_name);
	FAKE_MUST(b->wire >= 0 && !bind(b->wire, (struct sockaddr *)&ll, sizeof(ll)));
	FAKE_MUST(!setsockopt(b->wire, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)));
	fake_env_start(&b->f);
	FAKE_MUST(!drv_init(&b->d, &b->f, (unsigned int)drv_find(&b->f, VIRTIO_ID_NET)));
	FAKE_MUST(!drv_start(&b->d, features, 0));
}

static void teardown(struct bench *b)
{
	loop_stop(b->f.loop);
	virtio_net_class.destroy(b->dev);
	fake_env_fini(&b->f);
	close_fd(&b->wire);
}

/* An Ethernet frame that is ours: type PROTO, then bytes of seed. */
static void frame(uint8_t *p, unsigned int seed, size_t n)
{
	memset(p, 0xff, 6);
	memset(p + 6, 2, 6);
	p[12] = PROTO >> 8;
	p[13] = PROTO & 255;
	for (size_t i = 14; i < n; i++)
		p[i] = (uint8_t)(seed + i);
}

/* The next of our frames on the wire, after its header of 10 bytes; its length or -1. */
static ssize_t wire_recv(struct bench *b, uint8_t *buf, size_t max, uint16_t type)
{
	struct pollfd p = { .fd = b->wire, .events = POLLIN };

	while (poll(&p, 1, 2000) > 0) {
		ssize_t n = recv(b->wire, buf, max, 0);

		if (n >= 24 && buf[22] == type >> 8 && buf[23] == (type & 255))
			return n - 10;
	}
	return -1;
}

static void wire_send(struct bench *b, const uint8_t *hdr, const uint8_t *p, size_t n)
{
	static const uint8_t none[10];
	struct iovec iov[] = { { (void *)(uintptr_t)(hdr ? hdr : none), 10 },
		{ (void *)(uintptr_t)p, n } };

	FAKE_MUST(writev(b->wire, iov, 2) == (ssize_t)(10 + n));
}

static bool send_packet(struct bench *b, const uint8_t *hdr, const uint8_t *p, uint32_t n)
{
	gpa_t at = drv_alloc(&b->d, NET_HDR + n, 64);
	uint32_t id, used;

	memcpy(drv_ram(&b->d, at, NET_HDR), hdr, NET_HDR);
	memcpy(drv_ram(&b->d, at + NET_HDR, n), p, n);
	drv_add(&b->d, TXQ, (struct drv_buf[]){ { at, NET_HDR + n, false } }, 1, false);
	drv_kick(&b->d, TXQ);
	return drv_wait(&b->d, TXQ, WAIT, &id, &used) && !used;
}

/* A TCP segment of n bytes of data over IPv4, checksum of TCP left to do; frame's length. */
static uint32_t tcp(uint8_t *p, uint32_t n)
{
	uint32_t sum = 0;

	frame(p, 0, 54 + n);
	p[12] = 8;
	p[13] = 0;
	memset(p + 14, 0, 40);
	p[14] = 0x45;
	p[16] = (uint8_t)((40 + n) >> 8);
	p[17] = (uint8_t)(40 + n);
	p[22] = 64;
	p[23] = 6;
	memcpy(p + 26, (uint8_t[]){ 10, 0, 0, 1, 10, 0, 0, 2 }, 8);
	for (int i = 14; i < 34; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	p[24] = (uint8_t)(~sum >> 8);
	p[25] = (uint8_t)~sum;
	p[46] = 0x50;
	p[47] = 0x10;
	return 54 + n;
}

static const uint8_t tso_hdr[NET_HDR] = { NEEDS_CSUM, GSO_TCPV4,
	54, 0, 0x78, 0x05, 34, 0, 16, 0 };	/* segments of 1400 */

static void test_transmit(void)
{
	static const uint8_t none[NET_HDR];
	static uint8_t p[70000], buf[70000];
	struct bench b;
	uint32_t n;

	if (no_tap)
		SKIP(no_tap);
	setup(&b, DRV_ALL_FEATURES);
	CHECK_INT(drv_offered(&b.d) & 0xffffff, 0x1 | 0x2 | 0x20 | 0x180 | 0x1800 | 0x18000);
	frame(p, 5, 200);
	CHECK(send_packet(&b, none, p, 200));
	CHECK_INT(wire_recv(&b, buf, sizeof(buf), PROTO), 200);
	CHECK(!memcmp(buf + 10, p, 200));
	/* One packet of 60000 bytes to be cut into segments of 1400. */
	n = tcp(p, 60000);
	CHECK(send_packet(&b, tso_hdr, p, n));
	CHECK_INT(wire_recv(&b, buf, sizeof(buf), ETH_P_IP), n);
	CHECK_INT(buf[1], GSO_TCPV4);
	CHECK(!memcmp(buf + 10 + 54, p + 54, 60000));
	teardown(&b);
}

static const uint8_t bad_headers[][NET_HDR] = {
	{ 0, 0x7f, 0xff, 0xff, 1, 0 },			/* no such kind */
	{ 1, 1, 0xff, 0xff, 1, 0, 34, 0, 16, 0 },	/* headers of 64 KiB */
	{ 1, 1, 54, 0, 0, 0, 34, 0, 16, 0 },		/* segments of nothing */
	{ 1, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff },	/* checksum outside */
	{ 1, 4, 0, 0, 1, 0, 0xf0, 0xff, 6, 0 },
	{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
};

/* What a header claims is the kernel's to believe: refused ones are lost, the device lives. */
static void test_hostile_headers(void)
{
	static const uint8_t none[NET_HDR];
	uint8_t p[300], buf[400];
	struct bench b;

	if (no_tap)
		SKIP(no_tap);
	setup(&b, DRV_ALL_FEATURES);
	frame(p, 5, 200);
	for (size_t i = 0; i < ARRAY_SIZE(bad_headers); i++)
		CHECK(send_packet(&b, bad_headers[i], p, 200));
	CHECK_HAS(b.f.last_log, "is refused");
	CHECK(send_packet(&b, none, p, 5));	/* less than an Ethernet header */
	CHECK(send_packet(&b, none, p, 201));
	while (wire_recv(&b, buf, sizeof(buf), PROTO) == 200)
		;
	CHECK(send_packet(&b, none, p, 202));
	CHECK_INT(wire_recv(&b, buf, sizeof(buf), PROTO), 202);
	CHECK(!(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET));
	teardown(&b);
}

static void add_in(struct bench *b, gpa_t base, uint32_t size, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		FAKE_MUST(drv_add(&b->d, RXQ, (struct drv_buf[]){ { base + i * size, size, true } },
			1, false) >= 0);
	drv_kick(&b->d, RXQ);
}

/*
 * The next packet whose type is as given, from buffers of size bytes used in order; *at is
 * the number of the next buffer. Its length with header, or 0.
 */
static uint32_t receive(struct bench *b, gpa_t base, uint32_t size, unsigned int *at,
	uint16_t type, uint8_t *dst)
{
	uint32_t id, used, total;

	for (;;) {
		unsigned int parts = 1;

		total = 0;
		for (unsigned int i = 0; i < parts; i++, ++*at) {
			if (!drv_wait(&b->d, RXQ, 2000, &id, &used))
				return 0;
			memcpy(dst + total, drv_ram(&b->d, base + (gpa_t)*at * size, used), used);
			total += used;
			if (!i)
				parts = (unsigned int)le_load(dst + 10, 2);
		}
		if (dst[24] == type >> 8 && dst[25] == (type & 255))
			return total;
	}
}

static void test_receive(void)
{
	static uint8_t p[70000], buf[70000];
	uint32_t n, got = 0;
	unsigned int at = 0, packets = 0;
	struct bench b;
	gpa_t base;

	if (no_tap)
		SKIP(no_tap);
	setup(&b, DRV_ALL_FEATURES);
	base = drv_alloc(&b.d, 256 * 1536, 4096);
	add_in(&b, base, 1536, 256);
	frame(p, 1, 300);
	wire_send(&b, NULL, p, 300);
	CHECK_INT(receive(&b, base, 1536, &at, PROTO, buf), NET_HDR + 300);
	CHECK(!memcmp(buf + NET_HDR, p, 300));
	/* 60000 bytes of TCP arrive as one packet over many buffers. */
	n = tcp(p, 60000);
	wire_send(&b, tso_hdr, p, n);
	CHECK_INT(receive(&b, base, 1536, &at, ETH_P_IP, buf), NET_HDR + n);
	CHECK_INT(buf[1], GSO_TCPV4);
	CHECK_INT(le_load(buf + 10, 2), (NET_HDR + n + 1535) / 1536);
	CHECK(!memcmp(buf + NET_HDR + 54, p + 54, 60000));
	/* The same for a driver that knows no offloads: the kernel cuts it before. */
	drv_reset(&b.d);
	REQUIRE(!drv_start(&b.d, ~(uint64_t)0x183, 0));
	base = drv_alloc(&b.d, 256 * 2048, 4096);
	add_in(&b, base, 2048, 256);
	at = 0;
	wire_send(&b, tso_hdr, p, n);
	for (; got < 60000; packets++) {
		uint32_t here = receive(&b, base, 2048, &at, ETH_P_IP, buf);

		REQUIRE(here > NET_HDR + 54 && here <= NET_HDR + 54 + 1400);
		CHECK(!buf[0] && !buf[1]);
		CHECK(!memcmp(buf + NET_HDR + 54, p + 54 + got, here - NET_HDR - 54));
		got += here - NET_HDR - 54;
	}
	CHECK_INT(packets, 43);
	teardown(&b);
}

/* By descriptor; then the interface goes away under it. */
static void test_removed(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC), bad;
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	static const uint8_t none[NET_HDR];
	struct tvm_error err = { 0 };
	struct net_opts opts = { .vhost = NET_VHOST_OFF };
	struct dev *dev = NULL;
	uint8_t p[64] = { 0 };
	struct bench b = { 0 };
	char text[16];

	if (no_tap) {
		close_fd(&fd);
		SKIP(no_tap);
	}
	opts.fd = text;
	snprintf(text, sizeof(text), "%d", fd);
	fake_env_init(&b.f, MIB(16));
	CHECK_INT(virtio_net_class.create(&b.f.env, &opts, &dev, &err), -EINVAL);
	CHECK_HAS(err.msg, "without an interface");
	strcpy(ifr.ifr_name, "tvmtest1");
	FAKE_MUST(!ioctl(fd, TUNSETIFF, &ifr));
	opts.tap = ifr.ifr_name;
	opts.fd = NULL;
	CHECK_INT(virtio_net_class.create(&b.f.env, &opts, &dev, &err), -EBUSY);
	opts.tap = NULL;
	opts.fd = text;
	/* Without virtio headers: refused. */
	bad = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	ifr = (struct ifreq){ .ifr_flags = IFF_TAP | IFF_NO_PI };
	FAKE_MUST(!ioctl(bad, TUNSETIFF, &ifr));
	snprintf(text, sizeof(text), "%d", bad);
	CHECK_INT(virtio_net_class.create(&b.f.env, &opts, &dev, &err), -EINVAL);
	CHECK_HAS(err.msg, "IFF_VNET_HDR");
	close(bad);
	snprintf(text, sizeof(text), "%d", fd);
	REQUIRE(!virtio_net_class.create(&b.f.env, &opts, &b.dev, &err));
	close(fd);
	link_up("tvmtest1");
	fake_env_start(&b.f);
	FAKE_MUST(!drv_init(&b.d, &b.f, (unsigned int)drv_find(&b.f, VIRTIO_ID_NET)));
	FAKE_MUST(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
	/* More buffers than the host's IPv6 sends packets: without one, nobody watches the tap. */
	add_in(&b, drv_alloc(&b.d, 16 * 4096, 4096), 4096, 16);
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 6, 2), 1);
	if (system("ip link del tvmtest1 2>/dev/null") == 0) {
		for (int i = 0; i < 500 && fake_mmio_read(&b.f, b.d.config + 6, 2); i++)
			usleep(10000);
		CHECK_INT(fake_mmio_read(&b.f, b.d.config + 6, 2), 0);
		CHECK_HAS(b.f.last_log, "removed");
	}
	frame(p, 1, 64);
	CHECK(send_packet(&b, none, p, 64));
	b.wire = -1;
	teardown(&b);
}

/* The same with the queues in the hands of the host's kernel, where it has vhost-net. */
static void with_vhost(void (*test)(void))
{
	if (no_vhost)
		SKIP(no_vhost);
	vhost = NET_VHOST_ON;
	test();
	vhost = NET_VHOST_OFF;
}

static void test_vhost_transmit(void)
{
	with_vhost(test_transmit);
}

/*
 * Linux (vhost_net_build_xdp()) keeps a packet whose checksum would lie behind its end, so a
 * driver can stall its own queue; a reset gets it going again.
 */
static void hostile_to_kernel(void)
{
	static const uint8_t none[NET_HDR];
	uint8_t p[300], buf[400];
	struct bench b;

	setup(&b, DRV_ALL_FEATURES);
	frame(p, 5, 200);
	for (size_t i = 0; i < ARRAY_SIZE(bad_headers); i++) {
		gpa_t at = drv_alloc(&b.d, NET_HDR + 200, 64);

		memcpy(drv_ram(&b.d, at, NET_HDR), bad_headers[i], NET_HDR);
		memcpy(drv_ram(&b.d, at + NET_HDR, 200), p, 200);
		drv_add(&b.d, TXQ, (struct drv_buf[]){ { at, NET_HDR + 200, false } }, 1, false);
		drv_kick(&b.d, TXQ);
		usleep(20000);
		drv_reset(&b.d);
		REQUIRE(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
	}
	while (wire_recv(&b, buf, sizeof(buf), PROTO) == 200)
		;
	CHECK(send_packet(&b, none, p, 202));
	CHECK_INT(wire_recv(&b, buf, sizeof(buf), PROTO), 202);
	CHECK(!(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET));
	teardown(&b);
}

static void test_vhost_hostile_headers(void)
{
	with_vhost(hostile_to_kernel);
}

static void test_vhost_receive(void)
{
	with_vhost(test_receive);
}

int main(void)
{
	vhost = NET_VHOST_OFF;
	probe();
	RUN(test_transmit);
	RUN(test_hostile_headers);
	RUN(test_receive);
	RUN(test_removed);
	RUN(test_vhost_transmit);
	RUN(test_vhost_hostile_headers);
	RUN(test_vhost_receive);
	return tests_done();
}
