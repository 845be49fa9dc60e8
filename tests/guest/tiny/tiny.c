/* SPDX-License-Identifier: Apache-2.0 */
/* See tiny.h. */
#include "tests/guest/tiny/tiny.h"

#define UART 0x3f8
#define UART_LSR 5
#define LSR_THRE 0x20

const char *tiny_entry, *tiny_cmdline = "";
unsigned int tiny_nr_ranges;
struct tiny_range tiny_ranges[TINY_MAX_RANGES];
uint64_t tiny_initrd, tiny_initrd_size;

void tiny_main(int entry, uint64_t info);
void *memcpy(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);

/* The compiler calls these by itself. */
void *memcpy(void *dst, const void *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile char *)dst)[i] = ((const char *)src)[i];
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile char *)dst)[i] = (char)c;
	return dst;
}

/* ---- Output -------------------------------------------------------------------------- */

static void put(char c)
{
	while (!(inb(UART + UART_LSR) & LSR_THRE))
		;
	outb(UART, (uint8_t)c);
}

static void put_number(uint64_t n, unsigned int base)
{
	char buf[24];
	int i = 0;

	do {
		buf[i++] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	while (i)
		put(buf[--i]);
}

void tiny_print(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	for (; *fmt; fmt++) {
		bool wide = false;

		if (*fmt != '%') {
			put(*fmt);
			continue;
		}
		if (*++fmt == 'l') {
			wide = true;
			fmt++;
		}
		if (*fmt == 's')
			for (const char *s = va_arg(ap, const char *); *s; s++)
				put(*s);
		else
			put_number(wide ? va_arg(ap, uint64_t) : va_arg(ap, unsigned int),
				*fmt == 'x' ? 16 : 10);
	}
	va_end(ap);
}

/* ---- Command line -------------------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

const char *tiny_arg(const char *key, const char *def)
{
	static char value[64];
	const char *p = tiny_cmdline;
	size_t n;

	while (*p) {
		for (n = 0; key[n] && p[n] == key[n]; n++)
			;
		if (!key[n] && p[n] == '=') {
			p += n + 1;
			for (n = 0; n < sizeof(value) - 1 && p[n] && p[n] != ' '; n++)
				value[n] = p[n];
			value[n] = 0;
			return value;
		}
		while (*p && *p != ' ')
			p++;
		while (*p == ' ')
			p++;
	}
	return def;
}

/* ---- The end ------------------------------------------------------------------------- */

void tiny_end(const char *how)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_idt;

	if (same(how, "poweroff"))
		outw(0x604, 5 << 10 | 1 << 13);	/* PM1 control: S5, SLP_EN */
	else if (same(how, "reset"))
		outb(0x64, 0xfe);
	else if (same(how, "acpi-reset"))
		outb(0x608, 1);
	else if (same(how, "panic"))
		outb(0x505, 1);
	else if (same(how, "triple"))
		__asm__ volatile("lidt %0; ud2" : : "m"(no_idt));
	else if (same(how, "spin"))
		for (;;)
			__asm__ volatile("pause");
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* ---- Interrupts ---------------------------------------------------------------------- */

struct gate {
	uint16_t low, selector, flags, mid;
	uint32_t high, reserved;
};

static struct gate idt[256];

void tiny_irq(unsigned int vector, void (*handler)(struct tiny_frame *frame))
{
	uint64_t at = (uint64_t)handler;

	idt[vector] = (struct gate){ (uint16_t)at, 0x10, 0x8e00, (uint16_t)(at >> 16),
		(uint32_t)(at >> 32), 0 };
}

void tiny_irq_init(void)
{
	static struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) idtr;

	idtr.limit = sizeof(idt) - 1;
	idtr.base = (uint64_t)idt;
	__asm__ volatile("lidt %0" : : "m"(idtr));
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	write32(TINY_LAPIC + 0xf0, 0x1ff);	/* software enable, spurious vector */
}

/* ---- The beginning ------------------------------------------------------------------- */

static void add_range(uint64_t base, uint64_t size, uint32_t type)
{
	if (tiny_nr_ranges < TINY_MAX_RANGES)
		tiny_ranges[tiny_nr_ranges++] = (struct tiny_range){ base, size, type };
}

static uint64_t load(uint64_t at, unsigned int bytes)
{
	const volatile uint8_t *p = (const volatile uint8_t *)at;
	uint64_t val = 0;

	while (bytes--)
		val = val << 8 | p[bytes];
	return val;
}

/* Xen, public/arch-x86/hvm/start_info.h */
static void read_pvh(uint64_t info)
{
	uint64_t map = load(info + 40, 8), module = load(info + 16, 8);

	tiny_cmdline = (const char *)load(info + 24, 8);
	for (uint64_t i = 0; i < load(info + 48, 4); i++, map += 24)
		add_range(load(map, 8), load(map + 8, 8), (uint32_t)load(map + 16, 4));
	if (load(info + 12, 4)) {
		tiny_initrd = load(module, 8);
		tiny_initrd_size = load(module + 8, 8);
	}
}

/* Documentation/arch/x86/zero-page.rst */
static void read_boot_params(uint64_t bp)
{
	uint64_t e820 = bp + 0x2d0;

	tiny_cmdline = (const char *)load(bp + 0x228, 4);
	for (uint64_t i = 0; i < load(bp + 0x1e8, 1); i++, e820 += 20)
		add_range(load(e820, 8), load(e820 + 8, 8), (uint32_t)load(e820 + 16, 4));
	tiny_initrd = load(bp + 0x218, 4);
	tiny_initrd_size = load(bp + 0x21c, 4);
}

void tiny_main(int entry, uint64_t info)
{
	static const char *const names[] = { "elf", "bzimage", "pvh" };

	tiny_entry = names[entry];
	if (entry == TINY_PVH)
		read_pvh(info);
	else
		read_boot_params(info);
	tiny_guest();
	tiny_end(tiny_arg("end", "poweroff"));
}
