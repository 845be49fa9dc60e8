/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines of one machine, delivered to the embedder's sink. A struct log is shared by all
 * threads of the machine; the rate limit for lines that a guest can cause is its only state.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#include "tvm.h"

struct log {
	tvm_log_fn *sink;	/* NULL: silence */
	void *opaque;		/* borrowed */
	enum tvm_log_level level;
	_Atomic uint64_t guest_window;	/* second << 16 | lines in it */
	_Atomic uint64_t guest_dropped;
};

void log_init(struct log *log, const struct tvm_host *host);

__attribute__((format(printf, 3, 4)))
void log_line(struct log *log, enum tvm_log_level level, const char *fmt, ...);

/* For whatever a guest can cause at will: at most LOG_GUEST_PER_SECOND lines a second. */
#define LOG_GUEST_PER_SECOND 10
__attribute__((format(printf, 2, 3)))
void log_guest(struct log *log, const char *fmt, ...);

#define log_error(log, ...) log_line(log, TVM_LOG_ERROR, __VA_ARGS__)
#define log_warn(log, ...) log_line(log, TVM_LOG_WARN, __VA_ARGS__)
#define log_info(log, ...) log_line(log, TVM_LOG_INFO, __VA_ARGS__)
#define log_debug(log, ...) log_line(log, TVM_LOG_DEBUG, __VA_ARGS__)

#endif
