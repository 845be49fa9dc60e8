/* SPDX-License-Identifier: Apache-2.0 */
/* Results on the standard output: "name: value" lines, or the same as one JSON object. */
#ifndef CLI_TVM_ATTEST_OUT_H
#define CLI_TVM_ATTEST_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct out {
	bool json;
	bool any;	/* something was written */
};

void out_text(struct out *out, const char *name, const char *value);
void out_hex(struct out *out, const char *name, const void *bytes, size_t len);
void out_num(struct out *out, const char *name, uint64_t value);
void out_hexnum(struct out *out, const char *name, uint32_t value); /* JSON: a plain number */
void out_bool(struct out *out, const char *name, bool value);
void out_end(struct out *out); /* closes the object */

#endif
