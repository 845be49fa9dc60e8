/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command line of tvm-run. The library's keys are options by the same names, learnt from
 * tvm_config_key(), so a new key needs nothing here. Names are matched whole: an abbreviation
 * in a script would change its meaning with the next release.
 */
#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/line.h"

#define CONFIG_FILE_MAX (1 << 20)	/* what the library takes */

static const struct tvm_config_key own_keys[] = {
	{ 0, "config", "FILE", "JSON file with the same keys; options are applied after it.", 0 },
	{ 0, "print-config", NULL, "Print the configuration as JSON and exit.", 0 },
	{ 0, "dump-dtb", "FILE", "Write the device tree (aarch64) to FILE and exit.", 0 },
	{ 0, "metrics", "FILE", "At the end, write the machine's counters as JSON.", 0 },
	{ 0, "log-level", "error|warn|info|debug", "What to report on stderr; default warn.", 0 },
	{ 0, "help", NULL, "Print this text and exit.", 0 },
	{ 0, "version", NULL, "Print the version and exit.", 0 },
};

#define NR_OWN (sizeof(own_keys) / sizeof(own_keys[0]))

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line_print("tvm-run", fmt, ap);
	va_end(ap);
}

bool options_own_key(unsigned int index, struct tvm_config_key *key)
{
	if (index < NR_OWN)
		*key = own_keys[index];
	return index < NR_OWN;
}

/* All keys, ours first: false past the last. */
static bool key_at(unsigned int i, struct tvm_config_key *key)
{
	key->size = sizeof(*key);
	return options_own_key(i, key) || tvm_config_key(i - NR_OWN, key) == 0;
}

/* Index of the key called name (not terminated), or -1. */
static int find_key(const char *name, size_t len, struct tvm_config_key *key)
{
	for (unsigned int i = 0; key_at(i, key); i++) {
		if (strlen(key->name) == len && !memcmp(key->name, name, len))
			return (int)i;
	}
	return -1;
}

/* Letters to insert, delete or replace until a is b; 32 when either is longer than 31. */
static unsigned int distance(const char *a, size_t la, const char *b)
{
	size_t lb = strlen(b);
	unsigned int row[32], diag, up;

	if (la > 31 || lb > 31)
		return 32;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= la; i++) {
		diag = row[0];
		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= lb; j++) {
			up = row[j];
			row[j] = diag + (a[i - 1] != b[j - 1]);
			row[j] = row[j] < up + 1 ? row[j] : up + 1;
			row[j] = row[j] < row[j - 1] + 1 ? row[j] : row[j - 1] + 1;
			diag = up;
		}
	}
	return row[lb];
}

static int unknown(const char *name, size_t len)
{
	unsigned int best = ~0u, d;
	struct tvm_config_key key;
	const char *near = "";
	size_t l;

	for (unsigned int i = 0; key_at(i, &key); i++) {
		l = strlen(key.name);
		d = len >= 2 && len < l && !memcmp(key.name, name, len) ? 1 :
			distance(name, len, key.name);
		if (d < best) {
			best = d;
			near = key.name;
		}
	}
	if (best <= 3 && 2 * best <= len)
		say("unknown option '--%.*s'; did you mean '--%s'?", (int)len, name, near);
	else
		say("unknown option '--%.*s'; see --help (the nearest is '--%s')", (int)len, name,
			near);
	return STATUS_USAGE;
}

static int set_log_level(struct options *opts, const char *value)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };

	for (unsigned int i = 0; i < 4; i++) {
		if (!strcmp(value, names[i])) {
			opts->log_level = (enum tvm_log_level)i;
			return 0;
		}
	}
	say("log-level: '%s' is not known; allowed: error, warn, info, debug", value);
	return STATUS_USAGE;
}

static int set_own(struct options *opts, const char *name, const char *value)
{
	if (!strcmp(name, "config"))
		opts->config_path = value;
	else if (!strcmp(name, "dump-dtb"))
		opts->dtb_path = value;
	else if (!strcmp(name, "metrics"))
		opts->metrics_path = value;
	else if (!strcmp(name, "log-level"))
		return set_log_level(opts, value);
	else if (!strcmp(name, "print-config"))
		opts->print_config = true;
	else if (!strcmp(name, "help"))
		opts->help = true;
	else
		opts->version = true;
	return 0;
}

static int load_config(struct options *opts)
{
	const char *path = opts->config_path;
	struct tvm_error err = { 0 };
	char *text = malloc(CONFIG_FILE_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;
	int fd, r = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (text && fd >= 0 && len <= CONFIG_FILE_MAX && n > 0) {
		n = read(fd, text + len, CONFIG_FILE_MAX + 1 - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	if (!text || fd < 0 || n < 0) {
		say("config: cannot read '%s': %s", path, text ? strerror(errno) : "out of memory");
		r = STATUS_USAGE;
	} else if (tvm_config_set_json(opts->cfg, text, len, &err) < 0) {
		say("config '%s': %s", path, err.msg);
		r = STATUS_USAGE;
	}
	if (fd >= 0)
		close(fd);
	free(text);
	return r;
}

/* One word of the command line that is an option, and its value; takes *i on. */
static int take_option(int argc, char **argv, int *i, int *index, struct tvm_config_key *key,
	const char **value)
{
	const char *name = argv[*i] + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);

	*index = find_key(name, len, key);
	if (*index < 0)
		return unknown(name, len);
	*value = equals ? equals + 1 : NULL;
	if (!*value && key->arg) {
		if (*i + 1 == argc) {
			say("--%s needs a value: %s", key->name, key->arg);
			return STATUS_USAGE;
		}
		*value = argv[++*i];
	}
	if (*value && !key->arg && *index < (int)NR_OWN) {
		say("--%s takes no value", key->name);
		return STATUS_USAGE;
	}
	return 0;
}

/* own: our options; otherwise the library's keys, of which a plain one may come once. */
static int walk(struct options *opts, int argc, char **argv, bool own)
{
	bool seen[256] = { false };
	struct tvm_config_key key;
	struct tvm_error err = { 0 };
	const char *value;
	int r, index;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-h")) {
			opts->help = true;
			continue;
		}
		if (strncmp(argv[i], "--", 2) || !argv[i][2]) {
			say("unexpected argument '%s'; every option is '--key value'", argv[i]);
			return STATUS_USAGE;
		}
		r = take_option(argc, argv, &i, &index, &key, &value);
		if (r)
			return r;
		if (!key.repeats && index < 256 && seen[index]) {
			say("--%s is given twice", key.name);
			return STATUS_USAGE;
		}
		seen[index < 256 ? index : 255] = true;
		if (index < (int)NR_OWN) {
			r = own ? set_own(opts, key.name, value) : 0;
		} else if (!own && tvm_config_set(opts->cfg, key.name, value, &err) < 0) {
			say("%s", err.msg);
			r = STATUS_USAGE;
		}
		if (r)
			return r;
	}
	return 0;
}

int options_parse(struct options *opts, int argc, char **argv)
{
	int r;

	*opts = (struct options){ .log_level = TVM_LOG_WARN };
	opts->cfg = tvm_config_new();
	if (!opts->cfg) {
		say("out of memory");
		return STATUS_HOST_ERROR;
	}
	r = walk(opts, argc, argv, true);
	if (r || opts->help || opts->version)
		return r;
	if (opts->config_path)
		r = load_config(opts);
	return r ? r : walk(opts, argc, argv, false);
}

void options_fini(struct options *opts)
{
	tvm_config_free(opts->cfg);
	opts->cfg = NULL;
}
