/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A realm that does what Linux never would: RSI calls that are refused, measurements that are
 * extended, memory through the wrong half, and virtio with private rings. One line for each
 * thing it tries, "realm: WHAT: ...", which tests/boot/linux/arm-realm-calls.sh compares.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE 4096u
#define RSI 0xc4000190u
#define UART 0x1000000ull
#define VIRTIO 0x3000000ull		/* the first of virtio-mmio */
#define VIRTIO_STRIDE 0x200
#define RAM 0x80000000ull

enum {
	VERSION, FEATURES, READ, EXTEND, TOKEN_INIT, TOKEN_CONTINUE, CONFIG, SET, GET, HOST_CALL
};
enum { EMPTY, IS_RAM };

extern uint64_t syndrome;		/* start.S: of the last exception */
void tiny_guest(const uint8_t *fdt);
void *memset(void *dst, int c, size_t n);

static uint64_t shared;			/* the bit of addresses in the other half */
static uint64_t x[18];			/* registers of the last call */

/* One page each, so that each can be private or shared by itself. */
enum area { TABLE, AVAIL, USED, BUFFER, OTHER, NR_AREAS };
static uint8_t areas[NR_AREAS][PAGE] __attribute__((aligned(4096)));

void *memset(void *dst, int c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile char *)dst)[i] = (char)c;
	return dst;
}

static uint8_t read8(uint64_t at)
{
	uint32_t val;

	__asm__ volatile("ldrb %w0, [%1]" : "=r"(val) : "r"(at) : "memory");
	return (uint8_t)val;
}

static void write8(uint64_t at, uint8_t val)
{
	__asm__ volatile("strb %w0, [%1]" : : "r"((uint32_t)val), "r"(at) : "memory");
}

static uint32_t read32(uint64_t at)
{
	uint32_t val;

	__asm__ volatile("ldr %w0, [%1]" : "=r"(val) : "r"(at) : "memory");
	return val;
}

static void write32(uint64_t at, uint32_t val)
{
	__asm__ volatile("str %w0, [%1]" : : "r"(val), "r"(at) : "memory");
}

/* ---- Output: %s %x (64 bits) --------------------------------------------------------- */

static void put(char c)
{
	write8(UART | shared, (uint8_t)c);
}

static void print(const char *fmt, ...)
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

static void print_bytes(const uint8_t *p, uint64_t len)
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

static uint64_t rsi(unsigned int n, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	CALL("smc");
	return x[0];
}

static uint64_t rsi_by_hvc(unsigned int n, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	CALL("hvc");
	return x[0];
}

/* Until all of it is done, as Linux does; how many calls it took, 0 for a refusal. */
static uint64_t set(uint64_t base, uint64_t top, unsigned int state)
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

static uint64_t page(enum area area)
{
	return (uint64_t)areas[area];
}

static bool open[NR_AREAS];		/* shared now */

/* An area as this guest reaches it now. */
static uint64_t at(enum area area)
{
	return page(area) | (open[area] ? shared : 0);
}

static void share(enum area area, bool on)
{
	if (open[area] != on && !set(page(area), page(area) + PAGE, on ? EMPTY : IS_RAM))
		print("realm: a page cannot change its state\n");
	open[area] = on;
}

static bool find_shared_bit(void)
{
	volatile uint64_t *config = (volatile uint64_t *)areas[OTHER];

	if (rsi(CONFIG, page(OTHER), 0, 0, 0))
		return false;
	shared = 1ull << (config[0] - 1);
	return true;
}

/* ---- What is refused ----------------------------------------------------------------- */

static void calls(uint64_t top)
{
	volatile uint64_t *config = (volatile uint64_t *)areas[OTHER];
	uint64_t s;

	print("realm: config: width %x hash %x\n", config[0], config[1] & 0xff);
	s = rsi(VERSION, 0x10000, 0, 0, 0);
	print("realm: version 1.0: %x, %x to %x\n", s, x[1], x[2]);
	s = rsi(VERSION, 0x20000, 0, 0, 0);
	print("realm: version 2.0: %x, %x to %x\n", s, x[1], x[2]);
	s = rsi(FEATURES, 7, 0, 0, 0);
	print("realm: features: %x, %x\n", s, x[1]);
	print("realm: by hvc: %x\n", rsi_by_hvc(VERSION, 0x10000, 0, 0, 0));
	print("realm: no such call: %x\n", rsi(0x1f, 0, 0, 0, 0));
	print("realm: config, unaligned: %x\n", rsi(CONFIG, page(OTHER) + 8, 0, 0, 0));
	print("realm: config, shared half: %x\n", rsi(CONFIG, page(OTHER) | shared, 0, 0, 0));
	print("realm: set, unaligned: %x\n", rsi(SET, page(OTHER) + 8, page(BUFFER), 1, 0));
	print("realm: set, nothing: %x\n", rsi(SET, page(OTHER), page(OTHER), 1, 0));
	print("realm: set, state 2: %x\n", rsi(SET, page(OTHER), page(OTHER) + PAGE, 2, 0));
	print("realm: set, shared half: %x\n", rsi(SET, shared, shared + PAGE, 1, 0));
	s = rsi(SET, top, top + PAGE, IS_RAM, 0);
	print("realm: set, no memory: %x, done %x, answer %x\n", s, x[1] - top, x[2]);
	s = rsi(SET, top - PAGE, top + PAGE, IS_RAM, 0);
	print("realm: set, half of it: %x, done %x, answer %x\n", s, x[1] - (top - PAGE), x[2]);
	s = rsi(GET, UART, UART + PAGE, 0, 0);
	print("realm: get, device: %x, %x, state %x\n", s, x[1] - UART, x[2]);
}

/* What a kernel started by kexec does first: all memory is RAM again, and its contents stay. */
static void again(uint64_t top)
{
	volatile uint64_t *kept = (volatile uint64_t *)(top - PAGE);
	uint64_t n;

	*kept = 0x6b657074;
	share(OTHER, true);
	write32(at(OTHER), 0x6c6f7374);
	rsi(GET, page(OTHER), top, 0, 0);
	print("realm: shared page: state %x, %x bytes\n", x[2], x[1] - page(OTHER));
	n = set(RAM, top, IS_RAM);
	open[OTHER] = false;
	print("realm: all is RAM again: %s, kept %x, page %x\n", n ? "yes" : "no", *kept,
		(uint64_t)read32(at(OTHER)));
	rsi(GET, RAM, top, 0, 0);
	print("realm: all of it: %s, state %x\n", x[1] == top ? "yes" : "no", x[2]);
}

/* ---- Measurements and a token -------------------------------------------------------- */

static void measure(void)
{
	uint64_t size, n;

	rsi(READ, 1, 0, 0, 0);
	print("realm: rem 1 before: %x %x %x %x\n", x[1], x[2], x[3], x[4]);
	/* 16 bytes: x3 and x4 of the call. */
	print("realm: extend 1: %x\n", rsi(EXTEND, 1, 16, 0x3736353433323130, 0x6665646362613938));
	print("realm: extend 0: %x\n", rsi(EXTEND, 0, 16, 1, 2));
	print("realm: extend 5: %x\n", rsi(EXTEND, 5, 16, 1, 2));
	print("realm: extend, 65 bytes: %x\n", rsi(EXTEND, 2, 65, 1, 2));
	rsi(READ, 1, 0, 0, 0);
	print("realm: rem 1: ");
	print_bytes((const uint8_t *)&x[1], 32);
	print("\nrealm: read 5: %x\n", rsi(READ, 5, 0, 0, 0));

	print("realm: continue without init: %x\n", rsi(TOKEN_CONTINUE, page(OTHER), 0, PAGE, 0));
	print("realm: init: %x\n", rsi(TOKEN_INIT, 0x63, 0, 0, 0));
	size = x[1];
	print("realm: continue, past the page: %x\n", rsi(TOKEN_CONTINUE, page(OTHER), 8, PAGE, 0));
	print("realm: token of at most %x: ", size);
	do {
		n = rsi(TOKEN_CONTINUE, page(OTHER), 0, 700, 0);
		print_bytes(areas[OTHER], x[1]);
	} while (n == 3);
	print("\nrealm: continue: %x\n", n);
}

/* ---- The wrong half ------------------------------------------------------------------ */

static void touch(const char *what, uint64_t addr, bool write)
{
	syndrome = 0;
	if (write)
		write32(addr, 1);
	else
		read32(addr);
	print("realm: %s: syndrome %x\n", what, syndrome);
}

static void wrong_half(uint64_t top)
{
	touch("device, shared half, read", (UART + 4) | shared, false);
	touch("device, own half, read", UART + 4, false);
	touch("device, own half, write", UART, true);
	touch("no memory, read", top + PAGE, false);
	share(OTHER, true);
	touch("shared page, own half, read", page(OTHER), false);
	touch("shared page, own half, write", page(OTHER), true);
	touch("shared page, shared half, write", page(OTHER) | shared, true);
	share(OTHER, false);
	touch("own page, shared half, read", page(OTHER) | shared, false);
	touch("own page, shared half, write", page(OTHER) | shared, true);
	touch("own page, own half, write", page(OTHER), true);
}

/* ---- virtio 1.2, 4.2.2 (MMIO), 5.4: the entropy device ------------------------------- */

#define SIZE 8u
#define BYTES 64u
#define NEEDS_RESET 0x40u
#define FEATURES_OK 8u

static uint64_t device;

static bool find_rng(void)
{
	for (unsigned int i = 0; i < 32; i++) {
		device = (VIRTIO + i * VIRTIO_STRIDE) | shared;
		if (read32(device) != 0x74726976)
			return false;
		if (read32(device + 8) == 4)
			return true;
	}
	return false;
}

/* Up to FEATURES_OK; whether the device agrees. */
static bool negotiate(uint32_t upper)
{
	write32(device + 0x70, 0);
	while (read32(device + 0x70))
		;
	write32(device + 0x70, 3);
	write32(device + 0x24, 1);
	write32(device + 0x20, upper);
	write32(device + 0x24, 0);
	write32(device + 0x20, 0);
	write32(device + 0x70, 3 | FEATURES_OK);
	return read32(device + 0x70) & FEATURES_OK;
}

static void write_address(uint64_t reg, uint64_t addr)
{
	write32(device + reg, (uint32_t)addr);
	write32(device + reg + 4, (uint32_t)(addr >> 32));
}

/* One request with the areas as they are; addresses with the shared bit or not. */
static void request(const char *what, uint64_t bit)
{
	unsigned int filled = 0;

	for (unsigned int i = 0; i < NR_AREAS; i++)
		memset((void *)at((enum area)i), 0, 256);
	if (!negotiate(3)) {
		print("realm: %s: features refused\n", what);
		return;
	}
	write32(device + 0x30, 0);
	write32(device + 0x38, SIZE);
	write_address(0x80, page(TABLE) | bit);
	write_address(0x90, page(AVAIL) | bit);
	write_address(0xa0, page(USED) | bit);
	write32(device + 0x44, 1);
	write32(device + 0x70, 0xf);
	write32(at(TABLE), (uint32_t)(page(BUFFER) | bit));
	write32(at(TABLE) + 4, (uint32_t)((page(BUFFER) | bit) >> 32));
	write32(at(TABLE) + 8, BYTES);
	write32(at(TABLE) + 12, 2);
	write32(at(AVAIL), 1u << 16);
	__asm__ volatile("dsb sy" : : : "memory");
	write32(device + 0x50, 0);
	for (unsigned int i = 0; i < 20000; i++)
		if (read32(device + 0x70) & NEEDS_RESET || read32(at(USED)) >> 16)
			break;
	for (unsigned int i = 0; i < BYTES; i++)
		filled += !!read8(at(BUFFER) + i);
	print("realm: %s: status %x, used %x, %s\n", what, (uint64_t)read32(device + 0x70),
		(uint64_t)(read32(at(USED)) >> 16),
		filled > BYTES / 2 ? "filled" : filled ? "touched" : "untouched");
}

static void devices(void)
{
	static const char *const names[] = { "private descriptors", "private avail ring",
		"private used ring", "private buffer" };

	if (!find_rng()) {
		print("realm: no virtio-rng\n");
		return;
	}
	print("realm: without ACCESS_PLATFORM: %s\n", negotiate(1) ? "accepted" : "refused");
	request("all private", 0);
	for (unsigned int i = 0; i <= BUFFER; i++) {
		for (unsigned int j = 0; j <= BUFFER; j++)
			share((enum area)j, i != j);
		request(names[i], shared);
	}
	share(BUFFER, true);
	request("all shared, addresses with the bit", shared);
	request("all shared, addresses without", 0);
	share(BUFFER, false);
	request("buffer taken back", shared);
	negotiate(0);
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

void tiny_guest(const uint8_t *fdt)
{
	uint64_t top = find_top(fdt);

	if (!find_shared_bit())
		return;
	print("realm: memory up to %x\n", top);
	calls(top);
	again(top);
	measure();
	wrong_half(top);
	devices();
	print("realm: done\n");
}
