/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-vsock: what the configuration says about it. */
#ifndef DEVICES_VIRTIO_VSOCK_H
#define DEVICES_VIRTIO_VSOCK_H

#include <stdint.h>

#include "vmm/device.h"

/* "vsock": virtio-vsock, backed by unix stream sockets */
struct vsock_opts {
	uint64_t cid;		/* the guest's address, 3 and above */
	/*
	 * A socket here takes "CONNECT <port>\n" and answers "OK <port>\n"; what the guest
	 * connects to goes to path_<port>. NULL: only ports.
	 */
	char *path;
	/*
	 * "N:PATH": the guest's connections to port N of the host go to the socket PATH.
	 * "N:PATH:listen": connections to a new socket PATH go to port N of the guest.
	 */
	struct { char **items; unsigned int nr; } port;
};

extern const struct dev_class virtio_vsock_class;

#endif
