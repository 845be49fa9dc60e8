/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as JSON, both ways; the only file that includes json-c. The text may come
 * from another program, so size, depth and members are limited, and what json-c lets pass
 * (duplicate keys, NUL in strings) is refused here.
 */
#include "vmm/config.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "tvm.h"

#define JSON_MAX_BYTES (1 << 20)
#define JSON_MAX_DEPTH 8
#define JSON_MAX_MEMBERS 64	/* of one object; no table has as many */

static int apply_object(const struct opt_table *table, void *obj, struct json_object *json,
	struct tvm_error *err);

static int err_at(struct tvm_error *err, const char *json, size_t pos, const char *what)
{
	unsigned int line = 1, column = 1;

	for (size_t i = 0; i < pos; i++) {
		column = json[i] == '\n' ? 1 : column + 1;
		line += json[i] == '\n';
	}
	return err_set(err, -EINVAL, "JSON, line %u, column %u: %s", line, column, what);
}

struct key {
	const char *text;
	size_t len;
};

/* The keys seen so far of each object that is open, from the outside in. */
struct key_stack {
	struct key keys[JSON_MAX_DEPTH + 1][JSON_MAX_MEMBERS];
	unsigned int nr[JSON_MAX_DEPTH + 1];
	unsigned int depth;
};

static const char *add_key(struct key_stack *st, const char *text, size_t len)
{
	struct key *keys = st->keys[st->depth];
	unsigned int n = st->nr[st->depth];

	if (memchr(text, '\\', len))
		return "a key contains a backslash";
	for (unsigned int i = 0; i < n; i++) {
		if (keys[i].len == len && !memcmp(keys[i].text, text, len))
			return "the key is given twice";
	}
	if (n == JSON_MAX_MEMBERS)
		return "too many members in one object";
	keys[n] = (struct key){ text, len };
	st->nr[st->depth]++;
	return NULL;
}

/* Keys that an object has twice: json-c keeps the last without a word. json is well-formed. */
static int check_keys(const char *json, size_t len, struct tvm_error *err)
{
	_cleanup_free_ struct key_stack *st = calloc(1, sizeof(*st));
	const char *problem = NULL;
	size_t start, i, next;

	if (!st)
		return err_set(err, -ENOMEM, "JSON: out of memory");
	for (i = 0; i < len; i++) {
		if (json[i] == '{' || json[i] == '[') {
			if (st->depth == JSON_MAX_DEPTH)
				return err_at(err, json, i, "nesting too deep");
			st->nr[++st->depth] = 0;
		} else if ((json[i] == '}' || json[i] == ']') && st->depth) {
			st->depth--;
		}
		if (json[i] == '\'')	/* json-c takes these for strings even when strict */
			return err_at(err, json, i, "strings are written with double quotes");
		if (json[i] != '"')
			continue;
		for (start = ++i; i < len && json[i] != '"'; i++)
			i += json[i] == '\\';
		for (next = i + 1; next < len && strchr(" \t\r\n", json[next]); )
			next++;
		if (next < len && json[next] == ':')
			problem = add_key(st, json + start, i - start);
		if (problem)
			return err_at(err, json, start, problem);
	}
	return 0;
}

static int parse(const char *json, size_t len, struct json_object **out, struct tvm_error *err)
{
	struct json_tokener *tok;
	enum json_tokener_error code;
	struct json_object *root;
	size_t end;
	int r = 0;

	if (len > JSON_MAX_BYTES)
		return err_set(err, -EINVAL, "JSON: %zu bytes are too many; at most %d", len,
			JSON_MAX_BYTES);
	if (memchr(json, '\0', len))
		return err_at(err, json, (size_t)((const char *)memchr(json, '\0', len) - json),
			"a NUL byte");
	tok = json_tokener_new_ex(JSON_MAX_DEPTH);
	if (!tok)
		return err_set(err, -ENOMEM, "JSON: out of memory");
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	root = json_tokener_parse_ex(tok, json, (int)len);
	code = json_tokener_get_error(tok);
	end = json_tokener_get_parse_end(tok);
	json_tokener_free(tok);

	if (code == json_tokener_continue)
		r = err_at(err, json, len, "unexpected end of the text");
	else if (code != json_tokener_success)
		r = err_at(err, json, end, json_tokener_error_desc(code));
	while (r >= 0 && end < len) {
		if (!strchr(" \t\r\n", json[end]))
			r = err_at(err, json, end, "unexpected text after the end");
		end++;
	}
	if (r >= 0 && !json_object_is_type(root, json_type_object))
		r = err_set(err, -EINVAL, "JSON: the outermost value must be an object");
	if (r >= 0)
		r = check_keys(json, len, err);
	if (r < 0)
		json_object_put(root);
	else
		*out = root;
	return r;
}

static int wrong_type(struct tvm_error *err, const struct opt *opt, const char *expected,
	struct json_object *json)
{
	static const char *const found[] = { "null", "a boolean", "a fraction", "a number",
		"an object", "an array", "a string" };

	return err_set(err, -EINVAL, "%s: expected %s, found %s", opt->name, expected,
		found[json_object_get_type(json)]);
}

static int apply_string(const struct opt *opt, void *obj, struct json_object *json,
	const char *expected, struct tvm_error *err)
{
	const char *text;

	if (!json_object_is_type(json, json_type_string))
		return wrong_type(err, opt, expected, json);
	text = json_object_get_string(json);
	if (strlen(text) != (size_t)json_object_get_string_len(json))
		return err_set(err, -EINVAL, "%s: a NUL character", opt->name);
	return opt_set(opt, obj, text, err);
}

/* A sub-object, as an object or as a command line writes it. */
static int apply_sub(const struct opt *opt, void *obj, struct json_object *json,
	struct tvm_error *err)
{
	_cleanup_free_ void *item = NULL;
	void *member = (char *)obj + opt->offset;
	int r;

	if (!json_object_is_type(json, json_type_object))
		return apply_string(opt, obj, json, opt->type == OPT_LIST ?
			"an array of objects or strings" : "an object or a string", err);
	item = malloc(opt->sub->size);
	if (!item)
		return err_set(err, -ENOMEM, "%s: out of memory", opt->name);
	r = opts_init(opt->sub, item, err);
	if (r < 0)
		return r;
	r = apply_object(opt->sub, item, json, err);
	if (r >= 0)
		r = opts_check(opt->sub, item, err);
	if (r >= 0 && opt->type == OPT_LIST)
		r = opt_list_add(opt, obj, item, err);
	if (r < 0) {
		opts_fini(opt->sub, item);
		return err_prefix(err, r, "%s", opt->name);
	}
	if (opt->type == OPT_SUB) {
		opts_fini(opt->sub, member);
		memcpy(member, item, opt->sub->size);
	}
	return 0;
}

static int apply_list(const struct opt *opt, void *obj, struct json_object *json,
	struct tvm_error *err)
{
	const char *expected = opt->type == OPT_LIST ? "an array of objects or strings" :
		"an array of strings";
	struct json_object *item;
	int r = 0;

	if (!json_object_is_type(json, json_type_array))
		return wrong_type(err, opt, expected, json);
	for (size_t i = 0; i < json_object_array_length(json) && r >= 0; i++) {
		item = json_object_array_get_idx(json, i);
		r = opt->type == OPT_LIST ? apply_sub(opt, obj, item, err) :
			apply_string(opt, obj, item, expected, err);
	}
	return r;
}

static int apply_member(const struct opt *opt, void *obj, struct json_object *json,
	struct tvm_error *err)
{
	switch (opt->type) {
	case OPT_BOOL:
		if (!json_object_is_type(json, json_type_boolean))
			return wrong_type(err, opt, "a boolean", json);
		return opt_set(opt, obj, json_object_get_boolean(json) ? "on" : "off", err);
	case OPT_SIZE:
		if (json_object_is_type(json, json_type_int))
			return opt_set(opt, obj, json_object_get_string(json), err);
		return apply_string(opt, obj, json, "a string as \"512M\" or a number", err);
	case OPT_U32:
	case OPT_U64:
		if (!json_object_is_type(json, json_type_int))
			return wrong_type(err, opt, "a number", json);
		return opt_set(opt, obj, json_object_get_string(json), err);
	case OPT_SUB:
		return apply_sub(opt, obj, json, err);
	case OPT_STRLIST:
	case OPT_LIST:
		return apply_list(opt, obj, json, err);
	default:
		return apply_string(opt, obj, json, "a string", err);
	}
}

/* Recursion ends with the tables, which do not contain themselves. */
static int apply_object(const struct opt_table *table, void *obj, struct json_object *json,
	struct tvm_error *err)
{
	const struct opt *opt;
	int r;

	json_object_object_foreach(json, key, value) {
		opt = opts_find(table, key, err);
		if (!opt)
			return -EINVAL;
		r = apply_member(opt, obj, value, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int tvm_config_set_json(struct tvm_config *cfg, const char *json, size_t len,
	struct tvm_error *err)
{
	struct json_object *root = NULL;
	struct tvm_config *copy, old;
	int r;

	if (!cfg || !json)
		return err_set(err, -EINVAL, "JSON: no configuration or no text");
	r = parse(json, len, &root, err);
	if (r < 0)
		return r;
	copy = config_copy(cfg);
	if (!copy) {
		json_object_put(root);
		return err_set(err, -ENOMEM, "JSON: out of memory");
	}
	r = apply_object(&config_table, copy, root, err);
	json_object_put(root);
	if (r >= 0) {
		old = *cfg;
		*cfg = *copy;
		*copy = old;
	}
	tvm_config_free(copy);
	return r;
}

static struct json_object *from_object(const struct opt_table *table, const void *obj);

static struct json_object *from_list(const struct opt *opt, const void *obj)
{
	struct json_object *array = json_object_new_array(), *item;
	const void *p;

	for (unsigned int i = 0; array && i < opt_list_nr(opt, obj); i++) {
		p = opt_list_item(opt, obj, i);
		item = opt->type == OPT_LIST ? from_object(opt->sub, p) : json_object_new_string(p);
		if (!item || json_object_array_add(array, item) < 0) {
			json_object_put(item);
			json_object_put(array);
			return NULL;
		}
	}
	return array;
}

static struct json_object *from_member(const struct opt *opt, const void *obj)
{
	const void *p = (const char *)obj + opt->offset;
	char buf[32];

	switch (opt->type) {
	case OPT_BOOL:
		return json_object_new_boolean(*(const bool *)p);
	case OPT_U32:
		return json_object_new_uint64(*(const uint32_t *)p);
	case OPT_U64:
		return json_object_new_uint64(*(const uint64_t *)p);
	case OPT_SUB:
		return from_object(opt->sub, p);
	case OPT_STRLIST:
	case OPT_LIST:
		return from_list(opt, obj);
	default:
		return json_object_new_string(opt_text(opt, obj, buf, sizeof(buf)));
	}
}

/* Strings that are not set are left out; NULL when memory is out. */
static struct json_object *from_object(const struct opt_table *table, const void *obj)
{
	struct json_object *json = json_object_new_object(), *value;
	const struct opt *opt;

	for (unsigned int i = 0; json && i < table->nr; i++) {
		opt = &table->opts[i];
		if ((opt->type == OPT_STR || opt->type == OPT_PATH) &&
		    !opt_text(opt, obj, NULL, 0))
			continue;
		value = from_member(opt, obj);
		if (!value || json_object_object_add(json, opt->name, value) < 0) {
			json_object_put(value);
			json_object_put(json);
			return NULL;
		}
	}
	return json;
}

int tvm_config_get_json(const struct tvm_config *cfg, char **json_out, struct tvm_error *err)
{
	struct json_object *root;
	const char *text;
	char *copy;

	if (!cfg || !json_out)
		return err_set(err, -EINVAL, "JSON: no configuration or nowhere to put the text");
	root = from_object(&config_table, cfg);
	text = root ? json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
		JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE) : NULL;
	copy = text ? strdup(text) : NULL;
	json_object_put(root);
	if (!copy)
		return err_set(err, -ENOMEM, "JSON: out of memory");
	*json_out = copy;
	return 0;
}
