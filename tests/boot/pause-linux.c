/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pauses and resumes a Linux guest a hundred times while it boots; it must come up and power
 * off as if nothing had been. Run by the group pause: pause-linux KERNEL INITRD.
 */
#include <stdio.h>
#include <unistd.h>

#include "tvm.h"

#define TIMES 100

static void set(struct tvm_config *cfg, const char *key, const char *value)
{
	struct tvm_error err;

	if (tvm_config_set(cfg, key, value, &err) < 0)
		fprintf(stderr, "%s\n", err.msg);
}

int main(int argc, char **argv)
{
	struct tvm_config *cfg = tvm_config_new();
	struct tvm_exit end = { 0 };
	struct tvm_error err = { 0 };
	struct tvm_vm *vm;
	int paused = 0;

	if (argc != 3 || !cfg)
		return 2;
	set(cfg, "kernel", argv[1]);
	set(cfg, "initrd", argv[2]);
	set(cfg, "memory", "256M");
	set(cfg, "cpus", "2");
	set(cfg, "cmdline", "console=ttyS0 quiet panic=-1 tvm.case=info");
	if (tvm_prepare(cfg, NULL, &vm, &err) < 0 || tvm_start(vm, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	tvm_config_free(cfg);
	/* Each pause shorter than the run before it, so that the boot gets somewhere. */
	for (int i = 0; i < TIMES && tvm_wait(vm, 20, NULL) < 0; i++) {
		if (tvm_pause(vm, &err) < 0)
			break;
		paused++;
		usleep(5000);
		if (tvm_resume(vm, &err) < 0)
			break;
	}
	if (tvm_wait(vm, 120000, &end) < 0)
		fprintf(stderr, "the guest does not end\n");
	tvm_free(vm);
	fprintf(stderr, "paused %d times: %s\n", paused, end.msg);
	return paused == TIMES && end.reason == TVM_EXIT_POWEROFF ? 0 : 1;
}
