/* SPDX-License-Identifier: Apache-2.0 */
/* The host's CPUID, apart from who asks, so that a test can stand in for other hosts. */
#ifndef TEE_CSV_HOSTCPU_H
#define TEE_CSV_HOSTCPU_H

#include <stdbool.h>
#include <stdint.h>

struct csv_cpuid {
	uint32_t eax, ebx, ecx, edx;
};

/* A leaf (subleaf 0); false: the CPU has no such leaf. */
bool csv_host_cpuid(uint32_t leaf, struct csv_cpuid *out);

#endif
