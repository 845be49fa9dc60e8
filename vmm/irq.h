/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wires between devices and the hypervisor: interrupt lines, message interrupts and doorbells
 * (ioeventfd). Devices hold a struct irq and never KVM itself, so a unit test can give them
 * one of its own. irq_kvm.c implements it on KVM.
 *
 * Every function may be called from any thread.
 */
#ifndef VMM_IRQ_H
#define VMM_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/bus.h"

struct tvm_error;

struct irq_ops {
	/* Level of an interrupt line (gsi of the board). */
	void (*set_line)(void *ctx, unsigned int gsi, bool level);

	/*
	 * A message interrupt: writing eventfd sends the message that msi_route() set last.
	 * No message is sent before the first msi_route(). 0 or negative errno.
	 */
	int (*msi_open)(void *ctx, int eventfd, unsigned int *gsi_out);
	int (*msi_route)(void *ctx, unsigned int gsi, uint64_t addr, uint32_t data,
		uint32_t devid);
	void (*msi_close)(void *ctx, int eventfd, unsigned int gsi);
	/*
	 * One more eventfd for an open message interrupt, until msi_del(), which comes before
	 * msi_close(). What it counts afterwards, or counted before, is not lost. NULL: cannot.
	 */
	int (*msi_add)(void *ctx, int eventfd, unsigned int gsi);
	void (*msi_del)(void *ctx, int eventfd, unsigned int gsi);

	/*
	 * A guest write of any value and of size bytes (0: any size) at addr signals eventfd
	 * without leaving the kernel. 0 or negative errno.
	 */
	int (*doorbell_add)(void *ctx, enum bus_space space, uint64_t addr, unsigned int size,
		int eventfd);
	void (*doorbell_del)(void *ctx, enum bus_space space, uint64_t addr, unsigned int size,
		int eventfd);

	/* The same for writes of that value only; size is 1, 2, 4 or 8. NULL: cannot. */
	int (*doorbell_match_add)(void *ctx, enum bus_space space, uint64_t addr,
		unsigned int size, uint64_t value, int eventfd);
	void (*doorbell_match_del)(void *ctx, enum bus_space space, uint64_t addr,
		unsigned int size, uint64_t value, int eventfd);
};

struct irq {
	const struct irq_ops *ops;
	void *ctx;
};

struct kvm_irq_routing_entry;
struct kvm_vm;

/*
 * The KVM implementation. gsis below nr_lines belong to the interrupt controller; fixed
 * describes how they are routed and is copied.
 */
int irq_kvm_create(struct kvm_vm *kvm, unsigned int nr_lines,
	const struct kvm_irq_routing_entry *fixed, unsigned int nr_fixed, struct irq *out,
	struct tvm_error *err);
void irq_kvm_destroy(struct irq *irq); /* fine on a zeroed struct */

#endif
