/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of a flat JSON object, such as tvm itself writes: no nesting, no escapes in what is
 * asked for. Whatever else the text holds, an answer is a whole value or none.
 */
#ifndef CLI_TVM_ATTEST_FLAT_H
#define CLI_TVM_ATTEST_FLAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value as text, without its quotes; numbers, true and false as they are written. */
bool flat_text(const char *json, const char *name, char *out, size_t size);
bool flat_num(const char *json, const char *name, uint32_t max, uint32_t *out);

#endif
