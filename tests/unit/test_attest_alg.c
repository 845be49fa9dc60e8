/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/alg.h"

#include "tests/unit/test_attest_vectors.h"

static const uint8_t zeros[64];

/* The unit test of another implementation of SEV, and of one of CSV. */
static void test_kdf_of_others(void)
{
	uint8_t out[16];

	CHECK(!alg_kdf(ATTEST_SEV, zeros, 16, ALG_MASTER, zeros, 16, out, 16));
	CHECK(is_hex(out, 16, "ab4d269fcc62bedb4511d56c386ce706"));
	CHECK(!alg_kdf(ATTEST_CSV, zeros, 16, ALG_MASTER, zeros, 16, out, 16));
	CHECK(is_hex(out, 16, "19e8d550e3a799b2917bc59146aaadae"));
}

static void test_kdf_csv_chain(void)
{
	uint8_t z[16], nonce[16], master[32], out[32];

	count_from(0x00, z, 16);
	count_from(0x10, nonce, 16);
	CHECK(!alg_kdf(ATTEST_CSV, z, 16, ALG_MASTER, nonce, 16, master, 32));
	CHECK(is_hex(master, 32,
		"868a6c3c2db2ef07c7dfaa77e2827f4818b818438bf476612e105eeb526562e8"));
	CHECK(!alg_kdf(ATTEST_CSV, master, 32, ALG_KEK, NULL, 0, out, 32));
	CHECK(is_hex(out, 32, "9661c1ec1756ec311f68ce7cedd794e6c2185d6845e8b0b5b01b3628e14917ca"));
	CHECK(!alg_kdf(ATTEST_CSV, master, 32, ALG_KIK, NULL, 0, out, 32));
	CHECK(is_hex(out, 32, "af06d159993e105adb635647e4f460ed3c4ea98373414396e7d4b6536b686472"));
}

/* More than one block of output: each block is the same prefix of a longer one's. */
static void test_kdf_blocks(void)
{
	uint8_t out[80];

	CHECK(!alg_kdf(ATTEST_CSV, zeros, 16, ALG_KEK, NULL, 0, out, 80));
	CHECK(memcmp(out, out + 32, 32));
	CHECK(!alg_kdf(ATTEST_SEV, zeros, 16, ALG_KEK, NULL, 0, out, 80));
	CHECK(memcmp(out, out + 32, 32) && memcmp(out + 48, out + 64, 16));
}

static void test_hash(void)
{
	const struct alg_part parts[] = { { "a", 1 }, { NULL, 0 }, { "bc", 2 } };
	uint8_t out[32];

	CHECK(!alg_hash(ATTEST_SEV, parts, 3, out));
	CHECK(is_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	CHECK(!alg_hash(ATTEST_CSV, parts, 3, out));	/* GB/T 32905, example 1 */
	CHECK(is_hex(out, 32, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"));
}

static void test_hmac(void)
{
	struct alg_part part = { zeros, 4 };
	uint8_t out[32];

	CHECK(!alg_hmac(ATTEST_SEV, zeros, 16, &part, 1, out));
	CHECK(is_hex(out, 32, "aa7855e13839dd767cd5da7c1ff5036540c9264b7a803029315e55375287b4af"));
	CHECK(!alg_hmac(ATTEST_CSV, zeros, 16, &part, 1, out));
	CHECK(is_hex(out, 32, "5f08f19a7d6d8aceb7a6955b1533173cdd342039d4f76a117fe1aaaab7b27fec"));
}

/* NIST SP 800-38A, F.5.1: the counter block is counted up as one big-endian number. */
static void test_ctr(void)
{
	uint8_t key[16], iv[16], text[32], out[32];

	unhex("2b7e151628aed2a6abf7158809cf4f3c", key, 16);
	unhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", iv, 16);
	unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51", text, 32);
	CHECK(!alg_ctr(ATTEST_SEV, key, iv, text, out, 32));
	CHECK(is_hex(out, 32, "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"));
	CHECK(!alg_ctr(ATTEST_SEV, key, iv, out, out, 32));
	CHECK(!memcmp(out, text, 32));
	CHECK(!alg_ctr(ATTEST_CSV, key, iv, text, out, 32));
	CHECK(memcmp(out, text, 32));
	CHECK(!alg_ctr(ATTEST_CSV, key, iv, out, out, 32));
	CHECK(!memcmp(out, text, 32));
}

/* Looking at a running hash does not end it. */
static void test_running(void)
{
	const struct alg_part whole = { "abc", 3 };
	struct alg_running *run;
	uint8_t seen[32], want[32];

	for (enum attest_alg alg = ATTEST_SEV; alg <= ATTEST_CSV; alg++) {
		REQUIRE(!alg_running_new(alg, &run));
		CHECK(!alg_running_add(run, "a", 1));
		CHECK(!alg_running_get(run, seen));
		CHECK(!alg_running_add(run, "bc", 2));
		CHECK(!alg_running_get(run, seen));
		CHECK(!alg_hash(alg, &whole, 1, want));
		CHECK(!memcmp(seen, want, 32));
		alg_running_free(run);
	}
	alg_running_free(NULL);
}

static void test_random(void)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	CHECK(!alg_random(a, 32) && !alg_random(b, 32));
	CHECK(!alg_equal(a, b, 32));
	CHECK(alg_equal(a, a, 32));
}

int main(void)
{
	RUN(test_kdf_of_others);
	RUN(test_kdf_csv_chain);
	RUN(test_kdf_blocks);
	RUN(test_hash);
	RUN(test_hmac);
	RUN(test_ctr);
	RUN(test_running);
	RUN(test_random);
	return tests_done();
}
