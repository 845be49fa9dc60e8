/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tvm-run on a terminal: raw while a guest has it, as it was before in the end, whatever the
 * end is. The program is $B/tvm-run, its guests are those of the other boot tests.
 */
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <utmp.h>

#include "tests/boot/vm.h"

static char program[400];

struct session {
	int master, slave;	/* slave: ours, so that the terminal outlives the session */
	pid_t pid;
	struct termios before;
	char text[1 << 14];
	size_t len;
};

static void exec_guest(const char *guest, const char *cmdline)
{
	static char kernel[512];

	snprintf(kernel, sizeof(kernel), "%s/%s", guests, guest);
	execl(program, "tvm-run", "--kernel", kernel, "--memory", "16M", "--cmdline", cmdline,
		NULL);
	_exit(126);
}

/* background: in a process group that is not the terminal's foreground. */
static bool begin(struct session *s, const char *guest, const char *cmdline, bool background)
{
	memset(s, 0, sizeof(*s));
	if (openpty(&s->master, &s->slave, NULL, NULL, NULL) < 0)
		return false;
	tcgetattr(s->slave, &s->before);
	s->pid = fork();
	if (s->pid)
		return s->pid > 0;
	close(s->master);
	login_tty(dup(s->slave));
	close(s->slave);
	if (!background)
		exec_guest(guest, cmdline);
	signal(SIGHUP, SIG_IGN);
	if (!fork()) {
		setpgid(0, 0);
		exec_guest(guest, cmdline);
	}
	while (wait(NULL) < 0 && errno == EINTR)
		;
	_exit(0);
}

static void collect(struct session *s, int timeout_ms)
{
	struct pollfd pfd = { .fd = s->master, .events = POLLIN };
	ssize_t n;

	if (s->len == sizeof(s->text) - 1 || poll(&pfd, 1, timeout_ms) <= 0)
		return;
	n = read(s->master, s->text + s->len, sizeof(s->text) - 1 - s->len);
	s->len += n > 0 ? (size_t)n : 0;
}

static bool await(struct session *s, const char *text)
{
	uint64_t end = now_ms() + 20000;

	while (!strstr(s->text, text) && now_ms() < end)
		collect(s, 100);
	if (!strstr(s->text, text))
		printf("# \"%s\" did not come: \"%s\"\n", text, s->text);
	return strstr(s->text, text);
}

static void type(struct session *s, const char *keys)
{
	CHECK_INT(write(s->master, keys, strlen(keys)), strlen(keys));
}

static bool is_raw(const struct session *s)
{
	struct termios t;

	return !tcgetattr(s->slave, &t) && !(t.c_lflag & (ECHO | ICANON | ISIG));
}

static void check_restored(const struct session *s)
{
	struct termios t = { 0 };

	CHECK_INT(tcgetattr(s->slave, &t), 0);
	CHECK_INT(t.c_lflag, s->before.c_lflag);
	CHECK_INT(t.c_iflag, s->before.c_iflag);
	CHECK_INT(t.c_oflag, s->before.c_oflag);
	CHECK_INT(t.c_cflag, s->before.c_cflag);
	CHECK(!memcmp(t.c_cc, s->before.c_cc, sizeof(t.c_cc)));
}

/* The status as a shell has it. */
static int finish(struct session *s)
{
	uint64_t end = now_ms() + 20000;
	int status = -1;

	while (!waitpid(s->pid, &status, WNOHANG)) {
		if (now_ms() > end) {
			printf("# it does not end\n");
			kill(s->pid, SIGKILL);
		}
		if (s->master >= 0)
			collect(s, 10);
		else
			usleep(10000);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void end(struct session *s)
{
	if (s->master >= 0)
		close(s->master);
	if (s->slave >= 0)
		close(s->slave);
}

static void test_guest_ends(void)
{
	static const struct {
		const char *cmdline;
		int status;
	} ends[] = { { "end=poweroff", 0 }, { "end=panic", 4 }, { "end=triple", 5 } };

	for (int i = 0; i < 3; i++) {
		struct session s;

		REQUIRE(begin(&s, "hello", ends[i].cmdline, false));
		CHECK_INT(finish(&s), ends[i].status);
		while (poll(&(struct pollfd){ .fd = s.master, .events = POLLIN }, 1, 0) > 0)
			collect(&s, 0);
		CHECK_HAS(s.text, "hello");
		CHECK_HAS(s.text, "tvm-run: guest");
		check_restored(&s);
		end(&s);
	}
}

static void test_quit(void)
{
	struct session s;

	REQUIRE(begin(&s, "hello", "end=spin", false));
	REQUIRE(await(&s, "hello"));
	CHECK(is_raw(&s));
	type(&s, "\001x");
	CHECK_INT(finish(&s), 7);
	check_restored(&s);
	end(&s);
}

/* What was typed before anything runs is not lost either. */
static void test_quit_at_once(void)
{
	for (int i = 0; i < 10; i++) {
		struct session s;

		REQUIRE(begin(&s, "hello", "end=halt", false));
		usleep((useconds_t)(rand() % 10000));
		type(&s, "\001x\n");	/* the terminal may still wait for lines */
		CHECK_INT(finish(&s), 7);
		check_restored(&s);
		end(&s);
	}
}

/* Ctrl-C and Ctrl-Z are the guest's; Ctrl-A Ctrl-A is one Ctrl-A. */
static void test_keys(void)
{
	struct session s;

	REQUIRE(begin(&s, "echo", "", false));
	REQUIRE(await(&s, "echo"));
	for (int i = 0; i < 100 && !is_raw(&s); i++)
		usleep(10000);
	type(&s, "a\003\032\034\001\001b");
	CHECK(await(&s, "A\003\032\034\001B"));
	type(&s, "q");
	CHECK_INT(finish(&s), 0);
	check_restored(&s);
	end(&s);
}

static void test_signals(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGSEGV, SIGABRT,
		SIGBUS };

	for (int i = 0; i < 7; i++) {
		struct session s;

		REQUIRE(begin(&s, "hello", i % 2 ? "end=halt" : "end=spin", false));
		REQUIRE(await(&s, "hello"));
		CHECK(is_raw(&s));
		kill(s.pid, signals[i]);
		CHECK_INT(finish(&s), 128 + signals[i]);
		check_restored(&s);
		end(&s);
	}
}

/* As a shell does it with fg: its own settings while the job is stopped, raw again after. */
static void test_stopped_and_continued(void)
{
	struct session s;

	REQUIRE(begin(&s, "echo", "", false));
	REQUIRE(await(&s, "echo"));
	kill(s.pid, SIGSTOP);
	CHECK_INT(waitpid(s.pid, &(int){ 0 }, WUNTRACED), s.pid);
	tcsetattr(s.slave, TCSANOW, &s.before);
	CHECK(!is_raw(&s));
	kill(s.pid, SIGCONT);
	for (int i = 0; i < 500 && !is_raw(&s); i++)
		usleep(10000);
	CHECK(is_raw(&s));
	type(&s, "xq");
	CHECK(await(&s, "XQ"));
	CHECK_INT(finish(&s), 0);
	check_restored(&s);
	end(&s);
}

/* SIGWINCH is news for the guest's consoles, and nothing else. */
static void test_resized(void)
{
	struct session s;

	REQUIRE(begin(&s, "echo", "", false));
	REQUIRE(await(&s, "echo"));
	for (unsigned short i = 1; i < 20; i++) {
		struct winsize ws = { .ws_col = (unsigned short)(80 + i), .ws_row = i };

		CHECK(!ioctl(s.master, TIOCSWINSZ, &ws));
		usleep(1000);
	}
	type(&s, "xq");
	CHECK(await(&s, "XQ"));
	CHECK_INT(finish(&s), 0);
	check_restored(&s);
	end(&s);
}

/* The window is closed: SIGHUP, and a terminal that answers EIO. */
static void test_hang_up(void)
{
	for (int i = 0; i < 5; i++) {
		struct session s;

		REQUIRE(begin(&s, "hello", i % 2 ? "end=spin" : "end=reset", false));
		REQUIRE(await(&s, "hello"));
		close(s.slave);
		close(s.master);
		s.slave = s.master = -1;
		CHECK_INT(finish(&s), 128 + SIGHUP);
	}
}

/* Somebody else is in the foreground: the terminal is left as it is, and nothing stops us. */
static void test_background(void)
{
	struct session s;

	REQUIRE(begin(&s, "hello", "end=poweroff", true));
	CHECK(await(&s, "hello"));
	CHECK(!is_raw(&s));
	CHECK_INT(finish(&s), 0);
	check_restored(&s);
	end(&s);
}

int main(void)
{
	snprintf(program, sizeof(program), "%s/tvm-run", getenv("B") ? getenv("B") :
		"build/x86_64");
	if (cannot_run())
		return 0;
	RUN_LIMITED(test_guest_ends);
	RUN_LIMITED(test_quit);
	RUN_LIMITED(test_quit_at_once);
	RUN_LIMITED(test_keys);
	RUN_LIMITED(test_signals);
	RUN_LIMITED(test_stopped_and_continued);
	RUN_LIMITED(test_resized);
	RUN_LIMITED(test_hang_up);
	RUN_LIMITED(test_background);
	return tests_done();
}
