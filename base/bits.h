/* SPDX-License-Identifier: Apache-2.0 */
/* Guest addresses, sizes and arithmetic that cannot wrap unseen. */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t gpa_t;	/* guest physical address */

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)
#define BIT(n) (1ULL << (n))

static inline bool add_overflows(uint64_t a, uint64_t b, uint64_t *sum)
{
	return __builtin_add_overflow(a, b, sum);
}

static inline bool mul_overflows(uint64_t a, uint64_t b, uint64_t *product)
{
	return __builtin_mul_overflow(a, b, product);
}

/* to is a power of two; align_up of a value within to of 2^64 wraps to 0. */
static inline uint64_t align_down(uint64_t v, uint64_t to)
{
	return v & ~(to - 1);
}

static inline uint64_t align_up(uint64_t v, uint64_t to)
{
	return (v + to - 1) & ~(to - 1);
}

static inline bool is_pow2(uint64_t v)
{
	return v && !(v & (v - 1));
}

/* Whether [start, start + len) lies in [base, base + size); no term can wrap. */
static inline bool range_within(uint64_t start, uint64_t len, uint64_t base, uint64_t size)
{
	return start >= base && len <= size && start - base <= size - len;
}

/* Whether two ranges share a byte; an empty range shares none. Ranges must not wrap. */
static inline bool ranges_overlap(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
	return alen && blen && (a < b ? b - a < alen : a - b < blen);
}

/* Low size bytes of all ones: what a bus reads where nothing answers. */
static inline uint64_t ones(unsigned int size)
{
	return size >= 8 ? ~0ULL : BIT(8 * size) - 1;
}

#endif
