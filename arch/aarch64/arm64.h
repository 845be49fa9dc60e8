/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef ARCH_AARCH64_ARM64_H
#define ARCH_AARCH64_ARM64_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

struct tvm_error;
struct vcpu;
struct vm;

struct arch_vm {
	int gic_fd, its_fd;		/* owned */
	struct kvm_vcpu_init init;	/* target and features that all vCPUs have in common */
	bool inject_abort;		/* KVM can deliver external aborts for us */
};

/* gic.c: GICv3 and ITS; their last step needs all vCPUs. */
int arm64_gic_create(struct vm *vm, struct tvm_error *err);
int arm64_gic_init(struct vm *vm, struct tvm_error *err);
int arm64_gic_reset(struct vm *vm, struct tvm_error *err); /* no vCPU is running */

/* vcpu.c: registers as after power-on; all but the first vCPU wait for PSCI CPU_ON. */
int arm64_vcpu_reset(struct vcpu *vcpu, struct tvm_error *err);

/* vcpu.c: what every vCPU of this machine has, of what KVM offers and "cpu" asks for. */
int arm64_vcpu_features(struct vm *vm, struct tvm_error *err);

/* vcpu.c: once in a vCPU's life, after arm64_gic_init(); does nothing without a PMU. */
int arm64_vcpu_start_pmu(struct vcpu *vcpu, struct tvm_error *err);

/* vcpu.c: affinity fields of MPIDR_EL1, which name the vCPU towards PSCI and the GIC. */
#define MPIDR_AFFINITY 0xff00ffffffULL
uint64_t arm64_mpidr(unsigned int index); /* as KVM makes it */
int arm64_vcpu_mpidr(struct vcpu *vcpu, uint64_t *out, struct tvm_error *err);

/* vcpu.c: MMU off, at pc, with x0 = arg (booting.rst, 4). */
int arm64_vcpu_enter_at(struct vcpu *vcpu, uint64_t pc, uint64_t arg, struct tvm_error *err);

#endif
