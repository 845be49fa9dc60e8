/* SPDX-License-Identifier: Apache-2.0 */
/* Every class of device, each defined in the file that its name suggests. */
#ifndef DEVICES_DEVICES_H
#define DEVICES_DEVICES_H

#include "vmm/device.h"

extern const struct dev_class uart8250_class;
extern const struct dev_class i8042_class;
extern const struct dev_class acpi_pm_class;
extern const struct dev_class gicv2m_class;
extern const struct dev_class pl031_class;
extern const struct dev_class pl061_class;
extern const struct dev_class pvpanic_class;
extern const struct dev_class fw_port_class;
extern const struct dev_class pci_host_class;
extern const struct dev_class virtio_blk_class;
extern const struct dev_class virtio_balloon_class;
extern const struct dev_class virtio_console_class;
extern const struct dev_class virtio_net_class;
extern const struct dev_class virtio_rng_class;
extern const struct dev_class virtio_vsock_class;
extern const struct dev_class vhost_vsock_class;
extern const struct dev_class virtio_9p_class;

#endif
