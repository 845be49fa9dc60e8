/* SPDX-License-Identifier: Apache-2.0 */
/* Consoles at sockets and pseudo-terminals: clients that come, go, say nothing or do not read. */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "devices/chardev.h"
#include "devices/chardev_out.h"
#include "tests/unit/fakes.h"
#include "tests/harness.h"
#include "vmm/devopts.h"

/* A device that takes what room allows and remembers it. */
struct bench {
	struct fake_env f;
	struct chardev *cd;
	_Atomic size_t room, len;
	_Atomic unsigned int changes;
	char buf[64 << 10];
	char dir[64], path[96];
};

static size_t can_receive(void *opaque)
{
	return ((struct bench *)opaque)->room;
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
	struct bench *t = opaque;

	FAKE_MUST(n && n <= t->room && t->len + n <= sizeof(t->buf));
	memcpy(t->buf + t->len, buf, n);
	t->room -= n;
	t->len += n;
}

static void changed(void *opaque)
{
	((struct bench *)opaque)->changes++;
}

static const struct chardev_handler handler = { can_receive, receive, changed };

static void begin(struct bench *t)
{
	memset(t, 0, sizeof(*t));
	t->room = sizeof(t->buf);
	fake_env_init(&t->f, MIB(1));
	snprintf(t->dir, sizeof(t->dir), "/tmp/tvm-peer.XXXXXX");
	FAKE_MUST(mkdtemp(t->dir));
	snprintf(t->path, sizeof(t->path), "%s/c", t->dir);
}

static int open_at(struct bench *t, enum chardev_kind kind, struct tvm_error *err)
{
	static struct chardev_opts opts; /* borrowed for the console's life */

	opts = (struct chardev_opts){ .kind = kind, .path = t->path };
	return chardev_open(&t->f.env, &opts, "console 0", &handler, t, &t->cd, err);
}

static void setup(struct bench *t, enum chardev_kind kind)
{
	begin(t);
	FAKE_MUST(!open_at(t, kind, NULL));
	fake_env_start(&t->f);
}

static void end(struct bench *t)
{
	struct stat st;

	loop_stop(t->f.loop);
	chardev_close(t->cd);
	CHECK(lstat(t->path, &st) < 0 && errno == ENOENT);
	CHECK_INT(rmdir(t->dir), 0);
	fake_env_fini(&t->f);
}

static int client(const struct bench *t)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", t->path);
	FAKE_MUST(fd >= 0 && !connect(fd, (struct sockaddr *)&sa, sizeof(sa)));
	return fd;
}

static bool becomes(const _Atomic size_t *v, size_t want)
{
	for (int i = 0; i < 20000 && *v != want; i++)
		usleep(1000);
	return *v == want;
}

struct question {
	struct chardev *cd;
	bool connected, size;
	uint16_t cols, rows;
};

static void ask(void *opaque)
{
	struct question *q = opaque;

	q->connected = chardev_connected(q->cd);
	q->size = chardev_size(q->cd, &q->cols, &q->rows);
}

static struct question state(struct bench *t)
{
	struct question q = { .cd = t->cd };

	loop_call(t->f.loop, ask, &q);
	return q;
}

static bool connected(struct bench *t, bool want)
{
	for (int i = 0; i < 20000 && state(t).connected != want; i++)
		usleep(1000);
	return state(t).connected == want;
}

static void say(int fd, const char *text)
{
	FAKE_MUST(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static bool hears(int fd, const char *want)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[256] = "";
	size_t len = 0;
	ssize_t n = 1;

	while (len < strlen(want) && n > 0 && poll(&p, 1, 20000) > 0) {
		n = read(fd, buf + len, sizeof(buf) - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	buf[len] = 0;
	return !strcmp(buf, want);
}

/* ---- Sockets ------------------------------------------------------------------------- */

static void test_unix_both_ways(void)
{
	struct bench t;
	struct stat st;
	int fd;

	setup(&t, CHARDEV_UNIX);
	CHECK(!stat(t.path, &st) && (st.st_mode & 07777) == 0600);
	CHECK(!state(&t).connected);
	chardev_write(t.cd, "nobody", 6);	/* is swallowed */
	fd = client(&t);
	CHECK(connected(&t, true));
	chardev_write(t.cd, "hello", 5);
	CHECK(hears(fd, "hello"));
	say(fd, "good day");
	CHECK(becomes(&t.len, 8) && !memcmp(t.buf, "good day", 8));
	CHECK(!state(&t).size && !chardev_pty(t.cd));
	CHECK_INT(t.changes, 1);
	close(fd);
	CHECK(connected(&t, false));
	CHECK_INT(t.changes, 2);
	end(&t);
}

/* One at a time; the next has waited in the backlog, and what it said with it. */
static void test_unix_clients_in_turn(void)
{
	struct bench t;
	int a, b;

	setup(&t, CHARDEV_UNIX);
	a = client(&t);
	b = client(&t);
	say(b, "second");
	say(a, "first ");
	CHECK(becomes(&t.len, 6));
	chardev_write(t.cd, "to a", 4);
	CHECK(hears(a, "to a"));
	close(a);
	CHECK(becomes(&t.len, 12) && !memcmp(t.buf, "first second", 12));
	chardev_write(t.cd, "to b", 4);
	CHECK(hears(b, "to b"));
	close(b);
	end(&t);
}

/* "echo command | client": no more input, but the answer is awaited. */
static void test_unix_half_close(void)
{
	struct bench t;
	int fd;

	setup(&t, CHARDEV_UNIX);
	fd = client(&t);
	say(fd, "date");
	shutdown(fd, SHUT_WR);
	CHECK(becomes(&t.len, 4));
	usleep(20000);
	CHECK(state(&t).connected);
	chardev_write(t.cd, "today", 5);
	CHECK(hears(fd, "today"));
	close(fd);
	CHECK(connected(&t, false));
	end(&t);
}

/* A device without room: nothing is lost, also from a client that has left meanwhile. */
static void test_unix_flow(void)
{
	static char text[30000];
	struct bench t;
	int fd, next;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('!' + i % 89);
	setup(&t, CHARDEV_UNIX);
	t.room = 0;
	fd = client(&t);
	FAKE_MUST(write(fd, text, sizeof(text)) == (ssize_t)sizeof(text));
	close(fd);
	next = client(&t);
	for (size_t got = 0; got < sizeof(text); got = t.len) {
		t.room = 1000;
		chardev_accept_input(t.cd);
		REQUIRE(becomes(&t.len, got + 1000));
	}
	CHECK(!memcmp(t.buf, text, sizeof(text)));
	t.room = 100;
	chardev_accept_input(t.cd);
	say(next, "more");
	CHECK(becomes(&t.len, sizeof(text) + 4));
	close(next);
	end(&t);
}

/* A client that does not read: writers go on, memory is bounded, the rest of us lives. */
static void test_unix_slow_client(void)
{
	static uint8_t block[64 << 10];
	struct bench t;
	int fd;

	setup(&t, CHARDEV_UNIX);
	fd = client(&t);
	CHECK(connected(&t, true));
	for (unsigned int i = 0; i < 4 * CHARDEV_OUT_MAX / sizeof(block); i++)
		chardev_write(t.cd, block, sizeof(block));
	say(fd, "still there");
	CHECK(becomes(&t.len, 11));
	close(fd);
	CHECK(connected(&t, false));
	fd = client(&t);
	CHECK(connected(&t, true));
	chardev_write(t.cd, "fresh", 5);
	CHECK(hears(fd, "fresh"));	/* nothing of what the first one left */
	close(fd);
	end(&t);
}

static void test_unix_path(void)
{
	struct chardev_opts long_path = { .kind = CHARDEV_UNIX };
	char name[200];
	struct tvm_error err;
	struct bench t, other;
	int fd;

	setup(&t, CHARDEV_UNIX);
	/* In use. (Consoles are opened with the loop's thread stopped.) */
	loop_stop(t.f.loop);
	other.f.env = t.f.env;
	snprintf(other.path, sizeof(other.path), "%s", t.path);
	CHECK_INT(open_at(&other, CHARDEV_UNIX, &err), -EADDRINUSE);
	CHECK_HAS(err.msg, "cannot make the socket");
	/* Left behind: replaced. Somebody else's: neither used nor removed in the end. */
	end(&t);
	begin(&t);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	{
		struct sockaddr_un sa = { .sun_family = AF_UNIX };

		snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", t.path);
		FAKE_MUST(!bind(fd, (struct sockaddr *)&sa, sizeof(sa)));
		close(fd);
	}
	CHECK_INT(open_at(&t, CHARDEV_UNIX, &err), 0);
	unlink(t.path);
	fd = open(t.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	chardev_close(t.cd);
	CHECK_INT(open_at(&t, CHARDEV_UNIX, &err), -EADDRINUSE);
	CHECK_INT(unlink(t.path), 0);
	close(fd);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	long_path.path = name;
	CHECK_INT(chardev_open(&t.f.env, &long_path, "c", &handler, &t, &t.cd, &err), -EINVAL);
	CHECK_HAS(err.msg, "is longer than 107 bytes");
	rmdir(t.dir);
	fake_env_fini(&t.f);
}

/* ---- Pseudo-terminals ---------------------------------------------------------------- */

static int open_tty(const char *path)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

	FAKE_MUST(fd >= 0);
	return fd;
}

static void test_pty_both_ways(void)
{
	struct bench t;
	char target[64] = "";
	int fd;

	setup(&t, CHARDEV_PTY);
	REQUIRE(chardev_pty(t.cd));
	CHECK(readlink(t.path, target, sizeof(target) - 1) > 0);
	CHECK(!strcmp(target, chardev_pty(t.cd)));
	CHECK(!state(&t).connected);
	chardev_write(t.cd, "nobody", 6);
	for (int i = 0; i < 3; i++) {
		size_t before = t.len;

		fd = open_tty(t.path);
		CHECK(connected(&t, true));
		chardev_write(t.cd, "a\r\nb\004", 5);	/* as it is: raw, no echo */
		CHECK(hears(fd, "a\r\nb\004"));
		say(fd, "x\ny\003\r");
		CHECK(becomes(&t.len, before + 5) && !memcmp(t.buf + before, "x\ny\003\r", 5));
		close(fd);
		CHECK(connected(&t, false));
	}
	end(&t);
}

/* "echo command > terminal": gone before anybody has looked. */
static void test_pty_short_visit(void)
{
	struct bench t;
	int fd;

	setup(&t, CHARDEV_PTY);
	for (size_t i = 1; i <= 20; i++) {
		fd = open_tty(t.path);
		say(fd, "on");
		close(fd);
		REQUIRE(becomes(&t.len, 2 * i));
	}
	CHECK(connected(&t, false));
	end(&t);
}

static void test_pty_size(void)
{
	struct winsize ws = { .ws_col = 132, .ws_row = 43 };
	struct bench t;
	struct question q;
	int fd;

	setup(&t, CHARDEV_PTY);
	fd = open_tty(t.path);
	CHECK(connected(&t, true));
	CHECK(!state(&t).size);
	FAKE_MUST(!ioctl(fd, TIOCSWINSZ, &ws));
	say(fd, "k");
	CHECK(becomes(&t.len, 1));
	q = state(&t);
	CHECK(q.size && q.cols == 132 && q.rows == 43);
	CHECK_INT(t.changes, 2);	/* somebody came; another size */
	say(fd, "k");
	CHECK(becomes(&t.len, 2));
	state(&t);
	CHECK_INT(t.changes, 2);
	close(fd);
	end(&t);
}

static void test_pty_slow_client(void)
{
	static uint8_t block[64 << 10];
	struct bench t;
	int fd;

	setup(&t, CHARDEV_PTY);
	fd = open_tty(t.path);
	CHECK(connected(&t, true));
	for (unsigned int i = 0; i < 4 * CHARDEV_OUT_MAX / sizeof(block); i++)
		chardev_write(t.cd, block, sizeof(block));
	say(fd, "still there");
	CHECK(becomes(&t.len, 11));
	close(fd);
	CHECK(connected(&t, false));
	end(&t);
}

static void test_pty_link(void)
{
	struct tvm_error err;
	struct bench t;
	int fd;

	begin(&t);
	FAKE_MUST(!symlink("/dev/pts/99999", t.path));	/* left behind */
	CHECK_INT(open_at(&t, CHARDEV_PTY, &err), 0);
	unlink(t.path);
	FAKE_MUST(!symlink("/elsewhere", t.path));	/* somebody else's now */
	chardev_close(t.cd);
	CHECK_INT(unlink(t.path), 0);
	fd = open(t.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CHECK_INT(open_at(&t, CHARDEV_PTY, &err), -EEXIST);
	CHECK_HAS(err.msg, "console 0: cannot make the link");
	close(fd);
	unlink(t.path);
	rmdir(t.dir);
	fake_env_fini(&t.f);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	RUN(test_unix_both_ways);
	RUN(test_unix_clients_in_turn);
	RUN(test_unix_half_close);
	RUN(test_unix_flow);
	RUN(test_unix_slow_client);
	RUN(test_unix_path);
	RUN(test_pty_both_ways);
	RUN(test_pty_short_visit);
	RUN(test_pty_size);
	RUN(test_pty_slow_client);
	RUN(test_pty_link);
	return tests_done();
}
