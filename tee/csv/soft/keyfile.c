/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys in the directory (keys.h). The private file counts; the certificates beside it are
 * exports for the guest owner and can be written again from it. A change goes
 *
 *	remove exports -> replace the private file -> write exports
 *
 * so that a crash leaves old or new keys, with their own exports or none: missing ones are
 * written at the next start, while one with other contents was put there by somebody.
 */
#include "tee/csv/soft/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "attest/soft_id.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/le.h"
#include "tee/csv/soft/store.h"

#define FILE_KEYS "platform.keys"

enum { CEK, OCA, PEK, PDH, NR_KEYS };

static const enum sev_usage usages[NR_KEYS] = {
	SEV_USAGE_CEK, SEV_USAGE_OCA, SEV_USAGE_PEK, SEV_USAGE_PDH,
};

/* The private file. */
struct keyfile {
	char magic[32];
	le32 csv;
	le32 owned;
	uint8_t chip_id[SOFT_CHIP_ID_LEN];
	struct sev_cert pdh;
	struct sev_cert_chain chain;
	le32 roots_len;
	uint8_t roots[SEV_CA_PAIR_MAX];
	struct {
		le32 len;		/* 0: none */
		uint8_t der[316];	/* PKCS #8; P-384 has 185 */
	} keys[NR_KEYS];
	uint8_t check[ALG_HASH_LEN];	/* SHA-256 of all before: finds damage, not malice */
};

static const char magic[32] = "tvm soft platform keys, form 1\n";

static int keyfile_check(const struct keyfile *f, uint8_t check[ALG_HASH_LEN])
{
	struct alg_part part = { f, offsetof(struct keyfile, check) };

	return alg_hash(ATTEST_SEV, &part, 1, check);
}

static int encode(const struct soft_keys *keys, struct keyfile *f)
{
	const struct key *priv[NR_KEYS] = { keys->cek, keys->oca, keys->pek, keys->pdh };
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
	for (unsigned int i = 0; i < NR_KEYS; i++) {
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
	struct key **priv[NR_KEYS];
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
	for (unsigned int i = 0; !r && i < NR_KEYS; i++)
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
	int r = encode(keys, &f);

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

/* ---- The directory ------------------------------------------------------------------------- */

struct export {
	const char *name;
	const void *data;
	size_t len;
};

#define NR_EXPORTS 3

static void exports_of(const struct soft_keys *keys, struct export out[NR_EXPORTS])
{
	out[0] = (struct export){ SOFT_FILE_PDH, &keys->pdh_cert, sizeof(keys->pdh_cert) };
	out[1] = (struct export){ SOFT_FILE_CHAIN, &keys->chain, sizeof(keys->chain) };
	out[2] = (struct export){ SOFT_FILE_ROOTS, keys->roots, keys->roots_len };
}

/* What PLATFORM_STATUS and GET_ID would say, for tvm-attest. */
static int write_status(const struct soft_keys *keys, struct store *st, struct tvm_error *err)
{
	const struct soft_model *m = keys->model;
	char text[512], id[2 * SOFT_CHIP_ID_LEN + 1];
	int n;

	for (unsigned int i = 0; i < SOFT_CHIP_ID_LEN; i++)
		snprintf(id + 2 * i, 3, "%02x", keys->chip_id[i]);
	n = snprintf(text, sizeof(text), "{\"platform\":\"soft\",\"algorithms\":\"%s\","
		"\"api-major\":%u,\"api-minor\":%u,\"build-id\":%u,\"owned\":%s,\"es\":true,"
		"\"chip-id\":\"%s\"}\n", m->name, m->api_major, m->api_minor, m->build,
		keys->owned ? "true" : "false", id);
	return store_write(st, SOFT_FILE_STATUS, text, (size_t)n, 0644, err);
}

static int write_exports(const struct soft_keys *keys, struct store *st, struct tvm_error *err)
{
	struct export e[NR_EXPORTS];
	int r = 0;

	exports_of(keys, e);
	for (unsigned int i = 0; !r && i < NR_EXPORTS; i++)
		r = store_write(st, e[i].name, e[i].data, e[i].len, 0644, err);
	return r ? r : write_status(keys, st, err);
}

static int save(const struct soft_keys *keys, struct store *st, struct tvm_error *err)
{
	struct export e[NR_EXPORTS];
	struct keyfile f;
	int r = encode(keys, &f);

	if (r < 0) {
		err_sys(err, r, "soft platform: cannot encode keys");
	} else {
		exports_of(keys, e);
		for (unsigned int i = 0; !r && i < NR_EXPORTS; i++)
			r = store_remove(st, e[i].name, err);
		if (!r)
			r = store_write(st, FILE_KEYS, &f, sizeof(f), 0600, err);
	}
	OPENSSL_cleanse(&f, sizeof(f));
	return r;
}

int keys_save(const struct soft_keys *keys, struct tvm_error *err)
{
	struct store st = STORE_NONE;
	int r;

	if (!keys->dir)
		return 0;
	r = store_open(&st, keys->dir, err);
	if (!r)
		r = save(keys, &st, err);
	/* From here on the new keys hold; exports that are missing are written at the next start. */
	if (!r)
		write_exports(keys, &st, NULL);
	store_close(&st);
	return r;
}

/* Exports as they should be, or absent: then they are written again. */
static int check_exports(const struct soft_keys *keys, struct store *st, struct tvm_error *err)
{
	uint8_t buf[SEV_CHAIN_LEN + 1];
	struct export e[NR_EXPORTS];
	ssize_t n;

	exports_of(keys, e);
	for (unsigned int i = 0; i < NR_EXPORTS; i++) {
		if (!store_exists(st, e[i].name))
			continue;
		n = store_read(st, e[i].name, buf, sizeof(buf), false, err);
		if (n < 0)
			return (int)n;
		if ((size_t)n != e[i].len || memcmp(buf, e[i].data, e[i].len))
			return err_set(err, -EINVAL,
				"soft platform: '%s/%s' does not belong to the keys there; remove it",
				st->dir, e[i].name);
	}
	return write_exports(keys, st, err);
}

/* Exports without keys: hardware's own files live under these names, and are not ours. */
static int check_empty(struct store *st, struct tvm_error *err)
{
	static const char *const names[] = { SOFT_FILE_PDH, SOFT_FILE_CHAIN, SOFT_FILE_ROOTS };

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (store_exists(st, names[i]))
			return err_set(err, -EEXIST, "soft platform: '%s' has %s but no " FILE_KEYS
				": not a soft platform's directory", st->dir, names[i]);
	return 0;
}

static int create(struct store *st, const struct soft_model *model, struct soft_keys **out,
	struct tvm_error *err)
{
	struct soft_keys *keys = NULL;
	int r = check_empty(st, err);

	if (r < 0)
		return r;
	r = keys_make(model, true, &keys);
	if (r < 0)
		return err_sys(err, r, "soft platform: cannot make keys");
	r = save(keys, st, err);
	if (!r)
		r = write_exports(keys, st, err);
	if (r < 0) {
		keys_free(keys);
		return r;
	}
	*out = keys;
	return 0;
}

static int parse(const struct keyfile *f, size_t len, const struct soft_model *model,
	struct soft_keys **out, struct tvm_error *err)
{
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
	r = decode(f, model, out);
	if (r < 0)
		return err_sys(err, r, "no usable keys");
	r = verify(*out, err);
	if (r < 0) {
		keys_free(*out);
		*out = NULL;
	}
	return r;
}

static int load(struct store *st, const struct soft_model *model, struct soft_keys **out,
	struct tvm_error *err)
{
	struct soft_keys *keys = NULL;
	struct keyfile f;
	ssize_t n = store_read(st, FILE_KEYS, &f, sizeof(f), true, err);
	int r;

	if (n < 0)
		return (int)n;
	r = parse(&f, (size_t)n, model, &keys, err);
	OPENSSL_cleanse(&f, sizeof(f));
	if (r < 0)
		return err_prefix(err, r, "soft platform: '%s/" FILE_KEYS "'", st->dir);
	r = check_exports(keys, st, err);
	if (r < 0) {
		keys_free(keys);
		return r;
	}
	*out = keys;
	return 0;
}

int keys_open(const char *dir, const struct soft_model *model, struct soft_keys **out,
	struct tvm_error *err)
{
	struct store st = STORE_NONE;
	struct soft_keys *keys = NULL;
	int r;

	if (!dir) {
		r = keys_make(model, false, out);
		return r < 0 ? err_sys(err, r, "soft platform: cannot make keys") : 0;
	}
	r = store_open(&st, dir, err);
	if (r < 0)
		return r;
	r = store_exists(&st, FILE_KEYS) ? load(&st, model, &keys, err) :
		create(&st, model, &keys, err);
	store_close(&st);
	if (r < 0)
		return r;
	keys->dir = strdup(dir);
	if (!keys->dir) {
		keys_free(keys);
		return err_set(err, -ENOMEM, "soft platform: out of memory");
	}
	*out = keys;
	return 0;
}
