/* SPDX-License-Identifier: Apache-2.0 */
/* See terminal.h. */
#include "cli/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static volatile sig_atomic_t is_raw;

static bool foreground(void)
{
	return isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void set_raw(void)
{
	struct termios t = before;

	t.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | IGNCR | INLCR | INPCK | ISTRIP | IXON | PARMRK);
	t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

void terminal_restore(void)
{
	int saved = errno;

	if (is_raw) {
		is_raw = 0;
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	}
	errno = saved;
}

static void fatal(int sig)
{
	terminal_restore();
	raise(sig);	/* SA_RESETHAND: the default action, once this handler returns */
}

/* A handler only where the default would end us: SIG_IGN is nohup's, others a sanitizer's. */
static void catch_fatal_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGABRT, SIGSEGV, SIGBUS,
		SIGILL, SIGFPE, SIGSYS, SIGXCPU, SIGXFSZ, SIGALRM, SIGUSR2 };
	struct sigaction sa = { .sa_handler = fatal, .sa_flags = SA_RESETHAND }, old;

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler == SIG_DFL)
			sigaction(signals[i], &sa, NULL);
	}
	/* Restoring must not stop us when we were put into the background meanwhile. */
	signal(SIGTTOU, SIG_IGN);
}

void terminal_raw(void)
{
	if (!foreground() || tcgetattr(STDIN_FILENO, &before) < 0)
		return;
	catch_fatal_signals();
	atexit(terminal_restore);
	is_raw = 1;
	set_raw();
}

void terminal_continue(void)
{
	if (is_raw && foreground())
		set_raw();
}
