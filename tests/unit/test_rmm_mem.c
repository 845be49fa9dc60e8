/* SPDX-License-Identifier: Apache-2.0 */
/* RSI_IPA_STATE_SET and GET: what Linux does, and what it never would. */
#include "tests/unit/test_rmm.h"

#include "base/bits.h"
#include "base/le.h"

static struct rmm_params params;

/* SET until all of it is done, as Linux does; how many calls it took, 0 for a refusal. */
static unsigned int set_all(uint64_t base, uint64_t top, enum rsi_ripas ripas, uint64_t flags)
{
	unsigned int n = 0;

	while (base != top) {
		n++;
		if (call(RSI_IPA_STATE_SET, base, top, ripas, flags) || rig.x[2] != RSI_ACCEPT ||
		    rig.x[1] < base || rig.x[1] > top || n > 1000)
			return 0;
		base = rig.x[1];
	}
	return n;
}

static void test_boot(void)
{
	uint64_t bytes;

	REQUIRE(rig_start(&params));
	/* All of RAM is RAM already: nothing is converted, and contents stay. */
	rig.private[5] = 5;
	CHECK_INT(set_all(BASE, TOP, RSI_RAM, 0), 1);
	CHECK_INT(rig.converts, 0);
	CHECK(rig.private[5] == 5);
	/* A pool of bounce buffers. */
	CHECK_INT(set_all(AT(16), AT(32), RSI_EMPTY, 1), 1);
	CHECK_INT(rig.converts, 1);
	CHECK(rig.base == AT(16) && rig.top == AT(32) && rig.to == RSI_EMPTY);
	CHECK_INT(rmm_shared_bytes(rig.rmm), 16 * RMM_PAGE);
	/* One query for each device. */
	CHECK(!call(RSI_IPA_STATE_GET, 0x9000000, 0x9001000, 0, 0));
	CHECK(rig.x[1] == 0x9001000 && rig.x[2] == RSI_EMPTY);
	/* Back again. */
	CHECK_INT(set_all(AT(16), AT(32), RSI_RAM, 1), 1);
	CHECK_INT(rig.converts, 2);
	CHECK(rig.to == RSI_RAM);
	CHECK_INT(rmm_shared_bytes(rig.rmm), 0);
	bytes = 16 * RMM_PAGE;
	CHECK(rmm_stats(rig.rmm)->to_ram == bytes && rmm_stats(rig.rmm)->to_empty == bytes);
}

static void test_set_refused(void)
{
	static const uint64_t bad[][3] = {
		{ BASE + 1, TOP, RSI_RAM }, { BASE, TOP + 8, RSI_RAM }, { BASE, BASE, RSI_RAM },
		{ TOP, BASE, RSI_RAM }, { BASE, TOP, RSI_DESTROYED }, { BASE, TOP, RSI_DEV },
		{ BASE, TOP, 4 }, { BASE, TOP, 1ULL << 32 }, { BASE, 0x100001000, RSI_EMPTY },
		{ 0x100000000, 0x100001000, RSI_EMPTY }, { 0x180000000, 0x180001000, RSI_EMPTY },
		{ 0xfffffffffffff000, 0, RSI_RAM },
	};

	REQUIRE(rig_start(&params));
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_INT(call(RSI_IPA_STATE_SET, bad[i][0], bad[i][1], bad[i][2], 0),
			RSI_ERROR_INPUT);
		CHECK(!rig.x[1] && !rig.x[2]);
		CHECK(rig.x[3] == bad[i][2] && rig.x[5] == 0xeeeeeeeeeeeeeeeeULL);
	}
	CHECK_INT(rig.converts, 0);
	CHECK(rmm_stats(rig.rmm)->refused == sizeof(bad) / sizeof(bad[0]));
}

/* A host that does a few pages at a time. */
static void test_progress(void)
{
	struct rmm_params p = params;

	p.set_max = 16 * RMM_PAGE;
	REQUIRE(rig_start(&p));
	CHECK_INT(set_all(BASE, TOP, RSI_EMPTY, 1), PAGES / 16);
	CHECK_INT(rig.converts, PAGES / 16);
	CHECK_INT(set_all(AT(1), AT(18), RSI_RAM, 1), 2);
	CHECK_INT(set_all(BASE, TOP, RSI_RAM, 1), PAGES / 16);
	CHECK_INT(rmm_shared_bytes(rig.rmm), 0);
}

/* Every second page: bounded work in each call, and the guest gets there. */
static void test_fragments(void)
{
	REQUIRE(rig_start(&params));
	CHECK_INT(rmm_add_ram(rig.rmm, TOP, RMM_PAGE), 0);	/* EMPTY, and last */
	for (unsigned int i = 0; i < PAGES; i += 2)
		CHECK_INT(set_all(AT(i), AT(i + 1), RSI_EMPTY, 0), 1);
	CHECK_INT(rmm_shared_bytes(rig.rmm), (PAGES / 2 + 1) * RMM_PAGE);
	rig.converts = 0;
	CHECK_INT(set_all(BASE, TOP, RSI_RAM, 0), PAGES / 2 / RMM_RUNS_MAX + 1);
	CHECK_INT(rig.converts, PAGES / 2);
	CHECK_INT(rmm_shared_bytes(rig.rmm), RMM_PAGE);
}

/* The host cannot do it: rejected, or as far as it got; nothing else has changed. */
static void test_host_fails(void)
{
	REQUIRE(rig_start(&params));
	CHECK_INT(set_all(AT(4), AT(8), RSI_EMPTY, 0), 1);
	rig.fail = -ENOMEM;
	CHECK_INT(call(RSI_IPA_STATE_SET, AT(4), AT(8), RSI_RAM, 0), 0);
	CHECK(rig.x[1] == AT(4) && rig.x[2] == RSI_REJECT);
	CHECK(rmm_ripas(rig.rmm, AT(4)) == RSI_EMPTY);
	CHECK_INT(call(RSI_IPA_STATE_SET, AT(2), AT(8), RSI_RAM, 0), 0);
	CHECK(rig.x[1] == AT(4) && rig.x[2] == RSI_ACCEPT);
	CHECK_INT(rmm_shared_bytes(rig.rmm), 4 * RMM_PAGE);
	rig.fail = 0;
	CHECK_INT(set_all(AT(2), AT(8), RSI_RAM, 0), 1);
}

/* realm-simulation, 9: DESTROYED, then RAM without and with the flag that allows it. */
static void test_destroyed(void)
{
	REQUIRE(rig_start(&params));
	CHECK(!rmm_data_create_unknown(rig.rmm, AT(9)) && !rmm_data_destroy(rig.rmm, AT(9)));
	CHECK(!call(RSI_IPA_STATE_GET, AT(9), TOP, 0, 0));
	CHECK(rig.x[1] == AT(10) && rig.x[2] == RSI_DESTROYED);
	CHECK_INT(call(RSI_IPA_STATE_SET, AT(8), AT(16), RSI_RAM, 0), 0);
	CHECK(rig.x[1] == AT(9) && rig.x[2] == RSI_ACCEPT);
	CHECK_INT(call(RSI_IPA_STATE_SET, AT(9), AT(16), RSI_RAM, 0), 0);
	CHECK(rig.x[1] == AT(9) && rig.x[2] == RSI_REJECT);
	CHECK_INT(call(RSI_IPA_STATE_SET, AT(9), AT(16), RSI_EMPTY, 0), 0);
	CHECK(rig.x[1] == AT(9) && rig.x[2] == RSI_REJECT);
	CHECK(rmm_ripas(rig.rmm, AT(9)) == RSI_DESTROYED);
	CHECK_INT(rmm_shared_bytes(rig.rmm), 0);
	CHECK_INT(set_all(AT(9), AT(16), RSI_RAM, RSI_CHANGE_DESTROYED), 1);
	CHECK(rmm_ripas(rig.rmm, AT(9)) == RSI_RAM && rig.converts == 1);
	/* The same to EMPTY. */
	CHECK(!rmm_data_create_unknown(rig.rmm, AT(9)) && !rmm_data_destroy(rig.rmm, AT(9)));
	CHECK_INT(set_all(AT(9), AT(10), RSI_EMPTY, RSI_CHANGE_DESTROYED), 1);
	CHECK_INT(rmm_shared_bytes(rig.rmm), RMM_PAGE);
}

/* What there is no memory for cannot be RAM; it is EMPTY already. */
static void test_no_memory(void)
{
	REQUIRE(rig_start(&params));
	CHECK_INT(call(RSI_IPA_STATE_SET, TOP, TOP + RMM_PAGE, RSI_RAM, 0), 0);
	CHECK(rig.x[1] == TOP && rig.x[2] == RSI_REJECT);
	CHECK_INT(call(RSI_IPA_STATE_SET, AT(60), TOP + RMM_PAGE, RSI_RAM, 0), 0);
	CHECK(rig.x[1] == TOP && rig.x[2] == RSI_ACCEPT);
	CHECK_INT(set_all(0x1000, BASE, RSI_EMPTY, 0), 1);
	CHECK_INT(set_all(TOP, 0x100000000, RSI_EMPTY, 0), 1);
	CHECK_INT(rig.converts, 0);
}

static void test_get(void)
{
	static const uint64_t bad[][2] = {
		{ BASE + 1, TOP }, { BASE, TOP + 1 }, { BASE, BASE }, { TOP, BASE },
		{ 0x109000000, 0x109001000 }, { 0, 0x100001000 },
	};

	REQUIRE(rig_start(&params));
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_INT(call(RSI_IPA_STATE_GET, bad[i][0], bad[i][1], 0, 0), RSI_ERROR_INPUT);
		CHECK(!rig.x[1] && !rig.x[2]);
	}
	CHECK_INT(set_all(AT(4), AT(6), RSI_EMPTY, 0), 1);
	CHECK(!call(RSI_IPA_STATE_GET, BASE, TOP, 0, 0));
	CHECK(rig.x[1] == AT(4) && rig.x[2] == RSI_RAM);
	CHECK(!call(RSI_IPA_STATE_GET, AT(4), TOP, 0, 0));
	CHECK(rig.x[1] == AT(6) && rig.x[2] == RSI_EMPTY);
	CHECK(!call(RSI_IPA_STATE_GET, AT(4), AT(5), 0, 0));
	CHECK(rig.x[1] == AT(5));
	CHECK(!call(RSI_IPA_STATE_GET, 0, 0x100000000, 0, 0));
	CHECK(rig.x[1] == BASE && rig.x[2] == RSI_EMPTY);
	/* No seam between ranges, nor between a range and nothing. */
	CHECK_INT(rmm_add_ram(rig.rmm, TOP, RMM_PAGE), 0);
	CHECK_INT(set_all(AT(62), TOP, RSI_EMPTY, 0), 1);
	CHECK(!call(RSI_IPA_STATE_GET, AT(62), 0x100000000, 0, 0));
	CHECK(rig.x[1] == 0x100000000 && rig.x[2] == RSI_EMPTY);
}

/* realm-simulation, 9: a new kernel starts over in what the old one left behind. */
static void test_kexec(void)
{
	uint8_t rim[2][RIM_MAX];

	REQUIRE(rig_start(&params));
	CHECK_INT(set_all(AT(16), AT(32), RSI_EMPTY, 1), 1);
	CHECK_INT(set_all(AT(40), AT(41), RSI_EMPTY, 1), 1);
	CHECK(!call(RSI_ATTESTATION_TOKEN_INIT, 1, 2, 3, 4));
	rmm_rim(rig.rmm, rim[0]);
	CHECK(!call(RSI_VERSION, RSI_VERSION_1_0, 0, 0, 0));
	CHECK(!call(RSI_REALM_CONFIG, AT(2), 0, 0, 0));
	CHECK_INT(set_all(BASE, TOP, RSI_RAM, 0), 1);
	CHECK_INT(rmm_shared_bytes(rig.rmm), 0);
	CHECK(!call(RSI_ATTESTATION_TOKEN_INIT, 1, 2, 3, 4));
	CHECK_INT(rig.tokens, 2);
	CHECK_INT(set_all(AT(20), AT(36), RSI_EMPTY, 1), 1);
	rmm_rim(rig.rmm, rim[1]);
	CHECK(!memcmp(rim[0], rim[1], RIM_MAX));
}

/* realm-simulation, 9: memory that comes later is EMPTY until the guest takes it. */
static void test_hotplug(void)
{
	const uint64_t base = 0xc0000000;
	uint64_t next;

	REQUIRE(rig_start(&params));
	CHECK_INT(call(RSI_IPA_STATE_SET, base, base + 2 * RMM_PAGE, RSI_RAM, 0), 0);
	CHECK(rig.x[2] == RSI_REJECT);
	CHECK_INT(rmm_add_ram(rig.rmm, base, 2 * RMM_PAGE), 0);
	CHECK_INT(rmm_shared_bytes(rig.rmm), 2 * RMM_PAGE);
	CHECK(!call(RSI_IPA_STATE_GET, base, base + 2 * RMM_PAGE, 0, 0));
	CHECK(rig.x[2] == RSI_EMPTY);
	CHECK_INT(rmm_init_ripas(rig.rmm, base, base + RMM_PAGE, &next), RMI_ERROR_REALM);
	CHECK(rmm_fault(rig.rmm, base) == RMM_FAULT_SEA);
	CHECK(rmm_is_shared(rig.rmm, base, 2 * RMM_PAGE));
	/* The host has nothing there yet: the guest is told so, and asks again later. */
	rig.fail = -ENOMEM;
	CHECK_INT(set_all(base, base + 2 * RMM_PAGE, RSI_RAM, 0), 0);
	CHECK(rmm_ripas(rig.rmm, base) == RSI_EMPTY);
}

/* realm-simulation, 9: what is narrow enough for one half in each width. */
static void test_widths(void)
{
	static const unsigned int widths[] = { 33, 40, 48 };

	for (unsigned int i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		const uint64_t bit = BIT(widths[i] - 1);
		struct rmm_params p = params;

		p.realm.s2sz = (uint8_t)widths[i];
		REQUIRE(rig_start(&p));
		CHECK(rmm_shared_bit(rig.rmm) == bit);
		CHECK(!call(RSI_REALM_CONFIG, AT(1), 0, 0, 0));
		CHECK_INT(le_load(rig.private + RMM_PAGE, 8), widths[i]);
		CHECK(!call(RSI_IPA_STATE_GET, TOP, bit, 0, 0));
		CHECK(rig.x[1] == bit && rig.x[2] == RSI_EMPTY);
		CHECK_INT(call(RSI_IPA_STATE_GET, TOP, bit + RMM_PAGE, 0, 0), RSI_ERROR_INPUT);
		CHECK_INT(call(RSI_IPA_STATE_SET, bit, bit + RMM_PAGE, 0, 0), RSI_ERROR_INPUT);
		CHECK_INT(set_all(AT(3), AT(4), RSI_EMPTY, 0), 1);
		CHECK(rmm_is_shared(rig.rmm, AT(3) | bit, RMM_PAGE));
		CHECK(rmm_fault(rig.rmm, 0x1000000 | bit) == RMM_FAULT_MMIO);
		CHECK(rmm_fault(rig.rmm, 0x1000000) == RMM_FAULT_SEA);
		CHECK(rmm_fault(rig.rmm, 0x1000000 | bit << 1) == RMM_FAULT_SEA);
		CHECK(rmm_fault(rig.rmm, AT(3)) == RMM_FAULT_SEA);
		CHECK(rmm_fault(rig.rmm, AT(4) | bit) == RMM_FAULT_SEA);
		CHECK_INT(rmm_add_ram(rig.rmm, bit - RMM_PAGE, 2 * RMM_PAGE), -EINVAL);
		CHECK_INT(rmm_add_ram(rig.rmm, bit - RMM_PAGE, RMM_PAGE), 0);
	}
}

int main(void)
{
	params = rig_params();
	RUN(test_boot);
	RUN(test_set_refused);
	RUN(test_progress);
	RUN(test_fragments);
	RUN(test_host_fails);
	RUN(test_destroyed);
	RUN(test_no_memory);
	RUN(test_get);
	RUN(test_kexec);
	RUN(test_hotplug);
	RUN(test_widths);
	rmm_destroy(rig.rmm);
	return tests_done();
}
