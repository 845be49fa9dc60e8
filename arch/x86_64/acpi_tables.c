/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSDP, XSDT, FADT, MADT, MCFG and DSDT of the machine (ACPI 6.4, chapter 5). Freestanding:
 * no libc, no allocation. FADT is the full-hardware model with a PM1 block and no timer, so
 * that every kernel finds a fixed power button and reboots through the reset register.
 */
#include "arch/x86_64/acpi_tables.h"

#include "arch/x86_64/aml.h"

#define RSDP_SIZE 36

/* 5.2.9, table 5.9: fixed feature flags */
#define FADT_WBINVD (1u << 0)
#define FADT_PROC_C1 (1u << 2)
#define FADT_SLP_BUTTON (1u << 5)	/* there is no fixed sleep button */
#define FADT_FIX_RTC (1u << 6)
#define FADT_RESET_REG_SUP (1u << 10)
/* 5.2.9.3: boot architecture flags */
#define FADT_NO_VGA (1u << 2)
#define FADT_NO_CMOS_RTC (1u << 5)

static void dsdt_pci(struct aml *a, const struct acpi_machine *m)
{
	size_t dev = aml_device(a, "PCI0");
	struct aml_crs crs;

	aml_name_eisaid(a, "_HID", "PNP0A08");
	aml_name_eisaid(a, "_CID", "PNP0A03");
	aml_name_int(a, "_UID", 0);
	aml_name_int(a, "_SEG", 0);
	aml_name_int(a, "_BBN", 0);
	aml_crs(a, &crs);
	aml_crs_word(a, AML_RES_BUS, 0, 0, (uint16_t)((m->ecam_size >> 20) - 1));
	aml_crs_io(a, 0xcf8, 8);
	aml_crs_word(a, AML_RES_IO, 3, 0, 0x0cf7);
	aml_crs_word(a, AML_RES_IO, 3, 0x0d00, 0xffff);
	aml_crs_dword_memory(a, m->mmio32_base, m->mmio32_size);
	if (m->mmio64_size)
		aml_crs_qword_memory(a, m->mmio64_base, m->mmio64_size);
	aml_crs_end(a, &crs);
	aml_end(a, dev);

	/* Linux uses ECAM only where a motherboard device claims it (PCI firmware 3.2, 4.1.2). */
	dev = aml_device(a, "MBRD");
	aml_name_eisaid(a, "_HID", "PNP0C02");
	aml_crs(a, &crs);
	aml_crs_memory32(a, m->ecam_base, m->ecam_size);
	aml_crs_end(a, &crs);
	aml_end(a, dev);
}

static void dsdt_legacy(struct aml *a, const struct acpi_machine *m)
{
	struct aml_crs crs;
	size_t dev;

	if (m->uart_port) {
		dev = aml_device(a, "COM1");
		aml_name_eisaid(a, "_HID", "PNP0501");
		aml_name_int(a, "_UID", 0);
		aml_crs(a, &crs);
		aml_crs_io(a, m->uart_port, 8);
		aml_crs_irq(a, m->uart_gsi);
		aml_crs_end(a, &crs);
		aml_end(a, dev);
	}
	if (m->pvpanic_port) {
		dev = aml_device(a, "PEVT");
		aml_name_string(a, "_HID", "QEMU0001"); /* the name that Linux's driver knows */
		aml_name_int(a, "_STA", 0xf);
		aml_crs(a, &crs);
		aml_crs_io(a, m->pvpanic_port, 1);
		aml_crs_end(a, &crs);
		aml_end(a, dev);
	}
}

/* The HID that Linux's virtio-mmio driver knows. */
static void dsdt_virtio(struct aml *a, const struct acpi_machine *m)
{
	for (uint32_t i = 0; i < m->virtio_count; i++) {
		const char name[5] = { 'V', 'R', '0', (char)('0' + i), 0 };
		size_t dev = aml_device(a, name);
		struct aml_crs crs;

		aml_name_string(a, "_HID", "LNRO0005");
		aml_name_int(a, "_UID", i);
		aml_name_int(a, "_CCA", 1);
		aml_crs(a, &crs);
		aml_crs_memory32(a, m->virtio_base + i * m->virtio_stride, 0x200);
		aml_crs_gsi(a, m->virtio_gsi + i);
		aml_crs_end(a, &crs);
		aml_end(a, dev);
	}
}

static uint64_t dsdt(struct aml *a, const struct acpi_machine *m)
{
	static const uint8_t s5[] = { ACPI_S5_SLP_TYP, 0, 0, 0 };
	size_t start = aml_table(a, "DSDT", 2), sb;

	aml_name_package(a, "_S5_", s5, sizeof(s5));
	sb = aml_scope(a, "_SB_");
	dsdt_pci(a, m);
	dsdt_legacy(a, m);
	dsdt_virtio(a, m);
	aml_end(a, sb);
	aml_table_end(a, start);
	return m->gpa + start;
}

/* 5.2.3.2: generic address of len bytes in I/O space; port 0: an absent register. */
static void gas_io(struct aml *a, uint16_t port, uint8_t len)
{
	aml_u8(a, port ? 1 : 0);
	aml_u8(a, port ? (uint8_t)(8 * len) : 0);
	aml_u8(a, 0);
	aml_u8(a, port ? len : 0);
	aml_u64(a, port);
}

/* 5.2.9, table 5.33, in its order. */
static uint64_t fadt(struct aml *a, const struct acpi_machine *m, uint64_t dsdt_gpa)
{
	size_t start = aml_table(a, "FACP", 6);

	aml_u32(a, 0);			/* FACS */
	aml_u32(a, (uint32_t)dsdt_gpa);
	aml_u8(a, 0);
	aml_u8(a, 0);			/* profile: unspecified */
	aml_u16(a, m->sci_gsi);
	aml_u32(a, 0);			/* no SMI port: always in ACPI mode */
	aml_u32(a, 0);			/* enable, disable, S4BIOS, P-state */
	aml_u32(a, m->pm_port);		/* PM1a event */
	aml_u32(a, 0);
	aml_u32(a, m->pm_port + 4u);	/* PM1a control */
	aml_zeros(a, 5 * 4);		/* PM1b control, PM2, timer, GPE0, GPE1 */
	aml_u8(a, 4);			/* PM1 event length */
	aml_u8(a, 2);			/* PM1 control length */
	aml_zeros(a, 6);		/* PM2, timer, GPE0, GPE1 lengths, GPE1 base, CST */
	aml_u16(a, 0xffff);		/* no C2 */
	aml_u16(a, 0xffff);		/* no C3 */
	aml_zeros(a, 4 + 2 + 3);	/* flush size and stride, duty, day, month, century */
	aml_u16(a, FADT_NO_VGA | FADT_NO_CMOS_RTC);
	aml_u8(a, 0);
	aml_u32(a, FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON | FADT_FIX_RTC |
		FADT_RESET_REG_SUP);
	gas_io(a, (uint16_t)(m->pm_port + 8), 1);
	aml_u8(a, ACPI_RESET_VALUE);
	aml_u16(a, 0);
	aml_u8(a, 4);			/* minor version: 6.4 */
	aml_u64(a, 0);			/* X_FACS */
	aml_u64(a, dsdt_gpa);
	gas_io(a, m->pm_port, 4);
	gas_io(a, 0, 0);
	gas_io(a, (uint16_t)(m->pm_port + 4), 2);
	for (unsigned int i = 0; i < 7; i++)
		gas_io(a, 0, 0);	/* PM1b, PM2, timer, GPE0, GPE1, sleep control, status */
	aml_u64(a, 0);			/* hypervisor vendor */
	aml_table_end(a, start);
	return m->gpa + start;
}

/* 5.2.12 */
static uint64_t madt(struct aml *a, const struct acpi_machine *m)
{
	size_t start = aml_table(a, "APIC", 5);

	aml_u32(a, m->lapic_base);
	aml_u32(a, 1);			/* 8259s are there */
	for (uint32_t i = 0; i < m->cpus; i++) {
		aml_u8(a, 0);		/* local APIC */
		aml_u8(a, 8);
		aml_u8(a, (uint8_t)i);
		aml_u8(a, (uint8_t)i);
		aml_u32(a, 1);		/* enabled */
	}
	aml_u8(a, 1);			/* IOAPIC */
	aml_u8(a, 12);
	aml_u8(a, 0);
	aml_u8(a, 0);
	aml_u32(a, m->ioapic_base);
	aml_u32(a, 0);
	aml_u8(a, 2);			/* source override: the SCI is level, high */
	aml_u8(a, 10);
	aml_u8(a, 0);
	aml_u8(a, (uint8_t)m->sci_gsi);
	aml_u32(a, m->sci_gsi);
	aml_u16(a, 0x0d);
	aml_u8(a, 4);			/* NMI on LINT1 of all */
	aml_u8(a, 6);
	aml_u8(a, 0xff);
	aml_u16(a, 0);
	aml_u8(a, 1);
	aml_table_end(a, start);
	return m->gpa + start;
}

/* PCI firmware 3.2, 4.1.2 */
static uint64_t mcfg(struct aml *a, const struct acpi_machine *m)
{
	size_t start = aml_table(a, "MCFG", 1);

	aml_u64(a, 0);
	aml_u64(a, m->ecam_base);
	aml_u16(a, 0);
	aml_u8(a, 0);
	aml_u8(a, (uint8_t)((m->ecam_size >> 20) - 1));
	aml_u32(a, 0);
	aml_table_end(a, start);
	return m->gpa + start;
}

/* 5.2.5.3 */
static void rsdp(struct aml *a, uint64_t xsdt_gpa)
{
	struct aml r = { a->buf, RSDP_SIZE, 0, false };

	aml_bytes(&r, "RSD PTR ", 8);
	aml_u8(&r, 0);
	aml_bytes(&r, "TVM   ", 6);
	aml_u8(&r, 2);
	aml_u32(&r, 0);
	aml_u32(&r, RSDP_SIZE);
	aml_u64(&r, xsdt_gpa);
	aml_u32(&r, 0);
	aml_checksum(&r, 0, 20, 8);
	aml_checksum(&r, 0, RSDP_SIZE, 32);
}

static bool in_range(const struct acpi_machine *m)
{
	return m->cpus && m->cpus <= ACPI_MAX_CPUS && m->gpa % 16 == 0 &&
		m->gpa < 0xffff0000u && m->ecam_size >= 1u << 20 &&
		m->ecam_size <= 256u << 20 && m->mmio32_size && m->sci_gsi < 24 &&
		m->uart_gsi < 16 && m->virtio_count <= ACPI_MAX_VIRTIO;
}

size_t acpi_tables_build(const struct acpi_machine *m, uint8_t *buf, size_t len)
{
	struct aml a = { buf, len, 0, false };
	uint64_t tables[3], dsdt_gpa;
	size_t start;

	if (!in_range(m))
		return 0;
	aml_zeros(&a, 48); /* the RSDP's place */
	dsdt_gpa = dsdt(&a, m);
	tables[0] = fadt(&a, m, dsdt_gpa);
	tables[1] = madt(&a, m);
	tables[2] = mcfg(&a, m);
	start = aml_table(&a, "XSDT", 1);
	for (unsigned int i = 0; i < 3; i++)
		aml_u64(&a, tables[i]);
	aml_table_end(&a, start);
	if (a.full)
		return 0;
	rsdp(&a, m->gpa + start);
	return a.at;
}
