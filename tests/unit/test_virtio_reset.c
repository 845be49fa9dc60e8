/* SPDX-License-Identifier: Apache-2.0 */
/* Reset of single queues (virtio 1.2, 2.6.1), on both transports. */
#include "tests/unit/echo_rig.h"

static void reset_queue(uint16_t vq)
{
	drv_write(&rig.d, DRV_QUEUE_SELECT, 2, vq);
	drv_write(&rig.d, DRV_QUEUE_RESET, 2, 1);
	CHECK_INT(drv_read(&rig.d, DRV_QUEUE_RESET, 2), 0);
	CHECK_INT(drv_read(&rig.d, DRV_QUEUE_ENABLE, 2), 0);
}

static void check_queue_reset(bool mmio)
{
	up(mmio);
	reset_queue(0); /* no device runs */
	CHECK_INT(drv_start(&rig.d, DRV_ALL_FEATURES_PACKED, 16), 0);
	for (unsigned int i = 0; i < 20; i++) {
		gpa_t old = rig.d.q[1].desc;

		check_echo(1, i);
		check_echo(0, i);
		reset_queue(1);
		CHECK_INT(rig.queue_resets, i + 1);
		CHECK_INT(drv_read(&rig.d, DRV_QUEUE_SIZE, 2), 64);
		CHECK(mmio || drv_read(&rig.d, DRV_QUEUE_DESC, 8) == 0);
		drv_kick(&rig.d, 1);
		check_echo(0, i); /* the others go on */
		memset(&rig.d.q[1], 0, sizeof(rig.d.q[1]));
		drv_queue_init(&rig.d, 1, 8);
		CHECK(rig.d.q[1].desc != old);
		CHECK_INT(drv_read(&rig.d, DRV_QUEUE_ENABLE, 2), 1);
		CHECK_INT(virtq_size(rig.vd.queues[1]), 8);
	}
	CHECK_INT(fake_doorbells(&rig.f), QUEUES);
	reset_queue(QUEUES); /* no such queue */
	reset_queue(2);
	reset_queue(2);
	CHECK_INT(rig.queue_resets, 21); /* once: it did not run the second time */
	drv_reset(&rig.d);
	CHECK_INT(drv_start(&rig.d, DRV_ALL_FEATURES, 16), 0);
	check_echo(2, 3);
	down();
}

/* Where the driver does not accept the feature, or puts the new ring nowhere. */
static void check_queue_reset_refused(bool mmio)
{
	up(mmio);
	CHECK_INT(drv_start(&rig.d, DRV_ALL_FEATURES & ~BIT(VIRTIO_F_RING_RESET), 16), 0);
	drv_write(&rig.d, DRV_QUEUE_SELECT, 2, 0);
	drv_write(&rig.d, DRV_QUEUE_RESET, 2, 1);
	CHECK_INT(drv_read(&rig.d, DRV_QUEUE_ENABLE, 2), 1);
	check_echo(0, 1);
	CHECK_INT(rig.queue_resets, 0);
	drv_reset(&rig.d);
	CHECK_INT(drv_start(&rig.d, DRV_ALL_FEATURES, 16), 0);
	reset_queue(0);
	drv_write(&rig.d, DRV_QUEUE_DESC, 8, MIB(64));
	drv_write(&rig.d, DRV_QUEUE_ENABLE, 2, 1);
	CHECK(drv_status(&rig.d) & VIRTIO_S_NEEDS_RESET);
	drv_reset(&rig.d);
	CHECK_INT(drv_start(&rig.d, DRV_ALL_FEATURES, 16), 0);
	check_echo(0, 2);
	down();
}

static void test_pci(void)
{
	check_queue_reset(false);
}

static void test_pci_refused(void)
{
	check_queue_reset_refused(false);
}

static void test_mmio(void)
{
	check_queue_reset(true);
}

static void test_mmio_refused(void)
{
	check_queue_reset_refused(true);
}

int main(void)
{
	RUN(test_pci);
	RUN(test_pci_refused);
	RUN(test_mmio);
	RUN(test_mmio_refused);
	return tests_done();
}
