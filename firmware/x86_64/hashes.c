/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash table that the VMM had measured with this firmware, in the format of QEMU
 * (target/i386/sev.c, PaddedSevHashTable): a header and three entries in a fixed order.
 */
#include "firmware/x86_64/fw.h"

#define GUID_SIZE 16
#define TABLE_SIZE 168

struct entry {
	uint8_t guid[GUID_SIZE];
	le16 len;
	uint8_t hash[FW_HASH_SIZE];
};

struct table {
	uint8_t guid[GUID_SIZE];
	le16 len;
	struct entry cmdline, initrd, kernel;
};

_Static_assert(sizeof(struct table) == TABLE_SIZE && TABLE_SIZE <= FW_HASHES_SIZE, "QEMU");

/* As they lie in memory: the first three fields of a GUID are little endian. */
static const uint8_t table_guid[GUID_SIZE] = {	/* 9438d606-4f22-4cc9-b479-a793d411fd21 */
	0x06, 0xd6, 0x38, 0x94, 0x22, 0x4f, 0xc9, 0x4c,
	0xb4, 0x79, 0xa7, 0x93, 0xd4, 0x11, 0xfd, 0x21,
};

static const uint8_t cmdline_guid[GUID_SIZE] = { /* 97d02dd8-bd20-4c94-aa78-e7714d36ab2a */
	0xd8, 0x2d, 0xd0, 0x97, 0x20, 0xbd, 0x94, 0x4c,
	0xaa, 0x78, 0xe7, 0x71, 0x4d, 0x36, 0xab, 0x2a,
};

static const uint8_t initrd_guid[GUID_SIZE] = {	/* 44baf731-3a2f-4bd7-9af1-41e29169781d */
	0x31, 0xf7, 0xba, 0x44, 0x2f, 0x3a, 0xd7, 0x4b,
	0x9a, 0xf1, 0x41, 0xe2, 0x91, 0x69, 0x78, 0x1d,
};

static const uint8_t kernel_guid[GUID_SIZE] = {	/* 4de79437-abd2-427f-b835-d5b172d2045b */
	0x37, 0x94, 0xe7, 0x4d, 0xd2, 0xab, 0x7f, 0x42,
	0xb8, 0x35, 0xd5, 0xb1, 0x72, 0xd2, 0x04, 0x5b,
};

static bool entry_read(const struct entry *e, const uint8_t *guid, uint8_t *hash)
{
	if (memcmp(e->guid, guid, GUID_SIZE) || le16_get(e->len) != sizeof(*e))
		return false;
	memcpy(hash, e->hash, FW_HASH_SIZE);
	return true;
}

enum fw_reason fw_hashes_read(const uint8_t *area, struct fw_hashes *out)
{
	const struct table *t = (const struct table *)area;
	uint8_t any = 0;

	for (unsigned int i = 0; i < TABLE_SIZE; i++)
		any |= area[i];
	if (!any)
		return FW_E_NO_HASHES;
	if (memcmp(t->guid, table_guid, GUID_SIZE) || le16_get(t->len) != TABLE_SIZE ||
	    !entry_read(&t->cmdline, cmdline_guid, out->cmdline) ||
	    !entry_read(&t->initrd, initrd_guid, out->initrd) ||
	    !entry_read(&t->kernel, kernel_guid, out->kernel))
		return FW_E_BAD_HASHES;
	return FW_OK;
}

bool fw_hash_equal(const uint8_t *a, const uint8_t *b)
{
	uint8_t differ = 0;

	for (unsigned int i = 0; i < FW_HASH_SIZE; i++)
		differ |= (uint8_t)(a[i] ^ b[i]);
	return !differ;
}
