/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run control. One lock, one condition; the states a vCPU thread sees are "run" and "halt".
 * See run.h for who performs a reset and why.
 */
#include "vmm/run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "tee/tee.h"
#include "vmm/vm.h"

int run_init(struct run *run, struct tvm_error *err)
{
	pthread_condattr_t attr;

	run->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (run->event_fd < 0)
		return err_sys(err, -errno, "machine: event descriptor");
	pthread_mutex_init(&run->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&run->changed, &attr);
	pthread_condattr_destroy(&attr);
	run->state = TVM_PREPARED;
	atomic_init(&run->halt, true);
	return 0;
}

void run_fini(struct run *run)
{
	if (run->event_fd < 0)
		return;
	pthread_cond_destroy(&run->changed);
	pthread_mutex_destroy(&run->lock);
	close_fd(&run->event_fd);
}

/* Events nobody takes are dropped oldest first: state is always to be had by tvm_status(). */
static void post_event(struct run *run, enum tvm_event_type type)
{
	struct timespec ts;
	uint64_t one = 1;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (run->nr_events == RUN_MAX_EVENTS) {
		memmove(run->events, run->events + 1,
			(RUN_MAX_EVENTS - 1) * sizeof(run->events[0]));
		run->nr_events--;
	} else if (write(run->event_fd, &one, sizeof(one)) < 0) {
		return;
	}
	run->events[run->nr_events++] = (struct tvm_event){
		.size = sizeof(struct tvm_event), .type = type,
		.time_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec,
	};
}

static bool must_park(const struct run *run)
{
	return !run->started || run->paused || run->reset_wanted || run->resetting || run->quit;
}

/* After every change of what must_park() looks at, with the lock held. */
static void state_changed(struct run *run)
{
	atomic_store(&run->halt, must_park(run));
	pthread_cond_broadcast(&run->changed);
}

static void kick_all(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		vcpu_kick(&vm->vcpus[i]);
}

__attribute__((format(printf, 3, 4)))
static void quit_locked(struct vm *vm, enum tvm_exit_reason reason, const char *fmt, ...)
{
	struct run *run = &vm->run;
	va_list ap;

	if (run->exit.reason == TVM_EXIT_NONE) {
		run->exit.reason = reason;
		va_start(ap, fmt);
		vsnprintf(run->exit.msg, sizeof(run->exit.msg), fmt, ap);
		va_end(ap);
	}
	run->quit = true;
	state_changed(run);
	kick_all(vm);
}

/* With the lock held; drops it meanwhile. Performs a reset that is due. */
static void reset_if_due(struct vm *vm)
{
	struct run *run = &vm->run;
	struct tvm_error err = { 0 };
	int r;

	if (!run->reset_wanted || run->resetting || run->quit || run->parked < run->alive)
		return;
	run->reset_wanted = false;
	run->resetting = true;
	state_changed(run);
	pthread_mutex_unlock(&run->lock);
	r = vm_reset(vm, &err);
	pthread_mutex_lock(&run->lock);
	run->resetting = false;
	state_changed(run);
	if (r < 0)
		quit_locked(vm, TVM_EXIT_HOST_ERROR, "reset failed: %s", err.msg);
	else
		post_event(run, TVM_EVENT_RESET);
}

void run_enter(struct vcpu *vcpu)
{
	struct run *run = &vcpu->vm->run;

	pthread_mutex_lock(&run->lock);
	run->alive++;
	vcpu->tid = gettid();
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
}

void run_await_thread(struct vcpu *vcpu)
{
	struct run *run = &vcpu->vm->run;

	pthread_mutex_lock(&run->lock);
	while (!vcpu->tid)
		pthread_cond_wait(&run->changed, &run->lock);
	pthread_mutex_unlock(&run->lock);
}

bool run_wait(struct vm *vm)
{
	struct run *run = &vm->run;
	bool go;

	pthread_mutex_lock(&run->lock);
	run->parked++;
	pthread_cond_broadcast(&run->changed);
	while (must_park(run) && !run->quit) {
		reset_if_due(vm);
		if (must_park(run) && !run->quit)
			pthread_cond_wait(&run->changed, &run->lock);
	}
	run->parked--;
	go = !run->quit;
	pthread_mutex_unlock(&run->lock);
	return go;
}

static void nothing(void *opaque)
{
}

void run_leave(struct vm *vm)
{
	struct run *run = &vm->run;
	bool last;

	pthread_mutex_lock(&run->lock);
	last = --run->alive == 0;
	pthread_mutex_unlock(&run->lock);
	if (!last)
		return;
	/* What devices had to do before the end, such as console output, is behind us then. */
	machine_event(vm, "end");
	loop_call(vm->loop, nothing, NULL);
	pthread_mutex_lock(&run->lock);
	run->state = TVM_STOPPED;
	post_event(run, TVM_EVENT_STOPPED);
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
}

int run_start(struct vm *vm, struct tvm_error *err)
{
	struct run *run = &vm->run;
	int r = 0;

	pthread_mutex_lock(&run->lock);
	if (run->quit)
		r = err_set(err, -ESHUTDOWN, "start: the machine has ended");
	else if (run->started)
		r = err_set(err, -EALREADY, "start: the machine was started before");
	else if (vm->tee->start)
		r = vm->tee->start(vm, err);
	if (!r) {
		run->started = true;
		run->state = run->paused ? TVM_PAUSED : TVM_RUNNING;
		post_event(run, TVM_EVENT_STARTED);
		state_changed(run);
	}
	pthread_mutex_unlock(&run->lock);
	return r;
}

/*
 * With the lock held: wait until every vCPU thread is parked, or nobody wants that any more:
 * another thread resumes the machine, or it ends.
 */
static void wait_parked(struct run *run)
{
	while (run->paused && run->parked < run->alive && !run->quit)
		pthread_cond_wait(&run->changed, &run->lock);
}

int run_pause(struct vm *vm, struct tvm_error *err)
{
	struct run *run = &vm->run;
	int r = 0;

	pthread_mutex_lock(&run->lock);
	if (!run->paused) {
		run->paused = true;
		state_changed(run);
		kick_all(vm);
	}
	wait_parked(run);
	while (run->resetting && !run->quit)
		pthread_cond_wait(&run->changed, &run->lock);
	if (run->quit) {
		r = err_set(err, -ESHUTDOWN, "pause: the machine has ended");
	} else if (run->state == TVM_RUNNING && run->paused) {
		run->state = TVM_PAUSED;
		post_event(run, TVM_EVENT_PAUSED);
	}
	pthread_mutex_unlock(&run->lock);
	return r;
}

int run_resume(struct vm *vm, struct tvm_error *err)
{
	struct run *run = &vm->run;
	int r = 0;

	pthread_mutex_lock(&run->lock);
	if (run->quit) {
		r = err_set(err, -ESHUTDOWN, "resume: the machine has ended");
	} else if (run->paused) {
		run->paused = false;
		/* Tells the guest's watchdogs that time passed; not every KVM has it. */
		for (unsigned int i = 0; i < vm->nr_vcpus; i++)
			kvm_ioctl(vm->vcpus[i].fd, KVM_KVMCLOCK_CTRL, NULL);
		if (run->started) {
			run->state = TVM_RUNNING;
			post_event(run, TVM_EVENT_RESUMED);
		}
		state_changed(run);
	}
	pthread_mutex_unlock(&run->lock);
	return r;
}

int run_reset(struct vm *vm, struct tvm_error *err)
{
	struct run *run = &vm->run;
	int r = 0;

	if (vm->tee->confidential)
		return err_set(err, -EOPNOTSUPP,
			"reset: a confidential guest cannot be launched twice; make a new machine");
	pthread_mutex_lock(&run->lock);
	if (run->quit) {
		r = err_set(err, -ESHUTDOWN, "reset: the machine has ended");
	} else {
		run->reset_wanted = true;
		state_changed(run);
		kick_all(vm);
		/* When all are parked already, nobody else would notice. */
		while ((run->reset_wanted || run->resetting) && !run->quit) {
			reset_if_due(vm);
			if ((run->reset_wanted || run->resetting) && !run->quit)
				pthread_cond_wait(&run->changed, &run->lock);
		}
		if (run->exit.reason == TVM_EXIT_HOST_ERROR)
			r = err_set(err, -EIO, "%s", run->exit.msg);
		else if (run->reset_wanted)
			r = err_set(err, -ESHUTDOWN, "reset: the machine has ended");
	}
	pthread_mutex_unlock(&run->lock);
	return r;
}

void run_quit(struct vm *vm, enum tvm_exit_reason reason, const char *fmt, ...)
{
	char msg[sizeof(vm->run.exit.msg)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&vm->run.lock);
	quit_locked(vm, reason, "%s", msg);
	pthread_mutex_unlock(&vm->run.lock);
}

void run_request(void *opaque, enum dev_request what)
{
	struct vm *vm = opaque;

	switch (what) {
	case DEV_POWEROFF:
		run_quit(vm, TVM_EXIT_POWEROFF, "guest powered off");
		break;
	case DEV_PANIC:
		run_quit(vm, TVM_EXIT_PANIC, "guest kernel panicked");
		break;
	case DEV_CONSOLE_QUIT:
		run_quit(vm, TVM_EXIT_CONSOLE_QUIT, "console session ended");
		break;
	case DEV_RESET:
		/* A confidential guest cannot be launched twice: its memory was measured once. */
		if (vm->cfg->no_reboot || vm->tee->confidential) {
			run_quit(vm, TVM_EXIT_RESET, "guest reset");
			break;
		}
		pthread_mutex_lock(&vm->run.lock);
		vm->run.reset_wanted = true;
		state_changed(&vm->run);
		kick_all(vm);
		pthread_mutex_unlock(&vm->run.lock);
		break;
	}
}

void run_refused(void *vm, const char *why)
{
	run_quit(vm, TVM_EXIT_REFUSED, "the firmware refused to boot: %s", why);
}

int run_join(struct vm *vm, int timeout_ms, struct tvm_exit *out)
{
	struct run *run = &vm->run;
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (timeout_ms % 1000) * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&run->lock);
	while (run->state != TVM_STOPPED && r != ETIMEDOUT)
		r = timeout_ms < 0 ? pthread_cond_wait(&run->changed, &run->lock) :
			pthread_cond_timedwait(&run->changed, &run->lock, &until);
	r = run->state == TVM_STOPPED ? 0 : -ETIMEDOUT;
	if (!r && out)
		*out = run->exit;
	pthread_mutex_unlock(&run->lock);
	return r;
}

enum tvm_state run_state(struct vm *vm)
{
	enum tvm_state state;

	pthread_mutex_lock(&vm->run.lock);
	state = vm->run.state;
	pthread_mutex_unlock(&vm->run.lock);
	return state;
}

int run_next_event(struct vm *vm, struct tvm_event *out)
{
	struct run *run = &vm->run;
	uint64_t count;
	int r = 0;

	pthread_mutex_lock(&run->lock);
	if (run->nr_events && read(run->event_fd, &count, sizeof(count)) == sizeof(count)) {
		size_t size = out->size < sizeof(*out) ? out->size : sizeof(*out);

		memcpy(out, &run->events[0], size);
		out->size = size;
		run->nr_events--;
		memmove(run->events, run->events + 1, run->nr_events * sizeof(run->events[0]));
		r = 1;
	}
	pthread_mutex_unlock(&run->lock);
	return r;
}
