/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resets for ever; before each reset it dirties what a reset must restore, and at each start
 * it looks whether all is as at the first: memory, its own image, interrupt controllers,
 * serial port. Panics when not, so that a host test sees it.
 */
#include "tests/guest/tiny/tiny.h"

static volatile uint32_t image = 0x600d;	/* in the file */
static volatile uint64_t *const far = (volatile uint64_t *)0xe00000;

static void expect(const char *what, uint64_t found, uint64_t wanted)
{
	if (found == wanted)
		return;
	tiny_print("reboots: %s is 0x%lx, not 0x%lx\n", what, found, wanted);
	tiny_end("panic");
}

void tiny_guest(void)
{
	uint64_t cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	write32(TINY_IOAPIC, 0x18);
	expect("memory", *far, 0);
	expect("the image", image, 0x600d);
	expect("CR4", cr4 & 0x80, 0);
	expect("spurious vector register", read32(TINY_LAPIC + 0xf0), 0xff);
	expect("timer", read32(TINY_LAPIC + 0x320), 0x10000);
	expect("I/O APIC pin 4", read32(TINY_IOAPIC + 0x10), 0x10000);
	expect("UART scratch", inb(0x3f8 + 7), 0);
	expect("UART interrupts", inb(0x3f8 + 1), 0);

	*far = 0xbad;
	image = 0xbad;
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | 0x80));
	tiny_irq_init();
	write32(TINY_LAPIC + 0x320, 0x20040);
	write32(TINY_LAPIC + 0x380, 1000);
	write32(TINY_IOAPIC, 0x18);
	write32(TINY_IOAPIC + 0x10, 0x10041);
	outb(0x3f8 + 7, 0x55);
	outb(0x3f8 + 1, 1);
	tiny_print("reboots\n");
	tiny_end(tiny_arg("end", "reset"));
}
