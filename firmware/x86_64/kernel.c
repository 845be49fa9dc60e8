/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in the kernel's file and where it wants to be. bzImage: Linux
 * Documentation/arch/x86/boot.rst; the offsets are those of its table.
 */
#include "firmware/x86_64/fw.h"

#include "base/bits.h"

#define SETUP_HEADER 0x1f1
#define HEADER_END_MIN 0x264		/* the last field needed is init_size at 0x260 */
#define HEADER_MAX 0x7f			/* boot_params has room up to 0x270 */
#define PROTOCOL_MIN 0x20c		/* 2.12: xloadflags tells of the 64-bit entry */
#define XLF_KERNEL_64 1
#define XLF_CAN_BE_LOADED_ABOVE_4G 2
#define ENTRY_64 0x200

static enum fw_reason bzimage_parse(const uint8_t *file, uint64_t size, uint64_t ram_low,
	struct fw_kernel *out)
{
	uint64_t setup = ((file[SETUP_HEADER] ? file[SETUP_HEADER] : 4) + 1) * 512u;
	uint64_t code = le_load(file + 0x1f4, 4) * 16, gpa = le_load(file + 0x258, 8);
	uint64_t memsz = le_load(file + 0x260, 4), align = le_load(file + 0x230, 4);
	unsigned int flags = (unsigned int)le_load(file + 0x236, 2);
	unsigned int header_end = 0x202u + file[0x201];

	if (le_load(file + 0x206, 2) < PROTOCOL_MIN || !(flags & XLF_KERNEL_64))
		return FW_E_KERNEL_OLD;
	if (le_load(file + 0x1fe, 2) != 0xaa55 || file[0x200] != 0xeb ||
	    header_end < HEADER_END_MIN || code <= ENTRY_64 || !range_within(setup, code, 0, size))
		return FW_E_KERNEL_DAMAGED;
	if (memsz < code)
		memsz = code;
	if (gpa < FW_RAM_START || gpa >= ram_low)
		return FW_E_KERNEL_PLACE;
	if (file[0x234]) {		/* relocatable_kernel */
		if (!is_pow2(align))
			return FW_E_KERNEL_DAMAGED;
		gpa = align_up(gpa, align);
	}
	if (!range_within(gpa, memsz, FW_RAM_START, ram_low - FW_RAM_START))
		return FW_E_KERNEL_PLACE;
	out->nr_segments = 1;
	out->segments[0] = (struct fw_segment){ gpa, setup, code, memsz };
	out->clears = true;		/* and most of memsz is room to unpack into */
	out->entry = gpa + ENTRY_64;
	out->initrd_end = flags & XLF_CAN_BE_LOADED_ABOVE_4G ? FW_RAM_HIGH :
		le_load(file + 0x22c, 4) + 1;
	out->cmdline_max = le_load(file + 0x238, 4);
	out->header_size = header_end - SETUP_HEADER;
	if (out->header_size > HEADER_MAX)
		out->header_size = HEADER_MAX;
	return FW_OK;
}

enum fw_reason fw_kernel_parse(const uint8_t *file, uint64_t size, uint64_t ram_low,
	struct fw_kernel *out)
{
	if (size >= 4 && le_load(file, 4) == 0x464c457f)	/* "\177ELF" */
		return fw_elf_parse(file, size, ram_low, out);
	if (size >= HEADER_END_MIN && le_load(file + 0x202, 4) == 0x53726448)	/* "HdrS" */
		return bzimage_parse(file, size, ram_low, out);
	return FW_E_KERNEL_FORMAT;
}

struct fw_range fw_kernel_range(const struct fw_kernel *k)
{
	const struct fw_segment *last = &k->segments[k->nr_segments - 1];
	uint64_t start = k->segments[0].gpa;

	return (struct fw_range){ start, last->gpa + last->memsz - start };
}
