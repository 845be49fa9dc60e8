/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One ring of fixed size. Writers append under the lock. The only reader is the loop's thread
 * (or whoever runs while it is stopped): it takes a span under the lock, writes it without
 * and then advances, so no lock is held across write(2). An empty ring starts over at 0, which
 * keeps all but its first pages untouched on a console that is read.
 */
#include "devices/chardev_out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "devices/later.h"

#define FLUSH_MS 200
#define EAGER (64u << 10)	/* the loop's thread writes at once beyond this */

enum how {
	HOW_NONBLOCK,	/* write(2) returns -EAGAIN by itself, or never waits for long (file) */
	HOW_SOCKET,	/* send(2) can be told */
	HOW_POLL,	/* ask first and write no more than a pipe surely takes */
};

struct chardev_out {
	struct loop *loop;	/* borrowed */
	struct log *log;	/* borrowed */
	const char *name;	/* borrowed */
	int fd;			/* owned if own */
	bool own;
	bool guests;		/* readers come and go: none is missed */
	enum how how;
	struct later later;
	struct loop_fd ready;	/* EPOLLOUT, while the descriptor takes nothing */
	uint8_t *ring;		/* owned, CHARDEV_OUT_MAX bytes */
	pthread_mutex_t lock;	/* what follows */
	size_t head, len;
	uint64_t dropped;
	bool dead;
};

int chardev_reopen(int fd, int mode)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/*
 * write(2) without its signals: SIGPIPE and SIGXFSZ would end a process that never asked for
 * our descriptors. They are sent to the writing thread, so it can take them back.
 */
static ssize_t write_no_signal(int fd, const void *buf, size_t n)
{
	const struct timespec at_once = { 0 };
	sigset_t ours, old, pending;
	ssize_t r;

	sigemptyset(&ours);
	sigaddset(&ours, SIGPIPE);
	sigaddset(&ours, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &ours, &old);
	r = write(fd, buf, n);
	r = r < 0 ? -errno : r;
	if (r == -EPIPE || r == -EFBIG) {
		int sig = r == -EPIPE ? SIGPIPE : SIGXFSZ;

		sigpending(&pending);
		sigemptyset(&ours);
		sigaddset(&ours, sig);
		if (sigismember(&pending, sig) && !sigismember(&old, sig))
			sigtimedwait(&ours, NULL, &at_once);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

static ssize_t write_some(struct chardev_out *out, const void *buf, size_t n)
{
	struct pollfd pfd = { .fd = out->fd, .events = POLLOUT };
	ssize_t r;

	switch (out->how) {
	case HOW_SOCKET:
		r = send(out->fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		return r < 0 ? -errno : r;
	case HOW_POLL:
		if (poll(&pfd, 1, 0) <= 0)
			return -EAGAIN;
		n = smaller(n, PIPE_BUF);
		break;
	case HOW_NONBLOCK:
		break;
	}
	return write_no_signal(out->fd, buf, n);
}

/* n bytes of the ring are done with. The sink of log lines is not called with our lock. */
static void advance(struct chardev_out *out, size_t n)
{
	uint64_t dropped = 0;

	pthread_mutex_lock(&out->lock);
	out->head = (out->head + n) % CHARDEV_OUT_MAX;
	out->len -= n;
	if (!out->len) {
		out->head = 0;
		dropped = out->dropped;
		out->dropped = 0;
	}
	pthread_mutex_unlock(&out->lock);
	if (dropped)
		log_guest(out->log, "%s: output was not read in time, %llu bytes dropped",
			out->name, (unsigned long long)dropped);
}

/* A full disk may have room again; a reader that is gone stays gone. */
static void failed(struct chardev_out *out, int code)
{
	bool full = code == -ENOSPC || code == -EDQUOT || code == -EFBIG;
	char text[64];
	size_t len;

	pthread_mutex_lock(&out->lock);
	len = out->len;
	out->dead = !full;
	if (full)
		out->dropped += len;
	pthread_mutex_unlock(&out->lock);
	if (!full && !out->guests)
		log_warn(out->log, "%s: output ends: %s", out->name,
			strerror_r(-code, text, sizeof(text)));
	/* Not more than is counted: others append while a full disk is reported. */
	advance(out, len);
}

/* Write all that the descriptor takes now: 0, or -EAGAIN when something is left. */
static int drain(struct chardev_out *out)
{
	ssize_t r;
	size_t n;

	for (;;) {
		pthread_mutex_lock(&out->lock);
		n = smaller(out->len, CHARDEV_OUT_MAX - out->head);
		pthread_mutex_unlock(&out->lock);
		if (!n)
			return 0;
		r = write_some(out, out->ring + out->head, n);
		if (r == -EINTR)
			continue;
		if (r == -EAGAIN)
			return -EAGAIN;
		if (r < 0) {
			failed(out, (int)r);
			continue;
		}
		advance(out, (size_t)r);
	}
}

static void on_ready(void *opaque, uint32_t events);

static void service(void *opaque)
{
	struct chardev_out *out = opaque;

	if (!drain(out)) {
		loop_unwatch(out->loop, &out->ready);
		return;
	}
	if (out->ready.fd < 0 &&
	    loop_watch(out->loop, &out->ready, out->fd, EPOLLOUT, on_ready, out) < 0)
		later_arm(&out->later, 20 * CHARDEV_OUT_DELAY_NS);
}

static void on_ready(void *opaque, uint32_t events)
{
	service(opaque);
}

static void flush(void *opaque)
{
	struct chardev_out *out = opaque;
	struct pollfd pfd = { .fd = out->fd, .events = POLLOUT };
	uint64_t now = now_ms(), end = now + FLUSH_MS;

	while (drain(out) < 0 && now < end) {
		poll(&pfd, 1, (int)(end - now));
		now = now_ms();
	}
}

void chardev_out_flush(struct chardev_out *out)
{
	loop_call(out->loop, flush, out);
}

/* Append what fits; returns how much. */
static size_t append(struct chardev_out *out, const uint8_t *buf, size_t n, size_t *len_out)
{
	size_t tail, first;

	pthread_mutex_lock(&out->lock);
	if (!out->dead) {
		n = smaller(n, CHARDEV_OUT_MAX - out->len);
		tail = (out->head + out->len) % CHARDEV_OUT_MAX;
		first = smaller(n, CHARDEV_OUT_MAX - tail);
		memcpy(out->ring + tail, buf, first);
		memcpy(out->ring, buf + first, n - first);
		if (!out->len && n)
			later_arm(&out->later, CHARDEV_OUT_DELAY_NS);
		out->len += n;
	}
	*len_out = out->len;
	pthread_mutex_unlock(&out->lock);
	return n;
}

void chardev_out_write(struct chardev_out *out, const void *buf, size_t n)
{
	const uint8_t *p = buf;
	size_t done, len;

	done = append(out, p, n, &len);
	if (len >= EAGER && loop_is_current(out->loop)) {
		service(out);
		done += append(out, p + done, n - done, &len);
	}
	if (done == n)
		return;
	pthread_mutex_lock(&out->lock);
	if (!out->dead)
		out->dropped += n - done;
	pthread_mutex_unlock(&out->lock);
}

/* Find out how fd can be written to without waiting. */
static void choose(struct chardev_out *out, int fd, bool own)
{
	struct stat st;
	int again;

	out->fd = fd;
	out->own = own;
	if (fstat(fd, &st) < 0) {
		log_warn(out->log, "%s: output is lost: fstat: %s", out->name,
			strerrordesc_np(errno));
		if (own)
			close_fd(&fd);
		out->fd = -1;
		out->own = false;
		out->dead = true;
	} else if (S_ISSOCK(st.st_mode)) {
		out->how = HOW_SOCKET;
	} else if (S_ISREG(st.st_mode) || (fcntl(fd, F_GETFL) & O_NONBLOCK)) {
		out->how = HOW_NONBLOCK;
	} else if ((again = chardev_reopen(fd, O_WRONLY)) >= 0) {
		if (own)
			close_fd(&fd);
		out->fd = again;
		out->own = true;
		out->how = HOW_NONBLOCK;
	} else {
		out->how = HOW_POLL;
	}
}

int chardev_out_create(struct loop *loop, struct log *log, const char *name, int fd, bool own,
	struct chardev_out **out_out, struct tvm_error *err)
{
	struct chardev_out *out = calloc(1, sizeof(*out));
	int r;

	if (!out)
		return err_set(err, -ENOMEM, "%s: out of memory", name);
	out->loop = loop;
	out->log = log;
	out->name = name;
	out->fd = -1;
	out->ready = LOOP_FD_NONE;
	pthread_mutex_init(&out->lock, NULL);
	out->guests = fd < 0;
	out->dead = out->guests;
	out->ring = mmap(NULL, CHARDEV_OUT_MAX, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	r = out->ring == MAP_FAILED ? -errno : later_init(&out->later, loop, service, out);
	if (r < 0) {
		chardev_out_destroy(out);
		return err_sys(err, r, "%s: output", name);
	}
	if (!out->guests)
		choose(out, fd, own);
	*out_out = out;
	return 0;
}

/* Until the end of this function nobody else looks at fd, and writers see a dead output. */
void chardev_out_attach(struct chardev_out *out, int fd)
{
	chardev_out_detach(out);
	choose(out, fd, true);
	pthread_mutex_lock(&out->lock);
	out->dead = out->fd < 0;
	pthread_mutex_unlock(&out->lock);
}

void chardev_out_detach(struct chardev_out *out)
{
	pthread_mutex_lock(&out->lock);
	out->dead = true;
	out->head = out->len = 0;
	out->dropped = 0;
	pthread_mutex_unlock(&out->lock);
	loop_unwatch(out->loop, &out->ready);
	if (out->own)
		close_fd(&out->fd);
	out->fd = -1;
	out->own = false;
}

void chardev_out_destroy(struct chardev_out *out)
{
	if (!out)
		return;
	if (out->fd >= 0)
		flush(out);
	out->dropped += out->len;
	advance(out, out->len);
	loop_unwatch(out->loop, &out->ready);
	later_fini(&out->later);
	if (out->own)
		close_fd(&out->fd);
	if (out->ring != MAP_FAILED)
		munmap(out->ring, CHARDEV_OUT_MAX);
	pthread_mutex_destroy(&out->lock);
	free(out);
}
