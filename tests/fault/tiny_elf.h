/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest kernel: an ELF file with some bytes of code at 1 MiB and a PVH note, so that
 * tests and benchmarks that need any guest at all need no other file. The code is entered in
 * 32-bit mode by the note, in 64-bit mode without; TINY_* mean the same in both.
 */
#ifndef TESTS_FAULT_TINY_ELF_H
#define TESTS_FAULT_TINY_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define TINY_GPA 0x100000

/* outb/outw: mov $port, %dx; mov $val, %al (%ax); out */
#define TINY_OUTB(port, val) \
	0x66, 0xba, (port) & 0xff, (port) >> 8, 0xb0, (val), 0xee
#define TINY_OUTW(port, val) \
	0x66, 0xba, (port) & 0xff, (port) >> 8, 0x66, 0xb8, (val) & 0xff, (val) >> 8, 0x66, 0xef
#define TINY_HALT 0xf4, 0xeb, 0xfd	/* 1: hlt; jmp 1b */

struct tiny_elf {
	Elf64_Ehdr ehdr;
	Elf64_Phdr load, note;
	struct {
		Elf64_Nhdr hdr;
		char name[4];
		uint32_t entry;
	} pvh;
	uint8_t code[256];
};

static inline bool tiny_elf_write(int fd, const uint8_t *code, size_t len)
{
	struct tiny_elf e = {
		.ehdr = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_entry = TINY_GPA,
			.e_phoff = offsetof(struct tiny_elf, load),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
		},
		.load = {
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_W | PF_X,
			.p_offset = offsetof(struct tiny_elf, code),
			.p_vaddr = TINY_GPA,
			.p_paddr = TINY_GPA,
			.p_filesz = len,
			.p_memsz = 4096,
		},
		.note = {
			.p_type = PT_NOTE,
			.p_offset = offsetof(struct tiny_elf, pvh),
			.p_filesz = sizeof(e.pvh),
			.p_memsz = sizeof(e.pvh),
			.p_align = 4,
		},
		.pvh = {
			.hdr = { .n_namesz = 4, .n_descsz = 4, .n_type = 18 }, /* PHYS32_ENTRY */
			.name = "Xen",
			.entry = TINY_GPA,
		},
	};

	if (len > sizeof(e.code))
		return false;
	memcpy(e.code, code, len);
	return write(fd, &e, sizeof(e)) == (ssize_t)sizeof(e);
}

#endif
