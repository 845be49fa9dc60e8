/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processor opens sessions that anybody may have written. The first byte chooses the
 * algorithm set; then come policy, GODH certificate and session, cut or padded to their sizes.
 * The platform's keys are fixed, so that corpora keep their meaning.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "attest/csv_session.h"
#include "attest/sev_session.h"
#include "tvm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	le32 policy;
	struct sev_cert godh;
	union {
		struct sev_session sev;
		struct csv_session csv;
	};
};

static struct key *platform_key(enum attest_alg alg)
{
	struct key *key = NULL;
	uint8_t d[48];
	int r;

	memset(d, 0x5a, sizeof(d));
	r = key_from_scalar(alg == ATTEST_CSV ? KEY_SM2 : KEY_P384, d, alg == ATTEST_CSV ? 32 : 48,
		&key);
	assert(!r);
	return key;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct attest_tk untouched = { "0123456789abcde", "fedcba987654321" };
	struct attest_tk tk = untouched;
	struct tvm_error err = { 0 };
	struct input in = { 0 };
	enum attest_alg alg;
	struct key *pdh;
	int r;

	if (!size)
		return 0;
	alg = data[0] & 1 ? ATTEST_CSV : ATTEST_SEV;
	memcpy(&in, data + 1, size - 1 < sizeof(in) ? size - 1 : sizeof(in));
	pdh = platform_key(alg);
	if (alg == ATTEST_CSV)
		r = csv_session_open(&in.csv, &in.godh, pdh, le32_get(in.policy), &tk, &err);
	else
		r = sev_session_open(&in.sev, &in.godh, pdh, le32_get(in.policy), &tk, &err);
	key_free(pdh);
	assert(r == 0 || r == -EINVAL || r == -EBADMSG);
	assert(!r || err.msg[0]);
	assert(!r == !!memcmp(&tk, &untouched, sizeof(tk)));
	return 0;
}
