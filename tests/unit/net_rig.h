/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of virtio-net: the device on a socket pair, the peer, and the guest. */
#ifndef TESTS_UNIT_NET_RIG_H
#define TESTS_UNIT_NET_RIG_H

#include <endian.h>
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
#define NO_MERGE (DRV_ALL_FEATURES & ~BIT(VIRTIO_NET_F_MRG_RXBUF))

struct bench {
	struct fake_env f;
	struct drv d;
	struct dev *dev;
	struct net_opts opts;
	int peer;
	char fd[16];
};

static inline uint8_t pattern(unsigned int seed, size_t i)
{
	return (uint8_t)(i * 7 + i / 253 + seed * 31);
}

static inline void fill(uint8_t *p, unsigned int seed, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = pattern(seed, i);
}

static inline bool matches(const uint8_t *p, unsigned int seed, size_t at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != pattern(seed, at + i))
			return false;
	return true;
}

static inline void setup_size(struct bench *b, uint64_t features, uint16_t size)
{
	struct tvm_error err = { 0 };
	int sv[2];

	memset(b, 0, sizeof(*b));
	FAKE_MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv));
	b->peer = sv[1];
	snprintf(b->fd, sizeof(b->fd), "%d", sv[0]);
	b->opts.fd = b->fd;
	b->opts.mtu = 9000;
	fake_env_init(&b->f, MIB(64));
	if (virtio_net_class.create(&b->f.env, &b->opts, &b->dev, &err) < 0)
		printf("# %s\n", err.msg);
	FAKE_MUST(b->dev);
	close(sv[0]);
	fake_env_start(&b->f);
	FAKE_MUST(!drv_init(&b->d, &b->f, (unsigned int)drv_find(&b->f, VIRTIO_ID_NET)));
	FAKE_MUST(!drv_start(&b->d, features, size));
}

static inline void setup(struct bench *b, uint64_t features)
{
	setup_size(b, features, 0);
}

static inline void teardown(struct bench *b)
{
	loop_stop(b->f.loop);
	if (b->dev)
		virtio_net_class.destroy(b->dev);
	fake_env_fini(&b->f);
	close_fd(&b->peer);
}

/* ---- The peer ------------------------------------------------------------------------ */

static inline bool peer_read(struct bench *b, void *dst, size_t n)
{
	for (size_t done = 0; done < n;) {
		struct pollfd p = { .fd = b->peer, .events = POLLIN };
		ssize_t r;

		if (poll(&p, 1, WAIT) <= 0)
			return false;
		r = recv(b->peer, (uint8_t *)dst + done, n - done, 0);
		if (r <= 0)
			return false;
		done += (size_t)r;
	}
	return true;
}

/* A frame's length, or -1. */
static inline long peer_frame(struct bench *b, uint8_t *dst, size_t max)
{
	uint32_t len;

	if (!peer_read(b, &len, 4) || be32toh(len) > max || !peer_read(b, dst, be32toh(len)))
		return -1;
	return be32toh(len);
}

static inline void peer_write(struct bench *b, const void *src, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = send(b->peer, (const uint8_t *)src + done, n - done, MSG_NOSIGNAL);

		FAKE_MUST(r > 0);
		done += (size_t)r;
	}
}

static inline void peer_send(struct bench *b, unsigned int seed, uint32_t n)
{
	uint8_t *buf = malloc(4 + n);
	uint32_t prefix = htobe32(n);

	memcpy(buf, &prefix, 4);
	fill(buf + 4, seed, n);
	peer_write(b, buf, 4 + n);
	free(buf);
}

/* ---- The guest ----------------------------------------------------------------------- */

/* A packet of a frame of n bytes; header bytes are hdr. */
static inline gpa_t packet(struct bench *b, unsigned int seed, uint32_t n, uint8_t hdr)
{
	gpa_t at = drv_alloc(&b->d, NET_HDR + n, 64);
	uint8_t *p = drv_ram(&b->d, at, NET_HDR + n);

	memset(p, hdr, NET_HDR);
	fill(p + NET_HDR, seed, n);
	return at;
}

static inline bool sent(struct bench *b)
{
	uint32_t id, used;

	return drv_wait(&b->d, TXQ, WAIT, &id, &used) && !used;
}

static inline void add_out(struct bench *b, gpa_t at, uint32_t len)
{
	FAKE_MUST(drv_add(&b->d, TXQ, (struct drv_buf[]){ { at, len, false } }, 1, false) >= 0);
}

static inline bool add_in(struct bench *b, gpa_t at, uint32_t len)
{
	return drv_add(&b->d, RXQ, (struct drv_buf[]){ { at, len, true } }, 1, false) >= 0;
}

/*
 * Receive one packet into buffers of size bytes each, which were added in the order of base,
 * base + size, ...: it is the frame of seed and length n, in as many buffers as needed.
 */
static inline bool got(struct bench *b, gpa_t base, uint32_t size, unsigned int seed, uint32_t n)
{
	uint32_t total = NET_HDR + n, parts = (total + size - 1) / size, id, used;
	static const uint8_t zero[NET_HDR_NUM_BUFFERS];

	for (uint32_t i = 0, at = 0; i < parts; i++) {
		uint32_t here = total - at < size ? total - at : size;
		const uint8_t *p = drv_ram(&b->d, base + (uint64_t)i * size, here);

		if (!drv_wait(&b->d, RXQ, WAIT, &id, &used) || used != here)
			return false;
		if (!i && (memcmp(p, zero, sizeof(zero)) || le_load(p + 10, 2) != parts))
			return false;
		if (!matches(i ? p : p + NET_HDR, seed, i ? at - NET_HDR : 0,
			    i ? here : here - NET_HDR))
			return false;
		at += here;
	}
	return true;
}

static inline void settle(struct bench *b)
{
	/* The loop has turned: what it could do is done. */
	for (int i = 0; i < 3; i++) {
		usleep(5000);
		drv_status(&b->d);
	}
}

#endif
