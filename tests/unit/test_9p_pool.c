/* SPDX-License-Identifier: Apache-2.0 */
/* The workers of virtio-9p, without a device. */
#include "devices/virtio/9p/pool.h"

#include <poll.h>

#include "base/cleanup.h"
#include "tests/harness.h"
#include "tests/unit/fakes.h"

#define WAIT 20000

struct job {
	struct p9_job job;
	bool slow;
};

struct pool_test {
	struct p9_pool pool;
	_Atomic int fast, done;
	_Atomic bool go;
};

static int begin(void *opaque, void **mine)
{
	return 0;
}

static void run(void *opaque, void *mine, struct p9_job *job)
{
	struct pool_test *t = opaque;
	struct job *j = container_of(job, struct job, job);

	while (j->slow && !t->go)
		poll(NULL, 0, 1);
	if (!j->slow)
		t->fast++;
}

static void end(void *opaque, void *mine)
{
}

static void done(void *opaque, struct p9_job *job)
{
	((struct pool_test *)opaque)->done++;
}

static void batch(void *opaque)
{
}

static const struct p9_pool_ops test_ops = { begin, run, end, done, batch };

static void pool_up(void *opaque)
{
	struct pool_test *t = opaque;

	FAKE_MUST(!p9_pool_start(&t->pool));
}

static void pool_down(void *opaque)
{
	p9_pool_stop(&((struct pool_test *)opaque)->pool);
}

static void wait_for(_Atomic int *n, int value)
{
	for (int i = 0; i < WAIT && *n < value; i++)
		poll(NULL, 0, 1);
	CHECK_INT(*n, value);
}

/* One that blocks holds up nobody else; what has not begun can be taken back. */
static void test_pool(void)
{
	static struct pool_test t;
	static struct job slow[P9_WORKERS], fast[100];
	struct fake_env f;

	fake_env_init(&f, MIB(1));
	FAKE_MUST(!p9_pool_init(&t.pool, f.loop, &test_ops, &t));
	fake_env_start(&f);
	loop_call(f.loop, pool_up, &t);
	slow[0].slow = true;
	p9_pool_add(&t.pool, &slow[0].job);
	for (unsigned int i = 0; i < 100; i++)
		p9_pool_add(&t.pool, &fast[i].job);
	wait_for(&t.fast, 100);
	wait_for(&t.done, 100);
	for (unsigned int i = 1; i < P9_WORKERS; i++) {
		slow[i].slow = true;
		p9_pool_add(&t.pool, &slow[i].job);
	}
	poll(NULL, 0, 50);
	p9_pool_add(&t.pool, &fast[0].job);
	p9_pool_add(&t.pool, &fast[1].job);
	CHECK(p9_pool_cancel(&t.pool, &fast[1].job));
	CHECK(p9_pool_cancel(&t.pool, &fast[0].job));
	CHECK(!p9_pool_cancel(&t.pool, &fast[0].job));
	p9_pool_add(&t.pool, &fast[2].job);
	t.go = true;
	wait_for(&t.done, 100 + P9_WORKERS + 1);
	CHECK_INT(t.fast, 101);
	loop_call(f.loop, pool_down, &t);
	loop_stop(f.loop);
	p9_pool_fini(&t.pool);
	fake_env_fini(&f);
}

int main(void)
{
	RUN(test_pool);
	return tests_done();
}
