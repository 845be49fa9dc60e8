/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attestation report of a running SEV guest (firmware API 1.x), asked for by the host and signed
 * with the PEK. For CSV the frame with SM2 is an assumption; the report that Hygon documents is
 * another one, which the guest asks for: csv_report.h.
 */
#ifndef ATTEST_SEV_REPORT_H
#define ATTEST_SEV_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "attest/alg.h"
#include "attest/sev_cert.h"
#include "base/le.h"

struct sev_report {
	uint8_t mnonce[16];		/* the caller's, echoed */
	uint8_t digest[ALG_HASH_LEN];	/* launch digest, no HMAC */
	le32 policy;
	le32 sig_usage;			/* SEV_USAGE_PEK */
	le32 sig_algo;
	le32 zero;
	uint8_t r[KEY_FIELD];
	uint8_t s[KEY_FIELD];
};

#define SEV_REPORT_SIGNED 52
_Static_assert(sizeof(struct sev_report) == 208, "report layout");
_Static_assert(offsetof(struct sev_report, sig_usage) == SEV_REPORT_SIGNED, "report layout");

/* Processor: mnonce, digest and policy are set; fill in the rest with the private PEK. */
int sev_report_sign(struct sev_report *report, enum attest_alg alg, const struct key *pek);

/* 0; -EBADMSG: not signed by this PEK; -EINVAL: fields. */
int sev_report_verify(const struct sev_report *report, enum attest_alg alg,
	const struct sev_cert *pek, struct tvm_error *err);

#endif
