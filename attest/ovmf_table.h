/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a firmware image says about itself in the GUIDed table below its reset vector. Images
 * come from files: every length in them may be wrong.
 */
#ifndef ATTEST_OVMF_TABLE_H
#define ATTEST_OVMF_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tvm_error;

struct ovmf_area {
	uint32_t base;		/* guest physical */
	uint32_t size;		/* 0: the image has no such entry, or names no place */
};

enum ovmf_section_type {
	OVMF_SEC_MEM = 1,
	OVMF_SECRETS = 2,
	OVMF_CPUID = 3,
	OVMF_SVSM_CAA = 4,
	OVMF_KERNEL_HASHES = 0x10,
};

struct ovmf_section {
	uint32_t gpa;
	uint32_t size;
	uint32_t type;		/* enum ovmf_section_type, or one that is not known here */
};

#define OVMF_MAX_SECTIONS 64	/* real images have about 7 */

struct ovmf_table {
	struct ovmf_area hashes;	/* for the 176-byte hash table */
	struct ovmf_area secret;	/* where a launch secret goes */
	uint32_t ap_reset;		/* SEV-ES reset address of APs; 0: none */
	unsigned int nr_sections;	/* SEV metadata, in the order of the image */
	struct ovmf_section sections[OVMF_MAX_SECTIONS];
};

/*
 * Read the table of an image. -ENOENT: it has none; -EINVAL: it is broken, err says where.
 * Areas and sections are checked not to wrap; whether they are RAM is the caller's matter.
 */
int ovmf_table_read(const void *image, size_t len, struct ovmf_table *out,
	struct tvm_error *err);

#endif
