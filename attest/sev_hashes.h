/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash table that lets measured firmware check what it was handed unmeasured: command
 * line, initrd and kernel (QEMU's format). SHA-256 for every kind of guest, CSV included: the
 * firmware reads it, not the processor.
 */
#ifndef ATTEST_SEV_HASHES_H
#define ATTEST_SEV_HASHES_H

#include <stddef.h>
#include <stdint.h>

#include "attest/alg.h"

#define SEV_HASHES_LEN 176	/* 168 rounded up to 16 */

struct sev_hashes {
	uint8_t cmdline[32];	/* of the text with its NUL */
	uint8_t initrd[32];	/* of no bytes when there is none */
	uint8_t kernel[32];	/* of the whole, unmodified file */
};

/* SHA-256 of the three; cmdline NULL is empty, initrd.len may be 0. */
int sev_hashes_compute(struct sev_hashes *hashes, struct alg_part kernel, struct alg_part initrd,
	const char *cmdline);

/* The table as it lies in guest memory and is measured. */
void sev_hashes_table(const struct sev_hashes *hashes, uint8_t table[SEV_HASHES_LEN]);

#endif
