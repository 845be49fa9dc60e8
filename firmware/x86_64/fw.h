/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the firmware that look at what others wrote, and that build what the kernel
 * reads: pure functions of private memory, also compiled for the tests of the build machine.
 * Those that can refuse return FW_OK or the reason.
 */
#ifndef FIRMWARE_X86_64_FW_H
#define FIRMWARE_X86_64_FW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/x86_64/fw_abi.h"

#define FW_PAGE 4096ULL
#define FW_RAM_START 0x100000ULL	/* nothing is loaded below */
#define FW_RAM_HIGH 0x100000000ULL

struct fw_range {
	uint64_t gpa, size;
};

/* ---- info.c ---- */

/* struct fw_boot_info, checked. */
struct fw_info {
	uint32_t cpus;
	uint64_t ram_low, ram_high;
	struct fw_range kernel, initrd, cmdline;
	struct fw_range ecam, mmio32, mmio64;
	uint16_t pm_port, sci_gsi, uart_port, uart_gsi, pvpanic_port;
	struct fw_range virtio;		/* size 0: none */
	uint32_t virtio_stride;
	uint16_t virtio_count, virtio_gsi;
};

/* bi: a private copy. phys_bits: no address reaches 1 << phys_bits (the C-bit, or the CPU's). */
enum fw_reason fw_info_check(const struct fw_boot_info *bi, unsigned int phys_bits,
	struct fw_info *out);

/*
 * The highest page in [FW_RAM_START, end) from which size bytes touch none of the n busy
 * ranges. False: there is none.
 */
bool fw_place(uint64_t size, uint64_t end, const struct fw_range *busy, unsigned int n,
	uint64_t *out);

/* ---- kernel.c, elf64.c ---- */

#define FW_MAX_SEGMENTS 16

struct fw_segment {
	uint64_t gpa, offset, filesz, memsz;
};

struct fw_kernel {
	unsigned int nr_segments;	/* at least one */
	struct fw_segment segments[FW_MAX_SEGMENTS]; /* sorted, disjoint, in low RAM */
	bool clears;			/* by itself what it wants zero behind its segments */
	uint64_t entry;			/* inside a segment */
	uint64_t initrd_end;		/* the initrd lies below */
	uint64_t cmdline_max;		/* bytes, without NUL */
	uint32_t header_size;		/* of the setup header, from 0x1f1 of the file; ELF: 0 */
};

enum fw_reason fw_kernel_parse(const uint8_t *file, uint64_t size, uint64_t ram_low,
	struct fw_kernel *out);
enum fw_reason fw_elf_parse(const uint8_t *file, uint64_t size, uint64_t ram_low,
	struct fw_kernel *out);

/* From the first segment to the end of the last. */
struct fw_range fw_kernel_range(const struct fw_kernel *k);

/* ---- hashes.c ---- */

#define FW_HASH_SIZE 32

struct fw_hashes {
	uint8_t cmdline[FW_HASH_SIZE], initrd[FW_HASH_SIZE], kernel[FW_HASH_SIZE];
};

/*
 * area: FW_HASHES_SIZE bytes. FW_E_NO_HASHES when all of the table's place is zero,
 * FW_E_BAD_HASHES when it is anything but a table.
 */
enum fw_reason fw_hashes_read(const uint8_t *area, struct fw_hashes *out);

/* In a time that does not tell where they differ. */
bool fw_hash_equal(const uint8_t *a, const uint8_t *b);

/* ---- tables.c ---- */

struct fw_boot {
	const struct fw_info *info;
	const struct fw_kernel *kernel;
	const uint8_t *file;		/* the kernel's; header_size bytes from 0x1f1 are used */
	uint64_t initrd_gpa;
	uint64_t rsdp_gpa;
	uint64_t rom_size;
	bool efi;			/* announce the tables of fw_efi_build() */
};

#define FW_BOOT_PARAMS_SIZE 4096
#define FW_MAX_MAP 12

/* Fills FW_BOOT_PARAMS_SIZE bytes at bp. */
void fw_boot_params_build(const struct fw_boot *b, uint8_t *bp);

/* Fills FW_EFI_SPACE bytes at buf, which the guest sees at FW_EFI_GPA. */
void fw_efi_build(const struct fw_boot *b, uint8_t *buf);

#endif
