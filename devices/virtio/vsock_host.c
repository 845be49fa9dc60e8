/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of vsock: sockets that clients of the host connect to, the line with which
 * they say where to, and sockets that connections of the guest go to.
 *
 * A client is accepted at once and closed at once when the guest cannot be reached: waiting in
 * a backlog would tell it nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "vmm/devopts.h"
#include "devices/virtio/vsock_int.h"

#define SUN_PATH_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)
#define SUFFIX_MAX 11			/* "_4294967295" */
#define BACKLOG 128
#define ACCEPTS_PER_TURN 16
#define RETRY_NS 100000000u

static int unix_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* path is short enough, which was checked when the device was made. */
static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	return sa;
}

static int connect_to(const char *path)
{
	struct sockaddr_un sa = address(path);
	_cleanup_close_ int fd = unix_socket();

	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return take_fd(&fd);
}

int vsock_host_connect(struct vsock *v, uint32_t port)
{
	char path[SUN_PATH_MAX + 1];

	for (unsigned int i = 0; i < v->nr_targets; i++)
		if (v->targets[i].port == port)
			return connect_to(v->targets[i].path);
	if (!v->path)
		return -ECONNREFUSED;
	snprintf(path, sizeof(path), "%s_%u", v->path, port);
	return connect_to(path);
}

/* ---- The client's line --------------------------------------------------------------- */

/* A port in decimal digits, and what follows it; false: none, or all ones (any port). */
static bool parse_port(const char *s, uint32_t *port, const char **end)
{
	uint64_t n = 0;

	*end = s;
	for (; **end >= '0' && **end <= '9' && n < UINT32_MAX; (*end)++)
		n = 10 * n + (uint64_t)(**end - '0');
	*port = (uint32_t)n;
	return *end > s && n < UINT32_MAX;
}

static bool parse_line(const char *line, uint32_t *port)
{
	static const char word[] = "CONNECT ";
	const char *end;

	return !strncmp(line, word, strlen(word)) && parse_port(line + strlen(word), port, &end) &&
		!strcmp(end, "\n");
}

/*
 * Take no byte behind the line: it is the guest's. 1: a whole line; 0: not yet; negative: the
 * client has gone, or talks something else.
 */
static int read_line(struct vsock_conn *c)
{
	char buf[VSOCK_LINE_MAX];
	ssize_t n = recv(c->fd, buf, sizeof(buf) - 1 - c->line_len, MSG_PEEK | MSG_DONTWAIT);
	const char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -ECONNRESET;
	end = memchr(buf, '\n', (size_t)n);
	if (end)
		n = end + 1 - buf;
	if (memchr(buf, 0, (size_t)n) || recv(c->fd, c->line + c->line_len, (size_t)n, 0) != n)
		return -EINVAL;
	c->line_len += (unsigned int)n;
	if (!end && c->line_len == sizeof(buf) - 1)
		return -EINVAL;
	return end != NULL;
}

void vsock_host_handshake(struct vsock_conn *c)
{
	uint32_t port;
	int r = read_line(c);

	if (!r)
		return;
	if (r < 0 || !parse_line(c->line, &port)) {
		vsock_conn_free(c);
		return;
	}
	c->hybrid = true;
	vsock_conn_request(c, port);
	vsock_conn_settle(c);
}

int vsock_host_accepted(struct vsock_conn *c)
{
	char line[20];
	int n = snprintf(line, sizeof(line), "OK %u\n", c->host_port);

	/* Nothing was sent yet, so there is room, unless the client has gone. */
	return send(c->fd, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) == n ? 0 : -EPIPE;
}

/* ---- Listeners ----------------------------------------------------------------------- */

static void welcome(struct vsock_listener *l, int fd)
{
	struct vsock *v = l->v;
	struct vsock_conn *c;

	if (!vsock_running(v) || v->nr_conns >= VSOCK_MAX_CONNS) {
		close(fd);
		return;
	}
	c = vsock_conn_create(v, fd, VSOCK_HANDSHAKE);
	if (!c)
		return;
	if (!l->hybrid) {
		vsock_conn_request(c, l->port);
		vsock_conn_settle(c);
		return;
	}
	vsock_io_watch(c);
	if (c->state == VSOCK_CLOSED)
		vsock_conn_free(c);
	else
		vsock_host_handshake(c); /* the line is mostly there already */
}

static void on_client(void *opaque, uint32_t events)
{
	struct vsock_listener *l = opaque;
	struct vsock *v = l->v;

	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			welcome(l, fd);
		} else if (errno == EAGAIN) {
			break;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			/* Out of descriptors: the event would come again and again. */
			log_warn(v->vd.env->log, "%s: accept: errno %d", v->vd.name, errno);
			loop_modify(v->vd.env->loop, &l->watch, 0);
			later_arm(&v->retry, RETRY_NS);
			break;
		}
	}
	vsock_pump(v);
}

static void retry(void *opaque)
{
	struct vsock *v = opaque;

	for (unsigned int i = 0; i < v->nr_listeners; i++)
		loop_modify(v->vd.env->loop, &v->listeners[i].watch, EPOLLIN);
}

/* Remove what a process left that has ended; a socket that is served is not ours to take. */
static int remove_stale(const char *path, struct tvm_error *err)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(err, -errno, "vsock: %s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, -EEXIST, "vsock: %s exists and is not a socket", path);
	fd = connect_to(path);
	if (fd >= 0)
		close(fd);
	if (fd >= 0 || fd == -EAGAIN)
		return err_set(err, -EADDRINUSE, "vsock: %s is in use by another process", path);
	if (fd != -ECONNREFUSED && fd != -ENOENT)
		return err_sys(err, fd, "vsock: %s", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(err, -errno, "vsock: %s: cannot remove the stale socket", path);
	return 0;
}

static int open_listener(struct vsock *v, char *path, bool hybrid, uint32_t port,
	struct tvm_error *err)
{
	struct vsock_listener *l = &v->listeners[v->nr_listeners];
	_cleanup_free_ char *owned = path;
	_cleanup_close_ int fd = -1;
	struct sockaddr_un sa;
	struct stat st;
	int r;

	if (!path)
		return err_set(err, -ENOMEM, "vsock: out of memory");
	r = remove_stale(path, err);
	if (r < 0)
		return r;
	fd = unix_socket();
	sa = address(path);
	/* The file takes its mode from the socket, so that it is never open to others. */
	if (fd < 0 || fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_sys(err, -errno, "vsock: cannot make the socket %s", path);
	if (lstat(path, &st) < 0 || listen(fd, BACKLOG) < 0) {
		r = err_sys(err, -errno, "vsock: cannot listen at %s", path);
		unlink(path);
		return r;
	}
	*l = (struct vsock_listener){
		.v = v,
		.fd = take_fd(&fd),
		.watch = LOOP_FD_NONE,
		.path = take_ptr(&owned),
		.dev = st.st_dev,
		.ino = st.st_ino,
		.hybrid = hybrid,
		.port = port,
	};
	v->nr_listeners++;
	r = loop_watch(v->vd.env->loop, &l->watch, l->fd, EPOLLIN, on_client, l);
	return r < 0 ? err_sys(err, r, "vsock: %s", path) : 0;
}

static void close_listener(struct vsock_listener *l)
{
	struct stat st;

	loop_unwatch(l->v->vd.env->loop, &l->watch);
	close_fd(&l->fd);
	if (!lstat(l->path, &st) && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	free(l->path);
}

/* ---- Life ---------------------------------------------------------------------------- */

static int check_path(const char *path, size_t max, struct tvm_error *err)
{
	if (!*path || strlen(path) > max)
		return err_set(err, -EINVAL, "vsock: path \"%.120s\": 1 to %zu bytes are allowed",
			path, max);
	return 0;
}

/* "N:PATH" or "N:PATH:listen" */
static int add_port(struct vsock *v, const char *text, struct tvm_error *err)
{
	static const char suffix[] = ":listen";
	size_t n, cut = strlen(suffix);
	uint32_t port;
	const char *path;
	bool listens;
	int r;

	if (!parse_port(text, &port, &path) || *path++ != ':')
		return err_set(err, -EINVAL, "vsock: port \"%.120s\" is not N:PATH[:listen]", text);
	n = strlen(path);
	listens = n >= cut && !strcmp(path + n - cut, suffix);
	if (listens) {
		_cleanup_free_ char *cut_path = strndup(path, n - cut);

		if (!cut_path)
			return err_set(err, -ENOMEM, "vsock: out of memory");
		r = check_path(cut_path, SUN_PATH_MAX, err);
		return r < 0 ? r : open_listener(v, take_ptr(&cut_path), false, port, err);
	}
	r = check_path(path, SUN_PATH_MAX, err);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < v->nr_targets; i++)
		if (v->targets[i].port == port)
			return err_set(err, -EINVAL, "vsock: port %u of the host is given twice",
				port);
	v->targets[v->nr_targets++] = (struct vsock_target){ port, path };
	return 0;
}

int vsock_host_init(struct vsock *v, const void *opts_, struct tvm_error *err)
{
	const struct vsock_opts *opts = opts_;
	int r;

	if (!opts->path && !opts->port.nr)
		return err_set(err, -EINVAL, "vsock: path or port is needed");
	v->path = opts->path;
	v->listeners = calloc(opts->port.nr + 1, sizeof(*v->listeners));
	v->targets = calloc(opts->port.nr + 1, sizeof(*v->targets));
	if (!v->listeners || !v->targets)
		return err_set(err, -ENOMEM, "vsock: out of memory");
	r = later_init(&v->retry, v->vd.env->loop, retry, v);
	if (r < 0)
		return err_sys(err, r, "vsock: timer");
	if (v->path) {
		r = check_path(v->path, SUN_PATH_MAX - SUFFIX_MAX, err);
		if (!r)
			r = open_listener(v, strdup(v->path), true, 0, err);
	}
	for (unsigned int i = 0; r >= 0 && i < opts->port.nr; i++)
		r = add_port(v, opts->port.items[i], err);
	return r;
}

void vsock_host_fini(struct vsock *v)
{
	while (v->nr_listeners)
		close_listener(&v->listeners[--v->nr_listeners]);
	free(v->listeners);
	free(v->targets);
	later_fini(&v->retry);
}
