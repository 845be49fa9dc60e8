/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A realm that does what Linux never would: RSI calls that are refused, measurements that are
 * extended, memory through the wrong half, and virtio with private rings. One line for each
 * thing it tries, "realm: WHAT: ...", which tests/boot/linux/arm-realm-calls.sh compares.
 */
#include "tests/guest/tiny-arm64/tiny.h"

#define VIRTIO 0x3000000ull		/* the first of virtio-mmio */
#define VIRTIO_STRIDE 0x200

/* One page each, so that each can be private or shared by itself. */
enum area { TABLE, AVAIL, USED, BUFFER, OTHER, NR_AREAS };
static uint8_t areas[NR_AREAS][PAGE] __attribute__((aligned(4096)));

static uint64_t page(enum area area)
{
	return (uint64_t)areas[area];
}

static bool open[NR_AREAS];		/* shared now */

/* An area as this guest reaches it now. */
static uint64_t at(enum area area)
{
	return page(area) | (open[area] ? shared : 0);
}

static void share(enum area area, bool on)
{
	if (open[area] != on && !set(page(area), page(area) + PAGE, on ? EMPTY : IS_RAM))
		print("realm: a page cannot change its state\n");
	open[area] = on;
}

/* ---- What is refused ----------------------------------------------------------------- */

static void calls(uint64_t top)
{
	uint64_t s;

	print("realm: config: width %x hash %x\n", config[0], config[1] & 0xff);
	s = rsi(VERSION, 0x10000, 0, 0, 0);
	print("realm: version 1.0: %x, %x to %x\n", s, x[1], x[2]);
	s = rsi(VERSION, 0x20000, 0, 0, 0);
	print("realm: version 2.0: %x, %x to %x\n", s, x[1], x[2]);
	s = rsi(FEATURES, 7, 0, 0, 0);
	print("realm: features: %x, %x\n", s, x[1]);
	print("realm: by hvc: %x\n", rsi_by_hvc(VERSION, 0x10000, 0, 0, 0));
	print("realm: no such call: %x\n", rsi(0x1f, 0, 0, 0, 0));
	print("realm: config, unaligned: %x\n", rsi(CONFIG, page(OTHER) + 8, 0, 0, 0));
	print("realm: config, shared half: %x\n", rsi(CONFIG, page(OTHER) | shared, 0, 0, 0));
	print("realm: set, unaligned: %x\n", rsi(SET, page(OTHER) + 8, page(BUFFER), 1, 0));
	print("realm: set, nothing: %x\n", rsi(SET, page(OTHER), page(OTHER), 1, 0));
	print("realm: set, state 2: %x\n", rsi(SET, page(OTHER), page(OTHER) + PAGE, 2, 0));
	print("realm: set, shared half: %x\n", rsi(SET, shared, shared + PAGE, 1, 0));
	s = rsi(SET, top, top + PAGE, IS_RAM, 0);
	print("realm: set, no memory: %x, done %x, answer %x\n", s, x[1] - top, x[2]);
	s = rsi(SET, top - PAGE, top + PAGE, IS_RAM, 0);
	print("realm: set, half of it: %x, done %x, answer %x\n", s, x[1] - (top - PAGE), x[2]);
	s = rsi(GET, UART, UART + PAGE, 0, 0);
	print("realm: get, device: %x, %x, state %x\n", s, x[1] - UART, x[2]);
}

/* What a kernel started by kexec does first: all memory is RAM again, and its contents stay. */
static void again(uint64_t top)
{
	volatile uint64_t *kept = (volatile uint64_t *)(top - PAGE);
	uint64_t n;

	*kept = 0x6b657074;
	share(OTHER, true);
	write32(at(OTHER), 0x6c6f7374);
	rsi(GET, page(OTHER), top, 0, 0);
	print("realm: shared page: state %x, %x bytes\n", x[2], x[1] - page(OTHER));
	n = set(RAM, top, IS_RAM);
	open[OTHER] = false;
	print("realm: all is RAM again: %s, kept %x, page %x\n", n ? "yes" : "no", *kept,
		(uint64_t)read32(at(OTHER)));
	rsi(GET, RAM, top, 0, 0);
	print("realm: all of it: %s, state %x\n", x[1] == top ? "yes" : "no", x[2]);
}

/* ---- Measurements and a token -------------------------------------------------------- */

static void measure(void)
{
	uint64_t size, n;

	rsi(READ, 1, 0, 0, 0);
	print("realm: rem 1 before: %x %x %x %x\n", x[1], x[2], x[3], x[4]);
	/* 16 bytes: x3 and x4 of the call. */
	print("realm: extend 1: %x\n", rsi(EXTEND, 1, 16, 0x3736353433323130, 0x6665646362613938));
	print("realm: extend 0: %x\n", rsi(EXTEND, 0, 16, 1, 2));
	print("realm: extend 5: %x\n", rsi(EXTEND, 5, 16, 1, 2));
	print("realm: extend, 65 bytes: %x\n", rsi(EXTEND, 2, 65, 1, 2));
	rsi(READ, 1, 0, 0, 0);
	print("realm: rem 1: ");
	print_bytes((const uint8_t *)&x[1], 32);
	print("\nrealm: read 5: %x\n", rsi(READ, 5, 0, 0, 0));

	print("realm: continue without init: %x\n", rsi(TOKEN_CONTINUE, page(OTHER), 0, PAGE, 0));
	print("realm: init: %x\n", rsi(TOKEN_INIT, 0x63, 0, 0, 0));
	size = x[1];
	print("realm: continue, past the page: %x\n", rsi(TOKEN_CONTINUE, page(OTHER), 8, PAGE, 0));
	print("realm: token of at most %x: ", size);
	do {
		n = rsi(TOKEN_CONTINUE, page(OTHER), 0, 700, 0);
		print_bytes(areas[OTHER], x[1]);
	} while (n == 3);
	print("\nrealm: continue: %x\n", n);
}

/* ---- The wrong half ------------------------------------------------------------------ */

static void wrong_half(uint64_t top)
{
	touch("device, shared half, read", (UART + 4) | shared, false);
	touch("device, own half, read", UART + 4, false);
	touch("device, own half, write", UART, true);
	touch("no memory, read", top + PAGE, false);
	share(OTHER, true);
	touch("shared page, own half, read", page(OTHER), false);
	touch("shared page, own half, write", page(OTHER), true);
	touch("shared page, shared half, write", page(OTHER) | shared, true);
	share(OTHER, false);
	touch("own page, shared half, read", page(OTHER) | shared, false);
	touch("own page, shared half, write", page(OTHER) | shared, true);
	touch("own page, own half, write", page(OTHER), true);
}

/* ---- virtio 1.2, 4.2.2 (MMIO), 5.4: the entropy device ------------------------------- */

#define SIZE 8u
#define BYTES 64u
#define NEEDS_RESET 0x40u
#define FEATURES_OK 8u

static uint64_t device;

static bool find_rng(void)
{
	for (unsigned int i = 0; i < 32; i++) {
		device = (VIRTIO + i * VIRTIO_STRIDE) | shared;
		if (read32(device) != 0x74726976)
			return false;
		if (read32(device + 8) == 4)
			return true;
	}
	return false;
}

/* Up to FEATURES_OK; whether the device agrees. */
static bool negotiate(uint32_t upper)
{
	write32(device + 0x70, 0);
	while (read32(device + 0x70))
		;
	write32(device + 0x70, 3);
	write32(device + 0x24, 1);
	write32(device + 0x20, upper);
	write32(device + 0x24, 0);
	write32(device + 0x20, 0);
	write32(device + 0x70, 3 | FEATURES_OK);
	return read32(device + 0x70) & FEATURES_OK;
}

static void write_address(uint64_t reg, uint64_t addr)
{
	write32(device + reg, (uint32_t)addr);
	write32(device + reg + 4, (uint32_t)(addr >> 32));
}

/* One request with the areas as they are; addresses with the shared bit or not. */
static void request(const char *what, uint64_t bit)
{
	unsigned int filled = 0;

	for (unsigned int i = 0; i < NR_AREAS; i++)
		for (unsigned int j = 0; j < 256; j += 4)
			write32(at((enum area)i) + j, 0);
	if (!negotiate(3)) {
		print("realm: %s: features refused\n", what);
		return;
	}
	write32(device + 0x30, 0);
	write32(device + 0x38, SIZE);
	write_address(0x80, page(TABLE) | bit);
	write_address(0x90, page(AVAIL) | bit);
	write_address(0xa0, page(USED) | bit);
	write32(device + 0x44, 1);
	write32(device + 0x70, 0xf);
	write32(at(TABLE), (uint32_t)(page(BUFFER) | bit));
	write32(at(TABLE) + 4, (uint32_t)((page(BUFFER) | bit) >> 32));
	write32(at(TABLE) + 8, BYTES);
	write32(at(TABLE) + 12, 2);
	write32(at(AVAIL), 1u << 16);
	__asm__ volatile("dsb sy" : : : "memory");
	write32(device + 0x50, 0);
	for (unsigned int i = 0; i < 20000; i++)
		if (read32(device + 0x70) & NEEDS_RESET || read32(at(USED)) >> 16)
			break;
	for (unsigned int i = 0; i < BYTES; i++)
		filled += !!read8(at(BUFFER) + i);
	print("realm: %s: status %x, used %x, %s\n", what, (uint64_t)read32(device + 0x70),
		(uint64_t)(read32(at(USED)) >> 16),
		filled > BYTES / 2 ? "filled" : filled ? "touched" : "untouched");
}

static void devices(void)
{
	static const char *const names[] = { "private descriptors", "private avail ring",
		"private used ring", "private buffer" };

	if (!find_rng()) {
		print("realm: no virtio-rng\n");
		return;
	}
	print("realm: without ACCESS_PLATFORM: %s\n", negotiate(1) ? "accepted" : "refused");
	request("all private", 0);
	for (unsigned int i = 0; i <= BUFFER; i++) {
		for (unsigned int j = 0; j <= BUFFER; j++)
			share((enum area)j, i != j);
		request(names[i], shared);
	}
	share(BUFFER, true);
	request("all shared, addresses with the bit", shared);
	request("all shared, addresses without", 0);
	share(BUFFER, false);
	request("buffer taken back", shared);
	negotiate(0);
}

/* ---- All of it ----------------------------------------------------------------------- */

void tiny_guest(uint64_t top)
{
	print("realm: memory up to %x\n", top);
	calls(top);
	again(top);
	measure();
	wrong_half(top);
	devices();
	print("realm: done\n");
}
