/* SPDX-License-Identifier: Apache-2.0 */
/* The text of --help: options come from the library, in its order. */
#include <stdio.h>
#include <string.h>

#include "cli/options.h"

/* Headings, each before the key that starts its group; keys come in the manual's order. */
static const struct {
	const char *key, *heading;
} groups[] = {
	{ "name", "Machine" },
	{ "kernel", "Boot" },
	{ "memory", "Memory and processors" },
	{ "disk", "Devices" },
	{ "no-reboot", "Lifecycle" },
	{ "firmware", "Confidential machines" },
	{ "config", "Command" },
};

static const struct {
	const char *value, *meaning;
} statuses[] = {
	{ "0", "the guest powered off" },
	{ "1", "the host failed: no KVM, no memory, a file that cannot be read" },
	{ "2", "the command line or the configuration is wrong" },
	{ "3", "the guest reset itself, with --no-reboot" },
	{ "4", "the guest kernel panicked" },
	{ "5", "the guest crashed: triple fault, or KVM cannot go on" },
	{ "6", "attestation was refused" },
	{ "7", "the console session was ended with Ctrl-A x" },
	{ "8", "a realm touched what is not its own, with violation=stop" },
	{ "128+N", "ended by signal N" },
};

static void print_key(const struct tvm_config_key *key)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (!strcmp(groups[i].key, key->name))
			printf("\n%s:\n", groups[i].heading);
	}
	printf("  --%s%s%s%s\n        %s\n", key->name, key->arg ? " " : "",
		key->arg ? key->arg : "", key->repeats ? "  (repeats)" : "", key->help);
}

void options_help(void)
{
	struct tvm_config_key key = { .size = sizeof(key) };

	printf("Usage: tvm-run --kernel FILE [--key value]...\n"
		"Run one virtual machine on KVM.\n");
	for (unsigned int i = 0; tvm_config_key(i, &key) == 0; i++) {
		print_key(&key);
		key.size = sizeof(key);
	}
	for (unsigned int i = 0; options_own_key(i, &key); i++)
		print_key(&key);
	printf("\nA value may also follow '='. In values with several parts a comma is "
		"written ',,'.\n"
		"On a terminal, Ctrl-A x ends the session and Ctrl-A Ctrl-A sends Ctrl-A.\n"
		"\nSignals:\n"
		"  SIGTERM, SIGINT, SIGHUP, SIGQUIT end the machine in order.\n"
		"  SIGUSR1 presses the guest's power button.\n"
		"\nExit status:\n");
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		printf("  %-6s %s\n", statuses[i].value, statuses[i].meaning);
	printf("\nExamples:\n"
		"  tvm-run --kernel bzImage --initrd initrd.img --cmdline console=ttyS0\n"
		"  tvm-run --kernel vmlinux --memory 2G --cpus 4 --disk root.img \\\n"
		"        --cmdline 'console=hvc0 root=/dev/vda' --serial null --console stdio\n");
}
