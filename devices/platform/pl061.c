/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PL061 general purpose I/O (Arm DDI 0190): eight lines, of which one has the power button.
 * Lines that the guest makes outputs lead nowhere.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "devices/devices.h"
#include "devices/later.h"
#include "devices/platform/primecell.h"
#include "vmm/irq.h"

/* 3.2; data: address bits 9 to 2 choose the lines that an access is about */
#define GPIODATA_END 0x400
#define GPIODIR 0x400	/* 1: output */
#define GPIOIS 0x404	/* 1: level, 0: edge */
#define GPIOIBE 0x408	/* 1: both edges */
#define GPIOIEV 0x40c	/* 1: high level or rising edge */
#define GPIOIE 0x410
#define GPIORIS 0x414
#define GPIOMIS 0x418
#define GPIOIC 0x41c
#define GPIOAFSEL 0x420

#define POWER_BUTTON 3		/* high while pressed; arch/aarch64/layout.h tells the guest */
#define PRESS_NS 100000000u	/* guests look again after they have been interrupted */

struct pl061 {
	struct dev dev;
	const struct irq *irq;	/* borrowed */
	unsigned int gsi;
	struct later release;
	pthread_mutex_t lock;	/* what follows: a bit for each line */
	uint8_t in, out, dir, is, ibe, iev, ie, edges, afsel;
	bool line;
};

static uint8_t lines(const struct pl061 *gpio)
{
	return (uint8_t)((gpio->in & ~gpio->dir) | (gpio->out & gpio->dir));
}

/* 3.3.8: edges are remembered, levels are as they are. */
static uint8_t raw(const struct pl061 *gpio)
{
	uint8_t levels = (uint8_t)~(lines(gpio) ^ gpio->iev);

	return (uint8_t)((gpio->edges & ~gpio->is) | (levels & gpio->is));
}

static void update_line(struct pl061 *gpio)
{
	bool level = raw(gpio) & gpio->ie;

	if (level == gpio->line)
		return;
	gpio->line = level;
	gpio->irq->ops->set_line(gpio->irq->ctx, gpio->gsi, level);
}

/* Notes the edges between before and now. */
static void changed(struct pl061 *gpio, uint8_t before)
{
	uint8_t now = lines(gpio), diff = before ^ now;

	gpio->edges |= diff & (gpio->ibe | (uint8_t)~(now ^ gpio->iev));
	update_line(gpio);
}

static void set_input(struct pl061 *gpio, bool pressed)
{
	uint8_t before = lines(gpio);

	gpio->in = pressed ? 1u << POWER_BUTTON : 0;
	changed(gpio, before);
}

static void released(void *opaque)
{
	struct pl061 *gpio = opaque;

	pthread_mutex_lock(&gpio->lock);
	set_input(gpio, false);
	pthread_mutex_unlock(&gpio->lock);
}

/* The register at off, if it is one that only remembers. */
static uint8_t *plain(struct pl061 *gpio, uint64_t off)
{
	switch (off) {
	case GPIODIR:
		return &gpio->dir;
	case GPIOIS:
		return &gpio->is;
	case GPIOIBE:
		return &gpio->ibe;
	case GPIOIEV:
		return &gpio->iev;
	case GPIOIE:
		return &gpio->ie;
	case GPIOAFSEL:
		return &gpio->afsel;
	}
	return NULL;
}

static uint32_t reg_read(struct pl061 *gpio, uint64_t off)
{
	if (off < GPIODATA_END)
		return lines(gpio) & off >> 2;
	if (off == GPIORIS)
		return raw(gpio);
	if (off == GPIOMIS)
		return raw(gpio) & gpio->ie;
	if (plain(gpio, off))
		return *plain(gpio, off);
	return off >= PRIMECELL_ID && off < PRIMECELL_ID_END ? primecell_id(off, 0x061) : 0;
}

static uint64_t pl061_read(void *dev, uint64_t off, unsigned int size)
{
	struct pl061 *gpio = dev;
	uint32_t val;

	pthread_mutex_lock(&gpio->lock);
	val = reg_read(gpio, off & ~3ULL);
	pthread_mutex_unlock(&gpio->lock);
	return val >> 8 * (off & 3) & ones(size);
}

static void pl061_write(void *dev, uint64_t off, unsigned int size, uint64_t val)
{
	struct pl061 *gpio = dev;
	uint8_t before;

	if (off % 4)
		return;
	pthread_mutex_lock(&gpio->lock);
	before = lines(gpio);
	if (off < GPIODATA_END)
		gpio->out = (uint8_t)((gpio->out & ~(off >> 2)) | (val & off >> 2));
	else if (off == GPIOIC)
		gpio->edges &= (uint8_t)~val;
	else if (plain(gpio, off))
		*plain(gpio, off) = (uint8_t)val;
	changed(gpio, before);
	pthread_mutex_unlock(&gpio->lock);
}

static void pl061_event(struct dev *dev, const char *what)
{
	struct pl061 *gpio = (struct pl061 *)dev;

	if (strcmp(what, "power-button"))
		return;
	pthread_mutex_lock(&gpio->lock);
	set_input(gpio, true);
	pthread_mutex_unlock(&gpio->lock);
	later_arm(&gpio->release, PRESS_NS);
}

static void pl061_reset(struct dev *dev)
{
	struct pl061 *gpio = (struct pl061 *)dev;

	pthread_mutex_lock(&gpio->lock);
	gpio->in = gpio->out = gpio->dir = gpio->is = gpio->ibe = gpio->iev = 0;
	gpio->ie = gpio->edges = gpio->afsel = 0;
	update_line(gpio);
	pthread_mutex_unlock(&gpio->lock);
}

static void pl061_destroy(struct dev *dev)
{
	struct pl061 *gpio = (struct pl061 *)dev;

	later_fini(&gpio->release);
	pthread_mutex_destroy(&gpio->lock);
	free(gpio);
}

static int pl061_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	static const struct io_ops ops = { pl061_read, pl061_write };
	struct pl061 *gpio = calloc(1, sizeof(*gpio));
	int r;

	if (!gpio)
		return err_set(err, -ENOMEM, "pl061: out of memory");
	gpio->dev.cls = &pl061_class;
	gpio->irq = env->irq;
	gpio->gsi = env->place->gsi;
	pthread_mutex_init(&gpio->lock, NULL);
	r = later_init(&gpio->release, env->loop, released, gpio);
	if (r < 0)
		err_sys(err, r, "pl061: timer");
	else
		r = bus_add(env->bus, env->place->space, env->place->base, env->place->size, &ops,
			gpio, "pl061", err);
	if (r < 0) {
		pl061_destroy(&gpio->dev);
		return r;
	}
	*out = &gpio->dev;
	return 0;
}

const struct dev_class pl061_class = {
	.name = "pl061",
	.create = pl061_create,
	.reset = pl061_reset,
	.destroy = pl061_destroy,
	.event = pl061_event,
};
