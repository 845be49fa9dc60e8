/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-net (virtio 1.2, 5.1): the device. Packets are in net_tx.c and net_rx.c, or the host
 * kernel's (net_vhost.c); the control queue is in net_ctrl.c.
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

struct net_config {		/* 5.1.4 */
	uint8_t mac[6];
	le16 status;
	le16 max_virtqueue_pairs;
	le16 mtu;
};

/* ---- Events of a backend ------------------------------------------------------------- */

static void on_readable(void *opaque)
{
	net_rx_run(&((struct net_pair *)opaque)->rx);
}

static void on_writable(void *opaque)
{
	struct net_pair *pair = opaque;

	pair->tx.blocked = false;
	net_tx_run(pair);
}

/* All queues of an interface go with it. */
static void on_link_down(void *opaque)
{
	struct net_pair *pair = opaque;
	struct virtio_dev *vd = &pair->net->vd;
	le16 status = le16_make(0);

	if (virtio_config_read(vd, offsetof(struct net_config, status), 2))
		virtio_config_update(vd, offsetof(struct net_config, status), &status,
			sizeof(status));
	/* What waits to be sent is dropped: by a turn of its own, for we may be in one. */
	pair->tx.blocked = false;
	virtio_queue_kick(vd, pair->txq);
}

static const struct net_handler handler = { on_readable, on_writable, on_link_down };

/* ---- The device ---------------------------------------------------------------------- */

/* The pair that has queue vq with the features of this driver, or NULL. */
static struct net_pair *pair_of(struct net *net, unsigned int vq)
{
	unsigned int nr = virtio_has(&net->vd, VIRTIO_NET_F_MQ) ? net->nr_pairs : 1;

	return vq / 2 < nr ? &net->pairs[vq / 2] : NULL;
}

static void net_notify(struct virtio_dev *vd, unsigned int index)
{
	struct net *net = container_of(vd, struct net, vd);
	struct net_pair *pair = pair_of(net, index);

	if (pair && vhost_is_open(&pair->vhost)) /* enabled again */
		net_vhost_queue_start(pair, index);
	else if (pair && index == pair->txq)
		net_tx_run(pair);
	else if (pair)
		net_rx_run(&pair->rx);
	else if (virtio_has(vd, VIRTIO_NET_F_CTRL_VQ) && index == net_ctrl_queue(net))
		net_ctrl_run(net);
}

static int net_activate(struct virtio_dev *vd)
{
	struct net *net = container_of(vd, struct net, vd);
	int r = 0;

	for (unsigned int i = 0; i < net->nr_pairs && r >= 0; i++) {
		struct net_pair *pair = &net->pairs[i];

		pair->backend->ops->start(pair->backend, vd->accepted);
		if (!vhost_is_open(&pair->vhost))
			net_rx_start(&pair->rx);
		else if (pair == pair_of(net, 2 * i))
			r = net_vhost_start(pair);
	}
	if (r < 0)
		return r;
	/* 5.1.6.5.5: one pair until the driver asks for more. */
	net_set_pairs(net, 1);
	/* Without MQ the control queue is one that may have been the kernel's (5.1.2). */
	if (virtio_has(vd, VIRTIO_NET_F_CTRL_VQ) && net_ctrl_queue(net) < vd->nr_queues)
		r = virtio_queue_watch(vd, net_ctrl_queue(net));
	return r;
}

static void reset_queue(struct net_pair *pair, unsigned int vq)
{
	struct net_backend *b = pair->backend;

	if (vhost_is_open(&pair->vhost)) {
		net_vhost_queue_stop(pair, vq);
	} else if (vq == pair->txq) {
		pair->tx.blocked = false;
	} else {
		net_rx_reset(&pair->rx);
		/* Not want_out: what is left of a frame goes out still. */
		net_backend_watch(b, false, b->want_out);
	}
}

static void net_queue_reset(struct virtio_dev *vd, unsigned int index)
{
	struct net_pair *pair = pair_of(container_of(vd, struct net, vd), index);

	if (pair)
		reset_queue(pair, index);
}

static void net_reset(struct virtio_dev *vd)
{
	struct net *net = container_of(vd, struct net, vd);

	for (unsigned int i = 0; i < net->nr_pairs; i++) {
		reset_queue(&net->pairs[i], net->pairs[i].rxq);
		reset_queue(&net->pairs[i], net->pairs[i].txq);
	}
}

static const struct virtio_ops net_ops = {
	.id = VIRTIO_ID_NET,
	.features = BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS) |
		BIT(VIRTIO_NET_F_MRG_RXBUF),
	.activate = net_activate,
	.notify = net_notify,
	.reset = net_reset,
	.queue_reset = net_queue_reset,
};

static void machine_reset(struct dev *dev)
{
	virtio_machine_reset(&((struct net *)dev)->vd);
}

static void net_destroy(struct dev *dev)
{
	struct net *net = (struct net *)dev;

	virtio_fini(&net->vd);
	for (unsigned int i = 0; i < net->nr_pairs; i++) {
		vhost_close(&net->pairs[i].vhost);
		net_backend_destroy(net->pairs[i].backend);
	}
	free(net->pairs);
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

static int init_pairs(struct net *net, const struct dev_env *env, const struct net_opts *opts,
	struct tvm_error *err)
{
	int nr = net_backend_pairs(opts, err), r;

	if (nr < 0)
		return nr;
	net->pairs = calloc((size_t)nr, sizeof(*net->pairs));
	if (!net->pairs)
		return err_set(err, -ENOMEM, "net: out of memory");
	for (int i = 0; i < nr; i++) {
		struct net_pair *pair = &net->pairs[i];

		vhost_init(&pair->vhost);
		net->nr_pairs++;	/* what follows is undone by destroy */
		pair->net = net;
		pair->rxq = pair->rx.queue = 2 * (unsigned int)i;
		pair->txq = pair->rxq + 1;
		pair->rx.vd = &net->vd;
		r = net_backend_open(env, opts, (unsigned int)i, (unsigned int)nr, &pair->backend,
			err);
		if (r < 0)
			return r;
		pair->rx.backend = pair->backend;
		pair->backend->name = net->vd.name;
		pair->backend->handler = &handler;
		pair->backend->opaque = pair;
	}
	return 0;
}

static int init_vhost(struct net *net, const struct net_opts *opts, struct tvm_error *err)
{
	struct tvm_error why = { 0 };
	struct log *log = net->vd.env->log;
	int r = net_vhost_open(net, opts, &why);

	if (r >= 0) {
		net->vd.features = net_vhost_features(net, net->vd.features);
		log_info(log, "%s: served by the host's kernel (vhost-net)", net->vd.name);
	} else if (opts->vhost == NET_VHOST_ON) {
		return err_set(err, r, "%s", why.msg);
	} else if (*net->pairs[0].backend->ifname) {
		log_info(log, "%s: served by this process%s%s", net->vd.name,
			why.msg[0] ? ": " : "", why.msg);
	}
	return 0;
}

static int net_init(struct net *net, const struct dev_env *env, const struct net_opts *opts,
	struct tvm_error *err)
{
	struct net_config config = { .status = le16_make(VIRTIO_NET_S_LINK_UP) };
	uint64_t features = opts->mtu ? BIT(VIRTIO_NET_F_MTU) : 0;
	uint16_t sizes[2 * NET_MAX_PAIRS + 1];
	unsigned int nr_queues;
	char name[24];
	int r;

	if (opts->mtu && (opts->mtu < MTU_MIN || opts->mtu > MTU_MAX))
		return err_set(err, -EINVAL, "net: mtu %u, %u to %u are allowed", opts->mtu,
			MTU_MIN, MTU_MAX);
	config.mtu = le16_make((uint16_t)opts->mtu);
	r = opts->mac ? parse_mac(opts->mac, config.mac, err) : 0;
	if (r >= 0)
		r = init_pairs(net, env, opts, err);
	if (r < 0)
		return r;
	if (!opts->mac)
		make_mac(opts, net->pairs[0].backend->ifname, config.mac);
	config.max_virtqueue_pairs = le16_make((uint16_t)net->nr_pairs);
	if (net->nr_pairs > 1)
		features |= BIT(VIRTIO_NET_F_MQ) | BIT(VIRTIO_NET_F_CTRL_VQ);
	nr_queues = 2 * net->nr_pairs + (net->nr_pairs > 1);
	for (unsigned int i = 0; i < nr_queues; i++)
		sizes[i] = NET_QUEUE_SIZE;
	snprintf(name, sizeof(name), "net%u", opts->index);
	r = virtio_init(&net->vd, &net_ops, env, name,
		features | net->pairs[0].backend->features, sizeof(config), nr_queues, sizes, err);
	if (r < 0)
		return r;
	memcpy(net->vd.config, &config, sizeof(config));
	r = init_vhost(net, opts, err);
	return r < 0 ? r : virtio_attach(&net->vd, err);
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
