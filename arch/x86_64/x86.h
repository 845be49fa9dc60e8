/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef ARCH_X86_64_X86_H
#define ARCH_X86_64_X86_H

#include <linux/kvm.h>
#include <stdint.h>

#include "base/bits.h"

struct kvm_vm;
struct tvm_config;
struct tvm_error;
struct vcpu;
struct vm;

struct arch_vm {
	struct kvm_cpuid2 *cpuid;	/* what all vCPUs have in common, owned */
};

/* How the first vCPU enters the guest. */
enum x86_entry {
	X86_ENTRY_LONG,		/* 64-bit, paging on, RSI = arg (Documentation/x86/boot.rst) */
	X86_ENTRY_PVH,		/* 32-bit, paging off, EBX = arg (Xen's pvh.html) */
};

/* cpuid.c: the host's CPUID less what the machine does not have; one vCPU's own leaves. */
int x86_cpuid_create(struct vm *vm, struct kvm_cpuid2 **out, struct tvm_error *err);
void x86_cpuid_personalise(struct kvm_cpuid2 *cpuid, unsigned int index, unsigned int cpus);

/* vcpu.c: all state from a never-run vCPU of the same index in another VM. */
int x86_vcpu_reset(struct vcpu *vcpu, struct kvm_vm *fresh, struct tvm_error *err);
int x86_vcpu_enter_at(struct vcpu *vcpu, enum x86_entry how, uint64_t rip, uint64_t arg,
	struct tvm_error *err);

/* boot_fw.c: our firmware, what it checks and what it boots. */
int x86_load_firmware(struct vm *vm, struct tvm_error *err);

/* acpi.c: write all tables through gmem_populate(); *rsdp_out gets the RSDP's gpa. */
int x86_acpi_load(struct vm *vm, gpa_t *rsdp_out, struct tvm_error *err);

#endif
