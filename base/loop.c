/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One epoll thread. Other threads hand it work through a queue and an eventfd. A watched
 * descriptor may be unwatched by any callback: entries of the batch in hand that point to
 * it are cleared then.
 */
#include "base/loop.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/err.h"

#define BATCH 16

struct call {
	void (*fn)(void *opaque);
	void *opaque;
	bool done;
	struct call *next;
};

struct loop {
	int epoll_fd;		/* owned */
	int wake_fd;		/* owned */
	struct loop_fd wake;
	pthread_t thread;
	_Atomic bool running;
	pthread_mutex_t lock;	/* calls, stop */
	pthread_cond_t done;
	struct call *calls;	/* oldest first */
	bool stop;
	struct epoll_event batch[BATCH]; /* loop's thread */
	int batch_len;
	const char *name;
};

static void run_calls(struct loop *loop)
{
	struct call *call;

	pthread_mutex_lock(&loop->lock);
	while ((call = loop->calls)) {
		loop->calls = call->next;
		pthread_mutex_unlock(&loop->lock);
		call->fn(call->opaque);
		pthread_mutex_lock(&loop->lock);
		call->done = true;
		pthread_cond_broadcast(&loop->done);
	}
	pthread_mutex_unlock(&loop->lock);
}

static void on_wake(void *opaque, uint32_t events)
{
	struct loop *loop = opaque;
	uint64_t count;

	if (read(loop->wake_fd, &count, sizeof(count)) > 0)
		run_calls(loop);
}

int loop_create(struct loop **out, struct tvm_error *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (!loop)
		return err_set(err, -ENOMEM, "event loop: out of memory");
	loop->wake = LOOP_FD_NONE;
	pthread_mutex_init(&loop->lock, NULL);
	pthread_cond_init(&loop->done, NULL);
	loop->wake_fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		goto fail_sys;
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0)
		goto fail_sys;
	r = loop_watch(loop, &loop->wake, loop->wake_fd, EPOLLIN, on_wake, loop);
	if (r < 0) {
		errno = -r;
		goto fail_sys;
	}
	*out = loop;
	return 0;

fail_sys:
	r = err_sys(err, -errno, "event loop");
	loop_destroy(loop);
	return r;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	loop_stop(loop);
	close_fd(&loop->wake_fd);
	close_fd(&loop->epoll_fd);
	pthread_cond_destroy(&loop->done);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

static bool should_stop(struct loop *loop)
{
	bool stop;

	pthread_mutex_lock(&loop->lock);
	stop = loop->stop;
	pthread_mutex_unlock(&loop->lock);
	return stop;
}

static void *loop_thread(void *opaque)
{
	struct loop *loop = opaque;

	prctl(PR_SET_NAME, loop->name);
	while (!should_stop(loop)) {
		int n = epoll_wait(loop->epoll_fd, loop->batch, BATCH, -1);

		/* No other thread reads the batch: loop_unwatch() runs here too. */
		loop->batch_len = n < 0 ? 0 : n;
		for (int i = 0; i < loop->batch_len; i++) {
			struct loop_fd *w = loop->batch[i].data.ptr;

			if (w)
				w->fn(w->opaque, loop->batch[i].events);
		}
		loop->batch_len = 0;
	}
	return NULL;
}

int loop_start(struct loop *loop, const char *name, struct tvm_error *err)
{
	sigset_t all, old;
	int r;

	assert(!loop->running);
	loop->stop = false;
	loop->name = name;
	/* The embedder's signals are none of our business: the thread inherits a full mask. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	atomic_store(&loop->running, true);
	r = pthread_create(&loop->thread, NULL, loop_thread, loop);
	if (r)
		atomic_store(&loop->running, false);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r ? err_sys(err, -r, "event loop: thread") : 0;
}

static void wake(struct loop *loop)
{
	uint64_t one = 1;
	ssize_t n = write(loop->wake_fd, &one, sizeof(one));

	(void)n; /* fails only when the counter is full: the thread is awake then */
}

void loop_stop(struct loop *loop)
{
	if (!atomic_load(&loop->running))
		return;
	pthread_mutex_lock(&loop->lock);
	loop->stop = true;
	pthread_mutex_unlock(&loop->lock);
	wake(loop);
	pthread_join(loop->thread, NULL);
	atomic_store(&loop->running, false);
	run_calls(loop); /* of whoever came between the thread's last look and its end */
}

int loop_watch(struct loop *loop, struct loop_fd *w, int fd, uint32_t events, loop_fn *fn,
	void *opaque)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	w->fn = fn;
	w->opaque = opaque;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	w->fd = fd;
	return 0;
}

int loop_modify(struct loop *loop, struct loop_fd *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, w->fd, &ev) < 0)
		return -errno;
	return 0;
}

void loop_unwatch(struct loop *loop, struct loop_fd *w)
{
	if (w->fd < 0)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	w->fd = -1;
	for (int i = 0; i < loop->batch_len; i++)
		if (loop->batch[i].data.ptr == w)
			loop->batch[i].data.ptr = NULL;
}

void loop_call(struct loop *loop, void (*fn)(void *opaque), void *opaque)
{
	struct call call = { .fn = fn, .opaque = opaque };
	struct call **tail;

	if (!atomic_load(&loop->running) || loop_is_current(loop)) {
		fn(opaque);
		return;
	}
	pthread_mutex_lock(&loop->lock);
	for (tail = &loop->calls; *tail; tail = &(*tail)->next)
		;
	*tail = &call;
	wake(loop);
	while (!call.done)
		pthread_cond_wait(&loop->done, &loop->lock);
	pthread_mutex_unlock(&loop->lock);
}

bool loop_is_current(const struct loop *loop)
{
	return atomic_load(&loop->running) && pthread_equal(pthread_self(), loop->thread);
}
