/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys as the bytes of the private file, and back. What comes back is checked down to each
 * signature: the file may be damaged, cut off, or from somewhere else.
 */
#include "tee/csv/soft/keyfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/err.h"

enum { CEK, OCA, PEK, PDH };

static const enum sev_usage usages[KEYFILE_KEYS] = {
	SEV_USAGE_CEK, SEV_USAGE_OCA, SEV_USAGE_PEK, SEV_USAGE_PDH,
};

static const char magic[32] = "tvm soft platform keys, form 1\n";

static int keyfile_check(const struct keyfile *f, uint8_t check[ALG_HASH_LEN])
{
	struct alg_part part = { f, offsetof(struct keyfile, check) };

	return alg_hash(ATTEST_SEV, &part, 1, check);
}

int keyfile_encode(const struct soft_keys *keys, struct keyfile *f)
{
	const struct key *priv[KEYFILE_KEYS] = { keys->cek, keys->oca, keys->pek, keys->pdh };
	int n;

	memset(f, 0, sizeof(*f));
	memcpy(f->magic, magic, sizeof(magic));
	f->csv = le32_make(keys->model->alg == ATTEST_CSV);
	f->owned = le32_make(keys->owned);
	memcpy(f->chip_id, keys->chip_id, sizeof(f->chip_id));
	f->pdh = keys->pdh_cert;
	f->chain = keys->chain;
	f->roots_len = le32_make((uint32_t)keys->roots_len);
	memcpy(f->roots, keys->roots, keys->roots_len);
	for (unsigned int i = 0; i < KEYFILE_KEYS; i++) {
		n = priv[i] ? key_export(priv[i], f->keys[i].der, sizeof(f->keys[i].der)) : 0;
		if (n < 0)
			return n;
		f->keys[i].len = le32_make((uint32_t)n);
	}
	return keyfile_check(f, f->check);
}

static int import_key(const struct keyfile *f, unsigned int i, const struct soft_model *model,
	struct key **out)
{
	uint32_t len = le32_get(f->keys[i].len);
	const char *uid = model->uid(usages[i]);
	int r;

	if (!len)
		return i == OCA && le32_get(f->owned) ? 0 : -EINVAL;
	if (len > sizeof(f->keys[i].der))
		return -EINVAL;
	r = key_import(f->keys[i].der, len, out);
	if (r < 0)
		return r;
	if (key_kind(*out) != model->key_kind || !key_has_private(*out))
		return -EINVAL;
	return uid ? key_set_uid(*out, uid, strlen(uid)) : 0;
}

static int decode(const struct keyfile *f, const struct soft_model *model, struct soft_keys **out)
{
	struct soft_keys *keys = calloc(1, sizeof(*keys));
	struct key **priv[KEYFILE_KEYS];
	int r = 0;

	if (!keys)
		return -ENOMEM;
	keys->model = model;
	keys->owned = le32_get(f->owned);
	memcpy(keys->chip_id, f->chip_id, sizeof(keys->chip_id));
	keys->pdh_cert = f->pdh;
	keys->chain = f->chain;
	keys->roots_len = le32_get(f->roots_len);
	if (keys->roots_len > sizeof(keys->roots)) {
		keys->roots_len = 0;
		r = -EINVAL;
	}
	memcpy(keys->roots, f->roots, keys->roots_len);
	priv[CEK] = &keys->cek;
	priv[OCA] = &keys->oca;
	priv[PEK] = &keys->pek;
	priv[PDH] = &keys->pdh;
	for (unsigned int i = 0; !r && i < KEYFILE_KEYS; i++)
		r = import_key(f, i, model, priv[i]);
	if (r < 0) {
		keys_free(keys);
		return r;
	}
	*out = keys;
	return 0;
}

int keys_copy(const struct soft_keys *keys, struct soft_keys **out)
{
	struct soft_keys *copy = NULL;
	struct keyfile f;
	int r = keyfile_encode(keys, &f);

	if (!r)
		r = decode(&f, keys->model, &copy);
	OPENSSL_cleanse(&f, sizeof(f));
	if (r < 0)
		return r;
	copy->dir = keys->dir ? strdup(keys->dir) : NULL;
	if (keys->dir && !copy->dir) {
		keys_free(copy);
		return -ENOMEM;
	}
	*out = copy;
	return 0;
}

/* ---- Checks of what was read -------------------------------------------------------------- */

static int match(const struct key *priv, const struct sev_cert *cert, enum sev_usage usage)
{
	uint8_t x[KEY_FIELD], y[KEY_FIELD];
	int r = key_point(priv, x, y);

	if (r < 0)
		return r;
	return memcmp(x, cert->pubkey.qx, sizeof(x)) || memcmp(y, cert->pubkey.qy, sizeof(y)) ||
		le32_get(cert->usage) != usage ? -EINVAL : 0;
}

static int verify(const struct soft_keys *keys, struct tvm_error *err)
{
	struct sev_roots roots = { 0 };
	int r;

	if (match(keys->cek, &keys->chain.cek, SEV_USAGE_CEK) ||
	    match(keys->pek, &keys->chain.pek, SEV_USAGE_PEK) ||
	    match(keys->pdh, &keys->pdh_cert, SEV_USAGE_PDH) ||
	    (keys->oca && match(keys->oca, &keys->chain.oca, SEV_USAGE_OCA)))
		return err_set(err, -EINVAL, "a private key is not that of its certificate");
	r = sev_chain_verify(&keys->pdh_cert, &keys->chain, keys->model->alg, err);
	if (r < 0)
		return r;
	r = sev_roots_parse(&roots, keys->model->alg, keys->roots, keys->roots_len, err);
	if (!r)
		r = sev_roots_verify(&roots, &keys->chain.cek, err);
	if (!r && !sev_roots_soft(&roots))
		r = err_set(err, -EINVAL, "its root is not that of a soft platform");
	sev_roots_fini(&roots);
	return r;
}

int keyfile_parse(const struct keyfile *f, size_t len, const struct soft_model *model,
	struct soft_keys **out, struct tvm_error *err)
{
	struct soft_keys *keys = NULL;
	uint8_t check[ALG_HASH_LEN];
	int r;

	if (len < sizeof(f->magic) || memcmp(f->magic, magic, sizeof(magic)))
		return err_set(err, -EINVAL, "not a key file of a soft platform");
	if (len != sizeof(*f))
		return err_set(err, -EINVAL, "%zu bytes, not %zu: truncated or of another version",
			len, sizeof(*f));
	r = keyfile_check(f, check);
	if (r < 0)
		return err_sys(err, r, "libcrypto");
	if (memcmp(check, f->check, sizeof(check)))
		return err_set(err, -EINVAL, "damaged (checksum)");
	if (le32_get(f->csv) != (model->alg == ATTEST_CSV))
		return err_set(err, -EINVAL, "made for the other algorithms (%s wanted); use one "
			"directory for each", model->name);
	r = decode(f, model, &keys);
	if (r < 0)
		return err_sys(err, r, "no usable keys");
	r = verify(keys, err);
	if (r < 0) {
		keys_free(keys);
		return r;
	}
	*out = keys;
	return 0;
}
