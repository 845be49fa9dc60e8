/* SPDX-License-Identifier: Apache-2.0 */
/* GUIDs as EFI writes them: the first three fields little-endian. */
#ifndef ATTEST_GUID_H
#define ATTEST_GUID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct guid {
	uint8_t b[16];
};

#define GUID_TEXT_LEN 37	/* with its NUL */

/* 00112233-4455-6677-8899-aabbccddeeff as GUID_INIT(0x00112233, 0x4455, 0x6677, 0x88, ...). */
#define GUID_INIT(a, c, d, e0, e1, e2, e3, e4, e5, e6, e7) \
	{ { (a) & 0xff, (a) >> 8 & 0xff, (a) >> 16 & 0xff, (a) >> 24 & 0xff, (c) & 0xff, \
		(c) >> 8 & 0xff, (d) & 0xff, (d) >> 8 & 0xff, e0, e1, e2, e3, e4, e5, e6, e7 } }

static inline bool guid_equal(const struct guid *a, const struct guid *b)
{
	return !memcmp(a, b, sizeof(*a));
}

bool guid_parse(const char *text, struct guid *out);
void guid_format(const struct guid *guid, char text[GUID_TEXT_LEN]); /* lower case */

#endif
