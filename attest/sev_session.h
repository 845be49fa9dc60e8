/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEV session: how the owner's transport keys reach the processor. The owner makes a key pair
 * (GODH), agrees with the platform's PDH on a secret Z by ECDH, and wraps TEK and TIK:
 *
 *	M = KDF(Z, master, nonce)   KEK = KDF(M, kek)   KIK = KDF(M, kik)
 *	nonce | wrap_tk = CTR(KEK, iv, TEK TIK) | iv | HMAC(KIK, wrap_tk) | HMAC(TIK, policy)
 */
#ifndef ATTEST_SEV_SESSION_H
#define ATTEST_SEV_SESSION_H

#include <stdint.h>

#include "attest/alg.h"
#include "attest/key.h"
#include "attest/sev_cert.h"

struct sev_session {
	uint8_t nonce[16];
	uint8_t wrap_tk[32];
	uint8_t wrap_iv[16];
	uint8_t wrap_mac[32];
	uint8_t policy_mac[32];
};

_Static_assert(sizeof(struct sev_session) == 128, "session layout");

/* What the owner draws at random. */
struct sev_session_seed {
	uint8_t nonce[16];
	uint8_t wrap_iv[16];
	struct attest_tk tk;
};

/*
 * Owner: a session for the platform with this PDH (checked, not verified: sev_chain_verify()).
 * godh is the certificate that goes with it, tk is to be kept.
 */
int sev_session_create(const struct sev_cert *pdh, uint32_t policy, struct sev_session *session,
	struct sev_cert *godh, struct attest_tk *tk, struct tvm_error *err);

/*
 * Processor: check and unwrap with the private PDH. -EINVAL: godh is no such certificate;
 * -EBADMSG: a MAC is wrong (keys, or policy). Nothing is decrypted before WRAP_MAC is right.
 */
int sev_session_open(const struct sev_session *session, const struct sev_cert *godh,
	const struct key *pdh, uint32_t policy, struct attest_tk *tk, struct tvm_error *err);

/* The parts below ECDH: z is the common secret. For the functions above, and for vectors. */
int sev_session_wrap(const uint8_t *z, size_t z_len, const struct sev_session_seed *seed,
	uint32_t policy, struct sev_session *session);
int sev_session_unwrap(const uint8_t *z, size_t z_len, const struct sev_session *session,
	uint32_t policy, struct attest_tk *tk);

#endif
