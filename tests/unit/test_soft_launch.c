/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launches that succeed on the software secure processor, judged by the owner's side: chain,
 * session, measurement, secret, report, for both algorithm sets.
 */
#include <time.h>

#include "attest/sev_ca.h"
#include "attest/sev_report.h"
#include "tests/unit/test_soft.h"

static const char secret_text[64] = "the secret, padded to a multiple of sixteen bytes";

/* The whole flow, step by step, with the state after each. */
static void whole_launch(bool csv, int init, uint32_t policy, bool plain_memory)
{
	static struct host h;
	struct soft_memory plain = { 0 };
	uint8_t digest[ALG_HASH_LEN], expected[0x2000 + 4096];
	struct sev_measure m, again;
	struct sev_guest_status st;
	struct sev_init2 init2 = { 0 };
	struct packet p;
	struct owner o;
	bool es = policy & SEV_POLICY_ES;

	REQUIRE(host_open(&h, NULL, csv));
	if (plain_memory)
		host_vm(&h)->memory = plain;
	h.vcpus = 1;
	REQUIRE(!owner_init(&o, &h, csv, policy, NULL));
	CHECK_INT(host_op(&h, init, init == SEV_CMD_INIT2 ? &init2 : NULL), 0);
	CHECK_INT(host_reg(&h), 0);
	CHECK_INT(owner_start(&o, &h), 0);
	CHECK_INT(host_state(&h), SEV_GSTATE_LUPDATE);
	memcpy(expected, h.ram, 0x1000);
	memcpy(expected + 0x1000, h.ram + 0x3000, 0xb0);
	CHECK_INT(host_update(&h, 0, 0x1000), 0);
	CHECK_INT(host_update(&h, 0x3000, 0xb0), 0);
	fake_page(0, expected + 0x10b0);
	if (es)
		CHECK_INT(host_op(&h, SEV_CMD_LAUNCH_UPDATE_VMSA, NULL), 0);
	digest_of(csv, expected, 0x10b0 + (es && !plain_memory ? 4096 : 0), digest);
	CHECK_INT(host_measure(&h, &m), 0);
	CHECK_INT(host_state(&h), SEV_GSTATE_LSECRET);
	CHECK_INT(owner_verify(&o, &h, digest, &m), 0);
	digest[0] ^= 1;
	CHECK_INT(owner_verify(&o, &h, digest, &m), -EBADMSG);

	CHECK_INT(owner_seal(&o, &m, secret_text, sizeof(secret_text), 0, &p), 0);
	CHECK_INT(packet_send(&p, &h, 0x5000), 0);
	CHECK(!memcmp((plain_memory ? h.ram : h.priv) + 0x5000, secret_text, sizeof(secret_text)));
	if (!plain_memory) {
		CHECK(h.ram[0] == NOISE && h.ram[0xfff] == NOISE && h.ram[0x1000] == 0);
		CHECK(!memcmp(h.priv, expected, 0x1000));
		CHECK(h.ram[0x5000] == 0);
	}
	CHECK_INT(host_op(&h, SEV_CMD_LAUNCH_FINISH, NULL), 0);
	CHECK_INT(host_op(&h, SEV_CMD_GUEST_STATUS, &st), 0);
	CHECK_INT(st.state, SEV_GSTATE_RUNNING);
	CHECK_INT(st.policy, policy);
	CHECK_INT(st.handle, host_vm(&h)->handle);
	CHECK_INT(host_measure(&h, &again), SEV_RET_INVALID_GUEST_STATE);
	host_close(&h);
}

static void test_sev(void) { whole_launch(false, SEV_CMD_INIT, 0x1, false); }
static void test_sev_init2(void) { whole_launch(false, SEV_CMD_INIT2, 0x1, false); }
static void test_sev_es(void) { whole_launch(false, SEV_CMD_ES_INIT, 0x5, false); }
static void test_sev_es_init2(void) { whole_launch(false, SEV_CMD_INIT2, 0x5, false); }
static void test_csv(void) { whole_launch(true, SEV_CMD_INIT, 0x1, false); }
static void test_csv2(void) { whole_launch(true, SEV_CMD_ES_INIT, 0x5, false); }
static void test_plain_memory(void) { whole_launch(false, SEV_CMD_ES_INIT, 0x5, true); }

/* Nonces are fresh and TIKs are the platform's own when nobody asks for a measurement. */
static void test_no_owner(void)
{
	struct sev_measure m[2];
	static struct host h[2];

	for (int i = 0; i < 2; i++) {
		REQUIRE(host_open(&h[i], NULL, false));
		CHECK_INT(host_begin(&h[i], 1), 0);
		CHECK_INT(host_update(&h[i], 0, 0x1000), 0);
		CHECK_INT(host_measure(&h[i], &m[i]), 0);
		CHECK_INT(host_op(&h[i], SEV_CMD_LAUNCH_FINISH, NULL), 0);
	}
	CHECK(memcmp(m[0].mnonce, m[1].mnonce, sizeof(m[0].mnonce)));
	CHECK(memcmp(m[0].measure, m[1].measure, sizeof(m[0].measure)));
	host_close(&h[0]);
	host_close(&h[1]);
}

/* Two guests on one platform, taking turns: neither sees the other's keys or digest. */
static void test_two_guests(void)
{
	struct sev_platform_status st;
	struct sev_measure m[2];
	static struct host h[2];
	struct soft_psp *psp;
	uint8_t digest[2][ALG_HASH_LEN];
	struct packet p[2];
	struct owner o[2];

	REQUIRE(!soft_psp_create(NULL, false, false, &psp, NULL));
	for (int i = 0; i < 2; i++) {
		REQUIRE(host_open_on(&h[i], psp));
		REQUIRE(!owner_init(&o[i], &h[i], false, 1, NULL));
		CHECK_INT(host_op(&h[i], SEV_CMD_INIT, NULL), 0);
		CHECK_INT(host_reg(&h[i]), 0);
		CHECK_INT(owner_start(&o[i], &h[i]), 0);
	}
	CHECK(host_vm(&h[0])->handle != host_vm(&h[1])->handle);
	CHECK(host_vm(&h[0])->asid != host_vm(&h[1])->asid);
	CHECK_INT(host_platform(&h[0], SEV_PLATFORM_STATUS, &st), 0);
	CHECK_INT(st.state, SOFT_WORKING);
	CHECK_INT(st.guest_count, 2);
	for (int i = 0; i < 2; i++) {
		digest_of(false, h[i].ram, i ? 0x2000 : 0x1000, digest[i]);
		CHECK_INT(host_update(&h[i], 0, i ? 0x2000 : 0x1000), 0);
	}
	for (int i = 0; i < 2; i++)
		CHECK_INT(host_measure(&h[i], &m[i]), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_INT(owner_verify(&o[i], &h[i], digest[i], &m[i]), 0);
		CHECK_INT(owner_verify(&o[i], &h[i], digest[1 - i], &m[i]), -EBADMSG);
		CHECK_INT(owner_verify(&o[1 - i], &h[i], digest[i], &m[i]), -EBADMSG);
		CHECK_INT(owner_seal(&o[i], &m[i], secret_text, 64, 0, &p[i]), 0);
	}
	CHECK_INT(packet_send(&p[0], &h[1], 0x5000), SEV_RET_BAD_MEASUREMENT);
	CHECK_INT(packet_send(&p[0], &h[0], 0x5000), 0);
	CHECK_INT(packet_send(&p[1], &h[1], 0x5000), 0);
	host_close(&h[0]);
	CHECK_INT(host_op(&h[1], SEV_CMD_LAUNCH_FINISH, NULL), 0);
	CHECK_INT(fw_guest_count(psp), 1);
	CHECK_INT(psp->state, SOFT_WORKING);
	host_close(&h[1]);
	CHECK_INT(psp->state, SOFT_INIT);
	soft_psp_destroy(psp);
}

static void report(bool csv)
{
	enum attest_alg alg = csv ? ATTEST_CSV : ATTEST_SEV;
	struct sev_attestation_report a = { .len = 0 };
	uint8_t digest[ALG_HASH_LEN];
	struct sev_report rep;
	static struct host h;
	struct sev_measure m;
	struct owner o;

	REQUIRE(host_open(&h, NULL, csv));
	REQUIRE(!owner_init(&o, &h, csv, 1, NULL));
	CHECK_INT(host_begin(&h, 1), 0);
	digest_of(csv, h.ram, 0x1000, digest);
	CHECK_INT(host_update(&h, 0, 0x1000), 0);
	CHECK_INT(host_op(&h, SEV_CMD_GET_ATTESTATION_REPORT, &a), SEV_RET_INVALID_LEN);
	CHECK_INT(a.len, sizeof(rep));
	a.uaddr = (uintptr_t)&rep;
	a.len = sizeof(rep) - 1;
	CHECK_INT(host_op(&h, SEV_CMD_GET_ATTESTATION_REPORT, &a), SEV_RET_INVALID_LEN);
	a.len = SEV_BLOB_MAX + 1;
	CHECK_INT(host_op(&h, SEV_CMD_GET_ATTESTATION_REPORT, &a), -EINVAL);
	for (int step = 0; step < 3; step++) {
		a.len = 4096;
		memset(a.mnonce, 0x70 + step, sizeof(a.mnonce));
		memset(&rep, 0, sizeof(rep));
		CHECK_INT(host_op(&h, SEV_CMD_GET_ATTESTATION_REPORT, &a), 0);
		CHECK_INT(a.len, sizeof(rep));
		CHECK_INT(sev_report_verify(&rep, alg, &o.chain.pek, NULL), 0);
		CHECK(!memcmp(rep.mnonce, a.mnonce, sizeof(a.mnonce)));
		CHECK(!memcmp(rep.digest, digest, sizeof(digest)));
		CHECK_INT(le32_get(rep.policy), 1);
		rep.digest[0] ^= 1;
		CHECK_INT(sev_report_verify(&rep, alg, &o.chain.pek, NULL), -EBADMSG);
		if (step == 0)
			CHECK_INT(host_measure(&h, &m), 0);
		else if (step == 1)
			CHECK_INT(host_op(&h, SEV_CMD_LAUNCH_FINISH, NULL), 0);
	}
	host_close(&h);
}

static void test_report_sev(void) { report(false); }
static void test_report_csv(void) { report(true); }

/* A session that names a launch digest is good for that one only. */
static void test_csv_vm_digest(void)
{
	for (int wrong = 0; wrong < 2; wrong++) {
		struct csv_session_info info = { 0 };
		static struct host h;
		struct sev_measure m;
		struct owner o;

		REQUIRE(host_open(&h, NULL, true));
		digest_of(true, h.ram, 0x1000, info.vm_digest);
		info.vm_digest[31] ^= (uint8_t)wrong;
		REQUIRE(!owner_init(&o, &h, true, 1, &info));
		CHECK_INT(host_op(&h, SEV_CMD_INIT, NULL), 0);
		CHECK_INT(host_reg(&h), 0);
		CHECK_INT(owner_start(&o, &h), 0);
		CHECK_INT(host_update(&h, 0, 0x1000), 0);
		CHECK_INT(host_measure(&h, &m), 0);
		CHECK_INT(host_op(&h, SEV_CMD_LAUNCH_FINISH, NULL),
			wrong ? SEV_RET_BAD_MEASUREMENT : 0);
		CHECK_INT(host_state(&h), wrong ? SEV_GSTATE_LSECRET : SEV_GSTATE_RUNNING);
		host_close(&h);
	}
}

/* hag's flag 2; SEV knows none. */
static void test_csv_flags(void)
{
	for (int csv = 0; csv < 2; csv++) {
		static struct host h;
		struct sev_measure m;
		struct packet p;
		struct owner o;

		REQUIRE(host_open(&h, NULL, csv));
		REQUIRE(!owner_init(&o, &h, csv, 1, NULL));
		CHECK_INT(host_op(&h, SEV_CMD_INIT, NULL), 0);
		CHECK_INT(host_reg(&h), 0);
		CHECK_INT(owner_start(&o, &h), 0);
		CHECK_INT(host_update(&h, 0, 0x1000), 0);
		CHECK_INT(host_measure(&h, &m), 0);
		CHECK_INT(owner_seal(&o, &m, secret_text, 64, 2, &p), 0);
		CHECK_INT(packet_send(&p, &h, 0x5000), csv ? 0 : SEV_RET_INVALID_PARAM);
		host_close(&h);
	}
}

/* Closing wipes: what is left of the processor holds no transport key. */
static void test_wipe(void)
{
	struct soft_guest *g;
	struct attest_tk zero = { 0 };
	struct soft_psp *psp;
	struct sev_measure m;
	static struct host h;

	REQUIRE(!soft_psp_create(NULL, false, false, &psp, NULL));
	REQUIRE(host_open_on(&h, psp));
	CHECK_INT(host_begin(&h, 1), 0);
	g = host_guest(&h);
	REQUIRE(g);
	CHECK(memcmp(&g->tk, &zero, sizeof(zero)));
	CHECK_INT(host_update(&h, 0, 0x1000), 0);
	CHECK_INT(host_measure(&h, &m), 0);
	CHECK_INT(host_op(&h, SEV_CMD_LAUNCH_FINISH, NULL), 0);
	CHECK(!memcmp(&g->tk, &zero, sizeof(zero)));
	host_close(&h);
	CHECK(!g->handle && !g->policy && !g->digest && !g->asid);
	CHECK(!memcmp(&g->measure, &(struct sev_measure){ 0 }, sizeof(g->measure)));
	soft_psp_destroy(psp);
}

static uint64_t ms_of_launch(bool delays)
{
	struct soft_opts opts = { .delays = delays };
	struct timespec a, b;
	static struct host h;

	host_init(&h);
	if (sev_backend_soft_open(&opts, &h.b, NULL) < 0)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &a);
	CHECK_INT(host_begin(&h, 1), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	host_close(&h);
	return (uint64_t)((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000);
}

static void test_delays(void)
{
	CHECK(ms_of_launch(true) >= 25);
	/* Not how fast it is, which a loaded machine may spoil: that nothing waits. */
	CHECK(ms_of_launch(false) < 1000);
}

int main(void)
{
	RUN(test_sev);
	RUN(test_sev_init2);
	RUN(test_sev_es);
	RUN(test_sev_es_init2);
	RUN(test_csv);
	RUN(test_csv2);
	RUN(test_plain_memory);
	RUN(test_no_owner);
	RUN(test_two_guests);
	RUN(test_report_sev);
	RUN(test_report_csv);
	RUN(test_csv_vm_digest);
	RUN(test_csv_flags);
	RUN(test_wipe);
	RUN(test_delays);
	return tests_done();
}
