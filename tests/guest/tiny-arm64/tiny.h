/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runtime of the tiny arm64 guests, which are realms: freestanding, at EL1, with the MMU off. A
 * guest defines tiny_guest(); when that returns, it powers off. An exception leaves its
 * syndrome, and the guest goes on behind the instruction (start.S).
 */
#ifndef TESTS_GUEST_TINY_ARM64_TINY_H
#define TESTS_GUEST_TINY_ARM64_TINY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE 4096u
#define RAM 0x80000000ull
#define UART 0x1000000ull

/* Calls of the realm manager: 0xc4000190 and up. */
enum {
	VERSION, FEATURES, READ, EXTEND, TOKEN_INIT, TOKEN_CONTINUE, CONFIG, SET, GET, HOST_CALL
};
enum { EMPTY, IS_RAM };

extern volatile uint64_t syndrome;	/* start.S: of the last exception */
extern uint64_t shared;			/* the bit of addresses in the other half */
extern uint64_t x[5];			/* registers of the last call, x0 first */
extern volatile uint64_t config[512];	/* what the realm manager says of the realm */

/* What a guest does; memory ends at top. */
void tiny_guest(uint64_t top);

/* Serial output. Conversions: %s, and %x for 64 bits. */
void print(const char *fmt, ...);
void print_bytes(const uint8_t *p, uint64_t len);

uint64_t rsi(unsigned int n, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
uint64_t rsi_by_hvc(unsigned int n, uint64_t a, uint64_t b, uint64_t c, uint64_t d);

/* SET until all of it is done, as Linux does; how many calls it took, 0 for a refusal. */
uint64_t set(uint64_t base, uint64_t top, unsigned int state);

/* An access, and a line with the syndrome that it causes; 0: none. */
void touch(const char *what, uint64_t addr, bool write);

static inline uint8_t read8(uint64_t at)
{
	uint32_t val;

	__asm__ volatile("ldrb %w0, [%1]" : "=r"(val) : "r"(at) : "memory");
	return (uint8_t)val;
}

static inline void write8(uint64_t at, uint8_t val)
{
	__asm__ volatile("strb %w0, [%1]" : : "r"((uint32_t)val), "r"(at) : "memory");
}

static inline uint32_t read32(uint64_t at)
{
	uint32_t val;

	__asm__ volatile("ldr %w0, [%1]" : "=r"(val) : "r"(at) : "memory");
	return val;
}

static inline void write32(uint64_t at, uint32_t val)
{
	__asm__ volatile("str %w0, [%1]" : : "r"(val), "r"(at) : "memory");
}

#endif
