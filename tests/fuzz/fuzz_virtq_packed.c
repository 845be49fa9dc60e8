/* SPDX-License-Identifier: Apache-2.0 */
/* Packed rings: steps and checks of fuzz_virtq.c. */
#define PACKED true
#include "tests/fuzz/fuzz_virtq.c"
