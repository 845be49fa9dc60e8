/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-balloon: what the control plane may ask of it. */
#ifndef DEVICES_VIRTIO_BALLOON_H
#define DEVICES_VIRTIO_BALLOON_H

#include <stdint.h>

struct dev;

/*
 * Ask the guest to give back bytes of its memory in all (rounded down to 4 KiB); it decides.
 * Loop's thread, as the next: bytes that the guest says it has given.
 */
void balloon_set_target(struct dev *dev, uint64_t bytes);
uint64_t balloon_actual(struct dev *dev);

#endif
