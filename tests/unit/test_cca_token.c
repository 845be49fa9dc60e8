/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of realms: public ones, our own, and ones that must not pass. */
#include "attest/cca_token.h"

#include <errno.h>
#include <stdlib.h>

#include "attest/key.h"
#include "attest/soft_id.h"
#include "attest/text.h"
#include "tests/harness.h"
#include "tests/unit/test_cca_vectors.h"
#include "tvm.h"

static uint8_t buf[4096];
static struct cca_token token;
static struct tvm_error err;

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t len = strlen(hex) / 2;

	return text_unhex(hex, out, len) ? len : 0;
}

static struct key *point(const char *hex)
{
	uint8_t bytes[COSE_POINT_MAX];
	struct key *key = NULL;

	cose_point_parse(bytes, unhex(hex, bytes), &key);
	return key;
}

static void test_tfm(void)
{
	struct key *cpak = point(tfm_cpak), *other = point(veraison_cpak), *wrong = NULL;
	size_t len = unhex(tfm_token, buf);

	REQUIRE(cpak && other && len);
	REQUIRE(!cca_token_parse(buf, len, &token, &err));
	CHECK(token.form == CCA_LEGACY && !token.realm.profile.p);
	CHECK_INT(token.platform.nr_components, 4);
	CHECK_INT(token.platform.lifecycle, 0x3003);
	CHECK(cca_lifecycle_secured(token.platform.lifecycle));
	CHECK(token.realm.challenge.p[0] == 0xab && token.realm.hash == RIM_SHA256);
	CHECK(!memcmp(token.realm.rpv.p, "The quick brown fox", 19));
	CHECK_INT(cca_token_verify(&token, cpak, &err), 0);
	CHECK_INT(cca_token_verify(&token, other, &err), -EBADMSG);
	CHECK_HAS(err.msg, "another kind of key");
	REQUIRE(!key_generate(KEY_P384, &wrong));
	CHECK_INT(cca_token_verify(&token, wrong, &err), -EBADMSG);
	CHECK_HAS(err.msg, "not by this platform's key");
	CHECK(!cca_token_soft(&token));
	key_free(cpak);
	key_free(other);
	key_free(wrong);
}

/* ES256 for the platform, SHA-512 for the binding. */
static void test_veraison(void)
{
	struct key *cpak = point(veraison_cpak);
	size_t len = unhex(veraison_token, buf);

	REQUIRE(cpak && len);
	REQUIRE(!cca_token_parse(buf, len, &token, &err));
	CHECK(token.platform.sign.alg == COSE_ES256 && token.realm.sign.alg == COSE_ES384);
	CHECK(token.realm.rak_hash == RIM_SHA512 && token.realm.rim.len == 64);
	CHECK_INT(cca_token_verify(&token, cpak, &err), 0);
	key_free(cpak);
}

/* ---- Our own ------------------------------------------------------------------------------ */

static struct key *cpak, *rak;
static struct cca_realm_claims realm_claims;
static struct cca_platform_claims platform_claims;

static void make_claims(void)
{
	for (unsigned int i = 0; i < 64; i++) {
		realm_claims.challenge[i] = (uint8_t)i;
		realm_claims.rpv[i] = (uint8_t)(0x40 + i);
		realm_claims.rim[i] = (uint8_t)(0x80 + i);
	}
	memset(realm_claims.rem[2], 7, RIM_MAX);
	platform_claims = (struct cca_platform_claims){
		.impl_id = SOFT_CCA_IMPL_ID, .instance_id = { 1, 2 }, .config = SOFT_NAME,
		.component = "RMM", .version = "1",
	};
}

static int build(enum cca_form platform_form, enum cca_form realm_form, const struct key *bound,
	const struct key *signer, uint8_t *out, size_t size)
{
	uint8_t p[1024], r[1024];
	int p_len, r_len;

	p_len = cca_platform_build(platform_form, &platform_claims, cpak, bound, p, sizeof(p));
	r_len = cca_realm_build(realm_form, &realm_claims, signer, r, sizeof(r));
	if (p_len < 0 || r_len < 0)
		return p_len < 0 ? p_len : r_len;
	return cca_token_build(realm_form, p, (size_t)p_len, r, (size_t)r_len, out, size);
}

static void test_round(void)
{
	static const enum cca_form forms[] = { CCA_LEGACY, CCA_CURRENT };

	for (unsigned int i = 0; i < 2; i++) {
		for (unsigned int h = RIM_SHA256; h <= RIM_SHA384; h++) {
			int len;

			realm_claims.hash = (enum rim_hash)h;
			len = build(forms[i], forms[i], rak, rak, buf, sizeof(buf));
			REQUIRE(len > 0);
			REQUIRE(!cca_token_parse(buf, (size_t)len, &token, &err));
			CHECK(token.form == forms[i] && token.realm.generation == i);
			CHECK(token.realm.hash == h && token.realm.rim.len == rim_hash_len(h));
			CHECK(!memcmp(token.realm.challenge.p, realm_claims.challenge, 64));
			CHECK(!memcmp(token.realm.rpv.p, realm_claims.rpv, 64));
			CHECK(!memcmp(token.realm.rim.p, realm_claims.rim, token.realm.rim.len));
			CHECK(!memcmp(token.realm.rem[2].p, realm_claims.rem[2], 32));
			CHECK(token.platform.config.len == strlen(SOFT_NAME));
			CHECK(cca_token_soft(&token));
			CHECK(!cca_lifecycle_secured(token.platform.lifecycle));
			CHECK_INT(cca_token_verify(&token, cpak, &err), 0);
		}
	}
	realm_claims.hash = RIM_SHA256;
}

static void test_start(void)
{
	static const uint8_t current[] = { 0xd9, 0x03, 0x8b, 0xa2, 0x19, 0xac, 0xca, 0x82, 0x19,
		0x01, 0x07, 0x59 };
	static const uint8_t legacy[] = { 0xd9, 0x01, 0x8f, 0xa2, 0x19, 0xac, 0xca, 0x59 };
	static const uint8_t sign1[] = { 0xd2, 0x84, 0x44, 0xa1, 0x01, 0x38, 0x22, 0xa0, 0x59 };

	REQUIRE(build(CCA_CURRENT, CCA_CURRENT, rak, rak, buf, sizeof(buf)) > 0);
	CHECK(!memcmp(buf, current, sizeof(current)));
	CHECK(!memcmp(buf + sizeof(current) + 2, sign1, sizeof(sign1)));
	REQUIRE(build(CCA_LEGACY, CCA_LEGACY, rak, rak, buf, sizeof(buf)) > 0);
	CHECK(!memcmp(buf, legacy, sizeof(legacy)));
}

/* A realm's half whose key the platform does not know; and a half that says it is another's. */
static void test_binding(void)
{
	struct key *other = NULL;
	int len;

	REQUIRE(!key_generate(KEY_P384, &other));
	len = build(CCA_CURRENT, CCA_CURRENT, other, rak, buf, sizeof(buf));
	REQUIRE(len > 0 && !cca_token_parse(buf, (size_t)len, &token, &err));
	CHECK_INT(cca_token_verify(&token, cpak, &err), -EBADMSG);
	CHECK_HAS(err.msg, "does not vouch");
	len = build(CCA_LEGACY, CCA_CURRENT, rak, rak, buf, sizeof(buf));
	CHECK(len < 0 || cca_token_parse(buf, (size_t)len, &token, &err) ||
		cca_token_verify(&token, cpak, &err) == -EBADMSG);
	CHECK_HAS(err.msg, "do not belong together");
	key_free(other);
}

/* No byte can be changed without a refusal: all of it is signed, bound, or structure. */
static void test_every_byte(void)
{
	int len = build(CCA_CURRENT, CCA_CURRENT, rak, rak, buf, sizeof(buf));

	REQUIRE(len > 0);
	for (int i = 0; i < len; i++) {
		for (unsigned int bit = 1; bit < 256; bit <<= i % 5 ? 8 : 3) {
			buf[i] ^= (uint8_t)bit;
			err.msg[0] = '\0';
			if (!cca_token_parse(buf, (size_t)len, &token, &err) &&
			    !cca_token_verify(&token, cpak, &err))
				printf("# byte %d, bit %u\n", i, bit), tests.this_failed = true;
			else
				CHECK(err.msg[0]);
			buf[i] ^= (uint8_t)bit;
		}
	}
	CHECK(!cca_token_parse(buf, (size_t)len, &token, &err));
}

static void test_truncated(void)
{
	int len = build(CCA_CURRENT, CCA_CURRENT, rak, rak, buf, sizeof(buf));

	REQUIRE(len > 0);
	for (int i = 0; i < len; i++) {
		/* Of the exact size, so that a sanitizer sees a read beyond. */
		uint8_t *copy = malloc((size_t)i + 1);

		REQUIRE(copy);
		memcpy(copy, buf, (size_t)i);
		CHECK_INT(cca_token_parse(copy, (size_t)i, &token, &err), -EBADMSG);
		free(copy);
	}
	buf[len] = 0;
	CHECK_INT(cca_token_parse(buf, (size_t)len + 1, &token, &err), -EBADMSG);
	CHECK_INT(cca_token_parse(buf, CCA_TOKEN_MAX + 1, &token, &err), -EBADMSG);
}

static void test_no_room(void)
{
	uint8_t small[2048];
	int len = build(CCA_CURRENT, CCA_CURRENT, rak, rak, small, sizeof(small));

	REQUIRE(len > 0 && len < (int)sizeof(small));
	for (int i = 0; i < len; i += 97)
		CHECK_INT(build(CCA_CURRENT, CCA_CURRENT, rak, rak, small, (size_t)i), -ENOSPC);
}

/* Claims of one half, signed properly, that are not what they must be. */
static const char *realm_error(const char *hex)
{
	uint8_t payload[512], half[1024], whole[2048], p[1024];
	struct cbor_out out = { half, sizeof(half), 0 };
	int p_len, len;

	p_len = cca_platform_build(CCA_CURRENT, &platform_claims, cpak, rak, p, sizeof(p));
	if (cose_sign1_put(&out, rak, payload, unhex(hex, payload)) < 0 || p_len < 0)
		return "cannot build";
	len = cca_token_build(CCA_CURRENT, p, (size_t)p_len, half, out.len, whole, sizeof(whole));
	err.msg[0] = '\0';
	if (len > 0)
		cca_token_parse(whole, (size_t)len, &token, &err);
	return err.msg;
}

static void test_claims(void)
{
	CHECK_HAS(realm_error("a0"), "a mandatory claim is missing");
	CHECK_HAS(realm_error("80"), "set of claims");
	CHECK_HAS(realm_error("a10a40"), "challenge is not");
	CHECK_HAS(realm_error("a10a1840"), "challenge is not");
	CHECK_HAS(realm_error("a119accc677368612d393939"), "hash algorithm is not");
	CHECK_HAS(realm_error("a119accf80"), "extensible measurements is not");
	CHECK_HAS(realm_error("a1190109626161"), "no profile that is known");
	CHECK_HAS(realm_error("a2" "1863" "00" "1863" "00"), "set of claims"); /* twice */
	CHECK_HAS(realm_error("a1" "6161" "00"), "set of claims");
	CHECK_HAS(realm_error("a1" "1863" "00" "00"), "set of claims");	/* bytes behind */
	CHECK_HAS(realm_error("a1" "1863" "fb3ff0000000000000"), "unknown claim");
	CHECK_HAS(realm_error(""), "set of claims");
}

static void test_envelope(void)
{
	static const struct {
		const char *hex, *text;
	} all[] = {
		{ "", "no CCA token" }, { "d2a0", "no CCA token" }, { "a0", "no CCA token" },
		{ "d9018f80", "envelope" }, { "d9018fa0", "no realm token" },
		{ "d9018fa119acd140", "realm token: this is no COSE_Sign1" },
		{ "d9018fa119acca40", "no realm token" },
		{ "d9018fa219acca4019acd140", "platform token: this is no COSE_Sign1" },
		{ "d9018fa10040", "envelope" }, { "d9018fa219acca4019acca40", "envelope" },
		{ "d9038ba119acd140", "envelope" }, { "d9038ba119acd1821901084000", "envelope" },
		{ "d9018fa219acca4fd28444a1013823a042dead42beef0000" "19acd140", "envelope" },
		{ "d9018fa219acca4ed28444a1013823a042dead42beef" "19acd140", "algorithm" },
		{ "d9018fa219acca4ed28444a1013822a042dead42beef" "19acd140", "no COSE_Sign1" },
	};

	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		CHECK_INT(cca_token_parse(buf, unhex(all[i].hex, buf), &token, &err), -EBADMSG);
		CHECK_HAS(err.msg, all[i].text);
	}
}

/* ---- virtCCA ------------------------------------------------------------------------------ */

/* A token as the reference describes it: one half, RSA, the device's key as X.509 has it. */
static size_t virtcca(const struct key *key, const struct key *named, enum cose_alg alg,
	enum key_digest digest)
{
	uint8_t payload[2048], spki[KEY_SPKI_MAX], header[8], msg[3072], half[3072];
	uint8_t sig[KEY_RSA_FIELD], be[KEY_RSA_FIELD];
	struct cbor_out claims = { payload, sizeof(payload), 0 };
	struct cbor_out protected = { header, sizeof(header), 0 };
	struct cbor_out tbs = { msg, sizeof(msg), 0 }, sign1 = { half, sizeof(half), 0 };
	struct cbor_out out = { buf, sizeof(buf), 0 };
	int len = key_spki_export(named, spki, sizeof(spki));

	cbor_put_map(&claims, 7);
	cbor_put_int(&claims, 10);
	cbor_put_bytes(&claims, realm_claims.challenge, 64);
	cbor_put_int(&claims, 44235);
	cbor_put_bytes(&claims, realm_claims.rpv, 64);
	cbor_put_int(&claims, 44236);
	cbor_put_text(&claims, "sha-256");
	cbor_put_int(&claims, 44237);
	cbor_put_bytes(&claims, spki, (size_t)len);
	cbor_put_int(&claims, 44238);
	cbor_put_bytes(&claims, realm_claims.rim, 32);
	cbor_put_int(&claims, 44239);
	cbor_put_array(&claims, 4);
	for (unsigned int i = 0; i < 4; i++)
		cbor_put_bytes(&claims, realm_claims.rem[i], 32);
	cbor_put_int(&claims, 44240);
	cbor_put_text(&claims, "sha-256");
	cbor_put_map(&protected, 1);
	cbor_put_int(&protected, 1);
	cbor_put_int(&protected, alg);
	cbor_put_array(&tbs, 4);
	cbor_put_text(&tbs, "Signature1");
	cbor_put_bytes(&tbs, header, protected.len);
	cbor_put_bytes(&tbs, NULL, 0);
	cbor_put_bytes(&tbs, payload, claims.len);
	if (key_sign_pss(key, digest, msg, tbs.len, sig) < 0)
		return 0;
	for (unsigned int i = 0; i < sizeof(sig); i++)
		be[i] = sig[sizeof(sig) - 1 - i];
	cbor_put_tag(&sign1, 18);
	cbor_put_array(&sign1, 4);
	cbor_put_bytes(&sign1, header, protected.len);
	cbor_put_map(&sign1, 0);
	cbor_put_bytes(&sign1, payload, claims.len);
	cbor_put_bytes(&sign1, be, sizeof(be));
	cbor_put_tag(&out, 399);
	cbor_put_map(&out, 1);
	cbor_put_int(&out, 44241);
	cbor_put_bytes(&out, half, sign1.len);
	return out.len <= sizeof(buf) ? out.len : 0;
}

static void test_virtcca(void)
{
	static const struct {
		enum cose_alg alg;
		enum key_digest digest;
	} algs[] = { { COSE_PS256, KEY_SHA256 }, { COSE_PS384, KEY_SHA384 },
		{ COSE_PS512, KEY_SHA512 } };
	struct key *key = NULL, *other = NULL;
	size_t len;

	/* The smaller key can be named, but not sign. */
	REQUIRE(!key_generate(KEY_RSA4096, &key) && !key_generate(KEY_RSA2048, &other));
	for (unsigned int i = 0; i < 3; i++) {
		len = virtcca(key, key, algs[i].alg, algs[i].digest);
		REQUIRE(len && !cca_token_parse(buf, len, &token, &err));
		CHECK(token.virtcca && !cca_token_soft(&token));
		CHECK(!memcmp(token.realm.rim.p, realm_claims.rim, 32));
		CHECK_INT(cca_token_verify(&token, key, &err), 0);
		CHECK_INT(cca_token_verify(&token, other, &err), -EBADMSG);
		CHECK_HAS(err.msg, "not that of this device");
		CHECK_INT(cca_token_verify(&token, cpak, &err), -EBADMSG);
		buf[len - 1] ^= 1;
		CHECK_INT(cca_token_verify(&token, key, &err), -EBADMSG);
		CHECK_HAS(err.msg, "not by this device's");
	}
	len = virtcca(key, key, COSE_PS256, KEY_SHA384);
	REQUIRE(len && !cca_token_parse(buf, len, &token, &err));
	CHECK_INT(cca_token_verify(&token, key, &err), -EBADMSG);
	len = virtcca(key, other, COSE_PS256, KEY_SHA256);
	REQUIRE(len && !cca_token_parse(buf, len, &token, &err));
	CHECK_INT(cca_token_verify(&token, other, &err), -EBADMSG);
	CHECK_HAS(err.msg, "another kind of key");
	key_free(key);
	key_free(other);
}

/* ---- Keys --------------------------------------------------------------------------------- */

static void test_keys(void)
{
	static const enum key_kind kinds[] = { KEY_P384, KEY_P256 };
	uint8_t der[KEY_SPKI_MAX], cose[COSE_KEY_MAX], raw[2][COSE_POINT_MAX];
	struct key *key, *back;
	size_t len[2];

	for (unsigned int i = 0; i < 2; i++) {
		struct cbor_out out = { cose, sizeof(cose), 0 };
		int n;

		REQUIRE(!key_generate(kinds[i], &key));
		REQUIRE(!cose_point_put(key, raw[0], &len[0]));
		n = key_spki_export(key, der, sizeof(der));
		REQUIRE(n > 0 && !key_spki_import(der, (size_t)n, &back));
		CHECK(key_kind(back) == kinds[i] && !key_has_private(back));
		CHECK(!cose_point_put(back, raw[1], &len[1]) && len[0] == len[1] &&
			!memcmp(raw[0], raw[1], len[0]));
		key_free(back);
		CHECK(key_spki_import(der, (size_t)n - 1, &back) < 0);
		CHECK_INT(key_spki_export(key, der, (size_t)n - 1), -ENOSPC);
		REQUIRE(!cose_key_put(&out, key) && !cose_key_parse(cose, out.len, &back));
		CHECK(!cose_point_put(back, raw[1], &len[1]) && !memcmp(raw[0], raw[1], len[0]));
		key_free(back);
		cose[out.len - 1] ^= 1;	/* off the curve */
		CHECK_INT(cose_key_parse(cose, out.len, &back), -EBADMSG);
		n = key_export(key, der, sizeof(der));
		REQUIRE(n > 0 && !key_import(der, (size_t)n, &back));
		CHECK(key_kind(back) == kinds[i] && key_has_private(back));
		key_free(back);
		key_free(key);
	}
	REQUIRE(!key_generate(KEY_SM2, &key));
	CHECK_INT(cose_point_put(key, raw[0], &len[0]), -EINVAL);
	key_free(key);
}

int main(void)
{
	if (key_generate(KEY_P384, &cpak) < 0 || key_generate(KEY_P384, &rak) < 0)
		return 1;
	make_claims();
	RUN(test_tfm);
	RUN(test_veraison);
	RUN(test_round);
	RUN(test_start);
	RUN(test_binding);
	RUN(test_every_byte);
	RUN(test_truncated);
	RUN(test_no_room);
	RUN(test_claims);
	RUN(test_envelope);
	RUN(test_virtcca);
	RUN(test_keys);
	key_free(cpak);
	key_free(rak);
	return tests_done();
}
