/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-blk through its PCI transport and the real engine, on files in /tmp. */
#include "tests/unit/test_blk.h"

static void test_config(void)
{
	struct bench b;
	uint64_t offered;

	make_image(&b, SECTORS * 512 + 100);
	setup(&b, DRV_ALL_FEATURES);
	CHECK_INT(fake_mmio_read(&b.f, b.d.config, 4), SECTORS);
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 4, 4), 0);
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 12, 4), 126);
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 20, 4), 512);
	offered = drv_offered(&b.d);
	CHECK_INT(offered & 0xffffff, BIT(2) | BIT(6) | BIT(F_FLUSH) | BIT(F_DISCARD) |
		BIT(F_ZEROES));
	CHECK_INT(b.d.nr_queues, 1);
	teardown(&b);
	drop_image(&b);
}

static void test_read_write(void)
{
	struct bench b;
	struct req r;
	uint32_t used;
	uint8_t buf[4096];

	make_image(&b, SECTORS * 512);
	setup(&b, DRV_ALL_FEATURES);
	r = make(&b, T_IN, 3, 8192);
	CHECK_INT(run(&b, &r, true, &used), S_OK);
	CHECK_INT(used, 8193);
	CHECK(matches(drv_ram(&b.d, r.data, 8192), 3 * 512, 8192));

	r = make(&b, T_OUT, SECTORS - 8, 4096);
	memset(drv_ram(&b.d, r.data, 4096), 0x5c, 4096);
	CHECK_INT(run(&b, &r, false, &used), S_OK);
	CHECK_INT(used, 1);
	CHECK_INT(pread(b.fd, buf, 4096, (SECTORS - 8) * 512), 4096);
	CHECK(buf[0] == 0x5c && buf[4095] == 0x5c);
	CHECK_INT(pread(b.fd, buf, 512, (SECTORS - 9) * 512), 512);
	CHECK(matches(buf, (SECTORS - 9) * 512, 512));

	r = make(&b, T_FLUSH, 0, 0);
	CHECK_INT(run(&b, &r, false, &used), S_OK);
	CHECK_INT(used, 1);
	r = make(&b, T_IN, 0, 0);
	CHECK_INT(run(&b, &r, true, &used), S_OK);
	r = make(&b, 2, 0, 16);
	CHECK_INT(run(&b, &r, false, &used), S_UNSUPP);
	CHECK_INT(used, 1);
	CHECK_INT(b.f.log_lines, 0);
	teardown(&b);
	drop_image(&b);
}

static void test_write_through(void)
{
	struct bench b;
	struct req r;
	uint32_t used;

	make_image(&b, SECTORS * 512);
	setup(&b, BIT(VIRTIO_F_VERSION_1));
	r = make(&b, T_OUT, 0, 512);
	CHECK_INT(run(&b, &r, false, &used), S_OK);
	teardown(&b);
	drop_image(&b);
}

static void test_out_of_range(void)
{
	static const struct {
		uint64_t sector;
		uint32_t len;
	} bad[] = { { SECTORS, 512 }, { SECTORS - 1, 1024 }, { UINT64_MAX, 512 },
		{ UINT64_MAX / 512 + 1, 512 }, { 0, 511 }, { 0, 513 }, { SECTORS + 1, 0 },
		{ 0, (SECTORS + 1) * 512 } };
	struct bench b;
	struct req r;
	uint32_t used;

	make_image(&b, SECTORS * 512);
	setup(&b, DRV_ALL_FEATURES);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		r = make(&b, T_IN, bad[i].sector, bad[i].len);
		CHECK_INT(run(&b, &r, true, &used), S_IOERR);
		CHECK_INT(used, 1);
		r = make(&b, T_OUT, bad[i].sector, bad[i].len);
		CHECK_INT(run(&b, &r, false, &used), S_IOERR);
		CHECK_INT(used, 1);
	}
	CHECK_INT(lseek(b.fd, 0, SEEK_END), SECTORS * 512);
	CHECK(!(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET));
	teardown(&b);
	drop_image(&b);
}

static void test_read_only(void)
{
	struct bench b;
	struct req r;
	uint32_t used;
	uint8_t buf[512];

	make_image(&b, SECTORS * 512);
	b.opts.ro = true;
	setup(&b, DRV_ALL_FEATURES);
	CHECK(drv_offered(&b.d) & 1 << 5);
	r = make(&b, T_IN, 7, 512);
	CHECK_INT(run(&b, &r, true, &used), S_OK);
	r = make(&b, T_OUT, 7, 512);
	CHECK_INT(run(&b, &r, false, &used), S_IOERR);
	CHECK_INT(pread(b.fd, buf, 512, 7 * 512), 512);
	CHECK(matches(buf, 7 * 512, 512));
	r = make(&b, T_FLUSH, 0, 0);
	CHECK_INT(run(&b, &r, false, &used), S_OK);
	teardown(&b);
	drop_image(&b);
}

static void test_get_id(void)
{
	static char serial[] = "0123456789abcdef";
	struct bench b;
	struct req r;
	uint32_t used;

	make_image(&b, SECTORS * 512);
	b.opts.serial = serial;
	setup(&b, DRV_ALL_FEATURES);
	r = make(&b, T_GET_ID, 0, 20);
	memset(drv_ram(&b.d, r.data, 20), 0xff, 20);
	CHECK_INT(run(&b, &r, true, &used), S_OK);
	CHECK_INT(used, 21);
	CHECK(!memcmp(drv_ram(&b.d, r.data, 20), "0123456789abcdef\0\0\0\0", 20));
	r = make(&b, T_GET_ID, 0, 7);
	CHECK_INT(run(&b, &r, true, &used), S_OK);
	CHECK_INT(used, 8);
	r = make(&b, T_GET_ID, 0, 0);
	CHECK_INT(run(&b, &r, true, &used), S_OK);
	CHECK_INT(used, 1);
	teardown(&b);
	drop_image(&b);
}

/* 2.7.4: header, data and status may be cut into buffers anywhere, or share one. */
static void test_any_layout(void)
{
	struct bench b;
	struct req r;
	uint32_t id, used;

	make_image(&b, SECTORS * 512);
	setup(&b, DRV_ALL_FEATURES);
	for (int indirect = 0; indirect < 2; indirect++) {
		r = make(&b, T_IN, 5, 1025);	/* the last byte is the status */
		drv_add(&b.d, 0, (struct drv_buf[]){ { r.header, 5, false },
			{ r.header + 5, 11, false }, { r.data, 3, true },
			{ r.data + 3, 1000, true }, { r.data + 1003, 22, true } }, 5, indirect);
		drv_kick(&b.d, 0);
		REQUIRE(drv_wait(&b.d, 0, WAIT, &id, &used));
		CHECK_INT(used, 1025);
		CHECK(matches(drv_ram(&b.d, r.data, 1024), 5 * 512, 1024));
		CHECK_INT(*(uint8_t *)drv_ram(&b.d, r.data + 1024, 1), S_OK);
	}
	/* Header and data in one buffer. */
	r = make(&b, T_OUT, 9, 512);
	r.header = drv_alloc(&b.d, 16 + 512, 16);
	memset(drv_ram(&b.d, r.header, 528), 0x77, 528);
	le_store(drv_ram(&b.d, r.header, 4), 4, T_OUT);
	le_store(drv_ram(&b.d, r.header + 8, 8), 8, 9);
	drv_add(&b.d, 0, (struct drv_buf[]){ { r.header, 528, false }, { r.status, 1, true } }, 2,
		false);
	drv_kick(&b.d, 0);
	REQUIRE(drv_wait(&b.d, 0, WAIT, &id, &used));
	CHECK_INT(status_of(&b, &r), S_OK);
	r = make(&b, T_IN, 9, 512);
	CHECK_INT(run(&b, &r, true, &used), S_OK);
	CHECK_INT(*(uint8_t *)drv_ram(&b.d, r.data + 511, 1), 0x77);
	teardown(&b);
	drop_image(&b);
}

/* What cannot be answered breaks the device, and a reset mends it. */
static void test_no_room(void)
{
	struct bench b;
	struct req r;
	uint32_t id, used;

	make_image(&b, SECTORS * 512);
	setup(&b, DRV_ALL_FEATURES);
	for (int i = 0; i < 3; i++) {
		r = make(&b, T_IN, 0, 512);
		if (i == 0)	/* no status */
			drv_add(&b.d, 0, (struct drv_buf[]){ { r.header, 16, false } }, 1, false);
		else if (i == 1) /* short header */
			drv_add(&b.d, 0, (struct drv_buf[]){ { r.header, 15, false },
				{ r.status, 1, true } }, 2, false);
		else
			drv_add(&b.d, 0, (struct drv_buf[]){ { r.status, 1, true } }, 1, false);
		drv_kick(&b.d, 0);
		CHECK(!drv_wait(&b.d, 0, 50, &id, &used));
		CHECK(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET);
		drv_reset(&b.d);
		CHECK(!(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET));
		REQUIRE(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
		r = make(&b, T_IN, 0, 512);
		CHECK_INT(run(&b, &r, true, &used), S_OK);
	}
	teardown(&b);
	drop_image(&b);
}

static uint64_t scattered(unsigned int i, int round)
{
	return (i * 37 + (unsigned int)round) % (SECTORS - 8);
}

/* Many requests in one batch; every chain comes back once. */
static void test_many(void)
{
	struct bench b;
	struct req reqs[80];
	bool seen[256] = { false };
	int heads[80];
	uint32_t id, used;

	make_image(&b, SECTORS * 512);
	setup(&b, DRV_ALL_FEATURES);
	for (int round = 0; round < 50; round++) {
		memset(seen, 0, sizeof(seen));
		b.d.heap = MIB(1);
		for (unsigned int i = 0; i < 80; i++) {
			reqs[i] = make(&b, T_IN, scattered(i, round), 4096);
			heads[i] = submit(&b, &reqs[i], true);
			REQUIRE(heads[i] >= 0);
		}
		drv_kick(&b.d, 0);
		for (unsigned int i = 0; i < 80; i++) {
			REQUIRE(drv_wait(&b.d, 0, WAIT, &id, &used));
			CHECK_INT(used, 4097);
			CHECK(!seen[id]);
			seen[id] = true;
		}
		for (unsigned int i = 0; i < 80; i++) {
			CHECK(seen[heads[i]] && status_of(&b, &reqs[i]) == S_OK);
			CHECK(matches(drv_ram(&b.d, reqs[i].data, 4096),
				scattered(i, round) * 512, 4096));
		}
	}
	CHECK(!drv_used(&b.d, 0, &id, &used));
	teardown(&b);
	drop_image(&b);
}

/* As many requests as the queue has entries, taken before any of them ends. */
static void test_full_queue(void)
{
	struct bench b;
	struct req r;
	uint32_t id, used;

	make_image(&b, SECTORS * 512);
	setup(&b, DRV_ALL_FEATURES);
	r = make(&b, T_IN, 0, 512);
	for (int round = 0; round < 20; round++) {
		loop_stop(b.f.loop);
		for (int i = 0; i < 256; i++)
			REQUIRE(drv_add(&b.d, 0, (struct drv_buf[]){ { r.header, 16, false },
				{ r.data, 512, true }, { r.status, 1, true } }, 3, true) >= 0);
		drv_kick(&b.d, 0);
		fake_env_start(&b.f);
		drv_kick(&b.d, 0);
		for (int i = 0; i < 256; i++) {
			REQUIRE(drv_wait(&b.d, 0, WAIT, &id, &used));
			CHECK_INT(used, 513);
		}
	}
	CHECK(!(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET));
	teardown(&b);
	drop_image(&b);
}

static void machine_reset(void *opaque)
{
	virtio_blk_class.reset(opaque);
}

/* After a reset nothing of the old requests touches memory; the device works. */
static void test_reset_in_flight(void)
{
	struct bench b;
	struct req r;
	uint32_t used;
	uint8_t *p;

	make_image(&b, SECTORS * 512);
	b.opts.direct = true;
	if (create(&b, NULL) < 0) {
		fake_env_fini(&b.f);
		b.opts.direct = false;
	} else {
		teardown(&b);
	}
	setup(&b, DRV_ALL_FEATURES);
	for (int round = 0; round < 30; round++) {
		for (unsigned int i = 0; i < 8; i++) {
			r = make(&b, T_IN, 0, SECTORS * 512);
			submit(&b, &r, true);
		}
		drv_kick(&b.d, 0);
		drv_reset(&b.d);
		p = drv_ram(&b.d, r.data, r.len);
		memset(p, 0xee, r.len);
		usleep(200);
		for (uint32_t i = 0; i < r.len; i += 4096)
			REQUIRE(p[i] == 0xee);
		REQUIRE(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
	}
	r = make(&b, T_IN, 1, 512);
	CHECK_INT(run(&b, &r, true, &used), S_OK);
	/* And destruction with requests in flight, as well as a machine's reset. */
	submit(&b, &r, true);
	drv_kick(&b.d, 0);
	loop_call(b.f.loop, machine_reset, b.dev);
	drv_init(&b.d, &b.f, b.d.slot);
	REQUIRE(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
	for (unsigned int i = 0; i < 8; i++) {
		r = make(&b, T_IN, 0, SECTORS * 512);
		submit(&b, &r, true);
	}
	drv_kick(&b.d, 0);
	teardown(&b);
	drop_image(&b);
}

/* The image shrinks under a running machine: an error, not a hang and not stale data. */
static void test_truncated(void)
{
	struct bench b;
	struct req r;
	uint32_t used;

	make_image(&b, SECTORS * 512);
	setup(&b, DRV_ALL_FEATURES);
	FAKE_MUST(!ftruncate(b.fd, 1000 * 512));
	r = make(&b, T_IN, 998, 2048);
	CHECK_INT(run(&b, &r, true, &used), S_IOERR);
	CHECK_INT(used, 1025);
	CHECK(matches(drv_ram(&b.d, r.data, 1024), 998 * 512, 1024));
	CHECK_HAS(b.f.last_log, "read of 2048 bytes");
	r = make(&b, T_IN, 1500, 512);
	CHECK_INT(run(&b, &r, true, &used), S_IOERR);
	CHECK_INT(used, 1);
	teardown(&b);
	drop_image(&b);
}

static void test_direct(void)
{
	struct bench b;
	struct req r;
	uint32_t id, used;

	make_image(&b, SECTORS * 512);
	b.opts.direct = true;
	if (create(&b, NULL) < 0) {
		fake_env_fini(&b.f);
		drop_image(&b);
		SKIP("no O_DIRECT in /tmp");
	}
	teardown(&b);
	setup(&b, DRV_ALL_FEATURES);
	r = make(&b, T_IN, 8, 4096);
	CHECK_INT(run(&b, &r, true, &used), S_OK);
	CHECK(matches(drv_ram(&b.d, r.data, 4096), 8 * 512, 4096));
	/* Neither buffer nor sector is aligned for any disk. */
	r = make(&b, T_IN, 3, 1026);
	drv_add(&b.d, 0, (struct drv_buf[]){ { r.header, 16, false },
		{ r.data + 1, 1025, true } }, 2, false);
	drv_kick(&b.d, 0);
	REQUIRE(drv_wait(&b.d, 0, WAIT, &id, &used));
	CHECK_INT(used, 1025);
	CHECK(matches(drv_ram(&b.d, r.data + 1, 1024), 3 * 512, 1024));
	r = make(&b, T_OUT, 3, 512);
	memset(drv_ram(&b.d, r.data, 512), 0x11, 512);
	CHECK_INT(run(&b, &r, false, &used), S_OK);
	r = make(&b, T_IN, 0, 4096);
	CHECK_INT(run(&b, &r, true, &used), S_OK);
	CHECK_INT(*(uint8_t *)drv_ram(&b.d, r.data + 3 * 512, 1), 0x11);
	teardown(&b);
	drop_image(&b);
}

static void refuse(struct bench *b, int code, const char *text)
{
	struct tvm_error err = { 0 };

	CHECK_INT(create(b, &err), code);
	CHECK_HAS(err.msg, text);
	CHECK_INT(err.code, code);
	CHECK(!b->dev && drv_find(&b->f, VIRTIO_ID_BLOCK) < 0);
	teardown(b);
}

static void test_refused(void)
{
	static char dir[] = "/tmp", missing[] = "/tmp/no such image", null[] = "/dev/null";
	static char serial[] = "123456789012345678901";
	struct bench b;
	char fifo[sizeof(b.path) + 8];

	make_image(&b, 511);
	refuse(&b, -EINVAL, "smaller than a block");
	FAKE_MUST(!ftruncate(b.fd, 4096));
	b.opts.serial = serial;
	refuse(&b, -EINVAL, "longer than 20");
	b.opts.serial = NULL;
	b.opts.ro = true;
	b.opts.path = dir;
	refuse(&b, -EINVAL, "neither a regular file");
	b.opts.path = null;
	refuse(&b, -EINVAL, "neither a regular file");
	b.opts.path = missing;
	refuse(&b, -ENOENT, "no such image");
	snprintf(fifo, sizeof(fifo), "%s.fifo", b.path);
	FAKE_MUST(!mkfifo(fifo, 0600));
	b.opts.path = fifo;
	refuse(&b, -EINVAL, "neither a regular file");
	unlink(fifo);
	drop_image(&b);
}

static void test_locked(void)
{
	struct tvm_error err = { 0 };
	struct dev *second = NULL;
	struct bench b;

	make_image(&b, SECTORS * 512);
	setup(&b, DRV_ALL_FEATURES);
	CHECK_INT(virtio_blk_class.create(&b.f.env, &b.opts, &second, &err), -EBUSY);
	CHECK_HAS(err.msg, "another machine");
	b.opts.ro = true;
	CHECK_INT(virtio_blk_class.create(&b.f.env, &b.opts, &second, &err), -EBUSY);
	teardown(&b);
	/* Two readers are fine. */
	CHECK(!create(&b, NULL));
	REQUIRE(!virtio_blk_class.create(&b.f.env, &b.opts, &second, &err));
	virtio_blk_class.destroy(second);
	teardown(&b);
	drop_image(&b);
}

int main(void)
{
	RUN(test_config);
	RUN(test_read_write);
	RUN(test_write_through);
	RUN(test_out_of_range);
	RUN(test_read_only);
	RUN(test_get_id);
	RUN(test_any_layout);
	RUN(test_no_room);
	RUN(test_many);
	RUN(test_full_queue);
	RUN(test_reset_in_flight);
	RUN(test_truncated);
	RUN(test_direct);
	RUN(test_refused);
	RUN(test_locked);
	return tests_done();
}
