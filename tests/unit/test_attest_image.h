/* SPDX-License-Identifier: Apache-2.0 */
/* Makes firmware images with a GUIDed table, right or wrong. */
#ifndef TESTS_UNIT_TEST_ATTEST_IMAGE_H
#define TESTS_UNIT_TEST_ATTEST_IMAGE_H

#include <stdint.h>
#include <string.h>

#include "attest/guid.h"
#include "base/le.h"

#define IMAGE_LEN 4096
#define IMAGE_AP_RESET 0x80b004

#define FOOTER_GUID "96b582de-1fb2-45f7-baea-a366c55a082d"
#define RESET_GUID "00f771de-1a7e-4fcb-890e-68c77e2fb44e"
#define SECRET_GUID "4c2eb361-7d9b-4cc3-8081-127c90d3d294"
#define HASHES_GUID "7255371f-3a3b-4b04-927b-1da6efa8d454"
#define METADATA_GUID "dc886566-984a-4798-a75e-5585a7bf67cc"

struct image_builder {
	uint8_t bytes[IMAGE_LEN];
	size_t table;		/* bytes of entries so far, without the footer */
};

/* An entry before the earlier ones; claimed is its length field. */
static inline void image_entry(struct image_builder *b, const char *guid, const void *data,
	size_t len, uint16_t claimed)
{
	uint8_t *end = b->bytes + IMAGE_LEN - 50 - b->table;
	le16 le = le16_make(claimed);
	struct guid g;

	guid_parse(guid, &g);
	memcpy(end - 16, &g, 16);
	memcpy(end - 18, &le, 2);
	memcpy(end - 18 - len, data, len);
	b->table += 18 + len;
}

static inline void image_u32s(struct image_builder *b, const char *guid, const uint32_t *v,
	unsigned int nr)
{
	le32 le[4];

	for (unsigned int i = 0; i < nr; i++)
		le[i] = le32_make(v[i]);
	image_entry(b, guid, le, 4 * nr, (uint16_t)(18 + 4 * nr));
}

/* Metadata 256 bytes before the end of the image: magic, length, version, count, sections. */
static inline void image_metadata(struct image_builder *b, const uint32_t *sections, uint32_t nr)
{
	uint8_t *p = b->bytes + IMAGE_LEN - 1024;
	const uint32_t head[3] = { 16 + 12 * nr, 1, nr };

	memcpy(p, "ASEV", 4);
	for (unsigned int i = 0; i < 3; i++)
		le_store(p + 4 + 4 * i, 4, head[i]);
	for (unsigned int i = 0; i < 3 * nr; i++)
		le_store(p + 16 + 4 * i, 4, sections[i]);
	image_u32s(b, METADATA_GUID, (const uint32_t[]){ 1024 }, 1);
}

static inline void image_finish(struct image_builder *b)
{
	le16 total = le16_make((uint16_t)(b->table + 18));
	struct guid g;

	guid_parse(FOOTER_GUID, &g);
	memcpy(b->bytes + IMAGE_LEN - 48, &g, 16);
	memcpy(b->bytes + IMAGE_LEN - 50, &total, 2);
}

/* What OVMF's AmdSev build has. */
static inline void image_usual(struct image_builder *b)
{
	static const uint32_t sections[][3] = {
		{ 0x800000, 0x9000, 1 }, { 0x80a000, 0x3000, 1 }, { 0x80d000, 0x1000, 2 },
		{ 0x80e000, 0x1000, 3 }, { 0x80f000, 0x1000, 4 }, { 0x810000, 0x1000, 0x10 },
		{ 0x811000, 0xf000, 1 },
	};

	image_u32s(b, RESET_GUID, (const uint32_t[]){ IMAGE_AP_RESET }, 1);
	image_u32s(b, SECRET_GUID, (const uint32_t[]){ 0x810000, 0xc00 }, 2);
	image_u32s(b, HASHES_GUID, (const uint32_t[]){ 0x810c00, 0x400 }, 2);
	image_metadata(b, sections[0], 7);
	image_entry(b, "e47a6535-984a-4798-865e-4685a7bf8ec2", "tdx!", 4, 22);
}

#endif
