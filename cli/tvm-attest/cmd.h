/* SPDX-License-Identifier: Apache-2.0 */
/* tvm-attest: its subcommands, and what they share with the outside. */
#ifndef CLI_TVM_ATTEST_CMD_H
#define CLI_TVM_ATTEST_CMD_H

/* Exit statuses. The manual page and --help list them; scripts rely on them. */
enum status {
	STATUS_OK = 0,
	STATUS_ERROR = 1,
	STATUS_USAGE = 2,
	STATUS_REFUSED = 6,	/* as tvm-run's: attestation */
};

/* Each takes the arguments behind its name and returns a status, said why on stderr. */
int cmd_platform(int argc, char **argv);
int cmd_session(int argc, char **argv);
int cmd_measure(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_secret(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_token(int argc, char **argv);

/* measure --tee cca: what cmd_measure() hands on. */
int cmd_measure_realm(int argc, char **argv);

/* "tvm-attest: ..." on stderr: one line, control characters replaced. Returns status. */
__attribute__((format(printf, 2, 3)))
enum status fail(enum status status, const char *fmt, ...);

#endif
