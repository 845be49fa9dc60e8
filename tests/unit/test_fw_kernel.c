/* SPDX-License-Identifier: Apache-2.0 */
/* The firmware's reading of kernel files, and its hash table and hash. */
#include "firmware/x86_64/fw.h"

#include "base/bits.h"
#include "firmware/x86_64/sha256.h"
#include "tests/harness.h"

#define RAM MIB(128)
#define SETUP 1024
#define CODE 4096

static uint8_t file[SETUP + CODE];
static struct fw_kernel kernel;

static enum fw_reason parse(uint64_t size)
{
	return fw_kernel_parse(file, size, RAM, &kernel);
}

static void make_bzimage(void)
{
	memset(file, 0, sizeof(file));
	file[0x1f1] = 1;
	le_store(file + 0x1f4, 4, CODE / 16);
	le_store(file + 0x1fe, 2, 0xaa55);
	file[0x200] = 0xeb;
	file[0x201] = 0x6a;
	memcpy(file + 0x202, "HdrS", 4);
	le_store(file + 0x206, 2, 0x20f);
	le_store(file + 0x22c, 4, 0x7fffffff);
	le_store(file + 0x230, 4, MIB(2));
	file[0x234] = 1;
	le_store(file + 0x236, 2, 1);
	le_store(file + 0x238, 4, 2047);
	le_store(file + 0x258, 8, MIB(16));
	le_store(file + 0x260, 4, MIB(3));
}

static void test_bzimage(void)
{
	make_bzimage();
	REQUIRE(parse(sizeof(file)) == FW_OK);
	CHECK_INT(kernel.nr_segments, 1);
	CHECK_INT(kernel.segments[0].gpa, MIB(16));
	CHECK_INT(kernel.segments[0].offset, SETUP);
	CHECK_INT(kernel.segments[0].filesz, CODE);
	CHECK_INT(kernel.segments[0].memsz, MIB(3));
	CHECK_INT(kernel.entry, MIB(16) + 0x200);
	CHECK_INT(kernel.initrd_end, 0x80000000);
	CHECK_INT(kernel.cmdline_max, 2047);
	CHECK_INT(kernel.header_size, 0x202 + 0x6a - 0x1f1);
	le_store(file + 0x236, 2, 3);
	file[0x201] = 0xff;
	REQUIRE(parse(sizeof(file)) == FW_OK);
	CHECK_INT(kernel.initrd_end, FW_RAM_HIGH);
	CHECK(0x1f1 + kernel.header_size <= 0x270);
}

/* One field of a good file is another number. */
static enum fw_reason bzimage_with(unsigned int off, unsigned int size, uint64_t v)
{
	make_bzimage();
	le_store(file + off, size, v);
	return parse(sizeof(file));
}

static void test_bzimage_bad(void)
{
	CHECK_INT(bzimage_with(0x202, 1, 'h'), FW_E_KERNEL_FORMAT);
	CHECK_INT(bzimage_with(0x206, 2, 0x20b), FW_E_KERNEL_OLD);
	CHECK_INT(bzimage_with(0x236, 2, 2), FW_E_KERNEL_OLD);
	CHECK_INT(bzimage_with(0x1fe, 2, 0), FW_E_KERNEL_DAMAGED);
	CHECK_INT(bzimage_with(0x201, 1, 0x10), FW_E_KERNEL_DAMAGED);
	CHECK_INT(bzimage_with(0x1f4, 4, CODE / 16 + 1), FW_E_KERNEL_DAMAGED);
	CHECK_INT(bzimage_with(0x1f4, 4, 0xffffffff), FW_E_KERNEL_DAMAGED);
	CHECK_INT(bzimage_with(0x1f4, 4, 0x20), FW_E_KERNEL_DAMAGED);
	CHECK_INT(bzimage_with(0x1f1, 1, 255), FW_E_KERNEL_DAMAGED);
	CHECK_INT(bzimage_with(0x230, 4, 3), FW_E_KERNEL_DAMAGED);
	CHECK_INT(bzimage_with(0x258, 8, 0), FW_E_KERNEL_PLACE);
	CHECK_INT(bzimage_with(0x258, 8, RAM), FW_E_KERNEL_PLACE);
	CHECK_INT(bzimage_with(0x258, 8, ~0ULL), FW_E_KERNEL_PLACE);
	CHECK_INT(bzimage_with(0x230, 4, 0x80000000), FW_E_KERNEL_PLACE);
	CHECK_INT(bzimage_with(0x260, 4, MIB(113)), FW_E_KERNEL_PLACE);
	CHECK_INT(bzimage_with(0x260, 4, MIB(112)), FW_OK);
	make_bzimage();
	for (size_t size = 0; size < 0x264; size++)
		CHECK_INT(parse(size), FW_E_KERNEL_FORMAT);
	CHECK_INT(parse(sizeof(file) - 1), FW_E_KERNEL_DAMAGED);
}

#define PHDR(n) (64 + 56 * (n))

static void phdr(unsigned int n, uint64_t off, uint64_t paddr, uint64_t filesz, uint64_t memsz)
{
	uint8_t *p = file + PHDR(n);

	le_store(p, 4, 1);
	le_store(p + 8, 8, off);
	le_store(p + 16, 8, 0xffffffff80000000 + paddr);
	le_store(p + 24, 8, paddr);
	le_store(p + 32, 8, filesz);
	le_store(p + 40, 8, memsz);
}

static void make_elf(void)
{
	memset(file, 0, sizeof(file));
	memcpy(file, "\177ELF\2\1\1", 7);
	le_store(file + 16, 2, 2);
	le_store(file + 18, 2, 62);
	le_store(file + 24, 8, MIB(16) + 16);
	le_store(file + 32, 8, 64);
	le_store(file + 54, 2, 56);
	le_store(file + 56, 2, 3);
	phdr(0, 0x400, MIB(20), 0x100, MIB(1));
	phdr(1, 0x200, MIB(16), 0x200, 0x200);
	le_store(file + PHDR(2), 4, 4);		/* PT_NOTE, of no interest */
}

static void test_elf(void)
{
	make_elf();
	REQUIRE(parse(sizeof(file)) == FW_OK);
	CHECK_INT(kernel.nr_segments, 2);
	CHECK_INT(kernel.segments[0].gpa, MIB(16));
	CHECK_INT(kernel.segments[1].gpa, MIB(20));
	CHECK_INT(kernel.segments[1].memsz, MIB(1));
	CHECK_INT(kernel.entry, MIB(16) + 16);
	CHECK_INT(kernel.header_size, 0);
	CHECK_INT(fw_kernel_range(&kernel).gpa, MIB(16));
	CHECK_INT(fw_kernel_range(&kernel).size, MIB(5));
	le_store(file + 24, 8, 0xffffffff80000000 + MIB(20) + 5);
	REQUIRE(parse(sizeof(file)) == FW_OK);
	CHECK_INT(kernel.entry, MIB(20) + 5);
}

static enum fw_reason elf_with(unsigned int off, unsigned int size, uint64_t v)
{
	make_elf();
	le_store(file + off, size, v);
	return parse(sizeof(file));
}

static void test_elf_bad(void)
{
	CHECK_INT(elf_with(4, 1, 1), FW_E_KERNEL_FORMAT);
	CHECK_INT(elf_with(5, 1, 2), FW_E_KERNEL_FORMAT);
	CHECK_INT(elf_with(16, 2, 3), FW_E_KERNEL_FORMAT);
	CHECK_INT(elf_with(18, 2, 183), FW_E_KERNEL_FORMAT);
	CHECK_INT(elf_with(54, 2, 64), FW_E_KERNEL_DAMAGED);
	CHECK_INT(elf_with(56, 2, 0), FW_E_KERNEL_DAMAGED);
	CHECK_INT(elf_with(56, 2, 0xffff), FW_E_KERNEL_DAMAGED);
	CHECK_INT(elf_with(32, 8, sizeof(file) - 56 * 2), FW_E_KERNEL_DAMAGED);
	CHECK_INT(elf_with(32, 8, ~0ULL), FW_E_KERNEL_DAMAGED);
	CHECK_INT(elf_with(24, 8, 0), FW_E_KERNEL_DAMAGED);
	CHECK_INT(elf_with(24, 8, MIB(16) + 0x200), FW_E_KERNEL_DAMAGED);
	CHECK_INT(elf_with(PHDR(0) + 8, 8, ~0ULL), FW_E_KERNEL_DAMAGED);
	CHECK_INT(elf_with(PHDR(0) + 8, 8, sizeof(file) - 0xff), FW_E_KERNEL_DAMAGED);
	CHECK_INT(elf_with(PHDR(0) + 32, 8, MIB(2)), FW_E_KERNEL_DAMAGED);
	CHECK_INT(elf_with(PHDR(0) + 40, 8, ~0ULL), FW_E_KERNEL_PLACE);
	CHECK_INT(elf_with(PHDR(0) + 24, 8, 0x1000), FW_E_KERNEL_PLACE);
	CHECK_INT(elf_with(PHDR(0) + 24, 8, RAM), FW_E_KERNEL_PLACE);
	CHECK_INT(elf_with(PHDR(0) + 24, 8, ~0ULL), FW_E_KERNEL_PLACE);
	CHECK_INT(elf_with(PHDR(0) + 24, 8, MIB(16) + 0x1ff), FW_E_KERNEL_DAMAGED);
	CHECK_INT(elf_with(PHDR(0) + 24, 8, MIB(16) + 0x200), FW_OK);
	make_elf();
	for (size_t size = 4; size < PHDR(3); size++)
		CHECK_INT(parse(size), FW_E_KERNEL_DAMAGED);
	for (unsigned int i = 3; i < FW_MAX_SEGMENTS + 2; i++)
		phdr(i, 0, MIB(32) + KIB(4) * i, 0, 1);
	le_store(file + 56, 2, FW_MAX_SEGMENTS + 1);
	CHECK_INT(parse(sizeof(file)), FW_OK);
	le_store(file + 56, 2, FW_MAX_SEGMENTS + 2);
	CHECK_INT(parse(sizeof(file)), FW_E_KERNEL_DAMAGED);
}

static void hex(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static void check_sha(bool ni)
{
	/* FIPS 180-4 examples, and a length for each way the padding can fall */
	static const struct {
		const char *text, *digest;
	} t[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
		{ "KERNEL", "a204d4ad1de3e9b07751899e5cf4d4a3017328c41372c70fdcc8db9587bb38fb" },
	};
	static uint8_t many[1000];
	uint8_t digest[SHA256_SIZE], again[SHA256_SIZE];
	struct sha256 s;
	char text[65];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		sha256_init(&s, ni);
		sha256_update(&s, t[i].text, strlen(t[i].text));
		sha256_final(&s, digest);
		hex(digest, sizeof(digest), text);
		CHECK_HAS(t[i].digest, text);
	}
	memset(many, 'a', sizeof(many));
	sha256_init(&s, ni);
	for (unsigned int i = 0; i < 1000; i++)
		sha256_update(&s, many, sizeof(many));
	sha256_final(&s, digest);
	hex(digest, sizeof(digest), text);
	CHECK_HAS("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", text);

	for (size_t len = 0; len < 200; len++) {
		for (size_t i = 0; i < len; i++)
			many[i] = (uint8_t)(i * 7 + len);
		sha256_init(&s, false);
		sha256_update(&s, many, len);
		sha256_final(&s, digest);
		sha256_init(&s, ni);
		for (size_t i = 0; i < len; i++)
			sha256_update(&s, many + i, 1);
		sha256_final(&s, again);
		CHECK(fw_hash_equal(digest, again));
	}
}

static void test_sha256(void)
{
	check_sha(false);
}

static void test_sha256_ni(void)
{
	char flags[8192] = "";
	FILE *f = fopen("/proc/cpuinfo", "re");
	bool ni = false;

	while (f && !ni && fgets(flags, sizeof(flags), f))
		ni = strstr(flags, " sha_ni");
	if (f)
		fclose(f);
	if (!ni)
		SKIP("no SHA instructions here");
	check_sha(true);
}

/* sev-snp-measure makes this of "KERNEL", "INITRD" and "console=ttyS0". */
static const char table_hex[] =
	"06d63894224fc94cb479a793d411fd21a800"
	"d82dd09720bd944caa78e7714d36ab2a3200"
	"f18aae9b3c09e55bc3047ad361e2442d7c53372470b2958fb83293209a784f71"
	"31f7ba442f3ad74b9af141e29169781d3200"
	"f5e3dba158c542884540793cb24e361afb19e6874c5934e2a0304203b7626fe4"
	"3794e74dd2ab7f42b835d5b172d2045b3200"
	"a204d4ad1de3e9b07751899e5cf4d4a3017328c41372c70fdcc8db9587bb38fb"
	"0000000000000000";

static void test_hashes(void)
{
	uint8_t area[FW_HASHES_SIZE] = { 0 }, copy[FW_HASHES_SIZE];
	struct fw_hashes h;
	unsigned int v;

	CHECK_INT(fw_hashes_read(area, &h), FW_E_NO_HASHES);
	for (unsigned int i = 0; table_hex[2 * i]; i++) {
		REQUIRE(sscanf(table_hex + 2 * i, "%2x", &v) == 1);
		area[i] = (uint8_t)v;
	}
	REQUIRE(fw_hashes_read(area, &h) == FW_OK);
	CHECK_INT(h.cmdline[0], 0xf1);
	CHECK_INT(h.initrd[31], 0xe4);
	CHECK_INT(h.kernel[1], 0x04);
	/* Every bit that is no hash matters. */
	for (unsigned int i = 0; i < 168; i++) {
		bool hash = i >= 18 && (i - 18) % 50 >= 18;

		memcpy(copy, area, sizeof(copy));
		copy[i] ^= 0x10;
		CHECK_INT(fw_hashes_read(copy, &h), hash ? FW_OK : FW_E_BAD_HASHES);
	}
	/* Two entries change places. */
	memcpy(copy, area, sizeof(copy));
	memcpy(copy + 18, area + 68, 50);
	memcpy(copy + 68, area + 18, 50);
	CHECK_INT(fw_hashes_read(copy, &h), FW_E_BAD_HASHES);

	memcpy(copy, h.kernel, FW_HASH_SIZE);
	CHECK(fw_hash_equal(copy, h.kernel));
	for (unsigned int i = 0; i < FW_HASH_SIZE * 8; i++) {
		copy[i / 8] ^= (uint8_t)(1 << i % 8);
		CHECK(!fw_hash_equal(copy, h.kernel));
		copy[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

int main(void)
{
	RUN(test_bzimage);
	RUN(test_bzimage_bad);
	RUN(test_elf);
	RUN(test_elf_bad);
	RUN(test_sha256);
	RUN(test_sha256_ni);
	RUN(test_hashes);
	return tests_done();
}
