/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-vsock: its sockets on the host, many connections, resets. */
#include <sys/resource.h>

#include "tests/unit/test_vsock.h"
#include "tvm.h"

/* ---- Sockets ------------------------------------------------------------------------- */

static void test_listener(void)
{
	struct bench b, second;
	struct tvm_error err;
	struct stat st;
	struct dev *dev;
	int fd;

	setup(&b);
	CHECK(!lstat(b.path, &st) && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600);
	/* Served: not ours to take. */
	fake_env_init(&second.f, MIB(1));
	CHECK_INT(virtio_vsock_class.create(&second.f.env, &b.opts, &dev, &err), -EADDRINUSE);
	CHECK_HAS(err.msg, "in use");
	CHECK(!lstat(b.path, &st));
	/* Replaced behind our back: not ours to remove. */
	unlink(b.path);
	fd = host_listen(&b, "");
	close(fd);
	loop_stop(b.f.loop);
	virtio_vsock_class.destroy(b.dev);
	CHECK(!lstat(b.path, &st));
	/* Left by a process that has ended: replaced. */
	CHECK_INT(virtio_vsock_class.create(&b.f.env, &b.opts, &b.dev, &err), 0);
	virtio_vsock_class.destroy(b.dev);
	CHECK(lstat(b.path, &st) < 0);
	/* A file of another kind stays. */
	fd = open(b.path, O_CREAT | O_RDONLY | O_CLOEXEC, 0600);
	CHECK_INT(virtio_vsock_class.create(&b.f.env, &b.opts, &dev, &err), -EEXIST);
	close(fd);
	unlink(b.path);
	CHECK_INT(virtio_vsock_class.create(&b.f.env, &b.opts, &b.dev, &err), 0);
	fake_env_fini(&second.f);
	teardown(&b);
}

static void test_options(void)
{
	static const struct {
		uint64_t cid;
		const char *path, *port;
	} bad[] = {
		{ 2, "/tmp/x", NULL }, { UINT32_MAX, "/tmp/x", NULL }, { 3, NULL, NULL },
		{ 3, "", NULL }, { 3, "/nonexistent/x", NULL }, { 3, NULL, "5" },
		{ 3, NULL, ":/tmp/x" }, { 3, NULL, "5:" }, { 3, NULL, "5::listen" },
		{ 3, NULL, "4294967295:/tmp/x" }, { 3, NULL, "99999999999:/tmp/x" },
		{ 3, NULL, "-1:/tmp/x" }, { 3, NULL, "5:/nonexistent/x:listen" },
	};
	char text[200], *items[2];
	struct tvm_error err;
	struct fake_env f;
	struct dev *dev;

	fake_env_init(&f, MIB(1));
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vsock_opts o = { .cid = bad[i].cid, .path = (char *)bad[i].path };

		items[0] = (char *)bad[i].port;
		o.port.items = items;
		o.port.nr = bad[i].port ? 1 : 0;
		CHECK(virtio_vsock_class.create(&f.env, &o, &dev, &err) < 0);
		CHECK_HAS(err.msg, "vsock: ");
	}
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	CHECK_INT(virtio_vsock_class.create(&f.env,
		&(struct vsock_opts){ .cid = 3, .path = text }, &dev, &err), -EINVAL);
	items[0] = items[1] = (char *)"5:/tmp/x";
	CHECK_INT(virtio_vsock_class.create(&f.env,
		&(struct vsock_opts){ .cid = 3, .port = { items, 2 } }, &dev, &err), -EINVAL);
	fake_env_fini(&f);
}

static void test_lines(void)
{
	static const char *const bad[] = {
		"CONNECT\n", "CONNECT \n", "CONNECT x\n", "CONNECT 1 \n", "CONNECT -1\n",
		"CONNECT 4294967295\n", "connect 1\n", "GET / HTTP/1.1\n", "\n",
		"CONNECT 000000000000000000000000000000000000001\n",
		"no line without an end .....",
	};
	struct bench b;
	struct peer p;
	struct packet k;
	int fd;

	setup(&b);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		fd = host_connect(&b, "");
		FAKE_MUST(write(fd, bad[i], strlen(bad[i])) == (ssize_t)strlen(bad[i]));
		CHECK(host_at_end(fd));
		close(fd);
	}
	fd = host_connect(&b, "");
	FAKE_MUST(write(fd, "CONNECT \0001\n", 11) == 11);
	CHECK(host_at_end(fd));
	close(fd);
	close(host_connect(&b, "")); /* says nothing */
	CHECK(!receive(&b, &k, 20));
	/* In pieces, and with data behind it: the data comes after OK and goes to the guest. */
	fd = host_connect(&b, "");
	for (const char *s = "CONNECT 77\n"; *s; s++) {
		FAKE_MUST(write(fd, s, 1) == 1);
		usleep(500);
	}
	FAKE_MUST(write(fd, "early", 5) == 5);
	REQUIRE(receive(&b, &k, WAIT));
	CHECK_INT(k.op, VIRTIO_VSOCK_OP_REQUEST);
	p = (struct peer){ 77, le32_get(k.h.src_port), .alloc = 65536 };
	CHECK(!receive(&b, &k, 20));
	send_op(&b, &p, VIRTIO_VSOCK_OP_RESPONSE, 0);
	REQUIRE(expect(&b, &p, VIRTIO_VSOCK_OP_RW, &k));
	CHECK(k.len == 5 && !memcmp(k.data, "early", 5));
	close(fd);
	teardown(&b);
}

static void test_port_maps(void)
{
	char *ports[] = { (char *)"6000:@out", (char *)"1024:@in:listen" };
	struct bench b;
	struct peer p;
	struct packet k;
	struct stat st;
	char path[64];
	int fd, listener;

	setup_ports(&b, ports, 2);
	start_queues(&b, RX_BUFS);
	strcpy(path, b.path);
	snprintf(b.path, sizeof(b.path), "%s/in", b.dir);
	CHECK(!lstat(b.path, &st) && (st.st_mode & 0777) == 0600);
	fd = host_connect(&b, "");
	FAKE_MUST(write(fd, "plain", 5) == 5);
	REQUIRE(receive(&b, &k, WAIT));
	CHECK_INT(k.op, VIRTIO_VSOCK_OP_REQUEST);
	CHECK_INT(le32_get(k.h.dst_port), 1024);
	p = (struct peer){ 1024, le32_get(k.h.src_port), .alloc = 65536 };
	send_op(&b, &p, VIRTIO_VSOCK_OP_RESPONSE, 0);
	expect(&b, &p, VIRTIO_VSOCK_OP_RW, &k);
	send_data(&b, &p, "reply", 5); /* and no OK before it */
	CHECK(host_reads(fd, "reply", 5));
	send_op(&b, &p, VIRTIO_VSOCK_OP_SHUTDOWN, 3);
	expect(&b, &p, VIRTIO_VSOCK_OP_RST, &k);
	close(fd);
	snprintf(b.path, sizeof(b.path), "%s/out", b.dir);
	listener = host_listen(&b, "");
	fd = open_from_guest(&b, &p, 3000, 6000, listener);
	send_data(&b, &p, "up", 2);
	CHECK(host_reads(fd, "up", 2));
	close(fd);
	close(listener);
	unlink(b.path);
	teardown(&b);
}

/* ---- Many connections ---------------------------------------------------------------- */

#define PARALLEL 64
#define EACH 100000u

struct stream {
	struct peer p;
	int fd;
	uint32_t host_sent, host_got, told;
	bool shut, refused;
};

static uint8_t pattern(unsigned int stream, uint32_t at)
{
	return (uint8_t)((at * 2654435761u >> 13) + stream * 37);
}

static void host_turn(struct stream *s, unsigned int i)
{
	uint8_t buf[4096];
	uint32_t n = EACH - s->host_sent < 3000 ? EACH - s->host_sent : 3000;
	ssize_t r;

	for (uint32_t k = 0; k < n; k++)
		buf[k] = pattern(i, s->host_sent + k);
	r = n ? send(s->fd, buf, n, MSG_DONTWAIT) : 0;
	s->host_sent += r > 0 ? (uint32_t)r : 0;
	r = recv(s->fd, buf, sizeof(buf), MSG_DONTWAIT);
	for (ssize_t k = 0; k < r; k++)
		if (buf[k] != pattern(i + PARALLEL, s->host_got + (uint32_t)k))
			tests.this_failed = true;
	s->host_got += r > 0 ? (uint32_t)r : 0;
}

static void guest_turn(struct bench *b, struct stream *s, unsigned int i)
{
	uint8_t buf[3500];
	uint32_t n = EACH - s->p.sent, room = s->p.peer_alloc - (s->p.sent - s->p.peer_fwd);

	n = n < sizeof(buf) ? n : (uint32_t)sizeof(buf);
	n = n < room ? n : room;
	for (uint32_t k = 0; k < n; k++)
		buf[k] = pattern(i + PARALLEL, s->p.sent + k);
	if (n) {
		send_data(b, &s->p, buf, n);
		s->told = s->p.got;
	} else if (s->p.got - s->told > s->p.alloc / 4) {
		send_op(b, &s->p, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
		s->told = s->p.got;
	}
}

static void guest_takes(struct stream *streams, const struct packet *k)
{
	unsigned int i = 0;
	struct stream *s;

	while (i < PARALLEL && (streams[i].p.guest != le32_get(k->h.dst_port) ||
			streams[i].p.host != le32_get(k->h.src_port)))
		i++;
	REQUIRE(i < PARALLEL);
	s = &streams[i];
	s->p.peer_alloc = le32_get(k->h.buf_alloc);
	s->p.peer_fwd = le32_get(k->h.fwd_cnt);
	CHECK(k->op == VIRTIO_VSOCK_OP_RW || k->op == VIRTIO_VSOCK_OP_CREDIT_UPDATE ||
		k->op == VIRTIO_VSOCK_OP_CREDIT_REQUEST);
	if (k->op == VIRTIO_VSOCK_OP_CREDIT_REQUEST)
		s->told = s->p.got - s->p.alloc; /* answer soon */
	for (uint32_t n = 0; n < k->len; n++)
		if (k->data[n] != pattern(i, s->p.got + n))
			tests.this_failed = true;
	s->p.got += k->len;
	CHECK(s->p.got - s->told <= s->p.alloc + s->p.alloc);
}

static void test_parallel(void)
{
	static struct stream s[PARALLEL];
	struct bench b;
	struct packet k;
	unsigned int done = 0;
	int listener;

	memset(s, 0, sizeof(s));
	setup(&b);
	listener = host_listen(&b, "_5000");
	for (unsigned int i = 0; i < PARALLEL; i++) {
		s[i].fd = i & 1 ? open_from_host(&b, &s[i].p, 9000 + i % 5) :
			open_from_guest(&b, &s[i].p, 9000 + i, 5000, listener);
		s[i].p.alloc = 16384;
		send_op(&b, &s[i].p, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
	}
	for (unsigned int round = 0; done < PARALLEL && round < 5000; round++) {
		done = 0;
		for (unsigned int i = 0; i < PARALLEL && !tests.this_failed; i++) {
			host_turn(&s[i], i);
			guest_turn(&b, &s[i], i);
			while (receive(&b, &k, 0))
				guest_takes(s, &k);
			done += s[i].host_got == EACH && s[i].p.got == EACH;
		}
	}
	CHECK_INT(done, PARALLEL);
	for (unsigned int i = 0; i < PARALLEL; i++)
		close(s[i].fd);
	close(listener);
	remove_socket(&b, "_5000");
	teardown(&b);
}

/* No more than VSOCK_MAX_CONNS; one that ends makes room. */
static void test_too_many(void)
{
	static int fds[VSOCK_MAX_CONNS];
	struct rlimit lim;
	struct bench b;
	struct peer p;
	struct packet k;
	int listener;

	getrlimit(RLIMIT_NOFILE, &lim);
	lim.rlim_cur = lim.rlim_max;
	if (lim.rlim_max < 2 * VSOCK_MAX_CONNS + 100)
		SKIP("too few descriptors are allowed");
	setrlimit(RLIMIT_NOFILE, &lim);
	setup(&b);
	listener = host_listen(&b, "_1");
	for (unsigned int i = 0; i < VSOCK_MAX_CONNS; i++)
		fds[i] = open_from_guest(&b, &p, i, 1, listener);
	p.guest = VSOCK_MAX_CONNS;
	send_op(&b, &p, VIRTIO_VSOCK_OP_REQUEST, 0);
	expect(&b, &p, VIRTIO_VSOCK_OP_RST, &k);
	p.guest = 5;
	send_op(&b, &p, VIRTIO_VSOCK_OP_RST, 0);
	CHECK(host_at_end(fds[5]));
	close(fds[5]);
	fds[5] = open_from_guest(&b, &p, 5, 1, listener);
	for (unsigned int i = 0; i < VSOCK_MAX_CONNS; i++)
		close(fds[i]);
	close(listener);
	remove_socket(&b, "_1");
	teardown(&b);
}

/* ---- Resets -------------------------------------------------------------------------- */

static void test_reset(void)
{
	struct bench b;
	struct peer p, q, r;
	struct packet k;
	int listener, fds[4];

	setup(&b);
	listener = host_listen(&b, "_1");
	for (unsigned int round = 0; round < 20; round++) {
		fds[0] = open_from_host(&b, &p, 5);
		fds[1] = open_from_guest(&b, &q, 6, 1, listener);
		fds[2] = host_connect(&b, ""); /* in the middle of its line */
		FAKE_MUST(write(fds[2], "CONNECT", 7) == 7);
		fds[3] = open_from_host(&b, &r, 7);
		FAKE_MUST(write(fds[0], "unsent", 6) == 6);
		send_data(&b, &q, "unread", 6);
		if (round & 1)
			drv_reset(&b.d);
		else
			virtio_vsock_class.reset(b.dev);
		for (unsigned int i = 0; i < 4; i++) {
			char buf[8];

			while (host_read(fds[i], buf, sizeof(buf)) > 0)
				;
			CHECK(host_at_end(fds[i]));
			close(fds[i]);
		}
		/* No driver: clients are sent away at once. */
		fds[0] = host_connect(&b, "");
		CHECK(host_at_end(fds[0]));
		close(fds[0]);
		FAKE_MUST(!drv_init(&b.d, &b.f, (unsigned int)drv_find(&b.f, VIRTIO_ID_VSOCK)));
		start_queues(&b, RX_BUFS);
		send_data(&b, &p, "x", 1); /* of a connection before the reset */
		expect(&b, &p, VIRTIO_VSOCK_OP_RST, &k);
	}
	fds[0] = open_from_host(&b, &p, 5); /* and the end of the machine with one open */
	close(listener);
	remove_socket(&b, "_1");
	teardown(&b);
	close(fds[0]);
}

static void reset_queue(struct bench *b, unsigned int vq)
{
	drv_write(&b->d, DRV_QUEUE_SELECT, 2, vq);
	drv_write(&b->d, DRV_QUEUE_RESET, 2, 1);
	CHECK_INT(drv_read(&b->d, DRV_QUEUE_RESET, 2), 0);
	memset(&b->d.q[vq], 0, sizeof(b->d.q[vq]));
}

/* VIRTIO_F_RING_RESET: a queue goes and comes back, connections and their bytes stay. */
static void test_queue_reset(void)
{
	struct bench b;
	struct peer p, q = { 0 };
	struct packet k;
	uint32_t id, used;
	int fd, late;

	setup(&b);
	CHECK(b.d.features & BIT(VIRTIO_F_RING_RESET));
	fd = open_from_host(&b, &p, 5);
	for (unsigned int round = 0; round < 10; round++) {
		reset_queue(&b, VSOCK_RX);
		FAKE_MUST(write(fd, "kept", 4) == 4);
		send_data(&b, &p, "other way", 9);
		CHECK(host_reads(fd, "other way", 9));
		late = host_connect(&b, "");
		FAKE_MUST(write(late, "CONNECT 6\n", 10) == 10);
		usleep(2000);
		CHECK(recv(late, &k, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
		drv_queue_init(&b.d, VSOCK_RX, 0);
		for (unsigned int i = 0; i < 8; i++)
			add_rx(&b, drv_alloc(&b.d, RX_LEN, 64), RX_LEN);
		drv_kick(&b.d, VSOCK_RX);
		for (unsigned int got = 0; got < 2; got++) {
			REQUIRE(receive(&b, &k, WAIT));
			if (k.op == VIRTIO_VSOCK_OP_RW) {
				CHECK(k.len == 4 && !memcmp(k.data, "kept", 4));
				p.got += 4;
			} else {
				CHECK_INT(k.op, VIRTIO_VSOCK_OP_REQUEST);
				q = (struct peer){ 6, le32_get(k.h.src_port), .alloc = 65536 };
			}
		}
		send_op(&b, &q, VIRTIO_VSOCK_OP_RST, 0);
		CHECK(host_at_end(late));
		close(late);
	}
	/* The other one, with packets in it that wait for answers to leave. */
	q = (struct peer){ 1, 2, .alloc = 0 };
	reset_queue(&b, VSOCK_RX);
	for (unsigned int i = 0; i < VSOCK_MAX_REPLIES; i++)
		send_data(&b, &q, "x", 1);
	drv_add(&b.d, VSOCK_TX, (struct drv_buf[]){ { b.tx, VSOCK_HDR_SIZE, false } }, 1, false);
	drv_kick(&b.d, VSOCK_TX);
	CHECK(!drv_wait(&b.d, VSOCK_TX, 20, &id, &used));
	reset_queue(&b, VSOCK_TX);
	drv_queue_init(&b.d, VSOCK_RX, 0);
	for (unsigned int i = 0; i < 8; i++)
		add_rx(&b, drv_alloc(&b.d, RX_LEN, 64), RX_LEN);
	drv_kick(&b.d, VSOCK_RX);
	for (unsigned int i = 0; i < VSOCK_MAX_REPLIES; i++)
		REQUIRE(expect(&b, &q, VIRTIO_VSOCK_OP_RST, &k));
	CHECK(!receive(&b, &k, 20));
	drv_queue_init(&b.d, VSOCK_TX, 0);
	send_data(&b, &p, "again", 5);
	CHECK(host_reads(fd, "again", 5));
	/* A reset of the device while its queue is away. */
	reset_queue(&b, VSOCK_RX);
	drv_reset(&b.d);
	CHECK(host_at_end(fd));
	close(fd);
	CHECK(!(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET));
	teardown(&b);
}

static void run_all(void)
{
	RUN(test_listener);
	RUN(test_options);
	RUN(test_lines);
	RUN(test_port_maps);
	RUN(test_parallel);
	RUN(test_too_many);
	RUN(test_reset);
	RUN(test_queue_reset);
}

int main(void)
{
	run_all();
	wanted &= ~BIT(VIRTIO_F_RING_PACKED);
	run_all();
	return tests_done();
}
