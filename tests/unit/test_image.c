/* SPDX-License-Identifier: Apache-2.0 */
/* Images are made here, in memory files, so that each field can be wrong in its own way. */
#include "firmware/image.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "base/le.h"
#include "tests/harness.h"
#include "tvm.h"

static struct tvm_error err;

/* image_open() of a file with these contents. */
static int open_bytes(const void *bytes, size_t len, unsigned int machine, struct image *img)
{
	_cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || pwrite(fd, bytes, len, 0) != (ssize_t)len)
		return -EIO;
	err.msg[0] = '\0';
	return image_open(path, machine, machine == EM_AARCH64 ? image_unpack : NULL, img, &err);
}

/* ---- bzImage ---- */

#define SETUP 1024		/* one setup sector beside the boot sector */
#define CODE 4096

static uint8_t bz[SETUP + CODE];

static void make_bzimage(void)
{
	memset(bz, 0x90, sizeof(bz));
	memset(bz, 0, SETUP);
	memcpy(bz, "MZ", 2);
	bz[0x1f1] = 1;
	le_store(bz + 0x1f4, 4, CODE / 16);
	le_store(bz + 0x1fe, 2, 0xaa55);
	bz[0x200] = 0xeb;
	bz[0x201] = 0x6a;
	memcpy(bz + 0x202, "HdrS", 4);
	le_store(bz + 0x206, 2, 0x20f);
	le_store(bz + 0x22c, 4, 0x7fffffff);
	le_store(bz + 0x230, 4, 0x200000);
	bz[0x234] = 1;
	le_store(bz + 0x236, 2, 1);
	le_store(bz + 0x238, 4, 2047);
	le_store(bz + 0x258, 8, 0x1000000);
	le_store(bz + 0x260, 4, 0x300000);
}

static int open_bz(struct image *img)
{
	return open_bytes(bz, sizeof(bz), EM_X86_64, img);
}

static void test_bzimage(void)
{
	struct image img = { 0 };

	make_bzimage();
	REQUIRE(!open_bz(&img));
	CHECK_INT(img.kind, IMAGE_BZIMAGE);
	CHECK_INT(img.nr_segments, 1);
	CHECK_INT(img.segments[0].gpa, 0x1000000);
	CHECK_INT(img.segments[0].offset, SETUP);
	CHECK_INT(img.segments[0].filesz, CODE);
	CHECK_INT(img.segments[0].memsz, 0x300000);
	CHECK_INT(img.entry, 0x1000200);
	CHECK_INT(img.cmdline_max, 2047);
	CHECK_INT(img.initrd_max, 0x7fffffff);
	CHECK_INT(img.setup_header_len, 0x26c - 0x1f1);
	CHECK(!memcmp(img.setup_header, bz + 0x1f1, img.setup_header_len));
	image_close(&img);

	le_store(bz + 0x236, 2, 3);		/* may be loaded above 4 GiB */
	le_store(bz + 0x258, 8, 0x1100000);	/* not aligned as asked */
	REQUIRE(!open_bz(&img));
	CHECK_INT(img.initrd_max, 0xffffffff);
	CHECK_INT(img.segments[0].gpa, 0x1200000);
	image_close(&img);
	image_close(&img);
}

static void test_bzimage_setup_sects_zero(void)
{
	static uint8_t big[5 * 512 + CODE];
	struct image img = { 0 };

	make_bzimage();
	memcpy(big, bz, SETUP);
	big[0x1f1] = 0;
	REQUIRE(!open_bytes(big, sizeof(big), EM_X86_64, &img));
	CHECK_INT(img.segments[0].offset, 5 * 512);
	image_close(&img);
}

static void test_bzimage_truncated(void)
{
	struct image img;

	make_bzimage();
	for (size_t len = 512; len < sizeof(bz); len += 512) {
		CHECK_INT(open_bytes(bz, len, EM_X86_64, &img), -ENOEXEC);
		CHECK_HAS(err.msg, "truncated bzImage: ");
	}
	CHECK_INT(open_bytes(bz, sizeof(bz) - 1, EM_X86_64, &img), -ENOEXEC);
	CHECK_HAS(err.msg, "truncated bzImage: 5119 bytes, its header says 5120");
	CHECK_INT(open_bytes(bz, 100, EM_X86_64, &img), -ENOEXEC);
}

static void test_bzimage_hostile(void)
{
	static const struct {
		unsigned int at, size;
		uint64_t value;
		const char *message;
	} bad[] = {
		{ 0x1fe, 2, 0, "no Linux boot header" },
		{ 0x202, 4, 0, "no Linux boot header" },
		{ 0x206, 2, 0x20b, "boot protocol 2.11 is too old" },
		{ 0x236, 2, 0, "no 64-bit entry" },
		{ 0x201, 1, 0x20, "header ends too early" },
		{ 0x1f4, 4, 0, "damaged bzImage: 0 bytes of code" },
		{ 0x1f4, 4, 0x20, "damaged bzImage: 512 bytes of code" },
		{ 0x1f4, 4, 0xffffffff, "truncated bzImage" },
		{ 0x1f1, 1, 0xff, "truncated bzImage" },
		{ 0x230, 4, 0, "kernel_alignment 0x0" },
		{ 0x230, 4, 0x300000, "kernel_alignment 0x300000" },
		{ 0x258, 8, 0, "pref_address 0x0" },
		{ 0x258, 8, 0xfffffffffff00000, "pref_address 0xfffffffffff00000" },
		{ 0x258, 8, 1ULL << 46, "pref_address 0x400000000000" },
	};
	struct image img;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		make_bzimage();
		le_store(bz + bad[i].at, bad[i].size, bad[i].value);
		CHECK_INT(open_bz(&img), -ENOEXEC);
		CHECK_HAS(err.msg, bad[i].message);
		CHECK_HAS(err.msg, "kernel: '/proc/self/fd/");
	}
}

/* ---- ELF ---- */

#define NR_PHDRS 3

static struct {
	Elf64_Ehdr e;
	Elf64_Phdr p[NR_PHDRS];
	struct {
		Elf64_Nhdr n;
		char name[4];
		uint64_t entry;
	} note;
	uint8_t text[256];
} elf;

static void make_elf(void)
{
	memset(&elf, 0, sizeof(elf));
	memcpy(elf.e.e_ident, ELFMAG, SELFMAG);
	elf.e.e_ident[EI_CLASS] = ELFCLASS64;
	elf.e.e_ident[EI_DATA] = ELFDATA2LSB;
	elf.e.e_ident[EI_VERSION] = EV_CURRENT;
	elf.e.e_type = ET_EXEC;
	elf.e.e_machine = EM_X86_64;
	elf.e.e_version = EV_CURRENT;
	elf.e.e_entry = 0x1000010;
	elf.e.e_phoff = sizeof(elf.e);
	elf.e.e_ehsize = sizeof(elf.e);
	elf.e.e_phentsize = sizeof(Elf64_Phdr);
	elf.e.e_phnum = NR_PHDRS;
	/* The later address first: segments come out sorted. */
	elf.p[0] = (Elf64_Phdr){ PT_LOAD, PF_R, offsetof(__typeof__(elf), text) + 128,
		0xffffffff82000000, 0x2000000, 64, 0x1000, 4096 };
	elf.p[1] = (Elf64_Phdr){ PT_LOAD, PF_R | PF_X, offsetof(__typeof__(elf), text),
		0xffffffff81000000, 0x1000000, 128, 0x2000, 4096 };
	elf.p[2] = (Elf64_Phdr){ PT_NOTE, PF_R, offsetof(__typeof__(elf), note), 0, 0,
		sizeof(elf.note), sizeof(elf.note), 4 };
	elf.note.n = (Elf64_Nhdr){ 4, 8, 0x12345 };
	memcpy(elf.note.name, "Xen", 4);
}

static int open_elf(struct image *img)
{
	return open_bytes(&elf, sizeof(elf), EM_X86_64, img);
}

static void test_elf(void)
{
	struct image img = { 0 };

	make_elf();
	REQUIRE(!open_elf(&img));
	CHECK_INT(img.kind, IMAGE_ELF64);
	CHECK_INT(img.entry, 0x1000010);
	REQUIRE(img.nr_segments == 2);
	CHECK_INT(img.segments[0].gpa, 0x1000000);
	CHECK_INT(img.segments[0].memsz, 0x2000);
	CHECK_INT(img.segments[1].gpa, 0x2000000);
	CHECK_INT(img.segments[1].filesz, 64);
	image_close(&img);

	elf.e.e_entry = 0xffffffff82000020;	/* a virtual one is translated */
	REQUIRE(!open_elf(&img));
	CHECK_INT(img.entry, 0x2000020);
	image_close(&img);
}

static void test_elf_pvh(void)
{
	struct image img = { 0 };

	make_elf();
	elf.note.n.n_type = 18;
	elf.note.entry = 0x1000040;
	REQUIRE(!open_elf(&img));
	CHECK_INT(img.kind, IMAGE_ELF_PVH);
	CHECK_INT(img.entry, 0x1000040);
	image_close(&img);

	elf.note.entry = 0x3000000;
	CHECK_INT(open_elf(&img), -ENOEXEC);
	CHECK_HAS(err.msg, "PVH entry 0x3000000 lies outside");
	elf.p[0].p_paddr = 0x200000000;
	elf.note.entry = 0x200000000;		/* 32-bit code cannot be there */
	CHECK_INT(open_elf(&img), -ENOEXEC);
	elf.note.n.n_descsz = 3;
	CHECK_INT(open_elf(&img), -ENOEXEC);
	CHECK_HAS(err.msg, "PVH note of 3 bytes");
	elf.p[2].p_filesz = 1 << 20;
	CHECK_INT(open_elf(&img), -ENOEXEC);
	CHECK_HAS(err.msg, "bytes of notes");
}

#define HOSTILE(change, message) \
	do { \
		make_elf(); \
		change; \
		CHECK_INT(open_elf(&img), -ENOEXEC); \
		CHECK_HAS(err.msg, message); \
	} while (0)

static void test_elf_hostile(void)
{
	struct image img;

	HOSTILE(elf.e.e_ident[EI_CLASS] = ELFCLASS32, "32-bit ELF");
	HOSTILE(elf.e.e_ident[EI_DATA] = ELFDATA2MSB, "ELF file");
	HOSTILE(elf.e.e_machine = EM_AARCH64, "another machine (183, not 62)");
	HOSTILE(elf.e.e_type = ET_DYN, "its type is 3");
	HOSTILE(elf.e.e_phnum = 0, "0 program headers");
	HOSTILE(elf.e.e_phnum = 0xffff, "program headers");
	HOSTILE(elf.e.e_phnum = 100, "ELF file");
	HOSTILE(elf.e.e_phoff = 1ULL << 40, "ELF file");
	HOSTILE(elf.e.e_phentsize = 8, "ELF file");
	HOSTILE(elf.e.e_shoff = 64, "sections without a count");
	HOSTILE(elf.e.e_entry = 0x1, "entry 0x1 lies outside");
	HOSTILE(elf.p[0].p_filesz = 0x1001, "more bytes in the file than in memory");
	HOSTILE(elf.p[0].p_offset = ~0ULL, "truncated ELF file");
	HOSTILE(elf.p[0].p_offset = sizeof(elf) - 63, "truncated ELF file");
	HOSTILE(elf.p[0].p_paddr = ~0ULL - 0x100, "physical address 0xfffffffffffffeff");
	HOSTILE(elf.p[0].p_paddr = (1ULL << 46) - 0xfff, "physical address");
	HOSTILE(elf.p[0].p_memsz = ~0ULL, "size 0xffffffffffffffff");
	HOSTILE(elf.p[0].p_paddr = 0x1001fff, "overlaps another");
	HOSTILE(elf.p[0].p_paddr = 0xfff001, "overlaps another");
	HOSTILE(elf.p[0].p_paddr = 0x1000000, "overlaps another");
	HOSTILE(elf.p[0].p_type = elf.p[1].p_type = PT_NULL, "without loadable segments");
}

static void test_elf_many_segments(void)
{
	static struct {
		Elf64_Ehdr e;
		Elf64_Phdr p[IMAGE_MAX_SEGMENTS + 1];
	} many;
	struct image img = { 0 };

	make_elf();
	many.e = elf.e;
	for (unsigned int i = 0; i < ARRAY_SIZE(many.p); i++)
		many.p[i] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_memsz = 4096,
			.p_paddr = 0x1000000 + (i * 7 % ARRAY_SIZE(many.p)) * 4096 };
	many.e.e_phnum = IMAGE_MAX_SEGMENTS;
	REQUIRE(!open_bytes(&many, sizeof(many), EM_X86_64, &img));
	for (unsigned int i = 1; i < img.nr_segments; i++)
		CHECK(img.segments[i - 1].gpa + 4096 <= img.segments[i].gpa);
	image_close(&img);
	many.e.e_phnum++;
	CHECK_INT(open_bytes(&many, sizeof(many), EM_X86_64, &img), -ENOEXEC);
	CHECK_HAS(err.msg, "more than 32 loadable segments");
}

static void test_elf_truncated(void)
{
	struct image img;

	make_elf();
	for (size_t len = 4; len < offsetof(__typeof__(elf), text) + 192; len++)
		CHECK_INT(open_bytes(&elf, len, EM_X86_64, &img), -ENOEXEC);
}

/* ---- arm64, and what is no kernel ---- */

static void test_arm64(void)
{
	uint8_t image[4096] = { 0 };
	struct image img = { 0 };

	le_store(image + 8, 8, 0x80000);
	le_store(image + 16, 8, 0x10000);
	memcpy(image + 56, "ARM\x64", 4);
	memcpy(image, "MZ", 2);
	REQUIRE(!open_bytes(image, sizeof(image), EM_AARCH64, &img));
	CHECK_INT(img.kind, IMAGE_ARM64);
	CHECK_INT(img.segments[0].gpa, 0x80000);
	CHECK_INT(img.segments[0].filesz, 4096);
	CHECK_INT(img.segments[0].memsz, 0x10000);
	CHECK_INT(img.entry, 0x80000);
	image_close(&img);

	CHECK_INT(open_bytes(image, sizeof(image), EM_X86_64, &img), -ENOEXEC);
	CHECK_HAS(err.msg, "arm64 Image; this build");
	CHECK_INT(open_bytes(image, 60, EM_AARCH64, &img), -ENOEXEC);
	le_store(image + 16, 8, ~0ULL);
	CHECK_INT(open_bytes(image, sizeof(image), EM_AARCH64, &img), -ENOEXEC);
	le_store(image + 16, 8, 0);
	CHECK_INT(open_bytes(image, sizeof(image), EM_AARCH64, &img), -ENOEXEC);
	CHECK_HAS(err.msg, "without a size");
}

static void test_not_kernels(void)
{
	struct image img;

	CHECK_INT(open_bytes("\x1f\x8b\x08", 3, EM_X86_64, &img), -ENOEXEC);
	CHECK_HAS(err.msg, "compressed with gzip");
	CHECK_INT(open_bytes("#!/bin/sh\n", 10, EM_X86_64, &img), -ENOEXEC);
	CHECK_HAS(err.msg, "not a kernel; give a bzImage or an ELF vmlinux");
	CHECK_INT(open_bytes("", 0, EM_X86_64, &img), -ENOEXEC);
	CHECK_HAS(err.msg, "is empty; give");
	CHECK_INT(image_open("/", EM_X86_64, NULL, &img, &err), -EISDIR);
	CHECK_HAS(err.msg, "kernel: '/' is a directory; give a bzImage or an ELF vmlinux");
	CHECK_INT(image_open("/dev/null", EM_X86_64, NULL, &img, &err), -EINVAL);
	CHECK_HAS(err.msg, "is not a regular file");
	CHECK_INT(image_open("/nonexistent", EM_X86_64, NULL, &img, &err), -ENOENT);
	CHECK_HAS(err.msg, "kernel: cannot open '/nonexistent': No such file");
}

static void test_close_zeroed(void)
{
	struct image img = { 0 };
	struct stat st;

	image_close(&img);	/* must not take descriptor 0 for its own */
	CHECK_INT(fstat(0, &st), 0);
}

int main(void)
{
	RUN(test_bzimage);
	RUN(test_bzimage_setup_sects_zero);
	RUN(test_bzimage_truncated);
	RUN(test_bzimage_hostile);
	RUN(test_elf);
	RUN(test_elf_pvh);
	RUN(test_elf_hostile);
	RUN(test_elf_many_segments);
	RUN(test_elf_truncated);
	RUN(test_arm64);
	RUN(test_not_kernels);
	RUN(test_close_zeroed);
	return tests_done();
}
