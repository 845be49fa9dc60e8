/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of a software platform (keys.h). The private file counts; the certificates
 * beside it are exports for the guest owner and can be written again from it. A change goes
 *
 *	remove exports -> replace the private file -> write exports
 *
 * so that a crash leaves old or new keys, with their own exports or none: missing ones are
 * written at the next start, while one with other contents was put there by somebody.
 */
#include "tee/csv/soft/keyfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "attest/soft_id.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tee/soft/store.h"

#define FILE_KEYS "platform.keys"

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
	char text[512], old[512], id[2 * SOFT_CHIP_ID_LEN + 1];
	int n;

	for (unsigned int i = 0; i < SOFT_CHIP_ID_LEN; i++)
		snprintf(id + 2 * i, 3, "%02x", keys->chip_id[i]);
	n = snprintf(text, sizeof(text), "{\"platform\":\"soft\",\"algorithms\":\"%s\","
		"\"api-major\":%u,\"api-minor\":%u,\"build-id\":%u,\"owned\":%s,\"es\":true,"
		"\"chip-id\":\"%s\"}\n", m->name, m->api_major, m->api_minor, m->build,
		keys->owned ? "true" : "false", id);
	/* It changes with the release of tvm, so it is compared, not refused; writing is slow. */
	if (store_exists(st, SOFT_FILE_STATUS) &&
	    store_read(st, SOFT_FILE_STATUS, old, sizeof(old), false, NULL) == n &&
	    !memcmp(old, text, (size_t)n))
		return 0;
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
	int r = keyfile_encode(keys, &f);

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
	/* From here on the new keys hold; missing exports are written at the next start. */
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
	int r;

	exports_of(keys, e);
	for (unsigned int i = 0; i < NR_EXPORTS; i++) {
		if (!store_exists(st, e[i].name)) {
			r = store_write(st, e[i].name, e[i].data, e[i].len, 0644, err);
			if (r < 0)
				return r;
			continue;
		}
		n = store_read(st, e[i].name, buf, sizeof(buf), false, err);
		if (n < 0)
			return (int)n;
		if ((size_t)n != e[i].len || memcmp(buf, e[i].data, e[i].len))
			return err_set(err, -EINVAL,
				"soft platform: '%s/%s' does not belong to the keys there; "
				"remove it", st->dir, e[i].name);
	}
	return write_status(keys, st, err);
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

static int load(struct store *st, const struct soft_model *model, struct soft_keys **out,
	struct tvm_error *err)
{
	struct soft_keys *keys = NULL;
	struct keyfile f;
	ssize_t n = store_read(st, FILE_KEYS, &f, sizeof(f), true, err);
	int r;

	if (n < 0)
		return (int)n;
	r = keyfile_parse(&f, (size_t)n, model, &keys, err);
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
