#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The library neither ends the process, nor prints, nor touches signal handlers or what else
# belongs to the whole process. Judged by the symbols that its objects ask for, so neither
# macros nor what the compiler makes of printf() escape. assert() may stay.
. "$(dirname "$0")/lib.sh"
lib=$B/libtvm.a

ends='exit|_exit|_Exit|quick_exit|abort|err|errx|verr|verrx|kill|raise|atexit'
prints='printf|vprintf|__printf_chk|__vprintf_chk|dprintf|puts|putchar|perror|psignal|warn|warnx|stdout|stderr|stdin|getchar|syslog|openlog'
signals='signal|__sysv_signal|bsd_signal|sigaction|sigset|sigaltstack|sigprocmask|alarm|setitimer'
process='fork|vfork|system|popen|setenv|putenv|unsetenv|chdir|fchdir|umask|setlocale|srand|srandom|rand|random|strtok|localtime|gmtime|ctime|asctime|daemon|pthread_cancel|sleep|usleep'

# asks FILE PATTERN: which member asks for which of them
asks()
{
	readelf -sW "$1" | awk -v bad="^($2)\$" '
		/^File: / { object = $2 }
		$7 == "UND" { sub(/@.*/, "", $8); if ($8 ~ bad) print object ": " $8 }'
}

[ -f "$lib" ] || skip_all "$lib is not built"
command -v readelf >/dev/null || skip_all "needs readelf (binutils)"

cat >"$scratch/self.c" <<'C'
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
void f(int n) { if (n) { printf("hello\n"); fprintf(stderr, "%d", n); } signal(n, SIG_IGN); exit(1); }
C
$CC -O2 -fPIC -c -o "$scratch/self.o" "$scratch/self.c"
(cd "$scratch" && rm -f self.a && ar rc self.a self.o)
asks "$scratch/self.a" "$ends|$prints|$signals" >"$scratch/seen"
for w in puts stderr 'signal|__sysv_signal' exit; do
	grep -qE ": ($w)\$" "$scratch/seen" || echo "did not see $w"
done | report "the check sees what it looks for"

asks "$lib" "$ends" | report "the library does not end the process"
asks "$lib" "$prints" | report "the library does not print"
asks "$lib" "$signals" | report "the library owns no signal handlers"
asks "$lib" "$process" | report "the library leaves the rest of the process alone"
finish
