/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/sev_report.h"

#include <errno.h>

#include "attest/csv_report.h"
#include "tests/unit/test_attest_chain.h"
#include "tests/unit/test_attest_vectors.h"
#include "tvm.h"

static struct tvm_error err;

static void pek_make(enum attest_alg alg, struct key **key, struct sev_cert *cert)
{
	test_key(alg, "PEK", false, key);
	REQUIRE(!sev_cert_build(cert, alg, SEV_USAGE_PEK, *key, 1, 3));
}

static void test_sev(void)
{
	for (enum attest_alg alg = ATTEST_SEV; alg <= ATTEST_CSV; alg++) {
		struct sev_report report = { .policy = le32_make(5) };
		struct sev_cert cert, other_cert;
		struct key *key = NULL, *other = NULL;

		pek_make(alg, &key, &cert);
		pek_make(alg, &other, &other_cert);
		count_from(0x50, report.mnonce, 16);
		REQUIRE(!sev_report_sign(&report, alg, key));
		CHECK(!sev_report_verify(&report, alg, &cert, &err));
		CHECK_INT(sev_report_verify(&report, alg, &other_cert, &err), -EBADMSG);
		CHECK(sev_report_verify(&report, !alg, &cert, &err) < 0);
		for (size_t at = 0; at < sizeof(report); at++) {
			((uint8_t *)&report)[at] ^= 1;
			if (at < 60 || at >= 64)	/* a reserved word, not signed */
				CHECK(sev_report_verify(&report, alg, &cert, &err) < 0);
			((uint8_t *)&report)[at] ^= 1;
		}
		key_free(key);
		key_free(other);
	}
}

static void test_layout(void)
{
	struct sev_report report = { .policy = le32_make(0x01020305) };
	struct sev_cert cert;
	struct key *key = NULL;

	pek_make(ATTEST_SEV, &key, &cert);
	REQUIRE(!sev_report_sign(&report, ATTEST_SEV, key));
	CHECK(is_hex((uint8_t *)&report + 48, 16, "05030201" "02100000" "02000000" "00000000"));
	key_free(key);
}

static void csv_report_make(struct csv_report *report, struct key **key)
{
	struct sev_cert cert;

	pek_make(ATTEST_CSV, key, &cert);
	memset(report, 0, sizeof(*report));
	report->pek = cert;
	report->policy = le32_make(0x40000001);
	report->anonce = le32_make(0x1291429b);
	memcpy(report->serial, "NZA9T14052605", 13);
	memcpy(report->user_data, "nonce of the verifier", 21);
	count_from(0x50, report->mnonce, 16);
	count_from(0x80, report->measure, 32);
	REQUIRE(!csv_report_sign(report, *key));
}

static void test_csv(void)
{
	struct csv_report report, plain;
	struct key *key = NULL;

	csv_report_make(&report, &key);
	/* As stored, nothing of it can be read. */
	CHECK(memcmp(report.serial, "NZA9T14052605", 13));
	CHECK_INT(le32_get(report.policy), 0x40000001 ^ 0x1291429b);
	REQUIRE(!csv_report_verify(&report, &plain, &err));
	CHECK(!strcmp((char *)plain.serial, "NZA9T14052605"));
	CHECK(!strcmp((char *)plain.user_data, "nonce of the verifier"));
	CHECK_INT(le32_get(plain.policy), 0x40000001);
	CHECK_INT(le32_get(plain.sig_usage), SEV_USAGE_PEK);
	CHECK(is_hex(plain.mnonce, 16, "505152535455565758595a5b5c5d5e5f"));
	key_free(key);
}

static void test_csv_flipped(void)
{
	struct csv_report report, plain;
	struct key *key = NULL;

	csv_report_make(&report, &key);
	for (size_t at = 0; at < sizeof(report); at += at < 0x160 ? 1 : 19) {
		((uint8_t *)&report)[at] ^= 1;
		if (!csv_report_verify(&report, &plain, &err)) {
			printf("# byte 0x%zx\n", at);
			CHECK(false);
		}
		((uint8_t *)&report)[at] ^= 1;
	}
	CHECK(!csv_report_verify(&report, &plain, &err));
	key_free(key);
}

int main(void)
{
	RUN(test_sev);
	RUN(test_layout);
	RUN(test_csv);
	RUN(test_csv_flipped);
	return tests_done();
}
