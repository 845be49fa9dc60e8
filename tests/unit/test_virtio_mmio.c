/* SPDX-License-Identifier: Apache-2.0 */
/* The MMIO transport: registers, doorbells by value, the interrupt line. */
#include "tests/unit/echo_rig.h"

#include "devices/virtio/mmio_regs.h"

static uint32_t reg(unsigned int off)
{
	return (uint32_t)fake_mmio_read(&rig.f, MMIO_BASE + off, 4);
}

static void set_reg(unsigned int off, uint32_t val)
{
	fake_mmio_write(&rig.f, MMIO_BASE + off, 4, val);
}

static bool line(void)
{
	bool high;

	pthread_mutex_lock(&rig.f.wires.lock);
	high = rig.f.wires.lines[MMIO_GSI];
	pthread_mutex_unlock(&rig.f.wires.lock);
	return high;
}

static void test_identity(void)
{
	up(true);
	CHECK_INT(reg(MMIO_MAGIC_VALUE), 0x74726976);
	CHECK_INT(reg(MMIO_VERSION), 2);
	CHECK_INT(reg(MMIO_DEVICE_ID), VIRTIO_ID_CONSOLE);
	CHECK_INT(rig.d.nr_queues, QUEUES);
	CHECK_INT(reg(MMIO_QUEUE_NUM_MAX), 64);
	CHECK_INT(reg(MMIO_SHM_LEN_LOW), 0xffffffff);
	CHECK_INT(reg(MMIO_SHM_LEN_HIGH), 0xffffffff);
	set_reg(MMIO_SHM_SEL, 1);
	CHECK_INT(reg(MMIO_SHM_BASE_LOW), 0xffffffff);
	CHECK_INT(reg(MMIO_SHM_BASE_HIGH), 0xffffffff);
	CHECK_INT(reg(0x00d0), 0);
	CHECK_INT(rig.slots.nr, 1);
	CHECK(!pci_bus_fn(rig.f.pci, 1));
	down();
}

static void test_register_widths(void)
{
	up(true);
	CHECK_INT(fake_mmio_read(&rig.f, MMIO_BASE, 2), 0xffff);
	CHECK_INT(fake_mmio_read(&rig.f, MMIO_BASE + 2, 4), 0xffffffff);
	fake_mmio_write(&rig.f, MMIO_BASE + MMIO_STATUS, 1, 0); /* ignored, all three */
	fake_mmio_write(&rig.f, MMIO_BASE + MMIO_STATUS, 8, 0);
	set_reg(MMIO_STATUS, 0x100);
	CHECK_INT(reg(MMIO_STATUS), VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER);
	set_reg(MMIO_QUEUE_SEL, 0x10001); /* 32 bits: no such queue */
	CHECK_INT(reg(MMIO_QUEUE_NUM_MAX), 0);
	set_reg(MMIO_QUEUE_READY, 1);
	CHECK_INT(reg(MMIO_QUEUE_READY), 0);
	CHECK_INT(fake_mmio_read(&rig.f, MMIO_BASE + MMIO_CONFIG + 8, 1), 0);
	CHECK_INT(fake_mmio_read(&rig.f, MMIO_BASE + MMIO_CONFIG + 8, 8) >> 32, 0xffffffff);
	down();
}

/* 4.2.2.2: 0 takes a queue back; not from a running device. */
static void test_queue_ready(void)
{
	up(true);
	CHECK_INT(drv_negotiate(&rig.d, DRV_ALL_FEATURES), 0);
	drv_queue_init(&rig.d, 0, 16);
	CHECK_INT(reg(MMIO_QUEUE_READY), 1);
	set_reg(MMIO_QUEUE_READY, 0);
	CHECK_INT(reg(MMIO_QUEUE_READY), 0);
	set_reg(MMIO_QUEUE_READY, 1);
	drv_driver_ok(&rig.d);
	set_reg(MMIO_QUEUE_READY, 0);
	set_reg(MMIO_QUEUE_DESC_LOW, 0xdead000); /* frozen (compare CVE-2026-5747) */
	set_reg(MMIO_QUEUE_NUM, 4);
	CHECK_INT(reg(MMIO_QUEUE_READY), 1);
	CHECK_INT(virtq_size(rig.vd.queues[0]), 16);
	check_echo(0, 1);
	down();
}

static void test_doorbells(void)
{
	up(true);
	CHECK_INT(drv_negotiate(&rig.d, DRV_ALL_FEATURES), 0);
	drv_queue_init(&rig.d, 0, 0);
	drv_queue_init(&rig.d, 2, 0);
	CHECK_INT(fake_doorbells(&rig.f), 0);
	drv_driver_ok(&rig.d);
	CHECK_INT(fake_doorbells(&rig.f), 2);
	check_echo(2, 1);
	check_echo(0, 2);
	set_reg(MMIO_QUEUE_NOTIFY, QUEUES); /* no such queue */
	set_reg(MMIO_QUEUE_NOTIFY, 0xffffffff);
	drv_reset(&rig.d);
	CHECK_INT(fake_doorbells(&rig.f), 0);
	rig.f.wires.no_doorbells = true;
	CHECK_INT(drv_start(&rig.d, DRV_ALL_FEATURES, 0), 0);
	CHECK_INT(fake_doorbells(&rig.f), 0);
	check_echo(1, 3);
	down();
}

static void test_line(void)
{
	up(true);
	virtio_config_changed(&rig.vd); /* no driver yet */
	CHECK_INT(reg(MMIO_INTERRUPT_STATUS), 0);
	CHECK_INT(drv_start(&rig.d, DRV_ALL_FEATURES, 0), 0);
	CHECK(!line());
	virtio_config_changed(&rig.vd);
	CHECK(line());
	rig.vd.transport->vq_interrupt(rig.vd.transport_ctx, 0);
	CHECK_INT(reg(MMIO_INTERRUPT_STATUS), 3);
	CHECK_INT(reg(MMIO_INTERRUPT_STATUS), 3); /* reading changes nothing */
	set_reg(MMIO_INTERRUPT_ACK, 2);
	CHECK_INT(reg(MMIO_INTERRUPT_STATUS), 1);
	CHECK(line());
	set_reg(MMIO_INTERRUPT_ACK, 0xffffffff);
	CHECK_INT(reg(MMIO_INTERRUPT_STATUS), 0);
	CHECK(!line());
	virtio_config_changed(&rig.vd);
	drv_reset(&rig.d);
	CHECK(!line());
	CHECK_INT(reg(MMIO_INTERRUPT_STATUS), 0);
	down();
}

static void test_generation(void)
{
	uint32_t before;

	up(true);
	before = reg(MMIO_CONFIG_GENERATION);
	virtio_config_update(&rig.vd, 0, "\1\2\3\4", 4);
	CHECK(reg(MMIO_CONFIG_GENERATION) != before);
	CHECK_INT(reg(MMIO_CONFIG), 0x04030201);
	down();
}

static void test_broken_interrupts(void)
{
	up(true);
	CHECK_INT(drv_start(&rig.d, DRV_ALL_FEATURES, 0), 0);
	drv_set_avail_idx(&rig.d, 0, 1000);
	drv_kick(&rig.d, 0);
	CHECK(drv_mmio_wait(&rig.d, 2000));
	CHECK(drv_status(&rig.d) & VIRTIO_S_NEEDS_RESET);
	drv_reset(&rig.d);
	CHECK_INT(drv_start(&rig.d, DRV_ALL_FEATURES, 0), 0);
	check_echo(0, 3);
	down();
}

static void test_echo(void)
{
	const uint64_t plain = BIT(VIRTIO_F_VERSION_1);
	const uint64_t features[] = { DRV_ALL_FEATURES, plain, DRV_ALL_FEATURES_PACKED,
		plain | BIT(VIRTIO_F_RING_PACKED) };

	up(true);
	for (uint32_t round = 0; round < 4; round++) {
		CHECK_INT(drv_start(&rig.d, features[round], 16), 0);
		for (uint32_t i = 0; i < 200; i++)
			check_echo(i % QUEUES, i & (round & 1 ? ~1U : ~0U));
		drv_reset(&rig.d);
	}
	virtio_machine_reset(&rig.vd);
	CHECK_INT(reg(MMIO_STATUS), 0);
	down();
}

/* Another vCPU acknowledges, resets queues and the device while it works. */
static void *disturb(void *opaque)
{
	_Atomic bool *stop = opaque;

	for (unsigned int i = 0; !*stop; i++) {
		set_reg(MMIO_INTERRUPT_ACK, reg(MMIO_INTERRUPT_STATUS));
		set_reg(MMIO_QUEUE_SEL, i % QUEUES);
		set_reg(MMIO_QUEUE_RESET, !(i % 32));
		set_reg(MMIO_QUEUE_DESC_LOW, i << 4);
		set_reg(MMIO_QUEUE_NOTIFY, i % 4);
		if (!(i % 256))
			set_reg(MMIO_STATUS, 0);
	}
	return NULL;
}

static void test_two_vcpus(void)
{
	_Atomic bool stop = false;
	pthread_t t;

	up(true);
	FAKE_MUST(pthread_create(&t, NULL, disturb, &stop) == 0);
	for (unsigned int i = 0; i < 300; i++) {
		gpa_t heap = rig.d.heap;

		if (!(i % 10)) {
			drv_reset(&rig.d);
			rig.d.heap = heap; /* old rings may live on */
			drv_start(&rig.d, DRV_ALL_FEATURES_PACKED, 8);
		}
		if (rig.d.q[0].size && rig.d.q[0].desc) {
			drv_add(&rig.d, 0, (struct drv_buf[]){ { 0x1000, 16, true } }, 1, false);
			drv_kick(&rig.d, 0);
		}
	}
	stop = true;
	pthread_join(t, NULL);
	FAKE_MUST(drv_mmio_init(&rig.d, &rig.f, MMIO_BASE, MMIO_GSI) == 0);
	CHECK_INT(drv_start(&rig.d, DRV_ALL_FEATURES_PACKED, 0), 0);
	check_echo(0, 9);
	down();
}

static void test_places(void)
{
	const uint16_t sizes[] = { 8 };
	struct virtio_dev more[3];
	struct tvm_error err;

	up(true);
	loop_stop(rig.f.loop);
	for (int i = 0; i < 3; i++)
		FAKE_MUST(virtio_init(&more[i], &echo_ops, &rig.f.env, "more", 0, i ? 0 : 257, 1,
			sizes, NULL) == 0);
	CHECK_INT(virtio_attach(&more[0], &err), -EINVAL);
	CHECK_HAS(err.msg, "does not fit MMIO");
	CHECK_INT(virtio_attach(&more[1], &err), 0);
	CHECK_INT(fake_mmio_read(&rig.f, MMIO_BASE + 0x200, 4), 0x74726976);
	CHECK_INT(virtio_attach(&more[2], &err), -ENOSPC);
	CHECK_HAS(err.msg, "more than 2 virtio devices");
	for (int i = 0; i < 3; i++)
		virtio_fini(&more[i]);
	down();
}

int main(void)
{
	RUN(test_identity);
	RUN(test_register_widths);
	RUN(test_queue_ready);
	RUN(test_doorbells);
	RUN(test_line);
	RUN(test_generation);
	RUN(test_broken_interrupts);
	RUN(test_echo);
	RUN(test_two_vcpus);
	RUN(test_places);
	return tests_done();
}
