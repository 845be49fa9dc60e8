/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole virtio device through its MMIO transport: registers in any order, doorbells, rings in
 * memory that the input writes. The loop's thread does not run, so each step is complete when
 * it returns. Checked: ops come in the right states only, queues that run are those that were
 * set up, doorbells are gone and the line is low after a reset.
 *
 * Input: steps of an opcode byte and its arguments.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "devices/virtio/mmio_regs.h"
#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"

#define RAM MIB(1)
#define QUEUES 2
#define SIZE 8
#define BASE (FAKE_MMIO32 + FAKE_MMIO32_SIZE)
#define GSI 5

struct input {
	const uint8_t *data;
	size_t left;
};

static struct state {
	struct fake_env f;
	struct virtio_dev vd;
	struct drv d;
	struct mmio_slots slots;
	bool active;
} *st;

static void must(bool cond)
{
	if (!cond)
		abort();
}

static int echo_activate(struct virtio_dev *vd)
{
	must(!st->active && (vd->status & VIRTIO_S_DRIVER_OK) &&
		virtio_has(vd, VIRTIO_F_VERSION_1) && virtio_has(vd, VIRTIO_F_ACCESS_PLATFORM));
	must(!(vd->accepted & ~vd->features));
	st->active = true;
	return 0;
}

static void echo_reset(struct virtio_dev *vd)
{
	must(st->active);
	st->active = false;
}

static void echo_notify(struct virtio_dev *vd, unsigned int vq)
{
	struct iovec iov[4];
	struct virtq_chain c = { .iov = iov, .max_iov = 4 };
	uint8_t buf[64];
	size_t n;

	must(st->active && virtq_ready(vd->queues[vq]));
	for (unsigned int i = 0; i < 100 && virtq_pop(vd->queues[vq], &c) > 0; i++) {
		n = virtq_chain_read(&c, 0, buf, sizeof(buf));
		n = virtq_chain_write(&c, 0, buf, n);
		virtq_push(vd->queues[vq], &c, (uint32_t)n);
		virtq_notify(vd->queues[vq]);
	}
}

static void echo_config_written(struct virtio_dev *vd, size_t off, size_t len)
{
	must(range_within(off, len, 0, vd->config_size));
	if (vd->config[off] & 1)
		virtio_config_changed(vd);
}

static void echo_queue_reset(struct virtio_dev *vd, unsigned int vq)
{
	must(st->active && virtq_started(vd->queues[vq]));
}

static const struct virtio_ops echo_ops = {
	.id = VIRTIO_ID_CONSOLE,
	.activate = echo_activate,
	.notify = echo_notify,
	.reset = echo_reset,
	.queue_reset = echo_queue_reset,
	.config_written = echo_config_written,
};

static void set_up(void)
{
	const uint16_t sizes[QUEUES] = { SIZE, SIZE };

	st = calloc(1, sizeof(*st));
	fake_env_init(&st->f, RAM);
	st->f.log.sink = NULL;
	st->f.env.access_platform = true;
	st->slots = (struct mmio_slots){ BASE, VIRTIO_MMIO_SIZE, GSI, 0, 1 };
	st->f.env.mmio = &st->slots;
	FAKE_MUST(virtio_init(&st->vd, &echo_ops, &st->f.env, "fuzz", 0, 7, QUEUES, sizes,
		NULL) == 0);
	FAKE_MUST(virtio_attach(&st->vd, NULL) == 0);
}

static uint8_t next(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->data++;
}

static uint64_t number(struct input *in, unsigned int bytes)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < bytes; i++)
		v |= (uint64_t)next(in) << (8 * i);
	return v;
}

/* What the loop's thread does with kicks. */
static void run_kicks(void)
{
	for (unsigned int i = 0; i < QUEUES; i++) {
		eventfd_t n;

		if (eventfd_read(st->vd.regs[i].notify_fd, &n) == 0 && st->vd.active &&
			virtq_ready(st->vd.queues[i]))
			st->vd.ops->notify(&st->vd, i);
	}
}

static void mmio(gpa_t addr, unsigned int size, bool write, uint64_t val)
{
	if (write)
		fake_mmio_write(&st->f, addr, size, val);
	else
		fake_mmio_read(&st->f, addr, size);
}

static void step(struct input *in)
{
	uint8_t op = next(in);
	unsigned int size = 1U << (op >> 4 & 3), at;
	bool write = op & 0x40;
	struct drv *d = &st->d;

	switch (op & 15) {
	case 0: /* registers */
	case 1:
	case 2:
		mmio(BASE + 4U * (next(in) % 64), 4, write, number(in, size));
		break;
	case 3:
		mmio(d->config + next(in) % 16, size, write, number(in, size));
		break;
	case 4: /* anywhere, any size */
		mmio(BASE + number(in, 2) % (VIRTIO_MMIO_SIZE - 7), size, write, number(in, size));
		break;
	case 5: /* one queue, from reset to ready */
		at = op >> 4 & 1;
		drv_write(d, DRV_QUEUE_SELECT, 2, at);
		drv_write(d, DRV_QUEUE_RESET, 2, 1);
		if (write && d->heap < RAM / 2) {
			memset(&d->q[at], 0, sizeof(d->q[at]));
			drv_queue_init(d, at, SIZE);
		}
		break;
	case 6: /* a driver that knows what it does */
		drv_reset(d);
		drv_start(d, write ? DRV_ALL_FEATURES : number(in, 5), SIZE);
		break;
	case 7:
	case 8: /* memory: rings are at the start of the heap */
		at = 0x10000 + (unsigned int)number(in, 2) % 0x400;
		for (unsigned int n = size; n; n--)
			*(uint8_t *)fake_ram(&st->f, at++, 1) = next(in);
		break;
	case 9:
	case 10: /* a chain */
		at = next(in);
		if (d->q[at & 1].size && d->q[at & 1].desc) {
			struct drv_buf bufs[3] = { { 0x20000, 1U + at, false },
				{ 0x30000, 8, at & 2 }, { 0x40000, 8, at & 4 } };

			if (d->q[at & 1].nr_free > d->q[at & 1].size ||
				d->q[at & 1].free_head >= d->q[at & 1].size)
				break;
			drv_add(d, at & 1, bufs, 1U + at / 8 % 3, write);
		}
		break;
	default:
		mmio(d->notify, 4, true, op >> 4 & 3);
		run_kicks();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	if (!st)
		set_up();
	memset(fake_ram(&st->f, 0x10000, 0x1000), 0, 0x1000);
	FAKE_MUST(drv_mmio_init(&st->d, &st->f, BASE, GSI) == 0);
	while (in.left)
		step(&in);
	run_kicks();
	virtio_machine_reset(&st->vd);
	must(!st->active && !st->vd.active && !st->vd.status && !st->vd.accepted);
	must(fake_doorbells(&st->f) == 0);
	must(!st->f.wires.lines[GSI]);
	for (unsigned int i = 0; i < QUEUES; i++)
		must(!virtq_ready(st->vd.queues[i]) && !st->vd.regs[i].enabled);
	return 0;
}
