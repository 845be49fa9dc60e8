/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trusted execution environments: a table of functions per backend, chosen at run time. A
 * plain machine uses the backend "none", so nobody else asks whether there is a TEE.
 *
 * Called in this order; NULL means nothing to do. All but cpuid(), vcpu_exit() and metrics()
 * are called by one thread at a time while no vCPU runs.
 */
#ifndef TEE_TEE_H
#define TEE_TEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bits.h"

struct firmware;
struct gmem_slot;
struct kvm_cpuid2;
struct tvm_config;
struct tvm_error;
struct tvm_measurement;
struct vcpu;
struct vm;

struct tee_ops {
	const char *name;
	bool confidential;	/* devices reach shared memory only: offer ACCESS_PLATFORM */
	/* The backend's state; KVM is open. *vm_type_out, when set, is for KVM_CREATE_VM. */
	int (*probe)(struct vm *vm, unsigned long *vm_type_out, struct tvm_error *err);
	int (*vm_init)(struct vm *vm, struct tvm_error *err);		/* after KVM_CREATE_VM */
	/* Makes the memslots of a range, unless NULL: then there is one for each range. */
	int (*mem_add)(struct vm *vm, const struct gmem_slot *slot, unsigned int index,
		struct tvm_error *err);
	/* What a guest of this backend sees in CPUID; called for each vCPU. */
	void (*cpuid)(struct vm *vm, struct kvm_cpuid2 *cpuid, unsigned int max_entries);
	int (*vcpu_init)(struct vcpu *vcpu, struct tvm_error *err);
	/* [gpa, gpa + len) holds unmeasured contents that the guest shall find shared. */
	int (*stage)(struct vm *vm, gpa_t gpa, uint64_t len, struct tvm_error *err);
	int (*populate)(struct vm *vm, gpa_t gpa, size_t len, struct tvm_error *err);
	int (*finalize)(struct vm *vm, struct tvm_error *err);	/* measurement is fixed now */
	/* Members of the JSON object of tvm_manifest(), from the configuration alone. */
	int (*manifest)(const struct tvm_config *cfg, const struct firmware *fw, FILE *f,
		struct tvm_error *err);
	int (*measurement)(struct vm *vm, struct tvm_measurement *out, struct tvm_error *err);
	int (*report)(struct vm *vm, const uint8_t mnonce[16], void *buf, size_t *len,
		struct tvm_error *err);
	int (*secret)(struct vm *vm, gpa_t gpa, const void *header, size_t header_len,
		const void *secret, size_t len, struct tvm_error *err);
	int (*start)(struct vm *vm, struct tvm_error *err);	/* vCPUs run after it */
	bool (*vcpu_exit)(struct vcpu *vcpu);	/* any vCPU thread; true: handled */
	/*
	 * An access to *gpa, outside of memory that KVM maps: makes *gpa the device's address, or
	 * returns false, having answered it. NULL: addresses are as they are.
	 */
	bool (*vcpu_mmio)(struct vcpu *vcpu, uint64_t *gpa);
	bool (*vcpu_fault)(struct vcpu *vcpu); /* KVM_RUN failed with EFAULT; true: go on */
	void (*metrics)(struct vm *vm, FILE *f); /* members of a JSON object, ",\"x\":1" */
	void (*destroy)(struct vm *vm);		/* accepts a VM that probe() never saw */
};

/* Those of this architecture, defined in the one folder that is built; ends with NULL. */
extern const struct tee_ops *const tee_backends[];

/* The backend of that name; NULL, and err says so. */
const struct tee_ops *tee_find(const char *name, struct tvm_error *err);

#endif
