/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a realm asks of its realm manager, and what its accesses mean. Calls (RSI) are SMCs that
 * KVM's SMCCC filter hands to us; an access to memory that is not there for the realm ends
 * KVM_RUN, and the realm gets the synchronous external abort that hardware would give it.
 */
#include <errno.h>
#include <linux/kvm.h>
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
	struct cca *cca = cca_of(vcpu->vm->tee_state);
	struct kvm_vcpu_events events = { 0 };

	if (kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events) < 0)
		return false;
	atomic_fetch_add(&cca->aborts, 1);
	events.exception.ext_dabt_pending = 1;
	return !kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events);
}

/* Devices are in the half that the realm shares; the other one has nothing but its memory. */
bool cca_vcpu_mmio(struct vcpu *vcpu, uint64_t *gpa)
{
	struct vm *vm = vcpu->vm;
	struct cca *cca = cca_of(vm->tee_state);
	enum rmm_fault fault;

	pthread_rwlock_rdlock(&cca->lock);
	fault = rmm_fault(cca->rmm, *gpa);
	pthread_rwlock_unlock(&cca->lock);
	if (fault == RMM_FAULT_MMIO) {
		atomic_fetch_add(&cca->mmio, 1);
		*gpa &= ~vm->kvm.shared_bit;
		return true;
	}
	log_guest(&vm->log, "realm: vCPU %u: access to 0x%llx, which is no memory of its own",
		vcpu->index, (unsigned long long)*gpa);
	if (!abort_access(vcpu))
		run_quit(vm, TVM_EXIT_CRASH, "realm: vCPU %u cannot go on", vcpu->index);
	return false;
}

/* The address is not reported (api.rst, KVM_RUN): what is known is where the realm was. */
bool cca_vcpu_fault(struct vcpu *vcpu)
{
	uint64_t pc = 0;

	cca_get_reg(vcpu, CORE_REG(regs.pc), &pc);
	log_guest(&vcpu->vm->log, "realm: vCPU %u at 0x%llx: access through the wrong half",
		vcpu->index, (unsigned long long)pc);
	return abort_access(vcpu);
}
