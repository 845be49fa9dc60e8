/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Option tables. One table describes the members of one structure; the command line, JSON,
 * --print-config and the help text are all derived from it. Strings and list items that an
 * option holds are owned by the structure.
 */
#ifndef VMM_OPTS_H
#define VMM_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tvm_error;
struct opt_table;

enum opt_type {
	OPT_STR,	/* char * */
	OPT_PATH,	/* char *, not empty */
	OPT_BOOL,	/* bool */
	OPT_U32,	/* uint32_t */
	OPT_U64,	/* uint64_t */
	OPT_SIZE,	/* uint64_t, bytes; text has an optional suffix K, M, G or T */
	OPT_ENUM,	/* enum whose values count names from 0 */
	OPT_STRLIST,	/* OPT_LIST_OF(char *) */
	OPT_SUB,	/* a structure with a table of its own */
	OPT_LIST,	/* OPT_LIST_OF(such a structure) */
};

enum opt_flag {
	OPT_REQUIRED = 1,	/* of a sub-object: must be given */
	OPT_COMMAS = 2,		/* OPT_STRLIST: "a,b" is two items */
	OPT_WORDS = 4,		/* strings: letters, digits and "-_." only, not empty */
};

/* A member that holds any number of T. */
#define OPT_LIST_OF(T) struct { T *items; unsigned int nr; }

struct opt {
	const char *name;
	enum opt_type type;
	unsigned int flags;
	size_t offset;
	uint64_t min, max;		/* number; bytes of a string; items of a list; 0: no max */
	const char *const *names;	/* OPT_ENUM, or a string's allowed values; ends with NULL */
	const struct opt_table *sub;	/* OPT_SUB, OPT_LIST */
	const char *def;		/* as on a command line; NULL: zero, absent, empty */
	const char *arg;		/* for help; NULL: a switch */
	const char *help;		/* one sentence */
};

/*
 * The first option of a sub-object may be given without its name: "root.img,ro". When it is
 * an enum, the second may follow its value: "file=PATH" is "kind=file,path=PATH".
 */
struct opt_table {
	size_t size;			/* of the structure */
	const struct opt *opts;
	unsigned int nr;
};

/* Zero the structure and set every default. -ENOMEM frees what was set. */
int opts_init(const struct opt_table *table, void *obj, struct tvm_error *err);
void opts_fini(const struct opt_table *table, void *obj); /* frees members, zeroes */

/* The option called name; NULL, and err names the nearest one. */
const struct opt *opts_find(const struct opt_table *table, const char *name,
	struct tvm_error *err);

/*
 * Set opt of obj from text; value NULL is only for OPT_BOOL: true. Scalars are replaced,
 * lists grow by one item. On failure obj is as before, and err starts with the key.
 */
int opt_set(const struct opt *opt, void *obj, const char *value, struct tvm_error *err);

/* Set members of obj, which has its defaults, from "value,key=value,switch"; ",," is a comma. */
int opts_parse(const struct opt_table *table, void *obj, const char *spec,
	struct tvm_error *err);

/* Whether each OPT_REQUIRED member is there; opts_parse() ends with it. */
int opts_check(const struct opt_table *table, const void *obj, struct tvm_error *err);

/* Make *dst, which holds nothing yet, a deep copy of *src. -ENOMEM leaves *dst empty. */
int opts_copy(const struct opt_table *table, void *dst, const void *src);

/* Text of a scalar as opt_set() takes it, in buf or in obj; NULL when a string is absent. */
const char *opt_text(const struct opt *opt, const void *obj, char *buf, size_t len);

/* Lists seen without their item type. */
unsigned int opt_list_nr(const struct opt *opt, const void *obj);
const void *opt_list_item(const struct opt *opt, const void *obj, unsigned int index);
/* Append an item: a copy of the string item, or the bytes of *item, which is taken over. */
int opt_list_add(const struct opt *opt, void *obj, const void *item, struct tvm_error *err);

/* value in quotes for a message: cut to a line's worth, control characters replaced. */
#define OPT_QUOTE_MAX 72
const char *opt_quote(char buf[OPT_QUOTE_MAX], const char *value);

#endif
