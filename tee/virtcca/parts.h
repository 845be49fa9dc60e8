/* SPDX-License-Identifier: Apache-2.0 */
/* Initial contents of a realm on hardware: whole pages, in ascending order when all are there. */
#ifndef TEE_VIRTCCA_PARTS_H
#define TEE_VIRTCCA_PARTS_H

#include <stddef.h>
#include <stdint.h>

#define REALM_PAGE 4096ULL

struct tvm_error;

struct realm_part {
	uint64_t base, end;
};

struct realm_parts {
	struct realm_part at[64];
	unsigned int nr;
};

/* The pages of [gpa, gpa + len); -E2BIG when there are too many parts. */
int realm_parts_add(struct realm_parts *parts, uint64_t gpa, size_t len, struct tvm_error *err);

/* Sorts them, and joins those that meet or overlap. */
void realm_parts_join(struct realm_parts *parts);

#endif
