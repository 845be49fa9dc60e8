/* SPDX-License-Identifier: Apache-2.0 */
/* Structured errors: fill the caller's struct tvm_error and return its code in one line. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

struct tvm_error;

/*
 * Set err (may be NULL) to code and a formatted line. Allocates nothing.
 * Returns code, which must be negative.
 */
__attribute__((format(printf, 3, 4)))
int err_set(struct tvm_error *err, int code, const char *fmt, ...);

/* The same, followed by ": " and the system's text for -code. */
__attribute__((format(printf, 3, 4)))
int err_sys(struct tvm_error *err, int code, const char *fmt, ...);

/* Put "prefix: " before the message that err already has. Returns code. */
__attribute__((format(printf, 3, 4)))
int err_prefix(struct tvm_error *err, int code, const char *fmt, ...);

#endif
