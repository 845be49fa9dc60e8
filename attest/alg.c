/* SPDX-License-Identifier: Apache-2.0 */
/* Symmetric algorithms of both sets, from libcrypto. */
#include "attest/alg.h"

#include <assert.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct alg_running {
	EVP_MD_CTX *ctx;
};

static const EVP_MD *md_of(enum attest_alg alg)
{
	return alg == ATTEST_CSV ? EVP_sm3() : EVP_sha256();
}

int alg_running_new(enum attest_alg alg, struct alg_running **out)
{
	struct alg_running *run = calloc(1, sizeof(*run));

	if (!run)
		return -ENOMEM;
	run->ctx = EVP_MD_CTX_new();
	if (!run->ctx || EVP_DigestInit_ex(run->ctx, md_of(alg), NULL) != 1) {
		alg_running_free(run);
		return -ENOMEM;
	}
	*out = run;
	return 0;
}

void alg_running_free(struct alg_running *run)
{
	if (!run)
		return;
	EVP_MD_CTX_free(run->ctx);
	free(run);
}

int alg_running_add(struct alg_running *run, const void *data, size_t len)
{
	return EVP_DigestUpdate(run->ctx, data, len) == 1 ? 0 : -EIO;
}

int alg_running_get(const struct alg_running *run, uint8_t out[ALG_HASH_LEN])
{
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	int ok = copy && EVP_MD_CTX_copy_ex(copy, run->ctx) == 1 &&
		EVP_DigestFinal_ex(copy, out, NULL) == 1;

	EVP_MD_CTX_free(copy);
	return ok ? 0 : -EIO;
}

int alg_hash(enum attest_alg alg, const struct alg_part *parts, unsigned int nr,
	uint8_t out[ALG_HASH_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx && EVP_DigestInit_ex(ctx, md_of(alg), NULL) == 1;

	for (unsigned int i = 0; ok && i < nr; i++)
		ok = EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

int alg_hmac(enum attest_alg alg, const void *key, size_t key_len, const struct alg_part *parts,
	unsigned int nr, uint8_t out[ALG_HASH_LEN])
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
			alg == ATTEST_CSV ? (char[]){ "SM3" } : (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	int ok = ctx && EVP_MAC_init(ctx, key, key_len, params) == 1;
	size_t len;

	for (unsigned int i = 0; ok && i < nr; i++)
		ok = EVP_MAC_update(ctx, parts[i].data, parts[i].len) == 1;
	ok = ok && EVP_MAC_final(ctx, out, &len, ALG_HASH_LEN) == 1;
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return ok ? 0 : -EIO;
}

int alg_ctr(enum attest_alg alg, const uint8_t key[ALG_KEY_LEN], const uint8_t iv[ALG_KEY_LEN],
	const void *in, void *out, size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, ok;

	if (len > INT32_MAX) {
		EVP_CIPHER_CTX_free(ctx);
		return -EINVAL;
	}
	ok = ctx && EVP_EncryptInit_ex(ctx, alg == ATTEST_CSV ? EVP_sm4_ctr() : EVP_aes_128_ctr(),
		NULL, key, iv) == 1 && EVP_EncryptUpdate(ctx, out, &n, in, (int)len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

/* SP 800-108 in counter mode with HMAC-SHA256; counter and length are little-endian here. */
static int kdf_sev(const void *key, size_t key_len, const char *label, const void *ctx,
	size_t ctx_len, uint8_t *out, size_t out_len)
{
	uint32_t bits = (uint32_t)out_len * 8;
	uint8_t block[ALG_HASH_LEN], le_i[4] = { 0 };
	uint8_t le_bits[4] = { bits & 0xff, bits >> 8 & 0xff };
	const struct alg_part parts[] = {
		{ le_i, 4 }, { label, strlen(label) + 1 }, { ctx, ctx_len }, { le_bits, 4 },
	};
	int r = 0;

	for (size_t done = 0, n; !r && done < out_len; done += n) {
		n = out_len - done < sizeof(block) ? out_len - done : sizeof(block);
		le_i[0]++;
		r = alg_hmac(ATTEST_SEV, key, key_len, parts, ARRAY_SIZE(parts), block);
		memcpy(out + done, block, r ? 0 : n);
	}
	OPENSSL_cleanse(block, sizeof(block));
	return r;
}

/* X9.63 with SM3: hashes of the parts and a big-endian counter. */
static int x963(struct alg_part parts[5], unsigned int nr, uint8_t *out, size_t out_len)
{
	uint8_t counter[4] = { 0 };
	int r = 0;

	parts[nr] = (struct alg_part){ counter, 4 };
	for (size_t done = 0; !r && done < out_len; done += ALG_HASH_LEN) {
		counter[3]++;
		r = alg_hash(ATTEST_CSV, parts, nr + 1, out + done);
	}
	return r;
}

/* Hygon's: a first run over the input, a second one over the input and the first's result. */
static int kdf_csv(const void *key, size_t key_len, const char *label, const void *ctx,
	size_t ctx_len, uint8_t *out, size_t out_len)
{
	uint8_t first[256], second[256];
	size_t rounded = (out_len + ALG_HASH_LEN - 1) / ALG_HASH_LEN * ALG_HASH_LEN;
	struct alg_part parts[5] = {
		{ key, key_len }, { label, strlen(label) + 1 }, { ctx, ctx_len },
	};
	int r = x963(parts, 3, first, rounded);

	if (!r) {
		parts[3] = (struct alg_part){ first, rounded };
		r = x963(parts, 4, second, rounded);
	}
	if (!r)
		memcpy(out, second, out_len);
	OPENSSL_cleanse(first, sizeof(first));
	OPENSSL_cleanse(second, sizeof(second));
	return r;
}

int alg_kdf(enum attest_alg alg, const void *key, size_t key_len, enum alg_label label,
	const void *ctx, size_t ctx_len, void *out, size_t out_len)
{
	static const char *const labels[][3] = {
		[ATTEST_SEV] = { "sev-master-secret", "sev-kek", "sev-kik" },
		[ATTEST_CSV] = { "csv-master-secret", "csv-kek", "csv-kik" },
	};

	assert(key_len <= 256 && ctx_len <= 256 && out_len <= 256);
	if (alg == ATTEST_CSV)
		return kdf_csv(key, key_len, labels[alg][label], ctx, ctx_len, out, out_len);
	return kdf_sev(key, key_len, labels[alg][label], ctx, ctx_len, out, out_len);
}

bool alg_equal(const void *a, const void *b, size_t len)
{
	return !CRYPTO_memcmp(a, b, len);
}

int alg_random(void *out, size_t len)
{
	return len <= INT32_MAX && RAND_priv_bytes(out, (int)len) == 1 ? 0 : -EIO;
}
