/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-vsock, packet by packet: connections, ends, credit, and packets that break rules. */
#include "tests/unit/test_vsock.h"

static void test_identity(void)
{
	struct bench b;

	setup(&b);
	CHECK_INT(b.d.nr_queues, 3);
	CHECK_INT(fake_mmio_read(&b.f, b.d.config, 4), CID);
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 4, 4), 0);
	teardown(&b);
}

static void test_from_host(void)
{
	struct bench b;
	struct peer p;
	struct packet k;
	int fd;

	setup(&b);
	fd = open_from_host(&b, &p, 1024);
	FAKE_MUST(write(fd, "ping", 4) == 4);
	REQUIRE(expect(&b, &p, VIRTIO_VSOCK_OP_RW, &k));
	CHECK(k.len == 4 && !memcmp(k.data, "ping", 4));
	send_data(&b, &p, "pong", 4);
	CHECK(host_reads(fd, "pong", 4));
	close(fd);
	REQUIRE(expect(&b, &p, VIRTIO_VSOCK_OP_SHUTDOWN, &k));
	CHECK_INT(le32_get(k.h.flags) & VIRTIO_VSOCK_SHUTDOWN_RCV, VIRTIO_VSOCK_SHUTDOWN_RCV);
	while (k.op == VIRTIO_VSOCK_OP_SHUTDOWN)
		REQUIRE(receive(&b, &k, WAIT));
	CHECK_INT(k.op, VIRTIO_VSOCK_OP_RST);
	teardown(&b);
}

static void test_from_guest(void)
{
	struct bench b;
	struct peer p;
	struct packet k;
	int listener, fd;

	setup(&b);
	listener = host_listen(&b, "_5000");
	fd = open_from_guest(&b, &p, 2000, 5000, listener);
	send_data(&b, &p, "hello", 5);
	CHECK(host_reads(fd, "hello", 5));
	FAKE_MUST(write(fd, "bye", 3) == 3);
	REQUIRE(expect(&b, &p, VIRTIO_VSOCK_OP_RW, &k));
	CHECK_INT(k.len, 3);
	/* A close of the guest: confirmed with RST, the host sees the end. */
	send_op(&b, &p, VIRTIO_VSOCK_OP_SHUTDOWN, 3);
	expect(&b, &p, VIRTIO_VSOCK_OP_RST, &k);
	CHECK(host_at_end(fd));
	close(fd);
	/* The ports are free again. */
	fd = open_from_guest(&b, &p, 2000, 5000, listener);
	close(fd);
	close(listener);
	remove_socket(&b, "_5000");
	teardown(&b);
}

static void test_refusals(void)
{
	struct bench b;
	struct peer p = { 2000, 5001, .alloc = 4096 };
	struct packet k;
	int fd;

	setup(&b);
	/* Nobody at path_5001. */
	send_op(&b, &p, VIRTIO_VSOCK_OP_REQUEST, 0);
	expect(&b, &p, VIRTIO_VSOCK_OP_RST, &k);
	/* The guest has nobody at 9: the client sees the end, and no OK. */
	fd = host_connect(&b, "");
	FAKE_MUST(write(fd, "CONNECT 9\n", 10) == 10);
	REQUIRE(receive(&b, &k, WAIT));
	p = (struct peer){ 9, le32_get(k.h.src_port), .alloc = 0 };
	send_op(&b, &p, VIRTIO_VSOCK_OP_RST, 0);
	CHECK(host_at_end(fd));
	close(fd);
	/* The client goes before the guest answers; the answer is for nobody. */
	fd = host_connect(&b, "");
	FAKE_MUST(write(fd, "CONNECT 9\n", 10) == 10);
	REQUIRE(receive(&b, &k, WAIT));
	p.host = le32_get(k.h.src_port);
	close(fd);
	expect(&b, &p, VIRTIO_VSOCK_OP_RST, &k);
	send_op(&b, &p, VIRTIO_VSOCK_OP_RESPONSE, 0);
	expect(&b, &p, VIRTIO_VSOCK_OP_RST, &k);
	teardown(&b);
}

static void test_halves_of_guest(void)
{
	struct bench b;
	struct peer p;
	struct packet k;
	int fd;

	setup(&b);
	fd = open_from_host(&b, &p, 10);
	send_data(&b, &p, "last", 4);
	send_op(&b, &p, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_SEND);
	CHECK(host_reads(fd, "last", 4));
	CHECK(host_at_end(fd));
	/* The other direction still works, until the host ends it too. */
	FAKE_MUST(write(fd, "more", 4) == 4);
	REQUIRE(expect(&b, &p, VIRTIO_VSOCK_OP_RW, &k));
	close(fd);
	while (receive(&b, &k, WAIT) && k.op == VIRTIO_VSOCK_OP_SHUTDOWN)
		;
	CHECK_INT(k.op, VIRTIO_VSOCK_OP_RST);

	fd = open_from_host(&b, &p, 11);
	send_op(&b, &p, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_RCV);
	CHECK(send(fd, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	send_data(&b, &p, "still", 5);
	CHECK(host_reads(fd, "still", 5));
	send_op(&b, &p, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_SEND);
	expect(&b, &p, VIRTIO_VSOCK_OP_RST, &k);
	CHECK(host_at_end(fd));
	close(fd);
	/* Data after its own end is against the rules. */
	fd = open_from_host(&b, &p, 12);
	send_op(&b, &p, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_SEND);
	send_data(&b, &p, "no", 2);
	expect(&b, &p, VIRTIO_VSOCK_OP_RST, &k);
	close(fd);
	teardown(&b);
}

static void test_halves_of_host(void)
{
	struct bench b;
	struct peer p;
	struct packet k;
	int fd;

	setup(&b);
	fd = open_from_host(&b, &p, 10);
	FAKE_MUST(write(fd, "end", 3) == 3 && !shutdown(fd, SHUT_WR));
	REQUIRE(expect(&b, &p, VIRTIO_VSOCK_OP_RW, &k));
	REQUIRE(expect(&b, &p, VIRTIO_VSOCK_OP_SHUTDOWN, &k));
	CHECK_INT(le32_get(k.h.flags), VIRTIO_VSOCK_SHUTDOWN_SEND);
	send_data(&b, &p, "reply", 5);
	CHECK(host_reads(fd, "reply", 5));
	send_op(&b, &p, VIRTIO_VSOCK_OP_SHUTDOWN, 3);
	expect(&b, &p, VIRTIO_VSOCK_OP_RST, &k);
	CHECK(host_at_end(fd));
	close(fd);

	fd = open_from_host(&b, &p, 11);
	FAKE_MUST(!shutdown(fd, SHUT_RD));
	send_data(&b, &p, "x", 1);
	REQUIRE(expect(&b, &p, VIRTIO_VSOCK_OP_SHUTDOWN, &k));
	CHECK_INT(le32_get(k.h.flags), VIRTIO_VSOCK_SHUTDOWN_RCV);
	FAKE_MUST(write(fd, "y", 1) == 1);
	expect(&b, &p, VIRTIO_VSOCK_OP_RW, &k);
	close(fd);
	teardown(&b);
}

/* One read of the socket fills buffers of any size; a packet ends where its buffer does. */
static void test_many_buffers(void)
{
	static const uint32_t sizes[] = { 45, RX_LEN, 46, 100, 45, 44 + 4096, 1000, 60 };
	static uint8_t data[60000];
	uint32_t got = 0, small = 0;
	struct bench b;
	struct peer p;
	struct packet k;
	int fd;

	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	setup_ports(&b, NULL, 0);
	start_queues(&b, 0);
	for (unsigned int i = 0; i < 2; i++)
		add_rx(&b, drv_alloc(&b.d, RX_LEN, 64), RX_LEN);
	drv_kick(&b.d, VSOCK_RX);
	fd = open_from_host(&b, &p, 10);
	for (unsigned int i = 0; i < 4 * ARRAY_SIZE(sizes); i++)
		add_rx(&b, drv_alloc(&b.d, RX_LEN, 64), sizes[i % ARRAY_SIZE(sizes)]);
	FAKE_MUST(write(fd, data, sizeof(data)) == sizeof(data));
	drv_kick(&b.d, VSOCK_RX);
	while (got < sizeof(data) && expect(&b, &p, VIRTIO_VSOCK_OP_RW, &k)) {
		REQUIRE(k.len && k.len <= sizeof(data) - got);
		CHECK(!memcmp(k.data, data + got, k.len));
		got += k.len;
		small += k.len == 1;
	}
	CHECK_INT(got, sizeof(data));
	CHECK(small >= 8); /* those of 45 bytes were used, and filled */
	CHECK(!receive(&b, &k, 20));
	/* What is in hand is used by whatever comes next. */
	send_op(&b, &p, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0);
	expect(&b, &p, VIRTIO_VSOCK_OP_CREDIT_UPDATE, &k);
	CHECK_INT(k.len, 0);
	close(fd);
	teardown(&b);
}

/* The socket's end with bytes unread: an error on the host, RST in the guest. */
static void test_host_reset(void)
{
	struct bench b;
	struct peer p;
	struct packet k = { .op = 0 };
	int fd;

	setup(&b);
	fd = open_from_host(&b, &p, 10);
	send_data(&b, &p, "unread", 6);
	close(fd);
	while (receive(&b, &k, WAIT) && k.op != VIRTIO_VSOCK_OP_RST)
		;
	CHECK_INT(k.op, VIRTIO_VSOCK_OP_RST);
	send_data(&b, &p, "x", 1);
	expect(&b, &p, VIRTIO_VSOCK_OP_RST, &k);
	teardown(&b);
}

/* ---- Credit -------------------------------------------------------------------------- */

/*
 * CVE-2026-23069: what the peer takes was computed as a difference that wraps when it shrinks
 * its buffer, or claims to have read what was never sent.
 */
static void test_credit_wrap(void)
{
	CHECK_INT(vsock_credit(0, 0, 0), 0);
	CHECK_INT(vsock_credit(100, 0, 100), 0);
	CHECK_INT(vsock_credit(100, 40, 100), 40);
	CHECK_INT(vsock_credit(100, 0, 60), 0);
	CHECK_INT(vsock_credit(100, 101, 1000), 0);
	CHECK_INT(vsock_credit(5, UINT32_MAX - 4, 100), 90);
	CHECK_INT(vsock_credit(0, 1, UINT32_MAX), 0);
	CHECK_INT(vsock_credit(0, 0, UINT32_MAX), UINT32_MAX);
}

static void test_credit_of_guest(void)
{
	static const char text[] = "0123456789abcdef";
	struct bench b;
	struct peer p;
	struct packet k;
	int fd;

	setup(&b);
	fd = open_from_host(&b, &p, 10);
	p.alloc = 10;
	send_op(&b, &p, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
	FAKE_MUST(write(fd, text, 16) == 16);
	REQUIRE(expect(&b, &p, VIRTIO_VSOCK_OP_RW, &k));
	CHECK_INT(k.len, 10);
	expect(&b, &p, VIRTIO_VSOCK_OP_CREDIT_REQUEST, &k);
	CHECK(!receive(&b, &k, 50));
	/* CVE-2026-23069: less room than is under way; then more read than was sent. */
	p.alloc = 3;
	send_op(&b, &p, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
	p.alloc = 10;
	p.got = 11;
	send_op(&b, &p, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
	CHECK(!receive(&b, &k, 50));
	p.got = 4;
	send_op(&b, &p, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
	REQUIRE(expect(&b, &p, VIRTIO_VSOCK_OP_RW, &k));
	CHECK(k.len == 4 && !memcmp(k.data, text + 10, 4));
	expect(&b, &p, VIRTIO_VSOCK_OP_CREDIT_REQUEST, &k);
	/* Closed meanwhile: what it wrote still comes, then the end. */
	close(fd);
	expect(&b, &p, VIRTIO_VSOCK_OP_SHUTDOWN, &k);
	p.got = 14;
	send_op(&b, &p, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
	REQUIRE(expect(&b, &p, VIRTIO_VSOCK_OP_RW, &k));
	CHECK_INT(k.len, 2);
	REQUIRE(expect(&b, &p, VIRTIO_VSOCK_OP_SHUTDOWN, &k));
	CHECK_INT(le32_get(k.h.flags), 3);
	expect(&b, &p, VIRTIO_VSOCK_OP_RST, &k);
	teardown(&b);
}

/* Fill the host's socket and our buffer; returns the bytes sent. */
static uint32_t fill_up(struct bench *b, struct peer *p, const uint8_t *data)
{
	struct packet k;
	uint32_t last;

	do {
		last = p->peer_fwd;
		while (p->peer_alloc - (p->sent - p->peer_fwd) >= 4096)
			send_data(b, p, data + p->sent % 4096, 4096);
		send_op(b, p, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0);
		if (!expect(b, p, VIRTIO_VSOCK_OP_CREDIT_UPDATE, &k))
			return 0;
		while (receive(b, &k, 20))
			p->peer_fwd = le32_get(k.h.fwd_cnt);
	} while (p->peer_fwd != last);
	return p->sent;
}

static void test_credit_of_device(void)
{
	static uint8_t data[8192], got[65536];
	struct bench b;
	struct peer p;
	struct packet k;
	uint32_t sent, total = 0;
	ssize_t n = 1;
	int fd;

	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i % 4096 * 31 >> 3);
	setup(&b);
	fd = open_from_host(&b, &p, 10);
	sent = fill_up(&b, &p, data);
	CHECK(sent >= VSOCK_BUF);
	CHECK_INT(p.peer_fwd, sent - VSOCK_BUF);
	/* The host reads: all of it, and the guest hears of the room. */
	while (total < sent && n > 0) {
		n = host_read(fd, got, sizeof(got));
		for (ssize_t i = 0; i < n; i++)
			if (got[i] != data[(total + (uint32_t)i) % 4096])
				REQUIRE(!"data");
		total += n > 0 ? (uint32_t)n : 0;
	}
	CHECK_INT(total, sent);
	REQUIRE(expect(&b, &p, VIRTIO_VSOCK_OP_CREDIT_UPDATE, &k));
	while (receive(&b, &k, 50))
		p.peer_fwd = le32_get(k.h.fwd_cnt);
	CHECK(sent - p.peer_fwd < VSOCK_BUF / 4);
	close(fd);
	teardown(&b);
}

/* One byte over its credit ends the connection; close delivers what the buffer holds. */
static void test_credit_overrun(void)
{
	static uint8_t data[8192], got[65536];
	struct bench b;
	struct peer p;
	struct packet k;
	uint32_t sent, total = 0;
	ssize_t n = 1;
	int fd;

	setup(&b);
	fd = open_from_host(&b, &p, 10);
	fill_up(&b, &p, data);
	send_data(&b, &p, "x", 1);
	expect(&b, &p, VIRTIO_VSOCK_OP_RST, &k);
	close(fd);
	fd = open_from_host(&b, &p, 10);
	sent = fill_up(&b, &p, data);
	send_op(&b, &p, VIRTIO_VSOCK_OP_SHUTDOWN, 3);
	expect(&b, &p, VIRTIO_VSOCK_OP_RST, &k);
	while (n > 0) {
		n = host_read(fd, got, sizeof(got));
		total += n > 0 ? (uint32_t)n : 0;
	}
	CHECK_INT(n, 0);
	CHECK_INT(total, sent);
	close(fd);
	teardown(&b);
}

static void run_all(void)
{
	RUN(test_identity);
	RUN(test_from_host);
	RUN(test_from_guest);
	RUN(test_refusals);
	RUN(test_halves_of_guest);
	RUN(test_halves_of_host);
	RUN(test_many_buffers);
	RUN(test_host_reset);
	RUN(test_credit_wrap);
	RUN(test_credit_of_guest);
	RUN(test_credit_of_device);
	RUN(test_credit_overrun);
}

int main(void)
{
	run_all();
	wanted &= ~BIT(VIRTIO_F_RING_PACKED);
	run_all();
	return tests_done();
}
