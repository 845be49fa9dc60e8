/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's case "marker" (tests/guest/linux/init.sh): it keeps one text in its memory and sends
 * another one to a disk. Which memory they are found in tells whether it is private.
 */
#ifndef TESTS_BOOT_MARKER_H
#define TESTS_BOOT_MARKER_H

#include "tests/boot/vm.h"

struct marker {
	char tag[20], kept[64], sent[64];
};

static inline void marker_init(struct marker *m)
{
	snprintf(m->tag, sizeof(m->tag), "%08x", (unsigned int)(now_ms() * 2654435761u));
	snprintf(m->kept, sizeof(m->kept), "marker=private=%s=kept", m->tag);
	snprintf(m->sent, sizeof(m->sent), "marker=shared=%s=sent", m->tag);
}

/* The guest has done its part, within ms. */
static inline bool marker_ready(struct tvm_vm *vm, const char *serial, int ms)
{
	struct tvm_exit end = { 0 };

	for (int i = 0; i < ms / 100; i++) {
		if (count_text(serial, "tvm-guest: ready"))
			return count_text(serial, "marker=1000");
		if (!tvm_wait(vm, 100, &end)) {
			printf("# the guest ended: %s\n", end.msg);
			return false;
		}
	}
	return false;
}

static inline bool page_is_zero(const uint8_t *page)
{
	return !page[0] && !memcmp(page, page + 1, 4095);
}

#endif
