/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GICv2m frame (Arm Server Base System Architecture 2.3, appendix E): a page with a doorbell by
 * which messages become edges of interrupt lines. Message interrupts of our devices are routed
 * there by vmm/irq_kvm.c without ever being written; what is left is to tell their numbers.
 * For confidential machines, whose tables an ITS in KVM could not read.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "devices/devices.h"
#include "vmm/devopts.h"
#include "vmm/irq.h"

#define MSI_TYPER 0x008		/* first interrupt << 16 | how many */
#define MSI_SETSPI_NS 0x040

struct gicv2m {
	struct dev dev;
	const struct irq *irq;		/* borrowed */
	const struct msi_frame *frame;	/* borrowed */
};

static uint64_t gicv2m_read(void *dev, uint64_t off, unsigned int size)
{
	const struct msi_frame *f = ((struct gicv2m *)dev)->frame;

	return off == MSI_TYPER && size == 4 ? f->data << 16 | f->nr : 0;
}

static void gicv2m_write(void *dev, uint64_t off, unsigned int size, uint64_t val)
{
	struct gicv2m *v2m = dev;
	const struct msi_frame *f = v2m->frame;
	unsigned int gsi;

	if (off != MSI_SETSPI_NS || val < f->data || val - f->data >= f->nr)
		return;
	gsi = f->gsi + (unsigned int)(val - f->data);
	v2m->irq->ops->set_line(v2m->irq->ctx, gsi, true);
	v2m->irq->ops->set_line(v2m->irq->ctx, gsi, false);
}

static void gicv2m_destroy(struct dev *dev)
{
	free(dev);
}

static int gicv2m_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	static const struct io_ops ops = { gicv2m_read, gicv2m_write };
	struct gicv2m *v2m = calloc(1, sizeof(*v2m));
	int r;

	if (!v2m)
		return err_set(err, -ENOMEM, "gicv2m: out of memory");
	v2m->dev.cls = &gicv2m_class;
	v2m->irq = env->irq;
	v2m->frame = opts;
	r = bus_add(env->bus, env->place->space, env->place->base, env->place->size, &ops, v2m,
		"gicv2m", err);
	if (r < 0) {
		gicv2m_destroy(&v2m->dev);
		return r;
	}
	*out = &v2m->dev;
	return 0;
}

const struct dev_class gicv2m_class = {
	.name = "gicv2m",
	.create = gicv2m_create,
	.destroy = gicv2m_destroy,
};
