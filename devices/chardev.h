/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Character backends of consoles: nothing, the terminal (stdio), a file. Sockets and
 * pseudo-terminals will be further sources of chardev_input().
 *
 *	device  --chardev_write()-->   chardev_out   --> descriptor
 *	device  <--receive()--  chardev (4 KiB)  <--chardev_input()--  chardev_mux <-- stdin
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

size_t chardev_room(const struct chardev *cd);
void chardev_input(struct chardev *cd, uint8_t byte); /* there must be room */
void chardev_deliver(struct chardev *cd); /* as much as the device takes */
const char *chardev_name(const struct chardev *cd);

int chardev_mux_attach(struct chardev_mux *mux, struct chardev *cd, struct chardev_out **out,
	struct tvm_error *err);
void chardev_mux_detach(struct chardev_mux *mux, struct chardev *cd);
void chardev_mux_resume(struct chardev_mux *mux); /* a console has room again; any thread */

#endif
