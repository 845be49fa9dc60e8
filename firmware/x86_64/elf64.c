/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vmlinux: ELF of 64 bits (System V gABI, chapters 4 and 5). Only the file header and the
 * program headers are looked at.
 */
#include "firmware/x86_64/fw.h"

#include "base/bits.h"

#define EM_X86_64 62
#define ET_EXEC 2
#define PT_LOAD 1
#define MAX_PHDRS 128
#define COMMAND_LINE_SIZE 2048		/* of Linux on x86, with NUL */

struct ehdr {
	uint8_t ident[16];
	le16 type, machine;
	le32 version;
	le64 entry, phoff, shoff;
	le32 flags;
	le16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct phdr {
	le32 type, flags;
	le64 offset, vaddr, paddr, filesz, memsz, align;
};

_Static_assert(sizeof(struct ehdr) == 64 && sizeof(struct phdr) == 56, "gABI");

static enum fw_reason add_load(const struct phdr *p, uint64_t size, uint64_t ram_low,
	struct fw_kernel *out)
{
	struct fw_segment n = { le64_get(p->paddr), le64_get(p->offset), le64_get(p->filesz),
		le64_get(p->memsz) };
	struct fw_segment *s = out->segments;
	unsigned int at = out->nr_segments;

	if (n.filesz > n.memsz || !range_within(n.offset, n.filesz, 0, size))
		return FW_E_KERNEL_DAMAGED;
	if (!n.memsz)
		return FW_OK;
	if (!range_within(n.gpa, n.memsz, FW_RAM_START, ram_low - FW_RAM_START))
		return FW_E_KERNEL_PLACE;
	if (at == FW_MAX_SEGMENTS)
		return FW_E_KERNEL_DAMAGED;
	for (unsigned int i = 0; i < at; i++) {
		if (ranges_overlap(n.gpa, n.memsz, s[i].gpa, s[i].memsz))
			return FW_E_KERNEL_DAMAGED;
	}
	for (; at && s[at - 1].gpa > n.gpa; at--)
		s[at] = s[at - 1];
	s[at] = n;
	out->nr_segments++;
	return FW_OK;
}

static bool inside(const struct fw_kernel *k, uint64_t gpa)
{
	for (unsigned int i = 0; i < k->nr_segments; i++) {
		if (range_within(gpa, 1, k->segments[i].gpa, k->segments[i].memsz))
			return true;
	}
	return false;
}

enum fw_reason fw_elf_parse(const uint8_t *file, uint64_t size, uint64_t ram_low,
	struct fw_kernel *out)
{
	const struct ehdr *e = (const struct ehdr *)file;
	uint64_t phoff, entry, translated = 0;
	const struct phdr *p;
	unsigned int n;

	if (size < sizeof(*e))
		return FW_E_KERNEL_DAMAGED;
	if (e->ident[4] != 2 || e->ident[5] != 1 || le16_get(e->machine) != EM_X86_64 ||
	    le16_get(e->type) != ET_EXEC)
		return FW_E_KERNEL_FORMAT;
	phoff = le64_get(e->phoff);
	n = le16_get(e->phnum);
	if (!n || n > MAX_PHDRS || le16_get(e->phentsize) != sizeof(*p) ||
	    !range_within(phoff, n * sizeof(*p), 0, size))
		return FW_E_KERNEL_DAMAGED;

	out->nr_segments = 0;
	out->clears = false;
	entry = le64_get(e->entry);
	p = (const struct phdr *)(file + phoff);
	for (; n; n--, p++) {
		enum fw_reason r;

		if (le32_get(p->type) != PT_LOAD)
			continue;
		r = add_load(p, size, ram_low, out);
		if (r != FW_OK)
			return r;
		/* A virtual range may wrap: the distance tells. */
		if (entry - le64_get(p->vaddr) < le64_get(p->memsz))
			translated = le64_get(p->paddr) + (entry - le64_get(p->vaddr));
	}
	/* Physical in a Linux vmlinux, virtual in what other linkers make. */
	if (!inside(out, entry))
		entry = translated;
	if (!inside(out, entry))
		return FW_E_KERNEL_DAMAGED;
	out->entry = entry;
	out->initrd_end = FW_RAM_HIGH;
	out->cmdline_max = COMMAND_LINE_SIZE - 1;
	out->header_size = 0;
	return FW_OK;
}
