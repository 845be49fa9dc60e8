/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host's kernel with realms, played, and a machine to launch on it. It records every call with
 * its structure. Numbers and layouts are written down here once more, not taken from
 * tee/virtcca/uapi.h, so that both are compared. Nothing runs.
 */
#ifndef TESTS_UNIT_TEST_REALM_HW_H
#define TESTS_UNIT_TEST_REALM_HW_H

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "tee/virtcca/hw.h"
#include "tests/harness.h"
#include "vmm/gmem.h"
#include "vmm/vm.h"

#define PAGE 4096ULL
#define RAM 0x80000000ULL
#define SHARED 0x100000000ULL	/* of the 33 bits that 16 MiB at RAM need */

/* _IOC() of the series' texts and of openEuler's headers. */
#define NR_CREATE_VM 0xae01
#define NR_CHECK_EXTENSION 0xae03
#define NR_ENABLE_CAP 0x4068aea3
#define NR_CREATE_GMEM 0xc040aed4
#define NR_REGION 0x4020ae46
#define NR_REGION2 0x40a0ae49
#define NR_USER_DATA 0x4270ae49
#define NR_ATTRIBUTES 0x4020aed2
#define NR_POPULATE_V12 0x4020aed7
#define NR_POPULATE 0xc020aed7
#define NR_FINALIZE 0x4004aec2

enum host { PLAIN, V11, V12, V13, V14, V15, VIRTCCA };

/* The kernel, and what it was asked. */
static struct {
	enum host host;
	int kvm_fd, vm_fd;	/* vm_fd: the last one */
	unsigned long vm_type;
	int cap;		/* number of its capability, where it is not the series' own */
	bool no_conversion;	/* v15: guest_memfd cannot be private */
	const char *told;	/* contents of the module's parameter */
	unsigned long fail;	/* this request (for virtCCA: command) fails */
	int error;
	unsigned int stops;	/* populate is interrupted so many times */
	bool stuck;		/* populate does nothing and says it did well */
	int gmem_fd;
	uint64_t next;		/* where populate has to go on, at least */
	char trace[1024];
	uint8_t last[700];	/* structure of the last call that has one */
	uint8_t data[2][700];	/* virtCCA: user data, populate */
	uint32_t cfg[8];	/* virtCCA: configuration items */
	unsigned int tecs;	/* virtCCA: vCPUs that were finished */
	unsigned int probes;
} k;

static void trace(const char *fmt, ...)
{
	size_t len = strlen(k.trace);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(k.trace + len, sizeof(k.trace) - len, fmt, ap);
	va_end(ap);
}

static int answer(int error)
{
	errno = error;
	return error ? -1 : 0;
}

static bool is_realm(void)
{
	return k.vm_type & ~0xffUL;
}

/* On a realm's VM, only what is for realms; on the system, mainline's meanings. */
static int extension(int fd, unsigned long cap)
{
	static const unsigned long own[] = { [V11] = 240, [V12] = 247, [V13] = 248, [V14] = 249,
		[V15] = 251, [VIRTCCA] = 300 };
	bool realm = fd != k.kvm_fd && is_realm();

	if (k.host != PLAIN && cap == (k.cap ? (unsigned long)k.cap : own[k.host]))
		return 1;
	if (!realm)
		return cap == 240 || cap == 241 || cap == 170;	/* nested guests; SVE */
	if (cap == 170)
		return k.host == VIRTCCA;
	if (cap == 233)
		return k.host >= V11 && k.host <= V14 ? 8 : 0;
	return cap == 250 && k.host == V15 && !k.no_conversion ? 8 : 0;
}

static int create_vm(unsigned long type)
{
	bool new = type >> 30 & 1, old = (type >> 8 & 0xf) == 1;

	k.probes++;
	if ((type & ~(0xffUL | 1UL << 30 | 0xf00)) || (new && k.host != V14 && k.host != V15) ||
	    (old && (k.host == PLAIN || k.host == V14 || k.host == V15)))
		return answer(EINVAL);
	k.vm_type = type;
	k.vm_fd = eventfd(0, EFD_CLOEXEC);
	return k.vm_fd;
}

static int populate(unsigned long request, uint8_t *s)
{
	uint64_t base = le_load(s, 8), size = le_load(s + 8, 8), from = le_load(s + 16, 8);
	uint64_t step = size > PAGE ? PAGE : size;

	if ((request == NR_POPULATE_V12) != (k.host == V12) || k.host < V12 || k.host > V15)
		return answer(ENOTTY);
	if (!size)
		return answer(EINVAL);
	if (k.stops && k.stops--)
		return answer(k.stops % 2 ? EAGAIN : EINTR);
	if (k.stuck)
		return 0;
	trace("populate %llx+%llx flags %llx; ", (unsigned long long)base,
		(unsigned long long)size, (unsigned long long)le_load(s + 24, 8));
	if (base < k.next || (base | size | from) % PAGE)
		return answer(EINVAL);
	k.next = base + step;
	if (pwrite(k.gmem_fd, (void *)(uintptr_t)from, step, (off_t)(base - RAM)) != (ssize_t)step)
		return answer(EFAULT);
	if (k.host == V12)
		return (int)step;
	le_store(s, 8, base + step);
	le_store(s + 8, 8, size - step);
	le_store(s + 16, 8, from + step);
	return 0;
}

static int create_gmem(const uint8_t *s)
{
	memcpy(k.last, s, 64);
	trace("gmem %llx; ", (unsigned long long)le_load(s, 8));
	k.gmem_fd = memfd_create("gmem", MFD_CLOEXEC);
	return ftruncate(k.gmem_fd, (off_t)le_load(s, 8)) ? -1 : k.gmem_fd;
}

static int enable_cap(const uint8_t *s)
{
	static const char *const names[] = { "config", "create", "populate", "activate" };
	static const size_t sizes[] = { 260, 0, 48, 0 };
	unsigned long cmd = le_load(s + 8, 8);
	const uint8_t *arg = (const uint8_t *)(uintptr_t)le_load(s + 16, 8);
	uint8_t want[104] = { 0 };

	le_store(want, 4, 300);
	memcpy(want + 8, s + 8, 16);
	if (k.host != VIRTCCA || memcmp(want, s, sizeof(want)) || cmd > 3 || !arg != !sizes[cmd])
		return answer(EINVAL);
	trace("%s", names[cmd]);
	if (sizes[cmd])
		memcpy(k.last, arg, sizes[cmd]);
	if (cmd == 0) {
		trace(" %u=%u", (unsigned int)le_load(arg, 4), (unsigned int)le_load(arg + 4, 4));
		k.cfg[le_load(arg, 4) % 8] = (uint32_t)le_load(arg + 4, 4);
	}
	if (cmd == 2)
		memcpy(k.data[1], arg, 48);
	trace("; ");
	return answer(k.fail == cmd + 1 ? k.error : 0);
}

static int play(int fd, unsigned long request, void *arg)
{
	switch (request) {
	case NR_CHECK_EXTENSION:
		return extension(fd, (uintptr_t)arg);
	case NR_CREATE_VM:
		return create_vm((uintptr_t)arg);
	case NR_ENABLE_CAP:
		return enable_cap(arg);
	case NR_POPULATE:
	case NR_POPULATE_V12:
		return populate(request, arg);
	}
	if (k.fail == request)
		return answer(k.error);
	switch (request) {
	case NR_CREATE_GMEM:
		return create_gmem(arg);
	case NR_REGION:
		trace("slot; ");
		return 0;
	case NR_REGION2:
		memcpy(k.last, arg, 160);
		trace("slot2; ");
		return 0;
	case NR_USER_DATA:
		memcpy(k.data[0], arg, 624);
		trace("layout; ");
		return 0;
	case NR_ATTRIBUTES:
		trace("attributes %llx+%llx=%llx; ", (unsigned long long)le_load(arg, 8),
			(unsigned long long)le_load((uint8_t *)arg + 8, 8),
			(unsigned long long)le_load((uint8_t *)arg + 16, 8));
		return k.host == V15 || le_load((uint8_t *)arg + 24, 8) ? answer(EINVAL) : 0;
	case NR_FINALIZE:
		trace("vcpu %d; ", *(int *)arg);
		k.tecs++;
		return 0;
	}
	trace("unknown %lx; ", request);
	return answer(ENOTTY);
}

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	/* KVM's, all of them: whichever descriptor it is. */
	if ((request >> 8 & 0xff) != 0xae)
		return __real_ioctl(fd, request, arg);
	return play(fd, request & 0xffffffff, arg);
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	if (!strcmp(path, "/sys/module/kvm/parameters/kvm_cap_arm_rmi")) {
		int fd;

		if (!k.told)
			return answer(ENOENT);
		fd = memfd_create("parameter", MFD_CLOEXEC);
		if (write(fd, k.told, strlen(k.told)) < 0 || lseek(fd, 0, SEEK_SET))
			abort();
		return fd;
	}
	return __real_open(path, flags, mode);
}

/* ---- A machine, in the order of vmm/vm.c ----------------------------------------------- */

static struct vm vm;
static struct vcpu vcpus[2];
static struct tvm_error err;
static char logged[1024];
static unsigned long type;
static int free_fd;	/* the lowest that is not open */

static int lowest_fd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	close(fd);
	return fd;
}

static void on_log(void *opaque, enum tvm_log_level level, const char *line)
{
	size_t len = strlen(logged);

	snprintf(logged + len, sizeof(logged) - len, "%s\n", line);
}

static void setup(enum host h, const struct tee_ops *ops)
{
	static const struct tvm_host host = { .size = sizeof(host), .log = on_log,
		.log_level = TVM_LOG_INFO };

	memset(&k, 0, sizeof(k));
	memset(&vm, 0, sizeof(vm));
	memset(vcpus, 0, sizeof(vcpus));
	memset(&err, 0, sizeof(err));
	logged[0] = 0;
	free_fd = lowest_fd();
	k.host = h;
	k.kvm_fd = eventfd(0, EFD_CLOEXEC);
	k.vm_fd = k.gmem_fd = -1;
	vm.cfg = tvm_config_new();
	if (!vm.cfg || tvm_config_set(vm.cfg, "memory", "16M", &err) < 0)
		abort();
	log_init(&vm.log, &host);
	if (run_init(&vm.run, &err) < 0 || gmem_create(&vm.cfg->gmem, &vm.gmem, &err) < 0)
		abort();
	vm.kvm = (struct kvm_vm){ .kvm_fd = k.kvm_fd, .vm_fd = -1 };
	vm.tee = ops;
	vm.vcpus = vcpus;
	for (unsigned int i = 0; i < ARRAY_SIZE(vcpus); i++)
		vcpus[i] = (struct vcpu){ .vm = &vm, .index = i, .fd = k.kvm_fd };
}

static void teardown(void)
{
	vm.tee->destroy(&vm);
	vm.tee->destroy(&vm);	/* accepts what has no state */
	kvm_close(&vm.kvm);
	gmem_destroy(vm.gmem);
	run_fini(&vm.run);
	tvm_config_free(vm.cfg);
	CHECK_INT(lowest_fd(), free_fd);
}

static int hook(void *opaque, gpa_t gpa, size_t len, struct tvm_error *e)
{
	return vm.tee->populate(&vm, gpa, len, e);
}

static int probe(void)
{
	return vm.tee->probe(&vm, &type, &err);
}

/* Up to the memory slots. */
static int create(void)
{
	int r = probe();

	if (!r)
		r = kvm_create_vm(&vm.kvm, type, &err);
	if (!r)
		r = vm.tee->vm_init(&vm, &err);
	if (!r)
		r = gmem_add(vm.gmem, RAM, vm.cfg->memory, &err);
	if (r < 0)
		return r;
	gmem_set_populate_hook(vm.gmem, hook, &vm);
	return vm.tee->mem_add ? vm.tee->mem_add(&vm, gmem_slot(vm.gmem, 0), 0, &err) :
		kvm_add_slot(&vm.kvm, 0, RAM, vm.cfg->memory, gmem_slot(vm.gmem, 0)->hva, &err);
}

/* Device tree, kernel and initrd, out of order; two of them meet in a page. */
static int launch(void)
{
	uint8_t text[5000];
	int r = create();

	memset(text, 0x5a, sizeof(text));
	vm.nr_vcpus = 2;
	if (!r)
		r = gmem_populate(vm.gmem, RAM + 0x200000, text, 100, &err);
	if (!r)
		r = gmem_populate(vm.gmem, RAM, text, 5000, &err);
	if (!r)
		r = gmem_populate(vm.gmem, RAM + 5000, text, 10, &err);
	if (!r)
		r = gmem_populate(vm.gmem, RAM + 0x210000, text, 4096, &err);
	if (!r)
		r = vm.tee->finalize(&vm, &err);
	return r;
}

static void check_trace(const char *want)
{
	if (strcmp(k.trace, want))
		printf("# got  %s\n# want %s\n", k.trace, want);
	CHECK(!strcmp(k.trace, want));
}

static void check_refused(int code, const char *why)
{
	CHECK_INT(probe(), code);
	CHECK_HAS(err.msg, why);
	CHECK(!strchr(err.msg, '\n'));
	teardown();
}

#endif
