/* SPDX-License-Identifier: Apache-2.0 */
/* tvm-attest report. */
#include <string.h>

#include "attest/csv_report.h"
#include "attest/sev_report.h"
#include "attest/text.h"
#include "cli/tvm-attest/file.h"
#include "cli/tvm-attest/out.h"
#include "cli/tvm-attest/platform.h"
#include "tvm.h"

struct opts {
	struct platform_opts platform;
	struct arg_num policy;
	const char *report, *mnonce, *digest, *user_data;
	bool json;
};

/* What a report of either kind says. */
struct claims {
	const uint8_t *digest, *mnonce, *user_data, *serial;	/* the last two: CSV */
	uint32_t policy;
};

#define CSV_PAGE_LEN 4096	/* what the guest's driver hands out */

static enum status compare(const char *name, const char *wanted, const uint8_t *seen, size_t len)
{
	uint8_t bytes[64];

	if (!wanted)
		return STATUS_OK;
	if (!seen)
		return fail(STATUS_USAGE, "--%s: this kind of report has none", name);
	if (!text_unhex(wanted, bytes, len))
		return fail(STATUS_USAGE, "--%s takes %zu hexadecimal digits", name,
			2 * len);
	if (memcmp(bytes, seen, len))
		return fail(STATUS_REFUSED, "refused: the report's %s is another one",
			name);
	return STATUS_OK;
}

static enum status check_claims(const struct claims *c, const struct opts *o)
{
	enum status s = compare("mnonce", o->mnonce, c->mnonce, 16);

	s = s ? s : compare("digest", o->digest, c->digest, ALG_HASH_LEN);
	s = s ? s : compare("user-data", o->user_data, c->user_data, 64);
	if (!s && o->policy.given && o->policy.value != c->policy)
		s = fail(STATUS_REFUSED, "refused: the report's policy is 0x%x",
			c->policy);
	return s;
}

/* The embedded certificate must be the platform's own, as its chain vouches for it. */
static enum status verify_csv(const struct csv_report *stored, struct csv_report *plain,
	const struct platform *p)
{
	struct tvm_error err = { 0 };

	if (csv_report_verify(stored, plain, &err) < 0)
		return fail(STATUS_REFUSED, "refused: %s", err.msg);
	if (memcmp(&plain->pek.pubkey, &p->chain.pek.pubkey, sizeof(plain->pek.pubkey)))
		return fail(STATUS_REFUSED, "refused: the report is of another platform: "
			"its PEK is not the one of the chain");
	return STATUS_OK;
}

static void print(const struct platform *p, const struct claims *c, struct out *out)
{
	platform_print(p, out);
	out_hexnum(out, "policy", c->policy);
	out_hex(out, "launch-digest", c->digest, ALG_HASH_LEN);
	out_hex(out, "mnonce", c->mnonce, 16);
	if (c->user_data)
		out_hex(out, "user-data", c->user_data, 64);
	if (c->serial)
		out_text(out, "serial", (const char *)c->serial);
	out_end(out);
}

static enum status run(struct platform *p, const struct opts *o)
{
	union {
		struct sev_report sev;
		struct csv_report csv;
		uint8_t bytes[CSV_PAGE_LEN];
	} raw;
	struct csv_report plain;
	struct out out = { .json = o->json };
	struct tvm_error err = { 0 };
	char serial[sizeof(plain.serial) + 1] = "";
	struct claims c = { 0 };
	size_t len;
	enum status s;

	if (!o->report)
		return fail(STATUS_USAGE, "--report is required");
	s = file_read("report", o->report, &raw, sizeof(raw), &len);
	s = s ? s : platform_open(p, &o->platform);
	s = s ? s : platform_verify(p, &o->platform);
	if (s)
		return s;
	if (len == sizeof(raw.sev)) {
		if (sev_report_verify(&raw.sev, p->alg, &p->chain.pek, &err) < 0)
			return fail(STATUS_REFUSED, "refused: %s", err.msg);
		c = (struct claims){ .digest = raw.sev.digest, .mnonce = raw.sev.mnonce,
			.policy = le32_get(raw.sev.policy) };
	} else if (len == CSV_REPORT_LEN || len == CSV_PAGE_LEN) {
		s = verify_csv(&raw.csv, &plain, p);
		if (s)
			return s;
		memcpy(serial, plain.serial, sizeof(plain.serial));
		c = (struct claims){ plain.measure, plain.mnonce, plain.user_data,
			(const uint8_t *)serial, le32_get(plain.policy) };
	} else {
		return fail(STATUS_ERROR, "report: '%s' has %zu bytes, expected %zu (SEV) "
			"or %u (CSV)", o->report, len, sizeof(raw.sev), CSV_REPORT_LEN);
	}
	s = check_claims(&c, o);
	if (!s)
		print(p, &c, &out);
	return s;
}

int cmd_report(int argc, char **argv)
{
	struct opts o = { 0 };
	const struct arg args[] = {
		{ "report", ARG_TEXT, &o.report, 0, "FILE", "The report, as it came." },
		PLATFORM_ARGS(&o.platform),
		{ "mnonce", ARG_TEXT, &o.mnonce, 0, "HEX", "Nonce of the request, 16 bytes." },
		{ "digest", ARG_TEXT, &o.digest, 0, "HEX", "Launch digest to expect." },
		{ "policy", ARG_NUM, &o.policy, 0, "N", "Policy to expect." },
		{ "user-data", ARG_TEXT, &o.user_data, 0, "HEX",
			"CSV: data of the request, 64 bytes." },
		{ "json", ARG_FLAG, &o.json, 0, NULL, "Print one JSON object." },
	};
	const struct arg_table table = {
		"report --report FILE (--soft DIR | --platform DIR | --device PATH) [option]...",
		"Verify an attestation report with the platform's certificates.",
		args, ARGS_NR(args),
	};
	enum args_result parsed = args_parse(&table, argc, argv);
	struct platform p = { 0 };
	enum status s;

	if (parsed != ARGS_GO)
		return parsed == ARGS_HELP ? STATUS_OK : STATUS_USAGE;
	s = run(&p, &o);
	platform_close(&p);
	return s;
}
