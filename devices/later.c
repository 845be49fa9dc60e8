/* SPDX-License-Identifier: Apache-2.0 */
/* A timerfd per function: setting it is one system call and safe from every thread. */
#include "devices/later.h"

#include <sys/timerfd.h>

#include "base/cleanup.h"

static void fired(void *opaque, uint32_t events)
{
	struct later *l = opaque;
	uint64_t count;

	/* Nothing to read: armed again meanwhile, it will come back. */
	if (read(l->fd, &count, sizeof(count)) == sizeof(count))
		l->fn(l->opaque);
}

int later_init(struct later *l, struct loop *loop, void (*fn)(void *opaque), void *opaque)
{
	int r;

	*l = (struct later){ .loop = loop, .watch = LOOP_FD_NONE, .fn = fn, .opaque = opaque };
	l->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	r = l->fd < 0 ? -errno : loop_watch(loop, &l->watch, l->fd, EPOLLIN, fired, l);
	if (r < 0)
		later_fini(l);
	return r;
}

void later_fini(struct later *l)
{
	if (!l->loop)
		return;
	loop_unwatch(l->loop, &l->watch);
	close_fd(&l->fd);
	l->loop = NULL;
}

void later_arm(struct later *l, uint64_t delay_ns)
{
	struct itimerspec at = {
		.it_value.tv_sec = (time_t)(delay_ns / 1000000000u),
		/* A zero time would disarm. */
		.it_value.tv_nsec = delay_ns ? (long)(delay_ns % 1000000000u) : 1,
	};

	timerfd_settime(l->fd, 0, &at, NULL);
}
