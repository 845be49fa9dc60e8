/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SEV guest that lets virtio-rng look into its private memory: rings or buffers that were
 * never announced as shared, or were taken back. Each must end in DEVICE_NEEDS_RESET and leave
 * the memory as it was; with everything shared the device works. Entered by the measured
 * firmware, whose page tables give the C-bit to all of [0, 4 GiB), MMIO too; so its own first:
 *
 *	[0, 1 GiB) private, [3, 4 GiB) shared (MMIO), 512 GiB + [0, 1 GiB) shared
 */
#include "tests/guest/tiny/tiny.h"

#define RNG_ID 0x10441af4u
#define SIZE 8
#define BYTES 64
#define NEEDS_RESET 0x40
#define FEATURES_OK 8
#define VERSION_1 1u			/* bits 32 and 33: of the upper word */
#define ACCESS_PLATFORM 2u
#define SHARED 0x8000000000ull		/* where the shared view is mapped */
#define KVM_HC_MAP_GPA_RANGE 12
#define MAP_GPA_ENCRYPTED 0x10u

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

/* One page each, so that each can be private or shared by itself. */
enum area { TABLE, AVAIL, USED, BUFFER, NR_AREAS };
static uint8_t areas[NR_AREAS][4096] __attribute__((aligned(4096)));
static uint64_t tables[6][512] __attribute__((aligned(4096)));
static bool shared[NR_AREAS];
static uint64_t common, doorbell;

/* ---- Memory -------------------------------------------------------------------------- */

static uint64_t c_bit(void)
{
	uint32_t eax = 0x80000000, ebx, ecx = 0, edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	if (eax < 0x8000001f)
		return 0;
	eax = 0x8000001f;
	ecx = 0;
	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	return eax & 2 ? 1ull << (ebx & 63) : 0;
}

static void map_memory(uint64_t c)
{
	enum { PML4, PDPT, PDPT_SHARED, PD, PD_MMIO, PD_SHARED };

	tables[PML4][0] = (uint64_t)tables[PDPT] | c | 3;
	tables[PML4][1] = (uint64_t)tables[PDPT_SHARED] | c | 3;
	tables[PDPT][0] = (uint64_t)tables[PD] | c | 3;
	tables[PDPT][3] = (uint64_t)tables[PD_MMIO] | c | 3;
	tables[PDPT_SHARED][0] = (uint64_t)tables[PD_SHARED] | c | 3;
	for (uint64_t i = 0; i < 512; i++) {
		tables[PD][i] = i << 21 | c | 0x83;
		tables[PD_MMIO][i] = 3ull << 30 | i << 21 | 0x83;
		tables[PD_SHARED][i] = i << 21 | 0x83;
	}
	__asm__ volatile("mov %0, %%cr3" : : "r"((uint64_t)tables[PML4] | c) : "memory");
}

/* Tell the host, as Linux does; its answer. */
static uint64_t announce(enum area area, bool is_shared)
{
	uint64_t rax = KVM_HC_MAP_GPA_RANGE;

	__asm__ volatile("vmmcall" : "+a"(rax) : "b"((uint64_t)areas[area]), "c"(1ull),
		"d"(is_shared ? 0 : MAP_GPA_ENCRYPTED) : "memory");
	shared[area] = is_shared;
	return rax;
}

static void share(bool table, bool avail, bool used, bool buffer)
{
	const bool wanted[NR_AREAS] = { table, avail, used, buffer };

	for (unsigned int i = 0; i < NR_AREAS; i++)
		if (shared[i] != wanted[i] && announce((enum area)i, wanted[i]))
			tiny_print("privdma: the host refuses an announcement\n");
}

/* An area as this guest reaches it now. */
static volatile void *at(enum area area)
{
	return (volatile void *)((uint64_t)areas[area] + (shared[area] ? SHARED : 0));
}

/* ---- The device: virtio 1.2, 3.1.1, 4.1 and 5.4 --------------------------------------- */

static bool find_device(void)
{
	unsigned int slot = 0, cap;

	while (slot < 32 && read32(tiny_pci(slot, 0)) != RNG_ID)
		slot++;
	if (slot == 32)
		return false;
	write32(tiny_pci(slot, 4), 6);		/* memory, bus master */
	for (cap = read32(tiny_pci(slot, 0x34)) & 0xfc; cap;
	     cap = read32(tiny_pci(slot, cap)) >> 8 & 0xfc) {
		uint32_t head = read32(tiny_pci(slot, cap)), bar = read32(tiny_pci(slot, cap + 4));
		uint64_t base = read32(tiny_pci(slot, 0x10 + 4 * (bar & 7))) & ~0xfu;

		base += read32(tiny_pci(slot, cap + 8));
		if ((head & 0xff) == 9 && head >> 24 == 1)
			common = base;
		if ((head & 0xff) == 9 && head >> 24 == 2)
			doorbell = base;
	}
	return common && doorbell;
}

/* Up to FEATURES_OK; whether the device agrees. */
static bool negotiate(uint32_t features)
{
	write8(common + 20, 0);
	while (read8(common + 20))
		;
	write8(common + 20, 1);
	write8(common + 20, 3);
	write32(common + 8, 1);
	write32(common + 12, features);
	write32(common + 8, 0);
	write32(common + 12, 0);
	write8(common + 20, 3 | FEATURES_OK);
	return read8(common + 20) & FEATURES_OK;
}

static void write_address(uint64_t reg, uint64_t addr)
{
	write32(common + reg, (uint32_t)addr);
	write32(common + reg + 4, (uint32_t)(addr >> 32));
}

static void clear(enum area area)
{
	volatile uint64_t *p = at(area);

	for (unsigned int i = 0; i < 512; i++)
		p[i] = 0;
}

/* One request with the areas as they are; what came of it. */
static void request(const char *what)
{
	volatile struct desc *desc = at(TABLE);
	volatile uint16_t *avail = at(AVAIL);
	volatile uint32_t *used = at(USED);
	volatile uint8_t *buffer = at(BUFFER);
	unsigned int filled = 0;

	for (unsigned int i = 0; i < NR_AREAS; i++)
		clear((enum area)i);
	if (!negotiate(VERSION_1 | ACCESS_PLATFORM)) {
		tiny_print("privdma: %s: features refused\n", what);
		return;
	}
	write16(common + 22, 0);
	write16(common + 24, SIZE);
	write_address(32, (uint64_t)areas[TABLE]);
	write_address(40, (uint64_t)areas[AVAIL]);
	write_address(48, (uint64_t)areas[USED]);
	write16(common + 28, 1);
	write8(common + 20, 0xf);

	desc[0].addr = (uint64_t)areas[BUFFER];
	desc[0].len = BYTES;
	desc[0].flags = 2;
	__asm__ volatile("mfence" : : : "memory");
	avail[1] = 1;
	write16(doorbell, 0);
	for (unsigned int i = 0; i < 3000; i++)
		if (read8(common + 20) & NEEDS_RESET || used[0] >> 16)
			break;
	for (unsigned int i = 0; i < BYTES; i++)
		filled += !!buffer[i];
	tiny_print("privdma: %s: status %x, used %u, %s\n", what,
		read8(common + 20) & (NEEDS_RESET | 0xf), used[0] >> 16,
		filled > BYTES / 2 ? "filled" : filled ? "touched" : "untouched");
}

void tiny_guest(void)
{
	uint64_t c = c_bit();

	if (!c) {
		tiny_print("privdma: not a SEV guest\n");
		return;
	}
	map_memory(c);
	if (!find_device()) {
		tiny_print("privdma: no virtio-rng\n");
		return;
	}
	tiny_print("privdma: without ACCESS_PLATFORM: %s\n",
		negotiate(VERSION_1) ? "accepted" : "refused");
	request("all private");
	share(false, true, true, true);
	request("private descriptors");
	share(true, false, true, true);
	request("private avail ring");
	share(true, true, false, true);
	request("private used ring");
	share(true, true, true, false);
	request("private buffer");
	share(true, true, true, true);
	request("all shared");
	share(true, true, true, false);
	request("buffer taken back");
	share(false, false, false, false);
	request("all taken back");
	share(true, true, true, true);
	request("all shared again");
}
