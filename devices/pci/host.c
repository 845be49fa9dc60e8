/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host bridge: ECAM and the 0xcf8/0xcfc mechanism in front of the functions' configuration
 * space, and the two windows in which BARs are decoded.
 *
 * The windows are bus regions from the start, since the bus is frozen before vCPUs run. Which
 * BAR is where inside them is the table maps[], rebuilt for one function whenever its command
 * register or a BAR changes. A guest may put a BAR anywhere; outside of both windows it is
 * simply not decoded, and where BARs overlap the one decoded first answers.
 */
#include "devices/pci/pci.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/le.h"
#include "base/log.h"
#include "base/trace.h"
#include "vmm/bus.h"
#include "vmm/device.h"

/* 3.2.2.3.2 */
#define PORT_ADDRESS 0xcf8
#define PORT_DATA 0xcfc
#define ADDRESS_ENABLE BIT(31)

/* The reset control register of PC chipsets lies inside the address port; byte access only. */
#define PORT_RESET_OFF 1
#define RESET_CPU 0x04

struct window {
	struct pci_bus *bus;
	uint64_t base, size;
};

struct pci_map {
	uint64_t base, size;
	struct pci_fn *fn;
	unsigned int bar;
};

struct pci_bus {
	pthread_mutex_t lock;		/* all below but what never changes */
	struct dev_env env;		/* never changes */
	struct window win32, win64;	/* never change */
	struct pci_fn *fns[PCI_SLOTS];	/* change with no vCPU running */
	uint32_t address;		/* port 0xcf8 */
	unsigned int nr_maps;
	struct pci_map maps[PCI_SLOTS * PCI_BARS];
	struct pci_fn bridge;
};

/* ---- Configuration space ------------------------------------------------------------- */

static bool in_window(const struct pci_fn *fn, unsigned int off, unsigned int size)
{
	return fn->window_off && range_within(off, size, fn->window_off, 4);
}

/* devfn: slot << 3 | function; off is below 4096. */
static uint32_t config_read(struct pci_bus *bus, unsigned int devfn, unsigned int off,
	unsigned int size)
{
	struct pci_fn *fn = devfn & 7 ? NULL : bus->fns[devfn >> 3 & 31];
	uint32_t val;

	if (!fn)
		return (uint32_t)ones(size); /* 6.1: no function, no answer */
	if (in_window(fn, off, size))
		return fn->ops->window_read(fn, off, size);
	pthread_mutex_lock(&bus->lock);
	val = pci_config_read(fn, off, size);
	pthread_mutex_unlock(&bus->lock);
	return val;
}

/* The control register of the AF capability is a byte that always reads 0. */
static bool asks_for_reset(const struct pci_fn *fn, unsigned int off, unsigned int size,
	uint32_t val)
{
	return fn->flr_off && (off & 3) + size <= 4 && range_within(fn->flr_off, 1, off, size) &&
		(val >> (8 * (fn->flr_off - off)) & 1);
}

static void config_write(struct pci_bus *bus, unsigned int devfn, unsigned int off,
	unsigned int size, uint32_t val)
{
	struct pci_fn *fn = devfn & 7 ? NULL : bus->fns[devfn >> 3 & 31];

	if (!fn)
		return;
	TRACE(bus->env.log, "pci", "%s: config write %03x.%u = %x", fn->name, off, size, val);
	if (in_window(fn, off, size)) {
		fn->ops->window_write(fn, off, size, val);
		return;
	}
	pthread_mutex_lock(&bus->lock);
	pci_config_write(fn, off, size, val);
	pthread_mutex_unlock(&bus->lock);
	if (asks_for_reset(fn, off, size, val))
		fn->ops->reset(fn);
}

uint32_t pci_fn_peek(struct pci_fn *fn, unsigned int off, unsigned int size)
{
	uint32_t val;

	pthread_mutex_lock(&fn->bus->lock);
	val = pci_config_read(fn, off, size);
	pthread_mutex_unlock(&fn->bus->lock);
	return val;
}

/* ECAM: bus << 20 | slot << 15 | function << 12 | register; there is only bus 0. */
static uint64_t ecam_read(void *dev, uint64_t off, unsigned int size)
{
	if (off >> 20 || size > 4)
		return ones(size);
	return config_read(dev, (unsigned int)(off >> 12), off & 0xfff, size);
}

static void ecam_write(void *dev, uint64_t off, unsigned int size, uint64_t val)
{
	if (!(off >> 20) && size <= 4)
		config_write(dev, (unsigned int)(off >> 12), off & 0xfff, size, (uint32_t)val);
}

static const struct io_ops ecam_ops = { ecam_read, ecam_write };

/* Only whole dwords are the address register (3.2.2.3.2). */
static uint64_t address_read(void *dev, uint64_t off, unsigned int size)
{
	struct pci_bus *bus = dev;
	uint32_t val;

	if (size != 4)
		return ones(size);
	pthread_mutex_lock(&bus->lock);
	val = bus->address;
	pthread_mutex_unlock(&bus->lock);
	return val;
}

static void address_write(void *dev, uint64_t off, unsigned int size, uint64_t val)
{
	struct pci_bus *bus = dev;

	if (size == 1 && off == PORT_RESET_OFF && (val & RESET_CPU) && bus->env.request)
		bus->env.request(bus->env.request_ctx, DEV_RESET);
	if (size != 4)
		return;
	pthread_mutex_lock(&bus->lock);
	bus->address = (uint32_t)val & ~3U;
	pthread_mutex_unlock(&bus->lock);
}

static const struct io_ops address_ops = { address_read, address_write };

/* False when the address register points to nothing on bus 0. */
static bool data_target(struct pci_bus *bus, unsigned int *devfn, unsigned int *reg)
{
	uint32_t address = (uint32_t)address_read(bus, 0, 4);

	*devfn = address >> 8 & 0xff;
	*reg = address & 0xff;
	return (address & ADDRESS_ENABLE) && !(address >> 16 & 0xff);
}

static uint64_t data_read(void *dev, uint64_t off, unsigned int size)
{
	unsigned int devfn, reg;

	if (!data_target(dev, &devfn, &reg))
		return ones(size);
	return config_read(dev, devfn, reg + (unsigned int)off, size);
}

static void data_write(void *dev, uint64_t off, unsigned int size, uint64_t val)
{
	unsigned int devfn, reg;

	if (data_target(dev, &devfn, &reg))
		config_write(dev, devfn, reg + (unsigned int)off, size, (uint32_t)val);
}

static const struct io_ops data_ops = { data_read, data_write };

/* ---- BARs ---------------------------------------------------------------------------- */

static bool fits_window(const struct pci_bus *bus, uint64_t addr, uint64_t size)
{
	return range_within(addr, size, bus->win32.base, bus->win32.size) ||
		range_within(addr, size, bus->win64.base, bus->win64.size);
}

static void unmap(struct pci_bus *bus, const struct pci_fn *fn, unsigned int bar)
{
	for (unsigned int i = 0; i < bus->nr_maps; i++) {
		struct pci_map *m = &bus->maps[i];

		if (m->fn != fn || m->bar != bar)
			continue;
		bus->nr_maps--;
		memmove(m, m + 1, (bus->nr_maps - i) * sizeof(*m));
		return;
	}
}

void pci_bus_decode(struct pci_bus *bus, struct pci_fn *fn)
{
	bool memory = le_load(fn->config + PCI_COMMAND, 2) & PCI_COMMAND_MEMORY;

	for (unsigned int i = 0; i < PCI_BARS; i++) {
		struct pci_bar *bar = &fn->bars[i];
		uint64_t addr;
		bool decoded;

		if (!bar->size)
			continue;
		addr = pci_config_bar(fn, i);
		decoded = memory && fits_window(bus, addr, bar->size);
		if (decoded == bar->decoded && (!decoded || addr == bar->addr))
			continue;
		if (bar->decoded)
			unmap(bus, fn, i);
		bar->decoded = decoded;
		bar->addr = addr;
		if (decoded)
			bus->maps[bus->nr_maps++] = (struct pci_map){ addr, bar->size, fn, i };
		if (fn->ops && fn->ops->bar_moved)
			fn->ops->bar_moved(fn, i, addr, decoded);
	}
}

static bool map_find(struct pci_bus *bus, uint64_t addr, unsigned int size, struct pci_map *out)
{
	bool found = false;

	pthread_mutex_lock(&bus->lock);
	for (unsigned int i = 0; i < bus->nr_maps && !found; i++) {
		if (range_within(addr, size, bus->maps[i].base, bus->maps[i].size)) {
			*out = bus->maps[i];
			found = true;
		}
	}
	pthread_mutex_unlock(&bus->lock);
	return found;
}

/* The function is called without the lock: it may wait for the loop's thread. */
static uint64_t window_read(void *dev, uint64_t off, unsigned int size)
{
	struct window *win = dev;
	uint64_t addr = win->base + off;
	struct pci_map m;

	if (!map_find(win->bus, addr, size, &m))
		return ones(size);
	if (m.fn->msix.nr && m.bar == m.fn->msix.bar)
		return msix_bar_read(&m.fn->msix, addr - m.base, size);
	return m.fn->ops->bar_read(m.fn, m.bar, addr - m.base, size);
}

static void window_write(void *dev, uint64_t off, unsigned int size, uint64_t val)
{
	struct window *win = dev;
	uint64_t addr = win->base + off;
	struct pci_map m;

	if (!map_find(win->bus, addr, size, &m))
		return;
	if (m.fn->msix.nr && m.bar == m.fn->msix.bar)
		msix_bar_write(&m.fn->msix, addr - m.base, size, val);
	else
		m.fn->ops->bar_write(m.fn, m.bar, addr - m.base, size, val);
}

static const struct io_ops window_ops = { window_read, window_write };

/* Lowest free address for a BAR; false when the window is full. */
static bool place_bar(const struct pci_bus *bus, const struct window *win, uint64_t size,
	uint64_t *out)
{
	uint64_t addr = align_up(win->base, size);
	bool moved;

	do {
		moved = false;
		if (!win->size || !range_within(addr, size, win->base, win->size))
			return false;
		for (unsigned int i = 0; i < PCI_SLOTS * PCI_BARS; i++) {
			const struct pci_fn *fn = bus->fns[i / PCI_BARS];
			const struct pci_bar *bar = fn ? &fn->bars[i % PCI_BARS] : NULL;

			if (bar && bar->home && ranges_overlap(addr, size, bar->home, bar->size)) {
				addr = align_up(bar->home + bar->size, size);
				moved = true;
			}
		}
	} while (moved);
	*out = addr;
	return true;
}

/* ---- Functions ----------------------------------------------------------------------- */

int pci_add(struct pci_bus *bus, struct pci_fn *fn, struct tvm_error *err)
{
	unsigned int slot;

	for (slot = 0; slot < PCI_SLOTS && bus->fns[slot]; slot++)
		;
	if (slot == PCI_SLOTS)
		return err_set(err, -ENOSPC, "%s: all %d PCI slots are taken", fn->name, PCI_SLOTS);
	/* In its slot already, so that its own BARs are kept apart as well. */
	bus->fns[slot] = fn;
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		struct pci_bar *bar = &fn->bars[i];
		bool wide = bar->flags & PCI_BASE_ADDRESS_MEM_TYPE_64;

		if (!bar->size)
			continue;
		if (!place_bar(bus, wide ? &bus->win64 : &bus->win32, bar->size, &bar->home)) {
			bus->fns[slot] = NULL;
			return err_set(err, -ENOSPC, "%s: no room for %llu bytes of PCI memory",
				fn->name, (unsigned long long)bar->size);
		}
		pci_config_set_bar(fn, i, bar->home);
	}
	fn->bus = bus;
	fn->slot = slot;
	fn->msix.log = bus->env.log;
	fn->msix.irq = bus->env.irq;
	fn->msix.devid = slot << 3;
	memcpy(fn->home, fn->config, sizeof(fn->home));
	return 0;
}

void pci_fn_reset(struct pci_fn *fn)
{
	pthread_mutex_lock(&fn->bus->lock);
	memcpy(fn->config, fn->home, sizeof(fn->config));
	pci_bus_decode(fn->bus, fn);
	pthread_mutex_unlock(&fn->bus->lock);
	msix_reset(&fn->msix);
}

void pci_del(struct pci_fn *fn)
{
	if (fn->bus) {
		pci_fn_reset(fn); /* nothing is decoded afterwards */
		fn->bus->fns[fn->slot] = NULL;
		fn->bus = NULL;
	}
	msix_fini(&fn->msix);
}

struct pci_fn *pci_bus_fn(const struct pci_bus *bus, unsigned int slot)
{
	return slot < PCI_SLOTS ? bus->fns[slot] : NULL;
}

void pci_bus_reset(struct pci_bus *bus)
{
	bus->address = 0;
	for (unsigned int slot = 0; slot < PCI_SLOTS; slot++)
		if (bus->fns[slot])
			pci_fn_reset(bus->fns[slot]);
}

/* ---- The bus ------------------------------------------------------------------------- */

static int add_window(struct window *win, struct pci_bus *bus, uint64_t base, uint64_t size,
	const char *name, struct tvm_error *err)
{
	*win = (struct window){ bus, base, size };
	if (!size)
		return 0;
	return bus_add(bus->env.bus, BUS_MMIO, base, size, &window_ops, win, name, err);
}

static int add_config(struct pci_bus *bus, const struct pci_bus_opts *opts,
	struct tvm_error *err)
{
	int r;

	if (opts->ecam_size) {
		r = bus_add(bus->env.bus, BUS_MMIO, opts->ecam_base, opts->ecam_size, &ecam_ops,
			bus, "pci-ecam", err);
		if (r < 0)
			return r;
	}
	if (!opts->ports)
		return 0;
	r = bus_add(bus->env.bus, BUS_PIO, PORT_ADDRESS, 4, &address_ops, bus, "pci-address",
		err);
	if (r < 0)
		return r;
	return bus_add(bus->env.bus, BUS_PIO, PORT_DATA, 4, &data_ops, bus, "pci-data", err);
}

int pci_bus_create(const struct dev_env *env, const struct pci_bus_opts *opts,
	struct pci_bus **out, struct tvm_error *err)
{
	/* "Red Hat, Inc. QEMU PCIe Host bridge": an id that drivers know to leave alone. */
	static const struct pci_ids ids = {
		.vendor = 0x1b36,
		.device = 0x0008,
		.class_code = 0x060000,
	};
	struct pci_bus *bus = calloc(1, sizeof(*bus));
	int r;

	if (!bus)
		return err_set(err, -ENOMEM, "pci: out of memory");
	pthread_mutex_init(&bus->lock, NULL);
	bus->env = *env;
	pci_fn_init(&bus->bridge, NULL, "pci-host", &ids);
	/* Nothing to decode and nothing to master. */
	memset(bus->bridge.wmask, 0, sizeof(bus->bridge.wmask));
	r = pci_add(bus, &bus->bridge, err);
	if (r < 0)
		goto fail;
	r = add_window(&bus->win32, bus, opts->mmio32_base, opts->mmio32_size, "pci-mmio32", err);
	if (r < 0)
		goto fail;
	r = add_window(&bus->win64, bus, opts->mmio64_base, opts->mmio64_size, "pci-mmio64", err);
	if (r < 0)
		goto fail;
	r = add_config(bus, opts, err);
	if (r < 0)
		goto fail;
	*out = bus;
	return 0;

fail:
	pci_bus_destroy(bus);
	return r;
}

void pci_bus_destroy(struct pci_bus *bus)
{
	if (!bus)
		return;
	pci_del(&bus->bridge);
	pthread_mutex_destroy(&bus->lock);
	free(bus);
}
