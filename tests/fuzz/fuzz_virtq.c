/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rings whose memory the input writes between our steps. Checked: whatever is popped lies in
 * the device's memory, adds up and keeps the order; nothing is popped from a broken queue; we
 * always come back.
 *
 * fuzz_virtq_packed.c is the same for packed rings.
 *
 * Input: one byte of features and size, then steps of an opcode byte and its arguments.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/le.h"
#include "devices/virtio/virtio.h"
#include "tests/unit/fakes.h"

#ifndef PACKED
#define PACKED false
#endif

#define RAM MIB(1)
#define PAGE 0x1000	/* of RAM, that the input writes: rings and tables */
#define DESC 0x000
#define AVAIL 0x200
#define USED 0x300
#define MAX_HELD 16

struct input {
	const uint8_t *data;
	size_t left;
};

static struct state {
	struct fake_env f;
	struct virtio_dev vd;
	uint8_t *ram;
	struct virtq_chain held[MAX_HELD];
	struct iovec iov[MAX_HELD][64];
	unsigned int nr_held;
	unsigned int pos;	/* packed: the driver's position, rounds included */
} *st;

static void none(void *ctx)
{
}

static void vq_none(void *ctx, unsigned int vq)
{
}

static const struct virtio_transport_ops transport = { .vq_interrupt = vq_none,
	.config_interrupt = none, .started = none, .stopped = none, .reset = none,
	.machine_reset = none, .detach = none };
static const struct virtio_ops ops = { .id = VIRTIO_ID_RNG };

static void set_up(void)
{
	const uint16_t sizes[] = { 16 };

	st = calloc(1, sizeof(*st));
	fake_env_init(&st->f, RAM);
	FAKE_MUST(virtio_init(&st->vd, &ops, &st->f.env, "fuzz", 0, 0, 1, sizes, NULL) == 0);
	st->vd.transport = &transport;
	st->ram = fake_ram(&st->f, 0, RAM);
}

static uint8_t next(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->data++;
}

static void must(bool cond)
{
	if (!cond)
		abort();
}

static void check_chain(const struct virtq_chain *c)
{
	uint64_t out = 0, total = 0;

	must(c->nr_out + c->nr_in >= 1 && c->nr_out + c->nr_in <= 16);
	for (unsigned int i = 0; i < c->nr_out + c->nr_in; i++) {
		uint8_t *p = c->iov[i].iov_base;

		must(c->iov[i].iov_len && p >= st->ram && p < st->ram + RAM &&
			c->iov[i].iov_len <= (size_t)(st->ram + RAM - p));
		total += c->iov[i].iov_len;
		if (i < c->nr_out)
			out += c->iov[i].iov_len;
	}
	must(out == c->out_len && total == c->out_len + c->in_len);
}

static void pop(struct virtq *vq)
{
	struct virtq_chain *c = &st->held[st->nr_held];
	bool ready = virtq_ready(vq);
	int r;

	if (st->nr_held == MAX_HELD)
		return;
	c->iov = st->iov[st->nr_held];
	c->max_iov = 64;
	r = virtq_pop(vq, c);
	must(ready || r < 0);
	must(r >= 0 || !virtq_ready(vq));
	if (r <= 0)
		return;
	must(r == 1);
	check_chain(c);
	st->nr_held++;
}

static void push(struct virtq *vq, uint8_t which)
{
	static const uint8_t zeros[256];
	struct virtq_chain *c;
	uint32_t n;

	if (!st->nr_held)
		return;
	which %= st->nr_held;
	c = &st->held[which];
	n = (uint32_t)(c->in_len < sizeof(zeros) ? c->in_len : sizeof(zeros));
	must(virtq_chain_write(c, c->in_len - n, zeros, n) == n);
	virtq_push(vq, c, n);
	for (unsigned int i = which + 1U; i < st->nr_held; i++) {
		st->held[i - 1] = st->held[i];
		memcpy(st->iov[i - 1], st->iov[i], sizeof(st->iov[0]));
		st->held[i - 1].iov = st->iov[i - 1];
	}
	st->nr_held--;
}

/* The next available entry, properly. */
static void offer_split(struct virtq *vq, uint8_t how)
{
	uint16_t at = (uint16_t)le_load(st->ram + AVAIL + 2, 2);

	le_store(st->ram + AVAIL + 4 + 2 * (at % virtq_size(vq)), 2, how);
	le_store(st->ram + AVAIL + 2, 2, at + 1U);
}

/* how: three bits of flags, two of the buffer. */
static void offer_packed(struct virtq *vq, uint8_t how)
{
	unsigned int slot = st->pos % virtq_size(vq);
	bool wrap = !(st->pos / virtq_size(vq) & 1);
	uint8_t *d = st->ram + DESC + 16 * slot;

	le_store(d, 8, 0x400U + 0x100U * (how >> 3));
	le_store(d + 8, 4, 16U << (how >> 3));
	le_store(d + 12, 2, slot);
	le_store(d + 14, 2, (how & 7U) | (wrap ? 0x80U : 0x8000U));
	st->pos++;
}

static void step(struct virtq *vq, struct input *in)
{
	uint8_t op = next(in);
	uint16_t at;
	bool was;

	switch (op & 7) {
	case 0: /* the guest writes */
		at = (uint16_t)(next(in) | next(in) << 8);
		for (unsigned int n = 1U + (op >> 3); n; n--)
			st->ram[at++ % PAGE] = next(in);
		break;
	case 1:
		if (PACKED)
			offer_packed(vq, op >> 3);
		else
			offer_split(vq, op >> 3);
		break;
	case 2:
		pop(vq);
		break;
	case 3:
		push(vq, op >> 3);
		break;
	case 4:
		virtq_notify(vq);
		break;
	case 5:
		was = virtq_ready(vq);
		must(!virtq_enable_notify(vq) || was);
		break;
	case 6:
		virtq_disable_notify(vq);
		break;
	case 7: { /* pop and put back: the same chain comes again, unless it changed */
		unsigned int held = st->nr_held;

		pop(vq);
		if (st->nr_held > held) {
			virtq_unpop(vq);
			st->nr_held--;
		}
		break;
	}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct virtq_setup setup = { .desc = DESC, .driver = AVAIL, .device = USED };
	struct virtq *vq;
	uint8_t how;

	if (!st)
		set_up();
	vq = st->vd.queues[0];
	memset(st->ram, 0, PAGE);
	st->vd.status = VIRTIO_S_DRIVER_OK;
	st->nr_held = 0;
	st->pos = 0;
	how = next(&in);
	setup.event_idx = how & 1;
	setup.indirect = how & 2;
	setup.packed = PACKED;
	setup.size = (uint16_t)(PACKED ? 1U + (how >> 2) % 16 : 1U << (how >> 2) % 5);
	must(virtq_start(vq, &setup) == 0);
	while (in.left)
		step(vq, &in);
	while (st->nr_held)
		push(vq, 0);
	virtq_stop(vq);
	return 0;
}
