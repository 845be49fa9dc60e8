/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV session: 772 bytes. No key agreement: the master secret is drawn at random and encrypted
 * to the platform's PDH with SM2; the blob is signed with the owner's key, whose certificate
 * (GODH) goes with it.
 */
#ifndef ATTEST_CSV_SESSION_H
#define ATTEST_CSV_SESSION_H

#include <stdint.h>

#include "attest/alg.h"
#include "attest/key.h"
#include "attest/sev_cert.h"
#include "base/le.h"

#define CSV_USER_UID "GUEST_USER_ID"

struct csv_session {
	uint8_t nonce[16];
	uint8_t wrap_tk[32];
	uint8_t wrap_iv[16];
	uint8_t wrap_mac[32];
	uint8_t session_mac[32];
	uint8_t key_id[16];		/* zero: meaning not public */
	uint8_t rnd_pub_key[148];	/* zero: meaning not public */
	uint8_t ms_enc[256];		/* 129 bytes, then zero */
	uint8_t vm_digest[32];		/* expected launch digest; zero: any */
	uint8_t user_pubkey_digest[32];
	uint8_t vm_id[16];
	uint8_t vm_version[16];
	uint8_t user_data[64];
	uint8_t sig_r[32];		/* little-endian; over everything before */
	uint8_t sig_s[32];
};

#define CSV_SESSION_SIGNED 708
_Static_assert(sizeof(struct csv_session) == 772, "session layout");

/* What the owner says about the machine; each may be zero. */
struct csv_session_info {
	uint8_t vm_digest[32];
	uint8_t vm_id[16];
	uint8_t vm_version[16];
	uint8_t user_data[64];
};

/* As sev_session_create() and sev_session_open(). info may be NULL. */
int csv_session_create(const struct sev_cert *pdh, uint32_t policy,
	const struct csv_session_info *info, struct csv_session *session, struct sev_cert *godh,
	struct attest_tk *tk, struct tvm_error *err);
int csv_session_open(const struct csv_session *session, const struct sev_cert *godh,
	const struct key *pdh, uint32_t policy, struct attest_tk *tk, struct tvm_error *err);

/* Below SM2: secret is the 16 random bytes z, or the 32-byte master secret. For vectors. */
int csv_session_master(const uint8_t z[16], const uint8_t nonce[16], uint8_t master[32]);
int csv_session_wrap(const uint8_t master[32], const struct attest_tk *tk, uint32_t policy,
	struct csv_session *session); /* reads wrap_iv and the signed fields, fills the MACs */
int csv_session_unwrap(const uint8_t master[32], const struct csv_session *session,
	uint32_t policy, struct attest_tk *tk);

#endif
