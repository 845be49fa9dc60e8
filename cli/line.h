/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands say on stderr. */
#ifndef CLI_LINE_H
#define CLI_LINE_H

#include <stdarg.h>

/* "command: ..." on stderr: one line, one write, control characters replaced. */
__attribute__((format(printf, 2, 0)))
void line_print(const char *command, const char *fmt, va_list ap);

#endif
