/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two views of a realm's memory on a host without realms, for the soft platform. Each RAM
 * range has two host memories, and KVM two memslots:
 *
 *	gpa               ->  window over P, what only the realm sees
 *	gpa | shared bit  ->  window over S, the range of struct gmem, which devices see
 *
 * Of a page, one window is open at a time, after its RIPAS; an access through the other one
 * fails in KVM, as it would on hardware. Contents never survive a conversion.
 */
#ifndef TEE_VIRTCCA_VIEWS_H
#define TEE_VIRTCCA_VIEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"

struct gmem_slot;
struct kvm_vm;
struct realm_views;
struct tvm_error;

int realm_views_create(const struct kvm_vm *kvm, uint64_t shared_bit, struct realm_views **out,
	struct tvm_error *err);
void realm_views_destroy(struct realm_views *v); /* after the VM is gone; NULL is fine */

/* Add a range and its memslots. Before vCPUs run. */
int realm_views_add(struct realm_views *v, const struct gmem_slot *slot, struct tvm_error *err);

/* All pages open in P, with zeros; what was in P is lost. No vCPU runs. */
int realm_views_reset(struct realm_views *v, struct tvm_error *err);

/* [base, base + len), whole pages of one range: open in S or in P, zeros in both. */
int realm_views_convert(struct realm_views *v, uint64_t base, uint64_t len, bool shared);

/* The realm manager's access to P. */
int realm_views_read(struct realm_views *v, uint64_t ipa, void *dst, size_t len);
int realm_views_write(struct realm_views *v, uint64_t ipa, const void *src, size_t len);

#endif
