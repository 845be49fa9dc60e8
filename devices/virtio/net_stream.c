/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames over a stream socket, each after its length in 4 bytes, big endian: what passt and
 * QEMU's "-netdev stream" speak. No virtio header travels, so no offloads are possible.
 *
 *	to the peer:	straight out of guest memory; what the socket does not take is copied
 *			and goes first. A frame that was begun is always finished, even when
 *			its driver is reset: the stream has no other way back into step.
 *	from the peer:	many frames a read, cut and copied into guest memory
 */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "devices/virtio/net.h"
#include "vmm/device.h"

#define PREFIX 4u

struct stream {
	struct net_backend b;
	size_t out_at, out_end;		/* out[out_at .. out_end) is still to be sent */
	size_t in_at, in_end;		/* in[in_at .. in_end) is not cut yet */
	uint8_t out[PREFIX + NET_FRAME_MAX];
	uint8_t in[2 * (PREFIX + NET_FRAME_MAX)];
};

static ssize_t send_some(struct net_backend *b, struct iovec *iov, unsigned int nr)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = nr };
	ssize_t n;

	do {
		n = sendmsg(b->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	n = -errno;
	if (n != -EAGAIN && n != -ENOBUFS && n != -ENOMEM)
		net_backend_gone(b, "the peer closed the stream");
	return n == -ENOBUFS || n == -ENOMEM ? -EAGAIN : n;
}

static bool stream_flush(struct net_backend *b)
{
	struct stream *s = container_of(b, struct stream, b);
	struct iovec iov = { s->out + s->out_at, s->out_end - s->out_at };
	ssize_t n = iov.iov_len ? send_some(b, &iov, 1) : 0;

	if (n > 0)
		s->out_at += (size_t)n;
	return s->out_at == s->out_end;
}

/* Keep what the socket did not take of a frame. */
static void keep(struct stream *s, struct iovec *iov, unsigned int nr)
{
	s->out_at = s->out_end = 0;
	for (unsigned int i = 0; i < nr; i++) {
		assert(iov[i].iov_len <= sizeof(s->out) - s->out_end);
		memcpy(s->out + s->out_end, iov[i].iov_base, iov[i].iov_len);
		s->out_end += iov[i].iov_len;
	}
	if (s->out_end)
		net_backend_watch(&s->b, s->b.want_in, true);
}

static int stream_send(struct net_backend *b, struct iovec *iov, unsigned int nr, size_t len)
{
	struct stream *s = container_of(b, struct stream, b);
	uint32_t prefix = htobe32((uint32_t)(len - NET_HDR));
	struct iovec all[NET_QUEUE_SIZE + 1] = { { &prefix, sizeof(prefix) } }, *left = all;
	unsigned int n = 1;
	ssize_t sent;

	if (s->out_at != s->out_end)
		return -EAGAIN;
	net_iov_skip(&iov, &nr, NET_HDR);
	assert(nr < ARRAY_SIZE(all));
	while (nr--)
		all[n++] = *iov++;
	sent = send_some(b, all, n);
	if (sent < 0)
		return (int)sent;
	net_iov_skip(&left, &n, (size_t)sent);
	keep(s, left, n);
	return 0;
}

/* Whether a whole frame of length *frame is there, or one that is too long. */
static bool cut(const struct stream *s, size_t *frame)
{
	size_t there = s->in_end - s->in_at;
	uint32_t len;

	if (there < PREFIX)
		return false;
	memcpy(&len, s->in + s->in_at, sizeof(len));
	*frame = be32toh(len);
	return *frame > NET_FRAME_MAX || there - PREFIX >= *frame;
}

static ssize_t fill(struct stream *s)
{
	ssize_t n;

	memmove(s->in, s->in + s->in_at, s->in_end - s->in_at);
	s->in_end -= s->in_at;
	s->in_at = 0;
	do {
		n = recv(s->b.fd, s->in + s->in_end, sizeof(s->in) - s->in_end, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		s->in_end += (size_t)n;
		return n;
	}
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	net_backend_gone(&s->b, "the peer closed the stream");
	return -EPIPE;
}

static void scatter(const struct iovec *iov, size_t at, const uint8_t *src, size_t len)
{
	while (len) {
		size_t n;

		if (at >= iov->iov_len) {
			at -= iov++->iov_len;
			continue;
		}
		n = iov->iov_len - at < len ? iov->iov_len - at : len;
		memcpy((uint8_t *)iov->iov_base + at, src, n);
		src += n;
		len -= n;
		at = 0;
		iov++;
	}
}

static ssize_t stream_recv(struct net_backend *b, const struct iovec *iov, unsigned int nr)
{
	static const uint8_t no_offload[NET_HDR];
	struct stream *s = container_of(b, struct stream, b);
	size_t frame;
	ssize_t r;

	if (!b->up)
		return -EPIPE;
	while (!cut(s, &frame)) {
		r = fill(s);
		if (r < 0)
			return r;
	}
	if (frame > NET_FRAME_MAX) {
		net_backend_gone(b, "the peer sent a frame of an impossible length");
		return -EPROTO;
	}
	scatter(iov, 0, no_offload, NET_HDR);
	scatter(iov, NET_HDR, s->in + s->in_at + PREFIX, frame);
	s->in_at += PREFIX + frame;
	return (ssize_t)(NET_HDR + frame);
}

static void stream_start(struct net_backend *b, uint64_t features)
{
}

static void stream_destroy(struct net_backend *b)
{
	free(container_of(b, struct stream, b));
}

static const struct net_backend_ops stream_ops = {
	.send = stream_send,
	.recv = stream_recv,
	.start = stream_start,
	.flush = stream_flush,
	.destroy = stream_destroy,
};

int net_stream_adopt(const struct dev_env *env, int fd, struct net_backend **out,
	struct tvm_error *err)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(int), peer_len = sizeof(peer);
	struct stream *s;
	int type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM ||
		getpeername(fd, (struct sockaddr *)&peer, &peer_len) < 0)
		return -ENOTSOCK;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, -ENOMEM, "net: out of memory");
	net_backend_init(&s->b, env, &stream_ops, fd);
	*out = &s->b;
	return 0;
}

int net_stream_connect(const struct dev_env *env, const char *path, struct net_backend **out,
	struct tvm_error *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int r;

	if (!*path || strlen(path) >= sizeof(addr.sun_path))
		return err_set(err, -EINVAL, "net: path of a socket has 1 to %zu bytes",
			sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path));
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_sys(err, -errno, "net: cannot connect to '%.100s'", path);
	r = net_stream_adopt(env, fd, out, err);
	if (r >= 0)
		take_fd(&fd);
	return r;
}
