/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and replacing the keys of a platform; see keys.h for who signs whom. Changes are made
 * on a copy that takes the original's place once it is written.
 */
#include "tee/csv/soft/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "attest/soft_id.h"

/* Slots of a PEK, as real ones have them; readers go by the usage. */
enum { SLOT_CEK = 0, SLOT_OCA = 1 };

void keys_free(struct soft_keys *keys)
{
	if (!keys)
		return;
	key_free(keys->cek);
	key_free(keys->oca);
	key_free(keys->pek);
	key_free(keys->pdh);
	free(keys->dir);
	OPENSSL_cleanse(keys, sizeof(*keys));
	free(keys);
}

static int make_key(const struct soft_model *model, enum sev_usage usage, struct key **out)
{
	const char *uid = model->uid(usage);
	struct key *key;
	int r = key_generate(usage == SEV_USAGE_ARK || usage == SEV_USAGE_ASK ? model->root_kind :
		model->key_kind, &key);

	if (r < 0)
		return r;
	r = uid ? key_set_uid(key, uid, strlen(uid)) : 0;
	if (r < 0) {
		key_free(key);
		return r;
	}
	key_free(*out);
	*out = key;
	return 0;
}

static int build(const struct soft_keys *keys, struct sev_cert *cert, enum sev_usage usage,
	const struct key *key)
{
	return sev_cert_build(cert, keys->model->alg, usage, key, keys->model->api_major,
		keys->model->api_minor);
}

static int sign(const struct soft_keys *keys, struct sev_cert *cert, unsigned int slot,
	enum sev_usage usage, const struct key *signer)
{
	return sev_cert_sign(cert, keys->model->alg, slot, usage, signer);
}

/* Each makes a key and its certificate; the order of use is CEK, OCA, PEK, PDH. */

static int make_cek(struct soft_keys *keys)
{
	int r = make_key(keys->model, SEV_USAGE_CEK, &keys->cek);

	if (!r)
		r = build(keys, &keys->chain.cek, SEV_USAGE_CEK, keys->cek);
	/* Hygon: a CEK says which HSK signed it (sev-csv.md 9.5). */
	if (!r && keys->model->alg == ATTEST_CSV)
		memcpy(keys->chain.cek.pubkey.sid, SOFT_ASK_ID, SEV_CA_ID_LEN);
	return r;
}

static int make_oca(struct soft_keys *keys)
{
	int r = make_key(keys->model, SEV_USAGE_OCA, &keys->oca);

	if (!r)
		r = build(keys, &keys->chain.oca, SEV_USAGE_OCA, keys->oca);
	return r ? r : sign(keys, &keys->chain.oca, 0, SEV_USAGE_OCA, keys->oca);
}

static int make_pek(struct soft_keys *keys)
{
	int r = make_key(keys->model, SEV_USAGE_PEK, &keys->pek);

	if (!r)
		r = build(keys, &keys->chain.pek, SEV_USAGE_PEK, keys->pek);
	if (!r)
		r = sign(keys, &keys->chain.pek, SLOT_CEK, SEV_USAGE_CEK, keys->cek);
	return r ? r : sign(keys, &keys->chain.pek, SLOT_OCA, SEV_USAGE_OCA, keys->oca);
}

static int make_pdh(struct soft_keys *keys)
{
	int r = make_key(keys->model, SEV_USAGE_PDH, &keys->pdh);

	if (!r)
		r = build(keys, &keys->pdh_cert, SEV_USAGE_PDH, keys->pdh);
	return r ? r : sign(keys, &keys->pdh_cert, 0, SEV_USAGE_PEK, keys->pek);
}

int keys_certify(struct soft_keys *keys)
{
	const uint8_t *root_id = (const uint8_t *)SOFT_KEY_ID;
	const uint8_t *ask_id = (const uint8_t *)SOFT_ASK_ID;
	struct sev_cert cek = keys->chain.cek;
	struct key *ark = NULL, *ask = NULL;
	uint8_t roots[SEV_CA_PAIR_MAX];
	enum attest_alg alg = keys->model->alg;
	int r, ask_len = 0, ark_len = 0;

	if (keys->roots_len)
		return 0;
	r = make_key(keys->model, SEV_USAGE_ARK, &ark);
	if (!r)
		r = make_key(keys->model, SEV_USAGE_ASK, &ask);
	if (!r)
		r = ask_len = sev_ca_build(roots, alg, SEV_USAGE_ASK, ask, ask_id, ark, root_id);
	if (r >= 0)
		r = ark_len = sev_ca_build(roots + ask_len, alg, SEV_USAGE_ARK, ark, root_id, ark,
			root_id);
	if (r >= 0)
		r = sign(keys, &cek, 0, SEV_USAGE_ASK, ask);
	if (r >= 0) {
		keys->chain.cek = cek;
		memcpy(keys->roots, roots, (size_t)(ask_len + ark_len));
		keys->roots_len = (size_t)(ask_len + ark_len);
	}
	key_free(ark);
	key_free(ask);
	return r < 0 ? r : 0;
}

int keys_make(const struct soft_model *model, bool roots, struct soft_keys **out)
{
	struct soft_keys *keys = calloc(1, sizeof(*keys));
	int r;

	if (!keys)
		return -ENOMEM;
	keys->model = model;
	r = alg_random(keys->chip_id, sizeof(keys->chip_id));
	if (!r)
		r = make_cek(keys);
	if (!r && roots)
		r = keys_certify(keys);
	if (!r)
		r = make_oca(keys);
	if (!r)
		r = make_pek(keys);
	if (!r)
		r = make_pdh(keys);
	if (r < 0) {
		keys_free(keys);
		return r;
	}
	*out = keys;
	return 0;
}

/* Put the changed copy in place, if the change (r) and writing it worked. */
static int replace(struct soft_keys **keys, struct soft_keys *changed, int r)
{
	if (!r)
		r = keys_save(changed, NULL);
	if (r < 0) {
		keys_free(changed);
		return r;
	}
	keys_free(*keys);
	*keys = changed;
	return 0;
}

int keys_new_pdh(struct soft_keys **keys)
{
	struct soft_keys *copy;
	int r = keys_copy(*keys, &copy);

	return r < 0 ? r : replace(keys, copy, make_pdh(copy));
}

int keys_new_pek(struct soft_keys **keys)
{
	struct soft_keys *copy;
	int r = keys_copy(*keys, &copy);

	if (r < 0)
		return r;
	r = make_pek(copy);
	return replace(keys, copy, r ? r : make_pdh(copy));
}

int keys_reset(struct soft_keys **keys)
{
	struct soft_keys *copy;
	int r = keys_copy(*keys, &copy);

	if (r < 0)
		return r;
	copy->owned = false;
	r = make_oca(copy);
	if (!r)
		r = make_pek(copy);
	return replace(keys, copy, r ? r : make_pdh(copy));
}

int keys_import(struct soft_keys **keys, const struct sev_cert *pek, const struct sev_cert *oca)
{
	struct soft_keys *copy;
	int r = keys_copy(*keys, &copy);
	unsigned int slot;

	if (r < 0)
		return r;
	copy->owned = true;
	key_free(copy->oca);
	copy->oca = NULL;
	copy->chain.oca = *oca;
	copy->chain.pek = *pek;
	/* The owner signed one slot of the request; the chip's signature takes the other. */
	slot = le32_get(pek->sig[0].usage) == SEV_USAGE_OCA ? 1 : 0;
	r = sign(copy, &copy->chain.pek, slot, SEV_USAGE_CEK, copy->cek);
	return replace(keys, copy, r ? r : make_pdh(copy));
}
