/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-9p on real directories: contents, names, attributes, owners. */
#include "tests/unit/test_9p.h"

#include <sys/xattr.h>

#include "tests/harness.h"

#define CHUNK KIB(512)

static uint32_t sum(const uint8_t *p, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++)
		seed = (seed ^ p[i]) * 16777619u;
	return seed;
}

/* 8 MiB in pieces of 512 KiB, there and back. */
static void test_big_io(void)
{
	static uint8_t buf[CHUNK];
	uint32_t written = 1, seen = 1, x = 12345;
	struct client c;

	open_share(&c);
	CHECK_INT(create(&c, 1, "big", 0644), 0);
	for (unsigned int i = 0; i < 16; i++) {
		for (size_t j = 0; j < CHUNK; j++)
			buf[j] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
		written = sum(buf, CHUNK, written);
		REQUIRE(!write_at(&c, 1, i * CHUNK, buf, CHUNK));
		CHECK_INT(answer32(&c, 0), CHUNK);
	}
	CHECK_INT(rpc(&c, P9_TFSYNC, "ww", 1, 0), 0);
	CHECK_INT(walk(&c, 0, 2, "big"), 0);
	CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 2, O_RDONLY), 0);
	for (unsigned int i = 0; i < 16; i++) {
		REQUIRE(!read_at9(&c, 2, i * CHUNK, CHUNK));
		CHECK_INT(answer32(&c, 0), CHUNK);
		seen = sum(c.i + 11, CHUNK, seen);
	}
	CHECK_INT(seen, written);
	CHECK_INT(read_at9(&c, 2, 16 * CHUNK, 100), 0);
	CHECK_INT(answer32(&c, 0), 0);
	CHECK_INT(read_at9(&c, 2, ~0ull, 100), EINVAL);
	CHECK_INT(write_at(&c, 2, 0, "x", 1), EBADF);
	CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 2, O_RDONLY), EINVAL);
	CHECK_INT(rpc(&c, P9_TLOCK, "wbwddws", 1, 1, 0, 0ull, 0ull, 1, "me"), 0);
	CHECK_INT(rpc(&c, P9_TGETLOCK, "wbddws", 1, 1, 5ull, 6ull, 1, "me"), 0);
	CHECK_INT(c.i[P9_HDR], 2);
	close_share(&c);
}

/* Every name once, in answers of any size; a cookie stays good while entries come and go. */
static void test_readdir(void)
{
	static uint8_t seen[3000];
	unsigned int dots = 0, total = 0;
	uint64_t cookie = 0;
	struct client c;
	char name[32];

	open_share(&c);
	for (unsigned int i = 0; i < ARRAY_SIZE(seen); i++) {
		snprintf(name, sizeof(name), "n%u", i);
		host_file(&c, name, "");
	}
	CHECK_INT(rpc(&c, P9_TWALK, "wwh", 0, 1, 0), 0);
	CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 1, O_RDONLY), 0);
	for (unsigned int round = 0; ; round++) {
		uint32_t n, at;

		REQUIRE(!rpc(&c, P9_TREADDIR, "wdw", 1, cookie, round % 2 ? 300 : 9000));
		n = answer32(&c, 0);
		CHECK_INT(c.used, n + 11);
		if (!n)
			break;
		for (at = 11; at < 11 + n;) {
			uint32_t len = (uint32_t)le_load(c.i + at + 22, 2), k;

			cookie = le_load(c.i + at + 13, 8);
			memcpy(name, c.i + at + 24, len);
			name[len] = 0;
			dots += name[0] == '.';
			if (sscanf(name, "n%u", &k) == 1)
				seen[k]++;
			at += 24 + len;
			total++;
		}
		snprintf(name, sizeof(name), "later%u", round);
		host_file(&c, name, "");
		unlinkat(c.dir, name, 0);
	}
	CHECK_INT(dots, 2);
	CHECK(total >= ARRAY_SIZE(seen) + 2);
	for (unsigned int i = 0; i < ARRAY_SIZE(seen); i++)
		CHECK_INT(seen[i], 1);
	CHECK_INT(rpc(&c, P9_TREADDIR, "wdw", 1, 0ull, 10), EINVAL);
	CHECK_INT(rpc(&c, P9_TREADDIR, "wdw", 1, ~0ull, 1000), EINVAL);
	CHECK_INT(rpc(&c, P9_TREADDIR, "wdw", 0, 0ull, 1000), EBADF);
	close_share(&c);
}

static void test_names(void)
{
	struct client c;
	struct stat st;

	open_share(&c);
	CHECK_INT(rpc(&c, P9_TMKDIR, "wsww", 0, "d", 01777, 0), 0);
	CHECK(!fstatat(c.dir, "d", &st, 0) && (geteuid() || (st.st_mode & 07777) == 01777));
	CHECK_INT(rpc(&c, P9_TMKDIR, "wsww", 0, "d", 0755, 0), EEXIST);
	CHECK_INT(create(&c, 1, "f", 0666), 0);
	CHECK(!fstatat(c.dir, "f", &st, 0) && (geteuid() || (st.st_mode & 07777) == 0666));
	CHECK_INT(walk(&c, 0, 2, "d"), 0);
	CHECK_INT(rpc(&c, P9_TLINK, "wws", 2, 1, "hard"), 0);
	CHECK(!fstatat(c.dir, "d/hard", &st, 0) && st.st_nlink == 2);
	CHECK_INT(rpc(&c, P9_TSYMLINK, "wssw", 0, "l", "/etc/passwd", 0), 0);
	CHECK_INT(walk(&c, 0, 3, "l"), 0);
	CHECK_INT(c.i[P9_HDR + 2], P9_QID_SYMLINK);
	CHECK_INT(rpc(&c, P9_TREADLINK, "w", 3), 0);
	CHECK(!memcmp(c.i + P9_HDR, "\013\0/etc/passwd", 13));
	CHECK_INT(rpc(&c, P9_TLINK, "wws", 2, 3, "l2"), 0);
	CHECK(!fstatat(c.dir, "d/l2", &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.st_mode));
	CHECK_INT(rpc(&c, P9_TRENAMEAT, "wsws", 0, "f", 2, "g"), 0);
	CHECK_INT(rpc(&c, P9_TRENAME, "wws", 1, 0, "h"), 0);	/* from its new or other name */
	CHECK_INT(rpc(&c, P9_TUNLINKAT, "wsw", 0, "d", 0), EISDIR);
	CHECK_INT(rpc(&c, P9_TUNLINKAT, "wsw", 0, "d", 0x200), ENOTEMPTY);
	CHECK_INT(rpc(&c, P9_TUNLINKAT, "wsw", 0, "d", 1), EINVAL);
	CHECK_INT(rpc(&c, P9_TREMOVE, "w", 3), 0);
	CHECK(fstatat(c.dir, "l", &st, AT_SYMLINK_NOFOLLOW) < 0);
	CHECK_INT(clunk(&c, 3), EBADF);
	CHECK_INT(rpc(&c, P9_TREMOVE, "w", 0), EBUSY);
	hello(&c, 0);
	for (unsigned int i = 0; i < 5; i++) {
		const char *bad = ((const char *[]){ "", ".", "..", "a/b", "../x" })[i];

		CHECK_INT(rpc(&c, P9_TMKDIR, "wsww", 0, bad, 0755, 0), EINVAL);
		CHECK_INT(rpc(&c, P9_TLCREATE, "wswww", 0, bad, 2, 0644, 0), EINVAL);
		CHECK_INT(rpc(&c, P9_TSYMLINK, "wssw", 0, bad, "t", 0), EINVAL);
		CHECK_INT(rpc(&c, P9_TMKNOD, "wswwww", 0, bad, 0100644, 0, 0, 0), EINVAL);
		CHECK_INT(rpc(&c, P9_TLINK, "wws", 0, 0, bad), EINVAL);
		CHECK_INT(rpc(&c, P9_TRENAMEAT, "wsws", 0, "d", 0, bad), EINVAL);
		CHECK_INT(rpc(&c, P9_TRENAMEAT, "wsws", 0, bad, 0, "z"), EINVAL);
		CHECK_INT(rpc(&c, P9_TUNLINKAT, "wsw", 0, bad, 0), EINVAL);
	}
	close_share(&c);
}

static void test_attr(void)
{
	struct client c;
	struct stat st;

	open_share(&c);
	CHECK_INT(create(&c, 1, "f", 0644), 0);
	CHECK_INT(rpc(&c, P9_TSETATTR, "wwwwwddddd", 1, 1 | 8 | 0x1b0, 0600, 0, 0, 12345ull,
		11ull, 22ull, 33ull, 44ull), 0);
	CHECK(!fstatat(c.dir, "f", &st, 0));
	CHECK(st.st_size == 12345 && (st.st_mode & 07777) == 0600);
	CHECK(st.st_atim.tv_sec == 11 && st.st_mtim.tv_nsec == 44);
	CHECK_INT(rpc(&c, P9_TGETATTR, "wd", 1, ~0ull), 0);
	CHECK_INT(c.used, 160);
	CHECK_INT(answer32(&c, 21), 0100600);
	CHECK_INT(answer64(&c, 49), 12345);
	CHECK_INT(rpc(&c, P9_TSETATTR, "wwwwwddddd", 1, 0x120, 0, 0, 0, 0ull, 0ull, 0ull, 1ull,
		1000000000ull), EINVAL);
	CHECK_INT(rpc(&c, P9_TSETATTR, "wwwwwddddd", 0, 8, 0, 0, 0, 1ull, 0ull, 0ull, 0ull, 0ull),
		EISDIR);
	CHECK_INT(rpc(&c, P9_TSTATFS, "w", 0), 0);
	CHECK_INT(answer32(&c, 0), 0x01021997);
	/* Still there for who holds it, after its name is gone. */
	unlinkat(c.dir, "f", 0);
	CHECK_INT(rpc(&c, P9_TGETATTR, "wd", 1, 0x7ffull), 0);
	CHECK_INT(write_at(&c, 1, 0, "x", 1), 0);
	CHECK_INT(rpc(&c, P9_TREMOVE, "w", 1), ENOENT);
	close_share(&c);
}

/*
 * CVE-2016-9915 and its family (9102, 9103, 9104): attributes that overflow, leak or show
 * memory of ours.
 */
static void test_xattr_cve_2016_9915(void)
{
	static uint8_t big[70000];
	struct client c;
	unsigned int n;

	open_share(&c);
	host_file(&c, "f", "x");
	CHECK_INT(walk(&c, 0, 1, "f"), 0);
	CHECK_INT(walk(&c, 0, 2, "f"), 0);
	CHECK_INT(rpc(&c, P9_TXATTRCREATE, "wsdw", 2, "user.a", 65537ull, 0), E2BIG);
	CHECK_INT(rpc(&c, P9_TXATTRCREATE, "wsdw", 2, "user.a", ~0ull, 0), E2BIG);
	CHECK_INT(rpc(&c, P9_TXATTRCREATE, "wsdw", 2, "trusted.a", 5ull, 0), EOPNOTSUPP);
	CHECK_INT(rpc(&c, P9_TXATTRCREATE, "wsdw", 2, "user.tvm.owner", 5ull, 0), EOPNOTSUPP);
	CHECK_INT(rpc(&c, P9_TXATTRCREATE, "wsdw", 2, "user.a", 5ull, 0), 0);
	/* Twice on one fid would lose the first buffer (9102). */
	CHECK_INT(rpc(&c, P9_TXATTRCREATE, "wsdw", 2, "user.b", 5ull, 0), EBADF);
	CHECK_INT(rpc(&c, P9_TGETATTR, "wd", 2, 0x7ffull), EBADF);
	CHECK_INT(read_at9(&c, 2, 0, 5), EINVAL);
	/* Beyond the end, with and without a sum that wraps (9104). */
	CHECK_INT(write_at(&c, 2, 3, "abc", 3), ENOSPC);
	CHECK_INT(write_at(&c, 2, ~0ull - 1, "abc", 3), EINVAL);
	CHECK_INT(write_at(&c, 2, 0, big, sizeof(big)), ENOSPC);
	CHECK_INT(write_at(&c, 2, 0, "hel", 3), 0);
	CHECK_INT(write_at(&c, 2, 3, "lo", 2), 0);
	CHECK_INT(clunk(&c, 2), 0);
	CHECK_INT(rpc(&c, P9_TXATTRWALK, "wws", 1, 3, "user.a"), 0);
	CHECK_INT(answer64(&c, 0), 5);
	CHECK_INT(read_at9(&c, 3, 2, 100), 0);
	CHECK_INT(answer32(&c, 0), 3);
	CHECK(!memcmp(c.i + 11, "llo", 3));
	CHECK_INT(read_at9(&c, 3, ~0ull - 2, 100), 0);
	CHECK_INT(answer32(&c, 0), 0);
	CHECK_INT(write_at(&c, 3, 0, "x", 1), EINVAL);
	fsetxattr(c.dir, "user.tvm.owner", "x", 1, 0);
	fsetxattr(c.dir, "user.z", "x", 1, 0);
	CHECK_INT(rpc(&c, P9_TXATTRWALK, "wws", 0, 4, ""), 0);
	CHECK_INT(answer64(&c, 0), 7);
	/* Too little was written: no half of an attribute (9103). */
	CHECK_INT(rpc(&c, P9_TWALK, "wwh", 1, 2, 0), 0);
	CHECK_INT(rpc(&c, P9_TXATTRCREATE, "wsdw", 2, "user.c", 500ull, 0), 0);
	CHECK_INT(clunk(&c, 2), EINVAL);
	CHECK_INT(rpc(&c, P9_TXATTRWALK, "wws", 1, 5, "user.c"), ENODATA);
	CHECK_INT(rpc(&c, P9_TWALK, "wwh", 1, 2, 0), 0);
	CHECK_INT(rpc(&c, P9_TXATTRCREATE, "wsdw", 2, "user.a", 0ull, XATTR_REPLACE), 0);
	CHECK_INT(clunk(&c, 2), 0);
	CHECK_INT(rpc(&c, P9_TXATTRWALK, "wws", 1, 5, "user.a"), ENODATA);
	/* All of them together have a limit (9915). */
	for (n = 100; n < 300; n++) {
		CHECK_INT(rpc(&c, P9_TWALK, "wwh", 1, n, 0), 0);
		if (rpc(&c, P9_TXATTRCREATE, "wsdw", n, "user.m", 65536ull, 0))
			break;
	}
	CHECK(n > 150 && n < 170);
	CHECK_INT(le_load(c.i + 7, 4), ENOSPC);
	hello(&c, 0);
	CHECK_INT(rpc(&c, P9_TWALK, "wwh", 0, 1, 0), 0);
	CHECK_INT(rpc(&c, P9_TXATTRCREATE, "wsdw", 1, "user.m", 65536ull, 0), 0);
	close_share(&c);
}

static void test_read_only(void)
{
	struct client c;

	make_tree(&c);
	host_file(&c, "f", "hello");
	c.opts.ro = true;
	start_share(&c);
	hello(&c, 0);
	CHECK_INT(walk(&c, 0, 1, "f"), 0);
	CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 1, O_RDWR), EROFS);
	CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 1, O_WRONLY), EROFS);
	CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 1, 01000), EROFS);
	CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 1, O_RDONLY), 0);
	CHECK_INT(read_at9(&c, 1, 0, 100), 0);
	CHECK_INT(write_at(&c, 1, 0, "x", 1), EROFS);
	CHECK_INT(rpc(&c, P9_TMKDIR, "wsww", 0, "d", 0755, 0), EROFS);
	CHECK_INT(rpc(&c, P9_TLCREATE, "wswww", 0, "g", 0, 0644, 0), EROFS);
	CHECK_INT(rpc(&c, P9_TUNLINKAT, "wsw", 0, "f", 0), EROFS);
	CHECK_INT(rpc(&c, P9_TSETATTR, "wwwwwddddd", 1, 1, 0, 0, 0, 0ull, 0ull, 0ull, 0ull, 0ull),
		EROFS);
	CHECK_INT(rpc(&c, P9_TXATTRCREATE, "wsdw", 1, "user.a", 1ull, 0), EROFS);
	CHECK_INT(rpc(&c, P9_TREMOVE, "w", 1), EROFS);
	CHECK_INT(clunk(&c, 1), EBADF);
	close_share(&c);
}

/* ---- Owners --------------------------------------------------------------------------- */

static void check_owner(struct client *c, const char *name, uint32_t mode, uint32_t uid,
	uint32_t gid)
{
	struct stat st;

	CHECK(!fstatat(c->dir, name, &st, AT_SYMLINK_NOFOLLOW));
	CHECK_INT(st.st_mode, mode);
	CHECK_INT(st.st_uid, uid);
	CHECK_INT(st.st_gid, gid);
}

static int chown9(struct client *c, uint32_t fid, uint32_t uid, uint32_t gid)
{
	return rpc(c, P9_TSETATTR, "wwwwwddddd", fid, 6, 0, uid, gid, 0ull, 0ull, 0ull, 0ull, 0ull);
}

/* Two users of the guest are two of the host. */
static void test_owner_host(void)
{
	struct client c;

	if (geteuid())
		SKIP("needs root");
	make_tree(&c);
	c.opts.owner = SHARE_OWNER_HOST;
	start_share(&c);
	hello(&c, 1234);
	CHECK_INT(rpc(&c, P9_TATTACH, "wwssw", 9, P9_NOFID, "", "", 77), 0);
	CHECK_INT(rpc(&c, P9_TMKDIR, "wsww", 0, "d", 0750, 55), 0);
	CHECK_INT(rpc(&c, P9_TMKDIR, "wsww", 9, "e", 0750, 56), 0);
	CHECK_INT(rpc(&c, P9_TSYMLINK, "wssw", 0, "l", "t", 57), 0);
	CHECK_INT(rpc(&c, P9_TMKNOD, "wswwww", 0, "n", 0100640, 0, 0, 58), 0);
	CHECK_INT(create(&c, 1, "f", 04755), 0);
	check_owner(&c, "d", 040750, 1234, 55);
	check_owner(&c, "e", 040750, 77, 56);
	check_owner(&c, "l", 0120777, 1234, 57);
	check_owner(&c, "n", 0100640, 1234, 58);
	check_owner(&c, "f", 0104755, 1234, 0);
	CHECK_INT(chown9(&c, 1, 5, 6), 0);
	check_owner(&c, "f", 0100755, 5, 6);
	/* Of nodes, those that are harmless on the host. */
	CHECK_INT(rpc(&c, P9_TMKNOD, "wswwww", 0, "x", S_IFCHR | 0600u, 1, 3, 0), EPERM);
	CHECK_INT(rpc(&c, P9_TMKNOD, "wswwww", 0, "x", S_IFBLK | 0600u, 1, 3, 0), EPERM);
	CHECK_INT(rpc(&c, P9_TMKNOD, "wswwww", 0, "x", S_IFDIR | 0600u, 1, 3, 0), EINVAL);
	CHECK_INT(rpc(&c, P9_TMKNOD, "wswwww", 0, "x", S_IFLNK | 0600u, 1, 3, 0), EINVAL);
	CHECK_INT(rpc(&c, P9_TMKNOD, "wswwww", 0, "fifo", S_IFIFO | 0624u, 1, 3, 59), 0);
	CHECK_INT(rpc(&c, P9_TMKNOD, "wswwww", 0, "sock", S_IFSOCK | 0765u, 1, 3, 59), 0);
	CHECK_INT(rpc(&c, P9_TMKNOD, "wswwww", 0, "sock", S_IFSOCK | 0765u, 1, 3, 59), EEXIST);
	check_owner(&c, "fifo", S_IFIFO | 0624, 1234, 59);
	check_owner(&c, "sock", S_IFSOCK | 0765, 1234, 59);
	close_share(&c);
}

static void check_setid(struct client *c, uint32_t want)
{
	CHECK_INT(rpc(c, P9_TGETATTR, "wd", 0, 0x7ffull), 0);
	CHECK_INT(rpc(c, P9_TWALK, "wwhs", 0, 20, 1, "setid"), 0);
	CHECK_INT(rpc(c, P9_TGETATTR, "wd", 20, 0x7ffull), 0);
	CHECK_INT(answer32(c, 21), want);
	CHECK_INT(clunk(c, 20), 0);
}

/*
 * The server writes with root's rights, or as the owner, for any user of the guest: setuid and
 * setgid must go as they would under the writer's own rights.
 */
static void test_setid_of_written(void)
{
	static const enum share_owner owners[] = { SHARE_OWNER_HOST, SHARE_OWNER_MAPPED };
	struct client c;

	if (geteuid())
		SKIP("needs root");
	for (unsigned int i = 0; i < 2; i++) {
		make_tree(&c);
		c.opts.owner = owners[i];
		start_share(&c);
		hello(&c, 0);
		CHECK_INT(rpc(&c, P9_TATTACH, "wwssw", 9, P9_NOFID, "", "", 77), 0);
		CHECK_INT(create(&c, 1, "setid", 06777), 0);
		CHECK_INT(write_at(&c, 1, 0, "x", 1), 0);	/* root may */
		check_setid(&c, 0106777);
		CHECK_INT(walk(&c, 9, 2, "setid"), 0);
		CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 2, O_WRONLY), 0);
		check_setid(&c, 0106777);
		CHECK_INT(write_at(&c, 2, 0, "y", 1), 0);
		check_setid(&c, 0100777);
		CHECK_INT(rpc(&c, P9_TSETATTR, "wwwwwddddd", 1, 1, 02767, 0, 0, 0ull, 0ull, 0ull,
			0ull, 0ull), 0);
		CHECK_INT(write_at(&c, 2, 0, "y", 1), 0);
		check_setid(&c, 0102767);
		close_share(&c);
	}
}

/* All is done as one user; what that one may not, fails. */
static void test_owner_squash(void)
{
	struct client c;

	if (geteuid())
		SKIP("needs root");
	make_tree(&c);
	chmod(c.top, 0755);
	host_file(&c, "roots", "secret");
	fchmodat(c.dir, "roots", 0600, 0);
	fchown(c.dir, 1234, 1235);
	c.opts.owner = SHARE_OWNER_SQUASH;
	c.opts.uid = 1234;
	c.opts.gid = 1235;
	start_share(&c);
	hello(&c, 0);
	CHECK_INT(create(&c, 1, "f", 0666), 0);
	CHECK_INT(rpc(&c, P9_TMKDIR, "wsww", 0, "d", 0777, 0), 0);
	check_owner(&c, "f", 0100666, 1234, 1235);
	check_owner(&c, "d", 040777, 1234, 1235);
	CHECK_INT(chown9(&c, 1, 0, 0), EPERM);
	CHECK_INT(walk(&c, 0, 2, "roots"), 0);
	CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 2, O_RDONLY), EACCES);
	CHECK_INT(geteuid(), 0);
	close_share(&c);
}

/* The host sees plain files of one user; the guest sees what it asked for. */
static void test_owner_mapped(void)
{
	struct client c;
	struct stat st;

	make_tree(&c);
	c.opts.owner = SHARE_OWNER_MAPPED;
	if (fsetxattr(c.dir, "user.t", "", 0, 0) < 0) {
		drop_tree(&c);
		SKIP("no user attributes in /tmp");
	}
	start_share(&c);
	hello(&c, 1000);
	CHECK_INT(create(&c, 1, "f", 04751), 0);
	check_owner(&c, "f", 0100600, geteuid(), getegid());
	CHECK_INT(chown9(&c, 1, 5, 6), 0);
	CHECK_INT(rpc(&c, P9_TSETATTR, "wwwwwddddd", 1, 1, 0, 0, 0, 0ull, 0ull, 0ull, 0ull, 0ull),
		0);
	CHECK_INT(rpc(&c, P9_TGETATTR, "wd", 1, 0x7ffull), 0);
	CHECK_INT(answer32(&c, 21), 0100000);
	CHECK_INT(answer32(&c, 25), 5);
	CHECK_INT(answer32(&c, 29), 6);
	check_owner(&c, "f", 0100600, geteuid(), getegid());
	CHECK_INT(rpc(&c, P9_TMKNOD, "wswwww", 0, "null", S_IFCHR | 0666u, 1, 3, 0), 0);
	CHECK(!fstatat(c.dir, "null", &st, 0) && S_ISREG(st.st_mode));
	CHECK_INT(walk(&c, 0, 2, "null"), 0);
	CHECK_INT(rpc(&c, P9_TGETATTR, "wd", 2, 0x7ffull), 0);
	CHECK_INT(answer32(&c, 21), S_IFCHR | 0666);
	CHECK_INT(answer32(&c, 25), 1000);
	CHECK_INT(answer64(&c, 41), 0x103);
	CHECK_INT(rpc(&c, P9_TLOPEN, "ww", 2, O_RDWR), EACCES);
	CHECK_INT(rpc(&c, P9_TMKDIR, "wsww", 0, "d", 01777, 7), 0);
	check_owner(&c, "d", 040700, geteuid(), getegid());
	CHECK_INT(rpc(&c, P9_TXATTRWALK, "wws", 1, 5, "user.tvm.owner"), EOPNOTSUPP);
	close_share(&c);
}

int main(void)
{
	RUN(test_big_io);
	RUN(test_readdir);
	RUN(test_names);
	RUN(test_attr);
	RUN(test_xattr_cve_2016_9915);
	RUN(test_read_only);
	RUN(test_owner_host);
	RUN(test_setid_of_written);
	RUN(test_owner_squash);
	RUN(test_owner_mapped);
	return tests_done();
}
