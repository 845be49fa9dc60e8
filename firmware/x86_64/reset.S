/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the reset vector to fw_main() in 64-bit mode, and from there to the kernel.
 *
 * With paging off a SEV guest's memory is private whatever an address says; so are page-table
 * walks and instruction fetches at all times. The tables made here give the C-bit to all data:
 *
 *	PML4[0] -> [0, 4 GiB) at 0, private	PML4[1] -> the same at 512 GiB, shared
 *
 * Whether the C-bit is what CPUID says is tried: a random number is written with paging off
 * and read through the tables. It comes back changed where the bit is wrong, and where there
 * is encryption of which CPUID did not tell. In a plain guest, and below 1 MiB of a simulated
 * SEV guest, both are the same memory and the test has nothing to find.
 *
 * Nothing is written to the image; descriptors are marked as accessed for that reason.
 */
#include "firmware/x86_64/fw_abi.h"

#define CR0_PE 0x00000001
#define CR0_LONG 0x80010033		/* PG, WP, NE, ET, MP, PE */
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define MSR_MTRR_DEF_TYPE 0x2ff
#define MTRR_ENABLED_WRITE_BACK 0xc06
#define MSR_SEV_STATUS 0xc0010131
#define SEV_STATUS_SEV 1
#define SEV_STATUS_ES_SNP 6

#define CPUID_SME 0x8000001f
#define SME_SEV 2
#define CBIT_MIN 32			/* it goes into the upper half of an entry */
#define CBIT_MAX 51

#define PML4 FW_PAGE_TABLES_GPA
#define PDPT_PRIVATE (PML4 + 0x1000)
#define PDPT_SHARED (PML4 + 0x2000)
#define PD_PRIVATE (PML4 + 0x3000)	/* four pages each */
#define PD_SHARED (PML4 + 0x7000)
#define TABLE 0x03			/* present, writable */
#define LARGE 0x83			/* and a page of 2 MiB */

#define CODE32 0x08
#define CODE64 0x10
#define DATA 0x18

/* Report and stop, from 32-bit code. */
.macro stop reason
	movl	$FW_REPORT(1, \reason), %eax
	jmp	stop32
.endm

	.section .text, "ax"
	.code32
start32:
	movw	$DATA, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	%ax, %fs
	movw	%ax, %gs
	movl	$FW_REPORT(1, 0), %eax
	movw	$FW_PORT, %dx
	outl	%eax, %dx

	/* page 0, where kernels look for a BIOS's variables, and the page tables */
	xorl	%eax, %eax
	xorl	%edi, %edi
	movl	$(PML4 + FW_PAGE_TABLES * 0x1000) / 4, %ecx
	cld
	rep stosl

	/* ebp: upper half of the C-bit's mask, or 0 */
	xorl	%ebp, %ebp
	movl	$0x80000000, %eax
	cpuid
	movl	%eax, %edi
	cmpl	$0x80000001, %edi
	jb	no_long_mode
	movl	$0x80000001, %eax
	cpuid
	btl	$29, %edx
	jnc	no_long_mode
	cmpl	$CPUID_SME, %edi
	jb	make_tables
	movl	$CPUID_SME, %eax
	cpuid
	testl	$SME_SEV, %eax
	jz	make_tables
	movl	$MSR_SEV_STATUS, %ecx		/* there is one where CPUID tells of SEV */
	rdmsr
	testl	$SEV_STATUS_SEV, %eax
	jz	make_tables
	testl	$SEV_STATUS_ES_SNP, %eax
	jnz	sev_mode
	movl	%ebx, %ecx
	andl	$0x3f, %ecx
	cmpl	$CBIT_MIN, %ecx
	jb	cbit_position
	cmpl	$CBIT_MAX, %ecx
	ja	cbit_position
	subl	$32, %ecx
	movl	$1, %ebp
	shll	%cl, %ebp

make_tables:
	movl	$PDPT_PRIVATE | TABLE, PML4
	movl	%ebp, PML4 + 4
	movl	$PDPT_SHARED | TABLE, PML4 + 8
	movl	%ebp, PML4 + 12
	xorl	%ecx, %ecx
	movl	$PD_PRIVATE | TABLE, %eax
1:	movl	%eax, PDPT_PRIVATE(, %ecx, 8)
	movl	%ebp, PDPT_PRIVATE + 4(, %ecx, 8)
	addl	$PD_SHARED - PD_PRIVATE, %eax
	movl	%eax, PDPT_SHARED(, %ecx, 8)
	movl	%ebp, PDPT_SHARED + 4(, %ecx, 8)
	subl	$PD_SHARED - PD_PRIVATE - 0x1000, %eax
	incl	%ecx
	cmpl	$4, %ecx
	jb	1b
	xorl	%ecx, %ecx
	movl	$LARGE, %eax
1:	movl	%eax, PD_PRIVATE(, %ecx, 8)
	movl	%ebp, PD_PRIVATE + 4(, %ecx, 8)
	movl	%eax, PD_SHARED(, %ecx, 8)	/* upper half: zero, shared */
	addl	$0x200000, %eax
	incl	%ecx
	cmpl	$2048, %ecx
	jb	1b

	/* esi:edi: a number that the host cannot know, or at least not choose */
	movl	$1, %eax
	cpuid
	btl	$30, %ecx			/* RDRAND */
	jnc	no_rdrand
	movl	$10, %ecx
1:	rdrand	%esi
	jnc	2f
	rdrand	%edi
	jc	have_number
2:	decl	%ecx
	jnz	1b
no_rdrand:
	rdtsc
	movl	%eax, %edi
	imull	$0x9e3779b1, %eax, %esi
	addl	%edx, %esi
have_number:
	movl	%esi, FW_CBIT_CHECK_GPA
	movl	%edi, FW_CBIT_CHECK_GPA + 4

	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$PML4, %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	movl	$CR0_LONG, %eax
	movl	%eax, %cr0
	cmpl	%esi, FW_CBIT_CHECK_GPA
	jne	cbit_wrong
	cmpl	%edi, FW_CBIT_CHECK_GPA + 4
	jne	cbit_wrong
	ljmpl	$CODE64, $start64

no_long_mode:
	stop	FW_E_NO_LONG_MODE_VALUE
cbit_position:
	stop	FW_E_CBIT_POSITION_VALUE
cbit_wrong:
	stop	FW_E_CBIT_WRONG_VALUE
sev_mode:
	stop	FW_E_SEV_MODE_VALUE
stop32:
	movw	$FW_PORT, %dx
	outl	%eax, %dx
1:	cli
	hlt
	jmp	1b

	.code64
start64:
	movl	$FW_STACK_END, %esp
	shlq	$32, %rbp
	leaq	PML4(%rbp), %rax
	movq	%rax, %cr3
	movl	$0, FW_CBIT_CHECK_GPA
	movl	$0, FW_CBIT_CHECK_GPA + 4
	lidt	idt_pointer(%rip)
	/* As other firmware leaves it: with MTRRs off, Linux turns PAT off too and dies. */
	movl	$MSR_MTRR_DEF_TYPE, %ecx
	movl	$MTRR_ENABLED_WRITE_BACK, %eax
	xorl	%edx, %edx
	wrmsr
	movq	%rbp, %rdi
	movl	$fw_image_size, %esi
	call	fw_main
	ud2

exception:
	movl	$FW_REPORT(1, FW_E_EXCEPTION_VALUE), %eax
	movw	$FW_PORT, %dx
	outl	%eax, %dx
1:	cli
	hlt
	jmp	1b

/* fw_jump(entry, boot_params, cr3) */
	.globl	fw_jump
fw_jump:
	movq	%rdi, %rax
	lidt	idt_none(%rip)
	movq	$0, PML4 + 8			/* the shared window */
	movq	%rdx, %cr3
	xorl	%ebx, %ebx
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	xorl	%edi, %edi
	xorl	%ebp, %ebp
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	xorl	%r11d, %r11d
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d
	cli
	cld
	jmp	*%rax

	.section .rodata, "a"
	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff		/* CODE32 */
	.quad	0x00af9b000000ffff		/* CODE64 */
	.quad	0x00cf93000000ffff		/* DATA */
gdt_end:
	.globl	exception, gdt_pointer
gdt_pointer:
	.word	gdt_end - gdt - 1
	.long	gdt
idt_pointer:
	.word	idt_end - idt - 1
	.quad	idt
idt_none:
	.word	0
	.quad	0
	.balign	8
idt:
	.rept	32
	.word	exception_low, CODE64, 0x8e00, exception_high
	.quad	0
	.endr
idt_end:

/*
 * The end of the image. Only here is 16-bit code: the processor starts with a code segment
 * that covers the last 64 KiB.
 */
#define TAIL 0x200
	.section .tail, "ax"
	.code16
tail:
start16:
	cli
	lgdtl	%cs:gdt_pointer_low
	movl	$CR0_PE | 0x30, %eax		/* also turns caches on */
	movl	%eax, %cr0
	ljmpl	$CODE32, $start32

/* The reset address of further processors of a SEV-ES guest: none is started there as yet. */
ap_reset:
	cli
	hlt
	jmp	ap_reset

/* SNP: memory to validate before the start (OvmfSevMetadata in edk2); base, size, type. */
	.balign	4
snp_metadata:
	.ascii	"ASEV"
	.long	snp_metadata_end - snp_metadata, 1, 5
	.long	0, FW_CMDLINE_GPA + FW_CMDLINE_SPACE, 1
	.long	FW_ACPI_GPA, FW_SECRET_GPA - FW_ACPI_GPA, 1
	.long	FW_SECRET_GPA, 0x1000, 0x10
	.long	FW_SNP_SECRETS_GPA, 0x1000, 2
	.long	FW_SNP_CPUID_GPA, 0x1000, 3
snp_metadata_end:

/*
 * GUIDed table (edk2 OvmfPkg/ResetVector), read from its end: data, length with the 18 bytes
 * of length and GUID, GUID.
 */
.macro guid a, b, c, d, e
	.long	\a
	.word	\b, \c
	.byte	(\d) >> 8, (\d) & 0xff
	.byte	(\e) >> 40 & 0xff, (\e) >> 32 & 0xff, (\e) >> 24 & 0xff
	.byte	(\e) >> 16 & 0xff, (\e) >> 8 & 0xff, (\e) & 0xff
.endm
#define TABLE_SIZE (22 + 26 + 26 + 22 + 18)

	.org	TAIL - 0x20 - TABLE_SIZE
guided_table:
	.long	snp_metadata_offset		/* back from the end of the image */
	.word	22
	guid	0xdc886566, 0x984a, 0x4798, 0xa75e, 0x5585a7bf67cc
	.long	FW_HASHES_GPA, FW_HASHES_SIZE
	.word	26
	guid	0x7255371f, 0x3a3b, 0x4b04, 0x927b, 0x1da6efa8d454
	.long	FW_SECRET_GPA, FW_SECRET_SIZE
	.word	26
	guid	0x4c2eb361, 0x7d9b, 0x4cc3, 0x8081, 0x127c90d3d294
	.long	ap_reset
	.word	22
	guid	0x00f771de, 0x1a7e, 0x4fcb, 0x890e, 0x68c77e2fb44e
	.word	TABLE_SIZE
	guid	0x96b582de, 0x1fb2, 0x45f7, 0xbaea, 0xa366c55a082d

	.org	TAIL - 0x10
	.globl	reset_vector
reset_vector:
	jmp	start16
	.org	TAIL
	.globl	snp_metadata

	.section .note.GNU-stack, "", @progbits
