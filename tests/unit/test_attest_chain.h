/* SPDX-License-Identifier: Apache-2.0 */
/* A whole platform, from root to PDH, as a software processor would make one. */
#ifndef TESTS_UNIT_TEST_ATTEST_CHAIN_H
#define TESTS_UNIT_TEST_ATTEST_CHAIN_H

#include <stdlib.h>

#include "attest/sev_ca.h"
#include "attest/soft_id.h"
#include "tests/harness.h"

struct test_chain {
	enum attest_alg alg;
	struct key *ark, *ask, *cek, *oca, *pek, *pdh;
	struct sev_cert pdh_cert;
	struct sev_cert_chain chain;
	uint8_t roots[SEV_CA_PAIR_MAX];
	size_t roots_len;
};

static inline void test_key(enum attest_alg alg, const char *uid, bool root, struct key **out)
{
	enum key_kind kind = alg == ATTEST_CSV ? KEY_SM2 : root ? KEY_RSA2048 : KEY_P384;

	if (key_generate(kind, out) < 0 ||
	    (alg == ATTEST_CSV && key_set_uid(*out, uid, strlen(uid)) < 0))
		abort();
}

static inline void test_chain_make(struct test_chain *c, enum attest_alg alg, const char *ark_id)
{
	const uint8_t *root = (const uint8_t *)ark_id, *ask = (const uint8_t *)"the signing key.";
	int a, b;

	memset(c, 0, sizeof(*c));
	c->alg = alg;
	test_key(alg, "ROOT", true, &c->ark);
	test_key(alg, "SIGNING", true, &c->ask);
	test_key(alg, "CEK", false, &c->cek);
	test_key(alg, "OCA", false, &c->oca);
	test_key(alg, "PEK", false, &c->pek);
	test_key(alg, "PDH", false, &c->pdh);
	a = sev_ca_build(c->roots, alg, SEV_USAGE_ASK, c->ask, ask, c->ark, root);
	b = a < 0 ? a : sev_ca_build(c->roots + a, alg, SEV_USAGE_ARK, c->ark, root, c->ark, root);
	if (b < 0 || sev_cert_build(&c->chain.cek, alg, SEV_USAGE_CEK, c->cek, 1, 55) < 0 ||
	    sev_cert_sign(&c->chain.cek, alg, 0, SEV_USAGE_ASK, c->ask) < 0 ||
	    sev_cert_build(&c->chain.oca, alg, SEV_USAGE_OCA, c->oca, 1, 55) < 0 ||
	    sev_cert_sign(&c->chain.oca, alg, 0, SEV_USAGE_OCA, c->oca) < 0 ||
	    sev_cert_build(&c->chain.pek, alg, SEV_USAGE_PEK, c->pek, 1, 55) < 0 ||
	    sev_cert_sign(&c->chain.pek, alg, 0, SEV_USAGE_CEK, c->cek) < 0 ||
	    sev_cert_sign(&c->chain.pek, alg, 1, SEV_USAGE_OCA, c->oca) < 0 ||
	    sev_cert_build(&c->pdh_cert, alg, SEV_USAGE_PDH, c->pdh, 1, 55) < 0 ||
	    sev_cert_sign(&c->pdh_cert, alg, 0, SEV_USAGE_PEK, c->pek) < 0)
		abort();
	c->roots_len = (size_t)(a + b);
}

static inline void test_chain_free(struct test_chain *c)
{
	key_free(c->ark);
	key_free(c->ask);
	key_free(c->cek);
	key_free(c->oca);
	key_free(c->pek);
	key_free(c->pdh);
}

#endif
