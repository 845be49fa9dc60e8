/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tap interface as the other end of virtio-net. The kernel's virtio header is the guest's:
 * packets go between guest memory and the kernel unseen, and the kernel checks what a guest
 * claims about them (Linux, tun_get_user() and virtio_net_hdr_to_skb()).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "devices/virtio/net.h"
#include "vmm/device.h"

#define OFFLOADS \
	(BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6))
#define GUEST_OFFLOADS \
	(BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_TSO4) | \
		BIT(VIRTIO_NET_F_GUEST_TSO6))
/* What an interface keeps for us at most (its txqueuelen), roughly. */
#define STALE_MAX 1024

static void check_gone(struct net_backend *b, int error)
{
	if (error == EBADFD)
		net_backend_gone(b, "the tap interface was removed");
}

static int tap_send(struct net_backend *b, struct iovec *iov, unsigned int nr, size_t len)
{
	ssize_t n;

	do {
		n = writev(b->fd, iov, (int)nr);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	n = -errno;
	check_gone(b, errno);
	return (int)n;
}

static ssize_t tap_recv(struct net_backend *b, const struct iovec *iov, unsigned int nr)
{
	ssize_t n;

	do {
		n = readv(b->fd, iov, (int)nr);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	n = -errno;
	check_gone(b, errno);
	return n;
}

/* features: what the driver accepted. False: the kernel does not know one of them. */
static bool set_offload(int fd, uint64_t features)
{
	unsigned long flags = 0;

	/* 5.1.3.1: no segmentation without checksums. */
	if (features & BIT(VIRTIO_NET_F_GUEST_CSUM)) {
		flags |= TUN_F_CSUM;
		flags |= features & BIT(VIRTIO_NET_F_GUEST_TSO4) ? TUN_F_TSO4 : 0;
		flags |= features & BIT(VIRTIO_NET_F_GUEST_TSO6) ? TUN_F_TSO6 : 0;
	}
	return ioctl(fd, TUNSETOFFLOAD, flags) == 0;
}

static void tap_start(struct net_backend *b, uint64_t features)
{
	uint8_t byte;

	set_offload(b->fd, features);
	/*
	 * What waits was meant for an earlier driver and may need offloads that this one did
	 * not accept. A packet is dropped with one short read.
	 */
	for (int i = 0; i < STALE_MAX; i++) {
		struct iovec hdr[] = { { &(uint8_t[NET_HDR]){ 0 }, NET_HDR }, { &byte, 1 } };

		if (readv(b->fd, hdr, 2) < 0 && errno != EINTR)
			break;
	}
}

static int tap_attach(struct net_backend *b, bool on)
{
	struct ifreq ifr = { .ifr_flags = on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };

	return ioctl(b->fd, TUNSETQUEUE, &ifr) < 0 ? -errno : 0;
}

static void tap_destroy(struct net_backend *b)
{
	free(b);
}

static const struct net_backend_ops tap_ops = {
	.send = tap_send,
	.recv = tap_recv,
	.start = tap_start,
	.attach = tap_attach,
	.destroy = tap_destroy,
};

/* fd is a tap with headers: size, byte order and offloads are ours to set. */
static int tap_create(const struct dev_env *env, int fd, const char *ifname,
	struct net_backend **out, struct tvm_error *err)
{
	int size = NET_HDR, little = 1, flags = fcntl(fd, F_GETFL);
	struct net_backend *b;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_sys(err, -errno, "net: tap");
	if (ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
		return err_sys(err, -errno, "net: tap: header of %d bytes", size);
	/* Little endian is what a little endian host does anyway. */
	ioctl(fd, TUNSETVNETLE, &little);
	b = malloc(sizeof(*b));
	if (!b)
		return err_set(err, -ENOMEM, "net: out of memory");
	net_backend_init(b, env, &tap_ops, fd);
	snprintf(b->ifname, sizeof(b->ifname), "%s", ifname);
	b->features = OFFLOADS;
	if (set_offload(fd, GUEST_OFFLOADS))
		b->features |= GUEST_OFFLOADS;
	set_offload(fd, 0);
	*out = b;
	return 0;
}

int net_tap_name(int fd, char name[16])
{
	struct ifreq ifr = { 0 };

	if (ioctl(fd, TUNGETIFF, &ifr) < 0)
		return -errno;
	snprintf(name, IFNAMSIZ, "%.15s", ifr.ifr_name);
	return 0;
}

int net_tap_adopt(const struct dev_env *env, int fd, struct net_backend **out,
	struct tvm_error *err)
{
	struct ifreq ifr = { 0 };
	unsigned short need = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	int r;

	if (ioctl(fd, TUNGETIFF, &ifr) < 0)
		return errno == EBADFD ? err_set(err, -EINVAL,
			"net: fd is a tap without an interface") : -ENOTTY;
	if (((unsigned short)ifr.ifr_flags & (need | IFF_TUN)) != need)
		return err_set(err, -EINVAL,
			"net: fd of '%.16s' is not a tap with IFF_NO_PI and IFF_VNET_HDR",
			ifr.ifr_name);
	r = tap_create(env, fd, ifr.ifr_name, out, err);
	if (r >= 0)
		(*out)->attached = !((unsigned short)ifr.ifr_flags & IFF_DETACH_QUEUE);
	return r;
}

int net_tap_open(const struct dev_env *env, const char *ifname, bool many,
	struct net_backend **out, struct tvm_error *err)
{
	_cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int r;

	/* A '%' would make the kernel choose a number. */
	if (!*ifname || strlen(ifname) >= IFNAMSIZ || strpbrk(ifname, "%/"))
		return err_set(err, -EINVAL, "net: '%.40s' is not the name of an interface",
			ifname);
	if (fd < 0)
		return err_sys(err, -errno, "net: cannot open /dev/net/tun");
	memcpy(ifr.ifr_name, ifname, strlen(ifname));
	ifr.ifr_flags |= many ? IFF_MULTI_QUEUE : 0;
	r = ioctl(fd, TUNSETIFF, &ifr);
	if (r < 0 && errno == EINVAL && many)
		return err_set(err, -EINVAL, "net: tap '%s' was not made for several queues",
			ifname);
	if (r < 0 && errno == EINVAL) {
		/* One that was made for several queues can be had by one as well. */
		ifr.ifr_flags |= IFF_MULTI_QUEUE;
		r = ioctl(fd, TUNSETIFF, &ifr);
	}
	if (r < 0 && errno == EBUSY)
		return err_set(err, -EBUSY, "net: tap '%s' is used by another machine", ifname);
	if (r < 0)
		return err_sys(err, -errno, "net: tap '%s'", ifname);
	r = tap_create(env, fd, ifname, out, err);
	if (r >= 0)
		take_fd(&fd);
	return r;
}
