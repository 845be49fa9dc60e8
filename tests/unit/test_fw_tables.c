/* SPDX-License-Identifier: Apache-2.0 */
/* What the firmware tells the kernel: boot_params, e820 and EFI structures. */
#include "firmware/x86_64/fw.h"

#include "base/bits.h"
#include "tests/harness.h"

static uint8_t bp[FW_BOOT_PARAMS_SIZE + 16], efi[FW_EFI_SPACE + 16], file[0x280];

static struct fw_info info = {
	.cpus = 1, .ram_low = MIB(256), .ram_high = GIB(1),
	.initrd = { MIB(4), 12345 }, .cmdline = { MIB(3), 20 },
	.ecam = { 0xe0000000, MIB(1) },
};

static struct fw_kernel kernel = { .header_size = 0x7b };

static struct fw_boot boot = {
	.info = &info, .kernel = &kernel, .file = file, .initrd_gpa = MIB(200),
	.rsdp_gpa = FW_ACPI_GPA, .rom_size = KIB(16), .efi = true,
};

static void build(void)
{
	memset(file, 0xee, sizeof(file));
	memset(bp, 0x55, sizeof(bp));
	memset(efi, 0x55, sizeof(efi));
	fw_boot_params_build(&boot, bp);
	fw_efi_build(&boot, efi);
	CHECK_INT(bp[FW_BOOT_PARAMS_SIZE], 0x55);
	CHECK_INT(efi[FW_EFI_SPACE], 0x55);
}

static void test_header(void)
{
	build();
	CHECK_INT(bp[0x1ef], 0);		/* Linux: sentinel */
	CHECK_INT(bp[0x1f1], 0xee);
	CHECK_INT(bp[0x1f1 + 0x7a], 0xee);
	CHECK_INT(bp[0x1f1 + 0x7b], 0);
	CHECK_INT(bp[0x210], 0xff);
	CHECK_INT(le_load(bp + 0x218, 4), MIB(200));
	CHECK_INT(le_load(bp + 0x21c, 4), 12345);
	CHECK_INT(le_load(bp + 0x228, 4), FW_CMDLINE_GPA);
	CHECK_INT(le_load(bp + 0x250, 8), 0);
	CHECK_INT(le_load(bp + 0x70, 8), FW_ACPI_GPA);

	info.initrd.size = 0;
	kernel.header_size = 0;
	build();
	CHECK_INT(le_load(bp + 0x218, 4), 0);
	CHECK_INT(le_load(bp + 0x202, 4), 0x53726448);
	CHECK_INT(le_load(bp + 0x230, 4), MIB(16));
	info.initrd.size = 12345;
	kernel.header_size = 0x7b;
}

static void test_e820(void)
{
	static const struct {
		uint64_t base, size;
		uint32_t type;
	} want[] = {
		{ 0, KIB(640), 1 },
		{ 0xe0000, KIB(64), 3 },
		{ 0xf0000, KIB(64), 2 },
		{ MIB(1), MIB(255), 1 },
		{ 0xe0000000, MIB(1), 2 },
		{ GIB(4) - KIB(16), KIB(16), 2 },
		{ GIB(4), GIB(1), 1 },
	};

	build();
	REQUIRE(bp[0x1e8] == 7);
	for (unsigned int i = 0; i < 7; i++) {
		CHECK_INT(le_load(bp + 0x2d0 + 20 * i, 8), want[i].base);
		CHECK_INT(le_load(bp + 0x2d8 + 20 * i, 8), want[i].size);
		CHECK_INT(le_load(bp + 0x2e0 + 20 * i, 4), want[i].type);
	}
	info.ram_high = 0;
	build();
	CHECK_INT(bp[0x1e8], 6);
	info.ram_high = GIB(1);
}

/* What the kernel's addresses point at, in our copy. */
static const uint8_t *at(uint64_t gpa, size_t len)
{
	if (!range_within(gpa, len, FW_EFI_GPA, FW_EFI_SPACE))
		return NULL;
	return efi + (gpa - FW_EFI_GPA);
}

static void test_efi(void)
{
	const uint8_t *systab, *config, *map, *secret;
	uint64_t size, secrets = 0;

	build();
	CHECK(!memcmp(bp + 0x1c0, "EL64", 4));
	CHECK_INT(bp[0x1ec], 2);
	systab = at(le_load(bp + 0x1c4, 4), 120);
	size = le_load(bp + 0x1d4, 4);
	map = at(le_load(bp + 0x1d0, 4), size);
	REQUIRE(systab && map);
	CHECK(!memcmp(systab, "IBI SYST", 8));
	REQUIRE(at(le_load(systab + 24, 8), 200));
	CHECK_INT(at(le_load(systab + 24, 8), 200)[0], 't');
	CHECK_INT(le_load(systab + 88, 8), 0);
	CHECK_INT(le_load(systab + 104, 8), 2);
	config = at(le_load(systab + 112, 8), 48);
	REQUIRE(config);
	CHECK_INT(config[0], 0x71);
	CHECK_INT(le_load(config + 16, 8), FW_ACPI_GPA);
	CHECK_INT(config[24], 0xad);
	secret = at(le_load(config + 40, 8), 16);
	REQUIRE(secret);
	CHECK_INT(le_load(secret, 8), FW_SECRET_GPA);
	CHECK_INT(le_load(secret + 8, 8), FW_SECRET_SIZE);

	CHECK_INT(le_load(bp + 0x1c8, 4), 48);
	CHECK_INT(le_load(bp + 0x1cc, 4), 1);
	REQUIRE(size == 7 * 48);
	for (; size; size -= 48, map += 48) {
		uint64_t type = le_load(map, 4), base = le_load(map + 8, 8);

		CHECK(type == 0 || type == 7 || type == 9);
		CHECK_INT(le_load(map + 32, 8), 0xf);
		secrets += base == FW_SECRET_GPA && type == 0;
	}
	CHECK_INT(secrets, 1);
}

static void test_no_efi(void)
{
	boot.efi = false;
	build();
	CHECK_INT(le_load(bp + 0x1c0, 8), 0);
	CHECK_INT(bp[0x1ec], 0);
	boot.efi = true;
}

int main(void)
{
	RUN(test_header);
	RUN(test_e820);
	RUN(test_efi);
	RUN(test_no_efi);
	return tests_done();
}
