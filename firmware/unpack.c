/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed arm64 kernels: a whole file of gzip (Image.gz), or an EFI zboot image, which is an
 * EFI program with the compressed Image at a place that its first bytes name (Linux,
 * drivers/firmware/efi/libstub/zboot-header.S). What comes out goes to a memory file, so that
 * the rest of the program sees a plain Image. The output is bounded, whatever the input says.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/le.h"
#include "firmware/image.h"

#define CHUNK KIB(64)

struct zboot_header {
	uint8_t mz[2], reserved0[2];
	uint8_t zimg[4];
	le32 payload_offset, payload_size;
	uint8_t reserved1[8];
	char compression[32];	/* need not end in NUL */
	uint8_t magic[4];	/* of an arm64 Image in a plain one, here another */
};

/* From [off, end) of the file to a memory file. */
struct unpacking {
	const struct image *img;
	uint64_t off, end;
	int out;
	uint64_t written;
	uint8_t in[CHUNK], buf[CHUNK];
};

/* The next piece of input, in u->in: its length, 0 at the end. */
static ssize_t more(struct unpacking *u)
{
	size_t len = u->end - u->off < CHUNK ? u->end - u->off : CHUNK;
	int r = image_read(u->img, u->off, u->in, len);

	if (r < 0)
		return r;
	u->off += len;
	return (ssize_t)len;
}

static int put(struct unpacking *u, size_t len)
{
	if (len > IMAGE_UNPACKED_MAX - u->written)
		return -EFBIG;
	for (size_t done = 0; done < len;) {
		ssize_t n = write(u->out, u->buf + done, len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	u->written += len;
	return 0;
}

static int inflate_all(struct unpacking *u)
{
	z_stream z = { 0 };
	int r = inflateInit2(&z, 15 + 16) == Z_OK ? 0 : -ENOMEM; /* gzip with its header */
	int zr = Z_OK;

	/* A full buffer means that there may be more output without more input. */
	z.avail_out = CHUNK;
	while (!r && zr != Z_STREAM_END) {
		if (!z.avail_in && z.avail_out) {
			ssize_t n = more(u);

			if (n <= 0) {
				r = n < 0 ? (int)n : -ENODATA;
				break;
			}
			z.next_in = u->in;
			z.avail_in = (uInt)n;
		}
		z.next_out = u->buf;
		z.avail_out = CHUNK;
		zr = inflate(&z, Z_NO_FLUSH);
		if (zr == Z_OK || zr == Z_STREAM_END)
			r = put(u, CHUNK - z.avail_out);
		else
			r = zr == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
	}
	inflateEnd(&z);
	return r;
}

static int unzstd_all(struct unpacking *u)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	ZSTD_inBuffer in = { .src = u->in };
	ZSTD_outBuffer out = { u->buf, CHUNK, 0 };
	size_t left = 1;	/* 0: the frame has ended, all of it has come out */
	int r = z ? 0 : -ENOMEM;

	while (!r && left) {
		if (in.pos == in.size && out.pos < CHUNK) {
			ssize_t n = more(u);

			if (n <= 0) {
				r = n < 0 ? (int)n : -ENODATA;
				break;
			}
			in.size = (size_t)n;
			in.pos = 0;
		}
		out.pos = 0;
		left = ZSTD_decompressStream(z, &out, &in);
		r = ZSTD_isError(left) ? -EBADMSG : put(u, out.pos);
	}
	ZSTD_freeDStream(z);
	return r;
}

static int unpack(struct image *img, uint64_t off, uint64_t len, int (*fn)(struct unpacking *u),
	const char *format, struct tvm_error *err)
{
	_cleanup_free_ struct unpacking *u = malloc(sizeof(*u));
	_cleanup_close_ int out = memfd_create("tvm-kernel", MFD_CLOEXEC);
	int r;

	if (!u)
		return err_set(err, -ENOMEM, "out of memory");
	if (out < 0)
		return err_sys(err, -errno, "memory for the unpacked kernel");
	u->img = img;
	u->off = off;
	u->end = off + len;
	u->out = out;
	u->written = 0;
	r = fn(u);
	if (!r && !u->written)
		return err_set(err, -ENOEXEC, "nothing is compressed in it");
	if (r == -ENODATA)
		return err_set(err, -ENOEXEC, "its %s data end too early", format);
	if (r == -EBADMSG)
		return err_set(err, -ENOEXEC, "its %s data are damaged", format);
	if (r == -EFBIG)
		return err_set(err, -ENOEXEC, "unpacks to more than %u MiB",
			IMAGE_UNPACKED_MAX >> 20);
	if (r < 0)
		return err_sys(err, r, "unpacking");
	close(img->fd);
	img->fd = take_fd(&out);
	img->file_size = u->written;
	return 0;
}

static int unpack_zboot(struct image *img, struct tvm_error *err)
{
	struct zboot_header h;
	uint64_t off, len;
	int r = image_read(img, 0, &h, sizeof(h));

	if (r < 0)
		return r == -ENODATA ? err_set(err, -ENOEXEC, "truncated EFI zboot image") :
			err_sys(err, r, "cannot be read");
	off = le32_get(h.payload_offset);
	len = le32_get(h.payload_size);
	if (off < sizeof(h) || !range_within(off, len, 0, img->file_size))
		return err_set(err, -ENOEXEC, "EFI zboot image: its payload is outside of the "
			"file");
	if (!strncmp(h.compression, "gzip", sizeof(h.compression)))
		return unpack(img, off, len, inflate_all, "gzip", err);
	if (!strncmp(h.compression, "zstd", 4)) /* newer: with the level, "zstd22" */
		return unpack(img, off, len, unzstd_all, "zstd", err);
	return err_set(err, -ENOEXEC, "EFI zboot image compressed with something else than gzip "
		"or zstd");
}

int image_unpack(struct image *img, const uint8_t *head, struct tvm_error *err)
{
	int r = 0;

	if (image_is_zboot(head))
		r = unpack_zboot(img, err);
	else if (head[0] == 0x1f && head[1] == 0x8b)
		r = unpack(img, 0, img->file_size, inflate_all, "gzip", err);
	else
		return 0;
	return r < 0 ? r : 1;
}
