/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/cose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attest/key.h"

#define TAG_SIGN1 18
#define HEADER_ALG 1
#define HEADER_CRIT 2

/* COSE_Key (RFC 9052, 7; RFC 9053, 7.1.1) */
enum { KEY_KTY = 1, KEY_CRV = -1, KEY_X = -2, KEY_Y = -3 };
#define KTY_EC2 2

static const struct suite {
	enum cose_alg alg;
	enum key_kind kind;
	enum key_digest digest;
	int64_t crv;		/* 0: RSA */
	size_t field;		/* half of a signature */
} suites[] = {
	{ COSE_ES384, KEY_P384, KEY_SHA384, 2, 48 },
	{ COSE_ES256, KEY_P256, KEY_SHA256, 1, 32 },
	{ COSE_PS256, KEY_RSA4096, KEY_SHA256, 0, KEY_RSA_FIELD / 2 },
	{ COSE_PS384, KEY_RSA4096, KEY_SHA384, 0, KEY_RSA_FIELD / 2 },
	{ COSE_PS512, KEY_RSA4096, KEY_SHA512, 0, KEY_RSA_FIELD / 2 },
};

#define NR_SUITES (sizeof(suites) / sizeof(suites[0]))

/* Of a curve. */
static const struct suite *by_kind(enum key_kind kind)
{
	for (size_t i = 0; i < NR_SUITES; i++)
		if (suites[i].kind == kind && suites[i].crv)
			return &suites[i];
	return NULL;
}

static const struct suite *by_alg(int64_t alg)
{
	for (size_t i = 0; i < NR_SUITES; i++)
		if (suites[i].alg == alg)
			return &suites[i];
	return NULL;
}

/* key.h has little-endian numbers in fields of KEY_FIELD bytes, COSE big-endian ones. */
static void to_be(uint8_t *dst, const uint8_t src[KEY_FIELD], size_t len)
{
	for (size_t i = 0; i < len; i++)
		dst[i] = src[len - 1 - i];
}

static void from_be(uint8_t dst[KEY_FIELD], const uint8_t *src, size_t len)
{
	memset(dst, 0, KEY_FIELD);
	for (size_t i = 0; i < len; i++)
		dst[i] = src[len - 1 - i];
}

/* ---- COSE_Sign1 --------------------------------------------------------------------------- */

static int parse_protected(struct cose_sign1 *s)
{
	struct cbor_in in = { s->protected.p, s->protected.p + s->protected.len };
	const struct suite *suite;
	struct cbor_map map;
	int64_t key, alg = 0;
	int r = cbor_map_begin(&in, &map);

	if (r < 0)
		return -EBADMSG;
	while ((r = cbor_map_key(&in, &map, &key)) > 0) {
		if (key == HEADER_CRIT)
			return -EBADMSG;
		r = key == HEADER_ALG ? cbor_int(&in, &alg) : cbor_skip(&in);
		if (r < 0)
			return -EBADMSG;
	}
	if (r < 0 || !cbor_done(&in))
		return -EBADMSG;
	suite = by_alg(alg);
	if (!suite)
		return -ENOTSUP;
	s->alg = suite->alg;
	return s->sig.len == 2 * suite->field ? 0 : -EBADMSG;
}

static int get_bytes(struct cbor_in *in, struct cose_bytes *out)
{
	struct cbor_item item;
	int r = cbor_expect(in, CBOR_BYTES, &item);

	if (r < 0)
		return -EBADMSG;
	*out = (struct cose_bytes){ item.bytes, (size_t)item.value };
	return 0;
}

int cose_sign1_parse(const void *bytes, size_t len, struct cose_sign1 *out)
{
	struct cbor_in in = { bytes, (const uint8_t *)bytes + len };
	struct cose_sign1 s = { 0 };
	struct cbor_item item;
	int r;

	if (cbor_expect(&in, CBOR_TAG, &item) < 0 || item.value != TAG_SIGN1 ||
	    cbor_expect(&in, CBOR_ARRAY, &item) < 0 || item.value != 4 ||
	    get_bytes(&in, &s.protected) < 0)
		return -EBADMSG;
	/* Unprotected headers change nothing for us; they must be a map. */
	if (in.p == in.end || *in.p >> 5 != CBOR_MAP || cbor_skip(&in) < 0 ||
	    get_bytes(&in, &s.payload) < 0 || get_bytes(&in, &s.sig) < 0 || !cbor_done(&in))
		return -EBADMSG;
	r = parse_protected(&s);
	if (r < 0)
		return r;
	*out = s;
	return 0;
}

/* What is signed: RFC 9052, 4.4. The caller frees it. */
static uint8_t *sig_structure(const struct cose_bytes *protected, const void *payload, size_t len,
	size_t *out_len)
{
	struct cbor_out out = { .size = protected->len + len + 64 };

	out.buf = malloc(out.size);
	if (!out.buf)
		return NULL;
	cbor_put_array(&out, 4);
	cbor_put_text(&out, "Signature1");
	cbor_put_bytes(&out, protected->p, protected->len);
	cbor_put_bytes(&out, NULL, 0);
	cbor_put_bytes(&out, payload, len);
	*out_len = out.len;
	return out.buf;
}

int cose_sign1_verify(const struct cose_sign1 *s, const struct key *key)
{
	const struct suite *suite = by_alg(s->alg);
	uint8_t sig_r[KEY_FIELD], sig_s[KEY_FIELD], pss[KEY_RSA_FIELD], *msg;
	size_t len;
	int r;

	if (suite->kind != key_kind(key))
		return -EINVAL;
	msg = sig_structure(&s->protected, s->payload.p, s->payload.len, &len);
	if (!msg)
		return -ENOMEM;
	if (suite->crv) {
		from_be(sig_r, s->sig.p, suite->field);
		from_be(sig_s, s->sig.p + suite->field, suite->field);
		r = key_verify(key, suite->digest, msg, len, sig_r, sig_s);
	} else {
		for (size_t i = 0; i < sizeof(pss); i++)
			pss[i] = s->sig.p[sizeof(pss) - 1 - i];
		r = key_verify_pss(key, suite->digest, msg, len, pss, sizeof(pss));
	}
	free(msg);
	return r;
}

int cose_sign1_put(struct cbor_out *out, const struct key *key, const void *payload, size_t len)
{
	const struct suite *suite = by_kind(key_kind(key));
	uint8_t header[8], sig_r[KEY_FIELD], sig_s[KEY_FIELD], sig[2 * KEY_FIELD], *msg;
	struct cbor_out protected = { header, sizeof(header), 0 };
	size_t msg_len;
	int r;

	if (!suite)
		return -EINVAL;
	cbor_put_map(&protected, 1);
	cbor_put_int(&protected, HEADER_ALG);
	cbor_put_int(&protected, suite->alg);
	msg = sig_structure(&(struct cose_bytes){ header, protected.len }, payload, len, &msg_len);
	if (!msg)
		return -ENOMEM;
	r = key_sign(key, suite->digest, msg, msg_len, sig_r, sig_s);
	free(msg);
	if (r < 0)
		return r;
	to_be(sig, sig_r, suite->field);
	to_be(sig + suite->field, sig_s, suite->field);
	cbor_put_tag(out, TAG_SIGN1);
	cbor_put_array(out, 4);
	cbor_put_bytes(out, header, protected.len);
	cbor_put_map(out, 0);
	cbor_put_bytes(out, payload, len);
	cbor_put_bytes(out, sig, 2 * suite->field);
	return 0;
}

/* ---- Keys --------------------------------------------------------------------------------- */

int cose_point_put(const struct key *key, uint8_t out[COSE_POINT_MAX], size_t *len)
{
	const struct suite *suite = by_kind(key_kind(key));
	uint8_t x[KEY_FIELD], y[KEY_FIELD];
	int r = suite ? key_point(key, x, y) : -EINVAL;

	if (r < 0)
		return r;
	out[0] = 4;
	to_be(out + 1, x, suite->field);
	to_be(out + 1 + suite->field, y, suite->field);
	*len = 1 + 2 * suite->field;
	return 0;
}

static int make_key(const struct suite *suite, const uint8_t *x, const uint8_t *y,
	struct key **out)
{
	uint8_t le_x[KEY_FIELD], le_y[KEY_FIELD];
	int r;

	from_be(le_x, x, suite->field);
	from_be(le_y, y, suite->field);
	r = key_from_point(suite->kind, le_x, le_y, out);
	return r == -EINVAL ? -EBADMSG : r;
}

int cose_point_parse(const void *bytes, size_t len, struct key **out)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < NR_SUITES; i++)
		if (suites[i].crv && len == 1 + 2 * suites[i].field && p[0] == 4)
			return make_key(&suites[i], p + 1, p + 1 + suites[i].field, out);
	return -EBADMSG;
}

int cose_key_put(struct cbor_out *out, const struct key *key)
{
	const struct suite *suite = by_kind(key_kind(key));
	uint8_t point[COSE_POINT_MAX];
	size_t len;
	int r = cose_point_put(key, point, &len);

	if (r < 0)
		return r;
	cbor_put_map(out, 4);	/* 1, -1, -2, -3: the order of their encodings */
	cbor_put_int(out, KEY_KTY);
	cbor_put_int(out, KTY_EC2);
	cbor_put_int(out, KEY_CRV);
	cbor_put_int(out, suite->crv);
	cbor_put_int(out, KEY_X);
	cbor_put_bytes(out, point + 1, suite->field);
	cbor_put_int(out, KEY_Y);
	cbor_put_bytes(out, point + 1 + suite->field, suite->field);
	return 0;
}

int cose_key_parse(const void *bytes, size_t len, struct key **out)
{
	struct cbor_in in = { bytes, (const uint8_t *)bytes + len };
	struct cose_bytes x = { 0 }, y = { 0 };
	int64_t name, kty = 0, crv = 0;
	struct cbor_map map;
	int r = cbor_map_begin(&in, &map);

	while (r >= 0 && (r = cbor_map_key(&in, &map, &name)) > 0) {
		switch (name) {
		case KEY_KTY: r = cbor_int(&in, &kty); break;
		case KEY_CRV: r = cbor_int(&in, &crv); break;
		case KEY_X: r = get_bytes(&in, &x); break;
		case KEY_Y: r = get_bytes(&in, &y); break;
		default: r = cbor_skip(&in); break;
		}
	}
	if (r < 0 || !cbor_done(&in) || kty != KTY_EC2)
		return -EBADMSG;
	for (size_t i = 0; i < NR_SUITES; i++)
		if (crv && suites[i].crv == crv && x.len == suites[i].field && y.len == x.len)
			return make_key(&suites[i], x.p, y.p, out);
	return -EBADMSG;
}
