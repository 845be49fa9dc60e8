/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of virtio-net on the played host: the device, the guest, and the wire of a tap. */
#ifndef TESTS_UNIT_VHOST_RIG_H
#define TESTS_UNIT_VHOST_RIG_H

#include <sys/socket.h>

#include "base/cleanup.h"
#include "devices/devices.h"
#include "devices/virtio/net.h"
#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"
#include "tests/unit/vhost/host.h"
#include "tests/harness.h"
#include "vmm/devopts.h"

#define WAIT 10000
#define MMIO_BASE GIB(2)
#define MMIO_GSI 5
#define BUF 2048u

struct rig {
	struct fake_env f;
	struct mmio_slots slots;
	struct drv d;
	struct dev *dev;
	struct net_opts opts;
	struct tvm_error err;
};

static char tap_name[] = "tap7";

/* Before rig_create(): change r->opts and r->f.env. */
static inline void rig_begin(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	host_begin();
	fake_env_init(&r->f, MIB(64));
	r->opts.tap = tap_name;
	r->opts.vhost = NET_VHOST_ON;
}

static inline int rig_create(struct rig *r)
{
	return virtio_net_class.create(&r->f.env, &r->opts, &r->dev, &r->err);
}

static inline void rig_run(struct rig *r, uint64_t features)
{
	if (rig_create(r) < 0)
		printf("# %s\n", r->err.msg);
	FAKE_MUST(r->dev);
	fake_env_start(&r->f);
	if (r->f.env.mmio)
		FAKE_MUST(!drv_mmio_init(&r->d, &r->f, MMIO_BASE, MMIO_GSI));
	else
		FAKE_MUST(!drv_init(&r->d, &r->f, (unsigned int)drv_find(&r->f, VIRTIO_ID_NET)));
	if (features)
		FAKE_MUST(!drv_start(&r->d, features, 0));
}

static inline void rig_mmio(struct rig *r)
{
	r->slots = (struct mmio_slots){ MMIO_BASE, 0x200, MMIO_GSI, 0, 2 };
	r->f.env.mmio = &r->slots;
}

static inline void rig_end(struct rig *r)
{
	loop_stop(r->f.loop);
	if (r->dev)
		virtio_net_class.destroy(r->dev);
	CHECK_INT(fake_doorbells(&r->f), 0);
	fake_env_fini(&r->f);
	host_end();
	CHECK(!host_lock()->complaint[0]);
	host_unlock();
}

static inline int wire(unsigned int tap)
{
	int fd = host_lock()->taps[tap].peer;

	host_unlock();
	return fd;
}

/* The guest sends a frame of n bytes on queue vq: it comes out of tap as it is, or not. */
static inline bool sends(struct rig *r, unsigned int vq, unsigned int tap, uint32_t n)
{
	gpa_t at = drv_alloc(&r->d, NET_HDR + n, 64);
	struct pollfd p = { .fd = wire(tap), .events = POLLIN };
	static uint8_t buf[70000];
	uint32_t id, used;
	uint8_t *src = drv_ram(&r->d, at, NET_HDR + n);
	int head;

	memset(src, 0, NET_HDR);
	for (uint32_t i = 0; i < n; i++)
		src[NET_HDR + i] = (uint8_t)(i + n + vq);
	head = drv_add(&r->d, vq, (struct drv_buf[]){ { at, NET_HDR, false },
		{ at + NET_HDR, n, false } }, 2, n & 1);
	FAKE_MUST(head >= 0);
	drv_kick(&r->d, vq);
	return drv_wait(&r->d, vq, WAIT, &id, &used) && id == (uint32_t)head && !used &&
		poll(&p, 1, WAIT) > 0 &&
		recv(p.fd, buf, sizeof(buf), 0) == (ssize_t)(NET_HDR + n) &&
		!memcmp(buf, src, NET_HDR + n);
}

/* A frame of n bytes on the wire of tap arrives in queue vq. */
static inline bool receives(struct rig *r, unsigned int vq, unsigned int tap, uint32_t n)
{
	gpa_t at = drv_alloc(&r->d, BUF, 64);
	uint8_t msg[BUF] = { 0 }, *dst = drv_ram(&r->d, at, BUF);
	uint32_t id, used;
	int head;

	for (uint32_t i = 0; i < n; i++)
		msg[NET_HDR + i] = (uint8_t)(3 * i + n);
	memset(dst, 0xee, BUF);
	head = drv_add(&r->d, vq, (struct drv_buf[]){ { at, BUF, true } }, 1, false);
	FAKE_MUST(head >= 0);
	drv_kick(&r->d, vq);
	FAKE_MUST(send(wire(tap), msg, NET_HDR + n, 0) == (ssize_t)(NET_HDR + n));
	return drv_wait(&r->d, vq, WAIT, &id, &used) && id == (uint32_t)head &&
		used == NET_HDR + n && !memcmp(dst + NET_HDR, msg + NET_HDR, n) &&
		le_load(dst + NET_HDR_NUM_BUFFERS, 2) == 1;
}

/* A control command of len bytes: its answer, or -1. */
static inline int control(struct rig *r, unsigned int vq, const void *cmd, uint32_t len)
{
	gpa_t at = drv_alloc(&r->d, len + 1, 64);
	uint32_t id, used;

	memcpy(drv_ram(&r->d, at, len), cmd, len);
	*(uint8_t *)drv_ram(&r->d, at + len, 1) = 0xee;
	FAKE_MUST(drv_add(&r->d, vq, (struct drv_buf[]){ { at, len, false },
		{ at + len, 1, true } }, 2, false) >= 0);
	drv_kick(&r->d, vq);
	if (!drv_wait(&r->d, vq, WAIT, &id, &used) || used != 1)
		return -1;
	return *(uint8_t *)drv_ram(&r->d, at + len, 1);
}

static inline int set_pairs(struct rig *r, unsigned int vq, uint16_t n)
{
	return control(r, vq, (uint8_t[]){ 4, 0, (uint8_t)n, (uint8_t)(n >> 8) }, 4);
}

static inline unsigned int attached(void)
{
	struct host *h = host_lock();
	unsigned int n = 0;

	for (unsigned int i = 0; i < h->nr_taps; i++)
		n += h->taps[i].attached;
	host_unlock();
	return n;
}

#endif
