/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of a vsock device (virtio 1.2, 5.10.6).
 *
 *	host's client ----> HANDSHAKE -> REQUESTED --+
 *	                                             +-> OPEN -> CLOSED -> freed with its RST
 *	guest's REQUEST -----------------------------+     |
 *	                                                   +---> LINGER -> freed when flushed
 *
 * A guest breaks its own connection only: a packet that its state does not allow is answered
 * with RST. What the guest says about credit decides how much we read from the host, and what
 * we keep for the host is decided by ourselves alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices/virtio/vsock_int.h"

/* ---- Life ---------------------------------------------------------------------------- */

static unsigned int bucket(uint32_t guest_port, uint32_t host_port)
{
	return ((guest_port ^ host_port * 0x9e3779b1u) * 0x85ebca6bu >> 16) % VSOCK_BUCKETS;
}

struct vsock_conn *vsock_conn_create(struct vsock *v, int fd, enum vsock_state state)
{
	struct vsock_conn *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return NULL;
	}
	c->v = v;
	c->fd = fd;
	c->state = state;
	c->watch = LOOP_FD_NONE;
	LIST_INSERT_HEAD(&v->all, c, all);
	v->nr_conns++;
	return c;
}

/* The guest knows nothing of it from now on. */
static void leave(struct vsock_conn *c)
{
	if (c->queued)
		TAILQ_REMOVE(&c->v->ready, c, ready);
	if (c->hashed)
		LIST_REMOVE(c, bucket);
	c->queued = c->hashed = false;
	c->todo = 0;
}

void vsock_conn_free(struct vsock_conn *c)
{
	leave(c);
	vsock_io_close(c);
	LIST_REMOVE(c, all);
	c->v->nr_conns--;
	free(c);
}

struct vsock_conn *vsock_conn_find(struct vsock *v, uint32_t guest_port, uint32_t host_port)
{
	struct vsock_conn *c;

	LIST_FOREACH(c, &v->buckets[bucket(guest_port, host_port)], bucket)
		if (c->guest_port == guest_port && c->host_port == host_port)
			return c;
	return NULL;
}

void vsock_conn_enter(struct vsock_conn *c, uint32_t guest_port, uint32_t host_port)
{
	c->guest_port = guest_port;
	c->host_port = host_port;
	c->hashed = true;
	LIST_INSERT_HEAD(&c->v->buckets[bucket(guest_port, host_port)], c, bucket);
}

void vsock_conn_request(struct vsock_conn *c, uint32_t guest_port)
{
	struct vsock *v = c->v;

	/* Upper half: nobody listens there by number. There are fewer connections than ports. */
	do {
		v->next_port = (v->next_port + 1) | BIT(30);
		v->next_port &= INT32_MAX;
	} while (vsock_conn_find(v, guest_port, v->next_port));
	vsock_conn_enter(c, guest_port, v->next_port);
	c->state = VSOCK_REQUESTED;
	c->todo = VSOCK_TODO_REQUEST;
}

void vsock_conn_abort(struct vsock_conn *c)
{
	vsock_io_close(c);
	c->state = VSOCK_CLOSED;
	c->todo = VSOCK_TODO_RST;
}

/* The guest is done with it; what it sent before still goes to the host. May free c. */
static void finish(struct vsock_conn *c)
{
	if (!c->len) {
		vsock_conn_free(c);
		return;
	}
	leave(c);
	c->state = VSOCK_LINGER;
	vsock_io_watch(c);
	if (c->state == VSOCK_CLOSED)
		vsock_conn_free(c);
}

/* ---- What follows from a change ------------------------------------------------------ */

static bool has_work(const struct vsock_conn *c)
{
	return c->todo || (c->readable && vsock_io_can_read(c));
}

static uint32_t shut_flags(const struct vsock_conn *c)
{
	return (c->host_no_rcv ? VIRTIO_VSOCK_SHUTDOWN_RCV : 0) |
		(c->host_eof ? VIRTIO_VSOCK_SHUTDOWN_SEND : 0);
}

static void settle_open(struct vsock_conn *c)
{
	if (c->guest_eof && !c->len && !c->host_no_rcv && !c->wr_shut) {
		shutdown(c->fd, SHUT_WR);
		c->wr_shut = true;
	}
	if (shut_flags(c) & ~c->shut_sent)
		c->todo |= VSOCK_TODO_SHUTDOWN;
	/* The window the guest sees is down by a quarter: tell it what has left meanwhile. */
	if (c->rx_cnt - c->len - c->fwd_told >= VSOCK_BUF / 4)
		c->todo |= VSOCK_TODO_CREDIT_UPDATE;
	if ((c->host_eof || c->guest_no_rcv) && (c->host_no_rcv || c->wr_shut)) {
		/* Over in both directions; the guest still reads what it has. */
		vsock_io_close(c);
		c->state = VSOCK_CLOSED;
		c->todo = (c->todo & VSOCK_TODO_SHUTDOWN) | VSOCK_TODO_RST;
	}
}

void vsock_conn_settle(struct vsock_conn *c)
{
	if (c->state == VSOCK_OPEN)
		settle_open(c);
	if (!has_work(c))
		vsock_io_watch(c); /* may fail, which is work */
	if (has_work(c) && !c->queued && c->hashed) {
		TAILQ_INSERT_TAIL(&c->v->ready, c, ready);
		c->queued = true;
	}
}

/* ---- From the guest ------------------------------------------------------------------ */

static void guest_shutdown(struct vsock_conn *c, const struct vsock_hdr *h)
{
	uint32_t flags = le32_get(h->flags);

	if (flags & VIRTIO_VSOCK_SHUTDOWN_SEND)
		c->guest_eof = true;
	if ((flags & VIRTIO_VSOCK_SHUTDOWN_RCV) && !c->guest_no_rcv) {
		c->guest_no_rcv = true;
		shutdown(c->fd, SHUT_RD);
	}
	if (c->guest_eof && c->guest_no_rcv) {
		/* 5.10.6.6: a clean disconnect is confirmed with RST; the ports are free then. */
		vsock_refuse(c->v, h);
		finish(c);
	}
}

/* The guest broke a rule, or we cannot go on. */
static void fail(struct vsock_conn *c, const struct vsock_hdr *h)
{
	vsock_refuse(c->v, h);
	vsock_conn_free(c);
}

static void data(struct vsock_conn *c, const struct vsock_hdr *h, const struct virtq_chain *chain)
{
	uint32_t len = le32_get(h->len);

	/* 5.10.6.3.1: never more than its credit. c->len is our own count, not the guest's. */
	if (c->guest_eof || len > VSOCK_BUF - c->len || vsock_io_write(c, chain, len) < 0)
		fail(c, h);
}

static void open_packet(struct vsock_conn *c, const struct vsock_hdr *h,
	const struct virtq_chain *chain)
{
	switch (le16_get(h->op)) {
	case VIRTIO_VSOCK_OP_RW:
		if (le32_get(h->len))
			data(c, h, chain);
		break;
	case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
		break;
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		c->todo |= VSOCK_TODO_CREDIT_UPDATE;
		break;
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		guest_shutdown(c, h);
		break;
	case VIRTIO_VSOCK_OP_RST:
		finish(c);
		break;
	default:
		fail(c, h);
	}
}

static void requested_packet(struct vsock_conn *c, const struct vsock_hdr *h)
{
	uint16_t op = le16_get(h->op);

	if (op == VIRTIO_VSOCK_OP_RST) {
		vsock_conn_free(c);
	} else if (op != VIRTIO_VSOCK_OP_RESPONSE || (c->todo & VSOCK_TODO_REQUEST) ||
		(c->hybrid && vsock_host_accepted(c) < 0)) {
		fail(c, h);
	} else {
		c->state = VSOCK_OPEN;
	}
}

void vsock_conn_packet(struct vsock_conn *c, const struct vsock_hdr *h,
	const struct virtq_chain *chain)
{
	struct vsock *v = c->v;
	uint32_t guest_port = c->guest_port, host_port = c->host_port;

	c->peer_alloc = le32_get(h->buf_alloc);
	c->peer_fwd = le32_get(h->fwd_cnt);
	if (vsock_credit(c->tx_cnt, c->peer_fwd, c->peer_alloc))
		c->asked = false;
	if (c->state == VSOCK_REQUESTED)
		requested_packet(c, h);
	else if (c->state == VSOCK_OPEN)
		open_packet(c, h, chain);
	else if (le16_get(h->op) == VIRTIO_VSOCK_OP_RST)
		vsock_conn_free(c);
	/* Is it still there? */
	c = vsock_conn_find(v, guest_port, host_port);
	if (c)
		vsock_conn_settle(c);
}

/* ---- To the guest -------------------------------------------------------------------- */

static bool take_todo(struct vsock_conn *c, enum vsock_todo what)
{
	bool set = c->todo & what;

	c->todo &= ~(unsigned int)what;
	return set;
}

/* The operation of the next packet, its data in place; INVALID: none. */
static enum vsock_op next(struct vsock_conn *c, uint32_t *len)
{
	if (take_todo(c, VSOCK_TODO_REQUEST))
		return VIRTIO_VSOCK_OP_REQUEST;
	if (take_todo(c, VSOCK_TODO_RESPONSE))
		return VIRTIO_VSOCK_OP_RESPONSE;
	if (take_todo(c, VSOCK_TODO_CREDIT_UPDATE))
		return VIRTIO_VSOCK_OP_CREDIT_UPDATE;
	if (take_todo(c, VSOCK_TODO_CREDIT_REQUEST))
		return VIRTIO_VSOCK_OP_CREDIT_REQUEST;
	if (c->readable && vsock_io_can_read(c)) {
		*len = vsock_io_read(c);
		if (!vsock_credit(c->tx_cnt, c->peer_fwd, c->peer_alloc) && !c->asked) {
			c->asked = true;
			c->todo |= VSOCK_TODO_CREDIT_REQUEST;
		}
		if (*len)
			return VIRTIO_VSOCK_OP_RW;
		if (c->state == VSOCK_OPEN)
			settle_open(c);
	}
	if (take_todo(c, VSOCK_TODO_SHUTDOWN)) {
		c->shut_sent = shut_flags(c);
		return VIRTIO_VSOCK_OP_SHUTDOWN;
	}
	return take_todo(c, VSOCK_TODO_RST) ? VIRTIO_VSOCK_OP_RST : VIRTIO_VSOCK_OP_INVALID;
}

void vsock_conn_fill(struct vsock_conn *c)
{
	uint32_t len = 0;
	enum vsock_op op = next(c, &len);
	struct vsock_hdr h = {
		.src_cid = le64_make(VSOCK_HOST_CID),
		.dst_cid = le64_make(c->v->cid),
		.src_port = le32_make(c->host_port),
		.dst_port = le32_make(c->guest_port),
		.type = le16_make(VIRTIO_VSOCK_TYPE_STREAM),
		.op = le16_make((uint16_t)op),
		.flags = le32_make(op == VIRTIO_VSOCK_OP_SHUTDOWN ? c->shut_sent : 0),
		.buf_alloc = le32_make(VSOCK_BUF),
		.fwd_cnt = le32_make(c->rx_cnt - c->len),
	};

	if (op == VIRTIO_VSOCK_OP_INVALID) {
		vsock_conn_settle(c);
		return;
	}
	do {
		len -= vsock_put(c->v, &h, len);
	} while (len);
	c->fwd_told = c->rx_cnt - c->len;
	if (op == VIRTIO_VSOCK_OP_RST)
		vsock_conn_free(c);
	else
		vsock_conn_settle(c);
}
