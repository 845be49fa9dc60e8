/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte chooses the algorithm set and what follows: a pair of vendor certificates, or
 * a PDH and a chain as a platform exports them. What parses is verified, too.
 */
#include <assert.h>
#include <string.h>

#include "attest/sev_ca.h"
#include "tvm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void roots(enum attest_alg alg, const uint8_t *data, size_t size)
{
	struct tvm_error err = { 0 };
	struct sev_roots roots;
	struct sev_cert cek = { 0 };

	if (sev_roots_parse(&roots, alg, data, size, &err) < 0) {
		assert(err.msg[0]);
		return;
	}
	assert(roots.ask.len + roots.ark.len == size);
	assert(roots.ask.key && roots.ark.key);
	sev_roots_soft(&roots);
	sev_roots_known(&roots);
	assert(sev_roots_verify(&roots, &cek, &err) < 0 && err.msg[0]);
	sev_roots_fini(&roots);
}

/* Short input is a chain whose tail is zero. */
static void chain(enum attest_alg alg, const uint8_t *data, size_t size)
{
	static const enum sev_usage usages[] = { SEV_USAGE_PDH, SEV_USAGE_PEK, SEV_USAGE_OCA,
		SEV_USAGE_CEK };
	struct sev_cert certs[4];
	struct sev_cert_chain rest;
	struct tvm_error err = { 0 };
	struct key *key;
	int r;

	memset(certs, 0, sizeof(certs));
	memcpy(certs, data, size < sizeof(certs) ? size : sizeof(certs));
	memcpy(&rest, certs + 1, sizeof(rest));
	r = sev_chain_verify(certs, &rest, alg, &err);
	assert(r == 0 || (r < 0 && err.msg[0]));
	for (unsigned int i = 0; i < 4; i++) {
		r = sev_cert_key(&certs[i], alg, usages[i], &key, &err);
		assert(!r == !sev_cert_check(&certs[i], alg, usages[i], NULL));
		if (!r)
			key_free(key);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum attest_alg alg;

	if (!size)
		return 0;
	alg = data[0] & 1 ? ATTEST_CSV : ATTEST_SEV;
	if (data[0] & 2)
		chain(alg, data + 1, size - 1);
	else
		roots(alg, data + 1, size - 1);
	return 0;
}
