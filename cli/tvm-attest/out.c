/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tvm-attest/out.h"

#include <inttypes.h>
#include <stdio.h>

static void name_of(struct out *out, const char *name)
{
	if (out->json)
		printf("%s\n  \"%s\": ", out->any ? "," : "{", name);
	else
		printf("%s: ", name);
	out->any = true;
}

/* Names come from us; values may hold anything. */
static void quoted(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

void out_text(struct out *out, const char *name, const char *value)
{
	name_of(out, name);
	if (out->json)
		quoted(value);
	else
		printf("%s\n", value);
}

void out_hex(struct out *out, const char *name, const void *bytes, size_t len)
{
	const uint8_t *b = bytes;

	name_of(out, name);
	if (out->json)
		putchar('"');
	for (size_t i = 0; i < len; i++)
		printf("%02x", b[i]);
	putchar(out->json ? '"' : '\n');
}

void out_num(struct out *out, const char *name, uint64_t value)
{
	name_of(out, name);
	printf("%" PRIu64 "%s", value, out->json ? "" : "\n");
}

void out_hexnum(struct out *out, const char *name, uint32_t value)
{
	name_of(out, name);
	printf(out->json ? "%" PRIu32 : "0x%" PRIx32 "\n", value);
}

void out_bool(struct out *out, const char *name, bool value)
{
	name_of(out, name);
	printf("%s%s", value ? "true" : "false", out->json ? "" : "\n");
}

void out_end(struct out *out)
{
	if (out->json)
		printf("%s\n}\n", out->any ? "" : "{");
	out->any = false;
}
