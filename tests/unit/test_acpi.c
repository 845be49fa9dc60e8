/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACPI tables: checksums and pointers here; iasl, where there is one, judges the AML. The
 * kernels of tests/boot/linux.sh are the other judge.
 */
#include "arch/x86_64/acpi_tables.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/le.h"
#include "tests/harness.h"

#define GPA 0xe0000u

static const struct acpi_machine machine = {
	.gpa = GPA, .cpus = 3, .ioapic_base = 0xfec00000, .lapic_base = 0xfee00000,
	.ecam_base = 0xe0000000, .ecam_size = 1 << 20, .mmio32_base = 0xc0000000,
	.mmio32_size = 512 << 20, .mmio64_base = 0x8000000000, .mmio64_size = 1ull << 34,
	.pm_port = 0x600, .sci_gsi = 9, .uart_port = 0x3f8, .uart_gsi = 4, .pvpanic_port = 0x505,
};

static uint8_t buf[16384];

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s = (uint8_t)(s + *p++);
	return s;
}

static const uint8_t *table(uint64_t gpa, const char *sig)
{
	const uint8_t *t = buf + (gpa - GPA);

	CHECK(!memcmp(t, sig, 4));
	CHECK_INT(sum(t, le_load(t + 4, 4)), 0);
	return t;
}

static void test_tables_hang_together(void)
{
	size_t len = acpi_tables_build(&machine, buf, sizeof(buf));
	const uint8_t *xsdt, *fadt, *madt, *mcfg;

	REQUIRE(len);
	CHECK(!memcmp(buf, "RSD PTR ", 8));
	CHECK_INT(sum(buf, 20), 0);
	CHECK_INT(sum(buf, 36), 0);
	xsdt = table(le_load(buf + 24, 8), "XSDT");
	CHECK_INT(le_load(xsdt + 4, 4), 36 + 3 * 8);
	fadt = table(le_load(xsdt + 36, 8), "FACP");
	CHECK_INT(le_load(fadt + 4, 4), 276);
	CHECK_INT(le_load(fadt + 56, 4), 0x600);
	CHECK_INT(le_load(fadt + 64, 4), 0x604);
	CHECK_INT(le_load(fadt + 120, 8), 0x608); /* RESET_REG address */
	CHECK_INT(fadt[128], ACPI_RESET_VALUE);
	table(le_load(fadt + 140, 8), "DSDT");
	madt = table(le_load(xsdt + 44, 8), "APIC");
	CHECK_INT(le_load(madt + 4, 4), 44 + 3 * 8 + 12 + 10 + 6);
	mcfg = table(le_load(xsdt + 52, 8), "MCFG");
	CHECK_INT(le_load(mcfg + 44, 8), 0xe0000000);
	CHECK_INT(mcfg[44 + 11], 0); /* last bus */
}

static void test_refuses(void)
{
	struct acpi_machine m = machine;

	m.cpus = 0;
	CHECK_INT(acpi_tables_build(&m, buf, sizeof(buf)), 0);
	m.cpus = ACPI_MAX_CPUS + 1;
	CHECK_INT(acpi_tables_build(&m, buf, sizeof(buf)), 0);
	m = machine;
	m.gpa = 0xe0001;
	CHECK_INT(acpi_tables_build(&m, buf, sizeof(buf)), 0);
	m = machine;
	m.sci_gsi = 24;
	CHECK_INT(acpi_tables_build(&m, buf, sizeof(buf)), 0);
}

/* Every size of buffer: whole tables or nothing, and not a byte beyond (address sanitizer). */
static void test_small_buffers(void)
{
	size_t need = acpi_tables_build(&machine, buf, sizeof(buf));

	for (size_t len = 0; len <= need; len++) {
		uint8_t *tight = malloc(len ? len : 1);

		REQUIRE(tight);
		CHECK_INT(acpi_tables_build(&machine, tight, len), len == need ? need : 0);
		free(tight);
	}
}

static void test_iasl_reads_the_dsdt(void)
{
	char dir[] = "/tmp/tvm-acpi.XXXXXX", cmd[256], path[64];
	const uint8_t *xsdt, *fadt, *dsdt;
	FILE *f;

	if (system("command -v iasl >/dev/null 2>&1"))
		SKIP("no iasl (package acpica-tools)");
	REQUIRE(acpi_tables_build(&machine, buf, sizeof(buf)) && mkdtemp(dir));
	xsdt = buf + (le_load(buf + 24, 8) - GPA);
	fadt = buf + (le_load(xsdt + 36, 8) - GPA);
	dsdt = buf + (le_load(fadt + 140, 8) - GPA);
	snprintf(path, sizeof(path), "%s/dsdt.aml", dir);
	f = fopen(path, "w");
	REQUIRE(f && fwrite(dsdt, 1, le_load(dsdt + 4, 4), f) == le_load(dsdt + 4, 4));
	fclose(f);
	/* Disassemble, and compile what came out: iasl is strict about both. */
	snprintf(cmd, sizeof(cmd), "cd %s && iasl -d dsdt.aml >log 2>&1 && "
		"iasl -p again dsdt.dsl >>log 2>&1", dir);
	CHECK_INT(system(cmd), 0);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	CHECK_INT(system(cmd), 0);
}

int main(void)
{
	RUN(test_tables_hang_together);
	RUN(test_refuses);
	RUN(test_small_buffers);
	RUN(test_iasl_reads_the_dsdt);
	return tests_done();
}
