/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys: making, importing, exporting. Signatures and exchange are in key_use.c. OpenSSL wants
 * big-endian numbers of the field's length; certificates have little-endian ones, zero-extended.
 */
#include "attest/key.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "attest/key_impl.h"

struct curve {
	const char *type, *group;
	int nid;
	size_t len;
};

static const struct curve curves[] = {
	[KEY_P384] = { "EC", "P-384", NID_secp384r1, 48 },
	[KEY_SM2] = { "SM2", "SM2", NID_sm2, 32 },
	[KEY_P256] = { "EC", "P-256", NID_X9_62_prime256v1, 32 },
};

static bool is_curve(enum key_kind kind)
{
	return kind == KEY_P384 || kind == KEY_SM2 || kind == KEY_P256;
}

size_t key_field_len(const struct key *key)
{
	return is_curve(key->kind) ? curves[key->kind].len : 0;
}

int key_wrap(enum key_kind kind, EVP_PKEY *pkey, bool has_private, struct key **out)
{
	struct key *key = pkey ? calloc(1, sizeof(*key)) : NULL;

	if (!key) {
		EVP_PKEY_free(pkey);
		return pkey ? -ENOMEM : -EINVAL;
	}
	key->kind = kind;
	key->pkey = pkey;
	key->has_private = has_private;
	*out = key;
	return 0;
}

void key_free(struct key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

enum key_kind key_kind(const struct key *key)
{
	return key->kind;
}

bool key_has_private(const struct key *key)
{
	return key->has_private;
}

int key_generate(enum key_kind kind, struct key **out)
{
	EVP_PKEY *pkey;

	if (is_curve(kind))
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, curves[kind].type, curves[kind].group);
	else
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA",
			(size_t)(kind == KEY_RSA4096 ? 4096 : 2048));
	return pkey ? key_wrap(kind, pkey, true, out) : -EIO;
}

/* What the parameters describe, or NULL. Takes bld over. */
static EVP_PKEY *from_params(const char *type, int selection, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, selection, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	return pkey;
}

/* The uncompressed point d * G. */
static bool point_of(const struct curve *c, const BIGNUM *d, uint8_t *out)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(c->nid);
	EC_POINT *point = group ? EC_POINT_new(group) : NULL;
	size_t len = 1 + 2 * c->len;
	bool ok = point && !BN_is_zero(d) && !BN_is_negative(d) &&
		BN_cmp(d, EC_GROUP_get0_order(group)) < 0 &&
		EC_POINT_mul(group, point, d, NULL, NULL, NULL) == 1 &&
		EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out, len,
			NULL) == len;

	EC_POINT_free(point);
	EC_GROUP_free(group);
	return ok;
}

int key_from_scalar(enum key_kind kind, const uint8_t *d, size_t len, struct key **out)
{
	const struct curve *c = &curves[is_curve(kind) ? kind : KEY_P384];
	uint8_t point[1 + 2 * 48];
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM_BLD *bld;
	BIGNUM *bn;

	if (!is_curve(kind) || len != c->len)
		return -EINVAL;
	bn = BN_secure_new();
	if (!bn || !BN_bin2bn(d, (int)len, bn) || !point_of(c, bn, point)) {
		BN_clear_free(bn);
		return -EINVAL;
	}
	bld = OSSL_PARAM_BLD_new();
	if (bld && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, c->group, 0) &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point,
		    1 + 2 * c->len) &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, bn))
		pkey = from_params(c->type, EVP_PKEY_KEYPAIR, bld);
	else
		OSSL_PARAM_BLD_free(bld);
	BN_clear_free(bn);
	return key_wrap(kind, pkey, true, out);
}

void key_reverse(uint8_t *dst, const uint8_t *src, size_t len)
{
	for (size_t i = 0; i < len; i++)
		dst[i] = src[len - 1 - i];
}

bool key_is_zero(const void *p, size_t len)
{
	const uint8_t *b = p;
	uint8_t any = 0;

	while (len--)
		any |= *b++;
	return !any;
}

/* Whether the point is on its curve (and not at infinity) is checked by EVP_PKEY_public_check. */
int key_from_point(enum key_kind kind, const uint8_t x[KEY_FIELD], const uint8_t y[KEY_FIELD],
	struct key **out)
{
	const struct curve *c = &curves[is_curve(kind) ? kind : KEY_P384];
	uint8_t point[1 + 2 * 48] = { POINT_CONVERSION_UNCOMPRESSED };
	EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *ctx;
	OSSL_PARAM_BLD *bld;
	bool good;

	if (!is_curve(kind) || !key_is_zero(x + c->len, KEY_FIELD - c->len) ||
	    !key_is_zero(y + c->len, KEY_FIELD - c->len))
		return -EINVAL;
	key_reverse(point + 1, x, c->len);
	key_reverse(point + 1 + c->len, y, c->len);
	bld = OSSL_PARAM_BLD_new();
	if (bld && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, c->group, 0) &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * c->len))
		pkey = from_params(c->type, EVP_PKEY_PUBLIC_KEY, bld);
	else
		OSSL_PARAM_BLD_free(bld);
	ctx = pkey ? EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL) : NULL;
	good = ctx && EVP_PKEY_public_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!good) {
		EVP_PKEY_free(pkey);
		return -EINVAL;
	}
	return key_wrap(kind, pkey, false, out);
}

int key_from_rsa(const uint8_t *modulus, size_t modulus_len, const uint8_t *exponent,
	size_t exponent_len, struct key **out)
{
	BIGNUM *n = BN_lebin2bn(modulus, (int)modulus_len, NULL);
	BIGNUM *e = BN_lebin2bn(exponent, (int)exponent_len, NULL);
	int bits = n ? BN_num_bits(n) : 0;
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM_BLD *bld;

	/* An exponent of 64 bits is far more than any vendor's; larger ones only cost time. */
	if ((bits == 2048 || bits == 4096) && BN_is_odd(n) && e && BN_is_odd(e) && !BN_is_one(e) &&
	    BN_num_bits(e) <= 64) {
		bld = OSSL_PARAM_BLD_new();
		if (bld && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) &&
		    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e))
			pkey = from_params("RSA", EVP_PKEY_PUBLIC_KEY, bld);
		else
			OSSL_PARAM_BLD_free(bld);
	}
	BN_free(n);
	BN_free(e);
	return key_wrap(bits == 4096 ? KEY_RSA4096 : KEY_RSA2048, pkey, false, out);
}

static bool get_le(const struct key *key, const char *param, uint8_t *out, size_t len)
{
	BIGNUM *bn = NULL;
	bool ok = EVP_PKEY_get_bn_param(key->pkey, param, &bn) == 1 &&
		BN_bn2lebinpad(bn, out, (int)len) == (int)len;

	BN_free(bn);
	return ok;
}

int key_point(const struct key *key, uint8_t x[KEY_FIELD], uint8_t y[KEY_FIELD])
{
	if (!is_curve(key->kind))
		return -EINVAL;
	return get_le(key, OSSL_PKEY_PARAM_EC_PUB_X, x, KEY_FIELD) &&
		get_le(key, OSSL_PKEY_PARAM_EC_PUB_Y, y, KEY_FIELD) ? 0 : -EIO;
}

int key_rsa(const struct key *key, uint8_t modulus[KEY_RSA_FIELD],
	uint8_t exponent[KEY_RSA_FIELD], size_t *modulus_len)
{
	if (is_curve(key->kind))
		return -EINVAL;
	*modulus_len = key->kind == KEY_RSA4096 ? 512 : 256;
	return get_le(key, OSSL_PKEY_PARAM_RSA_N, modulus, KEY_RSA_FIELD) &&
		get_le(key, OSSL_PKEY_PARAM_RSA_E, exponent, KEY_RSA_FIELD) ? 0 : -EIO;
}

int key_export(const struct key *key, uint8_t *buf, size_t size)
{
	PKCS8_PRIV_KEY_INFO *info = key->has_private ? EVP_PKEY2PKCS8(key->pkey) : NULL;
	int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;

	if (len < 0)
		len = -EINVAL;
	else if (buf && size < (size_t)len)
		len = -ENOSPC;
	else if (buf)
		i2d_PKCS8_PRIV_KEY_INFO(info, &buf);
	PKCS8_PRIV_KEY_INFO_free(info);
	return len;
}

int key_kind_of(const EVP_PKEY *pkey, enum key_kind *kind)
{
	int bits = EVP_PKEY_get_bits(pkey);
	char group[32] = "";

	if (EVP_PKEY_is_a(pkey, "RSA")) {
		*kind = bits == 4096 ? KEY_RSA4096 : KEY_RSA2048;
		return bits == 4096 || bits == 2048 ? 0 : -EINVAL;
	}
	EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL);
	if (!strcmp(group, "SM2"))
		*kind = KEY_SM2;
	else if (!strcmp(group, "secp384r1") || !strcmp(group, "P-384"))
		*kind = KEY_P384;
	else if (!strcmp(group, "prime256v1") || !strcmp(group, "P-256"))
		*kind = KEY_P256;
	else
		return -EINVAL;
	return 0;
}

int key_import(const void *der, size_t len, struct key **out)
{
	const unsigned char *p = der;
	PKCS8_PRIV_KEY_INFO *info = len <= 65536 ? d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)len) :
		NULL;
	EVP_PKEY *pkey = info ? EVP_PKCS82PKEY(info) : NULL;
	enum key_kind kind;

	PKCS8_PRIV_KEY_INFO_free(info);
	if (!pkey || key_kind_of(pkey, &kind) < 0) {
		EVP_PKEY_free(pkey);
		return -EINVAL;
	}
	return key_wrap(kind, pkey, true, out);
}

int key_set_uid(struct key *key, const void *uid, size_t len)
{
	if (len > KEY_UID_MAX || key->kind != KEY_SM2)
		return -EINVAL;
	memcpy(key->uid, uid, len);
	key->uid_len = len;
	return 0;
}

const uint8_t *key_uid(const struct key *key, size_t *len)
{
	*len = key->uid_len;
	return key->uid;
}
