/* SPDX-License-Identifier: Apache-2.0 */
/* What all backends of virtio-net share: choice by options, and the descriptor's events. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "devices/virtio/net.h"
#include "vmm/device.h"
#include "vmm/devopts.h"

void net_iov_skip(struct iovec **iov, unsigned int *nr, size_t n)
{
	while (*nr && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		++*iov;
		--*nr;
	}
	if (*nr) {
		(*iov)->iov_base = (uint8_t *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

void net_backend_init(struct net_backend *b, const struct dev_env *env,
	const struct net_backend_ops *ops, int fd)
{
	*b = (struct net_backend){
		.ops = ops,
		.fd = fd,
		.up = true,
		.attached = true,
		.loop = env->loop,
		.log = env->log,
		.name = "net",
		.watch = LOOP_FD_NONE,
	};
}

static void on_event(void *opaque, uint32_t events)
{
	struct net_backend *b = opaque;

	if (b->want_out && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) &&
		(!b->ops->flush || b->ops->flush(b)) && b->up) {
		net_backend_watch(b, b->want_in, false);
		b->handler->writable(b->opaque);
	}
	/* An error is found by who reads. */
	if (b->up && b->want_in && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
		b->handler->readable(b->opaque);
}

void net_backend_watch(struct net_backend *b, bool in, bool out)
{
	uint32_t events = (in ? EPOLLIN : 0u) | (out ? EPOLLOUT : 0u);
	int r = 0;

	if (!b->up || (in == b->want_in && out == b->want_out))
		return;
	b->want_in = in;
	b->want_out = out;
	if (!events) /* not an empty set: a hang-up would be told for ever */
		loop_unwatch(b->loop, &b->watch);
	else if (b->watch.fd >= 0)
		r = loop_modify(b->loop, &b->watch, events);
	else
		r = loop_watch(b->loop, &b->watch, b->fd, events, on_event, b);
	if (r < 0)
		net_backend_gone(b, "cannot be watched");
}

void net_backend_gone(struct net_backend *b, const char *why)
{
	if (!b->up)
		return;
	b->up = b->want_in = b->want_out = false;
	loop_unwatch(b->loop, &b->watch);
	log_warn(b->log, "%s: link down: %s", b->name, why);
	if (b->handler)
		b->handler->link_down(b->opaque);
}

void net_backend_destroy(struct net_backend *b)
{
	if (!b)
		return;
	loop_unwatch(b->loop, &b->watch);
	close_fd(&b->fd);
	b->ops->destroy(b);
}

void net_backend_attach(struct net_backend *b, bool on)
{
	if (!b->ops->attach || on == b->attached || !b->up)
		return;
	if (b->ops->attach(b, on) < 0)
		log_warn(b->log, "%s: cannot %s a queue of '%s'", b->name,
			on ? "use" : "set aside", b->ifname);
	else
		b->attached = on;
}

/* ---- Choice by options --------------------------------------------------------------- */

/* The number at index in a list like "3:4:5", or -1. */
static long nth_fd(const char *text, unsigned int index)
{
	char *end;
	long n;

	for (;; text = end + 1) {
		errno = 0;
		n = strtol(text, &end, 10);
		if (errno || end == text || (*end && *end != ':') || n < 0 || n > INT32_MAX)
			return -1;
		if (!index--)
			return n;
		if (!*end)
			return -1;
	}
}

/* A copy of the caller's descriptor, so that whoever fails leaves the caller's as it was. */
static int open_fd(const struct dev_env *env, const char *text, unsigned int index,
	struct net_backend **out, struct tvm_error *err)
{
	_cleanup_close_ int fd = -1;
	long n = nth_fd(text, index);
	int r;

	fd = fcntl((int)n, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return err_sys(err, -errno, "net: fd %ld", n);
	r = net_tap_adopt(env, fd, out, err);
	if (r == -ENOTTY)
		r = net_stream_adopt(env, fd, out, err);
	if (r == -ENOTSOCK)
		r = err_set(err, -EINVAL,
			"net: fd %ld is neither a tap nor a connected stream socket", n);
	if (r >= 0)
		take_fd(&fd);
	return r;
}

/* Queues are of one interface: two would be two networks behind one address. */
static int check_same(const struct net_backend *b, const struct net_opts *opts,
	struct tvm_error *err)
{
	char ifname[sizeof(b->ifname)] = "";

	if (!*b->ifname)
		return err_set(err, -EINVAL, "net: several queues go with a tap");
	if (net_tap_name((int)nth_fd(opts->fd, 0), ifname) < 0 || strcmp(ifname, b->ifname))
		return err_set(err, -EINVAL, "net: fd: '%s' and '%s' are two interfaces", ifname,
			b->ifname);
	return 0;
}

int net_backend_pairs(const struct net_opts *opts, struct tvm_error *err)
{
	unsigned int nr = 1;

	if (!!opts->tap + !!opts->stream + !!opts->fd != 1)
		return err_set(err, -EINVAL, "net: give one of tap, stream and fd");
	for (const char *p = opts->fd; p && (p = strchr(p, ':')); p++)
		nr++;
	for (unsigned int i = 0; opts->fd && i < nr; i++)
		if (nth_fd(opts->fd, i) < 0)
			return err_set(err, -EINVAL, "net: fd '%.40s' is not a number, or numbers "
				"with ':' between", opts->fd);
	if (opts->fd && opts->queues && opts->queues != nr)
		return err_set(err, -EINVAL, "net: %u queues, but %u descriptors", opts->queues,
			nr);
	if (opts->queues)
		nr = opts->queues;
	if (nr > NET_MAX_PAIRS)
		return err_set(err, -EINVAL, "net: %u queues, 1 to %u are allowed", nr,
			NET_MAX_PAIRS);
	if (nr > 1 && opts->stream)
		return err_set(err, -EINVAL, "net: several queues go with a tap");
	return (int)nr;
}

int net_backend_open(const struct dev_env *env, const struct net_opts *opts, unsigned int pair,
	unsigned int pairs, struct net_backend **out, struct tvm_error *err)
{
	struct net_backend *b = NULL;
	int r;

	if (opts->tap)
		return net_tap_open(env, opts->tap, pairs > 1, out, err);
	if (opts->stream)
		return net_stream_connect(env, opts->stream, out, err);
	r = open_fd(env, opts->fd, pair, &b, err);
	if (r >= 0 && pairs > 1)
		r = check_same(b, opts, err);
	if (r < 0)
		net_backend_destroy(b);
	else
		*out = b;
	return r;
}
