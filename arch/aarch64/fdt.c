/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device tree, written front to back. Bindings: Linux, Documentation/devicetree/bindings,
 * and the Devicetree Specification 0.4 for chosen, cpus and memory.
 *
 * A failed call leaves the tree half-written and libfdt forgets that, so struct writer
 * remembers the first error and the rest is skipped.
 */
#include "arch/aarch64/fdt.h"

#include <assert.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arch/aarch64/layout.h"
#include "arch/arch.h"
#include "base/cleanup.h"

enum { PHANDLE_GIC = 1, PHANDLE_MSI, PHANDLE_CLOCK, PHANDLE_GPIO };
enum { GIC_SPI, GIC_PPI };	/* arm,gic-v3.yaml: first cell of an interrupt */
enum { IRQ_LEVEL_HIGH = 4 };

#define KEY_POWER 116		/* linux,code; include/uapi/linux/input-event-codes.h */
#define GPIO_ACTIVE_HIGH 0

#define PCI_RANGE_MEM32 0x02000000u	/* IEEE 1275 PCI binding, 2.1.1: phys.hi */

struct writer {
	void *fdt;
	int r;
	const struct fdt_machine *m;
};

__attribute__((format(printf, 2, 3)))
static void begin(struct writer *w, const char *fmt, ...)
{
	char name[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	if (!w->r)
		w->r = fdt_begin_node(w->fdt, name);
}

static void end(struct writer *w)
{
	if (!w->r)
		w->r = fdt_end_node(w->fdt);
}

static void prop(struct writer *w, const char *name, const void *val, size_t len)
{
	if (!w->r)
		w->r = fdt_property(w->fdt, name, val, (int)len);
}

static void prop_str(struct writer *w, const char *name, const char *val)
{
	prop(w, name, val, strlen(val) + 1);
}

static void put_cells(struct writer *w, const char *name, const uint32_t *cells, size_t nr)
{
	fdt32_t out[16];

	assert(nr <= ARRAY_SIZE(out));
	for (size_t i = 0; i < nr; i++)
		out[i] = cpu_to_fdt32(cells[i]);
	prop(w, name, out, nr * sizeof(*out));
}

#define prop_cells(w, name, ...) \
	put_cells(w, name, (const uint32_t[]){ __VA_ARGS__ }, \
		sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

/* A 64-bit number as two cells. */
#define CELLS64(v) (uint32_t)((uint64_t)(v) >> 32), (uint32_t)(v)

static void prop_u64(struct writer *w, const char *name, uint64_t val)
{
	prop_cells(w, name, CELLS64(val));
}

static void add_chosen(struct writer *w)
{
	const struct fdt_machine *m = w->m;
	char console[32];

	begin(w, "chosen");
	prop_str(w, "bootargs", m->cmdline);
	snprintf(console, sizeof(console), "/serial@%llx", UART_GPA);
	prop_str(w, "stdout-path", console);
	if (m->initrd.size) {
		prop_u64(w, "linux,initrd-start", m->initrd.gpa);
		prop_u64(w, "linux,initrd-end", m->initrd.gpa + m->initrd.size);
	}
	if (m->seed) {
		prop(w, "kaslr-seed", m->seed, 8);
		prop(w, "rng-seed", m->seed + 8, FDT_SEED_SIZE - 8);
	}
	end(w);
}

static void add_memory(struct writer *w)
{
	for (unsigned int i = 0; i < w->m->nr_ram; i++) {
		const struct fdt_range *ram = &w->m->ram[i];

		begin(w, "memory@%llx", (unsigned long long)ram->gpa);
		prop_str(w, "device_type", "memory");
		prop_cells(w, "reg", CELLS64(ram->gpa), CELLS64(ram->size));
		end(w);
	}
}

static void add_cpus(struct writer *w)
{
	begin(w, "cpus");
	prop_cells(w, "#address-cells", 2);
	prop_cells(w, "#size-cells", 0);
	for (unsigned int i = 0; i < w->m->nr_cpus; i++) {
		begin(w, "cpu@%llx", (unsigned long long)w->m->mpidr[i]);
		prop_str(w, "device_type", "cpu");
		prop_str(w, "compatible", "arm,armv8");
		prop_str(w, "enable-method", "psci");
		prop_u64(w, "reg", w->m->mpidr[i]);
		end(w);
	}
	end(w);
}

static void add_psci(struct writer *w)
{
	static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";

	begin(w, "psci");
	prop(w, "compatible", compatible, sizeof(compatible));
	prop_str(w, "method", w->m->psci_smc ? "smc" : "hvc");
	end(w);
}

static void add_timer(struct writer *w)
{
	begin(w, "timer");
	prop_str(w, "compatible", "arm,armv8-timer");
	prop_cells(w, "interrupts",
		GIC_PPI, TIMER_PPI_SECURE, IRQ_LEVEL_HIGH,
		GIC_PPI, TIMER_PPI_PHYS, IRQ_LEVEL_HIGH,
		GIC_PPI, TIMER_PPI_VIRT, IRQ_LEVEL_HIGH,
		GIC_PPI, TIMER_PPI_HYP, IRQ_LEVEL_HIGH);
	prop(w, "always-on", NULL, 0);
	end(w);
}

static void add_its(struct writer *w)
{
	begin(w, "msi-controller@%llx", ITS_GPA);
	prop_str(w, "compatible", "arm,gic-v3-its");
	prop(w, "msi-controller", NULL, 0);
	prop_cells(w, "#msi-cells", 1);
	prop_cells(w, "reg", CELLS64(ITS_GPA), CELLS64(ITS_SIZE));
	prop_cells(w, "phandle", PHANDLE_MSI);
	end(w);
}

static void add_msi_frame(struct writer *w)
{
	const struct msi_frame *f = &w->m->board->msi_frame;

	begin(w, "v2m@%llx", V2M_GPA);
	prop_str(w, "compatible", "arm,gic-v2m-frame");
	prop(w, "msi-controller", NULL, 0);
	prop_cells(w, "reg", CELLS64(V2M_GPA), CELLS64(V2M_SIZE));
	prop_cells(w, "arm,msi-base-spi", f->data);
	prop_cells(w, "arm,msi-num-spis", f->nr);
	prop_cells(w, "phandle", PHANDLE_MSI);
	end(w);
}

static void add_gic(struct writer *w)
{
	begin(w, "interrupt-controller@%llx", GICD_GPA);
	prop_str(w, "compatible", "arm,gic-v3");
	prop_cells(w, "#interrupt-cells", 3);
	prop(w, "interrupt-controller", NULL, 0);
	prop_cells(w, "reg", CELLS64(GICD_GPA), CELLS64(GICD_SIZE),
		CELLS64(GICR_GPA), CELLS64(GICR_SIZE * w->m->nr_cpus));
	prop_cells(w, "phandle", PHANDLE_GIC);
	prop_cells(w, "#address-cells", 2);
	prop_cells(w, "#size-cells", 2);
	prop(w, "ranges", NULL, 0);

	if (w->m->msi_frame)
		add_msi_frame(w);
	else
		add_its(w);
	end(w);
}

static void add_uart(struct writer *w, const struct dev_place *place)
{
	begin(w, "serial@%llx", (unsigned long long)place->base);
	prop_str(w, "compatible", "ns16550a");
	prop_cells(w, "reg", CELLS64(place->base), CELLS64(place->size));
	prop_cells(w, "interrupts", GIC_SPI, place->gsi, IRQ_LEVEL_HIGH);
	/* Of a PC's oscillator. Means nothing here, but the driver insists. */
	prop_cells(w, "clock-frequency", 1843200);
	end(w);
}

static void add_pvpanic(struct writer *w, const struct dev_place *place)
{
	if (!w->m->pvpanic)
		return;
	begin(w, "pvpanic@%llx", (unsigned long long)place->base);
	prop_str(w, "compatible", "qemu,pvpanic-mmio");
	prop_cells(w, "reg", CELLS64(place->base), CELLS64(place->size));
	end(w);
}

/* The clock that amba devices must have; its rate means nothing to ours. */
static void add_clock(struct writer *w)
{
	begin(w, "apb-pclk");
	prop_str(w, "compatible", "fixed-clock");
	prop_cells(w, "#clock-cells", 0);
	prop_cells(w, "clock-frequency", 24000000);
	prop_cells(w, "phandle", PHANDLE_CLOCK);
	end(w);
}

#define PROP_PRIMECELL(w, part) \
	prop(w, "compatible", part "\0arm,primecell", sizeof(part "\0arm,primecell"))

static void add_amba(struct writer *w, const struct dev_place *place)
{
	prop_cells(w, "reg", CELLS64(place->base), CELLS64(place->size));
	prop_cells(w, "interrupts", GIC_SPI, place->gsi, IRQ_LEVEL_HIGH);
	prop_cells(w, "clocks", PHANDLE_CLOCK);
	prop_str(w, "clock-names", "apb_pclk");
}

static void add_rtc(struct writer *w, const struct dev_place *place)
{
	begin(w, "rtc@%llx", (unsigned long long)place->base);
	PROP_PRIMECELL(w, "arm,pl031");
	add_amba(w, place);
	end(w);
}

static void add_gpio(struct writer *w, const struct dev_place *place)
{
	begin(w, "gpio@%llx", (unsigned long long)place->base);
	PROP_PRIMECELL(w, "arm,pl061");
	add_amba(w, place);
	prop(w, "gpio-controller", NULL, 0);
	prop_cells(w, "#gpio-cells", 2);
	prop_cells(w, "phandle", PHANDLE_GPIO);
	end(w);

	begin(w, "gpio-keys");
	prop_str(w, "compatible", "gpio-keys");
	begin(w, "poweroff");
	prop_str(w, "label", "power button");
	prop_cells(w, "linux,code", KEY_POWER);
	prop_cells(w, "gpios", PHANDLE_GPIO, GPIO_POWER_BUTTON, GPIO_ACTIVE_HIGH);
	end(w);
	end(w);
}

/* Only the places that are taken, so that no guest probes the others. */
static void add_virtio_mmio(struct writer *w)
{
	const struct mmio_slots *slots = &w->m->board->mmio;

	for (unsigned int i = 0; i < w->m->nr_virtio_mmio && i < slots->max; i++) {
		uint64_t base = slots->base + i * slots->stride;

		begin(w, "virtio@%llx", (unsigned long long)base);
		prop_str(w, "compatible", "virtio,mmio");
		prop_cells(w, "reg", CELLS64(base), CELLS64(slots->stride));
		prop_cells(w, "interrupts", GIC_SPI, slots->gsi + i, IRQ_LEVEL_HIGH);
		prop(w, "dma-coherent", NULL, 0);
		end(w);
	}
}

static void add_pmu(struct writer *w)
{
	if (!w->m->pmu)
		return;
	begin(w, "pmu");
	prop_str(w, "compatible", "arm,armv8-pmuv3");
	prop_cells(w, "interrupts", GIC_PPI, PMU_PPI, IRQ_LEVEL_HIGH);
	end(w);
}

/* No interrupt-map: functions have MSI-X and nothing else. */
static void add_pci(struct writer *w, const struct dev_place *place)
{
	const struct pci_bus_opts *pci = &w->m->board->pci;

	begin(w, "pcie@%llx", (unsigned long long)pci->ecam_base);
	prop_str(w, "compatible", "pci-host-ecam-generic");
	prop_str(w, "device_type", "pci");
	prop_cells(w, "#address-cells", 3);
	prop_cells(w, "#size-cells", 2);
	prop_cells(w, "reg", CELLS64(pci->ecam_base), CELLS64(pci->ecam_size));
	prop_cells(w, "bus-range", 0, (uint32_t)(pci->ecam_size / MIB(1) - 1));
	prop_cells(w, "ranges", PCI_RANGE_MEM32, CELLS64(pci->mmio32_base),
		CELLS64(pci->mmio32_base), CELLS64(pci->mmio32_size));
	if (w->m->msi_frame)
		prop_cells(w, "msi-parent", PHANDLE_MSI);
	else
		prop_cells(w, "msi-map", 0, PHANDLE_MSI, 0, 0x10000);
	/* Devices read and write through the host's caches. */
	prop(w, "dma-coherent", NULL, 0);
	end(w);
}

static void add_devices(struct writer *w)
{
	static const struct {
		const char *cls;
		void (*add)(struct writer *w, const struct dev_place *place);
	} nodes[] = {
		{ "uart8250", add_uart },
		{ "pl031", add_rtc },
		{ "pl061", add_gpio },
		{ "pvpanic", add_pvpanic },
		{ "pci-host", add_pci },
	};

	for (unsigned int i = 0; i < w->m->board->nr_devs; i++) {
		const struct board_dev *dev = &w->m->board->devs[i];

		for (size_t j = 0; j < ARRAY_SIZE(nodes); j++)
			if (!strcmp(nodes[j].cls, dev->cls))
				nodes[j].add(w, &dev->place);
	}
}

size_t fdt_build(const struct fdt_machine *m, void *buf, size_t size)
{
	struct writer w = { .fdt = buf, .m = m };

	w.r = fdt_create(buf, (int)size);
	if (!w.r)
		w.r = fdt_finish_reservemap(buf);
	begin(&w, "%s", "");
	prop_cells(&w, "#address-cells", 2);
	prop_cells(&w, "#size-cells", 2);
	prop_cells(&w, "interrupt-parent", PHANDLE_GIC);
	prop_str(&w, "compatible", "linux,dummy-virt");
	prop_str(&w, "model", "tvm");
	add_chosen(&w);
	add_memory(&w);
	add_cpus(&w);
	add_psci(&w);
	add_timer(&w);
	add_pmu(&w);
	add_clock(&w);
	add_gic(&w);
	add_devices(&w);
	add_virtio_mmio(&w);
	end(&w);
	if (!w.r)
		w.r = fdt_finish(buf);
	return w.r ? 0 : fdt_totalsize(buf);
}
