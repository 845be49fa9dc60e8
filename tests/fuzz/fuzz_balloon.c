/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is what a guest asks of its balloon and of virtio-rng: page numbers, free memory
 * and buffers of any number, place and size. Every chain comes back once; the balloon writes
 * nothing, the other device fills what it says it filled; pages that nobody named keep their
 * contents.
 *
 * No thread runs: queues are served when the input says so.
 */
#include <assert.h>
#include <string.h>

#include "devices/devices.h"
#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"

#define QUEUES 3u
#define RAM MIB(4)
#define AREA MIB(2)		/* what may be given away without breaking rings */
#define KEPT (RAM - 4096)	/* never named */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t n;
};

/* Every virtio device starts so. */
struct virtio_like {
	struct dev dev;
	struct virtio_dev vd;
};

struct side {
	struct drv d;
	struct virtio_dev *vd;
	uint32_t in_len[QUEUES][128];
	bool used[QUEUES][128];
};

static struct {
	struct fake_env f;
	struct side balloon, rng;
	bool up;
} g;

static uint8_t next(struct input *in)
{
	if (!in->n)
		return 0;
	in->n--;
	return *in->p++;
}

static uint32_t next32(struct input *in)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 8 | next(in);
	return v;
}

static void set_up_side(struct side *s, const struct dev_class *cls, unsigned int id)
{
	struct dev *dev;

	FAKE_MUST(!cls->create(&g.f.env, NULL, &dev, NULL));
	s->vd = &((struct virtio_like *)dev)->vd;
	FAKE_MUST(!drv_init(&s->d, &g.f, (unsigned int)drv_find(&g.f, id)));
}

static void start(struct side *s, uint64_t features, gpa_t heap)
{
	drv_reset(&s->d);
	s->d.heap = heap;
	memset(s->used, 0, sizeof(s->used));
	FAKE_MUST(!drv_start(&s->d, features, 64));
}

static void serve(struct side *s, unsigned int vq)
{
	bool fills = s == &g.rng;
	uint32_t id, len;

	/* A turn ends in a kick of one's own when there is more. */
	for (unsigned int turn = 0; turn < 64; turn++)
		if (s->vd->active && virtq_ready(s->vd->queues[vq]))
			s->vd->ops->notify(s->vd, vq);
	while (drv_used(&s->d, vq, &id, &len)) {
		assert(id < 128 && s->used[vq][id]);
		assert(fills ? len <= s->in_len[vq][id] && !len == !s->in_len[vq][id] : !len);
		s->used[vq][id] = false;
	}
}

static void add(struct side *s, unsigned int vq, const struct drv_buf *bufs, unsigned int n,
	bool indirect)
{
	int head = drv_add(&s->d, vq, bufs, n, indirect);
	uint32_t in_len = 0;

	for (unsigned int i = 0; i < n; i++)
		in_len += bufs[i].write ? bufs[i].len : 0;
	if (head < 0)
		return;
	s->in_len[vq][head] = in_len;
	s->used[vq][head] = true;
}

/* A page of the area, or of nowhere. */
static uint32_t page(struct input *in)
{
	uint8_t b = next(in);
	uint32_t pfn;

	if (b < 255)
		return (uint32_t)(AREA >> 12) + b;
	pfn = next32(in);
	return pfn < RAM >> 12 ? 0xffffffff : pfn;
}

static void add_pages(struct input *in, unsigned int vq, uint8_t how)
{
	unsigned int n = next(in);
	gpa_t at = drv_alloc(&g.balloon.d, 4 * n + 4, 4);
	uint32_t cut = next(in) % (4 * n + 1);
	const struct drv_buf bufs[2] = { { at, cut, how & 1 }, { at + cut, 4 * n - cut, how & 1 } };

	for (unsigned int i = 0; i < n; i++)
		le_store(drv_ram(&g.balloon.d, at + 4 * i, 4), 4, page(in));
	if (cut && cut < 4 * n)
		add(&g.balloon, vq, bufs, 2, how & 2);
	else
		add(&g.balloon, vq, (struct drv_buf[]){ { at, 4 * n, how & 1 } }, 1, how & 2);
}

static void add_report(struct input *in, uint8_t how)
{
	struct drv_buf bufs[4];
	unsigned int n = 1 + how % 4;

	for (unsigned int i = 0; i < n; i++) {
		gpa_t at = AREA + 16 * (uint64_t)(next32(in) % ((KEPT - AREA) / 16));
		uint32_t len = next32(in) % (uint32_t)(KEPT - at);

		bufs[i] = (struct drv_buf){ how == 255 ? at << 12 : at, len, how < 250 };
	}
	add(&g.balloon, 2, bufs, n, how & 8);
}

static void add_random(struct input *in, uint8_t how)
{
	uint32_t len = how & 1 ? next(in) : next32(in) % 20000;
	gpa_t at = drv_alloc(&g.rng.d, len + 1, 1);

	add(&g.rng, 0, (struct drv_buf[]){ { at, len, how < 250 }, { at, how & 6u, how < 250 } },
		how & 6 ? 2 : 1, how & 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t *kept, mark;
	uint64_t features;

	if (!g.up) {
		fake_env_init(&g.f, RAM);
		set_up_side(&g.balloon, &virtio_balloon_class, VIRTIO_ID_BALLOON);
		set_up_side(&g.rng, &virtio_rng_class, VIRTIO_ID_RNG);
		g.up = true;
	}
	features = next(&in) & 1 ? DRV_ALL_FEATURES_PACKED : DRV_ALL_FEATURES;
	kept = drv_ram(&g.rng.d, KEPT, 4096);
	mark = next(&in) | 1;
	memset(kept, mark, 4096);
	start(&g.balloon, features, 4096);
	start(&g.rng, features, MIB(1));
	while (in.n) {
		uint8_t op = next(&in), how = next(&in);

		if (drv_status(&g.balloon.d) & VIRTIO_S_NEEDS_RESET ||
		    g.balloon.d.heap > MIB(1) - KIB(64))
			start(&g.balloon, features, 4096);
		if (drv_status(&g.rng.d) & VIRTIO_S_NEEDS_RESET || g.rng.d.heap > AREA - KIB(64))
			start(&g.rng, features, MIB(1));
		if (op < 60)
			add_pages(&in, op & 1, how);
		else if (op < 120)
			add_report(&in, how);
		else if (op < 170)
			add_random(&in, how);
		else if (op < 200)
			serve(&g.rng, 0);
		else
			serve(&g.balloon, op % QUEUES);
	}
	for (unsigned int i = 0; i < 4096; i++)
		assert(kept[i] == mark);
	drv_reset(&g.balloon.d);
	drv_reset(&g.rng.d);
	return 0;
}
