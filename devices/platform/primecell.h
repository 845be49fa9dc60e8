/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How Arm's PrimeCell peripherals are identified, in the last 32 bytes of their page: part
 * number, designer and revision, then a constant (e.g. DDI 0224, 3.4.9 and 3.4.10).
 */
#ifndef DEVICES_PLATFORM_PRIMECELL_H
#define DEVICES_PLATFORM_PRIMECELL_H

#include <stdint.h>

#define PRIMECELL_ID 0xfe0
#define PRIMECELL_ID_END 0x1000
#define PRIMECELL_DESIGNER_ARM 0x41

/* One byte in each word: part 0x031 is that of the PL031. */
static inline uint32_t primecell_id(uint64_t off, uint32_t part)
{
	uint32_t id = part | PRIMECELL_DESIGNER_ARM << 12;
	unsigned int i = (off - PRIMECELL_ID) / 4;

	return (i < 4 ? id >> 8 * i : 0xb105f00du >> 8 * (i - 4)) & 0xff;
}

#endif
