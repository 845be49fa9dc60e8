/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) of private memory. */
#ifndef FIRMWARE_X86_64_SHA256_H
#define FIRMWARE_X86_64_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32
#define SHA256_BLOCK 64

struct sha256 {
	uint32_t state[8];
	uint64_t len;
	uint8_t block[SHA256_BLOCK];	/* len % SHA256_BLOCK bytes of it are in use */
	bool ni;			/* use the SHA instructions */
};

/* ni: the CPU has SHA and SSE4.1, and their registers may be used. */
void sha256_init(struct sha256 *s, bool ni);
void sha256_update(struct sha256 *s, const void *data, size_t len);
void sha256_final(struct sha256 *s, uint8_t out[SHA256_SIZE]);

/* FIPS 180-4, 4.2.2 */
extern const uint32_t sha256_k[64];

/* sha256_ni.c: n blocks by SHA instructions; only called when the CPU has them. */
void sha256_blocks_ni(uint32_t state[8], const uint8_t *data, size_t n);

#endif
