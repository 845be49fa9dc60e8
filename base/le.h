/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Little-endian integers as they lie in guest memory and in files. Each is a structure of
 * one member, so forgetting a conversion does not compile. Alignment is one byte: the types
 * may stand at any offset.
 */
#ifndef BASE_LE_H
#define BASE_LE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

typedef struct { uint8_t b[2]; } le16;
typedef struct { uint8_t b[4]; } le32;
typedef struct { uint8_t b[8]; } le64;

#define LE_ACCESSORS(bits) \
	static inline uint##bits##_t le##bits##_get(le##bits v) \
	{ \
		uint##bits##_t x; \
		memcpy(&x, v.b, sizeof(x)); \
		return le##bits##toh(x); \
	} \
	static inline le##bits le##bits##_make(uint##bits##_t x) \
	{ \
		le##bits v; \
		x = htole##bits(x); \
		memcpy(v.b, &x, sizeof(x)); \
		return v; \
	}

LE_ACCESSORS(16)
LE_ACCESSORS(32)
LE_ACCESSORS(64)
#undef LE_ACCESSORS

/* An access of 1, 2, 4 or 8 bytes at p, as a bus sees it; other sizes read 0, write nothing. */
static inline uint64_t le_load(const void *p, unsigned int size)
{
	uint64_t v = 0;

	if (size == 1 || size == 2 || size == 4 || size == 8)
		memcpy(&v, p, size);
	return le64toh(v);
}

static inline void le_store(void *p, unsigned int size, uint64_t v)
{
	v = htole64(v);
	if (size == 1 || size == 2 || size == 4 || size == 8)
		memcpy(p, &v, size);
}

#endif
