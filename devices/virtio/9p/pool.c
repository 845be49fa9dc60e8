/* SPDX-License-Identifier: Apache-2.0 */
/* Worker threads; they live from activation to reset. */
#include "devices/virtio/9p/pool.h"

#include <signal.h>
#include <stddef.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"

/* Lock held. */
static void append(struct p9_job ***end, struct p9_job *job)
{
	job->next = NULL;
	**end = job;
	*end = &job->next;
}

static void clear(struct p9_pool *pool)
{
	pool->todo = pool->done = NULL;
	pool->todo_end = &pool->todo;
	pool->done_end = &pool->done;
}

/* Lock held. */
static struct p9_job *take(struct p9_pool *pool)
{
	struct p9_job *job = pool->todo;

	if (job) {
		pool->todo = job->next;
		if (!pool->todo)
			pool->todo_end = &pool->todo;
	}
	return job;
}

static void work(struct p9_pool *pool, void *mine)
{
	struct p9_job *job;
	bool first;

	pthread_mutex_lock(&pool->lock);
	while (!pool->stop) {
		job = take(pool);
		if (!job) {
			pthread_cond_wait(&pool->wake, &pool->lock);
			continue;
		}
		pthread_mutex_unlock(&pool->lock);
		pool->ops->run(pool->opaque, mine, job);
		pthread_mutex_lock(&pool->lock);
		first = !pool->done;
		append(&pool->done_end, job);
		if (first)
			eventfd_write(pool->fd, 1);
	}
	pthread_mutex_unlock(&pool->lock);
}

static void *thread(void *opaque)
{
	struct p9_pool *pool = opaque;
	void *mine = NULL;
	int r = pool->ops->begin(pool->opaque, &mine);

	pthread_mutex_lock(&pool->lock);
	pool->nr_begun++;
	if (r < 0)
		pool->failed = r;
	pthread_cond_signal(&pool->begun);
	pthread_mutex_unlock(&pool->lock);
	if (r == 0) {
		work(pool, mine);
		pool->ops->end(pool->opaque, mine);
	}
	return NULL;
}

static void some_done(void *opaque, uint32_t events)
{
	struct p9_pool *pool = opaque;
	struct p9_job *jobs, *next;
	eventfd_t count;

	if (eventfd_read(pool->fd, &count) < 0)
		return;
	pthread_mutex_lock(&pool->lock);
	jobs = pool->done;
	pool->done = NULL;
	pool->done_end = &pool->done;
	pthread_mutex_unlock(&pool->lock);
	for (; jobs; jobs = next) {
		next = jobs->next;
		pool->ops->done(pool->opaque, jobs);
	}
	pool->ops->batch(pool->opaque);
}

int p9_pool_init(struct p9_pool *pool, struct loop *loop, const struct p9_pool_ops *ops,
	void *opaque)
{
	int r;

	*pool = (struct p9_pool){ .ops = ops, .opaque = opaque, .watch = LOOP_FD_NONE };
	pool->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool->fd < 0)
		return -errno;
	r = loop_watch(loop, &pool->watch, pool->fd, EPOLLIN, some_done, pool);
	if (r < 0) {
		close_fd(&pool->fd);
		return r;
	}
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wake, NULL);
	pthread_cond_init(&pool->begun, NULL);
	pool->loop = loop;
	clear(pool);
	return 0;
}

void p9_pool_fini(struct p9_pool *pool)
{
	if (!pool->loop)
		return;
	p9_pool_stop(pool);
	loop_unwatch(pool->loop, &pool->watch);
	close_fd(&pool->fd);
	pthread_cond_destroy(&pool->begun);
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->lock);
	pool->loop = NULL;
}

int p9_pool_start(struct p9_pool *pool)
{
	sigset_t all, old;
	int r = 0;

	pool->stop = false;
	pool->failed = 0;
	pool->nr_begun = 0;
	/* Also so that a write beyond RLIMIT_FSIZE is an error and no SIGXFSZ. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (r == 0 && pool->nr_threads < P9_WORKERS) {
		r = -pthread_create(&pool->threads[pool->nr_threads], NULL, thread, pool);
		if (r == 0)
			pthread_setname_np(pool->threads[pool->nr_threads++], "tvm-9p");
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_mutex_lock(&pool->lock);
	while (pool->nr_begun < pool->nr_threads)
		pthread_cond_wait(&pool->begun, &pool->lock);
	if (r == 0)
		r = pool->failed;
	pthread_mutex_unlock(&pool->lock);
	if (r < 0)
		p9_pool_stop(pool);
	return r;
}

void p9_pool_add(struct p9_pool *pool, struct p9_job *job)
{
	pthread_mutex_lock(&pool->lock);
	append(&pool->todo_end, job);
	pthread_cond_signal(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
}

bool p9_pool_cancel(struct p9_pool *pool, struct p9_job *job)
{
	struct p9_job **p;
	bool found;

	pthread_mutex_lock(&pool->lock);
	for (p = &pool->todo; *p && *p != job; p = &(*p)->next)
		;
	found = *p;
	if (found) {
		*p = job->next;
		if (!*p)
			pool->todo_end = p;
	}
	pthread_mutex_unlock(&pool->lock);
	return found;
}

void p9_pool_stop(struct p9_pool *pool)
{
	eventfd_t count;

	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
	while (pool->nr_threads)
		pthread_join(pool->threads[--pool->nr_threads], NULL);
	clear(pool);
	(void)!eventfd_read(pool->fd, &count);
}
