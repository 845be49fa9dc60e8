/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is a series of 9P messages: flags, length, and what follows a message's size field.
 * Each must be answered within its room, with a size that is true; nothing beside the export
 * changes, and no descriptor is left open at the end.
 */
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/le.h"
#include "devices/virtio/9p/server.h"

#define ROOM_MAX 8192u
#define MSG_MAX 16384u
#define FILE_LIMIT (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	bool up;
	char top[40], share[48], guard[48];
	struct p9_server servers[2];	/* host (or mapped, without root); mapped */
	struct p9_scratch scratch;
	uint8_t msg[MSG_MAX], in[ROOM_MAX + 16];
} g;

static int rm_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (ftw->level)
		remove(path);
	return 0;
}

static void rm_all(void)
{
	nftw(g.top, rm_one, 16, FTW_DEPTH | FTW_PHYS);
	rmdir(g.top);
}

static void fill(void)
{
	char path[80];
	int fd;

	nftw(g.share, rm_one, 16, FTW_DEPTH | FTW_PHYS);
	snprintf(path, sizeof(path), "%s/d", g.share);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/f", g.share);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert(fd >= 0 && write(fd, "contents", 8) == 8);
	close(fd);
	snprintf(path, sizeof(path), "%s/p", g.share);
	mkfifo(path, 0600);
	snprintf(path, sizeof(path), "%s/l", g.share);
	assert(!symlink("../guard", path));
}

static void set_up(void)
{
	const struct rlimit files = { FILE_LIMIT, FILE_LIMIT };
	struct share_opts opts = { .tag = g.top, .path = g.share, .max_fids = 64 };
	int fd;

	/* Writes beyond the limit are errors: a worker has signals blocked. */
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &files);
	snprintf(g.top, sizeof(g.top), "/tmp/fuzz-9p-XXXXXX");
	assert(mkdtemp(g.top));
	snprintf(g.share, sizeof(g.share), "%s/share", g.top);
	snprintf(g.guard, sizeof(g.guard), "%s/guard", g.top);
	assert(!mkdir(g.share, 0700));
	fd = open(g.guard, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert(fd >= 0 && write(fd, "secret", 6) == 6);
	close(fd);
	assert(!p9_server_init(&g.servers[0], &opts, NULL));
	opts.owner = SHARE_OWNER_MAPPED;
	assert(!p9_server_init(&g.servers[1], &opts, NULL));
	atexit(rm_all);
	g.up = true;
}

static void serve(struct p9_server *s, const uint8_t *body, size_t len, uint8_t flags)
{
	static const uint16_t rooms[] = { ROOM_MAX, 11, 12, 160, 24, 4096, 256, 64 };
	struct iovec iov[4];
	struct p9_bufs bufs = { .out = iov, .in = iov + 2, .nr_out = 2, .nr_in = 2 };
	uint32_t room = rooms[flags & 7], n, first = flags & 8 ? 9 : 3;
	size_t total = len + 4;
	struct p9_header h;

	le_store(g.msg, 4, total + (flags & 16 ? (flags & 32 ? 1u : ~0u) : 0u));
	memcpy(g.msg + 4, body, len);
	if (first > total)
		first = (uint32_t)total;
	iov[0] = (struct iovec){ g.msg, first };
	iov[1] = (struct iovec){ g.msg + first, total - first };
	iov[2] = (struct iovec){ g.in, 10 };
	iov[3] = (struct iovec){ g.in + 10, room - 10 };
	bufs.out_len = total;
	bufs.in_len = room;
	memset(g.in + room, 0x5a, 16);
	if (!p9_header_read(&bufs, &h))
		return;
	if (h.type == P9_TFLUSH)
		n = p9_answer_empty(&h, &bufs);
	else
		n = p9_serve(s, &h, &bufs, &g.scratch);
	assert(n >= P9_HDR && n <= room && le_load(g.in, 4) == n);
	assert(g.in[4] == P9_RLERROR || g.in[4] == (uint8_t)(h.type + 1));
	for (unsigned int i = 0; i < 16; i++)
		assert(g.in[room + i] == 0x5a);
}

static void hello(struct p9_server *s)
{
	static const uint8_t version[] = "\x64\0\0\0\0\x10\0\x08\0" "9P2000.L";
	static const uint8_t attach[] = "\x68\1\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0";

	serve(s, version, sizeof(version) - 1, 0);
	serve(s, attach, sizeof(attach) - 1, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct p9_server *s;
	struct stat st;

	if (!g.up)
		set_up();
	if (!size)
		return 0;
	fill();
	s = &g.servers[data[0] & 1];
	s->ro = data[0] & 2;
	data++;
	size--;
	hello(s);
	while (size >= 3) {
		uint8_t flags = data[0];
		size_t len = data[1] | (size_t)(data[2] & 31) << 8;

		data += 3;
		size -= 3;
		len = len < size ? len : size;
		serve(s, data, len, flags);
		data += len;
		size -= len;
	}
	p9_server_reset(s);
	assert(s->budget.fds == 1 && s->budget.bytes == 0);
	assert(!stat(g.guard, &st) && st.st_size == 6 && st.st_nlink == 1);
	return 0;
}
