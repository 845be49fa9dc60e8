/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PCI bus of one host bridge and 31 slots of single-function devices: configuration space
 * by ECAM and (x86) ports 0xcf8/0xcfc, memory BARs in two fixed windows, MSI-X. No INTx, no
 * I/O BARs, no bridges. Clauses are those of the PCI Local Bus Specification 3.0.
 *
 * Threads: pci_bus_create/destroy/reset and pci_add/del run with no vCPU running. Registers
 * are reached from any vCPU thread. bus->lock guards every function's configuration space and
 * the table of decoded BARs; it is held during bar_moved() and never during bar_read(),
 * bar_write(), window_read() and window_write(). Lock order: bus, then msix, then irq.
 */
#ifndef DEVICES_PCI_PCI_H
#define DEVICES_PCI_PCI_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "vmm/devopts.h"

struct dev_env;
struct irq;
struct log;
struct pci_bus;
struct pci_fn;
struct tvm_error;

#define PCI_SLOTS 32
#define PCI_CONFIG_SIZE 256
#define PCI_BARS 6

/* 6.1, 6.2: registers of the type 0 header */
#define PCI_VENDOR_ID 0x00
#define PCI_DEVICE_ID 0x02
#define PCI_COMMAND 0x04
#define PCI_COMMAND_MEMORY 0x0002
#define PCI_COMMAND_MASTER 0x0004
#define PCI_COMMAND_INTX_DISABLE 0x0400
#define PCI_STATUS 0x06
#define PCI_STATUS_CAP_LIST 0x0010
#define PCI_REVISION_ID 0x08
#define PCI_CLASS_PROG 0x09
#define PCI_CACHE_LINE_SIZE 0x0c
#define PCI_HEADER_TYPE 0x0e
#define PCI_BASE_ADDRESS_0 0x10
#define PCI_BASE_ADDRESS_MEM_TYPE_64 0x04
#define PCI_BASE_ADDRESS_MEM_PREFETCH 0x08
#define PCI_SUBSYSTEM_VENDOR_ID 0x2c
#define PCI_SUBSYSTEM_ID 0x2e
#define PCI_CAPABILITY_LIST 0x34
#define PCI_INTERRUPT_LINE 0x3c
#define PCI_CAP_ID_VNDR 0x09
#define PCI_CAP_ID_MSIX 0x11
#define PCI_CAP_ID_AF 0x13

/* Adds its regions to env->bus. env is copied; what it points to outlives the bus. */
int pci_bus_create(const struct dev_env *env, const struct pci_bus_opts *opts,
	struct pci_bus **out, struct tvm_error *err);
void pci_bus_destroy(struct pci_bus *bus); /* NULL is fine; every function is gone before */

/* Machine reset: all functions' configuration, BARs and MSI-X as after pci_add(). */
void pci_bus_reset(struct pci_bus *bus);

/* The function in a slot, NULL when empty: for descriptions and tests. */
struct pci_fn *pci_bus_fn(const struct pci_bus *bus, unsigned int slot);

/* ---- Functions ----------------------------------------------------------------------- */

struct pci_fn_ops {
	/* Access of 1, 2, 4 or 8 bytes that ends inside the BAR; vCPU threads, no lock held. */
	uint64_t (*bar_read)(struct pci_fn *fn, unsigned int bar, uint64_t off,
		unsigned int size);
	void (*bar_write)(struct pci_fn *fn, unsigned int bar, uint64_t off, unsigned int size,
		uint64_t val);
	/*
	 * The BAR is decoded at addr now, or not at all. Called with the bus locked, on a vCPU
	 * thread or during reset: no loop_call(), no pci_ functions. NULL: not interested.
	 */
	void (*bar_moved)(struct pci_fn *fn, unsigned int bar, uint64_t addr, bool decoded);
	/* Accesses inside [window_off, window_off + 4) of configuration space; no lock held. */
	uint32_t (*window_read)(struct pci_fn *fn, unsigned int off, unsigned int size);
	void (*window_write)(struct pci_fn *fn, unsigned int off, unsigned int size,
		uint32_t val);
	/*
	 * Function level reset, with pci_fn_flr(): all that the guest can have set is as at
	 * first when it returns. vCPU thread, no lock held. Ends with pci_fn_reset().
	 */
	void (*reset)(struct pci_fn *fn);
};

struct pci_bar {
	uint64_t size;		/* power of two >= 16; 0: absent, or upper half of a 64-bit one */
	uint64_t home;		/* address that pci_add() gave it */
	uint64_t addr;		/* valid while decoded */
	uint32_t flags;		/* PCI_BASE_ADDRESS_MEM_* */
	bool decoded;
};

struct msix_vector;

/*
 * An eventfd that somebody outside of this process signals for a vector. While the vector can
 * take interrupts it goes to the hypervisor directly.
 */
struct msix_source {
	int fd;				/* borrowed; -1: none */
	unsigned int vector;		/* may be none that exists */
	bool bound;			/* the hypervisor has it */
	unsigned int gsi;		/* while bound */
};

/* MSI-X state of one function; zeroed: no capability. */
struct msix {
	pthread_mutex_t lock;
	struct log *log;		/* borrowed */
	const struct irq *irq;		/* borrowed */
	uint32_t devid;			/* requester id: bus 0, slot, function 0 */
	unsigned int nr;
	unsigned int cap;		/* offset of the capability */
	unsigned int bar;
	bool masked;			/* whole function */
	_Atomic bool enabled;
	struct msix_vector *vectors;	/* owned; nr of them */
	struct msix_source *sources;	/* borrowed from the function; may be NULL */
	unsigned int nr_sources;
};

/*
 * Embedded in its device's structure. Set up in this order: pci_fn_init(), pci_fn_bar(),
 * pci_fn_cap(), pci_fn_msix(), pci_add().
 */
struct pci_fn {
	const struct pci_fn_ops *ops;
	const char *name;		/* borrowed, for log lines */
	struct pci_bus *bus;		/* while added */
	unsigned int slot;
	unsigned int caps_end;		/* first free byte of configuration space */
	unsigned int last_cap;
	unsigned int window_off;	/* 0: no window */
	unsigned int flr_off;		/* register that starts a reset of the function; 0: none */
	struct pci_bar bars[PCI_BARS];
	struct msix msix;
	uint8_t config[PCI_CONFIG_SIZE];
	uint8_t wmask[PCI_CONFIG_SIZE];	/* bits the guest may write */
	uint8_t home[PCI_CONFIG_SIZE];	/* contents after pci_add() and after a reset */
};

struct pci_ids {
	uint16_t vendor, device, subsys_vendor, subsys;
	uint32_t class_code;		/* 24 bits: class, subclass, interface */
	uint8_t revision;
};

void pci_fn_init(struct pci_fn *fn, const struct pci_fn_ops *ops, const char *name,
	const struct pci_ids *ids);

/* flags: PCI_BASE_ADDRESS_MEM_*; a 64-bit BAR takes two and lies in the 64-bit window. */
void pci_fn_bar(struct pci_fn *fn, unsigned int bar, uint64_t size, uint32_t flags);

/* Append a capability of len bytes (with its two header bytes, filled in here) from body. */
unsigned int pci_fn_cap(struct pci_fn *fn, uint8_t id, const void *body, size_t len);

/*
 * The Advanced Features capability, by which the guest resets the function alone (PCI ECN
 * "Advanced Capabilities for Conventional PCI"). fn->ops->reset does it.
 */
void pci_fn_flr(struct pci_fn *fn);

/* Let the guest write len bytes at off. */
void pci_fn_writable(struct pci_fn *fn, unsigned int off, size_t len);

/* nr vectors (1 to 2048); table and pending bits fill BAR bar, which is added here. */
int pci_fn_msix(struct pci_fn *fn, unsigned int bar, unsigned int nr, struct tvm_error *err);

/* Put fn into the next free slot and its BARs into free addresses, as firmware would. */
int pci_add(struct pci_bus *bus, struct pci_fn *fn, struct tvm_error *err);

/* Undo pci_fn_init() to pci_add(), or part of it; fine on a zeroed structure. */
void pci_del(struct pci_fn *fn);

/* One function's share of pci_bus_reset(): configuration space and MSI-X as at first. */
void pci_fn_reset(struct pci_fn *fn);

/* size bytes of configuration space, under the bus's lock. No side effects. */
uint32_t pci_fn_peek(struct pci_fn *fn, unsigned int off, unsigned int size);

/* ---- MSI-X for the function ---------------------------------------------------------- */

/* Interrupt through a vector, any thread. Dropped while MSI-X is off, kept while masked. */
void msix_raise(struct msix *m, unsigned int vector);

/*
 * Set a source's vector (past the last one: none) or descriptor; any thread.
 * What fd counts while it cannot be delivered is for the function to read: msix_raise().
 */
void msix_source_vector(struct msix *m, struct msix_source *s, unsigned int vector);
void msix_source_fd(struct msix *m, struct msix_source *s, int fd);

static inline bool msix_enabled(const struct msix *m)
{
	return atomic_load_explicit(&m->enabled, memory_order_relaxed);
}

/* ---- Between the files of this folder ------------------------------------------------ */

/* config.c; bus locked. Offsets below 4096, size 1, 2 or 4, within one dword. */
uint32_t pci_config_read(const struct pci_fn *fn, unsigned int off, unsigned int size);
void pci_config_write(struct pci_fn *fn, unsigned int off, unsigned int size, uint32_t val);
/* The address that a BAR holds now, and setting it without side effects. */
uint64_t pci_config_bar(const struct pci_fn *fn, unsigned int bar);
void pci_config_set_bar(struct pci_fn *fn, unsigned int bar, uint64_t addr);

/* host.c; bus locked: command register or a BAR changed. */
void pci_bus_decode(struct pci_bus *bus, struct pci_fn *fn);

/* msix.c */
void msix_control(struct msix *m, uint16_t control); /* Message Control was written */
uint64_t msix_bar_read(struct msix *m, uint64_t off, unsigned int size);
void msix_bar_write(struct msix *m, uint64_t off, unsigned int size, uint64_t val);
void msix_reset(struct msix *m);
void msix_fini(struct msix *m);

#endif
