/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bug classes of virtio devices that others have had, each with a public identifier: a whole
 * device (virtio-rng on PCI) with its thread, both ring formats. What is particular to a
 * device or a ring format has its tests beside that: grep CVE.
 */
#include <unistd.h>

#include "devices/devices.h"
#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"
#include "tests/harness.h"

#define WAIT 10000
#define SIZE 16
#define RAM MIB(4)
#define NEXT DRV_DESC_NEXT

static struct bench {
	bool packed;
	struct fake_env f;
	struct drv d;
	struct dev *dev;
	gpa_t buf;
} b;

static void start(void)
{
	FAKE_MUST(!drv_start(&b.d, b.packed ? DRV_ALL_FEATURES_PACKED : DRV_ALL_FEATURES, SIZE));
	b.buf = drv_alloc(&b.d, 16384, 4096);
}

static void up(void)
{
	fake_env_init(&b.f, RAM);
	FAKE_MUST(!virtio_rng_class.create(&b.f.env, NULL, &b.dev, NULL));
	fake_env_start(&b.f);
	FAKE_MUST(!drv_init(&b.d, &b.f, (unsigned int)drv_find(&b.f, VIRTIO_ID_RNG)));
	start();
}

static void down(void)
{
	loop_stop(b.f.loop);
	virtio_rng_class.destroy(b.dev);
	fake_env_fini(&b.f);
}

static bool all(gpa_t gpa, size_t n, uint8_t v)
{
	const uint8_t *p = drv_ram(&b.d, gpa, n);

	for (size_t i = 0; i < n; i++)
		if (p[i] != v)
			return false;
	return true;
}

/* One request of len bytes at b.buf; what is behind them stays. Returns the used length. */
static uint32_t request(uint32_t len)
{
	uint32_t id, used = 0;

	memset(drv_ram(&b.d, b.buf, 16384), 0x5a, 16384);
	drv_add(&b.d, 0, (struct drv_buf[]){ { b.buf, len, true } }, 1, false);
	drv_kick(&b.d, 0);
	CHECK(drv_wait(&b.d, 0, WAIT, &id, &used));
	CHECK(used && used <= len);
	CHECK(!all(b.buf, used < 8 ? used : 8, 0x5a) || used < 4);
	CHECK(all(b.buf + used, 16384 - used, 0x5a));
	return used;
}

static void nothing(void *opaque)
{
}

/* The device gives up, and its thread has time for others. */
static void check_needs_reset(void)
{
	for (int i = 0; i < WAIT && !(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET); i++)
		usleep(1000);
	CHECK(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET);
	loop_call(b.f.loop, nothing, NULL);
	drv_reset(&b.d);
	start();
	request(100);
}

/* CVE-2026-5747: a running device uses the queue's registers, which the driver writes again. */
static void test_registers_after_activation(void)
{
	const gpa_t wrong[] = { MIB(2), RAM - 16, RAM, GIB(1), UINT64_MAX - 15 };

	up();
	request(64);
	memset(drv_ram(&b.d, MIB(2), KIB(64)), 0, KIB(64));
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		drv_write(&b.d, DRV_QUEUE_SELECT, 2, 0);
		drv_write(&b.d, DRV_QUEUE_SIZE, 2, i & 1 ? 64 : 1);
		drv_write(&b.d, DRV_QUEUE_DESC, 8, wrong[i]);
		drv_write(&b.d, DRV_QUEUE_DRIVER, 8, wrong[i]);
		drv_write(&b.d, DRV_QUEUE_DEVICE, 8, wrong[i]);
		drv_write(&b.d, DRV_QUEUE_ENABLE, 2, i & 1);
		for (unsigned int n = 0; n < 2 * SIZE; n++)
			request(64);
	}
	CHECK(all(MIB(2), KIB(64), 0));
	CHECK(!(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET));
	down();
}

/* CVE-2026-48914: an answer is written without a look at the size of the buffer for it. */
static void test_small_buffers(void)
{
	up();
	for (uint32_t len = 1; len < 70; len++)
		CHECK_INT(request(len), len);
	down();
}

/* CVE-2024-8612: a used length beyond what was written shows the guest's old memory as new. */
static void test_used_length(void)
{
	up();
	for (uint32_t len = 4000; len <= 16384; len += 1032)
		CHECK(request(len) <= 4096);
	down();
}

/*
 * CVE-2024-3446: the device's own access reaches a register, its own or another device's, and
 * comes back into code that is not ready for it. Only RAM is memory: nothing else is touched.
 */
static void test_dma_into_registers(void)
{
	const gpa_t common = b.d.common, places[] = { common, common + DRV_STATUS, b.d.notify,
		b.d.msix, FAKE_ECAM, FAKE_ECAM + (1 << 15) + PCI_COMMAND, FAKE_MMIO32, RAM - 8 };

	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		uint32_t vector = (uint32_t)fake_mmio_read(&b.f, b.d.msix, 4);

		/* Written to; as a table; and, with a reset on the way, as each part of a ring. */
		drv_add(&b.d, 0, (struct drv_buf[]){ { places[i], 64, true } }, 1, false);
		drv_kick(&b.d, 0);
		check_needs_reset();
		if (b.packed)
			drv_set_packed(&b.d, 0, b.d.q[0].avail_idx, places[i], 64, 0,
				DRV_DESC_INDIRECT | drv_packed_flags(b.d.q[0].avail_wrap));
		else
			drv_set_desc(&b.d, 0, 5, places[i], 64, DRV_DESC_INDIRECT, 0);
		drv_set_avail(&b.d, 0, b.d.q[0].avail_idx % SIZE, 5);
		if (!b.packed)
			drv_set_avail_idx(&b.d, 0, b.d.q[0].avail_idx + 1);
		drv_kick(&b.d, 0);
		check_needs_reset();
		for (unsigned int reg = DRV_QUEUE_DESC; reg <= DRV_QUEUE_DEVICE; reg += 8) {
			drv_reset(&b.d);
			FAKE_MUST(!drv_negotiate(&b.d, b.packed ? DRV_ALL_FEATURES_PACKED :
				DRV_ALL_FEATURES));
			drv_write(&b.d, DRV_QUEUE_SIZE, 2, SIZE);
			for (unsigned int r = DRV_QUEUE_DESC; r <= DRV_QUEUE_DEVICE; r += 8)
				drv_write(&b.d, r, 8, r == reg ? places[i] & ~15ULL : MIB(1));
			drv_write(&b.d, DRV_QUEUE_ENABLE, 2, 1);
			drv_driver_ok(&b.d);
			if ((places[i] & ~15ULL) < RAM && reg != DRV_QUEUE_DESC && b.packed)
				continue; /* 4 bytes that fit */
			check_needs_reset();
		}
		drv_reset(&b.d);
		start();
		CHECK_INT(fake_mmio_read(&b.f, b.d.msix, 4), vector);
	}
}

static void test_dma(void)
{
	up();
	test_dma_into_registers();
	down();
}

/* CVE-2016-6490: descriptors in a circle, a self link among them, keep the device for ever. */
static void test_descriptor_loops(void)
{
	up();
	for (uint16_t len = 1; len <= SIZE; len += 5) {
		if (b.packed) {
			/* A packed ring's circle: every descriptor has a next one, all the way. */
			for (uint16_t i = 0; i < SIZE; i++) {
				uint16_t at = (b.d.q[0].avail_idx + i) % SIZE;
				bool wrap = b.d.q[0].avail_wrap ^
					(b.d.q[0].avail_idx + i >= SIZE);

				drv_set_packed(&b.d, 0, at, b.buf, 16, 0,
					NEXT | DRV_DESC_WRITE | drv_packed_flags(wrap));
			}
		} else {
			for (uint16_t i = 0; i < len; i++)
				drv_set_desc(&b.d, 0, i, b.buf, 16, NEXT | DRV_DESC_WRITE,
					(uint16_t)((i + 1) % len));
			drv_set_avail(&b.d, 0, b.d.q[0].avail_idx % SIZE, 0);
			drv_set_avail_idx(&b.d, 0, b.d.q[0].avail_idx + 1);
		}
		drv_kick(&b.d, 0);
		check_needs_reset();
	}
	down();
}

/* ---- A driver that never stops ------------------------------------------------------------ */

struct flood {
	_Atomic bool stop;
	struct drv d;	/* a second hand on the same rings */
};

/* Each descriptor available, of this round and of the next, whatever the device does. */
static void *flood(void *opaque)
{
	struct flood *fl = opaque;

	for (unsigned int n = 0; !fl->stop; n++) {
		for (uint16_t i = 0; i < SIZE; i++) {
			if (b.packed) {
				drv_set_packed(&fl->d, 0, i, b.buf, 16, (uint16_t)((i + n) % SIZE),
					DRV_DESC_WRITE | drv_packed_flags(n & 1));
			} else {
				drv_set_desc(&fl->d, 0, i, b.buf, 16, DRV_DESC_WRITE, 0);
				drv_set_avail(&fl->d, 0, i, i);
				drv_set_avail_idx(&fl->d, 0, (uint16_t)(i + n));
			}
		}
		drv_kick(&fl->d, 0);
	}
	return NULL;
}

/*
 * CVE-2026-16457: a driver that makes descriptors available faster than they are used up has
 * the device's thread to itself. Others on that thread have to have their turn.
 */
static void test_flood(void)
{
	static struct flood fl;
	pthread_t t;

	up();
	fl.d = b.d;
	fl.stop = false;
	FAKE_MUST(!pthread_create(&t, NULL, flood, &fl));
	for (int i = 0; i < 200; i++)
		loop_call(b.f.loop, nothing, NULL);
	fl.stop = true;
	pthread_join(t, NULL);
	loop_call(b.f.loop, nothing, NULL);
	drv_reset(&b.d);
	start();
	request(100);
	down();
}

#define RUN_BOTH(test) \
	do { \
		b.packed = false; \
		tests_run(#test ", split", test); \
		b.packed = true; \
		tests_run(#test ", packed", test); \
	} while (0)

int main(void)
{
	RUN_BOTH(test_registers_after_activation);
	RUN_BOTH(test_small_buffers);
	RUN_BOTH(test_used_length);
	RUN_BOTH(test_dma);
	RUN_BOTH(test_descriptor_loops);
	RUN_BOTH(test_flood);
	return tests_done();
}
