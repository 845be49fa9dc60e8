/* SPDX-License-Identifier: Apache-2.0 */
/* Options of devices, as the configuration holds them. Strings are owned by the configuration. */
#ifndef VMM_DEVOPTS_H
#define VMM_DEVOPTS_H

#include <stdbool.h>
#include <stdint.h>

/* Where characters go. */
enum chardev_kind { CHARDEV_NULL, CHARDEV_STDIO, CHARDEV_FILE, CHARDEV_UNIX, CHARDEV_PTY };

struct chardev_opts {
	enum chardev_kind kind;
	/*
	 * FILE: appended to, created 0600. UNIX: a socket is made there. PTY: symbolic link to
	 * the pseudo-terminal, or NULL.
	 */
	char *path;
	char *name;	/* consoles: a port of that name instead of hvcN; NULL: hvcN */
};

/* "console": virtio-console, one device with all ports */
struct console_opts {
	const struct chardev_opts *ports;
	unsigned int nr;	/* 1 to CONSOLE_MAX_PORTS */
};

#define CONSOLE_MAX_PORTS 15	/* two queues each, and two for all */
#define CONSOLE_NAME_MAX 64

/* The board's PCI host bridge: where its configuration space and windows lie. */
struct pci_bus_opts {
	uint64_t ecam_base, ecam_size;		/* size 0: no ECAM; 1 MiB a bus */
	uint64_t mmio32_base, mmio32_size;	/* BARs below 4 GiB */
	uint64_t mmio64_base, mmio64_size;	/* size 0: none */
	bool ports;				/* 0xcf8 and 0xcfc (x86) */
};

/* Messages that become edges of the interrupt controller's lines: class "gicv2m". */
struct msi_frame {
	uint64_t doorbell;	/* written with data and up, ... */
	uint32_t data;
	unsigned int gsi, nr;	/* ... for gsi and up */
};

/* "share": virtio-9p, a directory of the host in the guest */

/* Who owns what the guest creates, and with whose rights the host's files are reached. */
enum share_owner {
	SHARE_OWNER_DEFAULT,	/* host for root, else mapped */
	SHARE_OWNER_HOST,	/* guest ids are host ids; needs privileges */
	SHARE_OWNER_SQUASH,	/* all work is done as uid:gid */
	SHARE_OWNER_MAPPED,	/* ids and mode live in user.tvm.owner; no privileges */
};

struct share_opts {
	char *tag;		/* the guest's name for it, 1 to SHARE_TAG_MAX bytes */
	char *path;		/* a directory */
	bool ro;
	char *owner_text;	/* what the three below are made of: config_share_owner() */
	enum share_owner owner;
	uint32_t uid, gid;	/* SHARE_OWNER_SQUASH */
	uint32_t max_fids;	/* 0: SHARE_MAX_FIDS; fewer when RLIMIT_NOFILE is low */
	uint32_t sharers;	/* shares of the machine, which divide descriptors; 0: alone */
};

#define SHARE_TAG_MAX 255
#define SHARE_MAX_FIDS 65536u

/* "vsock": virtio-vsock, backed by unix stream sockets, or by the host's AF_VSOCK (vhost) */
struct vsock_opts {
	uint64_t cid;		/* the guest's address, 3 and above */
	char *path;		/* hybrid socket, and path_<port>; NULL: only ports */
	/* "N:PATH": host port N goes to PATH; "N:PATH:listen": PATH goes to guest port N */
	struct { char **items; unsigned int nr; } port;
	bool vhost;		/* /dev/vhost-vsock; path and port are empty */
};

/* "disk": virtio-blk */
struct disk_opts {
	char *path;
	bool ro;
	bool direct;	/* O_DIRECT */
	uint32_t queues; /* 0: one */
	char *serial;	/* at most 20 bytes; NULL: derived from nothing, empty */
};

/* "net": virtio-net; exactly one of tap, stream and fd says where frames go */
enum net_vhost { NET_VHOST_AUTO, NET_VHOST_ON, NET_VHOST_OFF };

struct net_opts {
	char *tap;	/* interface name */
	char *stream;	/* path of a unix socket: passt, QEMU's stream protocol */
	/*
	 * Decimal: a tap or a connected stream socket; stays the caller's. "N:N:N": the queues
	 * of one tap.
	 */
	char *fd;
	uint32_t queues;	/* pairs of queues, of a tap; 0: as many as there are in fd, or 1 */
	enum net_vhost vhost;	/* AUTO: on a tap, where the host has it */
	char *mac;	/* "52:54:00:12:34:56"; NULL: made from the interface or path */
	uint32_t mtu;	/* 0: not told to the guest */
	uint32_t index;	/* of this device in its machine */
};

/* "balloon": virtio-balloon */
struct balloon_opts {
	uint64_t size;	/* bytes that the guest shall give back at first; 0: none */
};

#endif
