/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing side of a character backend: a bounded buffer in front of a descriptor that may
 * be slow, blocked or gone. Any thread leaves bytes in the buffer and goes on; the loop's
 * thread writes them within CHARDEV_OUT_DELAY_NS.
 */
#ifndef DEVICES_CHARDEV_OUT_H
#define DEVICES_CHARDEV_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chardev_out;
struct log;
struct loop;
struct tvm_error;

#define CHARDEV_OUT_MAX (1u << 20)	/* what does not fit is dropped, counted and logged */
#define CHARDEV_OUT_DELAY_NS 1000000u	/* bytes of one burst leave in one write(2) */

/*
 * fd is taken over (own) or borrowed. name goes into log lines and is borrowed. A descriptor
 * that is not open gives an output that swallows everything; so does fd -1, without a word:
 * its reader comes with chardev_out_attach().
 */
int chardev_out_create(struct loop *loop, struct log *log, const char *name, int fd, bool own,
	struct chardev_out **out, struct tvm_error *err);

/* Flushes. The loop's thread, or with it stopped. NULL is fine. */
void chardev_out_destroy(struct chardev_out *out);

/*
 * A reader comes or goes; the loop's thread, or with it stopped. fd is taken over. What a
 * reader that goes has not taken is dropped, without waiting.
 */
void chardev_out_attach(struct chardev_out *out, int fd);
void chardev_out_detach(struct chardev_out *out);

/* Never blocks. Any thread. */
void chardev_out_write(struct chardev_out *out, const void *buf, size_t n);

/*
 * Write what is pending and wait for a slow reader, but not for longer than 200 ms. Any
 * thread that holds no lock of the loop's thread.
 */
void chardev_out_flush(struct chardev_out *out);

/*
 * A second, non-blocking description of a terminal or pipe: O_NONBLOCK on the caller's own
 * would hit every process that shares it, such as the shell. -1 when there is none to have.
 */
int chardev_reopen(int fd, int mode);

#endif
