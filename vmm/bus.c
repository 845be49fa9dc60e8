/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted regions per address space; a frozen bus is only read, so it needs no lock. */
#include "vmm/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/err.h"

#define BUS_MAX_REGIONS 64
#define NR_SPACES 2

struct region {
	uint64_t base, size;
	const struct io_ops *ops;
	void *dev;		/* borrowed */
	const char *name;	/* borrowed */
};

struct space {
	unsigned int nr;
	struct region regions[BUS_MAX_REGIONS];
};

struct bus {
	struct space spaces[NR_SPACES];
	bool frozen;
};

int bus_create(struct bus **out, struct tvm_error *err)
{
	struct bus *bus = calloc(1, sizeof(*bus));

	if (!bus)
		return err_set(err, -ENOMEM, "bus: out of memory");
	*out = bus;
	return 0;
}

void bus_destroy(struct bus *bus)
{
	free(bus);
}

int bus_add(struct bus *bus, enum bus_space space, uint64_t base, uint64_t size,
	const struct io_ops *ops, void *dev, const char *name, struct tvm_error *err)
{
	struct space *sp = &bus->spaces[space];
	uint64_t end;
	unsigned int at;

	if (bus->frozen)
		return err_set(err, -EBUSY, "bus: %s comes after the machine was built", name);
	if (!size || add_overflows(base, size, &end))
		return err_set(err, -EINVAL, "bus: %s has a bad range", name);
	if (sp->nr == BUS_MAX_REGIONS)
		return err_set(err, -ENOSPC, "bus: no room for %s", name);
	for (at = 0; at < sp->nr && sp->regions[at].base < base; at++)
		;
	if ((at && sp->regions[at - 1].base + sp->regions[at - 1].size > base) ||
		(at < sp->nr && end > sp->regions[at].base))
		return err_set(err, -EEXIST, "bus: %s at 0x%llx overlaps", name,
			(unsigned long long)base);
	memmove(&sp->regions[at + 1], &sp->regions[at], (sp->nr - at) * sizeof(struct region));
	sp->regions[at] = (struct region){ base, size, ops, dev, name };
	sp->nr++;
	return 0;
}

void bus_freeze(struct bus *bus)
{
	bus->frozen = true;
}

static const struct region *find(const struct bus *bus, enum bus_space space, uint64_t addr,
	unsigned int size)
{
	const struct space *sp = &bus->spaces[space];
	unsigned int lo = 0, hi = sp->nr;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;
		const struct region *r = &sp->regions[mid];

		if (addr < r->base)
			hi = mid;
		else if (addr - r->base >= r->size)
			lo = mid + 1;
		else
			return range_within(addr, size, r->base, r->size) ? r : NULL;
	}
	return NULL;
}

/* KVM hands over 1, 2, 4 or 8 bytes; anything else is answered as if nothing were there. */
static bool size_ok(unsigned int size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

bool bus_read(struct bus *bus, enum bus_space space, uint64_t addr, unsigned int size,
	uint64_t *val)
{
	const struct region *r = size_ok(size) ? find(bus, space, addr, size) : NULL;

	*val = ones(size);
	if (!r)
		return false;
	*val = r->ops->read(r->dev, addr - r->base, size) & ones(size);
	return true;
}

bool bus_write(struct bus *bus, enum bus_space space, uint64_t addr, unsigned int size,
	uint64_t val)
{
	const struct region *r = size_ok(size) ? find(bus, space, addr, size) : NULL;

	if (!r)
		return false;
	r->ops->write(r->dev, addr - r->base, size, val & ones(size));
	return true;
}

bool bus_region(const struct bus *bus, unsigned int index, struct bus_region_info *out)
{
	for (unsigned int s = 0; s < NR_SPACES; s++) {
		const struct space *sp = &bus->spaces[s];

		if (index < sp->nr) {
			const struct region *r = &sp->regions[index];

			*out = (struct bus_region_info){ (enum bus_space)s, r->base, r->size,
				r->name };
			return true;
		}
		index -= sp->nr;
	}
	return false;
}
