/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Optional parts of aarch64 processors (--cpu) on a played KVM: what vCPUs are made with, for each
 * choice on hosts that have a part and hosts that do not.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include "arch/aarch64/arm64.h"
#include "arch/arch.h"
#include "base/cleanup.h"
#include "tests/harness.h"
#include "vmm/vm.h"

#define SVE (1u << KVM_ARM_VCPU_SVE)
#define PMU (1u << KVM_ARM_VCPU_PMU_V3)
#define PAUTH (1u << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1u << KVM_ARM_VCPU_PTRAUTH_GENERIC)
#define USUAL (1u << KVM_ARM_VCPU_PSCI_0_2)

static struct {
	bool sve, pmu, address, generic;	/* what the host has */
	struct kvm_vcpu_init init;		/* of the last KVM_ARM_VCPU_INIT */
	int finalized;				/* feature, 0: none */
	unsigned int attrs[2], nr_attrs;	/* of the PMU */
	int irq;
	unsigned long fail;			/* this request fails */
} k;

static int extension(unsigned long cap)
{
	switch (cap) {
	case KVM_CAP_ARM_SVE:
		return k.sve;
	case KVM_CAP_ARM_PMU_V3:
		return k.pmu;
	case KVM_CAP_ARM_PTRAUTH_ADDRESS:
		return k.address;
	case KVM_CAP_ARM_PTRAUTH_GENERIC:
		return k.generic;
	}
	return 0;
}

static int attribute(const struct kvm_device_attr *attr)
{
	if (attr->group != KVM_ARM_VCPU_PMU_V3_CTRL || k.nr_attrs == 2)
		return -1;
	if (attr->attr == KVM_ARM_VCPU_PMU_V3_IRQ)
		k.irq = *(const int *)(uintptr_t)attr->addr;
	k.attrs[k.nr_attrs++] = (unsigned int)attr->attr;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	errno = EINVAL;
	if (request == k.fail)
		return -1;
	switch (request) {
	case KVM_CHECK_EXTENSION:
		return extension((uintptr_t)arg);
	case KVM_ARM_PREFERRED_TARGET:
		*(struct kvm_vcpu_init *)arg = (struct kvm_vcpu_init){ .target = 5 };
		return 0;
	case KVM_ARM_VCPU_INIT:
		k.init = *(struct kvm_vcpu_init *)arg;
		return 0;
	case KVM_ARM_VCPU_FINALIZE:
		k.finalized = *(int *)arg;
		return 0;
	case KVM_SET_DEVICE_ATTR:
		return attribute(arg);
	}
	return -1;
}

static struct vm vm;
static struct arch_vm arch;
static struct vcpu vcpu;
static struct tvm_error err;

static void setup(const char *cpu)
{
	memset(&arch, 0, sizeof(arch));
	memset(&vm, 0, sizeof(vm));
	memset(&k.init, 0, sizeof(k) - offsetof(__typeof__(k), init));
	vm.cfg = tvm_config_new();
	REQUIRE(vm.cfg);
	if (cpu)
		REQUIRE(!tvm_config_set(vm.cfg, "cpu", cpu, &err));
	vm.arch = &arch;
	vcpu = (struct vcpu){ .vm = &vm, .index = 0, .fd = -1 };
}

/* What the first vCPU and its performance monitors are made with. */
static int make(void)
{
	int r = arm64_vcpu_features(&vm, &err);

	if (!r)
		r = arch_vcpu_init(&vcpu, &err);
	return r ? r : arm64_vcpu_start_pmu(&vcpu, &err);
}

static void check_features(const char *cpu, unsigned int want)
{
	setup(cpu);
	CHECK_INT(make(), 0);
	CHECK_INT(k.init.target, 5);
	CHECK_INT(k.init.features[0], want);
	CHECK_INT(k.finalized, want & SVE ? KVM_ARM_VCPU_SVE : 0);
	CHECK_INT(k.nr_attrs, want & PMU ? 2 : 0);
	tvm_config_free(vm.cfg);
}

static void check_refused(const char *cpu, const char *message)
{
	setup(cpu);
	CHECK_INT(make(), -EOPNOTSUPP);
	CHECK_HAS(err.msg, message);
	tvm_config_free(vm.cfg);
}

static void test_everything(void)
{
	k.sve = k.pmu = k.address = k.generic = true;
	check_features(NULL, USUAL | SVE | PAUTH);
	check_features("sve=on,pauth=on,pmu=on", USUAL | SVE | PAUTH | PMU);
	CHECK_INT(k.attrs[0], KVM_ARM_VCPU_PMU_V3_IRQ);
	CHECK_INT(k.irq, 23);
	CHECK_INT(k.attrs[1], KVM_ARM_VCPU_PMU_V3_INIT);
	check_features("sve=off", USUAL | PAUTH);
	check_features("pauth=off", USUAL | SVE);
	check_features("pmu=off", USUAL | SVE | PAUTH);
	check_features("sve=off,pauth=off,pmu=auto", USUAL);
}

static void test_nothing(void)
{
	k.sve = k.pmu = k.address = k.generic = false;
	check_features(NULL, USUAL);
	check_features("sve=off,pauth=off,pmu=off", USUAL);
	check_refused("sve=on", "cpu: sve=on, but this host's KVM does not offer it");
	check_refused("pauth=on", "cpu: pauth=on, but");
	check_refused("pmu=on", "cpu: pmu=on, but");
	/* One kind of pointer authentication alone is none. */
	k.address = true;
	check_features(NULL, USUAL);
	check_refused("pauth=on", "cpu: pauth=on, but");
}

/* Others than the first wait for PSCI; a reset makes them as they were. */
static void test_others(void)
{
	k.sve = true;
	k.pmu = k.address = k.generic = false;
	setup(NULL);
	REQUIRE(!make());
	vcpu.index = 3;
	CHECK_INT(arm64_vcpu_reset(&vcpu, &err), 0);
	CHECK_INT(k.init.features[0], USUAL | SVE | 1u << KVM_ARM_VCPU_POWER_OFF);
	tvm_config_free(vm.cfg);
	for (unsigned int i = 0; i < 64; i++)
		CHECK_INT(arm64_mpidr(i), (i & 15) | (i >> 4) << 8);
}

static void test_failures(void)
{
	static const struct { unsigned long request; const char *message; } cases[] = {
		{ KVM_ARM_PREFERRED_TARGET, "KVM_ARM_PREFERRED_TARGET" },
		{ KVM_ARM_VCPU_INIT, "KVM_ARM_VCPU_INIT of vCPU 0" },
		{ KVM_ARM_VCPU_FINALIZE, "SVE of vCPU 0" },
		{ KVM_SET_DEVICE_ATTR, "performance monitors of vCPU 0" },
	};

	k.sve = k.pmu = true;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		setup("pmu=on");
		k.fail = cases[i].request;
		CHECK_INT(make(), -EINVAL);
		CHECK_HAS(err.msg, cases[i].message);
		tvm_config_free(vm.cfg);
	}
	k.fail = 0;
	setup(NULL);
	REQUIRE(!tvm_config_set(vm.cfg, "cpu-mask", "sve", &err));
	CHECK_INT(make(), -EOPNOTSUPP);
	CHECK_HAS(err.msg, "cpu-mask: there are no features to mask on aarch64");
	tvm_config_free(vm.cfg);
}

int main(void)
{
	RUN(test_everything);
	RUN(test_nothing);
	RUN(test_others);
	RUN(test_failures);
	return tests_done();
}
