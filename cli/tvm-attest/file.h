/* SPDX-License-Identifier: Apache-2.0 */
/* Files in and out. All functions say on stderr what failed and return a status. */
#ifndef CLI_TVM_ATTEST_FILE_H
#define CLI_TVM_ATTEST_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/tvm-attest/cmd.h"

/* The bytes of a file: mapped, or read when it cannot be. */
struct file {
	void *data;
	size_t len;
	bool mapped;
};

enum status file_open(struct file *f, const char *what, const char *path);
void file_close(struct file *f); /* fine on a zeroed one */

/* A small file of at most size bytes into buf; len_out NULL: it must have exactly size bytes. */
enum status file_read(const char *what, const char *path, void *buf, size_t size,
	size_t *len_out);

/* DIR/NAME; buf has FILE_PATH_MAX bytes. */
#define FILE_PATH_MAX 4096
enum status file_path(char *buf, const char *dir, const char *name);
bool file_exists(const char *path);

/* outfile_write(), with a line when it fails. */
enum status file_write(const char *path, const void *bytes, size_t len, unsigned int mode,
	bool excl);
enum status file_write_base64(const char *path, const void *bytes, size_t len);

/* "@file" of an option, base64 on the command line or a file of raw bytes or base64 text. */
enum status file_blob(const char *what, const char *text, void *buf, size_t size);

#endif
