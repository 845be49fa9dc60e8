/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-vsock (virtio 1.2, 5.10), the device: a header is copied once, checked here and used
 * from the copy. Buffers for the guest come first to answers that belong to no connection,
 * then to the connections in turn, as many as one read of the socket fills.
 *
 * The event queue stays silent: its one event (5.10.6.7) is for a guest that goes on running
 * while its connections are gone, and ours are lost only with a reset of the whole device.
 */
#include "devices/devices.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "devices/virtio/vsock_int.h"
#include "vmm/devopts.h"

#define PACKETS_PER_TURN 64	/* or reads of a socket; then others on this thread have theirs */

static_assert(sizeof(struct vsock_hdr) == VSOCK_HDR_SIZE, "5.10.6");

unsigned int vsock_window(const struct iovec *iov, unsigned int nr, size_t off, size_t len,
	struct iovec *out)
{
	unsigned int n = 0;

	for (; nr-- && len; iov++) {
		size_t part;

		if (off >= iov->iov_len) {
			off -= iov->iov_len;
			continue;
		}
		part = iov->iov_len - off < len ? iov->iov_len - off : len;
		out[n++] = (struct iovec){ (uint8_t *)iov->iov_base + off, part };
		len -= part;
		off = 0;
	}
	return n;
}

bool vsock_running(const struct vsock *v)
{
	if (!v->vd.active || (virtio_status(&v->vd) & VIRTIO_S_NEEDS_RESET))
		return false;
	return v->rx_away || virtq_ready(v->vd.queues[VSOCK_RX]);
}

/* ---- To the guest -------------------------------------------------------------------- */

static struct virtq_chain *in_hand(struct vsock *v, unsigned int i)
{
	return &v->rx[(v->rx_first + i) % VSOCK_BATCH];
}

/* One more buffer in hand, if there is one and room for it. */
static bool pop_rx(struct vsock *v)
{
	unsigned int at = (v->rx_first + v->rx_nr) % VSOCK_BATCH;
	struct virtq_chain *chain = &v->rx[at];

	if (v->rx_nr == VSOCK_BATCH)
		return false;
	chain->iov = v->rx_iov[at];
	chain->max_iov = ARRAY_SIZE(v->rx_iov[at]);
	if (virtq_pop(v->vd.queues[VSOCK_RX], chain) <= 0)
		return false;
	/* CVE-2019-18960: room for a header, and for data behind it, is not a matter of course. */
	if (chain->in_len <= VSOCK_HDR_SIZE) {
		virtio_broken(&v->vd, "receive buffer of %llu bytes",
			(unsigned long long)chain->in_len);
		return false;
	}
	v->rx_nr++;
	return true;
}

/* Have a buffer in hand. */
static bool take_rx(struct vsock *v)
{
	struct virtq *vq = v->vd.queues[VSOCK_RX];

	while (!v->rx_nr) {
		virtq_disable_notify(vq);
		if (!pop_rx(v) && !virtq_enable_notify(vq))
			return false;
	}
	return virtq_ready(vq);
}

unsigned int vsock_room(struct vsock *v, size_t len, struct iovec *iov, unsigned int max)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; len && (i < v->rx_nr || pop_rx(v)); i++) {
		const struct virtq_chain *chain = in_hand(v, i);
		size_t room = chain->in_len - VSOCK_HDR_SIZE;

		if (nr + chain->nr_in > max)
			break;
		nr += vsock_window(chain->iov + chain->nr_out, chain->nr_in, VSOCK_HDR_SIZE, len,
			iov + nr);
		len -= room < len ? room : len;
	}
	return nr;
}

uint32_t vsock_put(struct vsock *v, struct vsock_hdr *h, uint32_t len)
{
	const struct virtq_chain *chain = in_hand(v, 0);

	assert(v->rx_nr);
	if (len > chain->in_len - VSOCK_HDR_SIZE)
		len = (uint32_t)chain->in_len - VSOCK_HDR_SIZE;
	h->len = le32_make(len);
	virtq_chain_write(chain, 0, h, sizeof(*h));
	virtq_push(v->vd.queues[VSOCK_RX], chain, VSOCK_HDR_SIZE + len);
	v->rx_first = (v->rx_first + 1) % VSOCK_BATCH;
	v->rx_nr--;
	return len;
}

static void put_reply(struct vsock *v)
{
	const struct vsock_reply *r = &v->replies[v->first_reply];
	struct vsock_hdr h = {
		.src_cid = le64_make(r->src_cid),
		.dst_cid = le64_make(v->cid),
		.src_port = le32_make(r->src_port),
		.dst_port = le32_make(r->dst_port),
		.type = le16_make(r->type),
		.op = le16_make(VIRTIO_VSOCK_OP_RST),
	};

	v->first_reply = (v->first_reply + 1) % VSOCK_MAX_REPLIES;
	v->nr_replies--;
	vsock_put(v, &h, 0);
}

/* Use buffers in hand: what comes next, if anything. */
static void fill(struct vsock *v)
{
	struct vsock_conn *c;

	if (v->nr_replies) {
		put_reply(v);
		return;
	}
	c = TAILQ_FIRST(&v->ready);
	TAILQ_REMOVE(&v->ready, c, ready);
	c->queued = false;
	vsock_conn_fill(c);
}

void vsock_pump(struct vsock *v)
{
	unsigned int budget = PACKETS_PER_TURN;
	struct virtq *vq = v->vd.queues[VSOCK_RX];
	struct vsock_conn *c;

	if (!vsock_running(v))
		return;
	while ((v->nr_replies || !TAILQ_EMPTY(&v->ready)) && budget && take_rx(v)) {
		budget--;
		fill(v);
	}
	virtq_notify(vq);
	TAILQ_FOREACH(c, &v->ready, ready)
		vsock_io_watch(c);
	if (!budget)
		virtio_queue_kick(&v->vd, VSOCK_RX);
	if (v->tx_waits && v->nr_replies < VSOCK_MAX_REPLIES / 2) {
		v->tx_waits = false;
		virtio_queue_kick(&v->vd, VSOCK_TX);
	}
}

/* ---- From the guest ------------------------------------------------------------------ */

void vsock_refuse(struct vsock *v, const struct vsock_hdr *h)
{
	unsigned int at = (v->first_reply + v->nr_replies) % VSOCK_MAX_REPLIES;

	assert(v->nr_replies < VSOCK_MAX_REPLIES);
	v->nr_replies++;
	v->replies[at] = (struct vsock_reply){ le64_get(h->dst_cid), le32_get(h->dst_port),
		le32_get(h->src_port), le16_get(h->type) };
}

/* The guest asks for a connection. */
static void request(struct vsock *v, const struct vsock_hdr *h)
{
	struct vsock_conn *c;
	int fd = -EMFILE;

	if (v->nr_conns < VSOCK_MAX_CONNS)
		fd = vsock_host_connect(v, le32_get(h->dst_port));
	c = fd < 0 ? NULL : vsock_conn_create(v, fd, VSOCK_OPEN);
	if (!c) {
		vsock_refuse(v, h);
		return;
	}
	c->peer_alloc = le32_get(h->buf_alloc);
	c->peer_fwd = le32_get(h->fwd_cnt);
	c->todo = VSOCK_TODO_RESPONSE;
	vsock_conn_enter(c, le32_get(h->src_port), le32_get(h->dst_port));
	vsock_conn_settle(c);
}

static void packet(struct vsock *v, const struct virtq_chain *chain)
{
	struct vsock_conn *c;
	struct vsock_hdr h;
	bool rst;

	/* CVE-2019-18960: a header is there if the chain holds one, data if it holds both. */
	if (virtq_chain_read(chain, 0, &h, sizeof(h)) < sizeof(h) ||
		le64_get(h.src_cid) != v->cid) {
		log_guest(v->vd.env->log, "%s: packet of %llu bytes, or not from cid %llu",
			v->vd.name, (unsigned long long)chain->out_len, (unsigned long long)v->cid);
		return;
	}
	rst = le16_get(h.op) == VIRTIO_VSOCK_OP_RST; /* is not answered */
	if (le64_get(h.dst_cid) != VSOCK_HOST_CID ||
		le16_get(h.type) != VIRTIO_VSOCK_TYPE_STREAM) {
		if (!rst)
			vsock_refuse(v, &h);
		return;
	}
	c = vsock_conn_find(v, le32_get(h.src_port), le32_get(h.dst_port));
	if (le32_get(h.len) > chain->out_len - sizeof(h)) {
		log_guest(v->vd.env->log, "%s: packet of %llu bytes with %u of data", v->vd.name,
			(unsigned long long)chain->out_len, le32_get(h.len));
		h.op = le16_make(VIRTIO_VSOCK_OP_INVALID);
	}
	if (c)
		vsock_conn_packet(c, &h, chain);
	else if (le16_get(h.op) == VIRTIO_VSOCK_OP_REQUEST)
		request(v, &h);
	else if (!rst)
		vsock_refuse(v, &h);
}

static void transmit(struct vsock *v)
{
	struct virtq_chain chain = { .iov = v->tx_iov, .max_iov = ARRAY_SIZE(v->tx_iov) };
	struct virtq *vq = v->vd.queues[VSOCK_TX];
	unsigned int budget = PACKETS_PER_TURN;

	/* A packet has one answer at most; one that has no room for it is not taken. */
	do {
		virtq_disable_notify(vq);
		while (budget && v->nr_replies < VSOCK_MAX_REPLIES && virtq_pop(vq, &chain) > 0) {
			packet(v, &chain);
			virtq_push(vq, &chain, 0);
			budget--;
		}
		v->tx_waits = v->nr_replies == VSOCK_MAX_REPLIES;
	} while (budget && !v->tx_waits && virtq_enable_notify(vq));
	virtq_notify(vq);
	if (!budget)
		virtio_queue_kick(&v->vd, VSOCK_TX);
}

/* ---- The device ---------------------------------------------------------------------- */

static void vsock_notify(struct virtio_dev *vd, unsigned int index)
{
	struct vsock *v = container_of(vd, struct vsock, vd);

	if (index == VSOCK_RX)
		v->rx_away = false;
	if (index == VSOCK_TX)
		transmit(v);
	vsock_pump(v);
}

/* 2.6.1: connections live on; what is for the guest waits for the queue's return. */
static void vsock_queue_reset(struct virtio_dev *vd, unsigned int index)
{
	struct vsock *v = container_of(vd, struct vsock, vd);

	if (index == VSOCK_RX) {
		v->rx_nr = 0;
		v->rx_away = true;
	} else if (index == VSOCK_TX) {
		v->tx_waits = false;
	}
}

/* Clients of the host see the end of their connections; listeners stay. */
static void vsock_reset(struct virtio_dev *vd)
{
	struct vsock *v = container_of(vd, struct vsock, vd);

	while (!LIST_EMPTY(&v->all))
		vsock_conn_free(LIST_FIRST(&v->all));
	v->first_reply = v->nr_replies = v->rx_nr = 0;
	v->tx_waits = v->rx_away = false;
}

static const struct virtio_ops vsock_ops = {
	.id = VIRTIO_ID_VSOCK,
	.features = BIT(VIRTIO_VSOCK_F_STREAM),
	.notify = vsock_notify,
	.reset = vsock_reset,
	.queue_reset = vsock_queue_reset,
};

static void machine_reset(struct dev *dev)
{
	virtio_machine_reset(&((struct vsock *)dev)->vd);
}

static void vsock_destroy(struct dev *dev)
{
	struct vsock *v = (struct vsock *)dev;

	vsock_host_fini(v);
	virtio_fini(&v->vd);
	assert(LIST_EMPTY(&v->all));
	free(v);
}

int vsock_check_cid(uint64_t cid, struct tvm_error *err)
{
	/* 5.10.4: 0 to 2 are reserved, and so is what needs more than 32 bits, or all of them. */
	if (cid < 3 || cid >= UINT32_MAX)
		return err_set(err, -EINVAL, "vsock: cid %llu, 3 to %u are allowed",
			(unsigned long long)cid, UINT32_MAX - 1);
	return 0;
}

static int vsock_create(const struct dev_env *env, const void *opts_, struct dev **out,
	struct tvm_error *err)
{
	static const uint16_t sizes[VSOCK_QUEUES] = { VSOCK_QUEUE_SIZE, VSOCK_QUEUE_SIZE, 16 };
	const struct vsock_opts *opts = opts_;
	struct vsock *v;
	int r = vsock_check_cid(opts->cid, err);

	if (r < 0)
		return r;
	v = calloc(1, sizeof(*v));
	if (!v)
		return err_set(err, -ENOMEM, "vsock: out of memory");
	v->dev.cls = &virtio_vsock_class;
	v->cid = opts->cid;
	TAILQ_INIT(&v->ready);
	r = virtio_init(&v->vd, &vsock_ops, env, "vsock", 0, sizeof(le64), ARRAY_SIZE(sizes),
		sizes, err);
	if (!r) {
		le_store(v->vd.config, sizeof(le64), v->cid);
		r = vsock_host_init(v, opts, err);
	}
	if (!r)
		r = virtio_attach(&v->vd, err);
	if (r < 0) {
		vsock_destroy(&v->dev);
		return r;
	}
	*out = &v->dev;
	return 0;
}

const struct dev_class virtio_vsock_class = {
	.name = "virtio-vsock",
	.create = vsock_create,
	.reset = machine_reset,
	.destroy = vsock_destroy,
};
