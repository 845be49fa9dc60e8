/* SPDX-License-Identifier: Apache-2.0 */
/*
 * talk PATH TEXT [COLUMNS ROWS]
 *
 * A client of a guest's console at a unix socket or a pseudo-terminal: waits for PATH to be
 * there, sends TEXT and a newline at once, then copies what it hears until the other side ends.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int reach(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0 || errno != ENXIO)
		return fd;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || !connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return fd;
	close(fd);
	return -1;
}

int main(int argc, char **argv)
{
	char buf[4096];
	ssize_t n;
	int fd;

	if (argc != 3 && argc != 5)
		errx(2, "usage: talk PATH TEXT [COLUMNS ROWS]");
	for (int i = 0; (fd = reach(argv[1])) < 0 && i < 600; i++)
		usleep(100000);
	if (fd < 0)
		err(1, "%s", argv[1]);
	if (argc == 5) {
		struct winsize ws = {
			.ws_col = (unsigned short)atoi(argv[3]),
			.ws_row = (unsigned short)atoi(argv[4]),
		};

		if (ioctl(fd, TIOCSWINSZ, &ws) < 0)
			err(1, "%s: size", argv[1]);
	}
	n = snprintf(buf, sizeof(buf), "%s\n", argv[2]);
	if (write(fd, buf, (size_t)n) != n)
		err(1, "%s", argv[1]);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write(STDOUT_FILENO, buf, (size_t)n) != n)
			return 1;
	return 0;
}
