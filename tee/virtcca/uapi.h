/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of the kernel's interface on arm64 that are younger than the headers we build with:
 * the SMCCC filter (Linux 6.4, Documentation/virt/kvm/devices/vm.rst, 6).
 */
#ifndef TEE_VIRTCCA_UAPI_H
#define TEE_VIRTCCA_UAPI_H

#include <stdint.h>

#define CCA_VM_SMCCC_CTRL 0		/* KVM_ARM_VM_SMCCC_CTRL, attribute group of a VM */
#define CCA_VM_SMCCC_FILTER 0		/* KVM_ARM_VM_SMCCC_FILTER */
#define CCA_SMCCC_FWD_TO_USER 2		/* KVM_SMCCC_FILTER_FWD_TO_USER */
#define CCA_HYPERCALL_SMC 1U		/* KVM_HYPERCALL_EXIT_SMC */

struct cca_smccc_filter {		/* struct kvm_smccc_filter */
	uint32_t base, nr_functions;
	uint8_t action, pad[15];
};

#endif
