/* SPDX-License-Identifier: Apache-2.0 */
/* The PCI bus, configuration space, BAR decoding and MSI-X, with a function of our own. */
#include "tests/harness.h"

#include "base/cleanup.h"
#include "base/le.h"
#include "tests/unit/fakes.h"

#define VECTORS 40

struct toy {
	struct pci_fn fn;
	uint8_t mem[256];
	unsigned int moves;
	uint64_t addr;
	bool decoded;
	unsigned int windows;
};

static struct fake_env f;
static struct toy toy;

static uint64_t toy_read(struct pci_fn *fn, unsigned int bar, uint64_t off, unsigned int size)
{
	struct toy *t = container_of(fn, struct toy, fn);

	return le_load(t->mem + off % sizeof(t->mem), size);
}

static void toy_write(struct pci_fn *fn, unsigned int bar, uint64_t off, unsigned int size,
	uint64_t val)
{
	struct toy *t = container_of(fn, struct toy, fn);

	le_store(t->mem + off % sizeof(t->mem), size, val);
}

static void toy_moved(struct pci_fn *fn, unsigned int bar, uint64_t addr, bool decoded)
{
	struct toy *t = container_of(fn, struct toy, fn);

	if (bar)
		return;
	t->moves++;
	t->addr = addr;
	t->decoded = decoded;
}

static uint32_t toy_window_read(struct pci_fn *fn, unsigned int off, unsigned int size)
{
	container_of(fn, struct toy, fn)->windows++;
	return 0x1234;
}

static void toy_window_write(struct pci_fn *fn, unsigned int off, unsigned int size, uint32_t val)
{
	container_of(fn, struct toy, fn)->windows++;
}

static const struct pci_fn_ops toy_ops = {
	.bar_read = toy_read,
	.bar_write = toy_write,
	.bar_moved = toy_moved,
	.window_read = toy_window_read,
	.window_write = toy_window_write,
};

static const struct pci_ids toy_ids = {
	.vendor = 0x1af4,
	.device = 0x10ff,
	.subsys_vendor = 0x1234,
	.subsys = 0x5678,
	.class_code = 0x010203,
	.revision = 9,
};

static void toy_init(struct toy *t)
{
	memset(t, 0, sizeof(*t));
	pci_fn_init(&t->fn, &toy_ops, "toy", &toy_ids);
	pci_fn_bar(&t->fn, 0, 256, 0);
	pci_fn_bar(&t->fn, 2, MIB(1), PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH);
	FAKE_MUST(pci_fn_msix(&t->fn, 1, VECTORS, NULL) == 0);
}

static void up(void)
{
	fake_env_init(&f, MIB(1));
	toy_init(&toy);
	FAKE_MUST(pci_add(f.pci, &toy.fn, NULL) == 0);
}

static void down(void)
{
	pci_del(&toy.fn);
	fake_env_fini(&f);
}

static uint64_t ecam(unsigned int slot, unsigned int off)
{
	return FAKE_ECAM + (slot << 15) + off;
}

static uint32_t rd(unsigned int off, unsigned int size)
{
	return (uint32_t)fake_mmio_read(&f, ecam(1, off), size);
}

static void wr(unsigned int off, unsigned int size, uint32_t val)
{
	fake_mmio_write(&f, ecam(1, off), size, val);
}

static void memory(bool on)
{
	wr(PCI_COMMAND, 2, on ? PCI_COMMAND_MEMORY : 0);
}

/* ---- Configuration space ------------------------------------------------------------- */

static void test_header(void)
{
	up();
	CHECK_INT(rd(PCI_VENDOR_ID, 4), 0x10ff1af4);
	CHECK_INT(rd(PCI_REVISION_ID, 4), 0x01020309);
	CHECK_INT(rd(PCI_SUBSYSTEM_VENDOR_ID, 4), 0x56781234);
	CHECK_INT(rd(PCI_HEADER_TYPE, 1), 0);
	CHECK_INT(rd(0x3d, 1), 0); /* no interrupt pin */
	CHECK_INT(rd(PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
	wr(PCI_VENDOR_ID, 4, 0);
	wr(PCI_STATUS, 2, 0xffff);
	CHECK_INT(rd(PCI_VENDOR_ID, 4), 0x10ff1af4);
	CHECK_INT(rd(PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
	wr(PCI_COMMAND, 4, 0xffffffff);
	CHECK_INT(rd(PCI_COMMAND, 2), 0x0406);
	wr(PCI_INTERRUPT_LINE, 1, 11);
	CHECK_INT(rd(PCI_INTERRUPT_LINE, 1), 11);
	CHECK_INT(rd(0x100, 4), 0); /* no extended capabilities */
	CHECK_INT(rd(0xffc, 4), 0);
	down();
}

static void test_absent_reads_ones(void)
{
	up();
	CHECK_INT(fake_mmio_read(&f, ecam(2, 0), 4), 0xffffffff);
	CHECK_INT(fake_mmio_read(&f, ecam(1, 0x1000), 4), 0xffffffff); /* function 1 */
	CHECK_INT(fake_mmio_read(&f, ecam(31, 0xfff), 1), 0xff);
	CHECK_INT(rd(PCI_VENDOR_ID + 1, 4), 0xffffffff); /* not within a dword */
	CHECK_INT(rd(PCI_VENDOR_ID + 3, 2), 0xffff);
	CHECK(fake_mmio_read(&f, ecam(1, 0), 8) == UINT64_MAX);
	fake_mmio_write(&f, ecam(2, 4), 4, 7);
	CHECK_INT(fake_mmio_read(&f, ecam(0, PCI_CLASS_PROG + 1), 2), 0x0600);
	down();
}

static uint32_t pio_read(uint16_t port, unsigned int size)
{
	uint64_t val;

	CHECK(bus_read(f.bus, BUS_PIO, port, size, &val));
	return (uint32_t)val;
}

static void pio_write(uint16_t port, unsigned int size, uint32_t val)
{
	CHECK(bus_write(f.bus, BUS_PIO, port, size, val));
}

static void test_ports(void)
{
	up();
	pio_write(0xcf8, 4, 0x80000800);
	CHECK_INT(pio_read(0xcf8, 4), 0x80000800);
	CHECK_INT(pio_read(0xcfc, 4), 0x10ff1af4);
	CHECK_INT(pio_read(0xcfe, 2), 0x10ff);
	CHECK_INT(pio_read(0xcff, 1), 0x10);
	pio_write(0xcf8, 4, 0x8000083c);
	pio_write(0xcfc, 1, 5);
	CHECK_INT(rd(PCI_INTERRUPT_LINE, 1), 5);
	pio_write(0xcf8, 2, 0); /* not the register */
	CHECK_INT(pio_read(0xcf8, 4), 0x8000083c);
	CHECK_INT(pio_read(0xcf8, 1), 0xff);
	pio_write(0xcf8, 4, 0x00000800); /* not enabled */
	CHECK_INT(pio_read(0xcfc, 4), 0xffffffff);
	pio_write(0xcf8, 4, 0x80010800); /* bus 1 */
	CHECK_INT(pio_read(0xcfc, 4), 0xffffffff);
	CHECK_INT(f.requests[DEV_RESET], 0);
	pio_write(0xcf9, 1, 0x02);
	CHECK_INT(f.requests[DEV_RESET], 0);
	pio_write(0xcf9, 1, 0x06);
	CHECK_INT(f.requests[DEV_RESET], 1);
	down();
}

static void test_capability_list(void)
{
	unsigned int cap;

	up();
	cap = rd(PCI_CAPABILITY_LIST, 1);
	CHECK_INT(cap, 0x40);
	CHECK_INT(rd(cap, 1), PCI_CAP_ID_MSIX);
	CHECK_INT(rd(cap + 1, 1), 0);
	CHECK_INT(rd(cap + 2, 2), VECTORS - 1);
	CHECK_INT(rd(cap + 4, 4), 1);
	CHECK_INT(rd(cap + 8, 4), 16 * VECTORS | 1);
	wr(cap + 2, 2, 0xffff);
	CHECK_INT(rd(cap + 2, 2), 0xc000 | (VECTORS - 1));
	wr(cap + 4, 4, 0);
	CHECK_INT(rd(cap + 4, 4), 1);
	down();
}

static void test_window(void)
{
	up();
	toy.fn.window_off = 0x80;
	CHECK_INT(rd(0x80, 4), 0x1234);
	CHECK_INT(rd(0x82, 2), 0x1234);
	wr(0x83, 1, 0);
	CHECK_INT(toy.windows, 3);
	CHECK_INT(rd(0x84, 4), 0);
	CHECK_INT(toy.windows, 3);
	down();
}

/* ---- BARs ---------------------------------------------------------------------------- */

static void test_bar_homes(void)
{
	struct toy other;

	up();
	toy_init(&other);
	CHECK_INT(pci_add(f.pci, &other.fn, NULL), 0);
	CHECK_INT(other.fn.slot, 2);
	CHECK(pci_bus_fn(f.pci, 2) == &other.fn);
	CHECK_INT(toy.fn.bars[0].home, FAKE_MMIO32);
	CHECK_INT(toy.fn.bars[1].home, FAKE_MMIO32 + 4096);
	CHECK_INT(other.fn.bars[0].home, FAKE_MMIO32 + 256); /* fills the gap */
	CHECK_INT(other.fn.bars[1].home, FAKE_MMIO32 + 8192);
	CHECK_INT(toy.fn.bars[2].home, FAKE_MMIO64);
	CHECK_INT(other.fn.bars[2].home, FAKE_MMIO64 + MIB(1));
	CHECK_INT(rd(0x10, 4), FAKE_MMIO32);
	CHECK_INT(rd(0x18, 4), 0xc);
	CHECK_INT(rd(0x1c, 4), FAKE_MMIO64 >> 32);
	pci_del(&other.fn);
	CHECK(!pci_bus_fn(f.pci, 2));
	down();
}

static void test_bar_sizing(void)
{
	up();
	wr(0x10, 4, 0xffffffff);
	CHECK_INT(rd(0x10, 4), 0xffffff00);
	wr(0x18, 4, 0xffffffff);
	wr(0x1c, 4, 0xffffffff);
	CHECK_INT(rd(0x18, 4), 0xfff0000c);
	CHECK_INT(rd(0x1c, 4), 0xffffffff);
	wr(0x20, 4, 0xffffffff); /* no BAR here */
	CHECK_INT(rd(0x20, 4), 0);
	wr(0x30, 4, 0xffffffff); /* no ROM */
	CHECK_INT(rd(0x30, 4), 0);
	CHECK_INT(toy.moves, 0);
	down();
}

static void test_bar_access(void)
{
	up();
	toy.mem[4] = 0x5a;
	CHECK_INT(fake_mmio_read(&f, FAKE_MMIO32 + 4, 1), 0xff); /* memory is off */
	memory(true);
	CHECK(toy.decoded && toy.addr == FAKE_MMIO32);
	CHECK_INT(fake_mmio_read(&f, FAKE_MMIO32 + 4, 1), 0x5a);
	fake_mmio_write(&f, FAKE_MMIO32 + 8, 8, 0x1122334455667788);
	CHECK_INT(toy.mem[15], 0x11);
	CHECK_INT(fake_mmio_read(&f, FAKE_MMIO32 + 254, 4), 0xffffffff); /* past its end */
	CHECK_INT(fake_mmio_read(&f, FAKE_MMIO32 + 256, 4), 0xffffffff);
	CHECK_INT(fake_mmio_read(&f, FAKE_MMIO64 + MIB(1) - 252, 1), 0x5a);
	memory(false);
	CHECK(!toy.decoded);
	CHECK_INT(fake_mmio_read(&f, FAKE_MMIO32 + 4, 1), 0xff);
	CHECK_INT(toy.moves, 2);
	down();
}

static void test_bar_moves(void)
{
	up();
	memory(true);
	toy.mem[0] = 7;
	wr(0x10, 4, FAKE_MMIO32 + 0x8000);
	CHECK(toy.decoded && toy.addr == FAKE_MMIO32 + 0x8000);
	CHECK_INT(fake_mmio_read(&f, FAKE_MMIO32, 1), 0xff);
	CHECK_INT(fake_mmio_read(&f, FAKE_MMIO32 + 0x8000, 1), 7);
	wr(0x10, 4, FAKE_MMIO32 + 0x8000); /* the same again */
	CHECK_INT(toy.moves, 2);
	wr(0x10, 4, 0x1000); /* into RAM, the ECAM: not decoded, nothing happens there */
	CHECK(!toy.decoded);
	wr(0x10, 4, FAKE_ECAM);
	CHECK(!toy.decoded);
	CHECK_INT(rd(PCI_VENDOR_ID, 4), 0x10ff1af4);
	wr(0x10, 4, FAKE_MMIO32 + FAKE_MMIO32_SIZE - 256);
	CHECK(toy.decoded);
	wr(0x10, 4, FAKE_MMIO32 + FAKE_MMIO32_SIZE);
	CHECK(!toy.decoded);
	down();
}

static void test_bars_overlap(void)
{
	up();
	memory(true);
	wr(0x14, 4, FAKE_MMIO32); /* MSI-X table onto BAR 0 */
	toy.mem[12] = 0x77;
	CHECK_INT(fake_mmio_read(&f, FAKE_MMIO32 + 12, 1), 0x77);
	wr(0x10, 4, FAKE_MMIO32 + 0x8000);
	CHECK_INT(fake_mmio_read(&f, FAKE_MMIO32 + 12, 4), 1);
	down();
}

static void test_reset(void)
{
	up();
	memory(true);
	wr(0x10, 4, FAKE_MMIO32 + 0x8000);
	wr(0x42, 2, 0x8000);
	pci_bus_reset(f.pci);
	CHECK_INT(rd(0x10, 4), FAKE_MMIO32);
	CHECK_INT(rd(PCI_COMMAND, 2), 0);
	CHECK_INT(rd(0x42, 2), VECTORS - 1);
	CHECK(!toy.decoded && !msix_enabled(&toy.fn.msix));
	down();
}

static void test_no_room(void)
{
	struct tvm_error err;
	struct toy big;

	up();
	memset(&big, 0, sizeof(big));
	pci_fn_init(&big.fn, &toy_ops, "big", &toy_ids);
	pci_fn_bar(&big.fn, 0, MIB(16), 0);
	CHECK_INT(pci_add(f.pci, &big.fn, &err), -ENOSPC);
	CHECK_HAS(err.msg, "big: no room for 16777216 bytes");
	CHECK(!pci_bus_fn(f.pci, 2));
	pci_del(&big.fn);
	down();
}

static void test_slots_run_out(void)
{
	static struct pci_fn fns[PCI_SLOTS];
	struct tvm_error err;

	up();
	for (unsigned int i = 2; i < PCI_SLOTS; i++) {
		pci_fn_init(&fns[i], &toy_ops, "small", &toy_ids);
		CHECK_INT(pci_add(f.pci, &fns[i], &err), 0);
	}
	pci_fn_init(&fns[0], &toy_ops, "last", &toy_ids);
	CHECK_INT(pci_add(f.pci, &fns[0], &err), -ENOSPC);
	CHECK_HAS(err.msg, "slots");
	for (unsigned int i = 2; i < PCI_SLOTS; i++)
		pci_del(&fns[i]);
	down();
}

/* ---- MSI-X --------------------------------------------------------------------------- */

#define TABLE (FAKE_MMIO32 + 4096)
#define PBA (TABLE + 16 * VECTORS)
#define ENABLE 0x8000
#define MASK_ALL 0x4000

static void control(uint16_t val)
{
	wr(0x42, 2, val);
}

static void entry(unsigned int v, uint64_t addr, uint32_t data, bool masked)
{
	fake_mmio_write(&f, TABLE + 16 * v, 8, addr);
	fake_mmio_write(&f, TABLE + 16 * v + 8, 4, data);
	fake_mmio_write(&f, TABLE + 16 * v + 12, 4, masked);
}

static struct fake_msi *msi(uint32_t data)
{
	for (int i = 0; i < FAKE_MAX; i++)
		if (f.wires.msis[i].used && f.wires.msis[i].data == data)
			return &f.wires.msis[i];
	return NULL;
}

static void test_msix_table(void)
{
	up();
	memory(true);
	CHECK_INT(fake_mmio_read(&f, TABLE + 12, 4), 1); /* masked at first */
	entry(1, 0x1122334455667788, 0xaabbccdd, false);
	CHECK(fake_mmio_read(&f, TABLE + 16, 8) == 0x1122334455667788);
	CHECK(fake_mmio_read(&f, TABLE + 24, 8) == 0xaabbccdd);
	CHECK_INT(fake_mmio_read(&f, TABLE + 16, 2), 0xffff); /* only dwords, aligned */
	CHECK_INT(fake_mmio_read(&f, TABLE + 18, 4), 0xffffffff);
	fake_mmio_write(&f, TABLE + 16, 1, 0);
	CHECK_INT(fake_mmio_read(&f, TABLE + 16, 4), 0x55667788);
	fake_mmio_write(&f, PBA, 8, UINT64_MAX); /* read-only */
	CHECK_INT(fake_mmio_read(&f, PBA, 8), 0);
	CHECK_INT(fake_mmio_read(&f, TABLE + 4092, 4), 0);
	down();
}

static void test_msix_delivery(void)
{
	up();
	memory(true);
	msix_raise(&toy.fn.msix, 3); /* off: dropped */
	entry(3, 0xfee01000, 33, false);
	CHECK(!msi(33)); /* nothing is opened before it is needed */
	control(ENABLE);
	REQUIRE(msi(33));
	CHECK_INT(msi(33)->addr, 0xfee01000);
	CHECK_INT(msi(33)->devid, 1 << 3);
	CHECK_INT(msi(33)->routes, 1);
	CHECK_INT(fake_msi_count(&f, 33), 0);
	msix_raise(&toy.fn.msix, 3);
	CHECK_INT(fake_msi_count(&f, 33), 1);
	msix_raise(&toy.fn.msix, VECTORS);
	msix_raise(&toy.fn.msix, 0xffff);
	CHECK_INT(fake_msi_count(&f, 33), 1);
	control(0);
	CHECK(!msi(33));
	down();
}

static void check_pending(unsigned int v, bool pending)
{
	CHECK_INT(fake_mmio_read(&f, PBA + v / 32 * 4, 4), pending ? 1U << v % 32 : 0);
}

static void test_msix_vector_mask(void)
{
	up();
	memory(true);
	control(ENABLE);
	entry(35, 0xfee00000, 5, true);
	msix_raise(&toy.fn.msix, 35);
	msix_raise(&toy.fn.msix, 35);
	check_pending(35, true);
	CHECK(!msi(5));
	entry(35, 0xfee00000, 5, false);
	check_pending(35, false);
	CHECK_INT(fake_msi_count(&f, 5), 1);
	entry(35, 0xfee00000, 5, true);
	entry(35, 0xfee00000, 5, false);
	CHECK_INT(fake_msi_count(&f, 5), 1);
	REQUIRE(msi(5));
	CHECK_INT(msi(5)->routes, 1); /* nothing new to tell */
	fake_mmio_write(&f, TABLE + 16 * 35 + 12, 4, 1);
	entry(35, 0xfee02000, 6, false);
	REQUIRE(msi(6));
	CHECK_INT(msi(6)->addr, 0xfee02000);
	CHECK_INT(msi(6)->routes, 2);
	down();
}

static void test_msix_function_mask(void)
{
	up();
	memory(true);
	control(ENABLE | MASK_ALL);
	entry(0, 0xfee00000, 8, false);
	CHECK(!msi(8));
	msix_raise(&toy.fn.msix, 0);
	check_pending(0, true);
	control(ENABLE);
	check_pending(0, false);
	CHECK_INT(fake_msi_count(&f, 8), 1);
	down();
}

static void test_msix_host_refuses(void)
{
	up();
	memory(true);
	f.wires.no_msi = true;
	entry(0, 0xfee00000, 9, false);
	control(ENABLE);
	CHECK_HAS(f.last_log, "vector 0 cannot be used");
	msix_raise(&toy.fn.msix, 0);
	check_pending(0, true);
	f.wires.no_msi = false;
	msix_raise(&toy.fn.msix, 0);
	check_pending(0, false);
	CHECK_INT(fake_msi_count(&f, 9), 1);
	down();
}

/* An eventfd of somebody else goes to the hypervisor exactly while its vector delivers. */
static void test_msix_source(void)
{
	struct msix_source s[2] = { { .fd = -1, .vector = 0xffff }, { .fd = -1, .vector = 2 } };
	struct msix *m;

	up();
	memory(true);
	m = &toy.fn.msix;
	m->sources = s;
	m->nr_sources = 2;
	msix_source_fd(m, &s[0], 100);
	msix_source_vector(m, &s[0], 1);
	entry(1, 0xfee00000, 0x31, true);
	entry(2, 0xfee00000, 0x32, false);
	CHECK(!s[0].bound && !s[1].bound);
	control(ENABLE);
	CHECK(!s[0].bound && !s[1].bound);	/* masked; no descriptor */
	entry(1, 0xfee00000, 0x31, false);
	CHECK(s[0].bound && msi(0x31)->nr_more == 1 && msi(0x31)->more[0] == 100);
	msix_source_fd(m, &s[1], 101);
	CHECK(s[1].bound && msi(0x32)->more[0] == 101);
	/* Two queues on one vector. */
	msix_source_vector(m, &s[1], 1);
	CHECK(msi(0x31)->nr_more == 2 && !msi(0x32)->nr_more);
	fake_mmio_write(&f, TABLE + 16 + 12, 4, 1);
	CHECK(!s[0].bound && !s[1].bound && !msi(0x31)->nr_more);
	fake_mmio_write(&f, TABLE + 16 + 12, 4, 0);
	CHECK_INT(msi(0x31)->nr_more, 2);
	control(ENABLE | MASK_ALL);
	CHECK_INT(msi(0x31)->nr_more, 0);
	control(ENABLE);
	CHECK_INT(msi(0x31)->nr_more, 2);
	/* Another message while they are bound: the same interrupt, so nothing moves. */
	entry(1, 0xfee00000, 0x33, false);
	CHECK_INT(msi(0x33)->nr_more, 2);
	msix_source_vector(m, &s[1], 0xffff);
	CHECK(!s[1].bound && msi(0x33)->nr_more == 1);
	control(0);
	CHECK(!s[0].bound);
	/* A host that cannot: the function has to read the descriptor. */
	f.wires.no_msi_add = true;
	control(ENABLE);
	CHECK(!s[0].bound && msi(0x33));
	f.wires.no_msi_add = false;
	msix_source_fd(m, &s[0], 102);
	CHECK(s[0].bound);
	pci_fn_reset(&toy.fn);
	CHECK(!s[0].bound);
	down();
}

int main(void)
{
	RUN(test_header);
	RUN(test_absent_reads_ones);
	RUN(test_ports);
	RUN(test_capability_list);
	RUN(test_window);
	RUN(test_bar_homes);
	RUN(test_bar_sizing);
	RUN(test_bar_access);
	RUN(test_bar_moves);
	RUN(test_bars_overlap);
	RUN(test_reset);
	RUN(test_no_room);
	RUN(test_slots_run_out);
	RUN(test_msix_table);
	RUN(test_msix_delivery);
	RUN(test_msix_vector_mask);
	RUN(test_msix_function_mask);
	RUN(test_msix_host_refuses);
	RUN(test_msix_source);
	return tests_done();
}
