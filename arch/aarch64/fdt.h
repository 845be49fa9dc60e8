/* SPDX-License-Identifier: Apache-2.0 */
/* The device tree of the aarch64 machine: a description in, a blob out. No KVM, no VM. */
#ifndef ARCH_AARCH64_FDT_H
#define ARCH_AARCH64_FDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"

struct board;

#define FDT_SEED_SIZE 40	/* 8 bytes place the kernel, 32 feed its generator */

struct fdt_range {
	gpa_t gpa;
	uint64_t size;
};

struct fdt_machine {
	const struct board *board;
	bool pvpanic;			/* of the board's devices, the optional one */
	bool psci_smc;			/* conduit of PSCI: SMC, else HVC */
	bool msi_frame;			/* message interrupts by a GICv2m frame, else by an ITS */
	bool pmu;			/* performance monitors */
	unsigned int nr_virtio_mmio;	/* places for them that are taken */
	unsigned int nr_cpus;
	const uint64_t *mpidr;		/* affinity fields, one for each vCPU */
	unsigned int nr_ram;
	const struct fdt_range *ram;
	const char *cmdline;
	struct fdt_range initrd;	/* size 0: none */
	const uint8_t *seed;		/* FDT_SEED_SIZE random bytes; NULL: none */
};

/* Write the tree to buf; returns its length, 0 when it does not fit into size bytes. */
size_t fdt_build(const struct fdt_machine *m, void *buf, size_t size);

#endif
