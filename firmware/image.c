/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a kernel image and telling its format. The file belongs to the host user, but it
 * may have been built by somebody else, and it may change while it is read: everything is
 * fetched with pread into local copies, nothing is mapped.
 */
#include "firmware/image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/le.h"

#define HINT "give a bzImage or an ELF vmlinux, on aarch64 an Image"
#define HEAD 0x206		/* to the end of what tells a bzImage */

int image_read(const struct image *img, uint64_t off, void *dst, size_t len)
{
	return read_at(img->fd, off, dst, len);
}

static bool is_arm64(const uint8_t *head)
{
	return !memcmp(head + IMAGE_ARM64_MAGIC, IMAGE_ARM64_TEXT, 4);
}

/* head: HEAD bytes, zeroes behind the end of the file. */
static int read_head(const struct image *img, uint8_t *head, struct tvm_error *err)
{
	int r;

	memset(head, 0, HEAD);
	r = image_read(img, 0, head, img->file_size < HEAD ? img->file_size : HEAD);
	return r < 0 ? err_sys(err, r, "cannot be read") : 0;
}

/* An EFI program that unpacks the Image in it: the first bytes of zboot-header.S in Linux. */
bool image_is_zboot(const uint8_t *head)
{
	return !memcmp(head, "MZ", 2) && !memcmp(head + 4, "zimg", 4);
}

static int parse_x86(struct image *img, const uint8_t *head, struct tvm_error *err)
{
	if (is_arm64(head) || image_is_zboot(head))
		return err_set(err, -ENOEXEC, "arm64 Image; this build of tvm runs x86_64 "
			"kernels");
	if (!memcmp(head, "MZ", 2) || !memcmp(head + 0x202, "HdrS", 4) ||
	    (head[0x1fe] == 0x55 && head[0x1ff] == 0xaa))
		return image_parse_bzimage(img, err);
	if (head[0] == 0x1f && head[1] == 0x8b)
		return err_set(err, -ENOEXEC, "compressed with gzip; unpack it first");
	return err_set(err, -ENOEXEC, "not a kernel; " HINT);
}

int image_parse(struct image *img, unsigned int machine, image_unpack_fn *unpack,
	struct tvm_error *err)
{
	uint8_t head[HEAD];
	int r = read_head(img, head, err);

	if (!r && unpack)
		r = unpack(img, head, err);
	if (r > 0)
		r = read_head(img, head, err);
	if (r < 0)
		return r;
	if (!memcmp(head, ELFMAG, SELFMAG))
		return image_parse_elf(img, machine, err);
	if (machine != EM_AARCH64)
		return parse_x86(img, head, err);
	if (is_arm64(head))
		return image_parse_arm64(img, err);
	return err_set(err, -ENOEXEC, "not an arm64 Image, alone or compressed with gzip, nor an "
		"EFI zboot image");
}

int image_open(const char *path, unsigned int machine, image_unpack_fn *unpack,
	struct image *out, struct tvm_error *err)
{
	struct image img = { .fd = -1 };
	struct stat st;
	int r;

	/* O_NONBLOCK: a FIFO must be refused below, not waited for. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return err_sys(err, -errno, "kernel: cannot open '%.300s'", path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, -errno, "kernel: cannot examine '%.300s'", path);
	if (S_ISDIR(st.st_mode))
		return err_set(err, -EISDIR, "kernel: '%.300s' is a directory; " HINT, path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "kernel: '%.300s' is not a regular file; " HINT, path);
	if (!st.st_size)
		return err_set(err, -ENOEXEC, "kernel: '%.300s' is empty; " HINT, path);

	img.fd = fd;
	img.file_size = (uint64_t)st.st_size;
	r = image_parse(&img, machine, unpack, err);
	take_fd(&fd);	/* the image's by now, or closed: unpacked into another one */
	if (r < 0) {
		image_close(&img);
		return err_prefix(err, r, "kernel: '%.300s'", path);
	}
	*out = img;
	return 0;
}

void image_close(struct image *img)
{
	/* An open image is not empty: a zeroed one must not close descriptor 0. */
	if (img->file_size)
		close_fd(&img->fd);
	img->file_size = 0;
}
