/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock [MIB [ROUNDS]]: bytes through a unix socket, the device and its rings, with the guest's
 * side in this process, beside the same bytes through a plain unix socket pair with the same
 * buffer sizes. The two take turns, so that what else the host does meets both, and the best
 * round of each counts, because that only ever makes one slower. 4 KiB are the receive buffers
 * of Linux' driver, which gives a credit of 256 KiB and renews it when 64 KiB are left; so does
 * this one.
 *
 * Prints "bench: NAME value unit ratio=R target=T" lines. Numbers never make it fail.
 */
#include <time.h>

#include "tests/bench/median.h"
#include "tests/unit/test_vsock.h"

#define HOST_CHUNK (64u << 10)
#define RX_POOL (512u << 10)	/* of receive buffers, whatever their size */
#define CREDIT (256u << 10)
#define CREDIT_LOW (64u << 10)

static uint64_t total;		/* bytes of one run */
static uint8_t chunk[HOST_CHUNK], sink[HOST_CHUNK];

/* ---- The ends on the host ------------------------------------------------------------ */

struct end {
	int fd;
	size_t size;		/* of one call */
};

static void *writer(void *opaque)
{
	struct end *e = opaque;

	for (uint64_t left = total; left;) {
		ssize_t n = write(e->fd, chunk, left < e->size ? left : e->size);

		FAKE_MUST(n > 0);
		left -= (uint64_t)n;
	}
	return NULL;
}

static void *reader(void *opaque)
{
	struct end *e = opaque;

	for (uint64_t left = total; left;) {
		ssize_t n = read(e->fd, sink, e->size);

		FAKE_MUST(n > 0);
		left -= (uint64_t)n;
	}
	return NULL;
}

static double plain_pair(size_t write_size, size_t read_size)
{
	struct end in = { .size = write_size }, out = { .size = read_size };
	pthread_t thread;
	double start;
	int fds[2];

	FAKE_MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	in.fd = fds[0];
	out.fd = fds[1];
	start = now();
	FAKE_MUST(!pthread_create(&thread, NULL, writer, &in));
	reader(&out);
	pthread_join(thread, NULL);
	close(fds[0]);
	close(fds[1]);
	return now() - start;
}

/* ---- The guest ----------------------------------------------------------------------- */

/* Sleep until the device has used something of the queue, with the interrupt a driver asks for. */
static void wait_used(struct bench *b, unsigned int vq)
{
	drv_set_used_event(&b->d, vq, b->d.q[vq].last_used);
	__sync_synchronize(); /* used_event, then used.idx */
	if (drv_used_idx(&b->d, vq) == b->d.q[vq].last_used)
		fake_msi_wait(&b->f, drv_msi_data(&b->d, (int)vq), WAIT);
}

static void reap_tx(struct bench *b)
{
	uint32_t id, len;

	while (drv_used(&b->d, VSOCK_TX, &id, &len))
		;
}

/* A packet whose header is at slot of b->tx; its data, if any, is one buffer in place. */
static void put_packet(struct bench *b, struct peer *p, enum vsock_op op, unsigned int slot,
	gpa_t data, uint32_t len)
{
	struct vsock_hdr h = make_header(p, op, len);
	gpa_t at = b->tx + 64ULL * slot;

	memcpy(drv_ram(&b->d, at, sizeof(h)), &h, sizeof(h));
	FAKE_MUST(drv_add(&b->d, VSOCK_TX, (struct drv_buf[]){ { at, sizeof(h), false },
		{ data, len, false } }, len ? 2 : 1, false) >= 0);
	drv_kick_if_wanted(&b->d, VSOCK_TX);
}

static double to_guest(uint32_t data_size)
{
	struct peer p;
	struct bench b;
	struct end in = { .size = HOST_CHUNK };
	uint32_t told = 0, id, len;
	unsigned int slot = 0;
	uint64_t got = 0;
	pthread_t thread;
	double start;

	setup_ports(&b, NULL, 0);
	start_queues(&b, RX_BUFS);
	in.fd = open_from_host(&b, &p, 1);
	p.alloc = CREDIT;
	put_packet(&b, &p, VIRTIO_VSOCK_OP_CREDIT_UPDATE, slot, 0, 0);
	/* The handshake's small buffers are used up last: replace the ring by one of data_size. */
	drv_write(&b.d, DRV_QUEUE_SELECT, 2, VSOCK_RX);
	drv_write(&b.d, DRV_QUEUE_RESET, 2, 1);
	memset(&b.d.q[VSOCK_RX], 0, sizeof(b.d.q[VSOCK_RX]));
	drv_queue_init(&b.d, VSOCK_RX, (uint16_t)(RX_POOL / data_size));
	for (unsigned int i = b.d.q[VSOCK_RX].size; i--;)
		add_rx(&b, drv_alloc(&b.d, VSOCK_HDR_SIZE + data_size, 64),
			VSOCK_HDR_SIZE + data_size);
	drv_kick(&b.d, VSOCK_RX);

	start = now();
	FAKE_MUST(!pthread_create(&thread, NULL, writer, &in));
	while (got < total) {
		while (drv_used(&b.d, VSOCK_RX, &id, &len)) {
			got += len - VSOCK_HDR_SIZE;
			p.got = (uint32_t)got;
			add_rx(&b, b.rx[id], VSOCK_HDR_SIZE + data_size);
			if (CREDIT - (p.got - told) < CREDIT_LOW) {
				reap_tx(&b);
				slot = (slot + 1) % 128;
				put_packet(&b, &p, VIRTIO_VSOCK_OP_CREDIT_UPDATE, slot, 0, 0);
				told = p.got;
			}
		}
		drv_kick_if_wanted(&b.d, VSOCK_RX);
		if (got < total)
			wait_used(&b, VSOCK_RX);
	}
	start = now() - start;
	pthread_join(thread, NULL);
	close(in.fd);
	teardown(&b);
	return start;
}

static double from_guest(uint32_t data_size)
{
	struct peer p;
	struct bench b;
	struct packet k;
	struct end out = { .size = HOST_CHUNK };
	unsigned int slot = 0;
	uint64_t sent = 0;
	pthread_t thread;
	double start;
	gpa_t data;

	setup(&b);
	out.fd = open_from_host(&b, &p, 1);
	data = drv_alloc(&b.d, data_size, 4096);
	start = now();
	FAKE_MUST(!pthread_create(&thread, NULL, reader, &out));
	while (sent < total) {
		uint32_t n = total - sent < data_size ? (uint32_t)(total - sent) : data_size;

		while (receive(&b, &k, 0))
			p.peer_fwd = le32_get(k.h.fwd_cnt);
		reap_tx(&b);
		if (p.peer_alloc - (p.sent - p.peer_fwd) < n) {
			wait_used(&b, VSOCK_RX); /* for credit */
		} else if (b.d.q[VSOCK_TX].nr_free < 2) {
			wait_used(&b, VSOCK_TX);
		} else {
			put_packet(&b, &p, VIRTIO_VSOCK_OP_RW, slot++ % 128, data, n);
			p.sent += n;
			sent += n;
		}
	}
	pthread_join(thread, NULL);
	start = now() - start;
	close(out.fd);
	teardown(&b);
	return start;
}

/* ---- Comparison ---------------------------------------------------------------------- */

static void compare(const char *name, double (*device)(uint32_t), uint32_t size, int rounds,
	const char *target)
{
	bool to = device == to_guest;
	double pair = 1e9, ours = 1e9;

	for (int i = 0; i < rounds; i++) {
		double t = to ? plain_pair(HOST_CHUNK, size) : plain_pair(size, HOST_CHUNK);

		pair = t < pair ? t : pair;
		t = device(size);
		ours = t < ours ? t : ours;
	}
	printf("bench: %s %.0f MiB/s ratio=%.2f target=%s\n", name,
		(double)total / ours / (1 << 20), pair / ours, target);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int mib = argc > 1 ? atoi(argv[1]) : 64, rounds = argc > 2 ? atoi(argv[2]) : 50;

	if (mib < 1 || mib > 4095 || rounds < 1) {
		fprintf(stderr, "usage: vsock [MIB [ROUNDS]]\n");
		return 2;
	}
	total = (uint64_t)mib << 20;
	wanted = DRV_ALL_FEATURES;
	printf("# vsock: %d MiB, %d rounds; ratios to a unix socket pair\n", mib, rounds);
	compare("vsock-to-guest-4k", to_guest, 4 << 10, rounds, "0.7");
	compare("vsock-to-guest-64k", to_guest, 64 << 10, rounds, "0.7");
	compare("vsock-from-guest-64k", from_guest, 64 << 10, rounds, "-");
	return 0;
}
