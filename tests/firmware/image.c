/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image [FILE]: whether tools and VMMs find what they look for in a firmware image, by default
 * that of the build directory B. The table is walked from its end, as QEMU
 * (hw/i386/pc_sysfw_ovmf.c) and sev-snp-measure do. TAP.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/bits.h"
#include "firmware/x86_64/fw_abi.h"
#include "tests/harness.h"

static uint8_t image[FW_IMAGE_MAX + 1];
static size_t size;

/* The data of an entry, NULL if there is none; guid as it lies in memory. */
static const uint8_t *entry(const char *guid, size_t want)
{
	static const char footer[] =
		"\xde\x82\xb5\x96\xb2\x1f\xf7\x45\xba\xea\xa3\x66\xc5\x5a\x08\x2d";
	size_t end = size - 50, left;

	if (size < 4096 || memcmp(image + size - 48, footer, 16))
		return NULL;
	left = le_load(image + end, 2);
	if (left < 18 || left > end)
		return NULL;
	for (left -= 18; left >= 18;) {
		size_t len = le_load(image + end - 18, 2);

		if (len < 18 || len > left)
			return NULL;
		if (!memcmp(image + end - 16, guid, 16))
			return len == want + 18 ? image + end - len : NULL;
		end -= len;
		left -= len;
	}
	return NULL;
}

static void test_size(void)
{
	CHECK(size && size % 4096 == 0 && size <= FW_IMAGE_MAX);
	CHECK_INT(image[size - 16], 0xe9);	/* a jump, 16-bit distance, backwards */
	CHECK(le_load(image + size - 15, 2) >= 0x8000);
}

static void test_areas(void)
{
	const uint8_t *p = entry("\x1f\x37\x55\x72\x3b\x3a\x04\x4b\x92\x7b\x1d\xa6\xef\xa8\xd4\x54",
		8);

	REQUIRE(p);
	CHECK_INT(le_load(p, 4), FW_HASHES_GPA);
	CHECK_INT(le_load(p + 4, 4), FW_HASHES_SIZE);
	p = entry("\x61\xb3\x2e\x4c\x9b\x7d\xc3\x4c\x80\x81\x12\x7c\x90\xd3\xd2\x94", 8);
	REQUIRE(p);
	CHECK_INT(le_load(p, 4), FW_SECRET_GPA);
	CHECK_INT(le_load(p + 4, 4), FW_SECRET_SIZE);
}

static void test_reset_block(void)
{
	const uint8_t *p = entry("\xde\x71\xf7\x00\x7e\x1a\xcb\x4f\x89\x0e\x68\xc7\x7e\x2f\xb4\x4e",
		4);
	uint64_t at;

	REQUIRE(p);
	at = le_load(p, 4) - (GIB(4) - size);
	REQUIRE(at < size - 2);
	CHECK_INT(image[at], 0xfa);		/* cli, hlt */
	CHECK_INT(image[at + 1], 0xf4);
}

static void test_metadata(void)
{
	const uint8_t *p = entry("\x66\x65\x88\xdc\x4a\x98\x98\x47\xa7\x5e\x55\x85\xa7\xbf\x67\xcc",
		4);
	unsigned int types = 0;
	uint64_t last = 0;

	REQUIRE(p);
	REQUIRE(le_load(p, 4) > 16 && le_load(p, 4) <= size);
	p = image + size - le_load(p, 4);
	CHECK(!memcmp(p, "ASEV", 4));
	CHECK_INT(le_load(p + 8, 4), 1);
	CHECK_INT(le_load(p + 4, 4), 16 + 12 * le_load(p + 12, 4));
	for (uint64_t n = le_load(p + 12, 4); n; n--) {
		uint64_t base = le_load(p + 16, 4), len = le_load(p + 20, 4);

		CHECK(base >= last && base % 4096 == 0 && len && len % 4096 == 0);
		last = base + len;
		types |= 1u << le_load(p + 24, 4);
		p += 12;
	}
	CHECK_INT(types, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 0x10);
	CHECK(last <= FW_BOOT_INFO_GPA);
}

int main(int argc, char **argv)
{
	const char *b = getenv("B");
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/firmware/tvm-fw-x86_64.bin", b ? b : "build/x86_64");
	f = fopen(argc > 1 ? argv[1] : path, "rbe");
	if (!f) {
		printf("1..0 # SKIP no firmware image: %s\n", argc > 1 ? argv[1] : path);
		return 0;
	}
	size = fread(image, 1, sizeof(image), f);
	fclose(f);
	RUN(test_size);
	RUN(test_areas);
	RUN(test_reset_block);
	RUN(test_metadata);
	return tests_done();
}
