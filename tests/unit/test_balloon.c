/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-balloon through its PCI transport: what the host gets back, seen by mincore(). */
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "devices/devices.h"
#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"
#include "tests/harness.h"
#include "vmm/device.h"
#include "vmm/devopts.h"

#define WAIT 10000
#define RAM MIB(64)
#define PAGE 4096u
#define AREA MIB(16)	/* where the tests' pages are: above the driver's heap */

enum { INFLATEQ, DEFLATEQ, REPORTINGQ };

struct bench {
	struct fake_env f;
	struct drv d;
	struct dev *dev;
	struct balloon_opts opts;
};

static void setup(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	b->opts.size = MIB(8);
	fake_env_init(&b->f, RAM);
	FAKE_MUST(!virtio_balloon_class.create(&b->f.env, &b->opts, &b->dev, NULL));
	fake_env_start(&b->f);
	FAKE_MUST(!drv_init(&b->d, &b->f, (unsigned int)drv_find(&b->f, VIRTIO_ID_BALLOON)));
	FAKE_MUST(!drv_start(&b->d, DRV_ALL_FEATURES, 0));
	memset(drv_ram(&b->d, AREA, RAM - AREA), 0xa5, RAM - AREA);
}

static void teardown(struct bench *b)
{
	loop_stop(b->f.loop);
	virtio_balloon_class.destroy(b->dev);
	fake_env_fini(&b->f);
}

/* Pages of [gpa, gpa + len) that the host holds. */
static unsigned int held(struct bench *b, gpa_t gpa, uint64_t len)
{
	static unsigned char vec[RAM / PAGE];
	unsigned int n = 0;

	FAKE_MUST(!mincore(drv_ram(&b->d, gpa, len), len, vec));
	for (uint64_t i = 0; i < len / PAGE; i++)
		n += vec[i] & 1;
	return n;
}

static bool send_pfns(struct bench *b, unsigned int vq, const uint32_t *pfns, uint32_t n)
{
	gpa_t at = drv_alloc(&b->d, 4 * n, 4);
	uint32_t id, used;

	for (uint32_t i = 0; i < n; i++)
		le_store(drv_ram(&b->d, at + 4 * i, 4), 4, pfns[i]);
	drv_add(&b->d, vq, (struct drv_buf[]){ { at, 4 * n, false } }, 1, false);
	drv_kick(&b->d, vq);
	return drv_wait(&b->d, vq, WAIT, &id, &used) && !used;
}

static void test_config(void)
{
	struct bench b;

	setup(&b);
	CHECK_INT(drv_offered(&b.d) & 0xffffff, BIT(2) | BIT(5));
	CHECK_INT(b.d.nr_queues, 3);
	CHECK_INT(fake_mmio_read(&b.f, b.d.config, 4), 2048);
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 4, 4), 0);
	fake_mmio_write(&b.f, b.d.config + 4, 4, 77);
	CHECK_INT(balloon_actual(b.dev), 77 * 4096);
	fake_mmio_write(&b.f, b.d.config, 4, 1);	/* not the driver's */
	CHECK_INT(fake_mmio_read(&b.f, b.d.config, 4), 2048);
	loop_stop(b.f.loop);
	balloon_set_target(b.dev, MIB(4) + 1);
	CHECK_INT(fake_mmio_read(&b.f, b.d.config, 4), 1024);
	CHECK(fake_msi_wait(&b.f, drv_msi_data(&b.d, -1), WAIT));
	fake_env_start(&b.f);
	teardown(&b);
}

static void test_inflate(void)
{
	uint32_t pfns[600], base = AREA / PAGE;
	struct bench b;

	setup(&b);
	CHECK_INT(held(&b, AREA, MIB(8)), 2048);
	for (uint32_t i = 0; i < 200; i++)	/* up, down, every second */
		pfns[i] = base + i;
	for (uint32_t i = 0; i < 200; i++)
		pfns[200 + i] = base + 399 - i;
	for (uint32_t i = 0; i < 200; i++)
		pfns[400 + i] = base + 400 + 2 * i;
	CHECK(send_pfns(&b, INFLATEQ, pfns, 600));
	CHECK_INT(held(&b, AREA, 400 * PAGE), 0);
	CHECK_INT(held(&b, AREA + 400 * PAGE, 400 * PAGE), 200);
	CHECK_INT(held(&b, AREA + 800 * PAGE, MIB(1)), 256);
	CHECK_INT(*(uint8_t *)drv_ram(&b.d, AREA + 401 * PAGE, 1), 0xa5);
	/* Taken back by use: zeroes, then memory like any other. */
	CHECK(send_pfns(&b, DEFLATEQ, pfns, 600));
	CHECK_INT(*(uint8_t *)drv_ram(&b.d, AREA, 1), 0);
	memset(drv_ram(&b.d, AREA, PAGE), 1, PAGE);
	CHECK_INT(held(&b, AREA, 2 * PAGE), 1);
	CHECK_INT(b.f.log_lines, 0);
	teardown(&b);
}

/* Page numbers that are nowhere, twice or the balloon's own ring: the guest's own loss. */
static void test_hostile_pfns(void)
{
	uint32_t pfns[] = { RAM / PAGE, UINT32_MAX, 0xffffff, AREA / PAGE, AREA / PAGE,
		RAM / PAGE - 1, UINT32_MAX, 0x80000000, AREA / PAGE + 7 };
	struct bench b;
	uint32_t id, used;
	gpa_t at;

	setup(&b);
	CHECK(send_pfns(&b, INFLATEQ, pfns, ARRAY_SIZE(pfns)));
	CHECK_HAS(b.f.last_log, "cannot be given back");
	CHECK_INT(held(&b, AREA, 8 * PAGE), 6);
	CHECK_INT(held(&b, RAM - PAGE, PAGE), 0);
	/* Part of a number, and writable buffers only. */
	at = drv_alloc(&b.d, 64, 4);
	drv_add(&b.d, INFLATEQ, (struct drv_buf[]){ { at, 3, false } }, 1, false);
	drv_add(&b.d, INFLATEQ, (struct drv_buf[]){ { at, 8, true } }, 1, false);
	drv_kick(&b.d, INFLATEQ);
	CHECK(drv_wait(&b.d, INFLATEQ, WAIT, &id, &used) && !used);
	CHECK(drv_wait(&b.d, INFLATEQ, WAIT, &id, &used) && !used);
	/* All of memory, the rings as well. */
	at = drv_alloc(&b.d, RAM / PAGE * 4, 4);
	for (uint32_t i = 0; i < RAM / PAGE; i++)
		le_store(drv_ram(&b.d, at + 4 * i, 4), 4, i);
	drv_add(&b.d, INFLATEQ, (struct drv_buf[]){ { at, RAM / PAGE * 4, false } }, 1, false);
	drv_kick(&b.d, INFLATEQ);
	usleep(100000);
	drv_reset(&b.d);
	REQUIRE(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
	CHECK(send_pfns(&b, INFLATEQ, &(uint32_t){ AREA / PAGE + 1 }, 1));
	teardown(&b);
}

static void test_reporting(void)
{
	struct drv_buf bufs[32];
	struct bench b;
	uint32_t id, used;

	setup(&b);
	for (int indirect = 0; indirect < 2; indirect++) {
		memset(drv_ram(&b.d, AREA, RAM - AREA), 0xa5, RAM - AREA);
		for (uint32_t i = 0; i < 4; i++)
			bufs[i] = (struct drv_buf){ AREA + i * MIB(4), (uint32_t)MIB(2), true };
		drv_add(&b.d, REPORTINGQ, bufs, 4, indirect);
		drv_kick(&b.d, REPORTINGQ);
		REQUIRE(drv_wait(&b.d, REPORTINGQ, WAIT, &id, &used));
		CHECK_INT(used, 0);
		for (uint32_t i = 0; i < 4; i++) {
			CHECK_INT(held(&b, AREA + i * MIB(4), MIB(2)), 0);
			CHECK_INT(held(&b, AREA + i * MIB(4) + MIB(2), MIB(2)), 512);
		}
	}
	/* Much more than a turn's worth: the same memory again and again. */
	memset(drv_ram(&b.d, AREA, RAM - AREA), 0xa5, RAM - AREA);
	for (uint32_t i = 0; i < 32; i++)
		bufs[i] = (struct drv_buf){ AREA, (uint32_t)(RAM - AREA), true };
	drv_add(&b.d, REPORTINGQ, bufs, 32, false);
	drv_kick(&b.d, REPORTINGQ);
	REQUIRE(drv_wait(&b.d, REPORTINGQ, WAIT, &id, &used));
	CHECK_INT(held(&b, AREA, RAM - AREA), 0);
	CHECK_INT(b.f.log_lines, 0);
	teardown(&b);
}

/* Reset in the middle of long chains; nothing is discarded afterwards. */
static void test_reset_in_flight(void)
{
	struct drv_buf bufs[32];
	struct bench b;

	setup(&b);
	for (int round = 0; round < 20; round++) {
		for (uint32_t i = 0; i < 32; i++)
			bufs[i] = (struct drv_buf){ AREA, (uint32_t)(RAM - AREA), true };
		drv_add(&b.d, REPORTINGQ, bufs, 32, false);
		drv_kick(&b.d, REPORTINGQ);
		if (round & 1)
			usleep(100);
		drv_reset(&b.d);
		memset(drv_ram(&b.d, AREA, MIB(1)), 0x11, MIB(1));
		usleep(1000);
		CHECK_INT(held(&b, AREA, MIB(1)), 256);
		CHECK_INT(*(uint8_t *)drv_ram(&b.d, AREA + PAGE, 1), 0x11);
		REQUIRE(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
	}
	teardown(&b);
}

static void test_confidential(void)
{
	struct tvm_error err = { 0 };
	struct dev *dev = NULL;
	struct fake_env f;

	fake_env_init(&f, MIB(1));
	f.env.access_platform = true;
	CHECK_INT(virtio_balloon_class.create(&f.env, NULL, &dev, &err), -ENOTSUP);
	CHECK_HAS(err.msg, "confidential");
	CHECK(!dev && drv_find(&f, VIRTIO_ID_BALLOON) < 0);
	fake_env_fini(&f);
}

int main(void)
{
	RUN(test_config);
	RUN(test_inflate);
	RUN(test_hostile_pfns);
	RUN(test_reporting);
	RUN(test_reset_in_flight);
	RUN(test_confidential);
	return tests_done();
}
