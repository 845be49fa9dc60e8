/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-console through its PCI transport, with the terminal on two pipes. */
#include <fcntl.h>
#include <stdatomic.h>

#include "base/cleanup.h"
#include "devices/chardev.h"
#include "devices/devices.h"
#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"
#include "tests/harness.h"
#include "vmm/devopts.h"

#define WAIT 10000

enum { RX, TX };

struct bench {
	struct fake_env f;
	struct drv d;
	struct dev *dev;
	struct chardev_mux *mux;
	int in, in_far, out, out_far;
};

static void setup(struct bench *b)
{
	static const struct chardev_opts on_stdio = { .kind = CHARDEV_STDIO };
	static const struct console_opts opts = { &on_stdio, 1 };
	int in[2], out[2];

	FAKE_MUST(!pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC));
	b->in_far = in[0];
	b->in = in[1];
	b->out = out[0];
	b->out_far = out[1];
	fake_env_init(&b->f, MIB(16));
	FAKE_MUST(!chardev_mux_create_on(&b->f.env, in[0], out[1], &b->mux, NULL));
	b->f.env.mux = b->mux;
	FAKE_MUST(!virtio_console_class.create(&b->f.env, &opts, &b->dev, NULL));
	fake_env_start(&b->f);
	FAKE_MUST(!drv_init(&b->d, &b->f, (unsigned int)drv_find(&b->f, VIRTIO_ID_CONSOLE)));
	FAKE_MUST(!drv_start(&b->d, DRV_ALL_FEATURES, 0));
}

static void teardown(struct bench *b)
{
	loop_stop(b->f.loop);
	virtio_console_class.destroy(b->dev);
	chardev_mux_destroy(b->mux);
	close(b->in);
	close(b->in_far);
	close(b->out);
	close(b->out_far);
	fake_env_fini(&b->f);
}

static void read_all(int fd, char *buf, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t got = 0;
	ssize_t n = 1;

	while (got < len && n > 0 && poll(&p, 1, WAIT) > 0) {
		n = read(fd, buf + got, len - got);
		got += n > 0 ? (size_t)n : 0;
	}
	CHECK_INT(got, len);
}

static gpa_t text_at(struct bench *b, const char *text)
{
	gpa_t gpa = drv_alloc(&b->d, strlen(text), 1);

	memcpy(drv_ram(&b->d, gpa, strlen(text)), text, strlen(text));
	return gpa;
}

static void test_identity(void)
{
	struct bench b;

	setup(&b);
	CHECK_INT(b.d.nr_queues, 2);
	CHECK_INT(drv_offered(&b.d) & 0xffffff, 0);
	teardown(&b);
}

static void test_transmit(void)
{
	struct bench b;
	uint32_t id, used;
	char buf[16];
	gpa_t a, c;

	setup(&b);
	a = text_at(&b, "hello, ");
	c = text_at(&b, "world");
	for (int indirect = 0; indirect < 2; indirect++) {
		drv_add(&b.d, TX, (struct drv_buf[]){ { a, 7, false }, { c, 5, false } }, 2,
			indirect);
		drv_kick(&b.d, TX);
		REQUIRE(drv_wait(&b.d, TX, WAIT, &id, &used));
		CHECK_INT(used, 0);
		read_all(b.out, buf, 12);
		CHECK(!memcmp(buf, "hello, world", 12));
	}
	teardown(&b);
}

/* Many chains that exceed one turn, and one that does alone; the order is kept. */
static void test_transmit_much(void)
{
	static char got[300000];
	struct bench b;
	uint32_t id, used;
	uint8_t *p;
	gpa_t buf;

	setup(&b);
	buf = drv_alloc(&b.d, sizeof(got), 1);
	p = drv_ram(&b.d, buf, sizeof(got));
	for (size_t i = 0; i < sizeof(got); i++)
		p[i] = (uint8_t)(i * 7 + (i >> 8));
	drv_add(&b.d, TX, (struct drv_buf[]){ { buf, 200000, false } }, 1, false);
	for (unsigned int i = 0; i < 50; i++)
		drv_add(&b.d, TX, (struct drv_buf[]){ { buf + 200000 + 2000 * i, 2000, false } }, 1,
			false);
	drv_kick(&b.d, TX);
	read_all(b.out, got, sizeof(got));
	CHECK(!memcmp(got, p, sizeof(got)));
	for (unsigned int i = 0; i < 51; i++)
		REQUIRE(drv_wait(&b.d, TX, WAIT, &id, &used));
	CHECK(!drv_used(&b.d, TX, &id, &used));
	teardown(&b);
}

static void test_end_flushes(void)
{
	struct bench b;
	uint32_t id, used;
	char buf[8];

	setup(&b);
	drv_add(&b.d, TX, (struct drv_buf[]){ { text_at(&b, "bye"), 3, false } }, 1, false);
	drv_kick(&b.d, TX);
	REQUIRE(drv_wait(&b.d, TX, WAIT, &id, &used));
	loop_stop(b.f.loop);
	virtio_console_class.event(b.dev, "end");
	CHECK_INT(read(b.out, buf, sizeof(buf)), 3);
	teardown(&b);
}

static void test_receive(void)
{
	struct bench b;
	uint32_t id, used;
	gpa_t buf;

	setup(&b);
	buf = drv_alloc(&b.d, 64, 1);
	drv_add(&b.d, RX, (struct drv_buf[]){ { buf, 4, true }, { buf + 8, 28, true } }, 2, false);
	drv_kick(&b.d, RX);
	FAKE_MUST(write(b.in, "abcdef", 6) == 6);
	REQUIRE(drv_wait(&b.d, RX, WAIT, &id, &used));
	CHECK_INT(used, 6);
	CHECK(!memcmp(drv_ram(&b.d, buf, 4), "abcd", 4));
	CHECK(!memcmp(drv_ram(&b.d, buf + 8, 2), "ef", 2));
	teardown(&b);
}

/* Input without buffers waits; it arrives in order as buffers come, across a reset too. */
static void test_receive_flow(void)
{
	static char text[20000], got[sizeof(text)];
	struct bench b;
	uint32_t id, used;
	size_t len = 0;
	gpa_t buf;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('!' + i % 89);
	setup(&b);
	FAKE_MUST(write(b.in, text, sizeof(text)) == (ssize_t)sizeof(text));
	usleep(10000);
	for (int i = 0; len < sizeof(text); i++) {
		if (i == 20) {
			drv_reset(&b.d);
			REQUIRE(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
		}
		b.d.heap = MIB(1);
		buf = drv_alloc(&b.d, 100, 1);
		drv_add(&b.d, RX, (struct drv_buf[]){ { buf, 100, true } }, 1, false);
		drv_kick_if_wanted(&b.d, RX);
		REQUIRE(drv_wait(&b.d, RX, WAIT, &id, &used));
		REQUIRE(used && used <= 100 && len + used <= sizeof(text));
		memcpy(got + len, drv_ram(&b.d, buf, used), used);
		len += used;
	}
	CHECK(!memcmp(got, text, sizeof(text)));
	teardown(&b);
}

static void test_reset_with_buffers_in_hand(void)
{
	struct bench b;
	uint32_t id, used;
	gpa_t buf;

	setup(&b);
	buf = drv_alloc(&b.d, MIB(4), 4096);
	for (int i = 0; i < 20; i++) {
		drv_add(&b.d, RX, (struct drv_buf[]){ { buf, 16, true } }, 1, false);
		drv_kick(&b.d, RX);
		drv_add(&b.d, TX, (struct drv_buf[]){ { buf, MIB(4), false } }, 1, false);
		drv_kick(&b.d, TX);
		drv_reset(&b.d);
		REQUIRE(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
		b.d.heap = MIB(8);
	}
	drv_add(&b.d, RX, (struct drv_buf[]){ { buf, 16, true } }, 1, false);
	drv_kick(&b.d, RX);
	FAKE_MUST(write(b.in, "k", 1) == 1);
	REQUIRE(drv_wait(&b.d, RX, WAIT, &id, &used));
	CHECK_INT(used, 1);
	teardown(&b);
}

static void test_wrong_buffers(void)
{
	struct bench b;
	uint32_t id, used;
	gpa_t buf;

	setup(&b);
	buf = drv_alloc(&b.d, 64, 1);
	/* Nothing to send: given back. */
	drv_add(&b.d, TX, (struct drv_buf[]){ { buf, 16, true } }, 1, false);
	drv_kick(&b.d, TX);
	REQUIRE(drv_wait(&b.d, TX, WAIT, &id, &used));
	CHECK_INT(used, 0);
	/* Nothing to receive into. */
	FAKE_MUST(write(b.in, "k", 1) == 1);
	drv_add(&b.d, RX, (struct drv_buf[]){ { buf, 16, false } }, 1, false);
	drv_kick(&b.d, RX);
	CHECK(!drv_wait(&b.d, RX, 50, &id, &used));
	CHECK(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET);
	drv_reset(&b.d);
	REQUIRE(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
	drv_add(&b.d, RX, (struct drv_buf[]){ { buf, 16, true } }, 1, false);
	drv_kick(&b.d, RX);
	REQUIRE(drv_wait(&b.d, RX, WAIT, &id, &used));
	CHECK_INT(used, 1);
	CHECK_INT(*(uint8_t *)drv_ram(&b.d, buf, 1), 'k');
	teardown(&b);
}

int main(void)
{
	RUN(test_identity);
	RUN(test_transmit);
	RUN(test_transmit_much);
	RUN(test_end_flushes);
	RUN(test_receive);
	RUN(test_receive_flow);
	RUN(test_reset_with_buffers_in_hand);
	RUN(test_wrong_buffers);
	return tests_done();
}
