/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rings against a driver that keeps the rules, and against one that breaks those that do not
 * depend on the layout. Every test runs for both ring formats.
 */
#include "tests/unit/virtq_rig.h"

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
	for (int i = 0; i < 5; i++) {
		CHECK(add_one(8, true) >= 0);
		CHECK_INT(pop(), 1);
		CHECK_INT(pop(), 0);
		virtq_push(rig.vq, &rig.c, 8);
		CHECK(drv_used(&rig.d, 0, &id, &len));
		CHECK(!drv_used(&rig.d, 0, &id, &len));
	}
	down();
}

/* All descriptors in one chain, and all of them in flight: neither is more than there is. */
static void test_queue_full(void)
{
	struct drv_buf bufs[SIZE];
	struct virtq_chain c[SIZE];
	struct iovec iov[SIZE];
	uint32_t id, len;

	up(DRV_ALL_FEATURES, SIZE);
	for (int i = 0; i < SIZE; i++)
		bufs[i] = (struct drv_buf){ rig.buf + (gpa_t)i, 1, true };
	for (int round = 0; round < 5; round++) {
		CHECK(drv_add(&rig.d, 0, bufs, SIZE, false) >= 0);
		CHECK_INT(pop(), 1);
		CHECK_INT(rig.c.in_len, SIZE);
		CHECK_INT(pop(), 0);
		virtq_push(rig.vq, &rig.c, SIZE);
		CHECK(drv_used(&rig.d, 0, &id, &len));
		CHECK_INT(len, SIZE);
		for (int i = 0; i < SIZE; i++) {
			c[i] = (struct virtq_chain){ .iov = &iov[i], .max_iov = 1 };
			CHECK(add_one(4, true) >= 0);
			CHECK_INT(virtq_pop(rig.vq, &c[i]), 1);
		}
		CHECK_INT(pop(), 0);
		CHECK(!virtq_enable_notify(rig.vq));
		for (int i = SIZE; i-- > 0;)
			virtq_push(rig.vq, &c[i], 4);
		for (int i = 0; i < SIZE; i++)
			CHECK(drv_used(&rig.d, 0, &id, &len));
	}
	down();
}

static void test_indices_wrap(void)
{
	uint32_t id, len;

	up(DRV_ALL_FEATURES, SIZE);
	for (uint32_t i = 0; i < 70000; i++) {
		add_one(4, i & 1);
		REQUIRE(pop() == 1);
		virtq_push(rig.vq, &rig.c, i & 1 ? 4 : 0);
		REQUIRE(drv_used(&rig.d, 0, &id, &len) && len == (i & 1 ? 4 : 0));
		REQUIRE(pop() == 0);
	}
	down();
}

/* Chains of all lengths, so that some lie over the end of the ring and of each wrap. */
static void test_chains_over_the_end(void)
{
	struct drv_buf bufs[5];
	struct virtq_chain c[3];
	struct iovec iov[3][5];
	uint32_t id, len, seed = 1;

	up(DRV_ALL_FEATURES, 16);
	for (unsigned int round = 0; round < 5000; round++) {
		unsigned int n[3];

		for (unsigned int k = 0; k < 3; k++) {
			seed = seed * 1103515245 + 12345;
			n[k] = 1 + (seed >> 16) % 5;
			for (unsigned int i = 0; i < n[k]; i++)
				bufs[i] = (struct drv_buf){ rig.buf + 16 * i, 1 + i, i > 1 };
			REQUIRE(drv_add(&rig.d, 0, bufs, n[k], seed >> 24 & 1) >= 0);
			c[k] = (struct virtq_chain){ .iov = iov[k], .max_iov = 5 };
			REQUIRE(virtq_pop(rig.vq, &c[k]) == 1);
			REQUIRE(c[k].nr_out + c[k].nr_in == n[k]);
		}
		for (unsigned int k = 3; k-- > 0;) {
			unsigned int i = (k + round) % 3;

			virtq_push(rig.vq, &c[i], (uint32_t)c[i].in_len);
			REQUIRE(drv_used(&rig.d, 0, &id, &len));
			REQUIRE(id == c[i].head && len == c[i].in_len);
		}
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
		add_one(10, true);
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
		add_one(10, true);
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

/* The used length is what was written, not what would fit (compare CVE-2024-8612). */
static void test_used_length(void)
{
	const uint32_t written[] = { 0, 1, 100, 4096 };
	uint32_t id, len;

	up(DRV_ALL_FEATURES, SIZE);
	for (int i = 0; i < 4; i++) {
		add_one(4096, true);
		CHECK_INT(pop(), 1);
		virtq_push(rig.vq, &rig.c, written[i]);
		CHECK(drv_used(&rig.d, 0, &id, &len));
		CHECK_INT(len, written[i]);
	}
	down();
}

/*
 * CVE-2016-5403: a driver that offers its descriptors again and again, before any is used, has
 * the device hold more and more of them. No more are ever out than the queue has.
 */
static void test_in_flight_is_bounded(void)
{
	unsigned int n = 0;
	int r;

	up(DRV_ALL_FEATURES, SIZE);
	for (uint16_t i = 0; i < 4 * SIZE; i++) {
		uint16_t slot = i % SIZE;

		if (rig.packed) {
			drv_set_packed(&rig.d, 0, slot, rig.buf, 16, slot,
				drv_packed_flags(!(i / SIZE & 1)));
		} else {
			drv_set_desc(&rig.d, 0, slot, rig.buf, 16, 0, 0);
			drv_set_avail(&rig.d, 0, slot, slot);
			drv_set_avail_idx(&rig.d, 0, (uint16_t)(i + 1));
		}
		r = pop();
		if (r < 0)
			break;
		n += (unsigned int)r;
	}
	CHECK_INT(n, SIZE);
	CHECK_INT(pop(), -EIO);
	CHECK(drv_status(&rig.d) & VIRTIO_S_NEEDS_RESET);
	down();
}

/* ---- Rules broken -------------------------------------------------------------------- */

static const struct raw any_table = { 0, 16, DRV_DESC_INDIRECT };

static void test_broken_indirect_not_negotiated(void)
{
	check_raw(NO_INDIRECT, &any_table, 1, "without the feature");
}

static void test_broken_indirect_nested(void)
{
	/* Flags are at the same place in entries of packed tables, but two bytes later. */
	const struct drv_desc nested = { le64_make(0), le32_make(16),
		le16_make(DRV_DESC_INDIRECT), le16_make(DRV_DESC_INDIRECT) };

	up(DRV_ALL_FEATURES, SIZE);
	*(struct drv_desc *)drv_ram(&rig.d, rig.buf, 16) = nested;
	offer_raw(&(struct raw){ rig.buf, 16, DRV_DESC_INDIRECT }, 1);
	check_broken("in an indirect table");
	down();
}

static void test_broken_indirect_with_next(void)
{
	check_raw(DRV_ALL_FEATURES, &(struct raw){ 0, 16, DRV_DESC_INDIRECT | DRV_DESC_NEXT }, 1,
		"with a next one");
}

static void check_indirect_len(uint32_t len, const char *why)
{
	check_raw(DRV_ALL_FEATURES, &(struct raw){ 0x1000, len, DRV_DESC_INDIRECT }, 1, why);
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
	check_raw(DRV_ALL_FEATURES, &(struct raw){ RAM - 16, 32, DRV_DESC_INDIRECT }, 1,
		"indirect table is not in the device's memory");
}

static void test_broken_readable_after_writable(void)
{
	const struct raw raw[] = { { 0, 4, DRV_DESC_NEXT | DRV_DESC_WRITE }, { 0, 4, 0 } };

	check_raw(DRV_ALL_FEATURES, raw, 2, "device-readable buffer after");
}

static void test_broken_zero_length(void)
{
	check_raw(DRV_ALL_FEATURES, &(struct raw){ 0, 0, 0 }, 1, "length 0");
}

static void check_buffer(uint64_t addr, uint32_t len)
{
	check_raw(DRV_ALL_FEATURES, &(struct raw){ addr, len, DRV_DESC_WRITE }, 1,
		"is not in the device's memory");
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
	static struct raw raw[VIRTQ_MAX_SIZE];

	for (unsigned int i = 0; i < VIRTQ_MAX_SIZE; i++)
		raw[i] = (struct raw){ 0, RAM, i + 1 < VIRTQ_MAX_SIZE ? DRV_DESC_NEXT : 0 };
	up(DRV_ALL_FEATURES, VIRTQ_MAX_SIZE);
	offer_raw(raw, VIRTQ_MAX_SIZE);
	check_broken("4 GiB");
	down();
}

/* Chains taken before the rule was broken come back without touching the ring. */
static void test_push_after_broken(void)
{
	uint32_t id, len;

	up(DRV_ALL_FEATURES, SIZE);
	add_one(4, true);
	CHECK_INT(pop(), 1);
	virtio_broken(&rig.vd, "for the test");
	CHECK_INT(pop(), -EIO);
	virtq_push(rig.vq, &rig.c, 4);
	virtq_notify(rig.vq);
	CHECK(!drv_used(&rig.d, 0, &id, &len));
	CHECK_INT(fake_msi_count(&rig.f, drv_msi_data(&rig.d, 0)), 0);
	down();
}

int main(void)
{
	RUN_BOTH(test_chain_direct);
	RUN_BOTH(test_chain_indirect);
	RUN_BOTH(test_queue_of_one);
	RUN_BOTH(test_queue_full);
	RUN_BOTH(test_indices_wrap);
	RUN_BOTH(test_chains_over_the_end);
	RUN_BOTH(test_out_of_order_push);
	RUN_BOTH(test_unpop);
	RUN_BOTH(test_copies);
	RUN_BOTH(test_used_length);
	RUN_BOTH(test_in_flight_is_bounded);
	RUN_BOTH(test_broken_indirect_not_negotiated);
	RUN_BOTH(test_broken_indirect_nested);
	RUN_BOTH(test_broken_indirect_with_next);
	RUN_BOTH(test_broken_indirect_length);
	RUN_BOTH(test_broken_indirect_outside);
	RUN_BOTH(test_broken_readable_after_writable);
	RUN_BOTH(test_broken_zero_length);
	RUN_BOTH(test_broken_buffer_outside);
	RUN_BOTH(test_broken_buffer_not_shared);
	RUN_BOTH(test_broken_more_buffers_than_the_caller_takes);
	RUN_BOTH(test_broken_chain_of_4g);
	RUN_BOTH(test_push_after_broken);
	return tests_done();
}
