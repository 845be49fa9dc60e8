/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control queue of virtio-net (virtio 1.2, 5.1.6.5), for its one command that we offer: how
 * many pairs of queues the driver uses.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "devices/virtio/net.h"

#define CTRL_MAX_IOV 16		/* class and command, data, answer: drivers use three */

/* 5.1.6.5 */
#define VIRTIO_NET_OK 0
#define VIRTIO_NET_ERR 1
#define VIRTIO_NET_CTRL_MQ 4
#define VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET 0

struct ctrl_mq {
	uint8_t class, command;
	le16 virtqueue_pairs;	/* at an even offset: nothing lies between */
};

void net_set_pairs(struct net *net, unsigned int nr)
{
	for (unsigned int i = 0; i < net->nr_pairs; i++) {
		struct net_pair *pair = &net->pairs[i];
		bool use = i < nr;

		net_backend_attach(pair->backend, use);
		if (vhost_is_open(&pair->vhost))
			continue;
		if (use)
			net_rx_run(&pair->rx);
		else
			net_backend_watch(pair->backend, false, pair->backend->want_out);
		/* What was left to be sent through an unused one is dropped. */
		pair->tx.blocked = pair->tx.blocked && use;
		virtio_queue_kick(&net->vd, pair->txq);
	}
}

unsigned int net_ctrl_queue(const struct net *net)
{
	return virtio_has(&net->vd, VIRTIO_NET_F_MQ) ? 2 * net->nr_pairs : 2;
}

static uint8_t execute(struct net *net, const struct virtq_chain *c)
{
	struct ctrl_mq cmd;
	unsigned int nr;

	if (virtq_chain_read(c, 0, &cmd, sizeof(cmd)) != sizeof(cmd) ||
		cmd.class != VIRTIO_NET_CTRL_MQ ||
		cmd.command != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET ||
		!virtio_has(&net->vd, VIRTIO_NET_F_MQ))
		return VIRTIO_NET_ERR;
	nr = le16_get(cmd.virtqueue_pairs);
	/* 5.1.6.5.5 */
	if (!nr || nr > net->nr_pairs)
		return VIRTIO_NET_ERR;
	net_set_pairs(net, nr);
	return VIRTIO_NET_OK;
}

void net_ctrl_run(struct net *net)
{
	unsigned int index = net_ctrl_queue(net);
	struct virtq *vq = net->vd.queues[index];
	struct iovec iov[CTRL_MAX_IOV];
	struct virtq_chain c = { .iov = iov, .max_iov = ARRAY_SIZE(iov) };

	while (virtq_pop(vq, &c) > 0) {
		uint8_t ack;

		/* 5.1.6.5: the answer's byte is the device's to write. */
		if (!c.in_len) {
			virtio_broken(&net->vd, "control command without room for an answer");
			virtq_push(vq, &c, 0);
			return;
		}
		ack = execute(net, &c);
		virtq_push(vq, &c, (uint32_t)virtq_chain_write(&c, 0, &ack, sizeof(ack)));
	}
	virtq_notify(vq);
}
