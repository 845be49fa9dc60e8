/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One queue of one device for the ring tests. No thread runs: the test pops and pushes itself,
 * between the driver's steps. up() takes the ring format from rig.packed.
 */
#ifndef TESTS_UNIT_VIRTQ_RIG_H
#define TESTS_UNIT_VIRTQ_RIG_H

#include "tests/harness.h"

#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"

#define SIZE 8
#define RAM MIB(4)
#define NO_INDIRECT (DRV_ALL_FEATURES & ~BIT(VIRTIO_F_INDIRECT_DESC))
#define NO_EVENTS (DRV_ALL_FEATURES & ~BIT(VIRTIO_F_EVENT_IDX))

static const struct virtio_ops rig_ops = { .id = VIRTIO_ID_RNG };

static struct rig {
	bool packed;
	struct fake_env f;
	struct virtio_dev vd;
	struct drv d;
	struct virtq *vq;
	struct iovec iov[VIRTQ_MAX_SIZE];
	struct virtq_chain c;
	gpa_t buf;
} rig;

static void up(uint64_t features, uint16_t size)
{
	const uint16_t sizes[] = { VIRTQ_MAX_SIZE };

	features &= ~BIT(VIRTIO_F_RING_PACKED);
	if (rig.packed)
		features |= BIT(VIRTIO_F_RING_PACKED);
	fake_env_init(&rig.f, RAM);
	FAKE_MUST(virtio_init(&rig.vd, &rig_ops, &rig.f.env, "test0", 0, 0, 1, sizes, NULL) == 0);
	FAKE_MUST(virtio_attach(&rig.vd, NULL) == 0);
	FAKE_MUST(drv_init(&rig.d, &rig.f, 1) == 0);
	FAKE_MUST(drv_start(&rig.d, features, size) == 0);
	rig.vq = rig.vd.queues[0];
	rig.c = (struct virtq_chain){ .iov = rig.iov, .max_iov = VIRTQ_MAX_SIZE };
	rig.buf = drv_alloc(&rig.d, 4096, 16);
	FAKE_MUST(rig.d.q[0].packed == rig.packed);
}

static void down(void)
{
	virtio_fini(&rig.vd);
	fake_env_fini(&rig.f);
}

static inline int pop(void)
{
	return virtq_pop(rig.vq, &rig.c);
}

static inline int add_one(uint32_t len, bool write)
{
	return drv_add(&rig.d, 0, (struct drv_buf[]){ { rig.buf, len, write } }, 1, false);
}

/* The queue refuses what is available now, for that reason, and stays refusing. */
static inline void check_broken(const char *why)
{
	unsigned int lines = rig.f.log_lines;

	CHECK_INT(pop(), -EIO);
	CHECK_HAS(rig.f.last_log, why);
	CHECK(drv_status(&rig.d) & VIRTIO_S_NEEDS_RESET);
	CHECK(!virtq_ready(rig.vq));
	CHECK(!virtq_enable_notify(rig.vq));
	CHECK_INT(pop(), -EIO);
	CHECK_INT(rig.f.log_lines, lines + 1);
	CHECK_INT(fake_msi_count(&rig.f, drv_msi_data(&rig.d, -1)), 1);
}

/* A test that does not depend on the format. */
#define RUN_BOTH(test) \
	do { \
		rig.packed = false; \
		tests_run(#test ", split", test); \
		rig.packed = true; \
		tests_run(#test ", packed", test); \
	} while (0)

/* One descriptor of a chain written by hand. */
struct raw {
	gpa_t addr;
	uint32_t len;
	uint16_t flags;
};

/* Available as they are, from the ring's start; the first chain of a fresh ring. */
static inline void offer_raw(const struct raw *raw, uint16_t n)
{
	for (uint16_t i = n; i-- > 0;) {
		if (rig.packed)
			drv_set_packed(&rig.d, 0, i, raw[i].addr, raw[i].len, 0,
				raw[i].flags | drv_packed_flags(true));
		else
			drv_set_desc(&rig.d, 0, i, raw[i].addr, raw[i].len, raw[i].flags, i + 1);
	}
	if (rig.packed)
		return;
	drv_set_avail(&rig.d, 0, 0, 0);
	drv_set_avail_idx(&rig.d, 0, 1);
}

static inline void check_raw(uint64_t features, const struct raw *raw, uint16_t n,
	const char *why)
{
	up(features, SIZE);
	offer_raw(raw, n);
	check_broken(why);
	down();
}

#endif
