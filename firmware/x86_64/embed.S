/* SPDX-License-Identifier: Apache-2.0 */
/* The firmware as constant data of the library; FW_IMAGE is its file. */
	.section .rodata.fw_x86_64, "a"
	.globl	fw_x86_64_start, fw_x86_64_end
	.hidden	fw_x86_64_start, fw_x86_64_end
	.balign	4096
fw_x86_64_start:
	.incbin	FW_IMAGE
fw_x86_64_end:
	.type	fw_x86_64_start, @object
	.size	fw_x86_64_start, fw_x86_64_end - fw_x86_64_start
	.section .note.GNU-stack, "", @progbits
