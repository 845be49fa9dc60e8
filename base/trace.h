/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trace points: TRACE(log, "virtq", "pop head=%u", head). They vanish unless built with
 * TRACE=1, and are debug log lines then. Arguments must be free of side effects.
 */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include "base/log.h"

#ifdef TVM_TRACE
#define TRACE(log, area, fmt, ...) log_debug(log, "trace " area ": " fmt, ##__VA_ARGS__)
#else
#define TRACE(log, area, fmt, ...) do { } while (0)
#endif

#endif
