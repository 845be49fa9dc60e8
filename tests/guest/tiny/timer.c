/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupts: the local APIC's timer, then the serial port through the I/O APIC. With
 * "forever" given it goes on ticking: ticks=N says how many come before a dot is printed.
 */
#include "tests/guest/tiny/tiny.h"

#define TIMER_VECTOR 0x40
#define UART_VECTOR 0x41
#define WANTED 20
#define LVT_PERIODIC 0x20000
#define LVT_MASKED 0x10000

static volatile unsigned int ticks, uart_irqs;
static volatile uint8_t uart_cause;

__attribute__((interrupt))
static void on_timer(struct tiny_frame *frame)
{
	(void)frame;
	ticks++;
	tiny_eoi();
}

/* Interrupt identification first: reading it takes "transmitter empty" away. */
__attribute__((interrupt))
static void on_uart(struct tiny_frame *frame)
{
	(void)frame;
	uart_cause = inb(0x3f8 + 2);
	outb(0x3f8 + 1, 0);
	uart_irqs++;
	tiny_eoi();
}

/* No interrupt between the question and the sleep: sti takes effect after the next one. */
static void sleep_until(volatile unsigned int *counter, unsigned int value)
{
	while (*counter < value)
		__asm__ volatile("sti; hlt; cli" : : : "memory");
}

static void test_uart(void)
{
	write32(TINY_IOAPIC, 0x10 + 2 * 4 + 1);
	write32(TINY_IOAPIC + 0x10, read32(TINY_LAPIC + 0x20) & 0xff000000);
	write32(TINY_IOAPIC, 0x10 + 2 * 4);
	write32(TINY_IOAPIC + 0x10, UART_VECTOR | 0x8000);	/* level, active high */
	outb(0x3f8 + 1, 2);
	sleep_until(&uart_irqs, 1);
	tiny_print("uart: %u interrupt, cause %x\n", uart_irqs, uart_cause & 0xf);
}

static void forever(void)
{
	unsigned int before = ticks;

	for (;;) {
		sleep_until(&ticks, before + 100);
		before = ticks;
		tiny_print(".");
	}
}

void tiny_guest(void)
{
	tiny_irq_init();
	tiny_irq(TIMER_VECTOR, on_timer);
	tiny_irq(UART_VECTOR, on_uart);
	write32(TINY_LAPIC + 0x3e0, 3);				/* divide by 16 */
	write32(TINY_LAPIC + 0x320, TIMER_VECTOR | LVT_PERIODIC);
	write32(TINY_LAPIC + 0x380, 62500);			/* 1 ms of KVM's 1 GHz bus */
	sleep_until(&ticks, WANTED);
	tiny_print("timer: %u ticks\n", WANTED);
	if (*tiny_arg("forever", ""))
		forever();
	write32(TINY_LAPIC + 0x320, LVT_MASKED);
	test_uart();
}
