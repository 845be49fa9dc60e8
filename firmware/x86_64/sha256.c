/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, section numbers of FIPS 180-4. */
#include "firmware/x86_64/sha256.h"

#include <string.h>

/* 4.2.2 */
const uint32_t sha256_k[64] __attribute__((aligned(16))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static uint32_t ror(uint32_t v, unsigned int n)
{
	return v >> n | v << (32 - n);
}

static uint32_t load_be(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_be(uint8_t *p, uint32_t v)
{
	for (unsigned int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* 6.2.2; only the last 16 words of the schedule are kept. */
static void block(uint32_t state[8], const uint8_t *data)
{
	uint32_t w[16], a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

	for (unsigned int t = 0; t < 64; t++) {
		uint32_t t1, t2;

		if (t < 16) {
			w[t] = load_be(data + 4 * t);
		} else {
			uint32_t x = w[(t - 15) % 16], y = w[(t - 2) % 16];

			w[t % 16] += (ror(x, 7) ^ ror(x, 18) ^ x >> 3) + w[(t - 7) % 16] +
				(ror(y, 17) ^ ror(y, 19) ^ y >> 10);
		}
		t1 = h + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + ((e & f) ^ (~e & g)) +
			sha256_k[t] + w[t % 16];
		t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

static void blocks(struct sha256 *s, const uint8_t *data, size_t n)
{
#ifdef __x86_64__
	if (s->ni) {
		sha256_blocks_ni(s->state, data, n);
		return;
	}
#endif
	for (; n; n--, data += SHA256_BLOCK)
		block(s->state, data);
}

void sha256_init(struct sha256 *s, bool ni)
{
	static const uint32_t first[8] = {	/* 5.3.3 */
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};

	memcpy(s->state, first, sizeof(first));
	s->len = 0;
	s->ni = ni;
}

void sha256_update(struct sha256 *s, const void *data, size_t len)
{
	size_t used = s->len % SHA256_BLOCK, room = SHA256_BLOCK - used;
	const uint8_t *p = data;

	s->len += len;
	if (used) {
		if (len < room) {
			memcpy(s->block + used, p, len);
			return;
		}
		memcpy(s->block + used, p, room);
		blocks(s, s->block, 1);
		p += room;
		len -= room;
	}
	blocks(s, p, len / SHA256_BLOCK);
	p += len - len % SHA256_BLOCK;
	if (len % SHA256_BLOCK)
		memcpy(s->block, p, len % SHA256_BLOCK);
}

/* 5.1.1 */
void sha256_final(struct sha256 *s, uint8_t out[SHA256_SIZE])
{
	size_t used = s->len % SHA256_BLOCK;
	uint64_t bits = s->len * 8;

	s->block[used++] = 0x80;
	if (used > SHA256_BLOCK - 8) {
		memset(s->block + used, 0, SHA256_BLOCK - used);
		blocks(s, s->block, 1);
		used = 0;
	}
	memset(s->block + used, 0, SHA256_BLOCK - 8 - used);
	store_be(s->block + 56, (uint32_t)(bits >> 32));
	store_be(s->block + 60, (uint32_t)bits);
	blocks(s, s->block, 1);
	for (unsigned int i = 0; i < 8; i++)
		store_be(out + 4 * i, s->state[i]);
}
