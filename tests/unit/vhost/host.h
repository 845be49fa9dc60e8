/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that is played: /dev/vhost-net and /dev/net/tun, by wrapping open() and ioctl()
 * (host.opts). A tap is one end of a socket pair, so that its reads and writes are real;
 * the other end is the test's. A vhost device is a thread that serves split rings by what it
 * was told, through its memory table and nothing else, on that tap.
 */
#ifndef TESTS_UNIT_VHOST_HOST_H
#define TESTS_UNIT_VHOST_HOST_H

#include <stdbool.h>
#include <stdint.h>

#define HOST_MAX 16
/* Of Linux 6.12: INDIRECT_DESC, EVENT_IDX, MRG_RXBUF, VERSION_1, ACCESS_PLATFORM, RING_RESET. */
#define HOST_FEATURES 0x10330008000ULL

struct host_ring {
	unsigned int num;
	uint64_t desc, avail, used;	/* user addresses */
	uint16_t base;			/* next entry of avail and used */
	int kick, call, err, backend;	/* -1: none */
};

struct host_vhost {
	bool open;			/* ever; devices are numbered in the order of opening */
	unsigned long ino;
	uint64_t features;
	bool owned;
	unsigned int nr_regions;
	struct { uint64_t gpa, size, uaddr; } regions[8];
	struct host_ring rings[2];
	unsigned int frames[2];		/* received, transmitted */
};

struct host_tap {
	unsigned long ino;
	char name[16];
	short flags;
	bool attached;
	int peer;			/* the wire: header and frame, a message each */
};

struct host {
	struct host_vhost vhosts[HOST_MAX];
	struct host_tap taps[HOST_MAX];
	unsigned int nr_vhosts, nr_taps;
	uint64_t features;		/* that vhost devices have */
	int open_error;			/* of /dev/vhost-net; 0: there is one */
	unsigned long fail_request;	/* this ioctl of vhost devices fails, for the nth time */
	unsigned int fail_nth;
	bool single;			/* taps have one queue */
	char complaint[160];		/* the first thing that a real host refuses; or empty */
};

/* Begin, before devices are made; end, after they are gone: what is left open is a complaint. */
void host_begin(void);
void host_end(void);

/* Look at it with the lock held. */
struct host *host_lock(void);
void host_unlock(void);

/* The ring of a vhost device reports an error. */
void host_error(unsigned int vhost, unsigned int ring);

#endif
