/* SPDX-License-Identifier: Apache-2.0 */
/* Command line of tvm-run: its own options, and the library's keys. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>

#include "tvm.h"

/* Exit statuses. The manual page and --help list them; scripts rely on them. */
enum status {
	STATUS_POWEROFF = 0,
	STATUS_HOST_ERROR = 1,
	STATUS_USAGE = 2,
	STATUS_RESET = 3,	/* with --no-reboot */
	STATUS_PANIC = 4,
	STATUS_CRASH = 5,
	STATUS_REFUSED = 6,	/* attestation */
	STATUS_CONSOLE = 7,
	STATUS_VIOLATION = 8,
	STATUS_SIGNAL = 128,	/* plus the signal's number */
};

struct options {
	struct tvm_config *cfg;		/* owned */
	const char *config_path;	/* --config */
	const char *dtb_path;		/* --dump-dtb */
	const char *metrics_path;	/* --metrics */
	enum tvm_log_level log_level;
	bool help, version, print_config;
};

/* Fill opts from argv. 0, or a status after one line on stderr. */
int options_parse(struct options *opts, int argc, char **argv);
void options_fini(struct options *opts);

/* The index-th option that is not a key of the library: false past the last. */
bool options_own_key(unsigned int index, struct tvm_config_key *key);

void options_help(void); /* to stdout */

/* "tvm-run: ..." on stderr: one line, one write, control characters replaced. */
__attribute__((format(printf, 1, 2)))
void say(const char *fmt, ...);

#endif
