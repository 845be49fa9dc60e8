/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control queues of virtio-console (virtio 1.2, 5.3.6.2). What the driver has to be told is
 * kept as bits of each port until there are buffers for it: however often it asks, it gets the
 * newest state, and nothing piles up here.
 */
#include <string.h>

#include "base/log.h"
#include "devices/virtio/console.h"

#define MESSAGES_PER_TURN 64

enum {
	VIRTIO_CONSOLE_DEVICE_READY,
	VIRTIO_CONSOLE_PORT_ADD,
	VIRTIO_CONSOLE_PORT_REMOVE,
	VIRTIO_CONSOLE_PORT_READY,
	VIRTIO_CONSOLE_CONSOLE_PORT,
	VIRTIO_CONSOLE_RESIZE,
	VIRTIO_CONSOLE_PORT_OPEN,
	VIRTIO_CONSOLE_PORT_NAME,
};

struct virtio_console_control {
	le32 id;
	le16 event;
	le16 value;
};

/* Sent in this order: a client that left is told before the next one. */
enum tell { TELL_ADD, TELL_CONSOLE, TELL_NAME, TELL_CLOSE, TELL_OPEN };

/* ---- To the driver ------------------------------------------------------------------- */

static size_t message(const struct console *con, const struct console_port *port,
	enum tell what, uint8_t *buf)
{
	static const uint16_t events[] = {
		[TELL_ADD] = VIRTIO_CONSOLE_PORT_ADD,
		[TELL_CONSOLE] = VIRTIO_CONSOLE_CONSOLE_PORT,
		[TELL_NAME] = VIRTIO_CONSOLE_PORT_NAME,
		[TELL_CLOSE] = VIRTIO_CONSOLE_PORT_OPEN,
		[TELL_OPEN] = VIRTIO_CONSOLE_PORT_OPEN,
	};
	const struct virtio_console_control c = {
		.id = le32_make((uint32_t)(port - con->ports)),
		.event = le16_make(events[what]),
		.value = le16_make(what != TELL_CLOSE),
	};
	size_t len = what == TELL_NAME ? strlen(port->name) : 0;

	memcpy(buf, &c, sizeof(c));
	if (len)
		memcpy(buf + sizeof(c), port->name, len);
	return sizeof(c) + len;
}

void console_ctl_send(struct console *con)
{
	uint8_t buf[sizeof(struct virtio_console_control) + CONSOLE_NAME_MAX];
	struct virtio_dev *vd = &con->vd;
	struct virtq *vq = vd->queues[CONSOLE_CTL_RX];
	struct console_chain c = { .taken = false };
	size_t len;

	if (!vd->active || !virtio_has(vd, VIRTIO_CONSOLE_F_MULTIPORT))
		return;
	for (unsigned int i = 0; i < con->nr; i++) {
		struct console_port *port = &con->ports[i];

		while (port->tell && console_take(vq, &c)) {
			enum tell what = (enum tell)__builtin_ctz(port->tell);

			len = message(con, port, what, buf);
			/* A driver that reads past what was written would read its own memory. */
			if (c.chain.in_len < len) {
				virtio_broken(vd, "control buffer of %llu bytes, %zu are needed",
					(unsigned long long)c.chain.in_len, len);
				len = 0;
			}
			port->tell &= port->tell - 1;
			len = virtq_chain_write(&c.chain, 0, buf, len);
			virtq_push(vq, &c.chain, (uint32_t)len);
			c.taken = false;
		}
	}
	virtq_notify(vq);
}

void console_ctl_connected(struct console *con, struct console_port *port)
{
	bool now = chardev_connected(port->cd);

	/* A console's output goes somewhere or nowhere: it never waits for a client. */
	if (!port->name || now == port->connected)
		return;
	port->connected = now;
	if (!port->ready)
		return;
	if (now) {
		port->tell |= 1u << TELL_OPEN;
	} else {
		/* An "open" that was not told yet need not be. */
		port->tell &= ~(1u << TELL_OPEN);
		port->tell |= 1u << TELL_CLOSE;
	}
	console_ctl_send(con);
}

/* ---- From the driver ----------------------------------------------------------------- */

static void port_ready(struct console_port *port)
{
	port->ready = true;
	port->connected = chardev_connected(port->cd);
	port->tell &= ~(1u << TELL_CLOSE);
	port->tell |= port->name ? 1u << TELL_NAME : 1u << TELL_CONSOLE;
	if (port->connected || !port->name)
		port->tell |= 1u << TELL_OPEN;
}

static void handle(struct console *con, const struct virtio_console_control *c)
{
	uint32_t id = le32_get(c->id);
	uint16_t event = le16_get(c->event), value = le16_get(c->value);
	struct console_port *port = id < con->nr ? &con->ports[id] : NULL;

	if (event == VIRTIO_CONSOLE_DEVICE_READY && value == 1) {
		for (unsigned int i = 0; i < con->nr; i++)
			con->ports[i].tell |= 1u << TELL_ADD;
	} else if (event == VIRTIO_CONSOLE_PORT_READY && port && value == 1) {
		port_ready(port);
	} else if (event == VIRTIO_CONSOLE_PORT_OPEN && port) {
		port->guest_open = value;
		if (value)
			chardev_accept_input(port->cd);
	} else {
		log_guest(con->vd.env->log, "%s: driver says event %u, value %u of port %u",
			con->vd.name, event, value, id);
	}
}

void console_ctl_receive(struct console *con)
{
	struct virtq *vq = con->vd.queues[CONSOLE_CTL_TX];
	unsigned int budget = MESSAGES_PER_TURN;
	struct console_chain c = { .taken = false };
	struct virtio_console_control msg;

	while (budget && console_take(vq, &c)) {
		budget--;
		if (virtq_chain_read(&c.chain, 0, &msg, sizeof(msg)) == sizeof(msg))
			handle(con, &msg);
		else
			virtio_broken(&con->vd, "control message of %llu bytes",
				(unsigned long long)c.chain.out_len);
		virtq_push(vq, &c.chain, 0);
		c.taken = false;
	}
	virtq_notify(vq);
	console_ctl_send(con);
	if (!budget)
		virtio_queue_kick(&con->vd, CONSOLE_CTL_TX);
}

void console_ctl_reset(struct console *con)
{
	for (unsigned int i = 0; i < con->nr; i++) {
		struct console_port *port = &con->ports[i];

		port->ready = port->guest_open = false;
		port->tell = 0;
	}
}
