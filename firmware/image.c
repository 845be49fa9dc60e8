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

#define HINT "give a bzImage or an ELF vmlinux"

int image_read(const struct image *img, uint64_t off, void *dst, size_t len)
{
	return read_at(img->fd, off, dst, len);
}

int image_parse(struct image *img, unsigned int machine, struct tvm_error *err)
{
	static const char arm64_magic[] = "ARM\x64";
	uint8_t head[0x206] = { 0 };
	size_t len = img->file_size < sizeof(head) ? img->file_size : sizeof(head);
	bool arm64, bzimage;
	int r;

	r = image_read(img, 0, head, len);
	if (r < 0)
		return err_sys(err, r, "cannot be read");

	if (!memcmp(head, ELFMAG, SELFMAG))
		return image_parse_elf(img, machine, err);
	arm64 = !memcmp(head + 56, arm64_magic, 4);
	bzimage = !arm64 && (!memcmp(head, "MZ", 2) || !memcmp(head + 0x202, "HdrS", 4) ||
		(head[0x1fe] == 0x55 && head[0x1ff] == 0xaa));
	if (arm64 && machine == EM_AARCH64)
		return image_parse_arm64(img, err);
	if (bzimage && machine == EM_X86_64)
		return image_parse_bzimage(img, err);
	if (arm64)
		return err_set(err, -ENOEXEC, "arm64 Image; this build of tvm runs x86_64 "
			"kernels");
	if (head[0] == 0x1f && head[1] == 0x8b)
		return err_set(err, -ENOEXEC, "compressed with gzip; unpack it first");
	if (machine == EM_AARCH64)
		return err_set(err, -ENOEXEC, "not an arm64 Image");
	return err_set(err, -ENOEXEC, "not a kernel; " HINT);
}

int image_open(const char *path, unsigned int machine, struct image *out,
	struct tvm_error *err)
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
	r = image_parse(&img, machine, err);
	if (r < 0)
		return err_prefix(err, r, "kernel: '%.300s'", path);
	img.fd = take_fd(&fd);
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
