/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-rng through its PCI transport. */
#include "devices/devices.h"
#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"
#include "tests/harness.h"

#define WAIT 10000

struct bench {
	struct fake_env f;
	struct drv d;
	struct dev *dev;
};

static void setup(struct bench *b)
{
	fake_env_init(&b->f, MIB(16));
	FAKE_MUST(!virtio_rng_class.create(&b->f.env, NULL, &b->dev, NULL));
	fake_env_start(&b->f);
	FAKE_MUST(!drv_init(&b->d, &b->f, (unsigned int)drv_find(&b->f, VIRTIO_ID_RNG)));
	FAKE_MUST(!drv_start(&b->d, DRV_ALL_FEATURES, 0));
}

static void teardown(struct bench *b)
{
	loop_stop(b->f.loop);
	virtio_rng_class.destroy(b->dev);
	fake_env_fini(&b->f);
}

static bool all(const uint8_t *p, size_t n, uint8_t v)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != v)
			return false;
	return true;
}

static void test_fills(void)
{
	struct bench b;
	uint32_t id, used;
	uint8_t first[32];
	gpa_t buf;

	setup(&b);
	buf = drv_alloc(&b.d, 64, 16);
	memset(drv_ram(&b.d, buf, 64), 0, 64);
	for (int i = 0; i < 2; i++) {
		drv_add(&b.d, 0, (struct drv_buf[]){ { buf, 20, true }, { buf + 20, 12, true } },
			2, i);
		drv_kick(&b.d, 0);
		REQUIRE(drv_wait(&b.d, 0, WAIT, &id, &used));
		CHECK_INT(used, 32);
		CHECK(!all(drv_ram(&b.d, buf, 32), 32, 0));
		CHECK(all(drv_ram(&b.d, buf + 32, 32), 32, 0));
		if (i)
			CHECK(memcmp(first, drv_ram(&b.d, buf, 32), 32));
		memcpy(first, drv_ram(&b.d, buf, 32), 32);
	}
	teardown(&b);
}

/* 5.4.6.1: a device may give less; ours does not let one buffer take long. */
static void test_large_buffer(void)
{
	struct bench b;
	uint32_t id, used;
	gpa_t buf;

	setup(&b);
	buf = drv_alloc(&b.d, MIB(8), 4096);
	drv_add(&b.d, 0, (struct drv_buf[]){ { buf, MIB(8), true } }, 1, false);
	drv_kick(&b.d, 0);
	REQUIRE(drv_wait(&b.d, 0, WAIT, &id, &used));
	CHECK(used > 0 && used <= 4096);
	teardown(&b);
}

/* More than one turn's worth, from one kick. */
static void test_many(void)
{
	struct bench b;
	uint32_t id, used;
	gpa_t buf;

	setup(&b);
	buf = drv_alloc(&b.d, 64 * 4096, 4096);
	for (unsigned int i = 0; i < 64; i++)
		REQUIRE(drv_add(&b.d, 0, (struct drv_buf[]){ { buf + i * 4096, 4096, true } }, 1,
			false) >= 0);
	drv_kick(&b.d, 0);
	for (unsigned int i = 0; i < 64; i++) {
		REQUIRE(drv_wait(&b.d, 0, WAIT, &id, &used));
		CHECK_INT(used, 4096);
	}
	CHECK(!drv_used(&b.d, 0, &id, &used));
	teardown(&b);
}

static void test_wrong_buffers(void)
{
	struct bench b;
	uint32_t id, used;
	gpa_t buf;

	setup(&b);
	buf = drv_alloc(&b.d, 64, 16);
	/* Nothing to write to: given back empty. */
	drv_add(&b.d, 0, (struct drv_buf[]){ { buf, 16, false } }, 1, false);
	drv_kick(&b.d, 0);
	REQUIRE(drv_wait(&b.d, 0, WAIT, &id, &used));
	CHECK_INT(used, 0);
	/* Outside of memory: needs a reset, and works after it. */
	drv_add(&b.d, 0, (struct drv_buf[]){ { GIB(2), 16, true } }, 1, false);
	drv_kick(&b.d, 0);
	CHECK(!drv_wait(&b.d, 0, 50, &id, &used));
	CHECK(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET);
	drv_reset(&b.d);
	REQUIRE(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
	drv_add(&b.d, 0, (struct drv_buf[]){ { buf, 16, true } }, 1, false);
	drv_kick(&b.d, 0);
	REQUIRE(drv_wait(&b.d, 0, WAIT, &id, &used));
	CHECK_INT(used, 16);
	teardown(&b);
}

int main(void)
{
	RUN(test_fills);
	RUN(test_large_buffer);
	RUN(test_many);
	RUN(test_wrong_buffers);
	return tests_done();
}
