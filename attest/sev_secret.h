/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launch secret packet: a header and the encrypted secret, bound to one measurement.
 *
 *	MAC = HMAC(TIK, 0x01 | flags | iv | guest_len | trans_len | ciphertext | measure)
 */
#ifndef ATTEST_SEV_SECRET_H
#define ATTEST_SEV_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "attest/alg.h"
#include "base/le.h"

struct tvm_error;

struct sev_secret_header {
	le32 flags;		/* bit 0: compressed, which nobody uses */
	uint8_t iv[16];
	uint8_t mac[32];
};

#define SEV_SECRET_HEADER_LEN 52
#define SEV_SECRET_MAX 16384	/* firmware's limit; lengths are multiples of 16 */
_Static_assert(sizeof(struct sev_secret_header) == SEV_SECRET_HEADER_LEN, "header layout");

/*
 * Owner: encrypt len bytes of text into out, same length. measure is the 32-byte HMAC of the
 * guest's launch, without its nonce. iv NULL: random. -EINVAL: length.
 */
int sev_secret_seal(enum attest_alg alg, const struct attest_tk *tk,
	const uint8_t measure[ALG_HASH_LEN], uint32_t flags, const uint8_t *iv, const void *text,
	size_t len, struct sev_secret_header *header, void *out, struct tvm_error *err);

/*
 * Processor: check, then decrypt trans into out, which has guest_len bytes. -EINVAL: lengths or
 * flags; -EBADMSG: the MAC is wrong, out is untouched.
 */
int sev_secret_open(enum attest_alg alg, const struct attest_tk *tk,
	const uint8_t measure[ALG_HASH_LEN], const struct sev_secret_header *header,
	const void *trans, size_t trans_len, void *out, size_t guest_len, struct tvm_error *err);

#endif
