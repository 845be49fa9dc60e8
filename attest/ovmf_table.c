/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table grows downwards from 48 bytes below the image's end, and is read that way:
 *
 *	... | data | u16 len | GUID | data | u16 len | GUID | u16 total | footer GUID | 32 bytes
 *
 * len counts its entry with len and GUID; total counts everything from the first entry to the
 * footer GUID. edk2, OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm.
 */
#include "attest/ovmf_table.h"

#include <errno.h>
#include <string.h>

#include "attest/guid.h"
#include "base/bits.h"
#include "base/err.h"
#include "base/le.h"
#include "tvm.h"

struct tail {
	le16 len;
	struct guid guid;
};

struct metadata {
	uint8_t magic[4];	/* "ASEV" */
	le32 len;		/* with this head */
	le32 version;
	le32 nr;
};

struct section {
	le32 gpa, size, type;
};

#define BELOW_TABLE 32
#define METADATA_VERSION 1
_Static_assert(sizeof(struct tail) == 18 && sizeof(struct metadata) == 16, "table layout");

static const struct guid footer_guid = GUID_INIT(0x96b582de, 0x1fb2, 0x45f7, 0xba, 0xea, 0xa3,
	0x66, 0xc5, 0x5a, 0x08, 0x2d);
static const struct guid reset_guid = GUID_INIT(0x00f771de, 0x1a7e, 0x4fcb, 0x89, 0x0e, 0x68,
	0xc7, 0x7e, 0x2f, 0xb4, 0x4e);
static const struct guid secret_guid = GUID_INIT(0x4c2eb361, 0x7d9b, 0x4cc3, 0x80, 0x81, 0x12,
	0x7c, 0x90, 0xd3, 0xd2, 0x94);
static const struct guid hashes_guid = GUID_INIT(0x7255371f, 0x3a3b, 0x4b04, 0x92, 0x7b, 0x1d,
	0xa6, 0xef, 0xa8, 0xd4, 0x54);
static const struct guid metadata_guid = GUID_INIT(0xdc886566, 0x984a, 0x4798, 0xa7, 0x5e, 0x55,
	0x85, 0xa7, 0xbf, 0x67, 0xcc);

struct reader {
	const uint8_t *image;
	size_t len;
	struct ovmf_table *out;
	struct tvm_error *err;
	bool seen[4];		/* each entry once; a second one could say something else */
};

static uint32_t u32_at(const uint8_t *p)
{
	return (uint32_t)le_load(p, 4);
}

static int read_area(struct reader *rd, const char *name, const uint8_t *data, size_t len,
	struct ovmf_area *area)
{
	uint32_t base, size;

	if (len != 8)
		return err_set(rd->err, -EINVAL, "firmware table: %s entry of %zu bytes, "
			"expected 8", name, len);
	base = u32_at(data);
	size = u32_at(data + 4);
	/* Builds that do not use an area keep its entry with base 0. */
	if (!base || !size)
		return 0;
	if (!range_within(base, size, 0, GIB(4)))
		return err_set(rd->err, -EINVAL, "firmware table: %s area 0x%x + 0x%x wraps", name,
			base, size);
	*area = (struct ovmf_area){ base, size };
	return 0;
}

static int read_metadata(struct reader *rd, const uint8_t *data, size_t len)
{
	struct metadata head;
	struct section s;
	uint32_t back, nr;
	const uint8_t *p;

	if (len != 4)
		return err_set(rd->err, -EINVAL, "firmware table: metadata entry of %zu bytes, "
			"expected 4", len);
	back = u32_at(data);
	if (back < sizeof(head) || back > rd->len)
		return err_set(rd->err, -EINVAL, "firmware table: metadata 0x%x before the end "
			"lies outside the image", back);
	p = rd->image + rd->len - back;
	memcpy(&head, p, sizeof(head));
	if (memcmp(head.magic, "ASEV", 4))
		return err_set(rd->err, -EINVAL, "firmware metadata: no ASEV signature");
	if (le32_get(head.version) != METADATA_VERSION)
		return err_set(rd->err, -EINVAL, "firmware metadata: version %u is not known",
			le32_get(head.version));
	nr = le32_get(head.nr);
	if (nr > OVMF_MAX_SECTIONS)
		return err_set(rd->err, -EINVAL, "firmware metadata: %u sections, at most %u", nr,
			OVMF_MAX_SECTIONS);
	if (le32_get(head.len) < sizeof(head) + nr * sizeof(s) || le32_get(head.len) > back)
		return err_set(rd->err, -EINVAL, "firmware metadata: %u bytes for %u sections",
			le32_get(head.len), nr);
	for (uint32_t i = 0; i < nr; i++) {
		memcpy(&s, p + sizeof(head) + i * sizeof(s), sizeof(s));
		rd->out->sections[i] = (struct ovmf_section){ le32_get(s.gpa), le32_get(s.size),
			le32_get(s.type) };
		if (!range_within(le32_get(s.gpa), le32_get(s.size), 0, GIB(4)))
			return err_set(rd->err, -EINVAL, "firmware metadata: section %u wraps", i);
	}
	rd->out->nr_sections = nr;
	return 0;
}

static int read_entry(struct reader *rd, const struct guid *guid, const uint8_t *data, size_t len)
{
	const struct guid *const known[] = { &reset_guid, &secret_guid, &hashes_guid,
		&metadata_guid };
	size_t i = 0;

	while (i < 4 && !guid_equal(guid, known[i]))
		i++;
	if (i == 4)
		return 0;
	if (rd->seen[i])
		return err_set(rd->err, -EINVAL, "firmware table: an entry is there twice");
	rd->seen[i] = true;
	switch (i) {
	case 0:
		if (len != 4)
			return err_set(rd->err, -EINVAL, "firmware table: reset entry of "
				"%zu bytes, expected 4", len);
		rd->out->ap_reset = u32_at(data);
		return 0;
	case 1:
		return read_area(rd, "secret", data, len, &rd->out->secret);
	case 2:
		return read_area(rd, "hash table", data, len, &rd->out->hashes);
	default:
		return read_metadata(rd, data, len);
	}
}

int ovmf_table_read(const void *image, size_t len, struct ovmf_table *out, struct tvm_error *err)
{
	struct ovmf_table table = { 0 };
	struct reader rd = { image, len, &table, err, { false } };
	const uint8_t *start, *end;
	struct tail tail;
	size_t n;
	int r;

	if (len < BELOW_TABLE + sizeof(tail))
		return err_set(err, -ENOENT, "the firmware image has no table of GUIDs");
	end = rd.image + len - BELOW_TABLE - sizeof(tail);
	memcpy(&tail, end, sizeof(tail));
	if (!guid_equal(&tail.guid, &footer_guid))
		return err_set(err, -ENOENT, "the firmware image has no table of GUIDs");
	n = le16_get(tail.len);
	if (n < sizeof(tail) || n > len - BELOW_TABLE)
		return err_set(err, -EINVAL, "firmware table: length %zu in an image of %zu bytes",
			n, len);
	for (start = end - (n - sizeof(tail)); end != start; end -= n) {
		if ((size_t)(end - start) < sizeof(tail))
			return err_set(err, -EINVAL, "firmware table: %td bytes left over",
				end - start);
		memcpy(&tail, end - sizeof(tail), sizeof(tail));
		n = le16_get(tail.len);
		if (n < sizeof(tail) || n > (size_t)(end - start))
			return err_set(err, -EINVAL, "firmware table: an entry has length %zu", n);
		r = read_entry(&rd, &tail.guid, end - n, n - sizeof(tail));
		if (r < 0)
			return r;
	}
	*out = table;
	return 0;
}
