/* SPDX-License-Identifier: Apache-2.0 */
/* Thin wrappers over KVM: opening, creating, capabilities (Documentation/virt/kvm/api.rst). */
#ifndef VMM_KVM_H
#define VMM_KVM_H

#include <stddef.h>
#include <stdint.h>

struct tvm_error;

struct kvm_vm {
	int kvm_fd;		/* /dev/kvm, owned */
	int vm_fd;		/* owned */
	size_t run_size;	/* bytes of a vCPU's struct kvm_run mapping */
	uint64_t shared_bit;	/* of addresses that realms share, devices too; 0: there is none */
};

#define KVM_VM_NONE ((struct kvm_vm){ .kvm_fd = -1, .vm_fd = -1 })

/* Open /dev/kvm, check its API version. The error says what to do on a host without it. */
int kvm_open(struct kvm_vm *kvm, struct tvm_error *err);

/* KVM_CREATE_VM. type: 0, or what a TEE backend asks for. */
int kvm_create_vm(struct kvm_vm *kvm, unsigned long type, struct tvm_error *err);

void kvm_close(struct kvm_vm *kvm); /* accepts KVM_VM_NONE and half-open ones */

/* Value of a capability of the VM (of the system before there is one); 0 when absent. */
int kvm_cap(const struct kvm_vm *kvm, int cap);

/* -EOPNOTSUPP with a message when the capability is absent. */
int kvm_require(const struct kvm_vm *kvm, int cap, const char *name, struct tvm_error *err);

/* KVM_SET_USER_MEMORY_REGION: a new memslot. */
int kvm_add_slot(const struct kvm_vm *kvm, uint32_t slot, uint64_t gpa, uint64_t size, void *hva,
	struct tvm_error *err);

/* ioctl that is repeated on EINTR; negative errno instead of -1. */
int kvm_ioctl(int fd, unsigned long request, void *arg);

#endif
