/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/text.h"

#include <errno.h>
#include <string.h>

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_hex(const void *bytes, size_t len, char *out)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < len; i++) {
		*out++ = "0123456789abcdef"[b[i] >> 4];
		*out++ = "0123456789abcdef"[b[i] & 15];
	}
	*out = '\0';
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool text_unhex(const char *text, void *out, size_t len)
{
	uint8_t *b = out;

	if (strlen(text) != 2 * len)
		return false;
	for (size_t i = 0; i < 2 * len; i++) {
		if (digit(text[i]) < 0)
			return false;
	}
	for (size_t i = 0; i < len; i++)
		b[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
	return true;
}

void text_base64(const void *bytes, size_t len, char *out)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)b[i] << 16 | (n > 1 ? (uint32_t)b[i + 1] << 8 : 0) |
			(n > 2 ? b[i + 2] : 0);

		*out++ = alphabet[v >> 18];
		*out++ = alphabet[v >> 12 & 63];
		*out++ = n > 1 ? alphabet[v >> 6 & 63] : '=';
		*out++ = n > 2 ? alphabet[v & 63] : '=';
	}
	*out = '\0';
}

int text_unbase64(const char *text, size_t text_len, void *out, size_t size)
{
	unsigned int bits = 0, pads = 0;
	uint8_t *b = out;
	size_t n = 0, chars = 0;
	uint32_t v = 0;
	const char *at;

	for (size_t i = 0; i < text_len; i++) {
		if (text[i] && strchr(" \t\r\n", text[i]))
			continue;
		chars++;
		if (text[i] == '=') {
			pads++;
			continue;
		}
		at = text[i] ? strchr(alphabet, text[i]) : NULL;
		if (!at || pads)
			return -EINVAL;
		v = v << 6 | (uint32_t)(at - alphabet);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (n == size)
			return -ENOSPC;
		b[n++] = (uint8_t)(v >> bits);
		v &= (1U << bits) - 1;
	}
	/* Whole groups of four, and nothing in the bits that padding leaves over. */
	if (chars % 4 || pads > 2 || v || bits != 2 * pads || n > INT32_MAX)
		return -EINVAL;
	return (int)n;
}
