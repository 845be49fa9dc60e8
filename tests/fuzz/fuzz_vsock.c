/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest and host of a vsock device do what the input says: packets with any header, clients
 * and servers of the host that connect, write, read, close. Whatever happens, packets for the
 * guest are well formed, a connection keeps no more than its credit, and a reset leaves none.
 *
 * Input: steps of an opcode byte and its arguments.
 */
#include <assert.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "devices/devices.h"
#include "vmm/devopts.h"
#include "devices/virtio/vsock_int.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"

#define CID 3
#define RAM MIB(4)
#define POOL (64u << 10)
#define RX_LEN 4096u
#define FDS 8
#define STEPS 200
#define WAIT 5000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t n;
};

static struct {
	bool up;
	struct fake_env f;
	struct drv d;
	struct dev *dev;
	struct vsock_opts opts;
	char dir[24], path[40];
	int listener, fds[FDS];
	gpa_t tx, rx[VIRTQ_MAX_SIZE];	/* rx by head */
	gpa_t rx_pool;
	unsigned int rx_bufs;
	bool away[VSOCK_QUEUES];	/* reset, and not enabled again */
	uint32_t last_port;		/* of the host, that the device told us */
} g;

static uint8_t next(struct input *in)
{
	if (!in->n)
		return 0;
	in->n--;
	return *in->p++;
}

static uint32_t next32(struct input *in)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 8 | next(in);
	return v;
}

static struct sockaddr_un address(const char *suffix)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s%s", g.path, suffix);
	return sa;
}

static void clean_up(void)
{
	struct sockaddr_un sa = address("_1");

	loop_stop(g.f.loop);
	virtio_vsock_class.destroy(g.dev);
	fake_env_fini(&g.f);
	close(g.listener);
	unlink(sa.sun_path);
	rmdir(g.dir);
}

static void set_up(void)
{
	struct sockaddr_un sa;

	strcpy(g.dir, "/tmp/vsock-fuzz-XXXXXX");
	FAKE_MUST(mkdtemp(g.dir));
	snprintf(g.path, sizeof(g.path), "%s/v", g.dir);
	sa = address("_1");
	g.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	FAKE_MUST(!bind(g.listener, (struct sockaddr *)&sa, sizeof(sa)));
	FAKE_MUST(!listen(g.listener, 16));
	for (int i = 0; i < FDS; i++)
		g.fds[i] = -1;
	g.opts = (struct vsock_opts){ .cid = CID, .path = g.path };
	fake_env_init(&g.f, RAM);
	FAKE_MUST(!virtio_vsock_class.create(&g.f.env, &g.opts, &g.dev, NULL));
	fake_env_start(&g.f);
	FAKE_MUST(!drv_init(&g.d, &g.f, (unsigned int)drv_find(&g.f, VIRTIO_ID_VSOCK)));
	atexit(clean_up);
	g.up = true;
}

/* ---- Checks -------------------------------------------------------------------------- */

/* On the loop's thread. */
static void check_inside(void *opaque)
{
	struct vsock *v = opaque;
	unsigned int n = 0, queued = 0, in_list = 0;
	struct vsock_conn *c;

	LIST_FOREACH(c, &v->all, all) {
		n++;
		queued += c->queued;
		assert(c->len <= VSOCK_BUF && c->head < VSOCK_BUF && (!c->len || c->buf));
		assert((c->state == VSOCK_CLOSED) == (c->fd < 0));
		assert(c->hashed == (c->state != VSOCK_HANDSHAKE && c->state != VSOCK_LINGER));
		assert(!c->queued || c->hashed);
		assert(!c->hashed || vsock_conn_find(v, c->guest_port, c->host_port) == c);
		assert(c->state != VSOCK_CLOSED || c->todo);
	}
	TAILQ_FOREACH(c, &v->ready, ready)
		in_list++;
	assert(n == v->nr_conns && n <= VSOCK_MAX_CONNS && queued == in_list);
	assert(v->nr_replies <= VSOCK_MAX_REPLIES);
}

static bool broken(void)
{
	return drv_status(&g.d) & VIRTIO_S_NEEDS_RESET;
}

static void add_rx(gpa_t at)
{
	int head = drv_add(&g.d, VSOCK_RX, (struct drv_buf[]){ { at, RX_LEN, true } }, 1, false);

	if (head >= 0)
		g.rx[head] = at;
}

static void add_all_rx(void)
{
	for (unsigned int i = 0; i < g.rx_bufs; i++)
		add_rx(g.rx_pool + RX_LEN * i);
	drv_kick(&g.d, VSOCK_RX);
}

static void drain(void)
{
	uint32_t id, total;
	struct vsock_hdr h;

	if (g.away[VSOCK_RX])
		return;
	for (int n = 0; n < 64 && drv_used(&g.d, VSOCK_RX, &id, &total); n++) {
		uint16_t op;

		memcpy(&h, drv_ram(&g.d, g.rx[id], sizeof(h)), sizeof(h));
		op = le16_get(h.op);
		assert(total == sizeof(h) + le32_get(h.len) && total <= RX_LEN);
		assert(le64_get(h.dst_cid) == CID && op >= 1 && op <= 7);
		assert(!le32_get(h.len) == (op != VIRTIO_VSOCK_OP_RW));
		assert(op == VIRTIO_VSOCK_OP_RST || (le64_get(h.src_cid) == VSOCK_HOST_CID &&
			le32_get(h.buf_alloc) == VSOCK_BUF &&
			le16_get(h.type) == VIRTIO_VSOCK_TYPE_STREAM));
		if (op == VIRTIO_VSOCK_OP_REQUEST)
			g.last_port = le32_get(h.src_port);
		add_rx(g.rx[id]);
	}
	drv_kick(&g.d, VSOCK_RX);
}

/* ---- Steps --------------------------------------------------------------------------- */

static uint32_t number(struct input *in)
{
	static const uint32_t some[] = { 0, 1, 2, 100, 4096, 65536, VSOCK_BUF, UINT32_MAX };
	uint8_t b = next(in);

	return b < 8 ? some[b] : b < 16 ? next32(in) : b;
}

static void send_packet(struct input *in)
{
	uint8_t shape = next(in);
	uint32_t hlen = sizeof(struct vsock_hdr), len = number(in), held = len;
	struct vsock_hdr h = {
		.src_cid = le64_make(CID),
		.dst_cid = le64_make(VSOCK_HOST_CID),
		.src_port = le32_make(shape & 3),
		.dst_port = le32_make(shape & 4 ? 1 : g.last_port),
		.type = le16_make(1),
		.op = le16_make(next(in) % 9),
		.flags = le32_make(next(in)),
		.buf_alloc = le32_make(number(in)),
		.fwd_cnt = le32_make(number(in)),
	};
	uint32_t id, used;
	int tries = 0;

	if (g.away[VSOCK_TX])
		return;
	held = held < POOL ? held : POOL;
	if (shape >= 0xf0) { /* anything */
		for (uint32_t i = 0; i < sizeof(h); i++)
			((uint8_t *)&h)[i] ^= next(in);
		hlen = 1 + next(in) % sizeof(h);
	} else if (le16_get(h.op) == VIRTIO_VSOCK_OP_RW || shape & 8) {
		h.len = le32_make(shape & 16 ? len : held);
	}
	memcpy(drv_ram(&g.d, g.tx, hlen), &h, hlen);
	drv_add(&g.d, VSOCK_TX, (struct drv_buf[]){ { g.tx, hlen, false },
		{ g.tx + 64, held, false } }, held ? 2 : 1, shape & 32);
	drv_kick(&g.d, VSOCK_TX);
	while (!drv_wait(&g.d, VSOCK_TX, 1, &id, &used) && !broken()) {
		drain(); /* it may wait for room for answers */
		assert(tries++ < WAIT);
	}
}

static void host_step(struct input *in, uint8_t what)
{
	static uint8_t buf[70000];
	uint8_t arg = next(in);
	int *fd = &g.fds[arg % FDS];
	struct sockaddr_un sa = address("");
	char line[32];
	ssize_t n = 0;

	switch (what) {
	case 0:
		close_fd(fd);
		*fd = accept4(g.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		break;
	case 1:
		n = send(*fd, buf, number(in) % sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 2:
		n = recv(*fd, buf, number(in) % sizeof(buf), MSG_DONTWAIT);
		break;
	case 3:
		close_fd(fd);
		break;
	case 4:
		n = shutdown(*fd, arg & 128 ? SHUT_RD : SHUT_WR);
		break;
	default:
		close_fd(fd);
		*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		n = connect(*fd, (struct sockaddr *)&sa, sizeof(sa));
		snprintf(line, sizeof(line), "CONNECT %u\n", arg >> 3 & 3);
		line[arg >> 5] ^= (char)(arg == 255);
		n = send(*fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	(void)n;
}

/* One queue goes, or comes back (virtio 1.2, 2.6.1). */
static void turn_queue(unsigned int vq)
{
	g.away[vq] = !g.away[vq];
	if (g.away[vq]) {
		drv_write(&g.d, DRV_QUEUE_SELECT, 2, vq);
		drv_write(&g.d, DRV_QUEUE_RESET, 2, 1);
		memset(&g.d.q[vq], 0, sizeof(g.d.q[vq]));
		return;
	}
	drv_queue_init(&g.d, vq, 64);
	if (vq == VSOCK_RX)
		add_all_rx();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t flags = next(&in);
	uint64_t wanted = DRV_ALL_FEATURES_PACKED;
	struct vsock *v;
	int fd;

	if (!g.up)
		set_up();
	v = (struct vsock *)g.dev;
	wanted &= flags & 1 ? ~BIT(VIRTIO_F_EVENT_IDX) : ~0ULL;
	wanted &= flags & 4 ? ~0ULL : ~BIT(VIRTIO_F_RING_PACKED);
	FAKE_MUST(!drv_start(&g.d, wanted, 64));
	g.tx = drv_alloc(&g.d, POOL + 64, 64);
	g.rx_bufs = flags & 2 ? 2 : 32;
	g.rx_pool = drv_alloc(&g.d, RX_LEN * g.rx_bufs, 64);
	memset(g.away, 0, sizeof(g.away));
	add_all_rx();
	for (int i = 0; i < STEPS && in.n && !broken(); i++) {
		uint8_t op = next(&in) & 15;

		if (op < 8)
			send_packet(&in);
		else if (op < 14)
			host_step(&in, op - 8);
		else if (op == 14)
			drain();
		else
			turn_queue(next(&in) % VSOCK_QUEUES);
		loop_call(g.f.loop, check_inside, v);
	}
	drv_reset(&g.d);
	assert(!v->nr_conns && LIST_EMPTY(&v->all) && TAILQ_EMPTY(&v->ready) && !v->nr_replies);
	for (int i = 0; i < FDS; i++)
		close_fd(&g.fds[i]);
	while ((fd = accept4(g.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(fd);
	return 0;
}
