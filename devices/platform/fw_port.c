/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port at which our x86_64 firmware reports how far it came and why it stopped
 * (firmware/x86_64/fw_abi.h). Any guest can write it: it says what the guest wants to say, and
 * ends the machine at most.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "devices/devices.h"
#include "firmware/x86_64/fw_abi.h"

struct fw_port {
	struct dev dev;
	struct dev_env env;
	_Atomic uint32_t seen;	/* stages that were logged */
};

#define TEXT(name, value, text) [value] = text,
static const char *const stages[] = { FW_STAGES(TEXT) };
static const char *const reasons[] = { FW_REASONS(TEXT) };
#undef TEXT

static uint64_t fw_read(void *opaque, uint64_t off, unsigned int size)
{
	return ones(size);
}

static void fw_write(void *opaque, uint64_t off, unsigned int size, uint64_t val)
{
	struct fw_port *p = opaque;
	unsigned int stage = val >> 8 & 0xff, reason = val & 0xff;

	if (size != 4 || off || val >> 16 != FW_REPORT_MAGIC || stage >= ARRAY_SIZE(stages) ||
		reason >= ARRAY_SIZE(reasons) || !stages[stage] || !reasons[reason])
		return;
	if (reason == FW_OK) {
		/* Once each: the guest may write as often as it likes. */
		if (!(atomic_fetch_or(&p->seen, 1u << stage) & 1u << stage))
			log_debug(p->env.log, "firmware: %s", stages[stage]);
		return;
	}
	if (p->env.refused)
		p->env.refused(p->env.request_ctx, reasons[reason]);
}

static const struct io_ops ops = { fw_read, fw_write };

static int fw_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	struct fw_port *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_set(err, -ENOMEM, "firmware port: out of memory");
	p->dev.cls = &fw_port_class;
	p->env = *env;
	r = bus_add(env->bus, env->place->space, env->place->base, env->place->size, &ops, p,
		"fw-port", err);
	if (r < 0) {
		free(p);
		return r;
	}
	*out = &p->dev;
	return 0;
}

static void fw_destroy(struct dev *dev)
{
	free(container_of(dev, struct fw_port, dev));
}

static void fw_reset(struct dev *dev)
{
	atomic_store(&container_of(dev, struct fw_port, dev)->seen, 0);
}

const struct dev_class fw_port_class = {
	.name = "fw-port",
	.create = fw_create,
	.reset = fw_reset,
	.destroy = fw_destroy,
};
