/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets from the guest (virtio 1.2, 5.1.6.2). A packet goes from guest memory into the host
 * kernel unseen, header included; what the kernel refuses is lost, as on any wire.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "devices/virtio/net.h"

/* 0, or -EAGAIN: not now. */
static int send_packet(struct net_pair *pair, struct virtq_chain *c)
{
	struct net_backend *b = pair->backend;
	int r;

	if (c->out_len < NET_HDR || c->out_len > NET_PACKET_MAX)
		r = -EMSGSIZE;
	else if (!b->up || !b->attached)
		r = -ENETDOWN;
	else
		r = b->ops->send(b, c->iov, c->nr_out, (size_t)c->out_len);
	if (!r || r == -EAGAIN)
		return r;
	pair->tx.dropped++;
	if (r == -EINVAL || r == -EMSGSIZE)
		log_guest(pair->net->vd.env->log,
			"%s: packet of %llu bytes is refused: error %d", pair->net->vd.name,
			(unsigned long long)c->out_len, -r);
	return 0;
}

static bool transmit_one(struct net_pair *pair, struct virtq *vq, int *budget)
{
	struct virtq_chain c = { .iov = pair->tx.iov, .max_iov = ARRAY_SIZE(pair->tx.iov) };

	if (virtq_pop(vq, &c) <= 0)
		return false;
	if (send_packet(pair, &c) == -EAGAIN) {
		virtq_unpop(vq);
		pair->tx.blocked = true;
		net_backend_watch(pair->backend, pair->backend->want_in, true);
		return false;
	}
	virtq_push(vq, &c, 0);
	*budget -= NET_PACKET_COST;
	*budget -= c.out_len < NET_PACKET_MAX ? (int)c.out_len : 0;
	return true;
}

void net_tx_run(struct net_pair *pair)
{
	struct virtio_dev *vd = &pair->net->vd;
	struct virtq *vq = vd->queues[pair->txq];
	int budget = NET_TURN;

	if (pair->tx.blocked || !vd->active || !virtq_ready(vq))
		return;
	do {
		virtq_disable_notify(vq);
		while (budget > 0 && transmit_one(pair, vq, &budget))
			;
	} while (budget > 0 && !pair->tx.blocked && virtq_enable_notify(vq));
	virtq_notify(vq);
	if (budget <= 0)
		virtio_queue_kick(vd, pair->txq);
}
