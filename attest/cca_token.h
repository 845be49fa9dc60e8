/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attestation token of an Arm CCA realm: two signed sets of claims in one envelope, after
 * DEN0137 and the Internet-Draft draft-ffm-rats-cca-token.
 *
 *	platform token	signed by the platform's key (CPAK); its challenge is the hash of
 *	realm token	the key (RAK) that signs this one, whose challenge is the verifier's
 *
 * Two generations are written, and read in any mixture that the draft allows:
 *
 *	CCA_LEGACY	tag 399, no profile in the realm token, RAK as a bare point
 *	CCA_CURRENT	tag 907 (RATS conceptual message wrapper), profiles, RAK as COSE_Key
 *
 * virtCCA has the legacy form with the realm's half alone, whose key is the device's (RSA).
 *
 * Everything parsed points into the input, which must stay.
 */
#ifndef ATTEST_CCA_TOKEN_H
#define ATTEST_CCA_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/cose.h"
#include "attest/rim.h"

struct key;
struct tvm_error;

#define CCA_CHALLENGE_LEN 64
#define CCA_REMS 4
#define CCA_COMPONENTS_MAX 32
#define CCA_TOKEN_MAX 65536	/* longer input is no token */

enum cca_form { CCA_LEGACY, CCA_CURRENT };

struct cca_component {
	struct cose_bytes type, measurement, version, signer, hash; /* p NULL: absent */
};

struct cca_platform {
	struct cose_sign1 sign;
	unsigned int generation;	/* of the profile: 0 legacy, 1 2023, 2 2024 */
	struct cose_bytes profile, challenge, impl_id, instance_id, config, service, hash;
	uint64_t lifecycle;
	unsigned int nr_components;
	struct cca_component components[CCA_COMPONENTS_MAX];
};

struct cca_realm {
	struct cose_sign1 sign;
	unsigned int generation;
	struct cose_bytes profile;	/* p NULL: legacy */
	struct cose_bytes challenge, rpv, rim, rem[CCA_REMS], rak;
	enum rim_hash hash, rak_hash;
};

struct cca_token {
	enum cca_form form;
	bool virtcca;			/* platform is all zero */
	struct cca_platform platform;
	struct cca_realm realm;
};

/* Structure and claims; no signature. -EBADMSG, and err says which half and claim. */
int cca_token_parse(const void *bytes, size_t len, struct cca_token *out, struct tvm_error *err);

/*
 * Platform signature with cpak, profiles that belong together, binding of the RAK, realm
 * signature. virtCCA: cpak is the key of the device's certificate, which the caller has judged;
 * the token must name it, and be signed with it. What claims say is the caller's to judge.
 * -EBADMSG: refused.
 */
int cca_token_verify(const struct cca_token *token, const struct key *cpak, struct tvm_error *err);

bool cca_lifecycle_secured(uint64_t lifecycle);
const char *cca_lifecycle_name(uint64_t lifecycle);

/* Of a software platform: its implementation id says so (soft_id.h), whoever signed it. */
bool cca_token_soft(const struct cca_token *token);

/* ---- cca_build.c: the platform's side ----------------------------------------------------- */

struct cca_realm_claims {
	uint8_t challenge[CCA_CHALLENGE_LEN];
	uint8_t rpv[RIM_RPV_LEN];
	enum rim_hash hash;
	uint8_t rim[RIM_MAX];
	uint8_t rem[CCA_REMS][RIM_MAX];
};

struct cca_platform_claims {
	uint8_t impl_id[32];
	uint8_t instance_id[33];
	const char *config;		/* its characters are the claim's bytes */
	uint16_t lifecycle;
	const char *component, *version; /* the one software component, measured as signer */
	uint8_t measurement[32], signer[32];
};

#define CCA_RAK_MAX COSE_KEY_MAX

/* The key as the realm's claim has it: what the platform's challenge is the hash of. */
int cca_rak_put(enum cca_form form, const struct key *rak, uint8_t out[CCA_RAK_MAX], size_t *len);

/*
 * The halves, signed, and the whole: each into size bytes at buf; returns the length. -ENOSPC,
 * -ENOMEM, -EIO.
 */
int cca_platform_build(enum cca_form form, const struct cca_platform_claims *claims,
	const struct key *cpak, const struct key *rak, uint8_t *buf, size_t size);
int cca_realm_build(enum cca_form form, const struct cca_realm_claims *claims,
	const struct key *rak, uint8_t *buf, size_t size);
int cca_token_build(enum cca_form form, const void *platform, size_t platform_len,
	const void *realm, size_t realm_len, uint8_t *buf, size_t size);

#endif
