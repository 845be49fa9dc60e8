/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/guid.h"

#include <stdio.h>

/* Byte of the structure for each pair of digits, in the order of the text. */
static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool dash_before(unsigned int pair)
{
	return pair == 4 || pair == 6 || pair == 8 || pair == 10;
}

bool guid_parse(const char *text, struct guid *out)
{
	struct guid guid;

	for (unsigned int i = 0; i < 16; i++) {
		if (dash_before(i) && *text++ != '-')
			return false;
		if (digit(text[0]) < 0 || digit(text[1]) < 0)
			return false;
		guid.b[order[i]] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
		text += 2;
	}
	if (*text)
		return false;
	*out = guid;
	return true;
}

void guid_format(const struct guid *guid, char text[GUID_TEXT_LEN])
{
	for (unsigned int i = 0; i < 16; i++) {
		if (dash_before(i))
			*text++ = '-';
		snprintf(text, 3, "%02x", guid->b[order[i]]);
		text += 2;
	}
}
