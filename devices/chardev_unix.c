/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A console at a unix socket: we listen, one client at a time has the console, others wait in
 * the backlog. The socket's file is ours and goes with us.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "devices/chardev.h"
#include "devices/chardev_peer.h"
#include "vmm/device.h"

#define BACKLOG 8
#define RETRY_NS 100000000u

struct chardev_unix {
	struct chardev_peer peer;
	int fd;			/* owned: listens */
	struct loop_fd watch;	/* while nobody has the console */
	struct later again;	/* after a failure of accept() */
	const char *path;	/* borrowed, as the options; NULL: no file of ours is there */
	dev_t dev;
	ino_t ino;
};

static void on_client(void *opaque, uint32_t events)
{
	struct chardev_unix *u = opaque;
	int fd = accept4(u->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
		return;
	loop_unwatch(u->peer.loop, &u->watch);
	/* No descriptors, no memory: the client is still there in a moment. */
	if (fd < 0)
		later_arm(&u->again, RETRY_NS);
	else
		chardev_peer_arrive(&u->peer, fd, true);
}

static void listen_again(void *opaque)
{
	struct chardev_unix *u = opaque;

	if (u->peer.fd < 0 && u->watch.fd < 0 &&
	    loop_watch(u->peer.loop, &u->watch, u->fd, EPOLLIN, on_client, u) < 0)
		later_arm(&u->again, RETRY_NS);
}

/* Not at once: a client that fails to arrive would have us call each other. */
static void unix_gone(struct chardev_peer *peer)
{
	later_arm(&container_of(peer, struct chardev_unix, peer)->again, 0);
}

static void unix_destroy(struct chardev_peer *peer)
{
	struct chardev_unix *u = container_of(peer, struct chardev_unix, peer);
	struct stat st;

	loop_unwatch(peer->loop, &u->watch);
	later_fini(&u->again);
	close_fd(&u->fd);
	if (u->path && !lstat(u->path, &st) && st.st_dev == u->dev && st.st_ino == u->ino)
		unlink(u->path);
	chardev_peer_fini(peer);
	free(u);
}

static const struct chardev_peer_ops unix_ops = {
	.gone = unix_gone,
	.destroy = unix_destroy,
};

/* Whether a socket file that nobody listens at is in the way. */
static bool stale(const struct sockaddr_un *sa)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	return fd >= 0 && !lstat(sa->sun_path, &st) && S_ISSOCK(st.st_mode) &&
		connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0 && errno == ECONNREFUSED;
}

static int bind_to(int fd, const struct sockaddr_un *sa)
{
	if (!bind(fd, (const struct sockaddr *)sa, sizeof(*sa)))
		return 0;
	if (errno != EADDRINUSE || !stale(sa) || unlink(sa->sun_path) < 0)
		return -EADDRINUSE;
	return bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0 ? -errno : 0;
}

static int open_listener(struct chardev_unix *u, const char *name, const char *path,
	struct tvm_error *err)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct stat st;
	int r;

	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(err, -EINVAL, "%s: socket path '%.100s...' is longer than %zu bytes",
			name, path, sizeof(sa.sun_path) - 1);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	u->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The file takes its mode from the socket, so that it is never open to others. */
	r = u->fd < 0 || fchmod(u->fd, 0600) < 0 ? -errno : bind_to(u->fd, &sa);
	if (r < 0)
		return err_sys(err, r, "%s: cannot make the socket %s", name, path);
	if (lstat(path, &st) < 0)
		return err_sys(err, -errno, "%s: %s", name, path);
	u->path = path;
	u->dev = st.st_dev;
	u->ino = st.st_ino;
	r = listen(u->fd, BACKLOG) < 0 ? -errno :
		loop_watch(u->peer.loop, &u->watch, u->fd, EPOLLIN, on_client, u);
	return r < 0 ? err_sys(err, r, "%s: cannot listen at %s", name, path) : 0;
}

int chardev_unix_open(struct chardev *cd, const struct dev_env *env, struct chardev_out *out,
	const char *path, struct chardev_peer **peer_out, struct tvm_error *err)
{
	struct chardev_unix *u = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return err_set(err, -ENOMEM, "%s: out of memory", chardev_name(cd));
	u->fd = -1;
	u->watch = LOOP_FD_NONE;
	r = chardev_peer_init(&u->peer, &unix_ops, env->loop, cd, out);
	if (!r)
		r = later_init(&u->again, env->loop, listen_again, u);
	r = r < 0 ? err_sys(err, r, "%s: socket", chardev_name(cd)) :
		open_listener(u, chardev_name(cd), path, err);
	if (r < 0) {
		unix_destroy(&u->peer);
		return r;
	}
	*peer_out = &u->peer;
	return 0;
}
