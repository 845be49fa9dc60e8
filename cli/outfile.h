/* SPDX-License-Identifier: Apache-2.0 */
/* Files that the programs write. */
#ifndef CLI_OUTFILE_H
#define CLI_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * All of the bytes at path, or what was there before: 0, or a negative errno. mode is that of a new
 * file, less the umask. excl: -EEXIST when there is something; else what is no regular file (a
 * pipe, a link such as /dev/stdout) is kept and written to.
 */
int outfile_write(const char *path, const void *bytes, size_t len, unsigned int mode, bool excl);

#endif
