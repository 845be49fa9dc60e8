/* SPDX-License-Identifier: Apache-2.0 */
/* See host.h. What it demands is what Linux, drivers/vhost/vhost.c and net.c, demand. */
#include "tests/unit/vhost/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bits.h"

int __real_ioctl(int fd, unsigned long request, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_open(const char *path, int flags, ...);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct host host;
static pthread_t thread;
static bool playing;

struct host *host_lock(void)
{
	pthread_mutex_lock(&lock);
	return &host;
}

void host_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

__attribute__((format(printf, 1, 2)))
static int complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!host.complaint[0])
		vsnprintf(host.complaint, sizeof(host.complaint), fmt, ap);
	va_end(ap);
	errno = EINVAL;
	return -1;
}

static unsigned long ino_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

/* ---- The kernel's thread: rings ------------------------------------------------------ */

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

static uint16_t load16(uint64_t uaddr)
{
	return __atomic_load_n((uint16_t *)(uintptr_t)uaddr, __ATOMIC_ACQUIRE);
}

static void *translate(struct host_vhost *v, uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < v->nr_regions; i++)
		if (range_within(gpa, len, v->regions[i].gpa, v->regions[i].size))
			return (void *)(uintptr_t)(v->regions[i].uaddr + gpa - v->regions[i].gpa);
	return NULL;
}

/* The next chain: entries of iov, 0: none, -1: not in the table. */
static int next_chain(struct host_vhost *v, struct host_ring *r, struct iovec *iov, uint16_t *head)
{
	struct desc *table = (struct desc *)(uintptr_t)r->desc, d;
	unsigned int n = 0, i;

	if (load16(r->avail + 2) == r->base)
		return 0;
	*head = load16(r->avail + 4 + 2 * (r->base % r->num));
	i = *head;
	d = table[i];
	if (d.flags & 4) {
		table = translate(v, d.addr, d.len);
		i = 0;
	}
	do {
		d = table ? table[i] : (struct desc){ .len = 1 };
		iov[n].iov_base = table ? translate(v, d.addr, d.len) : NULL;
		iov[n].iov_len = d.len;
		if (!iov[n++].iov_base)
			return -1;
		i = d.next;
	} while ((d.flags & 1) && n < 16);
	return (int)n;
}

static void put_used(struct host_ring *r, uint16_t head, uint32_t len)
{
	uint32_t *elem = (uint32_t *)(uintptr_t)(r->used + 4 + 8 * (r->base % r->num));

	elem[0] = head;
	elem[1] = len;
	r->base++;
	__atomic_store_n((uint16_t *)(uintptr_t)(r->used + 2), r->base, __ATOMIC_RELEASE);
	eventfd_write(r->call, 1);
}

static void serve(struct host_vhost *v, unsigned int i)
{
	struct host_ring *r = &v->rings[i];
	struct iovec iov[16];
	uint16_t head;
	ssize_t len;
	int n;

	while (r->backend >= 0 && r->kick >= 0) {
		struct pollfd p = { .fd = r->backend, .events = POLLIN };

		if (!i && poll(&p, 1, 0) <= 0)
			return;
		n = next_chain(v, r, iov, &head);
		if (n < 0)
			eventfd_write(r->err, 1);
		if (n <= 0)
			return;
		len = i ? writev(r->backend, iov, n) : readv(r->backend, iov, n);
		if (!i && len < 0)
			return;
		if (!i && iov[0].iov_len >= 12)
			memcpy((uint8_t *)iov[0].iov_base + 10, &(uint16_t){ 1 }, 2);
		v->frames[i]++;
		put_used(r, head, i ? 0 : (uint32_t)len);
	}
}

/*
 * A kick is what makes it look into a transmit ring. It only waits for the descriptor, and
 * leaves the count, as the kernel does; so it looks again and again here.
 */
static void *play(void *unused)
{
	bool on = true;

	while (on) {
		pthread_mutex_lock(&lock);
		for (unsigned int v = 0; v < host.nr_vhosts; v++)
			for (unsigned int i = 0; i < 2; i++) {
				struct host_ring *r = &host.vhosts[v].rings[i];
				struct pollfd p = { .fd = r->kick, .events = POLLIN };

				if (r->kick >= 0 && poll(&p, 1, 0) > 0)
					serve(&host.vhosts[v], i);
			}
		on = playing;
		pthread_mutex_unlock(&lock);
		usleep(500);
	}
	return NULL;
}

void host_error(unsigned int vhost, unsigned int ring)
{
	pthread_mutex_lock(&lock);
	eventfd_write(host.vhosts[vhost].rings[ring].err, 1);
	pthread_mutex_unlock(&lock);
}

/* ---- ioctls of a vhost device -------------------------------------------------------- */

static int set_memory(struct host_vhost *v, const struct vhost_memory *m)
{
	if (m->nregions > 8 || m->padding)
		return complain("memory table");
	v->nr_regions = m->nregions;
	for (unsigned int i = 0; i < m->nregions; i++) {
		v->regions[i].gpa = m->regions[i].guest_phys_addr;
		v->regions[i].size = m->regions[i].memory_size;
		v->regions[i].uaddr = m->regions[i].userspace_addr;
	}
	return 0;
}

static int set_addr(struct host_ring *r, const struct vhost_vring_addr *a)
{
	if (a->flags || a->desc_user_addr % 16 || a->avail_user_addr % 2 || a->used_user_addr % 4)
		return complain("ring address");
	r->desc = a->desc_user_addr;
	r->avail = a->avail_user_addr;
	r->used = a->used_user_addr;
	return 0;
}

static int set_backend(struct host_vhost *v, struct host_ring *r, int fd)
{
	if (fd >= 0 && (!v->nr_regions || !r->num || !r->desc || r->kick < 0 || r->call < 0))
		return complain("backend before the ring");
	r->backend = fd;
	return 0;
}

static int vring_ioctl(struct host_vhost *v, unsigned long request, const void *arg)
{
	const struct vhost_vring_state *s = arg;	/* all begin with the index */
	struct host_ring *r = &v->rings[s->index];
	int fd = (int)s->num;

	if (s->index > 1)
		return complain("ring %u", s->index);
	switch (request) {
	case VHOST_SET_VRING_NUM:
		r->num = s->num;
		return r->backend < 0 && is_pow2(s->num) ? 0 : complain("ring size");
	case VHOST_SET_VRING_BASE:
		r->base = (uint16_t)s->num;
		return r->backend < 0 ? 0 : complain("ring base while it runs");
	case VHOST_SET_VRING_ADDR:
		return set_addr(r, arg);
	case VHOST_SET_VRING_KICK:
		r->kick = fd;
		return 0;
	case VHOST_SET_VRING_CALL:
		r->call = fd;
		return 0;
	case VHOST_SET_VRING_ERR:
		r->err = fd;
		return 0;
	case VHOST_NET_SET_BACKEND:
		return set_backend(v, r, fd);
	default:
		return complain("ioctl 0x%lx", request);
	}
}

static int vhost_request(struct host_vhost *v, unsigned long request, void *arg)
{
	if (host.fail_request == request && !--host.fail_nth) {
		errno = EIO;
		return -1;
	}
	if (request == VHOST_GET_FEATURES) {
		*(uint64_t *)arg = host.features;
		return 0;
	}
	if (request == VHOST_SET_OWNER) {
		if (v->owned)
			return complain("owner twice");
		v->owned = true;
		return 0;
	}
	if (!v->owned)
		return complain("no owner");
	if (request == VHOST_SET_FEATURES) {
		v->features = *(uint64_t *)arg;
		/* With ACCESS_PLATFORM all addresses would have to come through an IOTLB. */
		return v->features & (~host.features | BIT(33)) ? complain("features") : 0;
	}
	if (request == VHOST_SET_MEM_TABLE)
		return set_memory(v, arg);
	return vring_ioctl(v, request, arg);
}

/* ---- ioctls of a tap ----------------------------------------------------------------- */

static int tap_request(struct host_tap *t, unsigned long request, void *arg)
{
	struct ifreq *ifr = arg;

	switch (request) {
	case TUNSETIFF:
		/* tun_set_iff() */
		if (host.single && (ifr->ifr_flags & IFF_MULTI_QUEUE)) {
			errno = EINVAL;
			return -1;
		}
		memcpy(t->name, ifr->ifr_name, sizeof(t->name));
		t->flags = ifr->ifr_flags;
		t->attached = true;
		return 0;
	case TUNGETIFF:
		memcpy(ifr->ifr_name, t->name, sizeof(t->name));
		ifr->ifr_flags = (short)(t->flags | (t->attached ? 0 : IFF_DETACH_QUEUE));
		return 0;
	case TUNSETQUEUE:
		if (!(t->flags & IFF_MULTI_QUEUE) ||
			t->attached == !!(ifr->ifr_flags & IFF_ATTACH_QUEUE))
			return complain("queue of tap");
		t->attached = ifr->ifr_flags & IFF_ATTACH_QUEUE;
		return 0;
	case TUNSETVNETHDRSZ:
	case TUNSETVNETLE:
	case TUNSETOFFLOAD:
		return 0;
	default:
		return complain("ioctl 0x%lx of tap", request);
	}
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	unsigned long ino = ino_of(fd);
	va_list ap;
	void *arg;
	int r;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; ino && i < HOST_MAX; i++) {
		if (host.vhosts[i].ino == ino)
			r = vhost_request(&host.vhosts[i], request, arg);
		else if (host.taps[i].ino == ino)
			r = tap_request(&host.taps[i], request, arg);
		else
			continue;
		pthread_mutex_unlock(&lock);
		return r;
	}
	pthread_mutex_unlock(&lock);
	return __real_ioctl(fd, request, arg);
}

static int open_vhost(void)
{
	struct host_vhost *v = &host.vhosts[host.nr_vhosts];
	int fd = memfd_create("vhost", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	host.nr_vhosts++;
	*v = (struct host_vhost){ .open = true, .ino = ino_of(fd) };
	for (unsigned int i = 0; i < 2; i++)
		v->rings[i] = (struct host_ring){ .kick = -1, .call = -1, .err = -1,
			.backend = -1 };
	return fd;
}

static int open_tap(void)
{
	struct host_tap *t = &host.taps[host.nr_taps];
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) < 0)
		return -1;
	host.nr_taps++;
	*t = (struct host_tap){ .ino = ino_of(sv[0]), .peer = sv[1] };
	return sv[0];
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;
	int fd;

	va_start(ap, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (!strcmp(path, "/dev/vhost-net") && host.open_error) {
		errno = host.open_error;
		return -1;
	}
	if (strcmp(path, "/dev/vhost-net") && strcmp(path, "/dev/net/tun"))
		return __real_open(path, flags, mode);
	pthread_mutex_lock(&lock);
	if (host.nr_vhosts == HOST_MAX || host.nr_taps == HOST_MAX)
		fd = complain("too many devices");
	else
		fd = path[5] == 'v' ? open_vhost() : open_tap();
	pthread_mutex_unlock(&lock);
	return fd;
}

void host_begin(void)
{
	memset(&host, 0, sizeof(host));
	host.features = HOST_FEATURES;
	playing = true;
	if (pthread_create(&thread, NULL, play, NULL))
		abort();
}

void host_end(void)
{
	pthread_mutex_lock(&lock);
	playing = false;
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
	for (unsigned int i = 0; i < host.nr_vhosts; i++)
		for (unsigned int k = 0; k < 2; k++)
			if (host.vhosts[i].rings[k].backend >= 0)
				complain("ring %u of vhost %u still runs", k, i);
	for (unsigned int i = 0; i < host.nr_taps; i++)
		close(host.taps[i].peer);
	if (host.complaint[0])
		printf("# host: %s\n", host.complaint);
}
