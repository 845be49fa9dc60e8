/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of both algorithm sets: each test runs for both. */
#include "attest/sev_cert.h"

#include <errno.h>

#include "tests/unit/test_attest_chain.h"
#include "tests/unit/test_attest_vectors.h"
#include "tvm.h"

static struct tvm_error err;
static struct test_chain chains[2];	/* by algorithm set */

#define FOR_EACH(c) for (struct test_chain *c = chains; c < chains + 2; c++)

static int verify(const struct test_chain *c)
{
	err.msg[0] = '\0';
	return sev_chain_verify(&c->pdh_cert, &c->chain, c->alg, &err);
}

static void test_chain(void)
{
	FOR_EACH(c) {
		CHECK(!verify(c));
		CHECK_INT(sev_chain_verify(&c->pdh_cert, &c->chain, !c->alg, &err), -EINVAL);
	}
}

/* Layout: a few bytes at the offsets that others use. */
static void test_layout(void)
{
	const uint8_t *b = (const uint8_t *)&chains[0].chain.pek;

	CHECK(is_hex(b, 16, "01000000" "01" "37" "0000" "02100000" "02000000"));
	CHECK(is_hex(b + 0x10, 4, "02000000"));
	CHECK(is_hex(b + 0x414, 8, "0410000002000000"));
	CHECK(is_hex(b + 0x61c, 8, "0110000002000000"));
	b = (const uint8_t *)&chains[0].pdh_cert;
	CHECK(is_hex(b + 8, 8, "0310000003000000"));
	CHECK(is_hex(b + 0x61c, 8, "0010000000000000"));
	b = (const uint8_t *)&chains[1].chain.cek;
	CHECK(is_hex(b + 8, 12, "041000000400000003000000"));
	CHECK(is_hex(b + 0x10 + 4 + 144, 5, "030043454b"));
	CHECK(is_hex(b + 0x414, 8, "1300000004000000"));
}

/* One flipped bit anywhere in what is signed, or in a signature. */
static void test_flipped(void)
{
	FOR_EACH(c) {
		struct sev_cert *const certs[] = { &c->pdh_cert, &c->chain.pek, &c->chain.oca };

		for (size_t i = 0; i < 3; i++) {
			for (size_t at = 0; at < 0x41c + 144; at += at < 0x30 ? 1 : 37) {
				((uint8_t *)certs[i])[at] ^= 0x10;
				if (!verify(c)) {
					printf("# certificate %zu, byte 0x%zx\n", i, at);
					CHECK(false);
				}
				CHECK(err.msg[0]);
				((uint8_t *)certs[i])[at] ^= 0x10;
			}
		}
		CHECK(!verify(c));
	}
}

static void test_fields(void)
{
	static const struct {
		size_t at;
		uint32_t value;
		const char *says;
	} bad[] = {
		{ 0, 0, "version" }, { 0, 3, "version" }, { 8, SEV_USAGE_PEK, "for PEK" },
		{ 8, 0x99, "unknown" }, { 12, 0, "algorithm" },
		{ 12, SEV_ALGO_RSA_SHA256, "algorithm" },
		{ 16, 1, "curve" }, { 16, 0, "curve" },
	};

	FOR_EACH(c) {
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			struct sev_cert cert = c->pdh_cert;

			le_store((uint8_t *)&cert + bad[i].at, 4, bad[i].value);
			CHECK_INT(sev_cert_check(&cert, c->alg, SEV_USAGE_PDH, &err), -EINVAL);
			CHECK_HAS(err.msg, bad[i].says);
		}
		struct sev_cert cert = c->pdh_cert;

		memset(cert.pubkey.qy, 0, sizeof(cert.pubkey.qy));
		CHECK_INT(sev_cert_check(&cert, c->alg, SEV_USAGE_PDH, &err), -EINVAL);
		CHECK_HAS(err.msg, "not a point");
	}
	struct sev_cert cert = chains[1].pdh_cert;

	cert.pubkey.uid_len = le16_make(255);
	CHECK_INT(sev_cert_check(&cert, ATTEST_CSV, SEV_USAGE_PDH, &err), -EINVAL);
	CHECK_HAS(err.msg, "user id");
}

/* Slots may be swapped; a PEK needs both signatures; a signature of one's own is none. */
static void test_slots(void)
{
	FOR_EACH(c) {
		struct sev_cert_chain good = c->chain;
		struct sev_cert_sig spare = c->chain.pek.sig[0];

		c->chain.pek.sig[0] = c->chain.pek.sig[1];
		c->chain.pek.sig[1] = spare;
		CHECK(!verify(c));
		c->chain.pek.sig[1].usage = le32_make(SEV_USAGE_INVALID);
		CHECK_INT(verify(c), -ENOENT);
		CHECK_HAS(err.msg, "not signed by any CEK");
		c->chain = good;
		CHECK(!sev_cert_sign(&c->chain.pek, c->alg, 0, SEV_USAGE_CEK, c->pek));
		CHECK_INT(verify(c), -EBADMSG);
		c->chain = good;
		/* An algorithm that the signer's key does not have. */
		c->chain.pek.sig[0].algo = le32_make(SEV_ALGO_RSA_SHA256);
		CHECK_INT(verify(c), -EBADMSG);
		c->chain = good;
	}
}

static void test_swapped(void)
{
	struct test_chain other;

	FOR_EACH(c) {
		struct sev_cert_chain good = c->chain;

		test_chain_make(&other, c->alg, "another platform");
		c->chain.pek = other.chain.pek;
		CHECK_INT(verify(c), -EBADMSG);
		c->chain = good;
		c->chain.cek = other.chain.cek;
		CHECK_INT(verify(c), -EBADMSG);
		c->chain = good;
		c->chain.oca = other.chain.oca;
		CHECK_INT(verify(c), -EBADMSG);
		c->chain = good;
		c->chain.oca = good.cek;
		c->chain.cek = good.oca;
		CHECK_INT(verify(c), -EINVAL);
		c->chain = good;
		test_chain_free(&other);
	}
}

static void test_roots(void)
{
	FOR_EACH(c) {
		struct sev_roots roots;
		struct test_chain other;

		REQUIRE(!sev_roots_parse(&roots, c->alg, c->roots, c->roots_len, &err));
		CHECK(!sev_roots_verify(&roots, &c->chain.cek, &err));
		CHECK(!sev_roots_soft(&roots) && !sev_roots_known(&roots));
		CHECK_INT(sev_roots_verify(&roots, &c->chain.pek, &err), -EINVAL);
		test_chain_make(&other, c->alg, SOFT_KEY_ID);
		CHECK_INT(sev_roots_verify(&roots, &other.chain.cek, &err), -EBADMSG);
		sev_roots_fini(&roots);
		REQUIRE(!sev_roots_parse(&roots, c->alg, other.roots, other.roots_len, &err));
		CHECK(sev_roots_soft(&roots));
		sev_roots_fini(&roots);
		test_chain_free(&other);
	}
}

static void test_roots_flipped(void)
{
	FOR_EACH(c) {
		uint8_t data[SEV_CA_PAIR_MAX];

		for (size_t at = 0; at < c->roots_len; at += at % 832 < 0x50 ? 1 : 41) {
			struct sev_roots roots = { 0 };
			int r;

			memcpy(data, c->roots, c->roots_len);
			data[at] ^= 0x10;
			r = sev_roots_parse(&roots, c->alg, data, c->roots_len, &err);
			r = r < 0 ? r : sev_roots_verify(&roots, &c->chain.cek, &err);
			/* Hygon's certificates end with bytes that nothing covers. */
			if (!r && !(c->alg == ATTEST_CSV && at % 832 >= 720)) {
				printf("# byte %zu\n", at);
				CHECK(false);
			}
			sev_roots_fini(&roots);
		}
	}
}

static void test_roots_lengths(void)
{
	FOR_EACH(c) {
		struct sev_roots roots;
		uint8_t data[SEV_CA_PAIR_MAX + 1] = { 0 };

		memcpy(data, c->roots, c->roots_len);
		for (size_t len = 0; len < c->roots_len; len += len < 70 ? 1 : 97)
			CHECK_INT(sev_roots_parse(&roots, c->alg, data, len, &err), -EINVAL);
		CHECK_INT(sev_roots_parse(&roots, c->alg, data, c->roots_len + 1, &err), -EINVAL);
		CHECK_HAS(err.msg, "behind");
		/* ARK first: the wrong order. */
		memcpy(data, c->roots + c->roots_len / 2, c->roots_len / 2);
		memcpy(data + c->roots_len / 2, c->roots, c->roots_len / 2);
		CHECK_INT(sev_roots_parse(&roots, c->alg, data, c->roots_len, &err), -EINVAL);
	}
}

/* The built-in root is a point of the curve, and vouches for nobody else's certificates. */
static void test_builtin(void)
{
	struct sev_ca hrk = { 0 };
	struct sev_roots roots;

	CHECK_INT(sev_ca_builtin(&hrk, ATTEST_SEV), -ENOENT);
	REQUIRE(!sev_ca_builtin(&hrk, ATTEST_CSV));
	REQUIRE(!sev_roots_parse(&roots, ATTEST_CSV, chains[1].roots, chains[1].roots_len, &err));
	CHECK_INT(sev_ca_verify(&roots.ask, &hrk, &err), -EBADMSG);
	CHECK(!sev_roots_known(&roots));
	sev_ca_fini(&roots.ark);
	roots.ark = hrk;
	CHECK(sev_roots_known(&roots));
	/* Its certificate is public, but its signature is not here. */
	CHECK_INT(sev_ca_verify(&hrk, &hrk, &err), -EBADMSG);
	sev_roots_fini(&roots);
}

int main(void)
{
	test_chain_make(&chains[0], ATTEST_SEV, "the root's own.");
	test_chain_make(&chains[1], ATTEST_CSV, "the root's own.");
	RUN(test_chain);
	RUN(test_layout);
	RUN(test_flipped);
	RUN(test_fields);
	RUN(test_slots);
	RUN(test_swapped);
	RUN(test_roots);
	RUN(test_roots_flipped);
	RUN(test_roots_lengths);
	RUN(test_builtin);
	test_chain_free(&chains[0]);
	test_chain_free(&chains[1]);
	return tests_done();
}
