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

static void check_split(const struct rim_range *parts, unsigned int nr, uint64_t first_end,
	uint64_t second, uint64_t end)
{
	struct rim_range out[2];

	REQUIRE(!rim_split(parts, nr, 0x80000000, out));
	CHECK_INT(out[0].base, 0x80000000);
	CHECK_INT(out[0].base + out[0].size, first_end);
	CHECK_INT(out[1].base, second);
	CHECK_INT(out[1].base + out[1].size, end);
}

/* The two ranges of a launch on virtCCA: whole pages, cut at the widest gap. */
static void test_split(void)
{
	const struct rim_range three[] = { { 0x80000000, 5000 }, { 0x80200000, 100 },
		{ 0x80210000, 1 } };
	const struct rim_range late[] = { { 0x80001800, 1 }, { 0x80003fff, 1 },
		{ 0x80010000, 0x1000 } };
	const struct rim_range equal[] = { { 0x80000000, 1 }, { 0x80002000, 1 },
		{ 0x80004000, 1 } };
	const struct rim_range joined[] = { { 0x80000000, 5000 }, { 0x80001500, 100 },
		{ 0x80002000, 10 } };
	const struct rim_range below = { 0x7ffff000, 0x2000 };
	struct rim_range out[2];

	check_split(three, 3, 0x80002000, 0x80200000, 0x80211000);
	check_split(late, 3, 0x80004000, 0x80010000, 0x80011000);	/* from the start of RAM */
	check_split(equal, 3, 0x80001000, 0x80002000, 0x80005000);	/* the first of two */
	check_split(joined, 3, 0x80002000, 0x80002000, 0x80003000);	/* no gap: the last page */
	check_split(three, 1, 0x80001000, 0x80001000, 0x80002000);
	CHECK_INT(rim_split(&below, 1, 0x80000000, out), -EINVAL);
	CHECK_INT(rim_split(three, 0, 0x80000000, out), -EINVAL);
}

/* A split launch needs parts, in one range of RAM; addresses have no upper half. */
static void test_split_launch(void)
{
	struct rim_launch l = usual();
	uint8_t out[RIM_MAX];

	l.ripas = false;
	l.tec = l.split = true;
	l.vcpus = 1;
	l.params.s2sz = 40;
	CHECK(measure(&l, out));
	CHECK_INT(pages, 3 + 1 + 15 + 2);
	l.rams[0].base = 0x7f80000000;
	l.rams[0].size = 0x1000000000;
	l.nr_parts = 0;
	CHECK(!measure(&l, out));
	CHECK_HAS(err.msg, "parts in one range of memory are needed");
	l.params.s2sz = 39;
	CHECK(!measure(&l, out));
	CHECK_HAS(err.msg, "does not fit into 39 address bits");
}

int main(void)
{
	RUN(test_steps);
	RUN(test_pages);
	RUN(test_changes);
	RUN(test_refused);
	RUN(test_width);
	RUN(test_split);
	RUN(test_split_launch);
	return tests_done();
}
