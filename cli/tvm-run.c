/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tvm-run: one machine from the command line, through the public header only. The main
 * thread builds it, then waits for signals and events; everything else is the library's.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/options.h"
#include "cli/outfile.h"
#include "cli/terminal.h"
#include "tvm.h"

static void log_to_stderr(void *opaque, enum tvm_log_level level, const char *line)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };

	say("%s: %s", names[level], line);
}

/* Whoever started us may have closed these; the next file opened must not become one. */
static void open_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/*
 * As many descriptors as the system lets us have: a share holds one for each file that its
 * guest knows, and 1024, the usual soft limit, are few. Nobody here uses select().
 */
static void raise_fd_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* Signals we wait for; those that whoever started us ignores (nohup) stay ignored. */
static void block_signals(sigset_t *set)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGCONT,
		SIGWINCH };
	struct sigaction old;

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaddset(set, signals[i]);
	}
	sigprocmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static bool is(const struct tvm_config *cfg, const char *key, const char *value)
{
	char text[32];

	return !tvm_config_get(cfg, key, text, sizeof(text)) && !strcmp(text, value);
}

/* Whether a console of the machine is our terminal. */
static bool uses_stdio(const struct tvm_config *cfg)
{
	char key[32], kind[32];

	if (is(cfg, "serial.kind", "stdio"))
		return true;
	for (unsigned int i = 0;; i++) {
		snprintf(key, sizeof(key), "console.%u.kind", i);
		if (tvm_config_get(cfg, key, kind, sizeof(kind)))
			return false;
		if (!strcmp(kind, "stdio"))
			return true;
	}
}

/* Where the pseudo-terminals are, which nobody knew before. */
static void name_terminals(const struct tvm_config *cfg, struct tvm_vm *vm)
{
	char key[32], text[64], path[64];

	if (!tvm_console_pty(vm, -1, path, sizeof(path)))
		say("serial: %s", path);
	for (int i = 0;; i++) {
		snprintf(key, sizeof(key), "console.%d.kind", i);
		if (tvm_config_get(cfg, key, text, sizeof(text)))
			return;
		if (!tvm_console_pty(vm, i, path, sizeof(path)))
			say("console %d: %s", i, path);
	}
}

/* Status for a configuration from which nothing can be told. */
static int untold(int r)
{
	return r == -EINVAL || r == -E2BIG || r == -EOPNOTSUPP ? STATUS_USAGE : STATUS_HOST_ERROR;
}

/* --tee ...,measure-only */
static int print_manifest(const struct tvm_config *cfg)
{
	struct tvm_error err = { 0 };
	char *json = NULL;
	int r = tvm_manifest(cfg, &json, &err);

	if (r < 0) {
		say("%s", err.msg);
		return untold(r);
	}
	fputs(json, stdout);
	free(json);
	return 0;
}

static int print_config(const struct options *opts)
{
	struct tvm_error err = { 0 };
	char *json = NULL;

	if (tvm_config_get_json(opts->cfg, &json, &err) < 0) {
		say("%s", err.msg);
		return STATUS_HOST_ERROR;
	}
	printf("%s\n", json);
	free(json);
	return 0;
}

static int dump_dtb(const struct options *opts)
{
	struct tvm_error err = { 0 };
	void *tree = NULL;
	size_t len;
	int r = tvm_device_tree(opts->cfg, &tree, &len, &err);

	if (r < 0) {
		say("%s", err.msg);
		return untold(r);
	}
	r = outfile_write(opts->dtb_path, tree, len, 0666, false);
	free(tree);
	if (r < 0)
		say("dump-dtb: cannot write '%s': %s", opts->dtb_path, strerror(-r));
	return r < 0 ? STATUS_HOST_ERROR : 0;
}

static void write_metrics(struct tvm_vm *vm, const char *path)
{
	char *json = NULL;
	int r = tvm_metrics(vm, &json);

	if (r >= 0) {
		size_t len = strlen(json);

		json[len] = '\n';	/* the NUL is not written */
		r = outfile_write(path, json, len + 1, 0666, false);
	}
	free(json);
	if (r < 0)
		say("warning: metrics: cannot write '%s': %s", path, strerror(-r));
}

/* What the signal does by default: for somebody who does not want to wait any longer. */
static void die_of(int sig, const sigset_t *set)
{
	terminal_restore();
	signal(sig, SIG_DFL);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, set, NULL);
}

/*
 * Act on one signal; returns its number when it ends the machine. Launchers such as timeout(1)
 * send the same signal to us and to our process group: what follows within a second or two
 * is the same request.
 */
static int handle_signal(struct tvm_vm *vm, int fd, const sigset_t *set, struct timespec *asked)
{
	struct signalfd_siginfo si;
	struct tvm_error err = { 0 };
	struct timespec now;

	if (read(fd, &si, sizeof(si)) != sizeof(si))
		return 0;
	if (si.ssi_signo == SIGCONT) {
		terminal_continue();
		return 0;
	}
	if (si.ssi_signo == SIGWINCH) {
		tvm_terminal_resized(vm);
		return 0;
	}
	if (si.ssi_signo == SIGUSR1) {
		if (tvm_powerdown(vm, &err) < 0)
			say("warning: %s", err.msg);
		return 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (asked->tv_sec) {
		if (now.tv_sec - asked->tv_sec > 1)
			die_of((int)si.ssi_signo, set);
		return 0;
	}
	*asked = now;
	tvm_stop(vm);
	return (int)si.ssi_signo;
}

/* Wait for the end, acting on signals. Returns the signal that asked for it, or 0. */
static int supervise(struct tvm_vm *vm, int sig_fd, const sigset_t *set)
{
	struct pollfd fds[] = {
		{ .fd = sig_fd, .events = POLLIN },
		{ .fd = tvm_event_fd(vm), .events = POLLIN },
	};
	struct tvm_event ev = { .size = sizeof(ev) };
	struct timespec asked = { 0 };
	int sig = 0, s;

	while (tvm_status(vm) != TVM_STOPPED) {
		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		if (fds[0].revents) {
			s = handle_signal(vm, sig_fd, set, &asked);
			sig = s ? s : sig;
		}
		while (tvm_next_event(vm, &ev) > 0)
			ev.size = sizeof(ev);
	}
	return sig;
}

/* The machine has ended: one line about why, and the status. */
static int report(const struct tvm_exit *end, int sig)
{
	static const struct {
		int status;
		const char *text;
	} ends[] = {
		[TVM_EXIT_NONE] = { STATUS_HOST_ERROR, "the machine did not end" },
		[TVM_EXIT_POWEROFF] = { STATUS_POWEROFF, "guest powered off" },
		[TVM_EXIT_RESET] = { STATUS_RESET, "guest reset" },
		[TVM_EXIT_PANIC] = { STATUS_PANIC, "guest kernel panicked" },
		[TVM_EXIT_CRASH] = { STATUS_CRASH, "guest crashed" },
		[TVM_EXIT_HOST_ERROR] = { STATUS_HOST_ERROR, "host error" },
		[TVM_EXIT_STOPPED] = { STATUS_HOST_ERROR, "stopped" },
		[TVM_EXIT_CONSOLE_QUIT] = { STATUS_CONSOLE, "console session ended" },
		[TVM_EXIT_REFUSED] = { STATUS_REFUSED, "the firmware refused to boot" },
		[TVM_EXIT_VIOLATION] = { STATUS_VIOLATION, "access through the wrong half" },
	};

	terminal_restore();
	if (end->reason == TVM_EXIT_STOPPED && sig) {
		say("stopped by SIG%s", sigabbrev_np(sig));
		return STATUS_SIGNAL + sig;
	}
	if ((size_t)end->reason >= sizeof(ends) / sizeof(ends[0]))
		return STATUS_HOST_ERROR;
	say("%s", end->msg[0] ? end->msg : ends[end->reason].text);
	return ends[end->reason].status;
}

/* Status for what prevents a start. */
static int failure(int r)
{
	switch (r) {
	case -EINVAL:
	case -E2BIG:
		return STATUS_USAGE;
	case -EKEYREJECTED:
		return STATUS_REFUSED;
	default:
		return STATUS_HOST_ERROR;
	}
}

static int run(const struct options *opts)
{
	struct tvm_host host = { sizeof(host), log_to_stderr, NULL, opts->log_level };
	struct tvm_error err = { 0 };
	struct tvm_exit end = { 0 };
	struct tvm_vm *vm = NULL;
	sigset_t set, cancels;
	int sig_fd, sig, r;

	block_signals(&set);
	cancels = set;
	sigdelset(&cancels, SIGWINCH);
	sig_fd = signalfd(-1, &cancels, SFD_CLOEXEC);
	if (sig_fd < 0) {
		say("signals: %s", strerror(errno));
		return STATUS_HOST_ERROR;
	}
	r = tvm_prepare(opts->cfg, &host, &vm, &err);
	if (r < 0) {
		say("%s", err.msg);
		close(sig_fd);
		return failure(r);
	}
	name_terminals(opts->cfg, vm);
	r = tvm_exchange(vm, sig_fd, &err);
	signalfd(sig_fd, &set, SFD_CLOEXEC);
	if (uses_stdio(opts->cfg))
		terminal_raw();
	if (!r)
		r = tvm_start(vm, &err);
	/* Ctrl-A x that was typed before is an end like any other; so is a signal meanwhile. */
	if (r < 0 && r != -ESHUTDOWN && r != -ECANCELED) {
		terminal_restore();
		say("%s", err.msg);
		tvm_free(vm);
		close(sig_fd);
		return failure(r);
	}
	sig = supervise(vm, sig_fd, &set);
	tvm_wait(vm, -1, &end);
	if (opts->metrics_path)
		write_metrics(vm, opts->metrics_path);
	tvm_free(vm);
	close(sig_fd);
	return report(&end, sig);
}

int main(int argc, char **argv)
{
	struct options opts;
	int r;

	open_standard_fds();
	raise_fd_limit();
	r = options_parse(&opts, argc, argv);
	if (!r && opts.help)
		options_help();
	else if (!r && opts.version)
		printf("tvm-run %s\n", tvm_version());
	else if (!r && opts.print_config)
		r = print_config(&opts);
	else if (!r && opts.dtb_path)
		r = dump_dtb(&opts);
	else if (!r && is(opts.cfg, "tee.measure-only", "on"))
		r = print_manifest(opts.cfg);
	else if (!r)
		r = run(&opts);
	options_fini(&opts);
	if (fflush(stdout) || ferror(stdout)) {
		say("cannot write to the standard output: %s", strerror(errno));
		r = r ? r : STATUS_HOST_ERROR;
	}
	return r;
}
