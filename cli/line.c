/* SPDX-License-Identifier: Apache-2.0 */
/* One line on stderr, whatever a file name or message holds. */
#include "cli/line.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void line_print(const char *command, const char *fmt, va_list ap)
{
	char line[900];
	size_t start, n;

	snprintf(line, sizeof(line), "%s: ", command);
	start = strlen(line);
	vsnprintf(line + start, sizeof(line) - start - 1, fmt, ap);
	n = strlen(line);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	}
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return;	/* nobody left to tell */
}
