/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bzImage: Linux Documentation/arch/x86/boot.rst. The file is
 *
 *	+--------------+------------------------+---------------------------+-----------+
 *	| boot sector  | setup_sects x 512      | syssize x 16:             | signature |
 *	| header 0x1f1 | real-mode code         | protected-mode code       |           |
 *	+--------------+------------------------+---------------------------+-----------+
 *
 * Only the header and the protected-mode code are used; its 64-bit entry is at 0x200.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/le.h"
#include "firmware/image.h"

#define HEADER_OFFSET 0x1f1
#define ENTRY_64 0x200
#define VERSION_MIN 0x20c		/* 2.12: xloadflags tells of the 64-bit entry */
#define XLF_KERNEL_64 BIT(0)
#define XLF_CAN_BE_LOADED_ABOVE_4G BIT(1)

struct setup_header {			/* from HEADER_OFFSET on */
	uint8_t setup_sects;
	le16 root_flags;
	le32 syssize;
	le16 ram_size, vid_mode, root_dev, boot_flag;
	uint8_t jump[2];		/* a short jump over the header: tells its end */
	uint8_t magic[4];
	le16 version;
	le32 realmode_swtch;
	le16 start_sys_seg, kernel_version;
	uint8_t type_of_loader, loadflags;
	le16 setup_move_size;
	le32 code32_start, ramdisk_image, ramdisk_size, bootsect_kludge;
	le16 heap_end_ptr;
	uint8_t ext_loader_ver, ext_loader_type;
	le32 cmd_line_ptr, initrd_addr_max, kernel_alignment;
	uint8_t relocatable_kernel, min_alignment;
	le16 xloadflags;
	le32 cmdline_size, hardware_subarch;
	le64 hardware_subarch_data;
	le32 payload_offset, payload_length;
	le64 setup_data, pref_address;
	le32 init_size;
	le32 handover_offset;
};

_Static_assert(offsetof(struct setup_header, magic) == 0x202 - HEADER_OFFSET, "boot.rst");
_Static_assert(offsetof(struct setup_header, init_size) == 0x260 - HEADER_OFFSET, "boot.rst");

static int check_header(const struct setup_header *h, struct tvm_error *err)
{
	unsigned int version = le16_get(h->version);

	if (le16_get(h->boot_flag) != 0xaa55 || memcmp(h->magic, "HdrS", 4))
		return err_set(err, -ENOEXEC, "not a bzImage: it has no Linux boot header");
	if (version < VERSION_MIN)
		return err_set(err, -ENOEXEC, "boot protocol %u.%02u is too old; 2.12 (Linux 3.8) "
			"is needed", version >> 8, version & 0xff);
	if (!(le16_get(h->xloadflags) & XLF_KERNEL_64))
		return err_set(err, -ENOEXEC, "no 64-bit entry: a 32-bit kernel?");
	if (h->jump[0] != 0xeb || h->jump[1] + 0x202u < 0x264)
		return err_set(err, -ENOEXEC, "damaged bzImage: the header ends too early");
	return 0;
}

static int place(struct image *img, const struct setup_header *h, uint64_t offset,
	uint64_t size, struct tvm_error *err)
{
	uint64_t gpa = le64_get(h->pref_address), memsz = le32_get(h->init_size);
	uint64_t align = le32_get(h->kernel_alignment);

	if (h->relocatable_kernel && !is_pow2(align))
		return err_set(err, -ENOEXEC, "damaged bzImage: kernel_alignment 0x%llx",
			(unsigned long long)align);
	if (memsz < size)
		memsz = size;
	if (gpa < MIB(1) || gpa >= IMAGE_GPA_END - GIB(8))
		return err_set(err, -ENOEXEC, "damaged bzImage: pref_address 0x%llx",
			(unsigned long long)gpa);
	if (h->relocatable_kernel)
		gpa = align_up(gpa, align);	/* adds less than 4 GiB */
	img->nr_segments = 1;
	img->segments[0] = (struct image_segment){ gpa, offset, size, memsz };
	img->entry = gpa + ENTRY_64;
	return 0;
}

int image_parse_bzimage(struct image *img, struct tvm_error *err)
{
	struct setup_header h;
	uint64_t offset, size;
	int r;

	r = image_read(img, HEADER_OFFSET, &h, sizeof(h));
	if (r == -ENODATA)
		return err_set(err, -ENOEXEC, "truncated bzImage: %llu bytes, less than its header",
			(unsigned long long)img->file_size);
	if (r < 0)
		return err_sys(err, r, "cannot be read");
	r = check_header(&h, err);
	if (r < 0)
		return r;

	offset = ((h.setup_sects ? h.setup_sects : 4) + 1) * 512;
	size = (uint64_t)le32_get(h.syssize) * 16;
	if (size <= ENTRY_64)
		return err_set(err, -ENOEXEC, "damaged bzImage: %llu bytes of code",
			(unsigned long long)size);
	if (!range_within(offset, size, 0, img->file_size))
		return err_set(err, -ENOEXEC, "truncated bzImage: %llu bytes, its header says %llu",
			(unsigned long long)img->file_size, (unsigned long long)(offset + size));
	r = place(img, &h, offset, size, err);
	if (r < 0)
		return r;

	/* Newer headers are longer than struct setup_header: hand on what the file has. */
	img->setup_header_len = h.jump[1] + 0x202u - HEADER_OFFSET;
	if (img->setup_header_len > sizeof(img->setup_header))
		img->setup_header_len = sizeof(img->setup_header);
	r = image_read(img, HEADER_OFFSET, img->setup_header, img->setup_header_len);
	if (r < 0)
		return err_sys(err, r, "truncated bzImage");
	/* The checked copy wins, should the file have changed meanwhile. */
	memcpy(img->setup_header, &h, img->setup_header_len < sizeof(h) ?
		img->setup_header_len : sizeof(h));
	img->kind = IMAGE_BZIMAGE;
	img->cmdline_max = le32_get(h.cmdline_size);
	img->initrd_max = le16_get(h.xloadflags) & XLF_CAN_BE_LOADED_ABOVE_4G ?
		UINT32_MAX : le32_get(h.initrd_addr_max);
	return 0;
}
