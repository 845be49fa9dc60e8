/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PCI transport, and everything together: a device that echoes what it reads, driven
 * through doorbells and message interrupts with the loop's thread running.
 */
#include "tests/harness.h"

#include <sched.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"

#define QUEUES 3
#define NOTIFY_OFF 0x3000

struct echo {
	struct virtio_dev vd;
};

static struct fake_env f;
static struct echo echo;
static struct drv d;

static void echo_notify(struct virtio_dev *vd, unsigned int vq)
{
	struct iovec iov[8];
	struct virtq_chain c = { .iov = iov, .max_iov = 8 };
	uint8_t buf[256];

	while (virtq_pop(vd->queues[vq], &c) > 0) {
		size_t n = virtq_chain_read(&c, 0, buf, sizeof(buf));

		n = virtq_chain_write(&c, 0, buf, n);
		virtq_push(vd->queues[vq], &c, (uint32_t)n);
		virtq_notify(vd->queues[vq]);
	}
}

static const struct virtio_ops echo_ops = { .id = VIRTIO_ID_CONSOLE, .notify = echo_notify };

static void up(void)
{
	const uint16_t sizes[QUEUES] = { 64, 64, 64 };

	fake_env_init(&f, MIB(4));
	FAKE_MUST(virtio_init(&echo.vd, &echo_ops, &f.env, "echo0", 0, 12, QUEUES, sizes,
		NULL) == 0);
	FAKE_MUST(virtio_attach(&echo.vd, NULL) == 0);
	fake_env_start(&f);
	FAKE_MUST(drv_init(&d, &f, 1) == 0);
}

static void down(void)
{
	loop_stop(f.loop);
	virtio_fini(&echo.vd);
	fake_env_fini(&f);
}

static void check_echo(unsigned int vq, uint32_t n)
{
	gpa_t out = drv_alloc(&d, 64, 1), in = drv_alloc(&d, 64, 1);
	const struct drv_buf bufs[] = { { out, 32, false }, { in, 32, true } };
	uint32_t id, len;
	int head;

	memset(drv_ram(&d, out, 32), (int)n, 32);
	head = drv_add(&d, vq, bufs, 2, n & 1);
	drv_kick(&d, vq);
	REQUIRE(drv_wait(&d, vq, 2000, &id, &len));
	CHECK_INT(id, head);
	CHECK_INT(len, 32);
	CHECK(!memcmp(drv_ram(&d, out, 32), drv_ram(&d, in, 32), 32));
}

/* ---- Identity and layout ------------------------------------------------------------- */

static void test_identity(void)
{
	up();
	CHECK_INT(drv_find(&f, VIRTIO_ID_CONSOLE), 1);
	CHECK_INT(drv_find(&f, VIRTIO_ID_NET), -ENODEV);
	CHECK_INT(drv_cfg_read(&d, PCI_VENDOR_ID, 4), 0x10431af4);
	CHECK_INT(drv_cfg_read(&d, PCI_REVISION_ID, 4), 0x07800001);
	CHECK_INT(drv_cfg_read(&d, PCI_SUBSYSTEM_VENDOR_ID, 4), 0x10431af4);
	CHECK(d.common && d.notify && d.isr && d.config && d.msix && d.window);
	CHECK_INT(d.nr_vectors, QUEUES + 1);
	CHECK_INT(d.nr_queues, QUEUES);
	CHECK_INT(d.notify_multiplier, 4);
	down();
}

static void test_msix_vectors(void)
{
	up();
	CHECK_INT(drv_read(&d, DRV_CONFIG_VECTOR, 2), 0xffff);
	drv_write(&d, DRV_CONFIG_VECTOR, 2, QUEUES);
	CHECK_INT(drv_read(&d, DRV_CONFIG_VECTOR, 2), QUEUES);
	drv_write(&d, DRV_CONFIG_VECTOR, 2, QUEUES + 1); /* no such vector */
	CHECK_INT(drv_read(&d, DRV_CONFIG_VECTOR, 2), 0xffff);
	drv_write(&d, DRV_QUEUE_SELECT, 2, 2);
	drv_write(&d, DRV_QUEUE_VECTOR, 2, 1);
	CHECK_INT(drv_read(&d, DRV_QUEUE_VECTOR, 2), 1);
	drv_write(&d, DRV_QUEUE_VECTOR, 2, 0x8000);
	CHECK_INT(drv_read(&d, DRV_QUEUE_VECTOR, 2), 0xffff);
	drv_write(&d, DRV_QUEUE_VECTOR, 2, 1);
	drv_write(&d, DRV_QUEUE_SELECT, 2, QUEUES);
	drv_write(&d, DRV_QUEUE_VECTOR, 2, 1);
	CHECK_INT(drv_read(&d, DRV_QUEUE_VECTOR, 2), 0xffff);
	drv_reset(&d);
	CHECK_INT(drv_read(&d, DRV_QUEUE_SELECT, 2), 0);
	drv_write(&d, DRV_QUEUE_SELECT, 2, 2);
	CHECK_INT(drv_read(&d, DRV_QUEUE_VECTOR, 2), 0xffff);
	down();
}

static void test_register_widths(void)
{
	up();
	drv_write(&d, DRV_QUEUE_SELECT, 2, 1);
	CHECK_INT(drv_read(&d, DRV_NUM_QUEUES, 4), QUEUES | VIRTIO_S_ACKNOWLEDGE << 16 |
		VIRTIO_S_DRIVER << 16);
	drv_write(&d, DRV_QUEUE_SELECT, 1, 2); /* not its width: ignored */
	drv_write(&d, DRV_QUEUE_SELECT, 4, 2);
	CHECK_INT(drv_read(&d, DRV_QUEUE_SELECT, 2), 1);
	drv_write(&d, DRV_QUEUE_DESC, 8, 0x1122334455667780);
	CHECK(drv_read(&d, DRV_QUEUE_DESC, 8) == 0x1122334455667780);
	CHECK_INT(drv_read(&d, DRV_QUEUE_DESC + 4, 4), 0x11223344);
	CHECK_INT(drv_read(&d, DRV_QUEUE_NOTIFY_OFF, 2), 1);
	drv_write(&d, DRV_NUM_QUEUES, 2, 9);
	CHECK_INT(drv_read(&d, DRV_NUM_QUEUES, 2), QUEUES);
	CHECK_INT(drv_read(&d, 60, 4), 0xffffffff); /* past the structure */
	CHECK_INT(drv_read(&d, 0xffc, 4), 0xffffffff);
	CHECK_INT(fake_mmio_read(&f, d.notify, 4), 0xffffffff);
	CHECK_INT(fake_mmio_read(&f, d.notify - 2, 4), 0xffffffff); /* across two areas */
	CHECK_INT(fake_mmio_read(&f, d.config, 4), 0);
	fake_mmio_write(&f, d.config, 4, 1); /* this device's is read-only */
	CHECK_INT(fake_mmio_read(&f, d.config, 4), 0);
	down();
}

/* 4.1.4.9: BAR 0 through configuration space. */
static uint32_t window_access(uint8_t bar, uint32_t off, uint32_t len, bool write, uint32_t val)
{
	drv_cfg_write(&d, d.window + 4, 1, bar);
	drv_cfg_write(&d, d.window + 8, 4, off);
	drv_cfg_write(&d, d.window + 12, 4, len);
	if (!write)
		return drv_cfg_read(&d, d.window + 16, 4);
	drv_cfg_write(&d, d.window + 16, len, val);
	return 0;
}

static void test_config_window(void)
{
	up();
	CHECK_INT(window_access(0, DRV_NUM_QUEUES, 2, false, 0), QUEUES);
	window_access(0, DRV_QUEUE_SELECT, 2, true, 2);
	CHECK_INT(drv_read(&d, DRV_QUEUE_SELECT, 2), 2);
	window_access(0, DRV_STATUS, 1, true, 0); /* a reset, from here */
	CHECK_INT(drv_status(&d), 0);
	CHECK_INT(window_access(1, 0, 4, false, 0), 0xffffffff);
	CHECK_INT(window_access(0, 2, 4, false, 0), 0xffffffff);
	CHECK_INT(window_access(0, 0x4000, 4, false, 0), 0xffffffff);
	CHECK_INT(window_access(0, 0xfffffffc, 4, false, 0), 0xffffffff);
	CHECK_INT(window_access(0, 0, 3, false, 0), 0xffffffff);
	CHECK_INT(window_access(0, 0, 0, false, 0), 0xffffffff);
	CHECK_INT(window_access(0, 0, 0x80000000, false, 0), 0xffffffff);
	/* Works with memory decoding off: that is what it is for. */
	drv_cfg_write(&d, PCI_COMMAND, 2, 0);
	CHECK_INT(window_access(0, DRV_NUM_QUEUES, 2, false, 0), QUEUES);
	down();
}

/* ---- Doorbells ----------------------------------------------------------------------- */

static void test_doorbells_live_while_active(void)
{
	up();
	CHECK_INT(fake_doorbells(&f), 0);
	FAKE_MUST(drv_negotiate(&d, DRV_ALL_FEATURES) == 0);
	drv_queue_init(&d, 0, 0);
	drv_queue_init(&d, 2, 0);
	CHECK_INT(fake_doorbells(&f), 0);
	drv_driver_ok(&d);
	CHECK_INT(fake_doorbells(&f), 2);
	CHECK(fake_doorbell_find(&f.wires, BUS_MMIO, d.notify + 8));
	CHECK_INT(fake_doorbell_find(&f.wires, BUS_MMIO, d.notify)->size, 0);
	drv_cfg_write(&d, PCI_COMMAND, 2, 0);
	CHECK_INT(fake_doorbells(&f), 0);
	drv_cfg_write(&d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	CHECK_INT(fake_doorbells(&f), 2);
	drv_reset(&d);
	CHECK_INT(fake_doorbells(&f), 0);
	down();
}

static void test_doorbells_follow_the_bar(void)
{
	gpa_t base = FAKE_MMIO32 + 0x100000;

	up();
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	drv_cfg_write(&d, PCI_BASE_ADDRESS_0, 4, (uint32_t)base);
	CHECK_INT(fake_doorbells(&f), QUEUES);
	CHECK(!fake_doorbell_find(&f.wires, BUS_MMIO, d.notify));
	CHECK(fake_doorbell_find(&f.wires, BUS_MMIO, base + NOTIFY_OFF));
	d.q[1].doorbell = base + NOTIFY_OFF + 4;
	check_echo(1, 5);
	drv_cfg_write(&d, PCI_BASE_ADDRESS_0, 4, 0);
	CHECK_INT(fake_doorbells(&f), 0);
	down();
}

static void test_doorbells_of_two_bytes(void)
{
	up();
	f.wires.no_any_size = true;
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	CHECK_INT(fake_doorbells(&f), QUEUES);
	CHECK_INT(fake_doorbell_find(&f.wires, BUS_MMIO, d.notify)->size, 2);
	check_echo(0, 1);
	drv_reset(&d);
	CHECK_INT(fake_doorbells(&f), 0);
	down();
}

static void test_notify_without_doorbells(void)
{
	up();
	f.wires.no_doorbells = true;
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	CHECK_INT(fake_doorbells(&f), 0);
	check_echo(2, 1);
	fake_mmio_write(&f, d.notify + 4 * QUEUES, 2, 0); /* no such queue */
	fake_mmio_write(&f, d.notify + 2, 2, 0);
	down();
}

/* ---- Interrupts ---------------------------------------------------------------------- */

static void test_isr_without_msix(void)
{
	uint32_t id, len;

	up();
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	drv_cfg_write(&d, pci_bus_fn(f.pci, 1)->msix.cap + 2, 2, 0);
	CHECK_INT(fake_mmio_read(&f, d.isr, 1), 0);
	drv_add(&d, 0, (struct drv_buf[]){ { drv_alloc(&d, 8, 1), 8, false } }, 1, false);
	drv_kick(&d, 0);
	for (int i = 0; i < 2000 && !drv_used(&d, 0, &id, &len); i++)
		usleep(1000);
	loop_stop(f.loop);
	CHECK_INT(fake_mmio_read(&f, d.isr, 1), 1);
	CHECK_INT(fake_mmio_read(&f, d.isr, 1), 0); /* reading clears */
	virtio_config_changed(&echo.vd);
	CHECK_INT(fake_mmio_read(&f, d.isr, 1), 2);
	down();
}

static void test_no_vector_no_interrupt(void)
{
	up();
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	drv_write(&d, DRV_CONFIG_VECTOR, 2, 0xffff);
	virtio_config_changed(&echo.vd);
	CHECK_INT(fake_msi_count(&f, drv_msi_data(&d, -1)), 0);
	CHECK_INT(fake_mmio_read(&f, d.isr, 1), 0);
	down();
}

static void test_broken_interrupts_once(void)
{
	up();
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	drv_set_avail_idx(&d, 0, 1000);
	drv_kick(&d, 0);
	CHECK(fake_msi_wait(&f, drv_msi_data(&d, -1), 2000));
	CHECK(drv_status(&d) & VIRTIO_S_NEEDS_RESET);
	drv_kick(&d, 0);
	CHECK(!fake_msi_wait(&f, drv_msi_data(&d, -1), 20));
	drv_reset(&d);
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	check_echo(0, 3);
	down();
}

/* ---- Function level reset ------------------------------------------------------------ */

static unsigned int find_cap(struct drv *drv, uint8_t id)
{
	unsigned int at = drv_cfg_read(drv, PCI_CAPABILITY_LIST, 1);

	while (at && drv_cfg_read(drv, at, 1) != id)
		at = drv_cfg_read(drv, at + 1, 1);
	return at;
}

static void test_function_level_reset(void)
{
	unsigned int af, msix;
	uint32_t bar;

	up();
	af = find_cap(&d, PCI_CAP_ID_AF);
	msix = find_cap(&d, PCI_CAP_ID_MSIX);
	REQUIRE(af && msix);
	CHECK_INT(drv_cfg_read(&d, af + 2, 1), 6);
	CHECK_INT(drv_cfg_read(&d, af + 3, 1), 3);	/* transactions pending, FLR */
	bar = drv_cfg_read(&d, PCI_BASE_ADDRESS_0, 4);
	for (uint32_t i = 0; i < 3; i++) {
		CHECK_INT(drv_start(&d, i & 1 ? DRV_ALL_FEATURES_PACKED : DRV_ALL_FEATURES, 0), 0);
		check_echo(i % QUEUES, i);
		/* Not a write of that bit: nothing happens. */
		drv_cfg_write(&d, af + 4, 1, 0xfe);
		drv_cfg_write(&d, af + 5, 1, 0xff);
		CHECK_INT(drv_status(&d), 15);
		/* With a request on its way. */
		drv_add(&d, 0, (struct drv_buf[]){ { drv_alloc(&d, 8, 1), 8, false } }, 1, false);
		drv_kick(&d, 0);
		drv_cfg_write(&d, af + 4, i & 2 ? 4 : 1, 1);
		CHECK_INT(fake_doorbells(&f), 0);
		CHECK_INT(virtio_status(&echo.vd), 0);
		CHECK(!echo.vd.active);
		CHECK_INT(drv_cfg_read(&d, PCI_COMMAND, 2), 0);
		CHECK_INT(drv_cfg_read(&d, PCI_BASE_ADDRESS_0, 4), bar);
		CHECK_INT(drv_cfg_read(&d, msix + 2, 2) & 0xc000, 0);
		CHECK_INT(drv_cfg_read(&d, af + 4, 2), 0);	/* done, nothing pending */
		CHECK_INT(fake_mmio_read(&f, bar & ~15u, 4), 0xffffffff); /* not decoded */
		FAKE_MUST(drv_init(&d, &f, 1) == 0);
	}
	down();
}

/* ---- Together ------------------------------------------------------------------------ */

static void test_echo(void)
{
	const uint64_t plain = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_INDIRECT_DESC);
	const uint64_t features[] = { DRV_ALL_FEATURES, plain, DRV_ALL_FEATURES_PACKED,
		plain | BIT(VIRTIO_F_RING_PACKED), DRV_ALL_FEATURES };

	up();
	for (uint32_t round = 0; round < ARRAY_SIZE(features); round++) {
		CHECK_INT(drv_start(&d, features[round], 16), 0);
		for (uint32_t i = 0; i < 300; i++)
			check_echo(i % QUEUES, i);
		drv_reset(&d);
	}
	down();
}

/* Neither side may lose the other's newest index: nothing is ever kicked twice. */
static void check_no_lost_wakeup(uint64_t features)
{
	uint32_t id, len, sent = 0, got = 0, kicks = 0;
	struct drv_buf buf = { 0, 16, true };

	up();
	CHECK_INT(drv_start(&d, features, 32), 0);
	buf.gpa = drv_alloc(&d, 16, 1);
	while (got < 30000) {
		while (sent - got < 1 + got % 8 && drv_add(&d, 0, &buf, 1, false) >= 0)
			sent++;
		kicks += drv_kick_if_wanted(&d, 0);
		REQUIRE(drv_wait(&d, 0, 5000, &id, &len));
		got++;
	}
	CHECK(kicks > 0 && kicks <= sent);
	down();
}

static void test_no_lost_wakeup_by_event(void)
{
	check_no_lost_wakeup(DRV_ALL_FEATURES);
	check_no_lost_wakeup(DRV_ALL_FEATURES_PACKED);
}

static void test_no_lost_wakeup_by_flags(void)
{
	check_no_lost_wakeup(BIT(VIRTIO_F_VERSION_1));
	check_no_lost_wakeup(BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_RING_PACKED));
}

/*
 * The same with a driver that never sleeps: it adds a buffer at once when it sees the last one
 * used, which is when the device looks whether the ring is empty.
 */
static void check_no_lost_wakeup_at_empty(uint64_t features)
{
	struct drv_buf buf = { 0x1000, 16, true };
	uint32_t id, len;

	up();
	CHECK_INT(drv_start(&d, features, 32), 0);
	if (d.q[0].packed)
		drv_set_driver_event(&d, 0, 0, true, 1);
	else
		drv_set_used_event(&d, 0, 0x8000); /* hardly any interrupts */
	for (unsigned int i = 0; i < 30000; i++) {
		unsigned int spins = 0;

		REQUIRE(drv_add(&d, 0, &buf, 1, false) >= 0);
		drv_kick_if_wanted(&d, 0);
		while (!drv_used(&d, 0, &id, &len)) {
			REQUIRE(++spins < 20000000);
			if (!(spins % 1000))
				sched_yield();
		}
	}
	down();
}

static void test_no_lost_wakeup_at_empty(void)
{
	check_no_lost_wakeup_at_empty(DRV_ALL_FEATURES);
	check_no_lost_wakeup_at_empty(DRV_ALL_FEATURES_PACKED);
}

/* Another vCPU resets, moves BARs and masks vectors while the device works. */
static struct drv other; /* registers only */

static void *disturb(void *opaque)
{
	_Atomic bool *stop = opaque;
	unsigned int msix = pci_bus_fn(f.pci, 1)->msix.cap, af = find_cap(&other, PCI_CAP_ID_AF);

	for (unsigned int i = 0; !*stop; i++) {
		drv_cfg_write(&other, PCI_COMMAND, 2, i & 1 ? PCI_COMMAND_MEMORY : 0);
		drv_cfg_write(&other, PCI_BASE_ADDRESS_0, 4, FAKE_MMIO32 + (i & 2 ? 0x100000 : 0));
		drv_cfg_write(&other, msix + 2, 2, i & 4 ? 0x8000 : 0xc000);
		/* Not DRIVER_OK: the rings belong to the other thread. */
		window_access(0, DRV_STATUS, 1, true, i % 64 ? 0x0b : 0);
		if (i % 256 == 255)
			drv_cfg_write(&other, af + 4, 1, 1);
		drv_write(&other, DRV_QUEUE_DESC, 8, i);
		drv_read(&other, DRV_STATUS, 1);
		fake_mmio_read(&f, other.config, 4);
	}
	return NULL;
}

static void test_two_vcpus(void)
{
	_Atomic bool stop = false;
	pthread_t t;

	up();
	other = d;
	FAKE_MUST(pthread_create(&t, NULL, disturb, &stop) == 0);
	for (unsigned int i = 0; i < 2000; i++) {
		struct drv_buf buf = { 0x1000, 16, true };

		if (!(i % 100)) {
			gpa_t heap = d.heap;

			drv_reset(&d); /* may be lost, and the old rings live on */
			d.heap = heap;
			drv_start(&d, DRV_ALL_FEATURES, 8);
		}
		if (d.q[0].size && d.q[0].desc) {
			drv_add(&d, 0, &buf, 1, false);
			drv_kick(&d, 0);
		}
	}
	stop = true;
	pthread_join(t, NULL);
	drv_cfg_write(&d, PCI_COMMAND, 2, 0);
	drv_cfg_write(&d, PCI_BASE_ADDRESS_0, 4, FAKE_MMIO32);
	FAKE_MUST(drv_init(&d, &f, 1) == 0);
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	check_echo(0, 9);
	down();
}

int main(void)
{
	RUN(test_identity);
	RUN(test_msix_vectors);
	RUN(test_register_widths);
	RUN(test_config_window);
	RUN(test_doorbells_live_while_active);
	RUN(test_doorbells_follow_the_bar);
	RUN(test_doorbells_of_two_bytes);
	RUN(test_notify_without_doorbells);
	RUN(test_isr_without_msix);
	RUN(test_no_vector_no_interrupt);
	RUN(test_broken_interrupts_once);
	RUN(test_function_level_reset);
	RUN(test_echo);
	RUN(test_no_lost_wakeup_by_event);
	RUN(test_no_lost_wakeup_by_flags);
	RUN(test_no_lost_wakeup_at_empty);
	RUN(test_two_vcpus);
	return tests_done();
}
