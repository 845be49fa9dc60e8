/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is a description of an aarch64 machine: two bytes of size, eight of choices, 64 bits
 * for each number wanted, then the command line. What is built is whole and says what was asked,
 * or does not fit.
 */
#include <assert.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "arch/aarch64/fdt.h"
#include "arch/aarch64/layout.h"
#include "arch/arch.h"
#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_CPUS 64
#define MAX_RAM 4

static const struct board_dev devs[] = {
	{ "pci-host", { .space = BUS_MMIO } },
	{ "uart8250", { BUS_MMIO, UART_GPA, UART_SIZE, UART_GSI } },
	{ "pl031", { BUS_MMIO, RTC_GPA, RTC_SIZE, RTC_GSI } },
	{ "pl061", { BUS_MMIO, GPIO_GPA, GPIO_SIZE, GPIO_GSI } },
	{ "pvpanic", { BUS_MMIO, PVPANIC_GPA, PVPANIC_SIZE, 0 } },
};

static const struct board board = {
	.nr_devs = ARRAY_SIZE(devs),
	.devs = devs,
	.pci = { PCI_ECAM_GPA, PCI_ECAM_SIZE, PCI_MMIO32_GPA, PCI_MMIO32_SIZE, 0, 0, false },
	.mmio = { VIRTIO_MMIO_GPA, VIRTIO_MMIO_STRIDE, VIRTIO_MMIO_GSI, 0, VIRTIO_MMIO_MAX },
};

static const uint8_t *in;
static size_t left;

static uint64_t take(size_t n)
{
	uint64_t v = 0;

	n = n < left ? n : left;
	memcpy(&v, in, n);
	in += n;
	left -= n;
	return v;
}

static void check(const struct fdt_machine *m, const void *blob, size_t len)
{
	const char *args;
	int n;

	assert(!fdt_check_full(blob, len));
	args = fdt_getprop(blob, fdt_path_offset(blob, "/chosen"), "bootargs", &n);
	assert(args && n == (int)strlen(m->cmdline) + 1 && !strcmp(args, m->cmdline));
	assert((fdt_path_offset(blob, "/pmu") >= 0) == m->pmu);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[FDT_SEED_SIZE];
	uint64_t mpidr[MAX_CPUS];
	struct fdt_range ram[MAX_RAM];
	struct fdt_machine m = { .board = &board, .mpidr = mpidr, .ram = ram };
	size_t space, len;
	uint64_t choices;
	char *cmdline;
	void *blob;

	in = data;
	left = size;
	space = take(2);
	choices = take(8);
	m.pvpanic = choices & 1;
	m.psci_smc = choices & 2;
	m.pmu = choices & 4;
	m.seed = choices & 8 ? seed : NULL;
	m.nr_cpus = choices >> 8 & 0xff;
	m.nr_cpus = m.nr_cpus < MAX_CPUS ? m.nr_cpus : MAX_CPUS;
	m.nr_ram = choices >> 16 & (MAX_RAM - 1);
	m.nr_virtio_mmio = choices >> 24 & 0xff;
	m.initrd = (struct fdt_range){ take(8), choices & 16 ? take(8) : 0 };
	for (unsigned int i = 0; i < m.nr_ram; i++) {
		ram[i].gpa = take(8);
		ram[i].size = take(8);
	}
	for (unsigned int i = 0; i < m.nr_cpus; i++)
		mpidr[i] = take(8);
	cmdline = strndup((const char *)in, left);
	blob = malloc(space ? space : 1);
	if (cmdline && blob) {
		m.cmdline = cmdline;
		len = fdt_build(&m, blob, space);
		assert(len <= space);
		if (len)
			check(&m, blob, len);
	}
	free(blob);
	free(cmdline);
	return 0;
}
