/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest physical and port address map of the x86_64 machine.
 *
 *	0x0000_0500  GDT                     0xc000_0000  PCI window, 512 MiB
 *	0x0000_6000  PVH start info          0xe000_0000  PCI ECAM, one bus; then virtio-mmio
 *	0x0000_7000  boot_params             0xfec0_0000  IOAPIC
 *	0x0000_9000  page tables (6 pages)   0xfee0_0000  local APICs
 *	0x0002_0000  command line            0xfeff_c000  identity map page and TSS (Intel)
 *	0x000e_0000  ACPI tables             0xffff_0000  (firmware)
 *	0x0010_0000  kernel and up           1_0000_0000  RAM beyond 3 GiB
 */
#ifndef ARCH_X86_64_LAYOUT_H
#define ARCH_X86_64_LAYOUT_H

#include "base/bits.h"

#define RAM_HOLE GIB(3)
#define RAM_HOLE_END GIB(4)

#define GDT_GPA 0x500ULL
#define PVH_INFO_GPA 0x6000ULL
#define BOOT_PARAMS_GPA 0x7000ULL
#define PAGE_TABLES_GPA 0x9000ULL
#define CMDLINE_GPA 0x20000ULL
#define CMDLINE_SPACE 0x10000ULL
#define LOW_RAM_END 0xa0000ULL
#define ACPI_GPA 0xe0000ULL
#define ACPI_SPACE 0x20000ULL
#define HIGH_RAM_GPA 0x100000ULL

#define PCI_MMIO32_GPA 0xc0000000ULL
#define PCI_MMIO32_SIZE MIB(512)
#define PCI_ECAM_GPA 0xe0000000ULL
#define PCI_ECAM_SIZE MIB(1)
/* virtio-mmio devices, on IOAPIC pins 16 to 23 */
#define VIRTIO_MMIO_GPA 0xe0100000ULL
#define VIRTIO_MMIO_STRIDE 0x200
#define VIRTIO_MMIO_GSI 16
#define VIRTIO_MMIO_MAX 8
#define IOAPIC_GPA 0xfec00000ULL
#define LAPIC_GPA 0xfee00000ULL
#define IDENTITY_MAP_GPA 0xfeffc000ULL
#define TSS_GPA 0xfeffd000ULL

#define UART_PORT 0x3f8
#define UART_GSI 4
#define I8042_PORT 0x60
#define PVPANIC_PORT 0x505
#define ACPI_PM_PORT 0x600
#define ACPI_PM_SIZE 16
#define ACPI_SCI_GSI 9

#define NR_GSI 24

#endif
