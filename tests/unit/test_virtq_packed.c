/* SPDX-License-Identifier: Apache-2.0 */
/* Packed rings (virtio 1.2, 2.8) against drivers that break the rules of their layout. */
#include "tests/unit/virtq_rig.h"

#define NEXT DRV_DESC_NEXT

/* A descriptor of this round (wrap) at slot. */
static void desc(uint16_t slot, bool wrap, uint16_t id, uint16_t flags)
{
	drv_set_packed(&rig.d, 0, slot, rig.buf, 4, id, flags | drv_packed_flags(wrap));
}

static struct drv_packed_desc *ring_at(uint16_t slot)
{
	return drv_ram(&rig.d, rig.d.q[0].desc + 16ULL * slot, 16);
}

/* ---- Layout -------------------------------------------------------------------------- */

/* 2.8.1, 2.8.6: id of the last descriptor, flags of both rounds, one used for the chain. */
static void test_used_descriptors(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	for (int round = 0; round < 4; round++) {
		bool wrap = !(round & 1);
		uint16_t used = wrap ? DRV_DESC_AVAIL | DRV_DESC_USED : 0;

		desc(2, wrap, 5, DRV_DESC_WRITE);
		desc(1, wrap, 1, NEXT);
		desc(0, wrap, 7, NEXT);
		CHECK_INT(pop(), 1);
		CHECK_INT(rig.c.head, 5);
		CHECK_INT(rig.c.ring_slots, 3);
		virtq_push(rig.vq, &rig.c, 3);
		CHECK_INT(le16_get(ring_at(0)->id), 5);
		CHECK_INT(le32_get(ring_at(0)->len), 3);
		CHECK_INT(le16_get(ring_at(0)->flags), used | DRV_DESC_WRITE);
		CHECK_INT(le16_get(ring_at(1)->flags), NEXT | drv_packed_flags(wrap));
		CHECK_INT(pop(), 0);
		for (uint16_t slot = 3; slot < SIZE; slot++) {
			desc(slot, wrap, 6, 0);
			CHECK_INT(pop(), 1);
			virtq_push(rig.vq, &rig.c, 0);
			CHECK_INT(le16_get(ring_at(slot)->flags), used);
		}
		CHECK_INT(pop(), 0);
	}
	down();
}

/* 2.8.10.1: any size will do. */
static void test_size_of_seven(void)
{
	uint32_t id, len;

	up(DRV_ALL_FEATURES, 7);
	CHECK_INT(virtq_size(rig.vq), 7);
	for (int i = 0; i < 100; i++) {
		const struct drv_buf bufs[] = { { 0, 1, false }, { 0, 2, true } };

		CHECK(drv_add(&rig.d, 0, bufs, 1 + i % 2, false) >= 0);
		CHECK_INT(pop(), 1);
		virtq_push(rig.vq, &rig.c, 0);
		CHECK(drv_used(&rig.d, 0, &id, &len));
		CHECK_INT(id, rig.c.head);
	}
	down();
}

/* Entries of a table have no chain: next flags and ids in them mean nothing (2.8.7). */
static void test_table_ignores_next(void)
{
	struct drv_packed_desc *table;

	up(DRV_ALL_FEATURES, SIZE);
	table = drv_ram(&rig.d, rig.buf, 32);
	table[0] = (struct drv_packed_desc){ le64_make(0), le32_make(5), le16_make(99),
		le16_make(0) };
	table[1] = (struct drv_packed_desc){ le64_make(0), le32_make(6), le16_make(99),
		le16_make(NEXT | DRV_DESC_WRITE) };
	drv_set_packed(&rig.d, 0, 0, rig.buf, 32, 3,
		DRV_DESC_INDIRECT | DRV_DESC_WRITE | drv_packed_flags(true));
	CHECK_INT(pop(), 1);
	CHECK_INT(rig.c.head, 3);
	CHECK_INT(rig.c.out_len, 5);
	CHECK_INT(rig.c.in_len, 6);
	CHECK_INT(rig.c.ring_slots, 1);
	down();
}

static uint32_t device_event(void)
{
	return le32_get(*(le32 *)drv_ram(&rig.d, rig.d.q[0].used, 4));
}

static void test_device_event(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	CHECK_INT(device_event(), 2 << 16 | 0x8000);
	for (uint32_t i = 0; i < SIZE + 1; i++) {
		uint32_t id, len;

		add_one(1, false);
		CHECK_INT(pop(), 1);
		virtq_push(rig.vq, &rig.c, 0);
		CHECK(drv_used(&rig.d, 0, &id, &len));
	}
	CHECK_INT(pop(), 0);
	CHECK_INT(device_event(), 2 << 16 | 1); /* the second round */
	down();
	up(NO_EVENTS, SIZE);
	CHECK_INT(device_event(), 0);
	virtq_disable_notify(rig.vq);
	CHECK_INT(device_event() >> 16, 1);
	virtq_enable_notify(rig.vq);
	CHECK_INT(device_event(), 0);
	down();
}

static uint64_t interrupts(uint16_t slot, bool wrap, uint16_t flags)
{
	uint64_t before = fake_msi_count(&rig.f, drv_msi_data(&rig.d, 0));
	uint32_t id, len;

	drv_set_driver_event(&rig.d, 0, slot, wrap, flags);
	add_one(4, true);
	CHECK_INT(pop(), 1);
	virtq_push(rig.vq, &rig.c, 0);
	virtq_notify(rig.vq);
	CHECK(drv_used(&rig.d, 0, &id, &len));
	return fake_msi_count(&rig.f, drv_msi_data(&rig.d, 0)) - before;
}

/* Impossible values: an interrupt too many hurts nobody. */
static void test_driver_event_nonsense(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	CHECK_INT(interrupts(SIZE, true, 2), 1);
	CHECK_INT(interrupts(0x7fff, false, 2), 1);
	CHECK_INT(interrupts(0, true, 3), 1);
	CHECK_INT(interrupts(3, false, 2), 0); /* slot 3, but of the next round */
	CHECK_INT(interrupts(0, true, 1), 0);
	down();
	up(NO_EVENTS, SIZE);
	CHECK_INT(interrupts(5, true, 2), 1); /* reserved without EVENT_IDX */
	down();
}

/* Many pushes without a notification: the count does not overflow into "none". */
static void test_interrupt_after_many(void)
{
	uint32_t id, len;

	up(DRV_ALL_FEATURES, SIZE);
	for (int i = 0; i < 4 * SIZE; i++) {
		add_one(4, true);
		CHECK_INT(pop(), 1);
		virtq_push(rig.vq, &rig.c, 0);
		CHECK(drv_used(&rig.d, 0, &id, &len));
	}
	drv_set_driver_event(&rig.d, 0, 5, true, 2);
	virtq_notify(rig.vq);
	CHECK_INT(fake_msi_count(&rig.f, drv_msi_data(&rig.d, 0)), 1);
	down();
}

/* ---- Rules broken -------------------------------------------------------------------- */

static void test_broken_id_out_of_range(void)
{
	const uint16_t bad[] = { SIZE, 0x3ff, 0x400, 0xffff };

	for (int i = 0; i < 4; i++) {
		up(DRV_ALL_FEATURES, SIZE);
		desc(0, true, bad[i], 0);
		check_broken("buffer id");
		down();
	}
}

static void test_broken_id_in_use(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	desc(0, true, 2, 0);
	desc(1, true, 2, 0);
	CHECK_INT(pop(), 1);
	check_broken("buffer id 2 is in use");
	down();
}

/* Every descriptor has a next one: the chain would go round for ever. */
static void test_broken_all_chained(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	for (uint16_t i = 0; i < SIZE; i++)
		desc(i, true, i, NEXT);
	check_broken("chain longer than the queue");
	down();
}

/* The same, and the second round is marked available as well, where a chain is in flight. */
static void test_broken_chain_into_flight(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	desc(0, true, 0, 0);
	CHECK_INT(pop(), 1);
	desc(0, false, 1, 0);
	for (uint16_t i = 1; i < SIZE; i++)
		desc(i, true, i, NEXT);
	check_broken("chain longer than the queue");
	down();
}

static void test_broken_wrong_wrap_in_chain(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	desc(1, false, 0, 0);
	desc(0, true, 0, NEXT);
	check_broken("descriptor 2 of a chain is not available");
	down();
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_packed(&rig.d, 0, 1, rig.buf, 4, 0, DRV_DESC_AVAIL | DRV_DESC_USED);
	desc(0, true, 0, NEXT);
	check_broken("descriptor 2 of a chain is not available");
	down();
}

/* Wrong round, or used: not available, and nothing happens at all. */
static void test_wrong_wrap_is_not_available(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	desc(0, false, 0, 0);
	CHECK_INT(pop(), 0);
	drv_set_packed(&rig.d, 0, 0, rig.buf, 4, 0, DRV_DESC_AVAIL | DRV_DESC_USED);
	CHECK_INT(pop(), 0);
	drv_set_packed(&rig.d, 0, 0, rig.buf, 4, 0, 0);
	CHECK_INT(pop(), 0);
	CHECK(!virtq_enable_notify(rig.vq));
	CHECK(virtq_ready(rig.vq));
	down();
}

/*
 * Compare CVE-2026-16457: a driver that marks every descriptor available again, whatever we
 * do, must not keep us in a loop of popping, nor in one of asking and finding nothing.
 */
static void test_broken_available_for_ever(void)
{
	static struct iovec iov[SIZE];
	int r = 1, n;

	up(DRV_ALL_FEATURES, SIZE);
	for (n = 0; r > 0 && n < 100; n++) {
		struct virtq_chain c = { .iov = &iov[n % SIZE], .max_iov = 1 };

		for (uint16_t i = 0; i < SIZE; i++)
			desc(i, n < SIZE, (uint16_t)n % SIZE, 0);
		r = virtq_pop(rig.vq, &c);
	}
	CHECK_INT(r, -EIO);
	CHECK_INT(n, SIZE + 1);
	CHECK_HAS(rig.f.last_log, "more available descriptors than the queue has");
	CHECK(!virtq_enable_notify(rig.vq));
	down();
	/* The same, found by the one who only asks. */
	up(DRV_ALL_FEATURES, 1);
	desc(0, true, 0, 0);
	CHECK_INT(pop(), 1);
	desc(0, false, 0, 0);
	CHECK(!virtq_enable_notify(rig.vq));
	CHECK(!virtq_ready(rig.vq));
	down();
}

static void test_broken_indirect_in_chain(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_set_packed(&rig.d, 0, 1, rig.buf, 16, 0, DRV_DESC_INDIRECT | drv_packed_flags(true));
	desc(0, true, 0, NEXT);
	check_broken("indirect descriptor in a chain");
	down();
}

static void check_ring_at(unsigned int reg, gpa_t gpa, const char *why)
{
	up(DRV_ALL_FEATURES, SIZE);
	drv_reset(&rig.d);
	FAKE_MUST(drv_negotiate(&rig.d, DRV_ALL_FEATURES_PACKED) == 0);
	drv_write(&rig.d, DRV_QUEUE_SIZE, 2, SIZE);
	for (unsigned int off = DRV_QUEUE_DESC; off <= DRV_QUEUE_DEVICE; off += 8)
		drv_write(&rig.d, off, 8, off == reg ? gpa : 0x20000 + 0x1000 * off);
	drv_write(&rig.d, DRV_QUEUE_ENABLE, 2, 1);
	drv_driver_ok(&rig.d);
	CHECK(drv_status(&rig.d) & VIRTIO_S_NEEDS_RESET);
	CHECK(!virtq_ready(rig.vq));
	CHECK_HAS(rig.f.last_log, why);
	down();
}

static void test_broken_rings(void)
{
	check_ring_at(DRV_QUEUE_DESC, 0x20008, "descriptor ring at 0x20008 is not aligned");
	check_ring_at(DRV_QUEUE_DRIVER, 0x20002, "driver area at 0x20002 is not aligned");
	check_ring_at(DRV_QUEUE_DEVICE, 0x20001, "device area at 0x20001 is not aligned");
	check_ring_at(DRV_QUEUE_DESC, RAM - 16 * (SIZE - 1), "descriptor ring");
	check_ring_at(DRV_QUEUE_DRIVER, RAM, "driver area");
	check_ring_at(DRV_QUEUE_DEVICE, ~3ULL, "device area");
}

int main(void)
{
	rig.packed = true;
	RUN(test_used_descriptors);
	RUN(test_size_of_seven);
	RUN(test_table_ignores_next);
	RUN(test_device_event);
	RUN(test_driver_event_nonsense);
	RUN(test_interrupt_after_many);
	RUN(test_broken_id_out_of_range);
	RUN(test_broken_id_in_use);
	RUN(test_broken_all_chained);
	RUN(test_broken_chain_into_flight);
	RUN(test_broken_wrong_wrap_in_chain);
	RUN(test_wrong_wrap_is_not_available);
	RUN(test_broken_available_for_ever);
	RUN(test_broken_indirect_in_chain);
	RUN(test_broken_rings);
	return tests_done();
}
