/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 16550A serial port, as described by the PC16550D data sheet (section numbers below) and
 * expected by Linux and UEFI firmware. The line is infinitely fast: the transmitter is always
 * empty, baud rate and line format are stored and mean nothing.
 *
 * Received bytes stay in the backend until the guest listens. A guest empties the FIFO while
 * it probes and starts the port, so input that was typed (or piped in) before would be lost.
 * It listens once it enables the receive interrupt, or reads the line status again and again
 * without sending, as a driver without interrupts does.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "devices/chardev.h"
#include "devices/devices.h"
#include "vmm/irq.h"

#define UART_SIZE 8
#define FIFO_SIZE 16
#define POLLS_TO_LISTEN 32

/* Registers, data sheet table II; 0 and 1 are the divisor latch while LCR_DLAB is set. */
enum { R_DATA, R_IER, R_IIR_FCR, R_LCR, R_MCR, R_LSR, R_MSR, R_SCR };

#define IER_RDI 0x01
#define IER_THRI 0x02
#define IER_RLSI 0x04
#define IER_MSI 0x08
#define IER_ALL 0x0f

/* 8.5, table IV: highest priority first */
#define IIR_RLS 0x06
#define IIR_RDI 0x04
#define IIR_TIMEOUT 0x0c
#define IIR_THRI 0x02
#define IIR_MSI 0x00
#define IIR_NONE 0x01
#define IIR_FIFOS 0xc0

#define FCR_ENABLE 0x01
#define FCR_CLEAR_RX 0x02
#define FCR_TRIGGER 0xc0

#define LCR_DLAB 0x80

#define MCR_DTR 0x01
#define MCR_RTS 0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08
#define MCR_LOOP 0x10
#define MCR_ALL 0x1f

#define LSR_DR 0x01
#define LSR_OE 0x02
#define LSR_THRE 0x20
#define LSR_TEMT 0x40

#define MSR_DCTS 0x01
#define MSR_DDSR 0x02
#define MSR_TERI 0x04
#define MSR_DDCD 0x08
#define MSR_CTS 0x10
#define MSR_DSR 0x20
#define MSR_RI 0x40
#define MSR_DCD 0x80
#define MSR_STATUS 0xf0

struct uart {
	struct dev dev;
	const struct irq *irq;		/* borrowed */
	unsigned int gsi;
	struct chardev *cd;		/* owned */
	pthread_mutex_t lock;		/* what follows: vCPU threads and the loop's */
	uint8_t ier, fcr, lcr, mcr, msr, scr, dll, dlm;
	bool overrun;
	bool thr_empty;			/* the THRE interrupt is due */
	bool line;			/* level of the interrupt */
	unsigned int polls;		/* of LSR since the last byte was sent */
	unsigned int head, count;	/* receive FIFO */
	uint8_t fifo[FIFO_SIZE];
};

static unsigned int fifo_size(const struct uart *u)
{
	return u->fcr & FCR_ENABLE ? FIFO_SIZE : 1;
}

/* 8.4: bytes in the FIFO that cause an interrupt. */
static unsigned int trigger(const struct uart *u)
{
	static const uint8_t levels[] = { 1, 4, 8, 14 };

	return u->fcr & FCR_ENABLE ? levels[(u->fcr & FCR_TRIGGER) >> 6] : 1;
}

static uint8_t iir(const struct uart *u)
{
	if ((u->ier & IER_RLSI) && u->overrun)
		return IIR_RLS;
	/* Below the trigger level a timeout tells of the bytes (8.4.1); ours is immediate. */
	if ((u->ier & IER_RDI) && u->count)
		return u->count >= trigger(u) ? IIR_RDI : IIR_TIMEOUT;
	if ((u->ier & IER_THRI) && u->thr_empty)
		return IIR_THRI;
	if ((u->ier & IER_MSI) && (u->msr & ~MSR_STATUS))
		return IIR_MSI;
	return IIR_NONE;
}

static void update_line(struct uart *u)
{
	bool level = iir(u) != IIR_NONE;

	if (level == u->line)
		return;
	u->line = level;
	u->irq->ops->set_line(u->irq->ctx, u->gsi, level);
}

/* 8.8: changes of the inputs leave marks until MSR is read. */
static void set_modem(struct uart *u, uint8_t status)
{
	uint8_t changed = (u->msr ^ status) & MSR_STATUS;
	uint8_t marks = u->msr & ~MSR_STATUS;

	marks |= changed & MSR_CTS ? MSR_DCTS : 0;
	marks |= changed & MSR_DSR ? MSR_DDSR : 0;
	marks |= changed & u->msr & MSR_RI ? MSR_TERI : 0; /* trailing edge only */
	marks |= changed & MSR_DCD ? MSR_DDCD : 0;
	u->msr = status | marks;
}

static void put_fifo(struct uart *u, uint8_t c)
{
	if (u->count == fifo_size(u)) {
		u->overrun = true;
		return;
	}
	u->fifo[(u->head + u->count++) % FIFO_SIZE] = c;
}

static uint8_t get_fifo(struct uart *u)
{
	uint8_t c = u->fifo[u->head];

	if (!u->count)
		return 0;
	u->head = (u->head + 1) % FIFO_SIZE;
	u->count--;
	return c;
}

static void write_thr(struct uart *u, uint8_t c)
{
	u->polls = 0;
	if (u->mcr & MCR_LOOP)
		put_fifo(u, c);
	else
		chardev_write(u->cd, &c, 1);
	u->thr_empty = true;
}

static void write_fcr(struct uart *u, uint8_t val)
{
	/* 8.4: changing bit 0 clears the FIFOs; without bit 0 the others are not programmed. */
	if ((val ^ u->fcr) & FCR_ENABLE || ((val & FCR_ENABLE) && (val & FCR_CLEAR_RX)))
		u->count = 0;
	u->fcr = val & FCR_ENABLE ? val & (FCR_ENABLE | FCR_TRIGGER) : 0;
}

static void write_mcr(struct uart *u, uint8_t val)
{
	u->mcr = val & MCR_ALL;
	/* 8.7: in loopback the four outputs are the four inputs; else the peer is ready. */
	if (u->mcr & MCR_LOOP)
		set_modem(u, (u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
			(u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0));
	else
		set_modem(u, MSR_DCD | MSR_DSR | MSR_CTS);
}

static void write_ier(struct uart *u, uint8_t val)
{
	/* Enabling the interrupt while the transmitter is empty raises it (8.6). */
	if (val & ~u->ier & IER_THRI)
		u->thr_empty = true;
	u->ier = val & IER_ALL;
}

static uint8_t read_lsr(struct uart *u)
{
	uint8_t val = LSR_THRE | LSR_TEMT | (u->count ? LSR_DR : 0) | (u->overrun ? LSR_OE : 0);

	u->overrun = false;
	if (u->polls < POLLS_TO_LISTEN)
		u->polls++;
	return val;
}

static uint8_t read_register(struct uart *u, unsigned int reg)
{
	uint8_t val;

	switch (reg) {
	case R_DATA:
		return u->lcr & LCR_DLAB ? u->dll : get_fifo(u);
	case R_IER:
		return u->lcr & LCR_DLAB ? u->dlm : u->ier;
	case R_IIR_FCR:
		val = iir(u);
		if (val == IIR_THRI) /* table IV: reading it resets it */
			u->thr_empty = false;
		return val | (u->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
	case R_LCR:
		return u->lcr;
	case R_MCR:
		return u->mcr;
	case R_LSR:
		return read_lsr(u);
	case R_MSR:
		val = u->msr;
		u->msr &= MSR_STATUS;
		return val;
	default:
		return u->scr;
	}
}

static void write_register(struct uart *u, unsigned int reg, uint8_t val)
{
	switch (reg) {
	case R_DATA:
		if (u->lcr & LCR_DLAB)
			u->dll = val;
		else
			write_thr(u, val);
		break;
	case R_IER:
		if (u->lcr & LCR_DLAB)
			u->dlm = val;
		else
			write_ier(u, val);
		break;
	case R_IIR_FCR:
		write_fcr(u, val);
		break;
	case R_LCR:
		u->lcr = val;
		break;
	case R_MCR:
		write_mcr(u, val);
		break;
	case R_SCR:
		u->scr = val;
		break;
	default: /* LSR, MSR: read-only */
		break;
	}
}

/* With the lock held. */
static size_t room(const struct uart *u)
{
	bool listens = (u->ier & IER_RDI) || u->polls == POLLS_TO_LISTEN;

	return listens && !(u->mcr & MCR_LOOP) ? fifo_size(u) - u->count : 0;
}

/* An access wider than a register reaches the first one only. */
static uint64_t uart_read(void *dev, uint64_t off, unsigned int size)
{
	struct uart *u = dev;
	uint8_t val;
	bool more;

	pthread_mutex_lock(&u->lock);
	val = read_register(u, (unsigned int)off);
	update_line(u);
	more = room(u);
	pthread_mutex_unlock(&u->lock);
	if (more)
		chardev_accept_input(u->cd);
	return val;
}

static void uart_write(void *dev, uint64_t off, unsigned int size, uint64_t val)
{
	struct uart *u = dev;
	bool more;

	pthread_mutex_lock(&u->lock);
	write_register(u, (unsigned int)off, (uint8_t)val);
	update_line(u);
	more = room(u);
	pthread_mutex_unlock(&u->lock);
	if (more)
		chardev_accept_input(u->cd);
}

static size_t can_receive(void *opaque)
{
	struct uart *u = opaque;
	size_t n;

	pthread_mutex_lock(&u->lock);
	n = room(u);
	pthread_mutex_unlock(&u->lock);
	return n;
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
	struct uart *u = opaque;

	pthread_mutex_lock(&u->lock);
	while (n--)
		put_fifo(u, *buf++);
	update_line(u);
	pthread_mutex_unlock(&u->lock);
}

/* 8.1: state after master reset; the inputs show a peer that is ready, without marks. */
static void uart_reset(struct dev *dev)
{
	struct uart *u = (struct uart *)dev;

	pthread_mutex_lock(&u->lock);
	u->ier = u->fcr = u->lcr = u->mcr = u->scr = u->dll = u->dlm = 0;
	u->msr = MSR_DCD | MSR_DSR | MSR_CTS;
	u->overrun = u->thr_empty = false;
	u->polls = u->head = u->count = 0;
	update_line(u);
	pthread_mutex_unlock(&u->lock);
}

static void uart_event(struct dev *dev, const char *what)
{
	if (!strcmp(what, "end"))
		chardev_flush(((struct uart *)dev)->cd);
}

static const char *uart_pty(const struct dev *dev, unsigned int n)
{
	return n ? NULL : chardev_pty(((const struct uart *)dev)->cd);
}

static void uart_destroy(struct dev *dev)
{
	struct uart *u = (struct uart *)dev;

	chardev_close(u->cd);
	pthread_mutex_destroy(&u->lock);
	free(u);
}

static int uart_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	static const struct chardev_handler handler = { can_receive, receive, NULL };
	static const struct io_ops ops = { uart_read, uart_write };
	struct uart *u = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return err_set(err, -ENOMEM, "uart: out of memory");
	u->dev.cls = &uart8250_class;
	u->irq = env->irq;
	u->gsi = env->place->gsi;
	pthread_mutex_init(&u->lock, NULL);
	uart_reset(&u->dev);
	r = chardev_open(env, opts, "serial port", &handler, u, &u->cd, err);
	if (!r)
		r = bus_add(env->bus, env->place->space, env->place->base, UART_SIZE, &ops, u,
			"uart8250", err);
	if (r < 0) {
		uart_destroy(&u->dev);
		return r;
	}
	*out = &u->dev;
	return 0;
}

const struct dev_class uart8250_class = {
	.name = "uart8250",
	.create = uart_create,
	.reset = uart_reset,
	.destroy = uart_destroy,
	.event = uart_event,
	.pty = uart_pty,
};
