/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Realm measurements. Public vectors: constants in the tests of cca-realm-measurements (the
 * Veraison project) and of virtCCA's gen_rim_ref; the others were computed by
 * tests/attest/cca.py, which shares no code with us.
 */
#include "attest/rim.h"

#include <errno.h>

#include "attest/text.h"
#include "tests/harness.h"

/* 48 bits, two break- and two watchpoints: the parameters of the public vectors. */
static const struct rim_params params = { .s2sz = 48, .num_bps = 1, .num_wps = 1 };

static bool is(const uint8_t value[RIM_MAX], enum rim_hash hash, const char *hex)
{
	char text[2 * RIM_MAX + 1];
	uint8_t zero[RIM_MAX] = { 0 };
	size_t len = rim_hash_len(hash);

	text_hex(value, len, text);
	if (strcmp(text, hex))
		printf("# got %s\n", text);
	return !strcmp(text, hex) && !memcmp(value + len, zero, RIM_MAX - len);
}

static void test_params(void)
{
	struct rim_params p = params;
	struct rim rim;

	REQUIRE(!rim_create(&rim, &p));
	CHECK(is(rim.value, RIM_SHA256,
		"6739dfb22b75ee1268d08dfa8369f501bc0b066243553f069f560d1fa1172973"));
	p.hash = RIM_SHA512;
	REQUIRE(!rim_create(&rim, &p));
	CHECK(is(rim.value, RIM_SHA512,
		"799e434048fb57eb9d4f0e2a2b98158720377252deab2bdfcd69b5a8f82237f4"
		"34bd6bb1c75bf160a2d49382f733b3439a3ff769e4ea5dd9a6f72239d44bbbab"));
}

/* Every field counts, and each differently. */
static void test_params_differ(void)
{
	static const struct rim_params changed[] = {
		{ .s2sz = 48, .num_bps = 1, .num_wps = 1 },
		{ .s2sz = 40, .num_bps = 1, .num_wps = 1 },
		{ .s2sz = 48, .num_bps = 2, .num_wps = 1 },
		{ .s2sz = 48, .num_bps = 1, .num_wps = 2 },
		{ .s2sz = 48, .num_bps = 1, .num_wps = 1, .flags = RIM_F_SVE },
		{ .s2sz = 48, .num_bps = 1, .num_wps = 1, .sve_vl = 1 },
		{ .s2sz = 48, .num_bps = 1, .num_wps = 1, .pmu_num_ctrs = 1 },
		{ .s2sz = 48, .num_bps = 1, .num_wps = 1, .hash = RIM_SHA384 },
	};
	struct rim rim[8];

	for (unsigned int i = 0; i < 8; i++) {
		REQUIRE(!rim_create(&rim[i], &changed[i]));
		for (unsigned int j = 0; j < i; j++)
			CHECK(memcmp(rim[i].value, rim[j].value, 32));
	}
}

static void test_steps(void)
{
	static const struct rim_rec rec = { .gprs = { 0x80100000 }, .pc = 0x80000000,
		.runnable = true };
	struct rim_rec other = rec;
	uint8_t page[RIM_PAGE];
	struct rim rim;

	memset(page, 0xaa, sizeof(page));
	REQUIRE(!rim_create(&rim, &params));
	CHECK(!rim_ripas(&rim, 0x80000000, 0x80200000));
	CHECK(is(rim.value, RIM_SHA256,
		"25061e2b4070eacd9775a416dacf0596d4f52c274be1c0125ac1b11bcacf7588"));
	CHECK(!rim_data(&rim, 0x80000000, page));
	CHECK(is(rim.value, RIM_SHA256,
		"a607db9fa2fd2390133440b90ddacf0da4dc4a09839c09de58c6090699ff989d"));
	CHECK(!rim_data(&rim, 0x80001000, NULL));
	CHECK(is(rim.value, RIM_SHA256,
		"f9886e86b4f6059b7b5ccccfac4568aa4b3a64a46487824ea7ab765aa4e3f3b9"));
	CHECK(!rim_rec(&rim, &rec));
	CHECK(is(rim.value, RIM_SHA256,
		"aed1e9545b54e299dcea7779231357399b65457209b7b4f92e06b49cda668f40"));
	/* vCPUs that wait for PSCI are not measured. */
	other.runnable = false;
	CHECK(!rim_rec(&rim, &other));
	CHECK(is(rim.value, RIM_SHA256,
		"aed1e9545b54e299dcea7779231357399b65457209b7b4f92e06b49cda668f40"));
}

/* RMM 2.0: the same without RIPAS; and the long hash. */
static void test_without_ripas(void)
{
	static const struct rim_rec rec = { .gprs = { 0x80100000 }, .pc = 0x80000000,
		.runnable = true };
	struct rim_params p = params;
	uint8_t page[RIM_PAGE];
	struct rim rim;

	memset(page, 0xaa, sizeof(page));
	REQUIRE(!rim_create(&rim, &p));
	CHECK(!rim_data(&rim, 0x80000000, page) && !rim_data(&rim, 0x80001000, NULL));
	CHECK(!rim_rec(&rim, &rec));
	CHECK(is(rim.value, RIM_SHA256,
		"294dec0fa86a222ef45d55fefbf186f5748411eb8841e2dd4123666cfccf0002"));
	p.hash = RIM_SHA512;
	REQUIRE(!rim_create(&rim, &p));
	CHECK(!rim_data(&rim, 0x80000000, page) && !rim_rec(&rim, &rec));
	CHECK(is(rim.value, RIM_SHA512,
		"1301bc68fa6da9d3ccaf743dc270f0857cebf87862916368ef1121aa88b8898b"
		"afec7886c25179e4bce34ebc557ef7d7bb431d451b8308d4e24b246960a65600"));
}

/* gen_rim_ref: parameters, then a vCPU that runs and one that does not. */
static void test_virtcca(void)
{
	static const struct rim_params p = { .flags = RIM_F_SVE | RIM_F_PMU, .s2sz = 40,
		.sve_vl = 1, .pmu_num_ctrs = 1 };
	struct rim rim;

	REQUIRE(!rim_create(&rim, &p));
	CHECK(is(rim.value, RIM_SHA256,
		"9b9fe7e2338ece5821abcd19e8f93cfae9193a0596bee2dddb2452abbad852f3"));
	CHECK(!rim_tec(&rim, &(struct rim_rec){ .pc = 0x40000000, .runnable = true }));
	CHECK(is(rim.value, RIM_SHA256,
		"ddc2f3f3d28b66383412c0692b4acf8c16e369e52191efb08328574caa7e819e"));
	CHECK(!rim_tec(&rim, &(struct rim_rec){ 0 }));
	CHECK(is(rim.value, RIM_SHA256,
		"e753e7d8a6a2d77a4a0f2e28bf6f9de465c27649ecb45e91a3297d9e0b1ea8dc"));
}

/* Tables of the public tool: sizes by address width, blocks of ranges. */
static void test_blocks(void)
{
	static const struct {
		uint8_t s2sz;
		uint64_t largest;
	} widths[] = {
		{ 52, 1ULL << 39 }, { 48, 1ULL << 39 }, { 44, 1ULL << 39 }, { 43, 1ULL << 30 },
		{ 40, 1ULL << 30 }, { 35, 1ULL << 30 }, { 34, 1ULL << 21 }, { 26, 1ULL << 21 },
		{ 25, 4096 }, { 20, 4096 },
	};
	static const struct {
		uint64_t base, top, block;
	} ranges[] = {
		{ 0, 0x1000, 0x1000 }, { 0, 0x40000000, 0x40000000 },
		{ 0x40000000, 0x80000000, 0x40000000 }, { 0x1000000000, 0x1100000000, 0x40000000 },
		{ 0x80000000, 0x80200000, 0x200000 }, { 0x80001000, 0x80200000, 0x1000 },
		{ 0x6200000, 0x70000000, 0x200000 }, { 0x6300000, 0x70000000, 0x1000 },
		{ 0x400000, 0x800000, 0x200000 }, { 0x400000, 0x500000, 0x1000 },
	};

	for (unsigned int i = 0; i < sizeof(widths) / sizeof(widths[0]); i++)
		CHECK(rim_block(widths[i].s2sz, 0, 1ULL << 47) == widths[i].largest);
	for (unsigned int i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		CHECK(rim_block(40, ranges[i].base, ranges[i].top) == ranges[i].block);
	CHECK(rim_block(34, 0x40000000, 0x80000000) == 0x200000);
}

/* A range in one call is its blocks in several. */
static void test_ripas_split(void)
{
	struct rim_params p = params;
	struct rim a, b;

	p.s2sz = 40;
	REQUIRE(!rim_create(&a, &p) && !rim_create(&b, &p));
	CHECK(!rim_ripas(&a, 0x7ffff000, 0xc0201000));
	CHECK(!rim_ripas(&b, 0x7ffff000, 0x80000000) && !rim_ripas(&b, 0x80000000, 0xc0000000));
	CHECK(!rim_ripas(&b, 0xc0000000, 0xc0200000) && !rim_ripas(&b, 0xc0200000, 0xc0201000));
	CHECK(!memcmp(a.value, b.value, RIM_MAX));
	REQUIRE(!rim_create(&b, &p));
	CHECK(!rim_ripas(&b, 0x7ffff000, 0xa0000000) && !rim_ripas(&b, 0xa0000000, 0xc0201000));
	CHECK(memcmp(a.value, b.value, RIM_MAX));
}

static void test_rem(void)
{
	uint8_t rem[RIM_MAX] = { 0 }, value[RIM_MAX];

	REQUIRE(!rim_digest(RIM_SHA256, "INITRD CONTENT", 14, value));
	CHECK(is(value, RIM_SHA256,
		"50f9804746ac5f53aa488ab9456ffdb57f76ba2eb323dcee9024a633c1d1a0a3"));
	CHECK(!rim_rem_extend(RIM_SHA256, rem, value, 32));
	CHECK(is(rem, RIM_SHA256,
		"0e12577758af85e25863a40a13529d4eb4ebc2ab2deb72931bb1675f1ec9daa0"));
	/* Not padded: the same bytes and zeros behind them are something else. */
	memset(rem, 0, sizeof(rem));
	CHECK(!rim_rem_extend(RIM_SHA256, rem, value, 33));
	CHECK(rem[0] != 0x0e);
	CHECK_INT(rim_rem_extend(RIM_SHA256, rem, value, 65), -EINVAL);
	CHECK_INT(rim_rem_extend(RIM_SHA512, rem, value, 64), 0);
}

static void test_names(void)
{
	enum rim_hash hash;

	CHECK(rim_hash_find("sha-384", &hash) && hash == RIM_SHA384);
	CHECK(rim_hash_find("sha512", &hash) && hash == RIM_SHA512);
	CHECK(!rim_hash_find("sha1", &hash) && !rim_hash_find("", &hash));
	CHECK(!strcmp(rim_hash_name(RIM_SHA256), "sha-256"));
}

int main(void)
{
	RUN(test_params);
	RUN(test_params_differ);
	RUN(test_steps);
	RUN(test_without_ripas);
	RUN(test_virtcca);
	RUN(test_blocks);
	RUN(test_ripas_split);
	RUN(test_rem);
	RUN(test_names);
	return tests_done();
}
