/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines for the boot tests: the tiny guests, through the public header only. The guests
 * are in the directory TVM_GUESTS, else in that of the build, B.
 */
#ifndef TESTS_BOOT_VM_H
#define TESTS_BOOT_VM_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness.h"
#include "tvm.h"

#define PATIENCE_MS 60000	/* for what takes milliseconds on an idle machine */

static struct tvm_error last_error;
static char guests[400];

/* Whatever hangs ends here, with a name, instead of hanging the whole run. */
static void on_alarm(int sig)
{
	static const char text[] = "Bail out! a test takes longer than two minutes\n";

	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

#define RUN_LIMITED(fn) \
	do { \
		alarm(120); \
		RUN(fn); \
	} while (0)

/* true: nothing can be tested here, and the plan with the reason is printed. */
static inline bool cannot_run(void)
{
	const char *why = NULL;

	signal(SIGALRM, on_alarm);
	if (getenv("TVM_GUESTS"))
		snprintf(guests, sizeof(guests), "%s", getenv("TVM_GUESTS"));
	else
		snprintf(guests, sizeof(guests), "%s/tests/guest/tiny",
			getenv("B") ? getenv("B") : "build/x86_64");
	if (!tvm_has("kvm"))
		why = "no usable /dev/kvm";
	else if (access(guests, X_OK) < 0)
		why = "the tiny guests are not built";
	if (why)
		printf("1..0 # SKIP %s\n", why);
	return why;
}

static inline void set(struct tvm_config *cfg, const char *key, const char *value)
{
	CHECK_INT(tvm_config_set(cfg, key, value, &last_error), 0);
}

static inline struct tvm_config *config(const char *guest, const char *cmdline)
{
	struct tvm_config *cfg = tvm_config_new();
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", guests, guest);
	set(cfg, "kernel", path);
	set(cfg, "cmdline", cmdline);
	set(cfg, "memory", "16M");
	set(cfg, "serial", "null");
	return cfg;
}

/* Consumes cfg. NULL after a report. */
static inline struct tvm_vm *prepare(struct tvm_config *cfg)
{
	struct tvm_vm *vm = NULL;

	if (tvm_prepare(cfg, NULL, &vm, &last_error) < 0) {
		printf("# prepare: %s\n", last_error.msg);
		tests.this_failed = true;
	}
	tvm_config_free(cfg);
	return vm;
}

/* As prepare(), and started. */
static inline struct tvm_vm *launch(struct tvm_config *cfg)
{
	struct tvm_vm *vm = prepare(cfg);

	if (vm)
		CHECK_INT(tvm_start(vm, &last_error), 0);
	return vm;
}

static inline uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static inline enum tvm_event_type next_event(struct tvm_vm *vm)
{
	struct tvm_event ev = { .size = sizeof(ev) };

	return tvm_next_event(vm, &ev) == 1 ? ev.type : TVM_EVENT_NONE;
}

/* Take events until type was among them. */
static inline bool await_event(struct tvm_vm *vm, enum tvm_event_type type)
{
	struct pollfd pfd = { .fd = tvm_event_fd(vm), .events = POLLIN };
	uint64_t end = now_ms() + PATIENCE_MS;

	while (now_ms() < end) {
		enum tvm_event_type got = next_event(vm);

		if (got == type)
			return true;
		if (got == TVM_EVENT_NONE)
			poll(&pfd, 1, 1000);
	}
	return false;
}

/* Entries of a directory of /proc/self: open descriptors, threads. */
static inline int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	while (dir && readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* A line of /proc/self/status in KiB. */
static inline long status_kib(const char *name)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long kib = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			kib = atol(line + strlen(name) + 1);
	fclose(f);
	return kib;
}

/* CPU time of a thread so far, in clock ticks. */
static inline long thread_ticks(pid_t tid)
{
	char path[64], text[512], *p;
	long user = -1, sys = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "re");
	if (f && fgets(text, sizeof(text), f)) {
		p = strrchr(text, ')');
		if (p)
			sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user,
				&sys);
	}
	if (f)
		fclose(f);
	return user + sys;
}

/* How often text occurs in the file at path. */
static inline int count_text(const char *path, const char *text)
{
	static char buf[1 << 16];
	int fd = open(path, O_RDONLY | O_CLOEXEC), n = 0;
	ssize_t len = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);

	close(fd);
	buf[len < 0 ? 0 : len] = 0;
	for (char *p = buf; (p = strstr(p, text)); p += strlen(text))
		n++;
	return n;
}

/* Wait until text was written wanted times. */
static inline bool await_text(const char *path, const char *text, int wanted)
{
	for (int i = 0; i < PATIENCE_MS / 5; i++) {
		if (count_text(path, text) >= wanted)
			return true;
		usleep(5000);
	}
	return false;
}

#endif
