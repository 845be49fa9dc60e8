/* SPDX-License-Identifier: Apache-2.0 */
/* ACPI bytes, one term a function; section numbers are those of ACPI 6.4. Freestanding. */
#include "arch/x86_64/aml.h"

#define OP_NAME 0x08
#define OP_BYTE 0x0a
#define OP_WORD 0x0b
#define OP_DWORD 0x0c
#define OP_QWORD 0x0e
#define OP_STRING 0x0d
#define OP_SCOPE 0x10
#define OP_BUFFER 0x11
#define OP_PACKAGE 0x12
#define OP_EXT 0x5b
#define EXT_DEVICE 0x82

void aml_u8(struct aml *a, uint8_t v)
{
	if (a->at < a->len)
		a->buf[a->at++] = v;
	else
		a->full = true;
}

void aml_u16(struct aml *a, uint16_t v)
{
	aml_u8(a, (uint8_t)v);
	aml_u8(a, (uint8_t)(v >> 8));
}

void aml_u32(struct aml *a, uint32_t v)
{
	aml_u16(a, (uint16_t)v);
	aml_u16(a, (uint16_t)(v >> 16));
}

void aml_u64(struct aml *a, uint64_t v)
{
	aml_u32(a, (uint32_t)v);
	aml_u32(a, (uint32_t)(v >> 32));
}

void aml_bytes(struct aml *a, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		aml_u8(a, (uint8_t)s[i]);
}

void aml_zeros(struct aml *a, size_t len)
{
	for (size_t i = 0; i < len; i++)
		aml_u8(a, 0);
}

static void patch32(struct aml *a, size_t at, uint32_t v)
{
	for (unsigned int i = 0; i < 4 && at + i < a->len; i++)
		a->buf[at + i] = (uint8_t)(v >> 8 * i);
}

size_t aml_table(struct aml *a, const char sig[4], uint8_t revision)
{
	size_t start = a->at;

	aml_bytes(a, sig, 4);
	aml_u32(a, 0);
	aml_u8(a, revision);
	aml_u8(a, 0);
	aml_bytes(a, "TVM   ", 6);
	aml_bytes(a, "TVMMACHN", 8);
	aml_u32(a, 1);
	aml_bytes(a, "TVM ", 4);
	aml_u32(a, 1);
	return start;
}

void aml_checksum(struct aml *a, size_t start, size_t len, size_t sum_at)
{
	uint8_t sum = 0;

	if (a->full)
		return;
	a->buf[sum_at] = 0;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + a->buf[start + i]);
	a->buf[sum_at] = (uint8_t)-sum;
}

void aml_table_end(struct aml *a, size_t start)
{
	patch32(a, start + 4, (uint32_t)(a->at - start));
	aml_checksum(a, start, a->at - start, start + 9);
	while (a->at % 16 && !a->full)
		aml_u8(a, 0);
}

/* 20.2.4: always the four-byte form, so that the length can be patched in. */
static size_t pkg(struct aml *a)
{
	size_t at = a->at;

	aml_u32(a, 0);
	return at;
}

void aml_end(struct aml *a, size_t start)
{
	uint32_t len = (uint32_t)(a->at - start);

	patch32(a, start, 0xc0u | (len & 0xf) | len >> 4 << 8);
}

size_t aml_scope(struct aml *a, const char *name)
{
	size_t start;

	aml_u8(a, OP_SCOPE);
	start = pkg(a);
	aml_u8(a, '\\');
	aml_bytes(a, name, 4);
	return start;
}

size_t aml_device(struct aml *a, const char *name)
{
	size_t start;

	aml_u8(a, OP_EXT);
	aml_u8(a, EXT_DEVICE);
	start = pkg(a);
	aml_bytes(a, name, 4);
	return start;
}

static void name_op(struct aml *a, const char *name)
{
	aml_u8(a, OP_NAME);
	aml_bytes(a, name, 4);
}

void aml_name_int(struct aml *a, const char *name, uint64_t v)
{
	name_op(a, name);
	aml_u8(a, OP_QWORD);
	aml_u64(a, v);
}

void aml_name_string(struct aml *a, const char *name, const char *s)
{
	name_op(a, name);
	aml_u8(a, OP_STRING);
	while (*s)
		aml_u8(a, (uint8_t)*s++);
	aml_u8(a, 0);
}

static unsigned int hex(char c)
{
	return c <= '9' ? (unsigned int)(c - '0') : (unsigned int)(c - 'A' + 10);
}

void aml_name_eisaid(struct aml *a, const char *name, const char *id)
{
	unsigned int letters = (id[0] & 0x1fu) << 10 | (id[1] & 0x1fu) << 5 | (id[2] & 0x1fu);

	name_op(a, name);
	aml_u8(a, OP_DWORD);
	aml_u8(a, (uint8_t)(letters >> 8));
	aml_u8(a, (uint8_t)letters);
	aml_u8(a, (uint8_t)(hex(id[3]) << 4 | hex(id[4])));
	aml_u8(a, (uint8_t)(hex(id[5]) << 4 | hex(id[6])));
}

void aml_name_package(struct aml *a, const char *name, const uint8_t *v, uint8_t n)
{
	size_t start;

	name_op(a, name);
	aml_u8(a, OP_PACKAGE);
	start = pkg(a);
	aml_u8(a, n);
	for (unsigned int i = 0; i < n; i++) {
		aml_u8(a, OP_BYTE);
		aml_u8(a, v[i]);
	}
	aml_end(a, start);
}

void aml_crs(struct aml *a, struct aml_crs *crs)
{
	name_op(a, "_CRS");
	aml_u8(a, OP_BUFFER);
	crs->term = pkg(a);
	aml_u8(a, OP_DWORD);
	crs->size_at = a->at;
	aml_u32(a, 0);
	crs->data = a->at;
}

void aml_crs_end(struct aml *a, struct aml_crs *crs)
{
	aml_u8(a, 0x79); /* 6.4.2.9 end tag; checksum 0: none */
	aml_u8(a, 0);
	patch32(a, crs->size_at, (uint32_t)(a->at - crs->data));
	aml_end(a, crs->term);
}

void aml_crs_io(struct aml *a, uint16_t port, uint8_t len)
{
	aml_u8(a, 0x47); /* 6.4.2.5 */
	aml_u8(a, 1);	/* 16-bit decode */
	aml_u16(a, port);
	aml_u16(a, port);
	aml_u8(a, 1);
	aml_u8(a, len);
}

void aml_crs_irq(struct aml *a, uint16_t irq)
{
	aml_u8(a, 0x22); /* 6.4.2.1: edge, high */
	aml_u16(a, (uint16_t)(1u << irq));
}

void aml_crs_gsi(struct aml *a, uint32_t gsi)
{
	aml_u8(a, 0x89); /* 6.4.3.6 */
	aml_u16(a, 6);
	aml_u8(a, 1);	/* consumer, level, active high, exclusive */
	aml_u8(a, 1);
	aml_u32(a, gsi);
}

void aml_crs_memory32(struct aml *a, uint32_t base, uint32_t len)
{
	aml_u8(a, 0x86); /* 6.4.3.4 */
	aml_u16(a, 9);
	aml_u8(a, 1);
	aml_u32(a, base);
	aml_u32(a, len);
}

/* 6.4.3.5: resource type, general flags (fixed minimum and maximum), specific flags. */
static void address_space(struct aml *a, uint8_t tag, uint16_t len, uint8_t type, uint8_t flags)
{
	aml_u8(a, tag);
	aml_u16(a, len);
	aml_u8(a, type);
	aml_u8(a, 0x0c);
	aml_u8(a, flags);
}

void aml_crs_word(struct aml *a, uint8_t type, uint8_t flags, uint16_t min, uint16_t max)
{
	address_space(a, 0x88, 13, type, flags);
	aml_u16(a, 0);
	aml_u16(a, min);
	aml_u16(a, max);
	aml_u16(a, 0);
	aml_u16(a, (uint16_t)(max - min + 1));
}

#define MEM_READ_WRITE 1

void aml_crs_dword_memory(struct aml *a, uint32_t base, uint32_t len)
{
	address_space(a, 0x87, 23, 0, MEM_READ_WRITE);
	aml_u32(a, 0);
	aml_u32(a, base);
	aml_u32(a, base + (len - 1));
	aml_u32(a, 0);
	aml_u32(a, len);
}

void aml_crs_qword_memory(struct aml *a, uint64_t base, uint64_t len)
{
	address_space(a, 0x8a, 43, 0, MEM_READ_WRITE);
	aml_u64(a, 0);
	aml_u64(a, base);
	aml_u64(a, base + (len - 1));
	aml_u64(a, 0);
	aml_u64(a, len);
}
