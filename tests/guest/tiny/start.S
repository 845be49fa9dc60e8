/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three ways into a tiny guest, all of which end in tiny_main(entry, info):
 *
 *	tiny_start	ELF, 64-bit, boot_params in RSI
 *	image + 0x200	bzImage, 64-bit, boot_params in RSI
 *	pvh_start	ELF with a PVH note (-DPVH), 32-bit without paging, start info in EBX
 */
#include "tests/guest/tiny/tiny.h"

	.section .head, "ax"
	.code64
	.org 0x200
	mov $TINY_BZIMAGE, %edi
	jmp enter

	.globl tiny_start
tiny_start:
	mov $TINY_ELF, %edi
enter:
	cli
	cld
	lea stack_top(%rip), %rsp
	call tiny_main
1:	hlt
	jmp 1b

#ifdef PVH
	.section .note.Xen, "a", @note
	.long 4, 4, 18			/* name size, descriptor size, PHYS32_ENTRY */
	.asciz "Xen"
	.long pvh_start

	.text
	.code32
pvh_start:
	cli
	cld
	mov $stack_top, %esp
	mov %ebx, %esi
	/* Identity map of 4 GiB in 2 MiB pages: PML4, PDPT, four directories. */
	mov $tables, %edi
	lea 0x1003(%edi), %eax
	mov %eax, (%edi)
	lea 0x1000(%edi), %ebx
	mov $4, %ecx
1:	add $0x1000, %eax
	mov %eax, (%ebx)
	add $8, %ebx
	loop 1b
	lea 0x2000(%edi), %ebx
	mov $0x83, %eax
	mov $2048, %ecx
2:	mov %eax, (%ebx)
	add $8, %ebx
	add $0x200000, %eax
	loop 2b

	mov %cr4, %eax
	or $0x20, %eax			/* PAE */
	mov %eax, %cr4
	mov %edi, %cr3
	mov $0xc0000080, %ecx		/* EFER */
	rdmsr
	or $0x100, %eax			/* LME */
	wrmsr
	lgdt gdt_pointer
	mov %cr0, %eax
	or $0x80000000, %eax
	mov %eax, %cr0
	ljmp $0x10, $pvh_long

	.code64
pvh_long:
	mov $0x18, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov $TINY_PVH, %edi
	jmp enter

	.section .rodata
	.balign 8
gdt:	.quad 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word . - gdt - 1
	.long gdt

	.bss
	.balign 4096
tables:	.skip 6 * 4096
#endif

	.bss
	.balign 16
	.skip 16384
stack_top:

	.section .note.GNU-stack, "", @progbits
