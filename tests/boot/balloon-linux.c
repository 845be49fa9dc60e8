/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host takes memory from a Linux guest by the balloon, and gives it back. Run by the group
 * balloon: balloon-linux KERNEL INITRD. The guest's output tells what it has left; here is
 * printed, in MiB, what the host holds of its memory.
 */
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "tvm.h"

#define MIB (1ULL << 20)

static struct tvm_error err;
static struct tvm_vm *vm;

static void set(struct tvm_config *cfg, const char *key, const char *value)
{
	if (tvm_config_set(cfg, key, value, &err) < 0)
		fprintf(stderr, "%s\n", err.msg);
}

/* What is mapped of memory files: guest memory. */
static unsigned long held(void)
{
	unsigned long kib = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "RssShmem: %lu", &kib);
	if (f)
		fclose(f);
	return kib >> 10;
}

/* Until the guest has given exactly as much, at most a minute and a half. */
static int gives(uint64_t bytes)
{
	uint64_t now = UINT64_MAX;

	if (tvm_balloon_set(vm, bytes, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 0;
	}
	for (int i = 0; i < 900; i++) {
		if (tvm_balloon_get(vm, &now, &err) < 0 || now == bytes)
			break;
		usleep(100000);
	}
	sleep(3); /* for the guest to say what it has left */
	fprintf(stderr, "given %llu of %llu MiB, held %lu MiB\n", (unsigned long long)(now / MIB),
		(unsigned long long)(bytes / MIB), held());
	return now == bytes;
}

int main(int argc, char **argv)
{
	struct tvm_config *cfg = tvm_config_new();
	int ok;

	if (argc != 3 || !cfg)
		return 2;
	set(cfg, "kernel", argv[1]);
	set(cfg, "initrd", argv[2]);
	set(cfg, "memory", "512M");
	set(cfg, "balloon", "on");
	set(cfg, "cmdline", "console=ttyS0 quiet panic=-1 tvm.case=inflate");
	if (tvm_prepare(cfg, NULL, &vm, &err) < 0 || tvm_start(vm, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	tvm_config_free(cfg);
	ok = gives(200 * MIB) && gives(0) && gives(100 * MIB);
	tvm_stop(vm);
	tvm_free(vm);
	return ok ? 0 : 1;
}
