/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a realm on the soft platform asks and touches, on a played vCPU: its calls, devices with
 * and without the shared bit, memory through the wrong half, and what the configuration says
 * to that. Aarch64 only: registers and events of vCPUs are the architecture's.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "tee/tee.h"
#include "tee/virtcca/cca.h"
#include "tests/harness.h"
#include "vmm/vm.h"

#define RAM 0x80000000ULL
#define SIZE MIB(1)
#define SHARED BIT(32)
#define PC 0x80001234ULL
#define CORE(index) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | (uint64_t)(index))

/* The vCPU, as KVM has it. */
static struct {
	uint64_t regs[33];		/* x0 to x30, SP, PC */
	unsigned int sets;		/* registers written */
	struct kvm_vcpu_events events;
	unsigned long fail;		/* this request fails */
} k;

static struct vm vm;
static struct vcpu vcpu;
static struct kvm_run run;
static struct cca cca;
static struct tvm_error err;
static char logged[1024];

int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct kvm_one_reg *reg;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	request &= 0xffffffff;
	reg = arg;
	if (request == k.fail) {
		errno = ENOENT;
		return -1;
	}
	switch (request) {
	case KVM_GET_ONE_REG:
	case KVM_SET_ONE_REG:
		/* Numbers of registers count words of 32 bits. */
		if (reg->id < CORE(0) || reg->id > CORE(64) || reg->id % 2)
			abort();
		if (request == KVM_SET_ONE_REG) {
			k.sets++;
			k.regs[(reg->id - CORE(0)) / 2] = *(uint64_t *)(uintptr_t)reg->addr;
		} else {
			*(uint64_t *)(uintptr_t)reg->addr = k.regs[(reg->id - CORE(0)) / 2];
		}
		return 0;
	case KVM_GET_VCPU_EVENTS:
		*(struct kvm_vcpu_events *)arg = k.events;
		return 0;
	case KVM_SET_VCPU_EVENTS:
		k.events = *(struct kvm_vcpu_events *)arg;
		return 0;
	}
	abort();
}

static int host_convert(void *ctx, uint64_t base, uint64_t top, enum rsi_ripas to)
{
	return 0;
}

static const struct rmm_host host = { .convert = host_convert };

static void on_log(void *opaque, enum tvm_log_level level, const char *line)
{
	size_t len = strlen(logged);

	snprintf(logged + len, sizeof(logged) - len, "%s\n", line);
}

static void setup(const char *tee)
{
	static const struct tvm_host log = { .size = sizeof(log), .log = on_log,
		.log_level = TVM_LOG_INFO };
	const struct rmm_params params = {
		.realm = { .s2sz = 33, .num_bps = 1, .num_wps = 1, .hash = RIM_SHA256 },
	};
	const struct rim_rec rec = { .pc = RAM, .runnable = true };
	uint64_t next;

	memset(&k, 0, sizeof(k));
	memset(&vm, 0, sizeof(vm));
	memset(&run, 0, sizeof(run));
	memset(&cca, 0, sizeof(cca));
	logged[0] = 0;
	k.regs[32] = PC;
	vm.cfg = tvm_config_new();
	if (!vm.cfg || tvm_config_set(vm.cfg, "tee", tee, &err) < 0 || run_init(&vm.run, &err) < 0)
		abort();
	log_init(&vm.log, &log);
	vm.kvm.shared_bit = SHARED;
	vm.tee = &cca_ops;
	vm.tee_state = &cca;
	vcpu = (struct vcpu){ .vm = &vm, .fd = -1, .run = &run };
	pthread_rwlock_init(&cca.lock, NULL);
	if (rmm_create(&params, &host, NULL, &cca.rmm) || rmm_add_ram(cca.rmm, RAM, SIZE) ||
	    rmm_init_ripas(cca.rmm, RAM, RAM + SIZE, &next) || rmm_rec_create(cca.rmm, 0, &rec) ||
	    rmm_activate(cca.rmm))
		abort();
}

static void teardown(void)
{
	rmm_destroy(cca.rmm);
	pthread_rwlock_destroy(&cca.lock);
	run_fini(&vm.run);
	tvm_config_free(vm.cfg);
}

static bool call(enum rsi_call n, uint64_t a, uint64_t b, uint64_t c)
{
	run.exit_reason = KVM_EXIT_HYPERCALL;
	k.regs[0] = RSI_FID_FIRST + (uint64_t)n;
	k.regs[1] = a;
	k.regs[2] = b;
	k.regs[3] = c;
	k.sets = 0;
	return cca_ops.vcpu_exit(&vcpu);
}

static bool mmio(uint64_t *gpa)
{
	return cca_ops.vcpu_mmio(&vcpu, gpa);
}

static void test_calls(void)
{
	setup("cca,platform=soft");
	run.hypercall.longmode = 1;	/* KVM_HYPERCALL_EXIT_SMC, in what are flags now */
	CHECK(call(RSI_VERSION, 0x10000, 0, 5));
	CHECK_INT(k.regs[0], RSI_SUCCESS);
	CHECK_INT(k.regs[2], 0x10000);
	CHECK_INT(k.regs[3], 5);
	CHECK_INT(k.sets, 2);		/* x1 is what it was */
	CHECK(call(RSI_VERSION, 0x20000, 0, 0));
	CHECK_INT(k.regs[0], RSI_ERROR_INPUT);
	CHECK(call(RSI_IPA_STATE_SET, RAM, RAM + RMM_PAGE, RSI_EMPTY));
	CHECK_INT(k.regs[0], RSI_SUCCESS);
	CHECK(rmm_is_shared(cca.rmm, RAM, RMM_PAGE));
	run.hypercall.longmode = 0;	/* HVC */
	CHECK(call(RSI_VERSION, 0x10000, 0, 0));
	CHECK(k.regs[0] == RSI_NOT_SUPPORTED);
	k.fail = KVM_SET_ONE_REG;
	CHECK(!call(RSI_FEATURES, 1, 0, 0));
	k.fail = KVM_GET_ONE_REG;
	CHECK(!call(RSI_FEATURES, 1, 0, 0));
	run.exit_reason = KVM_EXIT_DEBUG;
	CHECK(!cca_ops.vcpu_exit(&vcpu));
	teardown();
}

static void test_devices(void)
{
	uint64_t gpa = 0x1000000 | SHARED;

	setup("cca,platform=soft");
	CHECK(mmio(&gpa));
	CHECK_INT(gpa, 0x1000000);
	CHECK_INT(cca.mmio, 1);
	CHECK(!k.events.exception.ext_dabt_pending && !logged[0]);
	teardown();
}

/* Devices without the bit, nothing at all, and more bits than the realm has. */
static void test_abort_mmio(void)
{
	static const uint64_t wrong[] = { 0x1000000, RAM + SIZE, 2 * SHARED | 0x1000000 };

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		uint64_t gpa = wrong[i];
		char text[64];

		setup("cca,platform=soft");
		snprintf(text, sizeof(text), "vCPU 0 at 0x80001234: access to 0x%llx",
			(unsigned long long)gpa);
		CHECK(!mmio(&gpa));
		CHECK_INT(k.events.exception.ext_dabt_pending, 1);
		CHECK_INT(cca.violations[CCA_VIOLATION_MMIO], 1);
		CHECK_INT(cca.mmio, 0);
		CHECK_HAS(logged, text);
		CHECK_HAS(logged, "external abort");
		CHECK_INT(vm.run.exit.reason, TVM_EXIT_NONE);
		teardown();
	}
}

static void test_abort_memory(void)
{
	setup("cca,platform=soft,violation=abort");
	k.events.exception.serror_pending = 1;	/* stays */
	CHECK(cca_ops.vcpu_fault(&vcpu));
	CHECK(k.events.exception.ext_dabt_pending && k.events.exception.serror_pending);
	CHECK_INT(cca.violations[CCA_VIOLATION_MEMORY], 1);
	CHECK_INT(cca.violations[CCA_VIOLATION_MMIO], 0);
	CHECK_HAS(logged, "vCPU 0 at 0x80001234: access to memory through the wrong half");
	CHECK_INT(vm.run.exit.reason, TVM_EXIT_NONE);
	teardown();
}

static void test_stop(void)
{
	uint64_t gpa = 0x1020000;

	setup("cca,platform=soft,violation=stop");
	CHECK(!mmio(&gpa));
	CHECK_INT(vm.run.exit.reason, TVM_EXIT_VIOLATION);
	CHECK_HAS(vm.run.exit.msg, "vCPU 0 at 0x80001234: access to 0x1020000");
	CHECK_HAS(vm.run.exit.msg, "violation=stop");
	CHECK_INT(k.events.exception.ext_dabt_pending, 0);
	CHECK_INT(cca.violations[CCA_VIOLATION_MMIO], 1);
	teardown();

	setup("cca,platform=soft,violation=stop");
	CHECK(cca_ops.vcpu_fault(&vcpu));	/* answered: not the host's error */
	CHECK_INT(vm.run.exit.reason, TVM_EXIT_VIOLATION);
	CHECK_HAS(vm.run.exit.msg, "access to memory through the wrong half");
	CHECK_INT(k.events.exception.ext_dabt_pending, 0);
	CHECK_INT(cca.violations[CCA_VIOLATION_MEMORY], 1);
	teardown();
}

/* KVM that cannot deliver the abort: the guest must not go on as if nothing were. */
static void test_undeliverable(void)
{
	static const unsigned long requests[] = { KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS };

	for (unsigned int i = 0; i < ARRAY_SIZE(requests); i++) {
		uint64_t gpa = 0x1000000;

		setup("cca,platform=soft");
		k.fail = requests[i];
		CHECK(!mmio(&gpa));
		CHECK_INT(vm.run.exit.reason, TVM_EXIT_CRASH);
		CHECK(!cca_ops.vcpu_fault(&vcpu));	/* run_vcpu() says what KVM said */
		teardown();
	}
}

static void test_metrics(void)
{
	char text[1024];
	uint64_t gpa = 0x1000000;
	FILE *f = fmemopen(text, sizeof(text), "w");

	setup("cca,platform=soft");
	run.hypercall.longmode = 1;
	call(RSI_VERSION, 0x10000, 0, 0);
	call(RSI_VERSION, 0x20000, 0, 0);
	call(RSI_IPA_STATE_SET, RAM, RAM + 2 * RMM_PAGE, RSI_EMPTY);
	call(RSI_IPA_STATE_SET, RAM, RAM + RMM_PAGE, RSI_RAM);
	call(RSI_CALLS, 0, 0, 0);
	mmio(&gpa);
	cca_ops.vcpu_fault(&vcpu);
	cca_ops.vcpu_fault(&vcpu);
	cca_ops.metrics(&vm, f);
	fclose(f);
	CHECK(!strcmp(text, ",\"rsi\":{\"version\":2,\"features\":0,\"measurement_read\":0,"
		"\"measurement_extend\":0,\"token_init\":0,\"token_continue\":0,"
		"\"realm_config\":0,\"ipa_state_set\":2,\"ipa_state_get\":0,\"host_call\":0,"
		"\"unknown\":1,\"refused\":1},\"rsi_calls\":4,\"to_ram_bytes\":4096,"
		"\"to_empty_bytes\":8192,\"shared_bytes\":4096,\"realm_mmio\":0,"
		"\"violations\":{\"mmio\":1,\"memory\":2}"));
	teardown();
}

int main(void)
{
	RUN(test_calls);
	RUN(test_devices);
	RUN(test_abort_mmio);
	RUN(test_abort_memory);
	RUN(test_stop);
	RUN(test_undeliverable);
	RUN(test_metrics);
	return tests_done();
}
