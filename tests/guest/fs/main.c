/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fstest random TESTED RIGHT SEED COUNT	random.h
 * fstest perm TESTED RIGHT EVERY [nolinks]	perm.h; nolinks: owners of links do not count
 * fstest locks TESTED
 * fstest as ID COMMAND...			run it as user and group ID, with no other groups
 *
 * TESTED and RIGHT are directories; what is right is an empty one of the kernel's own file
 * systems, tmpfs or ext4. Prints "NAME=ok DETAILS" or what is wrong; exit status 0 or 1.
 */
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/guest/fs/perm.h"
#include "tests/guest/fs/random.h"

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		perror(path);
		exit(2);
	}
	return fd;
}

static bool random_work(char **argv)
{
	struct fs_side tested = { .name = argv[0], .ops = &fs_posix };
	struct fs_side right = { .name = argv[1], .ops = &fs_posix };
	uint64_t seed = strtoull(argv[2], NULL, 0);
	unsigned int count = (unsigned int)strtoul(argv[3], NULL, 0);
	bool ok;

	umask(0);
	tested.ctx = fs_posix_ctx(open_dir(argv[0]));
	right.ctx = fs_posix_ctx(open_dir(argv[1]));
	ok = fs_random(&tested, &right, seed, count);
	printf("random=%s seed=%llu calls=%u\n", ok ? "ok" : "different",
		(unsigned long long)seed, count);
	return ok;
}

static bool permissions(char **argv)
{
	unsigned int every = (unsigned int)strtoul(argv[2], NULL, 0), cases, wrong;

	wrong = fs_perm(open_dir(argv[0]), open_dir(argv[1]), every ? every : 1, !argv[3], &cases);

	printf("perm=%s cases=%u different=%u\n", wrong ? "different" : "ok", cases, wrong);
	return !wrong;
}

static bool locks(char **argv)
{
	unsigned int wrong;

	if (chdir(argv[0]) < 0) {
		perror(argv[0]);
		exit(2);
	}
	wrong = fs_locks();
	printf("locks=%s\n", wrong ? "wrong" : "ok");
	return !wrong;
}

static int as(char **argv)
{
	uid_t id = (uid_t)strtoul(argv[0], NULL, 0);

	if (!setgroups(0, NULL) && !setresgid(id, id, id) && !setresuid(id, id, id))
		execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 2;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	bool ok;

	if (!strcmp(name, "random") && argc == 6)
		ok = random_work(argv + 2);
	else if (!strcmp(name, "perm") && (argc == 5 || (argc == 6 && !strcmp(argv[5], "nolinks"))))
		ok = permissions(argv + 2);
	else if (!strcmp(name, "locks") && argc == 3)
		ok = locks(argv + 2);
	else if (!strcmp(name, "as") && argc > 3)
		return as(argv + 2);
	else
		return fprintf(stderr, "usage: see tests/guest/fs/main.c\n"), 2;
	return !ok;
}
