/* SPDX-License-Identifier: Apache-2.0 */
/* Character backends: descriptors that are slow, full, shared, closed or not watchable. */
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "devices/chardev.h"
#include "devices/chardev_out.h"
#include "tests/unit/fakes.h"
#include "tests/harness.h"
#include "vmm/devopts.h"

static const struct chardev_opts on_stdio = { .kind = CHARDEV_STDIO };

/* A device that takes what room allows and remembers it. */
struct sink {
	struct chardev *cd;
	_Atomic size_t room, len;
	char buf[64 << 10];
};

static size_t can_receive(void *opaque)
{
	return ((struct sink *)opaque)->room;
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
	struct sink *s = opaque;

	FAKE_MUST(n && n <= s->room && s->len + n <= sizeof(s->buf));
	memcpy(s->buf + s->len, buf, n);
	s->len += n;
	s->room -= n;		/* last: who sees it used up looks at the rest */
}

static const struct chardev_handler handler = { can_receive, receive, NULL };

static bool becomes(const _Atomic size_t *v, size_t want)
{
	for (int i = 0; i < 20000 && *v != want; i++)
		usleep(1000);
	return *v == want;
}

static unsigned int log_lines(struct fake_env *f, char *last, size_t size)
{
	unsigned int n;

	pthread_mutex_lock(&f->log_lock);
	n = f->log_lines;
	snprintf(last, size, "%s", f->last_log);
	pthread_mutex_unlock(&f->log_lock);
	return n;
}

/* One line, and it contains part. */
static bool one_line(struct fake_env *f, const char *part)
{
	char last[256];

	for (int i = 0; i < 20000 && !log_lines(f, last, sizeof(last)); i++)
		usleep(1000);
	return log_lines(f, last, sizeof(last)) == 1 && strstr(last, part);
}

struct bench {
	struct fake_env f;
	struct chardev_mux *mux;
	struct sink a, b;
};

/* in and out are taken over; the loop runs afterwards. */
static void setup(struct bench *t, int in, int out)
{
	memset(&t->a, 0, sizeof(t->a));
	memset(&t->b, 0, sizeof(t->b));
	fake_env_init(&t->f, MIB(1));
	FAKE_MUST(!chardev_mux_create_on(&t->f.env, in, out, &t->mux, NULL));
	t->f.env.mux = t->mux;
	FAKE_MUST(!chardev_open(&t->f.env, &on_stdio, "first", &handler, &t->a, &t->a.cd, NULL));
	FAKE_MUST(!chardev_open(&t->f.env, &on_stdio, "second", &handler, &t->b, &t->b.cd, NULL));
	fake_env_start(&t->f);
}

static void teardown(struct bench *t, int in, int out)
{
	loop_stop(t->f.loop);
	chardev_close(t->a.cd);
	chardev_close(t->b.cd);
	chardev_mux_destroy(t->mux);
	close(in);
	close(out);
	fake_env_fini(&t->f);
}

static void put(int fd, const char *text)
{
	FAKE_MUST(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

/* What a descriptor says within a moment, up to the text wanted. */
static const char *get(int fd, char *buf, size_t size, const char *want)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	ssize_t n = 1;

	buf[0] = 0;
	while (!strstr(buf, want) && n > 0 && len < size - 1 && poll(&p, 1, 3000) > 0) {
		n = read(fd, buf + len, size - 1 - len);
		len += n > 0 ? (size_t)n : 0;
		buf[len] = 0;
	}
	return buf;
}

static void test_null(void)
{
	const struct chardev_opts opts = { .kind = CHARDEV_NULL };
	struct sink s = { 0 };
	struct fake_env f;

	fake_env_init(&f, MIB(1));
	REQUIRE(!chardev_open(&f.env, &opts, "con", &handler, &s, &s.cd, NULL));
	chardev_write(s.cd, "x", 1);
	chardev_flush(s.cd);
	chardev_accept_input(s.cd);
	chardev_close(s.cd);
	chardev_close(NULL);
	fake_env_fini(&f);
}

static void test_file(void)
{
	char dir[] = "/tmp/chardevXXXXXX", path[64], buf[32] = "";
	struct chardev_opts opts = { .kind = CHARDEV_FILE, .path = path };
	struct tvm_error err = { 0 };
	struct sink s = { 0 };
	struct fake_env f;
	struct stat st;
	int fd;

	FAKE_MUST(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	fake_env_init(&f, MIB(1));
	umask(022);
	for (int i = 0; i < 2; i++) {
		REQUIRE(!chardev_open(&f.env, &opts, "con", &handler, &s, &s.cd, NULL));
		chardev_write(s.cd, i ? "two" : "one,", i ? 3 : 4);
		chardev_close(s.cd);
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK_INT(read(fd, buf, sizeof(buf) - 1), 7);
	CHECK_HAS(buf, "one,two");
	CHECK(!fstat(fd, &st) && (st.st_mode & 07777) == 0600);
	close(fd);
	unlink(path);
	opts.path = dir;
	CHECK_INT(chardev_open(&f.env, &opts, "con", &handler, &s, &s.cd, &err), -EISDIR);
	CHECK_HAS(err.msg, dir);
	rmdir(dir);
	fake_env_fini(&f);
}

static void test_no_terminal(void)
{
	struct tvm_error err = { 0 };
	struct sink s = { 0 };
	struct fake_env f;

	fake_env_init(&f, MIB(1));
	CHECK_INT(chardev_open(&f.env, &on_stdio, "con", &handler, &s, &s.cd, &err), -EINVAL);
	CHECK_HAS(err.msg, "terminal");
	fake_env_fini(&f);
}

static void test_escape(void)
{
	int in[2], out[2];
	struct bench t;
	char buf[512];

	FAKE_MUST(!pipe(in) && !pipe(out));
	setup(&t, in[0], out[1]);
	t.a.room = t.b.room = 1000;
	put(in[1], "ab\x01\x01""c\x01""qd");
	CHECK(becomes(&t.a.len, 5));
	CHECK(!memcmp(t.a.buf, "ab\x01""cd", 5));
	put(in[1], "\x01");
	usleep(2000);
	put(in[1], "h");
	CHECK_HAS(get(out[0], buf, sizeof(buf), "]\r\n"), "Ctrl-A x");
	put(in[1], "\x01""czz");
	CHECK_HAS(get(out[0], buf, sizeof(buf), "]\r\n"), "input goes to second");
	CHECK(becomes(&t.b.len, 2));
	put(in[1], "\x01""cy");
	CHECK_HAS(get(out[0], buf, sizeof(buf), "]\r\n"), "input goes to first");
	CHECK(becomes(&t.a.len, 6));
	CHECK_INT(t.f.requests[DEV_CONSOLE_QUIT], 0);
	put(in[1], "\x01x");
	for (int i = 0; i < 20000 && !t.f.requests[DEV_CONSOLE_QUIT]; i++)
		usleep(1000);
	CHECK_INT(t.f.requests[DEV_CONSOLE_QUIT], 1);
	close(in[1]);
	teardown(&t, in[0], out[1]);
	close(out[0]);
}

/* Nothing is lost when the device takes a few bytes now and then; the end is noticed. */
static void test_flow_control(void)
{
	static char text[40000];
	int in[2], out[2];
	struct bench t;
	size_t sent = 0;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(' ' + i % 91);
	FAKE_MUST(!pipe(in) && !pipe(out));
	setup(&t, in[0], out[1]);
	CHECK(!(fcntl(in[0], F_GETFL) & O_NONBLOCK) && !(fcntl(out[1], F_GETFL) & O_NONBLOCK));
	FAKE_MUST(!fcntl(in[1], F_SETFL, O_NONBLOCK));
	while (t.a.len < sizeof(text)) {
		ssize_t n = write(in[1], text + sent, sizeof(text) - sent);
		bool last = t.a.len + 97 > sizeof(text);

		sent += n > 0 ? (size_t)n : 0;
		if (sent == sizeof(text) && in[1] >= 0)
			close_fd(&in[1]); /* a hang-up while input waits must not spin */
		t.a.room = 97;
		chardev_accept_input(t.a.cd);
		REQUIRE(last ? becomes(&t.a.len, sizeof(text)) : becomes(&t.a.room, 0));
	}
	CHECK(becomes(&t.a.len, sizeof(text)));
	CHECK(!memcmp(t.a.buf, text, sizeof(text)));
	teardown(&t, in[0], out[1]);
	close(out[0]);
}

static void test_input_not_watchable(void)
{
	char path[] = "/tmp/chardevXXXXXX", buf[16];
	int out[2], fd = mkstemp(path);
	struct bench t;

	unlink(path);
	FAKE_MUST(fd >= 0 && ftruncate(fd, 20000) == 0 && !pipe(out));
	setup(&t, fd, out[1]);
	t.a.room = 9000;
	chardev_accept_input(t.a.cd);
	CHECK(becomes(&t.a.len, 9000));
	t.a.room = 20000;
	chardev_accept_input(t.a.cd);
	CHECK(becomes(&t.a.len, 20000));
	teardown(&t, fd, out[1]);
	close(out[0]);

	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	FAKE_MUST(!pipe(out));
	setup(&t, fd, out[1]);
	chardev_write(t.a.cd, "alive", 5);
	CHECK_HAS(get(out[0], buf, sizeof(buf), "alive"), "alive");
	teardown(&t, fd, out[1]);
	close(out[0]);
}

static void test_descriptors_closed(void)
{
	struct bench t;

	setup(&t, -1, -1);
	chardev_write(t.a.cd, "x", 1);
	chardev_flush(t.a.cd);
	teardown(&t, -1, -1);
}

/* Nobody reads: the writer never waits, the excess is counted once, the rest is intact. */
static void test_stalled_reader(void)
{
	static char block[4096], got[CHARDEV_OUT_MAX + MIB(1)];
	int in[2], out[2];
	struct bench t;
	size_t len = 0;
	char line[256];

	FAKE_MUST(!pipe(in) && !pipe(out));
	setup(&t, in[0], out[1]);
	for (size_t i = 0; i < 1024; i++) {
		memset(block, (int)('a' + i % 26), sizeof(block));
		chardev_write(t.a.cd, block, sizeof(block));
	}
	chardev_flush(t.a.cd);		/* gives up after a moment */
	CHECK_INT(log_lines(&t.f, line, sizeof(line)), 0);
	FAKE_MUST(!fcntl(out[0], F_SETFL, O_NONBLOCK));
	for (int i = 0, last = 0; i < 20000 && !last; i++) {
		ssize_t n;

		/* The buffer is empty then; the pipe may not be. */
		last = log_lines(&t.f, line, sizeof(line)) != 0;
		while ((n = read(out[0], got + len, sizeof(got) - len)) > 0)
			len += (size_t)n;
		usleep(1000);
	}
	CHECK(len >= CHARDEV_OUT_MAX && len < CHARDEV_OUT_MAX + MIB(1));
	for (size_t i = 0; i < CHARDEV_OUT_MAX; i++)
		if (got[i] != (char)('a' + i / sizeof(block) % 26)) {
			CHECK_INT(i, 0);
			break;
		}
	CHECK(one_line(&t.f, "bytes dropped"));
	teardown(&t, in[0], out[1]);
	close(in[1]);
	close(out[0]);
}

static void test_reader_gone(void)
{
	int in[2], out[2];
	struct bench t;

	FAKE_MUST(!pipe(in) && !pipe(out));
	setup(&t, in[0], out[1]);
	close(out[0]);
	chardev_write(t.a.cd, "x", 1);	/* SIGPIPE would end us */
	CHECK(one_line(&t.f, "output ends"));
	chardev_write(t.a.cd, "x", 1);
	loop_stop(t.f.loop);
	chardev_flush(t.a.cd);
	CHECK(one_line(&t.f, "output ends"));
	teardown(&t, in[0], out[1]);
	close(in[1]);
}

static void test_reader_gone_on_our_thread(void)
{
	int in[2], out[2];
	sigset_t pending;
	struct bench t;

	FAKE_MUST(!pipe(in) && !pipe(out));
	setup(&t, in[0], out[1]);
	loop_stop(t.f.loop);
	close(out[0]);
	chardev_write(t.a.cd, "x", 1);
	chardev_flush(t.a.cd);
	FAKE_MUST(!sigpending(&pending));
	CHECK(!sigismember(&pending, SIGPIPE));
	CHECK(one_line(&t.f, "output ends"));
	teardown(&t, in[0], out[1]);
	close(in[1]);
}

static uint64_t cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
		(uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void test_terminal(void)
{
	int master, slave;
	struct termios raw;
	struct bench t;
	uint64_t cpu;
	char buf[64];

	memset(&raw, 0, sizeof(raw));
	cfmakeraw(&raw);
	if (openpty(&master, &slave, NULL, &raw, NULL) < 0)
		SKIP("no pseudo-terminals here");
	setup(&t, slave, slave);
	CHECK(!(fcntl(slave, F_GETFL) & O_NONBLOCK));
	t.a.room = 5;
	put(master, "hello");
	CHECK(becomes(&t.a.len, 5));
	chardev_write(t.a.cd, "there", 5);
	CHECK_HAS(get(master, buf, sizeof(buf), "there"), "there");
	/* A guest that takes nothing: the escape is heard behind 10 KB of input. */
	for (int i = 0; i < 200; i++) {
		put(master, "fifty bytes of text that nobody is going to read..");
		if (i % 20 == 0)
			usleep(1000);
	}
	put(master, "\x01x");
	for (int i = 0; i < 20000 && !t.f.requests[DEV_CONSOLE_QUIT]; i++)
		usleep(1000);
	CHECK_INT(t.f.requests[DEV_CONSOLE_QUIT], 1);
	/* Hung up: reads end, writes fail, and nothing spins. */
	close(master);
	usleep(20000);
	chardev_write(t.a.cd, "x", 1);
	CHECK(one_line(&t.f, "output ends"));
	cpu = cpu_us();
	usleep(100000);
	CHECK(cpu_us() - cpu < 50000);
	teardown(&t, slave, -1);
}

static void test_sockets(void)
{
	struct bench t;
	char buf[16];
	int s[2];

	FAKE_MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	setup(&t, s[0], s[0]);
	t.a.room = 3;
	put(s[1], "abc");
	CHECK(becomes(&t.a.len, 3));
	chardev_write(t.b.cd, "def", 3);
	CHECK_HAS(get(s[1], buf, sizeof(buf), "def"), "def");
	close(s[1]);
	chardev_write(t.b.cd, "ghi", 3);
	CHECK(one_line(&t.f, "output ends"));
	teardown(&t, s[0], -1);
}

static void test_detach(void)
{
	int in[2], out[2];
	struct bench t;

	FAKE_MUST(!pipe(in) && !pipe(out));
	setup(&t, in[0], out[1]);
	loop_stop(t.f.loop);
	chardev_close(t.a.cd);
	t.a.cd = NULL;
	t.b.room = 10;
	fake_env_start(&t.f);
	put(in[1], "xy");
	CHECK(becomes(&t.b.len, 2));
	teardown(&t, in[0], out[1]);
	close(in[1]);
	close(out[0]);
}

int main(void)
{
	RUN(test_null);
	RUN(test_file);
	RUN(test_no_terminal);
	RUN(test_escape);
	RUN(test_flow_control);
	RUN(test_input_not_watchable);
	RUN(test_descriptors_closed);
	RUN(test_stalled_reader);
	RUN(test_reader_gone);
	RUN(test_reader_gone_on_our_thread);
	RUN(test_terminal);
	RUN(test_sockets);
	RUN(test_detach);
	return tests_done();
}
