/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every PCI function: ids, BARs with their sizes, capabilities. Both ways to configuration
 * space are used, and have to agree on every register.
 */
#include "tests/guest/tiny/tiny.h"

static uint32_t by_ports(unsigned int slot, unsigned int reg)
{
	outl(0xcf8, 0x80000000u | slot << 11 | reg);
	return inl(0xcfc);
}

static void print_bars(unsigned int slot)
{
	uint32_t old, size;

	for (unsigned int reg = 0x10; reg < 0x28; reg += 4) {
		old = read32(tiny_pci(slot, reg));
		write32(tiny_pci(slot, reg), 0xffffffff);
		size = read32(tiny_pci(slot, reg));
		write32(tiny_pci(slot, reg), old);
		if (size)
			tiny_print(" bar%u=%x+%x", (reg - 0x10) / 4, old & ~0xfu,
				~(size & ~0xfu) + 1);
		if ((old & 7) == 4)
			reg += 4;
	}
}

static void print_caps(unsigned int slot)
{
	uint32_t cap, at = read32(tiny_pci(slot, 0x34)) & 0xfc;

	if (!(read32(tiny_pci(slot, 4)) & 0x100000))
		return;
	tiny_print(" caps");
	for (unsigned int i = 0; at && i < 48; i++, at = cap >> 8 & 0xfc) {
		cap = read32(tiny_pci(slot, at));
		tiny_print(" %x", cap & 0xff);
	}
}

void tiny_guest(void)
{
	unsigned int found = 0, differ = 0;

	for (unsigned int slot = 0; slot < 32; slot++) {
		uint32_t id = read32(tiny_pci(slot, 0));

		for (unsigned int reg = 0; reg < 256; reg += 4)
			if (by_ports(slot, reg) != read32(tiny_pci(slot, reg)))
				differ++;
		if (id == 0xffffffff)
			continue;
		found++;
		tiny_print("pci: %u %x:%x class %x", slot, id & 0xffff, id >> 16,
			read32(tiny_pci(slot, 8)) >> 8);
		print_bars(slot);
		print_caps(slot);
		tiny_print("\n");
	}
	tiny_print("pci: %u functions, %u registers differ\n", found, differ);
}
