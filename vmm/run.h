/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run control: starting, pausing, resetting and ending a machine.
 *
 * vCPU threads run only while nothing is wanted of them. Whoever wants something says so
 * under the lock and kicks them; each parks in run_wait(). A reset is performed by whoever
 * notices that all are parked, which is never the event loop's thread: a device reset needs
 * that thread.
 */
#ifndef VMM_RUN_H
#define VMM_RUN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "tvm.h"
#include "vmm/device.h"

#define RUN_MAX_EVENTS 16

struct vcpu;
struct vm;

struct run {
	_Atomic bool halt;	/* what must_park() said last; vCPU threads look at it */
	pthread_mutex_t lock;	/* all below */
	pthread_cond_t changed;
	enum tvm_state state;
	bool paused;		/* asked for, by tvm_pause() */
	bool started;
	bool reset_wanted;
	bool resetting;
	bool quit;
	unsigned int parked;	/* vCPU threads that wait in run_wait() */
	unsigned int alive;	/* vCPU threads */
	struct tvm_exit exit;	/* first reason wins */
	int event_fd;		/* owned */
	struct tvm_event events[RUN_MAX_EVENTS];
	unsigned int nr_events;
};

int run_init(struct run *run, struct tvm_error *err);
void run_fini(struct run *run);

/* vCPU thread, first and last call; the starter waits in run_await_thread() for the first. */
void run_enter(struct vcpu *vcpu);
void run_leave(struct vm *vm);
void run_await_thread(struct vcpu *vcpu);

/* vCPU thread: wait until it may run. false: the machine has ended. */
bool run_wait(struct vm *vm);

/* Whether vCPU threads have to park. Set before they are kicked, so no kick is missed. */
static inline bool run_halted(const struct run *run)
{
	return atomic_load(&run->halt);
}

int run_start(struct vm *vm, struct tvm_error *err);
int run_pause(struct vm *vm, struct tvm_error *err);
int run_resume(struct vm *vm, struct tvm_error *err);
int run_reset(struct vm *vm, struct tvm_error *err);

/* End the machine for a reason; any thread, returns at once. Later reasons are dropped. */
__attribute__((format(printf, 3, 4)))
void run_quit(struct vm *vm, enum tvm_exit_reason reason, const char *fmt, ...);

/* What a device's guest asked for; any thread. */
void run_request(void *vm, enum dev_request what);
void run_refused(void *vm, const char *why);

int run_join(struct vm *vm, int timeout_ms, struct tvm_exit *out);
enum tvm_state run_state(struct vm *vm);
int run_next_event(struct vm *vm, struct tvm_event *out);

#endif
