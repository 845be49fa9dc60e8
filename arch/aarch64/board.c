/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The aarch64 board: which devices lie where. Power-off and reset are PSCI's, inside KVM. No
 * KVM here: the tests of the device tree on other machines read this table, too.
 */
#include <elf.h>

#include "arch/aarch64/layout.h"
#include "arch/arch.h"
#include "base/cleanup.h"
#include "firmware/image.h"

static const struct board_dev board_devs[] = {
	{ "pci-host", { .space = BUS_MMIO } },
	{ "uart8250", { BUS_MMIO, UART_GPA, UART_SIZE, UART_GSI } },
	{ "pl031", { BUS_MMIO, RTC_GPA, RTC_SIZE, RTC_GSI } },
	{ "pl061", { BUS_MMIO, GPIO_GPA, GPIO_SIZE, GPIO_GSI } },
	{ "gicv2m", { BUS_MMIO, V2M_GPA, V2M_SIZE, V2M_GSI } },
	{ "pvpanic", { BUS_MMIO, PVPANIC_GPA, PVPANIC_SIZE, 0 } },
};

static const struct board board = {
	.nr_devs = ARRAY_SIZE(board_devs),
	.devs = board_devs,
	.pci = {
		.ecam_base = PCI_ECAM_GPA,
		.ecam_size = PCI_ECAM_SIZE,
		.mmio32_base = PCI_MMIO32_GPA,
		.mmio32_size = PCI_MMIO32_SIZE,
	},
	.mmio = { VIRTIO_MMIO_GPA, VIRTIO_MMIO_STRIDE, VIRTIO_MMIO_GSI, 0, VIRTIO_MMIO_MAX },
	.msi_frame = { V2M_GPA + 0x40, SPI_BASE + V2M_GSI, V2M_GSI, NR_GSI - V2M_GSI },
	.nr_gsi = NR_GSI,
	.line_base = SPI_LINE,
	.elf_machine = EM_AARCH64,
	.unpack = image_unpack,
	.ram_base = RAM_GPA,
	.ram_hole = UINT64_MAX,
	.ram_hole_end = UINT64_MAX,
};

const struct board *arch_board(void)
{
	return &board;
}
