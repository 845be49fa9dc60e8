/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines go to the embedder; what a guest can cause is rate-limited. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void log_init(struct log *log, const struct tvm_host *host)
{
	log->sink = host ? host->log : NULL;
	log->opaque = host ? host->log_opaque : NULL;
	log->level = host ? host->log_level : TVM_LOG_ERROR;
	atomic_init(&log->guest_window, 0);
	atomic_init(&log->guest_dropped, 0);
}

static void emit(struct log *log, enum tvm_log_level level, const char *fmt, va_list ap)
{
	char line[512];

	if (!log || !log->sink || level > log->level)
		return;
	vsnprintf(line, sizeof(line), fmt, ap);
	log->sink(log->opaque, level, line);
}

void log_line(struct log *log, enum tvm_log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(log, level, fmt, ap);
	va_end(ap);
}

/* One count per second in one word, so that no lock is needed; a lost race costs a line. */
static bool guest_may_log(struct log *log)
{
	uint64_t old = atomic_load_explicit(&log->guest_window, memory_order_relaxed);
	uint64_t now, fresh;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	now = (uint64_t)ts.tv_sec << 16;
	fresh = (old & ~0xffffULL) == now ? old + 1 : now + 1;
	if ((fresh & 0xffff) > LOG_GUEST_PER_SECOND)
		return false;
	atomic_store_explicit(&log->guest_window, fresh, memory_order_relaxed);
	return true;
}

void log_guest(struct log *log, const char *fmt, ...)
{
	uint64_t dropped;
	va_list ap;

	if (!log || !log->sink || log->level < TVM_LOG_WARN)
		return;
	if (!guest_may_log(log)) {
		atomic_fetch_add_explicit(&log->guest_dropped, 1, memory_order_relaxed);
		return;
	}
	dropped = atomic_exchange_explicit(&log->guest_dropped, 0, memory_order_relaxed);
	if (dropped)
		log_warn(log, "%llu more lines about the guest were dropped",
			(unsigned long long)dropped);
	va_start(ap, fmt);
	emit(log, TVM_LOG_WARN, fmt, ap);
	va_end(ap);
}
