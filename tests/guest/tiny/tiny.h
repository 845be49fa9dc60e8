/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runtime of the tiny guests: freestanding, a file each, no kernel below. A guest defines
 * tiny_guest(); when that returns, the machine ends as "end=..." on the command line says
 * (tiny_end()). Instructions are kept plain: some hosts emulate most of them.
 */
#ifndef TESTS_GUEST_TINY_H
#define TESTS_GUEST_TINY_H

#define TINY_ELF 0
#define TINY_BZIMAGE 1
#define TINY_PVH 2

#ifndef __ASSEMBLER__

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TINY_RAM 1			/* e820 type */
#define TINY_MAX_RANGES 16
#define TINY_ECAM 0xe0000000u
#define TINY_LAPIC 0xfee00000u
#define TINY_IOAPIC 0xfec00000u

struct tiny_range {
	uint64_t base, size;
	uint32_t type;
};

extern const char *tiny_entry;		/* "elf", "bzimage", "pvh" */
extern const char *tiny_cmdline;
extern unsigned int tiny_nr_ranges;
extern struct tiny_range tiny_ranges[TINY_MAX_RANGES];
extern uint64_t tiny_initrd, tiny_initrd_size;

/* What a guest does. */
void tiny_guest(void);

/* Serial output. Conversions: %s %u %x, with l for 64 bits. */
__attribute__((format(printf, 1, 2)))
void tiny_print(const char *fmt, ...);

/* The word "key=value" of the command line: copied without the key, or def. */
const char *tiny_arg(const char *key, const char *def);

/* poweroff, reset, acpi-reset, panic, triple, halt, spin. */
__attribute__((noreturn))
void tiny_end(const char *how);

/* Interrupts: a handler has __attribute__((interrupt)) and ends with tiny_eoi(). */
struct tiny_frame;
void tiny_irq_init(void);		/* mask the PICs, enable the local APIC, load an IDT */
void tiny_irq(unsigned int vector, void (*handler)(struct tiny_frame *frame));

static inline void outb(uint16_t port, uint8_t val)
{
	__asm__ volatile("outb %0, %1" : : "a"(val), "Nd"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t val)
{
	__asm__ volatile("outw %0, %1" : : "a"(val), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t val)
{
	__asm__ volatile("outl %0, %1" : : "a"(val), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t val;

	__asm__ volatile("inb %1, %0" : "=a"(val) : "Nd"(port) : "memory");
	return val;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t val;

	__asm__ volatile("inl %1, %0" : "=a"(val) : "Nd"(port) : "memory");
	return val;
}

/* Registers in memory: one plain move, which every host decodes. */
static inline uint32_t read32(uint64_t addr)
{
	uint32_t val;

	__asm__ volatile("movl (%1), %0" : "=a"(val) : "r"(addr) : "memory");
	return val;
}

static inline void write32(uint64_t addr, uint32_t val)
{
	__asm__ volatile("movl %0, (%1)" : : "a"(val), "r"(addr) : "memory");
}

static inline uint16_t read16(uint64_t addr)
{
	uint16_t val;

	__asm__ volatile("movw (%1), %0" : "=a"(val) : "r"(addr) : "memory");
	return val;
}

static inline void write16(uint64_t addr, uint16_t val)
{
	__asm__ volatile("movw %0, (%1)" : : "a"(val), "r"(addr) : "memory");
}

static inline uint8_t read8(uint64_t addr)
{
	uint8_t val;

	__asm__ volatile("movb (%1), %0" : "=a"(val) : "r"(addr) : "memory");
	return val;
}

static inline void write8(uint64_t addr, uint8_t val)
{
	__asm__ volatile("movb %0, (%1)" : : "a"(val), "r"(addr) : "memory");
}

static inline void tiny_eoi(void)
{
	write32(TINY_LAPIC + 0xb0, 0);
}

/* Configuration space of bus 0, function 0, by ECAM; reg is a multiple of 4. */
static inline uint64_t tiny_pci(unsigned int slot, unsigned int reg)
{
	return TINY_ECAM + (slot << 15) + reg;
}

#endif
#endif
