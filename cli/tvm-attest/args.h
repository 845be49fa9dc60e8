/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a subcommand: one table, from which parsing and --help follow. */
#ifndef CLI_TVM_ATTEST_ARGS_H
#define CLI_TVM_ATTEST_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arg_num {
	bool given;
	uint32_t value;
};

struct arg_addr {
	bool given;
	uint64_t value;
};

struct arg_list {
	const char **items;	/* owned: free() */
	unsigned int nr;
};

enum arg_type {
	ARG_TEXT,	/* const char *; NULL: not given */
	ARG_FLAG,	/* bool */
	ARG_NUM,	/* struct arg_num; decimal, or 0x... */
	ARG_ADDR,	/* struct arg_addr; the same with 64 bits, or K, M, G, T behind it */
	ARG_LIST,	/* struct arg_list; repeats */
};

struct arg {
	const char *name;
	enum arg_type type;
	void *dst;
	uint32_t max;		/* ARG_NUM; 0: 32 bits */
	const char *value;	/* for help: FILE, N, ... */
	const char *help;
};

struct arg_table {
	const char *usage;	/* "session --platform DIR --policy N [option]..." */
	const char *intro;	/* what the subcommand does */
	const struct arg *args;
	size_t nr;
};

/* A number as ARG_ADDR takes it. */
bool args_addr(const char *text, uint64_t *out);

enum args_result { ARGS_GO, ARGS_HELP, ARGS_BAD };

/*
 * Parse "--name value", "--name=value" and switches into the table's destinations. ARGS_HELP:
 * the text was printed; ARGS_BAD: one line said why.
 */
enum args_result args_parse(const struct arg_table *table, int argc, char **argv);

#define ARGS_NR(a) (sizeof(a) / sizeof((a)[0]))

#endif
