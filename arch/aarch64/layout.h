/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest physical address map of the aarch64 machine. Devices lie 64 KiB apart, so that a
 * guest with large pages can map them one by one.
 *
 *	0x0800_0000  GIC distributor         0x1000_0000  GIC redistributors, 128 KiB a vCPU
 *	0x0808_0000  GIC ITS                 0x3000_0000  PCI ECAM, one bus
 *	0x0900_0000  16550                   0x4000_0000  PCI window, 1 GiB
 *	0x0902_0000  pvpanic                 0x8000_0000  RAM: kernel, FDT, initrd
 */
#ifndef ARCH_AARCH64_LAYOUT_H
#define ARCH_AARCH64_LAYOUT_H

#include "base/bits.h"

#define GICD_GPA 0x08000000ULL
#define GICD_SIZE KIB(64)
#define ITS_GPA 0x08080000ULL
#define ITS_SIZE KIB(128)
#define UART_GPA 0x09000000ULL
#define UART_SIZE 8
#define PVPANIC_GPA 0x09020000ULL
#define PVPANIC_SIZE 1
#define GICR_GPA 0x10000000ULL
#define GICR_SIZE KIB(128)		/* of one vCPU */
#define PCI_ECAM_GPA 0x30000000ULL
#define PCI_ECAM_SIZE MIB(1)
#define PCI_MMIO32_GPA 0x40000000ULL
#define PCI_MMIO32_SIZE GIB(1)
#define RAM_GPA 0x80000000ULL		/* to the end: there is no hole */

#define FDT_ALIGN MIB(2)		/* booting.rst, 2: mapped in 2 MiB blocks */
#define FDT_SPACE KIB(64)

/* gsi n is the shared peripheral interrupt n, INTID 32 + n. */
#define SPI_BASE 32
#define NR_GSI 32
#define UART_GSI 0

/* Private peripheral interrupts of the architected timer (SBSA 4.4), less 16. */
#define TIMER_PPI_SECURE 13
#define TIMER_PPI_PHYS 14
#define TIMER_PPI_VIRT 11
#define TIMER_PPI_HYP 10

#endif
