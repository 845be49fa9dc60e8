/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the numbers that the host gave can be true together. */
#include "firmware/x86_64/fw.h"

#include "arch/x86_64/acpi_tables.h"
#include "base/bits.h"

#define MAX_CPUS 255
#define MAX_PHYS_BITS 46
#define PORTS 0x10000u
#define NR_GSI 24
#define ISA_GSI 16		/* below: lines with owners and polarities of their own */
#define VIRTIO_SIZE 0x200

static bool pages(uint64_t v)
{
	return v % FW_PAGE == 0;
}

static bool ram_ok(const struct fw_info *i, unsigned int phys_bits)
{
	return pages(i->ram_low) && pages(i->ram_high) && i->ram_low >= 2 * FW_RAM_START &&
		i->ram_low <= FW_RAM_LOW_MAX && i->ram_high <= BIT(phys_bits) - FW_RAM_HIGH;
}

/* A window below 4 GiB that hides neither RAM nor interrupt controllers and ROM. */
static bool window32_ok(const struct fw_info *i, const struct fw_range *r)
{
	return r->size && pages(r->gpa) && pages(r->size) &&
		range_within(r->gpa, r->size, i->ram_low, FW_MMIO32_END - i->ram_low);
}

static bool port_ok(unsigned int port, unsigned int len)
{
	return port <= PORTS - len;
}

/* Devices in a row, on interrupts that nobody else has. */
static bool virtio_ok(const struct fw_info *i)
{
	if (!i->virtio_count)
		return !i->virtio.gpa && !i->virtio_stride && !i->virtio_gsi;
	return i->virtio_count <= ACPI_MAX_VIRTIO && i->virtio_stride >= VIRTIO_SIZE &&
		i->virtio_stride <= FW_PAGE && i->virtio_stride % VIRTIO_SIZE == 0 &&
		window32_ok(i, &i->virtio) &&
		!ranges_overlap(i->virtio.gpa, i->virtio.size, i->ecam.gpa, i->ecam.size) &&
		!ranges_overlap(i->virtio.gpa, i->virtio.size, i->mmio32.gpa, i->mmio32.size) &&
		i->virtio_gsi >= ISA_GSI && i->virtio_gsi + i->virtio_count <= NR_GSI &&
		(i->sci_gsi < i->virtio_gsi || i->sci_gsi >= i->virtio_gsi + i->virtio_count);
}

static bool devices_ok(const struct fw_info *i, unsigned int phys_bits)
{
	uint64_t high_end = FW_RAM_HIGH + i->ram_high;

	if (!i->cpus || i->cpus > MAX_CPUS)
		return false;
	if (!window32_ok(i, &i->ecam) || !window32_ok(i, &i->mmio32) ||
	    i->ecam.size % MIB(1) || i->ecam.size > MIB(256) ||
	    ranges_overlap(i->ecam.gpa, i->ecam.size, i->mmio32.gpa, i->mmio32.size))
		return false;
	if (i->mmio64.size && (!pages(i->mmio64.gpa) || !pages(i->mmio64.size) ||
	    !range_within(i->mmio64.gpa, i->mmio64.size, high_end, BIT(phys_bits) - high_end)))
		return false;
	return virtio_ok(i) && i->pm_port && port_ok(i->pm_port, 16) && i->sci_gsi < NR_GSI &&
		port_ok(i->uart_port, 8) && i->uart_gsi < 16 && port_ok(i->pvpanic_port, 1);
}

static bool staging_ok(const struct fw_info *i)
{
	const struct fw_range r[] = { i->kernel, i->initrd, i->cmdline,
		{ FW_BOOT_INFO_GPA, FW_BOOT_INFO_SIZE } };
	unsigned int n = sizeof(r) / sizeof(r[0]);

	if (!i->kernel.size || !i->cmdline.size)
		return false;
	for (unsigned int a = 0; a < n; a++) {
		if (!r[a].size)
			continue;
		/* RAM ends on a page, so the rest of the last page is inside, too. */
		if (!pages(r[a].gpa) || !range_within(r[a].gpa, r[a].size, FW_RAM_START,
		    i->ram_low - FW_RAM_START))
			return false;
		for (unsigned int b = 0; b < a; b++) {
			if (ranges_overlap(r[a].gpa, align_up(r[a].size, FW_PAGE), r[b].gpa,
			    align_up(r[b].size, FW_PAGE)))
				return false;
		}
	}
	return true;
}

enum fw_reason fw_info_check(const struct fw_boot_info *bi, unsigned int phys_bits,
	struct fw_info *out)
{
	struct fw_info i = {
		.cpus = le32_get(bi->cpus),
		.ram_low = le64_get(bi->ram_low),
		.ram_high = le64_get(bi->ram_high),
		.kernel = { le64_get(bi->kernel_gpa), le64_get(bi->kernel_size) },
		.initrd = { le64_get(bi->initrd_gpa), le64_get(bi->initrd_size) },
		.cmdline = { le64_get(bi->cmdline_gpa), le64_get(bi->cmdline_size) },
		.ecam = { le32_get(bi->ecam_base), le32_get(bi->ecam_size) },
		.mmio32 = { le32_get(bi->mmio32_base), le32_get(bi->mmio32_size) },
		.mmio64 = { le64_get(bi->mmio64_base), le64_get(bi->mmio64_size) },
		.pm_port = le16_get(bi->pm_port),
		.sci_gsi = le16_get(bi->sci_gsi),
		.uart_port = le16_get(bi->uart_port),
		.uart_gsi = le16_get(bi->uart_gsi),
		.pvpanic_port = le16_get(bi->pvpanic_port),
		.virtio = { le32_get(bi->virtio_base), 0 },
		.virtio_stride = le32_get(bi->virtio_stride),
		.virtio_count = le16_get(bi->virtio_count),
		.virtio_gsi = le16_get(bi->virtio_gsi),
	};

	i.virtio.size = align_up((uint64_t)i.virtio_count * i.virtio_stride, FW_PAGE);
	if (phys_bits > MAX_PHYS_BITS)
		phys_bits = MAX_PHYS_BITS;
	if (le64_get(bi->magic) != FW_BOOT_INFO_MAGIC)
		return FW_E_INFO_MAGIC;
	if (le32_get(bi->version) != FW_BOOT_INFO_VERSION)
		return FW_E_INFO_VERSION;
	for (size_t n = 0; n < sizeof(bi->reserved); n++) {
		if (bi->reserved[n])
			return FW_E_INFO_VERSION;
	}
	if (phys_bits <= 32 || !ram_ok(&i, phys_bits))
		return FW_E_INFO_RAM;
	if (!devices_ok(&i, phys_bits))
		return FW_E_INFO_DEVICES;
	if (!staging_ok(&i))
		return FW_E_INFO_STAGING;
	*out = i;
	return FW_OK;
}

bool fw_place(uint64_t size, uint64_t end, const struct fw_range *busy, unsigned int n,
	uint64_t *out)
{
	/* Every round that hits a range ends below it, so each can be hit once. */
	for (unsigned int rounds = 0; rounds <= n; rounds++) {
		unsigned int i;
		uint64_t at;

		if (end < FW_RAM_START || size > end - FW_RAM_START)
			return false;
		at = align_down(end - size, FW_PAGE);
		if (at < FW_RAM_START)
			return false;
		for (i = 0; i < n && !ranges_overlap(at, size, busy[i].gpa, busy[i].size); i++)
			;
		if (i == n) {
			*out = at;
			return true;
		}
		end = busy[i].gpa;
	}
	return false;
}
