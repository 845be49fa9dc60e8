/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts every other processor by INIT and SIPI, one after the other; prints the APIC id
 * that each has, and how many there are. cpus=N says how many to expect.
 */
#include "tests/guest/tiny/tiny.h"

#define AP_BASE 0x8000
#define ICR_LOW 0x300
#define ICR_HIGH 0x310
#define ICR_PENDING 0x1000
#define PATIENCE 20000			/* reads of a port, some microseconds each */

extern const char ap_code[], ap_code_end[], ap_cr3[];

static volatile unsigned int running = 1, last_id;

void ap_main(void);

void ap_main(void)
{
	last_id = read32(TINY_LAPIC + 0x20) >> 24;
	__asm__ volatile("lock incl %0" : "+m"(running));
}

static void send(unsigned int id, uint32_t what)
{
	write32(TINY_LAPIC + ICR_HIGH, id << 24);
	write32(TINY_LAPIC + ICR_LOW, what);
	while (read32(TINY_LAPIC + ICR_LOW) & ICR_PENDING)
		;
}

static bool start(unsigned int id)
{
	unsigned int before = running;

	send(id, 0x4500);		/* INIT */
	send(id, 0x4600 | AP_BASE >> 12);
	for (unsigned int i = 0; i < PATIENCE && running == before; i++)
		inb(0x3f8 + 5);
	return running != before;
}

static unsigned int number(const char *s)
{
	unsigned int n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + (unsigned int)(*s++ - '0');
	return n;
}

void tiny_guest(void)
{
	unsigned int wanted = number(tiny_arg("cpus", "1"));
	uint64_t cr3;

	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	for (const char *p = ap_code; p < ap_code_end; p++)
		write8((uint64_t)(AP_BASE + (p - ap_code)), (uint8_t)*p);
	write32((uint64_t)(AP_BASE + (ap_cr3 - ap_code)), (uint32_t)cr3);
	write32(TINY_LAPIC + 0xf0, 0x1ff);

	for (unsigned int id = 1; id < wanted; id++) {
		if (start(id))
			tiny_print("smp: processor %u runs, id %u\n", id, last_id);
		else
			tiny_print("smp: processor %u does not start\n", id);
	}
	tiny_print("smp: %u processors\n", running);
}
