/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all vhost devices share: features, memory table, rings, eventfds. See vhost.h.
 *
 * call_fd is always watched by the loop and, while its vector can take interrupts, an irqfd as
 * well. KVM is asked first and keeps what it takes (hosts before Linux 5.12 wake the loop all
 * the same, which then reads nothing), so a signal is never lost when the vector's mask changes.
 */
#include "devices/virtio/vhost.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "devices/virtio/virtio.h"
#include "vmm/gmem.h"

/* Features of rings (virtio 1.2, 6), which whoever serves the rings must know. */
#define RING_FEATURES \
	(BIT(VIRTIO_F_INDIRECT_DESC) | BIT(VIRTIO_F_EVENT_IDX) | BIT(VIRTIO_F_VERSION_1) | \
		BIT(VIRTIO_F_RING_PACKED) | BIT(VIRTIO_F_IN_ORDER))

int vhost_ioctl(struct vhost *v, unsigned long request, void *arg)
{
	int r;

	do {
		r = ioctl(v->fd, request, arg);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* ---- Events of a queue, on the loop's thread ----------------------------------------- */

static unsigned int index_of(const struct vhost_queue *q)
{
	return q->vhost->first + (unsigned int)(q - q->vhost->queues);
}

static void on_call(void *opaque, uint32_t events)
{
	struct vhost_queue *q = opaque;
	struct virtio_dev *vd = q->vhost->vd;
	eventfd_t count;

	if (eventfd_read(q->call_fd, &count) == 0 && vd->active && vd->transport)
		vd->transport->vq_interrupt(vd->transport_ctx, index_of(q));
}

/* The kernel met a ring that breaks rules, or buffers outside of its table. */
static void on_error(void *opaque, uint32_t events)
{
	struct vhost_queue *q = opaque;
	eventfd_t count;

	if (eventfd_read(q->error_fd, &count) == 0)
		virtio_broken(q->vhost->vd, "queue %u: refused by the host's kernel",
			index_of(q));
}

/* ---- Life ---------------------------------------------------------------------------- */

void vhost_init(struct vhost *v)
{
	*v = (struct vhost){ .fd = -1 };
	for (unsigned int i = 0; i < VHOST_MAX_QUEUES; i++)
		v->queues[i] = (struct vhost_queue){
			.vhost = v,
			.call_fd = -1,
			.error_fd = -1,
			.call_watch = LOOP_FD_NONE,
			.error_watch = LOOP_FD_NONE,
		};
}

static int open_queues(struct vhost *v, unsigned int nr, struct tvm_error *err)
{
	for (unsigned int i = 0; i < nr; i++) {
		struct vhost_queue *q = &v->queues[i];

		q->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		q->error_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (q->call_fd < 0 || q->error_fd < 0)
			return err_sys(err, -errno, "vhost: eventfd");
	}
	return 0;
}

int vhost_open(struct vhost *v, const char *path, struct virtio_dev *vd, unsigned int first,
	unsigned int nr, struct tvm_error *err)
{
	int r;

	if (nr > VHOST_MAX_QUEUES || first + nr > vd->nr_queues)
		return err_set(err, -EINVAL, "vhost: %u queues from %u on", nr, first);
	v->fd = open(path, O_RDWR | O_CLOEXEC);
	if (v->fd < 0)
		return err_sys(err, -errno, "cannot open %s", path);
	r = vhost_ioctl(v, VHOST_GET_FEATURES, &v->features);
	if (r < 0)
		err_sys(err, r, "%s: VHOST_GET_FEATURES", path);
	else if (!(v->features & BIT(VIRTIO_F_VERSION_1)))
		r = err_set(err, -ENOTSUP, "%s: knows no virtio 1", path);
	else if ((r = vhost_ioctl(v, VHOST_SET_OWNER, NULL)) < 0)
		err_sys(err, r, "%s: VHOST_SET_OWNER", path);
	else
		r = open_queues(v, nr, err);
	if (r < 0) {
		vhost_close(v);
		return r;
	}
	v->vd = vd;
	v->first = first;
	v->nr = nr;
	for (unsigned int i = 0; i < nr; i++)
		vd->regs[first + i].external = true;
	return 0;
}

void vhost_close(struct vhost *v)
{
	for (unsigned int i = 0; i < VHOST_MAX_QUEUES; i++) {
		close_fd(&v->queues[i].call_fd);
		close_fd(&v->queues[i].error_fd);
	}
	for (unsigned int i = 0; i < v->nr; i++)
		v->vd->regs[v->first + i].external = false;
	v->nr = 0;
	close_fd(&v->fd);
}

uint64_t vhost_features(const struct vhost *v, uint64_t offered)
{
	return offered & ~(RING_FEATURES & ~v->features);
}

/* ---- Start and stop ------------------------------------------------------------------ */

static int set_memory(struct vhost *v)
{
	struct {
		struct vhost_memory head;
		struct vhost_memory_region regions[2 * GMEM_MAX_SLOTS];
	} table = { 0 };
	const struct gmem *gm = v->vd->env->gmem;

	for (unsigned int i = 0; i < gmem_nr_slots(gm); i++) {
		const struct gmem_slot *s = gmem_slot(gm, i);

		if (s->rom)
			continue;
		table.regions[table.head.nregions++] = (struct vhost_memory_region){
			.guest_phys_addr = s->gpa,
			.memory_size = s->size,
			.userspace_addr = (uintptr_t)s->hva,
		};
		/* Realms call what they share by either name, which differ in one bit. */
		if (!gmem_alias(gm))
			continue;
		table.regions[table.head.nregions] = table.regions[table.head.nregions - 1];
		table.regions[table.head.nregions++].guest_phys_addr |= gmem_alias(gm);
	}
	return vhost_ioctl(v, VHOST_SET_MEM_TABLE, &table);
}

static int set_ring(struct vhost *v, unsigned int i)
{
	struct virtq *vq = v->vd->queues[v->first + i];
	struct vhost_vring_state num = { i, virtq_size(vq) }, base = { i, 0 };
	struct vhost_vring_addr addr = { .index = i };
	struct virtq_areas areas;
	int r;

	virtq_areas(vq, &areas);
	addr.desc_user_addr = (uintptr_t)areas.desc;
	addr.avail_user_addr = (uintptr_t)areas.driver;
	addr.used_user_addr = (uintptr_t)areas.device;
	r = vhost_ioctl(v, VHOST_SET_VRING_NUM, &num);
	if (r >= 0)
		r = vhost_ioctl(v, VHOST_SET_VRING_BASE, &base);
	return r < 0 ? r : vhost_ioctl(v, VHOST_SET_VRING_ADDR, &addr);
}

static int set_file(struct vhost *v, unsigned long request, unsigned int i, int fd)
{
	struct vhost_vring_file file = { i, fd };

	return vhost_ioctl(v, request, &file);
}

static int set_files(struct vhost *v, unsigned int i)
{
	struct vhost_queue *q = &v->queues[i];
	struct loop *loop = v->vd->env->loop;
	int r;

	r = loop_watch(loop, &q->call_watch, q->call_fd, EPOLLIN, on_call, q);
	if (r >= 0)
		r = loop_watch(loop, &q->error_watch, q->error_fd, EPOLLIN, on_error, q);
	if (r >= 0)
		r = set_file(v, VHOST_SET_VRING_ERR, i, q->error_fd);
	if (r >= 0)
		r = set_file(v, VHOST_SET_VRING_CALL, i, q->call_fd);
	if (r >= 0)
		r = set_file(v, VHOST_SET_VRING_KICK, i, v->vd->regs[v->first + i].notify_fd);
	return r;
}

int vhost_queue_start(struct vhost *v, unsigned int i)
{
	struct virtio_dev *vd = v->vd;
	int r;

	if (v->queues[i].running || !virtq_ready(vd->queues[v->first + i]))
		return 0;
	v->queues[i].running = true;	/* what follows is undone by stop */
	r = set_ring(v, i);
	if (r >= 0)
		r = set_files(v, i);
	if (r < 0) {
		vhost_queue_stop(v, i);
		return r;
	}
	if (vd->transport && vd->transport->vq_call_fd)
		vd->transport->vq_call_fd(vd->transport_ctx, v->first + i,
			v->queues[i].call_fd);
	return 0;
}

void vhost_queue_stop(struct vhost *v, unsigned int i)
{
	struct vhost_queue *q = &v->queues[i];
	struct virtio_dev *vd = v->vd;
	eventfd_t count;

	if (!q->running)
		return;
	q->running = false;
	set_file(v, VHOST_SET_VRING_KICK, i, VHOST_FILE_UNBIND);
	set_file(v, VHOST_SET_VRING_CALL, i, VHOST_FILE_UNBIND);
	set_file(v, VHOST_SET_VRING_ERR, i, VHOST_FILE_UNBIND);
	if (vd->transport && vd->transport->vq_call_fd)
		vd->transport->vq_call_fd(vd->transport_ctx, v->first + i, -1);
	loop_unwatch(vd->env->loop, &q->call_watch);
	loop_unwatch(vd->env->loop, &q->error_watch);
	eventfd_read(q->call_fd, &count);
	eventfd_read(q->error_fd, &count);
}

int vhost_start(struct vhost *v, uint64_t kernel_features)
{
	/* ACCESS_PLATFORM would mean an IOTLB to the kernel; its addresses are the guest's. */
	uint64_t features = ((v->vd->accepted & RING_FEATURES) | kernel_features) & v->features &
		~BIT(VIRTIO_F_ACCESS_PLATFORM);
	int r = vhost_ioctl(v, VHOST_SET_FEATURES, &features);

	if (r >= 0)
		r = set_memory(v);
	for (unsigned int i = 0; i < v->nr && r >= 0; i++)
		r = vhost_queue_start(v, i);
	if (r < 0)
		vhost_stop(v);
	return r;
}

void vhost_stop(struct vhost *v)
{
	for (unsigned int i = 0; i < v->nr; i++)
		vhost_queue_stop(v, i);
}

void vhost_kick(struct vhost *v, unsigned int i)
{
	virtio_queue_kick(v->vd, v->first + i);
}
