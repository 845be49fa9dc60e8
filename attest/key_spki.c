/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys as files: SubjectPublicKeyInfo (RFC 5280, 4.1.2.7), in DER or PEM (RFC 7468). */
#include "attest/key.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "attest/key_impl.h"

#define INPUT_MAX 65536

int key_spki_export(const struct key *key, uint8_t *der, size_t size)
{
	int len = i2d_PUBKEY(key->pkey, NULL);

	if (len < 0)
		return -EIO;
	if ((size_t)len > size)
		return -ENOSPC;
	return i2d_PUBKEY(key->pkey, &der);
}

int key_spki_export_pem(const struct key *key, char *text, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem = NULL;
	long len = bio && PEM_write_bio_PUBKEY(bio, key->pkey) == 1 ?
		BIO_get_mem_data(bio, &pem) : -1;
	int r = len < 0 ? -EIO : (size_t)len > size ? -ENOSPC : (int)len;

	if (r > 0)
		memcpy(text, pem, (size_t)len);
	BIO_free(bio);
	return r;
}

static EVP_PKEY *read_pem(const void *text, size_t len)
{
	BIO *bio = BIO_new_mem_buf(text, (int)len);
	EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return pkey;
}

int key_spki_import(const void *bytes, size_t len, struct key **out)
{
	static const char begin[] = "-----BEGIN ";
	const unsigned char *p = bytes;
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *ctx;
	enum key_kind kind;
	bool good;

	if (!len || len > INPUT_MAX)
		return -EINVAL;
	if (len > sizeof(begin) && !memcmp(bytes, begin, sizeof(begin) - 1)) {
		pkey = read_pem(bytes, len);
	} else {
		pkey = d2i_PUBKEY(NULL, &p, (long)len);
		if (pkey && p != (const unsigned char *)bytes + len) {
			EVP_PKEY_free(pkey);
			return -EINVAL;
		}
	}
	ctx = pkey ? EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL) : NULL;
	good = ctx && !key_kind_of(pkey, &kind) && EVP_PKEY_public_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!good) {
		EVP_PKEY_free(pkey);
		return -EINVAL;
	}
	return key_wrap(kind, pkey, false, out);
}
