/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-9p: a directory of the host in the guest. What its owner may choose. */
#ifndef DEVICES_VIRTIO_9P_9P_H
#define DEVICES_VIRTIO_9P_9P_H

#include "devices/devices.h"
#include "vmm/devopts.h"

#endif
