/* SPDX-License-Identifier: Apache-2.0 */
/* The x86_64 board: which devices lie where. */
#include <elf.h>

#include "arch/arch.h"
#include "arch/x86_64/layout.h"
#include "base/cleanup.h"
#include "firmware/x86_64/fw_abi.h"

static const struct board_dev board_devs[] = {
	{ "pci-host", { .space = BUS_MMIO } },
	{ "uart8250", { BUS_PIO, UART_PORT, 8, UART_GSI } },
	{ "i8042", { BUS_PIO, I8042_PORT, 8, 0 } },
	{ "acpi-pm", { BUS_PIO, ACPI_PM_PORT, ACPI_PM_SIZE, ACPI_SCI_GSI } },
	{ "pvpanic", { BUS_PIO, PVPANIC_PORT, 1, 0 } },
	{ "fw-port", { BUS_PIO, FW_PORT, 4, 0 } },
};

static const struct board board = {
	.nr_devs = ARRAY_SIZE(board_devs),
	.devs = board_devs,
	.pci = {
		.ecam_base = PCI_ECAM_GPA,
		.ecam_size = PCI_ECAM_SIZE,
		.mmio32_base = PCI_MMIO32_GPA,
		.mmio32_size = PCI_MMIO32_SIZE,
		.ports = true,
	},
	.mmio = { VIRTIO_MMIO_GPA, VIRTIO_MMIO_STRIDE, VIRTIO_MMIO_GSI, 0, VIRTIO_MMIO_MAX },
	.nr_gsi = NR_GSI,
	.elf_machine = EM_X86_64,
	.ram_base = 0,
	.ram_hole = RAM_HOLE,
	.ram_hole_end = RAM_HOLE_END,
};

const struct board *arch_board(void)
{
	return &board;
}
