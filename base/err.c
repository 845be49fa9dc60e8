/* SPDX-License-Identifier: Apache-2.0 */
/* Errors are formatted into the caller's buffer, so they work when memory is out. */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tvm.h"

int err_set(struct tvm_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	assert(code < 0);
	if (!err)
		return code;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return code;
}

int err_sys(struct tvm_error *err, int code, const char *fmt, ...)
{
	char text[96];
	va_list ap;
	int n;

	assert(code < 0);
	if (!err)
		return code;
	err->code = code;
	va_start(ap, fmt);
	n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(err->msg))
		return code;
	snprintf(err->msg + n, sizeof(err->msg) - (size_t)n, ": %s",
		strerror_r(-code, text, sizeof(text)));
	return code;
}

int err_prefix(struct tvm_error *err, int code, const char *fmt, ...)
{
	char prefix[128];
	size_t len, keep;
	va_list ap;

	assert(code < 0);
	if (!err)
		return code;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(prefix, sizeof(prefix) - 2, fmt, ap);
	va_end(ap);
	strcat(prefix, ": ");
	len = strlen(prefix);
	/* What no longer fits falls off at the end. */
	keep = strnlen(err->msg, sizeof(err->msg) - 1 - len);
	memmove(err->msg + len, err->msg, keep);
	memcpy(err->msg, prefix, len);
	err->msg[len + keep] = '\0';
	return code;
}
