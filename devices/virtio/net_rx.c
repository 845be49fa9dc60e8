/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets for the guest (virtio 1.2, 5.1.6.3 and 5.1.6.4).
 *
 *	chain 0            chain 1          ...  chain n-1        tail (ours)
 *	[ header | frame   | frame          |    | frame          | what is left ]
 *
 * One readv() fills them in this order. Without VIRTIO_NET_F_MRG_RXBUF one chain is held, and
 * a packet that does not fit is dropped. With it, a packet whose end is in tail waits for
 * further chains; nothing is read meanwhile, and the host's own queue fills.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "devices/virtio/net.h"
#include "devices/virtio/virtio.h"

#define ETHERNET_MTU 1500u
#define ETHERNET_OVERHEAD 18u	/* header and a tag */

enum step { STEP_DONE, STEP_NO_PACKET, STEP_NO_ROOM };

void net_rx_start(struct net_rx *rx)
{
	bool large = virtio_has(rx->vd, VIRTIO_NET_F_GUEST_TSO4) ||
		virtio_has(rx->vd, VIRTIO_NET_F_GUEST_TSO6);

	rx->mergeable = virtio_has(rx->vd, VIRTIO_NET_F_MRG_RXBUF);
	rx->want = NET_HDR + (large ? NET_FRAME_MAX : ETHERNET_MTU + ETHERNET_OVERHEAD);
}

/* The held chains go with their queue. */
void net_rx_reset(struct net_rx *rx)
{
	rx->first = rx->nr = rx->iov_first = rx->iov_end = 0;
	rx->room = rx->packet = 0;
}

static void compact(struct net_rx *rx)
{
	unsigned int n = rx->iov_end - rx->iov_first, at = 0;

	memmove(rx->iov, rx->iov + rx->iov_first, n * sizeof(rx->iov[0]));
	memmove(rx->chains, rx->chains + rx->first, rx->nr * sizeof(rx->chains[0]));
	for (unsigned int i = 0; i < rx->nr; i++) {
		rx->chains[i].iov = rx->iov + at;
		at += rx->chains[i].nr_in;
	}
	rx->first = rx->iov_first = 0;
	rx->iov_end = n;
}

static bool at_end(const struct net_rx *rx)
{
	return rx->first + rx->nr == ARRAY_SIZE(rx->chains) ||
		rx->iov_end + NET_QUEUE_SIZE > NET_RX_IOV;
}

/* Hold one more chain: it, or NULL when there is none or no place for it. */
static struct virtq_chain *hold(struct net_rx *rx)
{
	struct virtq *vq = rx->vd->queues[rx->queue];
	struct virtq_chain *c;

	if (at_end(rx))
		compact(rx);
	if (at_end(rx))
		return NULL;
	c = &rx->chains[rx->first + rx->nr];
	c->iov = rx->iov + rx->iov_end;
	c->max_iov = NET_QUEUE_SIZE;
	if (virtq_pop(vq, c) <= 0)
		return NULL;
	/* 5.1.6.3.1: a buffer holds at least the header. */
	if (c->in_len < NET_HDR) {
		virtio_broken(rx->vd, "receive buffer of %llu bytes",
			(unsigned long long)c->in_len);
		virtq_push(vq, c, 0);
		return NULL;
	}
	/* Readable buffers have no meaning here. */
	memmove(c->iov, c->iov + c->nr_out, c->nr_in * sizeof(c->iov[0]));
	c->nr_out = 0;
	c->out_len = 0;
	rx->nr++;
	rx->iov_end += c->nr_in;
	rx->room += c->in_len;
	return c;
}

/* Give the first chains back, filled with the packet. */
static void deliver(struct net_rx *rx)
{
	struct virtq *vq = rx->vd->queues[rx->queue];
	struct virtq_chain *c = &rx->chains[rx->first];
	size_t left = rx->packet;
	uint64_t room = 0;
	uint16_t n = 0;
	le16 num;

	for (; room < left; n++)
		room += c[n].in_len;
	/* 5.1.6.4.1: num_buffers is 1 without the feature, too. */
	num = le16_make(n);
	virtq_chain_write(c, NET_HDR_NUM_BUFFERS, &num, sizeof(num));
	rx->first += n;
	rx->nr -= n;
	rx->room -= room;
	rx->packet = 0;
	for (; n--; c++) {
		size_t here = left < c->in_len ? left : (size_t)c->in_len;

		rx->iov_first += c->nr_in;
		virtq_push(vq, c, (uint32_t)here);
		left -= here;
	}
}

static enum step drop(struct net_rx *rx)
{
	rx->packet = 0;
	rx->dropped++;
	return STEP_DONE;
}

/* Chains for the rest of the packet. */
static enum step complete(struct net_rx *rx)
{
	while (rx->room < rx->packet) {
		uint64_t at = rx->room;
		struct virtq_chain *c;

		/* No packet waits for buffers that the guest cannot add. */
		if (!rx->mergeable || rx->nr == virtq_size(rx->vd->queues[rx->queue]))
			return drop(rx);
		c = hold(rx);
		if (!c && at_end(rx))
			return drop(rx);
		if (!c)
			return STEP_NO_ROOM;
		virtq_chain_write(c, 0, rx->tail + (at - rx->tail_at), rx->packet - at);
	}
	deliver(rx);
	return STEP_DONE;
}

static enum step receive(struct net_rx *rx, int *budget)
{
	ssize_t n;

	while ((!rx->nr || (rx->mergeable && rx->room < rx->want)) && hold(rx))
		;
	if (!rx->nr)
		return STEP_NO_ROOM;
	rx->iov[rx->iov_end] = (struct iovec){ rx->tail, sizeof(rx->tail) };
	n = rx->backend->ops->recv(rx->backend, rx->iov + rx->iov_first,
		rx->iov_end - rx->iov_first + 1);
	*budget -= NET_PACKET_COST;
	if (n == -EAGAIN || !rx->backend->up)
		return STEP_NO_PACKET;
	if (n <= (ssize_t)NET_HDR) /* failed, or a frame of nothing */
		return drop(rx);
	*budget -= (int)n;
	rx->packet = (size_t)n;
	rx->tail_at = rx->room;
	return complete(rx);
}

void net_rx_run(struct net_rx *rx)
{
	struct virtq *vq = rx->vd->queues[rx->queue];
	struct net_backend *b = rx->backend;
	enum step step = STEP_DONE;
	int budget = NET_TURN;

	if (!rx->vd->active || !virtq_ready(vq))
		return;
	virtq_disable_notify(vq);
	while (budget > 0 && b->up) {
		step = rx->packet ? complete(rx) : receive(rx, &budget);
		budget--;
		if (step == STEP_NO_PACKET ||
			(step == STEP_NO_ROOM && !virtq_enable_notify(vq)))
			break;
	}
	/* An empty ring: the host keeps its packets until notify. */
	net_backend_watch(b, step != STEP_NO_ROOM && virtq_ready(vq), b->want_out);
	virtq_notify(vq);
	/* A backend may have packets that its descriptor does not tell of. */
	if (budget <= 0)
		virtio_queue_kick(rx->vd, rx->queue);
}
