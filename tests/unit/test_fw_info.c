/* SPDX-License-Identifier: Apache-2.0 */
/* The firmware's boot information: each number wrong in its own way, and what is placed where. */
#include "firmware/x86_64/fw.h"

#include "base/bits.h"
#include "tests/harness.h"

static struct fw_info info;

static struct fw_boot_info good(void)
{
	return (struct fw_boot_info){
		.magic = le64_make(FW_BOOT_INFO_MAGIC),
		.version = le32_make(FW_BOOT_INFO_VERSION),
		.cpus = le32_make(4),
		.ram_low = le64_make(GIB(3)),
		.ram_high = le64_make(GIB(1)),
		.kernel_gpa = le64_make(MIB(2)),
		.kernel_size = le64_make(5000),
		.initrd_gpa = le64_make(MIB(2) + KIB(8)),
		.initrd_size = le64_make(4096),
		.cmdline_gpa = le64_make(MIB(2) + KIB(12)),
		.cmdline_size = le64_make(1),
		.mmio64_base = le64_make(GIB(16)),
		.mmio64_size = le64_make(GIB(16)),
		.ecam_base = le32_make(0xe0000000),
		.ecam_size = le32_make(MIB(1)),
		.mmio32_base = le32_make(0xc0000000),
		.mmio32_size = le32_make(MIB(512)),
		.pm_port = le16_make(0x600),
		.sci_gsi = le16_make(9),
		.uart_port = le16_make(0x3f8),
		.uart_gsi = le16_make(4),
		.pvpanic_port = le16_make(0x505),
		.virtio_count = le16_make(8),
		.virtio_gsi = le16_make(16),
		.virtio_base = le32_make(0xe0100000),
		.virtio_stride = le32_make(0x200),
	};
}

static void test_good(void)
{
	struct fw_boot_info bi = good();

	REQUIRE(fw_info_check(&bi, 39, &info) == FW_OK);
	CHECK_INT(info.cpus, 4);
	CHECK_INT(info.ram_low, GIB(3));
	CHECK_INT(info.ram_high, GIB(1));
	CHECK_INT(info.kernel.gpa, MIB(2));
	CHECK_INT(info.kernel.size, 5000);
	CHECK_INT(info.initrd.size, 4096);
	CHECK_INT(info.cmdline.gpa, MIB(2) + KIB(12));
	CHECK_INT(info.ecam.size, MIB(1));
	CHECK_INT(info.mmio32.gpa, 0xc0000000);
	CHECK_INT(info.mmio64.size, GIB(16));
	CHECK_INT(info.pvpanic_port, 0x505);
	CHECK_INT(info.virtio_count, 8);
	CHECK_INT(info.virtio_gsi, 16);
	CHECK_INT(info.virtio.gpa, 0xe0100000);
	CHECK_INT(info.virtio.size, 4096);
}

/* Change one field and look for the reason. */
#define REFUSED(field, make, value, reason) \
	do { \
		struct fw_boot_info bi_ = good(); \
		bi_.field = make(value); \
		CHECK_INT(fw_info_check(&bi_, 39, &info), reason); \
	} while (0)
#define TAKEN(field, make, value) REFUSED(field, make, value, FW_OK)

static void test_identity(void)
{
	REFUSED(magic, le64_make, 0, FW_E_INFO_MAGIC);
	REFUSED(version, le32_make, 1, FW_E_INFO_VERSION);
	REFUSED(reserved[1], (uint8_t), 1, FW_E_INFO_VERSION);
}

static void test_ram(void)
{
	REFUSED(ram_low, le64_make, 0, FW_E_INFO_RAM);
	REFUSED(ram_low, le64_make, MIB(1), FW_E_INFO_RAM);
	REFUSED(ram_low, le64_make, GIB(3) + 4096, FW_E_INFO_RAM);
	REFUSED(ram_low, le64_make, GIB(3) - 1, FW_E_INFO_RAM);
	REFUSED(ram_low, le64_make, ~0ULL << 12, FW_E_INFO_RAM);
	REFUSED(ram_high, le64_make, 1, FW_E_INFO_RAM);
	REFUSED(ram_high, le64_make, BIT(39) - GIB(4) + 4096, FW_E_INFO_RAM);
	REFUSED(ram_high, le64_make, ~0ULL << 12, FW_E_INFO_RAM);
	/* up to the C-bit, but then there is no room for the 64-bit window */
	REFUSED(ram_high, le64_make, BIT(39) - GIB(4), FW_E_INFO_DEVICES);
}

static void test_phys_bits(void)
{
	struct fw_boot_info bi = good();

	CHECK_INT(fw_info_check(&bi, 32, &info), FW_E_INFO_RAM);
	CHECK_INT(fw_info_check(&bi, 0, &info), FW_E_INFO_RAM);
	CHECK_INT(fw_info_check(&bi, 34, &info), FW_E_INFO_DEVICES);
	CHECK_INT(fw_info_check(&bi, 255, &info), FW_OK);
}

/* Places that would have the kernel take RAM, the windows or others' interrupts for devices. */
static void test_virtio(void)
{
	struct fw_boot_info bi = good();

	REFUSED(virtio_count, le16_make, 9, FW_E_INFO_DEVICES);
	REFUSED(virtio_count, le16_make, 0xffff, FW_E_INFO_DEVICES);
	TAKEN(virtio_count, le16_make, 1);
	REFUSED(virtio_count, le16_make, 0, FW_E_INFO_DEVICES);		/* but a place for it */
	REFUSED(virtio_gsi, le16_make, 17, FW_E_INFO_DEVICES);		/* the last one: 24 */
	REFUSED(virtio_gsi, le16_make, 15, FW_E_INFO_DEVICES);
	REFUSED(virtio_gsi, le16_make, 0xffff, FW_E_INFO_DEVICES);
	REFUSED(sci_gsi, le16_make, 23, FW_E_INFO_DEVICES);
	REFUSED(virtio_base, le32_make, 0, FW_E_INFO_DEVICES);
	REFUSED(virtio_base, le32_make, 0xe0100200, FW_E_INFO_DEVICES);
	REFUSED(virtio_base, le32_make, 0xb0000000, FW_E_INFO_DEVICES);	/* RAM */
	REFUSED(virtio_base, le32_make, 0xc0000000, FW_E_INFO_DEVICES);	/* the window */
	REFUSED(virtio_base, le32_make, 0xe00ff000, FW_E_INFO_DEVICES);	/* ECAM */
	REFUSED(virtio_base, le32_make, 0xfec00000, FW_E_INFO_DEVICES);	/* IOAPIC */
	REFUSED(virtio_base, le32_make, 0xfffff000, FW_E_INFO_DEVICES);
	REFUSED(virtio_stride, le32_make, 0, FW_E_INFO_DEVICES);
	REFUSED(virtio_stride, le32_make, 0x100, FW_E_INFO_DEVICES);
	REFUSED(virtio_stride, le32_make, 0x300, FW_E_INFO_DEVICES);
	REFUSED(virtio_stride, le32_make, 0x80000000, FW_E_INFO_DEVICES);
	TAKEN(virtio_stride, le32_make, 0x1000);
	bi.virtio_count = bi.virtio_gsi = le16_make(0);
	bi.virtio_base = bi.virtio_stride = le32_make(0);
	REQUIRE(fw_info_check(&bi, 39, &info) == FW_OK);
	CHECK_INT(info.virtio.size, 0);
}

static void test_devices(void)
{
	REFUSED(cpus, le32_make, 0, FW_E_INFO_DEVICES);
	REFUSED(cpus, le32_make, 256, FW_E_INFO_DEVICES);
	REFUSED(ecam_base, le32_make, 0xb0000000, FW_E_INFO_DEVICES);	/* RAM */
	REFUSED(ecam_base, le32_make, 0xc0000000, FW_E_INFO_DEVICES);	/* the window */
	REFUSED(ecam_base, le32_make, 0xfec00000, FW_E_INFO_DEVICES);	/* IOAPIC */
	REFUSED(ecam_base, le32_make, 0xe0000010, FW_E_INFO_DEVICES);
	REFUSED(ecam_size, le32_make, 4096, FW_E_INFO_DEVICES);
	REFUSED(ecam_size, le32_make, 0, FW_E_INFO_DEVICES);
	REFUSED(ecam_size, le32_make, MIB(257), FW_E_INFO_DEVICES);
	REFUSED(mmio32_size, le32_make, 0, FW_E_INFO_DEVICES);
	REFUSED(mmio32_size, le32_make, MIB(513), FW_E_INFO_DEVICES);
	REFUSED(mmio32_base, le32_make, 0xfffff000, FW_E_INFO_DEVICES);
	REFUSED(mmio64_base, le64_make, GIB(4), FW_E_INFO_DEVICES);	/* RAM */
	REFUSED(mmio64_base, le64_make, BIT(39) - GIB(8), FW_E_INFO_DEVICES);
	REFUSED(mmio64_base, le64_make, ~0ULL << 12, FW_E_INFO_DEVICES);
	TAKEN(mmio64_size, le64_make, 0);
	REFUSED(pm_port, le16_make, 0, FW_E_INFO_DEVICES);
	REFUSED(pm_port, le16_make, 0xfff1, FW_E_INFO_DEVICES);
	REFUSED(sci_gsi, le16_make, 24, FW_E_INFO_DEVICES);
	REFUSED(uart_port, le16_make, 0xfffc, FW_E_INFO_DEVICES);
	TAKEN(uart_port, le16_make, 0);
	REFUSED(uart_gsi, le16_make, 16, FW_E_INFO_DEVICES);
	TAKEN(pvpanic_port, le16_make, 0xffff);
}

static void test_staging(void)
{
	REFUSED(kernel_size, le64_make, 0, FW_E_INFO_STAGING);
	REFUSED(kernel_size, le64_make, 8193, FW_E_INFO_STAGING);	/* the initrd's page */
	TAKEN(kernel_size, le64_make, 8192);
	REFUSED(kernel_size, le64_make, ~0ULL, FW_E_INFO_STAGING);
	REFUSED(kernel_gpa, le64_make, MIB(2) + 1, FW_E_INFO_STAGING);
	REFUSED(kernel_gpa, le64_make, KIB(512), FW_E_INFO_STAGING);
	REFUSED(kernel_gpa, le64_make, FW_BOOT_INFO_GPA, FW_E_INFO_STAGING);
	REFUSED(kernel_gpa, le64_make, GIB(3) - 4096, FW_E_INFO_STAGING);
	TAKEN(kernel_gpa, le64_make, GIB(3) - 8192);
	REFUSED(kernel_gpa, le64_make, GIB(4), FW_E_INFO_STAGING);
	REFUSED(kernel_gpa, le64_make, ~0ULL << 12, FW_E_INFO_STAGING);
	REFUSED(initrd_gpa, le64_make, MIB(2) + KIB(4), FW_E_INFO_STAGING);
	REFUSED(initrd_gpa, le64_make, MIB(2) + KIB(12), FW_E_INFO_STAGING);
	TAKEN(initrd_size, le64_make, 0);
	REFUSED(cmdline_size, le64_make, 0, FW_E_INFO_STAGING);
}

static void test_place(void)
{
	const struct fw_range busy[] = {
		{ MIB(2), MIB(1) }, { MIB(5), 4096 }, { MIB(7), MIB(1) }, { MIB(4), 0 },
	};
	uint64_t at;

	REQUIRE(fw_place(4096, MIB(8), busy, 4, &at));
	CHECK_INT(at, MIB(7) - 4096);
	REQUIRE(fw_place(MIB(1), MIB(8), busy, 4, &at));
	CHECK_INT(at, MIB(6));
	REQUIRE(fw_place(MIB(2), MIB(8), busy, 4, &at));
	CHECK_INT(at, MIB(3));
	REQUIRE(fw_place(MIB(1) + 1, MIB(7), NULL, 0, &at));
	CHECK_INT(at, MIB(6) - 4096);
	REQUIRE(fw_place(MIB(1), MIB(4) - 1, busy, 1, &at));
	CHECK_INT(at, MIB(1));
	CHECK(!fw_place(MIB(2) + 1, MIB(8), busy, 4, &at));
	CHECK(!fw_place(~0ULL, MIB(8), busy, 4, &at));
	CHECK(!fw_place(1, 4096, busy, 4, &at));
	CHECK(!fw_place(MIB(8), MIB(8), NULL, 0, &at));
}

int main(void)
{
	RUN(test_good);
	RUN(test_identity);
	RUN(test_ram);
	RUN(test_phys_bits);
	RUN(test_virtio);
	RUN(test_devices);
	RUN(test_staging);
	RUN(test_place);
	return tests_done();
}
