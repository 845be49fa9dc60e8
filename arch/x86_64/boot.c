/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct boot: images into memory, tables, and the first vCPU at the kernel's entry.
 *
 * A bzImage and a plain ELF are entered in 64-bit mode with boot_params ("zero page") in RSI
 * (Documentation/x86/boot.rst); an ELF with a PVH note in 32-bit mode with its start info in
 * EBX (Xen, docs/misc/pvh.pandoc).
 */
#include <asm/bootparam.h>
#include <errno.h>
#include <string.h>

#include "arch/arch.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/x86.h"
#include "base/err.h"
#include "vmm/gmem.h"
#include "vmm/vm.h"

#define E820_RAM 1
#define E820_RESERVED 2
#define E820_ACPI 3
#define LOADER_UNREGISTERED 0xff
#define PVH_MAGIC 0x336ec578

struct pvh_info {	/* Xen, public/arch-x86/hvm/start_info.h */
	uint32_t magic, version, flags, nr_modules;
	uint64_t modules_gpa, cmdline_gpa, rsdp_gpa, memmap_gpa;
	uint32_t memmap_entries, reserved;
};

struct pvh_module {
	uint64_t gpa, size, cmdline_gpa, reserved;
};

struct pvh_range {
	uint64_t addr, size;
	uint32_t type, reserved;
};

struct pvh_page {
	struct pvh_info info;
	struct pvh_module module;
	struct pvh_range map[16];
};

struct range {
	uint64_t base, size;
	uint32_t type;
};

/* Where things ended up, for the structures that tell the kernel. */
struct boot {
	gpa_t initrd, rsdp;
	uint64_t initrd_size, cmdline_size;
	unsigned int nr_ranges;
	struct range map[8];
};

static int load_kernel(struct vm *vm, struct tvm_error *err)
{
	const struct image *img = &vm->kernel;

	for (unsigned int i = 0; i < img->nr_segments; i++) {
		const struct image_segment *s = &img->segments[i];
		int r;

		if (s->gpa < HIGH_RAM_GPA || !gmem_is_ram(vm->gmem, s->gpa, s->memsz))
			return err_set(err, -ENOMEM, "kernel: 0x%llx bytes at 0x%llx do not lie "
				"in RAM above 1 MiB; give more --memory, or another kernel",
				(unsigned long long)s->memsz, (unsigned long long)s->gpa);
		r = gmem_populate_fd(vm->gmem, s->gpa, img->fd, s->offset, s->filesz, err);
		if (r < 0)
			return err_prefix(err, r, "kernel");
	}
	return 0;
}

/* End of what the kernel occupies before it knows of an initrd. */
static uint64_t kernel_end(const struct image *img)
{
	const struct image_segment *last = &img->segments[img->nr_segments - 1];

	return last->gpa + last->memsz;
}

/* As high as the kernel allows, as boot.rst advises, in the RAM below the hole. */
static int load_initrds(struct vm *vm, struct boot *boot, struct tvm_error *err)
{
	uint64_t total = initrd_total(vm), top = gmem_low_end(vm->gmem), at, room;

	if (!total)
		return 0;
	if (vm->kernel.initrd_max && top > vm->kernel.initrd_max)
		top = align_down(vm->kernel.initrd_max, KIB(4));
	room = top > kernel_end(&vm->kernel) ? top - kernel_end(&vm->kernel) : 0;
	if (total > room || align_down(top - total, KIB(4)) < kernel_end(&vm->kernel))
		return err_set(err, -ENOMEM, "initrd: %llu KiB do not fit beside the kernel in "
			"%llu MiB of memory; %llu KiB are left: give more --memory",
			(unsigned long long)total >> 10, (unsigned long long)vm->cfg->memory >> 20,
			(unsigned long long)room >> 10);
	at = boot->initrd = align_down(top - total, KIB(4));
	boot->initrd_size = total;
	for (unsigned int i = 0; i < vm->nr_initrds; i++) {
		int r = gmem_populate_fd(vm->gmem, at, vm->initrds[i].fd, 0, vm->initrds[i].size,
			err);

		if (r < 0)
			return err_prefix(err, r, "initrd '%s'", vm->cfg->initrd.items[i]);
		at += align_up(vm->initrds[i].size, 4);
	}
	return 0;
}

static int load_cmdline(struct vm *vm, struct boot *boot, struct tvm_error *err)
{
	const char *cmdline = vm->cfg->cmdline ? vm->cfg->cmdline : "";
	size_t len = strlen(cmdline), max = CMDLINE_SPACE - 1;

	if (vm->kernel.cmdline_max && vm->kernel.cmdline_max < max)
		max = vm->kernel.cmdline_max;
	if (len > max)
		return err_set(err, -E2BIG,
			"cmdline: %zu bytes are too long: this kernel takes %zu", len, max);
	boot->cmdline_size = len + 1;
	return gmem_populate(vm->gmem, CMDLINE_GPA, cmdline, len + 1, err);
}

static void add_range(struct boot *boot, uint64_t base, uint64_t end, uint32_t type)
{
	boot->map[boot->nr_ranges++] = (struct range){ base, end - base, type };
}

static void make_map(struct vm *vm, struct boot *boot)
{
	const struct gmem_slot *low = gmem_slot(vm->gmem, 0), *high = gmem_slot(vm->gmem, 1);

	add_range(boot, 0, LOW_RAM_END, E820_RAM);
	add_range(boot, ACPI_GPA, ACPI_GPA + ACPI_SPACE, E820_ACPI);
	add_range(boot, HIGH_RAM_GPA, low->gpa + low->size, E820_RAM);
	add_range(boot, PCI_ECAM_GPA, PCI_ECAM_GPA + PCI_ECAM_SIZE, E820_RESERVED);
	if (high)
		add_range(boot, high->gpa, high->gpa + high->size, E820_RAM);
}

static int load_boot_params(struct vm *vm, const struct boot *boot, struct tvm_error *err)
{
	const struct image *img = &vm->kernel;
	struct boot_params bp;

	memset(&bp, 0, sizeof(bp));
	if (img->kind == IMAGE_BZIMAGE) {
		size_t len = img->setup_header_len < sizeof(bp.hdr) ? img->setup_header_len :
			sizeof(bp.hdr);

		memcpy(&bp.hdr, img->setup_header, len);
	} else {
		bp.hdr.boot_flag = 0xaa55;
		bp.hdr.header = 0x53726448; /* "HdrS" */
		bp.hdr.kernel_alignment = MIB(16);
	}
	bp.hdr.type_of_loader = LOADER_UNREGISTERED;
	bp.hdr.cmd_line_ptr = CMDLINE_GPA;
	bp.hdr.cmdline_size = (uint32_t)boot->cmdline_size;
	bp.hdr.ramdisk_image = (uint32_t)boot->initrd;
	bp.hdr.ramdisk_size = (uint32_t)boot->initrd_size;
	bp.acpi_rsdp_addr = boot->rsdp;
	bp.e820_entries = (uint8_t)boot->nr_ranges;
	for (unsigned int i = 0; i < boot->nr_ranges; i++) {
		bp.e820_table[i].addr = boot->map[i].base;
		bp.e820_table[i].size = boot->map[i].size;
		bp.e820_table[i].type = boot->map[i].type;
	}
	return gmem_populate(vm->gmem, BOOT_PARAMS_GPA, &bp, sizeof(bp), err);
}

static int load_pvh_info(struct vm *vm, const struct boot *boot, struct tvm_error *err)
{
	struct pvh_page page = {
		.info = {
			.magic = PVH_MAGIC,
			.version = 1,
			.nr_modules = boot->initrd_size ? 1 : 0,
			.modules_gpa = PVH_INFO_GPA + offsetof(struct pvh_page, module),
			.cmdline_gpa = CMDLINE_GPA,
			.rsdp_gpa = boot->rsdp,
			.memmap_gpa = PVH_INFO_GPA + offsetof(struct pvh_page, map),
			.memmap_entries = boot->nr_ranges,
		},
		.module = { .gpa = boot->initrd, .size = boot->initrd_size },
	};

	for (unsigned int i = 0; i < boot->nr_ranges; i++)
		page.map[i] = (struct pvh_range){ boot->map[i].base, boot->map[i].size,
			boot->map[i].type, 0 };
	return gmem_populate(vm->gmem, PVH_INFO_GPA, &page, sizeof(page), err);
}

/* Identity map of 4 GiB in 2 MiB pages: one PML4, one PDPT, four page directories. */
static int load_page_tables(struct vm *vm, struct tvm_error *err)
{
	enum { PRESENT_WRITE = 3, LARGE = 0x80, ENTRIES = 512 };
	uint64_t table[ENTRIES] = { (PAGE_TABLES_GPA + KIB(4)) | PRESENT_WRITE };
	int r = gmem_populate(vm->gmem, PAGE_TABLES_GPA, table, sizeof(table), err);

	for (unsigned int i = 0; i < 4; i++)
		table[i] = (PAGE_TABLES_GPA + KIB(4) * (2 + i)) | PRESENT_WRITE;
	if (!r)
		r = gmem_populate(vm->gmem, PAGE_TABLES_GPA + KIB(4), table, sizeof(table), err);
	for (unsigned int i = 0; !r && i < 4; i++) {
		for (unsigned int j = 0; j < ENTRIES; j++)
			table[j] = MIB(2) * (i * ENTRIES + j) | LARGE | PRESENT_WRITE;
		r = gmem_populate(vm->gmem, PAGE_TABLES_GPA + KIB(4) * (2 + i), table,
			sizeof(table), err);
	}
	return r;
}

static int load_gdt(struct vm *vm, bool long_code, struct tvm_error *err)
{
	const uint64_t gdt[4] = {
		[2] = long_code ? 0x00af9b000000ffff : 0x00cf9b000000ffff,
		[3] = 0x00cf93000000ffff,
	};

	return gmem_populate(vm->gmem, GDT_GPA, gdt, sizeof(gdt), err);
}

int arch_device_tree(const struct vm *vm, void **out, size_t *len_out, struct tvm_error *err)
{
	return err_set(err, -EOPNOTSUPP, "device tree: machines of x86_64 have none");
}

int arch_load_boot(struct vm *vm, struct tvm_error *err)
{
	bool pvh = vm->kernel.kind == IMAGE_ELF_PVH;
	struct boot boot = { 0 };
	int r;

	if (vm->fw.image)
		return x86_load_firmware(vm, err);
	r = load_kernel(vm, err);

	if (!r)
		r = load_initrds(vm, &boot, err);
	if (!r)
		r = load_cmdline(vm, &boot, err);
	if (!r)
		r = x86_acpi_load(vm, &boot.rsdp, err);
	if (r < 0)
		return r;
	make_map(vm, &boot);
	r = pvh ? load_pvh_info(vm, &boot, err) : load_boot_params(vm, &boot, err);
	if (!r && !pvh)
		r = load_page_tables(vm, err);
	if (!r)
		r = load_gdt(vm, !pvh, err);
	if (r < 0)
		return r;
	return x86_vcpu_enter_at(&vm->vcpus[0], pvh ? X86_ENTRY_PVH : X86_ENTRY_LONG,
		vm->kernel.entry, pvh ? PVH_INFO_GPA : BOOT_PARAMS_GPA, err);
}
