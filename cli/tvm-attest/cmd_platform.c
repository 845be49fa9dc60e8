/* SPDX-License-Identifier: Apache-2.0 */
/* tvm-attest platform. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "attest/soft_id.h"
#include "cli/tvm-attest/file.h"
#include "cli/tvm-attest/platform.h"
#include "tee/csv/backend.h"
#include "tee/virtcca/soft/platform.h"
#include "tvm.h"

struct opts {
	struct platform_opts platform;
	const char *export, *create;
	bool no_verify, json;
};

/* The software platform makes what it lacks when it is opened. */
static enum status create(const struct opts *o)
{
	const struct soft_opts soft = {
		.dir = o->platform.soft,
		.csv = !strcmp(o->create, "csv"),
	};
	struct sev_backend backend;
	struct tvm_error err;

	if (!o->platform.soft || (!soft.csv && strcmp(o->create, "sev")))
		return fail(STATUS_USAGE, "--create takes sev, csv or cca, and --soft DIR");
	if (sev_backend_soft_open(&soft, &backend, &err) < 0)
		return fail(STATUS_ERROR, "%s", err.msg);
	backend.ops->close(backend.ctx);
	return STATUS_OK;
}

/* Realms have one key and no chain above it: there is nothing to verify here. */
static enum status create_cca(const struct opts *o)
{
	struct out out = { .json = o->json };
	struct rmm_platform *platform;
	char path[FILE_PATH_MAX];
	struct tvm_error err;
	enum status s;

	if (!o->platform.soft)
		return fail(STATUS_USAGE, "--create cca takes --soft DIR");
	if (rmm_platform_open(o->platform.soft, CCA_CURRENT, &platform, &err) < 0)
		return fail(STATUS_ERROR, "%s", err.msg);
	rmm_platform_close(platform);
	s = file_path(path, o->platform.soft, SOFT_FILE_CPAK);
	if (s)
		return s;
	out_text(&out, "platform", SOFT_NAME);
	out_text(&out, "cpak", path);
	out_end(&out);
	return STATUS_OK;
}

static void print_status(const struct platform *p, struct out *out)
{
	static const char *const states[] = { "uninit", "init", "working" };

	if (!p->have_status)
		return;
	out_num(out, "api-major", p->api_major);
	out_num(out, "api-minor", p->api_minor);
	out_num(out, "build-id", p->build);
	if (p->live) {
		out_text(out, "state", p->state < 3 ? states[p->state] : "unknown");
		out_num(out, "guests", p->guests);
	}
	out_bool(out, "owned", p->owned);
	out_bool(out, "es", p->es);
	if (p->have_chip_id)
		out_hex(out, "chip-id", p->chip_id, sizeof(p->chip_id));
}

static enum status export(const struct platform *p, const char *dir)
{
	const struct {
		const char *name;
		const void *data;
		size_t len;
	} files[] = {
		{ SOFT_FILE_PDH, &p->pdh, sizeof(p->pdh) },
		{ SOFT_FILE_CHAIN, &p->chain, sizeof(p->chain) },
	};
	uint8_t roots[SEV_CA_PAIR_MAX];
	char path[FILE_PATH_MAX];
	enum status s = STATUS_OK;

	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return fail(STATUS_ERROR, "cannot make '%s': %s", dir, strerror(errno));
	for (size_t i = 0; !s && i < 2; i++) {
		s = file_path(path, dir, files[i].name);
		s = s ? s : file_write(path, files[i].data, files[i].len, 0644, false);
	}
	if (s || !p->have_roots)
		return s;
	memcpy(roots, p->roots.ask.raw, p->roots.ask.len);
	memcpy(roots + p->roots.ask.len, p->roots.ark.raw, p->roots.ark.len);
	s = file_path(path, dir, SOFT_FILE_ROOTS);
	return s ? s : file_write(path, roots, p->roots.ask.len + p->roots.ark.len, 0644, false);
}

static enum status run(struct platform *p, const struct opts *o)
{
	struct out out = { .json = o->json };
	enum status s = o->create ? create(o) : STATUS_OK;

	s = s ? s : platform_open(p, &o->platform);
	s = s ? s : o->export ? export(p, o->export) : STATUS_OK;
	if (s)
		return s;
	if (!o->no_verify)
		s = platform_verify(p, &o->platform);
	platform_print(p, &out);
	print_status(p, &out);
	out_end(&out);
	return s;
}

int cmd_platform(int argc, char **argv)
{
	struct opts o = { 0 };
	const struct arg args[] = {
		PLATFORM_ARGS(&o.platform),
		{ "create", ARG_TEXT, &o.create, 0, "sev|csv|cca",
			"Make a software platform in --soft DIR, unless there is one." },
		{ "export", ARG_TEXT, &o.export, 0, "DIR", "Write the certificates to DIR." },
		{ "no-verify", ARG_FLAG, &o.no_verify, 0, NULL, "Show and export only." },
		{ "json", ARG_FLAG, &o.json, 0, NULL, "Print one JSON object." },
	};
	const struct arg_table table = {
		"platform [--soft DIR | --platform DIR | --device PATH] [option]...",
		"Show a platform, export its certificates, and verify them up to the root.",
		args, ARGS_NR(args),
	};
	enum args_result parsed = args_parse(&table, argc, argv);
	struct platform p = { 0 };
	enum status s;

	if (parsed != ARGS_GO)
		return parsed == ARGS_HELP ? STATUS_OK : STATUS_USAGE;
	if (!o.platform.soft && !o.platform.dir && !o.platform.device)
		o.platform.device = "/dev/sev";
	if (o.create && !strcmp(o.create, "cca"))
		return create_cca(&o);
	s = run(&p, &o);
	platform_close(&p);
	return s;
}
