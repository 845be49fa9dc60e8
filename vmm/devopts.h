/* SPDX-License-Identifier: Apache-2.0 */
/* Options of devices, as the configuration holds them. Strings are owned by the configuration. */
#ifndef VMM_DEVOPTS_H
#define VMM_DEVOPTS_H

#include <stdbool.h>
#include <stdint.h>

/* Where characters go. */
enum chardev_kind { CHARDEV_NULL, CHARDEV_STDIO, CHARDEV_FILE };

struct chardev_opts {
	enum chardev_kind kind;
	char *path;	/* CHARDEV_FILE: appended to, created 0600 */
};

/* The board's PCI host bridge: where its configuration space and windows lie. */
struct pci_bus_opts {
	uint64_t ecam_base, ecam_size;		/* size 0: no ECAM; 1 MiB a bus */
	uint64_t mmio32_base, mmio32_size;	/* BARs below 4 GiB */
	uint64_t mmio64_base, mmio64_size;	/* size 0: none */
	bool ports;				/* 0xcf8 and 0xcfc (x86) */
};

/* "disk": virtio-blk */
struct disk_opts {
	char *path;
	bool ro;
	bool direct;	/* O_DIRECT */
	char *serial;	/* at most 20 bytes; NULL: derived from nothing, empty */
};

#endif
