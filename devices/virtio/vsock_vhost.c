/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost-vsock: virtio-vsock whose packets the host's kernel moves, between the guest and
 * AF_VSOCK sockets of the host. Stream and, where the kernel has it, SEQPACKET sockets.
 *
 * The kernel serves both directions from one switch, SET_RUNNING, so a queue cannot be reset
 * alone: VIRTIO_F_RING_RESET is not offered. The event queue is ours and stays silent, as in
 * vsock.c. A host's socket hears of a guest's reset with its next packet, by the new guest's RST.
 */
#include "devices/devices.h"

#include <errno.h>
#include <linux/vhost.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "devices/virtio/vhost.h"
#include "devices/virtio/vsock_int.h"
#include "vmm/devopts.h"

#define VHOST_QUEUES 2		/* VSOCK_RX and VSOCK_TX */

struct vhost_vsock {
	struct dev dev;
	struct virtio_dev vd;
	struct vhost vhost;
};

static int set_running(struct vhost_vsock *s, int on)
{
	return vhost_ioctl(&s->vhost, VHOST_VSOCK_SET_RUNNING, &on);
}

static int vsock_activate(struct virtio_dev *vd)
{
	struct vhost_vsock *s = container_of(vd, struct vhost_vsock, vd);
	int r = vhost_start(&s->vhost, vd->accepted & BIT(VIRTIO_VSOCK_F_SEQPACKET));

	if (r >= 0)
		r = set_running(s, 1);
	for (unsigned int i = 0; i < VHOST_QUEUES && r >= 0; i++)
		vhost_kick(&s->vhost, i);
	return r;
}

static void vsock_notify(struct virtio_dev *vd, unsigned int vq)
{
	/* Buffers for events; there are none. */
}

static void vsock_reset(struct virtio_dev *vd)
{
	struct vhost_vsock *s = container_of(vd, struct vhost_vsock, vd);

	set_running(s, 0);	/* waits until the kernel has left the rings */
	vhost_stop(&s->vhost);
}

static const struct virtio_ops vsock_ops = {
	.id = VIRTIO_ID_VSOCK,
	.features = BIT(VIRTIO_VSOCK_F_STREAM) | BIT(VIRTIO_VSOCK_F_SEQPACKET),
	.activate = vsock_activate,
	.notify = vsock_notify,
	.reset = vsock_reset,
};

static void machine_reset(struct dev *dev)
{
	virtio_machine_reset(&((struct vhost_vsock *)dev)->vd);
}

static void vsock_destroy(struct dev *dev)
{
	struct vhost_vsock *s = (struct vhost_vsock *)dev;

	virtio_fini(&s->vd);
	vhost_close(&s->vhost);	/* its connections of the host end */
	free(s);
}

static int open_kernel(struct vhost_vsock *s, uint64_t cid, struct tvm_error *err)
{
	int r = vhost_open(&s->vhost, "/dev/vhost-vsock", &s->vd, VSOCK_RX, VHOST_QUEUES, err);

	if (r < 0)
		return err_prefix(err, r, "vsock: vhost=on (is the module vhost_vsock loaded?)");
	r = vhost_ioctl(&s->vhost, VHOST_VSOCK_SET_GUEST_CID, &cid);
	if (r == -EADDRINUSE)
		return err_set(err, r, "vsock: cid %llu is another machine's",
			(unsigned long long)cid);
	if (r < 0)
		return err_sys(err, r, "vsock: /dev/vhost-vsock: cid %llu",
			(unsigned long long)cid);
	s->vd.features = vhost_features(&s->vhost, s->vd.features);
	if (!(s->vhost.features & BIT(VIRTIO_VSOCK_F_SEQPACKET)))
		s->vd.features &= ~BIT(VIRTIO_VSOCK_F_SEQPACKET);
	return 0;
}

static int vsock_create(const struct dev_env *env, const void *opts_, struct dev **out,
	struct tvm_error *err)
{
	static const uint16_t sizes[VSOCK_QUEUES] = { VSOCK_QUEUE_SIZE, VSOCK_QUEUE_SIZE, 16 };
	const struct vsock_opts *opts = opts_;
	struct vhost_vsock *s;
	int r = vsock_check_cid(opts->cid, err);

	if (r < 0)
		return r;
	if (opts->path || opts->port.nr)
		return err_set(err, -EINVAL,
			"vsock: vhost=on serves AF_VSOCK sockets, it takes no path and no port");
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, -ENOMEM, "vsock: out of memory");
	s->dev.cls = &vhost_vsock_class;
	vhost_init(&s->vhost);
	r = virtio_init(&s->vd, &vsock_ops, env, "vsock", 0, sizeof(le64), ARRAY_SIZE(sizes),
		sizes, err);
	if (!r) {
		le_store(s->vd.config, sizeof(le64), opts->cid);
		r = open_kernel(s, opts->cid, err);
	}
	if (!r)
		r = virtio_attach(&s->vd, err);
	if (r < 0) {
		vsock_destroy(&s->dev);
		return r;
	}
	*out = &s->dev;
	return 0;
}

const struct dev_class vhost_vsock_class = {
	.name = "vhost-vsock",
	.create = vsock_create,
	.reset = machine_reset,
	.destroy = vsock_destroy,
};
