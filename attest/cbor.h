/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of CBOR (RFC 8949) that attestation tokens are made of: integers, byte and text
 * strings, arrays, maps, tags, true, false and null; no floats, nothing of indefinite length.
 *
 * Our own, because a token's signature and key binding are over bytes as they stand: the reader
 * has to hand out places in the input, and must refuse what has more than one encoding, or two
 * verifiers see different claims. Debian 12's libcbor copies items into a tree, accepts long
 * forms of numbers and lengths, and does not look for keys that come twice; QCBOR is not in it.
 */
#ifndef ATTEST_CBOR_H
#define ATTEST_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Writer: shortest forms; what does not fit is counted, not written -------------------- */

struct cbor_out {
	uint8_t *buf;
	size_t size;
	size_t len;		/* > size: it did not fit */
};

void cbor_put_int(struct cbor_out *out, int64_t value);
void cbor_put_bytes(struct cbor_out *out, const void *bytes, size_t len);
void cbor_put_text(struct cbor_out *out, const char *text);
void cbor_put_array(struct cbor_out *out, uint64_t items);
void cbor_put_map(struct cbor_out *out, uint64_t pairs); /* keys: the caller sorts them */
void cbor_put_tag(struct cbor_out *out, uint64_t tag);
void cbor_put_raw(struct cbor_out *out, const void *bytes, size_t len); /* encoded items */

/* ---- Reader ------------------------------------------------------------------------------- */

enum cbor_type {	/* major types */
	CBOR_UINT, CBOR_NINT, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_TAG, CBOR_SIMPLE,
};

#define CBOR_DEPTH 8	/* of arrays, maps and tags within each other; tokens have 4 */

struct cbor_item {
	enum cbor_type type;
	uint64_t value;		/* number; -1 - n for CBOR_NINT n; items, pairs; tag; simple */
	const uint8_t *bytes;	/* of a string: value bytes inside the input */
};

struct cbor_in {
	const uint8_t *p, *end;	/* borrowed */
};

/* The next head, with its string: 0; -EBADMSG: the input ends, or is no such CBOR. */
int cbor_next(struct cbor_in *in, struct cbor_item *item);
/* The next head must be of this type. -EINVAL: it is another; in stays where it was. */
int cbor_expect(struct cbor_in *in, enum cbor_type type, struct cbor_item *item);
/* A number that fits; -EINVAL as above, and for numbers that do not. */
int cbor_int(struct cbor_in *in, int64_t *value);
/* A whole item with all inside it. -ELOOP: deeper than CBOR_DEPTH. */
int cbor_skip(struct cbor_in *in);
bool cbor_done(const struct cbor_in *in);

/*
 * Keys of a map that is read pair by pair: each may come once, in any order. Integer keys only;
 * up to CBOR_KEYS of them.
 */
#define CBOR_KEYS 32
struct cbor_map {
	uint64_t left;		/* pairs */
	unsigned int nr;
	int64_t seen[CBOR_KEYS];
};

int cbor_map_begin(struct cbor_in *in, struct cbor_map *map);
/* 1: *key, whose value comes next; 0: the map has ended; -EINVAL, -EBADMSG; -EEXIST: twice. */
int cbor_map_key(struct cbor_in *in, struct cbor_map *map, int64_t *key);

#endif
