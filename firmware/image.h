/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel images: a host file becomes segments to load, an entry point and a protocol. The
 * host user names the file; its format is told by its first bytes. Nothing a guest can write
 * is ever probed. Built on every architecture; no KVM, no guest memory.
 */
#ifndef FIRMWARE_IMAGE_H
#define FIRMWARE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tvm_error;

enum image_kind {
	IMAGE_BZIMAGE,		/* x86 boot protocol, 64-bit entry */
	IMAGE_ELF_PVH,		/* ELF with XEN_ELFNOTE_PHYS32_ENTRY: 32-bit entry */
	IMAGE_ELF64,		/* ELF, entered in 64-bit mode at e_entry with boot_params */
	IMAGE_ARM64,		/* arm64 Image: gpa and entry count from the base of RAM */
};

#define IMAGE_ARM64_MAGIC 56	/* booting.rst, 4: where an arm64 Image has its magic number */
#define IMAGE_ARM64_TEXT "ARM\x64"
#define IMAGE_UNPACKED_MAX (256u << 20)	/* no kernel is larger; what unpacks to more is hostile */

#define IMAGE_MAX_SEGMENTS 32
#define IMAGE_GPA_END (1ULL << 46)	/* no segment ends above; x86_64 kernels map no more */

/* File bytes [offset, offset + filesz) go to [gpa, gpa + filesz); the rest of memsz is zero. */
struct image_segment {
	uint64_t gpa;
	uint64_t offset;
	uint64_t filesz;
	uint64_t memsz;
};

struct image {
	enum image_kind kind;
	int fd;				/* owned: the file, or what was unpacked from it */
	uint64_t file_size;		/* of fd */
	unsigned int nr_segments;	/* at least one */
	struct image_segment segments[IMAGE_MAX_SEGMENTS]; /* sorted, disjoint, no wrap */
	uint64_t entry;			/* gpa, inside a segment; below 4 GiB for IMAGE_ELF_PVH */
	/* bzImage: setup header as in the file, from offset 0x1f1, ready for boot_params */
	uint8_t setup_header[128];
	size_t setup_header_len;
	uint32_t cmdline_max;		/* bytes without NUL */
	uint64_t initrd_max;		/* highest address an initrd byte may have */
};

/*
 * Replaces an open file that is compressed by what is in it, in memory (img->fd, file_size), and
 * returns 1; 0 when it is not compressed. head: the first 64 bytes, zeroes behind the end.
 */
typedef int image_unpack_fn(struct image *img, const uint8_t *head, struct tvm_error *err);

/* unpack.c: gzip, and EFI zboot images with gzip or zstd; for machines that have such kernels. */
image_unpack_fn image_unpack;
bool image_is_zboot(const uint8_t *head);

/*
 * Open and check path. machine: EM_X86_64 or EM_AARCH64; unpack: NULL, or what it can unpack.
 * Every field that later code trusts is checked here: truncated files, wrapping or overlapping
 * segments, wrong machine, 32-bit only.
 * On success the caller ends with image_close().
 */
int image_open(const char *path, unsigned int machine, image_unpack_fn *unpack,
	struct image *out, struct tvm_error *err);
void image_close(struct image *img); /* fine on a zeroed or closed image */

/*
 * Parts of image_open(), for unit tests and fuzzing: parse an open file of known size
 * (img->fd and img->file_size are set, the rest is zero). image_parse() looks at the first
 * bytes and calls one of the others. It may replace img->fd, closing the old one (unpack.c).
 */
int image_parse(struct image *img, unsigned int machine, image_unpack_fn *unpack,
	struct tvm_error *err);
int image_parse_bzimage(struct image *img, struct tvm_error *err);
int image_parse_elf(struct image *img, unsigned int machine, struct tvm_error *err);
int image_parse_arm64(struct image *img, struct tvm_error *err);

/* pread until len bytes are there; -ENODATA when the file ends before. */
int image_read(const struct image *img, uint64_t off, void *dst, size_t len);

#endif
