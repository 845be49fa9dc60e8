/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is what a guest puts into both queues of a network device, what the peer of its
 * stream sends, and in which order. Every chain comes back at most once and with no more bytes
 * than it holds; packets sent come back all, unless the device asks for a reset; what the
 * peer gets is whole frames; memory that no writable buffer covers is left alone.
 */
#include <assert.h>
#include <endian.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices/devices.h"
#include "devices/virtio/net.h"
#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"
#include "vmm/devopts.h"

#define RAM MIB(4)
#define POOL 65536u
#define MAX_BUFS 12
#define RXQ 0
#define TXQ 1

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t n;
};

struct chain {
	bool used;
	uint32_t in_len;
};

struct run {
	struct fake_env f;
	struct drv d;
	struct dev *dev;
	int peer;
	struct chain chains[2][256];
	unsigned int pending[2];
	uint8_t stream[1 << 18];	/* what the peer got and did not judge */
	size_t stream_n;
};

static uint8_t next(struct input *in)
{
	if (!in->n)
		return 0;
	in->n--;
	return *in->p++;
}

static uint32_t buf_len(struct input *in)
{
	uint8_t b = next(in);

	switch (b >> 6) {
	case 0:
		return 1 + (b & 31);
	case 1:
		return 1526;
	case 2:
		return 64u * (1 + (b & 63));
	default:
		return 1 + ((uint32_t)(b & 63) << 8 | next(in));
	}
}

static void add_chain(struct run *r, struct input *in, unsigned int vq, gpa_t pool)
{
	struct drv_buf bufs[MAX_BUFS];
	uint8_t shape = next(in);
	unsigned int n = 1 + shape % MAX_BUFS, first_in = vq == RXQ ? 0 : n;
	uint32_t left = POOL - 1, in_len = 0;
	int head;

	if (shape >= 240) /* readable and writable ones */
		first_in = next(in) % (n + 1);
	for (unsigned int i = 0; i < n; i++) {
		uint32_t len = buf_len(in);

		len = len < left ? len : 1;
		bufs[i] = (struct drv_buf){ pool, len, i >= first_in };
		in_len += i >= first_in ? len : 0;
		pool += len;
		left -= left > len ? len : 0;
	}
	if (shape == 255)
		bufs[n - 1].gpa = RAM + next(in);
	head = drv_add(&r->d, vq, bufs, n, shape & 64);
	if (head < 0)
		return;
	r->chains[vq][head] = (struct chain){ true, in_len };
	r->pending[vq]++;
}

static bool broken(struct run *r)
{
	return drv_status(&r->d) & VIRTIO_S_NEEDS_RESET;
}

static void collect(struct run *r)
{
	uint32_t id, len;

	for (unsigned int vq = 0; vq < 2; vq++) {
		while (drv_used(&r->d, vq, &id, &len)) {
			struct chain *c = &r->chains[vq][id];

			assert(c->used && len <= c->in_len && (vq == RXQ || !len));
			c->used = false;
			r->pending[vq]--;
		}
	}
}

/* Read what the device sent; complete frames are judged and dropped. */
static void peer_reads(struct run *r)
{
	ssize_t n;
	uint32_t len;
	size_t at = 0;

	while ((n = recv(r->peer, r->stream + r->stream_n, sizeof(r->stream) - r->stream_n,
			MSG_DONTWAIT)) > 0)
		for (r->stream_n += (size_t)n, at = 0;;) {
			if (r->stream_n - at >= 4) {
				memcpy(&len, r->stream + at, 4);
				assert(be32toh(len) <= NET_FRAME_MAX);
				if (r->stream_n - at - 4 >= be32toh(len)) {
					at += 4 + be32toh(len);
					continue;
				}
			}
			memmove(r->stream, r->stream + at, r->stream_n - at);
			r->stream_n -= at;
			break;
		}
}

static void peer_sends(struct run *r, struct input *in)
{
	static uint8_t buf[1 << 16];
	uint8_t how = next(in);
	uint32_t n = how & 64 ? next(in) * 250u : next(in), len = htobe32(n);

	if (how & 128) { /* raw bytes */
		n = n < in->n ? n : (uint32_t)in->n;
		send(r->peer, in->p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		in->p += n;
		in->n -= n;
		return;
	}
	memcpy(buf, &len, 4);
	send(r->peer, buf, 4 + n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void reset(struct run *r, uint8_t flags)
{
	uint64_t wanted = DRV_ALL_FEATURES;

	collect(r);
	drv_reset(&r->d);
	memset(r->chains, 0, sizeof(r->chains));
	r->pending[0] = r->pending[1] = 0;
	wanted &= flags & 1 ? ~BIT(VIRTIO_NET_F_MRG_RXBUF) : ~0ULL;
	wanted &= flags & 2 ? ~BIT(VIRTIO_F_EVENT_IDX) : ~0ULL;
	FAKE_MUST(!drv_start(&r->d, wanted, flags & 4 ? 8 : 64));
}

static void step(struct run *r, struct input *in, gpa_t pool)
{
	uint8_t op = next(in);

	switch (op & 7) {
	case 0:
	case 1:
		add_chain(r, in, RXQ, pool);
		break;
	case 2:
	case 3:
		add_chain(r, in, TXQ, pool + POOL);
		break;
	case 4:
		drv_kick(&r->d, op & 8 ? RXQ : TXQ);
		break;
	case 5:
		peer_sends(r, in);
		break;
	case 6:
		peer_reads(r);
		collect(r);
		break;
	default:
		if (op >= 0xf0)
			reset(r, next(in));
		else if (op >= 0xe8)
			shutdown(r->peer, SHUT_RDWR);
		else
			drv_kick(&r->d, RXQ);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run r;
	struct input in = { data, size };
	uint8_t flags = next(&in), *guard;
	struct net_opts opts = { 0 };
	char text[16];
	int sv[2];
	gpa_t pool;

	memset(&r, 0, sizeof(r));
	FAKE_MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv));
	r.peer = sv[1];
	snprintf(text, sizeof(text), "%d", sv[0]);
	opts.fd = text;
	fake_env_init(&r.f, RAM);
	FAKE_MUST(!virtio_net_class.create(&r.f.env, &opts, &r.dev, NULL));
	close(sv[0]);
	fake_env_start(&r.f);
	FAKE_MUST(!drv_init(&r.d, &r.f, (unsigned int)drv_find(&r.f, VIRTIO_ID_NET)));
	reset(&r, flags);
	pool = RAM - 2 * POOL - 4096;
	guard = fake_ram(&r.f, RAM - 4096, 4096);
	memset(guard, 0x5a, 4096);
	while (in.n)
		step(&r, &in, pool);
	/* With a peer that reads, all that was sent comes back. */
	for (int tries = 0; r.pending[TXQ] && !broken(&r); tries++) {
		assert(tries < 5000);
		drv_kick(&r.d, TXQ);
		peer_reads(&r);
		collect(&r);
		if (r.pending[TXQ])
			usleep(tries < 50 ? 20 : 1000);
	}
	collect(&r);
	for (unsigned int i = 0; i < 4096; i++)
		assert(guard[i] == 0x5a);
	loop_stop(r.f.loop);
	virtio_net_class.destroy(r.dev);
	fake_env_fini(&r.f);
	close(r.peer);
	return 0;
}
