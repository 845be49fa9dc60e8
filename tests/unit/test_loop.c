/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/harness.h"
#include "tvm.h"

struct probe {
	struct loop *loop;
	struct loop_fd a, b;
	int fd_a, fd_b;
	atomic_int calls;
	bool on_thread;
};

static void count_call(void *opaque)
{
	struct probe *p = opaque;

	atomic_fetch_add(&p->calls, 1);
	p->on_thread = loop_is_current(p->loop);
}

static void test_call_without_thread(void)
{
	struct probe p = { 0 };

	REQUIRE(!loop_create(&p.loop, NULL));
	loop_call(p.loop, count_call, &p);
	CHECK_INT(p.calls, 1);
	CHECK(!p.on_thread);
	loop_destroy(p.loop);
}

static void test_call_on_thread_and_restart(void)
{
	struct probe p = { 0 };

	REQUIRE(!loop_create(&p.loop, NULL));
	for (int i = 1; i <= 3; i++) {
		REQUIRE(!loop_start(p.loop, "test-loop", NULL));
		loop_call(p.loop, count_call, &p);
		CHECK_INT(p.calls, i);
		CHECK(p.on_thread);
		loop_stop(p.loop);
	}
	loop_destroy(p.loop);
}

static void *caller(void *opaque)
{
	struct probe *p = opaque;

	for (int i = 0; i < 1000; i++)
		loop_call(p->loop, count_call, p);
	return NULL;
}

static void test_calls_from_many_threads(void)
{
	struct probe p = { 0 };
	pthread_t threads[4];

	REQUIRE(!loop_create(&p.loop, NULL));
	REQUIRE(!loop_start(p.loop, "test-loop", NULL));
	for (int i = 0; i < 4; i++)
		REQUIRE(!pthread_create(&threads[i], NULL, caller, &p));
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(p.calls, 4000);
	loop_destroy(p.loop);
}

/* Both descriptors are ready in one batch; the first callback withdraws the other. */
static void on_ready(void *opaque, uint32_t events)
{
	struct probe *p = opaque;

	atomic_fetch_add(&p->calls, 1);
	loop_unwatch(p->loop, &p->a);
	loop_unwatch(p->loop, &p->b);
}

static void test_unwatch_inside_a_batch(void)
{
	struct probe p = { .a = LOOP_FD_NONE, .b = LOOP_FD_NONE };

	p.fd_a = eventfd(1, EFD_CLOEXEC);
	p.fd_b = eventfd(1, EFD_CLOEXEC);
	REQUIRE(!loop_create(&p.loop, NULL));
	REQUIRE(!loop_watch(p.loop, &p.a, p.fd_a, EPOLLIN, on_ready, &p));
	REQUIRE(!loop_watch(p.loop, &p.b, p.fd_b, EPOLLIN, on_ready, &p));
	REQUIRE(!loop_start(p.loop, "test-loop", NULL));
	for (int i = 0; i < 1000 && !p.calls; i++)
		usleep(1000);
	loop_stop(p.loop);
	CHECK_INT(p.calls, 1);
	CHECK_INT(p.a.fd, -1);
	CHECK_INT(p.b.fd, -1);
	loop_destroy(p.loop);
	close(p.fd_a);
	close(p.fd_b);
}

static void test_watch_reports_what_epoll_refuses(void)
{
	struct probe p = { .a = LOOP_FD_NONE };
	FILE *f = tmpfile();

	REQUIRE(f && !loop_create(&p.loop, NULL));
	CHECK(loop_watch(p.loop, &p.a, fileno(f), EPOLLIN, on_ready, &p) < 0);
	CHECK_INT(p.a.fd, -1);
	loop_unwatch(p.loop, &p.a);
	loop_destroy(p.loop);
	loop_destroy(NULL);
	fclose(f);
}

int main(void)
{
	RUN(test_call_without_thread);
	RUN(test_call_on_thread_and_restart);
	RUN(test_calls_from_many_threads);
	RUN(test_unwatch_inside_a_batch);
	RUN(test_watch_reports_what_epoll_refuses);
	return tests_done();
}
