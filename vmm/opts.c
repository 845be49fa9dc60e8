/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Option tables: life of the structures they describe. Everything that turns text into
 * values and back is in opts_text.c.
 */
#include "vmm/opts.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

/* What OPT_LIST_OF(T) is, whatever T; moved by memcpy because the types differ. */
struct opt_list {
	void *items;
	unsigned int nr;
};

static struct opt_list list_load(const struct opt *opt, const void *obj)
{
	struct opt_list list;

	memcpy(&list, (const char *)obj + opt->offset, sizeof(list));
	return list;
}

static void list_store(const struct opt *opt, void *obj, struct opt_list list)
{
	memcpy((char *)obj + opt->offset, &list, sizeof(list));
}

static size_t item_size(const struct opt *opt)
{
	return opt->type == OPT_STRLIST ? sizeof(char *) : opt->sub->size;
}

static bool is_string(const struct opt *opt)
{
	return opt->type == OPT_STR || opt->type == OPT_PATH;
}

/* Bytes of the member, when it points to something of its own. */
static size_t owned_size(const struct opt *opt)
{
	switch (opt->type) {
	case OPT_STR:
	case OPT_PATH:
		return sizeof(char *);
	case OPT_SUB:
		return opt->sub->size;
	case OPT_STRLIST:
	case OPT_LIST:
		return sizeof(struct opt_list);
	default:
		return 0;
	}
}

static bool is_list(const struct opt *opt)
{
	return opt->type == OPT_STRLIST || opt->type == OPT_LIST;
}

unsigned int opt_list_nr(const struct opt *opt, const void *obj)
{
	return list_load(opt, obj).nr;
}

const void *opt_list_item(const struct opt *opt, const void *obj, unsigned int index)
{
	struct opt_list list = list_load(opt, obj);

	assert(index < list.nr);
	if (opt->type == OPT_STRLIST)
		return ((char *const *)list.items)[index];
	return (const char *)list.items + index * item_size(opt);
}

int opt_list_add(const struct opt *opt, void *obj, const void *item, struct tvm_error *err)
{
	struct opt_list list = list_load(opt, obj);
	size_t size = item_size(opt);
	void *items;
	char *copy;

	if (opt->max && list.nr >= opt->max)
		return err_set(err, -EINVAL, "given more than %u times", (unsigned int)opt->max);
	items = reallocarray(list.items, list.nr + 1, size);
	if (!items)
		return err_set(err, -ENOMEM, "out of memory");
	list.items = items;
	list_store(opt, obj, list);
	if (opt->type == OPT_STRLIST) {
		copy = strdup(item);
		if (!copy)
			return err_set(err, -ENOMEM, "out of memory");
		((char **)items)[list.nr] = copy;
	} else {
		memcpy((char *)items + list.nr * size, item, size);
	}
	list.nr++;
	list_store(opt, obj, list);
	return 0;
}

static void free_member(const struct opt *opt, void *obj)
{
	struct opt_list list;

	if (is_string(opt)) {
		free(*(char **)((char *)obj + opt->offset));
	} else if (opt->type == OPT_SUB) {
		opts_fini(opt->sub, (char *)obj + opt->offset);
	} else if (is_list(opt)) {
		list = list_load(opt, obj);
		for (unsigned int i = 0; i < list.nr; i++) {
			if (opt->type == OPT_STRLIST)
				free(((char **)list.items)[i]);
			else
				opts_fini(opt->sub, (char *)list.items + i * opt->sub->size);
		}
		free(list.items);
	}
}

void opts_fini(const struct opt_table *table, void *obj)
{
	for (unsigned int i = 0; i < table->nr; i++)
		free_member(&table->opts[i], obj);
	memset(obj, 0, table->size);
}

int opts_init(const struct opt_table *table, void *obj, struct tvm_error *err)
{
	const struct opt *opt;
	int r = 0;

	memset(obj, 0, table->size);
	for (unsigned int i = 0; i < table->nr && r >= 0; i++) {
		opt = &table->opts[i];
		if (opt->def)
			r = opt_set(opt, obj, opt->def, err);
		else if (opt->type == OPT_SUB)
			r = opts_init(opt->sub, (char *)obj + opt->offset, err);
	}
	if (r < 0)
		opts_fini(table, obj);
	return r;
}

static int copy_list(const struct opt *opt, void *dst, const void *src)
{
	unsigned int nr = opt_list_nr(opt, src);
	_cleanup_free_ void *item = NULL;
	int r = 0;

	if (opt->type == OPT_LIST) {
		item = malloc(opt->sub->size);
		if (!item)
			return -ENOMEM;
	}
	for (unsigned int i = 0; i < nr && r >= 0; i++) {
		if (opt->type == OPT_STRLIST) {
			r = opt_list_add(opt, dst, opt_list_item(opt, src, i), NULL);
			continue;
		}
		r = opts_copy(opt->sub, item, opt_list_item(opt, src, i));
		if (r < 0)
			break;
		r = opt_list_add(opt, dst, item, NULL);
		if (r < 0)
			opts_fini(opt->sub, item);
	}
	return r;
}

static int copy_member(const struct opt *opt, void *dst, const void *src)
{
	char *const *from = (char *const *)((const char *)src + opt->offset);
	char **to = (char **)((char *)dst + opt->offset);

	if (is_string(opt) && *from) {
		*to = strdup(*from);
		return *to ? 0 : -ENOMEM;
	}
	if (opt->type == OPT_SUB)
		return opts_copy(opt->sub, to, from);
	if (is_list(opt))
		return copy_list(opt, dst, src);
	return 0;
}

int opts_copy(const struct opt_table *table, void *dst, const void *src)
{
	int r = 0;

	/* First everything as it is, without what src owns: dst can be freed at any time. */
	memcpy(dst, src, table->size);
	for (unsigned int i = 0; i < table->nr; i++)
		memset((char *)dst + table->opts[i].offset, 0, owned_size(&table->opts[i]));
	for (unsigned int i = 0; i < table->nr && r >= 0; i++)
		r = copy_member(&table->opts[i], dst, src);
	if (r < 0)
		opts_fini(table, dst);
	return r;
}

int opts_check(const struct opt_table *table, const void *obj, struct tvm_error *err)
{
	const struct opt *opt;

	for (unsigned int i = 0; i < table->nr; i++) {
		opt = &table->opts[i];
		if ((opt->flags & OPT_REQUIRED) && is_string(opt) &&
		    !*(char *const *)((const char *)obj + opt->offset))
			return err_set(err, -EINVAL, "'%s' is missing", opt->name);
	}
	return 0;
}

/* Letters to insert, delete or replace until a is b; names longer than 31 are far away. */
static unsigned int distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	unsigned int row[32], diag, up;

	if (la > 31 || lb > 31)
		return 32;
	for (unsigned int j = 0; j <= lb; j++)
		row[j] = j;
	for (unsigned int i = 1; i <= la; i++) {
		diag = row[0];
		row[0] = i;
		for (unsigned int j = 1; j <= lb; j++) {
			up = row[j];
			row[j] = diag + (a[i - 1] != b[j - 1]);
			if (up + 1 < row[j])
				row[j] = up + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			diag = up;
		}
	}
	return row[lb];
}

/* "; did you mean 'memory'?", and the whole list when it is short. */
static void suggest(const struct opt_table *table, const char *name, char *buf, size_t len)
{
	unsigned int d, best = 4;
	size_t used;

	buf[0] = '\0';
	for (unsigned int i = 0; i < table->nr; i++) {
		d = distance(name, table->opts[i].name);
		if (d >= best || 2 * d > strlen(name))
			continue;
		best = d;
		snprintf(buf, len, "; did you mean '%s'?", table->opts[i].name);
	}
	if (table->nr > 10)
		return;
	used = strlen(buf);
	snprintf(buf + used, len - used, used ? " Allowed:" : "; allowed:");
	for (unsigned int i = 0; i < table->nr; i++) {
		used = strlen(buf);
		snprintf(buf + used, len - used, "%s %s", i ? "," : "", table->opts[i].name);
	}
}

const struct opt *opts_find(const struct opt_table *table, const char *name,
	struct tvm_error *err)
{
	char q[OPT_QUOTE_MAX], hint[200];

	for (unsigned int i = 0; i < table->nr; i++) {
		if (!strcmp(table->opts[i].name, name))
			return &table->opts[i];
	}
	suggest(table, name, hint, sizeof(hint));
	err_set(err, -EINVAL, "unknown key %s%s", opt_quote(q, name), hint);
	return NULL;
}

const char *opt_quote(char buf[OPT_QUOTE_MAX], const char *value)
{
	size_t n = 0;

	buf[n++] = '\'';
	for (const char *p = value; *p; p++) {
		if (n >= OPT_QUOTE_MAX - 5) {
			memcpy(buf + n, "...", 3);
			n += 3;
			break;
		}
		buf[n++] = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
	}
	buf[n++] = '\'';
	buf[n] = '\0';
	return buf;
}
