/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tvm-attest/flat.h"

#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"

/* Past the string that starts at p, or NULL when it does not end. */
static const char *skip_string(const char *p)
{
	for (p++; *p && *p != '"'; p++) {
		if (*p == '\\' && p[1])
			p++;
	}
	return *p ? p + 1 : NULL;
}

/* Strings are stepped over as a whole, so that a value cannot pass for a name. */
static const char *find(const char *json, const char *name)
{
	size_t len = strlen(name);
	const char *p = json, *end;

	while (p && *p) {
		if (*p != '"') {
			p++;
			continue;
		}
		end = skip_string(p);
		if (!end)
			return NULL;
		end += strspn(end, BLANKS);
		if (*end == ':') {
			end += 1 + strspn(end + 1, BLANKS);
			if (!strncmp(p + 1, name, len) && p[1 + len] == '"')
				return end;
			if (*end == '"')
				end = skip_string(end);
		}
		p = end;
	}
	return NULL;
}

bool flat_text(const char *json, const char *name, char *out, size_t size)
{
	const char *p = find(json, name);
	size_t len;

	if (!p)
		return false;
	if (*p == '"') {
		p++;
		len = strcspn(p, "\"\\");
		if (p[len] != '"')
			return false;
	} else {
		len = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789.-+");
	}
	if (!len || len >= size)
		return false;
	memcpy(out, p, len);
	out[len] = '\0';
	return true;
}

bool flat_num(const char *json, const char *name, uint32_t max, uint32_t *out)
{
	char text[16], *end;
	unsigned long v;

	if (!flat_text(json, name, text, sizeof(text)) || text[0] < '0' || text[0] > '9')
		return false;
	v = strtoul(text, &end, 10);
	if (*end || v > max)
		return false;
	*out = (uint32_t)v;
	return true;
}
