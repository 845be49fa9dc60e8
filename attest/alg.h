/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two algorithm sets of the SEV family, behind one switch:
 *
 *	ATTEST_SEV	SHA-256  AES-128-CTR  HMAC-SHA256  KDF of SP 800-108   ECDH/ECDSA P-384
 *	ATTEST_CSV	SM3      SM4-CTR      HMAC-SM3     twice X9.63 on SM3  SM2
 *
 * Everything in attest/ is plain computation: no KVM, no files, no global state. It serves
 * both sides of the protocol, the guest owner (tvm-attest) and a software secure processor.
 * All functions may be called from any thread, each on its own objects.
 */
#ifndef ATTEST_ALG_H
#define ATTEST_ALG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum attest_alg { ATTEST_SEV, ATTEST_CSV };

#define ALG_HASH_LEN 32		/* of hash and HMAC, in both sets */
#define ALG_KEY_LEN 16		/* TEK, TIK; block length and IV as well */

/* The transport keys of one guest. Wipe with OPENSSL_cleanse(). */
struct attest_tk {
	uint8_t tek[ALG_KEY_LEN];	/* encrypts secrets */
	uint8_t tik[ALG_KEY_LEN];	/* key of measurement and packet MACs */
};

/* Bytes of somebody else. */
struct alg_part {
	const void *data;
	size_t len;
};

/* Hash and HMAC of the concatenated parts. 0, or -EIO when libcrypto fails. */
int alg_hash(enum attest_alg alg, const struct alg_part *parts, unsigned int nr,
	uint8_t out[ALG_HASH_LEN]);
int alg_hmac(enum attest_alg alg, const void *key, size_t key_len, const struct alg_part *parts,
	unsigned int nr, uint8_t out[ALG_HASH_LEN]);

/* CTR mode, both directions; the IV is the whole first counter block. in may equal out. */
int alg_ctr(enum attest_alg alg, const uint8_t key[ALG_KEY_LEN], const uint8_t iv[ALG_KEY_LEN],
	const void *in, void *out, size_t len);

/* Labels are "sev-master-secret", "csv-kek", ...: the set gives the prefix. */
enum alg_label { ALG_MASTER, ALG_KEK, ALG_KIK };

/* At most 256 bytes of key, context and output each. */
int alg_kdf(enum attest_alg alg, const void *key, size_t key_len, enum alg_label label,
	const void *ctx, size_t ctx_len, void *out, size_t out_len);

/* A hash that grows with the launch. */
struct alg_running;

int alg_running_new(enum attest_alg alg, struct alg_running **out); /* -ENOMEM */
void alg_running_free(struct alg_running *run); /* NULL is fine */
int alg_running_add(struct alg_running *run, const void *data, size_t len);
/* The hash so far; more may follow. */
int alg_running_get(const struct alg_running *run, uint8_t out[ALG_HASH_LEN]);

/* Constant time. */
bool alg_equal(const void *a, const void *b, size_t len);

/* Random bytes for keys, nonces and IVs: 0 or -EIO. */
int alg_random(void *out, size_t len);

#endif
