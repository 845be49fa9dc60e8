/* SPDX-License-Identifier: Apache-2.0 */
/* vCPU threads, the KVM_RUN loop and the exits that every architecture has. */
#include "vmm/vcpu.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "arch/arch.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/le.h"
#include "base/trace.h"
#include "tee/tee.h"
#include "vmm/vm.h"

int vcpu_init(struct vcpu *vcpu, struct vm *vm, unsigned int index, struct tvm_error *err)
{
	vcpu->vm = vm;
	vcpu->index = index;
	/* Not through kvm_ioctl(): the argument is a number. */
	do
		vcpu->fd = ioctl(vm->kvm.vm_fd, KVM_CREATE_VCPU, (unsigned long)index);
	while (vcpu->fd < 0 && errno == EINTR);
	if (vcpu->fd < 0)
		return err_sys(err, -errno, "kvm: cannot create vCPU %u", index);
	vcpu->run = mmap(NULL, vm->kvm.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		return err_sys(err, -errno, "kvm: cannot map the area of vCPU %u", index);
	}
	return arch_vcpu_init(vcpu, err);
}

void vcpu_fini(struct vcpu *vcpu)
{
	if (!vcpu->vm)
		return;
	if (vcpu->run)
		munmap(vcpu->run, vcpu->vm->kvm.run_size);
	close_fd(&vcpu->fd);
	memset(vcpu, 0, sizeof(*vcpu));
}

static void count(struct vcpu *vcpu, enum vcpu_counter which)
{
	/* One writer: no need for an atomic addition. */
	atomic_store_explicit(&vcpu->counters[which],
		atomic_load_explicit(&vcpu->counters[which], memory_order_relaxed) + 1,
		memory_order_relaxed);
}

static void do_access(struct vcpu *vcpu, enum bus_space space, bool write, uint64_t addr,
	unsigned int size, void *data)
{
	struct bus *bus = vcpu->vm->bus;
	uint64_t val = write ? le_load(data, size) : 0;
	bool claimed = write ? bus_write(bus, space, addr, size, val) :
		bus_read(bus, space, addr, size, &val);

	if (!write)
		le_store(data, size, val);
	if (!claimed) {
		count(vcpu, VCPU_UNCLAIMED);
		TRACE(&vcpu->vm->log, "unclaimed", "%s %s 0x%llx size %u",
			space == BUS_PIO ? "pio" : "mmio", write ? "write" : "read",
			(unsigned long long)addr, size);
	}
}

/* api.rst, KVM_EXIT_IO: count items of size bytes each lie at data_offset. */
static void pio_exit(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count; i++)
		do_access(vcpu, BUS_PIO, run->io.direction == KVM_EXIT_IO_OUT, run->io.port,
			run->io.size, data + i * run->io.size);
}

static void mmio_exit(struct vcpu *vcpu)
{
	const struct tee_ops *tee = vcpu->vm->tee;
	struct kvm_run *run = vcpu->run;
	uint64_t gpa = run->mmio.phys_addr;

	if (!tee->vcpu_mmio || tee->vcpu_mmio(vcpu, &gpa))
		do_access(vcpu, BUS_MMIO, run->mmio.is_write, gpa, run->mmio.len, run->mmio.data);
}

static void crash(struct vcpu *vcpu, const char *what)
{
	run_quit(vcpu->vm, TVM_EXIT_CRASH, "guest crashed: vCPU %u: %s at 0x%llx", vcpu->index,
		what, (unsigned long long)arch_vcpu_pc(vcpu));
}

static void handle_exit(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	char what[96];

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		count(vcpu, VCPU_EXIT_PIO);
		pio_exit(vcpu);
		return;
	case KVM_EXIT_MMIO:
		count(vcpu, VCPU_EXIT_MMIO);
		mmio_exit(vcpu);
		return;
	case KVM_EXIT_INTR:
		return;
	case KVM_EXIT_SHUTDOWN:
		/* The registers are those of a reset CPU by now (AMD): no address to tell. */
		run_quit(vcpu->vm, TVM_EXIT_CRASH, "guest crashed: triple fault");
		return;
	case KVM_EXIT_INTERNAL_ERROR:
		snprintf(what, sizeof(what), "KVM cannot go on (internal error %u%s)",
			run->internal.suberror, run->internal.suberror ==
			KVM_INTERNAL_ERROR_EMULATION ? ", instruction emulation" : "");
		crash(vcpu, what);
		return;
	case KVM_EXIT_FAIL_ENTRY:
		snprintf(what, sizeof(what), "the processor refuses its state (reason 0x%llx)",
			(unsigned long long)run->fail_entry.hardware_entry_failure_reason);
		crash(vcpu, what);
		return;
	}
	count(vcpu, VCPU_EXIT_OTHER);
	if (vcpu->vm->tee->vcpu_exit && vcpu->vm->tee->vcpu_exit(vcpu))
		return;
	if (arch_vcpu_exit(vcpu))
		return;
	snprintf(what, sizeof(what), "unexpected exit %u", run->exit_reason);
	crash(vcpu, what);
}

/* Written by kickers too; KVM reads it once, on the way into the guest. */
static void set_immediate_exit(struct vcpu *vcpu, uint8_t on)
{
	__atomic_store_n(&vcpu->run->immediate_exit, on, __ATOMIC_SEQ_CST);
}

/* Take the kick off the pending set, or KVM_RUN would return at once for ever. */
static void drain_kick(struct vcpu *vcpu)
{
	const struct timespec now = { 0 };
	sigset_t kick;

	count(vcpu, VCPU_EXIT_SIGNAL);
	set_immediate_exit(vcpu, 0);
	sigemptyset(&kick);
	sigaddset(&kick, VCPU_KICK_SIGNAL);
	while (sigtimedwait(&kick, NULL, &now) >= 0)
		;
}

/*
 * api.rst, KVM_RUN: an access that left KVM is only complete at the next KVM_RUN. Finish it
 * before parking, or the registers that a reset or an inspection sees are not final.
 */
static void finish_access(struct vcpu *vcpu)
{
	set_immediate_exit(vcpu, 1);
	while (!ioctl(vcpu->fd, KVM_RUN, NULL)) {
		handle_exit(vcpu);
		set_immediate_exit(vcpu, 1);
	}
	drain_kick(vcpu);
}

static void run_vcpu(struct vcpu *vcpu)
{
	while (!run_halted(&vcpu->vm->run)) {
		int r = ioctl(vcpu->fd, KVM_RUN, NULL);

		if (!r) {
			handle_exit(vcpu);
		} else if (errno == EINTR) {
			drain_kick(vcpu);
		} else if (errno == EFAULT && vcpu->vm->tee->vcpu_fault &&
			vcpu->vm->tee->vcpu_fault(vcpu)) {
			count(vcpu, VCPU_EXIT_OTHER);
		} else if (errno != EAGAIN) {
			const char *why = strerrordesc_np(errno);

			run_quit(vcpu->vm, TVM_EXIT_HOST_ERROR, "vCPU %u at 0x%llx: KVM_RUN: %s",
				vcpu->index, (unsigned long long)arch_vcpu_pc(vcpu),
				why ? why : "unknown error");
			return;
		}
	}
	finish_access(vcpu);
}

static int allow_kick_in_guest(struct vcpu *vcpu)
{
	struct {
		struct kvm_signal_mask head;
		uint8_t bits[8]; /* the kernel's sigset_t */
	} mask = { .head.len = 8 };
	uint64_t blocked = ~0ULL & ~(1ULL << (VCPU_KICK_SIGNAL - 1));

	memcpy(mask.bits, &blocked, sizeof(mask.bits));
	return kvm_ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, &mask);
}

static void *vcpu_thread(void *opaque)
{
	struct vcpu *vcpu = opaque;
	struct vm *vm = vcpu->vm;
	char name[16];
	int r;

	snprintf(name, sizeof(name), "tvm-vcpu%u", vcpu->index);
	prctl(PR_SET_NAME, name);
	run_enter(vcpu);
	r = allow_kick_in_guest(vcpu);
	if (r < 0)
		run_quit(vm, TVM_EXIT_HOST_ERROR, "vCPU %u: KVM_SET_SIGNAL_MASK: %s", vcpu->index,
			strerrordesc_np(-r));
	while (run_wait(vm))
		run_vcpu(vcpu);
	run_leave(vm);
	return NULL;
}

int vcpu_start_thread(struct vcpu *vcpu, struct tvm_error *err)
{
	sigset_t all, old;
	int r;

	/* The embedder's signals are none of our business: the thread inherits a full mask. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		return err_sys(err, -r, "vCPU %u: thread", vcpu->index);
	vcpu->has_thread = true;
	run_await_thread(vcpu);
	return 0;
}

void vcpu_join(struct vcpu *vcpu)
{
	if (vcpu->has_thread)
		pthread_join(vcpu->thread, NULL);
	vcpu->has_thread = false;
}

void vcpu_kick(struct vcpu *vcpu)
{
	if (!vcpu->has_thread)
		return;
	set_immediate_exit(vcpu, 1);
	pthread_kill(vcpu->thread, VCPU_KICK_SIGNAL);
}
