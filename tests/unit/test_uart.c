/* SPDX-License-Identifier: Apache-2.0 */
/* 16550A: what the drivers of Linux and of firmware do to it, register by register. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "devices/chardev.h"
#include "devices/devices.h"
#include "tests/unit/fakes.h"
#include "tests/harness.h"
#include "vmm/devopts.h"

#define PORT 0x3f8
#define GSI 4

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };

struct bench {
	struct fake_env f;
	struct dev *uart;
	struct chardev_mux *mux;
	int in;			/* write here what is typed */
	int out;		/* read here what is printed */
};

static void setup(struct bench *b)
{
	static const struct dev_place place = { BUS_PIO, PORT, 8, GSI };
	static const struct chardev_opts opts = { .kind = CHARDEV_STDIO };
	int in[2], out[2];

	fake_env_init(&b->f, MIB(1));
	FAKE_MUST(!pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC));
	FAKE_MUST(!chardev_mux_create_on(&b->f.env, in[0], out[1], &b->mux, NULL));
	close(in[0]);
	close(out[1]);
	b->in = in[1];
	b->out = out[0];
	b->f.env.mux = b->mux;
	b->f.env.place = &place;
	FAKE_MUST(!uart8250_class.create(&b->f.env, &opts, &b->uart, NULL));
	fake_env_start(&b->f);
}

static void teardown(struct bench *b)
{
	loop_stop(b->f.loop);
	uart8250_class.destroy(b->uart);
	chardev_mux_destroy(b->mux);
	close(b->in);
	close(b->out);
	fake_env_fini(&b->f);
}

static uint8_t rd(struct bench *b, unsigned int reg)
{
	uint64_t val;

	FAKE_MUST(bus_read(b->f.bus, BUS_PIO, PORT + reg, 1, &val));
	return (uint8_t)val;
}

static void wr(struct bench *b, unsigned int reg, uint8_t val)
{
	FAKE_MUST(bus_write(b->f.bus, BUS_PIO, PORT + reg, 1, val));
}

static bool line(struct bench *b)
{
	bool level;

	pthread_mutex_lock(&b->f.wires.lock);
	level = b->f.wires.lines[GSI];
	pthread_mutex_unlock(&b->f.wires.lock);
	return level;
}

static bool line_rises(struct bench *b)
{
	for (int i = 0; i < 2000 && !line(b); i++)
		usleep(1000);
	return line(b);
}

static void type(struct bench *b, const char *text)
{
	FAKE_MUST(write(b->in, text, strlen(text)) == (ssize_t)strlen(text));
}

/* The steps by which Linux (8250_port.c, autoconfig) tells a 16550A from its relatives. */
static void test_probe(void)
{
	struct bench b;

	setup(&b);
	wr(&b, IER, 0);
	CHECK_INT(rd(&b, IER), 0);
	wr(&b, IER, 0xff);
	CHECK_INT(rd(&b, IER), 0x0f);
	wr(&b, IER, 0);
	wr(&b, MCR, 0x10 | 0x0a);
	CHECK_INT(rd(&b, MSR) & 0xf0, 0x90);
	wr(&b, MCR, 0);
	CHECK_INT(rd(&b, MSR) & 0xf0, 0xb0);
	CHECK_INT(rd(&b, IIR), 0x01);
	wr(&b, FCR, 0x01);
	CHECK_INT(rd(&b, IIR), 0xc1);
	wr(&b, FCR, 0x21);	/* no 64-byte FIFO */
	CHECK_INT(rd(&b, IIR), 0xc1);
	wr(&b, SCR, 0x5a);
	CHECK_INT(rd(&b, SCR), 0x5a);
	wr(&b, LSR, 0);
	CHECK_INT(rd(&b, LSR), 0x60);
	teardown(&b);
}

static void test_divisor(void)
{
	struct bench b;

	setup(&b);
	wr(&b, IER, 0x05);
	wr(&b, LCR, 0x83);
	wr(&b, DATA, 0x12);
	wr(&b, IER, 0x34);
	CHECK_INT(rd(&b, DATA), 0x12);
	CHECK_INT(rd(&b, IER), 0x34);
	wr(&b, LCR, 0x03);
	CHECK_INT(rd(&b, IER), 0x05);
	CHECK_INT(rd(&b, DATA), 0);
	wr(&b, LCR, 0x80);
	CHECK_INT(rd(&b, DATA), 0x12);
	uart8250_class.reset(b.uart);
	CHECK_INT(rd(&b, LCR), 0);
	teardown(&b);
}

static void test_thre_interrupt(void)
{
	struct bench b;

	setup(&b);
	CHECK(!line(&b));
	wr(&b, IER, 0x02);
	CHECK(line(&b));
	CHECK_INT(rd(&b, IIR), 0x02);
	CHECK(!line(&b));		/* reading IIR took it */
	CHECK_INT(rd(&b, IIR), 0x01);
	wr(&b, DATA, 'x');
	CHECK(line(&b));
	wr(&b, IER, 0);
	CHECK(!line(&b));
	wr(&b, IER, 0x02);		/* Linux tests that it comes again */
	CHECK(line(&b));
	uart8250_class.reset(b.uart);
	CHECK(!line(&b));
	teardown(&b);
}

static void test_loopback(void)
{
	struct bench b;

	setup(&b);
	wr(&b, FCR, 0x81);		/* trigger level 8 */
	wr(&b, MCR, 0x10);
	wr(&b, IER, 0x05);
	for (unsigned int i = 0; i < 7; i++)
		wr(&b, DATA, (uint8_t)('a' + i));
	CHECK(line(&b));
	CHECK_INT(rd(&b, IIR), 0xcc);	/* timeout: below the trigger level */
	wr(&b, DATA, 'h');
	CHECK_INT(rd(&b, IIR), 0xc4);
	for (unsigned int i = 8; i < 17; i++)
		wr(&b, DATA, (uint8_t)('a' + i));
	CHECK_INT(rd(&b, IIR), 0xc6);	/* the 17th was lost */
	CHECK_INT(rd(&b, LSR), 0x63);
	CHECK_INT(rd(&b, LSR), 0x61);
	for (unsigned int i = 0; i < 16; i++)
		CHECK_INT(rd(&b, DATA), 'a' + (int)i);
	CHECK(!line(&b));
	CHECK_INT(rd(&b, LSR), 0x60);
	wr(&b, DATA, 'z');
	wr(&b, FCR, 0x83);
	CHECK_INT(rd(&b, LSR), 0x60);	/* cleared */
	teardown(&b);
}

static void test_modem_marks(void)
{
	struct bench b;

	setup(&b);
	wr(&b, IER, 0x08);
	wr(&b, MCR, 0x10 | 0x04);	/* RI rises: no mark; the others fall */
	CHECK(line(&b));
	CHECK_INT(rd(&b, IIR), 0x00);
	CHECK_INT(rd(&b, MSR), 0x40 | 0x0b);
	CHECK(!line(&b));
	wr(&b, MCR, 0x10);		/* RI falls */
	CHECK_INT(rd(&b, MSR), 0x04);
	CHECK_INT(rd(&b, MSR), 0x00);
	teardown(&b);
}

static void test_output(void)
{
	static const char text[] = "hello\nno newline";
	char buf[64];
	struct bench b;

	setup(&b);
	for (size_t i = 0; i < strlen(text); i++)
		wr(&b, DATA, (uint8_t)text[i]);
	loop_stop(b.f.loop);
	uart8250_class.event(b.uart, "end");
	CHECK_INT(read(b.out, buf, sizeof(buf)), strlen(text));
	CHECK(!memcmp(buf, text, strlen(text)));
	teardown(&b);
}

static void test_output_by_itself(void)
{
	char c;
	struct bench b;

	setup(&b);
	wr(&b, DATA, 'x');
	CHECK_INT(read(b.out, &c, 1), 1);
	CHECK_INT(c, 'x');
	teardown(&b);
}

/* All that is typed arrives, in order, however slowly the guest reads. */
static void test_input(void)
{
	char text[3000];
	struct bench b;

	setup(&b);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('!' + i % 90);
	FAKE_MUST(write(b.in, text, sizeof(text)) == (ssize_t)sizeof(text));
	wr(&b, FCR, 0x07);
	usleep(5000);
	wr(&b, FCR, 0x07);		/* probing loses nothing */
	CHECK_INT(rd(&b, LSR), 0x60);
	wr(&b, IER, 0x01);
	for (size_t i = 0; i < sizeof(text); i++) {
		REQUIRE(line_rises(&b));
		CHECK(rd(&b, LSR) & 1);
		CHECK_INT(rd(&b, DATA), text[i]);
	}
	CHECK(!line(&b));
	teardown(&b);
}

static void test_input_polled(void)
{
	struct bench b;
	int i;

	setup(&b);
	type(&b, "k");
	for (i = 0; i < 5000 && !(rd(&b, LSR) & 1); i++)
		usleep(1000);
	CHECK(i >= 31 && i < 5000);
	CHECK_INT(rd(&b, DATA), 'k');
	teardown(&b);
}

static void test_reset_keeps_input(void)
{
	struct bench b;

	setup(&b);
	wr(&b, IER, 0x01);
	type(&b, "ab");
	REQUIRE(line_rises(&b));
	uart8250_class.reset(b.uart);
	CHECK(!line(&b));
	CHECK_INT(rd(&b, IER), 0);
	CHECK_INT(rd(&b, LSR), 0x60);
	wr(&b, IER, 0x01);		/* one byte was in the port, the other waited */
	REQUIRE(line_rises(&b));
	CHECK_INT(rd(&b, DATA), 'b');
	teardown(&b);
}

static void test_wide_access(void)
{
	struct bench b;
	uint64_t val;

	setup(&b);
	wr(&b, SCR, 0x77);
	CHECK(bus_write(b.f.bus, BUS_PIO, PORT + MCR, 2, 0xff0b));
	CHECK_INT(rd(&b, MCR), 0x0b);
	CHECK_INT(rd(&b, SCR), 0x77);
	CHECK(bus_read(b.f.bus, BUS_PIO, PORT + MCR, 4, &val));
	CHECK_INT(val, 0x0b);
	teardown(&b);
}

int main(void)
{
	RUN(test_probe);
	RUN(test_divisor);
	RUN(test_thre_interrupt);
	RUN(test_loopback);
	RUN(test_modem_marks);
	RUN(test_output);
	RUN(test_output_by_itself);
	RUN(test_input);
	RUN(test_input_polled);
	RUN(test_reset_keeps_input);
	RUN(test_wide_access);
	return tests_done();
}
