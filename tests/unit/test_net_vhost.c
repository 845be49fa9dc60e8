/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-net whose queues the host's kernel serves, on a played host. */
#include <linux/vhost.h>

#include "tests/unit/vhost/rig.h"

/* Whether the host has the call descriptor of this queue's vector. */
static bool bound(struct rig *r, unsigned int vq)
{
	bool any = false;

	pthread_mutex_lock(&r->f.wires.lock);
	for (unsigned int i = 0; i < FAKE_MAX; i++) {
		struct fake_msi *m = &r->f.wires.msis[i];

		if (m->used && m->data == drv_msi_data(&r->d, (int)vq))
			any = m->nr_more == 1;
	}
	pthread_mutex_unlock(&r->f.wires.lock);
	return any;
}

/* A ring's backend: -1 while it is stopped. */
static int backend(unsigned int vhost, unsigned int ring)
{
	int fd = host_lock()->vhosts[vhost].rings[ring].backend;

	host_unlock();
	return fd;
}

static void fail(unsigned long request, unsigned int nth)
{
	struct host *h = host_lock();

	h->fail_request = request;
	h->fail_nth = nth;
	host_unlock();
}

static unsigned int frames(unsigned int vhost, unsigned int ring)
{
	unsigned int n = host_lock()->vhosts[vhost].frames[ring];

	host_unlock();
	return n;
}

static void check_traffic(struct rig *r)
{
	for (uint32_t n = 60; n < 70; n++) {
		CHECK(sends(r, 1, 0, n));
		CHECK(receives(r, 0, 0, n));
	}
}

static void test_traffic(void)
{
	const struct gmem_slot *s;
	struct host *h;
	struct rig r;

	rig_begin(&r);
	rig_run(&r, DRV_ALL_FEATURES_PACKED);
	CHECK_HAS(r.f.last_log, "net0: served by the host's kernel (vhost-net)");
	CHECK(!(drv_offered(&r.d) & BIT(VIRTIO_F_RING_PACKED)));
	CHECK(drv_offered(&r.d) & BIT(VIRTIO_F_RING_RESET));
	check_traffic(&r);
	CHECK(sends(&r, 1, 0, 60001));
	CHECK_INT(frames(0, 1), 11);
	CHECK(bound(&r, 0) && bound(&r, 1));
	h = host_lock();
	s = gmem_slot(r.f.gmem, 0);
	CHECK(h->vhosts[0].nr_regions == 1 && h->vhosts[0].regions[0].gpa == s->gpa &&
		h->vhosts[0].regions[0].size == s->size &&
		h->vhosts[0].regions[0].uaddr == (uintptr_t)s->hva);
	CHECK(h->vhosts[0].features == (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_INDIRECT_DESC) |
		BIT(VIRTIO_F_EVENT_IDX) | BIT(VIRTIO_NET_F_MRG_RXBUF)));
	host_unlock();
	/* Registers written now change nothing (CVE-2026-5747). */
	drv_write(&r.d, DRV_QUEUE_SELECT, 2, 1);
	drv_write(&r.d, DRV_QUEUE_DESC, 8, 0);
	drv_write(&r.d, DRV_QUEUE_SIZE, 2, 16);
	check_traffic(&r);
	rig_end(&r);
}

static void test_mmio(void)
{
	struct rig r;

	rig_begin(&r);
	rig_mmio(&r);
	rig_run(&r, DRV_ALL_FEATURES);
	check_traffic(&r);
	CHECK_INT(frames(0, 0), 10);
	rig_end(&r);
}

static bool shared_half(void *opaque, gpa_t gpa, size_t len)
{
	return range_within(gpa, len, 0, MIB(32));
}

/* A confidential guest: the kernel is not told of ACCESS_PLATFORM; rings must be shared. */
static void test_confidential(void)
{
	struct rig r;

	rig_begin(&r);
	r.f.env.access_platform = true;
	gmem_restrict(r.f.gmem, shared_half, NULL);
	rig_run(&r, DRV_ALL_FEATURES);
	CHECK(r.d.features & BIT(VIRTIO_F_ACCESS_PLATFORM));
	check_traffic(&r);
	CHECK(!(host_lock()->vhosts[0].features & BIT(VIRTIO_F_ACCESS_PLATFORM)));
	host_unlock();
	drv_reset(&r.d);
	CHECK_INT(drv_negotiate(&r.d, DRV_ALL_FEATURES & ~BIT(VIRTIO_F_ACCESS_PLATFORM)), -ENOTSUP);
	drv_reset(&r.d);
	r.d.heap = MIB(40);
	CHECK_INT(drv_start(&r.d, DRV_ALL_FEATURES, 0), 0);
	CHECK(drv_status(&r.d) & VIRTIO_S_NEEDS_RESET);
	CHECK_INT(backend(0, 0), -1);
	rig_end(&r);
}

static void mask(struct rig *r, unsigned int vector, bool on)
{
	fake_mmio_write(&r->f, r->d.msix + 16 * vector + 12, 4, on);
}

/* While its vector is masked, what the kernel signals waits as a pending bit. */
static void test_masked(void)
{
	gpa_t pba;
	struct rig r;
	uint32_t id, used;
	gpa_t at;

	rig_begin(&r);
	rig_run(&r, DRV_ALL_FEATURES);
	CHECK(sends(&r, 1, 0, 64));
	mask(&r, 2, true);
	CHECK(!bound(&r, 1) && bound(&r, 0));
	while (fake_msi_wait(&r.f, drv_msi_data(&r.d, 1), 20))
		;
	at = drv_alloc(&r.d, 100, 64);
	drv_add(&r.d, 1, (struct drv_buf[]){ { at, 100, false } }, 1, false);
	drv_kick(&r.d, 1);
	pba = r.d.msix + align_up(16 * r.d.nr_vectors, 8);
	for (int i = 0; i < 1000 && !(fake_mmio_read(&r.f, pba, 4) & 4); i++)
		usleep(10000);
	CHECK(fake_mmio_read(&r.f, pba, 4) & 4);
	CHECK(!fake_msi_wait(&r.f, drv_msi_data(&r.d, 1), 0));
	mask(&r, 2, false);
	CHECK(fake_msi_wait(&r.f, drv_msi_data(&r.d, 1), 0) && bound(&r, 1));
	CHECK(drv_used(&r.d, 1, &id, &used));
	/* No vector for the queue, then the old one. */
	drv_write(&r.d, DRV_QUEUE_SELECT, 2, 1);
	drv_write(&r.d, DRV_QUEUE_VECTOR, 2, 0xffff);
	CHECK(!bound(&r, 1));
	drv_write(&r.d, DRV_QUEUE_VECTOR, 2, 2);
	CHECK(bound(&r, 1));
	rig_end(&r);
}

/* A host that takes one descriptor a vector: the loop delivers. */
static void test_no_msi_add(void)
{
	struct rig r;

	rig_begin(&r);
	r.f.wires.no_msi_add = true;
	rig_run(&r, DRV_ALL_FEATURES);
	CHECK(!bound(&r, 0));
	check_traffic(&r);
	rig_end(&r);
}

static void test_reset(void)
{
	struct rig r;

	rig_begin(&r);
	rig_run(&r, DRV_ALL_FEATURES);
	for (int i = 0; i < 5; i++) {
		check_traffic(&r);
		drv_reset(&r.d);
		CHECK_INT(backend(0, 0), -1);
		CHECK_INT(backend(0, 1), -1);
		CHECK(!bound(&r, 0));
		/* Without mergeable buffers, in a small ring. */
		CHECK_INT(drv_start(&r.d, DRV_ALL_FEATURES & ~BIT(VIRTIO_NET_F_MRG_RXBUF),
			i & 1 ? 16 : 0), 0);
	}
	virtio_net_class.reset(r.dev);
	CHECK_INT(backend(0, 0), -1);
	FAKE_MUST(!drv_init(&r.d, &r.f, r.d.slot));
	CHECK_INT(drv_start(&r.d, DRV_ALL_FEATURES, 0), 0);
	check_traffic(&r);
	rig_end(&r);
}

static void reset_queue(struct rig *r, unsigned int vq, uint16_t size)
{
	drv_write(&r->d, DRV_QUEUE_SELECT, 2, vq);
	drv_write(&r->d, DRV_QUEUE_RESET, 2, 1);
	CHECK_INT(drv_read(&r->d, DRV_QUEUE_ENABLE, 2), 0);
	CHECK_INT(backend(0, vq), -1);
	CHECK(backend(0, !vq) >= 0);
	memset(&r->d.q[vq], 0, sizeof(r->d.q[vq]));
	drv_queue_init(&r->d, vq, size);
	CHECK_INT(host_lock()->vhosts[0].rings[vq].num, size);
	host_unlock();
}

static void test_queue_reset(void)
{
	struct rig r;

	rig_begin(&r);
	rig_run(&r, DRV_ALL_FEATURES);
	for (uint16_t size = 256; size >= 16; size /= 2) {
		check_traffic(&r);
		reset_queue(&r, 1, size);
		CHECK(receives(&r, 0, 0, 100));
		check_traffic(&r);
		reset_queue(&r, 0, size);
	}
	check_traffic(&r);
	rig_end(&r);
}

/* What the kernel cannot work with becomes the guest's to reset. */
static void test_error(void)
{
	struct rig r;

	rig_begin(&r);
	rig_run(&r, DRV_ALL_FEATURES);
	drv_add(&r.d, 1, (struct drv_buf[]){ { MIB(512), 100, false } }, 1, false);
	drv_kick(&r.d, 1);
	for (int i = 0; i < 1000 && !(drv_status(&r.d) & VIRTIO_S_NEEDS_RESET); i++)
		usleep(10000);
	CHECK(drv_status(&r.d) & VIRTIO_S_NEEDS_RESET);
	drv_reset(&r.d); /* the loop has written its line */
	CHECK_HAS(r.f.last_log, "queue 1: refused by the host's kernel");
	CHECK_INT(drv_start(&r.d, DRV_ALL_FEATURES, 0), 0);
	check_traffic(&r);
	rig_end(&r);
}

/* Each call of the kernel fails once: on the way up the option says what then happens. */
static void test_refused(void)
{
	static const unsigned long at_open[] = { VHOST_GET_FEATURES, VHOST_SET_OWNER };
	static const unsigned long at_start[] = { VHOST_SET_FEATURES, VHOST_SET_MEM_TABLE,
		VHOST_SET_VRING_NUM, VHOST_SET_VRING_BASE, VHOST_SET_VRING_ADDR,
		VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL, VHOST_SET_VRING_ERR,
		VHOST_NET_SET_BACKEND };
	struct rig r;

	for (size_t i = 0; i < ARRAY_SIZE(at_open); i++) {
		rig_begin(&r);
		fail(at_open[i], 2);
		r.opts.queues = 2;
		CHECK_INT(rig_create(&r), -EIO);
		CHECK_HAS(r.err.msg, "net: /dev/vhost-net: VHOST_");
		rig_end(&r);
	}
	rig_begin(&r);
	rig_run(&r, 0);
	for (size_t i = 0; i < ARRAY_SIZE(at_start); i++) {
		for (unsigned int nth = 1; nth <= (i > 1 ? 2 : 1); nth++) {
			fail(at_start[i], nth);
			CHECK_INT(drv_start(&r.d, DRV_ALL_FEATURES, 0), 0);
			CHECK(drv_status(&r.d) & VIRTIO_S_NEEDS_RESET);
			fail(0, 0);
			drv_reset(&r.d);
			CHECK_INT(backend(0, 0), -1);
		}
	}
	CHECK_INT(drv_start(&r.d, DRV_ALL_FEATURES, 0), 0);
	check_traffic(&r);
	rig_end(&r);
}

static void test_choice(void)
{
	struct rig r;

	rig_begin(&r);
	host_lock()->open_error = ENOENT;
	host_unlock();
	CHECK_INT(rig_create(&r), -ENOENT);
	CHECK_HAS(r.err.msg, "net: cannot open /dev/vhost-net");
	rig_end(&r);

	rig_begin(&r);
	host_lock()->open_error = EACCES;
	host_unlock();
	r.opts.vhost = NET_VHOST_AUTO;
	rig_run(&r, DRV_ALL_FEATURES_PACKED);
	CHECK_HAS(r.f.last_log, "net0: served by this process: net: cannot open /dev/vhost-net");
	check_traffic(&r);
	CHECK(drv_offered(&r.d) & BIT(VIRTIO_F_RING_PACKED));
	rig_end(&r);

	rig_begin(&r);
	r.opts.vhost = NET_VHOST_AUTO;
	rig_run(&r, DRV_ALL_FEATURES);
	check_traffic(&r);
	CHECK_INT(frames(0, 0), 10);
	rig_end(&r);

	rig_begin(&r);
	r.opts.vhost = NET_VHOST_OFF;
	rig_run(&r, DRV_ALL_FEATURES);
	check_traffic(&r);
	CHECK_INT(host_lock()->nr_vhosts, 0);
	host_unlock();
	rig_end(&r);

	/* A kernel that is older than virtio 1, and one that knows no mergeable buffers. */
	rig_begin(&r);
	host_lock()->features = BIT(VIRTIO_F_EVENT_IDX);
	host_unlock();
	CHECK_INT(rig_create(&r), -ENOTSUP);
	host_lock()->features = BIT(VIRTIO_F_VERSION_1);
	host_unlock();
	rig_run(&r, DRV_ALL_FEATURES);
	CHECK(!(r.d.features & (BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_F_EVENT_IDX) |
		BIT(VIRTIO_F_INDIRECT_DESC))));
	rig_end(&r);
}

/* Pairs of queues, each with a vhost device on a queue of the tap. */
static void test_pairs(void)
{
	struct rig r;

	rig_begin(&r);
	r.opts.queues = 3;
	rig_run(&r, DRV_ALL_FEATURES);
	CHECK_INT(r.d.nr_queues, 7);
	CHECK_INT(attached(), 1);
	check_traffic(&r);
	CHECK_INT(set_pairs(&r, 6, 3), 0);
	CHECK_INT(attached(), 3);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK(sends(&r, 2 * i + 1, i, 100));
		CHECK(receives(&r, 2 * i, i, 100));
		CHECK_INT(frames(i, 1), i ? 1 : 11);
	}
	CHECK_INT(set_pairs(&r, 6, 2), 0);
	CHECK_INT(attached(), 2);
	/* A driver without MQ has its control queue where another's pair 1 is. */
	drv_reset(&r.d);
	CHECK_INT(drv_start(&r.d, DRV_ALL_FEATURES & ~BIT(VIRTIO_NET_F_MQ), 0), 0);
	check_traffic(&r);
	CHECK_INT(attached(), 1);
	CHECK_INT(set_pairs(&r, 2, 1), 1);
	CHECK_INT(backend(1, 0), -1);
	rig_end(&r);
}

int main(void)
{
	RUN(test_traffic);
	RUN(test_mmio);
	RUN(test_confidential);
	RUN(test_masked);
	RUN(test_no_msi_add);
	RUN(test_reset);
	RUN(test_queue_reset);
	RUN(test_error);
	RUN(test_refused);
	RUN(test_choice);
	RUN(test_pairs);
	return tests_done();
}
