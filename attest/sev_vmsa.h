/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Register pages (VMSA) that an encrypted-state guest (SEV-ES, CSV2) starts with: reset state,
 * as KVM builds them, one page a vCPU in the launch digest.
 */
#ifndef ATTEST_SEV_VMSA_H
#define ATTEST_SEV_VMSA_H

#include <stdbool.h>
#include <stdint.h>

#define SEV_VMSA_LEN 4096
#define SEV_RESET_VECTOR 0xfffffff0U

struct sev_vmsa {
	uint32_t start;		/* SEV_RESET_VECTOR; others: the firmware's AP reset address */
	uint32_t cpu_sig;	/* CPUID 1 EAX, found in RDX after reset */
	uint64_t features;	/* SEV_FEATURES: 0, 0x20 with DebugSwap */
	bool legacy;		/* KVM_SEV_ES_INIT: FPU state is not in the page */
};

void sev_vmsa_page(const struct sev_vmsa *vmsa, uint8_t page[SEV_VMSA_LEN]);

/* CPUID 1 EAX of a family (15 and above), model and stepping. */
uint32_t sev_cpu_sig(unsigned int family, unsigned int model, unsigned int stepping);

/* Of a named processor: "EPYC-Milan", "Dhyana", ...; 0: unknown. name(i) is NULL at the end. */
uint32_t sev_cpu_sig_by_name(const char *name);
const char *sev_cpu_name(unsigned int index);

#endif
