/* SPDX-License-Identifier: Apache-2.0 */
/* From the board's table and the configuration to devices. */
#include "vmm/machine.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "arch/arch.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "tee/tee.h"
#include "vmm/vm.h"

static int add(struct vm *vm, const char *name, const struct dev_place *place, const void *opts,
	struct tvm_error *err)
{
	struct machine *m = &vm->machine;
	const struct dev_class *cls = dev_class_find(name);
	struct dev_env env = m->env;
	int r;

	assert(cls);
	if (m->nr_devs == MACHINE_MAX_DEVS)
		return err_set(err, -ENOSPC, "machine: more than %d devices", MACHINE_MAX_DEVS);
	env.place = place;
	r = cls->create(&env, opts, &m->devs[m->nr_devs], err);
	if (r < 0)
		return r;
	m->nr_devs++;
	return 0;
}

/* Which part of the configuration a board's device takes. */
static const void *board_opts(const struct vm *vm, const char *cls)
{
	if (!strcmp(cls, "uart8250") || !strcmp(cls, "pl011"))
		return &vm->cfg->serial;
	if (!strcmp(cls, "pci-host"))
		return &arch_board()->pci;
	if (!strcmp(cls, "gicv2m"))
		return &arch_board()->msi_frame;
	return NULL;
}

static int add_board(struct vm *vm, struct tvm_error *err)
{
	const struct board *board = arch_board();

	for (unsigned int i = 0; i < board->nr_devs; i++) {
		const struct board_dev *bd = &board->devs[i];
		struct machine *m = &vm->machine;
		int r;

		if (!strcmp(bd->cls, "pvpanic") && !vm->cfg->pvpanic)
			continue;
		if (!strcmp(bd->cls, "fw-port") && !vm->fw.image)
			continue;
		if (!strcmp(bd->cls, "gicv2m") && !vm->tee->confidential)
			continue;
		r = add(vm, bd->cls, &bd->place, board_opts(vm, bd->cls), err);
		if (r < 0)
			return r;
		if (!strcmp(bd->cls, "pci-host"))
			m->env.pci = pci_host_bus(m->devs[m->nr_devs - 1]);
	}
	return 0;
}

static int add_configured(struct vm *vm, struct tvm_error *err)
{
	const struct tvm_config *cfg = vm->cfg;
	int r;

	for (unsigned int i = 0; i < cfg->disk.nr; i++) {
		r = add(vm, "virtio-blk", NULL, &cfg->disk.items[i], err);
		if (r < 0)
			return err_prefix(err, r, "disk %u", i);
	}
	for (unsigned int i = 0; i < cfg->net.nr; i++) {
		cfg->net.items[i].index = i;
		r = add(vm, "virtio-net", NULL, &cfg->net.items[i], err);
		if (r < 0)
			return err_prefix(err, r, "net %u", i);
	}
	for (unsigned int i = 0; i < cfg->share.nr; i++) {
		cfg->share.items[i].sharers = cfg->share.nr;
		r = config_share_owner(&cfg->share.items[i], err);
		if (r >= 0)
			r = add(vm, "virtio-9p", NULL, &cfg->share.items[i], err);
		if (r < 0)
			return err_prefix(err, r, "share %u", i);
	}
	for (unsigned int i = 0; i < cfg->vsock.nr; i++) {
		const struct vsock_opts *opts = &cfg->vsock.items[i];

		r = add(vm, opts->vhost ? "vhost-vsock" : "virtio-vsock", NULL, opts, err);
		if (r < 0)
			return r; /* the message names it */
	}
	if (cfg->console.nr) {
		const struct console_opts ports = { cfg->console.items, cfg->console.nr };

		r = add(vm, "virtio-console", NULL, &ports, err);
		if (r < 0)
			return r;
	}
	r = cfg->balloon ? add(vm, "virtio-balloon", NULL, NULL, err) : 0;
	if (r < 0)
		return r;
	return cfg->rng ? add(vm, "virtio-rng", NULL, NULL, err) : 0;
}

unsigned int machine_nr_virtio(const struct tvm_config *cfg)
{
	return cfg->disk.nr + cfg->net.nr + cfg->share.nr + cfg->vsock.nr + !!cfg->console.nr +
		cfg->balloon + cfg->rng;
}

int machine_create(struct vm *vm, struct tvm_error *err)
{
	struct machine *m = &vm->machine;
	int r;

	m->env = (struct dev_env){
		.gmem = vm->gmem,
		.bus = vm->bus,
		.irq = &vm->irq,
		.loop = vm->loop,
		.log = &vm->log,
		.split_only = !vm->cfg->packed,
		.access_platform = vm->tee->confidential,
		.request = run_request,
		.refused = run_refused,
		.request_ctx = vm,
	};
	r = chardev_mux_create(&m->env, &m->mux, err);
	if (r < 0)
		return r;
	m->env.mux = m->mux;
	r = add_board(vm, err);
	if (r < 0)
		return r;
	if (vm->cfg->transport == TRANSPORT_MMIO) {
		m->mmio = arch_board()->mmio;
		m->env.mmio = &m->mmio;
	}
	r = add_configured(vm, err);
	if (r < 0)
		return r;
	assert(!m->env.mmio || m->mmio.nr == machine_nr_virtio(vm->cfg));
	bus_freeze(vm->bus);
	return 0;
}

void machine_destroy(struct vm *vm)
{
	struct machine *m = &vm->machine;

	while (m->nr_devs) {
		struct dev *dev = m->devs[--m->nr_devs];

		dev->cls->destroy(dev);
	}
	chardev_mux_destroy(m->mux);
	m->mux = NULL;
}

static void reset_all(void *opaque)
{
	struct machine *m = opaque;

	/* Last first: functions before the bridge that they sit behind. */
	for (unsigned int i = m->nr_devs; i-- > 0;)
		if (m->devs[i]->cls->reset)
			m->devs[i]->cls->reset(m->devs[i]);
}

void machine_reset(struct vm *vm)
{
	loop_call(vm->loop, reset_all, &vm->machine);
}

struct event_call {
	struct machine *m;
	const char *what;
};

static void event_all(void *opaque)
{
	struct event_call *call = opaque;

	for (unsigned int i = 0; i < call->m->nr_devs; i++)
		if (call->m->devs[i]->cls->event)
			call->m->devs[i]->cls->event(call->m->devs[i], call->what);
}

void machine_event(struct vm *vm, const char *what)
{
	struct event_call call = { &vm->machine, what };

	loop_call(vm->loop, event_all, &call);
}

const char *machine_pty(const struct vm *vm, int console)
{
	for (unsigned int i = 0; i < vm->machine.nr_devs; i++) {
		const struct dev *dev = vm->machine.devs[i];

		/* The serial port, or the device of all other consoles. */
		if (dev->cls->pty && (console >= 0) == !strcmp(dev->cls->name, "virtio-console"))
			return dev->cls->pty(dev, console < 0 ? 0 : (unsigned int)console);
	}
	return NULL;
}

struct balloon_call {
	struct dev *dev;
	const uint64_t *target;
	uint64_t actual;
};

static void balloon_call(void *opaque)
{
	struct balloon_call *call = opaque;

	if (call->target)
		balloon_set_target(call->dev, *call->target);
	call->actual = balloon_actual(call->dev);
}

int machine_balloon(struct vm *vm, const uint64_t *target, uint64_t *actual_out)
{
	struct balloon_call call = { .target = target };

	for (unsigned int i = 0; i < vm->machine.nr_devs && !call.dev; i++)
		if (!strcmp(vm->machine.devs[i]->cls->name, "virtio-balloon"))
			call.dev = vm->machine.devs[i];
	if (!call.dev)
		return -ENODEV;
	loop_call(vm->loop, balloon_call, &call);
	if (actual_out)
		*actual_out = call.actual;
	return 0;
}
