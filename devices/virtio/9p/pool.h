/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few threads for jobs that may block, and their results back on the loop's thread. A slow
 * fsync() holds up one thread; the others go on.
 *
 * All functions are called on the loop's thread, or with it stopped.
 */
#ifndef DEVICES_VIRTIO_9P_POOL_H
#define DEVICES_VIRTIO_9P_POOL_H

#include <pthread.h>
#include <stdbool.h>

#include "base/loop.h"

struct p9_job {
	struct p9_job *next;
};

struct p9_pool_ops {
	/* Worker: before its first job; the worker's own memory, or negative errno. */
	int (*begin)(void *opaque, void **mine);
	void (*run)(void *opaque, void *mine, struct p9_job *job);	/* worker */
	void (*end)(void *opaque, void *mine);				/* worker */
	void (*done)(void *opaque, struct p9_job *job);			/* loop's thread */
	void (*batch)(void *opaque);	/* loop's thread: after some done() */
};

#define P9_WORKERS 4

struct p9_pool {
	const struct p9_pool_ops *ops;
	void *opaque;
	struct loop *loop;		/* borrowed; NULL: not set up */
	int fd;				/* owned; eventfd: some are done */
	struct loop_fd watch;
	pthread_t threads[P9_WORKERS];
	unsigned int nr_threads;	/* running, while started */
	pthread_mutex_t lock;		/* what follows */
	pthread_cond_t wake, begun;
	struct p9_job *todo, **todo_end, *done, **done_end;
	unsigned int nr_begun;
	int failed;
	bool stop;
};

int p9_pool_init(struct p9_pool *pool, struct loop *loop, const struct p9_pool_ops *ops,
	void *opaque);
void p9_pool_fini(struct p9_pool *pool); /* stopped; fine on a zeroed structure */

int p9_pool_start(struct p9_pool *pool);
void p9_pool_add(struct p9_pool *pool, struct p9_job *job);

/* Take back a job that no worker has begun; false: too late, done() will come. */
bool p9_pool_cancel(struct p9_pool *pool, struct p9_job *job);

/* Wait for the jobs that run; forget them and all others. Fine when not started. */
void p9_pool_stop(struct p9_pool *pool);

#endif
