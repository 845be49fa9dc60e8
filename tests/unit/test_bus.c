/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/bus.h"

#include <errno.h>

#include "tests/harness.h"
#include "tvm.h"

struct reg {
	uint64_t off, val;
	unsigned int size, accesses;
};

static uint64_t reg_read(void *dev, uint64_t off, unsigned int size)
{
	struct reg *r = dev;

	r->off = off;
	r->size = size;
	r->accesses++;
	return 0x1122334455667788;
}

static void reg_write(void *dev, uint64_t off, unsigned int size, uint64_t val)
{
	struct reg *r = dev;

	*r = (struct reg){ off, val, size, r->accesses + 1 };
}

static const struct io_ops ops = { reg_read, reg_write };

static void test_dispatch(void)
{
	struct reg a = { 0 }, b = { 0 };
	struct bus *bus;
	uint64_t val;

	REQUIRE(!bus_create(&bus, NULL));
	CHECK(!bus_add(bus, BUS_MMIO, 0x2000, 0x10, &ops, &b, "b", NULL));
	CHECK(!bus_add(bus, BUS_MMIO, 0x1000, 0x10, &ops, &a, "a", NULL));
	bus_freeze(bus);
	CHECK(bus_read(bus, BUS_MMIO, 0x1004, 4, &val));
	CHECK_INT(val, 0x55667788);
	CHECK_INT(a.off, 4);
	CHECK(bus_write(bus, BUS_MMIO, 0x200f, 1, 0xabcd));
	CHECK_INT(b.off, 0xf);
	CHECK_INT(b.val, 0xcd);
	CHECK_INT(a.accesses, 1);
	bus_destroy(bus);
}

static void test_unclaimed(void)
{
	struct reg a = { 0 };
	struct bus *bus;
	uint64_t val;

	REQUIRE(!bus_create(&bus, NULL));
	CHECK(!bus_add(bus, BUS_PIO, 0x10, 4, &ops, &a, "a", NULL));
	CHECK(!bus_add(bus, BUS_PIO, 0x14, 4, &ops, &a, "next", NULL));
	CHECK(!bus_read(bus, BUS_MMIO, 0x10, 2, &val));
	CHECK_INT(val, 0xffff);
	CHECK(!bus_read(bus, BUS_PIO, 0xf, 1, &val));
	CHECK(!bus_write(bus, BUS_PIO, 0x18, 1, 0));
	/* Across the end of a region, though another one follows; odd sizes; the very end. */
	CHECK(!bus_read(bus, BUS_PIO, 0x12, 4, &val));
	CHECK_INT(val, 0xffffffff);
	CHECK(!bus_read(bus, BUS_PIO, 0x10, 3, &val));
	CHECK(!bus_read(bus, BUS_PIO, UINT64_MAX, 8, &val));
	CHECK_INT(val, -1);
	CHECK_INT(a.accesses, 0);
	bus_destroy(bus);
}

static void test_add_refuses(void)
{
	struct reg a = { 0 };
	struct tvm_error err;
	struct bus *bus;

	REQUIRE(!bus_create(&bus, NULL));
	CHECK(!bus_add(bus, BUS_MMIO, 0x1000, 0x10, &ops, &a, "a", &err));
	CHECK_INT(bus_add(bus, BUS_MMIO, 0xff8, 9, &ops, &a, "b", &err), -EEXIST);
	CHECK_INT(bus_add(bus, BUS_MMIO, 0x100f, 1, &ops, &a, "b", &err), -EEXIST);
	CHECK_HAS(err.msg, "b at 0x100f");
	CHECK_INT(bus_add(bus, BUS_MMIO, 1, 0, &ops, &a, "b", &err), -EINVAL);
	CHECK_INT(bus_add(bus, BUS_MMIO, UINT64_MAX, 2, &ops, &a, "b", &err), -EINVAL);
	CHECK(!bus_add(bus, BUS_MMIO, 0x1010, 1, &ops, &a, "b", &err));
	bus_freeze(bus);
	CHECK_INT(bus_add(bus, BUS_MMIO, 0x5000, 1, &ops, &a, "c", &err), -EBUSY);
	bus_destroy(bus);
}

static void test_listing(void)
{
	struct bus_region_info info;
	struct reg a = { 0 };
	struct bus *bus;

	REQUIRE(!bus_create(&bus, NULL));
	CHECK(!bus_region(bus, 0, &info));
	CHECK(!bus_add(bus, BUS_PIO, 0x60, 1, &ops, &a, "port", NULL));
	CHECK(!bus_add(bus, BUS_MMIO, 0x1000, 0x10, &ops, &a, "mem", NULL));
	CHECK(bus_region(bus, 0, &info) && !strcmp(info.name, "mem"));
	CHECK(bus_region(bus, 1, &info) && info.space == BUS_PIO && info.base == 0x60);
	CHECK(!bus_region(bus, 2, &info));
	bus_destroy(bus);
}

int main(void)
{
	RUN(test_dispatch);
	RUN(test_unclaimed);
	RUN(test_add_refuses);
	RUN(test_listing);
	return tests_done();
}
