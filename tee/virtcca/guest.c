/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a realm asks of its realm manager, and what its accesses mean. Calls (RSI) are SMCs that
 * KVM's SMCCC filter hands to us; an access to memory that is not there for the realm ends
 * KVM_RUN, and the realm gets the synchronous external abort that hardware would give it.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "tee/virtcca/cca.h"
#include "tee/virtcca/uapi.h"
#include "vmm/vm.h"

#define CORE_REG(name) \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(name))
#define REG_X(n) (CORE_REG(regs.regs[0]) + 2 * (n))	/* counted in words of 32 bits */

int cca_get_reg(const struct vcpu *vcpu, uint64_t id, uint64_t *out)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)out };

	return kvm_ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg);
}

static int set_reg(const struct vcpu *vcpu, uint64_t id, uint64_t val)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&val };

	return kvm_ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg);
}

int cca_filter(const struct kvm_vm *kvm, struct tvm_error *err)
{
	struct cca_smccc_filter filter = {
		.base = RSI_FID_FIRST,
		.nr_functions = RSI_FID_COUNT,
		.action = CCA_SMCCC_FWD_TO_USER,
	};
	struct kvm_device_attr attr = {
		.group = CCA_VM_SMCCC_CTRL,
		.attr = CCA_VM_SMCCC_FILTER,
		.addr = (uintptr_t)&filter,
	};
	int r = kvm_ioctl(kvm->vm_fd, KVM_HAS_DEVICE_ATTR, &attr);

	if (r < 0)
		return err_set(err, -EOPNOTSUPP, "soft platform: this host's KVM cannot hand over "
			"calls of the guest (SMCCC filter): Linux 6.4 or newer can");
	r = kvm_ioctl(kvm->vm_fd, KVM_SET_DEVICE_ATTR, &attr);
	return r < 0 ? err_sys(err, r, "soft platform: SMCCC filter") : 0;
}

bool cca_vcpu_exit(struct vcpu *vcpu)
{
	struct cca *cca = cca_of(vcpu->vm->tee_state);
	bool smc = vcpu->run->hypercall.longmode & CCA_HYPERCALL_SMC; /* newer: flags */
	uint64_t x[RMM_REGS], before[RMM_REGS];
	int r = 0;

	if (vcpu->run->exit_reason != KVM_EXIT_HYPERCALL)
		return false;
	for (unsigned int i = 0; !r && i < RMM_REGS; i++)
		r = cca_get_reg(vcpu, REG_X(i), &x[i]);
	if (r < 0)
		return false;
	memcpy(before, x, sizeof(x));
	pthread_rwlock_wrlock(&cca->lock);
	rmm_call(cca->rmm, vcpu->index, smc, x);
	pthread_rwlock_unlock(&cca->lock);
	for (unsigned int i = 0; !r && i < RMM_REGS; i++)
		if (x[i] != before[i])
			r = set_reg(vcpu, REG_X(i), x[i]);
	return !r;
}

static bool abort_access(struct vcpu *vcpu)
{
	struct kvm_vcpu_events events = { 0 };

	if (kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events) < 0)
		return false;
	events.exception.ext_dabt_pending = 1;
	return !kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events);
}

/* What the configuration says to an access that is not the realm's to make; false: no answer. */
static bool violation(struct vcpu *vcpu, enum cca_violation kind, const char *what)
{
	struct vm *vm = vcpu->vm;
	struct cca *cca = cca_of(vm->tee_state);
	uint64_t pc = 0;

	cca_get_reg(vcpu, CORE_REG(regs.pc), &pc);
	atomic_fetch_add(&cca->violations[kind], 1);
	if (vm->cfg->tee.violation == TEE_VIOLATION_STOP) {
		run_quit(vm, TVM_EXIT_VIOLATION, "realm: vCPU %u at 0x%llx: %s; stopped, as "
			"violation=stop says", vcpu->index, (unsigned long long)pc, what);
		return true;
	}
	log_guest(&vm->log, "realm: vCPU %u at 0x%llx: %s; external abort", vcpu->index,
		(unsigned long long)pc, what);
	return abort_access(vcpu);
}

/* Devices are in the half that the realm shares; the other one has nothing but its memory. */
bool cca_vcpu_mmio(struct vcpu *vcpu, uint64_t *gpa)
{
	struct vm *vm = vcpu->vm;
	struct cca *cca = cca_of(vm->tee_state);
	enum rmm_fault fault;
	char what[96];

	pthread_rwlock_rdlock(&cca->lock);
	fault = rmm_fault(cca->rmm, *gpa);
	pthread_rwlock_unlock(&cca->lock);
	if (fault == RMM_FAULT_MMIO) {
		atomic_fetch_add(&cca->mmio, 1);
		*gpa &= ~vm->kvm.shared_bit;
		return true;
	}
	snprintf(what, sizeof(what), "access to 0x%llx, which is no memory of its own",
		(unsigned long long)*gpa);
	if (!violation(vcpu, CCA_VIOLATION_MMIO, what))
		run_quit(vm, TVM_EXIT_CRASH, "realm: vCPU %u cannot go on", vcpu->index);
	return false;
}

/* The address is not reported (api.rst, KVM_RUN): what is known is where the realm was. */
bool cca_vcpu_fault(struct vcpu *vcpu)
{
	return violation(vcpu, CCA_VIOLATION_MEMORY, "access to memory through the wrong half");
}
