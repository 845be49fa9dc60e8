/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Option tables: values from text and text from values. The text is what a person typed, so
 * every refusal says what was given and what is allowed.
 */
#include "vmm/opts.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "base/err.h"

static void *member(const struct opt *opt, void *obj)
{
	return (char *)obj + opt->offset;
}

/* bytes as the shortest exact text: "512M", "4097". */
static const char *size_text(uint64_t bytes, char *buf, size_t len)
{
	static const char suffix[] = "KMGT";
	char unit[2] = "";

	for (unsigned int i = 0; i < 4 && bytes && !(bytes % 1024); i++) {
		bytes /= 1024;
		unit[0] = suffix[i];
	}
	snprintf(buf, len, "%" PRIu64 "%s", bytes, unit);
	return buf;
}

/* Decimal or 0x hexadecimal; no sign, no blanks. Returns what follows, NULL if no number. */
static const char *number(const char *text, uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;
	errno = 0;
	*out = strtoull(text, &end, !strncmp(text, "0x", 2) ? 16 : 10);
	if (errno)		/* too large for any limit, whatever follows */
		*out = UINT64_MAX;
	return end;
}

static int set_number(const struct opt *opt, void *obj, const char *value,
	struct tvm_error *err)
{
	uint64_t v = 0, max = opt->max ? opt->max : opt->type == OPT_U32 ? UINT32_MAX : UINT64_MAX;
	char q[OPT_QUOTE_MAX], a[32], b[32];
	const char *suffix = "", *end = number(value, &v);
	uint64_t scale = 1;

	if (end && *end && opt->type == OPT_SIZE) {
		suffix = strchr("KkMmGgTt", *end);
		scale = suffix ? 1ULL << (10 * ((suffix - "KkMmGgTt") / 2 + 1)) : 1;
		end++;
	}
	if (!end || *end || !suffix)
		return err_set(err, -EINVAL, "%s is not a %s", opt_quote(q, value),
			opt->type == OPT_SIZE ? "size; use a number with K, M, G or T" : "number");
	if (mul_overflows(v, scale, &v))
		v = UINT64_MAX;
	if (v < opt->min || v > max || v == UINT64_MAX) {
		if (opt->type == OPT_SIZE) {
			size_text(opt->min, a, sizeof(a));
			size_text(max, b, sizeof(b));
		} else {
			snprintf(a, sizeof(a), "%" PRIu64, opt->min);
			snprintf(b, sizeof(b), "%" PRIu64, max);
		}
		return err_set(err, -EINVAL, "%s is not in the range from %s to %s",
			opt_quote(q, value), a, b);
	}
	if (opt->type == OPT_U32)
		*(uint32_t *)member(opt, obj) = (uint32_t)v;
	else
		*(uint64_t *)member(opt, obj) = v;
	return 0;
}

static int set_bool(const struct opt *opt, void *obj, const char *value, struct tvm_error *err)
{
	static const char *const words[] = { "off", "on", "false", "true", "no", "yes" };
	char q[OPT_QUOTE_MAX];

	for (unsigned int i = 0; value && i < ARRAY_SIZE(words); i++) {
		if (!strcmp(value, words[i])) {
			*(bool *)member(opt, obj) = i & 1;
			return 0;
		}
	}
	if (value)
		return err_set(err, -EINVAL, "%s is not on or off", opt_quote(q, value));
	*(bool *)member(opt, obj) = true;
	return 0;
}

/* Index of value in names; otherwise the error lists them. */
static int find_name(const struct opt *opt, const char *value, struct tvm_error *err)
{
	char q[OPT_QUOTE_MAX], list[256] = "";
	size_t used;

	for (int i = 0; opt->names[i]; i++) {
		if (!strcmp(opt->names[i], value))
			return i;
	}
	for (int i = 0; opt->names[i]; i++) {
		used = strlen(list);
		snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", opt->names[i]);
	}
	return err_set(err, -EINVAL, "%s is not known; allowed: %s", opt_quote(q, value), list);
}

static int check_string(const struct opt *opt, const char *value, struct tvm_error *err)
{
	static const char words[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-_.";
	bool list = opt->type == OPT_STRLIST;	/* there max counts items */
	char q[OPT_QUOTE_MAX];
	int r;

	if (!*value && (list || opt->type == OPT_PATH || (opt->flags & OPT_WORDS)))
		return err_set(err, -EINVAL, "the value is empty");
	if ((opt->flags & OPT_WORDS) && value[strspn(value, words)])
		return err_set(err, -EINVAL,
			"%s: only letters, digits and '-', '_', '.' are allowed",
			opt_quote(q, value));
	if (!list && opt->max && strlen(value) > opt->max)
		return err_set(err, -EINVAL, "%s is longer than %u bytes", opt_quote(q, value),
			(unsigned int)opt->max);
	if (opt->names) {
		r = find_name(opt, value, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_string(const struct opt *opt, void *obj, const char *value,
	struct tvm_error *err)
{
	char **p = member(opt, obj), *copy;
	int r = check_string(opt, value, err);

	if (r < 0)
		return r;
	copy = strdup(value);
	if (!copy)
		return err_set(err, -ENOMEM, "out of memory");
	free(*p);
	*p = copy;
	return 0;
}

/* All items of "a,b" are checked before the first is added. */
static int add_strings(const struct opt *opt, void *obj, const char *value,
	struct tvm_error *err)
{
	_cleanup_free_ char *copy = strdup(value);
	char *rest = copy, *item;
	unsigned int n = 0;
	int r;

	if (!copy)
		return err_set(err, -ENOMEM, "out of memory");
	if (!(opt->flags & OPT_COMMAS)) {
		r = check_string(opt, value, err);
		return r < 0 ? r : opt_list_add(opt, obj, value, err);
	}
	while ((item = strsep(&rest, ","))) {
		r = check_string(opt, item, err);
		if (r < 0)
			return r;
		n++;
	}
	if (opt->max && opt_list_nr(opt, obj) + n > opt->max)
		return err_set(err, -EINVAL, "more than %u items", (unsigned int)opt->max);
	for (item = copy; n; n--, item += strlen(item) + 1) {
		r = opt_list_add(opt, obj, item, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A sub-object is built aside, so that a bad specification changes nothing. */
static int set_object(const struct opt *opt, void *obj, const char *spec,
	struct tvm_error *err)
{
	_cleanup_free_ void *item = malloc(opt->sub->size);
	int r;

	if (!item)
		return err_set(err, -ENOMEM, "out of memory");
	r = opts_init(opt->sub, item, err);
	if (r < 0)
		return r;
	r = opts_parse(opt->sub, item, spec, err);
	if (r >= 0 && opt->type == OPT_LIST)
		r = opt_list_add(opt, obj, item, err);
	if (r < 0) {
		opts_fini(opt->sub, item);
		return r;
	}
	if (opt->type == OPT_SUB) {
		opts_fini(opt->sub, member(opt, obj));
		memcpy(member(opt, obj), item, opt->sub->size);
	}
	return 0;
}

static int set_enum(const struct opt *opt, void *obj, const char *value, struct tvm_error *err)
{
	int i = find_name(opt, value, err);

	if (i < 0)
		return i;
	memcpy(member(opt, obj), &i, sizeof(i));
	return 0;
}

int opt_set(const struct opt *opt, void *obj, const char *value, struct tvm_error *err)
{
	int r = -EINVAL;

	if (!value && opt->type != OPT_BOOL)
		return err_set(err, -EINVAL, "%s: a value is missing%s%s", opt->name,
			opt->arg ? ": " : "", opt->arg ? opt->arg : "");
	switch (opt->type) {
	case OPT_STR:
	case OPT_PATH:
		r = set_string(opt, obj, value, err);
		break;
	case OPT_BOOL:
		r = set_bool(opt, obj, value, err);
		break;
	case OPT_U32:
	case OPT_U64:
	case OPT_SIZE:
		r = set_number(opt, obj, value, err);
		break;
	case OPT_ENUM:
		r = set_enum(opt, obj, value, err);
		break;
	case OPT_STRLIST:
		r = add_strings(opt, obj, value, err);
		break;
	case OPT_SUB:
	case OPT_LIST:
		r = set_object(opt, obj, value, err);
		break;
	}
	return r < 0 ? err_prefix(err, r, "%s", opt->name) : 0;
}

/* Cut the next item off *rest, in place: ",," becomes a comma, a single one ends the item. */
static char *next_item(char **rest)
{
	char *item = *rest, *in = item, *out = item;

	for (; *in; in++) {
		if (*in == ',' && *++in != ',') {
			*rest = in;
			*out = '\0';
			return item;
		}
		*out++ = *in;
	}
	*rest = NULL;
	*out = '\0';
	return item;
}

/* The first item without a key, or an enum's value that brings the second option's. */
static bool positional(const struct opt_table *table, const char *key, const char *value)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	if (!value)
		return table->opts[0].type != OPT_BOOL;
	return key[strspn(key, letters)];	/* "./a=b.img" is no key */
}

static bool names_value(const struct opt *opt, const char *name)
{
	for (int i = 0; opt->type == OPT_ENUM && opt->names[i]; i++) {
		if (!strcmp(opt->names[i], name))
			return true;
	}
	return false;
}

static int parse_item(const struct opt_table *table, void *obj, char *item, bool first,
	uint64_t *seen, struct tvm_error *err)
{
	const struct opt *opt, *opts = table->opts;
	char *value = strchr(item, '=');
	int r;

	if (!*item)
		return err_set(err, -EINVAL, "empty item; write ,, for a comma in a value");
	if (value)
		*value++ = '\0';
	if (first && positional(table, item, value)) {
		if (value)
			value[-1] = '=';
		*seen |= 1;
		return opt_set(&opts[0], obj, item, err);
	}
	if (first && value && names_value(&opts[0], item) && table->nr > 1) {
		*seen |= 3;
		r = opt_set(&opts[0], obj, item, err);
		return r < 0 ? r : opt_set(&opts[1], obj, value, err);
	}
	opt = opts_find(table, item, err);
	if (!opt)
		return -EINVAL;
	if ((*seen & BIT(opt - opts)) && opt->type != OPT_STRLIST)
		return err_set(err, -EINVAL, "'%s' is given twice", opt->name);
	*seen |= BIT(opt - opts);
	return opt_set(opt, obj, value, err);
}

int opts_parse(const struct opt_table *table, void *obj, const char *spec,
	struct tvm_error *err)
{
	_cleanup_free_ char *copy = strdup(spec);
	char *rest = copy;
	uint64_t seen = 0;
	bool first = true;
	int r;

	assert(table->nr && table->nr <= 64);
	if (!copy)
		return err_set(err, -ENOMEM, "out of memory");
	while (rest) {
		r = parse_item(table, obj, next_item(&rest), first, &seen, err);
		if (r < 0)
			return r;
		first = false;
	}
	return opts_check(table, obj, err);
}

const char *opt_text(const struct opt *opt, const void *obj, char *buf, size_t len)
{
	const void *p = (const char *)obj + opt->offset;

	switch (opt->type) {
	case OPT_STR:
	case OPT_PATH:
		return *(char *const *)p;
	case OPT_BOOL:
		return *(const bool *)p ? "on" : "off";
	case OPT_U32:
		snprintf(buf, len, "%" PRIu32, *(const uint32_t *)p);
		return buf;
	case OPT_U64:
		snprintf(buf, len, "%" PRIu64, *(const uint64_t *)p);
		return buf;
	case OPT_SIZE:
		return size_text(*(const uint64_t *)p, buf, len);
	case OPT_ENUM:
		return opt->names[*(const unsigned int *)p];
	default:
		return NULL;
	}
}
