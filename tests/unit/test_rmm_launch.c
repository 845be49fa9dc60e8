/* SPDX-License-Identifier: Apache-2.0 */
/* Launch of a realm: RMI commands in their order, and the code for each mistake. */
#include "tests/unit/test_rmm.h"

#include "tee/virtcca/soft/pages.h"

static uint64_t next;
static const struct rim_rec rec = { .gprs = { AT(8) }, .pc = BASE, .runnable = true };

static void test_create_refused(void)
{
	static const struct {
		struct rim_params realm;
		uint64_t set_max;
	} bad[] = {
		{ .realm = { .s2sz = 31, .num_bps = 1, .num_wps = 1 } },
		{ .realm = { .s2sz = 49, .num_bps = 1, .num_wps = 1 } },
		{ .realm = { .s2sz = 40, .num_bps = 0, .num_wps = 1 } },
		{ .realm = { .s2sz = 40, .num_bps = 1, .num_wps = 0 } },
		{ .realm = { .s2sz = 40, .num_bps = 16, .num_wps = 1 } },
		{ .realm = { .s2sz = 40, .num_bps = 1, .num_wps = 16 } },
		{ .realm = { .s2sz = 40, .num_bps = 1, .num_wps = 1, .hash = RIM_SHA384 } },
		{ .realm = { .s2sz = 40, .num_bps = 1, .num_wps = 1, .flags = RIM_F_LPA2 } },
		{ .realm = { .s2sz = 40, .num_bps = 1, .num_wps = 1, .flags = 8 } },
		{ .realm = { .s2sz = 40, .num_bps = 1, .num_wps = 1, .sve_vl = 1 } },
		{ .realm = { .s2sz = 40, .num_bps = 1, .num_wps = 1, .pmu_num_ctrs = 1 } },
		{ .realm = { .s2sz = 40, .num_bps = 1, .num_wps = 1, .flags = RIM_F_SVE,
			.sve_vl = 16 } },
		{ .realm = { .s2sz = 40, .num_bps = 1, .num_wps = 1 }, .set_max = 100 },
	};
	struct rmm *rmm = NULL;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rmm_params p = { .realm = bad[i].realm, .set_max = bad[i].set_max };

		CHECK_INT(rmm_create(&p, &rig_host, &rig, &rmm), RMI_ERROR_INPUT);
		CHECK(!rmm);
	}
}

static void test_ram(void)
{
	struct rmm_params p = rig_params();

	REQUIRE(rig_new(&p));
	CHECK_INT(rmm_add_ram(rig.rmm, AT(1), RMM_PAGE), -EINVAL);
	CHECK_INT(rmm_add_ram(rig.rmm, 0x1000, 0), -EINVAL);
	CHECK_INT(rmm_add_ram(rig.rmm, 0x1001, RMM_PAGE), -EINVAL);
	CHECK_INT(rmm_add_ram(rig.rmm, 0x1000, RMM_PAGE + 1), -EINVAL);
	CHECK_INT(rmm_add_ram(rig.rmm, 0xfffff000, 2 * RMM_PAGE), -EINVAL); /* into the half */
	CHECK_INT(rmm_add_ram(rig.rmm, 0xfffffffffffff000, 2 * RMM_PAGE), -EINVAL);
	CHECK_INT(rmm_add_ram(rig.rmm, 0xfffff000, RMM_PAGE), 0);
	for (unsigned int i = 0; i < RMM_RAMS_MAX - 2; i++)
		CHECK_INT(rmm_add_ram(rig.rmm, 0x10000 * (i + 1), RMM_PAGE), 0);
	CHECK_INT(rmm_add_ram(rig.rmm, 0x1000, RMM_PAGE), -ENOSPC);
	CHECK_INT(rmm_shared_bytes(rig.rmm), (PAGES + RMM_RAMS_MAX - 1) * RMM_PAGE);
}

static void test_ripas(void)
{
	struct rmm_params p = rig_params();

	REQUIRE(rig_new(&p));
	CHECK_INT(rmm_init_ripas(rig.rmm, AT(1), AT(1), &next), RMI_ERROR_INPUT);
	CHECK_INT(rmm_init_ripas(rig.rmm, AT(2), AT(1), &next), RMI_ERROR_INPUT);
	CHECK_INT(rmm_init_ripas(rig.rmm, AT(1), AT(2) + 1, &next), RMI_ERROR_INPUT);
	CHECK_INT(rmm_init_ripas(rig.rmm, AT(1), 0x100001000, &next), RMI_ERROR_INPUT);
	CHECK_INT(rmm_init_ripas(rig.rmm, AT(1) + 1, AT(2), &next), RMI_ERROR_RTT);
	CHECK_INT(rmm_init_ripas(rig.rmm, 0x1000, 0x2000, &next), RMI_ERROR_RTT);
	CHECK_INT(rmm_shared_bytes(rig.rmm), PAGES * RMM_PAGE);
	CHECK_INT(rmm_init_ripas(rig.rmm, AT(1), AT(3), &next), 0);
	CHECK(next == AT(3));
	CHECK(rmm_ripas(rig.rmm, AT(0)) == RSI_EMPTY && rmm_ripas(rig.rmm, AT(1)) == RSI_RAM);
	CHECK(rmm_ripas(rig.rmm, AT(2)) == RSI_RAM && rmm_ripas(rig.rmm, AT(3)) == RSI_EMPTY);
	CHECK_INT(rmm_shared_bytes(rig.rmm), (PAGES - 2) * RMM_PAGE);
	/* As far as there is memory; then again over what is RAM already. */
	CHECK_INT(rmm_init_ripas(rig.rmm, AT(2), TOP + RMM_PAGE, &next), 0);
	CHECK(next == TOP);
	CHECK_INT(rmm_init_ripas(rig.rmm, BASE, TOP, &next), 0);
	CHECK_INT(rmm_shared_bytes(rig.rmm), 0);
	/* Up to the first page that has data. */
	CHECK_INT(rmm_data_create(rig.rmm, AT(5), rig.private, true), 0);
	CHECK_INT(rmm_init_ripas(rig.rmm, BASE, TOP, &next), 0);
	CHECK(next == AT(5));
	CHECK_INT(rmm_init_ripas(rig.rmm, AT(5), TOP, &next), RMI_ERROR_RTT);
	CHECK(!rmm_activate(rig.rmm));
	CHECK_INT(rmm_init_ripas(rig.rmm, AT(6), TOP, &next), RMI_ERROR_REALM);
	CHECK_INT(rmm_init_ripas(rig.rmm, AT(6), AT(6), &next), RMI_ERROR_INPUT);
}

static void test_data(void)
{
	struct rmm_params p = rig_params();

	REQUIRE(rig_new(&p));
	CHECK_INT(rmm_data_create(rig.rmm, AT(1) + 8, rig.private, true), RMI_ERROR_INPUT);
	CHECK_INT(rmm_data_create(rig.rmm, AT(1) | 1ULL << 32, rig.private, true),
		RMI_ERROR_INPUT);
	CHECK_INT(rmm_data_create(rig.rmm, AT(1), rig.private, true), RMI_ERROR_RTT); /* EMPTY */
	CHECK_INT(rmm_data_create(rig.rmm, 0x1000, rig.private, true), RMI_ERROR_RTT);
	CHECK_INT(rmm_init_ripas(rig.rmm, BASE, TOP, &next), 0);
	CHECK_INT(rmm_data_create(rig.rmm, AT(1), rig.private, true), 0);
	CHECK_INT(rmm_data_create(rig.rmm, AT(1), rig.private, true), RMI_ERROR_RTT); /* twice */
	CHECK_INT(rmm_data_create_unknown(rig.rmm, AT(1)), RMI_ERROR_RTT);
	CHECK_INT(rmm_data_create_unknown(rig.rmm, AT(2) + 1), RMI_ERROR_INPUT);
	CHECK_INT(rmm_data_create_unknown(rig.rmm, 0x1000), RMI_ERROR_RTT);
	CHECK_INT(rmm_data_destroy(rig.rmm, AT(2)), RMI_ERROR_RTT);
	CHECK_INT(rmm_data_destroy(rig.rmm, AT(2) + 1), RMI_ERROR_INPUT);
	CHECK_INT(rmm_data_destroy(rig.rmm, AT(1)), 0);
	CHECK(rmm_ripas(rig.rmm, AT(1)) == RSI_DESTROYED);
	CHECK_INT(rmm_data_create(rig.rmm, AT(1), rig.private, true), RMI_ERROR_RTT);
	CHECK(!rmm_activate(rig.rmm));
	CHECK_INT(rmm_data_create(rig.rmm, AT(3), rig.private, true), RMI_ERROR_REALM);
	CHECK_INT(rmm_data_create_unknown(rig.rmm, AT(3)), 0);
}

static void test_recs(void)
{
	struct rmm_params p = rig_params();

	REQUIRE(rig_new(&p));
	CHECK_INT(rmm_rec_create(rig.rmm, 1, &rec), RMI_ERROR_INPUT);
	CHECK_INT(rmm_rec_create(rig.rmm, 1ULL << 31 << 1, &rec), RMI_ERROR_INPUT);
	CHECK_INT(rmm_rec_create(rig.rmm, 0x10, &rec), RMI_ERROR_INPUT);
	for (unsigned int i = 0; i < RMM_RECS_MAX; i++)
		CHECK_INT(rmm_rec_create(rig.rmm, (i & 15) | i >> 4 << 8, &rec), 0);
	CHECK_INT(rmm_rec_create(rig.rmm, RMM_RECS_MAX >> 4 << 8, &rec), RMI_ERROR_INPUT);
	CHECK(rmm_state(rig.rmm) == RMM_NEW);
	CHECK_INT(rmm_activate(rig.rmm), 0);
	CHECK(rmm_state(rig.rmm) == RMM_ACTIVE);
	CHECK_INT(rmm_activate(rig.rmm), RMI_ERROR_REALM);
	CHECK_INT(rmm_rec_create(rig.rmm, 0, &rec), RMI_ERROR_REALM);
}

/* The realm's RIM is what the formulas say for what was done, and mistakes left no trace. */
static void test_rim(void)
{
	struct rmm_params p = rig_params();
	uint8_t got[RIM_MAX];
	struct rim rim;

	REQUIRE(rig_new(&p));
	memset(rig.private, 0xaa, RMM_PAGE);
	CHECK_INT(rmm_init_ripas(rig.rmm, BASE, TOP, &next), 0);
	CHECK_INT(rmm_data_create(rig.rmm, AT(0), rig.private, true), 0);
	CHECK_INT(rmm_data_create(rig.rmm, AT(0), rig.private, true), RMI_ERROR_RTT);
	CHECK_INT(rmm_data_create(rig.rmm, AT(1), rig.private, false), 0);
	CHECK_INT(rmm_data_create_unknown(rig.rmm, AT(2)), 0);
	CHECK_INT(rmm_rec_create(rig.rmm, 7, &rec), RMI_ERROR_INPUT);
	CHECK_INT(rmm_rec_create(rig.rmm, 0, &rec), 0);
	CHECK_INT(rmm_rec_create(rig.rmm, 1, &(struct rim_rec){ 0 }), 0);
	CHECK_INT(rmm_activate(rig.rmm), 0);
	rmm_rim(rig.rmm, got);
	REQUIRE(!rim_create(&rim, &p.realm));
	CHECK(!rim_ripas(&rim, BASE, TOP) && !rim_data(&rim, AT(0), rig.private) &&
		!rim_data(&rim, AT(1), NULL) && !rim_rec(&rim, &rec));
	CHECK(!memcmp(rim.value, got, RIM_MAX));
	CHECK_INT(rmm_data_create_unknown(rig.rmm, AT(3)), 0);
	rmm_rim(rig.rmm, got);
	CHECK(!memcmp(rim.value, got, RIM_MAX));
}

static void test_faults(void)
{
	struct rmm_params p = rig_params();
	uint64_t bit;

	REQUIRE(rig_start(&p));
	bit = rmm_shared_bit(rig.rmm);
	CHECK(bit == 1ULL << 32);
	CHECK(rmm_canon(rig.rmm, bit | 0x9000000) == 0x9000000);
	CHECK(rmm_fault(rig.rmm, bit | 0x9000000) == RMM_FAULT_MMIO);
	CHECK(rmm_fault(rig.rmm, 0x9000000) == RMM_FAULT_SEA);	/* earlycon without the bit */
	CHECK(rmm_fault(rig.rmm, AT(3)) == RMM_FAULT_HOST);
	CHECK(rmm_fault(rig.rmm, bit | AT(3)) == RMM_FAULT_SEA);
	CHECK(!call(RSI_IPA_STATE_SET, AT(3), AT(4), RSI_EMPTY, 1));
	CHECK(rmm_fault(rig.rmm, AT(3)) == RMM_FAULT_SEA);
	CHECK(rmm_fault(rig.rmm, bit | AT(3)) == RMM_FAULT_HOST);
	CHECK(!rmm_data_create_unknown(rig.rmm, AT(5)) && !rmm_data_destroy(rig.rmm, AT(5)));
	CHECK(rmm_fault(rig.rmm, AT(5)) == RMM_FAULT_DESTROYED);
	CHECK(rmm_fault(rig.rmm, bit << 1 | 0x9000000) == RMM_FAULT_SEA);
}

static void test_shared(void)
{
	struct rmm_params p = rig_params();
	uint64_t bit;

	REQUIRE(rig_start(&p));
	bit = rmm_shared_bit(rig.rmm);
	CHECK(!rmm_is_shared(rig.rmm, AT(3), 1));
	CHECK(!call(RSI_IPA_STATE_SET, AT(3), AT(6), RSI_EMPTY, 1));
	CHECK(rmm_is_shared(rig.rmm, AT(3), 3 * RMM_PAGE));
	CHECK(rmm_is_shared(rig.rmm, bit | AT(3), 3 * RMM_PAGE));
	CHECK(rmm_is_shared(rig.rmm, AT(5) + RMM_PAGE - 1, 1));
	CHECK(!rmm_is_shared(rig.rmm, AT(5) + RMM_PAGE - 1, 2));
	CHECK(!rmm_is_shared(rig.rmm, AT(3) - 1, 2));
	CHECK(!rmm_is_shared(rig.rmm, AT(3), 0));
	CHECK(!rmm_is_shared(rig.rmm, AT(3), UINT64_MAX));
	CHECK(!rmm_is_shared(rig.rmm, UINT64_MAX, 2));
	CHECK(!rmm_is_shared(rig.rmm, 0x1000, 1));	/* no memory there */
	CHECK_INT(rmm_shared_bytes(rig.rmm), 3 * RMM_PAGE);
	/* Two ranges that touch. */
	CHECK_INT(rmm_add_ram(rig.rmm, TOP, RMM_PAGE), 0);
	CHECK(!call(RSI_IPA_STATE_SET, AT(PAGES - 1), TOP, RSI_EMPTY, 1));
	CHECK(rmm_is_shared(rig.rmm, TOP - 8, 16));
	CHECK(!rmm_is_shared(rig.rmm, TOP - 8, RMM_PAGE + 9));
}

/* Planes against one state a page. */
static void test_pages(void)
{
	enum { NR = 300 };
	static uint8_t ripas[NR], data[NR];
	struct pages pages;
	uint32_t seed = 12345;

	REQUIRE(!pages_init(&pages, NR));
	for (unsigned int n = 0; n < 20000; n++) {
		uint64_t from, to, run, found;

		seed = seed * 1664525 + 1013904223;
		from = (seed >> 8) % NR;
		to = from + 1 + (seed >> 20) % (n % 3 ? 9 : NR);
		to = to > NR ? NR : to;
		if (seed & 64) {
			pages_set_ripas(&pages, from, to, seed & 3);
			memset(ripas + from, (int)(seed & 3), to - from);
		} else {
			pages_set_data(&pages, from, to, seed & 1);
			memset(data + from, (int)(seed & 1), to - from);
		}
		for (run = from; run < NR && ripas[run] == ripas[from]; run++)
			;
		for (found = from; found < NR && !data[found]; found++)
			;
		REQUIRE(pages_run(&pages, from, NR) == run);
		REQUIRE(pages_next_data(&pages, from, NR) == found);
		REQUIRE(pages_ripas(&pages, to - 1) == ripas[to - 1]);
		REQUIRE(pages_data(&pages, from) == data[from]);
	}
	pages_fini(&pages);
}

int main(void)
{
	RUN(test_create_refused);
	RUN(test_ram);
	RUN(test_ripas);
	RUN(test_data);
	RUN(test_recs);
	RUN(test_rim);
	RUN(test_faults);
	RUN(test_shared);
	RUN(test_pages);
	rmm_destroy(rig.rmm);
	return tests_done();
}
