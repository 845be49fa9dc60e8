/* SPDX-License-Identifier: Apache-2.0 */
/* tvm-attest secret. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/sev_measure.h"
#include "attest/sev_secret.h"
#include "attest/sev_table.h"
#include "attest/soft_id.h"
#include "cli/tvm-attest/file.h"
#include "cli/tvm-attest/out.h"
#include "cli/tvm-attest/owner.h"
#include "tvm.h"

struct opts {
	struct owner_opts owner;
	struct arg_list entries;
	struct arg_num flags;
	const char *tee, *measurement, *table, *out, *header_path, *secret_path;
	bool json;
};

#define ENTRIES_MAX 64	/* the kernel shows no more */
#define LUKS_GUID "736869e5-84f0-4973-92ec-06879ce3da0b"

/* The table in plain text, and what its entries point to. Wiped and freed by drop(). */
struct plain {
	struct sev_table_entry entries[ENTRIES_MAX];
	struct file files[ENTRIES_MAX];
	unsigned int nr;
	uint8_t bytes[SEV_SECRET_MAX];
	size_t len;
};

static void drop(struct plain *p)
{
	for (unsigned int i = 0; i < p->nr; i++)
		file_close(&p->files[i]);
	explicit_bzero(p->bytes, sizeof(p->bytes));
	free(p);
}

/* "GUID=value", "GUID=@file", "luks-key=...". The value never gets into a message. */
static enum status take_entry(struct plain *p, const char *text)
{
	struct sev_table_entry *e = &p->entries[p->nr];
	struct file *f = &p->files[p->nr];
	const char *value = strchr(text, '=');
	char guid[GUID_TEXT_LEN];
	enum status s;

	if (!value)
		return fail(STATUS_USAGE, "--entry takes GUID=value or GUID=@file");
	snprintf(guid, sizeof(guid), "%.*s", (int)(value - text), text);
	if (!strcmp(guid, "luks-key"))
		strcpy(guid, LUKS_GUID);
	if (value - text >= GUID_TEXT_LEN || !guid_parse(guid, &e->guid))
		return fail(STATUS_USAGE, "--entry %s=...: this is no GUID", guid);
	value++;
	if (*value != '@') {
		e->data = value;
		e->len = strlen(value);
		p->nr++;
		return STATUS_OK;
	}
	s = file_open(f, "entry", value + 1);
	if (s)
		return s;
	e->data = f->data;
	e->len = f->len;
	p->nr++;
	return STATUS_OK;
}

static enum status build_table(struct plain *p, const struct arg_list *list)
{
	struct tvm_error err = { 0 };
	enum status s = STATUS_OK;

	if (list->nr > ENTRIES_MAX)
		return fail(STATUS_USAGE, "--entry: %u entries, at most %u are read",
			list->nr, ENTRIES_MAX);
	for (unsigned int i = 0; !s && i < list->nr; i++)
		s = take_entry(p, list->items[i]);
	if (s)
		return s;
	p->len = sev_table_size(p->entries, p->nr);
	if (!p->len)
		return fail(STATUS_USAGE, "--entry: the entries need more than %u bytes",
			SEV_SECRET_MAX);
	if (sev_table_write(p->entries, p->nr, p->bytes, p->len, &err) < 0)
		return fail(STATUS_USAGE, "%s", err.msg);
	return STATUS_OK;
}

/* Raw bytes, padded to what a packet takes. */
static enum status read_table(struct plain *p, const char *path)
{
	enum status s = file_read("table", path, p->bytes, sizeof(p->bytes), &p->len);

	if (!s && !p->len)
		s = fail(STATUS_ERROR, "table: '%s' is empty", path);
	p->len = (p->len + 15) & ~(size_t)15;
	return s;
}

static enum status write_packet(const struct opts *o, const struct sev_secret_header *header,
	const void *trans, size_t len)
{
	const char *dir = o->out ? o->out : ".";
	char path[FILE_PATH_MAX];
	enum status s = STATUS_OK;

	if (!o->header_path)
		s = file_path(path, dir, "header.b64");
	s = s ? s : file_write_base64(o->header_path ? o->header_path : path, header,
		sizeof(*header));
	if (!s && !o->secret_path)
		s = file_path(path, dir, "secret.b64");
	return s ? s : file_write_base64(o->secret_path ? o->secret_path : path, trans, len);
}

static enum status seal(const struct opts *o, const struct owner *owner, const struct plain *p)
{
	enum attest_alg alg = owner->known ? owner->alg : ATTEST_SEV;
	struct out out = { .json = o->json };
	struct tvm_error err = { 0 };
	struct sev_secret_header header;
	uint8_t trans[SEV_SECRET_MAX];
	struct sev_measure m;
	enum status s;

	if (o->tee && strcmp(o->tee, "sev") && strcmp(o->tee, "sev-es") && strcmp(o->tee, "csv") &&
	    strcmp(o->tee, "csv2"))
		return fail(STATUS_USAGE, "--tee %s: choose sev, sev-es, csv or csv2",
			o->tee);
	if (o->tee)
		alg = strncmp(o->tee, "csv", 3) ? ATTEST_SEV : ATTEST_CSV;
	if (owner->known && alg != owner->alg)
		return fail(STATUS_USAGE, "--tee %s: the session was made for %s",
			o->tee, owner->alg == ATTEST_CSV ? "csv" : "sev");
	s = file_blob("measurement", o->measurement, &m, sizeof(m));
	if (s)
		return s;
	if (sev_secret_seal(alg, &owner->tk, m.measure, o->flags.value, NULL, p->bytes, p->len,
		    &header, trans, &err) < 0)
		return fail(STATUS_ERROR, "%s", err.msg);
	s = write_packet(o, &header, trans, p->len);
	if (s)
		return s;
	out_text(&out, "platform", !owner->known ? "unknown: no --session" :
		owner->soft ? SOFT_NAME : "hardware");
	out_num(&out, "bytes", p->len);
	out_num(&out, "entries", p->nr);
	out_end(&out);
	return STATUS_OK;
}

static enum status run(const struct opts *o, struct owner *owner, struct plain *p)
{
	enum status s;

	if (!o->measurement)
		return fail(STATUS_USAGE, "--measurement is required: a packet is for "
			"one launch");
	if (!!o->table == !!o->entries.nr)
		return fail(STATUS_USAGE, "give --entry, once or more, or --table");
	s = owner_open(owner, &o->owner, true);
	s = s ? s : o->table ? read_table(p, o->table) : build_table(p, &o->entries);
	return s ? s : seal(o, owner, p);
}

int cmd_secret(int argc, char **argv)
{
	struct opts o = { 0 };
	const struct arg args[] = {
		{ "measurement", ARG_TEXT, &o.measurement, 0, "FILE|BASE64",
			"Measurement of the launch, which you have verified: 48 bytes." },
		OWNER_ARGS(&o.owner),
		{ "entry", ARG_LIST, &o.entries, 0, "GUID=value|GUID=@file",
			"One secret; luks-key stands for its GUID." },
		{ "table", ARG_TEXT, &o.table, 0, "FILE",
			"The bytes to inject as they are, instead of --entry." },
		{ "tee", ARG_TEXT, &o.tee, 0, "sev|csv",
			"Algorithms; default the session's, or sev." },
		{ "flags", ARG_NUM, &o.flags, 0, "N", "Flags of the packet; default 0." },
		{ "out", ARG_TEXT, &o.out, 0, "DIR", "Where files go; default '.'." },
		{ "header", ARG_TEXT, &o.header_path, 0, "FILE",
			"The packet's header; default header.b64 there." },
		{ "secret", ARG_TEXT, &o.secret_path, 0, "FILE",
			"The encrypted secret; default secret.b64 there." },
		{ "json", ARG_FLAG, &o.json, 0, NULL, "Print one JSON object." },
	};
	const struct arg_table table = {
		"secret --measurement FILE|BASE64 --session DIR --entry GUID=value...",
		"Make a launch secret packet: base64 text for the host, which cannot read it.",
		args, ARGS_NR(args),
	};
	enum args_result parsed = args_parse(&table, argc, argv);
	struct plain *p = calloc(1, sizeof(*p));
	enum status s = parsed == ARGS_HELP ? STATUS_OK : STATUS_USAGE;
	struct owner owner = { 0 };

	if (parsed == ARGS_GO)
		s = p ? run(&o, &owner, p) : fail(STATUS_ERROR, "out of memory");
	explicit_bzero(&owner, sizeof(owner));
	free(o.entries.items);
	if (p)
		drop(p);
	return s;
}
