/* SPDX-License-Identifier: Apache-2.0 */
/* Files that tvm-run writes. */
#ifndef CLI_OUTFILE_H
#define CLI_OUTFILE_H

#include <stddef.h>

/*
 * All of the bytes at path, or what was there before: 0, or a negative errno. What is no regular
 * file (a pipe, a link such as /dev/stdout) is kept and written to.
 */
int outfile_write(const char *path, const void *bytes, size_t len);

#endif
