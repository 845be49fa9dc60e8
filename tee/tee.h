/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trusted execution environments: a table of functions per backend, chosen at run time. A
 * plain machine uses the backend "none", so nobody else asks whether there is a TEE.
 *
 * Called in this order; NULL means nothing to do.
 */
#ifndef TEE_TEE_H
#define TEE_TEE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bits.h"

struct gmem_slot;
struct kvm_vm;
struct tvm_error;
struct vcpu;
struct vm;

struct tee_ops {
	const char *name;
	bool confidential;	/* devices reach shared memory only: offer ACCESS_PLATFORM */
	int (*probe)(struct kvm_vm *kvm, struct tvm_error *err);	/* before KVM_CREATE_VM */
	int (*vm_init)(struct vm *vm, struct tvm_error *err);		/* after it */
	int (*mem_add)(struct vm *vm, const struct gmem_slot *slot, struct tvm_error *err);
	int (*populate)(struct vm *vm, gpa_t gpa, size_t len, struct tvm_error *err);
	int (*vcpu_init)(struct vcpu *vcpu, struct tvm_error *err);
	int (*finalize)(struct vm *vm, struct tvm_error *err);	/* measurement is fixed now */
	void (*destroy)(struct vm *vm);
};

/* The backend of that name; NULL, and err lists the names there are. */
const struct tee_ops *tee_find(const char *name, struct tvm_error *err);

#endif
