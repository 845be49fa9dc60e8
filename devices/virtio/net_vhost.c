/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost-net: the host's kernel moves packets between a tap and the rings. One vhost device
 * serves one pair of queues on one queue of the tap. The tap is set up as without it, so what
 * is offered to the guest is the same, as far as this kernel knows the features. The kernel tells
 * nobody when the interface is removed: the link stays up then, and packets are lost.
 */
#include <errno.h>
#include <linux/vhost.h>

#include "base/bits.h"
#include "base/err.h"
#include "base/log.h"
#include "devices/virtio/net.h"
#include "vmm/devopts.h"

#define VHOST_NET "/dev/vhost-net"

int net_vhost_open(struct net *net, const struct net_opts *opts, struct tvm_error *err)
{
	bool tap = *net->pairs[0].backend->ifname;

	if (opts->vhost == NET_VHOST_OFF || (opts->vhost == NET_VHOST_AUTO && !tap))
		return -ENOTSUP;
	if (!tap)
		return err_set(err, -EINVAL, "net: vhost=on goes with a tap");
	for (unsigned int i = 0; i < net->nr_pairs; i++) {
		int r = vhost_open(&net->pairs[i].vhost, VHOST_NET, &net->vd, 2 * i, 2, err);

		if (r >= 0)
			continue;
		/* All or none: a guest is told one set of features. */
		while (i--)
			vhost_close(&net->pairs[i].vhost);
		return err_prefix(err, r, "net");
	}
	return 0;
}

uint64_t net_vhost_features(struct net *net, uint64_t offered)
{
	const struct vhost *v = &net->pairs[0].vhost;

	return vhost_features(v, offered) & ~(BIT(VIRTIO_NET_F_MRG_RXBUF) & ~v->features);
}

static int set_backend(struct net_pair *pair, unsigned int i, int fd)
{
	struct vhost_vring_file file = { i, fd };

	return vhost_ioctl(&pair->vhost, VHOST_NET_SET_BACKEND, &file);
}

/* The ring is handed over: frames flow from now on. */
static int connect_queue(struct net_pair *pair, unsigned int i)
{
	int r;

	if (!vhost_running(&pair->vhost, i))
		return 0;
	r = set_backend(pair, i, pair->backend->fd);
	vhost_kick(&pair->vhost, i);
	return r;
}

int net_vhost_start(struct net_pair *pair)
{
	int r = vhost_start(&pair->vhost,
		pair->net->vd.accepted & BIT(VIRTIO_NET_F_MRG_RXBUF));

	for (unsigned int i = 0; i < 2 && r >= 0; i++)
		r = connect_queue(pair, i);
	if (r < 0) {
		log_guest(pair->net->vd.env->log, "%s: vhost-net: error %d", pair->net->vd.name,
			-r);
		net_vhost_stop(pair);
	}
	return r;
}

void net_vhost_stop(struct net_pair *pair)
{
	net_vhost_queue_stop(pair, pair->rxq);
	net_vhost_queue_stop(pair, pair->txq);
}

void net_vhost_queue_start(struct net_pair *pair, unsigned int vq)
{
	unsigned int i = vq - pair->rxq;
	int r = vhost_queue_start(&pair->vhost, i);

	if (r >= 0)
		r = connect_queue(pair, i);
	if (r < 0)
		virtio_broken(&pair->net->vd, "vhost-net: queue %u: error %d", vq, -r);
}

void net_vhost_queue_stop(struct net_pair *pair, unsigned int vq)
{
	unsigned int i = vq - pair->rxq;

	if (!vhost_running(&pair->vhost, i))
		return;
	/* Returns when the kernel has let go of all buffers. */
	set_backend(pair, i, VHOST_FILE_UNBIND);
	vhost_queue_stop(&pair->vhost, i);
}
