/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a SEV guest sees of its platform, CPUID 0x8000001F and MSR SEV_STATUS, and what it asks
 * of the VMM: page states by hypercall 12 (KVM_HC_MAP_GPA_RANGE). On hardware the CPU and KVM
 * answer the MSR; on the soft platform this file does.
 */
#include "tee/csv/csv.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "base/err.h"
#include "tee/csv/hostcpu.h"
#include "vmm/gmem.h"
#include "vmm/vm.h"

#define MSR_AMD64_SEV 0xc0010131
#define SEV_STATUS_SEV 1
#define MSR_KVM_MIGRATION_CONTROL 0x4b564d08
#define KVM_FEATURE_LEAF 0x40000001
#define KVM_FEATURE_HC_MAP_GPA_RANGE_BIT 16
#define KVM_FEATURE_MIGRATION_CONTROL_BIT 17
#define HC_MAP_GPA_RANGE 12
#define MAP_GPA_ENCRYPTED 0x10

static struct kvm_cpuid_entry2 *find(struct kvm_cpuid2 *cpuid, uint32_t leaf)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == leaf)
			return &cpuid->entries[i];
	return NULL;
}

void csv_guest_cpuid(struct vm *vm, struct kvm_cpuid2 *cpuid, unsigned int max_entries)
{
	struct csv *csv = csv_of(vm->tee_state);
	struct kvm_cpuid_entry2 *e = find(cpuid, 0x80000000);

	if (e && e->eax < 0x8000001f)
		e->eax = 0x8000001f;
	e = find(cpuid, 0x8000001f);
	if (!e && cpuid->nent < max_entries) {
		e = &cpuid->entries[cpuid->nent++];
		memset(e, 0, sizeof(*e));
		e->function = 0x8000001f;
	}
	if (e) {
		/* APM 3, appendix E: EAX bit 1 SEV, bit 3 ES; SME is none of the guest's matter. */
		e->eax = BIT(1) | (csv->kind->es && !csv->soft ? BIT(3) : 0);
		e->ebx = csv->c_bit | csv->reduced_bits << 6;
		e->ecx = e->edx = 0;
	}
	/* Linux announces pages only where it sees both (sev-simulation, and kvm.c of Linux). */
	e = find(cpuid, KVM_FEATURE_LEAF);
	if (e && csv->soft)
		e->eax |= (uint32_t)(BIT(KVM_FEATURE_HC_MAP_GPA_RANGE_BIT) |
			BIT(KVM_FEATURE_MIGRATION_CONTROL_BIT));
}

static int enable_cap(struct vm *vm, uint32_t cap, uint64_t arg, const char *name,
	struct tvm_error *err)
{
	struct kvm_enable_cap c = { .cap = cap, .args = { arg } };
	int r = kvm_require(&vm->kvm, (int)cap, name, err);

	if (r < 0)
		return r;
	r = kvm_ioctl(vm->kvm.vm_fd, KVM_ENABLE_CAP, &c);
	return r < 0 ? err_sys(err, r, "kvm: %s", name) : 0;
}

/* Reads of SEV_STATUS come to us: nobody else has that MSR on a host without SEV. */
static int filter_msr(struct vm *vm, struct tvm_error *err)
{
	uint8_t deny = 0;
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
		.ranges[0] = {
			.flags = KVM_MSR_FILTER_READ,
			.nmsrs = 1,
			.base = MSR_AMD64_SEV,
			.bitmap = &deny,
		},
	};
	int r = kvm_ioctl(vm->kvm.vm_fd, KVM_X86_SET_MSR_FILTER, &filter);

	return r < 0 ? err_sys(err, r, "kvm: KVM_X86_SET_MSR_FILTER") : 0;
}

/*
 * The soft platform's C-bit has to lie below the guest's address width, which is the host's,
 * and above all that the guest has (sev-simulation 2.2).
 */
static int soft_c_bit(struct csv *csv, struct tvm_error *err)
{
	struct csv_cpuid regs;
	unsigned int width;

	if (!csv_host_cpuid(0x80000008, &regs))
		return err_set(err, -ENODEV,
			"soft platform: the CPU does not tell its address width");
	width = regs.eax & 0xff;
	/* Tables of four levels map 48 bits; more would need five. */
	csv->c_bit = (width > 48 ? 48 : width) - 1;
	csv->reduced_bits = 1;
	return 0;
}

static int hw_c_bit(struct csv *csv, struct tvm_error *err)
{
	struct csv_cpuid regs;

	/* APM 3, appendix E: EAX bit 1 SEV; EBX 5:0 C-bit position, 11:6 address bits lost. */
	if (!csv_host_cpuid(0x8000001f, &regs) || !(regs.eax & BIT(1)))
		return err_set(err, -ENODEV, "tee: this CPU has no SEV or CSV; to go on without, "
			"use platform=soft (not confidential)");
	csv->c_bit = regs.ebx & 0x3f;
	csv->reduced_bits = regs.ebx >> 6 & 0x3f;
	return 0;
}

int csv_guest_init(struct vm *vm, struct tvm_error *err)
{
	struct csv *csv = csv_of(vm->tee_state);
	int r;

	if (!csv->soft)
		return hw_c_bit(csv, err);
	r = soft_c_bit(csv, err);
	if (!r)
		r = soft_views_create(&vm->kvm, BIT(csv->c_bit), &csv->views, err);
	if (!r)
		r = enable_cap(vm, KVM_CAP_X86_USER_SPACE_MSR,
			KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER,
			"KVM_CAP_X86_USER_SPACE_MSR", err);
	if (!r)
		r = filter_msr(vm, err);
	if (!r)
		r = enable_cap(vm, KVM_CAP_EXIT_HYPERCALL, 1 << HC_MAP_GPA_RANGE,
			"KVM_CAP_EXIT_HYPERCALL", err);
	return r;
}

static bool map_gpa_range(struct vcpu *vcpu)
{
	struct csv *csv = csv_of(vcpu->vm->tee_state);
	struct kvm_run *run = vcpu->run;
	int r;

	if (run->hypercall.nr != HC_MAP_GPA_RANGE || !csv->views)
		return false;
	r = soft_views_announce(csv->views, run->hypercall.args[0], run->hypercall.args[1],
		run->hypercall.args[2] & MAP_GPA_ENCRYPTED);
	if (r < 0) {
		atomic_fetch_add(&csv->rejected, 1);
		log_guest(&vcpu->vm->log, "tee: the guest announced %llu pages at 0x%llx, which "
			"are not its RAM", (unsigned long long)run->hypercall.args[1],
			(unsigned long long)run->hypercall.args[0]);
	}
	/* KVM's own handler answers -KVM_EINVAL (22). */
	run->hypercall.ret = r < 0 ? (uint64_t)-22 : 0;
	return true;
}

bool csv_guest_exit(struct vcpu *vcpu)
{
	struct csv *csv = csv_of(vcpu->vm->tee_state);
	struct kvm_run *run = vcpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_HYPERCALL:
		return map_gpa_range(vcpu);
	case KVM_EXIT_X86_RDMSR:
		/* error 1 injects #GP, as KVM does for what it does not know. */
		run->msr.error = !(csv->soft && run->msr.index == MSR_AMD64_SEV);
		run->msr.data = SEV_STATUS_SEV;
		return true;
	case KVM_EXIT_X86_WRMSR:
		run->msr.error = run->msr.index != MSR_KVM_MIGRATION_CONTROL;
		return true;
	default:
		return false;
	}
}
