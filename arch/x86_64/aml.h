/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer of ACPI bytes: tables and AML (ACPI 6.4, chapters 5 and 20). Freestanding. Writing
 * past the end sets full and is dropped, so callers check once.
 */
#ifndef ARCH_X86_64_AML_H
#define ARCH_X86_64_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
	uint8_t *buf;
	size_t len, at;
	bool full;
};

void aml_u8(struct aml *a, uint8_t v);
void aml_u16(struct aml *a, uint16_t v);
void aml_u32(struct aml *a, uint32_t v);
void aml_u64(struct aml *a, uint64_t v);
void aml_bytes(struct aml *a, const char *s, size_t len);
void aml_zeros(struct aml *a, size_t len);

/* A table header (36 bytes); aml_table_end() fills in length and checksum. Returns its place. */
size_t aml_table(struct aml *a, const char sig[4], uint8_t revision);
void aml_table_end(struct aml *a, size_t start);

/* The byte at sum_at makes [start, start + len) add up to 0. */
void aml_checksum(struct aml *a, size_t start, size_t len, size_t sum_at);

/*
 * Terms with a package length: aml_device(), aml_scope() return a place for aml_end().
 * name: a NameSeg of 4 characters.
 */
size_t aml_scope(struct aml *a, const char *name);
size_t aml_device(struct aml *a, const char *name);
void aml_end(struct aml *a, size_t start);

void aml_name_int(struct aml *a, const char *name, uint64_t v);
void aml_name_string(struct aml *a, const char *name, const char *s);
/* EISA id such as "PNP0A08", compressed (19.3.4). */
void aml_name_eisaid(struct aml *a, const char *name, const char *id);
/* Package of bytes. */
void aml_name_package(struct aml *a, const char *name, const uint8_t *v, uint8_t n);

/* Name(_CRS, ResourceTemplate(){...}): open, add, close. */
struct aml_crs {
	size_t term, size_at, data;
};
void aml_crs(struct aml *a, struct aml_crs *crs);
void aml_crs_io(struct aml *a, uint16_t port, uint8_t len);
void aml_crs_irq(struct aml *a, uint16_t irq);
/* Any interrupt of the IOAPIC: level, active high. */
void aml_crs_gsi(struct aml *a, uint32_t gsi);
void aml_crs_memory32(struct aml *a, uint32_t base, uint32_t len);
void aml_crs_word(struct aml *a, uint8_t type, uint8_t flags, uint16_t min, uint16_t max);
void aml_crs_dword_memory(struct aml *a, uint32_t base, uint32_t len);
void aml_crs_qword_memory(struct aml *a, uint64_t base, uint64_t len);
void aml_crs_end(struct aml *a, struct aml_crs *crs);

#define AML_RES_IO 1	/* aml_crs_word(): types of address space */
#define AML_RES_BUS 2

#endif
