/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A realm whose host takes a page away (tests/boot/realm-taken.c): what an access meets, and
 * what the realm manager answers to those who want the page back. Both sides meet in a page
 * that the realm shares: the first word is the host's turn, the second has an address.
 */
#include "tests/guest/tiny-arm64/tiny.h"

/* In the image, and so in what was measured. */
static uint8_t page[PAGE] __attribute__((aligned(4096), section(".data"))) = "private";
static uint8_t meeting[PAGE] __attribute__((aligned(4096)));

static void ask(const char *what, uint64_t flags)
{
	uint64_t at = (uint64_t)page, s = rsi(SET, at, at + PAGE, IS_RAM, flags);

	print("realm: %s: %x, done %x, answer %x\n", what, s, x[1] - at, x[2]);
}

void tiny_guest(uint64_t top)
{
	uint64_t at = (uint64_t)meeting | shared;

	if (!set((uint64_t)meeting, (uint64_t)meeting + PAGE, EMPTY))
		return;
	touch("before", (uint64_t)page, false);
	print("realm: meet at %x about %x\n", (uint64_t)meeting, (uint64_t)page);
	while (!read32(at))
		;
	rsi(GET, (uint64_t)page, (uint64_t)page + PAGE, 0, 0);
	print("realm: taken: state %x\n", x[2]);
	touch("taken, read", (uint64_t)page, false);
	touch("taken, write", (uint64_t)page, true);
	print("realm: config into it: %x\n", rsi(CONFIG, (uint64_t)page, 0, 0, 0));
	ask("back, without the flag", 0);
	touch("still taken", (uint64_t)page, false);
	ask("back, with the flag", 1);
	touch("back", (uint64_t)page, false);
	print("realm: contents %x\n", (uint64_t)read32((uint64_t)page));
	touch("back, write", (uint64_t)page, true);
	print("realm: contents %x\n", (uint64_t)read32((uint64_t)page));
	print("realm: done\n");
}
