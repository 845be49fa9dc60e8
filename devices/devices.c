/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of devices. No constructors: a static library cannot lose an entry. */
#include "devices/devices.h"

#include <string.h>

#include "base/cleanup.h"

static const struct dev_class *const classes[] = {
	&pci_host_class,
	&uart8250_class,
	&i8042_class,
	&acpi_pm_class,
	&gicv2m_class,
	&pl031_class,
	&pl061_class,
	&pvpanic_class,
	&fw_port_class,
	&virtio_blk_class,
	&virtio_console_class,
	&virtio_net_class,
	&virtio_balloon_class,
	&virtio_rng_class,
	&virtio_vsock_class,
	&vhost_vsock_class,
	&virtio_9p_class,
};

const struct dev_class *dev_class_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (!strcmp(classes[i]->name, name))
			return classes[i];
	return NULL;
}
