/* SPDX-License-Identifier: Apache-2.0 */
/* Reset, power and panic ports. */
#include "base/cleanup.h"
#include "devices/devices.h"
#include "devices/platform/acpi_pm.h"
#include "tests/unit/fakes.h"
#include "tests/harness.h"

#define PM 0x600
#define SCI 9

static uint64_t in(struct fake_env *f, uint64_t port, unsigned int size)
{
	uint64_t val;

	FAKE_MUST(bus_read(f->bus, BUS_PIO, port, size, &val));
	return val;
}

static void out(struct fake_env *f, uint64_t port, unsigned int size, uint64_t val)
{
	FAKE_MUST(bus_write(f->bus, BUS_PIO, port, size, val));
}

static struct dev *setup(struct fake_env *f, const char *name, const struct dev_place *place)
{
	const struct dev_class *cls = dev_class_find(name);
	struct dev *dev;

	FAKE_MUST(cls);
	fake_env_init(f, MIB(1));
	f->env.place = place;
	FAKE_MUST(!cls->create(&f->env, NULL, &dev, NULL));
	return dev;
}

static void teardown(struct fake_env *f, struct dev *dev)
{
	dev->cls->destroy(dev);
	fake_env_fini(f);
}

static void test_find(void)
{
	static const char *const names[] = { "uart8250", "i8042", "acpi-pm", "pvpanic",
		"pl031", "pl061", "virtio-blk", "virtio-console", "virtio-rng", "pci-host" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct dev_class *cls = dev_class_find(names[i]);

		REQUIRE(cls);
		CHECK(!strcmp(cls->name, names[i]) && cls->create && cls->destroy);
	}
	CHECK(!dev_class_find("floppy"));
}

static void test_i8042(void)
{
	static const struct dev_place place = { BUS_PIO, 0x60, 8, 0 };
	struct fake_env f;
	struct dev *dev = setup(&f, "i8042", &place);
	uint64_t val;

	CHECK_INT(in(&f, 0x64, 1) & 3, 1);	/* Linux: kb_wait() ends, i8042_flush() gives up */
	CHECK_INT(in(&f, 0x60, 1), 0xff);
	CHECK(!bus_read(f.bus, BUS_PIO, 0x61, 1, &val));
	out(&f, 0x60, 1, 0xfe);
	out(&f, 0x64, 1, 0xaa);
	CHECK_INT(f.requests[DEV_RESET], 0);
	out(&f, 0x64, 1, 0xfe);
	CHECK_INT(f.requests[DEV_RESET], 1);
	teardown(&f, dev);
}

static void test_pm_off_and_reset(void)
{
	static const struct dev_place place = { BUS_PIO, PM, 16, SCI };
	struct fake_env f;
	struct dev *dev = setup(&f, "acpi-pm", &place);

	CHECK_INT(in(&f, PM + ACPI_PM1_CNT, 2), 1);
	out(&f, PM + ACPI_PM1_CNT, 2, ACPI_PM_S5 << 10);
	CHECK_INT(in(&f, PM + ACPI_PM1_CNT, 2), 1 | ACPI_PM_S5 << 10);
	CHECK_INT(f.requests[DEV_POWEROFF], 0);
	out(&f, PM + ACPI_PM1_CNT, 2, 3 << 10 | 1 << 13);
	CHECK_INT(f.requests[DEV_POWEROFF], 0);
	CHECK_HAS(f.last_log, "sleep state 3");
	out(&f, PM + ACPI_PM1_CNT, 2, ACPI_PM_S5 << 10 | 1 << 13);
	CHECK_INT(f.requests[DEV_POWEROFF], 1);
	CHECK_INT(in(&f, PM + ACPI_PM1_CNT, 2) & 1 << 13, 0);

	out(&f, PM + ACPI_PM_RESET, 1, 2);
	CHECK_INT(f.requests[DEV_RESET], 0);
	out(&f, PM + ACPI_PM_RESET, 1, ACPI_PM_RESET_VALUE);
	CHECK_INT(f.requests[DEV_RESET], 1);
	CHECK_INT(in(&f, PM + 12, 4), 0);
	teardown(&f, dev);
}

static void test_pm_button(void)
{
	static const struct dev_place place = { BUS_PIO, PM, 16, SCI };
	struct fake_env f;
	struct dev *dev = setup(&f, "acpi-pm", &place);

	dev->cls->event(dev, "power-button");
	CHECK(!f.wires.lines[SCI]);
	CHECK_INT(in(&f, PM + ACPI_PM1_STS, 2), 1 << 8);
	out(&f, PM + ACPI_PM1_EN, 2, 1 << 8);
	CHECK(f.wires.lines[SCI]);
	out(&f, PM + ACPI_PM1_STS, 2, 0xffff & ~(1 << 8));
	CHECK(f.wires.lines[SCI]);
	out(&f, PM + ACPI_PM1_STS, 2, 1 << 8);
	CHECK(!f.wires.lines[SCI]);
	dev->cls->event(dev, "end");
	CHECK(!f.wires.lines[SCI]);
	dev->cls->event(dev, "power-button");
	CHECK(f.wires.lines[SCI]);
	CHECK_INT(in(&f, PM, 4), 1 << 24 | 1 << 8);	/* both registers at once */
	CHECK_INT(in(&f, PM + ACPI_PM1_STS + 1, 1), 1);
	dev->cls->reset(dev);
	CHECK(!f.wires.lines[SCI]);
	CHECK_INT(in(&f, PM, 4), 0);
	teardown(&f, dev);
}

static void test_pvpanic(void)
{
	static const struct dev_place place = { BUS_PIO, 0x505, 1, 0 };
	struct fake_env f;
	struct dev *dev = setup(&f, "pvpanic", &place);

	CHECK_INT(in(&f, 0x505, 1), 3);
	out(&f, 0x505, 1, 2);
	CHECK_INT(f.requests[DEV_PANIC], 0);
	CHECK_HAS(f.last_log, "crash kernel");
	out(&f, 0x505, 1, 1);
	CHECK_INT(f.requests[DEV_PANIC], 1);
	teardown(&f, dev);
}

static void test_overlap(void)
{
	static const struct dev_place place = { BUS_PIO, 0x505, 1, 0 };
	struct fake_env f;
	struct dev *dev = setup(&f, "pvpanic", &place), *second = NULL;
	struct tvm_error err = { 0 };

	CHECK_INT(dev->cls->create(&f.env, NULL, &second, &err), -EEXIST);
	CHECK(!second && err.code == -EEXIST);
	teardown(&f, dev);
}

int main(void)
{
	RUN(test_find);
	RUN(test_i8042);
	RUN(test_pm_off_and_reset);
	RUN(test_pm_button);
	RUN(test_pvpanic);
	RUN(test_overlap);
	return tests_done();
}
