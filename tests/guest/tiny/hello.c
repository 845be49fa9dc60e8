/* SPDX-License-Identifier: Apache-2.0 */
/* Says what it was given, then ends as told: end=poweroff|reset|acpi-reset|panic|... */
#include "tests/guest/tiny/tiny.h"

void tiny_guest(void)
{
	uint64_t ram = 0;

	for (unsigned int i = 0; i < tiny_nr_ranges; i++)
		ram += tiny_ranges[i].type == TINY_RAM ? tiny_ranges[i].size : 0;
	tiny_print("hello entry=%s ram=%luK initrd=%lu@%lx cmdline=[%s]\n", tiny_entry, ram >> 10,
		tiny_initrd_size, tiny_initrd, tiny_cmdline);
}
