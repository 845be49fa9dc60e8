/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure TVM-RUN TVM-RUN-STATIC STRIPPED ROUNDS, for the script "start".
 *
 * The guest's first instructions write a byte to the serial port, so the time at which it
 * arrives here is that of the first guest instruction, and of the way out through the VMM's
 * serial port. Then it ends in a way for each: ACPI power-off at 0x604 for tvm, isa-debug-exit
 * at 0xf4 for QEMU; neither knows the other's port. Contestants take turns, so that what else
 * the host does meets all of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/fault/tiny_elf.h"

#define MAX_ROUNDS 1000
#define LIMIT_MS 10000		/* of one start */
#define IDLE_MS 500		/* until a machine's memory is looked at */
#define COM1 0x3f8

extern char **environ;

struct contestant {
	const char *name;
	const char *argv[40];
	const char *ram;	/* name of guest memory's mapping */
	unsigned int kernel_arg;
	unsigned int cpu_arg;	/* may be replaced by a simpler processor; 0: cannot */
	bool works;
	char why[256];		/* when it does not */
	unsigned int rounds;
	double first[MAX_ROUNDS], end[MAX_ROUNDS], cpu[MAX_ROUNDS];	/* ms */
	double rss, pss;	/* KiB beyond guest memory */
};

enum { TVM, TVM_STATIC, QEMU, NR };

static struct contestant all[NR] = {
	[TVM] = {
		.name = "tvm",
		.argv = { "?", "--memory", "64M", "--kernel", "?" },
		.kernel_arg = 4,
		.ram = "/memfd:tvm-ram",
	},
	[TVM_STATIC] = {
		.name = "tvm-static",
		.argv = { "?", "--memory", "64M", "--kernel", "?" },
		.kernel_arg = 4,
		.ram = "/memfd:tvm-ram",
	},
	/* The least that QEMU offers; its own memory object makes guest memory recognisable. */
	[QEMU] = {
		.name = "qemu-microvm",
		.argv = { "qemu-system-x86_64", "-M", "microvm,x-option-roms=off,pit=off,pic=off,"
			"rtc=off,isa-serial=on,auto-kernel-cmdline=off,memory-backend=ram",
			"-object", "memory-backend-memfd,id=ram,size=64M,share=on", "-m", "64M",
			"-accel", "kvm", "-cpu", "host", "-smp", "1", "-nodefaults",
			"-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio",
			"-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", "?" },
		.kernel_arg = 23,
		.cpu_arg = 10,
		.ram = "/memfd:memory-backend-memfd",
	},
};

static char dir[] = "/tmp/tvm-bench-XXXXXX";

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static const char *in_dir(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* Start c with its output in a pipe. */
static pid_t start(const struct contestant *c, int *out)
{
	posix_spawn_file_actions_t fa;
	int fds[2], r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, in_dir("stderr"),
		O_WRONLY | O_CREAT | O_TRUNC, 0600);
	r = posix_spawnp(&pid, c->argv[0], &fa, NULL, (char **)c->argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	close(fds[1]);
	*out = fds[0];
	if (!r)
		return pid;
	close(fds[0]);
	errno = r;
	return -1;
}

/* Wait for the guest's byte; false when the process ends or says nothing in time. */
static bool await_byte(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&pfd, 1, LIMIT_MS) == 1 && read(fd, &byte, 1) == 1;
}

static void fails(struct contestant *c, const char *what)
{
	char line[200] = "";
	FILE *f = fopen(in_dir("stderr"), "r");

	while (f && fgets(line, sizeof(line), f))
		;
	if (f)
		fclose(f);
	line[strcspn(line, "\n")] = 0;
	snprintf(c->why, sizeof(c->why), "%s%s%.180s", what, *line ? ": " : "", line);
	c->works = false;
}

static void kill_and_reap(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Until the end, but no longer than the limit: a process may hang after its guest ended. */
static bool await_end(pid_t pid, int out, struct rusage *ru)
{
	struct pollfd pfd = { .fd = out };
	double deadline = now_ms() + LIMIT_MS;

	/* The pipe hangs up when the process is gone; it may say more before. */
	while (now_ms() < deadline && poll(&pfd, 1, 100) >= 0 && !(pfd.revents & POLLHUP))
		;
	if (!(pfd.revents & POLLHUP)) {
		kill_and_reap(pid);
		return false;
	}
	return wait4(pid, NULL, 0, ru) == pid;
}

static void run_once(struct contestant *c, bool keep)
{
	struct rusage ru;
	double t0, first;
	bool said;
	pid_t pid;
	int out;

	t0 = now_ms();
	pid = start(c, &out);
	if (pid < 0) {
		snprintf(c->why, sizeof(c->why), "%s: %s", c->argv[0], strerror(errno));
		c->works = false;
		return;
	}
	said = await_byte(out);
	first = now_ms();
	if (!said) {
		kill_and_reap(pid);
		fails(c, "the guest did not run");
	} else if (!await_end(pid, out, &ru)) {
		fails(c, "did not end with its guest");
	} else if (keep) {
		c->first[c->rounds] = first - t0;
		c->end[c->rounds] = now_ms() - t0;
		c->cpu[c->rounds++] = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1e3 +
			(double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e3;
	}
	close(out);
}

/* Once to warm up. Software KVM refuses some registers of "-cpu host", and QEMU gives up. */
static void try_first(struct contestant *c)
{
	c->works = true;
	run_once(c, false);
	if (c->works || !c->cpu_arg)
		return;
	c->argv[c->cpu_arg] = "qemu64";
	c->works = true;
	run_once(c, false);
	if (c->works)
		printf("%s: not with -cpu host on this KVM, measured with -cpu qemu64\n", c->name);
}

/* Resident memory of all mappings but the guest's. */
static bool read_smaps(pid_t pid, const char *ram, double *rss, double *pss)
{
	char path[64], line[512];
	bool ours = true;
	unsigned long v;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	*rss = *pss = 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Rss: %lu", &v) == 1)
			*rss += ours ? (double)v : 0;
		else if (sscanf(line, "Pss: %lu", &v) == 1)
			*pss += ours ? (double)v : 0;
		else if (sscanf(line, "%lx-%*x ", &v) == 1)
			ours = !strstr(line, ram);
	}
	fclose(f);
	return true;
}

static void run_idle(struct contestant *c)
{
	pid_t pid;
	int out;

	pid = start(c, &out);
	if (pid < 0)
		return;
	if (await_byte(out)) {
		poll(NULL, 0, IDLE_MS);
		read_smaps(pid, c->ram, &c->rss, &c->pss);
	}
	kill_and_reap(pid);
	close(out);
}

static int by_value(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return d < 0 ? -1 : d > 0;
}

static double median(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static bool write_kernel(const char *name, const uint8_t *code, size_t len)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && tiny_elf_write(fd, code, len);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* peer: QEMU's figure, 0 when there is none. */
static void line(const char *name, double value, const char *unit, double peer, const char *target)
{
	char ratio[16] = "-";

	if (peer > 0)
		snprintf(ratio, sizeof(ratio), "%.3f", value / peer);
	printf("bench: %s %.2f %s ratio=%s target=%s\n", name, value, unit, ratio, target);
}

static void table(unsigned int rounds)
{
	printf("%-13s %12s %12s %12s %12s %12s   (medians of %u)\n", "", "first byte", "exit",
		"CPU", "RSS beyond", "PSS beyond", rounds);
	for (unsigned int i = 0; i < NR; i++) {
		struct contestant *c = &all[i];

		if (c->works)
			printf("%-13s %9.2f ms %9.2f ms %9.2f ms %8.0f KiB %8.0f KiB\n", c->name,
				median(c->first, c->rounds), median(c->end, c->rounds),
				median(c->cpu, c->rounds), c->rss, c->pss);
		else
			printf("%-13s not measured: %s\n", c->name, c->why);
	}
	puts("first byte: from exec until the guest's first output; beyond: guest memory apart\n");
}

static void lines(const struct stat *size)
{
	struct contestant *q = &all[QEMU];
	char name[64];

	for (unsigned int i = 0; i < NR; i++) {
		struct contestant *c = &all[i];
		bool peer = i != QEMU && q->works, ours = i != QEMU;

		if (!c->works)
			continue;
#define LINE(what, value, unit, peer_value, target) \
		snprintf(name, sizeof(name), "start.%s.%s", what, c->name); \
		line(name, value, unit, peer ? (peer_value) : 0, ours ? (target) : "-")
		LINE("first_byte", median(c->first, c->rounds), "ms",
			median(q->first, q->rounds), "ratio<=0.2");
		LINE("exit", median(c->end, c->rounds), "ms", median(q->end, q->rounds), "-");
		LINE("cpu", median(c->cpu, c->rounds), "ms", median(q->cpu, q->rounds), "<4");
		LINE("rss_beyond_ram", c->rss, "KiB", q->rss, "-");
		LINE("pss_beyond_ram", c->pss, "KiB", q->pss, "<=2048");
#undef LINE
	}
	line("size.tvm-run-static.stripped", (double)size->st_size / 1024, "KiB", 0, "<=400");
}

int main(int argc, char **argv)
{
	static const uint8_t ends[] = {
		TINY_OUTB(COM1, 'x'), TINY_OUTW(0x604, 0x3400), TINY_OUTB(0xf4, 0), TINY_HALT
	};
	static const uint8_t idles[] = { TINY_OUTB(COM1, 'x'), TINY_HALT };
	unsigned int rounds = argc == 5 ? (unsigned int)atoi(argv[4]) : 0;
	char end_kernel[64], idle_kernel[64];
	struct stat size;

	if (!rounds || rounds > MAX_ROUNDS || stat(argv[3], &size) < 0) {
		fprintf(stderr, "measure TVM-RUN TVM-RUN-STATIC STRIPPED ROUNDS(1-%d)\n",
			MAX_ROUNDS);
		return 2;
	}
	if (!mkdtemp(dir) || !write_kernel("ends", ends, sizeof(ends)) ||
	    !write_kernel("idles", idles, sizeof(idles))) {
		perror(dir);
		return 1;
	}
	snprintf(end_kernel, sizeof(end_kernel), "%s/ends", dir);
	snprintf(idle_kernel, sizeof(idle_kernel), "%s/idles", dir);
	all[TVM].argv[0] = argv[1];
	all[TVM_STATIC].argv[0] = argv[2];

	for (unsigned int i = 0; i < NR; i++) {
		all[i].argv[all[i].kernel_arg] = end_kernel;
		try_first(&all[i]);
	}
	for (unsigned int n = 0; n < rounds; n++) {
		for (unsigned int i = 0; i < NR; i++) {
			if (all[i].works)
				run_once(&all[i], true);
		}
	}
	for (unsigned int i = 0; i < NR; i++) {
		all[i].argv[all[i].kernel_arg] = idle_kernel;
		if (all[i].works)
			run_idle(&all[i]);
	}
	table(rounds);
	lines(&size);
	unlink(end_kernel);
	unlink(idle_kernel);
	unlink(in_dir("stderr"));
	rmdir(dir);
	return 0;
}
