/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/key.h"

#include <errno.h>

#include "tests/unit/test_attest_vectors.h"

#define D_PDH "10288cdc338f65d9faf8f782e98cbdda1f9c9a3461539e532331861c857e7079" \
	"b8b7d197fe4b85f2ab9bb318650d4966"
#define D_GODH "2d08a612f25ef386ae904f0c325649da09b1ccc9dff71ee1fec9a42bc05bb488" \
	"899ea849f25217d566ca068f88939818"
#define PDH_X "95b441eeaff11b0de9f5071985e4da620d11155f3f233d65bc665daa5160273f" \
	"5ee6506eb05c9f9b5755161b87702d66"
#define PDH_Y "76e6996635491987139aaaa8b4309884ef318cd88f8c341b3a6724d544f57a1d" \
	"ffa93b758490e063ccadfc5797de6a57"
#define Z_HEX "f6bc32d821efcbed2c81594edb3962d03a2c84e3aa12c6606d953bfc5ac9d9dc" \
	"1fc97c32cd93d7769a3472508965f7ab"

static struct key *from_hex(const char *hex)
{
	struct key *key = NULL;
	uint8_t d[48];

	unhex(hex, d, sizeof(d));
	CHECK(!key_from_scalar(KEY_P384, d, sizeof(d), &key));
	return key;
}

/* A big-endian number as a certificate has it. */
static void field(const char *hex, uint8_t out[KEY_FIELD])
{
	size_t len = strlen(hex) / 2;
	uint8_t be[KEY_FIELD];

	memset(out, 0, KEY_FIELD);
	unhex(hex, be, len);
	for (size_t i = 0; i < len; i++)
		out[i] = be[len - 1 - i];
}

static void test_ecdh(void)
{
	struct key *pdh = from_hex(D_PDH), *godh = from_hex(D_GODH), *public = NULL;
	uint8_t x[KEY_FIELD], y[KEY_FIELD], seen[KEY_FIELD], z[KEY_Z_LEN];

	REQUIRE(pdh && godh);
	field(PDH_X, x);
	CHECK(!key_point(pdh, seen, y) && !memcmp(seen, x, KEY_FIELD));
	field(PDH_Y, seen);
	CHECK(!memcmp(seen, y, KEY_FIELD));
	REQUIRE(!key_from_point(KEY_P384, x, y, &public));
	CHECK(!key_ecdh(godh, public, z) && is_hex(z, KEY_Z_LEN, Z_HEX));
	CHECK(!key_ecdh(pdh, godh, z) && is_hex(z, KEY_Z_LEN, Z_HEX));
	CHECK_INT(key_ecdh(public, godh, z), -EINVAL);
	CHECK(key_has_private(pdh) && !key_has_private(public));
	key_free(public);
	key_free(pdh);
	key_free(godh);
}

static void test_bad_points(void)
{
	uint8_t x[KEY_FIELD] = { 0 }, y[KEY_FIELD] = { 0 };
	struct key *key;

	CHECK_INT(key_from_point(KEY_P384, x, y, &key), -EINVAL);
	CHECK_INT(key_from_point(KEY_SM2, x, y, &key), -EINVAL);
	field(PDH_X, x);
	field(PDH_Y, y);
	y[0] ^= 1;
	CHECK_INT(key_from_point(KEY_P384, x, y, &key), -EINVAL);
	y[0] ^= 1;
	CHECK_INT(key_from_point(KEY_SM2, x, y, &key), -EINVAL);
	y[KEY_FIELD - 1] = 1;	/* longer than the field */
	CHECK_INT(key_from_point(KEY_P384, x, y, &key), -EINVAL);
	memset(x, 0xff, 48);	/* not reduced */
	CHECK_INT(key_from_point(KEY_P384, x, y, &key), -EINVAL);
}

static void test_bad_scalars(void)
{
	uint8_t d[48] = { 0 };
	struct key *key;

	CHECK_INT(key_from_scalar(KEY_P384, d, 48, &key), -EINVAL);
	CHECK_INT(key_from_scalar(KEY_P384, d, 32, &key), -EINVAL);
	CHECK_INT(key_from_scalar(KEY_RSA2048, d, 48, &key), -EINVAL);
	memset(d, 0xff, 48);
	CHECK_INT(key_from_scalar(KEY_P384, d, 48, &key), -EINVAL);
	CHECK_INT(key_from_scalar(KEY_SM2, d, 32, &key), -EINVAL);
}

static void test_sign(void)
{
	static const enum key_digest digests[] = { [KEY_P384] = KEY_SHA256, [KEY_SM2] = KEY_SM3 };
	uint8_t r[KEY_FIELD], s[KEY_FIELD];
	struct key *key = NULL, *other = NULL;

	for (enum key_kind kind = KEY_P384; kind <= KEY_SM2; kind++) {
		enum key_digest digest = digests[kind];

		REQUIRE(!key_generate(kind, &key) && !key_generate(kind, &other));
		REQUIRE(!key_sign(key, digest, "message", 7, r, s));
		CHECK(!key_verify(key, digest, "message", 7, r, s));
		CHECK_INT(key_verify(key, digest, "Message", 7, r, s), -EBADMSG);
		CHECK_INT(key_verify(other, digest, "message", 7, r, s), -EBADMSG);
		s[KEY_FIELD - 1] ^= 0x80;
		CHECK_INT(key_verify(key, digest, "message", 7, r, s), -EBADMSG);
		memset(s, 0, KEY_FIELD);
		CHECK_INT(key_verify(key, digest, "message", 7, r, s), -EBADMSG);
		key_free(key);
		key_free(other);
	}
}

/* The user id is part of what SM2 signs. */
static void test_uid(void)
{
	uint8_t r[KEY_FIELD], s[KEY_FIELD], x[KEY_FIELD], y[KEY_FIELD], d[300] = { 0 };
	struct key *key = NULL, *public = NULL;

	REQUIRE(!key_generate(KEY_SM2, &key));
	REQUIRE(!key_set_uid(key, "GUEST_USER_ID", 13));
	REQUIRE(!key_sign(key, KEY_SM3, "m", 1, r, s));
	REQUIRE(!key_point(key, x, y) && !key_from_point(KEY_SM2, x, y, &public));
	CHECK_INT(key_verify(public, KEY_SM3, "m", 1, r, s), -EBADMSG);
	CHECK(!key_set_uid(public, "GUEST_USER_ID", 13));
	CHECK(!key_verify(public, KEY_SM3, "m", 1, r, s));
	CHECK_INT(key_set_uid(public, d, 255), -EINVAL);
	key_free(key);
	key_free(public);
}

static void test_export(void)
{
	uint8_t der[2048], x[2][KEY_FIELD], y[2][KEY_FIELD];
	struct key *key = NULL, *back = NULL;
	int len;

	for (enum key_kind kind = KEY_P384; kind <= KEY_RSA2048; kind++) {
		REQUIRE(!key_generate(kind, &key));
		len = key_export(key, NULL, 0);
		REQUIRE(len > 0 && len <= (int)sizeof(der));
		CHECK_INT(key_export(key, der, (size_t)len - 1), -ENOSPC);
		CHECK_INT(key_export(key, der, sizeof(der)), len);
		REQUIRE(!key_import(der, (size_t)len, &back));
		CHECK(key_kind(back) == kind && key_has_private(back));
		if (kind != KEY_RSA2048) {
			CHECK(!key_point(key, x[0], y[0]) && !key_point(back, x[1], y[1]));
			CHECK(!memcmp(x[0], x[1], KEY_FIELD) && !memcmp(y[0], y[1], KEY_FIELD));
		}
		CHECK_INT(key_import(der, (size_t)len - 1, &back), -EINVAL);
		key_free(key);
		key_free(back);
	}
}

static void test_sm2_encryption(void)
{
	uint8_t text[32], out[32 + KEY_SM2_OVERHEAD], back[32];
	struct key *key = NULL;

	count_from(0x70, text, 32);
	REQUIRE(!key_generate(KEY_SM2, &key));
	for (int i = 0; i < 40; i++) {	/* coordinates with leading zeros, too */
		REQUIRE(key_sm2_encrypt(key, text, 32, out, sizeof(out)) == sizeof(out));
		CHECK(out[0] == 0x04);
		CHECK_INT(key_sm2_decrypt(key, out, sizeof(out), back, 32), 32);
		CHECK(!memcmp(text, back, 32));
	}
	out[100] ^= 1;
	CHECK_INT(key_sm2_decrypt(key, out, sizeof(out), back, 32), -EBADMSG);
	out[100] ^= 1;
	out[5] ^= 1;
	CHECK_INT(key_sm2_decrypt(key, out, sizeof(out), back, 32), -EBADMSG);
	CHECK_INT(key_sm2_decrypt(key, out, KEY_SM2_OVERHEAD, back, 32), -EBADMSG);
	CHECK_INT(key_sm2_encrypt(key, text, 32, out, sizeof(out) - 1), -EINVAL);
	key_free(key);
}

static void test_pss(void)
{
	uint8_t sig[KEY_RSA_FIELD], modulus[KEY_RSA_FIELD], exponent[KEY_RSA_FIELD];
	struct key *key = NULL, *public = NULL;
	size_t len;

	REQUIRE(!key_generate(KEY_RSA2048, &key));
	REQUIRE(!key_rsa(key, modulus, exponent, &len) && len == 256);
	REQUIRE(!key_from_rsa(modulus, len, exponent, len, &public));
	REQUIRE(!key_sign_pss(key, KEY_SHA256, "m", 1, sig));
	CHECK(!key_verify_pss(public, KEY_SHA256, "m", 1, sig, 256));
	CHECK(!key_verify_pss(public, KEY_SHA256, "m", 1, sig, 512));
	CHECK_INT(key_verify_pss(public, KEY_SHA384, "m", 1, sig, 256), -EBADMSG);
	CHECK_INT(key_verify_pss(public, KEY_SHA256, "n", 1, sig, 256), -EBADMSG);
	CHECK_INT(key_verify_pss(public, KEY_SHA256, "m", 1, sig, 255), -EBADMSG);
	sig[300] = 1;
	CHECK_INT(key_verify_pss(public, KEY_SHA256, "m", 1, sig, 512), -EBADMSG);
	key_free(public);
	modulus[0] &= 0xfe;
	CHECK_INT(key_from_rsa(modulus, len, exponent, len, &public), -EINVAL);
	CHECK_INT(key_from_rsa(modulus, 128, exponent, len, &public), -EINVAL);
	key_free(key);
	key_free(NULL);
}

int main(void)
{
	RUN(test_ecdh);
	RUN(test_bad_points);
	RUN(test_bad_scalars);
	RUN(test_sign);
	RUN(test_uid);
	RUN(test_export);
	RUN(test_sm2_encryption);
	RUN(test_pss);
	return tests_done();
}
