/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/sev_report.h"

#include <errno.h>

#include "base/err.h"
#include "tvm.h"

int sev_report_sign(struct sev_report *report, enum attest_alg alg, const struct key *pek)
{
	bool csv = alg == ATTEST_CSV;

	report->sig_usage = le32_make(SEV_USAGE_PEK);
	report->sig_algo = le32_make(csv ? SEV_ALGO_SM2_SA : SEV_ALGO_ECDSA_SHA256);
	report->zero = le32_make(0);
	return key_sign(pek, csv ? KEY_SM3 : KEY_SHA256, report, SEV_REPORT_SIGNED, report->r,
		report->s);
}

static int digest_of(uint32_t algo, enum attest_alg alg, enum key_digest *digest)
{
	if (alg == ATTEST_SEV && algo == SEV_ALGO_ECDSA_SHA256)
		*digest = KEY_SHA256;
	else if (alg == ATTEST_SEV && algo == SEV_ALGO_ECDSA_SHA384)
		*digest = KEY_SHA384;
	else if (alg == ATTEST_CSV && algo == SEV_ALGO_SM2_SA)
		*digest = KEY_SM3;
	else
		return -EINVAL;
	return 0;
}

int sev_report_verify(const struct sev_report *report, enum attest_alg alg,
	const struct sev_cert *pek, struct tvm_error *err)
{
	enum key_digest digest;
	struct key *key;
	int r;

	if (le32_get(report->sig_usage) != SEV_USAGE_PEK)
		return err_set(err, -EINVAL, "report: signed by a key for %s (0x%x), not by a PEK",
			sev_usage_name(le32_get(report->sig_usage)), le32_get(report->sig_usage));
	if (digest_of(le32_get(report->sig_algo), alg, &digest) < 0)
		return err_set(err, -EINVAL, "report: signature algorithm 0x%x does not fit",
			le32_get(report->sig_algo));
	r = sev_cert_key(pek, alg, SEV_USAGE_PEK, &key, err);
	if (r < 0)
		return r;
	r = key_verify(key, digest, report, SEV_REPORT_SIGNED, report->r, report->s);
	key_free(key);
	return r < 0 ? err_set(err, r, "report: the signature is not by this PEK") : 0;
}
