/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COSE_Sign1 (RFC 9052, 4.2) with ECDSA (RFC 9053, 2.1), and COSE_Key for such keys: the two
 * halves of a realm's token. Each algorithm goes with one curve: ES384 with P-384, ES256 with
 * P-256. virtCCA's tokens have RSASSA-PSS (RFC 8230) with 4096 bits, which is only verified.
 */
#ifndef ATTEST_COSE_H
#define ATTEST_COSE_H

#include <stddef.h>
#include <stdint.h>

#include "attest/cbor.h"

struct key;

enum cose_alg {
	COSE_ES256 = -7, COSE_ES384 = -35, COSE_PS256 = -37, COSE_PS384 = -38, COSE_PS512 = -39,
};

struct cose_bytes {
	const uint8_t *p;	/* borrowed from the input */
	size_t len;
};

struct cose_sign1 {
	enum cose_alg alg;
	struct cose_bytes protected, payload, sig;
};

/*
 * A tagged COSE_Sign1 and nothing behind it, with its payload inside and no header that must be
 * understood. -EBADMSG: it is not; -ENOTSUP: another algorithm.
 */
int cose_sign1_parse(const void *bytes, size_t len, struct cose_sign1 *out);
/* -EBADMSG: not by this key; -EINVAL: a key of another curve; -ENOMEM. */
int cose_sign1_verify(const struct cose_sign1 *s, const struct key *key);

/* Sign payload; the object is appended to out. -EINVAL, -ENOMEM, -EIO. */
int cose_sign1_put(struct cbor_out *out, const struct key *key, const void *payload, size_t len);

#define COSE_KEY_MAX 128	/* P-384: 110 bytes */
int cose_key_put(struct cbor_out *out, const struct key *key);
int cose_key_parse(const void *bytes, size_t len, struct key **out);	/* -EBADMSG: none */

/* A point as SEC 1 writes it, uncompressed: 0x04 || x || y. */
#define COSE_POINT_MAX 97
int cose_point_put(const struct key *key, uint8_t out[COSE_POINT_MAX], size_t *len);
int cose_point_parse(const void *bytes, size_t len, struct key **out);	/* -EBADMSG: none */

#endif
