/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PL031 real time clock (Arm DDI 0224): the host's clock in seconds, to which the guest may add
 * a difference by setting it, and an alarm.
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "devices/devices.h"
#include "devices/later.h"
#include "devices/platform/primecell.h"
#include "vmm/irq.h"

/* 3.2 */
#define RTCDR 0x00	/* the time, read-only */
#define RTCMR 0x04	/* time of the alarm */
#define RTCLR 0x08	/* sets the time */
#define RTCCR 0x0c	/* bit 0: started; always */
#define RTCIMSC 0x10	/* bit 0: interrupt enabled */
#define RTCRIS 0x14
#define RTCMIS 0x18
#define RTCICR 0x1c	/* bit 0: clears the interrupt */

#define NS_PER_S 1000000000u

struct pl031 {
	struct dev dev;
	const struct irq *irq;	/* borrowed */
	unsigned int gsi;
	struct later alarm;
	pthread_mutex_t lock;	/* what follows */
	uint32_t offset, match, load;
	bool enabled, armed, raised, line;
};

static uint32_t now(const struct pl031 *rtc)
{
	return (uint32_t)time(NULL) + rtc->offset;
}

static void update_line(struct pl031 *rtc)
{
	bool level = rtc->raised && rtc->enabled;

	if (level == rtc->line)
		return;
	rtc->line = level;
	rtc->irq->ops->set_line(rtc->irq->ctx, rtc->gsi, level);
}

/* The counter wraps, as does the difference: it is never in the past. */
static void arm_alarm(struct pl031 *rtc)
{
	rtc->armed = true;
	later_arm(&rtc->alarm, (uint64_t)(rtc->match - now(rtc)) * NS_PER_S);
}

static void alarm_due(void *opaque)
{
	struct pl031 *rtc = opaque;

	pthread_mutex_lock(&rtc->lock);
	if (rtc->armed && (int32_t)(rtc->match - now(rtc)) > 0) {
		arm_alarm(rtc);	/* too early: the seconds of the two clocks do not begin together */
	} else if (rtc->armed) {
		rtc->armed = false;
		rtc->raised = true;
		update_line(rtc);
	}
	pthread_mutex_unlock(&rtc->lock);
}

static uint32_t reg_read(const struct pl031 *rtc, uint64_t off)
{
	switch (off) {
	case RTCDR:
		return now(rtc);
	case RTCMR:
		return rtc->match;
	case RTCLR:
		return rtc->load;
	case RTCCR:
		return 1;
	case RTCIMSC:
		return rtc->enabled;
	case RTCRIS:
		return rtc->raised;
	case RTCMIS:
		return rtc->raised && rtc->enabled;
	}
	return off >= PRIMECELL_ID && off < PRIMECELL_ID_END ? primecell_id(off, 0x031) : 0;
}

static uint64_t pl031_read(void *dev, uint64_t off, unsigned int size)
{
	struct pl031 *rtc = dev;
	uint32_t val;

	pthread_mutex_lock(&rtc->lock);
	val = reg_read(rtc, off & ~3ULL);
	pthread_mutex_unlock(&rtc->lock);
	return val >> 8 * (off & 3) & ones(size);
}

static void pl031_write(void *dev, uint64_t off, unsigned int size, uint64_t val)
{
	struct pl031 *rtc = dev;

	if (off % 4)
		return;
	pthread_mutex_lock(&rtc->lock);
	switch (off) {
	case RTCMR:
		rtc->match = (uint32_t)val;
		arm_alarm(rtc);
		break;
	case RTCLR:
		rtc->load = (uint32_t)val;
		rtc->offset += (uint32_t)val - now(rtc);
		arm_alarm(rtc);
		break;
	case RTCIMSC:
		rtc->enabled = val & 1;
		break;
	case RTCICR:
		if (val & 1)
			rtc->raised = false;
		break;
	}
	update_line(rtc);
	pthread_mutex_unlock(&rtc->lock);
}

static void pl031_reset(struct dev *dev)
{
	struct pl031 *rtc = (struct pl031 *)dev;

	pthread_mutex_lock(&rtc->lock);
	rtc->offset = rtc->match = rtc->load = 0;
	rtc->enabled = rtc->armed = rtc->raised = false;
	update_line(rtc);
	pthread_mutex_unlock(&rtc->lock);
}

static void pl031_destroy(struct dev *dev)
{
	struct pl031 *rtc = (struct pl031 *)dev;

	later_fini(&rtc->alarm);
	pthread_mutex_destroy(&rtc->lock);
	free(rtc);
}

static int pl031_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	static const struct io_ops ops = { pl031_read, pl031_write };
	struct pl031 *rtc = calloc(1, sizeof(*rtc));
	int r;

	if (!rtc)
		return err_set(err, -ENOMEM, "pl031: out of memory");
	rtc->dev.cls = &pl031_class;
	rtc->irq = env->irq;
	rtc->gsi = env->place->gsi;
	pthread_mutex_init(&rtc->lock, NULL);
	r = later_init(&rtc->alarm, env->loop, alarm_due, rtc);
	if (r < 0)
		err_sys(err, r, "pl031: timer");
	else
		r = bus_add(env->bus, env->place->space, env->place->base, env->place->size, &ops,
			rtc, "pl031", err);
	if (r < 0) {
		pl031_destroy(&rtc->dev);
		return r;
	}
	*out = &rtc->dev;
	return 0;
}

const struct dev_class pl031_class = {
	.name = "pl031",
	.create = pl031_create,
	.reset = pl031_reset,
	.destroy = pl031_destroy,
};
