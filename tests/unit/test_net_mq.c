/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-net with several pairs of queues on the queues of a tap, on a played host. */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include "tests/unit/vhost/rig.h"

static void begin(struct rig *r, uint32_t queues)
{
	rig_begin(r);
	r->opts.vhost = NET_VHOST_OFF;
	r->opts.queues = queues;
}

static void check_pairs(uint64_t features, bool mmio)
{
	struct rig r;

	begin(&r, 4);
	if (mmio)
		rig_mmio(&r);
	rig_run(&r, features);
	CHECK((drv_offered(&r.d) & 0x420000) == 0x420000);
	CHECK_INT(virtio_config_read(&((struct net *)r.dev)->vd, 8, 2), 4);
	/* 5.1.6.5.5: one pair at first, whatever the driver does. */
	CHECK_INT(attached(), 1);
	CHECK(sends(&r, 1, 0, 77));
	CHECK(receives(&r, 0, 0, 77));
	for (uint16_t n = 4; n >= 1; n--) {
		CHECK_INT(set_pairs(&r, 8, n), 0);
		CHECK_INT(attached(), n);
		for (unsigned int i = 0; i < n; i++) {
			CHECK(sends(&r, 2 * i + 1, i, 200 + n));
			CHECK(receives(&r, 2 * i, i, 200 + n));
		}
	}
	/* Another driver begins with one. */
	CHECK_INT(set_pairs(&r, 8, 3), 0);
	drv_reset(&r.d);
	CHECK_INT(drv_start(&r.d, features, 0), 0);
	CHECK_INT(attached(), 1);
	CHECK(sends(&r, 1, 0, 78));
	rig_end(&r);
}

static void test_pairs(void)
{
	check_pairs(DRV_ALL_FEATURES, false);
}

static void test_pairs_packed(void)
{
	check_pairs(DRV_ALL_FEATURES_PACKED, false);
}

static void test_pairs_mmio(void)
{
	check_pairs(DRV_ALL_FEATURES, true);
}

/* What is sent through a pair that is not in use comes back, and goes nowhere. */
static void test_unused_pair(void)
{
	struct rig r;
	uint32_t id, used;
	gpa_t at;

	begin(&r, 2);
	rig_run(&r, DRV_ALL_FEATURES);
	at = drv_alloc(&r.d, 100, 64);
	memset(drv_ram(&r.d, at, 100), 0, 100);
	drv_add(&r.d, 3, (struct drv_buf[]){ { at, 100, false } }, 1, false);
	drv_kick(&r.d, 3);
	CHECK(drv_wait(&r.d, 3, WAIT, &id, &used));
	CHECK_INT(recv(wire(1), &(uint8_t[100]){ 0 }, 100, 0), -1);
	CHECK_INT(set_pairs(&r, 4, 2), 0);
	CHECK(sends(&r, 3, 1, 100));
	rig_end(&r);
}

/* Commands that are none get an answer; without room for one the device stops (CVE-2026-48914). */
static void test_bad_commands(void)
{
	struct rig r;
	gpa_t at;

	begin(&r, 2);
	rig_run(&r, DRV_ALL_FEATURES);
	CHECK_INT(set_pairs(&r, 4, 0), 1);
	CHECK_INT(set_pairs(&r, 4, 3), 1);
	CHECK_INT(set_pairs(&r, 4, 0x8001), 1);
	CHECK_INT(control(&r, 4, (uint8_t[]){ 4, 1, 1, 0 }, 4), 1);
	CHECK_INT(control(&r, 4, (uint8_t[]){ 0, 0, 1 }, 3), 1);
	CHECK_INT(control(&r, 4, (uint8_t[]){ 4 }, 1), 1);
	CHECK_INT(attached(), 1);
	CHECK_INT(set_pairs(&r, 4, 2), 0);
	CHECK_INT(attached(), 2);
	at = drv_alloc(&r.d, 64, 64);
	memcpy(drv_ram(&r.d, at, 64), "\4\0\1\0", 4);
	drv_add(&r.d, 4, (struct drv_buf[]){ { at, 4, false } }, 1, false);
	drv_kick(&r.d, 4);
	for (int i = 0; i < 1000 && !(drv_status(&r.d) & VIRTIO_S_NEEDS_RESET); i++)
		usleep(10000);
	CHECK(drv_status(&r.d) & VIRTIO_S_NEEDS_RESET);
	CHECK_INT(attached(), 2);
	drv_reset(&r.d); /* the loop has written its line */
	CHECK_HAS(r.f.last_log, "without room for an answer");
	rig_end(&r);
}

/* 5.1.2: without MQ the control queue is queue 2; MQ needs it. */
static void test_without_mq(void)
{
	struct rig r;

	begin(&r, 3);
	rig_run(&r, DRV_ALL_FEATURES & ~BIT(VIRTIO_NET_F_MQ));
	CHECK(sends(&r, 1, 0, 77));
	CHECK(receives(&r, 0, 0, 77));
	CHECK_INT(set_pairs(&r, 2, 1), 1);
	CHECK_INT(attached(), 1);
	drv_reset(&r.d);
	CHECK_INT(drv_start(&r.d, DRV_ALL_FEATURES & ~BIT(VIRTIO_NET_F_CTRL_VQ), 0), 0);
	CHECK(sends(&r, 1, 0, 77));
	rig_end(&r);
}

static void test_queue_reset(void)
{
	static const uint16_t order[] = { 3, 2, 1, 0, 3, 4 };
	struct rig r;

	begin(&r, 2);
	rig_run(&r, DRV_ALL_FEATURES);
	CHECK_INT(set_pairs(&r, 4, 2), 0);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		uint16_t vq = order[i];

		/* Buffers that the device holds go with their queue. */
		if (vq == 0 || vq == 2)
			drv_add(&r.d, vq, (struct drv_buf[]){ { MIB(8), BUF, true } }, 1, false);
		drv_kick(&r.d, vq);
		drv_write(&r.d, DRV_QUEUE_SELECT, 2, vq);
		drv_write(&r.d, DRV_QUEUE_RESET, 2, 1);
		CHECK_INT(drv_read(&r.d, DRV_QUEUE_ENABLE, 2), 0);
		memset(&r.d.q[vq], 0, sizeof(r.d.q[vq]));
		drv_queue_init(&r.d, vq, (uint16_t)(128 >> i));
		for (unsigned int pair = 0; pair < 2; pair++) {
			CHECK(sends(&r, 2 * pair + 1, pair, 90));
			CHECK(receives(&r, 2 * pair, pair, 90));
		}
		CHECK_INT(set_pairs(&r, 4, 2), 0);
	}
	rig_end(&r);
}

static int tap_fd(const char *name, short flags)
{
	struct ifreq ifr = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags) };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	FAKE_MUST(fd >= 0 && !ioctl(fd, TUNSETIFF, &ifr));
	return fd;
}

static void test_options(void)
{
	char list[40], other[40];
	int fds[3];
	struct rig r;

	begin(&r, 16);
	CHECK_INT(rig_create(&r), -EINVAL);
	CHECK_HAS(r.err.msg, "16 queues, 1 to 15 are allowed");
	r.opts = (struct net_opts){ .stream = "/nowhere", .queues = 2 };
	CHECK_INT(rig_create(&r), -EINVAL);
	CHECK_HAS(r.err.msg, "several queues go with a tap");
	for (int i = 0; i < 2; i++)
		fds[i] = tap_fd("tap8", IFF_MULTI_QUEUE);
	fds[2] = tap_fd("tap9", 0);
	snprintf(list, sizeof(list), "%d:%d", fds[0], fds[1]);
	snprintf(other, sizeof(other), "%d:%d", fds[0], fds[2]);
	r.opts = (struct net_opts){ .fd = list, .queues = 3, .vhost = NET_VHOST_OFF };
	CHECK_INT(rig_create(&r), -EINVAL);
	CHECK_HAS(r.err.msg, "3 queues, but 2 descriptors");
	r.opts.queues = 0;
	r.opts.fd = other;
	CHECK_INT(rig_create(&r), -EINVAL);
	CHECK_HAS(r.err.msg, "'tap8' and 'tap9' are two interfaces");
	r.opts.fd = "3:";
	CHECK_INT(rig_create(&r), -EINVAL);
	r.opts.fd = "3:x";
	CHECK_INT(rig_create(&r), -EINVAL);
	CHECK_HAS(r.err.msg, "not a number");
	r.opts.fd = list;
	rig_run(&r, DRV_ALL_FEATURES);
	CHECK_INT(r.d.nr_queues, 5);
	CHECK_INT(set_pairs(&r, 4, 2), 0);
	CHECK(sends(&r, 3, 1, 100));
	rig_end(&r);
	for (int i = 0; i < 3; i++)
		close(fds[i]);

	begin(&r, 2);
	host_lock()->single = true;
	host_unlock();
	CHECK_INT(rig_create(&r), -EINVAL);
	CHECK_HAS(r.err.msg, "tap 'tap7' was not made for several queues");
	rig_end(&r);
}

int main(void)
{
	RUN(test_pairs);
	RUN(test_pairs_packed);
	RUN(test_pairs_mmio);
	RUN(test_unused_pair);
	RUN(test_bad_commands);
	RUN(test_without_mq);
	RUN(test_queue_reset);
	RUN(test_options);
	return tests_done();
}
