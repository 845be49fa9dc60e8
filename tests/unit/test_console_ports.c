/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-console with several ports: the control queues, what device and driver tell each
 * other, and the sizes of terminals. Two consoles at sockets, a named port at a third one.
 */
#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "devices/chardev.h"
#include "devices/devices.h"
#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"
#include "tests/harness.h"

#define WAIT 10000
#define MULTIPORT BIT(1)

enum { READY, ADD, REMOVE, PORT_READY, CONSOLE, RESIZE, OPEN, NAME };
enum { CTL_RX = 2, CTL_TX = 3, PORT1_RX = 4, PORT1_TX = 5, PORT2_RX = 6, PORT2_TX = 7 };

struct control {
	le32 id;
	le16 event, value;
};

struct bench {
	struct fake_env f;
	struct drv d;
	struct dev *dev;
	char dir[64], paths[3][80];
	struct chardev_opts ports[3];
	gpa_t ctl;			/* buffer for messages to the driver */
};

static void start(struct bench *b, uint64_t features)
{
	FAKE_MUST(!drv_start(&b->d, features, 0));
	b->ctl = drv_alloc(&b->d, 128, 8);
}

static void setup_with(struct bench *b, uint64_t features)
{
	static const char *const names[] = { NULL, NULL, "org.tvm.test" };
	struct console_opts opts = { b->ports, 3 };

	memset(b, 0, sizeof(*b));
	snprintf(b->dir, sizeof(b->dir), "/tmp/tvm-ports.XXXXXX");
	FAKE_MUST(mkdtemp(b->dir));
	for (int i = 0; i < 3; i++) {
		snprintf(b->paths[i], sizeof(b->paths[i]), "%s/%d", b->dir, i);
		b->ports[i] = (struct chardev_opts){ CHARDEV_UNIX, b->paths[i], (char *)names[i] };
	}
	fake_env_init(&b->f, MIB(16));
	FAKE_MUST(!virtio_console_class.create(&b->f.env, &opts, &b->dev, NULL));
	fake_env_start(&b->f);
	FAKE_MUST(!drv_init(&b->d, &b->f, (unsigned int)drv_find(&b->f, VIRTIO_ID_CONSOLE)));
	start(b, features);
}

static void setup(struct bench *b)
{
	setup_with(b, DRV_ALL_FEATURES);
}

static void teardown(struct bench *b)
{
	loop_stop(b->f.loop);
	virtio_console_class.destroy(b->dev);
	CHECK_INT(rmdir(b->dir), 0);
	fake_env_fini(&b->f);
}

static int client(struct bench *b, int port)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", b->paths[port]);
	FAKE_MUST(fd >= 0 && !connect(fd, (struct sockaddr *)&sa, sizeof(sa)));
	return fd;
}

static void say(struct bench *b, uint32_t id, uint16_t event, uint16_t value)
{
	gpa_t at = drv_alloc(&b->d, sizeof(struct control), 8);
	struct control c = { le32_make(id), le16_make(event), le16_make(value) };
	uint32_t head, used;

	memcpy(drv_ram(&b->d, at, sizeof(c)), &c, sizeof(c));
	drv_add(&b->d, CTL_TX, (struct drv_buf[]){ { at, sizeof(c), false } }, 1, false);
	drv_kick(&b->d, CTL_TX);
	REQUIRE(drv_wait(&b->d, CTL_TX, WAIT, &head, &used));
	CHECK_INT(used, 0);
}

/* The next message, which must be this one. */
static void hear(struct bench *b, uint32_t id, uint16_t event, uint16_t value, const char *more)
{
	struct control *c = drv_ram(&b->d, b->ctl, 128);
	size_t len = sizeof(*c) + (more ? strlen(more) : 0);
	uint32_t head, used;

	memset(c, 0xee, 128);
	drv_add(&b->d, CTL_RX, (struct drv_buf[]){ { b->ctl, 128, true } }, 1, false);
	drv_kick(&b->d, CTL_RX);
	REQUIRE(drv_wait(&b->d, CTL_RX, WAIT, &head, &used));
	CHECK_INT(used, len);
	CHECK_INT(le32_get(c->id), id);
	CHECK_INT(le16_get(c->event), event);
	CHECK_INT(le16_get(c->value), value);
	CHECK(!more || !memcmp(c + 1, more, strlen(more)));
	CHECK_INT(((uint8_t *)c)[len], 0xee);	/* and no byte more was written */
}

/* Nothing more is to be told; the buffer stays with the device. */
static void hear_nothing(struct bench *b)
{
	uint32_t head, used;

	drv_add(&b->d, CTL_RX, (struct drv_buf[]){ { b->ctl, 128, true } }, 1, false);
	drv_kick(&b->d, CTL_RX);
	CHECK(!drv_wait(&b->d, CTL_RX, 30, &head, &used));
}

static void bring_up(struct bench *b)
{
	say(b, 0xffffffff, READY, 1);
	for (uint32_t i = 0; i < 3; i++)
		hear(b, i, ADD, 1, NULL);
	for (uint32_t i = 0; i < 2; i++) {
		say(b, i, PORT_READY, 1);
		hear(b, i, CONSOLE, 1, NULL);
		hear(b, i, OPEN, 1, NULL);
		say(b, i, OPEN, 1);
	}
	say(b, 2, PORT_READY, 1);
	hear(b, 2, NAME, 1, "org.tvm.test");
}

static void test_identity(void)
{
	struct bench b;

	setup(&b);
	CHECK_INT(b.d.nr_queues, 8);
	CHECK_INT(drv_offered(&b.d) & 0xffffff, MULTIPORT);
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 4, 4), 3);
	teardown(&b);
}

static void test_discovery(void)
{
	struct bench b;

	setup(&b);
	bring_up(&b);
	hear_nothing(&b);
	teardown(&b);
}

static bool reads(int fd, const char *want)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[64] = "";

	return poll(&p, 1, WAIT) > 0 && read(fd, buf, sizeof(buf) - 1) > 0 && !strcmp(buf, want);
}

static void send_text(struct bench *b, unsigned int vq, const char *text)
{
	gpa_t at = drv_alloc(&b->d, strlen(text), 1);
	uint32_t head, used;

	memcpy(drv_ram(&b->d, at, strlen(text)), text, strlen(text));
	drv_add(&b->d, vq, (struct drv_buf[]){ { at, (uint32_t)strlen(text), false } }, 1, false);
	drv_kick(&b->d, vq);
	REQUIRE(drv_wait(&b->d, vq, WAIT, &head, &used));
}

static bool receives(struct bench *b, unsigned int vq, const char *want)
{
	gpa_t at = drv_alloc(&b->d, 64, 1);
	uint32_t head, used;

	drv_add(&b->d, vq, (struct drv_buf[]){ { at, 64, true } }, 1, false);
	drv_kick(&b->d, vq);
	return drv_wait(&b->d, vq, WAIT, &head, &used) && used == strlen(want) &&
		!memcmp(drv_ram(&b->d, at, used), want, used);
}

/* Each port has its own queues and its own client. */
static void test_data(void)
{
	static const unsigned int rx[] = { 0, PORT1_RX, PORT2_RX };
	static const char *const out[] = { "zero", "one", "two" }, *const in[] = { "0", "1", "2" };
	struct bench b;
	int fds[3];

	setup(&b);
	bring_up(&b);
	for (int i = 0; i < 3; i++)
		fds[i] = client(&b, i);
	hear(&b, 2, OPEN, 1, NULL);
	say(&b, 2, OPEN, 1);
	for (int i = 0; i < 3; i++)
		send_text(&b, rx[i] + 1, out[i]);
	for (int i = 0; i < 3; i++) {
		CHECK(reads(fds[i], out[i]));
		FAKE_MUST(write(fds[i], in[i], 1) == 1);
	}
	for (int i = 2; i >= 0; i--)
		CHECK(receives(&b, rx[i], in[i]));
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	teardown(&b);
}

/* Clients of a named port are told, each; those of a console are not. */
static void test_open_and_close(void)
{
	struct bench b;
	int fd;

	setup(&b);
	bring_up(&b);
	for (int i = 0; i < 3; i++) {
		fd = client(&b, 2);
		hear(&b, 2, OPEN, 1, NULL);
		close(fd);
		hear(&b, 2, OPEN, 0, NULL);
	}
	fd = client(&b, 0);
	close(fd);
	fd = client(&b, 2);
	hear(&b, 2, OPEN, 1, NULL);
	hear_nothing(&b);
	close(fd);
	teardown(&b);
}

/* A guest that has a port closed drops what comes: so it is kept here. */
static void test_input_waits_for_open(void)
{
	struct bench b;
	uint32_t head, used;
	gpa_t at;
	int fd;

	setup(&b);
	bring_up(&b);
	fd = client(&b, 2);
	FAKE_MUST(write(fd, "early", 5) == 5);
	at = drv_alloc(&b.d, 16, 1);
	drv_add(&b.d, PORT2_RX, (struct drv_buf[]){ { at, 16, true } }, 1, false);
	drv_kick(&b.d, PORT2_RX);
	CHECK(!drv_wait(&b.d, PORT2_RX, 30, &head, &used));
	say(&b, 2, OPEN, 1);
	REQUIRE(drv_wait(&b.d, PORT2_RX, WAIT, &head, &used));
	CHECK_INT(used, 5);
	CHECK(!memcmp(drv_ram(&b.d, at, 5), "early", 5));
	close(fd);
	teardown(&b);
}

/* Messages wait for buffers, as states and not as a queue of them (compare CVE-2016-5403). */
static void test_nothing_piles_up(void)
{
	struct bench b;

	setup(&b);
	for (int i = 0; i < 200; i++) {
		say(&b, 0, READY, 1);
		say(&b, 2, PORT_READY, 1);
	}
	hear(&b, 0, ADD, 1, NULL);
	hear(&b, 1, ADD, 1, NULL);
	hear(&b, 2, ADD, 1, NULL);
	hear(&b, 2, NAME, 1, "org.tvm.test");
	hear_nothing(&b);
	teardown(&b);
}

/* What makes no sense is ignored: the device goes on. */
static void test_senseless_messages(void)
{
	struct bench b;

	setup(&b);
	for (uint16_t event = 0; event < 20; event++) {
		say(&b, 3, event == READY ? 77 : event, 1);
		say(&b, 0xffffffff, event == READY ? 0xffff : event, 0);
	}
	say(&b, 0, READY, 0);		/* "I failed" */
	say(&b, 0, PORT_READY, 0);
	CHECK(!(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET));
	bring_up(&b);
	teardown(&b);
}

/*
 * CVE-2026-48914 and its kind: a message is written without a look at the buffer's size. One
 * that does not fit is the driver's mistake; nothing of it is written.
 */
static void test_small_control_buffers(void)
{
	struct bench b;
	uint32_t head, used;
	uint8_t *p;

	for (uint32_t len = 1; len < 8 + 12; len = len == 1 ? 7 : 19) {
		setup(&b);
		if (len >= 8) {
			say(&b, 2, PORT_READY, 1);	/* a name of 12 bytes behind 8 */
		} else {
			say(&b, 0, READY, 1);
		}
		p = drv_ram(&b.d, b.ctl, 128);
		memset(p, 0xee, 128);
		drv_add(&b.d, CTL_RX, (struct drv_buf[]){ { b.ctl, len, true } }, 1, false);
		drv_kick(&b.d, CTL_RX);
		CHECK(!drv_wait(&b.d, CTL_RX, 30, &head, &used));
		CHECK(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET);
		for (int i = 0; i < 128; i++)
			CHECK_INT(p[i], 0xee);
		drv_reset(&b.d);
		start(&b, DRV_ALL_FEATURES);
		bring_up(&b);
		teardown(&b);
		if (len == 19)
			break;
	}
}

static void test_short_control_message(void)
{
	struct bench b;
	uint32_t head, used;
	gpa_t at;

	setup(&b);
	at = drv_alloc(&b.d, 8, 8);
	drv_add(&b.d, CTL_TX, (struct drv_buf[]){ { at, 7, false } }, 1, false);
	drv_kick(&b.d, CTL_TX);
	CHECK(!drv_wait(&b.d, CTL_TX, 30, &head, &used));
	CHECK(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET);
	teardown(&b);
}

static void test_reset_forgets(void)
{
	struct bench b;
	int fd;

	setup(&b);
	bring_up(&b);
	fd = client(&b, 2);
	hear(&b, 2, OPEN, 1, NULL);
	drv_reset(&b.d);
	start(&b, DRV_ALL_FEATURES);
	hear_nothing(&b);	/* before the new driver has asked */
	close(fd);
	teardown(&b);
	setup(&b);
	bring_up(&b);
	teardown(&b);
}

/* A driver without the feature has port 0, and does not see the others. */
static void test_without_multiport(void)
{
	struct bench b;
	int fd;

	setup_with(&b, DRV_ALL_FEATURES & ~MULTIPORT);
	fd = client(&b, 0);
	FAKE_MUST(write(fd, "in", 2) == 2);
	CHECK(receives(&b, 0, "in"));
	send_text(&b, 1, "out");
	CHECK(reads(fd, "out"));
	close(fd);
	teardown(&b);
}

/* One queue is taken back in the middle of its work (virtio 1.2, 2.6.1); the rest goes on. */
static void test_queue_reset(void)
{
	struct bench b;
	int fd;

	setup(&b);
	bring_up(&b);
	fd = client(&b, 1);
	for (int i = 0; i < 3; i++) {
		drv_add(&b.d, PORT1_RX, (struct drv_buf[]){ { drv_alloc(&b.d, 8, 8), 8, true } }, 1,
			false);
		drv_kick(&b.d, PORT1_RX);
		for (unsigned int vq = PORT1_RX; vq <= PORT1_TX; vq++) {
			drv_write(&b.d, DRV_QUEUE_SELECT, 2, vq);
			drv_write(&b.d, DRV_QUEUE_RESET, 2, 1);
			CHECK_INT(drv_read(&b.d, DRV_QUEUE_RESET, 2), 0);
			memset(&b.d.q[vq], 0, sizeof(b.d.q[vq]));
			drv_queue_init(&b.d, vq, 0);
		}
		FAKE_MUST(write(fd, "again", 5) == 5);
		CHECK(receives(&b, PORT1_RX, "again"));
		send_text(&b, PORT1_TX, "back");
		CHECK(reads(fd, "back"));
	}
	close(fd);
	teardown(&b);
}

/* A lone console on a terminal says its size in the configuration space. */
static void test_size(void)
{
	static const struct chardev_opts on_stdio = { .kind = CHARDEV_STDIO };
	const struct console_opts opts = { &on_stdio, 1 };
	struct winsize ws = { .ws_col = 100, .ws_row = 30 };
	struct chardev_mux *mux;
	struct fake_env f;
	struct dev *dev;
	struct drv d;
	int master, tty;

	FAKE_MUST(!openpty(&master, &tty, NULL, NULL, &ws));
	fake_env_init(&f, MIB(16));
	FAKE_MUST(!chardev_mux_create_on(&f.env, tty, tty, &mux, NULL));
	f.env.mux = mux;
	FAKE_MUST(!virtio_console_class.create(&f.env, &opts, &dev, NULL));
	FAKE_MUST(!drv_init(&d, &f, (unsigned int)drv_find(&f, VIRTIO_ID_CONSOLE)));
	CHECK_INT(drv_offered(&d) & 0xffffff, 1);
	FAKE_MUST(!drv_start(&d, DRV_ALL_FEATURES, 0));
	CHECK_INT(fake_mmio_read(&f, d.config, 4), 100 | 30 << 16);
	ws.ws_col = 80;
	FAKE_MUST(!ioctl(master, TIOCSWINSZ, &ws));
	CHECK_INT(fake_msi_count(&f, drv_msi_data(&d, -1)), 1);
	virtio_console_class.event(dev, "terminal-size");
	CHECK_INT(fake_mmio_read(&f, d.config, 4), 80 | 30 << 16);
	CHECK_INT(fake_msi_count(&f, drv_msi_data(&d, -1)), 2);
	virtio_console_class.event(dev, "terminal-size");
	CHECK_INT(fake_msi_count(&f, drv_msi_data(&d, -1)), 2);
	virtio_console_class.destroy(dev);
	chardev_mux_destroy(mux);
	close(master);
	close(tty);
	fake_env_fini(&f);
}

static void test_create_refuses(void)
{
	static const struct chardev_opts nowhere[16] = { { .kind = CHARDEV_NULL } };
	struct console_opts opts = { nowhere, 16 };
	struct tvm_error err;
	struct fake_env f;
	struct dev *dev;

	fake_env_init(&f, MIB(1));
	CHECK_INT(virtio_console_class.create(&f.env, &opts, &dev, &err), -EINVAL);
	CHECK_HAS(err.msg, "console: 16 ports");
	opts.nr = 15;
	REQUIRE(!virtio_console_class.create(&f.env, &opts, &dev, &err));
	virtio_console_class.destroy(dev);
	fake_env_fini(&f);
}

int main(void)
{
	RUN(test_identity);
	RUN(test_discovery);
	RUN(test_data);
	RUN(test_open_and_close);
	RUN(test_input_waits_for_open);
	RUN(test_nothing_piles_up);
	RUN(test_senseless_messages);
	RUN(test_small_control_buffers);
	RUN(test_short_control_message);
	RUN(test_reset_forgets);
	RUN(test_without_multiport);
	RUN(test_queue_reset);
	RUN(test_size);
	RUN(test_create_refuses);
	return tests_done();
}
