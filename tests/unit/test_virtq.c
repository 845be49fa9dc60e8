/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rings against a driver that keeps the rules, and against one that breaks each of them. No
 * thread runs: the test pops and pushes itself, between the driver's steps.
 */
#include "tests/harness.h"

#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"

#define SIZE 8
#define RAM MIB(4)
#define NO_INDIRECT (DRV_ALL_FEATURES & ~BIT(VIRTIO_F_INDIRECT_DESC))
#define NO_EVENTS (DRV_ALL_FEATURES & ~BIT(VIRTIO_F_EVENT_IDX))

static const struct virtio_ops ops = { .id = VIRTIO_ID_RNG };

static struct rig {
	struct fake_env f;
	struct virtio_dev vd;
	struct drv d;
	struct virtq *vq;
	struct iovec iov[VIRTQ_MAX_SIZE];
	struct virtq_chain c;
	gpa_t buf;
} rig;

static void up(uint64_t features, uint16_t size)
{
	const uint16_t sizes[] = { VIRTQ_MAX_SIZE };

	fake_env_init(&rig.f, RAM);
	FAKE_MUST(virtio_init(&rig.vd, &ops, &rig.f.env, "test0", 0, 0, 1, sizes, NULL) == 0);
	FAKE_MUST(virtio_attach(&rig.vd, NULL) == 0);
	FAKE_MUST(drv_init(&rig.d, &rig.f, 1) == 0);
	FAKE_MUST(drv_start(&rig.d, features, size) == 0);
	rig.vq = rig.vd.queues[0];
	rig.c = (struct virtq_chain){ .iov = rig.iov, .max_iov = VIRTQ_MAX_SIZE };
	rig.buf = drv_alloc(&rig.d, 4096, 16);
}

static void down(void)
{
	virtio_fini(&rig.vd);
	fake_env_fini(&rig.f);
}

static int pop(void)
{
	return virtq_pop(rig.vq, &rig.c);
}

/* Make descriptor head available, by hand. */
static void offer(uint16_t head)
{
	drv_set_avail(&rig.d, 0, rig.d.q[0].avail_idx, head);
	drv_set_avail_idx(&rig.d, 0, rig.d.q[0].avail_idx + 1);
}

/* The queue refuses what is available now, for that reason, and stays refusing. */
static void check_broken(const char *why)
{
	unsigned int lines = rig.f.log_lines;

	CHECK_INT(pop(), -EIO);
	CHECK_HAS(rig.f.last_log, why);
	CHECK(drv_status(&rig.d) & VIRTIO_S_NEEDS_RESET);
	CHECK(!virtq_ready(rig.vq));
	CHECK_INT(pop(), -EIO);
	CHECK_INT(rig.f.log_lines, lines + 1);
	CHECK_INT(fake_msi_count(&rig.f, drv_msi_data(&rig.d, -1)), 1);
}

/* ---- Rules kept ---------------------------------------------------------------------- */

static void check_chain(bool indirect)
{
	const struct drv_buf bufs[] = {
		{ rig.buf, 16, false },
		{ rig.buf + 100, 1, false },
		{ rig.buf + 200, 512, true },
	};
	uint32_t id, len;
	int head;

	CHECK_INT(pop(), 0);
	head = drv_add(&rig.d, 0, bufs, 3, indirect);
	CHECK_INT(pop(), 1);
	CHECK_INT(rig.c.head, head);
	CHECK_INT(rig.c.nr_out, 2);
	CHECK_INT(rig.c.nr_in, 1);
	CHECK_INT(rig.c.out_len, 17);
	CHECK_INT(rig.c.in_len, 512);
	CHECK(rig.iov[1].iov_base == drv_ram(&rig.d, rig.buf + 100, 1));
	CHECK(rig.iov[2].iov_base == drv_ram(&rig.d, rig.buf + 200, 512));
	CHECK_INT(pop(), 0);
	CHECK(!drv_used(&rig.d, 0, &id, &len));
	virtq_push(rig.vq, &rig.c, 77);
	CHECK(drv_used(&rig.d, 0, &id, &len));
	CHECK_INT(id, head);
	CHECK_INT(len, 77);
}

static void test_chain_direct(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	check_chain(false);
	down();
}

static void test_chain_indirect(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	check_chain(true);
	down();
}

static void test_queue_of_one(void)
{
	uint32_t id, len;

	up(DRV_ALL_FEATURES, 1);
	for (int i = 0; i < 3; i++) {
		drv_add(&rig.d, 0, (struct drv_buf[]){ { rig.buf, 8, true } }, 1, false);
		CHECK_INT(pop(), 1);
		virtq_push(rig.vq, &rig.c, 8);
		CHECK_INT(drv_used_idx(&rig.d, 0), i + 1);
		CHECK(drv_used(&rig.d, 0, &id, &len));
	}
	down();
}

/* 2.7.5.3.2: plain descriptors, then a table; its write flag means nothing. */
static void test_direct_then_indirect(void)
{
	struct drv_desc *table;
	gpa_t at;

	up(DRV_ALL_FEATURES, SIZE);
	at = drv_alloc(&rig.d, 32, 1) + 1; /* no alignment is asked for */
	drv_alloc(&rig.d, 1, 1);
	table = drv_ram(&rig.d, at, 32);
	table[0] = (struct drv_desc){ le64_make(rig.buf), le32_make(5),
		le16_make(DRV_DESC_NEXT), le16_make(1) };
	table[1] = (struct drv_desc){ le64_make(rig.buf), le32_make(6),
		le16_make(DRV_DESC_WRITE), le16_make(0) };
	drv_set_desc(&rig.d, 0, 3, rig.buf, 4, DRV_DESC_NEXT, 1);
	drv_set_desc(&rig.d, 0, 1, at, 32, DRV_DESC_INDIRECT | DRV_DESC_WRITE, 0);
	offer(3);
	CHECK_INT(pop(), 1);
	CHECK_INT(rig.c.out_len, 9);
	CHECK_INT(rig.c.in_len, 6);
	down();
}

static void test_indices_wrap(void)
{
	uint32_t id, len;

	up(DRV_ALL_FEATURES, SIZE);
	for (uint32_t i = 0; i < 70000; i++) {
		drv_add(&rig.d, 0, (struct drv_buf[]){ { rig.buf, 4, i & 1 } }, 1, false);
		REQUIRE(pop() == 1);
		virtq_push(rig.vq, &rig.c, i & 1 ? 4 : 0);
		REQUIRE(drv_used(&rig.d, 0, &id, &len) && len == (i & 1 ? 4 : 0));
		REQUIRE(pop() == 0);
	}
	down();
}

static void test_out_of_order_push(void)
{
	struct iovec iov[3][1];
	struct virtq_chain c[3];
	uint32_t id, len;

	up(DRV_ALL_FEATURES, SIZE);
	for (int i = 0; i < 3; i++) {
		c[i] = (struct virtq_chain){ .iov = iov[i], .max_iov = 1 };
		drv_add(&rig.d, 0, (struct drv_buf[]){ { rig.buf, 10, true } }, 1, false);
		CHECK_INT(virtq_pop(rig.vq, &c[i]), 1);
	}
	for (int i = 2; i >= 0; i--) {
		virtq_push(rig.vq, &c[i], (uint32_t)i);
		CHECK(drv_used(&rig.d, 0, &id, &len));
		CHECK_INT(id, c[i].head);
		CHECK_INT(len, i);
	}
	down();
}

static void test_unpop(void)
{
	uint16_t head;

	up(DRV_ALL_FEATURES, SIZE);
	for (int i = 0; i < 2; i++)
		drv_add(&rig.d, 0, (struct drv_buf[]){ { rig.buf, 10, true } }, 1, false);
	CHECK_INT(pop(), 1);
	CHECK_INT(pop(), 1);
	head = rig.c.head;
	virtq_unpop(rig.vq);
	CHECK(virtq_enable_notify(rig.vq));
	CHECK_INT(pop(), 1);
	CHECK_INT(rig.c.head, head);
	CHECK_INT(pop(), 0);
	down();
}

static void test_copies(void)
{
	struct drv_buf bufs[] = {
		{ 0, 3, false }, { 10, 4, false }, { 20, 2, true }, { 30, 5, true }
	};
	char out[16] = { 0 };

	up(DRV_ALL_FEATURES, SIZE);
	for (int i = 0; i < 4; i++)
		bufs[i].gpa += rig.buf;
	memcpy(drv_ram(&rig.d, rig.buf, 3), "abc", 3);
	memcpy(drv_ram(&rig.d, rig.buf + 10, 4), "defg", 4);
	drv_add(&rig.d, 0, bufs, 4, false);
	CHECK_INT(pop(), 1);
	CHECK_INT(virtq_chain_read(&rig.c, 0, out, sizeof(out)), 7);
	CHECK(!memcmp(out, "abcdefg", 8));
	CHECK_INT(virtq_chain_read(&rig.c, 2, out, 3), 3);
	CHECK(!memcmp(out, "cde", 3));
	CHECK_INT(virtq_chain_read(&rig.c, 7, out, 1), 0);
	CHECK_INT(virtq_chain_read(&rig.c, UINT64_MAX, out, 1), 0);
	CHECK_INT(virtq_chain_write(&rig.c, 1, "WXYZ", 4), 4);
	CHECK(!memcmp(drv_ram(&rig.d, rig.buf + 20, 2), "\0W", 2));
	CHECK(!memcmp(drv_ram(&rig.d, rig.buf + 30, 5), "XYZ\0", 5));
	CHECK_INT(virtq_chain_write(&rig.c, 5, "12345", 5), 2);
	down();
}

/* ---- Interrupts and notifications ---------------------------------------------------- */

static uint64_t push_and_notify(void)
{
	uint64_t before = fake_msi_count(&rig.f, drv_msi_data(&rig.d, 0));
	uint32_t id, len;

	drv_add(&rig.d, 0, (struct drv_buf[]){ { rig.buf, 10, true } }, 1, false);
	FAKE_MUST(pop() == 1);
	virtq_push(rig.vq, &rig.c, 0);
	virtq_notify(rig.vq);
	FAKE_MUST(drv_used(&rig.d, 0, &id, &len));
	return fake_msi_count(&rig.f, drv_msi_data(&rig.d, 0)) - before;
}

static void test_interrupt_by_flags(void)
{
	up(NO_EVENTS, SIZE);
	CHECK_INT(push_and_notify(), 1);
	virtq_notify(rig.vq); /* nothing new */
	CHECK_INT(fake_msi_count(&rig.f, drv_msi_data(&rig.d, 0)), 1);
	drv_set_avail_flags(&rig.d, 0, 1);
	CHECK_INT(push_and_notify(), 0);
	drv_set_used_event(&rig.d, 0, 2); /* must be ignored (2.7.7.2) */
	CHECK_INT(push_and_notify(), 0);
	drv_set_avail_flags(&rig.d, 0, 0);
	CHECK_INT(push_and_notify(), 1);
	down();
}

static void test_interrupt_by_event(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_avail_flags(&rig.d, 0, 1);  /* must be ignored (2.7.7.2) */
	CHECK_INT(push_and_notify(), 1);    /* entry 0, used_event 0 */
	CHECK_INT(push_and_notify(), 0);    /* entry 1 */
	drv_set_used_event(&rig.d, 0, 4);
	CHECK_INT(push_and_notify(), 0);    /* 2 */
	CHECK_INT(push_and_notify(), 0);    /* 3 */
	CHECK_INT(push_and_notify(), 1);    /* 4 */
	CHECK_INT(push_and_notify(), 0);    /* 5 */
	down();
}

static void test_notifications_by_flags(void)
{
	up(NO_EVENTS, SIZE);
	drv_add(&rig.d, 0, (struct drv_buf[]){ { rig.buf, 10, true } }, 1, false);
	CHECK(drv_kick_if_wanted(&rig.d, 0));
	virtq_disable_notify(rig.vq);
	drv_add(&rig.d, 0, (struct drv_buf[]){ { rig.buf, 10, true } }, 1, false);
	CHECK(!drv_kick_if_wanted(&rig.d, 0));
	CHECK(virtq_enable_notify(rig.vq));
	CHECK_INT(pop(), 1);
	CHECK_INT(pop(), 1);
	CHECK(!virtq_enable_notify(rig.vq));
	drv_add(&rig.d, 0, (struct drv_buf[]){ { rig.buf, 10, true } }, 1, false);
	CHECK(drv_kick_if_wanted(&rig.d, 0));
	down();
}

static void test_notifications_by_event(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_add(&rig.d, 0, (struct drv_buf[]){ { rig.buf, 10, true } }, 1, false);
	CHECK(drv_kick_if_wanted(&rig.d, 0));
	drv_add(&rig.d, 0, (struct drv_buf[]){ { rig.buf, 10, true } }, 1, false);
	CHECK(!drv_kick_if_wanted(&rig.d, 0)); /* we are looking anyway */
	CHECK_INT(pop(), 1);
	CHECK_INT(pop(), 1);
	CHECK_INT(pop(), 0); /* says: waiting for the next */
	drv_add(&rig.d, 0, (struct drv_buf[]){ { rig.buf, 10, true } }, 1, false);
	CHECK(drv_kick_if_wanted(&rig.d, 0));
	virtq_disable_notify(rig.vq);
	CHECK_INT(pop(), 1);
	CHECK_INT(pop(), 0);
	drv_add(&rig.d, 0, (struct drv_buf[]){ { rig.buf, 10, true } }, 1, false);
	CHECK(!drv_kick_if_wanted(&rig.d, 0));
	CHECK(virtq_enable_notify(rig.vq));
	down();
}

/* ---- Rules broken -------------------------------------------------------------------- */

static void test_broken_head_out_of_range(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	offer(SIZE);
	check_broken("head 8 of 8");
	down();
}

static void test_broken_head_in_use(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_desc(&rig.d, 0, 2, rig.buf, 4, 0, 0);
	offer(2);
	offer(2);
	CHECK_INT(pop(), 1);
	check_broken("head 2 is in use");
	down();
}

static void test_broken_next_out_of_range(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_desc(&rig.d, 0, 0, rig.buf, 4, DRV_DESC_NEXT, SIZE);
	offer(0);
	check_broken("descriptor 8 of 8");
	down();
}

static void test_broken_self_link(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_desc(&rig.d, 0, 0, rig.buf, 4, DRV_DESC_NEXT, 0);
	offer(0);
	check_broken("loop");
	down();
}

static void test_broken_loop(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_desc(&rig.d, 0, 0, rig.buf, 4, DRV_DESC_NEXT, 1);
	drv_set_desc(&rig.d, 0, 1, rig.buf, 4, DRV_DESC_NEXT, 2);
	drv_set_desc(&rig.d, 0, 2, rig.buf, 4, DRV_DESC_NEXT, 1);
	offer(0);
	check_broken("loop");
	down();
}

static void test_broken_loop_in_table(void)
{
	struct drv_desc *table;

	up(DRV_ALL_FEATURES, SIZE);
	table = drv_ram(&rig.d, rig.buf, 32);
	for (int i = 0; i < 2; i++)
		table[i] = (struct drv_desc){ le64_make(rig.buf), le32_make(4),
			le16_make(DRV_DESC_NEXT), le16_make((uint16_t)!i) };
	drv_set_desc(&rig.d, 0, 0, rig.buf, 32, DRV_DESC_INDIRECT, 0);
	offer(0);
	check_broken("loop");
	down();
}

static void test_broken_indirect_not_negotiated(void)
{
	up(NO_INDIRECT, SIZE);
	drv_set_desc(&rig.d, 0, 0, rig.buf, 32, DRV_DESC_INDIRECT, 0);
	offer(0);
	check_broken("without the feature");
	down();
}

static void test_broken_indirect_nested(void)
{
	struct drv_desc *table;

	up(DRV_ALL_FEATURES, SIZE);
	table = drv_ram(&rig.d, rig.buf, 16);
	*table = (struct drv_desc){ le64_make(rig.buf), le32_make(16),
		le16_make(DRV_DESC_INDIRECT), le16_make(0) };
	drv_set_desc(&rig.d, 0, 0, rig.buf, 16, DRV_DESC_INDIRECT, 0);
	offer(0);
	check_broken("in an indirect table");
	down();
}

/* The ring's own table as the indirect one: still an indirect table, not the ring. */
static void test_broken_indirect_is_the_ring(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_desc(&rig.d, 0, 0, rig.d.q[0].desc, 16 * SIZE, DRV_DESC_INDIRECT, 0);
	offer(0);
	check_broken("in an indirect table");
	down();
}

static void test_broken_indirect_with_next(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_desc(&rig.d, 0, 0, rig.buf, 16, DRV_DESC_INDIRECT | DRV_DESC_NEXT, 1);
	offer(0);
	check_broken("with a next one");
	down();
}

static void check_indirect_len(uint32_t len, const char *why)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_desc(&rig.d, 0, 0, rig.buf, len, DRV_DESC_INDIRECT, 0);
	offer(0);
	check_broken(why);
	down();
}

static void test_broken_indirect_length(void)
{
	check_indirect_len(0, "indirect table of 0 bytes");
	check_indirect_len(15, "indirect table of 15 bytes");
	check_indirect_len(24, "indirect table of 24 bytes");
	check_indirect_len(16 * (SIZE + 1), "more entries than the queue");
	check_indirect_len(0xfffffff0, "more entries than the queue");
}

static void test_broken_indirect_outside(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_desc(&rig.d, 0, 0, RAM - 16, 32, DRV_DESC_INDIRECT, 0);
	offer(0);
	check_broken("indirect table is not in the device's memory");
	down();
}

static void test_broken_readable_after_writable(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_desc(&rig.d, 0, 0, rig.buf, 4, DRV_DESC_NEXT | DRV_DESC_WRITE, 1);
	drv_set_desc(&rig.d, 0, 1, rig.buf, 4, 0, 0);
	offer(0);
	check_broken("device-readable buffer after");
	down();
}

static void test_broken_zero_length(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_desc(&rig.d, 0, 0, rig.buf, 0, 0, 0);
	offer(0);
	check_broken("length 0");
	down();
}

static void check_buffer(uint64_t addr, uint32_t len)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_desc(&rig.d, 0, 0, addr, len, DRV_DESC_WRITE, 0);
	offer(0);
	check_broken("is not in the device's memory");
	down();
}

static void test_broken_buffer_outside(void)
{
	check_buffer(RAM, 1);
	check_buffer(RAM - 1, 2);
	check_buffer(FAKE_MMIO32, 4);
	check_buffer(UINT64_MAX, 2);
	check_buffer(UINT64_MAX - 3, 16);
	check_buffer(0, UINT32_MAX);
}

static bool nothing_shared(void *opaque, gpa_t gpa, size_t len)
{
	return false;
}

static void test_broken_buffer_not_shared(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_add(&rig.d, 0, (struct drv_buf[]){ { rig.buf, 4, true } }, 1, false);
	gmem_restrict(rig.f.gmem, nothing_shared, NULL);
	check_broken("is not in the device's memory");
	down();
}

static void test_broken_avail_jump(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_avail_idx(&rig.d, 0, SIZE + 1);
	check_broken("available index jumps from 0 to 9");
	down();
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_avail_idx(&rig.d, 0, 0xffff);
	check_broken("available index jumps");
	down();
}

static void test_broken_avail_jump_seen_by_enable(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_avail_idx(&rig.d, 0, 0x8000);
	CHECK(!virtq_enable_notify(rig.vq));
	CHECK(!virtq_ready(rig.vq));
	down();
}

static void test_broken_more_buffers_than_the_caller_takes(void)
{
	const struct drv_buf bufs[] = { { 0, 1, false }, { 1, 1, false }, { 2, 1, false } };

	up(DRV_ALL_FEATURES, SIZE);
	drv_add(&rig.d, 0, bufs, 3, true);
	rig.c.max_iov = 2;
	check_broken("more than 2 buffers");
	down();
}

static void test_broken_chain_of_4g(void)
{
	up(DRV_ALL_FEATURES, VIRTQ_MAX_SIZE);
	for (uint16_t i = 0; i < VIRTQ_MAX_SIZE; i++)
		drv_set_desc(&rig.d, 0, i, 0, RAM, i + 1 < VIRTQ_MAX_SIZE ? DRV_DESC_NEXT : 0,
			i + 1);
	offer(0);
	check_broken("4 GiB");
	down();
}

/* Chains taken before the rule was broken come back without touching the ring. */
static void test_push_after_broken(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_add(&rig.d, 0, (struct drv_buf[]){ { rig.buf, 4, true } }, 1, false);
	CHECK_INT(pop(), 1);
	virtio_broken(&rig.vd, "for the test");
	CHECK_INT(pop(), -EIO);
	virtq_push(rig.vq, &rig.c, 4);
	virtq_notify(rig.vq);
	CHECK_INT(drv_used_idx(&rig.d, 0), 0);
	CHECK_INT(fake_msi_count(&rig.f, drv_msi_data(&rig.d, 0)), 0);
	down();
}

static void check_ring_at(unsigned int reg, gpa_t gpa, const char *why)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_reset(&rig.d);
	FAKE_MUST(drv_negotiate(&rig.d, DRV_ALL_FEATURES) == 0);
	drv_write(&rig.d, DRV_QUEUE_SIZE, 2, SIZE);
	for (unsigned int off = DRV_QUEUE_DESC; off <= DRV_QUEUE_DEVICE; off += 8)
		drv_write(&rig.d, off, 8, off == reg ? gpa : 0x20000 + 0x1000 * off);
	drv_write(&rig.d, DRV_QUEUE_ENABLE, 2, 1);
	drv_driver_ok(&rig.d);
	CHECK(drv_status(&rig.d) & VIRTIO_S_NEEDS_RESET);
	CHECK(!virtq_ready(rig.vq));
	CHECK_INT(pop(), -EIO);
	CHECK_HAS(rig.f.last_log, why);
	down();
}

static void test_broken_rings(void)
{
	check_ring_at(DRV_QUEUE_DESC, 0x20008, "descriptor table at 0x20008 is not aligned");
	check_ring_at(DRV_QUEUE_DRIVER, 0x20001, "available ring at 0x20001 is not aligned");
	check_ring_at(DRV_QUEUE_DEVICE, 0x20002, "used ring at 0x20002 is not aligned");
	check_ring_at(DRV_QUEUE_DESC, RAM - 16, "descriptor table");
	check_ring_at(DRV_QUEUE_DRIVER, RAM - 2, "available ring");
	/* All but the last two bytes, the event, would fit. */
	check_ring_at(DRV_QUEUE_DEVICE, RAM - 4 - 8 * SIZE, "used ring");
	check_ring_at(DRV_QUEUE_DEVICE, ~3ULL, "used ring");
}

int main(void)
{
	RUN(test_chain_direct);
	RUN(test_chain_indirect);
	RUN(test_queue_of_one);
	RUN(test_direct_then_indirect);
	RUN(test_indices_wrap);
	RUN(test_out_of_order_push);
	RUN(test_unpop);
	RUN(test_copies);
	RUN(test_interrupt_by_flags);
	RUN(test_interrupt_by_event);
	RUN(test_notifications_by_flags);
	RUN(test_notifications_by_event);
	RUN(test_broken_head_out_of_range);
	RUN(test_broken_head_in_use);
	RUN(test_broken_next_out_of_range);
	RUN(test_broken_self_link);
	RUN(test_broken_loop);
	RUN(test_broken_loop_in_table);
	RUN(test_broken_indirect_not_negotiated);
	RUN(test_broken_indirect_nested);
	RUN(test_broken_indirect_is_the_ring);
	RUN(test_broken_indirect_with_next);
	RUN(test_broken_indirect_length);
	RUN(test_broken_indirect_outside);
	RUN(test_broken_readable_after_writable);
	RUN(test_broken_zero_length);
	RUN(test_broken_buffer_outside);
	RUN(test_broken_buffer_not_shared);
	RUN(test_broken_avail_jump);
	RUN(test_broken_avail_jump_seen_by_enable);
	RUN(test_broken_more_buffers_than_the_caller_takes);
	RUN(test_broken_chain_of_4g);
	RUN(test_push_after_broken);
	RUN(test_broken_rings);
	return tests_done();
}
