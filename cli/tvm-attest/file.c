/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tvm-attest/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/text.h"
#include "cli/outfile.h"

#define READ_MAX (64U << 20)	/* of what is no regular file */

/* Pipes and /dev/stdin. */
static enum status slurp(struct file *f, int fd, const char *what, const char *path)
{
	size_t size = 65536;
	ssize_t n = 1;
	char *grown;

	while (n && f->len < READ_MAX) {
		grown = realloc(f->data, f->len + size);
		if (!grown)
			return fail(STATUS_ERROR, "%s: out of memory", what);
		f->data = grown;
		n = read(fd, grown + f->len, size);
		if (n < 0)
			return fail(STATUS_ERROR, "%s: cannot read '%s': %s", what, path,
				strerror(errno));
		f->len += (size_t)n;
	}
	return n ? fail(STATUS_ERROR, "%s: '%s' has more than %u MiB", what, path, READ_MAX >> 20) :
		STATUS_OK;
}

enum status file_open(struct file *f, const char *what, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum status s = STATUS_OK;
	struct stat st;

	*f = (struct file){ 0 };
	if (fd < 0 || fstat(fd, &st) < 0) {
		s = fail(STATUS_ERROR, "%s: cannot open '%s': %s", what, path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		s = slurp(f, fd, what, path);
	} else if (st.st_size) {
		f->len = (size_t)st.st_size;
		f->mapped = true;
		f->data = mmap(NULL, f->len, PROT_READ, MAP_PRIVATE, fd, 0);
		if (f->data == MAP_FAILED) {
			s = fail(STATUS_ERROR, "%s: cannot map '%s': %s", what, path,
				strerror(errno));
			*f = (struct file){ 0 };
		}
	}
	if (fd >= 0)
		close(fd);
	if (s)
		file_close(f);
	return s;
}

void file_close(struct file *f)
{
	if (f->mapped)
		munmap(f->data, f->len);
	else
		free(f->data);
	*f = (struct file){ 0 };
}

enum status file_read(const char *what, const char *path, void *buf, size_t size,
	size_t *len_out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum status s = STATUS_OK;
	size_t len = 0;
	ssize_t n = 1;
	char extra;

	if (fd < 0)
		return fail(STATUS_ERROR, "%s: cannot open '%s': %s", what, path, strerror(errno));
	while (n > 0 && len < size) {
		n = read(fd, (char *)buf + len, size - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (n > 0)
		n = read(fd, &extra, 1);
	if (n < 0)
		s = fail(STATUS_ERROR, "%s: cannot read '%s': %s", what, path, strerror(errno));
	else if (n > 0 || (!len_out && len != size))
		s = fail(STATUS_ERROR, "%s: '%s' has %s than %zu bytes", what, path,
			n > 0 ? "more" : "fewer", size);
	else if (len_out)
		*len_out = len;
	close(fd);
	return s;
}

enum status file_path(char *buf, const char *dir, const char *name)
{
	int n = snprintf(buf, FILE_PATH_MAX, "%s/%s", dir, name);

	return n < 0 || n >= FILE_PATH_MAX ?
		fail(STATUS_ERROR, "'%.64s...' is too long for a path", dir) : STATUS_OK;
}

bool file_exists(const char *path)
{
	return !access(path, F_OK);
}

enum status file_write(const char *path, const void *bytes, size_t len, unsigned int mode,
	bool excl)
{
	int r = outfile_write(path, bytes, len, mode, excl);

	return r < 0 ? fail(STATUS_ERROR, "cannot write '%s': %s", path, strerror(-r)) : STATUS_OK;
}

enum status file_write_base64(const char *path, const void *bytes, size_t len)
{
	char *text = malloc(TEXT_BASE64(len) + 1);
	enum status s;

	if (!text)
		return fail(STATUS_ERROR, "cannot write '%s': out of memory", path);
	text_base64(bytes, len, text);
	strcat(text, "\n");
	s = file_write(path, text, strlen(text), 0644, false);
	free(text);
	return s;
}

enum status file_blob(const char *what, const char *text, void *buf, size_t size)
{
	size_t text_max = 2 * size + 64, len = 0;
	char *raw;
	enum status s = STATUS_OK;

	/* On the command line, unless a file has that name. */
	if (!file_exists(text) && text_unbase64(text, strlen(text), buf, size) == (int)size)
		return STATUS_OK;
	if (!file_exists(text) && !strchr(text, '.') && strlen(text) > 24)
		return fail(STATUS_ERROR, "%s: neither a file nor base64 of %zu bytes", what, size);
	raw = malloc(text_max);
	if (!raw)
		return fail(STATUS_ERROR, "%s: out of memory", what);
	s = file_read(what, text, raw, text_max, &len);
	if (!s && len == size)
		memcpy(buf, raw, size);
	else if (!s && text_unbase64(raw, len, buf, size) != (int)size)
		s = fail(STATUS_ERROR, "%s: '%s' is neither %zu bytes nor base64 of them", what,
			text, size);
	explicit_bzero(raw, text_max);
	free(raw);
	return s;
}
