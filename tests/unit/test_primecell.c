/* SPDX-License-Identifier: Apache-2.0 */
/* Clock (PL031) and power button (PL061) of the aarch64 board. */
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "devices/devices.h"
#include "tests/unit/fakes.h"
#include "tests/harness.h"

#define BASE 0x1010000
#define GSI 1
#define WAIT 10000

static const struct dev_place place = { BUS_MMIO, BASE, KIB(4), GSI };

static uint64_t in(struct fake_env *f, uint64_t off, unsigned int size)
{
	uint64_t val;

	FAKE_MUST(bus_read(f->bus, BUS_MMIO, BASE + off, size, &val));
	return val;
}

static void out(struct fake_env *f, uint64_t off, uint64_t val)
{
	FAKE_MUST(bus_write(f->bus, BUS_MMIO, BASE + off, 4, val));
}

static struct dev *setup(struct fake_env *f, const char *name)
{
	const struct dev_class *cls = dev_class_find(name);
	struct dev *dev;

	FAKE_MUST(cls);
	fake_env_init(f, MIB(1));
	f->env.place = &place;
	FAKE_MUST(!cls->create(&f->env, NULL, &dev, NULL));
	fake_env_start(f);
	return dev;
}

static void teardown(struct fake_env *f, struct dev *dev)
{
	loop_stop(f->loop);
	dev->cls->destroy(dev);
	fake_env_fini(f);
}

static bool line_becomes(struct fake_env *f, bool level)
{
	for (int i = 0; i < WAIT; i++) {
		bool now;

		pthread_mutex_lock(&f->wires.lock);
		now = f->wires.lines[GSI];
		pthread_mutex_unlock(&f->wires.lock);
		if (now == level)
			return true;
		usleep(1000);
	}
	return false;
}

/* amba_device_add() in Linux: part, designer and revision, then the constant. */
static void check_id(struct fake_env *f, uint32_t pid)
{
	uint32_t id = 0, cid = 0;

	for (unsigned int i = 0; i < 4; i++) {
		id |= (uint32_t)in(f, 0xfe0 + 4 * i, 4) << 8 * i;
		cid |= (uint32_t)in(f, 0xff0 + 4 * i, 4) << 8 * i;
	}
	CHECK_INT(id & 0xfffff, pid);
	CHECK_INT(cid, 0xb105f00d);
}

static void test_clock(void)
{
	struct fake_env f;
	struct dev *dev = setup(&f, "pl031");

	check_id(&f, 0x41031);
	CHECK(in(&f, 0, 4) - (uint32_t)time(NULL) <= 1);
	CHECK_INT(in(&f, 0x0c, 4), 1);
	out(&f, 0x00, 5);	/* read-only */
	CHECK(in(&f, 0, 4) - (uint32_t)time(NULL) <= 1);
	out(&f, 0x08, 1000);
	CHECK(in(&f, 0, 4) - 1000 <= 1);
	CHECK_INT(in(&f, 0x08, 4), 1000);
	CHECK_INT(in(&f, 0x08, 1), 1000 & 0xff);
	dev->cls->reset(dev);
	CHECK(in(&f, 0, 4) - (uint32_t)time(NULL) <= 1);
	CHECK_INT(in(&f, 0x20, 4), 0);
	CHECK_INT(in(&f, 0xfdc, 4), 0);
	teardown(&f, dev);
}

static void test_alarm(void)
{
	struct fake_env f;
	struct dev *dev = setup(&f, "pl031");

	out(&f, 0x04, in(&f, 0, 4) + 1);
	CHECK_INT(in(&f, 0x14, 4), 0);
	out(&f, 0x10, 1);
	CHECK(line_becomes(&f, true));
	CHECK_INT(in(&f, 0x14, 4), 1);
	CHECK_INT(in(&f, 0x18, 4), 1);
	out(&f, 0x10, 0);
	CHECK(line_becomes(&f, false));
	CHECK_INT(in(&f, 0x18, 4), 0);
	out(&f, 0x10, 1);
	CHECK(line_becomes(&f, true));
	out(&f, 0x1c, 1);
	CHECK(line_becomes(&f, false));
	CHECK_INT(in(&f, 0x14, 4), 0);

	/* Now is at once; a time past comes when the counter has wrapped. */
	out(&f, 0x04, in(&f, 0, 4) - 1);
	CHECK_INT(in(&f, 0x14, 4), 0);
	out(&f, 0x08, in(&f, 0x04, 4));
	CHECK(line_becomes(&f, true));

	/* An alarm does not survive a reset. */
	out(&f, 0x1c, 1);
	out(&f, 0x04, in(&f, 0, 4) + 1);
	dev->cls->reset(dev);
	out(&f, 0x10, 1);
	sleep(2);
	CHECK_INT(in(&f, 0x14, 4), 0);
	teardown(&f, dev);
}

/* gpio-keys: both edges, the level says which. */
static void test_button(void)
{
	struct fake_env f;
	struct dev *dev = setup(&f, "pl061");

	check_id(&f, 0x41061);
	out(&f, 0x408, 0x08);
	out(&f, 0x410, 0x08);
	CHECK_INT(in(&f, 0x408, 4), 0x08);
	dev->cls->event(dev, "end");
	CHECK_INT(in(&f, 0x414, 4), 0);
	dev->cls->event(dev, "power-button");
	CHECK(line_becomes(&f, true));
	CHECK_INT(in(&f, 0x418, 4), 0x08);
	CHECK_INT(in(&f, 0x08 << 2, 4), 0x08);
	CHECK_INT(in(&f, 0x04 << 2, 4), 0);	/* lines that the address leaves out */
	out(&f, 0x41c, 0x08);
	CHECK(line_becomes(&f, true));	/* released by itself */
	CHECK_INT(in(&f, 0x3fc, 4), 0);
	out(&f, 0x41c, 0xff);
	CHECK(line_becomes(&f, false));
	CHECK_INT(in(&f, 0x414, 4), 0);
	teardown(&f, dev);
}

static void test_gpio_lines(void)
{
	struct fake_env f;
	struct dev *dev = setup(&f, "pl061");

	/* Outputs read back, inputs do not. */
	out(&f, 0x400, 0xf0);
	out(&f, 0x3fc, 0xff);
	CHECK_INT(in(&f, 0x3fc, 4), 0xf0);
	out(&f, 0x80 << 2, 0);
	CHECK_INT(in(&f, 0x3fc, 4), 0x70);

	/* A level is there as long as it is: low on an idle line. */
	out(&f, 0x404, 0x01);
	CHECK_INT(in(&f, 0x414, 4) & 1, 1);
	out(&f, 0x410, 0x01);
	CHECK(line_becomes(&f, true));
	out(&f, 0x41c, 0xff);
	CHECK(line_becomes(&f, true));
	dev->cls->reset(dev);
	CHECK(line_becomes(&f, false));
	CHECK_INT(in(&f, 0x400, 4) | in(&f, 0x404, 4) | in(&f, 0x410, 4), 0);
	teardown(&f, dev);
}

/* What is left of a GICv2m frame: numbers, and a doorbell that a driver might ring itself. */
static void test_gicv2m(void)
{
	static const struct msi_frame frame = { BASE + 0x40, 96, 16, 4 };
	const struct dev_class *cls = dev_class_find("gicv2m");
	struct fake_env f;
	struct dev *dev;

	REQUIRE(cls);
	fake_env_init(&f, MIB(1));
	f.env.place = &place;
	FAKE_MUST(!cls->create(&f.env, &frame, &dev, NULL));
	fake_env_start(&f);
	CHECK_INT(in(&f, 0x008, 4), 96 << 16 | 4);
	CHECK_INT(in(&f, 0xfcc, 4), 0);
	out(&f, 0x40, 95);	/* not the frame's, and more than the fake has */
	out(&f, 0x40, 100);
	out(&f, 0x40, 0xffffffff);
	out(&f, 0x40, 99);
	CHECK(!f.wires.lines[19]);	/* an edge: up and down again */
	teardown(&f, dev);
}

int main(void)
{
	RUN(test_clock);
	RUN(test_alarm);
	RUN(test_button);
	RUN(test_gpio_lines);
	RUN(test_gicv2m);
	return tests_done();
}
