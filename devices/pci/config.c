/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration space of one function: type 0 header, capability list, write masks, BARs
 * (PCI 3.0, 6.1 to 6.7). The space is 256 bytes; the extended part reads as zero, which is an
 * empty list of extended capabilities.
 *
 * A BAR's address bits are simply writable from its size upwards, so that the sizing protocol
 * (write ones, read back; 6.2.5.1) needs no state.
 */
#include "devices/pci/pci.h"

#include <assert.h>
#include <string.h>

#include "base/le.h"

#define CAPS_START 0x40

/* Advanced Features: what there is. Pending transactions read as 0: none outlives a reset. */
#define PCI_AF_TP 0x01
#define PCI_AF_FLR 0x02

void pci_fn_init(struct pci_fn *fn, const struct pci_fn_ops *ops, const char *name,
	const struct pci_ids *ids)
{
	memset(fn, 0, sizeof(*fn));
	fn->ops = ops;
	fn->name = name;
	fn->caps_end = CAPS_START;
	fn->last_cap = PCI_CAPABILITY_LIST - 1; /* its "next" byte is the list's head */
	le_store(fn->config + PCI_VENDOR_ID, 2, ids->vendor);
	le_store(fn->config + PCI_DEVICE_ID, 2, ids->device);
	fn->config[PCI_REVISION_ID] = ids->revision;
	le_store(fn->config + PCI_CLASS_PROG, 2, ids->class_code);
	fn->config[PCI_CLASS_PROG + 2] = (uint8_t)(ids->class_code >> 16);
	le_store(fn->config + PCI_SUBSYSTEM_VENDOR_ID, 2, ids->subsys_vendor);
	le_store(fn->config + PCI_SUBSYSTEM_ID, 2, ids->subsys);
	/* Interrupt Pin stays 0: no INTx (6.2.4). */
	le_store(fn->wmask + PCI_COMMAND, 2,
		PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	pci_fn_writable(fn, PCI_CACHE_LINE_SIZE, 1);
	pci_fn_writable(fn, PCI_INTERRUPT_LINE, 1);
}

void pci_fn_writable(struct pci_fn *fn, unsigned int off, size_t len)
{
	assert(off + len <= PCI_CONFIG_SIZE);
	memset(fn->wmask + off, 0xff, len);
}

void pci_fn_bar(struct pci_fn *fn, unsigned int bar, uint64_t size, uint32_t flags)
{
	bool wide = flags & PCI_BASE_ADDRESS_MEM_TYPE_64;
	unsigned int off = PCI_BASE_ADDRESS_0 + 4 * bar;

	assert(is_pow2(size) && size >= 16 && (wide || size <= BIT(31)));
	assert(bar + wide < PCI_BARS && !fn->bars[bar].size);
	fn->bars[bar].size = size;
	fn->bars[bar].flags = flags;
	le_store(fn->config + off, 4, flags);
	le_store(fn->wmask + off, wide ? 8 : 4, ~(size - 1));
}

unsigned int pci_fn_cap(struct pci_fn *fn, uint8_t id, const void *body, size_t len)
{
	unsigned int off = fn->caps_end;

	/* 6.7: a list of dword aligned structures, each pointing to the next. */
	assert(len > 2 && off + len <= PCI_CONFIG_SIZE);
	memcpy(fn->config + off, body, len);
	fn->config[off] = id;
	fn->config[off + 1] = 0;
	fn->config[fn->last_cap + 1] = (uint8_t)off;
	fn->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	fn->last_cap = off;
	fn->caps_end = (unsigned int)align_up(off + len, 4);
	return off;
}

void pci_fn_flr(struct pci_fn *fn)
{
	/* Header (2), length, capabilities, control, status. */
	const uint8_t af[6] = { [2] = sizeof(af), [3] = PCI_AF_TP | PCI_AF_FLR };

	fn->flr_off = pci_fn_cap(fn, PCI_CAP_ID_AF, af, sizeof(af)) + 4;
}

uint64_t pci_config_bar(const struct pci_fn *fn, unsigned int bar)
{
	bool wide = fn->bars[bar].flags & PCI_BASE_ADDRESS_MEM_TYPE_64;

	return le_load(fn->config + PCI_BASE_ADDRESS_0 + 4 * bar, wide ? 8 : 4) & ~15ULL;
}

void pci_config_set_bar(struct pci_fn *fn, unsigned int bar, uint64_t addr)
{
	bool wide = fn->bars[bar].flags & PCI_BASE_ADDRESS_MEM_TYPE_64;

	le_store(fn->config + PCI_BASE_ADDRESS_0 + 4 * bar, wide ? 8 : 4,
		addr | fn->bars[bar].flags);
}

static bool within_dword(unsigned int off, unsigned int size)
{
	return (size == 1 || size == 2 || size == 4) && (off & 3) + size <= 4;
}

uint32_t pci_config_read(const struct pci_fn *fn, unsigned int off, unsigned int size)
{
	if (!within_dword(off, size))
		return (uint32_t)ones(size);
	if (off >= PCI_CONFIG_SIZE)
		return 0;
	return (uint32_t)le_load(fn->config + off, size);
}

void pci_config_write(struct pci_fn *fn, unsigned int off, unsigned int size, uint32_t val)
{
	if (!within_dword(off, size) || off >= PCI_CONFIG_SIZE)
		return;
	for (unsigned int i = 0; i < size; i++) {
		uint8_t mask = fn->wmask[off + i];
		uint8_t byte = (uint8_t)(val >> (8 * i));

		fn->config[off + i] = (fn->config[off + i] & ~mask) | (byte & mask);
	}
	off &= ~3U;
	if (off == PCI_COMMAND ||
		(off >= PCI_BASE_ADDRESS_0 && off < PCI_BASE_ADDRESS_0 + 4 * PCI_BARS))
		pci_bus_decode(fn->bus, fn);
	else if (fn->msix.nr && off == fn->msix.cap)
		msix_control(&fn->msix, (uint16_t)le_load(fn->config + off + 2, 2));
}
