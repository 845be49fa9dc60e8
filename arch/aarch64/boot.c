/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct boot after Linux Documentation/arch/arm64/booting.rst: kernel at the bottom of RAM,
 * the device tree at the next 2 MiB boundary behind it, then the initrd. Low addresses keep
 * the initrd within the 32 GiB around the kernel that the document asks for.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "arch/aarch64/arm64.h"
#include "arch/aarch64/fdt.h"
#include "arch/aarch64/layout.h"
#include "arch/arch.h"
#include "attest/rim_launch.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "vmm/gmem.h"
#include "vmm/vm.h"

/* A realm's owner computes its measurement from the same places (tvm-attest measure). */
_Static_assert(RAM_GPA == RIM_TVM_RAM && FDT_ALIGN == RIM_TVM_FDT_ALIGN &&
	FDT_SPACE == RIM_TVM_FDT_SPACE, "placed as measured");

struct boot {
	gpa_t base;		/* what the image's addresses count from */
	gpa_t fdt;
	struct fdt_range initrd;
};

static int load_kernel(struct vm *vm, struct boot *boot, struct tvm_error *err)
{
	const struct image *img = &vm->kernel;
	const struct image_segment *last = &img->segments[img->nr_segments - 1];

	boot->base = img->kind == IMAGE_ARM64 ? RAM_GPA : 0;
	for (unsigned int i = 0; i < img->nr_segments; i++) {
		const struct image_segment *s = &img->segments[i];
		gpa_t gpa = boot->base + s->gpa;
		int r;

		if (!gmem_is_ram(vm->gmem, gpa, s->memsz))
			return err_set(err, -ENOMEM, "kernel: 0x%llx bytes at 0x%llx do not lie in "
				"RAM; give more --memory, or another kernel",
				(unsigned long long)s->memsz, (unsigned long long)gpa);
		r = gmem_populate_fd(vm->gmem, gpa, img->fd, s->offset, s->filesz, err);
		if (r < 0)
			return err_prefix(err, r, "kernel");
	}
	boot->fdt = align_up(boot->base + last->gpa + last->memsz, FDT_ALIGN);
	if (!gmem_is_ram(vm->gmem, boot->fdt, FDT_SPACE))
		return err_set(err, -ENOMEM, "kernel: no room is left for the device tree in %llu "
			"MiB of memory; give more --memory",
			(unsigned long long)vm->cfg->memory >> 20);
	return 0;
}

static int load_initrds(struct vm *vm, struct boot *boot, struct tvm_error *err)
{
	gpa_t at = boot->fdt + FDT_SPACE;
	uint64_t total = 0;

	/* Archives follow each other on 4-byte boundaries (initramfs buffer format). */
	for (unsigned int i = 0; i < vm->nr_initrds; i++)
		total = align_up(total, 4) + vm->initrds[i].size;
	if (!total)
		return 0;
	if (!gmem_is_ram(vm->gmem, at, total))
		return err_set(err, -ENOMEM, "initrd: %llu KiB do not fit behind the kernel in "
			"%llu MiB of memory; give more --memory", (unsigned long long)total >> 10,
			(unsigned long long)vm->cfg->memory >> 20);
	boot->initrd = (struct fdt_range){ at, total };
	for (unsigned int i = 0; i < vm->nr_initrds; i++) {
		int r = gmem_populate_fd(vm->gmem, at, vm->initrds[i].fd, 0, vm->initrds[i].size,
			err);

		if (r < 0)
			return err_prefix(err, r, "initrd '%s'", vm->cfg->initrd.items[i]);
		at += align_up(vm->initrds[i].size, 4);
	}
	return 0;
}

/* What a confidential guest's devices are told, and all that matters here. */
static bool confidential(const struct vm *vm)
{
	return vm->machine.env.access_platform;
}

/* A confidential guest's tree is measured: it must not differ from boot to boot. */
static int get_seed(const struct vm *vm, uint8_t *seed, const uint8_t **out,
	struct tvm_error *err)
{
	if (confidential(vm))
		return 0;
	if (getrandom(seed, FDT_SEED_SIZE, 0) != FDT_SEED_SIZE)
		return err_sys(err, -errno, "machine: random seed");
	*out = seed;
	return 0;
}

static int load_fdt(struct vm *vm, const struct boot *boot, struct tvm_error *err)
{
	uint64_t mpidr[CONFIG_CPUS_MAX];
	struct fdt_range ram[GMEM_MAX_SLOTS];
	uint8_t seed[FDT_SEED_SIZE];
	struct fdt_machine m = {
		.board = arch_board(),
		.pvpanic = vm->cfg->pvpanic,
		.msi_frame = confidential(vm),
		.psci_smc = confidential(vm), /* realms look for their monitor by SMC */
		.pmu = vm->cfg->cpu.pmu == CPU_FEATURE_ON,
		.nr_virtio_mmio = vm->machine.mmio.nr,
		.nr_cpus = vm->nr_vcpus,
		.mpidr = mpidr,
		.nr_ram = gmem_nr_slots(vm->gmem),
		.ram = ram,
		.cmdline = vm->cfg->cmdline ? vm->cfg->cmdline : "",
		.initrd = boot->initrd,
	};
	_cleanup_free_ void *fdt = calloc(1, FDT_SPACE);
	size_t len;
	int r;

	if (!fdt)
		return err_set(err, -ENOMEM, "machine: out of memory");
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		r = arm64_vcpu_mpidr(&vm->vcpus[i], &mpidr[i], err);
		if (r < 0)
			return r;
	}
	for (unsigned int i = 0; i < m.nr_ram; i++)
		ram[i] = (struct fdt_range){ gmem_slot(vm->gmem, i)->gpa,
			gmem_slot(vm->gmem, i)->size };
	r = get_seed(vm, seed, &m.seed, err);
	if (r < 0)
		return r;
	len = fdt_build(&m, fdt, FDT_SPACE);
	r = len ? gmem_populate(vm->gmem, boot->fdt, fdt, len, err) :
		err_set(err, -E2BIG, "fdt: the device tree is larger than %llu KiB",
			(unsigned long long)FDT_SPACE >> 10);
	explicit_bzero(seed, sizeof(seed));
	explicit_bzero(fdt, FDT_SPACE);
	return r;
}

int arch_load_boot(struct vm *vm, struct tvm_error *err)
{
	size_t len = vm->cfg->cmdline ? strlen(vm->cfg->cmdline) : 0;
	struct boot boot = { 0 };
	int r;

	if (len > vm->kernel.cmdline_max)
		return err_set(err, -E2BIG, "cmdline: %zu bytes are too long: this kernel takes %u",
			len, vm->kernel.cmdline_max);
	r = load_kernel(vm, &boot, err);
	if (!r)
		r = load_initrds(vm, &boot, err);
	if (!r)
		r = load_fdt(vm, &boot, err);
	if (r < 0)
		return r;
	return arm64_vcpu_enter_at(&vm->vcpus[0], boot.base + vm->kernel.entry, boot.fdt, err);
}
