/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/sev_hashes.h"

#include <string.h>

#include "attest/guid.h"
#include "base/le.h"

struct entry {
	struct guid guid;
	le16 len;		/* of the whole entry */
	uint8_t hash[32];
};

struct table {
	struct guid guid;
	le16 len;		/* without the padding */
	struct entry cmdline, initrd, kernel;
	uint8_t padding[8];
};

_Static_assert(sizeof(struct table) == SEV_HASHES_LEN, "hash table layout");

static const struct guid table_guid = GUID_INIT(0x9438d606, 0x4f22, 0x4cc9, 0xb4, 0x79, 0xa7,
	0x93, 0xd4, 0x11, 0xfd, 0x21);
static const struct guid cmdline_guid = GUID_INIT(0x97d02dd8, 0xbd20, 0x4c94, 0xaa, 0x78, 0xe7,
	0x71, 0x4d, 0x36, 0xab, 0x2a);
static const struct guid initrd_guid = GUID_INIT(0x44baf731, 0x3a2f, 0x4bd7, 0x9a, 0xf1, 0x41,
	0xe2, 0x91, 0x69, 0x78, 0x1d);
static const struct guid kernel_guid = GUID_INIT(0x4de79437, 0xabd2, 0x427f, 0xb8, 0x35, 0xd5,
	0xb1, 0x72, 0xd2, 0x04, 0x5b);

int sev_hashes_compute(struct sev_hashes *hashes, struct alg_part kernel, struct alg_part initrd,
	const char *cmdline)
{
	struct alg_part text = { cmdline ? cmdline : "", cmdline ? strlen(cmdline) + 1 : 1 };
	int r = alg_hash(ATTEST_SEV, &text, 1, hashes->cmdline);

	r = r < 0 ? r : alg_hash(ATTEST_SEV, &initrd, 1, hashes->initrd);
	return r < 0 ? r : alg_hash(ATTEST_SEV, &kernel, 1, hashes->kernel);
}

static struct entry entry(const struct guid *guid, const uint8_t hash[32])
{
	struct entry e = { .guid = *guid, .len = le16_make(sizeof(e)) };

	memcpy(e.hash, hash, sizeof(e.hash));
	return e;
}

void sev_hashes_table(const struct sev_hashes *hashes, uint8_t table[SEV_HASHES_LEN])
{
	struct table t = {
		.guid = table_guid,
		.len = le16_make(sizeof(t) - sizeof(t.padding)),
		.cmdline = entry(&cmdline_guid, hashes->cmdline),
		.initrd = entry(&initrd_guid, hashes->initrd),
		.kernel = entry(&kernel_guid, hashes->kernel),
	};

	memcpy(table, &t, sizeof(t));
}
