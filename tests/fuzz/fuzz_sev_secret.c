/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packet from somebody else, then the table inside: byte 0 chooses the algorithm set; header
 * and secret follow. What a packet would decrypt to is also read as a table without one.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attest/sev_secret.h"
#include "attest/sev_table.h"
#include "attest/text.h"
#include "tvm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* From memory of the exact size, so that a sanitizer sees one byte too far. */
static void table(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct sev_table_entry e;
	size_t pos = 0, before;
	int r = 1;

	memcpy(copy, bytes, len);
	while (r > 0) {
		before = pos;
		r = sev_table_next(copy, len, &pos, &e);
		assert(r <= 0 || (pos > before && pos <= len));
		assert(r <= 0 || ((const uint8_t *)e.data >= copy + 40 && e.len <= len - 40 &&
			(const uint8_t *)e.data + e.len <= copy + len));
	}
	assert(r == 0 || r == -EINVAL);
	free(copy);
}

static void packet(enum attest_alg alg, const uint8_t *data, size_t size)
{
	static const struct attest_tk tk = { "0123456789abcde", "fedcba987654321" };
	static const uint8_t measure[ALG_HASH_LEN] = { 1 };
	struct sev_secret_header header;
	struct tvm_error err = { 0 };
	uint8_t *out;
	size_t len;
	int r;

	if (size < sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	len = size - sizeof(header);
	out = calloc(1, len ? len : 1);
	r = sev_secret_open(alg, &tk, measure, &header, data + sizeof(header), len, out, len, &err);
	assert(r == 0 || r == -EINVAL || r == -EBADMSG);
	assert(!r || err.msg[0]);
	if (!r)
		table(out, len);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[64];

	if (!size)
		return 0;
	packet(data[0] & 1 ? ATTEST_CSV : ATTEST_SEV, data + 1, size - 1);
	table(data + 1, size - 1);
	assert(text_unbase64((const char *)data + 1, size - 1, bytes, sizeof(bytes)) <=
		(int)sizeof(bytes));
	return 0;
}
