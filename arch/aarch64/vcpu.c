/* SPDX-License-Identifier: Apache-2.0 */
/* vCPU state of the aarch64 machine: features, registers, exits. PSCI itself is KVM's. */
#include <errno.h>
#include <stddef.h>

#include "arch/aarch64/arm64.h"
#include "arch/aarch64/layout.h"
#include "arch/arch.h"
#include "base/bits.h"
#include "base/err.h"
#include "vmm/vm.h"

#define CORE_REG(name) \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(name))
#define MPIDR_EL1 ARM64_SYS_REG(3, 0, 0, 0, 5)

static int get_reg(const struct vcpu *vcpu, uint64_t id, uint64_t *out)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)out };

	return kvm_ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg);
}

static int set_reg(const struct vcpu *vcpu, uint64_t id, uint64_t val)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&val };

	return kvm_ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg);
}

static void want(struct kvm_vcpu_init *init, unsigned int feature)
{
	init->features[feature / 32] |= 1u << feature % 32;
}

static bool wanted(const struct kvm_vcpu_init *init, unsigned int feature)
{
	return init->features[feature / 32] & 1u << feature % 32;
}

/* A feature that the user may have decided about: 1 with it, 0 without. */
static int decide(enum cpu_feature choice, bool offered, const char *name, struct tvm_error *err)
{
	if (choice == CPU_FEATURE_ON && !offered)
		return err_set(err, -EOPNOTSUPP, "cpu: %s=on, but this host's KVM does not offer "
			"it; leave it at auto", name);
	return choice != CPU_FEATURE_OFF && offered;
}

static int choose_features(struct vm *vm, struct tvm_error *err)
{
	const struct cpu_opts *cpu = &vm->cfg->cpu;
	struct kvm_vcpu_init *init = &vm->arch->init;
	/* api.rst, KVM_ARM_VCPU_INIT: the two kinds of pointer authentication go together. */
	bool pauth = kvm_cap(&vm->kvm, KVM_CAP_ARM_PTRAUTH_ADDRESS) > 0 &&
		kvm_cap(&vm->kvm, KVM_CAP_ARM_PTRAUTH_GENERIC) > 0;
	int r = decide(cpu->pauth, pauth, "pauth", err);

	if (r < 0)
		return r;
	if (r) {
		want(init, KVM_ARM_VCPU_PTRAUTH_ADDRESS);
		want(init, KVM_ARM_VCPU_PTRAUTH_GENERIC);
	}
	r = decide(cpu->sve, kvm_cap(&vm->kvm, KVM_CAP_ARM_SVE) > 0, "sve", err);
	if (r < 0)
		return r;
	if (r)
		want(init, KVM_ARM_VCPU_SVE);
	if (cpu->pmu == CPU_FEATURE_AUTO)
		return 0;
	r = decide(cpu->pmu, kvm_cap(&vm->kvm, KVM_CAP_ARM_PMU_V3) > 0, "pmu", err);
	if (r > 0)
		want(init, KVM_ARM_VCPU_PMU_V3);
	return r < 0 ? r : 0;
}

int arm64_vcpu_features(struct vm *vm, struct tvm_error *err)
{
	struct kvm_vcpu_init *init = &vm->arch->init;
	struct kvm_enable_cap nisv = { .cap = KVM_CAP_ARM_NISV_TO_USER };
	int r;

	if (vm->cfg->cpu_mask.nr)
		return err_set(err, -EOPNOTSUPP, "cpu-mask: there are no features to mask on "
			"aarch64; see cpu");
	r = kvm_ioctl(vm->kvm.vm_fd, KVM_ARM_PREFERRED_TARGET, init);
	if (r < 0)
		return err_sys(err, r, "kvm: KVM_ARM_PREFERRED_TARGET");
	want(init, KVM_ARM_VCPU_PSCI_0_2);
	r = choose_features(vm, err);
	if (r < 0)
		return r;
	/* Without it, a guest could end KVM_RUN with an error at will: see no_syndrome(). */
	vm->arch->inject_abort = kvm_cap(&vm->kvm, KVM_CAP_ARM_INJECT_EXT_DABT) > 0 &&
		!kvm_ioctl(vm->kvm.vm_fd, KVM_ENABLE_CAP, &nisv);
	return 0;
}

/* vcpu.rst, KVM_ARM_VCPU_PMU_V3_CTRL: its interrupt, then its start, with the GIC in place. */
int arm64_vcpu_start_pmu(struct vcpu *vcpu, struct tvm_error *err)
{
	int irq = PMU_PPI + 16;
	struct kvm_device_attr attr = {
		.group = KVM_ARM_VCPU_PMU_V3_CTRL,
		.attr = KVM_ARM_VCPU_PMU_V3_IRQ,
		.addr = (uintptr_t)&irq,
	};
	int r;

	if (!wanted(&vcpu->vm->arch->init, KVM_ARM_VCPU_PMU_V3))
		return 0;
	r = kvm_ioctl(vcpu->fd, KVM_SET_DEVICE_ATTR, &attr);
	attr.attr = KVM_ARM_VCPU_PMU_V3_INIT;
	attr.addr = 0;
	if (!r)
		r = kvm_ioctl(vcpu->fd, KVM_SET_DEVICE_ATTR, &attr);
	return r < 0 ? err_sys(err, r, "kvm: performance monitors of vCPU %u", vcpu->index) : 0;
}

int arm64_vcpu_reset(struct vcpu *vcpu, struct tvm_error *err)
{
	struct kvm_vcpu_init init = vcpu->vm->arch->init;
	int r;

	if (vcpu->index)
		want(&init, KVM_ARM_VCPU_POWER_OFF);
	r = kvm_ioctl(vcpu->fd, KVM_ARM_VCPU_INIT, &init);
	return r < 0 ? err_sys(err, r, "kvm: KVM_ARM_VCPU_INIT of vCPU %u", vcpu->index) : 0;
}

int arch_vcpu_init(struct vcpu *vcpu, struct tvm_error *err)
{
	int feature = KVM_ARM_VCPU_SVE;
	int r = arm64_vcpu_reset(vcpu, err);

	if (r < 0 || !wanted(&vcpu->vm->arch->init, KVM_ARM_VCPU_SVE))
		return r;
	/* Once in a vCPU's life: resets keep it. */
	r = kvm_ioctl(vcpu->fd, KVM_ARM_VCPU_FINALIZE, &feature);
	return r < 0 ? err_sys(err, r, "kvm: SVE of vCPU %u", vcpu->index) : 0;
}

uint64_t arm64_mpidr(unsigned int index)
{
	return (index & 0xf) | (index >> 4 & 0xff) << 8;
}

int arm64_vcpu_mpidr(struct vcpu *vcpu, uint64_t *out, struct tvm_error *err)
{
	uint64_t mpidr;
	int r = get_reg(vcpu, MPIDR_EL1, &mpidr);

	if (r < 0)
		return err_sys(err, r, "kvm: MPIDR_EL1 of vCPU %u", vcpu->index);
	*out = mpidr & MPIDR_AFFINITY;
	return 0;
}

int arm64_vcpu_enter_at(struct vcpu *vcpu, uint64_t pc, uint64_t arg, struct tvm_error *err)
{
	int r = set_reg(vcpu, CORE_REG(regs.pc), pc);

	/* x1 to x3 are zero, interrupts masked and the mode EL1h since KVM_ARM_VCPU_INIT. */
	if (!r)
		r = set_reg(vcpu, CORE_REG(regs.regs[0]), arg);
	return r < 0 ? err_sys(err, r, "kvm: registers of vCPU %u", vcpu->index) : 0;
}

/* What the guest asked of PSCI; all vCPUs are stopped by KVM, until they are reset. */
static bool system_event(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	switch (vcpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		run_request(vm, DEV_POWEROFF);
		return true;
	case KVM_SYSTEM_EVENT_RESET:
		run_request(vm, DEV_RESET);
		return true;
	case KVM_SYSTEM_EVENT_CRASH:
		run_quit(vm, TVM_EXIT_CRASH, "guest crashed");
		return true;
	}
	return false;
}

/*
 * An access outside of RAM by an instruction that the processor does not describe, such as a
 * load of a pair. Devices are not reached that way: the guest gets an external abort.
 */
static bool no_syndrome(struct vcpu *vcpu)
{
	struct kvm_vcpu_events events = { 0 };

	if (!vcpu->vm->arch->inject_abort ||
	    kvm_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events) < 0)
		return false;
	log_guest(&vcpu->vm->log, "vCPU %u: unsuitable instruction for an access to 0x%llx",
		vcpu->index, (unsigned long long)vcpu->run->arm_nisv.fault_ipa);
	events.exception.ext_dabt_pending = 1;
	return !kvm_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events);
}

bool arch_vcpu_exit(struct vcpu *vcpu)
{
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_SYSTEM_EVENT:
		return system_event(vcpu);
	case KVM_EXIT_ARM_NISV:
		return no_syndrome(vcpu);
	}
	return false;
}

uint64_t arch_vcpu_pc(struct vcpu *vcpu)
{
	uint64_t pc = 0;

	get_reg(vcpu, CORE_REG(regs.pc), &pc);
	return pc;
}
