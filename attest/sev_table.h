/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of secrets inside a packet, as firmware and the kernel's efi_secret module read it:
 *
 *	GUID 1e74f542-... | u32 length of all | { GUID | u32 20 + length | bytes } ... | zeros
 *
 * The length counts no padding: 20 zero bytes or more inside it would be a broken entry.
 */
#ifndef ATTEST_SEV_TABLE_H
#define ATTEST_SEV_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "attest/guid.h"

struct tvm_error;

struct sev_table_entry {
	struct guid guid;
	const void *data;	/* borrowed */
	size_t len;
};

/* Bytes that sev_table_write() needs, a multiple of 16; 0: more than SEV_SECRET_MAX. */
size_t sev_table_size(const struct sev_table_entry *entries, unsigned int nr);

/*
 * Write the table into out, size as sev_table_size() says. -EINVAL: no entry, a GUID of zeros,
 * which readers skip, or the same GUID twice, which the kernel refuses.
 */
int sev_table_write(const struct sev_table_entry *entries, unsigned int nr, void *out,
	size_t size, struct tvm_error *err);

/*
 * Step through a table: *pos starts at 0, entry->data points into the table. 1: an entry; 0: the
 * end; -EINVAL: this is no table, or broken here.
 */
int sev_table_next(const void *table, size_t size, size_t *pos, struct sev_table_entry *entry);

#endif
