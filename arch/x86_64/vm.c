/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupt controllers of the x86_64 machine, and the reset of all KVM state.
 *
 * A reset copies the state of a machine that was created a moment ago and never ran, so that
 * nothing can be forgotten and nothing is saved at start, where time counts.
 */
#include <linux/kvm.h>
#include <errno.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/x86.h"
#include "base/err.h"
#include "vmm/vm.h"

unsigned long arch_vm_type(const struct kvm_vm *kvm)
{
	return 0;
}

unsigned int arch_irq_routes(struct kvm_irq_routing_entry *out, unsigned int max)
{
	unsigned int n = 0;

	for (unsigned int gsi = 0; gsi < NR_GSI && n + 2 <= max; gsi++) {
		if (gsi < 16)
			out[n++] = (struct kvm_irq_routing_entry){
				.gsi = gsi,
				.type = KVM_IRQ_ROUTING_IRQCHIP,
				.u.irqchip = { gsi < 8 ? KVM_IRQCHIP_PIC_MASTER :
					KVM_IRQCHIP_PIC_SLAVE, gsi % 8 },
			};
		out[n++] = (struct kvm_irq_routing_entry){
			.gsi = gsi,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { KVM_IRQCHIP_IOAPIC, gsi },
		};
	}
	return n;
}

static int create_irqchip(const struct kvm_vm *kvm, struct tvm_error *err)
{
	uint64_t identity = IDENTITY_MAP_GPA;
	int r;

	/* Real mode on Intel needs three pages of address space; elsewhere these do nothing. */
	r = kvm_ioctl(kvm->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	if (!r)
		r = kvm_ioctl(kvm->vm_fd, KVM_SET_TSS_ADDR, (void *)TSS_GPA);
	if (r < 0)
		return err_sys(err, r, "kvm: cannot place the TSS");
	r = kvm_ioctl(kvm->vm_fd, KVM_CREATE_IRQCHIP, NULL);
	if (r < 0)
		return err_sys(err, r, "kvm: cannot create the interrupt controllers");
	return 0;
}

int arch_vm_init(struct vm *vm, struct tvm_error *err)
{
	vm->arch = calloc(1, sizeof(*vm->arch));
	if (!vm->arch)
		return err_set(err, -ENOMEM, "machine: out of memory");
	return create_irqchip(&vm->kvm, err);
}

void arch_vm_fini(struct vm *vm)
{
	if (vm->arch)
		free(vm->arch->cpuid);
	free(vm->arch);
	vm->arch = NULL;
}

int arch_vcpus_created(struct vm *vm, struct tvm_error *err)
{
	return 0;
}

static int copy_irqchips(int from, int to)
{
	for (uint32_t id = KVM_IRQCHIP_PIC_MASTER; id <= KVM_IRQCHIP_IOAPIC; id++) {
		struct kvm_irqchip chip = { .chip_id = id };
		int r = kvm_ioctl(from, KVM_GET_IRQCHIP, &chip);

		if (!r)
			r = kvm_ioctl(to, KVM_SET_IRQCHIP, &chip);
		if (r < 0)
			return r;
	}
	return 0;
}

int arch_reset(struct vm *vm, struct tvm_error *err)
{
	struct kvm_vm fresh = KVM_VM_NONE;
	int r = kvm_open(&fresh, err);

	if (!r)
		r = kvm_create_vm(&fresh, 0, err);
	if (!r)
		r = create_irqchip(&fresh, err);
	if (!r) {
		r = copy_irqchips(fresh.vm_fd, vm->kvm.vm_fd);
		if (r < 0)
			err_sys(err, r, "kvm: interrupt controllers");
	}
	for (unsigned int i = 0; !r && i < vm->nr_vcpus; i++)
		r = x86_vcpu_reset(&vm->vcpus[i], &fresh, err);
	kvm_close(&fresh);
	return r;
}
