/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-console (virtio 1.2, 5.3) with one port. A port knows its two queues by index, so
 * that VIRTIO_CONSOLE_F_MULTIPORT adds ports and not code paths.
 *
 * Input: the backend asks how much fits; the answer is the buffer at the head of the receive
 * queue, which is popped then and kept until bytes come. Output: a chain may be as long as
 * memory, so it is copied out a bounded piece at a time, with other work in between.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "devices/chardev.h"
#include "devices/devices.h"
#include "devices/virtio/virtio.h"

#define QUEUE_SIZE 64
#define TX_PER_TURN (64u << 10)
#define CONFIG_SIZE 12	/* 5.3.4: size and ports (not offered), emergency write (neither) */

/* A chain that was popped and is not pushed yet; the loop's thread. */
struct pending {
	bool taken;
	struct virtq_chain chain;
	struct iovec iov[QUEUE_SIZE];
};

struct port {
	struct virtio_dev *vd;		/* borrowed: the port is in it */
	struct chardev *cd;		/* owned */
	unsigned int rxq, txq;		/* 5.3.2 */
	struct pending rx, tx;
	uint64_t tx_done;		/* bytes of tx.chain */
};

struct console {
	struct dev dev;
	struct virtio_dev vd;
	struct port port;
};

static bool take(struct virtq *vq, struct pending *p)
{
	if (p->taken)
		return true;
	p->chain.iov = p->iov;
	p->chain.max_iov = ARRAY_SIZE(p->iov);
	p->taken = virtq_pop(vq, &p->chain) > 0;
	return p->taken;
}

static void give(struct virtq *vq, struct pending *p, uint32_t written)
{
	p->taken = false;
	virtq_push(vq, &p->chain, written);
	virtq_notify(vq);
}

/* ---- To the guest -------------------------------------------------------------------- */

static size_t can_receive(void *opaque)
{
	struct port *port = opaque;
	struct virtq *vq = port->vd->queues[port->rxq];

	if (!port->vd->active || !virtq_ready(vq))
		return 0;
	for (;;) {
		virtq_disable_notify(vq);
		if (take(vq, &port->rx))
			break;
		if (!virtq_enable_notify(vq))
			return 0;
	}
	if (!port->rx.chain.in_len) {
		virtio_broken(port->vd, "receive buffer without room");
		return 0;
	}
	return (size_t)port->rx.chain.in_len;
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
	struct port *port = opaque;

	n = virtq_chain_write(&port->rx.chain, 0, buf, n);
	give(port->vd->queues[port->rxq], &port->rx, (uint32_t)n);
}

/* ---- From the guest ------------------------------------------------------------------ */

/* At most *budget bytes of the chain in hand. */
static void copy_out(struct port *port, uint64_t *budget)
{
	uint8_t buf[4096];
	size_t n;

	do {
		n = virtq_chain_read(&port->tx.chain, port->tx_done, buf,
			*budget < sizeof(buf) ? (size_t)*budget : sizeof(buf));
		chardev_write(port->cd, buf, n);
		port->tx_done += n;
		*budget -= n;
	} while (n && *budget);
	if (port->tx_done < port->tx.chain.out_len)
		return;
	port->tx_done = 0;
	give(port->vd->queues[port->txq], &port->tx, 0);
}

static void transmit(struct port *port)
{
	struct virtq *vq = port->vd->queues[port->txq];
	uint64_t budget = TX_PER_TURN;

	do {
		virtq_disable_notify(vq);
		/* A chain of nothing costs a turn's share too. */
		while (budget && take(vq, &port->tx)) {
			budget--;
			if (budget)
				copy_out(port, &budget);
		}
	} while (budget && virtq_enable_notify(vq));
	if (!budget)
		virtio_queue_kick(port->vd, port->txq);
}

/* ---- The device ---------------------------------------------------------------------- */

static void console_notify(struct virtio_dev *vd, unsigned int index)
{
	struct port *port = &container_of(vd, struct console, vd)->port;

	if (index == port->txq)
		transmit(port);
	else
		chardev_accept_input(port->cd);
}

static int console_activate(struct virtio_dev *vd)
{
	chardev_accept_input(container_of(vd, struct console, vd)->port.cd);
	return 0;
}

/* Chains in hand go with their queues; input that came stays with the backend. */
static void console_reset(struct virtio_dev *vd)
{
	struct port *port = &container_of(vd, struct console, vd)->port;

	port->rx.taken = port->tx.taken = false;
	port->tx_done = 0;
}

static const struct virtio_ops console_ops = {
	.id = VIRTIO_ID_CONSOLE,
	.activate = console_activate,
	.notify = console_notify,
	.reset = console_reset,
};

static void machine_reset(struct dev *dev)
{
	virtio_machine_reset(&((struct console *)dev)->vd);
}

static void console_event(struct dev *dev, const char *what)
{
	if (!strcmp(what, "end"))
		chardev_flush(((struct console *)dev)->port.cd);
}

static void console_destroy(struct dev *dev)
{
	struct console *con = (struct console *)dev;

	/* The backend last: a queue that still runs writes to it. */
	virtio_fini(&con->vd);
	chardev_close(con->port.cd);
	free(con);
}

static int console_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	static const struct chardev_handler handler = { can_receive, receive };
	static const uint16_t sizes[] = { QUEUE_SIZE, QUEUE_SIZE };
	struct console *con = calloc(1, sizeof(*con));
	int r;

	if (!con)
		return err_set(err, -ENOMEM, "console: out of memory");
	con->dev.cls = &virtio_console_class;
	con->port = (struct port){ .vd = &con->vd, .rxq = 0, .txq = 1 };
	r = virtio_init(&con->vd, &console_ops, env, "console", 0, CONFIG_SIZE,
		ARRAY_SIZE(sizes), sizes, err);
	if (!r)
		r = chardev_open(env, opts, "virtio console", &handler, &con->port, &con->port.cd,
			err);
	if (!r)
		r = virtio_attach(&con->vd, err);
	if (r < 0) {
		console_destroy(&con->dev);
		return r;
	}
	*out = &con->dev;
	return 0;
}

const struct dev_class virtio_console_class = {
	.name = "virtio-console",
	.create = console_create,
	.reset = machine_reset,
	.destroy = console_destroy,
	.event = console_event,
};
