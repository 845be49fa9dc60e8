/* SPDX-License-Identifier: Apache-2.0 */
/* tvm-attest measure and verify. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attest/soft_id.h"
#include "attest/text.h"
#include "cli/tvm-attest/expect.h"
#include "cli/tvm-attest/file.h"
#include "cli/tvm-attest/owner.h"

struct opts {
	struct expect_opts expect;
	struct owner_opts owner;
	const char *measurement, *mnonce;
	bool allow_soft, json;
};

static const char measure_usage[] =
	"measure --firmware FILE [--kernel FILE] [--tee KIND] [option]...";
static const char measure_intro[] =
	"Compute the launch digest to expect. With a key, the nonce and the platform's version\n"
	"also the measurement that the platform would return.\n"
	"For realms see 'tvm-attest measure --tee cca --help'.";
static const char verify_usage[] =
	"verify --measurement FILE|BASE64 (--session DIR | --tik FILE) --firmware FILE [option]...";
static const char verify_intro[] =
	"Verify the measurement of a launch: that these files, and nothing else, were measured\n"
	"with the key of this session.";

/* "launch-digest", or "launch-digest-legacy" for the second of two. */
static const char *name_of(char *buf, size_t size, const char *what, const struct expect *ex,
	unsigned int i)
{
	snprintf(buf, size, "%s%s%s", what, i ? "-" : "", i ? ex->digests[i].vmsa : "");
	return buf;
}

static enum status print_measure(const struct expect *ex, const struct opts *o,
	const struct owner *owner, struct out *out)
{
	struct sev_measure_info info;
	struct sev_measure m;
	char name[64];
	enum status s;

	for (unsigned int i = 0; i < ex->nr; i++) {
		s = expect_info(ex, &o->expect, i, &info);
		if (s)
			return s;
		if (!text_unhex(o->mnonce, m.mnonce, sizeof(m.mnonce)))
			return fail(STATUS_USAGE, "--mnonce takes 32 hexadecimal digits");
		if (sev_measure(ex->alg, &info, owner->tk.tik, &m) < 0)
			return fail(STATUS_ERROR, "libcrypto failed");
		out_hex(out, name_of(name, sizeof(name), "measurement", ex, i), m.measure,
			sizeof(m.measure));
	}
	return STATUS_OK;
}

static enum status measure(const struct opts *o, struct owner *owner)
{
	struct out out = { .json = o->json };
	bool with_key = o->mnonce || o->owner.session || o->owner.tik;
	enum status s = STATUS_OK;
	struct expect ex;
	char name[64];

	if (with_key && !o->mnonce)
		return fail(STATUS_USAGE, "a measurement needs the platform's nonce: "
			"--mnonce");
	if (with_key)
		s = owner_open(owner, &o->owner, false);
	s = s ? s : expect_compute(&ex, &o->expect, with_key ? owner : NULL);
	if (s)
		return s;
	expect_print(&ex, &out);
	for (unsigned int i = 0; i < ex.nr; i++)
		out_hex(&out, name_of(name, sizeof(name), "launch-digest", &ex, i),
			ex.digests[i].digest, ALG_HASH_LEN);
	if (with_key)
		s = print_measure(&ex, o, owner, &out);
	out_end(&out);
	return s;
}

/* Index of the digest that was measured, or a status in *s. */
static unsigned int matching(const struct expect *ex, const struct opts *o,
	const struct owner *owner, const struct sev_measure *seen, enum status *s)
{
	struct sev_measure_info info;
	unsigned int i;
	int r;

	for (i = 0; i < ex->nr; i++) {
		*s = expect_info(ex, &o->expect, i, &info);
		if (*s)
			return i;
		r = sev_measure_verify(ex->alg, &info, owner->tk.tik, seen);
		if (!r)
			return i;
		if (r != -EBADMSG) {
			*s = fail(STATUS_ERROR, "libcrypto failed");
			return i;
		}
	}
	*s = fail(STATUS_REFUSED, "refused: the measurement is not that of these "
		"files, policy, platform version and key");
	return i;
}

static enum status verify(const struct opts *o, struct owner *owner)
{
	struct out out = { .json = o->json };
	struct sev_measure seen;
	struct expect ex;
	unsigned int i;
	enum status s;

	if (!o->measurement)
		return fail(STATUS_USAGE, "--measurement is required");
	s = owner_open(owner, &o->owner, false);
	s = s ? s : file_blob("measurement", o->measurement, &seen, sizeof(seen));
	s = s ? s : expect_compute(&ex, &o->expect, owner);
	if (s)
		return s;
	i = matching(&ex, o, owner, &seen, &s);
	if (!s && owner->soft && !o->allow_soft)
		s = fail(STATUS_REFUSED, "refused: the session is for a " SOFT_NAME
			"; --allow-soft accepts it for tests");
	/* Usage and host errors have nothing to show. */
	if (s && s != STATUS_REFUSED)
		return s;
	out_text(&out, "platform", !owner->known ? "unknown: no --session" :
		owner->soft ? SOFT_NAME : "hardware");
	expect_print(&ex, &out);
	if (i < ex.nr)
		out_hex(&out, "launch-digest", ex.digests[i].digest, ALG_HASH_LEN);
	if (i < ex.nr && ex.digests[i].vmsa)
		out_text(&out, "vmsa", ex.digests[i].vmsa);
	out_hex(&out, "measurement", seen.measure, sizeof(seen.measure));
	out_bool(&out, "verified", !s);
	out_end(&out);
	return s;
}

/* Realms have another set of options. */
static bool is_realm(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const char *kind = !strncmp(argv[i], "--tee=", 6) ? argv[i] + 6 :
			!strcmp(argv[i], "--tee") && i + 1 < argc ? argv[i + 1] : "";

		if (!strcmp(kind, "cca") || !strcmp(kind, "virtcca"))
			return true;
	}
	return false;
}

int cmd_measure(int argc, char **argv)
{
	struct opts o = { 0 };
	const struct arg args[] = {
		EXPECT_ARGS(&o.expect),
		OWNER_ARGS(&o.owner),
		{ "mnonce", ARG_TEXT, &o.mnonce, 0, "HEX", "The platform's nonce, 16 bytes." },
		{ "json", ARG_FLAG, &o.json, 0, NULL, "Print one JSON object." },
	};
	const struct arg_table table = { measure_usage, measure_intro, args, ARGS_NR(args) };
	enum args_result parsed;
	struct owner owner;
	enum status s;

	if (is_realm(argc, argv))
		return cmd_measure_realm(argc, argv);
	parsed = args_parse(&table, argc, argv);
	if (parsed != ARGS_GO)
		return parsed == ARGS_HELP ? STATUS_OK : STATUS_USAGE;
	s = measure(&o, &owner);
	explicit_bzero(&owner, sizeof(owner));
	return s;
}

int cmd_verify(int argc, char **argv)
{
	struct opts o = { 0 };
	const struct arg args[] = {
		{ "measurement", ARG_TEXT, &o.measurement, 0, "FILE|BASE64",
			"What the platform returned: 48 bytes." },
		OWNER_ARGS(&o.owner),
		EXPECT_ARGS(&o.expect),
		{ "digest", ARG_TEXT, &o.expect.digest, 0, "HEX",
			"The launch digest to expect, instead of --firmware and the rest." },
		{ "allow-soft", ARG_FLAG, &o.allow_soft, 0, NULL,
			"Accept a software platform: for tests, not confidential." },
		{ "json", ARG_FLAG, &o.json, 0, NULL, "Print one JSON object." },
	};
	const struct arg_table table = { verify_usage, verify_intro, args, ARGS_NR(args) };
	enum args_result parsed = args_parse(&table, argc, argv);
	struct owner owner;
	enum status s;

	if (parsed != ARGS_GO)
		return parsed == ARGS_HELP ? STATUS_OK : STATUS_USAGE;
	s = verify(&o, &owner);
	explicit_bzero(&owner, sizeof(owner));
	return s;
}
