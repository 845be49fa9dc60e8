/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers that an encrypted-state guest starts with, on hardware: they are measured with the
 * guest (LAUNCH_UPDATE_VMSA), so they have to be those of attest/sev_vmsa.c. KVM's own reset
 * state is not: it lacks accessed bits and the CPU's signature, and APs of such a guest do not
 * start at the reset vector but where the firmware says.
 */
#include <errno.h>
#include <linux/kvm.h>

#include "attest/ovmf_table.h"
#include "attest/sev_vmsa.h"
#include "base/err.h"
#include "tee/csv/csv.h"
#include "tee/csv/hostcpu.h"
#include "vmm/vm.h"

static int start_address(struct vcpu *vcpu, uint32_t *out, struct tvm_error *err)
{
	struct vm *vm = vcpu->vm;
	struct ovmf_table table;
	int r;

	*out = SEV_RESET_VECTOR;
	if (!vcpu->index)
		return 0;
	r = ovmf_table_read(vm->fw.image, vm->fw.size, &table, err);
	if (r < 0)
		return r;
	if (!table.ap_reset)
		return err_set(err, -EINVAL, "firmware: it names no start address for more vCPUs "
			"of a guest with encrypted registers; use cpus=1");
	*out = table.ap_reset;
	return 0;
}

/* AMD64 APM volume 2, 14.1.3: real mode, 64 KiB segments. */
static struct kvm_segment segment(uint8_t type, bool system)
{
	return (struct kvm_segment){ .limit = 0xffff, .type = type, .present = 1, .s = !system };
}

int csv_vcpu_init(struct vcpu *vcpu, struct tvm_error *err)
{
	struct csv *csv = csv_of(vcpu->vm->tee_state);
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;
	struct csv_cpuid cpu;
	uint32_t start;
	int r;

	if (csv->soft || !csv->kind->es)
		return 0;
	r = start_address(vcpu, &start, err);
	if (r < 0)
		return r;
	if (!csv_host_cpuid(1, &cpu))
		return err_set(err, -ENODEV, "tee: the CPU does not tell its signature");
	r = kvm_ioctl(vcpu->fd, KVM_GET_SREGS, &sregs);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = segment(0x3, false);
	sregs.cs = segment(0xb, false);
	sregs.cs.selector = 0xf000;
	sregs.cs.base = start & 0xffff0000;
	sregs.ldt = segment(0x2, true);
	sregs.tr = segment(0xb, true);
	sregs.gdt = sregs.idt = (struct kvm_dtable){ .limit = 0xffff };
	regs.rip = start & 0xffff;
	regs.rdx = cpu.eax;
	if (!r)
		r = kvm_ioctl(vcpu->fd, KVM_SET_SREGS, &sregs);
	if (!r)
		r = kvm_ioctl(vcpu->fd, KVM_SET_REGS, &regs);
	return r < 0 ? err_sys(err, r, "kvm: registers of vCPU %u", vcpu->index) : 0;
}
