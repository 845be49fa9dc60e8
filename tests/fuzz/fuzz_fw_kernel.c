/* SPDX-License-Identifier: Apache-2.0 */
/* The input is a kernel file in the firmware's hands. What comes out must be safe to load. */
#include <assert.h>

#include "base/bits.h"
#include "firmware/x86_64/fw.h"

#define RAM_LOW GIB(1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fw_info info = { .ram_low = RAM_LOW };
	static uint8_t bp[FW_BOOT_PARAMS_SIZE];
	bool entry_inside = false;
	struct fw_kernel k;
	struct fw_range all;
	struct fw_boot boot = { .info = &info, .kernel = &k, .file = data, .rom_size = 4096 };

	if (fw_kernel_parse(data, size, RAM_LOW, &k) != FW_OK)
		return 0;
	all = fw_kernel_range(&k);
	assert(k.nr_segments >= 1 && k.nr_segments <= FW_MAX_SEGMENTS);
	for (unsigned int i = 0; i < k.nr_segments; i++) {
		const struct fw_segment *s = &k.segments[i];

		assert(s->filesz <= s->memsz);
		assert(range_within(s->offset, s->filesz, 0, size));
		assert(range_within(s->gpa, s->memsz, FW_RAM_START, RAM_LOW - FW_RAM_START));
		assert(range_within(s->gpa, s->memsz, all.gpa, all.size));
		assert(!i || s[-1].gpa + s[-1].memsz <= s->gpa);
		entry_inside |= range_within(k.entry, 1, s->gpa, s->memsz);
	}
	/* The entry of a bzImage is given by the protocol, beyond 0x200 bytes of code. */
	assert(entry_inside);
	assert(0x1f1 + k.header_size <= 0x270);
	fw_boot_params_build(&boot, bp);
	assert(bp[0x1e8] == 6);
	return 0;
}
