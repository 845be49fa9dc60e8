/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost: queues of a virtio device that the host's kernel serves (linux/vhost.h), for
 * virtio-net (net_vhost.c) and virtio-vsock.
 *
 *	guest's doorbell  -> ioeventfd -> notify_fd of the queue -> kernel
 *	kernel -> call_fd -> irqfd of the queue's vector -> guest
 *	              \____> the loop, where that is not possible now: a masked vector, a line
 *
 * The kernel reaches guest memory by a table of the device view's RAM. It cannot ask which
 * pages a confidential guest shares: there, the table names the memory behind shared pages and
 * no other, so pages that are not shared show nothing of the guest's. Only the rings' places
 * are checked page by page, by virtq_start().
 *
 * Create runs where devices are created; all else on the loop's thread.
 *
 *	vhost_open(&v, "/dev/vhost-net", &dev->vd, 0, 2, err);	after virtio_init()
 *	vd->features = vhost_features(&v, vd->features);		before virtio_attach()
 *	activate: vhost_start(&v); the device's own ioctls; vhost_kick(&v, i)
 *	reset: the device's own ioctls; vhost_stop(&v)
 *	destroy: vhost_close(&v)					after virtio_fini()
 */
#ifndef DEVICES_VIRTIO_VHOST_H
#define DEVICES_VIRTIO_VHOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

struct tvm_error;
struct vhost;
struct virtio_dev;

#define VHOST_MAX_QUEUES 2

struct vhost_queue {
	struct vhost *vhost;		/* borrowed: the queue is in it */
	bool running;
	int call_fd, error_fd;		/* owned; eventfds */
	struct loop_fd call_watch, error_watch;
};

/* Zeroed or closed: fd is -1 after vhost_init(). */
struct vhost {
	struct virtio_dev *vd;		/* borrowed */
	unsigned int first, nr;		/* serves queues first .. first + nr of vd */
	int fd;				/* owned */
	uint64_t features;		/* VHOST_GET_FEATURES */
	struct vhost_queue queues[VHOST_MAX_QUEUES];
};

/* Before anything else; vhost_close() is fine then. */
void vhost_init(struct vhost *v);

/*
 * Open the device at path for queues first .. first + nr of vd, whose notifications go to the
 * kernel from now on. vd is initialised and not attached. What failed can be tried again, or
 * the queues be served here.
 */
int vhost_open(struct vhost *v, const char *path, struct virtio_dev *vd, unsigned int first,
	unsigned int nr, struct tvm_error *err);
void vhost_close(struct vhost *v);

static inline bool vhost_is_open(const struct vhost *v)
{
	return v->fd >= 0;
}

/* offered without the features of rings that this kernel does not know. */
uint64_t vhost_features(const struct vhost *v, uint64_t offered);

/*
 * Hand over features, memory and all queues that the driver enabled. kernel_features: bits of
 * the device type that the driver accepted and the kernel has to know of. 0 or negative errno.
 */
int vhost_start(struct vhost *v, uint64_t kernel_features);
void vhost_stop(struct vhost *v);

/*
 * One queue, 0 .. nr - 1, after a reset of it alone; vhost_start() and vhost_stop() do all.
 * Starting one that the driver did not enable, or that runs, does nothing.
 */
int vhost_queue_start(struct vhost *v, unsigned int i);
void vhost_queue_stop(struct vhost *v, unsigned int i);

static inline bool vhost_running(const struct vhost *v, unsigned int i)
{
	return v->queues[i].running;
}

/* Let the kernel look into the queue: buffers may have come before it was started. */
void vhost_kick(struct vhost *v, unsigned int i);

/* An ioctl of the device type. 0 or negative errno. */
int vhost_ioctl(struct vhost *v, unsigned long request, void *arg);

#endif
