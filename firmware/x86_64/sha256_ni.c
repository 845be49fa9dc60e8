/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 blocks by the SHA instructions (Intel SDM vol. 2, SHA256RNDS2, SHA256MSG1,
 * SHA256MSG2). The one file that uses vector registers; the instructions keep the state as
 * ABEF and CDGH, highest word first.
 */
#include "firmware/x86_64/sha256.h"

#ifdef __x86_64__
#include <immintrin.h>

__attribute__((target("sha,sse4.1")))
void sha256_blocks_ni(uint32_t state[8], const uint8_t *data, size_t n)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i abef = _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]);
	__m128i cdgh = _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]);

	for (; n; n--, data += SHA256_BLOCK) {
		__m128i abef_in = abef, cdgh_in = cdgh, w[4];

		for (unsigned int i = 0; i < 4; i++)
			w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)data + i), swap);
		for (unsigned int t = 0; t < 64; t += 4) {
			__m128i k = _mm_load_si128((const __m128i *)(sha256_k + t)), wk, next;

			wk = _mm_add_epi32(w[0], k);
			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0e));
			/* W[t+16..t+19] of W[t..t+15]; what the last rounds make is not used */
			next = _mm_sha256msg1_epu32(w[0], w[1]);
			next = _mm_add_epi32(next, _mm_alignr_epi8(w[3], w[2], 4));
			next = _mm_sha256msg2_epu32(next, w[3]);
			w[0] = w[1];
			w[1] = w[2];
			w[2] = w[3];
			w[3] = next;
		}
		abef = _mm_add_epi32(abef, abef_in);
		cdgh = _mm_add_epi32(cdgh, cdgh_in);
	}
	state[0] = (uint32_t)_mm_extract_epi32(abef, 3);
	state[1] = (uint32_t)_mm_extract_epi32(abef, 2);
	state[4] = (uint32_t)_mm_extract_epi32(abef, 1);
	state[5] = (uint32_t)_mm_extract_epi32(abef, 0);
	state[2] = (uint32_t)_mm_extract_epi32(cdgh, 3);
	state[3] = (uint32_t)_mm_extract_epi32(cdgh, 2);
	state[6] = (uint32_t)_mm_extract_epi32(cdgh, 1);
	state[7] = (uint32_t)_mm_extract_epi32(cdgh, 0);
}
#endif
