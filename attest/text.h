/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text: hexadecimal and base64. */
#ifndef ATTEST_TEXT_H
#define ATTEST_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lower-case digits and a NUL; out has 2 * len + 1 bytes. */
void text_hex(const void *bytes, size_t len, char *out);

/* Exactly len bytes, digits of either case. */
bool text_unhex(const char *text, void *out, size_t len);

/* One line without its newline, and a NUL; out has TEXT_BASE64(len) bytes. len below 1 GiB. */
#define TEXT_BASE64(len) (((len) + 2) / 3 * 4 + 1)
void text_base64(const void *bytes, size_t len, char *out);

/*
 * Decode base64, white space anywhere. Returns the number of bytes, or -EINVAL; -ENOSPC when
 * they are more than size.
 */
int text_unbase64(const char *text, size_t text_len, void *out, size_t size);

#endif
