/* SPDX-License-Identifier: Apache-2.0 */
/* The input is the end of a firmware image. What is read from it must make sense. */
#include <assert.h>
#include <errno.h>

#include "attest/ovmf_table.h"
#include "base/bits.h"
#include "tvm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tvm_error err = { 0 };
	struct ovmf_table t;
	int r = ovmf_table_read(data, size, &t, &err);

	if (r < 0) {
		assert((r == -ENOENT || r == -EINVAL) && err.msg[0]);
		return 0;
	}
	assert(range_within(t.hashes.base, t.hashes.size, 0, GIB(4)));
	assert(range_within(t.secret.base, t.secret.size, 0, GIB(4)));
	assert(t.nr_sections <= OVMF_MAX_SECTIONS);
	for (unsigned int i = 0; i < t.nr_sections; i++)
		assert(range_within(t.sections[i].gpa, t.sections[i].size, 0, GIB(4)));
	return 0;
}
