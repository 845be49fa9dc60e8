/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole board of this architecture with its virtio devices, without KVM: any access, of
 * any size, anywhere on both buses, as a guest makes them; power button and reset between.
 *
 * Input: steps of 12 bytes: opcode, size, region, and an offset and a value.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "base/cleanup.h"
#include "base/le.h"
#include "tests/unit/fakes.h"
#include "vmm/devopts.h"

#define RAM MIB(1)
#define STEP 12
#define MAX_DEVS 16

struct board_state {
	struct fake_env f;
	struct chardev_mux *mux;
	struct dev *devs[MAX_DEVS];
	unsigned int nr;
};

static void refused(void *ctx, const char *why)
{
	if (!why)
		abort();
}

static void add(struct board_state *b, const char *name, const struct dev_place *place,
	const void *opts)
{
	const struct dev_class *cls = dev_class_find(name);
	struct dev_env env = b->f.env;
	struct tvm_error err;

	env.place = place;
	FAKE_MUST(cls && b->nr < MAX_DEVS);
	FAKE_MUST(cls->create(&env, opts, &b->devs[b->nr], &err) == 0);
	b->nr++;
}

static void build(struct board_state *b)
{
	static const struct chardev_opts nowhere[] = {
		{ .kind = CHARDEV_NULL },
		{ .kind = CHARDEV_NULL, .name = (char *)"port" },
	};
	static const struct console_opts ports = { nowhere, ARRAY_SIZE(nowhere) };
	const struct board *board = arch_board();

	fake_env_init(&b->f, RAM);
	b->f.env.refused = refused;
	FAKE_MUST(chardev_mux_create(&b->f.env, &b->mux, NULL) == 0);
	b->f.env.mux = b->mux;
	/* The bridge is in the environment already. */
	for (unsigned int i = 0; i < board->nr_devs; i++)
		if (strcmp(board->devs[i].cls, "pci-host"))
			add(b, board->devs[i].cls, &board->devs[i].place, nowhere);
	add(b, "virtio-console", NULL, &ports);
	add(b, "virtio-rng", NULL, NULL);
	bus_freeze(b->f.bus);
}

static void tear_down(struct board_state *b)
{
	while (b->nr) {
		struct dev *dev = b->devs[--b->nr];

		dev->cls->destroy(dev);
	}
	chardev_mux_destroy(b->mux);
	fake_env_fini(&b->f);
}

static void each(struct board_state *b, bool reset)
{
	for (unsigned int i = b->nr; i-- > 0;) {
		const struct dev_class *cls = b->devs[i]->cls;

		if (reset && cls->reset)
			cls->reset(b->devs[i]);
		else if (!reset && cls->event)
			cls->event(b->devs[i], "power-button");
	}
	if (reset)
		pci_bus_reset(b->f.pci);
}

static void step(struct board_state *b, const uint8_t *in)
{
	static const unsigned int sizes[] = { 1, 2, 4, 8, 3, 16 };
	unsigned int size = sizes[in[1] % ARRAY_SIZE(sizes)];
	uint32_t off = (uint32_t)le_load(in + 4, 4), val = (uint32_t)le_load(in + 8, 4);
	struct bus_region_info r;
	uint64_t addr, got;

	if (in[0] % 32 == 30)
		return each(b, true);
	if (in[0] % 32 == 31)
		return each(b, false);
	for (unsigned int i = in[2]; !bus_region(b->f.bus, i, &r); i /= 2)
		if (!i)
			return;
	/* Mostly inside, sometimes across the end. */
	addr = r.base + off % (r.size + 4);
	if (in[0] & 1)
		bus_write(b->f.bus, r.space, addr, size, val | (uint64_t)val << 32);
	else if (!bus_read(b->f.bus, r.space, addr, size, &got) && got != ones(size))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct board_state b = { 0 };

	build(&b);
	for (; size >= STEP; data += STEP, size -= STEP)
		step(&b, data);
	tear_down(&b);
	return 0;
}
