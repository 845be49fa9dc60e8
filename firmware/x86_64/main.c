/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the staged files to the kernel's entry. All state is on the stack of fw_main(): the
 * image is executed in place and never written.
 *
 * A file is copied from shared to private memory first; hash and parser see only the copy.
 * The kernel is parsed after its hash was found right. Its segments are put in place last,
 * when the staged files are gone, so that it may lie where they were.
 */
#include "arch/x86_64/acpi_tables.h"
#include "base/bits.h"
#include "firmware/x86_64/fw.h"
#include "firmware/x86_64/fw_platform.h"
#include "firmware/x86_64/sha256.h"

#define CHUNK KIB(64)			/* copied and hashed while it is in the cache */
#define IOAPIC_GPA 0xfec00000		/* where every PC has them */
#define LAPIC_GPA 0xfee00000

_Noreturn void fw_main(uint64_t c_mask, uint64_t rom_size);

struct fw_state {
	struct fw_platform plat;
	struct fw_info info;
	struct fw_kernel kernel;
	struct fw_hashes hashes;
	bool verify;			/* hashes is valid */
	uint8_t *file;			/* private copy of the kernel's file */
	uint64_t initrd_gpa;
};

static uint8_t *ram(uint64_t gpa)
{
	return (uint8_t *)gpa;
}

static void get_info(struct fw_state *s)
{
	struct fw_boot_info bi;
	enum fw_reason r;

	fw_report(FW_STAGE_INFO, FW_OK);
	fw_copy_shared(&bi, FW_BOOT_INFO_GPA, sizeof(bi));
	r = fw_info_check(&bi, s->plat.phys_bits, &s->info);
	if (r != FW_OK)
		fw_stop(FW_STAGE_INFO, r);
}

/* Only a plain guest, which has nothing to hide, may do without hashes. */
static void get_hashes(struct fw_state *s)
{
	enum fw_reason r = fw_hashes_read(ram(FW_HASHES_GPA), &s->hashes);

	s->verify = r == FW_OK;
	if (r == FW_E_BAD_HASHES || (r == FW_E_NO_HASHES && fw_platform_encrypted(&s->plat)))
		fw_stop(FW_STAGE_INFO, r);
}

/* Copy a staged file; false when it is not the measured one. */
static bool fetch(const struct fw_state *s, uint8_t *dst, struct fw_range from,
	const uint8_t *hash)
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 sha;

	if (s->plat.sha_ni)
		fw_vectors(true);
	sha256_init(&sha, s->plat.sha_ni);
	for (uint64_t at = 0; at < from.size; at += CHUNK) {
		uint64_t n = from.size - at < CHUNK ? from.size - at : CHUNK;

		fw_copy_shared(dst + at, from.gpa + at, n);
		if (s->verify)
			sha256_update(&sha, dst + at, n);
	}
	sha256_final(&sha, digest);
	if (s->plat.sha_ni)
		fw_vectors(false);
	return !s->verify || fw_hash_equal(digest, hash);
}

/* What must stay until the staged files are given up. */
#define STAGED(s) (s)->info.kernel, (s)->info.initrd, (s)->info.cmdline, \
	{ FW_BOOT_INFO_GPA, FW_BOOT_INFO_SIZE }

static void get_kernel(struct fw_state *s)
{
	const struct fw_range busy[] = { STAGED(s) };
	struct fw_range copy, dest;
	enum fw_reason r;

	fw_report(FW_STAGE_KERNEL, FW_OK);
	copy.size = s->info.kernel.size;
	if (!fw_place(copy.size, s->info.ram_low, busy, sizeof(busy) / sizeof(busy[0]), &copy.gpa))
		fw_stop(FW_STAGE_KERNEL, FW_E_NO_MEMORY);
	s->file = ram(copy.gpa);
	if (!fetch(s, s->file, s->info.kernel, s->hashes.kernel))
		fw_stop(FW_STAGE_KERNEL, FW_E_KERNEL_HASH);
	r = fw_kernel_parse(s->file, copy.size, s->info.ram_low, &s->kernel);
	if (r != FW_OK)
		fw_stop(FW_STAGE_KERNEL, r);
	dest = fw_kernel_range(&s->kernel);
	if (ranges_overlap(copy.gpa, copy.size, dest.gpa, dest.size))
		fw_stop(FW_STAGE_KERNEL, FW_E_NO_MEMORY);
}

static void get_initrd(struct fw_state *s)
{
	const struct fw_range busy[] = { STAGED(s), fw_kernel_range(&s->kernel),
		{ (uint64_t)s->file, s->info.kernel.size } };
	uint64_t end = s->info.ram_low;

	fw_report(FW_STAGE_INITRD, FW_OK);
	if (end > s->kernel.initrd_end)
		end = s->kernel.initrd_end;
	if (!fw_place(s->info.initrd.size, end, busy, sizeof(busy) / sizeof(busy[0]),
	    &s->initrd_gpa))
		fw_stop(FW_STAGE_INITRD, FW_E_NO_MEMORY);
	if (!fetch(s, ram(s->initrd_gpa), s->info.initrd, s->hashes.initrd))
		fw_stop(FW_STAGE_INITRD, FW_E_INITRD_HASH);
}

static void get_cmdline(struct fw_state *s)
{
	uint64_t size = s->info.cmdline.size;

	fw_report(FW_STAGE_CMDLINE, FW_OK);
	if (size > FW_CMDLINE_SPACE || size - 1 > s->kernel.cmdline_max)
		fw_stop(FW_STAGE_CMDLINE, FW_E_CMDLINE_LONG);
	if (!fetch(s, ram(FW_CMDLINE_GPA), s->info.cmdline, s->hashes.cmdline))
		fw_stop(FW_STAGE_CMDLINE, FW_E_CMDLINE_HASH);
	if (ram(FW_CMDLINE_GPA)[size - 1])
		fw_stop(FW_STAGE_CMDLINE, FW_E_CMDLINE_NUL);
}

static void give_up_staging(const struct fw_state *s)
{
	const struct fw_range busy[] = { STAGED(s) };

	for (unsigned int i = 0; i < sizeof(busy) / sizeof(busy[0]); i++) {
		if (busy[i].size)
			fw_take_back(&s->plat, busy[i].gpa, busy[i].size);
	}
}

static void put_kernel(const struct fw_state *s)
{
	for (unsigned int i = 0; i < s->kernel.nr_segments; i++) {
		const struct fw_segment *seg = &s->kernel.segments[i];

		memcpy(ram(seg->gpa), s->file + seg->offset, seg->filesz);
		if (!s->kernel.clears)
			memset(ram(seg->gpa + seg->filesz), 0, seg->memsz - seg->filesz);
	}
}

static void put_tables(const struct fw_state *s, uint64_t rom_size)
{
	const struct fw_info *i = &s->info;
	const struct acpi_machine m = {
		.gpa = FW_ACPI_GPA,
		.cpus = i->cpus,
		.ioapic_base = IOAPIC_GPA,
		.lapic_base = LAPIC_GPA,
		.ecam_base = (uint32_t)i->ecam.gpa,
		.ecam_size = (uint32_t)i->ecam.size,
		.mmio32_base = (uint32_t)i->mmio32.gpa,
		.mmio32_size = (uint32_t)i->mmio32.size,
		.mmio64_base = i->mmio64.gpa,
		.mmio64_size = i->mmio64.size,
		.pm_port = i->pm_port,
		.sci_gsi = i->sci_gsi,
		.uart_port = i->uart_port,
		.uart_gsi = i->uart_gsi,
		.pvpanic_port = i->pvpanic_port,
		.virtio_base = (uint32_t)i->virtio.gpa,
		.virtio_stride = i->virtio_stride,
		.virtio_gsi = i->virtio_gsi,
		.virtio_count = i->virtio_count,
	};
	const struct fw_boot boot = {
		.info = i,
		.kernel = &s->kernel,
		.file = s->file,
		.initrd_gpa = s->initrd_gpa,
		.rsdp_gpa = FW_ACPI_GPA,
		.rom_size = rom_size,
		.efi = fw_platform_encrypted(&s->plat),
	};

	fw_report(FW_STAGE_TABLES, FW_OK);
	memset(ram(FW_ACPI_GPA), 0, FW_ACPI_SPACE + FW_EFI_SPACE);
	if (!acpi_tables_build(&m, ram(FW_ACPI_GPA), FW_ACPI_SPACE))
		fw_stop(FW_STAGE_TABLES, FW_E_TABLES);
	if (boot.efi)
		fw_efi_build(&boot, ram(FW_EFI_GPA));
	fw_boot_params_build(&boot, ram(FW_BOOT_PARAMS_GPA));
}

/* Called by reset.S, with all of memory mapped and interrupts off. */
void fw_main(uint64_t c_mask, uint64_t rom_size)
{
	struct fw_state s;

	fw_platform_init(&s.plat, c_mask);
	get_info(&s);
	get_hashes(&s);
	get_kernel(&s);
	get_initrd(&s);
	get_cmdline(&s);
	put_tables(&s, rom_size);
	give_up_staging(&s);
	put_kernel(&s);
	fw_report(FW_STAGE_ENTER, FW_OK);
	fw_enter_kernel(&s.plat, s.kernel.entry, FW_BOOT_PARAMS_GPA);
}
