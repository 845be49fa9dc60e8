/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-vsock: packets and buffers that are against the rules. */
#include "tests/unit/test_vsock.h"

static void test_bad_packets(void)
{
	enum { SILENCE, RST };
	static const struct {
		const char *what;
		uint64_t src, dst;
		uint32_t len, hlen;
		uint16_t type, op;
		int answer;
	} bad[] = {
		{ "short header", CID, 2, 0, 43, 1, VIRTIO_VSOCK_OP_REQUEST, SILENCE },
		{ "one byte", CID, 2, 0, 1, 1, VIRTIO_VSOCK_OP_REQUEST, SILENCE },
		{ "not from the guest", CID + 1, 2, 0, 44, 1, VIRTIO_VSOCK_OP_REQUEST, SILENCE },
		{ "from cid + 2^32", CID + GIB(4), 2, 0, 44, 1, VIRTIO_VSOCK_OP_REQUEST, SILENCE },
		{ "to another", CID, 3, 0, 44, 1, VIRTIO_VSOCK_OP_REQUEST, RST },
		{ "RST to another", CID, 3, 0, 44, 1, VIRTIO_VSOCK_OP_RST, SILENCE },
		{ "seqpacket", CID, 2, 0, 44, 2, VIRTIO_VSOCK_OP_REQUEST, RST },
		{ "type 0", CID, 2, 0, 44, 0, VIRTIO_VSOCK_OP_RW, RST },
		{ "RST of type 0", CID, 2, 0, 44, 0, VIRTIO_VSOCK_OP_RST, SILENCE },
		{ "op 0", CID, 2, 0, 44, 1, 0, RST },
		{ "op 8", CID, 2, 0, 44, 1, 8, RST },
		{ "op 65535", CID, 2, 0, 44, 1, 65535, RST },
		{ "data of no connection", CID, 2, 0, 44, 1, VIRTIO_VSOCK_OP_RW, RST },
		{ "RESPONSE of none", CID, 2, 0, 44, 1, VIRTIO_VSOCK_OP_RESPONSE, RST },
		{ "RST of none", CID, 2, 0, 44, 1, VIRTIO_VSOCK_OP_RST, SILENCE },
		{ "credit of none", CID, 2, 0, 44, 1, VIRTIO_VSOCK_OP_CREDIT_UPDATE, RST },
		/* CVE-2019-18960: data that the header promises and the chain does not hold. */
		{ "len 1 of 0", CID, 2, 1, 44, 1, VIRTIO_VSOCK_OP_RW, RST },
		{ "len ~0 of 0", CID, 2, UINT32_MAX, 44, 1, VIRTIO_VSOCK_OP_REQUEST, RST },
	};
	struct peer none = { 1, 2, .alloc = 4096 }, p;
	struct bench b;
	struct packet k;
	int fd;

	setup(&b);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vsock_hdr h = make_header(&none, (enum vsock_op)bad[i].op, bad[i].len);
		bool failed = tests.this_failed;

		h.src_cid = le64_make(bad[i].src);
		h.dst_cid = le64_make(bad[i].dst);
		h.type = le16_make(bad[i].type);
		tests.this_failed = false;
		send_raw(&b, &h, bad[i].hlen, NULL, 0);
		if (bad[i].answer == RST) {
			expect(&b, &none, VIRTIO_VSOCK_OP_RST, &k);
			CHECK_INT(le64_get(k.h.src_cid), bad[i].dst);
			CHECK_INT(le16_get(k.h.type), bad[i].type);
		} else {
			CHECK(!receive(&b, &k, 10));
		}
		if (tests.this_failed)
			printf("# above: %s\n", bad[i].what);
		tests.this_failed |= failed;
	}
	/* The same with a connection: it ends, and no other one. */
	for (unsigned int op = 0; op < 10; op++) {
		struct vsock_hdr h;

		if (op >= VIRTIO_VSOCK_OP_RST && op <= VIRTIO_VSOCK_OP_CREDIT_REQUEST &&
			op != VIRTIO_VSOCK_OP_RW)
			continue;
		fd = open_from_host(&b, &p, 10);
		h = make_header(&p, (enum vsock_op)op, op == VIRTIO_VSOCK_OP_RW ? 9 : 0);
		send_raw(&b, &h, sizeof(h), "12345678", 8);
		expect(&b, &p, VIRTIO_VSOCK_OP_RST, &k);
		CHECK(host_at_end(fd));
		close(fd);
	}
	CHECK(!(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET));
	teardown(&b);
}

/* CVE-2019-18960, towards the guest: a receive buffer has no room for a header and data. */
static void test_small_receive_buffer(void)
{
	struct bench b;
	struct peer p = { 1, 2, .alloc = 0 };
	int fd;

	for (uint32_t len = 1; len <= VSOCK_HDR_SIZE; len += 43) {
		setup_ports(&b, NULL, 0);
		start_queues(&b, 0);
		add_rx(&b, drv_alloc(&b.d, 64, 64), len);
		drv_kick(&b.d, VSOCK_RX);
		send_op(&b, &p, VIRTIO_VSOCK_OP_RW, 0);
		for (int i = 0; i < 1000 && !(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET); i++)
			usleep(1000);
		CHECK(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET);
		fd = host_connect(&b, "");
		CHECK(host_at_end(fd));
		close(fd);
		teardown(&b);
	}
}

/*
 * CVE-2016-5403: what a guest can put under way is bounded. One that takes no answers gets no
 * more than VSOCK_MAX_REPLIES kept for it: packets beyond stay in its own ring. Nothing is lost,
 * nobody spins. (Connections are bounded as well: test_too_many() of test_vsock_host.c.)
 */
static void test_no_receive_buffers(void)
{
	struct peer p = { 1, 2, .alloc = 0 };
	struct vsock_hdr h = make_header(&p, VIRTIO_VSOCK_OP_RW, 0);
	unsigned int n = 0, more = 50;
	uint32_t id, used;
	struct bench b;
	struct packet k;

	setup_ports(&b, NULL, 0);
	start_queues(&b, 0);
	for (unsigned int i = 0; i < VSOCK_MAX_REPLIES; i++)
		send_raw(&b, &h, sizeof(h), NULL, 0);
	for (unsigned int i = 0; i < more; i++)
		drv_add(&b.d, VSOCK_TX, (struct drv_buf[]){ { b.tx, sizeof(h), false } }, 1,
			false);
	drv_kick(&b.d, VSOCK_TX);
	CHECK(!drv_wait(&b.d, VSOCK_TX, 50, &id, &used));
	for (unsigned int i = 0; i < 16; i++)
		add_rx(&b, drv_alloc(&b.d, RX_LEN, 64), RX_LEN);
	drv_kick(&b.d, VSOCK_RX);
	while (n < VSOCK_MAX_REPLIES + more && receive(&b, &k, WAIT))
		n += k.op == VIRTIO_VSOCK_OP_RST;
	CHECK_INT(n, VSOCK_MAX_REPLIES + more);
	while (more && drv_wait(&b.d, VSOCK_TX, WAIT, &id, &used))
		more--;
	CHECK_INT(more, 0);
	teardown(&b);
}

/* CVE-2016-5403 once more: a ring that claims to hold more buffers than it has room for. */
static void test_more_than_the_ring(void)
{
	struct peer p = { 1, 2, .alloc = 0 };
	struct bench b;

	if (wanted & BIT(VIRTIO_F_RING_PACKED))
		SKIP("a packed ring has no index to lie about");
	for (unsigned int vq = VSOCK_RX; vq <= VSOCK_TX; vq++) {
		setup_ports(&b, NULL, 0);
		start_queues(&b, 0);
		send_op(&b, &p, VIRTIO_VSOCK_OP_RW, 0); /* its answer wants a buffer */
		CHECK(!(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET));
		drv_set_avail_idx(&b.d, vq,
			(uint16_t)(drv_used_idx(&b.d, vq) + VSOCK_QUEUE_SIZE + 1));
		drv_kick(&b.d, vq);
		for (int i = 0; i < 1000 && !(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET); i++)
			usleep(1000);
		CHECK(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET);
		teardown(&b);
	}
}

static void run_all(void)
{
	RUN(test_bad_packets);
	RUN(test_small_receive_buffer);
	RUN(test_no_receive_buffers);
	RUN(test_more_than_the_ring);
}

int main(void)
{
	run_all();
	wanted &= ~BIT(VIRTIO_F_RING_PACKED);
	run_all();
	return tests_done();
}
