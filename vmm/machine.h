/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of a machine: the board's, then the configuration's, created in that order. */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include "vmm/device.h"

struct tvm_config;
struct tvm_error;
struct vm;

#define MACHINE_MAX_DEVS 64

struct machine {
	struct dev_env env;
	struct chardev_mux *mux;	/* owned */
	struct mmio_slots mmio;		/* taken by virtio devices, with transport=mmio */
	unsigned int nr_devs;
	struct dev *devs[MACHINE_MAX_DEVS]; /* owned, in order of creation */
};

int machine_create(struct vm *vm, struct tvm_error *err);
/* How many virtio devices it makes of a configuration. */
unsigned int machine_nr_virtio(const struct tvm_config *cfg);
void machine_destroy(struct vm *vm); /* the loop is stopped, vCPUs are gone */

/* Every device as after machine_create(). Not on the loop's thread. */
void machine_reset(struct vm *vm);

/* Tell every device: "power-button". Any thread. */
void machine_event(struct vm *vm, const char *what);

/*
 * Memory that the guest shall give back (NULL: as before), and has given (may be NULL). -ENODEV:
 * there is no balloon. Any thread.
 */
int machine_balloon(struct vm *vm, const uint64_t *target, uint64_t *actual_out);

/* The pseudo-terminal of console 0, 1, ... or (-1) of the serial port; NULL: it has none. */
const char *machine_pty(const struct vm *vm, int console);

#endif
