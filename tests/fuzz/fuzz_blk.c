/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is what a guest puts into the queues of a disk: chains of any layout with any
 * header, lists of ranges to discard or to zero, resets of one queue or of all. Every chain
 * must come back once, with no more bytes than it can hold and with a status that exists; or
 * the device asks for a reset. The disk does not change its size, and memory that no writable
 * buffer covers is left alone.
 */
#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/devices.h"
#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"
#include "vmm/devopts.h"

#define DISK_SIZE 65536
#define SECTORS (DISK_SIZE / 512u)
#define RAM MIB(4)
#define POOL 32768u	/* of readable, and of writable bytes of one chain */
#define MAX_CHAINS 8
#define MAX_BUFS 10
#define QUEUES 2
#define WAIT 5000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t n;
};

struct chain {
	bool used, has_status;
	uint32_t in_len;
	gpa_t status;
};

static struct {
	bool up;
	struct fake_env f;
	struct drv d;
	struct disk_opts opts;
	char path[32];
	int fd;
} g;

static uint8_t next(struct input *in)
{
	if (!in->n)
		return 0;
	in->n--;
	return *in->p++;
}

static uint64_t next64(struct input *in)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | next(in);
	return v;
}

static void set_up(void)
{
	struct dev *dev;

	g.fd = memfd_create("disk", MFD_CLOEXEC);
	FAKE_MUST(g.fd >= 0 && !ftruncate(g.fd, DISK_SIZE));
	snprintf(g.path, sizeof(g.path), "/proc/self/fd/%d", g.fd);
	g.opts.path = g.path;
	g.opts.queues = QUEUES;
	fake_env_init(&g.f, RAM);
	FAKE_MUST(!virtio_blk_class.create(&g.f.env, &g.opts, &dev, NULL));
	fake_env_start(&g.f);
	FAKE_MUST(!drv_init(&g.d, &g.f, (unsigned int)drv_find(&g.f, VIRTIO_ID_BLOCK)));
	g.up = true;
}

/* Lengths that matter: a few bytes, about a header, sectors, all sorts. */
static uint32_t buf_len(struct input *in)
{
	uint8_t b = next(in);

	switch (b >> 6) {
	case 0:
		return b & 31;
	case 1:
		return 512u * (1 + (b & 7));
	case 2:
		return 511 + (b & 3);
	default:
		return (uint32_t)(b & 63) << 8 | next(in);
	}
}

static uint64_t sector(struct input *in)
{
	uint8_t b = next(in);

	return b == 255 ? next64(in) : b >= 128 ? SECTORS - 3u + (b & 7u) : b;
}

static void ranges(struct input *in, uint8_t *p)
{
	unsigned int n = next(in) % 36;

	for (unsigned int i = 0; i < n && in->n; i++, p += 16) {
		uint8_t b = next(in);

		le_store(p, 8, sector(in));
		le_store(p + 8, 4, b & 128 ? (uint32_t)next64(in) : b & 15);
		le_store(p + 12, 4, b >> 4 & 3);
	}
}

static void header(struct input *in, uint8_t *h)
{
	static const uint8_t types[] = { 0, 1, 4, 8, 0, 1, 11, 13 };
	uint8_t type = types[next(in) & 7];

	le_store(h, 4, type);
	le_store(h + 4, 4, 0);
	le_store(h + 8, 8, sector(in));
	if (type >= 11)
		ranges(in, h + 16);
}

/* One chain: readable buffers cut the readable pool, writable ones the writable pool. */
static void add_chain(struct input *in, struct chain *chains, unsigned int vq)
{
	gpa_t out = drv_alloc(&g.d, POOL, 512), at = drv_alloc(&g.d, POOL, 512);
	struct drv_buf bufs[MAX_BUFS];
	uint8_t shape = next(in);
	unsigned int n = 1 + shape % MAX_BUFS, first_in = next(in) % (MAX_BUFS + 1);
	uint32_t out_left = POOL, in_left = POOL;
	struct chain c = { .used = true };
	int head;

	header(in, drv_ram(&g.d, out, POOL));
	for (unsigned int i = 0; i < n; i++) {
		bool write = i >= first_in;
		uint32_t *left = write ? &in_left : &out_left, len = buf_len(in);

		len = i == 0 && !write && !len ? 16 : len < *left ? len : *left;
		bufs[i] = (struct drv_buf){ write ? at : out, len, write };
		*left -= len;
		if (write) {
			at += len;
			c.in_len += len;
		} else {
			out += len;
		}
	}
	if (shape == 255) /* outside of memory */
		bufs[n - 1].gpa = next64(in) | RAM;
	c.has_status = c.in_len && shape != 255;
	c.status = at - 1;
	if (c.has_status)
		*(uint8_t *)drv_ram(&g.d, c.status, 1) = 0xff;
	head = drv_add(&g.d, vq, bufs, n, shape & 128);
	if (head >= 0)
		chains[head] = c;
}

static bool broken(void)
{
	return drv_status(&g.d) & VIRTIO_S_NEEDS_RESET;
}

static void check_used(struct chain *chains, uint32_t id, uint32_t len)
{
	struct chain *c = &chains[id];

	assert(c->used && len <= c->in_len);
	c->used = false;
	assert(c->has_status && *(uint8_t *)drv_ram(&g.d, c->status, 1) <= 2);
}

static void run(struct chain *chains, unsigned int added, unsigned int vq)
{
	uint32_t id, len;
	int tries = 0;

	drv_kick(&g.d, vq);
	while (added) {
		/* A broken device sends no interrupt of the queue. */
		while (!drv_wait(&g.d, vq, 1, &id, &len)) {
			if (broken())
				return;
			assert(tries++ < WAIT);
		}
		check_used(chains, id, len);
		added--;
	}
	assert(!drv_used(&g.d, vq, &id, &len));
}

/* 2.6.1, with requests in flight: none of them is heard of again. */
static void reset_queue(unsigned int vq, gpa_t heap)
{
	drv_kick(&g.d, vq);
	drv_write(&g.d, DRV_QUEUE_SELECT, 2, vq);
	drv_write(&g.d, DRV_QUEUE_RESET, 2, 1);
	assert(!drv_read(&g.d, DRV_QUEUE_ENABLE, 2));
	memset(&g.d.q[vq], 0, sizeof(g.d.q[vq]));
	g.d.heap = heap;
	drv_queue_init(&g.d, vq, 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct chain chains[QUEUES][256];
	struct input in = { data, size };
	uint8_t flags = next(&in), *guard;
	uint64_t wanted = DRV_ALL_FEATURES;
	unsigned int resets = 4; /* each takes memory for a new ring */
	struct stat st;
	gpa_t at;

	if (!g.up)
		set_up();
	wanted &= flags & 1 ? ~BIT(VIRTIO_F_EVENT_IDX) : ~0ULL;
	wanted &= flags & 2 ? ~BIT(9) : ~0ULL; /* VIRTIO_BLK_F_FLUSH: write-through */
	FAKE_MUST(!drv_start(&g.d, wanted, 64));
	memset(chains, 0, sizeof(chains));
	at = drv_alloc(&g.d, 512, 512);
	guard = drv_ram(&g.d, at, 512);
	memset(guard, 0x5a, 512);
	do {
		gpa_t heap = g.d.heap;
		uint8_t how = next(&in);
		unsigned int n = 1 + how % MAX_CHAINS, vq = how >> 6 & 1;
		struct drv_queue *q = &g.d.q[vq];
		uint16_t before = q->avail_idx;

		while (n--)
			add_chain(&in, chains[vq], vq);
		if (flags & 4 && !in.n) { /* reset with requests in flight */
			drv_kick(&g.d, vq);
			break;
		}
		if (how & 128 && resets && !broken()) {
			resets--;
			reset_queue(vq, heap);
			memset(chains[vq], 0, sizeof(chains[vq]));
			continue;
		}
		run(chains[vq], (uint16_t)(q->avail_idx - before), vq);
		if (!q->indirect || q->indirect < heap)
			g.d.heap = heap;
	} while (in.n && !broken());
	for (unsigned int i = 0; i < 512; i++)
		assert(guard[i] == 0x5a);
	FAKE_MUST(!fstat(g.fd, &st));
	assert(st.st_size == DISK_SIZE);
	drv_reset(&g.d);
	return 0;
}
