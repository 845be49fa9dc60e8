/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kunpeng's virtCCA through openEuler's KVM: configuration and creation before there are vCPUs,
 * then where things are in memory, two measured ranges, vCPUs, activation. The monitor copies
 * all of the guest's memory to its own; what stays here is what the guest shares, at the same
 * address (it marks pages in its own tables), so addresses have no bit for it.
 *
 * The calls and their checks: arch/arm64/kvm/virtcca_cvm.c of openEuler's kernel; the order:
 * target/arm/kvm-tmm.c of its QEMU.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attest/rim_launch.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tee/virtcca/hw.h"
#include "tee/virtcca/parts.h"
#include "tee/virtcca/uapi.h"
#include "vmm/gmem.h"
#include "vmm/vm.h"

#define IPA_BITS 40	/* as the vendor's QEMU; part of what is measured */
#define IPA_BITS_MAX 48
#define SOFT "; to try a realm without, use --tee cca,platform=soft (not confidential)"

static int command(const struct vm *vm, enum virtcca_cmd cmd, void *arg)
{
	struct kvm_enable_cap cap = {
		.cap = VIRTCCA_CAP,
		.args = { cmd, (uintptr_t)arg },
	};

	return kvm_ioctl(vm->kvm.vm_fd, KVM_ENABLE_CAP, &cap);
}

static int virtcca_probe(struct vm *vm, unsigned long *vm_type_out, struct tvm_error *err)
{
	unsigned int bits = rim_width(RIM_TVM_RAM + vm->cfg->memory) - 1;

	if (bits > IPA_BITS_MAX)
		return err_set(err, -E2BIG, "memory: %llu MiB are more than virtCCA's addresses of "
			"48 bits reach", (unsigned long long)vm->cfg->memory >> 20);
	if (kvm_cap(&vm->kvm, VIRTCCA_CAP) <= 0)
		return err_set(err, -ENODEV, "tee: this host has no virtCCA (KVM_CAP_ARM_TMM, "
			"300): it takes a Kunpeng with virtCCA on and openEuler's kernel" SOFT);
	vm->tee_state = calloc(1, sizeof(struct realm_parts));
	if (!vm->tee_state)
		return err_set(err, -ENOMEM, "tee: out of memory");
	*vm_type_out = VIRTCCA_VM_TYPE | (bits > IPA_BITS ? bits : IPA_BITS);
	return 0;
}

static int configure(const struct vm *vm, enum virtcca_cfg cfg, uint32_t value, const char *what,
	struct tvm_error *err)
{
	struct virtcca_config_item item = { .cfg = cfg };
	int r;

	item.value = value;
	r = command(vm, VIRTCCA_CONFIG_CVM, &item);
	return r < 0 ? err_sys(err, r, "tee: virtCCA: configuration of %s", what) : 0;
}

/* What the vCPUs will have (arch/aarch64/vcpu.c) has to be known to the monitor first. */
static int virtcca_vm_init(struct vm *vm, struct tvm_error *err)
{
	const struct tvm_config *cfg = vm->cfg;
	bool sve = cfg->cpu.sve != CPU_FEATURE_OFF && kvm_cap(&vm->kvm, KVM_CAP_ARM_SVE) > 0;
	int r = configure(vm, VIRTCCA_CFG_HASH_ALGO, cfg->tee.hash == TEE_HASH_SHA512, "the hash",
		err);

	if (!r && sve)
		r = configure(vm, VIRTCCA_CFG_SVE, 1, "SVE", err);
	if (!r && cfg->cpu.pmu == CPU_FEATURE_ON)
		r = configure(vm, VIRTCCA_CFG_PMU, 1, "the PMU", err);
	if (r < 0)
		return r;
	r = command(vm, VIRTCCA_CREATE_RD, NULL);
	if (r < 0)
		return err_sys(err, r, "tee: virtCCA: creation");
	if (!cfg->cmdline || !strstr(cfg->cmdline, "virtcca_cvm_guest=1"))
		log_warn(&vm->log, "virtCCA: guest kernels look for virtcca_cvm_guest=1 in their "
			"command line");
	return 0;
}

static int virtcca_populate_hook(struct vm *vm, gpa_t gpa, size_t len, struct tvm_error *err)
{
	return realm_parts_add(vm->tee_state, gpa, len, err);
}

/*
 * Two ranges hold everything; what lies between them comes without contents and is not measured.
 * The owner computes the same: attest/rim_launch.h.
 */
static int split(struct realm_parts *parts, uint64_t ram, struct virtcca_populate *out)
{
	struct rim_range at[ARRAY_SIZE(parts->at)], ranges[2];
	int r;

	realm_parts_join(parts);
	for (unsigned int i = 0; i < parts->nr; i++)
		at[i] = (struct rim_range){ parts->at[i].base,
			parts->at[i].end - parts->at[i].base };
	r = rim_split(at, parts->nr, ram, ranges);
	if (!r)
		*out = (struct virtcca_populate){
			.base1 = ranges[0].base,
			.size1 = ranges[0].size,
			.base2 = ranges[1].base,
			.size2 = ranges[1].size,
			.flags = VIRTCCA_POPULATE_MEASURE,
		};
	return r;
}

static int load_user_data(const struct vm *vm, const struct virtcca_populate *p,
	const struct gmem_slot *ram)
{
	struct virtcca_user_data d = {
		.loader_start = ram->gpa,
		.image_end = p->base1 + p->size1,
		.initrd_start = p->base2,
		.dtb_end = p->base2 + p->size2,
		.ram_size = ram->size,
		.numa_cnt = 1,
		.numa_nodes[0] = { .ipa_start = ram->gpa, .ipa_size = ram->size },
	};

	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		d.numa_nodes[0].cpu_id[i / 64] |= BIT(i % 64);
	return kvm_ioctl(vm->kvm.vm_fd, VIRTCCA_LOAD_USER_DATA, &d);
}

static int virtcca_finalize(struct vm *vm, struct tvm_error *err)
{
	const struct gmem_slot *ram = gmem_slot(vm->gmem, 0);
	struct virtcca_populate p;
	int r = gmem_nr_slots(vm->gmem) == 1 ? split(vm->tee_state, ram->gpa, &p) : -EINVAL;

	/* Rounded up to 2 MiB the ranges are still in memory, which is whole blocks of that. */
	if (r < 0)
		return err_set(err, r, "tee: virtCCA: the initial contents do not lie in one range "
			"of memory");
	r = load_user_data(vm, &p, ram);
	if (r < 0)
		return err_sys(err, r, "tee: virtCCA: layout of memory");
	r = command(vm, VIRTCCA_POPULATE_CVM, &p);
	if (r < 0)
		return err_sys(err, r, "tee: virtCCA: initial contents");
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		int feature = VIRTCCA_VCPU_TEC;

		r = kvm_ioctl(vm->vcpus[i].fd, KVM_ARM_VCPU_FINALIZE, &feature);
		if (r < 0)
			return err_sys(err, r, "tee: virtCCA: vCPU %u", i);
	}
	r = command(vm, VIRTCCA_ACTIVATE_CVM, NULL);
	return r < 0 ? err_sys(err, r, "tee: virtCCA: activation") : 0;
}

static int virtcca_measurement(struct vm *vm, struct tvm_measurement *out,
	struct tvm_error *err)
{
	return err_set(err, -EOPNOTSUPP, "measurement: virtCCA tells its guest only");
}

static void virtcca_destroy(struct vm *vm)
{
	free(vm->tee_state);
	vm->tee_state = NULL;
}

const struct tee_ops virtcca_ops = {
	.name = "virtcca",
	.confidential = true,
	.probe = virtcca_probe,
	.vm_init = virtcca_vm_init,
	.populate = virtcca_populate_hook,
	.finalize = virtcca_finalize,
	.measurement = virtcca_measurement,
	.destroy = virtcca_destroy,
};
