/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keys do: signatures and key exchange (SM2 encryption: key_sm2.c). Certificates and
 * packets carry bare numbers, OpenSSL speaks DER, so most of this is translation.
 */
#include "attest/key.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "attest/key_impl.h"

#define DER_MAX 256	/* two numbers of 72 bytes, and their frame */

static const EVP_MD *md_of(enum key_digest digest)
{
	switch (digest) {
	case KEY_SHA256: return EVP_sha256();
	case KEY_SHA384: return EVP_sha384();
	case KEY_SHA512: return EVP_sha512();
	case KEY_SM3: return EVP_sm3();
	}
	return NULL;
}

/* A context for one operation; SM2 wants its user id before the digest is initialised. */
static EVP_MD_CTX *md_ctx(const struct key *key, enum key_digest digest, bool sign,
	EVP_PKEY_CTX **pctx)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok;

	*pctx = ctx ? EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL) : NULL;
	if (!*pctx) {
		EVP_MD_CTX_free(ctx);
		return NULL;
	}
	EVP_MD_CTX_set_pkey_ctx(ctx, *pctx);	/* stays ours */
	ok = sign ? EVP_DigestSignInit(ctx, NULL, md_of(digest), NULL, key->pkey) :
		EVP_DigestVerifyInit(ctx, NULL, md_of(digest), NULL, key->pkey);
	if (ok == 1 && key->kind == KEY_SM2 && key->uid_len)
		ok = EVP_PKEY_CTX_set1_id(*pctx, key->uid, (int)key->uid_len);
	if (ok != 1) {
		EVP_MD_CTX_free(ctx);
		EVP_PKEY_CTX_free(*pctx);
		return NULL;
	}
	return ctx;
}

int key_sign(const struct key *key, enum key_digest digest, const void *msg, size_t len,
	uint8_t r[KEY_FIELD], uint8_t s[KEY_FIELD])
{
	uint8_t der[DER_MAX];
	const uint8_t *p = der;
	size_t der_len = sizeof(der);
	ECDSA_SIG *sig = NULL;
	EVP_PKEY_CTX *pctx;
	EVP_MD_CTX *ctx;
	int ok;

	if (!key->has_private || !key_field_len(key))
		return -EINVAL;
	ctx = md_ctx(key, digest, true, &pctx);
	if (!ctx)
		return -EIO;
	ok = EVP_DigestSign(ctx, der, &der_len, msg, len) == 1 &&
		(sig = d2i_ECDSA_SIG(NULL, &p, (long)der_len)) &&
		BN_bn2lebinpad(ECDSA_SIG_get0_r(sig), r, KEY_FIELD) == KEY_FIELD &&
		BN_bn2lebinpad(ECDSA_SIG_get0_s(sig), s, KEY_FIELD) == KEY_FIELD;
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_CTX_free(pctx);
	return ok ? 0 : -EIO;
}

int key_verify(const struct key *key, enum key_digest digest, const void *msg, size_t len,
	const uint8_t r[KEY_FIELD], const uint8_t s[KEY_FIELD])
{
	uint8_t der[DER_MAX], *p = der;
	EVP_PKEY_CTX *pctx = NULL;
	EVP_MD_CTX *ctx = NULL;
	BIGNUM *bn_r, *bn_s;
	ECDSA_SIG *sig;
	int der_len, good = 0;

	if (!key_field_len(key))
		return -EINVAL;
	sig = ECDSA_SIG_new();
	bn_r = BN_lebin2bn(r, KEY_FIELD, NULL);
	bn_s = BN_lebin2bn(s, KEY_FIELD, NULL);
	if (!sig || !bn_r || !bn_s || ECDSA_SIG_set0(sig, bn_r, bn_s) != 1) {
		BN_free(bn_r);
		BN_free(bn_s);
		ECDSA_SIG_free(sig);
		return -ENOMEM;
	}
	der_len = i2d_ECDSA_SIG(sig, NULL);
	if (der_len > 0 && der_len <= DER_MAX) {
		i2d_ECDSA_SIG(sig, &p);
		ctx = md_ctx(key, digest, false, &pctx);
		good = ctx && EVP_DigestVerify(ctx, der, (size_t)der_len, msg, len) == 1;
	}
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	if (ctx)
		EVP_PKEY_CTX_free(pctx);
	return good ? 0 : -EBADMSG;
}

static bool set_pss(EVP_PKEY_CTX *pctx)
{
	return EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

int key_sign_pss(const struct key *key, enum key_digest digest, const void *msg, size_t len,
	uint8_t sig[KEY_RSA_FIELD])
{
	uint8_t be[KEY_RSA_FIELD];
	size_t be_len = sizeof(be);
	EVP_PKEY_CTX *pctx;
	EVP_MD_CTX *ctx;
	int ok;

	if (!key->has_private || key_field_len(key))
		return -EINVAL;
	ctx = md_ctx(key, digest, true, &pctx);
	if (!ctx)
		return -EIO;
	ok = set_pss(pctx) && EVP_DigestSign(ctx, be, &be_len, msg, len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_CTX_free(pctx);
	if (!ok)
		return -EIO;
	memset(sig, 0, KEY_RSA_FIELD);
	key_reverse(sig, be, be_len);
	return 0;
}

int key_verify_pss(const struct key *key, enum key_digest digest, const void *msg, size_t len,
	const uint8_t *sig, size_t sig_len)
{
	size_t n = key->kind == KEY_RSA4096 ? 512 : 256;
	uint8_t be[KEY_RSA_FIELD];
	EVP_PKEY_CTX *pctx;
	EVP_MD_CTX *ctx;
	int good;

	if (key_field_len(key))
		return -EINVAL;
	if (sig_len < n || !key_is_zero(sig + n, sig_len - n))
		return -EBADMSG;
	ctx = md_ctx(key, digest, false, &pctx);
	if (!ctx)
		return -EIO;
	key_reverse(be, sig, n);
	good = set_pss(pctx) && EVP_DigestVerify(ctx, be, n, msg, len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_CTX_free(pctx);
	return good ? 0 : -EBADMSG;
}

int key_ecdh(const struct key *own, const struct key *peer, uint8_t z[KEY_Z_LEN])
{
	EVP_PKEY_CTX *ctx;
	size_t len = KEY_Z_LEN;
	int ok;

	if (own->kind != KEY_P384 || peer->kind != KEY_P384 || !own->has_private)
		return -EINVAL;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own->pkey, NULL);
	ok = ctx && EVP_PKEY_derive_init(ctx) == 1 &&
		EVP_PKEY_derive_set_peer(ctx, peer->pkey) == 1 &&
		EVP_PKEY_derive(ctx, z, &len) == 1 && len == KEY_Z_LEN;
	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : -EIO;
}
