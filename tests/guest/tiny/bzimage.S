/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bzImage around a flat tiny guest (-DGUEST="file"): boot sector, one sector of setup that
 * nobody runs, and the guest as protected-mode code. Linux Documentation/arch/x86/boot.rst.
 */
	.section .bzimage, "a"
image:
	.ascii "MZ"
	.org 0x1f1
	.byte 1				/* setup_sects */
	.word 0				/* root_flags */
	.long (end - guest) / 16	/* syssize */
	.word 0, 0, 0			/* ram_size, vid_mode, root_dev */
	.word 0xaa55			/* boot_flag */
	.byte 0xeb, header_end - header	/* jump */
header:
	.ascii "HdrS"
	.word 0x20f			/* version */
	.long 0				/* realmode_swtch */
	.word 0, 0			/* start_sys_seg, kernel_version */
	.byte 0, 1			/* type_of_loader, loadflags: LOADED_HIGH */
	.word 0				/* setup_move_size */
	.long 0x100000, 0, 0, 0		/* code32_start, ramdisk_image, _size, bootsect_kludge */
	.word 0				/* heap_end_ptr */
	.byte 0, 0			/* ext_loader_ver, ext_loader_type */
	.long 0, 0x7fffffff		/* cmd_line_ptr, initrd_addr_max */
	.long 0x100000			/* kernel_alignment */
	.byte 0, 20			/* relocatable_kernel, min_alignment */
	.word 1				/* xloadflags: XLF_KERNEL_64 */
	.long 2047, 0			/* cmdline_size, hardware_subarch */
	.quad 0				/* hardware_subarch_data */
	.long 0, 0			/* payload_offset, payload_length */
	.quad 0, 0x100000		/* setup_data, pref_address */
	.long 0x100000			/* init_size: with .bss */
	.long 0, 0			/* handover_offset, kernel_info_offset */
header_end:
	.org 1024
guest:
	.incbin GUEST
	.balign 16
end:
	.section .note.GNU-stack, "", @progbits
