/* SPDX-License-Identifier: Apache-2.0 */
/* Status, features, queue registers, configuration space: virtio.c through its transport. */
#include "tests/harness.h"

#include "base/cleanup.h"
#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"

#define OFFERED (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_INDIRECT_DESC) | \
	BIT(VIRTIO_F_EVENT_IDX) | BIT(VIRTIO_F_RING_PACKED) | BIT(5) | BIT(7))
#define ACK VIRTIO_S_ACKNOWLEDGE
#define DRIVER VIRTIO_S_DRIVER
#define FEATURES VIRTIO_S_FEATURES_OK
#define OK VIRTIO_S_DRIVER_OK
#define BROKEN VIRTIO_S_NEEDS_RESET
#define FAILED VIRTIO_S_FAILED

struct toy {
	struct virtio_dev vd;
	unsigned int activations, resets, config_writes;
	size_t off, len;
	int activate_result;
	bool on_loop;		/* every op so far */
	_Atomic unsigned int notifies[2];
};

static struct fake_env f;
static struct toy toy;
static struct drv d;

static void seen(struct toy *t)
{
	t->on_loop = t->on_loop && loop_is_current(f.loop);
}

static int toy_activate(struct virtio_dev *vd)
{
	struct toy *t = container_of(vd, struct toy, vd);

	seen(t);
	t->activations++;
	return t->activate_result;
}

static void toy_notify(struct virtio_dev *vd, unsigned int vq)
{
	struct toy *t = container_of(vd, struct toy, vd);

	seen(t);
	t->notifies[vq]++;
}

static void toy_reset(struct virtio_dev *vd)
{
	struct toy *t = container_of(vd, struct toy, vd);

	seen(t);
	t->resets++;
}

static void toy_config_written(struct virtio_dev *vd, size_t off, size_t len)
{
	struct toy *t = container_of(vd, struct toy, vd);

	seen(t);
	t->config_writes++;
	t->off = off;
	t->len = len;
}

static const struct virtio_ops toy_ops = {
	.id = VIRTIO_ID_BLOCK,
	.features = BIT(5),
	.activate = toy_activate,
	.notify = toy_notify,
	.reset = toy_reset,
	.config_written = toy_config_written,
};

static void up_with(bool access_platform, bool split_only)
{
	const uint16_t sizes[] = { 64, 16 };

	fake_env_init(&f, MIB(1));
	f.env.access_platform = access_platform;
	f.env.split_only = split_only;
	memset(&toy, 0, sizeof(toy));
	FAKE_MUST(virtio_init(&toy.vd, &toy_ops, &f.env, "toy0", BIT(7), 10, 2, sizes, NULL) == 0);
	FAKE_MUST(virtio_attach(&toy.vd, NULL) == 0);
	toy.on_loop = true;
	fake_env_start(&f);
	FAKE_MUST(drv_init(&d, &f, 1) == 0);
}

static void up(void)
{
	up_with(false, false);
}

static void down(void)
{
	CHECK(toy.on_loop);
	loop_stop(f.loop);
	virtio_fini(&toy.vd);
	fake_env_fini(&f);
}

static void status(uint8_t val)
{
	drv_write(&d, DRV_STATUS, 1, val);
}

/* From reset; what a write of val leaves behind. */
static void check_step(uint8_t from, uint8_t val, uint8_t now)
{
	static const uint8_t steps[] = { ACK, DRIVER, FEATURES, OK, FAILED };
	uint8_t s = 0;

	status(0);
	drv_write(&d, DRV_DRIVER_FEATURE_SELECT, 4, 1);
	drv_write(&d, DRV_DRIVER_FEATURE, 4, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		if (from & steps[i]) {
			s |= steps[i];
			status(s);
		}
	}
	CHECK_INT(drv_status(&d), from);
	status(val);
	CHECK_INT(drv_status(&d), now);
}

static void test_status_order(void)
{
	up();
	check_step(0, ACK, ACK);
	check_step(0, ACK | DRIVER, ACK | DRIVER);
	check_step(0, DRIVER, 0);
	check_step(ACK, ACK | FEATURES, ACK);
	check_step(ACK | DRIVER, ACK | DRIVER | FEATURES, ACK | DRIVER | FEATURES);
	check_step(ACK | DRIVER, ACK | DRIVER | OK, ACK | DRIVER);
	check_step(ACK | DRIVER, ACK | DRIVER | FEATURES | OK, ACK | DRIVER);
	CHECK_INT(toy.activations, 0);
	check_step(ACK | DRIVER | FEATURES, ACK | DRIVER | FEATURES | OK,
		ACK | DRIVER | FEATURES | OK);
	CHECK_INT(toy.activations, 1);
	status(ACK | DRIVER | FEATURES | OK); /* once more */
	CHECK_INT(toy.activations, 1);
	down();
}

static void test_status_bits_are_not_cleared(void)
{
	up();
	check_step(ACK | DRIVER, ACK, ACK | DRIVER);
	check_step(ACK | DRIVER | FEATURES, ACK | DRIVER, ACK | DRIVER | FEATURES);
	check_step(ACK | DRIVER | FEATURES | OK, ACK, ACK | DRIVER | FEATURES | OK);
	CHECK_INT(toy.resets, 0);
	check_step(ACK | DRIVER | FEATURES | OK, 0, 0);
	CHECK_INT(toy.resets, 2);
	down();
}

static void test_status_foreign_bits(void)
{
	up();
	check_step(ACK, ACK | BROKEN | 0x30, ACK);
	check_step(ACK, ACK | FAILED, ACK | FAILED);
	check_step(ACK | DRIVER | FEATURES | FAILED, ACK | DRIVER | FEATURES | FAILED | OK,
		ACK | DRIVER | FEATURES | FAILED);
	CHECK_INT(toy.activations, 0);
	down();
}

static void test_broken_before_driver_ok(void)
{
	up();
	FAKE_MUST(drv_negotiate(&d, DRV_ALL_FEATURES) == 0);
	virtio_broken(&toy.vd, "for the test");
	drv_driver_ok(&d);
	CHECK_INT(drv_status(&d), ACK | DRIVER | FEATURES | BROKEN);
	CHECK_INT(toy.activations, 0);
	drv_reset(&d);
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	CHECK_INT(drv_status(&d), ACK | DRIVER | FEATURES | OK);
	down();
}

/* ---- Features ------------------------------------------------------------------------ */

static void test_features_offered(void)
{
	up();
	CHECK(drv_offered(&d) == OFFERED);
	drv_write(&d, DRV_DEVICE_FEATURE_SELECT, 4, 2);
	CHECK_INT(drv_read(&d, DRV_DEVICE_FEATURE, 4), 0);
	down();
}

static void test_features_accepted(void)
{
	up();
	CHECK_INT(drv_negotiate(&d, BIT(VIRTIO_F_VERSION_1) | BIT(7)), 0);
	CHECK(toy.vd.accepted == (BIT(VIRTIO_F_VERSION_1) | BIT(7)));
	CHECK(virtio_has(&toy.vd, 7) && !virtio_has(&toy.vd, 5));
	/* Final now. */
	drv_write(&d, DRV_DRIVER_FEATURE_SELECT, 4, 0);
	drv_write(&d, DRV_DRIVER_FEATURE, 4, 0xffffffff);
	CHECK_INT(drv_read(&d, DRV_DRIVER_FEATURE, 4), BIT(7));
	down();
}

static void test_features_without_version_1(void)
{
	up();
	CHECK_INT(drv_negotiate(&d, ~BIT(VIRTIO_F_VERSION_1)), -ENOTSUP);
	CHECK_INT(drv_status(&d), ACK | DRIVER);
	CHECK_INT(drv_negotiate(&d, DRV_ALL_FEATURES), 0); /* may try again */
	down();
}

static void test_features_not_offered(void)
{
	up();
	drv_write(&d, DRV_DRIVER_FEATURE_SELECT, 4, 1);
	drv_write(&d, DRV_DRIVER_FEATURE, 4, 1 | 1U << 31);
	status(ACK | DRIVER | FEATURES);
	CHECK_INT(drv_status(&d), ACK | DRIVER);
	drv_write(&d, DRV_DRIVER_FEATURE_SELECT, 4, 2); /* bits 64 and up: nowhere */
	drv_write(&d, DRV_DRIVER_FEATURE, 4, 1);
	CHECK_INT(drv_read(&d, DRV_DRIVER_FEATURE, 4), 0);
	down();
}

static void test_features_access_platform(void)
{
	up_with(true, false);
	CHECK(drv_offered(&d) == (OFFERED | BIT(VIRTIO_F_ACCESS_PLATFORM)));
	CHECK_INT(drv_negotiate(&d, ~BIT(VIRTIO_F_ACCESS_PLATFORM)), -ENOTSUP);
	CHECK_INT(drv_negotiate(&d, DRV_ALL_FEATURES), 0);
	down();
}

static void test_features_split_only(void)
{
	up_with(false, true);
	CHECK(drv_offered(&d) == (OFFERED & ~BIT(VIRTIO_F_RING_PACKED)));
	CHECK_INT(drv_negotiate(&d, DRV_ALL_FEATURES_PACKED), 0);
	CHECK(!virtio_has(&toy.vd, VIRTIO_F_RING_PACKED));
	down();
}

/* ---- Queues -------------------------------------------------------------------------- */

static void test_queue_sizes(void)
{
	up();
	CHECK_INT(drv_read(&d, DRV_NUM_QUEUES, 2), 2);
	drv_write(&d, DRV_QUEUE_SELECT, 2, 1);
	CHECK_INT(drv_read(&d, DRV_QUEUE_SIZE, 2), 16);
	for (int i = 0; i < 4; i++) {
		drv_write(&d, DRV_QUEUE_SIZE, 2, (uint64_t[]){ 0, 32, 12, 0xffff }[i]);
		CHECK_INT(drv_read(&d, DRV_QUEUE_SIZE, 2), 16);
	}
	drv_write(&d, DRV_QUEUE_SIZE, 2, 4);
	CHECK_INT(drv_read(&d, DRV_QUEUE_SIZE, 2), 4);
	drv_write(&d, DRV_QUEUE_SELECT, 2, 0);
	CHECK_INT(drv_read(&d, DRV_QUEUE_SIZE, 2), 64);
	drv_write(&d, DRV_QUEUE_SELECT, 2, 2);
	CHECK_INT(drv_read(&d, DRV_QUEUE_SIZE, 2), 0);
	drv_write(&d, DRV_QUEUE_SELECT, 2, 0xffff);
	drv_write(&d, DRV_QUEUE_ENABLE, 2, 1);
	CHECK_INT(drv_read(&d, DRV_QUEUE_ENABLE, 2), 0);
	drv_reset(&d);
	drv_write(&d, DRV_QUEUE_SELECT, 2, 1);
	CHECK_INT(drv_read(&d, DRV_QUEUE_SIZE, 2), 16);
	down();
}

static void check_frozen(void)
{
	drv_write(&d, DRV_QUEUE_SELECT, 2, 0);
	drv_write(&d, DRV_QUEUE_SIZE, 2, 2);
	drv_write(&d, DRV_QUEUE_DESC, 8, 0xdead0000);
	drv_write(&d, DRV_QUEUE_DRIVER, 4, 0xdead0000);
	drv_write(&d, DRV_QUEUE_DEVICE + 4, 4, 0xdead0000);
	drv_write(&d, DRV_QUEUE_ENABLE, 2, 0);
	CHECK_INT(drv_read(&d, DRV_QUEUE_SIZE, 2), 64);
	CHECK_INT(drv_read(&d, DRV_QUEUE_DESC, 8), d.q[0].desc);
	CHECK_INT(drv_read(&d, DRV_QUEUE_DRIVER, 8), d.q[0].avail);
	CHECK_INT(drv_read(&d, DRV_QUEUE_DEVICE, 8), d.q[0].used);
	CHECK_INT(drv_read(&d, DRV_QUEUE_ENABLE, 2), 1);
}

/* Size and addresses must not change under a running device (compare CVE-2026-5747). */
static void test_queue_registers_freeze(void)
{
	up();
	FAKE_MUST(drv_negotiate(&d, DRV_ALL_FEATURES) == 0);
	drv_queue_init(&d, 0, 0);
	check_frozen();
	drv_driver_ok(&d);
	check_frozen();
	CHECK_INT(virtq_size(toy.vd.queues[0]), 64);
	drv_reset(&d);
	CHECK_INT(drv_read(&d, DRV_QUEUE_DESC, 8), 0);
	down();
}

static void test_queue_not_enabled_after_driver_ok(void)
{
	up();
	FAKE_MUST(drv_negotiate(&d, DRV_ALL_FEATURES) == 0);
	drv_queue_init(&d, 0, 0);
	drv_driver_ok(&d);
	drv_queue_init(&d, 1, 0);
	CHECK_INT(drv_read(&d, DRV_QUEUE_ENABLE, 2), 0);
	CHECK(virtq_ready(toy.vd.queues[0]));
	CHECK(!virtq_ready(toy.vd.queues[1]));
	CHECK_INT(virtq_pop(toy.vd.queues[1], NULL), 0);
	down();
}

static void flush(void *opaque)
{
}

/* Kicks that were sent before are delivered afterwards: the loop is level-triggered. */
static void sync_loop(void)
{
	for (int i = 0; i < 3; i++)
		loop_call(f.loop, flush, NULL);
}

static void test_notify(void)
{
	up();
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	drv_kick(&d, 1);
	sync_loop();
	CHECK_INT(toy.notifies[0], 0);
	CHECK_INT(toy.notifies[1], 1);
	virtio_broken(&toy.vd, "for the test");
	drv_kick(&d, 1);
	sync_loop();
	CHECK_INT(toy.notifies[1], 1);
	drv_reset(&d);
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	sync_loop();
	CHECK_INT(toy.notifies[1], 1); /* what was rung before the reset is gone */
	down();
}

static void test_activate_fails(void)
{
	up();
	toy.activate_result = -ENOMEM;
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	CHECK_INT(drv_status(&d), ACK | DRIVER | FEATURES | OK | BROKEN);
	CHECK_INT(fake_msi_count(&f, drv_msi_data(&d, -1)), 1);
	toy.activate_result = 0;
	drv_reset(&d);
	CHECK_INT(toy.resets, 1);
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	CHECK_INT(drv_status(&d), ACK | DRIVER | FEATURES | OK);
	down();
}

static void test_reset_needs_activation(void)
{
	up();
	drv_reset(&d);
	CHECK_INT(toy.resets, 0);
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	drv_reset(&d);
	drv_reset(&d);
	CHECK_INT(toy.resets, 1);
	CHECK(toy.vd.accepted == 0);
	down();
}

static void test_machine_reset(void)
{
	up();
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	virtio_machine_reset(&toy.vd);
	CHECK_INT(toy.resets, 1);
	CHECK_INT(toy.vd.status, 0);
	CHECK_INT(drv_cfg_read(&d, PCI_COMMAND, 2), 0);
	FAKE_MUST(drv_init(&d, &f, 1) == 0);
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	down();
}

/* ---- Configuration space ------------------------------------------------------------- */

static void test_config_space(void)
{
	const uint8_t bytes[] = { 1, 2, 3, 4 };
	uint8_t generation;

	up();
	generation = (uint8_t)drv_read(&d, DRV_GENERATION, 1);
	virtio_config_update(&toy.vd, 4, bytes, 4);
	CHECK((uint8_t)drv_read(&d, DRV_GENERATION, 1) != generation);
	CHECK_INT(fake_mmio_read(&f, d.config + 4, 4), 0x04030201);
	CHECK_INT(fake_mmio_read(&f, d.config + 8, 4), 0xffff0000); /* 10 bytes in all */
	fake_mmio_write(&f, d.config + 8, 2, 0xbeef);
	CHECK_INT(fake_mmio_read(&f, d.config + 8, 2), 0xbeef);
	CHECK_INT(toy.config_writes, 1);
	CHECK_INT(toy.off, 8);
	CHECK_INT(toy.len, 2);
	fake_mmio_write(&f, d.config + 8, 4, 0);
	fake_mmio_write(&f, d.config + 10, 1, 0);
	CHECK_INT(toy.config_writes, 1);
	CHECK_INT(fake_msi_count(&f, drv_msi_data(&d, -1)), 0);
	CHECK_INT(drv_start(&d, DRV_ALL_FEATURES, 0), 0);
	virtio_config_changed(&toy.vd);
	CHECK_INT(fake_msi_count(&f, drv_msi_data(&d, -1)), 1);
	down();
}

/* ---- Life ---------------------------------------------------------------------------- */

static void test_init_refuses(void)
{
	const uint16_t bad[] = { 64, 48 }, big[] = { 2 * VIRTQ_MAX_SIZE };
	struct tvm_error err;
	struct toy t;

	fake_env_init(&f, MIB(1));
	CHECK_INT(virtio_init(&t.vd, &toy_ops, &f.env, "t0", 0, 0, 2, bad, &err), -EINVAL);
	CHECK_HAS(err.msg, "t0: queue size 48");
	virtio_fini(&t.vd);
	CHECK_INT(virtio_init(&t.vd, &toy_ops, &f.env, "t0", 0, 0, 1, big, &err), -EINVAL);
	CHECK_INT(virtio_init(&t.vd, &toy_ops, &f.env, "t0", 0, 0, 33, bad, &err), -EINVAL);
	f.env.pci = NULL;
	CHECK_INT(virtio_init(&t.vd, &toy_ops, &f.env, "t0", 0, 0, 1, bad, &err), 0);
	CHECK_INT(virtio_attach(&t.vd, &err), -ENODEV);
	virtio_fini(&t.vd);
	virtio_fini(&t.vd);
	fake_env_fini(&f);
}

int main(void)
{
	RUN(test_status_order);
	RUN(test_status_bits_are_not_cleared);
	RUN(test_status_foreign_bits);
	RUN(test_broken_before_driver_ok);
	RUN(test_features_offered);
	RUN(test_features_accepted);
	RUN(test_features_without_version_1);
	RUN(test_features_not_offered);
	RUN(test_features_access_platform);
	RUN(test_features_split_only);
	RUN(test_queue_sizes);
	RUN(test_queue_registers_freeze);
	RUN(test_queue_not_enabled_after_driver_ok);
	RUN(test_notify);
	RUN(test_activate_fails);
	RUN(test_reset_needs_activation);
	RUN(test_machine_reset);
	RUN(test_config_space);
	RUN(test_init_refuses);
	return tests_done();
}
