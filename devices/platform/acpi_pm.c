/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACPI fixed hardware: power button, soft off, reset. Clauses are those of ACPI 6.5. There is
 * no timer and no general purpose event; the machine is in ACPI mode from the start (SCI_EN),
 * so the FADT has no SMI command port.
 */
#include "devices/platform/acpi_pm.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "devices/devices.h"
#include "vmm/irq.h"

/* 4.8.3.1.1 and .2, table 4.14 and 4.15 */
#define GBL (1u << 5)
#define PWRBTN (1u << 8)
#define SLPBTN (1u << 9)
#define RTC (1u << 10)

#define EN_ALL (GBL | PWRBTN | SLPBTN | RTC)

/* 4.8.3.2.1 */
#define CNT_SCI_EN (1u << 0)
#define CNT_BM_RLD (1u << 1)
#define CNT_SLP_TYP(cnt) ((cnt) >> 10 & 7)
#define CNT_SLP_TYP_MASK (7u << 10)
#define CNT_SLP_EN (1u << 13)

struct acpi_pm {
	struct dev dev;
	const struct irq *irq;	/* borrowed */
	struct log *log;	/* borrowed */
	unsigned int gsi;
	void (*request)(void *ctx, enum dev_request what);
	void *request_ctx;
	pthread_mutex_t lock;	/* what follows */
	uint16_t sts, en, cnt;
	bool line;
};

static void update_line(struct acpi_pm *pm)
{
	bool level = pm->sts & pm->en & EN_ALL;

	if (level == pm->line)
		return;
	pm->line = level;
	pm->irq->ops->set_line(pm->irq->ctx, pm->gsi, level);
}

static uint8_t read_byte(const struct acpi_pm *pm, uint64_t off)
{
	unsigned int shift = off & 1 ? 8 : 0;

	switch (off & ~1ULL) {
	case ACPI_PM1_STS:
		return (uint8_t)(pm->sts >> shift);
	case ACPI_PM1_EN:
		return (uint8_t)(pm->en >> shift);
	case ACPI_PM1_CNT:
		return (uint8_t)((pm->cnt | CNT_SCI_EN) >> shift);
	default:
		return 0;
	}
}

static uint16_t replace(uint16_t old, unsigned int shift, uint8_t val)
{
	return (uint16_t)((old & ~(0xffu << shift)) | (unsigned int)val << shift);
}

/* Returns what the guest asks for, or -1. */
static int write_byte(struct acpi_pm *pm, uint64_t off, uint8_t val)
{
	unsigned int shift = off & 1 ? 8 : 0;
	uint16_t cnt;

	switch (off & ~1ULL) {
	case ACPI_PM1_STS: /* 4.8.1: a status bit is cleared by writing one to it */
		pm->sts &= (uint16_t)~((unsigned int)val << shift);
		return -1;
	case ACPI_PM1_EN:
		pm->en = replace(pm->en, shift, val) & EN_ALL;
		return -1;
	case ACPI_PM1_CNT:
		cnt = replace(pm->cnt, shift, val);
		pm->cnt = cnt & (CNT_BM_RLD | CNT_SLP_TYP_MASK);
		if (!(cnt & CNT_SLP_EN))
			return -1;
		if (CNT_SLP_TYP(cnt) == ACPI_PM_S5)
			return DEV_POWEROFF;
		log_guest(pm->log, "acpi: sleep state %u does not exist", CNT_SLP_TYP(cnt));
		return -1;
	case ACPI_PM_RESET:
		return !shift && val == ACPI_PM_RESET_VALUE ? DEV_RESET : -1;
	default:
		return -1;
	}
}

static uint64_t pm_read(void *dev, uint64_t off, unsigned int size)
{
	struct acpi_pm *pm = dev;
	uint64_t val = 0;

	pthread_mutex_lock(&pm->lock);
	for (unsigned int i = 0; i < size; i++)
		val |= (uint64_t)read_byte(pm, off + i) << (8 * i);
	pthread_mutex_unlock(&pm->lock);
	return val;
}

static void pm_write(void *dev, uint64_t off, unsigned int size, uint64_t val)
{
	struct acpi_pm *pm = dev;
	int what = -1;

	pthread_mutex_lock(&pm->lock);
	for (unsigned int i = 0; i < size && what < 0; i++)
		what = write_byte(pm, off + i, (uint8_t)(val >> (8 * i)));
	update_line(pm);
	pthread_mutex_unlock(&pm->lock);
	if (what >= 0)
		pm->request(pm->request_ctx, (enum dev_request)what);
}

/* 4.8.2.2.1: the button sets the status bit whether or not it may interrupt. */
static void pm_event(struct dev *dev, const char *what)
{
	struct acpi_pm *pm = (struct acpi_pm *)dev;

	if (strcmp(what, "power-button"))
		return;
	pthread_mutex_lock(&pm->lock);
	pm->sts |= PWRBTN;
	update_line(pm);
	pthread_mutex_unlock(&pm->lock);
}

static void pm_reset(struct dev *dev)
{
	struct acpi_pm *pm = (struct acpi_pm *)dev;

	pthread_mutex_lock(&pm->lock);
	pm->sts = pm->en = pm->cnt = 0;
	update_line(pm);
	pthread_mutex_unlock(&pm->lock);
}

static void pm_destroy(struct dev *dev)
{
	struct acpi_pm *pm = (struct acpi_pm *)dev;

	pthread_mutex_destroy(&pm->lock);
	free(pm);
}

static int pm_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	static const struct io_ops ops = { pm_read, pm_write };
	struct acpi_pm *pm = calloc(1, sizeof(*pm));
	int r;

	if (!pm)
		return err_set(err, -ENOMEM, "acpi-pm: out of memory");
	pm->dev.cls = &acpi_pm_class;
	pm->irq = env->irq;
	pm->log = env->log;
	pm->gsi = env->place->gsi;
	pm->request = env->request;
	pm->request_ctx = env->request_ctx;
	pthread_mutex_init(&pm->lock, NULL);
	r = bus_add(env->bus, env->place->space, env->place->base, ACPI_PM_BLOCK_SIZE, &ops, pm,
		"acpi-pm", err);
	if (r < 0) {
		pm_destroy(&pm->dev);
		return r;
	}
	*out = &pm->dev;
	return 0;
}

const struct dev_class acpi_pm_class = {
	.name = "acpi-pm",
	.create = pm_create,
	.reset = pm_reset,
	.destroy = pm_destroy,
	.event = pm_event,
};
