/* SPDX-License-Identifier: Apache-2.0 */
/* The expected RIM of a whole launch, and that each thing that should change it does. */
#include "attest/rim_launch.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/harness.h"
#include "tvm.h"

static uint8_t kernel[10000], initrd[5000], dtb[300];
static struct tvm_error err;
static uint64_t pages;

static struct rim_launch usual(void)
{
	struct rim_launch l = {
		.params = { .s2sz = 33, .num_bps = 1, .num_wps = 1 },
		.ripas = true,
		.nr_rams = 1,
		.rams = { { 0x80000000, 0x10000000 } },
		.nr_parts = 3,
		.parts = {
			{ "initrd", 0x80410000, initrd, sizeof(initrd), 0 },
			{ "kernel", 0x80000000, kernel, sizeof(kernel), 0 },
			{ "device tree", 0x80400000, dtb, sizeof(dtb), 0 },
		},
		.boot = { .gprs = { 0x80400000 }, .pc = 0x80000000, .runnable = true },
	};

	return l;
}

static void fill(void)
{
	for (unsigned int i = 0; i < sizeof(kernel); i++)
		kernel[i] = (uint8_t)(i * 31 + i / 256);
	memset(initrd, 0x33, sizeof(initrd));
	memset(dtb, 0xd0, sizeof(dtb));
}

static bool measure(struct rim_launch *l, uint8_t out[RIM_MAX])
{
	return !rim_launch(l, out, &pages, &err);
}

/* Step by step, with the primitives. */
static void test_steps(void)
{
	struct rim_launch l = usual();
	uint8_t got[RIM_MAX], page[RIM_PAGE];
	struct rim rim;

	fill();
	REQUIRE(measure(&l, got));
	CHECK_INT(pages, 3 + 1 + 2);
	REQUIRE(!rim_create(&rim, &l.params) && !rim_ripas(&rim, 0x80000000, 0x90000000));
	for (unsigned int i = 0; i < 3; i++) {
		size_t n = sizeof(kernel) - i * RIM_PAGE;

		memset(page, 0, sizeof(page));
		memcpy(page, kernel + i * RIM_PAGE, n < RIM_PAGE ? n : RIM_PAGE);
		CHECK(!rim_data(&rim, 0x80000000 + i * RIM_PAGE, page));
	}
	memset(page, 0, sizeof(page));
	memcpy(page, dtb, sizeof(dtb));
	CHECK(!rim_data(&rim, 0x80400000, page));
	CHECK(!rim_data(&rim, 0x80410000, initrd));
	memset(page, 0, sizeof(page));
	memcpy(page, initrd + RIM_PAGE, sizeof(initrd) - RIM_PAGE);
	CHECK(!rim_data(&rim, 0x80411000, page));
	CHECK(!rim_rec(&rim, &l.boot));
	CHECK(!memcmp(rim.value, got, RIM_MAX));
}

/* Parts that share a page, start in the middle of one, or have zeros behind them. */
static void test_pages(void)
{
	struct rim_launch l = usual(), one = usual();
	uint8_t got[RIM_MAX], want[RIM_MAX], *joined = calloc(1, 0x5000);

	fill();
	REQUIRE(joined);
	memcpy(joined + 0x100, kernel, sizeof(kernel));
	memcpy(joined + 0x2900, initrd, sizeof(initrd));
	l.parts[0] = (struct rim_part){ "initrd", 0x80002900, initrd, sizeof(initrd), 0 };
	l.parts[1] = (struct rim_part){ "kernel", 0x80000100, kernel, sizeof(kernel), 0 };
	l.nr_parts = 2;
	one.parts[0] = (struct rim_part){ "all", 0x80000000, joined, 0x4000, 0 };
	one.nr_parts = 1;
	REQUIRE(measure(&l, got));
	CHECK_INT(pages, 4);
	REQUIRE(measure(&one, want));
	CHECK(!memcmp(got, want, RIM_MAX));
	/* Space behind a part is measured as zeros. */
	l.parts[1].space = 0x5000 - 0x2900;
	one.parts[0].len = 0x5000;
	REQUIRE(measure(&l, got));
	CHECK_INT(pages, 5);
	REQUIRE(measure(&one, want));
	CHECK(!memcmp(got, want, RIM_MAX));
	free(joined);
}

static void test_changes(void)
{
	uint8_t rims[16][RIM_MAX];
	struct rim_launch l;
	unsigned int n = 0;

	fill();
#define WITH(change) \
	do { \
		l = usual(); \
		change; \
		REQUIRE(measure(&l, rims[n])); \
		for (unsigned int i = 0; i < n; i++) \
			CHECK(memcmp(rims[i], rims[n], 32)); \
		n++; \
	} while (0)
	WITH();
	WITH(kernel[9999] ^= 1);
	fill();
	WITH(initrd[0] ^= 1);
	fill();
	WITH(dtb[299] ^= 1);
	fill();
	WITH(l.nr_parts = 2);
	WITH(l.parts[0].ipa += RIM_PAGE);
	WITH(l.parts[1].len -= 1);
	WITH(l.rams[0].size += 0x200000);
	WITH(l.ripas = false);
	WITH(l.boot.pc += 4);
	WITH(l.boot.gprs[0] += 8);
	WITH(l.params.hash = RIM_SHA512);
	WITH(l.params.hash = RIM_SHA384);
	WITH(l.params.s2sz = 40);
	WITH(l.params.num_bps = 5);
#undef WITH
	/* The order in which parts are named does not matter. */
	l = usual();
	{
		struct rim_part first = l.parts[0];

		l.parts[0] = l.parts[2];
		l.parts[2] = first;
	}
	REQUIRE(measure(&l, rims[n]));
	CHECK(!memcmp(rims[0], rims[n], RIM_MAX));
}

static void refused(struct rim_launch *l, const char *text)
{
	uint8_t out[RIM_MAX];

	CHECK_INT(rim_launch(l, out, &pages, &err), -EINVAL);
	CHECK_HAS(err.msg, text);
}

static void test_refused(void)
{
	struct rim_launch l = usual();

	l.parts[0].ipa = 0x80000000 + sizeof(kernel) - 1;
	refused(&l, "kernel and initrd overlap");
	l = usual();
	l.parts[0].ipa = 0x8fffffff;
	refused(&l, "initrd: 0x1388 bytes at 0x8fffffff do not lie in RAM");
	l = usual();
	l.parts[0].ipa = UINT64_MAX - 10;
	refused(&l, "do not lie in RAM");
	l = usual();
	l.parts[2].space = UINT64_MAX;
	refused(&l, "do not lie in RAM");
	l = usual();
	l.rams[0].size = 0x80001000;
	refused(&l, "lower half of 33");
	l = usual();
	l.rams[0].size += 1;
	refused(&l, "does not fit");
	l = usual();
	l.nr_rams = 0;
	refused(&l, "no memory");
	l = usual();
	l.nr_rams = 2;
	l.rams[1] = (struct rim_range){ 0x8ffff000, 0x1000 };
	refused(&l, "does not fit");
}

static void test_width(void)
{
	CHECK_INT(rim_width(0x90000000), 33);
	CHECK_INT(rim_width(0x100000000), 33);
	CHECK_INT(rim_width(0x100001000), 34);
	CHECK_INT(rim_width(0x200000000), 34);
	CHECK_INT(rim_width(1ULL << 47), 48);
}

int main(void)
{
	RUN(test_steps);
	RUN(test_pages);
	RUN(test_changes);
	RUN(test_refused);
	RUN(test_width);
	return tests_done();
}
