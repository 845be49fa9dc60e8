/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkinfo OUTDIR MEMORY_MIB KERNEL INITRD CMDLINE
 *
 * What a VMM prepares for the boot firmware, as files for an emulator that can place files in
 * memory: OUTDIR/info, OUTDIR/hashes and OUTDIR/cmdline. Prints "kernel GPA", "initrd GPA"
 * and "cmdline GPA". INITRD may be empty.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bits.h"
#include "firmware/x86_64/fw_abi.h"
#include "firmware/x86_64/sha256.h"

struct blob {
	uint8_t *data;
	size_t size;
	uint64_t gpa;
};

static struct blob load(const char *path)
{
	struct blob b = { NULL, 0, 0 };
	FILE *f;

	if (!*path)
		return b;
	f = fopen(path, "rbe");
	if (!f || fseek(f, 0, SEEK_END))
		err(1, "%s", path);
	b.size = (size_t)ftell(f);
	rewind(f);
	b.data = malloc(b.size);
	if (!b.data || fread(b.data, 1, b.size, f) != b.size)
		err(1, "%s", path);
	fclose(f);
	return b;
}

static void save(const char *dir, const char *name, const void *data, size_t size)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wbe");
	if (!f || fwrite(data, 1, size, f) != size || fclose(f))
		err(1, "%s", path);
}

static uint8_t *entry(uint8_t *at, const char *guid, const struct blob *b)
{
	struct sha256 s;

	memcpy(at, guid, 16);
	le_store(at + 16, 2, 50);
	sha256_init(&s, false);
	sha256_update(&s, b->data, b->size);
	sha256_final(&s, at + 18);
	return at + 50;
}

int main(int argc, char **argv)
{
	uint8_t hashes[176] =
		"\x06\xd6\x38\x94\x22\x4f\xc9\x4c\xb4\x79\xa7\x93\xd4\x11\xfd\x21\xa8";
	struct blob kernel, initrd, cmdline;
	struct fw_boot_info bi = {
		.magic = le64_make(FW_BOOT_INFO_MAGIC),
		.version = le32_make(FW_BOOT_INFO_VERSION),
		.cpus = le32_make(1),
		.ecam_base = le32_make(0xe0000000),
		.ecam_size = le32_make(MIB(1)),
		.mmio32_base = le32_make(0xc0000000),
		.mmio32_size = le32_make(MIB(512)),
		.pm_port = le16_make(0x600),
		.sci_gsi = le16_make(9),
		.uart_port = le16_make(0x3f8),
		.uart_gsi = le16_make(4),
	};
	uint8_t *at = hashes + 18;

	if (argc != 6)
		errx(2, "usage: mkinfo OUTDIR MEMORY_MIB KERNEL INITRD CMDLINE");
	kernel = load(argv[3]);
	initrd = load(argv[4]);
	cmdline = (struct blob){ (uint8_t *)argv[5], strlen(argv[5]) + 1, 0 };
	kernel.gpa = FW_STAGING_GPA;
	initrd.gpa = align_up(kernel.gpa + kernel.size, 4096);
	cmdline.gpa = align_up(initrd.gpa + initrd.size, 4096);
	bi.ram_low = le64_make(MIB(strtoul(argv[2], NULL, 10)));
	bi.kernel_gpa = le64_make(kernel.gpa);
	bi.kernel_size = le64_make(kernel.size);
	bi.initrd_gpa = le64_make(initrd.gpa);
	bi.initrd_size = le64_make(initrd.size);
	bi.cmdline_gpa = le64_make(cmdline.gpa);
	bi.cmdline_size = le64_make(cmdline.size);
	at = entry(at, "\xd8\x2d\xd0\x97\x20\xbd\x94\x4c\xaa\x78\xe7\x71\x4d\x36\xab\x2a",
		&cmdline);
	at = entry(at, "\x31\xf7\xba\x44\x2f\x3a\xd7\x4b\x9a\xf1\x41\xe2\x91\x69\x78\x1d",
		&initrd);
	entry(at, "\x37\x94\xe7\x4d\xd2\xab\x7f\x42\xb8\x35\xd5\xb1\x72\xd2\x04\x5b",
		&kernel);
	save(argv[1], "info", &bi, sizeof(bi));
	save(argv[1], "hashes", hashes, sizeof(hashes));
	save(argv[1], "cmdline", cmdline.data, cmdline.size);
	printf("kernel 0x%llx\ninitrd 0x%llx\ncmdline 0x%llx\n", (unsigned long long)kernel.gpa,
		(unsigned long long)initrd.gpa, (unsigned long long)cmdline.gpa);
	free(kernel.data);
	free(initrd.data);
	return 0;
}
