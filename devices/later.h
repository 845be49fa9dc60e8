/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A function that runs on the loop's thread soon, or after a delay. Any thread may arm it:
 * this is how a vCPU thread hands work to the loop without waiting for it, and how a long
 * job on the loop lets others have their turn.
 */
#ifndef DEVICES_LATER_H
#define DEVICES_LATER_H

#include "base/loop.h"

struct later {
	struct loop *loop;	/* borrowed; NULL: not set up */
	int fd;			/* timerfd, owned */
	struct loop_fd watch;
	void (*fn)(void *opaque);
	void *opaque;
};

/* On the loop's thread or with it stopped, as loop_watch(). 0 or a negative errno. */
int later_init(struct later *l, struct loop *loop, void (*fn)(void *opaque), void *opaque);
void later_fini(struct later *l); /* fine on a zeroed structure */

/* Run fn once, delay_ns from now; arming again moves it. Any thread. */
void later_arm(struct later *l, uint64_t delay_ns);

#endif
