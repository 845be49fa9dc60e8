/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the boot firmware of x86_64 guests and the VMM have in common. The firmware is the
 * measured part: it believes nothing here that it has not checked, and what it boots has to
 * match the hash table that was measured with it.
 *
 *	VMM, before the first vCPU runs, at the reset vector:
 *	  private  image at 4 GiB - its size; in a SEV guest also the 176 bytes of hashes at
 *	           FW_HASHES_GPA (QEMU's format), and FW_SECRET_GPA if there is a secret
 *	  shared   struct fw_boot_info at FW_BOOT_INFO_GPA, and the files that it names
 *
 *	0x0000_0000  zeroed            0x0003_0000  command line
 *	0x0000_1000  page tables       0x000e_0000  ACPI, then EFI tables (e820 type 3)
 *	0x0001_0000  stack             0x000f_0000  secret, hash table (e820 type 2)
 *	0x0002_0000  boot_params       0x0010_0000  boot info (shared until it is read)
 *
 * Low memory up to 1 MiB is used before paging: its private and shared views must be one.
 * Nothing of it but hashes and secret needs contents.
 */
#ifndef FIRMWARE_X86_64_FW_ABI_H
#define FIRMWARE_X86_64_FW_ABI_H

#define FW_IMAGE_MAX 0x10000		/* the image is a multiple of 4 KiB up to this */

#define FW_PAGE_TABLES_GPA 0x1000	/* FW_PAGE_TABLES pages */
#define FW_PAGE_TABLES 11
#define FW_CBIT_CHECK_GPA 0xf00
#define FW_STACK_GPA 0x10000
#define FW_STACK_END 0x20000
#define FW_BOOT_PARAMS_GPA 0x20000
#define FW_CMDLINE_GPA 0x30000
#define FW_CMDLINE_SPACE 0x10000
#define FW_ACPI_GPA 0xe0000
#define FW_ACPI_SPACE 0xc000
#define FW_EFI_GPA 0xec000
#define FW_EFI_SPACE 0x4000

/* Also told by the GUIDed table at the end of the image, where a VMM should take them from. */
#define FW_SECRET_GPA 0xf0000
#define FW_SECRET_SIZE 0xc00
#define FW_HASHES_GPA 0xf0c00
#define FW_HASHES_SIZE 0x400
#define FW_SNP_SECRETS_GPA 0xf1000
#define FW_SNP_CPUID_GPA 0xf2000

#define FW_BOOT_INFO_GPA 0x100000
#define FW_BOOT_INFO_SIZE 0x1000

/* A good place for the first staged file; the others follow it, each on a page of its own. */
#define FW_STAGING_GPA 0x200000

#define FW_BOOT_INFO_MAGIC 0x4f464e49424d5654	/* "TVMBINFO" */
#define FW_BOOT_INFO_VERSION 2

/*
 * The firmware reports by 32-bit writes to this port: FW_REPORT(stage, reason). Reason 0 is
 * progress; with any other the firmware has stopped for good (interrupts off, hlt).
 */
#define FW_PORT 0x580
#define FW_REPORT_MAGIC 0x5456
#define FW_REPORT(stage, reason) (FW_REPORT_MAGIC << 16 | (stage) << 8 | (reason))

#define FW_STAGES(X) \
	X(FW_STAGE_CPU, 1, "processor set-up") \
	X(FW_STAGE_INFO, 2, "boot information") \
	X(FW_STAGE_KERNEL, 3, "kernel") \
	X(FW_STAGE_INITRD, 4, "initrd") \
	X(FW_STAGE_CMDLINE, 5, "command line") \
	X(FW_STAGE_TABLES, 6, "tables for the kernel") \
	X(FW_STAGE_ENTER, 7, "entering the kernel")

#define FW_REASONS(X) \
	X(FW_OK, 0, "in progress") \
	X(FW_E_NO_LONG_MODE, 1, "the CPU has no 64-bit mode") \
	X(FW_E_CBIT_POSITION, 2, "CPUID names an impossible memory encryption bit") \
	X(FW_E_CBIT_WRONG, 3, "memory encryption does not behave as CPUID says") \
	X(FW_E_SEV_MODE, 4, "this firmware cannot run SEV-ES and SEV-SNP guests") \
	X(FW_E_INFO_MAGIC, 5, "no boot information where the firmware looks for it") \
	X(FW_E_INFO_VERSION, 6, "boot information of another version") \
	X(FW_E_INFO_RAM, 7, "boot information: impossible size of RAM") \
	X(FW_E_INFO_DEVICES, 8, "boot information: impossible device addresses or CPU count") \
	X(FW_E_INFO_STAGING, 9, "boot information: staged files outside of RAM or overlapping") \
	X(FW_E_NO_HASHES, 10, "no kernel hashes were measured: kernel-hashes=on is needed") \
	X(FW_E_BAD_HASHES, 11, "the measured hash table is damaged") \
	X(FW_E_KERNEL_HASH, 12, "kernel hash differs from the measured one") \
	X(FW_E_INITRD_HASH, 13, "initrd hash differs from the measured one") \
	X(FW_E_CMDLINE_HASH, 14, "command line hash differs from the measured one") \
	X(FW_E_NO_MEMORY, 15, "not enough memory below 3 GiB beside the staged files") \
	X(FW_E_KERNEL_FORMAT, 16, "the kernel is neither a bzImage nor an ELF file") \
	X(FW_E_KERNEL_OLD, 17, "the kernel has no 64-bit entry, or its boot protocol is too old") \
	X(FW_E_KERNEL_DAMAGED, 18, "the kernel file is damaged or truncated") \
	X(FW_E_KERNEL_PLACE, 19, "the kernel's memory does not lie in RAM above 1 MiB") \
	X(FW_E_CMDLINE_LONG, 20, "the command line is longer than the kernel takes") \
	X(FW_E_CMDLINE_NUL, 21, "the command line does not end in a NUL byte") \
	X(FW_E_TABLES, 22, "tables for the kernel do not fit their place") \
	X(FW_E_EXCEPTION, 23, "unexpected CPU exception in the firmware")

/* Reasons that assembly reports; the enumeration below must agree. */
#define FW_E_NO_LONG_MODE_VALUE 1
#define FW_E_CBIT_POSITION_VALUE 2
#define FW_E_CBIT_WRONG_VALUE 3
#define FW_E_SEV_MODE_VALUE 4
#define FW_E_EXCEPTION_VALUE 23

#ifndef __ASSEMBLER__

#include <stddef.h>

#include "base/le.h"

#define FW_ENUM(name, value, text) name = value,
enum fw_stage { FW_STAGES(FW_ENUM) };
enum fw_reason { FW_REASONS(FW_ENUM) };
#undef FW_ENUM

_Static_assert((int)FW_STAGE_CPU == 1 && FW_E_NO_LONG_MODE == FW_E_NO_LONG_MODE_VALUE &&
	FW_E_CBIT_POSITION == FW_E_CBIT_POSITION_VALUE &&
	FW_E_CBIT_WRONG == FW_E_CBIT_WRONG_VALUE && FW_E_SEV_MODE == FW_E_SEV_MODE_VALUE &&
	FW_E_EXCEPTION == FW_E_EXCEPTION_VALUE, "reset.S");

/*
 * RAM is [0, ram_low) and [4 GiB, 4 GiB + ram_high). A staged file starts on a page, lies in
 * [1 MiB, ram_low) and has its pages to itself: they are wiped and, in a SEV guest, announced
 * as private. No page is shared with another file or the boot info. ecam, mmio32: above
 * ram_low, below FW_MMIO32_END; mmio64: above all RAM; ports: 0 stands for none, but pm_port
 * is needed. virtio: virtio_count devices on MMIO, each of 512 bytes, virtio_stride apart, in a
 * window as the others are, with GSIs from virtio_gsi on. What is reserved is 0.
 */
struct fw_boot_info {
	le64 magic;
	le32 version;
	le32 cpus;			/* APIC ids 0 to cpus - 1 */
	le64 ram_low, ram_high;		/* bytes, multiples of 4 KiB; ram_low at most 3 GiB */
	le64 kernel_gpa, kernel_size;	/* a bzImage or vmlinux, as it is on disk */
	le64 initrd_gpa, initrd_size;	/* size 0: none */
	le64 cmdline_gpa, cmdline_size;	/* size with NUL, at least 1 */
	le64 mmio64_base, mmio64_size;	/* size 0: none */
	le32 ecam_base, ecam_size;
	le32 mmio32_base, mmio32_size;
	le16 pm_port, sci_gsi;
	le16 uart_port, uart_gsi;
	le16 pvpanic_port;
	le16 virtio_count, virtio_gsi;	/* count 0: none; the others are 0 then, too */
	uint8_t reserved[2];
	le32 virtio_base, virtio_stride;
};

#define FW_RAM_LOW_MAX 0xc0000000ULL
#define FW_MMIO32_END 0xfec00000ULL

_Static_assert(sizeof(struct fw_boot_info) == 136, "part of the interface");

/* The image, in libtvm of ARCH=x86_64. */
extern const uint8_t fw_x86_64_start[], fw_x86_64_end[];

#endif
#endif
