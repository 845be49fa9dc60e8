/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launch measurement: the launch digest is one hash over everything measured, in order; the
 * measurement is its HMAC under the guest's TIK together with policy and firmware version.
 *
 *	HMAC(TIK, 0x04 | api_major | api_minor | build | policy | digest | mnonce)
 *
 * For CSV the same bytes with SM3 are an assumption: no public source states the formula. It
 * stands in this file only.
 */
#ifndef ATTEST_SEV_MEASURE_H
#define ATTEST_SEV_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "attest/alg.h"

/* What LAUNCH_MEASURE returns. */
struct sev_measure {
	uint8_t measure[ALG_HASH_LEN];
	uint8_t mnonce[16];
};

_Static_assert(sizeof(struct sev_measure) == 48, "measurement layout");

/* What is known about the platform and the guest. */
struct sev_measure_info {
	uint8_t api_major;
	uint8_t api_minor;
	uint8_t build;
	uint32_t policy;
	uint8_t digest[ALG_HASH_LEN];
};

/* Fill out->measure from info and out->mnonce. */
int sev_measure(enum attest_alg alg, const struct sev_measure_info *info,
	const uint8_t tik[ALG_KEY_LEN], struct sev_measure *out);

/* 0, or -EBADMSG when seen is not the measurement of info. Constant time. */
int sev_measure_verify(enum attest_alg alg, const struct sev_measure_info *info,
	const uint8_t tik[ALG_KEY_LEN], const struct sev_measure *seen);

#endif
