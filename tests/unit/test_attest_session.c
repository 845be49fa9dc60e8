/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/sev_session.h"

#include <errno.h>

#include "attest/csv_session.h"
#include "tests/unit/test_attest_vectors.h"
#include "tvm.h"

static struct tvm_error err;

/* Of another implementation's unit test: everything zero. */
static void test_wrap_zero(void)
{
	const struct sev_session_seed seed = { 0 };
	const uint8_t z[16] = { 0 };
	struct sev_session s;
	struct attest_tk tk;

	CHECK(!sev_session_wrap(z, sizeof(z), &seed, 0, &s));
	CHECK(is_hex(s.wrap_tk, 32,
		"2137bc7f9bb8bd7c3e55a576a15d3454b3856b8ba27afadf46dcfee9f02c02c4"));
	CHECK(is_hex(s.wrap_mac, 32,
		"3176c0752738bd9d5e86689534020f528c088f16238826b000b327dee6aeed7d"));
	CHECK(is_hex(s.policy_mac, 32,
		"aa7855e13839dd767cd5da7c1ff5036540c9264b7a803029315e55375287b4af"));
	CHECK(!sev_session_unwrap(z, sizeof(z), &s, 0, &tk));
}

static void seed_of_vector(struct sev_session_seed *seed)
{
	count_from(0x10, seed->nonce, 16);
	count_from(0x20, seed->wrap_iv, 16);
	count_from(0x30, seed->tk.tek, 16);
	count_from(0x40, seed->tk.tik, 16);
}

#define Z_HEX "f6bc32d821efcbed2c81594edb3962d03a2c84e3aa12c6606d953bfc5ac9d9dc" \
	"1fc97c32cd93d7769a3472508965f7ab"
#define D_PDH "10288cdc338f65d9faf8f782e98cbdda1f9c9a3461539e532331861c857e7079" \
	"b8b7d197fe4b85f2ab9bb318650d4966"
#define D_GODH "2d08a612f25ef386ae904f0c325649da09b1ccc9dff71ee1fec9a42bc05bb488" \
	"899ea849f25217d566ca068f88939818"

/* The whole blob, and the processor's side of it from the private key on. */
static void test_wrap_ecdh(void)
{
	struct sev_session_seed seed;
	struct key *pdh = NULL, *godh = NULL;
	struct sev_cert godh_cert;
	struct sev_session s;
	struct attest_tk tk;
	uint8_t z[48], d[48];

	seed_of_vector(&seed);
	unhex(Z_HEX, z, 48);
	CHECK(!sev_session_wrap(z, 48, &seed, 5, &s));
	CHECK(is_hex(&s, sizeof(s), "101112131415161718191a1b1c1d1e1f"
		"a2d5757b72efcd84acebb8947e704b00a83ae7e850cd4c546f9a0a7fd87b6582"
		"202122232425262728292a2b2c2d2e2f"
		"1721b5840784197beada1512709117a06f02fc517d5851885b719ecf50a3cc7c"
		"aedbe16253b873e081df31a0032d9a6bfd3a78548911da34aebba1a5e1726d77"));
	unhex(D_PDH, d, 48);
	REQUIRE(!key_from_scalar(KEY_P384, d, 48, &pdh));
	unhex(D_GODH, d, 48);
	REQUIRE(!key_from_scalar(KEY_P384, d, 48, &godh));
	REQUIRE(!sev_cert_build(&godh_cert, ATTEST_SEV, SEV_USAGE_PDH, godh, 0, 0));
	CHECK(!sev_session_open(&s, &godh_cert, pdh, 5, &tk, &err));
	CHECK(!memcmp(&tk, &seed.tk, sizeof(tk)));
	key_free(pdh);
	key_free(godh);
}

struct parties {
	struct key *pdh;
	struct sev_cert pdh_cert, godh;
	struct attest_tk tk, got;
};

static void parties_make(struct parties *p, enum attest_alg alg)
{
	REQUIRE(!key_generate(alg == ATTEST_CSV ? KEY_SM2 : KEY_P384, &p->pdh));
	REQUIRE(!sev_cert_build(&p->pdh_cert, alg, SEV_USAGE_PDH, p->pdh, 1, 55));
}

static void test_sev_round(void)
{
	struct parties p = { 0 };
	struct sev_session s;

	parties_make(&p, ATTEST_SEV);
	REQUIRE(!sev_session_create(&p.pdh_cert, 7, &s, &p.godh, &p.tk, &err));
	CHECK(!sev_session_open(&s, &p.godh, p.pdh, 7, &p.got, &err));
	CHECK(!memcmp(&p.tk, &p.got, sizeof(p.tk)));
	CHECK_INT(sev_session_open(&s, &p.godh, p.pdh, 6, &p.got, &err), -EBADMSG);
	CHECK_HAS(err.msg, "MAC");
	for (size_t at = 0; at < sizeof(s); at++) {
		((uint8_t *)&s)[at] ^= 1;
		/* No MAC covers the IV, but wrong keys fail the policy's. */
		CHECK_INT(sev_session_open(&s, &p.godh, p.pdh, 7, &p.got, &err), -EBADMSG);
		((uint8_t *)&s)[at] ^= 1;
	}
	CHECK_INT(sev_session_open(&s, &p.pdh_cert, p.pdh, 7, &p.got, &err), -EBADMSG);
	p.godh.usage = le32_make(SEV_USAGE_PEK);
	CHECK_INT(sev_session_open(&s, &p.godh, p.pdh, 7, &p.got, &err), -EINVAL);
	p.pdh_cert.pubkey.qx[0] ^= 1;
	CHECK_INT(sev_session_create(&p.pdh_cert, 7, &s, &p.godh, &p.tk, &err), -EINVAL);
	key_free(p.pdh);
}

static void test_csv_vector(void)
{
	struct csv_session s = { 0 };
	struct attest_tk tk, got;
	uint8_t z[16], nonce[16], master[32];

	count_from(0x00, z, 16);
	count_from(0x10, nonce, 16);
	count_from(0x20, s.wrap_iv, 16);
	count_from(0x30, tk.tek, 16);
	count_from(0x40, tk.tik, 16);
	CHECK(!csv_session_master(z, nonce, master));
	CHECK(!csv_session_wrap(master, &tk, 5, &s));
	CHECK(is_hex(s.wrap_tk, 32,
		"178ededf933a9da23bd1803c4f41d4d79b1e347b6d390948b0dfd66204e7eda4"));
	CHECK(is_hex(s.wrap_mac, 32,
		"447766e786f9467a371edabf63bd04c98e775e6a31c11ac68fbe41f4460af01a"));
	CHECK(!csv_session_unwrap(master, &s, 5, &got));
	CHECK(!memcmp(&tk, &got, sizeof(tk)));
	CHECK_INT(csv_session_unwrap(master, &s, 4, &got), -EBADMSG);
}

static void test_csv_round(void)
{
	const struct csv_session_info info = { .vm_id = "machine", .user_data = "data" };
	struct parties p = { 0 };
	struct csv_session s;

	parties_make(&p, ATTEST_CSV);
	REQUIRE(!csv_session_create(&p.pdh_cert, 7, &info, &s, &p.godh, &p.tk, &err));
	CHECK(!memcmp(s.vm_id, "machine", 8));
	CHECK(!csv_session_open(&s, &p.godh, p.pdh, 7, &p.got, &err));
	CHECK(!memcmp(&p.tk, &p.got, sizeof(p.tk)));
	CHECK_INT(csv_session_open(&s, &p.godh, p.pdh, 6, &p.got, &err), -EBADMSG);
	for (size_t at = 0; at < sizeof(s); at += 3) {
		((uint8_t *)&s)[at] ^= 1;
		CHECK_INT(csv_session_open(&s, &p.godh, p.pdh, 7, &p.got, &err), -EBADMSG);
		((uint8_t *)&s)[at] ^= 1;
	}
	CHECK_INT(csv_session_open(&s, &p.pdh_cert, p.pdh, 7, &p.got, &err), -EBADMSG);
	REQUIRE(!csv_session_create(&p.pdh_cert, 7, NULL, &s, &p.godh, &p.tk, &err));
	CHECK(!csv_session_open(&s, &p.godh, p.pdh, 7, &p.got, &err));
	CHECK_INT(sev_session_create(&p.pdh_cert, 7, (struct sev_session *)&s, &p.godh, &p.tk,
		&err), -EINVAL);
	key_free(p.pdh);
}

int main(void)
{
	RUN(test_wrap_zero);
	RUN(test_wrap_ecdh);
	RUN(test_sev_round);
	RUN(test_csv_vector);
	RUN(test_csv_round);
	return tests_done();
}
