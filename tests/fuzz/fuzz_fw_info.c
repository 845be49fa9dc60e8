/* SPDX-License-Identifier: Apache-2.0 */
/* The input is what the firmware finds in memory: boot information, then a hash table. */
#include <assert.h>

#include "base/bits.h"
#include "firmware/x86_64/fw.h"

#define PHYS_BITS 39

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct fw_info *i)
{
	const struct fw_range busy[] = { i->kernel, i->initrd, i->cmdline,
		{ FW_BOOT_INFO_GPA, FW_BOOT_INFO_SIZE } };
	uint64_t at;

	assert(i->ram_low <= FW_RAM_LOW_MAX && i->ram_high <= BIT(PHYS_BITS) - FW_RAM_HIGH);
	for (unsigned int a = 0; a < 4; a++) {
		assert(!busy[a].size || range_within(busy[a].gpa, busy[a].size, FW_RAM_START,
			i->ram_low - FW_RAM_START));
		for (unsigned int b = 0; b < a; b++)
			assert(!ranges_overlap(busy[a].gpa, busy[a].size, busy[b].gpa,
				busy[b].size));
	}
	assert(i->ecam.gpa >= i->ram_low && i->ecam.gpa + i->ecam.size <= FW_MMIO32_END);
	assert(i->mmio32.gpa >= i->ram_low && i->mmio32.gpa + i->mmio32.size <= FW_MMIO32_END);
	assert(!i->virtio_count || (i->virtio.gpa >= i->ram_low &&
		i->virtio.gpa + i->virtio.size <= FW_MMIO32_END));
	if (!fw_place(i->kernel.size, i->ram_low, busy, 4, &at))
		return;
	assert(at % FW_PAGE == 0 && range_within(at, i->kernel.size, FW_RAM_START,
		i->ram_low - FW_RAM_START));
	for (unsigned int a = 0; a < 4; a++)
		assert(!ranges_overlap(at, i->kernel.size, busy[a].gpa, busy[a].size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t area[FW_HASHES_SIZE] = { 0 };
	struct fw_boot_info bi;
	struct fw_hashes hashes;
	struct fw_info info;

	if (size < sizeof(bi))
		return 0;
	memcpy(&bi, data, sizeof(bi));
	if (fw_info_check(&bi, PHYS_BITS, &info) == FW_OK)
		check(&info);
	data += sizeof(bi);
	size -= sizeof(bi);
	memcpy(area, data, size < sizeof(area) ? size : sizeof(area));
	(void)fw_hashes_read(area, &hashes);
	return 0;
}
