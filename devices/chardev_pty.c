/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A console at a pseudo-terminal: we are the master, whoever opens the other side has the
 * console. The kernel says when the last one has closed it (a hang-up), and inotify when
 * somebody opens it; without inotify we look twice a second.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <termios.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "devices/chardev.h"
#include "devices/chardev_peer.h"
#include "vmm/device.h"

#define LOOK_NS 500000000u

struct chardev_pty {
	struct chardev_peer peer;	/* its fd is ours, while the terminal is open */
	int master;			/* owned */
	int notify_fd;			/* owned; inotify, or -1 */
	struct loop_fd notify;
	struct later look;
	const char *link;		/* borrowed, as the options; NULL: no link of ours */
	uint16_t cols, rows;		/* what the device was told of last */
	char path[64];
};

/* Whether somebody has the other side open, or had and has left something to read. */
static bool is_open(const struct chardev_pty *p)
{
	struct pollfd pfd = { .fd = p->master, .events = POLLIN };

	return poll(&pfd, 1, 0) >= 0 && (!(pfd.revents & POLLHUP) || (pfd.revents & POLLIN));
}

static void look(void *opaque)
{
	struct chardev_pty *p = opaque;

	if (p->peer.fd >= 0)
		return;
	if (is_open(p)) {
		p->cols = p->rows = 0;
		chardev_tty_size(p->master, &p->cols, &p->rows);
		chardev_peer_arrive(&p->peer, p->master, false);
	} else if (p->notify_fd < 0) {
		later_arm(&p->look, LOOK_NS);
	}
}

static void on_open(void *opaque, uint32_t events)
{
	struct chardev_pty *p = opaque;
	char buf[4096];

	while (read(p->notify_fd, buf, sizeof(buf)) > 0)
		;
	look(p);
}

/* Opened again since, maybe: then there is no event to come. */
static void pty_gone(struct chardev_peer *peer)
{
	later_arm(&container_of(peer, struct chardev_pty, peer)->look, 0);
}

/* The terminal's size tells no one when it changes; a key that is pressed comes after it. */
static void pty_read(struct chardev_peer *peer)
{
	struct chardev_pty *p = container_of(peer, struct chardev_pty, peer);
	uint16_t cols = 0, rows = 0;

	chardev_tty_size(p->master, &cols, &rows);
	if (cols == p->cols && rows == p->rows)
		return;
	p->cols = cols;
	p->rows = rows;
	chardev_changed(peer->cd);
}

static const char *pty_path(struct chardev_peer *peer)
{
	return container_of(peer, struct chardev_pty, peer)->path;
}

/* Whether the link is there and leads to our terminal. */
static bool is_ours(const struct chardev_pty *p)
{
	char target[sizeof(p->path)];
	ssize_t n = readlink(p->link, target, sizeof(target));

	return n > 0 && (size_t)n == strlen(p->path) && !memcmp(target, p->path, (size_t)n);
}

static void pty_destroy(struct chardev_peer *peer)
{
	struct chardev_pty *p = container_of(peer, struct chardev_pty, peer);

	loop_unwatch(peer->loop, &p->notify);
	close_fd(&p->notify_fd);
	later_fini(&p->look);
	chardev_peer_fini(peer);
	if (p->link && is_ours(p))
		unlink(p->link);
	close_fd(&p->master);
	free(p);
}

static const struct chardev_peer_ops pty_ops = {
	.gone = pty_gone,
	.path = pty_path,
	.read = pty_read,
	.destroy = pty_destroy,
};

/* The guest's terminal discipline is the one that counts: this one changes nothing. */
static int make_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0)
		return -errno;
	cfmakeraw(&t);
	return tcsetattr(fd, TCSANOW, &t) < 0 ? -errno : 0;
}

static int open_pair(struct chardev_pty *p)
{
	int other, r;

	p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (p->master < 0 || grantpt(p->master) < 0 || unlockpt(p->master) < 0)
		return -errno;
	r = ptsname_r(p->master, p->path, sizeof(p->path));
	if (r)
		return -r;
	/* Opened and closed once, so that the kernel says "hung up" until somebody comes. */
	other = open(p->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (other < 0)
		return -errno;
	r = make_raw(other);
	close(other);
	return r;
}

static void watch_opens(struct chardev_pty *p)
{
	p->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (p->notify_fd >= 0 && inotify_add_watch(p->notify_fd, p->path, IN_OPEN) >= 0 &&
	    !loop_watch(p->peer.loop, &p->notify, p->notify_fd, EPOLLIN, on_open, p))
		return;
	close_fd(&p->notify_fd);
	later_arm(&p->look, LOOK_NS);
}

/* What a machine that was killed left behind is a link, too; nothing else is replaced. */
static int make_link(struct chardev_pty *p, const char *link)
{
	struct stat st;

	if (!lstat(link, &st) && S_ISLNK(st.st_mode))
		unlink(link);
	if (symlink(p->path, link) < 0)
		return -errno;
	p->link = link;
	return 0;
}

int chardev_pty_open(struct chardev *cd, const struct dev_env *env, struct chardev_out *out,
	const char *link, struct chardev_peer **peer_out, struct tvm_error *err)
{
	struct chardev_pty *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_set(err, -ENOMEM, "%s: out of memory", chardev_name(cd));
	p->master = p->notify_fd = -1;
	p->notify = LOOP_FD_NONE;
	r = chardev_peer_init(&p->peer, &pty_ops, env->loop, cd, out);
	if (!r)
		r = later_init(&p->look, env->loop, look, p);
	if (!r)
		r = open_pair(p);
	if (!r)
		watch_opens(p);
	if (r < 0)
		err_sys(err, r, "%s: cannot make a pseudo-terminal", chardev_name(cd));
	if (!r && link) {
		r = make_link(p, link);
		if (r < 0)
			err_sys(err, r, "%s: cannot make the link %s", chardev_name(cd), link);
	}
	if (r < 0) {
		pty_destroy(&p->peer);
		return r;
	}
	*peer_out = &p->peer;
	return 0;
}
