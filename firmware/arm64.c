/* SPDX-License-Identifier: Apache-2.0 */
/* The arm64 Image header: Linux Documentation/arch/arm64/booting.rst, section 4. */
#include <errno.h>
#include <stddef.h>

#include "base/bits.h"
#include "base/err.h"
#include "base/le.h"
#include "firmware/image.h"

#define FLAG_BIG_ENDIAN BIT(0)

struct arm64_header {
	le32 code0, code1;
	le64 text_offset;	/* from a 2 MiB boundary */
	le64 image_size;	/* memory needed, from text_offset on */
	le64 flags;
	le64 reserved[3];
	le32 magic;
	le32 pe_header;
};

int image_parse_arm64(struct image *img, struct tvm_error *err)
{
	struct arm64_header h;
	uint64_t offset, size;
	int r;

	r = image_read(img, 0, &h, sizeof(h));
	if (r == -ENODATA)
		return err_set(err, -ENOEXEC, "truncated arm64 Image: %llu bytes",
			(unsigned long long)img->file_size);
	if (r < 0)
		return err_sys(err, r, "cannot be read");
	offset = le64_get(h.text_offset);
	size = le64_get(h.image_size);
	if (le64_get(h.flags) & FLAG_BIG_ENDIAN)
		return err_set(err, -ENOEXEC, "big-endian arm64 kernels are not supported");
	if (!size)
		return err_set(err, -ENOEXEC, "arm64 Image without a size (older than Linux 3.17)");
	if (img->file_size > size)
		size = img->file_size;
	if (offset >= MIB(2) || size > IMAGE_GPA_END - offset)
		return err_set(err, -ENOEXEC, "arm64 Image with an impossible size or offset");
	img->kind = IMAGE_ARM64;
	img->nr_segments = 1;
	img->segments[0] = (struct image_segment){ offset, 0, img->file_size, size };
	img->entry = offset;
	img->cmdline_max = 2047;	/* COMMAND_LINE_SIZE less the NUL */
	img->initrd_max = IMAGE_GPA_END - 1;
	return 0;
}
