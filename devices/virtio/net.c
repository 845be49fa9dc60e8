/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-net (virtio 1.2, 5.1): the device, and packets from the guest. A packet goes from
 * guest memory into the host kernel unseen, header included; what the kernel refuses is lost,
 * as on any wire.
 */
#include "devices/virtio/net.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "devices/devices.h"
#include "devices/virtio/virtio.h"
#include "vmm/devopts.h"

#define MTU_MIN 68u	/* 5.1.4.1 */
#define MTU_MAX 65535u

#define VIRTIO_NET_S_LINK_UP 1

enum { RXQ, TXQ, NR_QUEUES };	/* 5.1.2 */

struct net_config {		/* 5.1.4 */
	uint8_t mac[6];
	le16 status;
	le16 max_virtqueue_pairs;
	le16 mtu;
};

struct net {
	struct dev dev;
	struct virtio_dev vd;
	struct net_backend *backend;	/* owned */
	bool tx_blocked;		/* the backend takes nothing now */
	uint64_t tx_dropped;
	struct iovec tx_iov[NET_QUEUE_SIZE];
	struct net_rx rx;
};

/* ---- From the guest ------------------------------------------------------------------ */

/* 0, or -EAGAIN: not now. */
static int send_packet(struct net *net, struct virtq_chain *c)
{
	int r;

	if (c->out_len < NET_HDR || c->out_len > NET_PACKET_MAX)
		r = -EMSGSIZE;
	else if (!net->backend->up)
		r = -ENETDOWN;
	else
		r = net->backend->ops->send(net->backend, c->iov, c->nr_out,
			(size_t)c->out_len);
	if (!r || r == -EAGAIN)
		return r;
	net->tx_dropped++;
	if (r == -EINVAL || r == -EMSGSIZE)
		log_guest(net->vd.env->log, "%s: packet of %llu bytes is refused: error %d",
			net->vd.name, (unsigned long long)c->out_len, -r);
	return 0;
}

static bool transmit_one(struct net *net, struct virtq *vq, int *budget)
{
	struct virtq_chain c = { .iov = net->tx_iov, .max_iov = ARRAY_SIZE(net->tx_iov) };

	if (virtq_pop(vq, &c) <= 0)
		return false;
	if (send_packet(net, &c) == -EAGAIN) {
		virtq_unpop(vq);
		net->tx_blocked = true;
		net_backend_watch(net->backend, net->backend->want_in, true);
		return false;
	}
	virtq_push(vq, &c, 0);
	*budget -= NET_PACKET_COST;
	*budget -= c.out_len < NET_PACKET_MAX ? (int)c.out_len : 0;
	return true;
}

static void transmit(struct net *net)
{
	struct virtq *vq = net->vd.queues[TXQ];
	int budget = NET_TURN;

	if (net->tx_blocked || !net->vd.active)
		return;
	do {
		virtq_disable_notify(vq);
		while (budget > 0 && transmit_one(net, vq, &budget))
			;
	} while (budget > 0 && !net->tx_blocked && virtq_enable_notify(vq));
	virtq_notify(vq);
	if (budget <= 0)
		virtio_queue_kick(&net->vd, TXQ);
}

/* ---- Events of the backend ----------------------------------------------------------- */

static void on_readable(void *opaque)
{
	net_rx_run(&((struct net *)opaque)->rx);
}

static void on_writable(void *opaque)
{
	struct net *net = opaque;

	net->tx_blocked = false;
	transmit(net);
}

static void on_link_down(void *opaque)
{
	struct net *net = opaque;
	le16 status = le16_make(0);

	virtio_config_update(&net->vd, offsetof(struct net_config, status), &status,
		sizeof(status));
	/* What waits to be sent is dropped: by a turn of its own, for we may be in one. */
	net->tx_blocked = false;
	virtio_queue_kick(&net->vd, TXQ);
}

static const struct net_handler handler = { on_readable, on_writable, on_link_down };

/* ---- The device ---------------------------------------------------------------------- */

static void net_notify(struct virtio_dev *vd, unsigned int index)
{
	struct net *net = container_of(vd, struct net, vd);

	if (index == TXQ)
		transmit(net);
	else
		net_rx_run(&net->rx);
}

static int net_activate(struct virtio_dev *vd)
{
	struct net *net = container_of(vd, struct net, vd);

	net->backend->ops->start(net->backend, vd->accepted);
	net_rx_start(&net->rx);
	net_rx_run(&net->rx);
	return 0;
}

static void net_reset(struct virtio_dev *vd)
{
	struct net *net = container_of(vd, struct net, vd);

	net->tx_blocked = false;
	net_rx_reset(&net->rx);
	/* Not want_out: what is left of a frame goes out still. */
	net_backend_watch(net->backend, false, net->backend->want_out);
}

static const struct virtio_ops net_ops = {
	.id = VIRTIO_ID_NET,
	.features = BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS) |
		BIT(VIRTIO_NET_F_MRG_RXBUF),
	.activate = net_activate,
	.notify = net_notify,
	.reset = net_reset,
};

static void machine_reset(struct dev *dev)
{
	virtio_machine_reset(&((struct net *)dev)->vd);
}

static void net_destroy(struct dev *dev)
{
	struct net *net = (struct net *)dev;

	virtio_fini(&net->vd);
	net_backend_destroy(net->backend);
	free(net);
}

static int parse_mac(const char *text, uint8_t *mac, struct tvm_error *err)
{
	unsigned int b[6];
	int n = -1;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		    &n) != 6 || n != 17 || text[n])
		return err_set(err, -EINVAL, "net: mac '%.40s' is not like 52:54:00:12:34:56",
			text);
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	if (mac[0] & 1 || !(b[0] | b[1] | b[2] | b[3] | b[4] | b[5]))
		return err_set(err, -EINVAL, "net: mac '%s' is not an address of one station",
			text);
	return 0;
}

/* The same every time for the same options: locally administered, FNV-1a of the names. */
static void make_mac(const struct net_opts *opts, const char *ifname, uint8_t *mac)
{
	const char *name = *ifname ? ifname : opts->stream ? opts->stream : "fd";
	uint64_t hash = 0xcbf29ce484222325;
	char text[160];

	snprintf(text, sizeof(text), "%s#%u", name, opts->index);
	for (const char *p = text; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 0x100000001b3;
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)(hash >> (8 * i));
	mac[0] = (mac[0] & 0xfc) | 2;
}

static int net_init(struct net *net, const struct dev_env *env, const struct net_opts *opts,
	struct tvm_error *err)
{
	static const uint16_t sizes[NR_QUEUES] = { NET_QUEUE_SIZE, NET_QUEUE_SIZE };
	struct net_config config = { .status = le16_make(VIRTIO_NET_S_LINK_UP) };
	uint64_t features = opts->mtu ? BIT(VIRTIO_NET_F_MTU) : 0;
	char name[24];
	int r;

	if (opts->mtu && (opts->mtu < MTU_MIN || opts->mtu > MTU_MAX))
		return err_set(err, -EINVAL, "net: mtu %u, %u to %u are allowed", opts->mtu,
			MTU_MIN, MTU_MAX);
	config.mtu = le16_make((uint16_t)opts->mtu);
	r = opts->mac ? parse_mac(opts->mac, config.mac, err) : 0;
	if (r < 0)
		return r;
	r = net_backend_open(env, opts, &net->backend, err);
	if (r < 0)
		return r;
	if (!opts->mac)
		make_mac(opts, net->backend->ifname, config.mac);
	snprintf(name, sizeof(name), "net%u", opts->index);
	r = virtio_init(&net->vd, &net_ops, env, name, features | net->backend->features,
		sizeof(config), NR_QUEUES, sizes, err);
	if (r < 0)
		return r;
	memcpy(net->vd.config, &config, sizeof(config));
	net->backend->name = net->vd.name;
	net->backend->handler = &handler;
	net->backend->opaque = net;
	net->rx.vd = &net->vd;
	net->rx.backend = net->backend;
	net->rx.queue = RXQ;
	return virtio_attach(&net->vd, err);
}

static int net_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	struct net *net = calloc(1, sizeof(*net));
	int r;

	if (!net)
		return err_set(err, -ENOMEM, "net: out of memory");
	net->dev.cls = &virtio_net_class;
	r = net_init(net, env, opts, err);
	if (r < 0) {
		net_destroy(&net->dev);
		return r;
	}
	*out = &net->dev;
	return 0;
}

const struct dev_class virtio_net_class = {
	.name = "virtio-net",
	.create = net_create,
	.reset = machine_reset,
	.destroy = net_destroy,
};
