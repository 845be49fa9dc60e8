/* SPDX-License-Identifier: Apache-2.0 */
/* Who tells whom when: interrupts and notifications of both ring formats. */
#include "tests/unit/virtq_rig.h"

static void no_interrupts(bool no)
{
	if (rig.packed)
		drv_set_driver_event(&rig.d, 0, 0, true, no);
	else
		drv_set_avail_flags(&rig.d, 0, no);
}

/* Interrupt when the n-th buffer is used; each takes one descriptor. */
static void interrupt_at(unsigned int n)
{
	if (rig.packed)
		drv_set_driver_event(&rig.d, 0, n % SIZE, !(n / SIZE % 2), 2);
	else
		drv_set_used_event(&rig.d, 0, (uint16_t)n);
}

static uint64_t push_and_notify(void)
{
	uint64_t before = fake_msi_count(&rig.f, drv_msi_data(&rig.d, 0));
	uint32_t id, len;

	add_one(10, true);
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
	no_interrupts(true);
	CHECK_INT(push_and_notify(), 0);
	no_interrupts(false);
	CHECK_INT(push_and_notify(), 1);
	down();
}

static void test_interrupt_by_event(void)
{
	unsigned int n = 0;

	up(DRV_ALL_FEATURES, SIZE);
	for (unsigned int at = 0; at < 40; at += 1 + at % 6) {
		interrupt_at(at);
		for (; n < at; n++)
			CHECK_INT(push_and_notify(), 0);
		CHECK_INT(push_and_notify(), 1);
		n++;
		CHECK_INT(push_and_notify(), 0);
		n++;
		at = n;
	}
	down();
}

/* The event's buffer is one of many that were pushed before the notification. */
static void test_interrupt_for_several(void)
{
	uint32_t id, len;

	up(DRV_ALL_FEATURES, SIZE);
	for (unsigned int first = 0; first < 60; first += 5) {
		uint64_t before = fake_msi_count(&rig.f, drv_msi_data(&rig.d, 0));

		interrupt_at(first + first % 7);
		for (int i = 0; i < 5; i++) {
			add_one(4, false);
			CHECK_INT(pop(), 1);
			virtq_push(rig.vq, &rig.c, 0);
			CHECK(drv_used(&rig.d, 0, &id, &len));
		}
		virtq_notify(rig.vq);
		CHECK_INT(fake_msi_count(&rig.f, drv_msi_data(&rig.d, 0)) - before,
			first % 7 < 5);
	}
	down();
}

static void test_notifications_by_flags(void)
{
	up(NO_EVENTS, SIZE);
	add_one(10, true);
	CHECK(drv_kick_if_wanted(&rig.d, 0));
	virtq_disable_notify(rig.vq);
	add_one(10, true);
	CHECK(!drv_kick_if_wanted(&rig.d, 0));
	CHECK(virtq_enable_notify(rig.vq));
	CHECK_INT(pop(), 1);
	CHECK_INT(pop(), 1);
	CHECK(!virtq_enable_notify(rig.vq));
	add_one(10, true);
	CHECK(drv_kick_if_wanted(&rig.d, 0));
	down();
}

static void test_notifications_by_event(void)
{
	up(DRV_ALL_FEATURES, SIZE);
	add_one(10, true);
	CHECK(drv_kick_if_wanted(&rig.d, 0));
	add_one(10, true);
	CHECK(!drv_kick_if_wanted(&rig.d, 0)); /* we are looking anyway */
	CHECK_INT(pop(), 1);
	CHECK_INT(pop(), 1);
	CHECK_INT(pop(), 0); /* says: waiting for the next */
	add_one(10, true);
	CHECK(drv_kick_if_wanted(&rig.d, 0));
	virtq_disable_notify(rig.vq);
	CHECK_INT(pop(), 1);
	CHECK_INT(pop(), 0);
	add_one(10, true);
	CHECK(!drv_kick_if_wanted(&rig.d, 0));
	CHECK(virtq_enable_notify(rig.vq));
	down();
}

static void test_notifications_wrap(void)
{
	uint32_t id, len;

	up(DRV_ALL_FEATURES, SIZE);
	for (int i = 0; i < 100; i++) {
		CHECK_INT(pop(), 0); /* asks for the next */
		add_one(4, true);
		CHECK(drv_kick_if_wanted(&rig.d, 0));
		add_one(4, true);
		CHECK(!drv_kick_if_wanted(&rig.d, 0));
		for (int k = 0; k < 2; k++) {
			CHECK_INT(pop(), 1);
			virtq_push(rig.vq, &rig.c, 4);
			CHECK(drv_used(&rig.d, 0, &id, &len));
		}
	}
	down();
}

int main(void)
{
	RUN_BOTH(test_interrupt_by_flags);
	RUN_BOTH(test_interrupt_by_event);
	RUN_BOTH(test_interrupt_for_several);
	RUN_BOTH(test_notifications_by_flags);
	RUN_BOTH(test_notifications_by_event);
	RUN_BOTH(test_notifications_wrap);
	return tests_done();
}
