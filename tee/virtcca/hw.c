/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arm CCA on hardware, by the kernel's implicit interface (abi.h): a VM of the realm type, memory
 * slots with a guest_memfd behind them, vCPUs, initial contents in ascending order. KVM makes and
 * activates the realm by itself, at the first call that needs it.
 *
 * A slot's ordinary memory is what the realm shares; the guest_memfd is its own, and nobody
 * else's. Contents are loaded into the first, measured into the second, and dropped.
 */
#include "tee/virtcca/hw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "attest/rim_launch.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tee/virtcca/abi.h"
#include "tee/virtcca/parts.h"
#include "tee/virtcca/uapi.h"
#include "vmm/gmem.h"
#include "vmm/vm.h"

#define IPA_BITS_MAX 48

struct cca_hw {
	const struct realm_abi *abi;
	uint64_t shared_bit;
	int gmem_fds[GMEM_MAX_SLOTS];	/* owned; in the order of gmem's slots */
	struct realm_parts parts;
};

static int check_options(const struct vm *vm, uint8_t bits, struct tvm_error *err)
{
	const struct tee_opts *tee = &vm->cfg->tee;

	if (bits > IPA_BITS_MAX)
		return err_set(err, -E2BIG, "tee: a realm of %llu MiB needs addresses of %u bits; "
			"give less --memory", (unsigned long long)vm->cfg->memory >> 20, bits);
	/* The series put them off: realms.md. */
	if (tee->rpv || tee->hash != TEE_HASH_SHA256)
		return err_set(err, -EOPNOTSUPP, "tee: KVM lets nobody choose rpv and hash of a "
			"realm on hardware yet");
	if (vm->cfg->gmem.pages == GMEM_PAGES_HUGE2M || vm->cfg->gmem.pages == GMEM_PAGES_HUGE1G)
		return err_set(err, -EINVAL, "pages: realms share single small pages; choose thp "
			"or small");
	return 0;
}

static int hw_probe(struct vm *vm, unsigned long *vm_type_out, struct tvm_error *err)
{
	uint8_t bits = rim_width(RIM_TVM_RAM + vm->cfg->memory);
	struct cca_hw *hw;
	int r = check_options(vm, bits, err);

	if (r < 0)
		return r;
	hw = calloc(1, sizeof(*hw));
	if (!hw)
		return err_set(err, -ENOMEM, "tee: out of memory");
	for (unsigned int i = 0; i < GMEM_MAX_SLOTS; i++)
		hw->gmem_fds[i] = -1;
	vm->tee_state = hw;
	hw->shared_bit = BIT(bits - 1);
	r = realm_abi_detect(&vm->kvm, bits, (int)vm->cfg->tee.rmi_cap, &hw->abi, err);
	if (!r)
		*vm_type_out = hw->abi->vm_type | bits;
	return r;
}

/*
 * KVM takes the shared bit off the addresses of its exits and ioeventfds, and of the GIC it is
 * told none (realms.md): only addresses that the guest writes into rings may have it.
 */
static int hw_vm_init(struct vm *vm, struct tvm_error *err)
{
	const struct cca_hw *hw = vm->tee_state;

	log_info(&vm->log, "realm: KVM's interface is that of series %s", hw->abi->name);
	return 0;
}

static int set_private(const struct vm *vm, gpa_t gpa, uint64_t size, bool private)
{
	const struct cca_hw *hw = vm->tee_state;
	struct realm_attributes a = {
		.address = gpa,
		.size = size,
		.attributes = private ? REALM_ATTRIBUTE_PRIVATE : 0,
	};

	return hw->abi->vm_attributes ? kvm_ioctl(vm->kvm.vm_fd, REALM_SET_ATTRIBUTES, &a) : 0;
}

static int hw_mem_add(struct vm *vm, const struct gmem_slot *slot, unsigned int index,
	struct tvm_error *err)
{
	struct cca_hw *hw = vm->tee_state;
	struct realm_create_gmem create = { .size = slot->size };
	struct realm_region region = {
		.slot = index,
		.flags = REALM_MEM_GUEST_MEMFD,
		.guest_phys_addr = slot->gpa,
		.memory_size = slot->size,
		.userspace_addr = (uintptr_t)slot->hva,
	};
	int r = kvm_ioctl(vm->kvm.vm_fd, REALM_CREATE_GMEM, &create);

	if (!index)
		gmem_set_alias(vm->gmem, hw->shared_bit);
	if (r < 0)
		return err_sys(err, r, "tee: private memory of %llu MiB (guest_memfd)",
			(unsigned long long)slot->size >> 20);
	hw->gmem_fds[index] = r;
	region.guest_memfd = (uint32_t)r;
	r = kvm_ioctl(vm->kvm.vm_fd, REALM_SET_REGION2, &region);
	if (!r)
		r = set_private(vm, slot->gpa, slot->size, true);
	return r < 0 ? err_sys(err, r, "tee: the realm's memory at 0x%llx",
		(unsigned long long)slot->gpa) : 0;
}

static int hw_populate(struct vm *vm, gpa_t gpa, size_t len, struct tvm_error *err)
{
	struct cca_hw *hw = vm->tee_state;

	return realm_parts_add(&hw->parts, gpa, len, err);
}

/* Until all of it is there: KVM stops when it has to, and says how far it came. */
static int populate_part(const struct vm *vm, const struct realm_part *part)
{
	const struct cca_hw *hw = vm->tee_state;
	struct realm_populate p = {
		.base = part->base,
		.size = part->end - part->base,
		.source_uaddr = (uintptr_t)gmem_host(vm->gmem, part->base, part->end - part->base),
		.flags = REALM_POPULATE_MEASURE,
	};

	if (!p.source_uaddr)
		return -EFAULT;
	while (p.size) {
		uint64_t left = p.size;
		int r = kvm_ioctl(vm->kvm.vm_fd, hw->abi->populate, &p);

		if (r == -EAGAIN)
			continue;
		if (r < 0)
			return r;
		if (hw->abi->counts) {
			if ((uint64_t)r > left)
				return -EPROTO;
			p.base += (uint64_t)r;
			p.source_uaddr += (uint64_t)r;
			p.size -= (uint64_t)r;
		}
		if (p.size >= left)	/* it would go on for ever */
			return -EPROTO;
	}
	return 0;
}

static int hw_finalize(struct vm *vm, struct tvm_error *err)
{
	struct cca_hw *hw = vm->tee_state;

	realm_parts_join(&hw->parts);
	for (unsigned int i = 0; i < hw->parts.nr; i++) {
		int r = populate_part(vm, &hw->parts.at[i]);

		if (r < 0)
			return err_sys(err, r, "tee: initial contents of the realm at 0x%llx",
				(unsigned long long)hw->parts.at[i].base);
	}
	hw->parts.nr = 0;
	/* What was measured is the realm's by now; nothing of it stays with the host. */
	return gmem_clear(vm->gmem, err);
}

static int hw_measurement(struct vm *vm, struct tvm_measurement *out, struct tvm_error *err)
{
	return err_set(err, -EOPNOTSUPP, "measurement: KVM does not tell a realm's; compute the "
		"expected one with tvm-attest measure, and compare it in the realm's token");
}

static int convert(struct vm *vm, const struct realm_fault *f, gpa_t gpa)
{
	const struct cca_hw *hw = vm->tee_state;
	bool private = f->flags & REALM_FAULT_PRIVATE;

	for (unsigned int i = 0; i < gmem_nr_slots(vm->gmem); i++) {
		const struct gmem_slot *s = gmem_slot(vm->gmem, i);
		int r;

		if (!f->size || !range_within(gpa, f->size, s->gpa, s->size))
			continue;
		r = set_private(vm, gpa, f->size, private);
		if (r < 0)
			return r;
		/* What the other half held is of no more use to anybody. */
		if (private)
			return gmem_discard(vm->gmem, gpa, f->size);
		return fallocate(hw->gmem_fds[i], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			(off_t)(gpa - s->gpa), (off_t)f->size) < 0 ? -errno : 0;
	}
	return -EFAULT;
}

/* The realm has turned memory over (api.rst, KVM_EXIT_MEMORY_FAULT); KVM goes on from there. */
static bool hw_vcpu_fault(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	const struct cca_hw *hw = vm->tee_state;
	/* A member of the union in struct kvm_run that older headers lack. */
	const struct realm_fault *f = (const void *)&vcpu->run->hw;
	int r;

	if (vcpu->run->exit_reason != REALM_EXIT_MEMORY_FAULT)
		return false;
	r = convert(vm, f, f->gpa & ~hw->shared_bit);
	if (r < 0)
		run_quit(vm, TVM_EXIT_CRASH, "realm: vCPU %u: memory at 0x%llx (0x%llx bytes) "
			"cannot change hands: %s", vcpu->index, (unsigned long long)f->gpa,
			(unsigned long long)f->size, strerrordesc_np(-r));
	return true;
}

static void hw_destroy(struct vm *vm)
{
	struct cca_hw *hw = vm->tee_state;

	for (unsigned int i = 0; hw && i < GMEM_MAX_SLOTS; i++)
		close_fd(&hw->gmem_fds[i]);
	free(hw);
	vm->tee_state = NULL;
}

const struct tee_ops cca_hw_ops = {
	.name = "cca",
	.confidential = true,
	.probe = hw_probe,
	.vm_init = hw_vm_init,
	.mem_add = hw_mem_add,
	.populate = hw_populate,
	.finalize = hw_finalize,
	.measurement = hw_measurement,
	.vcpu_fault = hw_vcpu_fault,
	.destroy = hw_destroy,
};
