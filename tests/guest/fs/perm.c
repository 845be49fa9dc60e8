/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what: an object of some owner and mode, a user, one operation, done in a directory
 * to be tested and in one of a file system that is known to be right. The result of the
 * operation and what became of the object must be the same.
 *
 * A case is rebuilt from nothing each time. Users are effective and file system ids of this
 * process, with their groups; root's capabilities come and go with them.
 */
#include "tests/guest/fs/perm.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORTED 40		/* differences that are printed */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct user {
	uid_t uid;
	gid_t gid, more;	/* more: a second group */
} users[] = { { 0, 0, 0 }, { 1001, 1001, 2000 }, { 1002, 1002, 1002 } };

static const struct {
	uid_t uid;
	gid_t gid;
} owners[] = { { 0, 0 }, { 1001, 1001 }, { 1001, 3000 }, { 1002, 2000 } };

static const mode_t file_modes[] = { 0000, 0400, 0200, 0040, 0020, 0010, 0004, 0002, 0001, 0640,
	0755, 0777, 04755, 02775, 02766, 06777 };
static const mode_t dir_modes[] = { 0000, 0100, 0300, 0500, 0700, 0050, 0030, 0007, 0003, 0755,
	0777, 01777, 02777, 02755, 03777 };

struct result {
	int error;
	struct stat st;		/* afterwards */
	bool there;
};

static void become(const struct user *u)
{
	gid_t groups[] = { u->gid, u->more };

	if (setresuid(-1, 0, -1) || setgroups(2, groups) || setresgid(-1, u->gid, -1) ||
		setresuid(-1, u->uid, -1)) {
		printf("Bail out! cannot become %u\n", u->uid);
		exit(1);
	}
}

static int opened(int fd)
{
	if (fd < 0)
		return -1;
	return close(fd);
}

/* ---- On a file "f" -------------------------------------------------------------------- */

static int f_read(int dir)
{
	return opened(openat(dir, "f", O_RDONLY));
}

static int f_write(int dir)
{
	int fd = openat(dir, "f", O_WRONLY), r;

	if (fd < 0)
		return -1;
	r = write(fd, "x", 1) == 1 ? 0 : -1;	/* also takes setuid away */
	close(fd);
	return r;
}

static int f_rdwr(int dir)
{
	return opened(openat(dir, "f", O_RDWR));
}

static int f_trunc(int dir)
{
	return opened(openat(dir, "f", O_WRONLY | O_TRUNC));
}

static int f_creat(int dir)
{
	return opened(openat(dir, "f", O_WRONLY | O_CREAT, 0600));
}

static int f_exec(int dir)
{
	return faccessat(dir, "f", X_OK, AT_EACCESS);
}

static int f_chmod(int dir)
{
	return fchmodat(dir, "f", 0604, 0);
}

static int f_chmod_setid(int dir)
{
	return fchmodat(dir, "f", 06755, 0);
}

static int f_chown(int dir)
{
	return fchownat(dir, "f", 1002, -1, 0);
}

static int f_chgrp_own(int dir)
{
	return fchownat(dir, "f", -1, 2000, 0);
}

static int f_chgrp_other(int dir)
{
	return fchownat(dir, "f", -1, 3000, 0);
}

static int f_touch(int dir)
{
	return utimensat(dir, "f", NULL, 0);
}

static int f_set_times(int dir)
{
	const struct timespec t[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };

	return utimensat(dir, "f", t, 0);
}

static int f_link(int dir)
{
	return linkat(dir, "f", dir, "g", 0);
}

static int f_unlink(int dir)
{
	return unlinkat(dir, "f", 0);
}

/* ---- In a directory "d" that holds "own" of 1001 and "sub" of root --------------------- */

static int d_list(int dir)
{
	return opened(openat(dir, "d", O_RDONLY | O_DIRECTORY));
}

static int d_stat(int dir)
{
	struct stat st;

	return fstatat(dir, "d/own", &st, 0);
}

static int d_create(int dir)
{
	return opened(openat(dir, "d/new", O_WRONLY | O_CREAT | O_EXCL, 02771));
}

static int d_mkdir(int dir)
{
	return mkdirat(dir, "d/new", 0750);
}

static int d_mkfifo(int dir)
{
	return mkfifoat(dir, "d/new", 0640);
}

static int d_symlink(int dir)
{
	return symlinkat("x", dir, "d/new");
}

static int d_unlink(int dir)
{
	return unlinkat(dir, "d/own", 0);
}

static int d_rmdir(int dir)
{
	return unlinkat(dir, "d/sub", AT_REMOVEDIR);
}

static int d_rename(int dir)
{
	return renameat(dir, "d/own", dir, "d/new");
}

static int d_rename_over(int dir)
{
	return renameat(dir, "f", dir, "d/own");
}

static int d_rename_dir(int dir)
{
	return renameat(dir, "d/sub", dir, "d/new");
}

static int d_link(int dir)
{
	return linkat(dir, "f", dir, "d/new", 0);
}

struct op {
	const char *name;
	int (*fn)(int dir);
	const char *look;	/* at this afterwards */
};

static const struct op file_ops[] = {
	{ "open for reading", f_read, "f" }, { "open and write", f_write, "f" },
	{ "open for both", f_rdwr, "f" }, { "open and truncate", f_trunc, "f" },
	{ "open with O_CREAT", f_creat, "f" }, { "execute", f_exec, "f" },
	{ "chmod", f_chmod, "f" }, { "chmod with setid bits", f_chmod_setid, "f" },
	{ "chown", f_chown, "f" }, { "chgrp to a group of 1001", f_chgrp_own, "f" },
	{ "chgrp to another group", f_chgrp_other, "f" }, { "touch", f_touch, "f" },
	{ "set times", f_set_times, "f" }, { "link", f_link, "g" }, { "unlink", f_unlink, "f" },
};

static const struct op dir_ops[] = {
	{ "list", d_list, "d" }, { "stat of an entry", d_stat, "d" },
	{ "create", d_create, "d/new" }, { "mkdir", d_mkdir, "d/new" },
	{ "mkfifo", d_mkfifo, "d/new" }, { "symlink", d_symlink, "d/new" },
	{ "unlink", d_unlink, "d/own" }, { "rmdir", d_rmdir, "d/sub" },
	{ "rename within", d_rename, "d/new" }, { "rename over", d_rename_over, "d/own" },
	{ "rename of a directory", d_rename_dir, "d/new" }, { "link into", d_link, "d/new" },
};

static void must(int r, const char *what)
{
	if (r < 0) {
		printf("Bail out! %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static void clear(int dir)
{
	static const char *const files[] = { "d/own", "d/new", "f", "g" };

	for (unsigned int i = 0; i < COUNT(files); i++)
		if (unlinkat(dir, files[i], 0) < 0 && errno == EISDIR)
			unlinkat(dir, files[i], AT_REMOVEDIR);
	unlinkat(dir, "d/sub", AT_REMOVEDIR);
	unlinkat(dir, "d", AT_REMOVEDIR);
}

static void make(int dir, const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	must(fd, name);
	must((int)write(fd, "data", 4), "write");
	must(fchown(fd, uid, gid), "chown");
	must(fchmod(fd, mode), "chmod");
	close(fd);
}

static void set_up(int dir, bool in_dir, unsigned int owner, mode_t mode)
{
	uid_t uid = owners[owner].uid;
	gid_t gid = owners[owner].gid;

	clear(dir);
	make(dir, "f", in_dir ? 1001 : uid, in_dir ? 1001 : gid, in_dir ? 0666 : mode);
	if (!in_dir)
		return;
	must(mkdirat(dir, "d", 0700), "mkdir");
	make(dir, "d/own", 1001, 1001, 0644);
	must(mkdirat(dir, "d/sub", 0755), "mkdir");
	must(fchownat(dir, "d", uid, gid, 0), "chown");
	must(fchmodat(dir, "d", mode, 0), "chmod");
}

static void run(int dir, const struct user *u, const struct op *op, struct result *out)
{
	become(u);
	errno = 0;
	out->error = op->fn(dir) < 0 ? errno : 0;
	become(&users[0]);
	out->there = fstatat(dir, op->look, &out->st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool same(const struct result *a, const struct result *b, bool link_owners)
{
	if (a->error != b->error || a->there != b->there)
		return false;
	if (!a->there)
		return true;
	if (a->st.st_mode != b->st.st_mode)
		return false;
	if (!S_ISDIR(a->st.st_mode) && a->st.st_size != b->st.st_size)
		return false;
	return (S_ISLNK(a->st.st_mode) && !link_owners) ||
		(a->st.st_uid == b->st.st_uid && a->st.st_gid == b->st.st_gid);
}

static void print(const char *name, const struct result *r)
{
	printf(" %s: %s", name, r->error ? strerror(r->error) : "done");
	if (r->there)
		printf(", %o %u:%u", r->st.st_mode, r->st.st_uid, r->st.st_gid);
}

unsigned int fs_perm(int tested, int right, unsigned int every, bool link_owners,
	unsigned int *cases)
{
	unsigned int wrong = 0, n = 0, all = 0;

	umask(022);
	for (unsigned int i = 0; i < 2 * COUNT(owners); i++) {
		bool in_dir = i % 2;
		unsigned int owner = i / 2;
		const struct op *ops = in_dir ? dir_ops : file_ops;
		const mode_t *modes = in_dir ? dir_modes : file_modes;

		for (unsigned int m = 0; m < (in_dir ? COUNT(dir_modes) : COUNT(file_modes)); m++)
		for (unsigned int u = 0; u < COUNT(users); u++)
		for (unsigned int o = 0; o < (in_dir ? COUNT(dir_ops) : COUNT(file_ops)); o++) {
			struct result a, b;

			/* Root's rights do not depend on modes. */
			if ((!u && m % 5) || all++ % every)
				continue;
			set_up(tested, in_dir, owner, modes[m]);
			set_up(right, in_dir, owner, modes[m]);
			run(tested, &users[u], &ops[o], &a);
			run(right, &users[u], &ops[o], &b);
			n++;
			if (same(&a, &b, link_owners) || ++wrong > REPORTED)
				continue;
			printf("# %s %o of %u:%u, user %u, %s:", in_dir ? "directory" : "file",
				modes[m], owners[owner].uid, owners[owner].gid, users[u].uid,
				ops[o].name);
			print("tested", &a);
			print(" right", &b);
			printf("\n");
		}
	}
	clear(tested);
	clear(right);
	*cases = n;
	return wrong;
}
