/* SPDX-License-Identifier: Apache-2.0 */
#include "tee/virtcca/soft/pages.h"

#include <errno.h>
#include <stdlib.h>

int pages_init(struct pages *p, uint64_t nr)
{
	*p = (struct pages){ .nr = nr };
	for (unsigned int i = 0; i < PAGES_PLANES; i++) {
		p->plane[i] = calloc(nr / 64 + 1, sizeof(uint64_t));
		if (!p->plane[i]) {
			pages_fini(p);
			return -ENOMEM;
		}
	}
	return 0;
}

void pages_fini(struct pages *p)
{
	for (unsigned int i = 0; i < PAGES_PLANES; i++)
		free(p->plane[i]);
	*p = (struct pages){ 0 };
}

static bool bit(const struct pages *p, unsigned int plane, uint64_t i)
{
	return p->plane[plane][i / 64] >> i % 64 & 1;
}

unsigned int pages_ripas(const struct pages *p, uint64_t i)
{
	return (unsigned int)bit(p, PAGES_RIPAS_HIGH, i) << 1 | bit(p, PAGES_RIPAS_LOW, i);
}

bool pages_data(const struct pages *p, uint64_t i)
{
	return bit(p, PAGES_DATA, i);
}

/* Bits of word w that belong to [from, to), which has some there. */
static uint64_t mask(uint64_t w, uint64_t from, uint64_t to)
{
	uint64_t m = UINT64_MAX;

	if (from > w * 64)
		m &= UINT64_MAX << from % 64;
	if (to < (w + 1) * 64)
		m &= UINT64_MAX >> (64 - to % 64);
	return m;
}

static void set(uint64_t *plane, uint64_t from, uint64_t to, bool value)
{
	for (uint64_t w = from / 64; from < to && w <= (to - 1) / 64; w++) {
		if (value)
			plane[w] |= mask(w, from, to);
		else
			plane[w] &= ~mask(w, from, to);
	}
}

void pages_set_ripas(struct pages *p, uint64_t from, uint64_t to, unsigned int ripas)
{
	set(p->plane[PAGES_RIPAS_LOW], from, to, ripas & 1);
	set(p->plane[PAGES_RIPAS_HIGH], from, to, ripas & 2);
}

void pages_set_data(struct pages *p, uint64_t from, uint64_t to, bool data)
{
	set(p->plane[PAGES_DATA], from, to, data);
}

uint64_t pages_run(const struct pages *p, uint64_t from, uint64_t to)
{
	unsigned int ripas = pages_ripas(p, from);
	uint64_t low = ripas & 1 ? UINT64_MAX : 0, high = ripas & 2 ? UINT64_MAX : 0;

	for (uint64_t w = from / 64; w <= (to - 1) / 64; w++) {
		uint64_t differ = ((p->plane[PAGES_RIPAS_LOW][w] ^ low) |
			(p->plane[PAGES_RIPAS_HIGH][w] ^ high)) & mask(w, from, to);

		if (differ)
			return w * 64 + (unsigned int)__builtin_ctzll(differ);
	}
	return to;
}

uint64_t pages_next_data(const struct pages *p, uint64_t from, uint64_t to)
{
	for (uint64_t w = from / 64; from < to && w <= (to - 1) / 64; w++) {
		uint64_t found = p->plane[PAGES_DATA][w] & mask(w, from, to);

		if (found)
			return w * 64 + (unsigned int)__builtin_ctzll(found);
	}
	return to;
}
