/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vendor's two certificates above a CEK: AMD's ASK and ARK (RSA), Hygon's HSK and HRK (SM2,
 * in csv_ca.c). Files hold the lower one first: ASK || ARK, HSK || HRK.
 */
#ifndef ATTEST_SEV_CA_H
#define ATTEST_SEV_CA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/sev_cert.h"

#define SEV_CA_ID_LEN 16
#define SEV_CA_MAX 1600		/* AMD, RSA 4096; RSA 2048 and Hygon: 832 */
#define SEV_CA_PAIR_MAX (2 * SEV_CA_MAX)

/* A parsed certificate; raw is what was signed, and the signature. */
struct sev_ca {
	enum attest_alg alg;
	enum sev_usage usage;		/* SEV_USAGE_ASK or SEV_USAGE_ARK */
	uint8_t key_id[SEV_CA_ID_LEN];
	uint8_t certifying_id[SEV_CA_ID_LEN];
	struct key *key;		/* owned; public */
	size_t len;
	uint8_t raw[SEV_CA_MAX];
};

/* Lower one and root. */
struct sev_roots {
	struct sev_ca ask;
	struct sev_ca ark;
};

/*
 * Parse one certificate at the start of data; returns its length. -EINVAL: err says why.
 * sev_ca_fini() releases it; fine on a zeroed one.
 */
int sev_ca_parse(struct sev_ca *ca, enum attest_alg alg, const void *data, size_t len,
	struct tvm_error *err);
void sev_ca_fini(struct sev_ca *ca);

/* Both of a file, which they must fill to the last byte. */
int sev_roots_parse(struct sev_roots *roots, enum attest_alg alg, const void *data, size_t len,
	struct tvm_error *err);
void sev_roots_fini(struct sev_roots *roots);

/* 0, or -EBADMSG: ca was not signed by signer, or its certifying id is another's. */
int sev_ca_verify(const struct sev_ca *ca, const struct sev_ca *signer, struct tvm_error *err);

/* ARK <- ARK, ASK <- ARK, CEK <- ASK. Whether the ARK is to be trusted is the caller's: */
int sev_roots_verify(const struct sev_roots *roots, const struct sev_cert *cek,
	struct tvm_error *err);

/* The software platform's root: attest/soft_id.h. */
bool sev_roots_soft(const struct sev_roots *roots);

/* The vendor's root as far as one is built in, to verify an ASK with: Hygon's. -ENOENT: none. */
int sev_ca_builtin(struct sev_ca *ca, enum attest_alg alg);

/* Whether the root is that one. AMD has one for each generation, none is built in. */
bool sev_roots_known(const struct sev_roots *roots);

/*
 * Make a certificate of key, signed by signer (key itself for a root), for software platforms:
 * RSA for SEV, SM2 for CSV. out has room for SEV_CA_MAX bytes; returns the length.
 */
int sev_ca_build(uint8_t *out, enum attest_alg alg, enum sev_usage usage, const struct key *key,
	const uint8_t key_id[SEV_CA_ID_LEN], const struct key *signer,
	const uint8_t certifying_id[SEV_CA_ID_LEN]);

#endif
