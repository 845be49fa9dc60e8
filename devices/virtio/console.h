/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-console (virtio 1.2, 5.3): its ports (console.c) and what device and driver tell each
 * other about them (console_ctl.c). All on the loop's thread.
 *
 * One console without a name is a device as simple as can be: one port, its size in the
 * configuration space, no VIRTIO_CONSOLE_F_MULTIPORT. More than that is the full one. (The size
 * of ports is told there by a message whose two fields Linux has in one order or the other,
 * depending on its version; so it is not sent.)
 */
#ifndef DEVICES_VIRTIO_CONSOLE_H
#define DEVICES_VIRTIO_CONSOLE_H

#include "base/le.h"
#include "devices/chardev.h"
#include "devices/virtio/virtio.h"
#include "vmm/device.h"

#define CONSOLE_QUEUE_SIZE 64

/* 5.3.3 */
#define VIRTIO_CONSOLE_F_SIZE 0
#define VIRTIO_CONSOLE_F_MULTIPORT 1

/* 5.3.2: queues of port 0 are 0 and 1, of port n 2n + 2 and 2n + 3. */
enum { CONSOLE_CTL_RX = 2, CONSOLE_CTL_TX = 3 };

/* A chain that was popped and is not pushed yet. */
struct console_chain {
	bool taken;
	struct virtq_chain chain;
	struct iovec iov[CONSOLE_QUEUE_SIZE];
};

struct console_port {
	struct virtio_dev *vd;		/* borrowed: the port is in it */
	struct chardev *cd;		/* owned */
	const char *name;		/* borrowed; NULL: a console, hvcN */
	char label[24];			/* for log lines */
	unsigned int rxq, txq;
	struct console_chain rx, tx;
	uint64_t tx_done;		/* bytes of tx.chain */

	/* With MULTIPORT. */
	bool ready;			/* the driver knows the port */
	bool guest_open;
	bool connected;			/* what the driver was told, or will be */
	unsigned int tell;		/* bits: messages that wait for a buffer */
};

struct console {
	struct dev dev;
	struct virtio_dev vd;
	unsigned int nr;
	struct console_port ports[CONSOLE_MAX_PORTS];
};

/* The next chain of vq into p, unless there is one; false: none, and we hear of the next. */
bool console_take(struct virtq *vq, struct console_chain *p);

/* ---- console_ctl.c ------------------------------------------------------------------- */

void console_ctl_send(struct console *con);	/* what waits, as long as there are buffers */
void console_ctl_receive(struct console *con);
void console_ctl_reset(struct console *con);

/* The other end of a port came or went. */
void console_ctl_connected(struct console *con, struct console_port *port);

#endif
