/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device that echoes what it reads, on either transport, driven through doorbells and
 * interrupts with the loop's thread running.
 */
#ifndef TESTS_UNIT_ECHO_RIG_H
#define TESTS_UNIT_ECHO_RIG_H

#include "tests/harness.h"

#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"

#define QUEUES 3
#define MMIO_BASE (FAKE_MMIO32 + FAKE_MMIO32_SIZE)
#define MMIO_GSI 5

static struct echo_rig {
	struct fake_env f;
	struct virtio_dev vd;
	struct drv d;
	struct mmio_slots slots;
	unsigned int queue_resets;
} rig;

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

static void echo_queue_reset(struct virtio_dev *vd, unsigned int vq)
{
	FAKE_MUST(loop_is_current(rig.f.loop) && virtq_started(vd->queues[vq]));
	rig.queue_resets++;
}

static const struct virtio_ops echo_ops = { .id = VIRTIO_ID_CONSOLE, .notify = echo_notify,
	.queue_reset = echo_queue_reset };

static void up(bool mmio)
{
	const uint16_t sizes[QUEUES] = { 64, 64, 64 };

	memset(&rig, 0, sizeof(rig));
	fake_env_init(&rig.f, MIB(4));
	rig.slots = (struct mmio_slots){ MMIO_BASE, 0x200, MMIO_GSI, 0, 2 };
	rig.f.env.mmio = mmio ? &rig.slots : NULL;
	FAKE_MUST(virtio_init(&rig.vd, &echo_ops, &rig.f.env, "echo0", 0, 12, QUEUES, sizes,
		NULL) == 0);
	FAKE_MUST(virtio_attach(&rig.vd, NULL) == 0);
	fake_env_start(&rig.f);
	FAKE_MUST((mmio ? drv_mmio_init(&rig.d, &rig.f, MMIO_BASE, MMIO_GSI) :
		drv_init(&rig.d, &rig.f, 1)) == 0);
}

static void down(void)
{
	loop_stop(rig.f.loop);
	virtio_fini(&rig.vd);
	CHECK_INT(fake_doorbells(&rig.f), 0);
	fake_env_fini(&rig.f);
}

static void check_echo(unsigned int vq, uint32_t n)
{
	struct drv *d = &rig.d;
	gpa_t out = drv_alloc(d, 64, 1), in = drv_alloc(d, 64, 1);
	const struct drv_buf bufs[] = { { out, 32, false }, { in, 32, true } };
	uint32_t id, len;
	int head;

	memset(drv_ram(d, out, 32), (int)n, 32);
	head = drv_add(d, vq, bufs, 2, n & 1);
	drv_kick(d, vq);
	REQUIRE(drv_wait(d, vq, 2000, &id, &len));
	CHECK_INT(id, head);
	CHECK_INT(len, 32);
	CHECK(!memcmp(drv_ram(d, out, 32), drv_ram(d, in, 32), 32));
}

#endif
