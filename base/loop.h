/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event loop: one thread that watches file descriptors and timers and runs work which other
 * threads post. Level-triggered epoll.
 *
 * loop_watch(), loop_modify(), loop_unwatch() and loop_timer_*() may be called on the loop's
 * thread, or by anybody while the thread is not running. Everybody else uses loop_call().
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;
struct tvm_error;

/* events: EPOLLIN | EPOLLOUT | ... that are true now. */
typedef void loop_fn(void *opaque, uint32_t events);

/* A watched descriptor; embedded in its owner. fd is -1 while not watched. */
struct loop_fd {
	int fd;		/* borrowed */
	loop_fn *fn;
	void *opaque;
};

#define LOOP_FD_NONE ((struct loop_fd){ .fd = -1 })

int loop_create(struct loop **out, struct tvm_error *err);
void loop_destroy(struct loop *loop); /* stops the thread; NULL is fine */

/* Start the thread under the given name ("tvm-io"); all signals are blocked in it. */
int loop_start(struct loop *loop, const char *name, struct tvm_error *err);
void loop_stop(struct loop *loop); /* joins; the loop may be started again */

/* Returns 0 or a negative errno. w must stay where it is until loop_unwatch(). */
int loop_watch(struct loop *loop, struct loop_fd *w, int fd, uint32_t events, loop_fn *fn,
	void *opaque);
int loop_modify(struct loop *loop, struct loop_fd *w, uint32_t events);
void loop_unwatch(struct loop *loop, struct loop_fd *w); /* fine when not watched */

/*
 * Run fn(opaque) on the loop's thread and wait for it. Directly, when called on that thread
 * or while the thread is not running. Must not be called with a lock held that the loop's
 * thread takes.
 */
void loop_call(struct loop *loop, void (*fn)(void *opaque), void *opaque);

bool loop_is_current(const struct loop *loop);

#endif
