/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fails the n-th call of each kind, n = 1, 2, 3 ... until a machine's life passes without
 * one, and looks at what the library makes of it: an error that says something, nothing left
 * behind, no crash, no hang.
 *
 *	create	config_new, set, prepare, start, failing; then stop, free
 *	run	prepare, start; then pause, resume, reset, metrics, stop, free, failing
 *	json	set_json, get_json, failing
 *
 * Addresses in messages are for addr2line -e PROGRAM.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/fault/tiny_elf.h"
#include "tests/fault/wrap.h"
#include "tests/harness.h"
#include "tvm.h"

#define MAX_POINTS 5000		/* of one kind; more is a loop */
#define MAX_REPORTS 12		/* of one kind: the rest says the same */

#define REPORTS .optional = false	/* by an error or, where it can do without, in the log */
#define OPTIONAL .optional = true
#define RETRIES .invisible = true

static const struct wrap_fault faults[] = {
	{ "malloc", CALL_MALLOC, ENOMEM, REPORTS },
	{ "calloc", CALL_CALLOC, ENOMEM, REPORTS },
	{ "reallocarray", CALL_REALLOCARRAY, ENOMEM, REPORTS },
	{ "strdup", CALL_STRDUP, ENOMEM, REPORTS },
	{ "open_memstream", CALL_OPEN_MEMSTREAM, ENOMEM, REPORTS },
	{ "open", CALL_OPEN, EMFILE, REPORTS },
	{ "reopen", CALL_REOPEN, EMFILE, OPTIONAL },
	{ "fstat", CALL_FSTAT, EIO, REPORTS },
	{ "fstat of a standard stream", CALL_FSTAT_STDIO, EBADF, OPTIONAL },
	{ "statx", CALL_STATX, EIO, OPTIONAL },
	{ "lseek", CALL_LSEEK, EIO, REPORTS },
	{ "pread", CALL_PREAD, EIO, REPORTS },
	{ "pread at the end", CALL_PREAD, 0, REPORTS },
	{ "pread interrupted", CALL_PREAD, EINTR, RETRIES },
	{ "fcntl", CALL_FCNTL, EINVAL, OPTIONAL },
	{ "memfd_create", CALL_MEMFD_CREATE, EMFILE, REPORTS },
	{ "ftruncate", CALL_FTRUNCATE, ENOSPC, REPORTS },
	{ "mmap", CALL_MMAP, ENOMEM, REPORTS },
	{ "madvise", CALL_MADVISE, EINVAL, OPTIONAL },
	{ "eventfd", CALL_EVENTFD, EMFILE, REPORTS },
	{ "epoll_create1", CALL_EPOLL_CREATE1, EMFILE, REPORTS },
	{ "epoll_ctl", CALL_EPOLL_CTL, ENOSPC, REPORTS },
	{ "timerfd_create", CALL_TIMERFD_CREATE, EMFILE, REPORTS },
	{ "pthread_create", CALL_PTHREAD_CREATE, EAGAIN, REPORTS },
	{ "KVM_CHECK_EXTENSION", CALL_KVM_CAP, EINVAL, OPTIONAL },
	{ "ioctl for state that may be absent", CALL_KVM_STATE, EINVAL, OPTIONAL },
	{ "ioctl", CALL_IOCTL, ENOMEM, REPORTS },
	{ "ioctl interrupted", CALL_IOCTL, EINTR, RETRIES },
	{ "KVM_RUN", CALL_KVM_RUN, ENOMEM, REPORTS },
	{ "KVM_RUN interrupted", CALL_KVM_RUN, EINTR, RETRIES },
	{ "io_uring_queue_init_params", CALL_URING_INIT, ENOMEM, REPORTS },
	{ "io_uring_register_files", CALL_URING_FILES, ENOMEM, OPTIONAL },
	{ "elf_begin", CALL_ELF_BEGIN, ENOMEM, REPORTS },
	{ "elf_getdata_rawchunk", CALL_ELF_RAWCHUNK, ENOMEM, REPORTS },
	{ "json-c objects", CALL_JSON_NEW, ENOMEM, REPORTS },
	{ "json-c containers", CALL_JSON_ADD, ENOMEM, REPORTS },
};

/* One life of a machine; complaints go to problem(). */
typedef void life_fn(const struct wrap_fault *fault, unsigned int n);

static char dir[] = "/tmp/tvm-fault-XXXXXX";
static char kernel[64], initrd[64], disk[64], console[64];
static const char *doing = "nothing";
static unsigned int nr_problems;
static _Atomic unsigned int nr_logged;
static unsigned int usually_logged;	/* in a life without a fault */

/* ---- What may not happen ------------------------------------------------------------- */

__attribute__((format(printf, 1, 2)))
static void problem(const char *fmt, ...)
{
	va_list ap;

	if (nr_problems++ >= MAX_REPORTS)
		return;
	printf("# %s: ", *wrap_where() ? wrap_where() : "nothing failed");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* The last words when the process is about to end: only what is safe in a handler. */
static void last_words(const char *what)
{
	const char *parts[] = { "# ", what, " while doing ", doing, "; failed: ", wrap_where(),
		"\n" };

	for (unsigned int i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (write(STDOUT_FILENO, parts[i], strlen(parts[i])) < 0)
			return;
	}
}

static void on_signal(int sig)
{
	last_words(sig == SIGALRM ? "hangs" : "crashes");
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Called by the address sanitizer before its report, where there is one. */
void __asan_on_error(void);
void __asan_on_error(void)
{
	last_words("memory error");
}

static unsigned int entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* A thread that was joined stays listed for a moment; io_uring's go by themselves. */
static unsigned int threads_after(unsigned int wanted)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 200; i++) {
		n = entries("/proc/self/task");
		if (n <= wanted)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	return n;
}

static void check_line(const char *what, const char *msg, size_t size)
{
	size_t len = strnlen(msg, size);

	if (!len || len == size)
		problem("%s: the message %s", what, len ? "does not end" : "is empty");
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)msg[i] < 0x20) {
			problem("%s: the message is not one line", what);
			break;
		}
	}
}

/* What every call that takes an error promises. */
static void check_error(const char *what, int r, const struct tvm_error *err)
{
	if (r >= 0 && !err->code && !err->msg[0])
		return;
	if (r >= 0) {
		problem("%s returns %d and sets the error '%s'", what, r, err->msg);
		return;
	}
	if (err->code != r)
		problem("%s returns %d, err.code is %d ('%s')", what, r, err->code, err->msg);
	check_line(what, err->msg, sizeof(err->msg));
}

static void on_log(void *opaque, enum tvm_log_level level, const char *line)
{
	check_line("log", line, 4096);
	nr_logged++;
}

static const struct tvm_host host = {
	.size = sizeof(host), .log = on_log, .log_level = TVM_LOG_INFO,
};

/* ---- Lives --------------------------------------------------------------------------- */

static int no_config(struct tvm_error *err)
{
	*err = (struct tvm_error){ -ENOMEM, "no configuration" };
	return err->code;
}

static int set_keys(struct tvm_config *cfg, struct tvm_error *err)
{
	const char *const keys[][2] = {
		{ "name", "fault" }, { "kernel", kernel }, { "initrd", initrd },
		{ "cmdline", "console=hvc0" }, { "memory", "4G" }, { "cpus", "2" },
		{ "disk", disk }, { "serial", "null" }, { "console", console }, { "rng", "on" },
	};
	int r = 0;

	for (unsigned int i = 0; !r && i < sizeof(keys) / sizeof(keys[0]); i++) {
		doing = keys[i][0];
		r = tvm_config_set(cfg, keys[i][0], keys[i][1], err);
	}
	check_error(doing, r, err);
	return r;
}

/* A vCPU that KVM does not run has to end the machine, and to say so. */
static const char *exit_message(struct tvm_vm *vm)
{
	static struct tvm_exit end;

	if (tvm_wait(vm, 0, &end) || end.reason == TVM_EXIT_STOPPED)
		return NULL;
	check_line("exit", end.msg, sizeof(end.msg));
	return end.msg;
}

static void end_machine(struct tvm_vm *vm)
{
	doing = "stop";
	if (tvm_stop(vm) < 0)
		problem("stop fails");
	doing = "wait";
	if (tvm_wait(vm, 10000, NULL))
		problem("the machine does not end");
	doing = "free";
	tvm_free(vm);
}

/* A vCPU's thread may fail after its starter went on: let it come that far, and tell. */
static void let_threads_run(const struct wrap_fault *fault, struct tvm_vm *vm)
{
	if (fault->call != CALL_IOCTL && fault->call != CALL_KVM_RUN)
		return;
	tvm_wait(vm, 20, NULL);
	if (wrap_fired_elsewhere() && !fault->invisible)
		tvm_wait(vm, 2000, NULL);
}

/* why: what the library says, NULL when it says nothing. */
static void judge(const struct wrap_fault *fault, const char *why)
{
	if (!wrap_fired() && why)
		problem("fails: %s", why);
	if (wrap_fired() && fault->invisible && why)
		problem("is reported, not tried again: %s", why);
	if (wrap_fired() && !fault->optional && !fault->invisible && !why &&
	    nr_logged <= usually_logged)
		problem("passes unnoticed");
}

static void life_create(const struct wrap_fault *fault, unsigned int n)
{
	struct tvm_error err = { 0 };
	struct tvm_vm *vm = NULL;
	struct tvm_config *cfg;
	int r;

	nr_logged = 0;
	wrap_arm(fault, n);
	doing = "config_new";
	cfg = tvm_config_new();
	r = cfg ? set_keys(cfg, &err) : no_config(&err);
	if (!r) {
		doing = "prepare";
		r = tvm_prepare(cfg, &host, &vm, &err);
		check_error(doing, r, &err);
		if ((r < 0) == (vm != NULL))
			problem("prepare returns %d and %s machine", r, vm ? "a" : "no");
	}
	if (!r) {
		doing = "start";
		r = tvm_start(vm, &err);
		check_error(doing, r, &err);
	}
	if (!r)
		let_threads_run(fault, vm);
	wrap_disarm();
	judge(fault, r < 0 ? err.msg : exit_message(vm));
	if (vm)
		end_machine(vm);
	tvm_config_free(cfg);
}

/* The machine of lives that fail later; NULL with a complaint when there is none. */
static struct tvm_vm *started(const struct wrap_fault *fault)
{
	struct tvm_config *cfg = tvm_config_new();
	struct tvm_error err = { 0 };
	struct tvm_vm *vm = NULL;

	if (!cfg || set_keys(cfg, &err) < 0 || tvm_prepare(cfg, &host, &vm, &err) < 0)
		problem("no machine: %s", err.msg);
	else if (tvm_start(vm, &err) < 0)
		problem("no start: %s", err.msg);
	tvm_config_free(cfg);
	return vm;
}

static bool await_reset(struct tvm_vm *vm)
{
	struct tvm_event ev;

	for (unsigned int i = 0; i < 5000; i++) {
		ev.size = sizeof(ev);
		while (tvm_next_event(vm, &ev) > 0) {
			if (ev.type == TVM_EVENT_RESET)
				return true;
			ev.size = sizeof(ev);
		}
		if (!tvm_wait(vm, 1, NULL))
			return true;
	}
	return false;
}

static void life_run(const struct wrap_fault *fault, unsigned int n)
{
	static const struct {
		const char *name;
		int (*fn)(struct tvm_vm *vm, struct tvm_error *err);
	} steps[] = {
		{ "pause", tvm_pause }, { "resume", tvm_resume }, { "reset", tvm_reset },
		{ "powerdown", tvm_powerdown },
	};
	struct tvm_error err = { 0 };
	const char *why = NULL;
	char *json = NULL;
	struct tvm_vm *vm;
	int r;

	wrap_arm(fault, 0);
	vm = started(fault);
	if (!vm)
		return;
	nr_logged = 0;
	wrap_arm(fault, n);
	for (unsigned int i = 0; !why && i < sizeof(steps) / sizeof(steps[0]); i++) {
		doing = steps[i].name;
		r = steps[i].fn(vm, &err);
		check_error(doing, r, &err);
		if (r < 0)
			why = err.msg;
		else if (steps[i].fn == tvm_reset && !await_reset(vm))
			problem("the reset does not come");
	}
	doing = "metrics";
	if (tvm_metrics(vm, &json) < 0)
		why = why ? why : "no metrics";
	else
		free(json);
	if (fault->call == CALL_KVM_RUN)
		let_threads_run(fault, vm);
	why = why ? why : exit_message(vm);
	/* One that is there to finish an access may fail: the next would fail again. */
	if (why || fault->call != CALL_KVM_RUN)
		judge(fault, why);
	/* What fails from here on has nobody to tell. */
	end_machine(vm);
	wrap_disarm();
}

static void life_json(const struct wrap_fault *fault, unsigned int n)
{
	static const char text[] = "{ \"kernel\": \"k\", \"initrd\": [\"a\", \"b\"], \"cpus\": 2,"
		" \"memory\": \"1G\", \"disk\": [{ \"path\": \"d\", \"ro\": true }, { \"path\":"
		" \"e\" }], \"serial\": { \"kind\": \"null\" },"
		" \"console\": [{ \"kind\": \"null\" }], \"cpu-mask\": [\"avx\"], \"rng\": false }";
	struct tvm_error err = { 0 };
	struct tvm_config *cfg;
	char *json = NULL;
	int r;

	nr_logged = 0;
	wrap_arm(fault, n);
	doing = "config_new";
	cfg = tvm_config_new();
	r = cfg ? 0 : no_config(&err);
	if (!r) {
		doing = "set_json";
		r = tvm_config_set_json(cfg, text, strlen(text), &err);
		check_error(doing, r, &err);
	}
	if (!r) {
		doing = "get_json";
		r = tvm_config_get_json(cfg, &json, &err);
		check_error(doing, r, &err);
	}
	judge(fault, r < 0 ? err.msg : NULL);
	wrap_disarm();
	free(json);
	tvm_config_free(cfg);
}

/* ---- The walk ------------------------------------------------------------------------ */

static void result(const char *life, const char *what, unsigned int n, const char *skip)
{
	if (nr_problems > MAX_REPORTS)
		printf("# and %u problems more\n", nr_problems - MAX_REPORTS);
	printf("%s %d - %s: %s", nr_problems ? "not ok" : "ok", ++tests.count, life, what);
	if (skip)
		printf(" # SKIP %s\n", skip);
	else
		printf(", %u calls\n", n);
	tests.failed += nr_problems != 0;
}

/* Calls that a life does not make give no result. */
static void walk(const char *name, life_fn *life, const struct wrap_fault *fault)
{
	unsigned int fds = entries("/proc/self/fd"), tasks = threads_after(1 + 2), n, got;
	char where[32];

	nr_problems = 0;
	for (n = 1; n <= MAX_POINTS; n++) {
		alarm(60);
		life(fault, n);
		got = wrap_leaks(where, sizeof(where));
		if (got)
			problem("%u heap blocks are left, one taken at %s", got, where);
		got = entries("/proc/self/fd");
		if (got != fds)
			problem("%d descriptors are left", (int)(got - fds));
		fds = got;
		got = threads_after(tasks);
		if (got != tasks)
			problem("%d threads are left", (int)(got - tasks));
		tasks = got;
		if (!wrap_fired())
			break;
	}
	alarm(0);
	if (n > MAX_POINTS)
		problem("no end after %u calls", MAX_POINTS);
	if (n > 1 || nr_problems)
		result(name, fault->name, n - 1, NULL);
}

static void walk_all(const char *name, life_fn *life, bool needs_kvm)
{
	static const struct wrap_fault none = { "nothing", CALL_MALLOC, 0, OPTIONAL };
	char where[32];

	nr_problems = 0;
	if (needs_kvm && (!tvm_has("kvm") || !tvm_has("arch:x86_64"))) {
		result(name, "all", 0, tvm_has("kvm") ? "the tiny kernel is for x86_64" :
			"/dev/kvm cannot be used");
		return;
	}
	/* Without a fault first: libc and libraries keep what they set up at first use. */
	usually_logged = 0;
	life(&none, 0);
	usually_logged = nr_logged;
	wrap_leaks(where, sizeof(where));
	result(name, "without a fault", 0, NULL);
	if (nr_problems)
		return;
	for (unsigned int i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		walk(name, life, &faults[i]);
}

static bool make_file(char *path, size_t size, const char *name, const uint8_t *code, size_t len)
{
	static const uint8_t zeros[1 << 20];
	bool ok;
	int fd;

	snprintf(path, size, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ok = fd >= 0 && (code ? tiny_elf_write(fd, code, len) :
		write(fd, zeros, sizeof(zeros)) == sizeof(zeros));
	if (fd >= 0)
		close(fd);
	return ok;
}

int main(void)
{
	static const uint8_t halt[] = { TINY_HALT };
	static const int deadly[] = { SIGALRM, SIGABRT,
#ifndef __SANITIZE_ADDRESS__
		SIGSEGV, SIGBUS, SIGFPE,
#endif
	};
	char out[48];
	bool ok;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned int i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		signal(deadly[i], on_signal);
	if (!mkdtemp(dir)) {
		printf("Bail out! mkdtemp: %s\n", strerror(errno));
		return 1;
	}
	ok = make_file(kernel, sizeof(kernel), "kernel", halt, sizeof(halt)) &&
		make_file(initrd, sizeof(initrd), "initrd", NULL, 0) &&
		make_file(disk, sizeof(disk), "disk", NULL, 0);
	snprintf(out, sizeof(out), "%s/out", dir);
	snprintf(console, sizeof(console), "file=%s", out);
	if (ok) {
		walk_all("json", life_json, false);
		walk_all("create", life_create, true);
		walk_all("run", life_run, true);
	} else {
		printf("Bail out! cannot write to %s: %s\n", dir, strerror(errno));
	}
	unlink(kernel);
	unlink(initrd);
	unlink(disk);
	unlink(out);
	rmdir(dir);
	return ok ? tests_done() : 1;
}
