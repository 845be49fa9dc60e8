/* SPDX-License-Identifier: Apache-2.0 */
/* Per-VM state of the aarch64 machine, and its reset. */
#include <errno.h>
#include <string.h>
#include <stdlib.h>

#include "arch/aarch64/arm64.h"
#include "arch/aarch64/layout.h"
#include "arch/arch.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "vmm/vm.h"

#define IPA_BITS_DEFAULT 40	/* KVM's, for type 0; holds all that the map can place */

unsigned long arch_vm_type(const struct kvm_vm *kvm)
{
	int bits = kvm_cap(kvm, KVM_CAP_ARM_VM_IPA_SIZE);

	/* KVM refuses its own default where the processor has less. */
	return bits > 0 && bits < IPA_BITS_DEFAULT ? KVM_VM_TYPE_ARM_IPA_SIZE(bits) : 0;
}

unsigned int arch_irq_routes(struct kvm_irq_routing_entry *out, unsigned int max)
{
	unsigned int n;

	for (n = 0; n < NR_GSI && n < max; n++)
		out[n] = (struct kvm_irq_routing_entry){
			.gsi = n,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { 0, n },
		};
	return n;
}

int arch_vm_init(struct vm *vm, struct tvm_error *err)
{
	int r;

	vm->arch = calloc(1, sizeof(*vm->arch));
	if (!vm->arch)
		return err_set(err, -ENOMEM, "machine: out of memory");
	vm->arch->gic_fd = vm->arch->its_fd = -1;
	r = arm64_vcpu_features(vm, err);
	return r < 0 ? r : arm64_gic_create(vm, err);
}

void arch_vm_fini(struct vm *vm)
{
	if (vm->arch) {
		close_fd(&vm->arch->its_fd);
		close_fd(&vm->arch->gic_fd);
	}
	free(vm->arch);
	vm->arch = NULL;
}

int arch_vcpus_created(struct vm *vm, struct tvm_error *err)
{
	int r = arm64_gic_init(vm, err);

	for (unsigned int i = 0; !r && i < vm->nr_vcpus; i++)
		r = arm64_vcpu_start_pmu(&vm->vcpus[i], err);
	return r;
}

int arch_reset(struct vm *vm, struct tvm_error *err)
{
	int r = 0;

	/* vCPUs first: it silences their timers, which are interrupt sources. */
	for (unsigned int i = 0; !r && i < vm->nr_vcpus; i++)
		r = arm64_vcpu_reset(&vm->vcpus[i], err);
	return r < 0 ? r : arm64_gic_reset(vm, err);
}

int arch_firmware(const struct tvm_config *cfg, bool confidential, struct firmware *out,
	struct tvm_error *err)
{
	if (cfg->firmware && strcmp(cfg->firmware, "none"))
		return err_set(err, -EINVAL, "firmware: '%s' is for x86_64; this machine boots the "
			"kernel itself", cfg->firmware);
	return 0;
}
