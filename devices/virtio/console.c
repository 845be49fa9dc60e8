/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-console: its ports and their data queues. See console.h.
 *
 * Input: the backend asks how much fits; the answer is the buffer at the head of the receive
 * queue, which is popped then and kept until bytes come. Output: a chain may be as long as
 * memory, so it is copied out a bounded piece at a time, with other work in between.
 */
#include "devices/virtio/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "devices/devices.h"

#define TX_PER_TURN (64u << 10)

struct console_config {		/* 5.3.4 */
	le16 cols, rows;
	le32 max_nr_ports;
	le32 emerg_wr;		/* not offered */
};

bool console_take(struct virtq *vq, struct console_chain *p)
{
	if (p->taken)
		return true;
	p->chain.iov = p->iov;
	p->chain.max_iov = ARRAY_SIZE(p->iov);
	do {
		virtq_disable_notify(vq);
		p->taken = virtq_pop(vq, &p->chain) > 0;
	} while (!p->taken && virtq_enable_notify(vq));
	return p->taken;
}

static void give(struct virtq *vq, struct console_chain *p, uint32_t written)
{
	p->taken = false;
	virtq_push(vq, &p->chain, written);
	virtq_notify(vq);
}

/* ---- To the guest -------------------------------------------------------------------- */

static size_t can_receive(void *opaque)
{
	struct console_port *port = opaque;
	struct virtio_dev *vd = port->vd;
	struct virtq *vq = vd->queues[port->rxq];

	if (!vd->active || !virtq_ready(vq))
		return 0;
	/* What comes before the guest has the port open, Linux throws away. */
	if (virtio_has(vd, VIRTIO_CONSOLE_F_MULTIPORT) && !port->guest_open)
		return 0;
	if (!console_take(vq, &port->rx))
		return 0;
	if (!port->rx.chain.in_len) {
		virtio_broken(vd, "receive buffer without room");
		return 0;
	}
	return (size_t)port->rx.chain.in_len;
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
	struct console_port *port = opaque;

	n = virtq_chain_write(&port->rx.chain, 0, buf, n);
	give(port->vd->queues[port->rxq], &port->rx, (uint32_t)n);
}

/* ---- From the guest ------------------------------------------------------------------ */

/* At most *budget bytes of the chain in hand. */
static void copy_out(struct console_port *port, uint64_t *budget)
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

static void transmit(struct console_port *port)
{
	struct virtq *vq = port->vd->queues[port->txq];
	uint64_t budget = TX_PER_TURN;

	/* A chain of nothing costs a turn's share too. */
	while (budget && console_take(vq, &port->tx)) {
		budget--;
		if (budget)
			copy_out(port, &budget);
	}
	if (!budget)
		virtio_queue_kick(port->vd, port->txq);
}

/* ---- The device ---------------------------------------------------------------------- */

static struct console *console_of(struct virtio_dev *vd)
{
	return container_of(vd, struct console, vd);
}

/* NULL: the queue is one of the control queues. */
static struct console_port *port_of(struct console *con, unsigned int index)
{
	if (index < CONSOLE_CTL_RX)
		return &con->ports[0];
	return index > CONSOLE_CTL_TX ? &con->ports[(index - 2) / 2] : NULL;
}

static void console_notify(struct virtio_dev *vd, unsigned int index)
{
	struct console *con = console_of(vd);
	struct console_port *port = port_of(con, index);

	if (!port && index == CONSOLE_CTL_RX)
		console_ctl_send(con);
	else if (!port)
		console_ctl_receive(con);
	else if (index == port->txq)
		transmit(port);
	else
		chardev_accept_input(port->cd);
}

static int console_activate(struct virtio_dev *vd)
{
	struct console *con = console_of(vd);

	for (unsigned int i = 0; i < con->nr; i++)
		chardev_accept_input(con->ports[i].cd);
	/* Linux looks at the size only when it is told that it changed. */
	if (virtio_has(vd, VIRTIO_CONSOLE_F_SIZE))
		virtio_config_changed(vd);
	return 0;
}

/* Chains in hand go with their queues; input that came stays with the backend. */
static void console_queue_reset(struct virtio_dev *vd, unsigned int index)
{
	struct console_port *port = port_of(console_of(vd), index);

	if (port && index == port->rxq) {
		port->rx.taken = false;
	} else if (port) {
		port->tx.taken = false;
		port->tx_done = 0;
	}
}

static void console_reset(struct virtio_dev *vd)
{
	for (unsigned int i = 0; i < vd->nr_queues; i++)
		console_queue_reset(vd, i);
	console_ctl_reset(console_of(vd));
}

static const struct virtio_ops console_ops = {
	.id = VIRTIO_ID_CONSOLE,
	.activate = console_activate,
	.notify = console_notify,
	.reset = console_reset,
	.queue_reset = console_queue_reset,
};

/* ---- The other ends ------------------------------------------------------------------ */

static void update_size(struct console *con)
{
	struct { le16 cols, rows; } size = { 0 };
	uint16_t cols, rows;

	if (chardev_size(con->ports[0].cd, &cols, &rows)) {
		size.cols = le16_make(cols);
		size.rows = le16_make(rows);
	}
	if (memcmp(con->vd.config, &size, sizeof(size)))
		virtio_config_update(&con->vd, 0, &size, sizeof(size));
}

static void changed(void *opaque)
{
	struct console_port *port = opaque;
	struct console *con = console_of(port->vd);

	if (con->vd.features & BIT(VIRTIO_CONSOLE_F_SIZE))
		update_size(con);
	if (con->vd.features & BIT(VIRTIO_CONSOLE_F_MULTIPORT))
		console_ctl_connected(con, port);
}

static void machine_reset(struct dev *dev)
{
	virtio_machine_reset(&((struct console *)dev)->vd);
}

static void console_event(struct dev *dev, const char *what)
{
	struct console *con = (struct console *)dev;

	for (unsigned int i = 0; i < con->nr; i++) {
		if (!strcmp(what, "end"))
			chardev_flush(con->ports[i].cd);
		else if (!strcmp(what, "terminal-size"))
			changed(&con->ports[i]);
	}
}

static const char *console_pty(const struct dev *dev, unsigned int n)
{
	const struct console *con = (const struct console *)dev;

	return n < con->nr ? chardev_pty(con->ports[n].cd) : NULL;
}

static void console_destroy(struct dev *dev)
{
	struct console *con = (struct console *)dev;

	/* The backends last: a queue that still runs writes to them. */
	virtio_fini(&con->vd);
	for (unsigned int i = 0; i < con->nr; i++)
		chardev_close(con->ports[i].cd);
	free(con);
}

static int open_port(struct console *con, const struct dev_env *env,
	const struct chardev_opts *opts, struct tvm_error *err)
{
	static const struct chardev_handler handler = { can_receive, receive, changed };
	unsigned int i = con->nr;
	struct console_port *port = &con->ports[i];
	int r;

	*port = (struct console_port){
		.vd = &con->vd,
		.name = opts->name,
		.rxq = i ? 2 * i + 2 : 0,
		.txq = i ? 2 * i + 3 : 1,
	};
	if (opts->name)
		snprintf(port->label, sizeof(port->label), "port %.16s", opts->name);
	else
		snprintf(port->label, sizeof(port->label), "console %u", i);
	r = chardev_open(env, opts, port->label, &handler, port, &port->cd, err);
	if (!r)
		con->nr++;
	return r;
}

static int setup(struct console *con, const struct dev_env *env, const struct console_opts *o,
	struct tvm_error *err)
{
	uint16_t sizes[VIRTIO_MAX_QUEUES], cols, rows;
	bool multi = o->nr > 1 || o->ports[0].name;
	struct console_config *config;
	int r;

	for (unsigned int i = 0; i < VIRTIO_MAX_QUEUES; i++)
		sizes[i] = CONSOLE_QUEUE_SIZE;
	r = virtio_init(&con->vd, &console_ops, env, "console",
		multi ? BIT(VIRTIO_CONSOLE_F_MULTIPORT) : 0, sizeof(*config),
		multi ? 2 * o->nr + 2 : 2, sizes, err);
	for (unsigned int i = 0; !r && i < o->nr; i++)
		r = open_port(con, env, &o->ports[i], err);
	if (r < 0)
		return r;
	config = (struct console_config *)con->vd.config;
	config->max_nr_ports = le32_make(o->nr);
	/* Offered where somebody will say it: a terminal, or one that may be opened. */
	if (!multi && (chardev_pty(con->ports[0].cd) ||
		chardev_size(con->ports[0].cd, &cols, &rows))) {
		con->vd.features |= BIT(VIRTIO_CONSOLE_F_SIZE);
		update_size(con);
	}
	return virtio_attach(&con->vd, err);
}

static int console_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	const struct console_opts *o = opts;
	struct console *con;
	int r;

	if (!o->nr || o->nr > CONSOLE_MAX_PORTS)
		return err_set(err, -EINVAL, "console: %u ports, 1 to %d are allowed", o->nr,
			CONSOLE_MAX_PORTS);
	con = calloc(1, sizeof(*con));
	if (!con)
		return err_set(err, -ENOMEM, "console: out of memory");
	con->dev.cls = &virtio_console_class;
	r = setup(con, env, o, err);
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
	.pty = console_pty,
};
