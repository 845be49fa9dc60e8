/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM2 encryption. The message is 0x04 x1 y1 C3 C2 (GM/T 0003.4); OpenSSL has the same numbers as
 * DER: SEQUENCE { INTEGER x1, INTEGER y1, OCTET STRING C3, OCTET STRING C2 }.
 */
#include "attest/key.h"

#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "attest/key_impl.h"

#define TEXT_MAX 128		/* a master secret has 32 */
#define DER_MAX (TEXT_MAX + 160)
#define NUM 32			/* x1, y1, C3 */

/* The contents of the object at *p, which has tag; NULL when it is another or too long. */
static const uint8_t *take(const uint8_t **p, const uint8_t *end, int tag, long *len)
{
	const uint8_t *body;
	int class, got;

	if (ASN1_get_object(p, len, &got, &class, end - *p) & 0x80 || got != tag ||
	    *len > end - *p)
		return NULL;
	body = *p;
	*p += *len;
	return body;
}

/* A number of at most 32 bytes, to exactly 32. */
static bool take_number(const uint8_t **p, const uint8_t *end, uint8_t out[NUM])
{
	long len;
	const uint8_t *body = take(p, end, V_ASN1_INTEGER, &len);

	while (body && len && !*body) {
		body++;
		len--;
	}
	if (!body || len > NUM)
		return false;
	memset(out, 0, (size_t)(NUM - len));
	memcpy(out + NUM - len, body, (size_t)len);
	return true;
}

/* DER as OpenSSL makes it into the message. */
static int from_der(const uint8_t *der, size_t der_len, size_t text_len, uint8_t *out)
{
	const uint8_t *p = der, *end = der + der_len, *c3, *c2;
	long len, len3, len2;

	p = take(&p, end, V_ASN1_SEQUENCE, &len);
	if (!p)
		return -EIO;
	end = p + len;
	out[0] = 0x04;
	if (!take_number(&p, end, out + 1) || !take_number(&p, end, out + 1 + NUM))
		return -EIO;
	c3 = take(&p, end, V_ASN1_OCTET_STRING, &len3);
	c2 = c3 ? take(&p, end, V_ASN1_OCTET_STRING, &len2) : NULL;
	if (!c2 || len3 != NUM || len2 != (long)text_len)
		return -EIO;
	memcpy(out + 1 + 2 * NUM, c3, NUM);
	memcpy(out + KEY_SM2_OVERHEAD, c2, text_len);
	return 0;
}

static void put_number(uint8_t **p, const uint8_t num[NUM])
{
	BIGNUM *bn = BN_bin2bn(num, NUM, NULL);
	ASN1_INTEGER *n = bn ? BN_to_ASN1_INTEGER(bn, NULL) : NULL;

	if (n)
		i2d_ASN1_INTEGER(n, p);
	ASN1_INTEGER_free(n);
	BN_free(bn);
}

static void put_bytes(uint8_t **p, const uint8_t *bytes, size_t len)
{
	ASN1_put_object(p, 0, (int)len, V_ASN1_OCTET_STRING, V_ASN1_UNIVERSAL);
	memcpy(*p, bytes, len);
	*p += len;
}

/* The message to DER; der has DER_MAX bytes. */
static size_t to_der(const uint8_t *in, size_t text_len, uint8_t *der)
{
	uint8_t body[DER_MAX], *b = body, *p = der;

	put_number(&b, in + 1);
	put_number(&b, in + 1 + NUM);
	put_bytes(&b, in + 1 + 2 * NUM, NUM);
	put_bytes(&b, in + KEY_SM2_OVERHEAD, text_len);
	ASN1_put_object(&p, 1, (int)(b - body), V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	memcpy(p, body, (size_t)(b - body));
	return (size_t)(p - der) + (size_t)(b - body);
}

int key_sm2_encrypt(const struct key *peer, const void *in, size_t len, uint8_t *out, size_t size)
{
	uint8_t der[DER_MAX + 64];
	size_t der_len = sizeof(der);
	EVP_PKEY_CTX *ctx;
	bool ok;

	if (peer->kind != KEY_SM2 || !len || len > TEXT_MAX || size < len + KEY_SM2_OVERHEAD)
		return -EINVAL;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, peer->pkey, NULL);
	ok = ctx && EVP_PKEY_encrypt_init(ctx) == 1 &&
		EVP_PKEY_encrypt(ctx, der, &der_len, in, len) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!ok || from_der(der, der_len, len, out) < 0)
		return -EIO;
	return (int)(len + KEY_SM2_OVERHEAD);
}

int key_sm2_decrypt(const struct key *own, const uint8_t *in, size_t len, void *out, size_t size)
{
	uint8_t der[DER_MAX], text[DER_MAX];
	size_t text_len = sizeof(text), want, der_len;
	EVP_PKEY_CTX *ctx;
	int r = -EBADMSG;

	if (own->kind != KEY_SM2 || !own->has_private)
		return -EINVAL;
	if (len <= KEY_SM2_OVERHEAD || len > TEXT_MAX + KEY_SM2_OVERHEAD || in[0] != 0x04)
		return -EBADMSG;
	want = len - KEY_SM2_OVERHEAD;
	if (size < want)
		return -EINVAL;
	der_len = to_der(in, want, der);
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own->pkey, NULL);
	if (ctx && EVP_PKEY_decrypt_init(ctx) == 1 &&
	    EVP_PKEY_decrypt(ctx, text, &text_len, der, der_len) == 1 && text_len == want) {
		memcpy(out, text, want);
		r = (int)want;
	}
	EVP_PKEY_CTX_free(ctx);
	OPENSSL_cleanse(text, sizeof(text));
	return r;
}
