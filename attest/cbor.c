/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/cbor.h"

#include <errno.h>
#include <string.h>

/* ---- Writer ------------------------------------------------------------------------------- */

void cbor_put_raw(struct cbor_out *out, const void *bytes, size_t len)
{
	if (out->len <= out->size && len && len <= out->size - out->len)
		memcpy(out->buf + out->len, bytes, len);
	out->len = len > SIZE_MAX - out->len ? SIZE_MAX : out->len + len;
}

static void head(struct cbor_out *out, enum cbor_type type, uint64_t value)
{
	unsigned int bytes = value < 24 ? 0 : value <= UINT8_MAX ? 1 : value <= UINT16_MAX ? 2 :
		value <= UINT32_MAX ? 4 : 8;
	uint8_t b[9], n = 0;

	/* 24 to 27: that many bytes follow, as a power of two. */
	b[n++] = (uint8_t)(type << 5 | (bytes ? 24U + (unsigned int)__builtin_ctz(bytes) :
		(unsigned int)value));
	for (; bytes; bytes--)
		b[n++] = (uint8_t)(value >> 8 * (bytes - 1));
	cbor_put_raw(out, b, n);
}

void cbor_put_int(struct cbor_out *out, int64_t value)
{
	if (value >= 0)
		head(out, CBOR_UINT, (uint64_t)value);
	else
		head(out, CBOR_NINT, ~(uint64_t)value);
}

void cbor_put_bytes(struct cbor_out *out, const void *bytes, size_t len)
{
	head(out, CBOR_BYTES, len);
	cbor_put_raw(out, bytes, len);
}

void cbor_put_text(struct cbor_out *out, const char *text)
{
	head(out, CBOR_TEXT, strlen(text));
	cbor_put_raw(out, text, strlen(text));
}

void cbor_put_array(struct cbor_out *out, uint64_t items)
{
	head(out, CBOR_ARRAY, items);
}

void cbor_put_map(struct cbor_out *out, uint64_t pairs)
{
	head(out, CBOR_MAP, pairs);
}

void cbor_put_tag(struct cbor_out *out, uint64_t tag)
{
	head(out, CBOR_TAG, tag);
}

/* ---- Reader ------------------------------------------------------------------------------- */

static size_t left(const struct cbor_in *in)
{
	return (size_t)(in->end - in->p);
}

/* The number behind a first byte: RFC 8949, 3; only its shortest form, 4.2.1. */
static int number(struct cbor_in *in, unsigned int low, uint64_t *out)
{
	unsigned int bytes = 1U << (low & 3);
	uint64_t v = 0;

	if (low < 24) {
		*out = low;
		return 0;
	}
	if (low > 27 || left(in) < bytes)
		return -EBADMSG;
	for (unsigned int i = 0; i < bytes; i++)
		v = v << 8 | *in->p++;
	if (bytes == 1 ? v < 24 : !(v >> 4 * bytes))
		return -EBADMSG;
	*out = v;
	return 0;
}

int cbor_next(struct cbor_in *in, struct cbor_item *item)
{
	struct cbor_in at = *in;
	struct cbor_item got = { 0 };
	uint8_t first;

	if (!left(&at))
		return -EBADMSG;
	first = *at.p++;
	got.type = (enum cbor_type)(first >> 5);
	if (number(&at, first & 31, &got.value) < 0)
		return -EBADMSG;
	/* false, true, null; the rest of type 7 is floats and what nobody defined. */
	if (got.type == CBOR_SIMPLE && (first & 31) != 20 && (first & 31) != 21 &&
	    (first & 31) != 22)
		return -EBADMSG;
	if (got.type == CBOR_BYTES || got.type == CBOR_TEXT) {
		if (got.value > left(&at))
			return -EBADMSG;
		got.bytes = at.p;
		at.p += got.value;
	}
	*item = got;
	*in = at;
	return 0;
}

int cbor_expect(struct cbor_in *in, enum cbor_type type, struct cbor_item *item)
{
	struct cbor_in at = *in;
	struct cbor_item got;
	int r = cbor_next(&at, &got);

	if (r < 0)
		return r;
	if (got.type != type)
		return -EINVAL;
	*item = got;
	*in = at;
	return 0;
}

int cbor_int(struct cbor_in *in, int64_t *value)
{
	struct cbor_in at = *in;
	struct cbor_item got;
	int r = cbor_next(&at, &got);

	if (r < 0)
		return r;
	if (got.type > CBOR_NINT || got.value > INT64_MAX)
		return -EINVAL;
	*value = got.type == CBOR_UINT ? (int64_t)got.value : -1 - (int64_t)got.value;
	*in = at;
	return 0;
}

int cbor_skip(struct cbor_in *in)
{
	uint64_t todo[CBOR_DEPTH + 1] = { 1 };	/* items left, by depth */
	struct cbor_in at = *in;
	unsigned int depth = 0;
	struct cbor_item item;

	for (;;) {
		uint64_t inside;

		while (!todo[depth]) {
			if (!depth) {
				*in = at;
				return 0;
			}
			depth--;
		}
		todo[depth]--;
		if (cbor_next(&at, &item) < 0)
			return -EBADMSG;
		if (item.type < CBOR_ARRAY || item.type == CBOR_SIMPLE)
			continue;
		/* Each item takes a byte at least: no count can wrap, nor make us wait. */
		inside = item.type == CBOR_TAG ? 1 : item.value;
		if (inside > left(&at))
			return -EBADMSG;
		if (item.type == CBOR_MAP)
			inside *= 2;
		if (depth == CBOR_DEPTH)
			return -ELOOP;
		todo[++depth] = inside;
	}
}

bool cbor_done(const struct cbor_in *in)
{
	return in->p == in->end;
}

int cbor_map_begin(struct cbor_in *in, struct cbor_map *map)
{
	struct cbor_item item;
	int r = cbor_expect(in, CBOR_MAP, &item);

	if (r < 0)
		return r;
	map->left = item.value;
	map->nr = 0;
	return 0;
}

int cbor_map_key(struct cbor_in *in, struct cbor_map *map, int64_t *key)
{
	int r;

	if (!map->left)
		return 0;
	if (map->nr == CBOR_KEYS)
		return -EINVAL;
	r = cbor_int(in, key);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < map->nr; i++)
		if (map->seen[i] == *key)
			return -EEXIST;
	map->seen[map->nr++] = *key;
	map->left--;
	return 1;
}
