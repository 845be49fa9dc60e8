/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processor's side of the exchange, for the scripts beside this file: no launch, just what
 * attest/ computes for it.
 *
 *	psp make DIR sev|csv [ROOT-ID]		a platform's directory, with private keys
 *	psp open DIR SESSION GODH POLICY	TEK and TIK of a session, in hexadecimal
 *	psp unwrap sev|csv TEK TIK MEASURE HEADER SECRET	a packet's table, as it is
 *	psp report DIR DIGEST POLICY MNONCE FILE	a host's report
 *	psp csv-report DIR DIGEST POLICY MNONCE FILE	one as a CSV guest gets it
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "attest/blob.h"
#include "attest/csv_report.h"
#include "attest/csv_session.h"
#include "attest/sev_report.h"
#include "attest/sev_secret.h"
#include "attest/sev_session.h"
#include "attest/text.h"
#include "tests/unit/test_attest_chain.h"
#include "tvm.h"

static struct tvm_error err;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "psp: %s: %s\n", what, err.msg[0] ? err.msg : "failed");
	exit(1);
}

static void write_file(const char *dir, const char *name, const void *data, size_t len)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "", name);
	f = fopen(path, "wbe");
	must(f && fwrite(data, 1, len, f) == len && !fclose(f), path);
}

static size_t read_file(const char *dir, const char *name, void *data, size_t size)
{
	char path[4096];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "", name);
	f = fopen(path, "rbe");
	must(f, path);
	len = fread(data, 1, size, f);
	fclose(f);
	return len;
}

static void write_key(const char *dir, const char *name, const struct key *key)
{
	uint8_t der[4096];
	int len = key_export(key, der, sizeof(der));

	must(len > 0, name);
	write_file(dir, name, der, (size_t)len);
}

static struct key *read_key(const char *dir, const char *name)
{
	struct key *key = NULL;
	uint8_t der[4096];

	must(!key_import(der, read_file(dir, name, der, sizeof(der)), &key), name);
	return key;
}

static int make(const char *dir, const char *kind, const char *root_id)
{
	enum attest_alg alg = strcmp(kind, "csv") ? ATTEST_SEV : ATTEST_CSV;
	bool soft = !strcmp(root_id, SOFT_KEY_ID);
	struct test_chain c;
	char status[256];
	int n;

	mkdir(dir, 0755);
	test_chain_make(&c, alg, root_id);
	write_file(dir, SOFT_FILE_PDH, &c.pdh_cert, sizeof(c.pdh_cert));
	write_file(dir, SOFT_FILE_CHAIN, &c.chain, sizeof(c.chain));
	write_file(dir, SOFT_FILE_ROOTS, c.roots, c.roots_len);
	write_key(dir, "pdh.key", c.pdh);
	write_key(dir, "pek.key", c.pek);
	n = snprintf(status, sizeof(status), "{\"platform\":\"%s\",\"algorithms\":\"%s\","
		"\"api-major\":1,\"api-minor\":55,\"build-id\":21,\"owned\":false,\"es\":true}\n",
		soft ? "soft" : "hardware", kind);
	write_file(dir, SOFT_FILE_STATUS, status, (size_t)n);
	test_chain_free(&c);
	return 0;
}

static enum attest_alg alg_of(const struct key *key)
{
	return key_kind(key) == KEY_SM2 ? ATTEST_CSV : ATTEST_SEV;
}

static int open_session(char **argv)
{
	struct key *pdh = read_key(argv[0], "pdh.key");
	uint32_t policy = (uint32_t)strtoul(argv[3], NULL, 0);
	uint8_t *session, *godh;
	char text[33];
	struct attest_tk tk;
	size_t len, want = alg_of(pdh) == ATTEST_CSV ? sizeof(struct csv_session) :
		sizeof(struct sev_session);
	int r;

	must(!blob_read(argv[1], "session", 4096, &session, &len, &err) && len == want, "session");
	must(!blob_read(argv[2], "godh", 4096, &godh, &len, &err) && len == SEV_CERT_LEN, "godh");
	if (alg_of(pdh) == ATTEST_CSV)
		r = csv_session_open((void *)session, (void *)godh, pdh, policy, &tk, &err);
	else
		r = sev_session_open((void *)session, (void *)godh, pdh, policy, &tk, &err);
	must(!r, "open");
	text_hex(tk.tek, 16, text);
	printf("%s ", text);
	text_hex(tk.tik, 16, text);
	printf("%s\n", text);
	key_free(pdh);
	free(session);
	free(godh);
	return 0;
}

static int unwrap(char **argv)
{
	enum attest_alg alg = strcmp(argv[0], "csv") ? ATTEST_SEV : ATTEST_CSV;
	uint8_t measure[32], out[SEV_SECRET_MAX], *header, *trans;
	struct attest_tk tk;
	size_t len;

	must(text_unhex(argv[1], tk.tek, 16) && text_unhex(argv[2], tk.tik, 16) &&
		text_unhex(argv[3], measure, 32), "arguments");
	must(!blob_read(argv[4], "header", 4096, &header, &len, &err) &&
		len == SEV_SECRET_HEADER_LEN, "header");
	must(!blob_read(argv[5], "secret", SEV_SECRET_MAX, &trans, &len, &err), "secret");
	must(!sev_secret_open(alg, &tk, measure, (void *)header, trans, len, out, len, &err),
		"unwrap");
	fwrite(out, 1, len, stdout);
	free(header);
	free(trans);
	return 0;
}

/* The PEK as it signs: with the user id of its certificate. */
static struct key *read_pek(const char *dir, struct sev_cert_chain *chain)
{
	struct key *pek = read_key(dir, "pek.key");
	size_t len = read_file(dir, SOFT_FILE_CHAIN, chain, sizeof(*chain));

	must(len == sizeof(*chain), "chain");
	must(alg_of(pek) == ATTEST_SEV || !key_set_uid(pek, chain->pek.pubkey.uid,
		le16_get(chain->pek.pubkey.uid_len)), "uid");
	return pek;
}

static int report(char **argv)
{
	struct sev_cert_chain chain;
	struct key *pek = read_pek(argv[0], &chain);
	struct sev_report r = { .policy = le32_make((uint32_t)strtoul(argv[2], NULL, 0)) };

	must(text_unhex(argv[1], r.digest, 32) && text_unhex(argv[3], r.mnonce, 16), "arguments");
	must(!sev_report_sign(&r, alg_of(pek), pek), "sign");
	write_file("", argv[4], &r, sizeof(r));
	key_free(pek);
	return 0;
}

static int csv_report(char **argv)
{
	struct sev_cert_chain chain;
	struct key *pek = read_pek(argv[0], &chain);
	struct csv_report r = {
		.policy = le32_make((uint32_t)strtoul(argv[2], NULL, 0)),
		.user_data = "the guest's own data",
		.anonce = le32_make(0x1291429b),
		.serial = "SERIAL0001",
	};

	must(text_unhex(argv[1], r.measure, 32) && text_unhex(argv[3], r.mnonce, 16), "arguments");
	r.pek = chain.pek;
	must(!csv_report_sign(&r, pek), "sign");
	write_file("", argv[4], &r, sizeof(r));
	key_free(pek);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && !strcmp(argv[1], "make"))
		return make(argv[2], argv[3], argc > 4 ? argv[4] : SOFT_KEY_ID);
	if (argc == 6 && !strcmp(argv[1], "open"))
		return open_session(argv + 2);
	if (argc == 8 && !strcmp(argv[1], "unwrap"))
		return unwrap(argv + 2);
	if (argc == 7 && !strcmp(argv[1], "report"))
		return report(argv + 2);
	if (argc == 7 && !strcmp(argv[1], "csv-report"))
		return csv_report(argv + 2);
	fprintf(stderr, "psp: see tests/attest/psp.c\n");
	return 2;
}
