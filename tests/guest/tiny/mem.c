/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a pattern to both ends and some places in the middle of every RAM range, then reads
 * it all back, so that two addresses with the same memory behind them show. Memory beyond
 * 4 GiB is added to the page tables in use as it is needed.
 */
#include "tests/guest/tiny/tiny.h"

#define GIB (1ull << 30)
#define MAX_PLACES 64

static uint64_t directories[16][512] __attribute__((aligned(4096)));
static unsigned int used;
static uint64_t places[MAX_PLACES], saved[MAX_PLACES];
static unsigned int nr_places;

/* Below 512 GiB, in the first of the top level's entries. */
static bool map(uint64_t at)
{
	uint64_t *top, *gibs, *dir, gib = at / GIB;

	__asm__ volatile("mov %%cr3, %0" : "=r"(top));
	gibs = (uint64_t *)(top[0] & ~0xfffull);
	if (gibs[gib] & 1)
		return true;
	if (used == 16)
		return false;
	dir = directories[used++];
	for (unsigned int i = 0; i < 512; i++)
		dir[i] = (gib * GIB + i * 0x200000ull) | 0x83;
	gibs[gib] = (uint64_t)dir | 3;
	return true;
}

static volatile uint64_t *word(uint64_t at)
{
	return (volatile uint64_t *)at;
}

/* Not where this program, its stack or the page tables are. */
static void add(uint64_t at)
{
	extern char tiny_start[];
	uint64_t self = (uint64_t)tiny_start & ~0xfffull;

	if (nr_places == MAX_PLACES || !map(at) || (at >= 0x500 && at < 0x30000) ||
	    (at > self && at < self + 0x100000))
		return;
	places[nr_places++] = at;
}

static uint64_t pattern(uint64_t at)
{
	return at * 0x9e3779b97f4a7c15ull ^ 0x5aa5;
}

void tiny_guest(void)
{
	unsigned int bad = 0;

	for (unsigned int i = 0; i < tiny_nr_ranges; i++) {
		const struct tiny_range *r = &tiny_ranges[i];

		tiny_print("mem: %lx-%lx type %u\n", r->base, r->base + r->size, r->type);
		if (r->type != TINY_RAM)
			continue;
		add(r->base ? r->base : 8);
		add(r->base + r->size / 4 * 3 / 8 * 8);
		add(r->base + r->size / 2 / 8 * 8);
		add(r->base + r->size - 8);
	}
	for (unsigned int i = 0; i < nr_places; i++) {
		saved[i] = *word(places[i]);
		*word(places[i]) = pattern(places[i]);
	}
	for (unsigned int i = 0; i < nr_places; i++) {
		if (*word(places[i]) != pattern(places[i])) {
			tiny_print("mem: %lx holds %lx\n", places[i], *word(places[i]));
			bad++;
		}
		*word(places[i]) = saved[i];
	}
	tiny_print("mem: %u places, %u wrong, highest %lx\n", nr_places, bad,
		nr_places ? places[nr_places - 1] : 0);
}
