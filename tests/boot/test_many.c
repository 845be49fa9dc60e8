/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many machines in one process: one after the other, side by side, ended at any moment; and
 * many threads on one machine.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "tests/boot/vm.h"

struct usage {
	int fds, threads;
	long size_kib, rss_kib;
};

/* Threads that were joined may stay in the list for a moment. */
static struct usage usage(void)
{
	struct usage u;

	for (int i = 0; i < 100 && count_entries("/proc/self/task") > 3; i++)
		usleep(1000);
	u.threads = count_entries("/proc/self/task");
	u.fds = count_entries("/proc/self/fd");
	u.size_kib = status_kib("VmSize");
	u.rss_kib = status_kib("VmRSS");
	return u;
}

static void check_usage(const struct usage *before, long slack_kib)
{
	struct usage now = usage();

	CHECK_INT(now.fds, before->fds);
	CHECK_INT(now.threads, before->threads);
	/* Sanitizers keep freed memory for a while; the address sanitizer finds leaks itself. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	CHECK(now.size_kib <= before->size_kib + slack_kib);
	CHECK(now.rss_kib <= before->rss_kib + slack_kib);
#endif
	printf("# VmSize %ld -> %ld KiB, VmRSS %ld -> %ld KiB\n", before->size_kib, now.size_kib,
		before->rss_kib, now.rss_kib);
}

/* Created and destroyed; started; run to its end; ended on the way; reset. */
static void one_life(int kind)
{
	struct tvm_vm *vm = prepare(config(kind % 3 ? "hello" : "hello.bz", kind == 5 ?
		"end=spin" : "end=poweroff"));

	REQUIRE(vm);
	if (kind >= 6)
		CHECK_INT(tvm_start(vm, &last_error), 0);
	if (kind >= 7)
		CHECK_INT(tvm_wait(vm, PATIENCE_MS, NULL), 0);
	if (kind == 5) {
		CHECK_INT(tvm_start(vm, &last_error), 0);
		CHECK_INT(tvm_reset(vm, &last_error), 0);
	}
	tvm_free(vm);
}

static void test_thousand(void)
{
	struct usage before;
	uint64_t start;

	/* What the C library and json-c keep for good is there afterwards. */
	for (int i = 0; i < 30; i++)
		one_life(i % 10);
	before = usage();
	start = now_ms();
	for (int i = 0; i < 1000 && !tests.this_failed; i++)
		one_life(i % 10);
	printf("# %.2f ms a machine\n", (double)(now_ms() - start) / 1000);
	check_usage(&before, 512);
}

/* At every number of descriptors that is too small: an error, and nothing left behind. */
static void test_few_descriptors(void)
{
	struct usage before;
	struct rlimit old, few;
	int failed = 0, fds;

	one_life(0);
	before = usage();
	getrlimit(RLIMIT_NOFILE, &old);
	fds = before.fds - 3;	/* without ".", ".." and the directory's own */
	for (int i = 0; i < 64; i++) {
		struct tvm_config *cfg = config("hello", "");
		struct tvm_vm *vm = NULL;
		int r;

		last_error.msg[0] = 0;
		few = (struct rlimit){ (rlim_t)(fds + i), old.rlim_max };
		setrlimit(RLIMIT_NOFILE, &few);
		r = tvm_prepare(cfg, NULL, &vm, &last_error);
		setrlimit(RLIMIT_NOFILE, &old);
		tvm_config_free(cfg);
		CHECK(r == 0 || (r == -EMFILE && !vm));
		CHECK(r == 0 || last_error.msg[0]);
		failed += r < 0;
		tvm_free(vm);
	}
	CHECK(failed > 5 && failed < 60);
	printf("# a machine needs %d descriptors\n", failed);
	check_usage(&before, 512);
}

static void test_bad_kernels(void)
{
	static const char *const kernels[] = { "does-not-exist", "", "/dev/null", "/dev/zero",
		"/proc/self/maps" };
	struct usage before = usage();

	for (int i = 0; i < 100; i++) {
		struct tvm_config *cfg = config(kernels[i % 5], "");
		struct tvm_vm *vm = NULL;

		if (kernels[i % 5][0] == '/')
			set(cfg, "kernel", kernels[i % 5]);
		CHECK(tvm_prepare(cfg, NULL, &vm, &last_error) < 0);
		CHECK(!vm && last_error.msg[0]);
		tvm_config_free(cfg);
	}
	check_usage(&before, 512);
}

/* From before the first instruction to long after the last. */
static void stop_anywhere(int rounds, int *reasons)
{
	static const char *const kinds[][2] = { { "hello", "end=poweroff" },
		{ "timer", "forever=1" }, { "reboots", "end=reset" }, { "smp", "cpus=3" },
		{ "hello-pvh", "end=triple" } };

	for (int i = 0; i < rounds; i++) {
		struct tvm_config *cfg = config(kinds[i % 5][0], kinds[i % 5][1]);
		struct tvm_exit end = { 0 };
		struct tvm_vm *vm;

		set(cfg, "cpus", "3");
		vm = launch(cfg);
		REQUIRE(vm);
		usleep((useconds_t)(rand() % 30000));
		if (i % 3) {
			tvm_stop(vm);
			CHECK_INT(tvm_wait(vm, PATIENCE_MS, &end), 0);
			reasons[end.reason]++;
		}
		tvm_free(vm);
	}
}

static void test_stop_anywhere(void)
{
	int reasons[TVM_EXIT_CONSOLE_QUIT + 1] = { 0 };
	struct usage before;

	stop_anywhere(15, reasons);	/* stacks of threads are kept for the next ones */
	before = usage();
	stop_anywhere(100, reasons);
	CHECK(reasons[TVM_EXIT_STOPPED] > 0);
	CHECK_INT(reasons[TVM_EXIT_NONE] + reasons[TVM_EXIT_PANIC] +
		reasons[TVM_EXIT_HOST_ERROR] + reasons[TVM_EXIT_RESET], 0);
	check_usage(&before, 2048);
}

/* What one does and how it ends is nothing to the other. */
static void test_two(void)
{
	struct tvm_vm *a = launch(config("timer", "forever=1"));
	struct tvm_vm *b = launch(config("hello", "end=spin"));
	struct tvm_exit end = { 0 };

	REQUIRE(a && b);
	CHECK_INT(tvm_pause(a, NULL), 0);
	CHECK_INT(tvm_status(b), TVM_RUNNING);
	CHECK_INT(tvm_reset(b, NULL), 0);
	CHECK_INT(tvm_status(a), TVM_PAUSED);
	tvm_stop(b);
	CHECK_INT(tvm_wait(b, PATIENCE_MS, &end), 0);
	tvm_free(b);
	CHECK_INT(tvm_resume(a, NULL), 0);
	CHECK_INT(tvm_status(a), TVM_RUNNING);
	CHECK_INT(next_event(a), TVM_EVENT_STARTED);
	CHECK_INT(next_event(a), TVM_EVENT_PAUSED);
	CHECK_INT(next_event(a), TVM_EVENT_RESUMED);
	b = launch(config("hello", "end=poweroff"));
	REQUIRE(b);
	CHECK_INT(tvm_wait(b, PATIENCE_MS, &end), 0);
	CHECK_INT(end.reason, TVM_EXIT_POWEROFF);
	tvm_free(b);
	CHECK_INT(tvm_wait(a, 50, NULL), -ETIMEDOUT);
	tvm_free(a);
}

#define NR_SIDE_BY_SIDE 32

static void side_by_side(void)
{
	struct tvm_vm *vms[NR_SIDE_BY_SIDE];
	struct tvm_exit end;

	for (int i = 0; i < NR_SIDE_BY_SIDE; i++)
		REQUIRE((vms[i] = launch(config(i % 2 ? "hello" : "hello-pvh", i % 4 ?
			"end=poweroff" : "end=halt"))));
	for (int i = 0; i < NR_SIDE_BY_SIDE; i++) {
		CHECK_INT(tvm_wait(vms[i], i % 4 ? PATIENCE_MS : 0, &end),
			i % 4 ? 0 : -ETIMEDOUT);
		CHECK_INT(tvm_status(vms[i]), i % 4 ? TVM_STOPPED : TVM_RUNNING);
	}
	for (int i = NR_SIDE_BY_SIDE; i-- > 0;)
		tvm_free(vms[i]);
}

static void test_side_by_side(void)
{
	struct usage before;

	side_by_side();
	before = usage();
	side_by_side();
	check_usage(&before, 2048);
}

/* ---- Many threads -------------------------------------------------------------------- */

struct crowd {
	struct tvm_vm *vm;
	_Atomic bool end;
	_Atomic unsigned int calls;
};

static void *bother(void *opaque)
{
	struct crowd *crowd = opaque;
	unsigned int seed = (unsigned int)gettid();
	char *text;

	while (!atomic_load(&crowd->end)) {
		switch (rand_r(&seed) % 7) {
		case 0:
		case 1:
			tvm_pause(crowd->vm, NULL);
			break;
		case 2:
		case 3:
			tvm_resume(crowd->vm, NULL);
			break;
		case 4:
			tvm_reset(crowd->vm, NULL);
			break;
		case 5:
			if (!tvm_metrics(crowd->vm, &text))
				free(text);
			tvm_powerdown(crowd->vm, NULL);
			break;
		case 6:
			tvm_wait(crowd->vm, 1, NULL);
			next_event(crowd->vm);
			break;
		}
		atomic_fetch_add(&crowd->calls, 1);
	}
	return NULL;
}

static void *resume_always(void *opaque)
{
	struct crowd *crowd = opaque;

	while (!atomic_load(&crowd->end)) {
		tvm_resume(crowd->vm, NULL);
		atomic_fetch_add(&crowd->calls, 1);
	}
	return NULL;
}

/* A pause that is taken back before it happened returns all the same. */
static void test_pause_race(void)
{
	struct crowd crowd = { .vm = launch(config("hello", "end=spin")) };
	pthread_t thread;

	REQUIRE(crowd.vm);
	pthread_create(&thread, NULL, resume_always, &crowd);
	for (int i = 0; i < 500; i++)
		CHECK_INT(tvm_pause(crowd.vm, NULL), 0);
	atomic_store(&crowd.end, true);
	pthread_join(thread, NULL);
	tvm_free(crowd.vm);
}

/* From four threads at once, against a guest that resets itself all the time as well. */
static void test_crowd(void)
{
	struct crowd crowd = { .vm = launch(config("reboots", "end=reset")) };
	struct tvm_exit end = { 0 };
	pthread_t threads[4];

	REQUIRE(crowd.vm);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, bother, &crowd);
	usleep(2000000);
	tvm_stop(crowd.vm);
	CHECK_INT(tvm_wait(crowd.vm, PATIENCE_MS, &end), 0);
	CHECK_INT(end.reason, TVM_EXIT_STOPPED);
	atomic_store(&crowd.end, true);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK(atomic_load(&crowd.calls) > 20);
	tvm_free(crowd.vm);
}

int main(void)
{
	if (cannot_run())
		return 0;
	/* One heap: a second one, taken when threads meet, would look like a leak of 64 MiB. */
	mallopt(M_ARENA_MAX, 1);
	RUN_LIMITED(test_thousand);
	RUN_LIMITED(test_few_descriptors);
	RUN_LIMITED(test_bad_kernels);
	RUN_LIMITED(test_stop_anywhere);
	RUN_LIMITED(test_two);
	RUN_LIMITED(test_side_by_side);
	RUN_LIMITED(test_pause_race);
	RUN_LIMITED(test_crowd);
	return tests_done();
}
