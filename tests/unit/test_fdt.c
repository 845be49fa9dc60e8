/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device tree of the aarch64 machine, read back with libfdt, on any machine. With an
 * argument, the blob is written there, for dtc.
 */
#include "tests/harness.h"

#include <libfdt.h>

#include "arch/aarch64/fdt.h"
#include "arch/aarch64/layout.h"
#include "arch/arch.h"

static uint8_t blob[FDT_SPACE];

static const uint64_t mpidr[] = { 0, 1, 0x100, 0x100000000 };
static const struct fdt_range ram[] = { { RAM_GPA, GIB(5) } };
static const uint8_t seed[FDT_SEED_SIZE] = { 1, 2, 3 };

static struct fdt_machine machine(void)
{
	return (struct fdt_machine){
		.board = arch_board(),
		.pvpanic = true,
		.nr_cpus = 4,
		.mpidr = mpidr,
		.nr_ram = 1,
		.ram = ram,
		.cmdline = "console=ttyS0",
		.initrd = { RAM_GPA + MIB(64), 1000 },
		.seed = seed,
	};
}

static const void *get(const char *path, const char *name, int len)
{
	int n = -1;
	const void *val = fdt_getprop(blob, fdt_path_offset(blob, path), name, &n);

	return n == len ? val : NULL;
}

static uint64_t get_u64(const char *path, const char *name, int cells, int at)
{
	const fdt32_t *val = get(path, name, cells * 4);

	return val ? (uint64_t)fdt32_to_cpu(val[at]) << 32 | fdt32_to_cpu(val[at + 1]) : ~0ULL;
}

static void test_tree(void)
{
	struct fdt_machine m = machine();
	size_t len = fdt_build(&m, blob, sizeof(blob));
	const char *method;

	REQUIRE(len > 0);
	CHECK_INT(fdt_check_full(blob, len), 0);
	CHECK(get_u64("/memory@80000000", "reg", 4, 0) == RAM_GPA);
	CHECK(get_u64("/memory@80000000", "reg", 4, 2) == GIB(5));
	CHECK(get_u64("/chosen", "linux,initrd-end", 2, 0) == RAM_GPA + MIB(64) + 1000);
	CHECK(get_u64("/cpus/cpu@100000000", "reg", 2, 0) == 0x100000000);
	CHECK(get_u64("/interrupt-controller@3fff0000", "reg", 8, 6) == 4 * GICR_SIZE);
	CHECK(get("/chosen", "rng-seed", 32) && get("/chosen", "kaslr-seed", 8));
	CHECK(fdt_path_offset(blob, "/pvpanic@1020000") > 0);
	method = get("/psci", "method", 4);
	REQUIRE(method);
	CHECK(!strcmp(method, "hvc"));
	/* The console's path is that of a node. */
	CHECK(fdt_path_offset(blob, fdt_getprop(blob, fdt_path_offset(blob, "/chosen"),
		"stdout-path", NULL)) > 0);
}

static void test_optional_parts(void)
{
	struct fdt_machine m = machine();

	m.pvpanic = false;
	m.seed = NULL;
	m.initrd.size = 0;
	m.psci_smc = true;
	REQUIRE(fdt_build(&m, blob, sizeof(blob)));
	CHECK(fdt_path_offset(blob, "/pvpanic@1020000") < 0);
	CHECK(!get("/chosen", "rng-seed", 32) && !get("/chosen", "kaslr-seed", 8));
	CHECK(!get("/chosen", "linux,initrd-start", 8));
	CHECK(get("/psci", "method", 4) && !strcmp(get("/psci", "method", 4), "smc"));
}

/* Messages by a frame instead of an ITS; its lines are nobody else's. */
static void test_msi_frame(void)
{
	const struct board *b = arch_board();
	struct fdt_machine m = machine();
	const char *frame = "/interrupt-controller@3fff0000/v2m@3f820000";
	const fdt32_t *parent, *phandle, *first;

	CHECK(b->msi_frame.gsi >= b->mmio.gsi + b->mmio.max);
	CHECK_INT(b->msi_frame.gsi + b->msi_frame.nr, b->nr_gsi);
	CHECK_INT(b->msi_frame.data, b->msi_frame.gsi + SPI_BASE);
	REQUIRE(fdt_build(&m, blob, sizeof(blob)));
	CHECK(fdt_path_offset(blob, frame) < 0);
	CHECK(get("/pcie@40000000", "msi-map", 16));

	m.msi_frame = true;
	REQUIRE(fdt_build(&m, blob, sizeof(blob)));
	CHECK(fdt_path_offset(blob, "/interrupt-controller@3fff0000/msi-controller@3f800000") < 0);
	CHECK(!get("/pcie@40000000", "msi-map", 16));
	parent = get("/pcie@40000000", "msi-parent", 4);
	phandle = get(frame, "phandle", 4);
	first = get(frame, "arm,msi-base-spi", 4);
	REQUIRE(parent && phandle && first);
	CHECK_INT(*parent, *phandle);
	CHECK_INT(fdt32_to_cpu(*first), b->msi_frame.data);
}

static void test_devices(void)
{
	struct fdt_machine m = machine();

	m.nr_virtio_mmio = 2;
	m.pmu = true;
	REQUIRE(fdt_build(&m, blob, sizeof(blob)));
	CHECK(get_u64("/virtio@3000200", "reg", 4, 0) == VIRTIO_MMIO_GPA + VIRTIO_MMIO_STRIDE);
	CHECK(fdt_path_offset(blob, "/virtio@3000400") < 0);
	CHECK(get("/rtc@1010000", "clocks", 4) && get("/gpio@1030000", "gpio-controller", 0));
	CHECK(get("/gpio-keys/poweroff", "gpios", 12));
	CHECK(get("/pmu", "interrupts", 12));
	CHECK(get_u64("/pcie@40000000", "reg", 4, 0) == PCI_ECAM_GPA);

	/* More than there are places. */
	m.nr_virtio_mmio = 1000;
	m.pmu = false;
	REQUIRE(fdt_build(&m, blob, sizeof(blob)));
	CHECK(fdt_path_offset(blob, "/virtio@3003e00") > 0);
	CHECK(fdt_path_offset(blob, "/virtio@3004000") < 0);
	CHECK(fdt_path_offset(blob, "/pmu") < 0);
}

/* No two things of the board at one place, none in RAM or in the GIC; no interrupt twice. */
static void test_layout(void)
{
	const struct board *b = arch_board();
	struct fdt_range r[32] = {
		{ GICR_GPA, 64 * GICR_SIZE }, { ITS_GPA, ITS_SIZE }, { GICD_GPA, GICD_SIZE },
		{ RAM_GPA, GIB(512) }, { b->pci.ecam_base, b->pci.ecam_size },
		{ b->pci.mmio32_base, b->pci.mmio32_size },
		{ b->mmio.base, b->mmio.stride * b->mmio.max },
	};
	unsigned int n = 7;
	uint64_t gsis = 0;

	for (unsigned int i = 0; i < b->nr_devs; i++) {
		const struct dev_place *p = &b->devs[i].place;

		if (!p->size)
			continue;
		r[n++] = (struct fdt_range){ p->base, p->size };
		CHECK(p->base % KIB(64) == 0);
		if (strcmp(b->devs[i].cls, "pvpanic") && strcmp(b->devs[i].cls, "gicv2m")) {
			CHECK(p->gsi < b->mmio.gsi);
			CHECK(!(gsis & BIT(p->gsi)));
			gsis |= BIT(p->gsi);
		}
	}
	CHECK(b->mmio.gsi + b->mmio.max <= b->nr_gsi);
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int j = 0; j < i; j++)
			CHECK(!ranges_overlap(r[i].gpa, r[i].size, r[j].gpa, r[j].size));
}

static void test_largest(void)
{
	struct fdt_machine m = machine();
	uint64_t many[64];
	char cmdline[2048];

	for (unsigned int i = 0; i < 64; i++)
		many[i] = (i & 15) | i >> 4 << 8;
	memset(cmdline, 'x', sizeof(cmdline) - 1);
	cmdline[sizeof(cmdline) - 1] = '\0';
	m.nr_cpus = 64;
	m.nr_virtio_mmio = VIRTIO_MMIO_MAX;
	m.pmu = true;
	m.mpidr = many;
	m.cmdline = cmdline;
	CHECK(fdt_build(&m, blob, sizeof(blob)) > 0);
}

/* Every buffer that is too small is noticed. */
static void test_too_small(void)
{
	struct fdt_machine m = machine();
	size_t len = fdt_build(&m, blob, sizeof(blob));

	for (size_t size = 0; size < len; size += 4)
		CHECK_INT(fdt_build(&m, blob, size), 0);
}

int main(int argc, char **argv)
{
	RUN(test_optional_parts);
	RUN(test_msi_frame);
	RUN(test_devices);
	RUN(test_layout);
	RUN(test_largest);
	RUN(test_too_small);
	RUN(test_tree);
	if (argc > 1) {
		FILE *f = fopen(argv[1], "we");

		if (!f || fwrite(blob, fdt_totalsize(blob), 1, f) != 1 || fclose(f))
			return 1;
	}
	return tests_done();
}
