/* SPDX-License-Identifier: Apache-2.0 */
/* Answers each character with its capital, by polling; q ends. */
#include "tests/guest/tiny/tiny.h"

void tiny_guest(void)
{
	char c;

	tiny_print("echo\n");
	do {
		while (!(inb(0x3f8 + 5) & 1))
			__asm__ volatile("pause");
		c = (char)inb(0x3f8);
		tiny_print("%s", (char[]){ c >= 'a' && c <= 'z' ? (char)(c - 32) : c, 0 });
	} while (c != 'q');
	tiny_print("\n");
}
