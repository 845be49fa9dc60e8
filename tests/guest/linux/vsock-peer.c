/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of vsock tests, in the guest and on its host.
 *
 *	vsock-peer serve ADDRESS...		until told to quit
 *	vsock-peer load ADDRESS N BYTES		N connections at once, BYTES each way, compared
 *	vsock-peer ends ADDRESS			every way in which a connection can end
 *	vsock-peer none ADDRESS			nobody is there
 *	vsock-peer quit ADDRESS
 *
 * ADDRESS: vsock:CID:PORT, unix:PATH, hybrid:PATH:PORT ("CONNECT PORT" to PATH). A client's
 * first line says what the server is to do; with "echo" it sends back what follows, to the
 * client's end, and then "bye". Prints "vsock-WHAT=ok", or what was wrong; that is the status, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <linux/vm_sockets.h>

#define MAX_CONNS 256
#define BUF 32768
#define WAIT_MS 60000

static const char *what;

__attribute__((noreturn, format(printf, 1, 2)))
static void wrong(const char *fmt, ...)
{
	va_list ap;

	printf("vsock-%s=", what);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(" (errno %d)\n", errno);
	exit(1);
}

/* ---- Addresses ----------------------------------------------------------------------- */

union address {
	struct sockaddr sa;
	struct sockaddr_vm vm;
	struct sockaddr_un un;
};

/* The address to connect to or listen at; *hybrid: the port that CONNECT names, else -1. */
static socklen_t parse(const char *text, union address *a, long *hybrid)
{
	const char *rest = strchr(text, ':'), *port;

	memset(a, 0, sizeof(*a));
	*hybrid = -1;
	if (!rest)
		wrong("address %s", text);
	rest++;
	port = strrchr(rest, ':');
	if (!strncmp(text, "vsock:", 6) && port) {
		a->vm.svm_family = AF_VSOCK;
		a->vm.svm_cid = (unsigned int)strtoul(rest, NULL, 10);
		a->vm.svm_port = (unsigned int)strtoul(port + 1, NULL, 10);
		return sizeof(a->vm);
	}
	a->un.sun_family = AF_UNIX;
	snprintf(a->un.sun_path, sizeof(a->un.sun_path), "%s", rest);
	if (!strncmp(text, "hybrid:", 7) && port) {
		a->un.sun_path[port - rest] = 0;
		*hybrid = strtol(port + 1, NULL, 10);
	}
	return sizeof(a->un);
}

/* "OK n", and no byte behind it; false: the end. */
static bool read_ok(int fd)
{
	char line[32], *p = line;

	do {
		if (p == line + sizeof(line) || read(fd, p, 1) != 1)
			return false;
	} while (*p++ != '\n');
	return !strncmp(line, "OK ", 3);
}

/* A socket, or -1 when nobody is there. */
static int open_client(const char *text)
{
	union address a;
	long hybrid;
	socklen_t len = parse(text, &a, &hybrid);
	int fd = socket(a.sa.sa_family, SOCK_STREAM, 0);

	if (fd < 0)
		wrong("no socket of family %d", a.sa.sa_family);
	if (connect(fd, &a.sa, len) == 0 &&
		(hybrid < 0 || (dprintf(fd, "CONNECT %ld\n", hybrid) > 0 && read_ok(fd))))
		return fd;
	close(fd);
	return -1;
}

static int open_command(const char *address, const char *line)
{
	int fd = open_client(address);

	if (fd < 0)
		wrong("cannot connect to %s", address);
	if (write(fd, line, strlen(line)) != (ssize_t)strlen(line))
		wrong("cannot write to %s", address);
	return fd;
}

static void no_blocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* ---- Server -------------------------------------------------------------------------- */

struct conn {
	int fd;
	bool echo, eof;
	size_t len;		/* bytes in buf: of the line, or to be sent back */
	char buf[BUF];
};

static struct conn *conns[MAX_CONNS];
static unsigned int nr_conns;

/* False: the connection is over. */
static bool obey(struct conn *c)
{
	static const char *const more = "more than anybody reads";
	char *end = memchr(c->buf, '\n', c->len);

	if (!end)
		return c->len < 64;
	*end++ = 0;
	if (!strcmp(c->buf, "quit")) {
		printf("vsock-serve=ok\n");
		exit(0);
	}
	if (!strcmp(c->buf, "close"))	/* after some bytes, which must arrive */
		return write(c->fd, more, strlen(more)) < 0;
	if (!strcmp(c->buf, "unread")) { /* with bytes of the client that nobody reads */
		struct pollfd p = { .fd = c->fd, .events = POLLIN };

		return write(c->fd, "go", 2) != 2 || poll(&p, 1, WAIT_MS) < 0;
	}
	c->len -= (size_t)(end - c->buf);
	memmove(c->buf, end, c->len);
	c->echo = true;
	return true;
}

static bool serve_read(struct conn *c)
{
	ssize_t n = read(c->fd, c->buf + c->len, sizeof(c->buf) - c->len);

	if (n < 0)
		return errno == EAGAIN;
	c->eof = !n;
	c->len += (size_t)n;
	return c->echo || (n && obey(c));
}

static bool serve_write(struct conn *c)
{
	ssize_t n = c->len ? send(c->fd, c->buf, c->len, MSG_NOSIGNAL) : 0;

	if (n < 0)
		return errno == EAGAIN;
	c->len -= (size_t)n;
	memmove(c->buf, c->buf + n, c->len);
	if (c->len || !c->eof)
		return true;
	send(c->fd, "bye", 3, MSG_NOSIGNAL);
	return false;
}

static void serve_conns(struct pollfd *p)
{
	for (unsigned int i = nr_conns; i-- > 0;) {
		struct conn *c = conns[i];
		bool ok = true;

		if (p[i].revents && !c->eof && c->len < sizeof(c->buf))
			ok = serve_read(c);
		if (ok && c->echo)
			ok = serve_write(c);
		if (!ok) {
			close(c->fd);
			free(c);
			conns[i] = conns[--nr_conns];
		}
	}
}

static void serve(char **addresses, unsigned int nr)
{
	int listeners[16];

	if (nr > 16)
		wrong("too many addresses");
	for (unsigned int i = 0; i < nr; i++) {
		union address a;
		long hybrid;
		socklen_t len = parse(addresses[i], &a, &hybrid);

		listeners[i] = socket(a.sa.sa_family, SOCK_STREAM, 0);
		if (listeners[i] < 0 || bind(listeners[i], &a.sa, len) < 0 ||
			listen(listeners[i], 128) < 0)
			wrong("cannot listen at %s", addresses[i]);
	}
	for (;;) {
		struct pollfd p[MAX_CONNS + 16];
		unsigned int had = nr_conns;

		for (unsigned int i = 0; i < had; i++)
			p[i] = (struct pollfd){ conns[i]->fd,
				(conns[i]->eof || conns[i]->len == BUF ? 0 : POLLIN) |
					(conns[i]->echo && conns[i]->len ? POLLOUT : 0), 0 };
		for (unsigned int i = 0; i < nr; i++)
			p[had + i] = (struct pollfd){ listeners[i], POLLIN, 0 };
		if (poll(p, had + nr, -1) < 0)
			wrong("poll");
		serve_conns(p);
		for (unsigned int i = 0; i < nr; i++) {
			int fd = p[had + i].revents ? accept(listeners[i], NULL, NULL) : -1;

			if (fd < 0)
				continue;
			conns[nr_conns] = calloc(1, sizeof(struct conn));
			if (nr_conns == MAX_CONNS - 1 || !conns[nr_conns])
				wrong("too many connections");
			no_blocking(fd);
			conns[nr_conns++]->fd = fd;
		}
	}
}

/* ---- Load ---------------------------------------------------------------------------- */

struct stream {
	int fd;
	uint64_t sent, got;
	uint64_t put, check;	/* state of both generators */
};

/* xorshift64: what differs in one byte differs in all that follow. */
static uint8_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return (uint8_t)(*x >> 24);
}

static void load_write(struct stream *s, uint64_t bytes)
{
	uint8_t buf[8192];
	size_t want = bytes - s->sent < sizeof(buf) ? bytes - s->sent : sizeof(buf);
	uint64_t state = s->put;
	ssize_t n;

	for (size_t i = 0; i < want; i++)
		buf[i] = next(&state);
	n = send(s->fd, buf, want, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN)
		wrong("write after %llu bytes", (unsigned long long)s->sent);
	for (ssize_t i = 0; i < n; i++)
		next(&s->put);
	s->sent += n > 0 ? (uint64_t)n : 0;
	if (s->sent == bytes && n > 0)
		shutdown(s->fd, SHUT_WR);
}

/* True: all is back, with "bye" behind it and the end. */
static bool load_read(struct stream *s, uint64_t bytes)
{
	static const char bye[] = "bye";
	uint8_t buf[8192];
	ssize_t n = read(s->fd, buf, sizeof(buf));

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n < 0)
		wrong("read after %llu bytes", (unsigned long long)s->got);
	if (!n && s->got != bytes + 3)
		wrong("the end after %llu bytes", (unsigned long long)s->got);
	for (ssize_t i = 0; i < n; i++, s->got++) {
		uint8_t want = s->got < bytes ? next(&s->check) :
			s->got < bytes + 3 ? (uint8_t)bye[s->got - bytes] : 0;

		if (buf[i] != want || s->got >= bytes + 3)
			wrong("other data at byte %llu", (unsigned long long)s->got);
	}
	return !n;
}

static void load(const char *address, unsigned int nr, uint64_t bytes)
{
	static struct stream streams[MAX_CONNS];
	struct pollfd p[MAX_CONNS];
	unsigned int left = nr;

	for (unsigned int i = 0; i < nr; i++) {
		struct stream *s = &streams[i];

		s->fd = open_command(address, "echo\n");
		s->put = s->check = 0x9e3779b97f4a7c15u * (i + 1);
		no_blocking(s->fd);
	}
	while (left) {
		for (unsigned int i = 0; i < nr; i++)
			p[i] = (struct pollfd){ streams[i].fd,
				POLLIN | (streams[i].sent < bytes ? POLLOUT : 0), 0 };
		if (poll(p, nr, WAIT_MS) <= 0)
			wrong("%u of %u connections stand still", left, nr);
		for (unsigned int i = 0; i < nr; i++) {
			if (p[i].revents & POLLOUT)
				load_write(&streams[i], bytes);
			if ((p[i].revents & (POLLIN | POLLHUP | POLLERR)) &&
				load_read(&streams[i], bytes)) {
				close(streams[i].fd);
				streams[i].fd = -1;
				left--;
			}
		}
	}
	printf("vsock-load=ok\n");
}

/* ---- Ends ---------------------------------------------------------------------------- */

/* Bytes up to the end; negative errno: an error instead of the end. */
static ssize_t read_all(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n, total = 0;
	char buf[256];

	while (poll(&p, 1, WAIT_MS) > 0) {
		n = read(fd, buf, sizeof(buf));
		if (n <= 0)
			return n ? -errno : total;
		total += n;
	}
	return -ETIMEDOUT;
}

static void ends(const char *address)
{
	char byte = 'x', go[2];
	ssize_t n;
	int fd;

	/* The peer closes: what it wrote arrives, then the end, then nothing can be written. */
	fd = open_command(address, "close\n");
	n = read_all(fd);
	if (n != 23)
		wrong("close: %zd bytes, expected 23", n);
	for (int i = 0; i < WAIT_MS / 10 && send(fd, &byte, 1, MSG_NOSIGNAL) == 1; i++)
		usleep(10000);
	if (send(fd, &byte, 1, MSG_NOSIGNAL) >= 0 || (errno != EPIPE && errno != ECONNRESET))
		wrong("close: still writable");
	close(fd);

	/* The peer closes with bytes unread: the end, or a reset, but not for ever nothing. */
	fd = open_command(address, "unread\n");
	if (read(fd, go, 2) != 2 || write(fd, "unread bytes", 12) != 12)
		wrong("unread: no go");
	n = read_all(fd);
	if (n > 0 || n == -ETIMEDOUT)
		wrong("unread: %zd", n);
	close(fd);

	/* We close our half: the other one still comes. */
	fd = open_command(address, "echo\nsome");
	shutdown(fd, SHUT_WR);
	n = read_all(fd);
	if (n != 7)
		wrong("half: %zd bytes, expected 7", n);
	close(fd);

	/* We close with all of it unread, many times: the server goes on. */
	for (int i = 0; i < 20; i++)
		close(open_command(address, "echo\nnobody reads this"));
	fd = open_command(address, "echo\n");
	shutdown(fd, SHUT_WR);
	n = read_all(fd);
	if (n != 3)
		wrong("after resets: %zd bytes, expected 3", n);
	close(fd);
	printf("vsock-ends=ok\n");
}

int main(int argc, char **argv)
{
	what = argc > 1 ? argv[1] : "usage";
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2 && !strcmp(what, "serve")) {
		serve(argv + 2, (unsigned int)(argc - 2));
	} else if (argc == 5 && !strcmp(what, "load")) {
		load(argv[2], (unsigned int)atoi(argv[3]) % MAX_CONNS, strtoull(argv[4], NULL, 10));
	} else if (argc == 3 && !strcmp(what, "ends")) {
		ends(argv[2]);
	} else if (argc == 3 && !strcmp(what, "none")) {
		if (open_client(argv[2]) >= 0)
			wrong("somebody is there");
		printf("vsock-none=ok\n");
	} else if (argc == 3 && !strcmp(what, "quit")) {
		close(open_command(argv[2], "quit\n"));
		printf("vsock-quit=ok\n");
	} else {
		wrong("see the source");
	}
	return 0;
}
