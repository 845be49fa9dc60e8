/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What depends on the kind of guest: plain, SEV, and later SEV-ES and SNP (reports and
 * hypercalls through the GHCB, page state by PVALIDATE, CPUID from its page). Guest code only.
 */
#ifndef FIRMWARE_X86_64_FW_PLATFORM_H
#define FIRMWARE_X86_64_FW_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/x86_64/fw_abi.h"

/* reset.S maps [0, 4 GiB) as private at 0 and once more, as shared, here. */
#define FW_SHARED_WINDOW 0x8000000000ULL

struct fw_platform {
	uint64_t c_mask;		/* 0: a plain guest */
	unsigned int phys_bits;		/* no address reaches 1 << phys_bits */
	bool coherent;			/* caches see private and shared mappings as one */
	bool announce;			/* the host wants to know about page states */
	bool sha_ni;
};

/* What reset.S found. */
void fw_platform_init(struct fw_platform *p, uint64_t c_mask);

bool fw_platform_encrypted(const struct fw_platform *p);

/* One line to the VMM; fw_stop() is the last. */
void fw_report(enum fw_stage stage, enum fw_reason reason);
_Noreturn void fw_stop(enum fw_stage stage, enum fw_reason reason);

/* Copy out of shared memory, once: what is at dst will not change any more. */
void fw_copy_shared(void *dst, uint64_t gpa, uint64_t len);

/* Clear a shared range of whole pages and take it back as private. */
void fw_take_back(const struct fw_platform *p, uint64_t gpa, uint64_t len);

/* The kernel, with shared memory unmapped. boot_params and entry are private addresses. */
_Noreturn void fw_enter_kernel(const struct fw_platform *p, uint64_t entry,
	uint64_t boot_params);

/* CR4.OSFXSR, which vector instructions need. */
void fw_vectors(bool on);

#endif
