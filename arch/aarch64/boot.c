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
#include "tee/tee.h"
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

/* Where everything goes, from the sizes of the files alone. */
static int place(const struct vm *vm, struct boot *boot, struct tvm_error *err)
{
	const struct image *img = &vm->kernel;
	const struct image_segment *last = &img->segments[img->nr_segments - 1];
	uint64_t total = initrd_total(vm);

	boot->base = img->kind == IMAGE_ARM64 ? RAM_GPA : 0;
	for (unsigned int i = 0; i < img->nr_segments; i++) {
		const struct image_segment *s = &img->segments[i];

		if (!gmem_is_ram(vm->gmem, boot->base + s->gpa, s->memsz))
			return err_set(err, -ENOMEM, "kernel: 0x%llx bytes at 0x%llx do not lie in "
				"RAM; give more --memory, or another kernel",
				(unsigned long long)s->memsz,
				(unsigned long long)(boot->base + s->gpa));
	}
	boot->fdt = align_up(boot->base + last->gpa + last->memsz, FDT_ALIGN);
	if (!gmem_is_ram(vm->gmem, boot->fdt, FDT_SPACE))
		return err_set(err, -ENOMEM, "kernel: no room is left for the device tree in %llu "
			"MiB of memory; give more --memory",
			(unsigned long long)vm->cfg->memory >> 20);
	if (!total)
		return 0;
	boot->initrd = (struct fdt_range){ boot->fdt + FDT_SPACE, total };
	if (!gmem_is_ram(vm->gmem, boot->initrd.gpa, total))
		return err_set(err, -ENOMEM, "initrd: %llu KiB do not fit behind the kernel in "
			"%llu MiB of memory; give more --memory", (unsigned long long)total >> 10,
			(unsigned long long)vm->cfg->memory >> 20);
	return 0;
}

static int load_kernel(struct vm *vm, const struct boot *boot, struct tvm_error *err)
{
	const struct image *img = &vm->kernel;

	for (unsigned int i = 0; i < img->nr_segments; i++) {
		const struct image_segment *s = &img->segments[i];
		int r = gmem_populate_fd(vm->gmem, boot->base + s->gpa, img->fd, s->offset,
			s->filesz, err);

		if (r < 0)
			return err_prefix(err, r, "kernel");
	}
	return 0;
}

/* Archives follow each other on 4-byte boundaries (initramfs buffer format). */
static int load_initrds(struct vm *vm, const struct boot *boot, struct tvm_error *err)
{
	gpa_t at = boot->initrd.gpa;

	for (unsigned int i = 0; i < vm->nr_initrds; i++) {
		int r = gmem_populate_fd(vm->gmem, at, vm->initrds[i].fd, 0, vm->initrds[i].size,
			err);

		if (r < 0)
			return err_prefix(err, r, "initrd '%s'", vm->cfg->initrd.items[i]);
		at += align_up(vm->initrds[i].size, 4);
	}
	return 0;
}

/* A confidential guest's tree is measured: it must not differ from boot to boot. */
static int get_seed(const struct vm *vm, uint8_t *seed, const uint8_t **out,
	struct tvm_error *err)
{
	if (vm->tee->confidential)
		return 0;
	if (getrandom(seed, FDT_SEED_SIZE, 0) != FDT_SEED_SIZE)
		return err_sys(err, -errno, "machine: random seed");
	*out = seed;
	return 0;
}

/* The vCPUs that there will be, or that there are. */
static int get_mpidr(const struct vm *vm, uint64_t *mpidr, struct tvm_error *err)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < vm->cfg->cpus; i++) {
		mpidr[i] = arm64_mpidr(i);
		if (vm->nr_vcpus)
			r = arm64_vcpu_mpidr(&vm->vcpus[i], &mpidr[i], err);
	}
	return r;
}

/* FDT_SPACE bytes of which *len_out are used; owned by the caller. */
static int build_fdt(const struct vm *vm, const struct boot *boot, const uint8_t *seed,
	void **out, size_t *len_out, struct tvm_error *err)
{
	uint64_t mpidr[CONFIG_CPUS_MAX];
	struct fdt_range ram[GMEM_MAX_SLOTS];
	struct fdt_machine m = {
		.board = arch_board(),
		.pvpanic = vm->cfg->pvpanic,
		.msi_frame = vm->tee->confidential,
		.psci_smc = vm->tee->confidential, /* realms look for their monitor by SMC */
		.pmu = vm->cfg->cpu.pmu == CPU_FEATURE_ON,
		.nr_virtio_mmio = vm->machine.mmio.nr,
		.nr_cpus = vm->cfg->cpus,
		.mpidr = mpidr,
		.nr_ram = gmem_nr_slots(vm->gmem),
		.ram = ram,
		.cmdline = vm->cfg->cmdline ? vm->cfg->cmdline : "",
		.initrd = boot->initrd,
		.seed = seed,
	};
	_cleanup_free_ void *fdt = calloc(1, FDT_SPACE);
	int r = get_mpidr(vm, mpidr, err);

	if (r < 0)
		return r;
	if (!fdt)
		return err_set(err, -ENOMEM, "machine: out of memory");
	for (unsigned int i = 0; i < m.nr_ram; i++)
		ram[i] = (struct fdt_range){ gmem_slot(vm->gmem, i)->gpa,
			gmem_slot(vm->gmem, i)->size };
	*len_out = fdt_build(&m, fdt, FDT_SPACE);
	if (!*len_out)
		return err_set(err, -E2BIG, "fdt: the device tree is larger than %llu KiB",
			(unsigned long long)FDT_SPACE >> 10);
	*out = take_ptr(&fdt);
	return 0;
}

static int load_fdt(struct vm *vm, const struct boot *boot, struct tvm_error *err)
{
	uint8_t bytes[FDT_SEED_SIZE];
	const uint8_t *seed = NULL;
	_cleanup_free_ void *fdt = NULL;
	size_t len;
	int r = get_seed(vm, bytes, &seed, err);

	if (!r)
		r = build_fdt(vm, boot, seed, &fdt, &len, err);
	if (!r)
		r = gmem_populate(vm->gmem, boot->fdt, fdt, len, err);
	explicit_bzero(bytes, sizeof(bytes));
	if (fdt)
		explicit_bzero(fdt, FDT_SPACE);
	return r;
}

static int check_cmdline(const struct vm *vm, struct tvm_error *err)
{
	size_t len = vm->cfg->cmdline ? strlen(vm->cfg->cmdline) : 0;

	if (len > vm->kernel.cmdline_max)
		return err_set(err, -E2BIG, "cmdline: %zu bytes are too long: this kernel takes %u",
			len, vm->kernel.cmdline_max);
	return 0;
}

int arch_device_tree(const struct vm *vm, void **out, size_t *len_out, struct tvm_error *err)
{
	struct boot boot = { 0 };
	int r = check_cmdline(vm, err);

	if (!r)
		r = place(vm, &boot, err);
	return r ? r : build_fdt(vm, &boot, NULL, out, len_out, err);
}

int arch_load_boot(struct vm *vm, struct tvm_error *err)
{
	struct boot boot = { 0 };
	int r = check_cmdline(vm, err);

	if (!r)
		r = place(vm, &boot, err);
	if (!r)
		r = load_kernel(vm, &boot, err);
	if (!r)
		r = load_initrds(vm, &boot, err);
	if (!r)
		r = load_fdt(vm, &boot, err);
	if (r < 0)
		return r;
	return arm64_vcpu_enter_at(&vm->vcpus[0], boot.base + vm->kernel.entry, boot.fdt, err);
}
