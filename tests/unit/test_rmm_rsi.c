/* SPDX-License-Identifier: Apache-2.0 */
/* RSI: version, configuration, host calls, measurements and tokens. */
#include "tests/unit/test_rmm.h"

#include "attest/text.h"
#include "base/le.h"

#define UNTOUCHED 0xeeeeeeeeeeeeeeeeULL

static struct rmm_params params;

static void test_version(void)
{
	static const uint64_t others[] = { 0, 1, 0x10001, 0x20000, 0x20001, 0x10000000010000 };

	REQUIRE(rig_start(&params));
	CHECK_INT(call(RSI_VERSION, 0x10000, 0, 0, 0), RSI_SUCCESS);
	CHECK(rig.x[1] == 0x10000 && rig.x[2] == 0x10000 && rig.x[5] == UNTOUCHED);
	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		CHECK_INT(call(RSI_VERSION, others[i], 0, 0, 0), RSI_ERROR_INPUT);
		CHECK(rig.x[1] == 0x10000 && rig.x[2] == 0x10000);
	}
	CHECK_INT(call(RSI_FEATURES, 0, 0, 0, 0), RSI_SUCCESS);
	CHECK(!rig.x[1]);
	CHECK_INT(call(RSI_FEATURES, UINT64_MAX, 0, 0, 0), RSI_SUCCESS);
	CHECK(!rig.x[1]);
}

/* Calls that a 1.0 manager does not have, by the wrong door, or from nobody. */
static void test_unknown(void)
{
	REQUIRE(rig_start(&params));
	for (uint64_t n = RSI_CALLS; n < RSI_FID_COUNT; n++)
		CHECK(call((enum rsi_call)n, 0, 0, 0, 0) == RSI_NOT_SUPPORTED);
	rig.x[0] = RSI_FID_FIRST;
	rmm_call(rig.rmm, 0, false, rig.x);
	CHECK(rig.x[0] == RSI_NOT_SUPPORTED);
	rig.x[0] = RSI_FID_FIRST - 1;
	rmm_call(rig.rmm, 0, true, rig.x);
	CHECK(rig.x[0] == RSI_NOT_SUPPORTED);
	rig.x[0] = RSI_FID_FIRST;
	rmm_call(rig.rmm, 2, true, rig.x);
	CHECK(rig.x[0] == RSI_NOT_SUPPORTED);
	/* SMCCC: the upper half of x0 does not count. */
	rig.x[0] = 0xffffffff00000000 | RSI_FID_FIRST;
	rig.x[1] = RSI_VERSION_1_0;
	rmm_call(rig.rmm, 1, true, rig.x);
	CHECK(rig.x[0] == RSI_SUCCESS);
	CHECK(rmm_stats(rig.rmm)->unknown == RSI_FID_COUNT - RSI_CALLS + 3);
	REQUIRE(rig_new(&params));
	CHECK(call(RSI_VERSION, RSI_VERSION_1_0, 0, 0, 0) == RSI_NOT_SUPPORTED);
}

static void test_config(void)
{
	uint8_t rest = 0;

	REQUIRE(rig_start(&params));
	memset(rig.private, 0x77, sizeof(rig.private));
	CHECK_INT(call(RSI_REALM_CONFIG, AT(3), 0, 0, 0), RSI_SUCCESS);
	CHECK(le_load(rig.private + 3 * RMM_PAGE, 8) == 33);
	CHECK(le_load(rig.private + 3 * RMM_PAGE + 8, 8) == RIM_SHA256);
	CHECK(!memcmp(rig.private + 3 * RMM_PAGE + 0x200, params.rpv, RIM_RPV_LEN));
	for (unsigned int i = 16; i < RMM_PAGE; i++)
		if (i < 0x200 || i >= 0x240)
			rest |= rig.private[3 * RMM_PAGE + i];
	CHECK(!rest);
	CHECK(rig.private[4 * RMM_PAGE] == 0x77 && rig.private[3 * RMM_PAGE - 1] == 0x77);
	CHECK_INT(call(RSI_REALM_CONFIG, AT(3) + 8, 0, 0, 0), RSI_ERROR_INPUT);
	CHECK_INT(call(RSI_REALM_CONFIG, AT(3) | 1ULL << 32, 0, 0, 0), RSI_ERROR_INPUT);
	CHECK_INT(call(RSI_REALM_CONFIG, 0x9000000, 0, 0, 0), RSI_ERROR_INPUT);
	CHECK(!call(RSI_IPA_STATE_SET, AT(3), AT(4), RSI_EMPTY, 0));
	CHECK_INT(call(RSI_REALM_CONFIG, AT(3), 0, 0, 0), RSI_ERROR_INPUT);
	rig.fail = -EFAULT;
	CHECK_INT(call(RSI_REALM_CONFIG, AT(5), 0, 0, 0), RSI_ERROR_UNKNOWN);
}

static void test_host_call(void)
{
	uint8_t *p = rig.private + 4 * RMM_PAGE + 0x100;

	REQUIRE(rig_start(&params));
	le_store(p, 2, 0xabcd);
	le_store(p + 8, 8, 5);
	le_store(p + 16, 8, 6);
	CHECK_INT(call(RSI_HOST_CALL, AT(4) + 0x100, 0, 0, 0), RSI_SUCCESS);
	CHECK(rig.host_calls == 1 && rig.imm == 0xabcd);
	CHECK(le_load(p, 2) == 0xabcd && le_load(p + 8, 8) == ~5ULL && le_load(p + 16, 8) == 6);
	CHECK_INT(call(RSI_HOST_CALL, AT(4) + 0x80, 0, 0, 0), RSI_ERROR_INPUT);
	CHECK_INT(call(RSI_HOST_CALL, 0x9000000, 0, 0, 0), RSI_ERROR_INPUT);
	CHECK_INT(call(RSI_HOST_CALL, AT(4) | 1ULL << 32, 0, 0, 0), RSI_ERROR_INPUT);
	CHECK_INT(rig.host_calls, 1);
}

/* realm-simulation, 9: extend and read back. */
static void test_measurements(void)
{
	uint8_t value[64] = { 0 }, rem[RIM_MAX] = { 0 }, rim[RIM_MAX];

	REQUIRE(rig_start(&params));
	rmm_rim(rig.rmm, rim);
	CHECK_INT(call(RSI_MEASUREMENT_READ, 0, 0, 0, 0), RSI_SUCCESS);
	for (unsigned int i = 0; i < 8; i++)
		CHECK(rig.x[1 + i] == le_load(rim + 8 * i, 8));
	CHECK(rig.x[9] == UNTOUCHED);
	for (uint64_t index = 1; index <= 4; index++) {
		CHECK_INT(call(RSI_MEASUREMENT_READ, index, 0, 0, 0), RSI_SUCCESS);
		CHECK(!rig.x[1] && !rig.x[8]);
	}
	REQUIRE(!rim_digest(RIM_SHA256, "INITRD CONTENT", 14, value));
	rig.x[0] = RSI_FID_FIRST + RSI_MEASUREMENT_EXTEND;
	rig.x[1] = 3;
	rig.x[2] = 32;
	for (unsigned int i = 0; i < 8; i++)
		rig.x[3 + i] = le_load(value + 8 * i, 8);
	rmm_call(rig.rmm, 1, true, rig.x);
	CHECK_INT(rig.x[0], RSI_SUCCESS);
	REQUIRE(text_unhex("0e12577758af85e25863a40a13529d4eb4ebc2ab2deb72931bb1675f1ec9daa0", rem,
		32));
	CHECK_INT(call(RSI_MEASUREMENT_READ, 3, 0, 0, 0), RSI_SUCCESS);
	for (unsigned int i = 0; i < 8; i++)
		CHECK(rig.x[1 + i] == le_load(rem + 8 * i, 8));
	CHECK_INT(call(RSI_MEASUREMENT_READ, 2, 0, 0, 0), RSI_SUCCESS);
	CHECK(!rig.x[1]);
	CHECK_INT(call(RSI_MEASUREMENT_READ, 5, 0, 0, 0), RSI_ERROR_INPUT);
	CHECK(!rig.x[1] && !rig.x[8]);
	CHECK_INT(call(RSI_MEASUREMENT_EXTEND, 0, 32, 0, 0), RSI_ERROR_INPUT);
	CHECK_INT(call(RSI_MEASUREMENT_EXTEND, 5, 32, 0, 0), RSI_ERROR_INPUT);
	CHECK_INT(call(RSI_MEASUREMENT_EXTEND, 1, 65, 0, 0), RSI_ERROR_INPUT);
	CHECK_INT(call(RSI_MEASUREMENT_EXTEND, 1, UINT64_MAX, 0, 0), RSI_ERROR_INPUT);
	CHECK_INT(call(RSI_MEASUREMENT_EXTEND, 1, 0, 0, 0), RSI_SUCCESS);
	CHECK_INT(call(RSI_MEASUREMENT_EXTEND, 4, 64, 0, 0), RSI_SUCCESS);
	CHECK(!call(RSI_ATTESTATION_TOKEN_INIT, 0, 0, 0, 0));
	CHECK(!memcmp(rig.claims.rem[2], rem, RIM_MAX) && !memcmp(rig.claims.rim, rim, RIM_MAX));
}

/* The long hash fills all eight registers. */
static void test_sha512(void)
{
	struct rmm_params p = params;

	p.realm.hash = RIM_SHA512;
	REQUIRE(rig_start(&p));
	CHECK_INT(call(RSI_MEASUREMENT_READ, 0, 0, 0, 0), RSI_SUCCESS);
	CHECK(rig.x[5] && rig.x[8]);
	CHECK_INT(call(RSI_MEASUREMENT_EXTEND, 1, 8, 1, 0), RSI_SUCCESS);
	CHECK_INT(call(RSI_MEASUREMENT_READ, 1, 0, 0, 0), RSI_SUCCESS);
	CHECK(rig.x[8]);
	CHECK_INT(call(RSI_REALM_CONFIG, AT(1), 0, 0, 0), RSI_SUCCESS);
	CHECK(rig.private[RMM_PAGE + 8] == RIM_SHA512);
}

static bool right(const uint8_t *p, size_t from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != (uint8_t)((from + i) * 7 + (from + i) / 256))
			return false;
	return true;
}

/* As the guest's driver does it: inside a page until it is full, then the next one. */
static void test_token(void)
{
	size_t done = 0, offset = 0;
	unsigned int page = 10;
	uint64_t s;

	REQUIRE(rig_start(&params));
	rig.token_len = 5000;
	memset(rig.x, 0, sizeof(rig.x));
	for (unsigned int i = 0; i < 8; i++)
		rig.x[1 + i] = 0x0706050403020100 + 0x0808080808080808 * i;
	rig.x[0] = RSI_FID_FIRST + RSI_ATTESTATION_TOKEN_INIT;
	rmm_call(rig.rmm, 0, true, rig.x);
	CHECK_INT(rig.x[0], RSI_SUCCESS);
	CHECK_INT(rig.x[1], 8192);
	for (unsigned int i = 0; i < 64; i++)
		CHECK(rig.claims.challenge[i] == i);
	CHECK(!memcmp(rig.claims.rpv, params.rpv, RIM_RPV_LEN));
	CHECK_INT(call(RSI_ATTESTATION_TOKEN_CONTINUE, AT(10), 0, 0, 0), RSI_INCOMPLETE);
	CHECK_INT(rig.x[1], 0);
	do {
		size_t size = RMM_PAGE - offset < 1500 ? RMM_PAGE - offset : 1500;

		s = call(RSI_ATTESTATION_TOKEN_CONTINUE, AT(page), offset, size, 0);
		REQUIRE(s == RSI_INCOMPLETE || s == RSI_SUCCESS);
		CHECK(rig.x[1] && rig.x[1] <= size);
		CHECK(right(rig.private + page * RMM_PAGE + offset, done, rig.x[1]));
		done += rig.x[1];
		offset += rig.x[1];
		if (offset == RMM_PAGE) {
			offset = 0;
			page++;
		}
	} while (s == RSI_INCOMPLETE);
	CHECK_INT(done, 5000);
	CHECK_INT(call(RSI_ATTESTATION_TOKEN_CONTINUE, AT(10), 0, 100, 0), RSI_ERROR_STATE);
}

static void test_token_refused(void)
{
	static const struct {
		uint64_t ipa, offset, size;
	} bad[] = {
		{ AT(10) + 1, 0, 16 }, { AT(10), RMM_PAGE, 0 }, { AT(10), RMM_PAGE, 1 },
		{ AT(10), 1, RMM_PAGE }, { AT(10), 0, RMM_PAGE + 1 }, { AT(10), 16, UINT64_MAX },
		{ AT(10), UINT64_MAX, 16 }, { AT(10) | 1ULL << 32, 0, 16 }, { 0x9000000, 0, 16 },
		{ AT(11), 0, 16 },
	};

	REQUIRE(rig_start(&params));
	CHECK(!call(RSI_IPA_STATE_SET, AT(11), AT(12), RSI_EMPTY, 0));
	CHECK_INT(call(RSI_ATTESTATION_TOKEN_CONTINUE, AT(10), 0, 16, 0), RSI_ERROR_STATE);
	CHECK(!call(RSI_ATTESTATION_TOKEN_INIT, 0, 0, 0, 0));
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_INT(call(RSI_ATTESTATION_TOKEN_CONTINUE, bad[i].ipa, bad[i].offset,
			bad[i].size, 0), RSI_ERROR_INPUT);
		CHECK(!rig.x[1]);
	}
	/* None of that has cost a byte; a failing host neither. */
	rig.fail = -EFAULT;
	CHECK_INT(call(RSI_ATTESTATION_TOKEN_CONTINUE, AT(10), 0, 16, 0), RSI_ERROR_UNKNOWN);
	rig.fail = 0;
	CHECK_INT(call(RSI_ATTESTATION_TOKEN_CONTINUE, AT(10), 0, 1000, 0), RSI_SUCCESS);
	CHECK(right(rig.private + 10 * RMM_PAGE, 0, 1000));
	rig.fail = -EIO;
	CHECK_INT(call(RSI_ATTESTATION_TOKEN_INIT, 0, 0, 0, 0), RSI_ERROR_UNKNOWN);
	CHECK(!rig.x[1]);
}

/* Each vCPU has its own; a new one replaces what was in progress. */
static void test_token_vcpus(void)
{
	REQUIRE(rig_start(&params));
	CHECK(!call(RSI_ATTESTATION_TOKEN_INIT, 1, 0, 0, 0));
	rig.x[0] = RSI_FID_FIRST + RSI_ATTESTATION_TOKEN_CONTINUE;
	rig.x[1] = AT(12);
	rig.x[2] = 0;
	rig.x[3] = 16;
	rmm_call(rig.rmm, 1, true, rig.x);
	CHECK_INT(rig.x[0], RSI_ERROR_STATE);
	CHECK_INT(call(RSI_ATTESTATION_TOKEN_CONTINUE, AT(12), 0, 600, 0), RSI_INCOMPLETE);
	CHECK(!call(RSI_ATTESTATION_TOKEN_INIT, 2, 0, 0, 0));
	CHECK_INT(call(RSI_ATTESTATION_TOKEN_CONTINUE, AT(12), 0, 600, 0), RSI_INCOMPLETE);
	CHECK(right(rig.private + 12 * RMM_PAGE, 0, 600));
	CHECK_INT(call(RSI_ATTESTATION_TOKEN_CONTINUE, AT(12), 0, 600, 0), RSI_SUCCESS);
	CHECK_INT(rig.x[1], 400);
}

int main(void)
{
	params = rig_params();
	RUN(test_version);
	RUN(test_unknown);
	RUN(test_config);
	RUN(test_host_call);
	RUN(test_measurements);
	RUN(test_sha512);
	RUN(test_token);
	RUN(test_token_refused);
	RUN(test_token_vcpus);
	rmm_destroy(rig.rmm);
	return tests_done();
}
