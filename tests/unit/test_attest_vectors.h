/* SPDX-License-Identifier: Apache-2.0 */
/* Worked values that several tests start from; those of section 12 of the facts we build on. */
#ifndef TESTS_UNIT_TEST_ATTEST_VECTORS_H
#define TESTS_UNIT_TEST_ATTEST_VECTORS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "attest/text.h"
#include "tests/harness.h"

/* Bytes start, start + 1, ... */
static inline void count_from(uint8_t start, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(start + i);
}

static inline void unhex(const char *hex, void *out, size_t len)
{
	if (!text_unhex(hex, out, len)) {
		printf("Bail out! bad hex in a test: %s\n", hex);
		exit(1);
	}
}

static inline bool is_hex(const void *bytes, size_t len, const char *hex)
{
	char seen[2 * 4096 + 1];

	text_hex(bytes, len, seen);
	if (strcmp(seen, hex))
		printf("# got  %s\n# want %s\n", seen, hex);
	return !strcmp(seen, hex);
}

/* The hash table of kernel "KERNEL", initrd "INITRD", command line "console=ttyS0". */
#define TABLE_HEX \
	"06d63894224fc94cb479a793d411fd21a800" \
	"d82dd09720bd944caa78e7714d36ab2a3200" \
	"f18aae9b3c09e55bc3047ad361e2442d7c53372470b2958fb83293209a784f71" \
	"31f7ba442f3ad74b9af141e29169781d3200" \
	"f5e3dba158c542884540793cb24e361afb19e6874c5934e2a0304203b7626fe4" \
	"3794e74dd2ab7f42b835d5b172d2045b3200" \
	"a204d4ad1de3e9b07751899e5cf4d4a3017328c41372c70fdcc8db9587bb38fb" \
	"0000000000000000"

/* One LUKS passphrase "passphrase\0": 64 bytes. */
#define SECRET_TABLE_HEX \
	"42f5741edd71664d963eef4287ff173b40000000" \
	"e5696873f084734992ec06879ce3da0b1f000000" \
	"7061737370687261736500" \
	"00000000000000000000000000"

#define LD_FW_TABLE "ea3645a6f498c0eb0e770a06a3873fc00a082af211f77f733e07313db0a94a43"
#define MEASURE_HEX "e95793741bbc84b92e12c4aeea6528f2bed417918d3533758a52a825ba5f02e9"

#endif
