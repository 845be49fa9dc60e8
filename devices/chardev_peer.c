/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See chardev_peer.h. The descriptor is watched while the console has room for input; a client
 * that leaves while it has none is noticed when what it said has been delivered.
 */
#include "devices/chardev_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "devices/chardev.h"
#include "devices/chardev_out.h"

static void leave(struct chardev_peer *peer)
{
	loop_unwatch(peer->loop, &peer->in);
	chardev_out_detach(peer->out);
	if (peer->own)
		close_fd(&peer->fd);
	peer->fd = -1;
	chardev_changed(peer->cd);
	peer->ops->gone(peer);
}

/* One piece of at most what the console has room for. False: the client is gone. */
static bool take(struct chardev_peer *peer, uint32_t events)
{
	uint8_t buf[1024];
	size_t room = chardev_room(peer->cd);
	ssize_t n;

	if (!room)
		return true;
	n = read(peer->fd, buf, room < sizeof(buf) ? room : sizeof(buf));
	if (n < 0 && errno == EINTR)
		return true;
	/* EIO: a terminal that nobody has open any more. */
	if (n < 0)
		return errno == EAGAIN && !(events & (EPOLLHUP | EPOLLERR));
	if (!n) {
		/* Half a close: it waits for an answer, maybe. The other half is a hang-up. */
		if (events & (EPOLLHUP | EPOLLERR))
			return false;
		peer->eof = true;
		return loop_modify(peer->loop, &peer->in, 0) >= 0;
	}
	for (ssize_t i = 0; i < n; i++)
		chardev_input(peer->cd, buf[i]);
	if (peer->ops->read)
		peer->ops->read(peer);
	return true;
}

static void on_input(void *opaque, uint32_t events)
{
	struct chardev_peer *peer = opaque;

	chardev_deliver(peer->cd);
	if (!take(peer, events)) {
		leave(peer);
		return;
	}
	chardev_deliver(peer->cd);
	/* Unwatch rather than mask: a hang-up cannot be masked and would spin. */
	if (!chardev_room(peer->cd))
		loop_unwatch(peer->loop, &peer->in);
}

static void service(void *opaque)
{
	struct chardev_peer *peer = opaque;

	chardev_deliver(peer->cd);
	if (peer->fd < 0 || peer->in.fd >= 0 || !chardev_room(peer->cd))
		return;
	if (loop_watch(peer->loop, &peer->in, peer->fd, peer->eof ? 0 : EPOLLIN, on_input,
	    peer) < 0)
		leave(peer);
}

void chardev_peer_resume(struct chardev_peer *peer)
{
	later_arm(&peer->later, 0);
}

void chardev_peer_arrive(struct chardev_peer *peer, int fd, bool own)
{
	/* A descriptor of its own: one cannot be watched twice. */
	int out = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	peer->fd = fd;
	peer->own = own;
	peer->eof = false;
	if (out < 0) {
		leave(peer);
		return;
	}
	chardev_out_attach(peer->out, out);
	chardev_changed(peer->cd);
	service(peer);
}

int chardev_peer_init(struct chardev_peer *peer, const struct chardev_peer_ops *ops,
	struct loop *loop, struct chardev *cd, struct chardev_out *out)
{
	*peer = (struct chardev_peer){
		.ops = ops,
		.cd = cd,
		.out = out,
		.loop = loop,
		.fd = -1,
		.in = LOOP_FD_NONE,
	};
	return later_init(&peer->later, loop, service, peer);
}

void chardev_peer_fini(struct chardev_peer *peer)
{
	if (!peer->ops)
		return;
	loop_unwatch(peer->loop, &peer->in);
	chardev_out_detach(peer->out);
	if (peer->own)
		close_fd(&peer->fd);
	later_fini(&peer->later);
}
