/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSI-X (PCI 3.0, 6.8.2): a table of messages and an array of pending bits in a BAR.
 *
 * Each vector is an eventfd that the hypervisor turns into the vector's message. It is opened
 * when the guest first lets the vector through (MSI-X on, function and vector unmasked), so a
 * guest pays only for what it uses, and the message is handed over again only when it changed.
 * Interrupts raised while masked wait as pending bits. m->lock guards everything but enabled.
 */
#include "devices/pci/pci.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/le.h"
#include "base/log.h"
#include "vmm/irq.h"

/* 6.8.2.3: Message Control */
#define CONTROL_ENABLE 0x8000
#define CONTROL_MASK_ALL 0x4000
#define MAX_VECTORS 2048

/* 6.8.2.6 to 6.8.2.9: a table entry, four dwords */
enum { ENTRY_ADDR_LO, ENTRY_ADDR_HI, ENTRY_DATA, ENTRY_CONTROL, ENTRY_DWORDS };
#define ENTRY_MASKED 1
#define ENTRY_SIZE (4 * ENTRY_DWORDS)

struct msix_vector {
	uint32_t entry[ENTRY_DWORDS];
	int fd;			/* owned; -1 while closed */
	unsigned int gsi;
	bool routed;		/* the hypervisor has this entry's message */
	bool pending;
};

static uint64_t pba_offset(const struct msix *m)
{
	return align_up((uint64_t)m->nr * ENTRY_SIZE, 8);
}

int pci_fn_msix(struct pci_fn *fn, unsigned int bar, unsigned int nr, struct tvm_error *err)
{
	struct msix *m = &fn->msix;
	uint8_t cap[12] = { 0 };
	uint64_t size;

	if (!nr || nr > MAX_VECTORS)
		return err_set(err, -EINVAL, "%s: %u interrupt vectors, 1 to %u are allowed",
			fn->name, nr, MAX_VECTORS);
	m->vectors = calloc(nr, sizeof(*m->vectors));
	if (!m->vectors)
		return err_set(err, -ENOMEM, "%s: out of memory", fn->name);
	pthread_mutex_init(&m->lock, NULL);
	m->nr = nr;
	m->bar = bar;
	for (unsigned int i = 0; i < nr; i++)
		m->vectors[i].fd = -1;
	msix_reset(m);

	for (size = 4096; size < pba_offset(m) + align_up(nr, 64) / 8; size *= 2)
		;
	pci_fn_bar(fn, bar, size, 0);
	le_store(cap + 2, 2, nr - 1);
	le_store(cap + 4, 4, bar);
	le_store(cap + 8, 4, pba_offset(m) | bar);
	m->cap = pci_fn_cap(fn, PCI_CAP_ID_MSIX, cap, sizeof(cap));
	le_store(fn->wmask + m->cap + 2, 2, CONTROL_ENABLE | CONTROL_MASK_ALL);
	return 0;
}

/* ---- Sources: eventfds besides a vector's own ----------------------------------------- */

static void source_unbind(struct msix *m, struct msix_source *s)
{
	if (s->bound)
		m->irq->ops->msi_del(m->irq->ctx, s->fd, s->gsi);
	s->bound = false;
}

/* Failure is harmless: the function reads the descriptor and raises the vector. */
static void source_bind(struct msix *m, struct msix_source *s)
{
	const struct msix_vector *v = &m->vectors[s->vector];

	if (s->bound || s->fd < 0 || !m->irq->ops->msi_add ||
		m->irq->ops->msi_add(m->irq->ctx, s->fd, v->gsi) < 0)
		return;
	s->gsi = v->gsi;
	s->bound = true;
}

static bool deliverable(const struct msix *m, const struct msix_vector *v)
{
	return msix_enabled(m) && !m->masked && !(v->entry[ENTRY_CONTROL] & ENTRY_MASKED);
}

static void sources_update(struct msix *m, const struct msix_vector *v, bool bind)
{
	for (unsigned int i = 0; i < m->nr_sources; i++) {
		struct msix_source *s = &m->sources[i];

		if (s->vector != (size_t)(v - m->vectors))
			continue;
		if (bind)
			source_bind(m, s);
		else
			source_unbind(m, s);
	}
}

static void source_change(struct msix *m, struct msix_source *s, unsigned int vector, int fd)
{
	const struct msix_vector *v;

	if (vector == s->vector && fd == s->fd)
		return;
	source_unbind(m, s);
	s->vector = vector;
	s->fd = fd;
	if (vector >= m->nr)
		return;
	v = &m->vectors[vector];
	if (deliverable(m, v) && v->routed)
		source_bind(m, s);
}

void msix_source_vector(struct msix *m, struct msix_source *s, unsigned int vector)
{
	pthread_mutex_lock(&m->lock);
	source_change(m, s, vector, s->fd);
	pthread_mutex_unlock(&m->lock);
}

void msix_source_fd(struct msix *m, struct msix_source *s, int fd)
{
	pthread_mutex_lock(&m->lock);
	source_change(m, s, s->vector, fd);
	pthread_mutex_unlock(&m->lock);
}

/* ---- Vectors ------------------------------------------------------------------------- */

static void vector_close(struct msix *m, struct msix_vector *v)
{
	sources_update(m, v, false);
	if (v->fd >= 0) {
		m->irq->ops->msi_close(m->irq->ctx, v->fd, v->gsi);
		close_fd(&v->fd);
	}
	v->routed = false;
	v->pending = false;
}

static int vector_open(struct msix *m, struct msix_vector *v)
{
	int r;

	if (v->fd < 0) {
		_cleanup_close_ int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

		if (fd < 0)
			return -errno;
		r = m->irq->ops->msi_open(m->irq->ctx, fd, &v->gsi);
		if (r < 0)
			return r;
		v->fd = take_fd(&fd);
	}
	if (!v->routed) {
		r = m->irq->ops->msi_route(m->irq->ctx, v->gsi,
			(uint64_t)v->entry[ENTRY_ADDR_HI] << 32 | v->entry[ENTRY_ADDR_LO],
			v->entry[ENTRY_DATA], m->devid);
		if (r < 0)
			return r;
		v->routed = true;
	}
	return 0;
}

/* Something about the vector changed: bring the hypervisor up to date, deliver what waits. */
static void vector_update(struct msix *m, struct msix_vector *v)
{
	int r;

	if (!deliverable(m, v)) {
		sources_update(m, v, false);
		return;
	}
	r = vector_open(m, v);
	if (r < 0) {
		log_guest(m->log, "pci: device %02x: vector %td cannot be used: %s",
			m->devid >> 3, v - m->vectors, strerrordesc_np(-r));
		return;
	}
	sources_update(m, v, true);
	if (v->pending) {
		v->pending = false;
		eventfd_write(v->fd, 1);
	}
}

void msix_raise(struct msix *m, unsigned int vector)
{
	if (vector >= m->nr)
		return;
	pthread_mutex_lock(&m->lock);
	if (msix_enabled(m)) {
		/* 6.8.3.4: while masked, the message waits as a pending bit. */
		m->vectors[vector].pending = true;
		vector_update(m, &m->vectors[vector]);
	}
	pthread_mutex_unlock(&m->lock);
}

void msix_control(struct msix *m, uint16_t control)
{
	bool enable = control & CONTROL_ENABLE;

	pthread_mutex_lock(&m->lock);
	m->masked = control & CONTROL_MASK_ALL;
	atomic_store_explicit(&m->enabled, enable, memory_order_relaxed);
	for (unsigned int i = 0; i < m->nr; i++) {
		if (enable)
			vector_update(m, &m->vectors[i]);
		else
			vector_close(m, &m->vectors[i]);
	}
	pthread_mutex_unlock(&m->lock);
}

static uint32_t read_dword(const struct msix *m, uint64_t off)
{
	uint64_t pba = pba_offset(m);
	uint32_t bits = 0;

	if (off < (uint64_t)m->nr * ENTRY_SIZE)
		return m->vectors[off / ENTRY_SIZE].entry[off / 4 % ENTRY_DWORDS];
	if (off < pba)
		return 0;
	for (unsigned int i = 0; i < 32; i++) {
		uint64_t vector = (off - pba) * 8 + i;

		if (vector < m->nr && m->vectors[vector].pending)
			bits |= (uint32_t)BIT(i);
	}
	return bits;
}

static void write_dword(struct msix *m, uint64_t off, uint32_t val)
{
	struct msix_vector *v;
	unsigned int field = off / 4 % ENTRY_DWORDS;

	if (off >= (uint64_t)m->nr * ENTRY_SIZE)
		return; /* pending bits are read-only */
	v = &m->vectors[off / ENTRY_SIZE];
	if (field == ENTRY_CONTROL)
		val &= ENTRY_MASKED;
	else if (v->entry[field] != val)
		v->routed = false;
	v->entry[field] = val;
	vector_update(m, v);
}

/* 6.8.2: accesses are aligned dwords or quadwords, all others are undefined. */
static bool access_ok(uint64_t off, unsigned int size)
{
	return (size == 4 || size == 8) && !(off % size);
}

uint64_t msix_bar_read(struct msix *m, uint64_t off, unsigned int size)
{
	uint64_t val;

	if (!access_ok(off, size))
		return ones(size);
	pthread_mutex_lock(&m->lock);
	val = read_dword(m, off);
	if (size == 8)
		val |= (uint64_t)read_dword(m, off + 4) << 32;
	pthread_mutex_unlock(&m->lock);
	return val;
}

void msix_bar_write(struct msix *m, uint64_t off, unsigned int size, uint64_t val)
{
	if (!access_ok(off, size))
		return;
	pthread_mutex_lock(&m->lock);
	write_dword(m, off, (uint32_t)val);
	if (size == 8)
		write_dword(m, off + 4, (uint32_t)(val >> 32));
	pthread_mutex_unlock(&m->lock);
}

void msix_reset(struct msix *m)
{
	if (!m->nr)
		return;
	pthread_mutex_lock(&m->lock);
	atomic_store_explicit(&m->enabled, false, memory_order_relaxed);
	m->masked = false;
	for (unsigned int i = 0; i < m->nr; i++) {
		struct msix_vector *v = &m->vectors[i];

		vector_close(m, v);
		/* 6.8.2.9: Mask Bit is set after reset. */
		for (unsigned int f = 0; f < ENTRY_DWORDS; f++)
			v->entry[f] = f == ENTRY_CONTROL ? ENTRY_MASKED : 0;
	}
	pthread_mutex_unlock(&m->lock);
}

void msix_fini(struct msix *m)
{
	if (!m->nr)
		return;
	msix_reset(m);
	pthread_mutex_destroy(&m->lock);
	free_ptr(&m->vectors);
	m->nr = 0;
}
