/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vCPU and its thread. The thread runs KVM_RUN until it is kicked, then asks run.c whether
 * it may go on.
 *
 * Kick: vcpu_kick() sets immediate_exit and sends VCPU_KICK_SIGNAL, which is blocked in the
 * thread except inside KVM_RUN (KVM_SET_SIGNAL_MASK), so neither a handler nor a race exists.
 */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define VCPU_KICK_SIGNAL SIGRTMIN

struct tvm_error;
struct vm;

/* Exits by kind; written by the vCPU's thread, read by anybody. */
enum vcpu_counter {
	VCPU_EXIT_PIO,
	VCPU_EXIT_MMIO,
	VCPU_EXIT_SIGNAL,
	VCPU_EXIT_OTHER,
	VCPU_UNCLAIMED,		/* accesses that no region took */
	VCPU_NR_COUNTERS
};

struct vcpu {
	struct vm *vm;		/* borrowed, outlives us */
	unsigned int index;
	int fd;			/* owned */
	struct kvm_run *run;	/* owned mapping */
	pthread_t thread;
	bool has_thread;
	pid_t tid;		/* 0 until the thread runs, under run.lock */
	_Atomic uint64_t counters[VCPU_NR_COUNTERS];
};

/* KVM_CREATE_VCPU and the shared area. vcpu is zeroed memory. */
int vcpu_init(struct vcpu *vcpu, struct vm *vm, unsigned int index, struct tvm_error *err);
void vcpu_fini(struct vcpu *vcpu); /* its thread has ended; accepts zeroed memory */

/* Start the thread; it waits in run_wait() until the machine is started. */
int vcpu_start_thread(struct vcpu *vcpu, struct tvm_error *err);
void vcpu_join(struct vcpu *vcpu);

/* Make the thread leave KVM_RUN soon. Any thread. */
void vcpu_kick(struct vcpu *vcpu);

#endif
