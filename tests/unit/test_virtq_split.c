/* SPDX-License-Identifier: Apache-2.0 */
/* Split rings (virtio 1.2, 2.7) against drivers that break the rules of their layout. */
#include "tests/unit/virtq_rig.h"

/* Make descriptor head available, by hand. */
static void offer(uint16_t head)
{
	drv_set_avail(&rig.d, 0, rig.d.q[0].avail_idx, head);
	drv_set_avail_idx(&rig.d, 0, rig.d.q[0].avail_idx + 1);
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

/* 2.7.7.2: flags mean nothing with EVENT_IDX, used_event nothing without. */
static void test_interrupt_other_field(void)
{
	uint64_t both[] = { DRV_ALL_FEATURES, NO_EVENTS };

	for (int i = 0; i < 2; i++) {
		up(both[i], SIZE);
		if (i)
			drv_set_used_event(&rig.d, 0, 5);
		else
			drv_set_avail_flags(&rig.d, 0, 1);
		add_one(10, true);
		CHECK_INT(pop(), 1);
		virtq_push(rig.vq, &rig.c, 0);
		virtq_notify(rig.vq);
		CHECK_INT(fake_msi_count(&rig.f, drv_msi_data(&rig.d, 0)), 1);
		down();
	}
}

/* Packed rings may have any size, and the features are final only later. */
static void test_broken_size(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_reset(&rig.d);
	drv_write(&rig.d, DRV_DRIVER_FEATURE_SELECT, 4, 1);
	drv_write(&rig.d, DRV_DRIVER_FEATURE, 4, BIT(VIRTIO_F_RING_PACKED) >> 32);
	drv_write(&rig.d, DRV_QUEUE_SIZE, 2, 12);
	CHECK_INT(drv_read(&rig.d, DRV_QUEUE_SIZE, 2), 12);
	drv_write(&rig.d, DRV_QUEUE_ENABLE, 2, 1);
	FAKE_MUST(drv_negotiate(&rig.d, DRV_ALL_FEATURES) == 0);
	drv_driver_ok(&rig.d);
	CHECK(drv_status(&rig.d) & VIRTIO_S_NEEDS_RESET);
	CHECK(!virtq_ready(rig.vq));
	CHECK_HAS(rig.f.last_log, "size 12 is not a power of two");
	down();
}

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

/* CVE-2016-6490: a chain that never ends. */
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

/* The ring's own table as the indirect one: still an indirect table, not the ring. */
static void test_broken_indirect_is_the_ring(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_desc(&rig.d, 0, 0, rig.d.q[0].desc, 16 * SIZE, DRV_DESC_INDIRECT, 0);
	offer(0);
	check_broken("in an indirect table");
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
	RUN(test_direct_then_indirect);
	RUN(test_interrupt_other_field);
	RUN(test_broken_size);
	RUN(test_broken_head_out_of_range);
	RUN(test_broken_head_in_use);
	RUN(test_broken_next_out_of_range);
	RUN(test_broken_self_link);
	RUN(test_broken_loop);
	RUN(test_broken_loop_in_table);
	RUN(test_broken_indirect_is_the_ring);
	RUN(test_broken_avail_jump);
	RUN(test_broken_avail_jump_seen_by_enable);
	RUN(test_broken_rings);
	return tests_done();
}
