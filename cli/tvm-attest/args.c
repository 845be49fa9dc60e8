/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tvm-attest/args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/tvm-attest/cmd.h"

static enum args_result bad(const char *name, const char *why)
{
	fail(STATUS_USAGE, "--%s %s", name, why);
	return ARGS_BAD;
}

static bool parse_number(const char *text, uint32_t max, uint32_t *out)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	unsigned long long v;
	char *end;

	/* strtoull() would take signs and blanks. */
	if (!strchr("0123456789", text[0]) || !text[0])
		return false;
	errno = 0;
	v = strtoull(text, &end, hex ? 16 : 10);
	if (errno || *end || v > (max ? max : UINT32_MAX))
		return false;
	*out = (uint32_t)v;
	return true;
}

static enum args_result set_number(const struct arg *arg, const char *value)
{
	struct arg_num *num = arg->dst;
	char why[96];

	if (num->given)
		return bad(arg->name, "is given twice");
	if (!parse_number(value, arg->max, &num->value)) {
		snprintf(why, sizeof(why), "is a number up to %u, decimal or 0x...",
			arg->max ? arg->max : UINT32_MAX);
		return bad(arg->name, why);
	}
	num->given = true;
	return ARGS_GO;
}

bool args_addr(const char *text, uint64_t *out)
{
	static const char units[] = "KMGT";
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	unsigned long long v;
	const char *unit;
	char *end;

	if (!strchr("0123456789", text[0]) || !text[0])
		return false;
	errno = 0;
	v = strtoull(text, &end, hex ? 16 : 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		unsigned int shift = 10 * (unsigned int)(unit - units + 1);

		if (v > UINT64_MAX >> shift)
			return false;
		v <<= shift;
		end++;
	}
	*out = v;
	return !errno && !*end;
}

static enum args_result set_addr(const struct arg *arg, const char *value)
{
	struct arg_addr *addr = arg->dst;

	if (addr->given)
		return bad(arg->name, "is given twice");
	if (!args_addr(value, &addr->value))
		return bad(arg->name, "is a number, decimal or 0x..., or one with K, M, G or T");
	addr->given = true;
	return ARGS_GO;
}

static enum args_result set(const struct arg *arg, const char *value)
{
	struct arg_list *list = arg->dst;
	const char **text = arg->dst, **grown;

	switch (arg->type) {
	case ARG_FLAG:
		*(bool *)arg->dst = true;
		return ARGS_GO;
	case ARG_NUM:
		return set_number(arg, value);
	case ARG_ADDR:
		return set_addr(arg, value);
	case ARG_TEXT:
		if (*text)
			return bad(arg->name, "is given twice");
		*text = value;
		return ARGS_GO;
	case ARG_LIST:
		grown = reallocarray(list->items, list->nr + 1, sizeof(*grown));
		if (!grown)
			return bad(arg->name, "is given too often: out of memory");
		list->items = grown;
		list->items[list->nr++] = value;
		return ARGS_GO;
	}
	return ARGS_BAD;
}

static void help(const struct arg_table *table)
{
	printf("Usage: tvm-attest %s\n%s\n\n", table->usage, table->intro);
	for (size_t i = 0; i < table->nr; i++) {
		const struct arg *a = &table->args[i];

		printf("  --%s%s%s%s\n        %s\n", a->name, a->value ? " " : "",
			a->value ? a->value : "", a->type == ARG_LIST ? "  (repeats)" : "",
			a->help);
	}
	printf("  --help\n        Print this text and exit.\n");
}

/* The option that argument names, up to '=' if there is one. */
static const struct arg *find(const struct arg_table *table, const char *name, size_t len)
{
	for (size_t i = 0; i < table->nr; i++) {
		const char *n = table->args[i].name;

		if (strlen(n) == len && !memcmp(n, name, len))
			return &table->args[i];
	}
	return NULL;
}

enum args_result args_parse(const struct arg_table *table, int argc, char **argv)
{
	enum args_result r = ARGS_GO;

	for (int i = 0; i < argc && r == ARGS_GO; i++) {
		const char *text = argv[i], *value;
		const struct arg *arg;
		size_t len;

		if (!strcmp(text, "--help")) {
			help(table);
			return ARGS_HELP;
		}
		if (strncmp(text, "--", 2)) {
			fail(STATUS_USAGE, "'%s' is no option; see --help", text);
			return ARGS_BAD;
		}
		text += 2;
		len = strcspn(text, "=");
		value = text[len] ? text + len + 1 : NULL;
		arg = find(table, text, len);
		if (!arg) {
			fail(STATUS_USAGE, "unknown option '--%.*s'; see --help", (int)len, text);
			return ARGS_BAD;
		}
		if (arg->type == ARG_FLAG && value)
			return bad(arg->name, "takes no value");
		if (arg->type != ARG_FLAG && !value) {
			if (++i == argc)
				return bad(arg->name, "needs a value");
			value = argv[i];
		}
		r = set(arg, value);
	}
	return r;
}
