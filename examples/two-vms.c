/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two machines in one process, with the public header only:
 *
 *	cc -o two-vms two-vms.c $(pkg-config --cflags --libs tvm)
 *	./two-vms bzImage initrd.img
 *
 * Their serial ports go to vm0.log and vm1.log. One thread waits for both.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <tvm.h>

#define NR 2

static void log_line(void *opaque, enum tvm_log_level level, const char *line)
{
	fprintf(stderr, "%s: %s\n", (const char *)opaque, line);
}

/* The configuration as a daemon would have it; keys could come one by one as well. */
static int configure(struct tvm_config *cfg, const char *name, const char *kernel,
	const char *initrd, struct tvm_error *err)
{
	char serial[64];
	int r;

	r = tvm_config_set(cfg, "name", name, err);
	if (r < 0)
		return r;
	r = tvm_config_set(cfg, "kernel", kernel, err);
	if (r < 0)
		return r;
	if (initrd) {
		r = tvm_config_set(cfg, "initrd", initrd, err);
		if (r < 0)
			return r;
	}
	snprintf(serial, sizeof(serial), "file=%s.log", name);
	r = tvm_config_set(cfg, "serial", serial, err);
	if (r < 0)
		return r;
	r = tvm_config_set(cfg, "no-reboot", "on", err);
	if (r < 0)
		return r;
	return tvm_config_set(cfg, "cmdline", "console=ttyS0 panic=-1", err);
}

static int launch(char *name, const char *kernel, const char *initrd, struct tvm_vm **out,
	struct tvm_error *err)
{
	struct tvm_host host = {
		.size = sizeof(host), .log = log_line, .log_opaque = name,
		.log_level = TVM_LOG_WARN,
	};
	struct tvm_config *cfg = tvm_config_new();
	struct tvm_vm *vm = NULL;
	int r;

	if (!cfg) {
		snprintf(err->msg, sizeof(err->msg), "out of memory");
		return -ENOMEM;
	}
	r = configure(cfg, name, kernel, initrd, err);
	if (r >= 0)
		r = tvm_prepare(cfg, &host, &vm, err);
	tvm_config_free(cfg);
	if (r >= 0)
		r = tvm_start(vm, err);
	if (r < 0) {
		tvm_free(vm);
		return r;
	}
	*out = vm;
	return 0;
}

/* Poll the machines' event descriptors until both have ended. */
static void wait_for_all(struct tvm_vm *const vms[NR], char *const names[NR])
{
	struct tvm_event ev = { .size = sizeof(ev) };
	struct pollfd fds[NR];
	struct tvm_exit end;
	int alive = NR;

	for (int i = 0; i < NR; i++)
		fds[i] = (struct pollfd){ .fd = tvm_event_fd(vms[i]), .events = POLLIN };
	while (alive) {
		if (poll(fds, NR, -1) < 0 && errno != EINTR)
			return;
		for (int i = 0; i < NR; i++) {
			while (fds[i].fd >= 0 && tvm_next_event(vms[i], &ev) > 0)
				ev.size = sizeof(ev);
			if (fds[i].fd < 0 || tvm_status(vms[i]) != TVM_STOPPED)
				continue;
			tvm_wait(vms[i], -1, &end);
			printf("%s: %s\n", names[i], end.msg);
			fds[i].fd = -1;		/* poll() skips it */
			alive--;
		}
	}
}

int main(int argc, char **argv)
{
	static char names[NR][4] = { "vm0", "vm1" };
	char *const name_list[NR] = { names[0], names[1] };
	struct tvm_vm *vms[NR] = { NULL };
	struct tvm_error err = { 0 };
	int r = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: two-vms KERNEL [INITRD]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < NR && r >= 0; i++) {
		r = launch(names[i], argv[1], argc > 2 ? argv[2] : NULL, &vms[i], &err);
		if (r < 0)
			fprintf(stderr, "%s: %s\n", names[i], err.msg);
	}
	if (r >= 0)
		wait_for_all(vms, name_list);
	for (int i = 0; i < NR; i++)
		tvm_free(vms[i]);
	return r < 0 ? 1 : 0;
}
