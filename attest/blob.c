/* SPDX-License-Identifier: Apache-2.0 */
/* Guest owner's files. Either side of the exchange may look at any time: writes are atomic. */
#include "attest/blob.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/cleanup.h"
#include "base/err.h"

static int read_all(const char *path, const char *what, size_t max, uint8_t **out,
	size_t *len_out, struct tvm_error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ uint8_t *buf = malloc(max + 1);
	size_t len = 0;

	if (fd < 0)
		return err_sys(err, -errno, "%s: cannot open '%s'", what, path);
	if (!buf)
		return err_set(err, -ENOMEM, "%s: out of memory", what);
	while (len <= max) {
		ssize_t n = read(fd, buf + len, max + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, -errno, "%s: cannot read '%s'", what, path);
		if (!n)
			break;
		len += (size_t)n;
	}
	if (len > max)
		return err_set(err, -EFBIG, "%s: '%s' has more than %zu bytes", what, path, max);
	if (!len)
		return err_set(err, -ENODATA, "%s: '%s' is empty", what, path);
	*out = take_ptr(&buf);
	*len_out = len;
	return 0;
}

/* Drops white space in place; false when a byte cannot belong to base64 text. */
static bool squeeze(uint8_t *buf, size_t len, size_t *len_out)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		if (isspace(buf[i]))
			continue;
		if (!isalnum(buf[i]) && !strchr("+/=", buf[i]))
			return false;
		buf[kept++] = buf[i];
	}
	*len_out = kept;
	return kept && kept % 4 == 0;
}

int blob_read(const char *path, const char *what, size_t max, uint8_t **out, size_t *len_out,
	struct tvm_error *err)
{
	_cleanup_free_ uint8_t *raw = NULL, *text = NULL, *bytes = NULL;
	size_t len = 0, text_len;
	int n, r = read_all(path, what, max / 3 * 4 + 1024, &raw, &len, err);

	if (r < 0)
		return r;
	text = malloc(len);
	bytes = malloc(len);
	if (!text || !bytes)
		return err_set(err, -ENOMEM, "%s: out of memory", what);
	memcpy(text, raw, len);
	if (!squeeze(text, len, &text_len)) {
		free_ptr(&bytes);
		bytes = take_ptr(&raw);
	} else {
		n = EVP_DecodeBlock(bytes, text, (int)text_len);
		if (n < 0)
			return err_set(err, -EINVAL, "%s: '%s' is damaged base64 text", what, path);
		len = (size_t)n - (text[text_len - 1] == '=') - (text[text_len - 2] == '=');
	}
	if (len > max)
		return err_set(err, -EFBIG, "%s: '%s' has more than %zu bytes", what, path, max);
	*out = take_ptr(&bytes);
	*len_out = len;
	return 0;
}

int blob_write(const char *path, const char *what, const void *bytes, size_t len,
	struct tvm_error *err)
{
	_cleanup_free_ char *text = malloc(len / 3 * 4 + 8), *temp = NULL;
	_cleanup_close_ int fd = -1;
	int n, r = 0;

	if (!text || asprintf(&temp, "%s.XXXXXX", path) < 0) {
		temp = NULL;
		return err_set(err, -ENOMEM, "%s: out of memory", what);
	}
	n = EVP_EncodeBlock((uint8_t *)text, bytes, (int)len);
	text[n++] = '\n';
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, -errno, "%s: cannot write beside '%s'", what, path);
	if (write(fd, text, (size_t)n) != n || fchmod(fd, 0644) < 0 || rename(temp, path) < 0) {
		r = err_sys(err, errno ? -errno : -EIO, "%s: cannot write '%s'", what, path);
		unlink(temp);
	}
	return r;
}
