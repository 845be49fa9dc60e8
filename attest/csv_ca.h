/* SPDX-License-Identifier: Apache-2.0 */
/* Hygon's HSK and HRK: the SM2 half of sev_ca.h, through which it is used. */
#ifndef ATTEST_CSV_CA_H
#define ATTEST_CSV_CA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/sev_ca.h"

#define CSV_CA_LEN 832

int csv_ca_parse(struct sev_ca *ca, const uint8_t *data, size_t len, struct tvm_error *err);
int csv_ca_verify(const struct sev_ca *ca, const struct sev_ca *signer);
int csv_ca_build(uint8_t *out, enum sev_usage usage, const struct key *key, const uint8_t *key_id,
	const struct key *signer, const uint8_t *certifying_id);

/* Hygon's published root: its key, without its signature of itself. */
int csv_ca_hrk(struct sev_ca *ca);

/* Whether ca has id and key of it. */
bool csv_ca_is_hrk(const struct sev_ca *ca);

#endif
