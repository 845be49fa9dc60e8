/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed arm64 kernels, right ones and hostile ones, made here with the same libraries. */
#include "firmware/image.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "base/le.h"
#include "tests/harness.h"
#include "tvm.h"

#define IMAGE KIB(300)	/* several buffers */
#define SPACE MIB(1)

static struct tvm_error err;
static uint8_t image[IMAGE];

/* A file in the making. */
static uint8_t file[SPACE];
static size_t len;

static int open_file(struct image *img)
{
	_cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || pwrite(fd, file, len, 0) != (ssize_t)len)
		return -EIO;
	err.msg[0] = '\0';
	return image_open(path, EM_AARCH64, image_unpack, img, &err);
}

static int nr_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += lseek(fd, 0, SEEK_CUR) >= 0 || errno != EBADF;
	return n;
}

static void make_image(void)
{
	uint32_t x = 1;

	for (size_t i = 0; i < IMAGE; i++) {
		x = x * 1664525 + 1013904223;
		image[i] = i % 8 ? 0 : (uint8_t)(x >> 24);
	}
	memset(image, 0, 64);
	memcpy(image, "MZ", 2);
	le_store(image + 16, 8, IMAGE + 4096);
	memcpy(image + IMAGE_ARM64_MAGIC, IMAGE_ARM64_TEXT, 4);
}

static size_t pack_gzip(const void *from, size_t size, uint8_t *to, size_t space)
{
	z_stream z = { .next_in = (uint8_t *)from, .avail_in = (uInt)size, .next_out = to,
		.avail_out = (uInt)space };

	if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
	    deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	deflateEnd(&z);
	return z.total_out;
}

/* zboot-header.S, with 1000 bytes for the program */
static void make_zboot(const char *method, const void *from, size_t size)
{
	size_t packed = !strncmp(method, "zstd", 4) ?
		ZSTD_compress(file + 1000, SPACE - 1000, from, size, 19) :
		pack_gzip(from, size, file + 1000, SPACE - 1000);

	if (ZSTD_isError(packed))
		abort();
	memset(file, 0, 1000);
	memcpy(file, "MZ\0\0zimg", 8);
	le_store(file + 8, 4, 1000);
	le_store(file + 12, 4, packed);
	strcpy((char *)file + 24, method);
	len = 1000 + packed;
}

static void check_image(const char *what)
{
	struct image img = { 0 };
	static uint8_t back[IMAGE];

	CHECK_INT(open_file(&img), 0);
	if (err.msg[0])
		printf("# %s: %s\n", what, err.msg);
	REQUIRE(img.file_size == IMAGE);
	CHECK_INT(img.kind, IMAGE_ARM64);
	CHECK_INT(img.segments[0].filesz, IMAGE);
	CHECK_INT(img.segments[0].memsz, IMAGE + 4096);
	CHECK(!image_read(&img, 0, back, IMAGE) && !memcmp(back, image, IMAGE));
	image_close(&img);
}

static void check_refused(const char *why)
{
	struct image img = { 0 };
	int before = nr_fds();

	CHECK_INT(open_file(&img), -ENOEXEC);
	CHECK_HAS(err.msg, why);
	CHECK(!img.file_size);
	CHECK_INT(nr_fds(), before);
}

static void test_good(void)
{
	len = pack_gzip(image, IMAGE, file, SPACE);
	check_image("gzip");
	len += 100;	/* signatures and the like may follow */
	check_image("gzip and more");
	make_zboot("gzip", image, IMAGE);
	check_image("zboot gzip");
	make_zboot("zstd", image, IMAGE);
	check_image("zboot zstd");
	make_zboot("zstd22", image, IMAGE);
	check_image("zboot zstd22");
}

static void test_truncated(void)
{
	size_t whole = pack_gzip(image, IMAGE, file, SPACE);

	for (len = 2; len < whole; len += 777)
		check_refused("gzip data end too early");
	make_zboot("zstd", image, IMAGE);
	for (size_t size = le_load(file + 12, 4) - 1; size > 777; size -= 777) {
		le_store(file + 12, 4, size);
		check_refused("zstd data end too early");
	}
	for (len = 8; len < 64; len += 8)
		check_refused("truncated EFI zboot");
}

static void test_damaged(void)
{
	len = pack_gzip(image, IMAGE, file, SPACE);
	file[len - 6] ^= 1;	/* checksum */
	check_refused("gzip data are damaged");
	file[len - 6] ^= 1;
	file[20] ^= 0xff;
	check_refused("gzip data");
	make_zboot("zstd", image, IMAGE);
	file[1000] ^= 1;
	check_refused("zstd data are damaged");
}

/* A few hundred KiB that would fill the host's memory. */
static void test_bomb(void)
{
	size_t size = IMAGE_UNPACKED_MAX + MIB(1);
	uint8_t *zeroes = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);

	REQUIRE(zeroes != MAP_FAILED);
	len = pack_gzip(zeroes, size, file, SPACE);
	check_refused("unpacks to more than 256 MiB");
	munmap(zeroes, size);
}

static void test_zboot_hostile(void)
{
	make_zboot("gzip", image, IMAGE);
	strcpy((char *)file + 24, "lzma");
	check_refused("something else than gzip or zstd");
	memset(file + 24, 'g', 32);	/* no NUL */
	check_refused("something else");

	make_zboot("gzip", image, IMAGE);
	le_store(file + 12, 4, len - 1000 + 1);
	check_refused("outside of the file");
	le_store(file + 8, 4, 0xffffffff);
	check_refused("outside of the file");
	le_store(file + 8, 4, 0);
	check_refused("outside of the file");
	le_store(file + 8, 4, 1000);
	le_store(file + 12, 4, 0);
	check_refused("end too early");
}

static void test_wrong_contents(void)
{
	static uint8_t twice[SPACE];
	size_t n = pack_gzip(image, IMAGE, twice, SPACE);

	len = pack_gzip(twice, n, file, SPACE);
	check_refused("not an arm64 Image");
	len = pack_gzip("", 0, file, SPACE);
	check_refused("nothing is compressed");
	len = pack_gzip("x", 1, file, SPACE);
	check_refused("not an arm64 Image");
	len = pack_gzip(image, 60, file, SPACE);
	check_refused("truncated arm64 Image");
}

int main(void)
{
	make_image();
	RUN(test_good);
	RUN(test_truncated);
	RUN(test_damaged);
	RUN(test_bomb);
	RUN(test_zboot_hostile);
	RUN(test_wrong_contents);
	return tests_done();
}
