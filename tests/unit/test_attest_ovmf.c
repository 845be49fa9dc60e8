/* SPDX-License-Identifier: Apache-2.0 */
/* Images come from files: each length in their table is wrong in its own way here. */
#include "attest/ovmf_table.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/harness.h"
#include "tests/unit/test_attest_image.h"
#include "tvm.h"

static struct tvm_error err;

/* From memory of the exact size, so that a sanitizer sees one byte too far. */
static int read_bytes(const void *bytes, size_t len, struct ovmf_table *out)
{
	uint8_t *copy = calloc(1, len ? len : 1);
	int r;

	memcpy(copy, bytes, len);
	err.msg[0] = '\0';
	r = ovmf_table_read(copy, len, out, &err);
	free(copy);
	return r;
}

static int read_image(struct image_builder *b, struct ovmf_table *out)
{
	image_finish(b);
	return read_bytes(b->bytes, IMAGE_LEN, out);
}

static void test_usual(void)
{
	struct image_builder b = { 0 };
	struct ovmf_table t;

	image_usual(&b);
	REQUIRE(!read_image(&b, &t));
	CHECK_INT(t.ap_reset, IMAGE_AP_RESET);
	CHECK(t.secret.base == 0x810000 && t.secret.size == 0xc00);
	CHECK(t.hashes.base == 0x810c00 && t.hashes.size == 0x400);
	REQUIRE(t.nr_sections == 7);
	CHECK(t.sections[2].gpa == 0x80d000 && t.sections[2].type == OVMF_SECRETS);
	CHECK(t.sections[5].type == OVMF_KERNEL_HASHES && t.sections[6].size == 0xf000);
}

static void test_none(void)
{
	static const uint8_t zeros[IMAGE_LEN];
	struct ovmf_table t;

	CHECK_INT(read_bytes(zeros, 0, &t), -ENOENT);
	CHECK_INT(read_bytes(zeros, 49, &t), -ENOENT);
	CHECK_INT(read_bytes(zeros, 50, &t), -ENOENT);
	CHECK_INT(read_bytes(zeros, IMAGE_LEN, &t), -ENOENT);
}

static void test_empty(void)
{
	struct image_builder b = { 0 };
	struct ovmf_table t;

	CHECK(!read_image(&b, &t));
	CHECK(!t.ap_reset && !t.hashes.size && !t.secret.size && !t.nr_sections);
	/* The same in the smallest image that can hold it. */
	CHECK(!read_bytes(b.bytes + IMAGE_LEN - 50, 50, &t));
}

/* Builds without such an area leave its entry there, with base 0. */
static void test_no_areas(void)
{
	struct image_builder b = { 0 };
	struct ovmf_table t;

	image_u32s(&b, SECRET_GUID, (const uint32_t[]){ 0, 0xc00 }, 2);
	image_u32s(&b, HASHES_GUID, (const uint32_t[]){ 0x1000, 0 }, 2);
	CHECK(!read_image(&b, &t));
	CHECK(!t.secret.size && !t.hashes.size);
}

static void test_total(void)
{
	static const uint16_t bad[] = { 0, 1, 17, 19, 36, IMAGE_LEN - 32 + 1, 0xffff };
	struct image_builder b = { 0 };
	struct ovmf_table t;

	image_u32s(&b, RESET_GUID, (const uint32_t[]){ 1 }, 1);
	image_finish(&b);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		le_store(b.bytes + IMAGE_LEN - 50, 2, bad[i]);
		CHECK_INT(read_bytes(b.bytes, IMAGE_LEN, &t), -EINVAL);
		CHECK(err.msg[0]);
	}
	/* The whole image is table: what is below the entries are zeros, so entries of length 0. */
	le_store(b.bytes + IMAGE_LEN - 50, 2, IMAGE_LEN - 32);
	CHECK_INT(read_bytes(b.bytes, IMAGE_LEN, &t), -EINVAL);
}

static void test_entry_length(void)
{
	static const uint16_t bad[] = { 0, 1, 17, 23, 0x7fff, 0xffff };
	struct ovmf_table t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct image_builder b = { 0 };

		image_entry(&b, RESET_GUID, "abcd", 4, bad[i]);
		CHECK_INT(read_image(&b, &t), -EINVAL);
	}
}

static void test_data_length(void)
{
	static const char *const guids[] = { RESET_GUID, SECRET_GUID, HASHES_GUID, METADATA_GUID };
	struct ovmf_table t;

	for (size_t i = 0; i < 4; i++) {
		struct image_builder b = { 0 };

		image_entry(&b, guids[i], "12345", 5, 23);
		CHECK_INT(read_image(&b, &t), -EINVAL);
		CHECK_HAS(err.msg, "5 bytes");
	}
}

static void test_twice(void)
{
	struct image_builder b = { 0 };
	struct ovmf_table t;

	image_u32s(&b, RESET_GUID, (const uint32_t[]){ 1 }, 1);
	image_u32s(&b, RESET_GUID, (const uint32_t[]){ 2 }, 1);
	CHECK_INT(read_image(&b, &t), -EINVAL);
	CHECK_HAS(err.msg, "twice");
}

static void test_area_wraps(void)
{
	struct image_builder b = { 0 };
	struct ovmf_table t;

	image_u32s(&b, HASHES_GUID, (const uint32_t[]){ 0xfffff000, 0x1001 }, 2);
	CHECK_INT(read_image(&b, &t), -EINVAL);
	CHECK_HAS(err.msg, "wraps");
}

static void test_metadata(void)
{
	static const uint32_t one[3] = { 0x800000, 0x1000, 1 };
	static const uint32_t wraps[3] = { 0xfffff000, 0x2000, 1 };
	static const struct {
		size_t at;
		uint32_t value;
		const char *says;
	} bad[] = {
		{ 0, 0x56455342, "ASEV" },
		{ 4, 16, "1 sections" },
		{ 4, 0xffffffff, "1 sections" },
		{ 8, 2, "version" },
		{ 12, 65, "65 sections" },
		{ 12, 0xffffffff, "sections" },
	};
	struct ovmf_table t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct image_builder b = { 0 };

		image_metadata(&b, one, 1);
		CHECK(!read_image(&b, &t) && t.nr_sections == 1);
		le_store(b.bytes + IMAGE_LEN - 1024 + bad[i].at, 4, bad[i].value);
		CHECK_INT(read_image(&b, &t), -EINVAL);
		CHECK_HAS(err.msg, bad[i].says);
	}
	for (uint32_t back = 0; back < 16; back += 15) {
		struct image_builder b = { 0 };

		image_u32s(&b, METADATA_GUID, &back, 1);
		CHECK_INT(read_image(&b, &t), -EINVAL);
	}
	struct image_builder b = { 0 };

	image_metadata(&b, wraps, 1);
	CHECK_INT(read_image(&b, &t), -EINVAL);
	memset(&b, 0, sizeof(b));
	image_u32s(&b, METADATA_GUID, (const uint32_t[]){ IMAGE_LEN + 1 }, 1);
	CHECK_INT(read_image(&b, &t), -EINVAL);
	CHECK_HAS(err.msg, "outside");
}

/* Nothing is written to the result on failure. */
static void test_untouched(void)
{
	struct image_builder b = { 0 };
	struct ovmf_table t, before;

	memset(&t, 0xa5, sizeof(t));
	before = t;
	image_usual(&b);
	image_u32s(&b, RESET_GUID, (const uint32_t[]){ 2 }, 1);
	CHECK_INT(read_image(&b, &t), -EINVAL);
	CHECK(!memcmp(&t, &before, sizeof(t)));
}

int main(void)
{
	RUN(test_usual);
	RUN(test_none);
	RUN(test_empty);
	RUN(test_no_areas);
	RUN(test_total);
	RUN(test_entry_length);
	RUN(test_data_length);
	RUN(test_twice);
	RUN(test_area_wraps);
	RUN(test_metadata);
	RUN(test_untouched);
	return tests_done();
}
