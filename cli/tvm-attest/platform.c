/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a platform's certificates. */
#include "cli/tvm-attest/platform.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attest/soft_id.h"
#include "attest/text.h"
#include "cli/tvm-attest/file.h"
#include "cli/tvm-attest/flat.h"
#include "tvm.h"

#define FILE_STATUS_MAX 4096

static enum status read_certs(struct platform *p, const struct platform_opts *opts,
	const char *dir)
{
	char pdh[FILE_PATH_MAX], chain[FILE_PATH_MAX];
	enum status s = file_path(pdh, dir, SOFT_FILE_PDH);

	s = s ? s : file_path(chain, dir, SOFT_FILE_CHAIN);
	s = s ? s : file_read("PDH certificate", opts->pdh ? opts->pdh : pdh, &p->pdh,
		sizeof(p->pdh), NULL);
	return s ? s : file_read("certificate chain", opts->chain ? opts->chain : chain, &p->chain,
		sizeof(p->chain), NULL);
}

/* Absent or odd parts are left out: nothing depends on them. */
static enum status read_status(struct platform *p, const char *dir)
{
	char path[FILE_PATH_MAX], text[FILE_STATUS_MAX + 1], value[2 * sizeof(p->chip_id) + 1];
	enum status s = file_path(path, dir, SOFT_FILE_STATUS);
	uint32_t n;
	size_t len;

	if (s || !file_exists(path))
		return s;
	s = file_read("status", path, text, FILE_STATUS_MAX, &len);
	if (s)
		return s;
	text[len] = '\0';
	p->have_status = true;
	p->soft = flat_text(text, "platform", value, sizeof(value)) && !strcmp(value, "soft");
	p->api_major = flat_num(text, "api-major", 255, &n) ? (uint8_t)n : 0;
	p->api_minor = flat_num(text, "api-minor", 255, &n) ? (uint8_t)n : 0;
	p->build = flat_num(text, "build-id", 255, &n) ? (uint8_t)n : 0;
	p->owned = flat_text(text, "owned", value, sizeof(value)) && !strcmp(value, "true");
	p->es = flat_text(text, "es", value, sizeof(value)) && !strcmp(value, "true");
	p->have_chip_id = flat_text(text, "chip-id", value, sizeof(value)) &&
		text_unhex(value, p->chip_id, sizeof(p->chip_id));
	return STATUS_OK;
}

/* HSK || CEK, as Hygon's server gives them out; its root is not in the file. */
static enum status take_hsk_cek(struct platform *p, const uint8_t *data, const char *path)
{
	struct tvm_error err = { 0 };
	int n = sev_ca_parse(&p->roots.ask, ATTEST_CSV, data, SEV_CA_MAX, &err);

	if (n < 0)
		return fail(STATUS_ERROR, "'%s': %s", path, err.msg);
	memcpy(&p->cek, data + n, sizeof(p->cek));
	return STATUS_OK;
}

static enum status read_roots(struct platform *p, const char *path)
{
	uint8_t data[SEV_CA_PAIR_MAX];
	struct tvm_error err = { 0 };
	size_t len;
	enum status s = file_read("vendor certificates", path, data, sizeof(data), &len);

	if (s)
		return s;
	if (p->alg == ATTEST_CSV && len == 832 + SEV_CERT_LEN)
		return take_hsk_cek(p, data, path);
	if (sev_roots_parse(&p->roots, p->alg, data, len, &err) < 0)
		return fail(STATUS_ERROR, "'%s': %s", path, err.msg);
	p->have_roots = true;
	p->soft |= sev_roots_soft(&p->roots);
	return STATUS_OK;
}

enum status platform_open(struct platform *p, const struct platform_opts *opts)
{
	const char *dir = opts->soft ? opts->soft : opts->dir;
	char path[FILE_PATH_MAX];
	enum status s;

	memset(p, 0, sizeof(*p));
	if (!!opts->soft + !!opts->dir + !!opts->device > 1)
		return fail(STATUS_USAGE,
			"--soft, --platform and --device exclude each other");
	if (!dir && !opts->device && !(opts->pdh && opts->chain))
		return fail(STATUS_USAGE, "which platform? --soft DIR, --platform DIR, "
			"--device /dev/sev, or --pdh and --chain");
	if (opts->device)
		s = device_read(p, opts->device);
	else
		s = read_certs(p, opts, dir ? dir : ".");
	if (s)
		return s;
	p->cek = p->chain.cek;
	p->alg = le32_get(p->pdh.pubkey.curve) == SEV_CURVE_SM2 ? ATTEST_CSV : ATTEST_SEV;
	if (dir) {
		s = read_status(p, dir);
		s = s ? s : file_path(path, dir, SOFT_FILE_ROOTS);
	}
	if (!s && opts->ca)
		s = read_roots(p, opts->ca);
	else if (!s && dir && file_exists(path))
		s = read_roots(p, path);
	if (!s && opts->cek)
		s = file_read("CEK certificate", opts->cek, &p->cek, sizeof(p->cek), NULL);
	return s;
}

void platform_close(struct platform *p)
{
	sev_roots_fini(&p->roots);
}
