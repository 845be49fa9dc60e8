/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pvpanic: one port by which a guest kernel says that it has panicked. Bits as in the Linux
 * header include/uapi/misc/pvpanic.h.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "devices/devices.h"

#define PVPANIC_PANICKED 0x01
#define PVPANIC_CRASH_LOADED 0x02	/* the guest handles its panic itself (kdump) */

struct pvpanic {
	struct dev dev;
	struct log *log;	/* borrowed */
	void (*request)(void *ctx, enum dev_request what);
	void *request_ctx;
};

static uint64_t pvpanic_read(void *dev, uint64_t off, unsigned int size)
{
	return PVPANIC_PANICKED | PVPANIC_CRASH_LOADED;
}

static void pvpanic_write(void *dev, uint64_t off, unsigned int size, uint64_t val)
{
	struct pvpanic *pv = dev;

	if (val & PVPANIC_CRASH_LOADED)
		log_guest(pv->log, "pvpanic: the guest has panicked and runs its crash kernel");
	if (val & PVPANIC_PANICKED)
		pv->request(pv->request_ctx, DEV_PANIC);
}

static void pvpanic_destroy(struct dev *dev)
{
	free(dev);
}

static int pvpanic_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	static const struct io_ops ops = { pvpanic_read, pvpanic_write };
	struct pvpanic *pv = calloc(1, sizeof(*pv));
	int r;

	if (!pv)
		return err_set(err, -ENOMEM, "pvpanic: out of memory");
	pv->dev.cls = &pvpanic_class;
	pv->log = env->log;
	pv->request = env->request;
	pv->request_ctx = env->request_ctx;
	r = bus_add(env->bus, env->place->space, env->place->base, 1, &ops, pv, "pvpanic", err);
	if (r < 0) {
		pvpanic_destroy(&pv->dev);
		return r;
	}
	*out = &pv->dev;
	return 0;
}

const struct dev_class pvpanic_class = {
	.name = "pvpanic",
	.create = pvpanic_create,
	.destroy = pvpanic_destroy,
};
