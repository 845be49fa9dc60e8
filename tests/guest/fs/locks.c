/* SPDX-License-Identifier: Apache-2.0 */
/* Locks among processes: records, whole files, waiting, the end of a process. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/guest/fs/perm.h"

#define NAME "lock-test"
#define PROCESSES 4
#define ROUNDS 20

static unsigned int wrong;

static void expect(bool ok, const char *what)
{
	if (ok)
		return;
	printf("# locks: %s (%s)\n", what, strerror(errno));
	wrong++;
}

static struct flock record(short type, off_t start, off_t len)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = start,
		.l_len = len };
}

static int lock(int fd, int cmd, short type, off_t start, off_t len)
{
	struct flock l = record(type, start, len);

	return fcntl(fd, cmd, &l);
}

static int must_open(void)
{
	int fd = open(NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0) {
		printf("Bail out! %s: %s\n", NAME, strerror(errno));
		exit(1);
	}
	return fd;
}

/* Holds bytes 0 to 99 until the other end of the pipe is closed. */
static void holder(int ready, int end, bool flocks)
{
	int fd = must_open();
	char byte;

	if (flocks ? flock(fd, LOCK_EX) : lock(fd, F_SETLK, F_WRLCK, 0, 100))
		_exit(1);
	(void)!write(ready, "x", 1);
	(void)!read(end, &byte, 1);
	_exit(0);	/* without unlocking */
}

static void with_holder(bool flocks)
{
	struct flock l = record(F_RDLCK, 50, 10);
	int ready[2], end[2], fd = must_open();
	char byte;
	pid_t pid;

	if (pipe(ready) || pipe(end)) {
		expect(false, "pipe");
		return;
	}
	pid = fork();
	if (!pid) {
		close(end[1]);
		holder(ready[1], end[0], flocks);
	}
	close(ready[1]);
	close(end[0]);
	expect(read(ready[0], &byte, 1) == 1, "the other process gets its lock");
	if (flocks) {
		expect(flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK,
			"flock is refused");
	} else {
		expect(!fcntl(fd, F_GETLK, &l) && l.l_type == F_WRLCK && l.l_pid == pid &&
			l.l_start == 0 && l.l_len == 100, "the holder is named");
		expect(lock(fd, F_SETLK, F_RDLCK, 99, 1) < 0 && (errno == EAGAIN ||
			errno == EACCES), "an overlapping lock is refused");
		expect(!lock(fd, F_SETLK, F_WRLCK, 100, 10), "one beside it is not");
		expect(!lock(fd, F_SETLK, F_UNLCK, 100, 10), "and can be given up");
	}
	close(end[1]);
	/* Waits for the end of the process, which unlocks. */
	if (flocks)
		expect(!flock(fd, LOCK_EX), "flock comes when the holder is gone");
	else
		expect(!lock(fd, F_SETLKW, F_WRLCK, 0, 0), "a lock comes when the holder is gone");
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(fd);
}

/* Everybody adds to a number in the file, under a lock. */
static void count_together(void)
{
	char text[16] = "0";
	int fd = must_open(), status, n;

	expect(!ftruncate(fd, 0) && pwrite(fd, text, 1, 0) == 1, "a number to begin with");
	for (unsigned int i = 0; i < PROCESSES; i++) {
		if (fork())
			continue;
		fd = must_open();
		for (unsigned int k = 0; k < ROUNDS; k++) {
			if (lock(fd, F_SETLKW, F_WRLCK, 0, 0) || pread(fd, text, 15, 0) <= 0)
				_exit(1);
			n = snprintf(text, sizeof(text), "%d", atoi(text) + 1);
			if (pwrite(fd, text, (size_t)n, 0) != n || lock(fd, F_SETLK, F_UNLCK, 0, 0))
				_exit(1);
		}
		_exit(0);
	}
	for (unsigned int i = 0; i < PROCESSES; i++)
		expect(wait(&status) > 0 && status == 0, "a process that counts");
	memset(text, 0, sizeof(text));
	expect(pread(fd, text, 15, 0) > 0 && atoi(text) == PROCESSES * ROUNDS, text);
	close(fd);
}

unsigned int fs_locks(void)
{
	wrong = 0;
	with_holder(false);
	with_holder(true);
	count_together();
	unlink(NAME);
	return wrong;
}
