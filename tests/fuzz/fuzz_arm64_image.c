/* SPDX-License-Identifier: Apache-2.0 */
/* The input is a kernel file for aarch64, compressed or not. What comes out is safe to load. */
#include <assert.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bits.h"
#include "firmware/image.h"
#include "tvm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct image *img)
{
	const struct image_segment *s = img->segments;
	bool entry_inside = false;

	assert(img->nr_segments >= 1 && img->nr_segments <= IMAGE_MAX_SEGMENTS);
	for (unsigned int i = 0; i < img->nr_segments; i++) {
		assert(s[i].filesz <= s[i].memsz);
		assert(range_within(s[i].offset, s[i].filesz, 0, img->file_size));
		assert(range_within(s[i].gpa, s[i].memsz, 0, IMAGE_GPA_END));
		entry_inside |= range_within(img->entry, 1, s[i].gpa, s[i].memsz);
	}
	assert(entry_inside);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image img = { .fd = -1, .file_size = size };
	struct tvm_error err;
	int r;

	if (!size)
		return 0;
	img.fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (img.fd < 0)
		return 0;
	if (write(img.fd, data, size) == (ssize_t)size) {
		r = image_parse(&img, EM_AARCH64, image_unpack, &err);
		if (!r)
			check(&img);
		else
			assert(r < 0 && err.code == r && err.msg[0]);
	}
	image_close(&img);
	return 0;
}
