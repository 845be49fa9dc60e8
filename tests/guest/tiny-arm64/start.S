/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tiny arm64 guest: the header of an Image (Linux Documentation/arch/arm64/booting.rst), and
 * exception vectors. It runs at the bottom of RAM, at EL1, with the MMU off. A synchronous
 * exception leaves its syndrome in `syndrome`, and the guest goes on behind the instruction.
 */
	.section .head, "ax"
	.global _start
_start:
	b	begin
	.word	0
	.quad	0			/* text_offset */
	.quad	tiny_end - _start	/* image_size */
	.quad	0xa			/* flags: little endian, 4 KiB pages, anywhere */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.word	0

begin:
	adrp	x1, stack_top
	add	x1, x1, :lo12:stack_top
	mov	sp, x1
	adrp	x1, vectors
	add	x1, x1, :lo12:vectors
	msr	vbar_el1, x1
	isb
	bl	tiny_main
	ldr	x0, =0x84000008		/* PSCI SYSTEM_OFF; realms find PSCI by SMC */
	smc	#0
1:	wfi
	b	1b

	.balign	2048
vectors:
	.rept	4			/* current EL with SP_EL0: never */
	b	.
	.balign	128
	.endr
	b	synchronous		/* current EL with SP_ELx */
	.balign	128
	.rept	11
	b	.
	.balign	128
	.endr

synchronous:
	stp	x9, x10, [sp, #-16]!
	mrs	x9, esr_el1
	adrp	x10, syndrome
	str	x9, [x10, :lo12:syndrome]
	mrs	x9, elr_el1
	add	x9, x9, #4
	msr	elr_el1, x9
	ldp	x9, x10, [sp], #16
	eret

	.bss
	.global syndrome
	.balign	8
syndrome:
	.quad	0
	.balign	4096
	.space	16384
stack_top:
