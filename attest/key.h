/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asymmetric keys: P-384 for SEV and realms, SM2 for CSV, RSA for AMD's two roots, P-256 for
 * some platforms of realms. Numbers go in and out as certificates carry them, little-endian in
 * fields of 72 bytes (512 for RSA).
 */
#ifndef ATTEST_KEY_H
#define ATTEST_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key_kind { KEY_P384, KEY_SM2, KEY_RSA2048, KEY_RSA4096, KEY_P256 };
enum key_digest { KEY_SHA256, KEY_SHA384, KEY_SHA512, KEY_SM3 };

#define KEY_FIELD 72		/* bytes of a coordinate, r or s in a certificate */
#define KEY_RSA_FIELD 512
#define KEY_UID_MAX 254		/* SM2 user id, part of each signature */
#define KEY_Z_LEN 48		/* ECDH on P-384 */

struct key;	/* public, or public and private */

void key_free(struct key *key); /* NULL is fine; private parts are wiped */
enum key_kind key_kind(const struct key *key);
bool key_has_private(const struct key *key);

/* All of these: 0, -EINVAL for a value that is no key (point off the curve), -ENOMEM, -EIO. */
int key_generate(enum key_kind kind, struct key **out);
/* Private scalar d, big-endian, 48 bytes (P-384) or 32; the public part is computed. */
int key_from_scalar(enum key_kind kind, const uint8_t *d, size_t len, struct key **out);
int key_from_point(enum key_kind kind, const uint8_t x[KEY_FIELD], const uint8_t y[KEY_FIELD],
	struct key **out);
int key_from_rsa(const uint8_t *modulus, size_t modulus_len, const uint8_t *exponent,
	size_t exponent_len, struct key **out); /* both little-endian */

int key_point(const struct key *key, uint8_t x[KEY_FIELD], uint8_t y[KEY_FIELD]);
int key_rsa(const struct key *key, uint8_t modulus[KEY_RSA_FIELD],
	uint8_t exponent[KEY_RSA_FIELD], size_t *modulus_len);

/*
 * Private keys to and from bytes (PKCS #8 DER), for whoever keeps them in a file. buf NULL asks
 * for the length. Returns the length, or -ENOSPC. Wipe the buffer.
 */
int key_export(const struct key *key, uint8_t *buf, size_t size);
int key_import(const void *der, size_t len, struct key **out);

/*
 * key_spki.c: public keys as X.509 has them (SubjectPublicKeyInfo), in DER or, on import, PEM
 * as well. Export returns the length, or -ENOSPC; import knows the kinds above and no others.
 */
#define KEY_SPKI_MAX 600	/* PEM: twice that */
int key_spki_export(const struct key *key, uint8_t *der, size_t size);
int key_spki_export_pem(const struct key *key, char *text, size_t size); /* no NUL */
int key_spki_import(const void *bytes, size_t len, struct key **out);

/* SM2 user id; a key without one signs with the default of the standard. -EINVAL: too long. */
int key_set_uid(struct key *key, const void *uid, size_t len);
const uint8_t *key_uid(const struct key *key, size_t *len);

/* ECDSA or SM2 signature of msg. verify: 0, -EBADMSG for a wrong one. */
int key_sign(const struct key *key, enum key_digest digest, const void *msg, size_t len,
	uint8_t r[KEY_FIELD], uint8_t s[KEY_FIELD]);
int key_verify(const struct key *key, enum key_digest digest, const void *msg, size_t len,
	const uint8_t r[KEY_FIELD], const uint8_t s[KEY_FIELD]);

/* RSA-PSS, MGF1 with the same hash, salt as long as the digest; sig little-endian. */
int key_sign_pss(const struct key *key, enum key_digest digest, const void *msg, size_t len,
	uint8_t sig[KEY_RSA_FIELD]);
int key_verify_pss(const struct key *key, enum key_digest digest, const void *msg, size_t len,
	const uint8_t *sig, size_t sig_len);

/* x coordinate of the common point, big-endian. P-384 only. */
int key_ecdh(const struct key *own, const struct key *peer, uint8_t z[KEY_Z_LEN]);

/*
 * SM2 public-key encryption as 0x04 || x1 || y1 || C3 || C2, so 97 bytes longer than the text.
 * Return the length written; decrypt: -EBADMSG for anything that is not such a message.
 */
#define KEY_SM2_OVERHEAD 97
int key_sm2_encrypt(const struct key *peer, const void *in, size_t len, uint8_t *out, size_t size);
int key_sm2_decrypt(const struct key *own, const uint8_t *in, size_t len, void *out, size_t size);

#endif
