/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is what a guest does to a console of four ports: messages on the control queue,
 * buffers of any size for messages and data, resets, while input comes. Every chain comes back
 * once, with no more bytes than it holds; a message to the driver is one that exists, whole.
 *
 * No thread runs: queues are served when the input says so.
 */
#include <assert.h>
#include <string.h>

#include "devices/devices.h"
#include "devices/virtio/console.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"

#define PORTS 4u
#define QUEUES (2 * PORTS + 2)
#define BUF 256u
#define RAM MIB(1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t n;
};

static struct {
	struct fake_env f;
	struct drv d;
	struct console *con;
	bool up;
	struct {
		gpa_t at;
		uint32_t in_len;
		bool used;
	} chains[QUEUES][CONSOLE_QUEUE_SIZE];
} g;

static const char *const names[PORTS] = { NULL, "a", NULL, "a.name-that_is.as-long-as-it-can.be"
	"-in-this-machine.of-64-bytes" };

static uint8_t next(struct input *in)
{
	if (!in->n)
		return 0;
	in->n--;
	return *in->p++;
}

static void set_up(void)
{
	struct chardev_opts ports[PORTS];
	struct console_opts opts = { ports, PORTS };
	struct dev *dev;

	for (unsigned int i = 0; i < PORTS; i++)
		ports[i] = (struct chardev_opts){ CHARDEV_NULL, NULL, (char *)names[i] };
	fake_env_init(&g.f, RAM);
	FAKE_MUST(!virtio_console_class.create(&g.f.env, &opts, &dev, NULL));
	g.con = (struct console *)dev;
	FAKE_MUST(!drv_init(&g.d, &g.f, (unsigned int)drv_find(&g.f, VIRTIO_ID_CONSOLE)));
	g.up = true;
}

static void start(uint64_t features)
{
	drv_reset(&g.d);
	memset(g.chains, 0, sizeof(g.chains));
	FAKE_MUST(!drv_start(&g.d, features, CONSOLE_QUEUE_SIZE));
}

/* What the device wrote is one of its messages. */
static void check_message(gpa_t at, uint32_t len)
{
	const uint8_t *m = drv_ram(&g.d, at, len);
	uint32_t id = (uint32_t)le_load(m, 4);
	uint16_t event = (uint16_t)le_load(m + 4, 2);

	assert(id < PORTS && (event == 1 || event == 4 || event == 6 || event == 7));
	assert((event == 7) <= !!names[id] && (event == 4) <= !names[id]);
	assert(len == 8 + (event == 7 ? strlen(names[id]) : 0));
	assert(event != 7 || !memcmp(m + 8, names[id], len - 8));
}

static void take_used(unsigned int vq)
{
	uint32_t id, len;

	while (drv_used(&g.d, vq, &id, &len)) {
		assert(id < CONSOLE_QUEUE_SIZE && g.chains[vq][id].used);
		assert(len <= g.chains[vq][id].in_len);
		if (len && vq == CONSOLE_CTL_RX)
			check_message(g.chains[vq][id].at, len);
		g.chains[vq][id].used = false;
	}
}

static void add(struct input *in, unsigned int vq, uint8_t how)
{
	gpa_t at = drv_alloc(&g.d, BUF, 8);
	uint8_t *p = drv_ram(&g.d, at, BUF);
	uint32_t len = next(in), cut = how & 64 ? next(in) : 0;
	/* Devices write to even queues. */
	bool write = !(vq & 1) ^ (how >= 0xf0);
	struct drv_buf bufs[2] = { { at, len, write }, { at + len, cut, write } };
	int head;

	if (vq == CONSOLE_CTL_TX) {
		le_store(p, 4, next(in) == 255 ? 0xffffffff : *p % 6);
		le_store(p + 4, 2, next(in) % 9u);
		le_store(p + 6, 2, next(in) & 1u);
		bufs[0].len = how & 32 ? len : 8;
	}
	if (bufs[0].len + cut > BUF)
		bufs[1].len = 0;
	head = drv_add(&g.d, vq, bufs, bufs[1].len ? 2 : 1, how & 128);
	if (head < 0)
		return;
	g.chains[vq][head].at = at;
	g.chains[vq][head].in_len = write ? bufs[0].len + bufs[1].len : 0;
	g.chains[vq][head].used = true;
}

static void notify(unsigned int vq)
{
	struct virtio_dev *vd = &g.con->vd;

	if (vd->active && virtq_ready(vd->queues[vq]))
		vd->ops->notify(vd, vq);
	take_used(vq);
	take_used(CONSOLE_CTL_RX);
}

static void queue_reset(unsigned int vq)
{
	drv_write(&g.d, DRV_QUEUE_SELECT, 2, vq);
	drv_write(&g.d, DRV_QUEUE_RESET, 2, 1);
	memset(g.chains[vq], 0, sizeof(g.chains[vq]));
	memset(&g.d.q[vq], 0, sizeof(g.d.q[vq]));
	drv_queue_init(&g.d, vq, CONSOLE_QUEUE_SIZE);
}

static void press(struct input *in, struct console_port *port)
{
	for (unsigned int n = next(in); n && chardev_room(port->cd); n--)
		chardev_input(port->cd, (uint8_t)n);
	chardev_deliver(port->cd);
	take_used(port->rxq);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint64_t features;

	if (!g.up)
		set_up();
	features = next(&in) & 1 ? DRV_ALL_FEATURES_PACKED : DRV_ALL_FEATURES;
	start(features);
	while (in.n) {
		uint8_t op = next(&in), how = next(&in);
		unsigned int vq = how % QUEUES;

		if (drv_status(&g.d) & VIRTIO_S_NEEDS_RESET || g.d.heap > RAM - MIB(1) / 4)
			start(features);
		if (op < 128)
			add(&in, op & 1 ? vq : 2u + (op >> 1 & 1u), how);
		else if (op < 200)
			notify(op & 1 ? vq : CONSOLE_CTL_TX);
		else if (op < 240)
			press(&in, &g.con->ports[how % PORTS]);
		else if (op < 252)
			queue_reset(vq);
		else
			start(features);
	}
	drv_reset(&g.d);
	return 0;
}
