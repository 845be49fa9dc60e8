/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unix socket of a vsock connection. Bytes go between guest memory and the kernel without
 * a copy of ours, except those from the guest that the socket does not take at once: they wait
 * in a ring that is as large as the credit we gave.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "devices/virtio/vsock_int.h"

void vsock_io_close(struct vsock_conn *c)
{
	loop_unwatch(c->v->vd.env->loop, &c->watch);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	free(c->buf);
	c->buf = NULL;
	c->len = 0;
}

/* ---- To the guest -------------------------------------------------------------------- */

bool vsock_io_can_read(const struct vsock_conn *c)
{
	return c->state == VSOCK_OPEN && !c->host_eof && !c->guest_no_rcv &&
		vsock_credit(c->tx_cnt, c->peer_fwd, c->peer_alloc);
}

uint32_t vsock_io_read(struct vsock_conn *c)
{
	uint32_t want = vsock_credit(c->tx_cnt, c->peer_fwd, c->peer_alloc);
	struct msghdr msg = { .msg_iov = c->v->io_iov };
	size_t room = 0;
	ssize_t n;

	if (want > VSOCK_MAX_PACKET)
		want = VSOCK_MAX_PACKET;
	msg.msg_iovlen = vsock_room(c->v, want, c->v->io_iov, ARRAY_SIZE(c->v->io_iov));
	for (size_t i = 0; i < msg.msg_iovlen; i++)
		room += msg.msg_iov[i].iov_len;
	do {
		n = recvmsg(c->fd, &msg, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		c->tx_cnt += (uint32_t)n;
		/* The end of what was there; more is an event, while there are events. */
		c->readable = (uint32_t)n == room || c->hup;
		return (uint32_t)n;
	}
	c->readable = false;
	if (!n)
		c->host_eof = true;
	else if (errno != EAGAIN)
		vsock_conn_abort(c);
	return 0;
}

/* ---- To the host --------------------------------------------------------------------- */

/* The host takes no more: what is buffered counts as delivered. */
static void drop(struct vsock_conn *c)
{
	c->host_no_rcv = true;
	c->len = 0;
}

/* Bytes that the socket took; -1: none, ever again. */
static ssize_t send_some(struct vsock_conn *c, struct iovec *iov, unsigned int nr)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = nr };
	ssize_t n;

	do {
		n = sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 && errno == EAGAIN ? 0 : n;
}

static void flush(struct vsock_conn *c)
{
	while (c->len) {
		uint32_t straight = VSOCK_BUF - c->head;
		struct iovec iov[2] = { { c->buf + c->head, straight }, { c->buf, 0 } };
		ssize_t n;

		if (c->len <= straight)
			iov[0].iov_len = c->len;
		else
			iov[1].iov_len = c->len - straight;
		n = send_some(c, iov, iov[1].iov_len ? 2 : 1);
		if (n < 0)
			drop(c);
		if (n <= 0)
			return;
		c->head = (c->head + (uint32_t)n) % VSOCK_BUF;
		c->len -= (uint32_t)n;
	}
	/* Connections are many and mostly idle: none keeps a buffer that it does not need. */
	free(c->buf);
	c->buf = NULL;
	c->head = 0;
}

static int keep(struct vsock_conn *c, const struct virtq_chain *chain, uint64_t off, uint32_t len)
{
	uint32_t tail, straight;

	if (!c->buf)
		c->buf = malloc(VSOCK_BUF);
	if (!c->buf)
		return -ENOMEM;
	tail = (c->head + c->len) % VSOCK_BUF;
	straight = VSOCK_BUF - tail < len ? VSOCK_BUF - tail : len;
	virtq_chain_read(chain, off, c->buf + tail, straight);
	virtq_chain_read(chain, off + straight, c->buf, len - straight);
	c->len += len;
	return 0;
}

int vsock_io_write(struct vsock_conn *c, const struct virtq_chain *chain, uint32_t len)
{
	ssize_t n = 0;

	if (!c->len && !c->host_no_rcv) {
		unsigned int nr = vsock_window(chain->iov, chain->nr_out, VSOCK_HDR_SIZE, len,
			c->v->io_iov);

		n = send_some(c, c->v->io_iov, nr);
		if (n < 0)
			drop(c);
	}
	c->rx_cnt += len;
	if (c->host_no_rcv || n == (ssize_t)len)
		return 0;
	return keep(c, chain, VSOCK_HDR_SIZE + (uint64_t)n, len - (uint32_t)n);
}

/* ---- Events -------------------------------------------------------------------------- */

static void on_open(struct vsock_conn *c, uint32_t events)
{
	if (events & EPOLLOUT)
		flush(c);
	if (events & EPOLLIN)
		c->readable = true;
	if (events & (EPOLLHUP | EPOLLERR)) {
		/*
		 * Closed, both ways. What it sent before is read as the guest gives credit; the
		 * event cannot be masked, so nobody waits for it any more.
		 */
		loop_unwatch(c->v->vd.env->loop, &c->watch);
		c->hup = c->readable = true;
		drop(c);
	}
}

static void on_event(void *opaque, uint32_t events)
{
	struct vsock_conn *c = opaque;
	struct vsock *v = c->v;

	if (!vsock_running(v)) { /* broken: nothing will come of it */
		vsock_conn_free(c);
		return;
	}
	switch (c->state) {
	case VSOCK_HANDSHAKE:
		vsock_host_handshake(c);
		break;
	case VSOCK_REQUESTED: /* the client has gone; perhaps before the guest heard of it */
		if (c->todo & VSOCK_TODO_REQUEST) {
			vsock_conn_free(c);
			break;
		}
		vsock_conn_abort(c);
		vsock_conn_settle(c);
		break;
	case VSOCK_OPEN:
		on_open(c, events);
		vsock_conn_settle(c);
		break;
	case VSOCK_LINGER:
		flush(c);
		if (!c->len)
			vsock_conn_free(c);
		break;
	case VSOCK_CLOSED:
		break;
	}
	vsock_pump(v);
}

static uint32_t wanted(const struct vsock_conn *c)
{
	switch (c->state) {
	case VSOCK_HANDSHAKE:
		return EPOLLIN;
	case VSOCK_OPEN:
		/* Known to be readable and still not read: the guest lacks buffers. */
		return (vsock_io_can_read(c) && !c->readable ? EPOLLIN : 0) |
			(c->len ? EPOLLOUT : 0);
	case VSOCK_LINGER:
		return EPOLLOUT;
	default:
		return 0;
	}
}

void vsock_io_watch(struct vsock_conn *c)
{
	struct loop *loop = c->v->vd.env->loop;
	uint32_t events = wanted(c);

	if (c->fd < 0)
		return;
	if (c->watch.fd >= 0 && events != c->watched)
		loop_modify(loop, &c->watch, events);
	else if (c->watch.fd < 0 && !c->hup &&
		loop_watch(loop, &c->watch, c->fd, events, on_event, c) < 0)
		vsock_conn_abort(c);
	c->watched = events;
}
