/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State of a range's pages: three bits each, in planes, so that long runs are changed and
 * found a word at a time. A guest chooses the pattern, so memory does not depend on it: 96 KiB
 * for each GiB.
 */
#ifndef TEE_VIRTCCA_SOFT_PAGES_H
#define TEE_VIRTCCA_SOFT_PAGES_H

#include <stdbool.h>
#include <stdint.h>

enum { PAGES_RIPAS_LOW, PAGES_RIPAS_HIGH, PAGES_DATA, PAGES_PLANES };

struct pages {
	uint64_t nr;
	uint64_t *plane[PAGES_PLANES];	/* owned */
};

int pages_init(struct pages *p, uint64_t nr);	/* all 0; -ENOMEM */
void pages_fini(struct pages *p);

/* RIPAS of page i, and whether it has data. */
unsigned int pages_ripas(const struct pages *p, uint64_t i);
bool pages_data(const struct pages *p, uint64_t i);

/* [from, to) */
void pages_set_ripas(struct pages *p, uint64_t from, uint64_t to, unsigned int ripas);
void pages_set_data(struct pages *p, uint64_t from, uint64_t to, bool data);

/* First page in [from, to) whose RIPAS differs from that of page from; to, when there is none. */
uint64_t pages_run(const struct pages *p, uint64_t from, uint64_t to);
/* First page in [from, to) with data; to, when there is none. */
uint64_t pages_next_data(const struct pages *p, uint64_t from, uint64_t to);

#endif
