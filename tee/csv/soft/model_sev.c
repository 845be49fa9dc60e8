/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SEV algorithm set: P-384, SHA-256, AES; roots with RSA 2048 as AMD's first generation.
 *
 * The version is a choice: 1.55 build 21 is a firmware of second-generation EPYC, recent
 * enough for everything that owners ask for (measurement bound to secrets since 0.17,
 * attestation report, INIT_EX), and the one of the vectors in sev-csv.md 12.4.
 */
#include "tee/csv/soft/soft.h"

#include <errno.h>
#include <string.h>

#include "attest/sev_session.h"

static int session_open(const void *session, const struct sev_cert *godh, const struct key *pdh,
	uint32_t policy, struct attest_tk *tk, uint8_t vm_digest[ALG_HASH_LEN])
{
	struct sev_session s;

	memcpy(&s, session, sizeof(s));
	memset(vm_digest, 0, ALG_HASH_LEN);
	return sev_session_open(&s, godh, pdh, policy, tk, NULL);
}

static const char *no_uid(enum sev_usage usage)
{
	return NULL;
}

const struct soft_model soft_model_sev = {
	.name = "sev",
	.alg = ATTEST_SEV,
	.key_kind = KEY_P384,
	.root_kind = KEY_RSA2048,
	.api_major = 1,
	.api_minor = 55,
	.build = 21,
	.policy_bits = SEV_POLICY_NODBG | SEV_POLICY_NOKS | SEV_POLICY_ES | SEV_POLICY_NOSEND |
		SEV_POLICY_DOMAIN | SEV_POLICY_SEV,
	.session_len = sizeof(struct sev_session),
	.session_open = session_open,
	.uid = no_uid,
};
