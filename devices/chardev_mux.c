/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal and who has its input. Input is read into a small buffer and fed byte by byte
 * through the escape; feeding stops where the console with the input has no room.
 *
 * Three kinds of input behave differently:
 *	terminal	read always, overflow dropped: Ctrl-A x must work with a dead guest
 *	pipe, socket	watched only while there is room, so that nothing is lost
 *	file, /dev/null	not watchable (EPERM): read a piece at a time while there is room
 */
#include "devices/chardev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "devices/chardev_out.h"
#include "devices/later.h"
#include "vmm/device.h"

#define MAX_CONSOLES 16
#define ESCAPE 0x01	/* Ctrl-A */
#define BACKGROUND_NS 500000000u

struct chardev_mux {
	struct loop *loop;	/* borrowed */
	struct log *log;	/* borrowed */
	void (*request)(void *ctx, enum dev_request what);
	void *request_ctx;
	struct chardev_out *out; /* owned */
	int in_fd;		/* owned if in_own; -1: no more input */
	bool in_own, tty, socket, unwatchable;
	struct loop_fd in;
	struct later later;
	unsigned int nr, focus;
	struct chardev *consoles[MAX_CONSOLES]; /* borrowed */
	bool escape;		/* the last byte was ESCAPE */
	size_t pos, len;	/* of buf */
	uint8_t buf[512];
};

static void say(struct chardev_mux *mux, const char *what, const char *name)
{
	char line[160];
	int n = snprintf(line, sizeof(line), "\r\n[tvm: %s%s]\r\n", what, name);

	chardev_out_write(mux->out, line, strnlen(line, n < 0 ? 0 : sizeof(line)));
}

/* The byte after the escape; false: it wants to be sent. */
static bool command(struct chardev_mux *mux, uint8_t c)
{
	switch (c) {
	case ESCAPE:
		return false;
	case 'x':
		mux->request(mux->request_ctx, DEV_CONSOLE_QUIT);
		return true;
	case 'c':
		chardev_deliver(mux->consoles[mux->focus]);
		mux->focus = (mux->focus + 1) % mux->nr;
		say(mux, "input goes to ", chardev_name(mux->consoles[mux->focus]));
		return true;
	case 'h':
		say(mux, "Ctrl-A x quits, Ctrl-A c switches consoles, Ctrl-A Ctrl-A sends Ctrl-A",
			"");
		return true;
	default:
		return true;
	}
}

/* false: no room, try the byte again later. */
static bool put(struct chardev_mux *mux, uint8_t c)
{
	struct chardev *cd = mux->consoles[mux->focus];

	if (!chardev_room(cd))
		chardev_deliver(cd);
	if (!chardev_room(cd))
		return mux->tty;
	chardev_input(cd, c);
	return true;
}

/* false: something is left in buf. */
static bool feed(struct chardev_mux *mux)
{
	for (; mux->pos < mux->len; mux->pos++) {
		uint8_t c = mux->buf[mux->pos];

		if (!mux->escape && c == ESCAPE) {
			mux->escape = true;
		} else {
			if ((!mux->escape || !command(mux, c)) && !put(mux, c))
				return false;
			mux->escape = false;
		}
	}
	chardev_deliver(mux->consoles[mux->focus]);
	return true;
}

static void stop_reading(struct chardev_mux *mux)
{
	loop_unwatch(mux->loop, &mux->in);
	if (mux->in_own)
		close_fd(&mux->in_fd);
	mux->in_fd = -1;
}

/* Somebody else is in the terminal's foreground: reading now gives EIO (or stops us). */
static bool in_background(const struct chardev_mux *mux)
{
	pid_t group = mux->tty ? tcgetpgrp(mux->in_fd) : -1;

	return group > 0 && group != getpgrp();
}

/* Read one piece into the empty buf. */
static void take(struct chardev_mux *mux)
{
	ssize_t n;

	if (in_background(mux)) {
		loop_unwatch(mux->loop, &mux->in);
		later_arm(&mux->later, BACKGROUND_NS);
		return;
	}
	n = mux->socket ? recv(mux->in_fd, mux->buf, sizeof(mux->buf), MSG_DONTWAIT) :
			  read(mux->in_fd, mux->buf, sizeof(mux->buf));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* End of file, or a terminal that was hung up (EIO): the output goes on. */
	if (n <= 0) {
		stop_reading(mux);
		return;
	}
	mux->pos = 0;
	mux->len = (size_t)n;
}

static void on_input(void *opaque, uint32_t events);

static void service(void *opaque)
{
	struct chardev_mux *mux = opaque;
	int r;

	for (unsigned int i = 0; i < mux->nr; i++)
		chardev_deliver(mux->consoles[i]);
	if (!mux->nr)
		return;
	if (!feed(mux)) {
		/* Unwatch rather than mask: a hang-up cannot be masked and would spin. */
		loop_unwatch(mux->loop, &mux->in);
		return;
	}
	if (mux->in_fd < 0 || mux->in.fd >= 0)
		return;
	if (!mux->unwatchable) {
		r = loop_watch(mux->loop, &mux->in, mux->in_fd, EPOLLIN, on_input, mux);
		if (!r)
			return;
		if (r != -EPERM) {
			log_warn(mux->log, "terminal: cannot watch the input: errno %d", -r);
			stop_reading(mux);
			return;
		}
		mux->unwatchable = true;
	}
	take(mux);
	if (mux->in_fd >= 0)
		later_arm(&mux->later, 0);
}

static void on_input(void *opaque, uint32_t events)
{
	struct chardev_mux *mux = opaque;

	take(mux);
	/* In the background the timer asks again; service() would watch at once. */
	if (mux->in.fd >= 0 || mux->in_fd < 0)
		service(mux);
}

void chardev_mux_resume(struct chardev_mux *mux)
{
	later_arm(&mux->later, 0);
}

int chardev_mux_attach(struct chardev_mux *mux, struct chardev *cd, struct chardev_out **out,
	struct tvm_error *err)
{
	if (mux->nr == MAX_CONSOLES)
		return err_set(err, -ENOSPC, "%s: at most %u consoles may share the terminal",
			chardev_name(cd), MAX_CONSOLES);
	mux->consoles[mux->nr++] = cd;
	*out = mux->out;
	chardev_mux_resume(mux);
	return 0;
}

void chardev_mux_detach(struct chardev_mux *mux, struct chardev *cd)
{
	unsigned int i = 0;

	while (i < mux->nr && mux->consoles[i] != cd)
		i++;
	if (i == mux->nr)
		return;
	mux->nr--;
	memmove(mux->consoles + i, mux->consoles + i + 1,
		(mux->nr - i) * sizeof(mux->consoles[0]));
	if (mux->focus > i || mux->focus == mux->nr)
		mux->focus = mux->focus ? mux->focus - 1 : 0;
	if (!mux->nr)
		loop_unwatch(mux->loop, &mux->in);
}

bool chardev_mux_size(const struct chardev_mux *mux, uint16_t *cols, uint16_t *rows)
{
	return mux->tty && chardev_tty_size(mux->in_fd, cols, rows);
}

static void choose_input(struct chardev_mux *mux, int fd)
{
	struct stat st;
	int again;

	mux->in_fd = fd;
	if (fstat(fd, &st) < 0) {
		mux->in_fd = -1;
		return;
	}
	mux->tty = isatty(fd);
	mux->socket = S_ISSOCK(st.st_mode);
	/* Others may read the same terminal or pipe: what epoll promised may be gone. */
	if (!S_ISCHR(st.st_mode) && !S_ISFIFO(st.st_mode))
		return;
	again = chardev_reopen(fd, O_RDONLY);
	if (again >= 0) {
		mux->in_fd = again;
		mux->in_own = true;
	}
}

int chardev_mux_create_on(const struct dev_env *env, int in_fd, int out_fd,
	struct chardev_mux **out, struct tvm_error *err)
{
	struct chardev_mux *mux = calloc(1, sizeof(*mux));
	int r;

	if (!mux)
		return err_set(err, -ENOMEM, "terminal: out of memory");
	mux->loop = env->loop;
	mux->log = env->log;
	mux->request = env->request;
	mux->request_ctx = env->request_ctx;
	mux->in_fd = -1;
	mux->in = LOOP_FD_NONE;
	r = later_init(&mux->later, mux->loop, service, mux);
	if (r < 0)
		err_sys(err, r, "terminal: timer");
	else
		r = chardev_out_create(mux->loop, mux->log, "terminal", out_fd, false, &mux->out,
			err);
	if (r < 0) {
		chardev_mux_destroy(mux);
		return r;
	}
	choose_input(mux, in_fd);
	*out = mux;
	return 0;
}

int chardev_mux_create(const struct dev_env *env, struct chardev_mux **out,
	struct tvm_error *err)
{
	return chardev_mux_create_on(env, STDIN_FILENO, STDOUT_FILENO, out, err);
}

void chardev_mux_destroy(struct chardev_mux *mux)
{
	if (!mux)
		return;
	if (mux->in_fd >= 0)
		stop_reading(mux);
	chardev_out_destroy(mux->out);
	later_fini(&mux->later);
	free(mux);
}
