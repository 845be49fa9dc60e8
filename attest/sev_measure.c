/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/sev_measure.h"

#include <errno.h>

#include "base/le.h"

/* SEV API, LAUNCH_MEASURE: the byte that keeps this MAC apart from a packet's. */
#define CONTEXT_MEASURE 0x04

int sev_measure(enum attest_alg alg, const struct sev_measure_info *info,
	const uint8_t tik[ALG_KEY_LEN], struct sev_measure *out)
{
	const uint8_t head[] = { CONTEXT_MEASURE, info->api_major, info->api_minor, info->build };
	le32 policy = le32_make(info->policy);
	const struct alg_part parts[] = {
		{ head, sizeof(head) },
		{ &policy, sizeof(policy) },
		{ info->digest, sizeof(info->digest) },
		{ out->mnonce, sizeof(out->mnonce) },
	};

	return alg_hmac(alg, tik, ALG_KEY_LEN, parts, 4, out->measure);
}

int sev_measure_verify(enum attest_alg alg, const struct sev_measure_info *info,
	const uint8_t tik[ALG_KEY_LEN], const struct sev_measure *seen)
{
	struct sev_measure expected = *seen;
	int r = sev_measure(alg, info, tik, &expected);

	if (r < 0)
		return r;
	return alg_equal(&expected, seen, sizeof(expected)) ? 0 : -EBADMSG;
}
