/* SPDX-License-Identifier: Apache-2.0 */
/* What all backends of virtio-net share: choice by options, and the descriptor's events. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

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

/* A copy of the caller's descriptor, so that whoever fails leaves the caller's as it was. */
static int open_fd(const struct dev_env *env, const char *text, struct net_backend **out,
	struct tvm_error *err)
{
	_cleanup_close_ int fd = -1;
	char *end;
	long n;
	int r;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < 0 || n > INT32_MAX)
		return err_set(err, -EINVAL, "net: fd '%.40s' is not a number", text);
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

int net_backend_open(const struct dev_env *env, const struct net_opts *opts,
	struct net_backend **out, struct tvm_error *err)
{
	if (!!opts->tap + !!opts->stream + !!opts->fd != 1)
		return err_set(err, -EINVAL, "net: give one of tap, stream and fd");
	if (opts->tap)
		return net_tap_open(env, opts->tap, out, err);
	if (opts->stream)
		return net_stream_connect(env, opts->stream, out, err);
	return open_fd(env, opts->fd, out, err);
}
