/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an application processor of the smp guest starts: real mode, CS:IP = 0x0800:0. The
 * bytes between ap_code and ap_code_end are copied to AP_BASE; ap_cr3 is filled in there.
 */
#define AP_BASE 0x8000
#define AT(label) (AP_BASE + label - ap_code)

	.section .rodata
	.globl ap_code, ap_code_end, ap_cr3
	.balign 16
	.code16
ap_code:
	cli
	xor %ax, %ax
	mov %ax, %ds
	lgdtl AT(gdt_pointer)
	mov $0x11, %eax			/* PE */
	mov %eax, %cr0
	ljmpl $0x8, $AT(protected)

	.code32
protected:
	mov $0x18, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov $0x20, %eax			/* PAE */
	mov %eax, %cr4
	mov AT(ap_cr3), %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx		/* EFER */
	rdmsr
	or $0x100, %eax			/* LME */
	wrmsr
	mov %cr0, %eax
	or $0x80000000, %eax
	mov %eax, %cr0
	ljmp $0x10, $AT(long_mode)

	/* One at a time: the stack is shared, and the next is started after ap_main() spoke. */
	.code64
long_mode:
	mov $ap_stack_top, %esp
	mov $ap_main, %eax
	call *%rax
1:	cli
	hlt
	jmp 1b

	.balign 8
gdt:	.quad 0, 0x00cf9b000000ffff, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word . - gdt - 1
	.long AT(gdt)
ap_cr3:	.long 0
ap_code_end:

	.bss
	.balign 16
	.skip 4096
ap_stack_top:

	.section .note.GNU-stack, "", @progbits
