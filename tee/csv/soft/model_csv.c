/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CSV algorithm set: SM2, SM3, SM4. Hygon publishes no firmware specification; this file
 * holds what the software processor decides for CSV, and what is known about each point:
 *
 *   settled  commands, structures, states	the openEuler kernel uses AMD's unchanged
 *   settled  certificates, signatures, session	csv-rs; HRK, HSK, CEK, PEK of a real machine verify
 *   settled  secret packet			hag's output has AMD's layout; HMAC-SM3, SM4-CTR
 *   open     measurement			no public formula: attest/sev_measure.h
 *   open     host's attestation report (id 20)	AMD's frame with SM2: attest/sev_report.h. The one
 *		that Hygon documents is asked for by the guest, past the VMM: attest/csv_report.h
 *   open     build number			32 bits on hardware: the openEuler kernel takes
 *		flags >> 9 | build << 23 from PLATFORM_STATUS, hag uses 1600 or 2311. A
 *		measurement has one byte for it. Software stays below 256, in the byte build, and
 *		leaves those flags zero: all readers see one number, also those that follow AMD's
 *		structure.
 *   open     vm_digest of a session		meaning inferred from its name: an expected
 *		launch digest. Not zero, and another one: LAUNCH_FINISH refuses.
 *   open     packet flags			hag sets 2; accepted, and covered by the MAC
 *   open     policy bits 11:8, 15:12		minimum versions of HSK and CEK; software has
 *		version 0 of both, so a policy that asks for more is refused
 */
#include "tee/csv/soft/soft.h"

#include <errno.h>
#include <string.h>

#include "attest/csv_session.h"
#include "attest/soft_id.h"

/* Policy, sev-csv.md 9.4 */
#define POLICY_CSV3 BIT_U32(6)		/* memory that the host cannot reach: no software for it */
#define POLICY_ASID_REUSE BIT_U32(7)
#define POLICY_HSK_VERSION (0xfU << 8)
#define POLICY_CEK_VERSION (0xfU << 12)

static int session_open(const void *session, const struct sev_cert *godh, const struct key *pdh,
	uint32_t policy, struct attest_tk *tk, uint8_t vm_digest[ALG_HASH_LEN])
{
	struct csv_session s;
	int r;

	memcpy(&s, session, sizeof(s));
	r = csv_session_open(&s, godh, pdh, policy, tk, NULL);
	if (!r)
		memcpy(vm_digest, s.vm_digest, ALG_HASH_LEN);
	return r;
}

/* Real ones are "HYGON-SSD-PEK" and so on; nobody should take ours for these. */
static const char *uid(enum sev_usage usage)
{
	switch (usage) {
	case SEV_USAGE_ARK:
	case SEV_USAGE_ASK:
		return SOFT_NAME;
	case SEV_USAGE_CEK:
		return "TVM-SOFT-CEK";
	case SEV_USAGE_OCA:
		return "TVM-SOFT-OCA";
	case SEV_USAGE_PEK:
		return "TVM-SOFT-PEK";
	default:
		return "TVM-SOFT-PDH";
	}
}

const struct soft_model soft_model_csv = {
	.name = "csv",
	.alg = ATTEST_CSV,
	.key_kind = KEY_SM2,
	.root_kind = KEY_SM2,
	.api_major = 1,
	.api_minor = 3,
	.build = 6,
	.policy_bits = SEV_POLICY_NODBG | SEV_POLICY_NOKS | SEV_POLICY_ES | SEV_POLICY_NOSEND |
		SEV_POLICY_DOMAIN | SEV_POLICY_SEV | POLICY_CSV3 | POLICY_ASID_REUSE |
		POLICY_HSK_VERSION | POLICY_CEK_VERSION,
	.policy_refused = POLICY_CSV3 | POLICY_HSK_VERSION | POLICY_CEK_VERSION,
	.secret_flags = 2,
	.session_len = sizeof(struct csv_session),
	.session_open = session_open,
	.uid = uid,
};
