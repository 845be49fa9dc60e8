/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two views of guest memory on a host without memory encryption, for the soft platform.
 *
 * Each RAM range has two host memories: S, the range of struct gmem, which devices and the
 * control plane see, and P, which only the guest sees. KVM gets two memslots:
 *
 *	gpa | C  ->  P                     what the guest maps encrypted
 *	gpa      ->  a window over P and S  what the guest maps shared, or reaches unpaged
 *
 * Hardware treats instruction fetches, page walks and everything unpaged as private; here the
 * window does that where it matters. At first it shows P, except what launch code staged (S).
 * With the first range that the kernel announces as shared, the window turns to S for good,
 * but for the first MiB (AP trampolines) and ROM, which stay P. No memslot changes meanwhile:
 * the window's mapping does.
 *
 * Devices reach S only where a range is announced shared: soft_views_shared().
 */
#ifndef TEE_CSV_VIEWS_H
#define TEE_CSV_VIEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"

struct gmem_slot;
struct kvm_vm;
struct soft_views;
struct tvm_error;

/* private_bit: the C-bit as a number. */
int soft_views_create(const struct kvm_vm *kvm, uint64_t private_bit, struct soft_views **out,
	struct tvm_error *err);
void soft_views_destroy(struct soft_views *v); /* after the VM is gone; NULL is fine */

/* Add a range of guest memory and its memslots. Before vCPUs run. */
int soft_views_add(struct soft_views *v, const struct gmem_slot *slot, struct tvm_error *err);

/* Launch code put contents for the firmware into S at [gpa, gpa + len). Before vCPUs run. */
int soft_views_stage(struct soft_views *v, gpa_t gpa, uint64_t len, struct tvm_error *err);

/* A guest's announcement, whole pages; any vCPU thread. -EINVAL for what is not RAM. */
int soft_views_announce(struct soft_views *v, gpa_t gpa, uint64_t pages, bool is_private);

/* Whether devices may reach [gpa, gpa + len): every page is announced shared. Any thread. */
bool soft_views_shared(void *v, gpa_t gpa, size_t len);

/* The software processor's access, by host addresses in S (struct soft_memory_ops). */
int soft_views_make_private(struct soft_views *v, uint64_t uaddr, uint64_t len);
int soft_views_write_private(struct soft_views *v, uint64_t uaddr, const void *src,
	uint64_t len);

struct soft_views_stats {
	uint64_t shared_pages;		/* announced shared now */
	uint64_t announcements;
	bool switched;
};
void soft_views_stats(struct soft_views *v, struct soft_views_stats *out);

/* For tests of isolation: occurrences of a marker in P and in all of S. */
uint64_t soft_views_count(struct soft_views *v, bool is_private, const void *marker, size_t len);

#endif
