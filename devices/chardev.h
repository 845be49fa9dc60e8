/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Character backends of consoles: nothing, the terminal (stdio), a file, a unix socket, a
 * pseudo-terminal.
 *
 *	device  --chardev_write()-->   chardev_out   --> descriptor
 *	device  <--receive()--  chardev (4 KiB)  <--chardev_input()--  chardev_mux <-- stdin
 *	                                                              chardev_peer <-- client
 *
 * Input is never lost for lack of room in the device: a source that cannot deliver stops
 * reading its descriptor until the device calls chardev_accept_input(). (A terminal is read
 * on all the same, so that its escape is heard when the guest hangs.)
 */
#ifndef DEVICES_CHARDEV_H
#define DEVICES_CHARDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/devopts.h"

struct chardev;
struct chardev_mux;
struct dev_env;
struct tvm_error;

/* The device's side; both run on the loop's thread (or with it stopped). */
struct chardev_handler {
	/* Bytes that the device takes now; 0: none until it calls chardev_accept_input(). */
	size_t (*can_receive)(void *opaque);
	/* n <= the last can_receive(). */
	void (*receive)(void *opaque, const uint8_t *buf, size_t n);
	/* chardev_connected() or chardev_size() may say something else; NULL: not interested. */
	void (*changed)(void *opaque);
};

/*
 * name is the device's, borrowed, for log lines and for people who switch between consoles.
 * The loop's thread, or with it stopped; the same holds for chardev_close().
 */
int chardev_open(const struct dev_env *env, const struct chardev_opts *opts, const char *name,
	const struct chardev_handler *handler, void *opaque, struct chardev **out,
	struct tvm_error *err);
void chardev_close(struct chardev *cd); /* flushes; NULL is fine */

/* Never blocks; output that nobody reads is dropped beyond CHARDEV_OUT_MAX. Any thread. */
void chardev_write(struct chardev *cd, const void *buf, size_t n);

/* All that was written is visible afterwards, unless the reader is stuck. See chardev_out.h. */
void chardev_flush(struct chardev *cd);

/* can_receive() may have grown. Any thread; cheap when no input waits. */
void chardev_accept_input(struct chardev *cd);

/*
 * Whether somebody is at the other end; always so but for sockets and pseudo-terminals, which
 * swallow output meanwhile. The loop's thread, or with it stopped; so is what follows.
 */
bool chardev_connected(const struct chardev *cd);

/* Size of the terminal at the other end: false when there is none, or it does not say. */
bool chardev_size(const struct chardev *cd, uint16_t *cols, uint16_t *rows);

/* Path of the pseudo-terminal, for people; NULL: it is none. */
const char *chardev_pty(const struct chardev *cd);

/* ---- The terminal -------------------------------------------------------------------- */

/*
 * chardev_mux_create() and chardev_mux_destroy() are declared in vmm/device.h. The terminal is
 * fd 0 and 1, shared by all consoles of kind CHARDEV_STDIO and by the embedder, who owns its
 * modes. Reading begins with the first console. One console has the input:
 *
 *	Ctrl-A x	env->request(DEV_CONSOLE_QUIT)
 *	Ctrl-A c	the next console gets the input
 *	Ctrl-A Ctrl-A	sends one Ctrl-A
 *	Ctrl-A h	prints a line of help
 *
 * The same on other descriptors, borrowed. Uses env's loop, log and request.
 */
int chardev_mux_create_on(const struct dev_env *env, int in_fd, int out_fd,
	struct chardev_mux **out, struct tvm_error *err);

/* ---- Between chardev.c and its sources; the loop's thread ---------------------------- */

struct chardev_out;
struct chardev_peer;

size_t chardev_room(const struct chardev *cd);
void chardev_input(struct chardev *cd, uint8_t byte); /* there must be room */
void chardev_deliver(struct chardev *cd); /* as much as the device takes */
const char *chardev_name(const struct chardev *cd);
void chardev_changed(struct chardev *cd);
bool chardev_tty_size(int fd, uint16_t *cols, uint16_t *rows);

int chardev_mux_attach(struct chardev_mux *mux, struct chardev *cd, struct chardev_out **out,
	struct tvm_error *err);
void chardev_mux_detach(struct chardev_mux *mux, struct chardev *cd);
void chardev_mux_resume(struct chardev_mux *mux); /* a console has room again; any thread */
bool chardev_mux_size(const struct chardev_mux *mux, uint16_t *cols, uint16_t *rows);

/* What cd has from chardev_peer.h: a socket at path, or a pseudo-terminal with a link there. */
int chardev_unix_open(struct chardev *cd, const struct dev_env *env, struct chardev_out *out,
	const char *path, struct chardev_peer **peer_out, struct tvm_error *err);
int chardev_pty_open(struct chardev *cd, const struct dev_env *env, struct chardev_out *out,
	const char *link, struct chardev_peer **peer_out, struct tvm_error *err);

#endif
