/* SPDX-License-Identifier: Apache-2.0 */
/* The MMIO transport of driver.h. Written from virtio 1.2, 4.2, the driver's side of it. */
#include "tests/unit/driver.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fakes.h"

#define REG_NOTIFY 0x050
#define REG_ISR 0x060
#define REG_ACK 0x064

/* The register for an offset of PCI's common configuration; -1: there is none. */
static int reg_of(unsigned int off, bool write)
{
	switch (off) {
	case DRV_DEVICE_FEATURE_SELECT:
		return 0x014;
	case DRV_DEVICE_FEATURE:
		return 0x010;
	case DRV_DRIVER_FEATURE_SELECT:
		return 0x024;
	case DRV_DRIVER_FEATURE:
		return 0x020;
	case DRV_STATUS:
		return 0x070;
	case DRV_GENERATION:
		return 0x0fc;
	case DRV_QUEUE_SELECT:
		return 0x030;
	case DRV_QUEUE_SIZE:
		return write ? 0x038 : 0x034;
	case DRV_QUEUE_ENABLE:
		return 0x044;
	case DRV_QUEUE_DESC:
	case DRV_QUEUE_DESC + 4:
		return 0x080 + (int)(off - DRV_QUEUE_DESC);
	case DRV_QUEUE_DRIVER:
	case DRV_QUEUE_DRIVER + 4:
		return 0x090 + (int)(off - DRV_QUEUE_DRIVER);
	case DRV_QUEUE_DEVICE:
	case DRV_QUEUE_DEVICE + 4:
		return 0x0a0 + (int)(off - DRV_QUEUE_DEVICE);
	case DRV_QUEUE_RESET:
		return 0x0c0;
	default:
		return -1;
	}
}

uint64_t drv_mmio_read(struct drv *d, unsigned int off, unsigned int size)
{
	int reg = reg_of(off, false);

	return reg < 0 ? 0 : fake_mmio_read(d->f, d->mmio + (unsigned int)reg, 4);
}

void drv_mmio_write(struct drv *d, unsigned int off, unsigned int size, uint64_t val)
{
	int reg = reg_of(off, true);

	if (reg < 0)
		return;
	fake_mmio_write(d->f, d->mmio + (unsigned int)reg, 4, (uint32_t)val);
	if (size == 8)
		fake_mmio_write(d->f, d->mmio + (unsigned int)reg + 4, 4, val >> 32);
}

bool drv_mmio_wait(struct drv *d, int ms)
{
	for (int i = 0; i < 50 * ms; i++) {
		bool high;

		pthread_mutex_lock(&d->f->wires.lock);
		high = d->f->wires.lines[d->gsi];
		pthread_mutex_unlock(&d->f->wires.lock);
		if (high) {
			fake_mmio_write(d->f, d->mmio + REG_ACK, 4,
				fake_mmio_read(d->f, d->mmio + REG_ISR, 4));
			return true;
		}
		usleep(20);
	}
	return false;
}

int drv_mmio_init(struct drv *d, struct fake_env *f, gpa_t base, unsigned int gsi)
{
	memset(d, 0, sizeof(*d));
	d->f = f;
	d->mmio = base;
	d->gsi = gsi;
	/* 4.2.3.1.1 */
	if (fake_mmio_read(f, base, 4) != 0x74726976 || fake_mmio_read(f, base + 4, 4) != 2)
		return -ENODEV;
	d->device_id = (uint16_t)fake_mmio_read(f, base + 8, 4);
	if (!d->device_id)
		return -ENODEV;
	d->notify = base + REG_NOTIFY;
	d->isr = base + REG_ISR;
	d->config = base + 0x100;
	drv_reset(d);
	while (d->nr_queues < DRV_MAX_QUEUES) {
		drv_write(d, DRV_QUEUE_SELECT, 2, d->nr_queues);
		if (!drv_read(d, DRV_QUEUE_SIZE, 2))
			break;
		d->nr_queues++;
	}
	drv_write(d, DRV_QUEUE_SELECT, 2, 0);
	return 0;
}
