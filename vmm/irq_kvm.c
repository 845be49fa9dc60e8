/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupts and doorbells on KVM: lines by KVM_IRQ_LINE, messages by irqfd and the GSI
 * routing table, doorbells by ioeventfd.
 *
 * KVM replaces the routing table as a whole, so it is kept here: the controller's lines first,
 * then one slot for each message interrupt. gsis of messages start at nr_lines.
 */
#include "vmm/irq.h"

#include <linux/kvm.h>
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "vmm/kvm.h"

#define MAX_MSI 1024

struct irq_kvm {
	struct kvm_vm *kvm;	/* borrowed */
	bool msi_devid;		/* messages carry a device id (GICv3 ITS) */
	pthread_mutex_t lock;	/* all below */
	unsigned int nr_lines;
	unsigned int nr_fixed;	/* entries of the table that describe lines */
	bool used[MAX_MSI];
	bool routed[MAX_MSI];
	struct kvm_irq_routing_entry msi[MAX_MSI];
	struct kvm_irq_routing *table; /* room for everything, owned */
};

static void kvm_set_line(void *ctx, unsigned int gsi, bool level)
{
	struct irq_kvm *k = ctx;
	struct kvm_irq_level line = { .irq = arch_board()->line_base + gsi, .level = level };
	int r = kvm_ioctl(k->kvm->vm_fd, KVM_IRQ_LINE, &line);

	(void)r; /* fails only for a gsi that no board has */
}

static int apply_routes(struct irq_kvm *k)
{
	unsigned int n = k->nr_fixed;

	for (unsigned int i = 0; i < MAX_MSI; i++)
		if (k->used[i] && k->routed[i])
			k->table->entries[n++] = k->msi[i];
	k->table->nr = n;
	return kvm_ioctl(k->kvm->vm_fd, KVM_SET_GSI_ROUTING, k->table);
}

static int irqfd(struct irq_kvm *k, int fd, unsigned int gsi, uint32_t flags)
{
	struct kvm_irqfd arg = { .fd = (uint32_t)fd, .gsi = gsi, .flags = flags };

	return kvm_ioctl(k->kvm->vm_fd, KVM_IRQFD, &arg);
}

static int kvm_msi_open(void *ctx, int eventfd, unsigned int *gsi_out)
{
	struct irq_kvm *k = ctx;
	unsigned int i;
	int r;

	pthread_mutex_lock(&k->lock);
	for (i = 0; i < MAX_MSI && k->used[i]; i++)
		;
	if (i == MAX_MSI) {
		pthread_mutex_unlock(&k->lock);
		return -ENOSPC;
	}
	k->used[i] = true;
	k->routed[i] = false;
	pthread_mutex_unlock(&k->lock);

	r = irqfd(k, eventfd, k->nr_lines + i, 0);
	if (r < 0) {
		pthread_mutex_lock(&k->lock);
		k->used[i] = false;
		pthread_mutex_unlock(&k->lock);
		return r;
	}
	*gsi_out = k->nr_lines + i;
	return 0;
}

static int kvm_msi_route(void *ctx, unsigned int gsi, uint64_t addr, uint32_t data,
	uint32_t devid)
{
	struct irq_kvm *k = ctx;
	unsigned int i = gsi - k->nr_lines;
	struct kvm_irq_routing_entry e = {
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.flags = k->msi_devid ? KVM_MSI_VALID_DEVID : 0,
		.u.msi = { .address_lo = (uint32_t)addr, .address_hi = (uint32_t)(addr >> 32),
			.data = data, .devid = k->msi_devid ? devid : 0 },
	}, old;
	const struct msi_frame *frame = &arch_board()->msi_frame;
	bool was_routed;
	int r;

	assert(i < MAX_MSI);
	/* A message to the frame is an edge of the line that it names. */
	if (frame->nr && (addr & ~k->kvm->shared_bit) == frame->doorbell &&
	    data >= frame->data && data - frame->data < frame->nr) {
		e.type = KVM_IRQ_ROUTING_IRQCHIP;
		e.flags = 0;
		e.u.irqchip = (struct kvm_irq_routing_irqchip){
			.pin = frame->gsi + data - frame->data,
		};
	}
	pthread_mutex_lock(&k->lock);
	old = k->msi[i];
	was_routed = k->routed[i];
	k->msi[i] = e;
	k->routed[i] = true;
	r = apply_routes(k);
	if (r < 0) { /* what KVM refuses must not stay: the table goes over as a whole */
		k->msi[i] = old;
		k->routed[i] = was_routed;
	}
	pthread_mutex_unlock(&k->lock);
	return r;
}

static void kvm_msi_close(void *ctx, int eventfd, unsigned int gsi)
{
	struct irq_kvm *k = ctx;
	unsigned int i = gsi - k->nr_lines;

	assert(i < MAX_MSI);
	irqfd(k, eventfd, gsi, KVM_IRQFD_FLAG_DEASSIGN);
	pthread_mutex_lock(&k->lock);
	k->used[i] = k->routed[i] = false;
	pthread_mutex_unlock(&k->lock);
}

static int kvm_msi_add(void *ctx, int eventfd, unsigned int gsi)
{
	return irqfd(ctx, eventfd, gsi, 0);
}

static void kvm_msi_del(void *ctx, int eventfd, unsigned int gsi)
{
	irqfd(ctx, eventfd, gsi, KVM_IRQFD_FLAG_DEASSIGN);
}

static int doorbell(struct irq_kvm *k, enum bus_space space, uint64_t addr, unsigned int size,
	uint64_t value, int eventfd, uint32_t flags)
{
	struct kvm_ioeventfd arg = {
		.datamatch = value,
		.addr = space == BUS_MMIO ? addr | k->kvm->shared_bit : addr,
		.len = size,
		.fd = eventfd,
		.flags = flags | (space == BUS_PIO ? (uint32_t)KVM_IOEVENTFD_FLAG_PIO : 0),
	};

	return kvm_ioctl(k->kvm->vm_fd, KVM_IOEVENTFD, &arg);
}

static int kvm_doorbell_add(void *ctx, enum bus_space space, uint64_t addr, unsigned int size,
	int eventfd)
{
	return doorbell(ctx, space, addr, size, 0, eventfd, 0);
}

static void kvm_doorbell_del(void *ctx, enum bus_space space, uint64_t addr, unsigned int size,
	int eventfd)
{
	doorbell(ctx, space, addr, size, 0, eventfd, KVM_IOEVENTFD_FLAG_DEASSIGN);
}

static int kvm_doorbell_match_add(void *ctx, enum bus_space space, uint64_t addr,
	unsigned int size, uint64_t value, int eventfd)
{
	return doorbell(ctx, space, addr, size, value, eventfd, KVM_IOEVENTFD_FLAG_DATAMATCH);
}

static void kvm_doorbell_match_del(void *ctx, enum bus_space space, uint64_t addr,
	unsigned int size, uint64_t value, int eventfd)
{
	doorbell(ctx, space, addr, size, value, eventfd,
		KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_DEASSIGN);
}

static const struct irq_ops kvm_irq_ops = {
	.set_line = kvm_set_line,
	.msi_open = kvm_msi_open,
	.msi_route = kvm_msi_route,
	.msi_close = kvm_msi_close,
	.msi_add = kvm_msi_add,
	.msi_del = kvm_msi_del,
	.doorbell_add = kvm_doorbell_add,
	.doorbell_del = kvm_doorbell_del,
	.doorbell_match_add = kvm_doorbell_match_add,
	.doorbell_match_del = kvm_doorbell_match_del,
};

int irq_kvm_create(struct kvm_vm *kvm, unsigned int nr_lines,
	const struct kvm_irq_routing_entry *fixed, unsigned int nr_fixed, struct irq *out,
	struct tvm_error *err)
{
	struct irq_kvm *k = calloc(1, sizeof(*k));

	if (!k)
		return err_set(err, -ENOMEM, "interrupts: out of memory");
	k->table = calloc(1, sizeof(*k->table) +
		(nr_fixed + MAX_MSI) * sizeof(k->table->entries[0]));
	if (!k->table) {
		free(k);
		return err_set(err, -ENOMEM, "interrupts: out of memory");
	}
	pthread_mutex_init(&k->lock, NULL);
	k->kvm = kvm;
	k->nr_lines = nr_lines;
	k->msi_devid = kvm_cap(kvm, KVM_CAP_MSI_DEVID) > 0;
	k->nr_fixed = nr_fixed;
	memcpy(k->table->entries, fixed, nr_fixed * sizeof(*fixed));
	*out = (struct irq){ &kvm_irq_ops, k };
	return 0;
}

void irq_kvm_destroy(struct irq *irq)
{
	struct irq_kvm *k = irq->ctx;

	if (!k)
		return;
	pthread_mutex_destroy(&k->lock);
	free(k->table);
	free(k);
	*irq = (struct irq){ 0 };
}
