/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile, then a proper driver of virtio-rng (virtio 1.2, 4.1 and 5.4). Rings outside of
 * RAM, descriptor loops and buffers outside of RAM must end in DEVICE_NEEDS_RESET or in a
 * buffer that is returned empty, and never in more than that: afterwards the device works.
 */
#include "tests/guest/tiny/tiny.h"

#define RNG_ID 0x10441af4u
#define SIZE 8
#define NEEDS_RESET 0x40
#define NOWHERE 0x7f0000000000ull

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

static struct desc table[SIZE] __attribute__((aligned(4096)));
static volatile uint16_t avail[2 + SIZE + 1] __attribute__((aligned(4096)));
static volatile uint32_t used[1 + 2 * SIZE + 1] __attribute__((aligned(4096)));
static volatile uint8_t buffer[64] __attribute__((aligned(4096)));
static uint64_t common, doorbell;

/* 4.1.4: the capabilities name BAR and offset of each structure. */
static bool find_device(void)
{
	unsigned int slot = 0, at;

	while (slot < 32 && read32(tiny_pci(slot, 0)) != RNG_ID)
		slot++;
	if (slot == 32)
		return false;
	write32(tiny_pci(slot, 4), 6);		/* memory, bus master */
	for (at = read32(tiny_pci(slot, 0x34)) & 0xfc; at;
	     at = read32(tiny_pci(slot, at)) >> 8 & 0xfc) {
		uint32_t head = read32(tiny_pci(slot, at)), bar = read32(tiny_pci(slot, at + 4));
		uint64_t base = read32(tiny_pci(slot, 0x10 + 4 * (bar & 7))) & ~0xfu;

		base += read32(tiny_pci(slot, at + 8));
		if ((head & 0xff) == 9 && head >> 24 == 1)
			common = base;
		if ((head & 0xff) == 9 && head >> 24 == 2)
			doorbell = base;
	}
	return common && doorbell;
}

static void write_address(uint64_t reg, uint64_t addr)
{
	write32(common + reg, (uint32_t)addr);
	write32(common + reg + 4, (uint32_t)(addr >> 32));
}

/* 3.1.1, with queue 0 at these places. */
static void start(uint64_t desc_at, uint64_t avail_at, uint64_t used_at)
{
	write8(common + 20, 0);
	while (read8(common + 20))
		;
	write8(common + 20, 1);
	write8(common + 20, 3);
	write32(common + 8, 1);
	write32(common + 12, 1);		/* VIRTIO_F_VERSION_1 and nothing else */
	write32(common + 8, 0);
	write32(common + 12, 0);
	write8(common + 20, 0xb);
	write16(common + 22, 0);
	write16(common + 24, SIZE);
	write_address(32, desc_at);
	write_address(40, avail_at);
	write_address(48, used_at);
	write16(common + 28, 1);
	for (unsigned int i = 0; i < 2 + SIZE + 1; i++)
		avail[i] = 0;
	for (unsigned int i = 0; i < 1 + 2 * SIZE + 1; i++)
		used[i] = 0;
	write8(common + 20, 0xf);
}

/* Publish chains 0 .. n-1, ring, and wait for an answer of any kind. */
static void kick(const char *what, uint16_t idx)
{
	for (uint16_t i = 0; i < SIZE; i++)
		avail[2 + i] = i;
	__asm__ volatile("mfence" : : : "memory");
	avail[1] = idx;
	write16(doorbell, 0);
	for (unsigned int i = 0; i < 3000; i++)
		if (read8(common + 20) & NEEDS_RESET || used[0] >> 16)
			break;
	tiny_print("badqueue: %s: status %x, used %u, length %u\n", what,
		read8(common + 20) & (NEEDS_RESET | 0xf), used[0] >> 16, used[2]);
}

static void good(void)
{
	unsigned int nonzero = 0;

	for (unsigned int i = 0; i < sizeof(buffer); i++)
		buffer[i] = 0;
	start((uint64_t)table, (uint64_t)avail, (uint64_t)used);
	table[0] = (struct desc){ (uint64_t)buffer, sizeof(buffer), 2, 0 };
	kick("good", 1);
	for (unsigned int i = 0; i < sizeof(buffer); i++)
		nonzero += !!buffer[i];
	tiny_print("badqueue: %s\n", nonzero > sizeof(buffer) / 2 ? "alive" : "dead");
}

void tiny_guest(void)
{
	if (!find_device()) {
		tiny_print("badqueue: no virtio-rng\n");
		return;
	}
	start(NOWHERE, (uint64_t)avail, (uint64_t)used);
	kick("descriptors outside RAM", 1);
	start((uint64_t)table, NOWHERE, (uint64_t)used);
	kick("avail ring outside RAM", 1);
	start((uint64_t)table, (uint64_t)avail, ~0xfffull);
	kick("used ring at the end of the world", 1);
	start((uint64_t)table, (uint64_t)avail, (uint64_t)used);
	table[0] = (struct desc){ NOWHERE, 64, 2, 0 };
	kick("buffer outside RAM", 1);
	start((uint64_t)table, (uint64_t)avail, (uint64_t)used);
	table[0] = (struct desc){ (uint64_t)buffer, 64, 3, 0 };
	kick("loop", 1);
	start((uint64_t)table, (uint64_t)avail, (uint64_t)used);
	table[0] = (struct desc){ (uint64_t)buffer, 64, 3, 0xffff };
	kick("next beyond the table", 1);
	start((uint64_t)table, (uint64_t)avail, (uint64_t)used);
	table[0] = (struct desc){ ~7ull, 64, 2, 0 };
	kick("buffer that wraps", 1);
	start((uint64_t)table, (uint64_t)avail, (uint64_t)used);
	kick("index far ahead", 0x8000);
	good();
}
