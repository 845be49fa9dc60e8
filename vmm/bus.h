/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MMIO and PIO regions of one machine. Filled while the machine is built, then frozen:
 * dispatch is a binary search without a lock, from any vCPU thread. Regions serialise
 * themselves (their device's lock).
 */
#ifndef VMM_BUS_H
#define VMM_BUS_H

#include <stdbool.h>
#include <stdint.h>

struct bus;
struct tvm_error;

enum bus_space { BUS_MMIO, BUS_PIO };

/* One region. off is below the region's size; size is 1, 2, 4 or 8 and ends inside it. */
struct io_ops {
	uint64_t (*read)(void *dev, uint64_t off, unsigned int size);
	void (*write)(void *dev, uint64_t off, unsigned int size, uint64_t val);
};

int bus_create(struct bus **out, struct tvm_error *err);
void bus_destroy(struct bus *bus); /* NULL is fine */

/* Add [base, base + size). name is borrowed. -EEXIST on overlap, -EBUSY when frozen. */
int bus_add(struct bus *bus, enum bus_space space, uint64_t base, uint64_t size,
	const struct io_ops *ops, void *dev, const char *name, struct tvm_error *err);
void bus_freeze(struct bus *bus);

/* false when no region takes the access: reads give all ones, writes are dropped. */
bool bus_read(struct bus *bus, enum bus_space space, uint64_t addr, unsigned int size,
	uint64_t *val);
bool bus_write(struct bus *bus, enum bus_space space, uint64_t addr, unsigned int size,
	uint64_t val);

/* Regions in address order, for descriptions and tests: false past the last. */
struct bus_region_info {
	enum bus_space space;
	uint64_t base, size;
	const char *name;
};
bool bus_region(const struct bus *bus, unsigned int index, struct bus_region_info *out);

#endif
