/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's side of vsock for tests: packets one by one, on the driver of driver.h, and unix
 * sockets in a directory of the test's own.
 */
#ifndef TESTS_UNIT_TEST_VSOCK_H
#define TESTS_UNIT_TEST_VSOCK_H

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "devices/devices.h"
#include "vmm/devopts.h"
#include "devices/virtio/vsock_int.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"
#include "tests/harness.h"

#define WAIT 10000
#define CID 7
#define RX_BUFS 64
#define RX_LEN 4140u

/* Accepted by the driver: everything runs on both kinds of ring. */
static uint64_t wanted = DRV_ALL_FEATURES_PACKED;

struct bench {
	struct fake_env f;
	struct drv d;
	struct dev *dev;
	char dir[32], path[64];
	struct vsock_opts opts;
	gpa_t rx[VIRTQ_MAX_SIZE], tx;	/* rx by head */
};

/* A connection as the guest sees it. */
struct peer {
	uint32_t guest, host;
	uint32_t alloc, got;		/* our credit for the device */
	uint32_t sent, peer_alloc, peer_fwd;
};

struct packet {
	struct vsock_hdr h;
	uint16_t op;
	uint32_t len, total;
	uint8_t data[RX_LEN];
};

static inline void add_rx(struct bench *b, gpa_t gpa, uint32_t len)
{
	int head = drv_add(&b->d, VSOCK_RX, (struct drv_buf[]){ { gpa, len, true } }, 1, false);

	FAKE_MUST(head >= 0);
	b->rx[head] = gpa;
}

static inline void start_queues(struct bench *b, unsigned int bufs)
{
	FAKE_MUST(!drv_start(&b->d, wanted, 0));
	b->tx = drv_alloc(&b->d, 2 * VSOCK_BUF, 64);
	for (unsigned int i = 0; i < bufs; i++)
		add_rx(b, drv_alloc(&b->d, RX_LEN, 64), RX_LEN);
	if (bufs)
		drv_kick(&b->d, VSOCK_RX);
}

static inline void setup_ports(struct bench *b, char **ports, unsigned int nr)
{
	memset(b, 0, sizeof(*b));
	strcpy(b->dir, "/tmp/vsock-test-XXXXXX");
	FAKE_MUST(mkdtemp(b->dir));
	snprintf(b->path, sizeof(b->path), "%s/v", b->dir);
	b->opts = (struct vsock_opts){ .cid = CID, .path = b->path };
	b->opts.port.items = ports;
	b->opts.port.nr = nr;
	for (unsigned int i = 0; i < nr; i++) { /* "N:@..." is in the directory */
		char *text = malloc(96), *at = strchr(ports[i], '@');

		snprintf(text, 96, "%.*s%s/%s", (int)(at - ports[i]), ports[i], b->dir, at + 1);
		ports[i] = text;
	}
	fake_env_init(&b->f, MIB(16));
	FAKE_MUST(!virtio_vsock_class.create(&b->f.env, &b->opts, &b->dev, NULL));
	fake_env_start(&b->f);
	FAKE_MUST(!drv_init(&b->d, &b->f, (unsigned int)drv_find(&b->f, VIRTIO_ID_VSOCK)));
}

static inline void setup(struct bench *b)
{
	setup_ports(b, NULL, 0);
	start_queues(b, RX_BUFS);
}

/* Sockets that the test made itself are removed by their suffix. */
static inline void remove_socket(struct bench *b, const char *suffix)
{
	char path[96];

	snprintf(path, sizeof(path), "%s%s", b->path, suffix);
	unlink(path);
}

static inline void teardown(struct bench *b)
{
	loop_stop(b->f.loop);
	virtio_vsock_class.destroy(b->dev);
	fake_env_fini(&b->f);
	for (unsigned int i = 0; i < b->opts.port.nr; i++)
		free(b->opts.port.items[i]);
	CHECK(!rmdir(b->dir)); /* nothing is left in it */
}

/* ---- The guest ----------------------------------------------------------------------- */

static inline struct vsock_hdr make_header(const struct peer *p, enum vsock_op op, uint32_t len)
{
	return (struct vsock_hdr){
		.src_cid = le64_make(CID),
		.dst_cid = le64_make(VSOCK_HOST_CID),
		.src_port = le32_make(p->guest),
		.dst_port = le32_make(p->host),
		.len = le32_make(len),
		.type = le16_make(VIRTIO_VSOCK_TYPE_STREAM),
		.op = le16_make((uint16_t)op),
		.buf_alloc = le32_make(p->alloc),
		.fwd_cnt = le32_make(p->got),
	};
}

static inline void send_raw(struct bench *b, const struct vsock_hdr *h, uint32_t hlen,
	const void *data, uint32_t len)
{
	uint32_t id, used;

	memcpy(drv_ram(&b->d, b->tx, hlen), h, hlen);
	if (len)
		memcpy(drv_ram(&b->d, b->tx + 64, len), data, len);
	drv_add(&b->d, VSOCK_TX, (struct drv_buf[]){ { b->tx, hlen, false },
		{ b->tx + 64, len, false } }, len ? 2 : 1, false);
	drv_kick(&b->d, VSOCK_TX);
	FAKE_MUST(drv_wait(&b->d, VSOCK_TX, WAIT, &id, &used));
	CHECK_INT(used, 0);
}

static inline void send_data(struct bench *b, struct peer *p, const void *data, uint32_t len)
{
	struct vsock_hdr h = make_header(p, VIRTIO_VSOCK_OP_RW, len);

	p->sent += len;
	send_raw(b, &h, sizeof(h), data, len);
}

static inline void send_op(struct bench *b, struct peer *p, enum vsock_op op, uint32_t flags)
{
	struct vsock_hdr h = make_header(p, op, 0);

	h.flags = le32_make(flags);
	send_raw(b, &h, sizeof(h), NULL, 0);
}

static inline bool receive(struct bench *b, struct packet *p, int ms)
{
	uint32_t id;
	gpa_t at;

	if (!drv_wait(&b->d, VSOCK_RX, ms, &id, &p->total))
		return false;
	at = b->rx[id];
	memcpy(&p->h, drv_ram(&b->d, at, sizeof(p->h)), sizeof(p->h));
	p->op = le16_get(p->h.op);
	p->len = le32_get(p->h.len);
	CHECK_INT(p->total, sizeof(p->h) + p->len);
	FAKE_MUST(p->total <= RX_LEN);
	memcpy(p->data, drv_ram(&b->d, at + sizeof(p->h), RX_LEN - sizeof(p->h)), p->len);
	CHECK_INT(le64_get(p->h.dst_cid), CID);
	add_rx(b, at, RX_LEN);
	drv_kick_if_wanted(&b->d, VSOCK_RX);
	return true;
}

/* The next packet is op, for this connection. */
static inline bool expect(struct bench *b, struct peer *p, enum vsock_op op, struct packet *out)
{
	struct packet *k = out;

	if (!receive(b, k, WAIT)) {
		printf("# no packet, expected op %d\n", op);
		tests.this_failed = true;
		return false;
	}
	CHECK_INT(k->op, op);
	CHECK_INT(le32_get(k->h.src_port), p->host);
	CHECK_INT(le32_get(k->h.dst_port), p->guest);
	p->peer_alloc = le32_get(k->h.buf_alloc);
	p->peer_fwd = le32_get(k->h.fwd_cnt);
	return k->op == op;
}

/* ---- The host ------------------------------------------------------------------------ */

static inline struct sockaddr_un socket_address(struct bench *b, const char *suffix)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s%s", b->path, suffix);
	return sa;
}

static inline int host_connect(struct bench *b, const char *suffix)
{
	struct sockaddr_un sa = socket_address(b, suffix);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	FAKE_MUST(fd >= 0 && !connect(fd, (struct sockaddr *)&sa, sizeof(sa)));
	return fd;
}

static inline int host_listen(struct bench *b, const char *suffix)
{
	struct sockaddr_un sa = socket_address(b, suffix);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	FAKE_MUST(fd >= 0 && !bind(fd, (struct sockaddr *)&sa, sizeof(sa)) && !listen(fd, 128));
	return fd;
}

/* What comes within WAIT, up to len bytes; 0: the end, -1: nothing. */
static inline ssize_t host_read(int fd, void *buf, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, WAIT) > 0 ? recv(fd, buf, len, MSG_DONTWAIT) : -1;
}

static inline bool host_reads(int fd, const void *want, size_t len)
{
	char buf[256];
	size_t got = 0;
	ssize_t n = 1;

	while (got < len && n > 0) {
		n = host_read(fd, buf + got, len - got);
		got += n > 0 ? (size_t)n : 0;
	}
	return got == len && !memcmp(buf, want, len);
}

static inline bool host_at_end(int fd)
{
	char c;
	ssize_t n = host_read(fd, &c, 1);

	return !n || (n < 0 && errno == ECONNRESET);
}

/* A connection that the host asks for; its client's socket. */
static inline int open_from_host(struct bench *b, struct peer *p, uint32_t guest_port)
{
	char line[32];
	struct packet k;
	int fd = host_connect(b, "");

	snprintf(line, sizeof(line), "CONNECT %u\n", guest_port);
	FAKE_MUST(write(fd, line, strlen(line)) == (ssize_t)strlen(line));
	FAKE_MUST(receive(b, &k, WAIT));
	CHECK_INT(k.op, VIRTIO_VSOCK_OP_REQUEST);
	CHECK_INT(le32_get(k.h.dst_port), guest_port);
	CHECK_INT(le32_get(k.h.buf_alloc), VSOCK_BUF);
	*p = (struct peer){ guest_port, le32_get(k.h.src_port), .alloc = 65536,
		.peer_alloc = VSOCK_BUF };
	send_op(b, p, VIRTIO_VSOCK_OP_RESPONSE, 0);
	snprintf(line, sizeof(line), "OK %u\n", p->host);
	CHECK(host_reads(fd, line, strlen(line)));
	return fd;
}

/* A connection that the guest asks for; what the host's server accepts. */
static inline int open_from_guest(struct bench *b, struct peer *p, uint32_t guest_port,
	uint32_t host_port, int listener)
{
	struct packet k;
	int fd;

	*p = (struct peer){ guest_port, host_port, .alloc = 65536 };
	send_op(b, p, VIRTIO_VSOCK_OP_REQUEST, 0);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	FAKE_MUST(fd >= 0);
	expect(b, p, VIRTIO_VSOCK_OP_RESPONSE, &k);
	return fd;
}

#endif
