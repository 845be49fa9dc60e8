/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: the private key counts, the public one beside it is an export for verifiers and is
 * written again when it is missing. One with other contents was put there by somebody.
 */
#include "tee/virtcca/soft/platform.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "attest/key.h"
#include "attest/soft_id.h"
#include "base/err.h"
#include "tee/soft/store.h"

#define FILE_KEY "cpak.key"	/* PKCS #8, DER */
#define PEM_MAX (2 * KEY_SPKI_MAX)
#define TOKEN_MAX 8192

struct rmm_platform {
	enum cca_form form;
	struct key *cpak, *rak;		/* owned, private */
	size_t token_len;
	uint8_t token[2048];		/* the platform's half: it binds rak, so it stays */
};

static int save(struct store *st, const struct key *cpak, struct tvm_error *err)
{
	uint8_t der[512];
	int len = key_export(cpak, der, sizeof(der));
	int r = len < 0 ? err_sys(err, len, "soft platform: cannot encode the key") :
		store_write(st, FILE_KEY, der, (size_t)len, 0600, err);

	OPENSSL_cleanse(der, sizeof(der));
	return r;
}

static int load(struct store *st, struct key **out, struct tvm_error *err)
{
	uint8_t der[512];
	ssize_t n = store_read(st, FILE_KEY, der, sizeof(der), true, err);
	int r = n < 0 ? (int)n : key_import(der, (size_t)n, out);

	OPENSSL_cleanse(der, sizeof(der));
	if (n < 0)
		return r;
	if (r < 0 || key_kind(*out) != KEY_P384)
		return err_set(err, -EINVAL, "soft platform: '%s/" FILE_KEY "' is no P-384 key",
			st->dir);
	return 0;
}

static int create(struct store *st, struct key **out, struct tvm_error *err)
{
	int r;

	if (store_exists(st, SOFT_FILE_CPAK))
		return err_set(err, -EEXIST, "soft platform: '%s' has " SOFT_FILE_CPAK " but no "
			FILE_KEY ": not a soft platform's directory", st->dir);
	r = key_generate(KEY_P384, out);
	return r < 0 ? err_sys(err, r, "soft platform: cannot make keys") : save(st, *out, err);
}

static int check_export(struct store *st, const struct key *cpak, struct tvm_error *err)
{
	char pem[PEM_MAX], old[PEM_MAX];
	int len = key_spki_export_pem(cpak, pem, sizeof(pem));
	ssize_t n;

	if (len < 0)
		return err_sys(err, len, "soft platform: cannot encode the key");
	if (!store_exists(st, SOFT_FILE_CPAK))
		return store_write(st, SOFT_FILE_CPAK, pem, (size_t)len, 0644, err);
	n = store_read(st, SOFT_FILE_CPAK, old, sizeof(old), false, err);
	if (n < 0)
		return (int)n;
	if (n != len || memcmp(pem, old, (size_t)len))
		return err_set(err, -EINVAL, "soft platform: '%s/" SOFT_FILE_CPAK "' does not "
			"belong to the key there; remove it", st->dir);
	return 0;
}

static int open_cpak(const char *dir, struct key **out, struct tvm_error *err)
{
	struct store st = STORE_NONE;
	int r;

	if (!dir) {
		r = key_generate(KEY_P384, out);
		return r < 0 ? err_sys(err, r, "soft platform: cannot make keys") : 0;
	}
	r = store_open(&st, dir, err);
	if (r < 0)
		return r;
	r = store_exists(&st, FILE_KEY) ? load(&st, out, err) : create(&st, out, err);
	r = r < 0 ? r : check_export(&st, *out, err);
	store_close(&st);
	return r;
}

/* 0x01 and a hash of the public key: as unique as that. */
static int instance_id(const struct key *cpak, uint8_t out[33])
{
	uint8_t der[KEY_SPKI_MAX], hash[RIM_MAX];
	int len = key_spki_export(cpak, der, sizeof(der));
	int r = len < 0 ? len : rim_digest(RIM_SHA256, der, (size_t)len, hash);

	out[0] = 1;
	memcpy(out + 1, hash, 32);
	return r;
}

static int make_token(struct rmm_platform *p)
{
	struct cca_platform_claims claims = {
		.impl_id = SOFT_CCA_IMPL_ID,
		.config = SOFT_NAME,
		.lifecycle = 0,		/* unknown: no verifier with a policy takes that */
		.component = "tvm soft RMM",
		.version = TVM_VERSION,
	};
	int r = instance_id(p->cpak, claims.instance_id);

	r = r < 0 ? r : cca_platform_build(p->form, &claims, p->cpak, p->rak, p->token,
		sizeof(p->token));
	if (r > 0)
		p->token_len = (size_t)r;
	return r < 0 ? r : 0;
}

int rmm_platform_open(const char *dir, enum cca_form form, struct rmm_platform **out,
	struct tvm_error *err)
{
	struct rmm_platform *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_set(err, -ENOMEM, "soft platform: out of memory");
	p->form = form;
	r = open_cpak(dir, &p->cpak, err);
	if (!r) {
		r = key_generate(KEY_P384, &p->rak);
		r = r < 0 ? r : make_token(p);
		if (r < 0)
			err_sys(err, r, "soft platform: cannot make a platform token");
	}
	if (r < 0) {
		rmm_platform_close(p);
		return r;
	}
	*out = p;
	return 0;
}

void rmm_platform_close(struct rmm_platform *p)
{
	if (!p)
		return;
	key_free(p->cpak);
	key_free(p->rak);
	free(p);
}

const struct key *rmm_platform_cpak(const struct rmm_platform *p)
{
	return p->cpak;
}

int rmm_platform_token(void *ctx, const struct cca_realm_claims *claims, uint8_t **buf,
	size_t *len)
{
	const struct rmm_platform *p = ctx;
	uint8_t *realm = malloc(TOKEN_MAX), *token = malloc(TOKEN_MAX);
	int r = realm && token ? cca_realm_build(p->form, claims, p->rak, realm, TOKEN_MAX) :
		-ENOMEM;

	if (r > 0)
		r = cca_token_build(p->form, p->token, p->token_len, realm, (size_t)r, token,
			TOKEN_MAX);
	free(realm);
	if (r < 0) {
		free(token);
		return r;
	}
	*buf = token;
	*len = (size_t)r;
	return 0;
}
