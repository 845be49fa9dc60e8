/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tvm-attest: what the owner of a confidential guest does, away from the host that runs it.
 * Computation is attest/; here are files, options and words.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/line.h"
#include "cli/tvm-attest/cmd.h"
#include "tvm.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "platform", cmd_platform, "show a platform, export and verify its certificates" },
	{ "session", cmd_session, "make session, owner certificate and keys for a launch" },
	{ "measure", cmd_measure, "compute the launch digest and measurement to expect" },
	{ "verify", cmd_verify, "verify a launch measurement" },
	{ "secret", cmd_secret, "make a launch secret packet for a measured guest" },
	{ "report", cmd_report, "verify an attestation report" },
	{ "token", cmd_token, "verify a realm's attestation token" },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

enum status fail(enum status status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line_print("tvm-attest", fmt, ap);
	va_end(ap);
	return status;
}

static void help(void)
{
	printf("Usage: tvm-attest COMMAND [--option value]...\n"
		"Attest confidential guests: what their owner does.\n\nCommands:\n");
	for (size_t i = 0; i < NR_COMMANDS; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].help);
	printf("\n'tvm-attest COMMAND --help' lists the options of a command.\n"
		"\nExit status:\n"
		"  0      done; what was to be verified is genuine\n"
		"  1      a file cannot be read, has no such format, or the host failed\n"
		"  2      the command line is wrong\n"
		"  6      verification refused\n"
		"\nExample:\n"
		"  tvm-attest session --soft DIR --allow-soft --policy 1 --out owner\n"
		"  tvm-attest verify --session owner --allow-soft --measurement m.b64 \\\n"
		"        --firmware firmware.bin --kernel bzImage --cmdline console=hvc0 \\\n"
		"        --api-major 1 --api-minor 55 --build 21\n"
		"  tvm-attest secret --session owner --measurement m.b64 --out owner \\\n"
		"        --entry 736869e5-84f0-4973-92ec-06879ce3da0b=@disk.key\n");
}

/* Whoever started us may have closed these; a key file must not become one. */
static void open_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static int run(int argc, char **argv)
{
	if (argc < 2)
		return fail(STATUS_USAGE, "no command; see --help");
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 2, argv + 2);
	}
	if (!strcmp(argv[1], "--help"))
		help();
	else if (!strcmp(argv[1], "--version"))
		printf("tvm-attest %s\n", tvm_version());
	else
		return fail(STATUS_USAGE, "unknown command '%s'; see --help", argv[1]);
	return STATUS_OK;
}

int main(int argc, char **argv)
{
	int r;

	open_standard_fds();
	umask(077);
	r = run(argc, argv);
	if (fflush(stdout) || ferror(stdout))
		return r ? r : (int)fail(STATUS_ERROR, "cannot write to the standard output: %s",
			strerror(errno));
	return r;
}
