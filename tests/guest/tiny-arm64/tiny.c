/* SPDX-License-Identifier: Apache-2.0 */
/* See tiny.h. */
#include "tests/guest/tiny-arm64/tiny.h"

#define RSI 0xc4000190u

uint64_t shared, x[5];
volatile uint64_t config[512] __attribute__((aligned(4096)));

void tiny_main(const uint8_t *fdt);
void *memset(void *dst, int c, size_t n);

/* The compiler calls it by itself. */
void *memset(void *dst, int c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile char *)dst)[i] = (char)c;
	return dst;
}

/* ---- Output -------------------------------------------------------------------------- */

static void put(char c)
{
	write8(UART | shared, (uint8_t)c);
}

void print(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put(*fmt);
		} else if (*++fmt == 's') {
			for (const char *s = va_arg(ap, const char *); *s; s++)
				put(*s);
		} else {
			uint64_t n = va_arg(ap, uint64_t);
			int shift = 60;

			while (shift && !(n >> shift))
				shift -= 4;
			for (; shift >= 0; shift -= 4)
				put("0123456789abcdef"[n >> shift & 15]);
		}
	}
	va_end(ap);
}

void print_bytes(const uint8_t *p, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++) {
		put("0123456789abcdef"[p[i] >> 4]);
		put("0123456789abcdef"[p[i] & 15]);
	}
}

/* ---- Calls --------------------------------------------------------------------------- */

#define CALL(how) \
	register uint64_t x0 __asm__("x0") = RSI + n; \
	register uint64_t x1 __asm__("x1") = a; \
	register uint64_t x2 __asm__("x2") = b; \
	register uint64_t x3 __asm__("x3") = c; \
	register uint64_t x4 __asm__("x4") = d; \
	register uint64_t x5 __asm__("x5") = 0; \
	register uint64_t x6 __asm__("x6") = 0; \
	register uint64_t x7 __asm__("x7") = 0; \
	register uint64_t x8 __asm__("x8") = 0; \
	__asm__ volatile(how " #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), \
		"+r"(x5), "+r"(x6), "+r"(x7), "+r"(x8) : : "memory", "x9", "x10", "x11", "x12", \
		"x13", "x14", "x15", "x16", "x17"); \
	x[0] = x0; \
	x[1] = x1; \
	x[2] = x2; \
	x[3] = x3; \
	x[4] = x4

uint64_t rsi(unsigned int n, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	CALL("smc");
	return x[0];
}

uint64_t rsi_by_hvc(unsigned int n, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	CALL("hvc");
	return x[0];
}

uint64_t set(uint64_t base, uint64_t top, unsigned int state)
{
	uint64_t calls = 0;

	while (base < top) {
		if (rsi(SET, base, top, state, 0) || x[2] || x[1] <= base)
			return 0;
		base = x[1];
		calls++;
	}
	return calls;
}

void touch(const char *what, uint64_t addr, bool write)
{
	syndrome = 0;
	if (write)
		write32(addr, 1);
	else
		read32(addr);
	print("realm: %s: syndrome %x\n", what, syndrome);
}

/* ---- The beginning ------------------------------------------------------------------- */

static uint64_t big_endian(const uint8_t *p, unsigned int bytes)
{
	uint64_t val = 0;

	while (bytes--)
		val = val << 8 | *p++;
	return val;
}

/* End of memory: the property of 16 bytes in the device tree that begins with its base. */
static uint64_t find_top(const uint8_t *fdt)
{
	uint64_t len = big_endian(fdt + 4, 4);

	for (uint64_t i = 0; i + 28 < len; i += 4)
		if (big_endian(fdt + i, 8) == 0x300000010 && big_endian(fdt + i + 12, 8) == RAM)
			return RAM + big_endian(fdt + i + 20, 8);
	return 0;
}

void tiny_main(const uint8_t *fdt)
{
	if (rsi(CONFIG, (uint64_t)config, 0, 0, 0))
		return;
	shared = 1ull << (config[0] - 1);
	tiny_guest(find_top(fdt));
}
