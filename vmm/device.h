/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device is, and what it is given. A device never sees struct vm: everything it may
 * use is in struct dev_env, so that a unit test can build one.
 *
 * Threads: create, reset and destroy run with no vCPU running, on the loop's thread or with
 * that thread stopped. Register accesses come from vCPU threads.
 */
#ifndef VMM_DEVICE_H
#define VMM_DEVICE_H

#include <stdint.h>

#include "base/bits.h"
#include "vmm/bus.h"

struct dev;
struct gmem;
struct irq;
struct log;
struct loop;
struct pci_bus;
struct tvm_error;
struct chardev_mux;

/* What a guest can ask of the machine through a device; delivered at most once a boot. */
enum dev_request { DEV_POWEROFF, DEV_RESET, DEV_PANIC, DEV_CONSOLE_QUIT };

/* Where the board puts a device that is not found by enumeration. */
struct dev_place {
	enum bus_space space;
	uint64_t base, size;
	unsigned int gsi;
};

/* Places for virtio devices on MMIO, taken one after the other while the machine is built. */
struct mmio_slots {
	uint64_t base, stride;		/* stride: 0x200 at least */
	unsigned int gsi;		/* of the first, others follow: level-triggered, unshared */
	unsigned int nr, max;		/* taken, and how many there are */
};

struct dev_env {
	struct gmem *gmem;
	struct bus *bus;
	const struct irq *irq;
	struct loop *loop;
	struct log *log;
	struct pci_bus *pci;		/* NULL on a machine without PCI */
	struct mmio_slots *mmio;	/* NULL: virtio devices are on PCI */
	bool split_only;		/* virtio devices do not offer packed rings */
	bool access_platform;		/* devices may only reach memory the guest shared */
	struct chardev_mux *mux;	/* who has the stdio terminal */
	const struct dev_place *place;	/* NULL for enumerated devices */
	void (*request)(void *ctx, enum dev_request what); /* any thread; returns at once */
	/* Firmware refuses to boot what it was given; why is a constant text. */
	void (*refused)(void *ctx, const char *why);
	void *request_ctx;
};

struct dev_class {
	const char *name;		/* "virtio-blk" */
	/* opts: the class's structure of vmm/devopts.h, borrowed for the device's life. */
	int (*create)(const struct dev_env *env, const void *opts, struct dev **out,
		struct tvm_error *err);
	void (*reset)(struct dev *dev);		/* as after create; NULL: nothing to do */
	void (*destroy)(struct dev *dev);
	void (*event)(struct dev *dev, const char *what); /* "power-button", "end", ... */
	/* Path of the pseudo-terminal of its n-th console, NULL: it has none; NULL: nor others. */
	const char *(*pty)(const struct dev *dev, unsigned int n);
};

/* First member of every device's structure. */
struct dev {
	const struct dev_class *cls;
};

/* The class "pci-host": the bus behind the bridge, for env->pci of what is created later. */
struct pci_bus *pci_host_bus(struct dev *dev);

/*
 * The class "virtio-balloon": ask the guest to give back bytes of its memory in all (rounded
 * down to 4 KiB); it decides. Loop's thread, as the next: bytes that it says it has given.
 */
void balloon_set_target(struct dev *dev, uint64_t bytes);
uint64_t balloon_actual(struct dev *dev);

/* devices/chardev.c: the terminal of one machine. env->mux is not set yet. */
int chardev_mux_create(const struct dev_env *env, struct chardev_mux **out,
	struct tvm_error *err);
void chardev_mux_destroy(struct chardev_mux *mux); /* NULL is fine */

/* devices/devices.c: every class there is; NULL when the name is unknown. */
const struct dev_class *dev_class_find(const char *name);

#endif
