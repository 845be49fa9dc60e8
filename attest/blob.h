/* SPDX-License-Identifier: Apache-2.0 */
/* Files from the guest owner: raw bytes, or the base64 text that QEMU and libvirt take. */
#ifndef ATTEST_BLOB_H
#define ATTEST_BLOB_H

#include <stddef.h>
#include <stdint.h>

struct tvm_error;

/*
 * Read the whole file; text of nothing but base64 characters and white space is decoded.
 * what is for messages. max: bytes after decoding. *out is the caller's to free().
 */
int blob_read(const char *path, const char *what, size_t max, uint8_t **out, size_t *len_out,
	struct tvm_error *err);

/* Write bytes as one line of base64: a new file with mode 0644 that replaces an old one. */
int blob_write(const char *path, const char *what, const void *bytes, size_t len,
	struct tvm_error *err);

#endif
