/* SPDX-License-Identifier: Apache-2.0 */
/* tvm-attest token. Nothing of a token is printed before it is verified, unless asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/cca_token.h"
#include "attest/key.h"
#include "attest/soft_id.h"
#include "attest/text.h"
#include "cli/tvm-attest/args.h"
#include "cli/tvm-attest/file.h"
#include "cli/tvm-attest/out.h"
#include "cli/tvm-attest/realm.h"
#include "tvm.h"

struct opts {
	const char *token, *cpak, *soft, *challenge, *rim, *rpv;
	struct arg_list rems;
	bool allow_soft, allow_unsecured, no_verify, json;
};

/* ---- Input -------------------------------------------------------------------------------- */

/* The bytes of a token, or base64 text of them; *buf is the caller's to free. */
static enum status read_token(const char *path, uint8_t **buf, size_t *len)
{
	struct file f;
	enum status s = file_open(&f, "token", path);
	int n;

	if (s)
		return s;
	*buf = malloc(f.len + 1);
	*len = f.len;
	if (!*buf) {
		s = fail(STATUS_ERROR, "token: out of memory");
	} else if (!f.len) {
		s = fail(STATUS_ERROR, "token: '%s' is empty", path);
	} else if (((uint8_t *)f.data)[0] & 0x80) {	/* a tag; base64 is ASCII */
		memcpy(*buf, f.data, f.len);
	} else {
		n = text_unbase64(f.data, f.len, *buf, f.len);
		*len = n < 0 ? 0 : (size_t)n;
		if (n <= 0)
			s = fail(STATUS_ERROR, "token: '%s' is neither a token nor base64 of one",
				path);
	}
	file_close(&f);
	return s;
}

static enum status read_cpak(const struct opts *o, struct key **out)
{
	char path[FILE_PATH_MAX];
	uint8_t bytes[4096];
	size_t len;
	enum status s = STATUS_OK;

	if (!o->cpak == !o->soft)
		return fail(STATUS_USAGE, "which platform? give --cpak or --soft");
	if (o->soft)
		s = file_path(path, o->soft, SOFT_FILE_CPAK);
	s = s ? s : file_read("platform key", o->soft ? path : o->cpak, bytes, sizeof(bytes), &len);
	if (s)
		return s;
	if (key_spki_import(bytes, len, out) < 0)
		return fail(STATUS_ERROR, "platform key: '%s' is no public key in PEM or DER form",
			o->soft ? path : o->cpak);
	return STATUS_OK;
}

/* ---- Judgement ---------------------------------------------------------------------------- */

/* What was asked for against what the token says; shorter text stands for zeros behind it. */
static enum status compare(const char *name, const char *text, const struct cose_bytes *seen)
{
	static const uint8_t zero[64];
	uint8_t wanted[64];
	enum status s;

	if (!text)
		return STATUS_OK;
	s = realm_padded(name, text, wanted);
	if (!s && (memcmp(wanted, seen->p, seen->len) ||
	    memcmp(wanted + seen->len, zero, sizeof(zero) - seen->len)))
		s = fail(STATUS_REFUSED, "refused: the token's %s is another one", name);
	return s;
}

/* N=HEX */
static enum status compare_rem(const char *text, const struct cca_realm *realm)
{
	if (text[0] < '1' || text[0] > '0' + CCA_REMS || text[1] != '=')
		return fail(STATUS_USAGE, "--rem takes N=HEX, with N from 1 to %u", CCA_REMS);
	return compare("rem", text + 2, &realm->rem[text[0] - '1']);
}

static enum status judge(const struct cca_token *t, const struct opts *o)
{
	enum status s = STATUS_OK;

	if (cca_token_soft(t) && !o->allow_soft)
		return fail(STATUS_REFUSED, "refused: " SOFT_NAME "; --allow-soft accepts it for "
			"tests");
	if (!cca_token_soft(t) && !t->virtcca &&
	    !cca_lifecycle_secured(t->platform.lifecycle) && !o->allow_unsecured)
		return fail(STATUS_REFUSED, "refused: the platform's lifecycle is '%s'; "
			"--allow-unsecured accepts that",
			cca_lifecycle_name(t->platform.lifecycle));
	s = compare("challenge", o->challenge, &t->realm.challenge);
	s = s ? s : compare("rim", o->rim, &t->realm.rim);
	s = s ? s : compare("rpv", o->rpv, &t->realm.rpv);
	for (unsigned int i = 0; !s && i < o->rems.nr; i++)
		s = compare_rem(o->rems.items[i], &t->realm);
	return s;
}

/* ---- Output ------------------------------------------------------------------------------- */

/* Text of somebody else: one line, no control characters. */
static const char *clean(const struct cose_bytes *b, char *buf, size_t size)
{
	size_t n = b->len < size - 1 ? b->len : size - 1;

	for (size_t i = 0; i < n; i++)
		buf[i] = b->p[i] >= 0x20 && b->p[i] < 0x7f ? (char)b->p[i] : '?';
	buf[n] = '\0';
	return buf;
}

static void out_bytes(struct out *out, const char *name, const struct cose_bytes *b)
{
	out_hex(out, name, b->p, b->len);
}

static void out_claim(struct out *out, const char *name, const struct cose_bytes *b)
{
	char text[256];

	if (b->p)
		out_text(out, name, clean(b, text, sizeof(text)));
}

static void print_components(const struct cca_platform *p, struct out *out)
{
	for (unsigned int i = 0; i < p->nr_components; i++) {
		const struct cca_component *c = &p->components[i];
		const struct { const char *what; const struct cose_bytes *text; } texts[] = {
			{ "type", &c->type }, { "version", &c->version }, { "hash", &c->hash } };
		char name[64];

		for (unsigned int j = 0; j < 3; j++) {
			snprintf(name, sizeof(name), "component-%u-%s", i + 1, texts[j].what);
			out_claim(out, name, texts[j].text);
		}
		snprintf(name, sizeof(name), "component-%u-measurement", i + 1);
		out_bytes(out, name, &c->measurement);
		snprintf(name, sizeof(name), "component-%u-signer", i + 1);
		out_bytes(out, name, &c->signer);
	}
}

static void print_platform(const struct cca_platform *p, struct out *out)
{
	out_claim(out, "platform-profile", &p->profile);
	out_bytes(out, "implementation-id", &p->impl_id);
	out_bytes(out, "instance-id", &p->instance_id);
	out_text(out, "lifecycle", cca_lifecycle_name(p->lifecycle));
	out_hexnum(out, "lifecycle-value", (uint32_t)p->lifecycle);
	out_bytes(out, "configuration", &p->config);
	out_claim(out, "verification-service", &p->service);
	print_components(p, out);
}

static void print(const struct cca_token *t, struct out *out, bool verified)
{
	const struct cca_realm *r = &t->realm;
	char name[16];

	out_text(out, "platform", cca_token_soft(t) ? SOFT_NAME : "hardware");
	out_text(out, "form", t->virtcca ? "virtcca" : t->form == CCA_LEGACY ? "legacy" :
		"current");
	if (!t->virtcca)
		print_platform(&t->platform, out);
	out_claim(out, "realm-profile", &r->profile);
	out_bytes(out, "challenge", &r->challenge);
	out_bytes(out, "rpv", &r->rpv);
	out_text(out, "hash-algorithm", rim_hash_name(r->hash));
	out_bytes(out, "rim", &r->rim);
	for (unsigned int i = 0; i < CCA_REMS; i++) {
		snprintf(name, sizeof(name), "rem-%u", i + 1);
		out_bytes(out, name, &r->rem[i]);
	}
	out_bytes(out, "realm-key", &r->rak);
	out_bool(out, "verified", verified);
	out_end(out);
}

static enum status verify(const struct cca_token *t, const struct opts *o)
{
	struct tvm_error err = { 0 };
	struct key *cpak = NULL;
	enum status s = read_cpak(o, &cpak);

	if (!s && cca_token_verify(t, cpak, &err) < 0)
		s = fail(STATUS_REFUSED, "refused: %s", err.msg);
	key_free(cpak);
	return s ? s : judge(t, o);
}

static enum status run(const struct opts *o, uint8_t **buf)
{
	struct out out = { .json = o->json };
	struct tvm_error err = { 0 };
	struct cca_token t;
	enum status s;
	size_t len;

	if (!o->token)
		return fail(STATUS_USAGE, "--token is required");
	if (o->no_verify && (o->cpak || o->soft || o->challenge || o->rim || o->rpv || o->rems.nr))
		return fail(STATUS_USAGE, "--no-verify only shows: nothing is compared with it");
	s = read_token(o->token, buf, &len);
	if (!s && cca_token_parse(*buf, len, &t, &err) < 0)
		s = fail(STATUS_ERROR, "token: %s", err.msg);
	if (!s && !o->no_verify)
		s = verify(&t, o);
	if (!s)
		print(&t, &out, !o->no_verify);
	return s;
}

int cmd_token(int argc, char **argv)
{
	struct opts o = { 0 };
	const struct arg args[] = {
		{ "token", ARG_TEXT, &o.token, 0, "FILE", "The token, or base64 of it." },
		{ "cpak", ARG_TEXT, &o.cpak, 0, "FILE", "The platform's public key (CPAK), PEM or "
			"DER, from a source you trust; virtCCA: the device's." },
		{ "soft", ARG_TEXT, &o.soft, 0, "DIR", "Directory of a software platform." },
		{ "challenge", ARG_TEXT, &o.challenge, 0, "HEX", "Challenge to expect." },
		{ "rim", ARG_TEXT, &o.rim, 0, "HEX", "Initial measurement to expect." },
		{ "rpv", ARG_TEXT, &o.rpv, 0, "HEX", "Personalization value to expect." },
		{ "rem", ARG_LIST, &o.rems, 0, "N=HEX", "Extensible measurement N to expect." },
		{ "allow-soft", ARG_FLAG, &o.allow_soft, 0, NULL,
			"Accept a software platform: for tests, not confidential." },
		{ "allow-unsecured", ARG_FLAG, &o.allow_unsecured, 0, NULL,
			"Accept a platform that is not in its secured state." },
		{ "no-verify", ARG_FLAG, &o.no_verify, 0, NULL, "Show only." },
		{ "json", ARG_FLAG, &o.json, 0, NULL, "Print one JSON object." },
	};
	const struct arg_table table = {
		"token --token FILE (--cpak FILE | --soft DIR) [option]...",
		"Verify the attestation token of a realm and show what it says.",
		args, ARGS_NR(args),
	};
	enum args_result parsed = args_parse(&table, argc, argv);
	uint8_t *buf = NULL;
	enum status s = parsed == ARGS_GO ? run(&o, &buf) :
		parsed == ARGS_HELP ? STATUS_OK : STATUS_USAGE;

	free(buf);
	free(o.rems.items);
	return s;
}
