/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes wrong with disks: host errors and what the guest sees of them, and known classes
 * of bugs. Resets with I/O in flight and requests without bound: test_blk_queues.c.
 */
#include <sys/mount.h>
#include <sys/syscall.h>

#include "devices/virtio/blk_io.h"
#include "tests/unit/test_blk.h"

/*
 * A used length that is larger than what was written shows the guest's driver old memory as
 * data (CVE-2024-8612). Ours is exact for each type and outcome, and no byte beyond it changes.
 */
static void test_used_length(void)
{
	static const struct {
		uint32_t type, sector, len;
		uint8_t status;
		uint32_t used;
	} cases[] = {
		{ T_IN, 0, 4096, S_OK, 4097 },
		{ T_IN, SECTORS - 1, 512, S_OK, 513 },
		{ T_IN, SECTORS - 1, 1024, S_IOERR, 1 },
		{ T_IN, 0, 1000, S_IOERR, 1 },
		{ T_IN, SECTORS - 32, 8192, S_IOERR, 4097 },	/* truncated below */
		{ T_GET_ID, 0, 64, S_OK, 21 },
		{ T_GET_ID, 0, 5, S_OK, 6 },
		{ T_FLUSH, 0, 64, S_OK, 1 },
		{ T_DISCARD, 0, 64, S_IOERR, 1 },
		{ T_ZEROES, 0, 64, S_IOERR, 1 },
		{ 2, 0, 64, S_UNSUPP, 1 },
		{ 0xffffffff, 0, 64, S_UNSUPP, 1 },
	};
	struct bench b;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct req r;
		uint32_t used;
		uint8_t *p;

		make_image(&b, SECTORS * 512);
		setup(&b, DRV_ALL_FEATURES);
		if (cases[i].sector == SECTORS - 32)
			FAKE_MUST(!ftruncate(b.fd, (SECTORS - 24) * 512));
		r = make(&b, cases[i].type, cases[i].sector, cases[i].len);
		p = drv_ram(&b.d, r.data, cases[i].len);
		memset(p, 0xee, cases[i].len);
		CHECK_INT(run(&b, &r, true, &used), cases[i].status);
		CHECK_INT(used, cases[i].used);
		for (uint32_t k = used - 1; k < cases[i].len; k++)
			REQUIRE(p[k] == 0xee);
		teardown(&b);
		drop_image(&b);
	}
}

/*
 * An answer written without looking at the size of the buffer for it (CVE-2026-48914): the
 * bytes around the buffer stay as they were, however small it is.
 */
static void test_answer_fits(void)
{
	static char serial[] = "ABCDEFGHIJKLMNOPQRST";
	struct bench b;

	make_image(&b, SECTORS * 512);
	b.opts.serial = serial;
	setup(&b, DRV_ALL_FEATURES);
	for (uint32_t len = 0; len <= 24; len++) {
		struct req r = make(&b, T_GET_ID, 0, 0);
		gpa_t around = drv_alloc(&b.d, 64, 1);
		uint8_t *p = drv_ram(&b.d, around, 64);
		uint32_t id, used, id_len = len < 20 ? len : 20;

		/* Data and status in one buffer, its neighbours in sight. */
		memset(p, 0xee, 64);
		drv_add(&b.d, 0, (struct drv_buf[]){ { r.header, 16, false },
			{ around + 8, len + 1, true } }, 2, false);
		drv_kick(&b.d, 0);
		REQUIRE(drv_wait(&b.d, 0, WAIT, &id, &used));
		CHECK_INT(used, id_len + 1);
		CHECK(!memcmp(p + 8, serial, id_len));
		CHECK_INT(p[8 + len], S_OK);
		for (uint32_t k = 0; k < 64; k++)
			CHECK((k >= 8 && k < 8 + id_len) || k == 8 + len || p[k] == 0xee);
	}
	teardown(&b);
	drop_image(&b);
}

/*
 * A guest that writes another format's header into its raw disk must not have it believed at
 * the next start: a qcow2 header could name any file of the host (GHSA-jmr4-g2hv-mjj6).
 */
static void test_never_probed(void)
{
	static const char *const magics[] = { "QFI\xfb\0\0\0\3", "KDMV\1\0\0\0", "conectix",
		"vhdxfile", "<<< QEMU VM Virtual Disk Image >>>", "QED\0", "LUKS\xba\xbe\0\2" };
	uint8_t sector[512], got[512];
	struct bench b;
	struct req r;
	uint32_t used;

	make_image(&b, SECTORS * 512);
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		memset(sector, 0, sizeof(sector));
		memcpy(sector, magics[i], i < 4 ? 8 : strlen(magics[i]));
		/* qcow2: backing file of 11 bytes at 0x100, 2^16 clusters, a size of 1 GiB. */
		sector[14] = 1;
		sector[19] = 11;
		sector[23] = 16;
		sector[28] = 0x40;
		memcpy(sector + 0x100, "/etc/passwd", 11);
		setup(&b, DRV_ALL_FEATURES);
		r = make(&b, T_OUT, 0, 512);
		memcpy(drv_ram(&b.d, r.data, 512), sector, 512);
		CHECK_INT(run(&b, &r, false, &used), S_OK);
		teardown(&b);
		setup(&b, DRV_ALL_FEATURES);
		CHECK_INT(fake_mmio_read(&b.f, b.d.config, 4), SECTORS);
		r = make(&b, T_IN, 0, 1024);
		CHECK_INT(run(&b, &r, true, &used), S_OK);
		CHECK(!memcmp(drv_ram(&b.d, r.data, 512), sector, 512));
		CHECK(matches((uint8_t *)drv_ram(&b.d, r.data, 1024) + 512, 512, 512));
		CHECK_INT(pread(b.fd, got, 512, 0), 512);
		CHECK(!memcmp(got, sector, 512));
		teardown(&b);
	}
	drop_image(&b);
}

/* The guest's header changes while we look: one copy decides. */
static void *flip(void *opaque)
{
	struct { _Atomic bool stop; volatile uint32_t *type; } *x = opaque;

	while (!x->stop) {
		*x->type = T_OUT;
		*x->type = T_IN;
	}
	return NULL;
}

static void test_header_changes(void)
{
	struct { _Atomic bool stop; volatile uint32_t *type; } x = { 0 };
	pthread_t thread;
	struct bench b;
	struct req r;
	uint32_t used;

#ifdef __SANITIZE_THREAD__
	SKIP("races on purpose");
#endif
	make_image(&b, SECTORS * 512);
	b.opts.ro = true;
	setup(&b, DRV_ALL_FEATURES);
	r = make(&b, T_IN, 0, 512);
	x.type = drv_ram(&b.d, r.header, 4);
	FAKE_MUST(!pthread_create(&thread, NULL, flip, &x));
	for (int i = 0; i < 2000; i++) {
		uint8_t status = run(&b, &r, true, &used);

		/* A write has no data here: nothing to do. A read is done whole. */
		REQUIRE(status == S_OK ? used == 513 : status == S_IOERR && used == 1);
	}
	x.stop = true;
	pthread_join(thread, NULL);
	teardown(&b);
	drop_image(&b);
}

/* ---- Host errors --------------------------------------------------------------------- */

struct done {
	int count, result;
};

static void on_done(void *opaque, struct blk_io_req *req, int result)
{
	struct done *d = opaque;

	d->count++;
	d->result = result;
}

static void on_batch(void *opaque)
{
}

static int engine(struct blk_file *file, bool uring, enum blk_op op, uint64_t *moved)
{
	static const struct blk_io_ops ops = { on_done, on_batch };
	static uint8_t buf[8192];
	struct iovec iov[4] = { { buf, sizeof(buf) } };
	struct blk_io_req req = { .op = op, .iov = iov, .nr_iov = op == BLK_ZERO ? 4 : 1,
		.len = sizeof(buf), .offset = 4096 };
	struct done done = { 0 };
	struct blk_io *io = NULL;
	struct fake_env f;

	fake_env_init(&f, MIB(1));
	FAKE_MUST(!blk_io_create(&f.env, "io", file, 4, uring, &ops, &done, &io, NULL));
	blk_io_start(io, &req);
	blk_io_submit(io);
	blk_io_drain(io, NULL);
	CHECK_INT(done.count, 1);
	blk_io_destroy(io);
	fake_env_fini(&f);
	*moved = req.moved;
	return done.result;
}

/* What the kernel says of a request is its result, by both ways. */
static void test_host_errors(void)
{
	static const struct {
		const char *path;
		int flags;
		enum blk_op op;
		int result;
	} cases[] = {
		{ "/dev/full", O_RDWR, BLK_WRITE, -ENOSPC },
		{ "/dev/full", O_RDWR, BLK_ZERO, -ENODEV },
		{ "/dev/full", O_RDWR, BLK_DISCARD, -ENODEV },
		{ "/dev/full", O_RDWR, BLK_FLUSH, -EINVAL },
		{ "/dev/null", O_RDWR, BLK_READ, -EIO },	/* the end comes too early */
		{ "/dev/null", O_RDONLY, BLK_WRITE, -EBADF },
		{ "/dev/null", O_WRONLY, BLK_READ, -EBADF },
	};
	uint64_t moved;

	for (size_t i = 0; i < ARRAY_SIZE(cases) * 2; i++) {
		struct blk_file file = { .buffered_fd = -1, .size = 65536, .block_size = 512 };

		file.fd = open(cases[i / 2].path, cases[i / 2].flags | O_CLOEXEC);
		FAKE_MUST(file.fd >= 0);
		CHECK_INT(engine(&file, i % 2, cases[i / 2].op, &moved), cases[i / 2].result);
		CHECK_INT(moved, 0);
		close(file.fd);
	}
}

/* A small file system that is full; in namespaces of our own. */
static void test_no_space(void)
{
	struct bench b;
	struct req r;
	uint32_t used;
	unsigned int errors = 0;
	char dir[] = "/tmp/test-blk-XXXXXX", path[64];

	if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		SKIP("no namespaces here");
	FAKE_MUST(mkdtemp(dir));
	mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (mount("none", dir, "tmpfs", 0, "size=128k") < 0) {
		rmdir(dir);
		SKIP("no tmpfs here");
	}
	snprintf(path, sizeof(path), "%s/disk", dir);
	b = (struct bench){ .opts.path = path };
	b.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	FAKE_MUST(b.fd >= 0 && !ftruncate(b.fd, SECTORS * 512));
	setup(&b, DRV_ALL_FEATURES);
	for (unsigned int i = 0; i < 64; i++) {
		uint8_t status;

		r = make(&b, T_OUT, i * 8, 4096);
		memset(drv_ram(&b.d, r.data, 4096), 0x99, 4096);
		status = run(&b, &r, false, &used);
		CHECK(status == S_OK || status == S_IOERR);
		CHECK_INT(used, 1);
		errors += status == S_IOERR;
	}
	CHECK(errors >= 32 && errors < 64);
	CHECK_HAS(b.f.last_log, "errno 28");
	/* Space that is given back can be had again, for other sectors. */
	r = make(&b, T_DISCARD, 0, 16);
	le_store(drv_ram(&b.d, r.data, 8), 8, 0);
	le_store(drv_ram(&b.d, r.data + 8, 8), 8, 16);
	CHECK_INT(run(&b, &r, false, &used), S_OK);
	r = make(&b, T_OUT, 1024, 4096);
	CHECK_INT(run(&b, &r, false, &used), S_OK);
	r = make(&b, T_IN, 1024, 4096);
	CHECK_INT(run(&b, &r, true, &used), S_OK);
	teardown(&b);
	close(b.fd);
	umount(dir);
	rmdir(dir);
}

/* One of many that are taken together has no header: what follows it is not done. */
static void test_bad_among_many(void)
{
	struct bench b;
	struct req r;
	uint32_t used;

	for (unsigned int bad = 1; bad < 48; bad += 15) {
		make_image(&b, SECTORS * 512);
		setup(&b, DRV_ALL_FEATURES);
		for (unsigned int i = 0; i < 48; i++) {
			struct drv_buf bufs[3];

			r = make(&b, T_OUT, 8 * i, 512);
			memset(drv_ram(&b.d, r.data, 512), NONE, 512);
			bufs[0] = (struct drv_buf){ r.header, i == bad ? 8 : 16, false };
			bufs[1] = (struct drv_buf){ r.data, i == bad ? 4 : 512, false };
			bufs[2] = (struct drv_buf){ r.status, 1, true };
			REQUIRE(drv_add(&b.d, 0, bufs, 3, false) >= 0);
		}
		drv_kick(&b.d, 0);
		for (int i = 0; i < WAIT && !(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET); i++)
			usleep(1000);
		drv_reset(&b.d);
		for (unsigned int i = bad; i < 48; i++) {
			uint8_t buf[512];

			FAKE_MUST(pread(b.fd, buf, 512, 8 * 512 * (off_t)i) == 512);
			CHECK(matches(buf, 8 * 512 * (uint64_t)i, 512));
		}
		FAKE_MUST(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
		r = make(&b, T_IN, 8 * bad, 512);
		CHECK_INT(run(&b, &r, true, &used), S_OK);
		teardown(&b);
		drop_image(&b);
	}
}

int main(void)
{
	RUN(test_used_length);
	RUN(test_answer_fits);
	RUN(test_never_probed);
	RUN(test_header_changes);
	RUN(test_host_errors);
	RUN(test_no_space);
	RUN(test_bad_among_many);
	return tests_done();
}
