/* SPDX-License-Identifier: Apache-2.0 */
/* The VMM's side of the ACPI tables: numbers from the layout, bytes into guest memory. */
#include <errno.h>

#include "arch/x86_64/acpi_tables.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/x86.h"
#include "base/err.h"
#include "vmm/gmem.h"
#include "vmm/vm.h"

int x86_acpi_load(struct vm *vm, gpa_t *rsdp_out, struct tvm_error *err)
{
	uint8_t tables[8192];
	const struct acpi_machine m = {
		.gpa = ACPI_GPA,
		.cpus = vm->cfg->cpus,
		.ioapic_base = IOAPIC_GPA,
		.lapic_base = LAPIC_GPA,
		.ecam_base = PCI_ECAM_GPA,
		.ecam_size = PCI_ECAM_SIZE,
		.mmio32_base = PCI_MMIO32_GPA,
		.mmio32_size = PCI_MMIO32_SIZE,
		.pm_port = ACPI_PM_PORT,
		.sci_gsi = ACPI_SCI_GSI,
		.uart_port = UART_PORT,
		.uart_gsi = UART_GSI,
		.pvpanic_port = vm->cfg->pvpanic ? PVPANIC_PORT : 0,
		/* Devices exist by now, so the count is exact. */
		.virtio_base = VIRTIO_MMIO_GPA,
		.virtio_stride = VIRTIO_MMIO_STRIDE,
		.virtio_gsi = VIRTIO_MMIO_GSI,
		.virtio_count = vm->machine.mmio.nr,
	};
	size_t len = acpi_tables_build(&m, tables, sizeof(tables));

	if (!len)
		return err_set(err, -E2BIG, "acpi: %u vCPUs do not fit the tables", vm->cfg->cpus);
	*rsdp_out = ACPI_GPA;
	return gmem_populate(vm->gmem, ACPI_GPA, tables, len, err);
}
