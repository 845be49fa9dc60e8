/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest physical address map of the aarch64 machine (docs/aarch64.md). UART, RTC, virtio-mmio,
 * GIC distributor, PCI and RAM lie where kvmtool has them. Devices of different kinds are 64 KiB
 * apart, so that a guest with large pages can map them one by one.
 *
 *	0x0100_0000  16550                   0x3f80_0000  GIC ITS
 *	0x0101_0000  RTC (PL031)             0x3fff_0000  GIC distributor
 *	0x0102_0000  pvpanic                 0x4000_0000  PCI ECAM, one bus
 *	0x0103_0000  GPIO (PL061)            0x5000_0000  PCI window, 768 MiB
 *	0x0300_0000  virtio-mmio             0x8000_0000  RAM: kernel, FDT, initrd
 *	0x3f82_0000  GICv2m frame of confidential machines
 *	0x3f00_0000  GIC redistributors, 128 KiB a vCPU
 */
#ifndef ARCH_AARCH64_LAYOUT_H
#define ARCH_AARCH64_LAYOUT_H

#include "base/bits.h"

#define UART_GPA 0x01000000ULL
#define UART_SIZE 8
#define RTC_GPA 0x01010000ULL
#define RTC_SIZE KIB(4)
#define PVPANIC_GPA 0x01020000ULL
#define PVPANIC_SIZE 1
#define GPIO_GPA 0x01030000ULL
#define GPIO_SIZE KIB(4)
#define VIRTIO_MMIO_GPA 0x03000000ULL
#define VIRTIO_MMIO_STRIDE 0x200
#define VIRTIO_MMIO_MAX 32
#define GICR_GPA 0x3f000000ULL
#define GICR_SIZE KIB(128)		/* of one vCPU; there are at most 64 */
#define ITS_GPA 0x3f800000ULL
#define ITS_SIZE KIB(128)
#define V2M_GPA 0x3f820000ULL
#define V2M_SIZE KIB(4)
#define GICD_GPA 0x3fff0000ULL
#define GICD_SIZE KIB(64)
#define PCI_ECAM_GPA 0x40000000ULL
#define PCI_ECAM_SIZE MIB(1)
#define PCI_MMIO32_GPA 0x50000000ULL
#define PCI_MMIO32_SIZE MIB(768)
#define RAM_GPA 0x80000000ULL		/* to the end: there is no hole */

#define FDT_ALIGN MIB(2)		/* booting.rst, 2: mapped in 2 MiB blocks */
#define FDT_SPACE KIB(64)

/* gsi n is the shared peripheral interrupt n, INTID 32 + n. */
#define SPI_BASE 32
#define NR_GSI 128
#define UART_GSI 0
#define RTC_GSI 1
#define GPIO_GSI 2
#define GPIO_POWER_BUTTON 3		/* line of the PL061: devices/platform/pl061.c */
#define VIRTIO_MMIO_GSI 16		/* and up */

#define V2M_GSI 64			/* and up, to NR_GSI: lines of the GICv2m frame */

/* What KVM_IRQ_LINE calls gsi 0: KVM_ARM_IRQ_TYPE_SPI, number SPI_BASE. */
#define SPI_LINE (1u << 24 | SPI_BASE)

/* Private peripheral interrupts of the architected timer (SBSA 4.4), less 16. */
#define TIMER_PPI_SECURE 13
#define TIMER_PPI_PHYS 14
#define TIMER_PPI_VIRT 11
#define TIMER_PPI_HYP 10
#define PMU_PPI 7			/* SBSA 4.4: the PMU's overflow interrupt, less 16 */

#endif
