/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-vsock (virtio 1.2, 5.10), shared by its files:
 *
 *	vsock.c		queues, headers, create and destroy
 *	vsock_conn.c	connections: table, states, packets in both directions
 *	vsock_io.c	a connection's unix socket: buffer, end of stream, events
 *	vsock_host.c	listening sockets, the CONNECT line, sockets that the guest reaches
 *	vsock_vhost.c	instead of them all: the host's kernel serves its own AF_VSOCK sockets
 *
 * Everything runs on the loop's thread. What a guest can make us keep is bounded:
 * VSOCK_MAX_CONNS connections with VSOCK_BUF bytes each, VSOCK_MAX_REPLIES answers to packets
 * that belong to none. Packets of a connection are flags until there is a buffer for them.
 */
#ifndef DEVICES_VIRTIO_VSOCK_INT_H
#define DEVICES_VIRTIO_VSOCK_INT_H

#include <sys/queue.h>
#include <sys/types.h>

#include "base/le.h"
#include "base/loop.h"
#include "devices/later.h"
#include "devices/virtio/virtio.h"

#define VSOCK_HOST_CID 2
#define VSOCK_QUEUE_SIZE 256
#define VSOCK_BUF (128u << 10)		/* buf_alloc; what the guest may send unread */
#define VSOCK_MAX_PACKET (64u << 10)	/* of data, to the guest at a time */
#define VSOCK_BATCH 16			/* as 4 KiB buffers, which Linux has */
#define VSOCK_MAX_CONNS 1024
#define VSOCK_MAX_REPLIES 256
#define VSOCK_BUCKETS 256
#define VSOCK_LINE_MAX 24		/* "CONNECT 4294967295\n" and some */

enum { VSOCK_RX, VSOCK_TX, VSOCK_EVENT, VSOCK_QUEUES }; /* 5.10.2 */

#define VIRTIO_VSOCK_F_STREAM 0
#define VIRTIO_VSOCK_F_SEQPACKET 1	/* vsock_vhost.c only */
#define VIRTIO_VSOCK_TYPE_STREAM 1
#define VIRTIO_VSOCK_SHUTDOWN_RCV 1u
#define VIRTIO_VSOCK_SHUTDOWN_SEND 2u

/* 5.10.6 */
enum vsock_op {
	VIRTIO_VSOCK_OP_INVALID,
	VIRTIO_VSOCK_OP_REQUEST,
	VIRTIO_VSOCK_OP_RESPONSE,
	VIRTIO_VSOCK_OP_RST,
	VIRTIO_VSOCK_OP_SHUTDOWN,
	VIRTIO_VSOCK_OP_RW,
	VIRTIO_VSOCK_OP_CREDIT_UPDATE,
	VIRTIO_VSOCK_OP_CREDIT_REQUEST,
};

struct vsock_hdr {
	le64 src_cid, dst_cid;
	le32 src_port, dst_port;
	le32 len;
	le16 type, op;
	le32 flags;
	le32 buf_alloc, fwd_cnt;
};
#define VSOCK_HDR_SIZE 44

enum vsock_state {
	VSOCK_HANDSHAKE,	/* the host's client has not said where to; not in the table */
	VSOCK_REQUESTED,	/* the guest has not answered yet */
	VSOCK_OPEN,
	VSOCK_CLOSED,		/* no socket any more; last packets wait for a buffer */
	VSOCK_LINGER,		/* the guest is done; not in the table; bytes wait for the host */
};

/* Packets that a connection owes the guest; sent in the order of vsock_conn_fill(). */
enum vsock_todo {
	VSOCK_TODO_REQUEST = 1,
	VSOCK_TODO_RESPONSE = 2,
	VSOCK_TODO_CREDIT_UPDATE = 4,
	VSOCK_TODO_CREDIT_REQUEST = 8,
	VSOCK_TODO_SHUTDOWN = 16,
	VSOCK_TODO_RST = 32,
};

struct vsock_conn {
	struct vsock *v;		/* borrowed: it owns us */
	enum vsock_state state;
	uint32_t guest_port, host_port;
	unsigned int todo;		/* enum vsock_todo */
	int fd;				/* owned */
	struct loop_fd watch;
	uint32_t watched;		/* events of watch */
	bool hybrid;			/* the client waits for "OK" */
	bool queued;			/* in v->ready */
	bool hashed;			/* in the table */
	bool readable;			/* fd may have bytes */
	bool hup;			/* fd is closed at the other end, and not watched */
	bool host_eof, host_no_rcv;	/* the host has sent all; takes no more */
	bool guest_eof, guest_no_rcv;	/* the same of the guest */
	bool wr_shut;			/* the host knows of guest_eof */
	bool asked;			/* for credit, since there was none */
	uint32_t shut_sent;		/* flags of the last SHUTDOWN */
	/* To the guest. All counters are free-running (5.10.6.3): only differences count. */
	uint32_t tx_cnt, peer_alloc, peer_fwd;
	/* From the guest; rx_cnt - len has gone to the host, fwd_told is what the guest knows. */
	uint32_t rx_cnt, fwd_told;
	uint8_t *buf;			/* ring of VSOCK_BUF bytes, owned; NULL: not needed yet */
	uint32_t head, len;
	unsigned int line_len;
	char line[VSOCK_LINE_MAX];
	LIST_ENTRY(vsock_conn) all, bucket;
	TAILQ_ENTRY(vsock_conn) ready;
};

struct vsock_listener {
	struct vsock *v;		/* borrowed: the listener is in it */
	int fd;				/* owned */
	struct loop_fd watch;
	char *path;			/* owned; unlinked if it is still our file */
	dev_t dev;
	ino_t ino;
	bool hybrid;
	uint32_t port;			/* of the guest; not for hybrid */
};

struct vsock_target {
	uint32_t port;			/* of the host, as the guest sees it */
	const char *path;		/* in the options */
};

/* An RST for a packet that belongs to no connection. */
struct vsock_reply {
	uint64_t src_cid;
	uint32_t src_port, dst_port;
	uint16_t type;
};

struct vsock {
	struct dev dev;
	struct virtio_dev vd;
	uint64_t cid;
	const char *path;		/* in the options; may be NULL */
	struct vsock_listener *listeners; /* owned */
	unsigned int nr_listeners;
	struct vsock_target *targets;	/* owned */
	unsigned int nr_targets;
	struct later retry;		/* listeners rest while descriptors are short */
	uint32_t next_port;
	unsigned int nr_conns;
	LIST_HEAD(, vsock_conn) all;
	LIST_HEAD(, vsock_conn) buckets[VSOCK_BUCKETS];
	TAILQ_HEAD(, vsock_conn) ready;	/* have something for the guest */
	struct vsock_reply replies[VSOCK_MAX_REPLIES];
	unsigned int first_reply, nr_replies;
	bool tx_waits;			/* until replies have left */
	bool rx_away;			/* the driver has reset its queue, and not enabled again */
	/* In hand: popped and not pushed yet, rx[rx_first .. rx_first + rx_nr) around the end. */
	struct virtq_chain rx[VSOCK_BATCH];
	unsigned int rx_first, rx_nr;
	struct iovec tx_iov[VSOCK_QUEUE_SIZE], io_iov[VSOCK_QUEUE_SIZE];
	struct iovec rx_iov[VSOCK_BATCH][VSOCK_QUEUE_SIZE];
};

/*
 * Bytes that the peer takes now. It may say anything: a buffer smaller than what is under
 * way, or more read than was sent, gives none instead of a difference below zero
 * (CVE-2026-23069).
 */
static inline uint32_t vsock_credit(uint32_t tx_cnt, uint32_t peer_fwd, uint32_t peer_alloc)
{
	uint32_t under_way = tx_cnt - peer_fwd;

	return under_way < peer_alloc ? peer_alloc - under_way : 0;
}

/* ---- vsock.c ------------------------------------------------------------------------- */

int vsock_check_cid(uint64_t cid, struct tvm_error *err);

/* The guest can be reached, perhaps later: there is a driver, and nothing is broken. */
bool vsock_running(const struct vsock *v);

/* Give the guest what connections have for it, as far as there are buffers. */
void vsock_pump(struct vsock *v);

/* Refuse a packet. There is room: a packet is not taken without. */
void vsock_refuse(struct vsock *v, const struct vsock_hdr *h);

/* Part [off, off + len) of iov[0..nr) as buffers in out, of at least nr entries; their number. */
unsigned int vsock_window(const struct iovec *iov, unsigned int nr, size_t off, size_t len,
	struct iovec *out);

/*
 * Room for up to len bytes of data behind the headers of buffers for the guest, as buffers in
 * iov, of max entries; one more packet can be put at least.
 */
unsigned int vsock_room(struct vsock *v, size_t len, struct iovec *iov, unsigned int max);

/*
 * The next packet for the guest: a header, and len bytes of data that are in place already, or
 * as many of them as fit, which is the result. A buffer is in hand.
 */
uint32_t vsock_put(struct vsock *v, struct vsock_hdr *h, uint32_t len);

/* ---- vsock_conn.c -------------------------------------------------------------------- */

/* Takes fd over, also when it fails: NULL. There is room for another connection. */
struct vsock_conn *vsock_conn_create(struct vsock *v, int fd, enum vsock_state state);
void vsock_conn_free(struct vsock_conn *c);

struct vsock_conn *vsock_conn_find(struct vsock *v, uint32_t guest_port, uint32_t host_port);

/* Enter the table, with a pair of ports that is free. */
void vsock_conn_enter(struct vsock_conn *c, uint32_t guest_port, uint32_t host_port);

/* Ask the guest for a connection to its port. */
void vsock_conn_request(struct vsock_conn *c, uint32_t guest_port);

/* The connection has failed: close the socket, tell the guest. */
void vsock_conn_abort(struct vsock_conn *c);

/*
 * After any change: what follows from it, place in v->ready, events. Does not free c.
 * vsock_pump() must come afterwards.
 */
void vsock_conn_settle(struct vsock_conn *c);

/* A checked packet of the guest; its data is at VSOCK_HDR_SIZE of chain. May free c. */
void vsock_conn_packet(struct vsock_conn *c, const struct vsock_hdr *h,
	const struct virtq_chain *chain);

/* Put what comes next for the guest, if anything. May free c, which is not in v->ready. */
void vsock_conn_fill(struct vsock_conn *c);

/* ---- vsock_io.c ---------------------------------------------------------------------- */

bool vsock_io_can_read(const struct vsock_conn *c);

/*
 * Host to guest: bytes put behind the headers of buffers in hand; 0 when there are none now, at
 * the end of the stream or after a failure, which the connection's fields tell.
 */
uint32_t vsock_io_read(struct vsock_conn *c);

/* len bytes of data in chain go to the host; at most VSOCK_BUF - c->len. -ENOMEM: they do not. */
int vsock_io_write(struct vsock_conn *c, const struct virtq_chain *chain, uint32_t len);

void vsock_io_watch(struct vsock_conn *c); /* for what we can use now */
void vsock_io_close(struct vsock_conn *c); /* drops what is buffered */

/* ---- vsock_host.c -------------------------------------------------------------------- */

int vsock_host_init(struct vsock *v, const void *opts, struct tvm_error *err);
void vsock_host_fini(struct vsock *v); /* fine on a zeroed structure */

/* A socket connected to whatever serves the host's port; negative: nobody. */
int vsock_host_connect(struct vsock *v, uint32_t port);

/* Read the client's line; go on with the connection or free it. */
void vsock_host_handshake(struct vsock_conn *c);

/* Tell the client that the guest has accepted. */
int vsock_host_accepted(struct vsock_conn *c);

#endif
