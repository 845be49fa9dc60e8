/* SPDX-License-Identifier: Apache-2.0 */
/* A new file beside the one wanted, which takes its name when it is whole. */
#include "cli/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_through(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, bytes, len);
	close(fd);
	return r;
}

int outfile_write(const char *path, const void *bytes, size_t len, unsigned int mode, bool excl)
{
	struct stat st;
	mode_t mask;
	char *temp;
	int fd, r;

	if (!excl && !lstat(path, &st) && !S_ISREG(st.st_mode))
		return write_through(path, bytes, len);
	if (asprintf(&temp, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		free(temp);
		return r;
	}
	mask = umask(0);
	umask(mask);
	r = write_all(fd, bytes, len);
	if (!r && (fchmod(fd, mode & ~mask) < 0 || fsync(fd) < 0))
		r = -errno;
	/* link() refuses to replace, rename() does not. */
	if (!r && (excl ? link(temp, path) : rename(temp, path)) < 0)
		r = -errno;
	if (r < 0 || excl)
		unlink(temp);
	close(fd);
	free(temp);
	return r;
}
