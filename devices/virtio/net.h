/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of virtio-net: the device (net.c), pairs of queues with their sender (net_tx.c) and
 * receiver (net_rx.c), the control queue (net_ctrl.c), and what moves frames on the host's
 * side: a tap interface (net_tap.c) or a stream of length-prefixed frames (net_stream.c). On a
 * tap the host's kernel may serve the queues itself (net_vhost.c); sender and receiver rest
 * then. Everything runs on the loop's thread or with it stopped.
 *
 * A packet between them is always struct net_hdr followed by an Ethernet frame.
 */
#ifndef DEVICES_VIRTIO_NET_H
#define DEVICES_VIRTIO_NET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/le.h"
#include "base/loop.h"
#include "devices/virtio/vhost.h"
#include "devices/virtio/virtio.h"
#include "devices/virtio/virtq.h"

struct log;
struct net;
struct net_opts;
struct tvm_error;

#define NET_QUEUE_SIZE 256
#define NET_MAX_PAIRS 15	/* and the control queue makes 31 of VIRTIO_MAX_QUEUES */
#define NET_HDR 12u		/* 5.1.6: always with num_buffers (VERSION_1) */
#define NET_HDR_NUM_BUFFERS 10
/* A TCP packet of 64 KiB with its Ethernet header and tags. */
#define NET_FRAME_MAX (65536u + 64)
#define NET_PACKET_MAX (NET_HDR + NET_FRAME_MAX)
/* Work of one turn: bytes, and what a packet costs besides them. Then others have theirs. */
#define NET_TURN (512 << 10)
#define NET_PACKET_COST 1024

/* 5.1.3 */
#define VIRTIO_NET_F_CSUM 0
#define VIRTIO_NET_F_GUEST_CSUM 1
#define VIRTIO_NET_F_MTU 3
#define VIRTIO_NET_F_MAC 5
#define VIRTIO_NET_F_GUEST_TSO4 7
#define VIRTIO_NET_F_GUEST_TSO6 8
#define VIRTIO_NET_F_HOST_TSO4 11
#define VIRTIO_NET_F_HOST_TSO6 12
#define VIRTIO_NET_F_MRG_RXBUF 15
#define VIRTIO_NET_F_STATUS 16
#define VIRTIO_NET_F_CTRL_VQ 17
#define VIRTIO_NET_F_MQ 22

/* ---- The host's side ----------------------------------------------------------------- */

struct net_backend;

struct net_backend_ops {
	/*
	 * Send the packet in iov (len bytes, at least NET_HDR; entries may be changed).
	 * 0, -EAGAIN: nothing was sent, writable() follows; other errors: it is lost.
	 */
	int (*send)(struct net_backend *b, struct iovec *iov, unsigned int nr, size_t len);
	/*
	 * Receive one packet into iov, which holds NET_PACKET_MAX bytes or more: its length,
	 * -EAGAIN: there is none; other errors: one was lost, or the link is down now.
	 */
	ssize_t (*recv)(struct net_backend *b, const struct iovec *iov, unsigned int nr);
	/* Before the first packet of a driver that accepted features. */
	void (*start)(struct net_backend *b, uint64_t features);
	/* The descriptor takes data: send what is left; true when nothing is. NULL: is so. */
	bool (*flush)(struct net_backend *b);
	/* Whether the host may choose this queue of its interface for packets. NULL: one queue. */
	int (*attach)(struct net_backend *b, bool on);
	void (*destroy)(struct net_backend *b);
};

struct net_handler {
	void (*readable)(void *opaque);
	void (*writable)(void *opaque);
	void (*link_down)(void *opaque);
};

struct net_backend {
	const struct net_backend_ops *ops;
	uint64_t features;	/* offloads that it can do */
	int fd;			/* owned */
	bool up;		/* false: nothing is sent or received any more */
	struct loop *loop;	/* borrowed, as the next */
	struct log *log;
	const char *name;	/* for log lines */
	char ifname[16];	/* of a tap: the same for the same machine; else empty */
	bool attached;		/* of the ops: attach() was asked for last */
	bool want_in, want_out;
	struct loop_fd watch;
	const struct net_handler *handler;
	void *opaque;
};

/* many: the interface has, or gets, several queues, and this is one of them. */
int net_tap_open(const struct dev_env *env, const char *ifname, bool many,
	struct net_backend **out, struct tvm_error *err);
int net_stream_connect(const struct dev_env *env, const char *path, struct net_backend **out,
	struct tvm_error *err);
/* Take over fd on success; -ENOTTY: is no tap, -ENOTSOCK: no stream socket. */
int net_tap_adopt(const struct dev_env *env, int fd, struct net_backend **out,
	struct tvm_error *err);
int net_stream_adopt(const struct dev_env *env, int fd, struct net_backend **out,
	struct tvm_error *err);

/* The interface of a tap's descriptor. 0 or negative errno. */
int net_tap_name(int fd, char name[16]);

/* net_backend.c: how many queue pairs the options ask for, or negative. */
int net_backend_pairs(const struct net_opts *opts, struct tvm_error *err);
/* Which of the four, by options, for one of pairs queue pairs. */
int net_backend_open(const struct dev_env *env, const struct net_opts *opts, unsigned int pair,
	unsigned int pairs, struct net_backend **out, struct tvm_error *err);
void net_backend_destroy(struct net_backend *b); /* NULL is fine */

/* For the ops: fields that all backends have; the link is gone for good. */
void net_backend_init(struct net_backend *b, const struct dev_env *env,
	const struct net_backend_ops *ops, int fd);
void net_backend_gone(struct net_backend *b, const char *why);

/* Whether readable() and writable() are called; both are off at first. */
void net_backend_watch(struct net_backend *b, bool in, bool out);

/* Let the host use this queue, or not; fine where there is one only. */
void net_backend_attach(struct net_backend *b, bool on);

/* Drop the first n bytes of *iov. */
void net_iov_skip(struct iovec **iov, unsigned int *nr, size_t n);

/* ---- The receiver -------------------------------------------------------------------- */

#define NET_RX_IOV 1023	/* and one more makes IOV_MAX */

/*
 * Chains are taken before a packet is there, so that the kernel writes into guest memory
 * directly; what they cannot hold goes into tail, and from there into more of them.
 */
struct net_rx {
	struct virtio_dev *vd;		/* borrowed, as the next */
	struct net_backend *backend;
	unsigned int queue;
	bool mergeable;
	size_t want;			/* room that makes tail needless */
	struct virtq_chain chains[NET_QUEUE_SIZE]; /* held: chains[first .. first + nr) */
	unsigned int first, nr;
	struct iovec iov[NET_RX_IOV + 1]; /* of the held chains: iov[iov_first .. iov_end) */
	unsigned int iov_first, iov_end;
	uint64_t room;			/* bytes in the held chains */
	size_t packet;			/* length of a packet that waits for chains; 0: none */
	uint64_t tail_at;		/* offset in that packet where tail begins */
	uint64_t dropped;
	uint8_t tail[NET_PACKET_MAX];
};

void net_rx_start(struct net_rx *rx);	/* features are final */
void net_rx_reset(struct net_rx *rx);
void net_rx_run(struct net_rx *rx);	/* packets or buffers may be there */

/* ---- Pairs of queues, and the device ------------------------------------------------- */

struct net_tx {
	bool blocked;			/* the backend takes nothing now */
	uint64_t dropped;
	struct iovec iov[NET_QUEUE_SIZE];
};

/* Queues 2n (receive) and 2n + 1 (transmit). */
struct net_pair {
	struct net *net;		/* borrowed: the pair is in it */
	unsigned int rxq, txq;
	struct net_backend *backend;	/* owned */
	struct vhost vhost;		/* open: it serves both queues */
	struct net_tx tx;
	struct net_rx rx;
};

struct net {
	struct dev dev;
	struct virtio_dev vd;
	unsigned int nr_pairs;
	struct net_pair *pairs;		/* owned */
};

/* net_tx.c: packets or room may be there. */
void net_tx_run(struct net_pair *pair);

/* net_ctrl.c: how many pairs the driver uses; and its commands. */
void net_set_pairs(struct net *net, unsigned int nr);
unsigned int net_ctrl_queue(const struct net *net); /* 5.1.2: its number with these features */
void net_ctrl_run(struct net *net);

/*
 * net_vhost.c. Open: -ENOTSUP: the options do not want it; other errors: cannot be had. Start
 * and stop one queue of a pair, by its number in the device, or both.
 */
int net_vhost_open(struct net *net, const struct net_opts *opts, struct tvm_error *err);
uint64_t net_vhost_features(struct net *net, uint64_t offered);
int net_vhost_start(struct net_pair *pair);
void net_vhost_stop(struct net_pair *pair);
void net_vhost_queue_start(struct net_pair *pair, unsigned int vq);
void net_vhost_queue_stop(struct net_pair *pair, unsigned int vq);

#endif
