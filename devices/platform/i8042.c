/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left of the keyboard controller: pulse the reset line. It answers as if there were
 * no controller, so that drivers give up early, with one exception.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "devices/devices.h"

#define DATA_PORT 0	/* place->base, port 0x60 */
#define COMMAND_PORT 4	/* port 0x64 */
#define COMMAND_RESET 0xfe

/*
 * An absent controller floats at 0xff: "output buffer full" for ever (bit 0) is how drivers
 * recognise it within a millisecond, whereas 0 lets them wait for answers. But "input buffer
 * full" (bit 1) must be clear: before the reset command is written, Linux waits for that.
 */
#define STATUS 0xfd

struct i8042 {
	struct dev dev;
	void (*request)(void *ctx, enum dev_request what);
	void *request_ctx;
};

static uint64_t data_read(void *dev, uint64_t off, unsigned int size)
{
	return ones(size);
}

static void data_write(void *dev, uint64_t off, unsigned int size, uint64_t val)
{
}

static uint64_t command_read(void *dev, uint64_t off, unsigned int size)
{
	return (ones(size) & ~0xffULL) | STATUS;
}

static void command_write(void *dev, uint64_t off, unsigned int size, uint64_t val)
{
	struct i8042 *kbd = dev;

	if ((val & 0xff) == COMMAND_RESET)
		kbd->request(kbd->request_ctx, DEV_RESET);
}

static void i8042_destroy(struct dev *dev)
{
	free(dev);
}

static int i8042_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	static const struct io_ops data_ops = { data_read, data_write };
	static const struct io_ops command_ops = { command_read, command_write };
	const struct dev_place *place = env->place;
	struct i8042 *kbd = calloc(1, sizeof(*kbd));
	int r;

	if (!kbd)
		return err_set(err, -ENOMEM, "i8042: out of memory");
	kbd->dev.cls = &i8042_class;
	kbd->request = env->request;
	kbd->request_ctx = env->request_ctx;
	r = bus_add(env->bus, place->space, place->base + DATA_PORT, 1, &data_ops, kbd,
		"i8042 data", err);
	if (!r)
		r = bus_add(env->bus, place->space, place->base + COMMAND_PORT, 1, &command_ops,
			kbd, "i8042 command", err);
	if (r < 0) {
		i8042_destroy(&kbd->dev);
		return r;
	}
	*out = &kbd->dev;
	return 0;
}

const struct dev_class i8042_class = {
	.name = "i8042",
	.create = i8042_create,
	.destroy = i8042_destroy,
};
