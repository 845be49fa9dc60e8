/* SPDX-License-Identifier: Apache-2.0 */
/* tvm-attest session. */
#include <string.h>

#include "attest/csv_session.h"
#include "attest/sev_session.h"
#include "attest/text.h"
#include "cli/tvm-attest/out.h"
#include "cli/tvm-attest/owner.h"
#include "cli/tvm-attest/platform.h"
#include "tvm.h"

struct opts {
	struct platform_opts platform;
	struct arg_num policy;
	const char *out, *digest;
	bool json;
};

static enum status make(const struct platform *p, const struct opts *o, struct owner *owner)
{
	union {
		struct sev_session sev;
		struct csv_session csv;
	} session;
	struct csv_session_info info = { 0 };
	struct owner_files files = { .session = &session, .godh_len = SEV_CERT_LEN };
	struct tvm_error err = { 0 };
	struct sev_cert godh;
	int r;

	files.godh = &godh;
	if (o->digest && (p->alg != ATTEST_CSV || !text_unhex(o->digest, info.vm_digest,
				sizeof(info.vm_digest))))
		return fail(STATUS_USAGE, "--digest is for CSV: 64 hexadecimal digits");
	if (p->alg == ATTEST_CSV) {
		files.session_len = sizeof(session.csv);
		r = csv_session_create(&p->pdh, o->policy.value, &info, &session.csv, &godh,
			&owner->tk, &err);
	} else {
		files.session_len = sizeof(session.sev);
		r = sev_session_create(&p->pdh, o->policy.value, &session.sev, &godh, &owner->tk,
			&err);
	}
	if (r < 0)
		return fail(STATUS_ERROR, "%s", err.msg);
	return owner_write(o->out ? o->out : ".", owner, &files);
}

static enum status run(struct platform *p, const struct opts *o)
{
	struct out out = { .json = o->json };
	struct owner owner = { .policy = o->policy.value };
	enum status s;

	s = platform_open(p, &o->platform);
	s = s ? s : platform_verify(p, &o->platform);
	if (s)
		return s;
	owner.soft = p->soft;
	owner.alg = p->alg;
	s = make(p, o, &owner);
	explicit_bzero(&owner, sizeof(owner));
	if (s)
		return s;
	platform_print(p, &out);
	out_hexnum(&out, "policy", o->policy.value);
	out_text(&out, "directory", o->out ? o->out : ".");
	out_end(&out);
	return STATUS_OK;
}

int cmd_session(int argc, char **argv)
{
	struct opts o = { 0 };
	const struct arg args[] = {
		PLATFORM_ARGS(&o.platform),
		{ "pdh", ARG_TEXT, &o.platform.pdh, 0, "FILE", "PDH certificate, and" },
		{ "chain", ARG_TEXT, &o.platform.chain, 0, "FILE",
			"PEK, OCA and CEK certificates, instead of a directory's." },
		{ "policy", ARG_NUM, &o.policy, 0, "N", "Guest policy; required." },
		{ "digest", ARG_TEXT, &o.digest, 0, "HEX",
			"CSV: launch digest that the session names." },
		{ "out", ARG_TEXT, &o.out, 0, "DIR",
			"Where files go, made if absent; default '.'." },
		{ "json", ARG_FLAG, &o.json, 0, NULL, "Print one JSON object." },
	};
	const struct arg_table table = {
		"session (--soft DIR | --platform DIR | --device PATH) --policy N [--out DIR]",
		"Verify a platform and make what a launch on it needs: session.b64 and godh.b64\n"
		"for the host; tik.bin, tek.bin and session.json, which stay with the owner.",
		args, ARGS_NR(args),
	};
	enum args_result parsed = args_parse(&table, argc, argv);
	struct platform p = { 0 };
	enum status s;

	if (parsed != ARGS_GO)
		return parsed == ARGS_HELP ? STATUS_OK : STATUS_USAGE;
	if (!o.policy.given)
		return fail(STATUS_USAGE, "--policy is required: 1 (no debugging), 5 with "
			"encrypted state");
	s = run(&p, &o);
	platform_close(&p);
	return s;
}
