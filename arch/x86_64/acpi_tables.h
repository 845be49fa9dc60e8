/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACPI tables of the machine. acpi_tables.c is freestanding and compiled twice: into the VMM
 * for direct boot and into the firmware of confidential guests, which must not parse tables
 * that the host made. So it takes a few numbers, not structures of the VMM.
 */
#ifndef ARCH_X86_64_ACPI_TABLES_H
#define ARCH_X86_64_ACPI_TABLES_H

#include <stddef.h>
#include <stdint.h>

#define ACPI_MAX_CPUS 255
#define ACPI_MAX_VIRTIO 8

struct acpi_machine {
	uint64_t gpa;			/* where the tables will lie; a multiple of 16 */
	uint32_t cpus;			/* 1 to ACPI_MAX_CPUS; APIC ids count from 0 */
	uint32_t ioapic_base, lapic_base;
	uint32_t ecam_base, ecam_size;	/* 1 MiB a bus */
	uint32_t mmio32_base, mmio32_size;
	uint64_t mmio64_base, mmio64_size; /* size 0: none */
	uint16_t pm_port;		/* PM1 event +0, control +4, reset +8 */
	uint16_t sci_gsi;
	uint16_t uart_port, uart_gsi;	/* port 0: none */
	uint16_t pvpanic_port;		/* 0: none */
	uint32_t virtio_base, virtio_stride, virtio_gsi; /* virtio-mmio devices in a row */
	uint32_t virtio_count;		/* 0: none; at most ACPI_MAX_VIRTIO */
};

#define ACPI_S5_SLP_TYP 5		/* what _S5 tells the guest to write */
#define ACPI_RESET_VALUE 1

/*
 * Build all tables at buf, of len bytes, as they will lie at m->gpa. The RSDP comes first.
 * Returns the bytes used, or 0 when m is out of range or buf is too small.
 */
size_t acpi_tables_build(const struct acpi_machine *m, uint8_t *buf, size_t len);

#endif
