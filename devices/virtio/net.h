/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of virtio-net: the device (net.c), its receiver (net_rx.c), and what moves frames on
 * the host's side: a tap interface (net_tap.c) or a stream of length-prefixed frames
 * (net_stream.c). Everything runs on the loop's thread or with it stopped.
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
#include "devices/virtio/virtq.h"

struct dev_env;
struct log;
struct net_opts;
struct tvm_error;
struct virtio_dev;

#define NET_QUEUE_SIZE 256
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
	bool want_in, want_out;
	struct loop_fd watch;
	const struct net_handler *handler;
	void *opaque;
};

int net_tap_open(const struct dev_env *env, const char *ifname, struct net_backend **out,
	struct tvm_error *err);
int net_stream_connect(const struct dev_env *env, const char *path, struct net_backend **out,
	struct tvm_error *err);
/* Take over fd on success; -ENOTTY: is no tap, -ENOTSOCK: no stream socket. */
int net_tap_adopt(const struct dev_env *env, int fd, struct net_backend **out,
	struct tvm_error *err);
int net_stream_adopt(const struct dev_env *env, int fd, struct net_backend **out,
	struct tvm_error *err);

/* net_backend.c: which of the four, by options. */
int net_backend_open(const struct dev_env *env, const struct net_opts *opts,
	struct net_backend **out, struct tvm_error *err);
void net_backend_destroy(struct net_backend *b); /* NULL is fine */

/* For the ops: fields that all backends have; the link is gone for good. */
void net_backend_init(struct net_backend *b, const struct dev_env *env,
	const struct net_backend_ops *ops, int fd);
void net_backend_gone(struct net_backend *b, const char *why);

/* Whether readable() and writable() are called; both are off at first. */
void net_backend_watch(struct net_backend *b, bool in, bool out);

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

#endif
