/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the interfaces for Arm CCA that were proposed for KVM this host's kernel speaks. All
 * differences between the series that matter here are members of struct realm_abi.
 */
#ifndef TEE_VIRTCCA_ABI_H
#define TEE_VIRTCCA_ABI_H

#include <stdbool.h>
#include <stdint.h>

struct kvm_vm;
struct tvm_error;

struct realm_abi {
	const char *name;	/* of the series */
	unsigned long vm_type;	/* of KVM_CREATE_VM, beside the width of addresses */
	int cap;		/* KVM_CAP_ARM_RMI */
	unsigned long populate;	/* KVM_ARM_RMI_POPULATE */
	bool counts;		/* populate returns bytes; otherwise it moves the structure on */
	bool vm_attributes;	/* what is private is told to the VM; otherwise guest_memfd is */
};

/*
 * Tries what the kernel does, in VMs that are closed again; kvm->kvm_fd is open. cap: number of
 * KVM_CAP_ARM_RMI on this host; 0: what the kernel says it is, or the series' own.
 */
int realm_abi_detect(const struct kvm_vm *kvm, uint8_t bits, int cap,
	const struct realm_abi **out, struct tvm_error *err);

/* Number of KVM_CAP_ARM_RMI that a vendor's kernel tells in a file like that; 0: none. */
int realm_abi_told(const char *path);

#endif
