/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's accesses to configuration space, windows and MSI-X tables of two functions.
 * Checked: accesses stay inside BARs, decoding follows the registers, and a reset brings back
 * every byte.
 *
 * Input: steps of a selector byte (where, size, direction), two bytes of offset and a value.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "tests/unit/fakes.h"

struct toy {
	struct pci_fn fn;
	bool decoded[PCI_BARS];
	uint64_t addr[PCI_BARS];
};

static struct state {
	struct fake_env f;
	struct toy toys[2];
} *st;

static void must(bool cond)
{
	if (!cond)
		abort();
}

static struct toy *toy_of(struct pci_fn *fn)
{
	return container_of(fn, struct toy, fn);
}

static uint64_t toy_read(struct pci_fn *fn, unsigned int bar, uint64_t off, unsigned int size)
{
	must(toy_of(fn)->decoded[bar] && range_within(off, size, 0, fn->bars[bar].size));
	return off;
}

static void toy_write(struct pci_fn *fn, unsigned int bar, uint64_t off, unsigned int size,
	uint64_t val)
{
	must(toy_of(fn)->decoded[bar] && range_within(off, size, 0, fn->bars[bar].size));
	if (val % 3 == 0)
		msix_raise(&fn->msix, (unsigned int)(val / 3 % 40));
}

static void toy_moved(struct pci_fn *fn, unsigned int bar, uint64_t addr, bool decoded)
{
	must(fn->bars[bar].size && !(addr % fn->bars[bar].size));
	must(!decoded || range_within(addr, fn->bars[bar].size, FAKE_MMIO32, FAKE_MMIO32_SIZE) ||
		range_within(addr, fn->bars[bar].size, FAKE_MMIO64, FAKE_MMIO64_SIZE));
	must(decoded != toy_of(fn)->decoded[bar] || addr != toy_of(fn)->addr[bar]);
	toy_of(fn)->decoded[bar] = decoded;
	toy_of(fn)->addr[bar] = addr;
}

static uint32_t toy_window_read(struct pci_fn *fn, unsigned int off, unsigned int size)
{
	must(range_within(off, size, fn->window_off, 4));
	return pci_fn_peek(fn, fn->window_off - 4, 4);
}

static void toy_window_write(struct pci_fn *fn, unsigned int off, unsigned int size, uint32_t val)
{
	must(range_within(off, size, fn->window_off, 4));
}

static const struct pci_fn_ops toy_ops = {
	.bar_read = toy_read,
	.bar_write = toy_write,
	.bar_moved = toy_moved,
	.window_read = toy_window_read,
	.window_write = toy_window_write,
};

static void set_up(void)
{
	const struct pci_ids ids = { .vendor = 0x1af4, .device = 0x10ff };

	st = calloc(1, sizeof(*st));
	fake_env_init(&st->f, MIB(1));
	st->f.log.sink = NULL;
	for (unsigned int i = 0; i < 2; i++) {
		struct pci_fn *fn = &st->toys[i].fn;
		uint8_t cap[12] = { 0, 0, 12 };

		pci_fn_init(fn, &toy_ops, "toy", &ids);
		pci_fn_bar(fn, 0, 4096, 0);
		pci_fn_bar(fn, 4, MIB(1), PCI_BASE_ADDRESS_MEM_TYPE_64);
		FAKE_MUST(pci_fn_msix(fn, 1, 35, NULL) == 0);
		fn->window_off = pci_fn_cap(fn, PCI_CAP_ID_VNDR, cap, sizeof(cap)) + 8;
		pci_fn_writable(fn, fn->window_off - 4, 4);
		FAKE_MUST(pci_add(st->f.pci, fn, NULL) == 0);
	}
}

static void step(const uint8_t *in)
{
	unsigned int size = 1U << (in[0] >> 3 & 3), off = in[1] | in[2] << 8;
	uint64_t addr, val = le_load(in + 3, 4) | le_load(in + 3, 4) << 29;
	enum bus_space space = BUS_MMIO;

	switch (in[0] & 7) {
	case 0:
		addr = FAKE_ECAM + off % MIB(1);
		break;
	case 1: /* headers and capabilities of the two */
		addr = FAKE_ECAM + 0x8000 + (off & 0x8000) + off % 128;
		break;
	case 2:
		addr = FAKE_MMIO32 + off;
		break;
	case 3: /* where BAR 0 or the MSI-X table of one of them is now */
		addr = st->toys[off >> 15].addr[off >> 14 & 1] + off % 0x1010;
		break;
	case 4:
		addr = FAKE_MMIO64 + ((uint64_t)off << 8);
		break;
	case 5:
		space = BUS_PIO;
		addr = 0xcf8 + off % 8;
		break;
	case 6: /* a BAR, to somewhere likely */
		addr = FAKE_ECAM + 0x8000 + (off & 0x8000) + 0x10 + 4 * (off % 6);
		val = FAKE_MMIO32 + ((uint64_t)in[3] << 12);
		size = 4;
		break;
	default: /* the command register or Message Control */
		addr = FAKE_ECAM + 0x8000 + (off & 0x8000) + (off & 1 ? 4 : 0x42);
		size = 2;
	}
	if (in[0] & 0x20)
		bus_write(st->f.bus, space, addr, size, val);
	else
		bus_read(st->f.bus, space, addr, size, &val);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!st)
		set_up();
	for (; size >= 7; data += 7, size -= 7)
		step(data);
	pci_bus_reset(st->f.pci);
	for (unsigned int i = 0; i < 2; i++) {
		struct pci_fn *fn = &st->toys[i].fn;

		must(!memcmp(fn->config, fn->home, sizeof(fn->config)));
		for (unsigned int b = 0; b < PCI_BARS; b++)
			must(!st->toys[i].decoded[b]);
		must(!msix_enabled(&fn->msix) && msix_bar_read(&fn->msix, 12, 4) == 1);
	}
	for (unsigned int i = 0; i < FAKE_MAX; i++)
		must(!st->f.wires.msis[i].used);
	return 0;
}
