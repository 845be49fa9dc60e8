/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the software secure processor refuses, and with which code: commands in the wrong state,
 * wrong structures, policies, sessions, packets, limits. And that a refusal changes nothing.
 */
#include "tests/unit/test_soft.h"

#include "base/cleanup.h"

static const uint8_t text[64] = "secret";

enum stage { FRESH, INITED, LUPDATE, LSECRET, RUNNING, NR_STAGES };

static void advance(struct host *h, enum stage to, uint32_t policy)
{
	struct sev_measure m;

	if (to >= INITED)
		CHECK_INT(host_op(h, SEV_CMD_INIT, NULL), 0);
	if (to >= INITED)
		CHECK_INT(host_reg(h), 0);
	if (to >= LUPDATE)
		CHECK_INT(host_start(h, policy), 0);
	if (to >= LUPDATE)
		CHECK_INT(host_update(h, 0, 0x1000), 0);
	if (to >= LSECRET)
		CHECK_INT(host_measure(h, &m), 0);
	if (to >= RUNNING)
		CHECK_INT(host_op(h, SEV_CMD_LAUNCH_FINISH, NULL), 0);
}

/* Every command in every state, with arguments that are otherwise fine. */
static int issue(struct host *h, int id)
{
	struct sev_measure m;
	struct sev_report rep;
	struct packet p = { .len = 64 };
	struct sev_init2 init2 = { 0 };
	struct sev_guest_status st;
	struct sev_attestation_report a = { .uaddr = (uintptr_t)&rep, .len = sizeof(rep) };
	struct sev_dbg dbg = {
		.src_uaddr = host_addr(h, 0x100), .dst_uaddr = host_addr(h, 0x200), .len = 16,
	};

	switch (id) {
	case SEV_CMD_INIT2:
		return host_op(h, id, &init2);
	case SEV_CMD_LAUNCH_START:
		return host_start(h, 0);
	case SEV_CMD_LAUNCH_UPDATE_DATA:
		return host_update(h, 0x1000, 0x1000);
	case SEV_CMD_LAUNCH_MEASURE:
		return host_measure(h, &m);
	case SEV_CMD_LAUNCH_SECRET:
		return packet_send(&p, h, 0x5000);
	case SEV_CMD_GUEST_STATUS:
		return host_op(h, id, &st);
	case SEV_CMD_GET_ATTESTATION_REPORT:
		return host_op(h, id, &a);
	case SEV_CMD_DBG_ENCRYPT:
	case SEV_CMD_DBG_DECRYPT:
		return host_op(h, id, &dbg);
	default:
		return host_op(h, id, NULL);
	}
}

#define GUEST SEV_RET_INVALID_GUEST
#define STATE SEV_RET_INVALID_GUEST_STATE

static const struct {
	int id;
	int want[NR_STAGES];
} states[] = {
	{ SEV_CMD_INIT, { 0, -EINVAL, -EINVAL, -EINVAL, -EINVAL } },
	{ SEV_CMD_ES_INIT, { 0, -EINVAL, -EINVAL, -EINVAL, -EINVAL } },
	{ SEV_CMD_INIT2, { 0, -EINVAL, -EINVAL, -EINVAL, -EINVAL } },
	{ SEV_CMD_LAUNCH_START, { -ENOTTY, 0, SEV_RET_ASID_OWNED, SEV_RET_ASID_OWNED,
		SEV_RET_ASID_OWNED } },
	{ SEV_CMD_LAUNCH_UPDATE_DATA, { -ENOTTY, GUEST, 0, STATE, STATE } },
	{ SEV_CMD_LAUNCH_UPDATE_VMSA, { -ENOTTY, -ENOTTY, -ENOTTY, -ENOTTY, -ENOTTY } },
	{ SEV_CMD_LAUNCH_MEASURE, { -ENOTTY, GUEST, 0, STATE, STATE } },
	{ SEV_CMD_LAUNCH_SECRET, { -ENOTTY, GUEST, STATE, SEV_RET_BAD_MEASUREMENT, STATE } },
	{ SEV_CMD_LAUNCH_FINISH, { -ENOTTY, GUEST, STATE, 0, STATE } },
	{ SEV_CMD_GUEST_STATUS, { -ENOTTY, GUEST, 0, 0, 0 } },
	{ SEV_CMD_GET_ATTESTATION_REPORT, { -ENOTTY, GUEST, 0, 0, 0 } },
	{ SEV_CMD_DBG_ENCRYPT, { -ENOTTY, GUEST, STATE, STATE, 0 } },
	{ SEV_CMD_DBG_DECRYPT, { -ENOTTY, GUEST, STATE, STATE, SEV_RET_UNSUPPORTED } },
	{ 8, { -ENOTTY, GUEST, STATE, STATE, SEV_RET_UNSUPPORTED } }, /* SEND_START */
	{ 9, { -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL } },
	{ 100, { -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL } },
	{ -1, { -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL } },
};

static void test_states(void)
{
	static const unsigned int gstate[] = { 99, 99, SEV_GSTATE_LUPDATE, SEV_GSTATE_LSECRET,
		SEV_GSTATE_RUNNING };
	struct soft_psp *psp;

	REQUIRE(!soft_psp_create(NULL, false, false, &psp, NULL));
	for (unsigned int i = 0; i < ARRAY_SIZE(states); i++) {
		for (enum stage s = FRESH; s < NR_STAGES; s++) {
			static struct host h;
			int r;

			REQUIRE(host_open_on(&h, psp));
			advance(&h, s, 0);
			r = issue(&h, states[i].id);
			if (r != states[i].want[s])
				printf("# command %d in stage %u\n", states[i].id, s);
			CHECK_INT(r, states[i].want[s]);
			CHECK_INT(h.status, r > 0 ? r : 0);
			if (r)
				CHECK_INT(host_state(&h), gstate[s]);
			if (r && s != FRESH)
				CHECK_INT(fw_guest_count(psp), s >= LUPDATE);
			host_close(&h);
		}
	}
	soft_psp_destroy(psp);
}

static void test_pointers(void)
{
	static const int ids[] = { SEV_CMD_LAUNCH_START, SEV_CMD_LAUNCH_UPDATE_DATA,
		SEV_CMD_LAUNCH_SECRET, SEV_CMD_LAUNCH_MEASURE, SEV_CMD_GUEST_STATUS,
		SEV_CMD_DBG_DECRYPT, SEV_CMD_DBG_ENCRYPT, SEV_CMD_GET_ATTESTATION_REPORT };
	static struct host h;

	REQUIRE(host_open(&h, NULL, false));
	CHECK_INT(host_op(&h, SEV_CMD_INIT2, NULL), -EFAULT);
	advance(&h, LUPDATE, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++)
		CHECK_INT(host_op(&h, ids[i], NULL), -EFAULT);
	for (int cmd = SEV_PLATFORM_STATUS; cmd <= SEV_PLATFORM_GET_ID2; cmd++)
		if (cmd != SEV_PLATFORM_PEK_GEN && cmd != SEV_PLATFORM_PDH_GEN && cmd != 7)
			CHECK_INT(host_platform(&h, cmd, NULL), -EFAULT);
	CHECK_INT(host_platform(&h, 7, NULL), -EINVAL);
	CHECK_INT(host_platform(&h, 201, NULL), -EINVAL);
	host_close(&h);
}

static void test_init2(void)
{
	static const struct {
		struct sev_init2 in;
		int want;
		enum soft_kind kind;
	} cases[] = {
		{ { .flags = 1 }, -EINVAL, SOFT_KIND_NONE },
		{ { .vmsa_features = 1 }, -EINVAL, SOFT_KIND_NONE },
		{ { .vmsa_features = ~0ULL }, -EINVAL, SOFT_KIND_NONE },
		{ { .ghcb_version = 3 }, -EINVAL, SOFT_KIND_NONE },
		{ { .ghcb_version = 2 }, 0, SOFT_KIND_ES },
		{ { .vmsa_features = 0x20 }, 0, SOFT_KIND_ES },
		{ { .flags = 0 }, 0, SOFT_KIND_OPEN },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sev_init2 in = cases[i].in;
		static struct host h;

		REQUIRE(host_open(&h, NULL, false));
		CHECK_INT(host_reg(&h), -ENOTTY);
		CHECK_INT(host_op(&h, SEV_CMD_INIT2, &in), cases[i].want);
		CHECK_INT(host_vm(&h)->kind, cases[i].kind);
		if (!cases[i].want) {
			CHECK_INT(host_op(&h, SEV_CMD_INIT2, &in), -EINVAL);
			CHECK_INT(host_op(&h, SEV_CMD_INIT, NULL), -EINVAL);
		}
		host_close(&h);
	}
}

static void test_regions(void)
{
	static struct host h;
	uint64_t ram;

	REQUIRE(host_open(&h, NULL, false));
	ram = (uintptr_t)h.ram;
	CHECK_INT(host_op(&h, SEV_CMD_INIT, NULL), 0);
	CHECK_INT(h.b.ops->reg_region(h.b.ctx, ram, 0), -EINVAL);
	CHECK_INT(h.b.ops->reg_region(h.b.ctx, ram, UINT64_MAX), -EINVAL);
	CHECK_INT(h.b.ops->reg_region(h.b.ctx, UINT64_MAX - 10, 10), -EINVAL);
	CHECK_INT(h.b.ops->reg_region(h.b.ctx, 0, 4096), -EFAULT);
	CHECK_INT(host_start(&h, 0), 0);
	CHECK_INT(host_update(&h, 0, 0x1000), -EFAULT);
	/* Two that touch are one; an unaligned one counts whole pages. */
	CHECK_INT(h.b.ops->reg_region(h.b.ctx, ram, 0x2000), 0);
	CHECK_INT(h.b.ops->reg_region(h.b.ctx, ram + 0x2010, 0x10), 0);
	CHECK_INT(host_update(&h, 0x1000, 0x2000), 0);
	CHECK_INT(host_update(&h, 0x1000, 0x2010), -EFAULT);
	CHECK_INT(host_update(&h, 0x3000, 0x10), -EFAULT);
	CHECK_INT(host_update(&h, 0, 0), -EINVAL);
	CHECK_INT(host_update(&h, 0ULL - ram - 16, 0x20), -EINVAL);
	for (unsigned int i = 2; i < SOFT_MAX_REGIONS; i++)
		CHECK_INT(h.b.ops->reg_region(h.b.ctx, ram, 0x1000), 0);
	CHECK_INT(h.b.ops->reg_region(h.b.ctx, ram, 0x1000), -ENOMEM);
	host_close(&h);
}

static void test_update_data(void)
{
	static const struct {
		uint64_t off;
		uint32_t len;
		int want;
	} cases[] = {
		{ 0x1000, 8, SEV_RET_INVALID_LEN },
		{ 0x1000, 0x1001, SEV_RET_INVALID_LEN },
		{ 0x1008, 16, SEV_RET_INVALID_ADDRESS },
		{ 0x1001, 0x20, SEV_RET_INVALID_ADDRESS },
		{ RAM_SIZE, 16, -EFAULT },
		{ RAM_SIZE - 16, 32, -EFAULT },
		{ 0, 0xfffffff0, -EFAULT },
		{ 0x1010, 16, 0 },
		{ 0x3000, 0xb0, 0 },
	};
	uint8_t before[ALG_HASH_LEN], after[ALG_HASH_LEN];
	static struct host h;

	REQUIRE(host_open(&h, NULL, false));
	advance(&h, LUPDATE, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		alg_running_get(host_guest(&h)->digest, before);
		CHECK_INT(host_update(&h, cases[i].off, cases[i].len), cases[i].want);
		alg_running_get(host_guest(&h)->digest, after);
		CHECK_INT(!memcmp(before, after, sizeof(before)), cases[i].want != 0);
	}
	/* Not ACTIVE: KVM never leaves a guest so, firmware checks nevertheless. */
	CHECK_INT(fw_deactivate(host_psp(&h), host_vm(&h)->handle), 0);
	CHECK_INT(host_update(&h, 0x4000, 16), SEV_RET_INACTIVE);
	CHECK_INT(issue(&h, SEV_CMD_LAUNCH_MEASURE), SEV_RET_INACTIVE);
	CHECK_INT(fw_activate(host_psp(&h), host_vm(&h)->handle, host_vm(&h)->asid), 0);
	/* What cannot become private ends this launch: it was measured already. */
	h.fail_private = -ENOSPC;
	CHECK_INT(host_update(&h, 0x4000, 16), -ENOSPC);
	h.fail_private = 0;
	CHECK_INT(host_update(&h, 0x4000, 16), SEV_RET_INVALID_GUEST_STATE);
	CHECK_INT(issue(&h, SEV_CMD_LAUNCH_MEASURE), SEV_RET_INVALID_GUEST_STATE);
	host_close(&h);
}

static void test_update_vmsa(void)
{
	uint8_t before[ALG_HASH_LEN], after[ALG_HASH_LEN];
	static struct host h;

	REQUIRE(host_open(&h, NULL, false));
	h.vcpus = 2;
	CHECK_INT(host_op(&h, SEV_CMD_ES_INIT, NULL), 0);
	CHECK_INT(host_op(&h, SEV_CMD_LAUNCH_UPDATE_VMSA, NULL), SEV_RET_INVALID_GUEST);
	CHECK_INT(host_start(&h, SEV_POLICY_ES), 0);
	alg_running_get(host_guest(&h)->digest, before);
	h.fail_vmsa = -EIO;
	CHECK_INT(host_op(&h, SEV_CMD_LAUNCH_UPDATE_VMSA, NULL), SEV_RET_NO_FW_CALL);
	h.fail_vmsa = -ENOMEM;
	CHECK_INT(host_op(&h, SEV_CMD_LAUNCH_UPDATE_VMSA, NULL), -ENOMEM);
	alg_running_get(host_guest(&h)->digest, after);
	CHECK(!memcmp(before, after, sizeof(before)));
	h.fail_vmsa = 0;
	CHECK_INT(host_op(&h, SEV_CMD_LAUNCH_UPDATE_VMSA, NULL), 0);
	CHECK_INT(host_op(&h, SEV_CMD_LAUNCH_UPDATE_VMSA, NULL), -EINVAL);
	host_close(&h);
	/* Below KVM: firmware refuses it for a guest without ES. */
	REQUIRE(host_open(&h, NULL, false));
	advance(&h, LUPDATE, 0);
	CHECK_INT(fw_launch_update_vmsa(host_psp(&h), host_vm(&h)->handle, h.ram, 1),
		SEV_RET_POLICY_FAILURE);
	host_close(&h);
}

static void test_measure(void)
{
	struct sev_launch_measure m = { 0 };
	struct sev_measure out;
	static struct host h;

	REQUIRE(host_open(&h, NULL, false));
	advance(&h, LUPDATE, 0);
	CHECK_INT(host_op(&h, SEV_CMD_LAUNCH_MEASURE, &m), SEV_RET_INVALID_LEN);
	CHECK_INT(m.len, SEV_MEASURE_LEN);
	m = (struct sev_launch_measure){ .uaddr = (uintptr_t)&out, .len = 47 };
	CHECK_INT(host_op(&h, SEV_CMD_LAUNCH_MEASURE, &m), SEV_RET_INVALID_LEN);
	CHECK_INT(m.len, SEV_MEASURE_LEN);
	m.len = 49;
	CHECK_INT(host_op(&h, SEV_CMD_LAUNCH_MEASURE, &m), SEV_RET_INVALID_LEN);
	m.len = SEV_BLOB_MAX + 1;
	CHECK_INT(host_op(&h, SEV_CMD_LAUNCH_MEASURE, &m), -EINVAL);
	m = (struct sev_launch_measure){ .len = SEV_MEASURE_LEN };
	CHECK_INT(host_op(&h, SEV_CMD_LAUNCH_MEASURE, &m), SEV_RET_INVALID_LEN);
	CHECK_INT(host_state(&h), SEV_GSTATE_LUPDATE);
	CHECK_INT(host_measure(&h, &out), 0);
	host_close(&h);
}

/* ---- LAUNCH_START ----------------------------------------------------------------------- */

static void test_policy(void)
{
	static const struct {
		bool csv, es_vm;
		uint32_t policy;
		int want;
	} cases[] = {
		{ false, false, 0, 0 },
		{ false, false, 0x3b, 0 },
		{ false, false, 0x37010000, 0 },			/* 1.55: this one */
		{ false, false, 0xff000000, 0 },			/* 0.255 */
		{ false, false, 0x38010000, SEV_RET_POLICY_FAILURE },	/* 1.56 */
		{ false, false, 0x00020000, SEV_RET_POLICY_FAILURE },	/* 2.0 */
		{ false, false, 0x40, SEV_RET_POLICY_FAILURE },		/* reserved */
		{ false, false, 0x8000, SEV_RET_POLICY_FAILURE },
		{ false, false, 0x4, SEV_RET_INVALID_ASID },		/* KVM prepared plain SEV */
		{ false, true, 0x4, 0 },
		{ false, true, 0x1, SEV_RET_INVALID_ASID },
		{ true, false, 0x1, 0 },
		{ true, false, 0x03010000, 0 },
		{ true, false, 0x04010000, SEV_RET_POLICY_FAILURE },
		{ true, false, 0x40, SEV_RET_POLICY_FAILURE },		/* CSV3 */
		{ true, false, 0x80, 0 },
		{ true, false, 0x100, SEV_RET_POLICY_FAILURE },		/* HSK version 1 */
	};
	struct soft_psp *psps[2];

	REQUIRE(!soft_psp_create(NULL, false, false, &psps[0], NULL));
	REQUIRE(!soft_psp_create(NULL, true, false, &psps[1], NULL));
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct soft_psp *psp = psps[cases[i].csv];
		static struct host h;
		int r;

		REQUIRE(host_open_on(&h, psp));
		CHECK_INT(host_op(&h, cases[i].es_vm ? SEV_CMD_ES_INIT : SEV_CMD_INIT, NULL), 0);
		r = host_start(&h, cases[i].policy);
		if (r != cases[i].want)
			printf("# policy 0x%x\n", cases[i].policy);
		CHECK_INT(r, cases[i].want);
		CHECK_INT(fw_guest_count(psp), !r);
		CHECK_INT(psp->state, r ? SOFT_INIT : SOFT_WORKING);
		/* A refusal leaves a machine that can still be launched. */
		if (r)
			CHECK_INT(host_start(&h, cases[i].es_vm ? SEV_POLICY_ES : 0), 0);
		host_close(&h);
		CHECK_INT(psp->state, SOFT_INIT);
	}
	/* ES on a platform that was initialised without. */
	fw_shutdown(psps[0]);
	CHECK_INT(fw_init(psps[0], false), 0);
	{
		struct sev_platform_status st;
		static struct host h;

		REQUIRE(host_open_on(&h, psps[0]));
		CHECK_INT(host_platform(&h, SEV_PLATFORM_STATUS, &st), 0);
		CHECK_INT(st.flags, 0);
		CHECK_INT(host_op(&h, SEV_CMD_ES_INIT, NULL), 0);
		CHECK_INT(host_start(&h, SEV_POLICY_ES), SEV_RET_POLICY_FAILURE);
		host_close(&h);
	}
	soft_psp_destroy(psps[0]);
	soft_psp_destroy(psps[1]);
}

/* One thing wrong with the owner's session at a time. */
static void sessions(bool csv)
{
	static const char *const what[] = { "fine", "wrap_tk", "wrap_iv", "wrap_mac", "policy mac",
		"nonce", "other policy", "session too short", "too long", "no session",
		"no certificate", "certificate too short", "point off its curve", "usage", "curve",
		"blob over 16 KiB", "null", "new PDH" };
	struct soft_psp *psp;

	REQUIRE(!soft_psp_create(NULL, csv, false, &psp, NULL));
	for (unsigned int i = 0; i < ARRAY_SIZE(what); i++) {
		struct sev_launch_start s;
		int want = SEV_RET_BAD_MEASUREMENT, r;
		static struct host h;
		struct owner o;

		REQUIRE(host_open_on(&h, psp));
		REQUIRE(!owner_init(&o, &h, csv, 1, NULL));
		CHECK_INT(host_op(&h, SEV_CMD_INIT, NULL), 0);
		s = owner_start_args(&o);
		switch (i) {
		case 0: want = 0; break;
		case 1: o.session[20] ^= 1; break;
		case 2: o.session[50] ^= 1; break;
		case 3: o.session[70] ^= 1; break;
		case 4: o.session[100] ^= 1; break;
		case 5: o.session[0] ^= 1; break;
		case 6: s.policy = 0; break;
		case 7: s.session_len--; want = SEV_RET_INVALID_LEN; break;
		case 8: s.session_len++; want = SEV_RET_INVALID_LEN; break;
		case 9: s.session_uaddr = 0; want = SEV_RET_INVALID_LEN; break;
		case 10: s.dh_uaddr = 0; want = SEV_RET_INVALID_LEN; break;
		case 11: s.dh_len--; want = SEV_RET_INVALID_LEN; break;
		case 12: o.godh.pubkey.qx[3] ^= 1; want = SEV_RET_INVALID_CERTIFICATE; break;
		case 13: o.godh.usage = le32_make(SEV_USAGE_PEK);
			want = SEV_RET_INVALID_CERTIFICATE; break;
		case 14: o.godh.pubkey.curve = le32_make(1);
			want = SEV_RET_INVALID_CERTIFICATE; break;
		case 15: s.dh_len = SEV_BLOB_MAX + 1; want = -EINVAL; break;
		case 16: s.session_len = 0; want = -EINVAL; break;
		case 17: CHECK_INT(host_platform(&h, SEV_PLATFORM_PDH_GEN, NULL), 0); break;
		}
		r = host_op(&h, SEV_CMD_LAUNCH_START, &s);
		if (r != want)
			printf("# %s: %s\n", csv ? "csv" : "sev", what[i]);
		CHECK_INT(r, want);
		CHECK_INT(s.handle != 0, !r);
		CHECK_INT(fw_guest_count(psp), !r);
		host_close(&h);
	}
	soft_psp_destroy(psp);
}

static void test_sessions_sev(void) { sessions(false); }
static void test_sessions_csv(void) { sessions(true); }

/* Key sharing: needs a guest, and the consent of both. */
static void test_sharing(void)
{
	static const struct {
		uint32_t first, second;
		bool no_such;
		int want;
	} cases[] = {
		{ 0, 0, false, 0 },
		{ 0, 0, true, SEV_RET_INVALID_GUEST },
		{ SEV_POLICY_NOKS, 0, false, SEV_RET_POLICY_FAILURE },
		{ 0, SEV_POLICY_NOKS, false, SEV_RET_POLICY_FAILURE },
	};
	struct soft_psp *psp;

	REQUIRE(!soft_psp_create(NULL, false, false, &psp, NULL));
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sev_launch_start s = { .policy = cases[i].second };
		static struct host h[2];
		uint32_t handle;

		REQUIRE(host_open_on(&h[0], psp) && host_open_on(&h[1], psp));
		CHECK_INT(host_begin(&h[0], cases[i].first), 0);
		CHECK_INT(host_op(&h[1], SEV_CMD_INIT, NULL), 0);
		s.handle = handle = host_vm(&h[0])->handle + (cases[i].no_such ? 7 : 0);
		CHECK_INT(host_op(&h[1], SEV_CMD_LAUNCH_START, &s), cases[i].want);
		if (!cases[i].want) {
			CHECK(s.handle && s.handle != handle);
			CHECK_INT(host_guest(&h[1])->vek, host_guest(&h[0])->vek);
		}
		host_close(&h[1]);
		host_close(&h[0]);
	}
	soft_psp_destroy(psp);
}

static void test_limits(void)
{
	static struct host h[SOFT_MAX_ASID + 1];
	unsigned int nr = 0, es = SOFT_MIN_SEV_ASID - 1, sev = SOFT_MAX_ASID - es;
	struct soft_psp *psp;

	REQUIRE(!soft_psp_create(NULL, false, false, &psp, NULL));
	/* ASIDs for ES, then all others; one machine more has none. */
	for (unsigned int i = 0; i < es; i++, nr++) {
		REQUIRE(host_open_on(&h[nr], psp));
		CHECK_INT(host_op(&h[nr], SEV_CMD_ES_INIT, NULL), 0);
	}
	REQUIRE(host_open_on(&h[nr], psp));
	CHECK_INT(host_op(&h[nr], SEV_CMD_ES_INIT, NULL), -EBUSY);
	CHECK_INT(host_op(&h[nr], SEV_CMD_INIT2, &(struct sev_init2){ 0 }), 0);
	CHECK_INT(host_start(&h[nr], SEV_POLICY_ES), -EBUSY);
	CHECK_INT(fw_guest_count(psp), 0);
	for (unsigned int i = 1; i < sev; i++) {
		REQUIRE(host_open_on(&h[++nr], psp));
		CHECK_INT(host_op(&h[nr], SEV_CMD_INIT, NULL), 0);
	}
	REQUIRE(host_open_on(&h[++nr], psp));
	CHECK_INT(host_op(&h[nr], SEV_CMD_INIT, NULL), -EBUSY);
	/* Handles: fewer than ASIDs here. */
	for (unsigned int i = 0; i < SOFT_MAX_GUESTS; i++)
		CHECK_INT(host_start(&h[i], i < es ? SEV_POLICY_ES : 0), 0);
	CHECK_INT(host_start(&h[SOFT_MAX_GUESTS], 0), SEV_RET_RESOURCE_LIMIT);
	/* One goes: its handle's place is free, its ASID too. */
	host_close(&h[5]);
	CHECK_INT(host_start(&h[SOFT_MAX_GUESTS], 0), 0);
	CHECK_INT(host_op(&h[nr], SEV_CMD_INIT, NULL), 0);
	for (unsigned int i = 0; i <= nr; i++)
		if (i != 5)
			host_close(&h[i]);
	CHECK_INT(fw_guest_count(psp), 0);
	for (unsigned int i = 0; i <= SOFT_MAX_ASID; i++)
		CHECK(!psp->asid_taken[i]);
	soft_psp_destroy(psp);
}

/* ---- LAUNCH_SECRET ---------------------------------------------------------------------- */

static void secrets(bool csv)
{
	static const char *const what[] = { "data bit", "iv bit", "mac bit", "other launch's",
		"header short", "header null", "header long", "length 8", "length 0",
		"lengths differ", "unaligned", "over a page's end", "outside of memory",
		"compressed", "reserved flag", "no data", "store fails",
		"fine", "replayed", "replayed elsewhere", "another one" };
	static struct host h;
	struct sev_measure m, other;
	struct packet good, p;
	struct owner o;

	REQUIRE(host_open(&h, NULL, csv));
	REQUIRE(!owner_init(&o, &h, csv, 1, NULL));
	CHECK_INT(host_op(&h, SEV_CMD_INIT, NULL), 0);
	CHECK_INT(host_reg(&h), 0);
	CHECK_INT(owner_start(&o, &h), 0);
	CHECK_INT(host_update(&h, 0, 0x1000), 0);
	CHECK_INT(host_measure(&h, &m), 0);
	CHECK_INT(owner_seal(&o, &m, text, sizeof(text), 0, &good), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(what); i++) {
		int want = SEV_RET_BAD_MEASUREMENT, r;
		struct sev_launch_secret s;

		memset(h.priv + 0x5000, 0, 0x1000);
		p = good;
		s = packet_args(&p, &h, 0x5000);
		switch (i) {
		case 0: p.data[63] ^= 0x80; break;
		case 1: p.hdr.iv[0] ^= 1; break;
		case 2: p.hdr.mac[31] ^= 1; break;
		case 3: other = m; other.measure[0] ^= 1;
			CHECK_INT(owner_seal(&o, &other, text, sizeof(text), 0, &p), 0); break;
		case 4: s.hdr_len = 51; want = SEV_RET_INVALID_LEN; break;
		case 5: s.hdr_uaddr = 0; want = -EINVAL; break;
		case 6: s.hdr_len = SEV_BLOB_MAX + 1; want = -EINVAL; break;
		case 7: s.guest_len = s.trans_len = 8; want = SEV_RET_INVALID_LEN; break;
		case 8: s.guest_len = 0; want = -EINVAL; break;
		case 9: s.trans_len = 48; want = SEV_RET_INVALID_LEN; break;
		case 10: s.guest_uaddr += 8; want = SEV_RET_INVALID_ADDRESS; break;
		case 11: s.guest_uaddr += 0xfd0; want = -EINVAL; break;
		case 12: s.guest_uaddr += RAM_SIZE; want = -EFAULT; break;
		case 13: p.hdr.flags = le32_make(1); want = SEV_RET_UNSUPPORTED; break;
		case 14: p.hdr.flags = le32_make(0x80000000); want = SEV_RET_INVALID_PARAM; break;
		case 15: s.trans_len = 0; want = -EINVAL; break;
		case 16: h.fail_write = -ENOSPC; want = -ENOSPC; break;
		case 17: want = 0; break;
		case 18: want = SEV_RET_SECURE_DATA_INVALID; break;
		case 19: s.guest_uaddr += 0x100; want = SEV_RET_SECURE_DATA_INVALID; break;
		case 20: want = owner_seal(&o, &m, text, sizeof(text), 0, &p); break;
		}
		r = host_op(&h, SEV_CMD_LAUNCH_SECRET, &s);
		if (r != want)
			printf("# %s: %s\n", csv ? "csv" : "sev", what[i]);
		CHECK_INT(r, want);
		h.fail_write = 0;
		CHECK_INT(!memcmp(h.priv + 0x5000, text, sizeof(text)), !r);
		CHECK_INT(host_state(&h), SEV_GSTATE_LSECRET);
	}
	/* Memory for replays is bounded, and the bound is not silent. */
	for (unsigned int i = 2; i < SOFT_MAX_SECRETS; i++) {
		CHECK_INT(owner_seal(&o, &m, text, 16, 0, &p), 0);
		CHECK_INT(packet_send(&p, &h, 0x5000), 0);
	}
	CHECK_INT(owner_seal(&o, &m, text, 16, 0, &p), 0);
	CHECK_INT(packet_send(&p, &h, 0x5000), SEV_RET_RESOURCE_LIMIT);
	host_close(&h);
}

static void test_secrets_sev(void) { secrets(false); }
static void test_secrets_csv(void) { secrets(true); }

/* ---- Debugging, migration ---------------------------------------------------------------- */

static void test_dbg(void)
{
	static const struct {
		uint32_t policy;
		int dbg, send;
	} cases[] = {
		{ 0, 0, SEV_RET_UNSUPPORTED },
		{ SEV_POLICY_NODBG, SEV_RET_POLICY_FAILURE, SEV_RET_UNSUPPORTED },
		{ SEV_POLICY_NOSEND, 0, SEV_RET_POLICY_FAILURE },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct soft_memory plain = { 0 };
		uint8_t in[16] = "debugger", out[16] = "";
		struct sev_dbg d;
		static struct host h;

		REQUIRE(host_open(&h, NULL, false));
		advance(&h, RUNNING, cases[i].policy);
		d = (struct sev_dbg){ (uintptr_t)in, host_addr(&h, 0x100), sizeof(in), 0 };
		CHECK_INT(host_op(&h, SEV_CMD_DBG_ENCRYPT, &d), cases[i].dbg);
		CHECK_INT(!memcmp(h.priv + 0x100, in, sizeof(in)), !cases[i].dbg);
		d.len = 0;
		CHECK_INT(host_op(&h, SEV_CMD_DBG_ENCRYPT, &d), -EINVAL);
		d.len = 16;
		d.dst_uaddr = host_addr(&h, RAM_SIZE);
		CHECK_INT(host_op(&h, SEV_CMD_DBG_ENCRYPT, &d), -EFAULT);
		CHECK_INT(host_op(&h, 8, NULL), cases[i].send);
		host_vm(&h)->memory = plain;
		memcpy(h.ram + 0x100, in, sizeof(in));
		d = (struct sev_dbg){ host_addr(&h, 0x100), (uintptr_t)out, sizeof(out), 0 };
		CHECK_INT(host_op(&h, SEV_CMD_DBG_DECRYPT, &d), cases[i].dbg);
		CHECK_INT(!memcmp(in, out, sizeof(in)), !cases[i].dbg);
		host_close(&h);
	}
}

/* The processor itself, below what KVM lets through. */
static void test_firmware(void)
{
	struct fw_launch_start start = { .policy = 0 };
	struct sev_guest_status st;
	struct soft_psp *psp;

	REQUIRE(!soft_psp_create(NULL, false, false, &psp, NULL));
	CHECK_INT(fw_launch_start(psp, &start), SEV_RET_INVALID_PLATFORM_STATE);
	CHECK_INT(fw_guest_status(psp, 1, &st), SEV_RET_INVALID_PLATFORM_STATE);
	CHECK_INT(fw_pdh_gen(psp), SEV_RET_INVALID_PLATFORM_STATE);
	CHECK_INT(fw_pek_gen(psp), SEV_RET_INVALID_PLATFORM_STATE);
	CHECK_INT(fw_launch_finish(psp, 1), SEV_RET_INVALID_PLATFORM_STATE);
	CHECK_INT(fw_init(psp, true), 0);
	CHECK_INT(fw_init(psp, true), SEV_RET_INVALID_PLATFORM_STATE);
	CHECK_INT(fw_activate(psp, 1, 5), SEV_RET_INVALID_PLATFORM_STATE);
	CHECK_INT(fw_decommission(psp, 1), SEV_RET_INVALID_PLATFORM_STATE);
	CHECK_INT(fw_launch_start(psp, &start), 0);
	CHECK_INT(fw_activate(psp, start.handle + 1, 5), SEV_RET_INVALID_GUEST);
	CHECK_INT(fw_activate(psp, start.handle, 0), SEV_RET_INVALID_ASID);
	CHECK_INT(fw_activate(psp, start.handle, SOFT_MAX_ASID + 1), SEV_RET_INVALID_ASID);
	CHECK_INT(fw_activate(psp, start.handle, 1), SEV_RET_INVALID_ASID);
	CHECK_INT(fw_activate(psp, start.handle, 5), 0);
	CHECK_INT(fw_activate(psp, start.handle, 6), SEV_RET_ACTIVE);
	CHECK_INT(fw_decommission(psp, start.handle), SEV_RET_ACTIVE);
	CHECK_INT(fw_factory_reset(psp), SEV_RET_INVALID_PLATFORM_STATE);
	CHECK_INT(fw_pek_gen(psp), SEV_RET_INVALID_PLATFORM_STATE);
	CHECK_INT(fw_deactivate(psp, start.handle + 1), SEV_RET_INVALID_GUEST);
	CHECK_INT(fw_deactivate(psp, start.handle), 0);
	CHECK_INT(fw_decommission(psp, start.handle), 0);
	CHECK_INT(psp->state, SOFT_INIT);
	soft_psp_destroy(psp);
}

int main(void)
{
	RUN(test_states);
	RUN(test_pointers);
	RUN(test_init2);
	RUN(test_regions);
	RUN(test_update_data);
	RUN(test_update_vmsa);
	RUN(test_measure);
	RUN(test_policy);
	RUN(test_sessions_sev);
	RUN(test_sessions_csv);
	RUN(test_sharing);
	RUN(test_limits);
	RUN(test_secrets_sev);
	RUN(test_secrets_csv);
	RUN(test_dbg);
	RUN(test_firmware);
	return tests_done();
}
