/* SPDX-License-Identifier: Apache-2.0 */
/* Reading files whole. */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

/* len bytes from offset off. 0, -ENODATA when the file ends before, or what pread() says. */
static inline int read_at(int fd, uint64_t off, void *dst, size_t len)
{
	if (off > INT64_MAX - len)
		return -ENODATA;
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, (char *)dst + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		done += (size_t)n;
	}
	return 0;
}

#endif
