/* SPDX-License-Identifier: Apache-2.0 */
/* vCPU state of the x86_64 machine: features, the entry into a guest, reset. */
#include <linux/kvm.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "arch/arch.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/x86.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "vmm/vm.h"

#define MSR_IA32_TSC 0x10
#define MSR_MTRR_DEF_TYPE 0x2ff
#define MTRR_ENABLED_WRITE_BACK 0xc06

#define CR0_PE 0x1u
#define CR0_MP 0x2u
#define CR0_ET 0x10u
#define CR0_NE 0x20u
#define CR0_WP 0x10000u
#define CR0_PG 0x80000000u
#define CR4_PAE 0x20u
#define EFER_LME 0x100u
#define EFER_LMA 0x400u

static int set_cpuid(int fd, struct vm *vm, unsigned int index, struct tvm_error *err)
{
	int r;

	if (!vm->arch->cpuid) {
		r = x86_cpuid_create(vm, &vm->arch->cpuid, err);
		if (r < 0)
			return r;
	}
	x86_cpuid_personalise(vm->arch->cpuid, index, vm->cfg->cpus);
	r = kvm_ioctl(fd, KVM_SET_CPUID2, vm->arch->cpuid);
	return r < 0 ? err_sys(err, r, "kvm: CPUID of vCPU %u", index) : 0;
}

/* As firmware leaves them: caches on. With MTRRs off, Linux turns PAT off too and dies. */
static int set_msrs(int fd, struct tvm_error *err)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[1];
	} msrs = {
		.head.nmsrs = 1,
		.entries = { { .index = MSR_MTRR_DEF_TYPE, .data = MTRR_ENABLED_WRITE_BACK } },
	};
	int r = kvm_ioctl(fd, KVM_SET_MSRS, &msrs);

	if (r < 0)
		return err_sys(err, r, "kvm: KVM_SET_MSRS");
	return r == 1 ? 0 : err_set(err, -EIO, "kvm: MTRR default type is refused");
}

int arch_vcpu_init(struct vcpu *vcpu, struct tvm_error *err)
{
	int r = set_cpuid(vcpu->fd, vcpu->vm, vcpu->index, err);

	return r < 0 ? r : set_msrs(vcpu->fd, err);
}

static void flat_segment(struct kvm_segment *seg, uint16_t selector, uint8_t type, bool long_code)
{
	*seg = (struct kvm_segment){
		.base = 0,
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.g = 1,
		.db = !long_code,
		.l = long_code,
	};
}

int x86_vcpu_enter_at(struct vcpu *vcpu, enum x86_entry how, uint64_t rip, uint64_t arg,
	struct tvm_error *err)
{
	bool longmode = how == X86_ENTRY_LONG;
	struct kvm_regs regs = { .rip = rip, .rflags = 2 };
	struct kvm_sregs sregs;
	int r = kvm_ioctl(vcpu->fd, KVM_GET_SREGS, &sregs);

	if (r < 0)
		return err_sys(err, r, "kvm: KVM_GET_SREGS");
	flat_segment(&sregs.cs, 0x10, 0xb, longmode);
	flat_segment(&sregs.ds, 0x18, 0x3, false);
	sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.ds;
	sregs.tr = (struct kvm_segment){ .limit = 0x67, .type = 0xb, .present = 1 };
	sregs.gdt = (struct kvm_dtable){ .base = GDT_GPA, .limit = 4 * 8 - 1 };
	sregs.idt = (struct kvm_dtable){ 0 };
	if (longmode) {
		sregs.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
		sregs.cr3 = PAGE_TABLES_GPA;
		sregs.cr4 = CR4_PAE;
		sregs.efer = EFER_LME | EFER_LMA;
		regs.rsi = arg;
	} else {
		sregs.cr0 = CR0_PE | CR0_ET;
		sregs.cr4 = 0;
		sregs.efer = 0;
		regs.rbx = arg;
	}
	r = kvm_ioctl(vcpu->fd, KVM_SET_SREGS, &sregs);
	if (!r)
		r = kvm_ioctl(vcpu->fd, KVM_SET_REGS, &regs);
	return r < 0 ? err_sys(err, r, "kvm: registers of vCPU %u", vcpu->index) : 0;
}

bool arch_vcpu_exit(struct vcpu *vcpu)
{
	return false;
}

uint64_t arch_vcpu_pc(struct vcpu *vcpu)
{
	struct kvm_regs regs = { 0 };

	kvm_ioctl(vcpu->fd, KVM_GET_REGS, &regs);
	return regs.rip;
}

/* MSRs that KVM lists as state, except the time stamp counter, which goes on counting. */
static int copy_msrs(const struct kvm_vm *kvm, int from, int to)
{
	struct kvm_msr_list probe = { 0 };
	_cleanup_free_ struct kvm_msr_list *list = NULL;
	_cleanup_free_ struct kvm_msrs *one = calloc(1, sizeof(*one) + sizeof(one->entries[0]));
	int r;

	/* The kernel says E2BIG and how many there are. */
	r = kvm_ioctl(kvm->kvm_fd, KVM_GET_MSR_INDEX_LIST, &probe);
	if (r < 0 && r != -E2BIG)
		return r;
	list = calloc(1, sizeof(*list) + probe.nmsrs * sizeof(list->indices[0]));
	if (!list || !one)
		return -ENOMEM;
	list->nmsrs = probe.nmsrs;
	r = kvm_ioctl(kvm->kvm_fd, KVM_GET_MSR_INDEX_LIST, list);
	if (r < 0)
		return r;
	/* One by one: some are listed, yet refused, depending on CPUID. */
	for (uint32_t i = 0; i < list->nmsrs; i++) {
		if (list->indices[i] == MSR_IA32_TSC)
			continue;
		one->nmsrs = 1;
		one->entries[0] = (struct kvm_msr_entry){ .index = list->indices[i] };
		if (ioctl(from, KVM_GET_MSRS, one) == 1)
			ioctl(to, KVM_SET_MSRS, one);
	}
	return 0;
}

/* One kind of state: read from the fresh vCPU, written to the old one. */
#define COPY(what, type) \
	do { \
		type state_; \
		memset(&state_, 0, sizeof(state_)); \
		r = kvm_ioctl(from, KVM_GET_##what, &state_); \
		if (!r) \
			r = kvm_ioctl(to, KVM_SET_##what, &state_); \
		if (r < 0) \
			return err_sys(err, r, "kvm: reset of " #what); \
	} while (0)

static int copy_state(int from, int to, struct tvm_error *err)
{
	int r;

	COPY(VCPU_EVENTS, struct kvm_vcpu_events);
	COPY(SREGS, struct kvm_sregs);
	COPY(REGS, struct kvm_regs);
	COPY(FPU, struct kvm_fpu);
	COPY(DEBUGREGS, struct kvm_debugregs);
	COPY(LAPIC, struct kvm_lapic_state);
	COPY(MP_STATE, struct kvm_mp_state);
	return 0;
}

/* XCR0 only where the guest has XSAVE. */
static void copy_xcrs(int from, int to)
{
	struct kvm_xcrs xcrs = { 0 };

	if (!ioctl(from, KVM_GET_XCRS, &xcrs))
		ioctl(to, KVM_SET_XCRS, &xcrs);
}

int x86_vcpu_reset(struct vcpu *vcpu, struct kvm_vm *fresh, struct tvm_error *err)
{
	_cleanup_close_ int fd = kvm_ioctl(fresh->vm_fd, KVM_CREATE_VCPU,
		(void *)(uintptr_t)vcpu->index);
	int r;

	if (fd < 0)
		return err_sys(err, fd, "kvm: reset of vCPU %u", vcpu->index);
	r = set_cpuid(fd, vcpu->vm, vcpu->index, err);
	if (!r)
		r = set_msrs(fd, err);
	if (!r)
		r = copy_state(fd, vcpu->fd, err);
	if (r < 0)
		return r;
	copy_xcrs(fd, vcpu->fd);
	r = copy_msrs(fresh, fd, vcpu->fd);
	return r < 0 ? err_sys(err, r, "kvm: reset of MSRs") : 0;
}
