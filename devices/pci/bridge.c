/* SPDX-License-Identifier: Apache-2.0 */
/* The host bridge as a device of the board: class "pci-host", opts struct pci_bus_opts. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "devices/devices.h"
#include "devices/pci/pci.h"

struct bridge {
	struct dev dev;
	struct pci_bus *bus;	/* owned */
};

static struct bridge *bridge_of(struct dev *dev)
{
	return container_of(dev, struct bridge, dev);
}

struct pci_bus *pci_host_bus(struct dev *dev)
{
	return bridge_of(dev)->bus;
}

static int bridge_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	struct bridge *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return err_set(err, -ENOMEM, "pci: out of memory");
	b->dev.cls = &pci_host_class;
	r = pci_bus_create(env, opts, &b->bus, err);
	if (r < 0) {
		free(b);
		return r;
	}
	*out = &b->dev;
	return 0;
}

static void bridge_reset(struct dev *dev)
{
	pci_bus_reset(bridge_of(dev)->bus);
}

static void bridge_destroy(struct dev *dev)
{
	pci_bus_destroy(bridge_of(dev)->bus);
	free(bridge_of(dev));
}

const struct dev_class pci_host_class = {
	.name = "pci-host",
	.create = bridge_create,
	.reset = bridge_reset,
	.destroy = bridge_destroy,
};
