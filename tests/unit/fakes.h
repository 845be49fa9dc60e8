/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A struct dev_env without KVM: memory, bus, PCI, loop and log are the real ones, the wires
 * (struct irq) are kept here, so that a test sees what a device did with them.
 *
 *	struct fake_env f;
 *	fake_env_init(&f, MIB(4));
 *	fake_env_start(&f);		(the loop's thread; without it loop_call() runs directly)
 *	... dev_class.create(&f.env, ...), the driver of driver.h ...
 *	fake_env_fini(&f);
 *
 * Set-up failures end the program: they are the test's, not the device's.
 */
#ifndef TESTS_UNIT_FAKES_H
#define TESTS_UNIT_FAKES_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/log.h"
#include "base/loop.h"
#include "devices/pci/pci.h"
#include "tvm.h"
#include "vmm/bus.h"
#include "vmm/device.h"
#include "vmm/gmem.h"
#include "vmm/irq.h"

#define FAKE_MAX 128
#define FAKE_FIRST_MSI 24

/* Where the machine has things; RAM starts at 0. */
#define FAKE_ECAM MIB(2816)
#define FAKE_MMIO32 GIB(3)
#define FAKE_MMIO32_SIZE MIB(16)
#define FAKE_MMIO64 GIB(64)
#define FAKE_MMIO64_SIZE GIB(1)

struct fake_doorbell {
	bool used;
	enum bus_space space;
	uint64_t addr;
	unsigned int size;
	int fd;
	bool match;
	uint64_t value;
};

struct fake_msi {
	bool used, routed;
	int fd;
	uint64_t addr;
	uint32_t data, devid;
	unsigned int routes;		/* calls of msi_route */
	int more[8];			/* descriptors of msi_add */
	unsigned int nr_more;
	uint64_t count;			/* messages so far; see fake_msi_count() */
};

struct fake_irq {
	pthread_mutex_t lock;
	struct fake_doorbell doorbells[FAKE_MAX];
	unsigned int nr_doorbells;	/* used ones */
	struct fake_msi msis[FAKE_MAX];	/* index: gsi - FAKE_FIRST_MSI */
	bool lines[FAKE_FIRST_MSI];
	bool no_doorbells;		/* doorbell_add fails: all notifications are exits */
	bool no_any_size;		/* doorbell_add of size 0 fails */
	bool no_msi;			/* msi_open fails */
	bool no_msi_add;		/* msi_add fails */
};

struct fake_env {
	struct dev_env env;
	struct gmem *gmem;
	struct bus *bus;
	struct loop *loop;
	struct pci_bus *pci;
	struct irq irq;
	struct fake_irq wires;
	struct log log;
	pthread_mutex_t log_lock;
	unsigned int log_lines;
	char last_log[256];
	_Atomic unsigned int requests[8]; /* by enum dev_request */
};

#define FAKE_MUST(cond) \
	do { \
		if (!(cond)) { \
			printf("Bail out! %s:%d: %s\n", __FILE__, __LINE__, #cond); \
			exit(1); \
		} \
	} while (0)

/* ---- Wires --------------------------------------------------------------------------- */

static inline void fake_set_line(void *ctx, unsigned int gsi, bool level)
{
	struct fake_irq *w = ctx;

	pthread_mutex_lock(&w->lock);
	FAKE_MUST(gsi < FAKE_FIRST_MSI);
	w->lines[gsi] = level;
	pthread_mutex_unlock(&w->lock);
}

static inline int fake_msi_open(void *ctx, int eventfd, unsigned int *gsi_out)
{
	struct fake_irq *w = ctx;
	int r = -ENOSPC;

	pthread_mutex_lock(&w->lock);
	for (unsigned int i = 0; i < FAKE_MAX && !w->no_msi; i++) {
		if (w->msis[i].used)
			continue;
		w->msis[i] = (struct fake_msi){ .used = true, .fd = eventfd };
		*gsi_out = FAKE_FIRST_MSI + i;
		r = 0;
		break;
	}
	pthread_mutex_unlock(&w->lock);
	return r;
}

static inline int fake_msi_route(void *ctx, unsigned int gsi, uint64_t addr, uint32_t data,
	uint32_t devid)
{
	struct fake_irq *w = ctx;
	struct fake_msi *m = &w->msis[gsi - FAKE_FIRST_MSI];

	pthread_mutex_lock(&w->lock);
	FAKE_MUST(m->used);
	m->addr = addr;
	m->data = data;
	m->devid = devid;
	m->routed = true;
	m->routes++;
	pthread_mutex_unlock(&w->lock);
	return 0;
}

static inline void fake_msi_close(void *ctx, int eventfd, unsigned int gsi)
{
	struct fake_irq *w = ctx;
	struct fake_msi *m = &w->msis[gsi - FAKE_FIRST_MSI];

	pthread_mutex_lock(&w->lock);
	FAKE_MUST(m->used && m->fd == eventfd && !m->nr_more);
	m->used = false;
	pthread_mutex_unlock(&w->lock);
}

/* Nothing reads what is added: it is the device's, as on a host that wakes both. */
static inline int fake_msi_add(void *ctx, int eventfd, unsigned int gsi)
{
	struct fake_irq *w = ctx;
	struct fake_msi *m = &w->msis[gsi - FAKE_FIRST_MSI];
	int r = -EINVAL;

	pthread_mutex_lock(&w->lock);
	FAKE_MUST(m->used && m->routed && m->nr_more < 8);
	if (!w->no_msi_add) {
		m->more[m->nr_more++] = eventfd;
		r = 0;
	}
	pthread_mutex_unlock(&w->lock);
	return r;
}

static inline void fake_msi_del(void *ctx, int eventfd, unsigned int gsi)
{
	struct fake_irq *w = ctx;
	struct fake_msi *m = &w->msis[gsi - FAKE_FIRST_MSI];
	unsigned int i;

	pthread_mutex_lock(&w->lock);
	for (i = 0; i < m->nr_more && m->more[i] != eventfd; i++)
		;
	FAKE_MUST(m->used && i < m->nr_more);
	m->more[i] = m->more[--m->nr_more];
	pthread_mutex_unlock(&w->lock);
}

static inline int fake_doorbell_put(struct fake_irq *w, struct fake_doorbell d)
{
	int r = -ENOSPC;

	d.used = true;
	pthread_mutex_lock(&w->lock);
	for (unsigned int i = 0; i < FAKE_MAX; i++) {
		if (w->no_doorbells || (w->no_any_size && !d.size))
			break;
		if (w->doorbells[i].used)
			continue;
		w->doorbells[i] = d;
		w->nr_doorbells++;
		r = 0;
		break;
	}
	pthread_mutex_unlock(&w->lock);
	return r;
}

static inline int fake_doorbell_add(void *ctx, enum bus_space space, uint64_t addr,
	unsigned int size, int eventfd)
{
	return fake_doorbell_put(ctx, (struct fake_doorbell){ .space = space, .addr = addr,
		.size = size, .fd = eventfd });
}

static inline int fake_doorbell_match_add(void *ctx, enum bus_space space, uint64_t addr,
	unsigned int size, uint64_t value, int eventfd)
{
	FAKE_MUST(size);
	return fake_doorbell_put(ctx, (struct fake_doorbell){ .space = space, .addr = addr,
		.size = size, .fd = eventfd, .match = true, .value = value });
}

static inline struct fake_doorbell *fake_doorbell_find(struct fake_irq *w, enum bus_space space,
	uint64_t addr)
{
	for (unsigned int i = 0; i < FAKE_MAX; i++) {
		struct fake_doorbell *d = &w->doorbells[i];

		if (d->used && d->space == space && d->addr == addr)
			return d;
	}
	return NULL;
}

static inline void fake_doorbell_take(struct fake_irq *w, struct fake_doorbell want)
{
	struct fake_doorbell *d;

	pthread_mutex_lock(&w->lock);
	for (d = w->doorbells; d < w->doorbells + FAKE_MAX; d++)
		if (d->used && d->space == want.space && d->addr == want.addr &&
			d->fd == want.fd && d->size == want.size && d->match == want.match &&
			d->value == want.value)
			break;
	FAKE_MUST(d < w->doorbells + FAKE_MAX);
	d->used = false;
	w->nr_doorbells--;
	pthread_mutex_unlock(&w->lock);
}

static inline void fake_doorbell_del(void *ctx, enum bus_space space, uint64_t addr,
	unsigned int size, int eventfd)
{
	fake_doorbell_take(ctx, (struct fake_doorbell){ .space = space, .addr = addr,
		.size = size, .fd = eventfd });
}

static inline void fake_doorbell_match_del(void *ctx, enum bus_space space, uint64_t addr,
	unsigned int size, uint64_t value, int eventfd)
{
	fake_doorbell_take(ctx, (struct fake_doorbell){ .space = space, .addr = addr,
		.size = size, .fd = eventfd, .match = true, .value = value });
}

static const struct irq_ops fake_irq_ops = {
	.set_line = fake_set_line,
	.msi_open = fake_msi_open,
	.msi_route = fake_msi_route,
	.msi_close = fake_msi_close,
	.msi_add = fake_msi_add,
	.msi_del = fake_msi_del,
	.doorbell_add = fake_doorbell_add,
	.doorbell_del = fake_doorbell_del,
	.doorbell_match_add = fake_doorbell_match_add,
	.doorbell_match_del = fake_doorbell_match_del,
};

static inline unsigned int fake_doorbells(struct fake_env *f)
{
	unsigned int n = 0;

	pthread_mutex_lock(&f->wires.lock);
	for (unsigned int i = 0; i < FAKE_MAX; i++)
		n += f->wires.doorbells[i].used;
	pthread_mutex_unlock(&f->wires.lock);
	return n;
}

/* A guest's memory write, as KVM does it: a doorbell if there is one, else the bus. */
static inline void fake_mmio_write(struct fake_env *f, uint64_t addr, unsigned int size,
	uint64_t val)
{
	bool rung = false;
	unsigned int left;

	pthread_mutex_lock(&f->wires.lock);
	/* No further than the last one: fuzzers live here. */
	left = f->wires.nr_doorbells;
	for (unsigned int i = 0; i < FAKE_MAX && left && !rung; i++) {
		struct fake_doorbell *d = &f->wires.doorbells[i];

		left -= d->used;
		rung = d->used && d->space == BUS_MMIO && d->addr == addr &&
			(!d->size || d->size == size) && (!d->match || d->value == val);
		if (rung)
			eventfd_write(d->fd, 1);
	}
	pthread_mutex_unlock(&f->wires.lock);
	if (!rung)
		bus_write(f->bus, BUS_MMIO, addr, size, val);
}

static inline uint64_t fake_mmio_read(struct fake_env *f, uint64_t addr, unsigned int size)
{
	uint64_t val;

	bus_read(f->bus, BUS_MMIO, addr, size, &val);
	return val;
}

/* Messages sent so far whose data is data. */
static inline uint64_t fake_msi_count(struct fake_env *f, uint32_t data)
{
	uint64_t total = 0;

	pthread_mutex_lock(&f->wires.lock);
	for (unsigned int i = 0; i < FAKE_MAX; i++) {
		struct fake_msi *m = &f->wires.msis[i];
		eventfd_t n;

		if (!m->used || m->data != data)
			continue;
		if (eventfd_read(m->fd, &n) == 0)
			m->count += n;
		total += m->count;
	}
	pthread_mutex_unlock(&f->wires.lock);
	return total;
}

/* Wait until a message with data is there, and take it. False after ms milliseconds. */
static inline bool fake_msi_wait(struct fake_env *f, uint32_t data, int ms)
{
	struct pollfd p = { .fd = -1, .events = POLLIN };
	eventfd_t n;

	pthread_mutex_lock(&f->wires.lock);
	for (unsigned int i = 0; i < FAKE_MAX; i++)
		if (f->wires.msis[i].used && f->wires.msis[i].data == data)
			p.fd = f->wires.msis[i].fd;
	pthread_mutex_unlock(&f->wires.lock);
	if (p.fd < 0 || poll(&p, 1, ms) <= 0)
		return false;
	return eventfd_read(p.fd, &n) == 0;
}

/* ---- Environment --------------------------------------------------------------------- */

static inline void fake_log(void *opaque, enum tvm_log_level level, const char *line)
{
	struct fake_env *f = opaque;

	pthread_mutex_lock(&f->log_lock);
	f->log_lines++;
	snprintf(f->last_log, sizeof(f->last_log), "%s", line);
	pthread_mutex_unlock(&f->log_lock);
	if (getenv("TEST_LOG"))
		fprintf(stderr, "# %s\n", line);
}

static inline void fake_request(void *ctx, enum dev_request what)
{
	struct fake_env *f = ctx;

	f->requests[what]++;
}

/* ram: bytes from gpa 0. Nothing runs yet; f->env may be changed before devices are made. */
static inline void fake_env_init(struct fake_env *f, uint64_t ram)
{
	const struct gmem_opts gmem_opts = { .pages = GMEM_PAGES_SMALL };
	const struct pci_bus_opts pci_opts = {
		.ecam_base = FAKE_ECAM,
		.ecam_size = MIB(1),
		.mmio32_base = FAKE_MMIO32,
		.mmio32_size = FAKE_MMIO32_SIZE,
		.mmio64_base = FAKE_MMIO64,
		.mmio64_size = FAKE_MMIO64_SIZE,
		.ports = true,
	};
	struct tvm_host host = {
		.size = sizeof(host),
		.log = fake_log,
		.log_opaque = f,
		.log_level = TVM_LOG_DEBUG,
	};

	memset(f, 0, sizeof(*f));
	pthread_mutex_init(&f->wires.lock, NULL);
	pthread_mutex_init(&f->log_lock, NULL);
	log_init(&f->log, &host);
	f->irq = (struct irq){ &fake_irq_ops, &f->wires };
	FAKE_MUST(gmem_create(&gmem_opts, &f->gmem, NULL) == 0);
	FAKE_MUST(gmem_add(f->gmem, 0, ram, NULL) == 0);
	FAKE_MUST(bus_create(&f->bus, NULL) == 0);
	FAKE_MUST(loop_create(&f->loop, NULL) == 0);
	f->env = (struct dev_env){
		.gmem = f->gmem,
		.bus = f->bus,
		.irq = &f->irq,
		.loop = f->loop,
		.log = &f->log,
		.request = fake_request,
		.request_ctx = f,
	};
	FAKE_MUST(pci_bus_create(&f->env, &pci_opts, &f->pci, NULL) == 0);
	f->env.pci = f->pci;
}

static inline void fake_env_start(struct fake_env *f)
{
	FAKE_MUST(loop_start(f->loop, "tvm-io", NULL) == 0);
}

/* Devices are destroyed before; stop the loop first: loop_stop(f->loop). */
static inline void fake_env_fini(struct fake_env *f)
{
	loop_stop(f->loop);
	pci_bus_destroy(f->pci);
	loop_destroy(f->loop);
	bus_destroy(f->bus);
	gmem_destroy(f->gmem);
	pthread_mutex_destroy(&f->log_lock);
	pthread_mutex_destroy(&f->wires.lock);
}

/* The guest's own view of its memory; [gpa, gpa + len) must be RAM. */
static inline void *fake_ram(struct fake_env *f, gpa_t gpa, size_t len)
{
	const struct gmem_slot *s = gmem_slot(f->gmem, 0);

	FAKE_MUST(range_within(gpa, len, s->gpa, s->size));
	return s->hva + (gpa - s->gpa);
}

#endif
