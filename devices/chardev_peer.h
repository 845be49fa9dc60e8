/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end of a console where it comes and goes: one client of a socket, or whoever has
 * opened a pseudo-terminal. What both have in common; chardev_unix.c and chardev_pty.c embed it.
 *
 * Nobody waits for a client: output without one is swallowed, and one that does not read loses
 * what goes beyond CHARDEV_OUT_MAX. Input waits in the descriptor while the device takes none.
 */
#ifndef DEVICES_CHARDEV_PEER_H
#define DEVICES_CHARDEV_PEER_H

#include <stdbool.h>

#include "base/loop.h"
#include "devices/later.h"

struct chardev;
struct chardev_out;
struct chardev_peer;

struct chardev_peer_ops {
	/* The client is gone: wait for the next one. fd was closed if the peer owned it. */
	void (*gone)(struct chardev_peer *peer);
	const char *(*path)(struct chardev_peer *peer);	/* of a terminal; NULL: it is none */
	void (*read)(struct chardev_peer *peer);	/* something was read; NULL: no matter */
	void (*destroy)(struct chardev_peer *peer);
};

/* All of it belongs to the loop's thread, but for chardev_peer_resume(). */
struct chardev_peer {
	const struct chardev_peer_ops *ops;
	struct chardev *cd;		/* borrowed: we are its */
	struct chardev_out *out;	/* borrowed: cd's */
	struct loop *loop;		/* borrowed */
	int fd;				/* owned if own; -1: nobody is there */
	bool own;
	bool eof;			/* says no more, but may still listen */
	struct loop_fd in;
	struct later later;
};

/* 0 or a negative errno. */
int chardev_peer_init(struct chardev_peer *peer, const struct chardev_peer_ops *ops,
	struct loop *loop, struct chardev *cd, struct chardev_out *out);
void chardev_peer_fini(struct chardev_peer *peer); /* fine on a zeroed structure */

/* A client is at fd, which does not block. A failure: it is turned away, and gone() follows. */
void chardev_peer_arrive(struct chardev_peer *peer, int fd, bool own);

/* The device has room again; any thread. */
void chardev_peer_resume(struct chardev_peer *peer);

#endif
