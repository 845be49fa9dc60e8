/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net [ROUNDS]: virtio-net with the guest's side in this process, beside a plain loop that moves
 * the same frames over the same kind of socket or tap. The two take turns, so that what else the
 * host does meets both; a ratio is the median of the rounds' own, ours by the loop's.
 *
 *	stream_send, stream_recv	frames after their length, on a unix stream socket
 *	tap_send, tap_recv		a tap in a network namespace of its own (needs root)
 *
 * Prints "bench: NAME value unit ratio=R target=T" lines. Numbers never make it fail.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "base/cleanup.h"
#include "devices/devices.h"
#include "devices/virtio/net.h"
#include "tests/bench/median.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"
#include "vmm/devopts.h"

#define MAX_ROUNDS 99
#define WAIT 10000
#define RXQ 0
#define TXQ 1
#define SLOTS 256
#define RX_BUF 2048u

/* ---- The other end: a thread that takes, or gives, as fast as it can -------------------- */

struct peer {
	int fd;
	bool sends, prefixed;
	uint32_t len;			/* of a frame */
	uint64_t left;			/* bytes still to be taken */
	_Atomic bool stop;
	pthread_t thread;
};

static void *take(void *opaque)
{
	static uint8_t buf[1 << 18];
	struct peer *p = opaque;

	while (p->left) {
		ssize_t n = recv(p->fd, buf, sizeof(buf), 0);

		FAKE_MUST(n > 0);
		p->left -= (uint64_t)n;
	}
	return NULL;
}

/* As many frames as fit into about 64 KiB at once, or one a message. */
static void *give(void *opaque)
{
	struct peer *p = opaque;
	uint32_t one = p->len + (p->prefixed ? 4 : 0);
	uint32_t n = p->prefixed && one < 65536 ? 65536 / one : 1;
	uint8_t *buf = calloc(n, one);

	for (uint32_t i = 0; i < n && p->prefixed; i++)
		memcpy(buf + i * one, &(uint32_t){ htobe32(p->len) }, 4);
	if (!p->prefixed)
		memcpy(buf, "\xff\xff\xff\xff\xff\xff\2\2\2\2\2\2\x88\xb5", 14);
	while (!p->stop)
		for (size_t at = 0; at < (size_t)n * one;) {
			ssize_t r = send(p->fd, buf + at, (size_t)n * one - at, MSG_NOSIGNAL);

			if (r <= 0) {
				if (r < 0 && errno == ENOBUFS)
					continue;
				free(buf);
				return NULL;
			}
			at += (size_t)r;
		}
	free(buf);
	return NULL;
}

static void peer_start(struct peer *p)
{
	FAKE_MUST(!pthread_create(&p->thread, NULL, p->sends ? give : take, p));
}

/* A taker ends by itself; a giver must be told, and its socket goes. */
static void peer_end(struct peer *p)
{
	p->stop = true;
	if (p->sends && p->prefixed)
		shutdown(p->fd, SHUT_RDWR);
	pthread_join(p->thread, NULL);
}

/* ---- Where frames go ----------------------------------------------------------------- */

struct place {
	bool tap, sends;
	uint32_t len, frames;
	int ours, peer;			/* descriptors; of a tap: packet socket as peer */
};

static void open_stream(struct place *pl)
{
	int sv[2];

	FAKE_MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv));
	pl->ours = sv[0];
	pl->peer = sv[1];
}

static void open_tap(struct place *pl)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET };
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = NET_HDR;

	pl->ours = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	strcpy(ifr.ifr_name, "tvmbench");
	FAKE_MUST(pl->ours >= 0 && s >= 0 && !ioctl(pl->ours, TUNSETIFF, &ifr) &&
		!ioctl(pl->ours, TUNSETVNETHDRSZ, &size));
	ifr.ifr_flags = IFF_UP;
	FAKE_MUST(!ioctl(s, SIOCSIFFLAGS, &ifr));
	close(s);
	/* Protocol 0: it gives frames and is not given any. */
	pl->peer = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	ll.sll_ifindex = (int)if_nametoindex("tvmbench");
	FAKE_MUST(pl->peer >= 0 && !bind(pl->peer, (struct sockaddr *)&ll, sizeof(ll)));
}

static void place_open(struct place *pl, struct peer *peer)
{
	if (pl->tap)
		open_tap(pl);
	else
		open_stream(pl);
	*peer = (struct peer){ .fd = pl->peer, .sends = !pl->sends, .prefixed = !pl->tap,
		.len = pl->len, .left = (uint64_t)pl->frames * (pl->len + 4) };
}

static bool has_peer(const struct place *pl)
{
	return !pl->tap || !pl->sends;	/* what a tap is given the kernel takes */
}

static void place_close(struct place *pl)
{
	close_fd(&pl->ours);
	close_fd(&pl->peer);
}

/* ---- The host's plain loop ----------------------------------------------------------- */

static void loop_send(struct place *pl, uint8_t *buf)
{
	static uint8_t none[NET_HDR];
	uint32_t prefix = htobe32(pl->len);
	struct iovec iov[2] = { { pl->tap ? (void *)none : &prefix, pl->tap ? NET_HDR : 4 },
		{ buf, pl->len } };

	memcpy(buf, "\xff\xff\xff\xff\xff\xff\2\2\2\2\2\2\x88\xb5", 14);
	for (uint32_t i = 0; i < pl->frames; i++) {
		size_t want = iov[0].iov_len + pl->len;
		ssize_t n = writev(pl->ours, iov, 2);

		FAKE_MUST(n > 0);
		for (want -= (size_t)n; want; want -= (size_t)n) {
			n = write(pl->ours, buf, want);
			FAKE_MUST(n > 0);
		}
	}
}

static void loop_recv(struct place *pl, uint8_t *buf, size_t size)
{
	uint64_t left = (uint64_t)pl->frames * (pl->len + 4);

	for (uint32_t i = 0; pl->tap && i < pl->frames; i++)
		FAKE_MUST(read(pl->ours, buf, size) > 0);
	while (!pl->tap && left) {
		ssize_t n = recv(pl->ours, buf, left < size ? left : size, 0);

		FAKE_MUST(n > 0);
		left -= (uint64_t)n;
	}
}

static double host_round(struct place *pl)
{
	static uint8_t buf[1 << 18];
	struct peer peer;
	double start;

	place_open(pl, &peer);
	start = now();
	if (has_peer(pl))
		peer_start(&peer);
	if (pl->sends)
		loop_send(pl, buf);
	else
		loop_recv(pl, buf, sizeof(buf));
	if (has_peer(pl) && pl->sends)
		pthread_join(peer.thread, NULL);
	start = now() - start;
	if (has_peer(pl) && !pl->sends)
		peer_end(&peer);
	place_close(pl);
	return start;
}

/* ---- The guest ----------------------------------------------------------------------- */

static void guest_send(struct place *pl, struct drv *d)
{
	uint32_t size = NET_HDR + pl->len, id, used, done = 0, sent = 0;
	gpa_t at = drv_alloc(d, size, 4096);
	const struct drv_buf buf = { at, size, false };

	memset(drv_ram(d, at, size), 0, size);
	memcpy(drv_ram(d, at + NET_HDR, 14), "\xff\xff\xff\xff\xff\xff\2\2\2\2\2\2\x88\xb5", 14);
	while (done < pl->frames) {
		while (sent < pl->frames && drv_add(d, TXQ, &buf, 1, false) >= 0)
			sent++;
		drv_kick_if_wanted(d, TXQ);
		FAKE_MUST(drv_wait(d, TXQ, WAIT, &id, &used));
		for (done++; drv_used(d, TXQ, &id, &used); done++)
			;
	}
}

static void guest_recv(struct place *pl, struct drv *d)
{
	gpa_t pool = drv_alloc(d, (uint64_t)SLOTS * RX_BUF, 4096);
	uint64_t left = (uint64_t)pl->frames * (pl->len + NET_HDR);
	uint32_t id, used;

	for (unsigned int i = 0; i < SLOTS; i++)
		drv_add(d, RXQ, (struct drv_buf[]){ { pool + i * RX_BUF, RX_BUF, true } }, 1,
			false);
	drv_kick(d, RXQ);
	while (left) {
		FAKE_MUST(drv_wait(d, RXQ, WAIT, &id, &used));
		do {
			left -= used < left ? used : left;
			drv_add(d, RXQ, (struct drv_buf[]){ { pool + id * RX_BUF, RX_BUF, true } },
				1, false);
		} while (left && drv_used(d, RXQ, &id, &used));
		drv_kick_if_wanted(d, RXQ);
	}
}

static double guest_round(struct place *pl)
{
	struct net_opts opts = { .vhost = NET_VHOST_OFF, .mtu = 65520 };
	static struct fake_env f;
	static struct drv d;
	struct dev *dev = NULL;
	struct peer peer;
	double start;
	char fd[16];

	place_open(pl, &peer);
	snprintf(fd, sizeof(fd), "%d", pl->ours);
	opts.fd = fd;
	fake_env_init(&f, MIB(64));
	FAKE_MUST(!virtio_net_class.create(&f.env, &opts, &dev, NULL));
	fake_env_start(&f);
	FAKE_MUST(!drv_init(&d, &f, (unsigned int)drv_find(&f, VIRTIO_ID_NET)));
	FAKE_MUST(!drv_start(&d, DRV_ALL_FEATURES, SLOTS));
	start = now();
	if (has_peer(pl))
		peer_start(&peer);
	if (pl->sends)
		guest_send(pl, &d);
	else
		guest_recv(pl, &d);
	if (has_peer(pl) && pl->sends)
		pthread_join(peer.thread, NULL);
	start = now() - start;
	if (has_peer(pl) && !pl->sends)
		peer_end(&peer);
	loop_stop(f.loop);
	if (((struct net *)dev)->pairs[0].tx.dropped)
		printf("# the host's kernel refused %llu of %u frames\n",
			(unsigned long long)((struct net *)dev)->pairs[0].tx.dropped, pl->frames);
	virtio_net_class.destroy(dev);
	fake_env_fini(&f);
	place_close(pl);
	return start;
}

static void compare(const char *name, struct place pl, unsigned int rounds)
{
	double ours[MAX_ROUNDS], ratio[MAX_ROUNDS];

	for (unsigned int i = 0; i < rounds; i++) {
		double host = host_round(&pl), t = guest_round(&pl);

		ours[i] = (double)pl.frames * pl.len / (1 << 20) / t;
		ratio[i] = host / t;
	}
	printf("bench: net_%s %.0f MiB/s ratio=%.3f target=-\n", name, median(ours, rounds),
		median(ratio, rounds));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 9;
	int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (rounds < 1 || rounds > MAX_ROUNDS)
		rounds = 9;
	compare("stream_send_1514", (struct place){ false, true, 1514, 60000, -1, -1 }, rounds);
	compare("stream_send_64k", (struct place){ false, true, 65000, 5000, -1, -1 }, rounds);
	compare("stream_recv_1514", (struct place){ false, false, 1514, 60000, -1, -1 }, rounds);
	compare("stream_recv_64k", (struct place){ false, false, 65000, 5000, -1, -1 }, rounds);
	if (tun < 0 || unshare(CLONE_NEWNET) < 0) {
		printf("# no tap: needs root and /dev/net/tun\n");
		return 0;
	}
	close(tun);
	compare("tap_send_1514", (struct place){ true, true, 1514, 60000, -1, -1 }, rounds);
	compare("tap_send_64k", (struct place){ true, true, 65000, 5000, -1, -1 }, rounds);
	compare("tap_recv_1514", (struct place){ true, false, 1514, 60000, -1, -1 }, rounds);
	return 0;
}
