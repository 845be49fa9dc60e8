/* SPDX-License-Identifier: Apache-2.0 */
/* Discard and write zeroes of virtio-blk, seen in the file: its bytes and its allocation. */
#include <sys/mman.h>
#include <time.h>

#include "tests/unit/test_blk.h"

#define UNMAP 1u

struct range {
	uint64_t sector;
	uint32_t nr, flags;
};

static struct req make_ranges(struct bench *b, uint32_t type, const struct range *v,
	unsigned int n)
{
	struct req r = make(b, type, 0, 16 * n);
	uint8_t *p = drv_ram(&b->d, r.data, 16ULL * n + 1);

	for (unsigned int i = 0; i < n; i++, p += 16) {
		le_store(p, 8, v[i].sector);
		le_store(p + 8, 4, v[i].nr);
		le_store(p + 12, 4, v[i].flags);
	}
	return r;
}

static uint8_t run_ranges(struct bench *b, uint32_t type, const struct range *v, unsigned int n)
{
	struct req r = make_ranges(b, type, v, n);
	uint32_t used;
	uint8_t status = run(b, &r, false, &used);

	CHECK_INT(used, 1);
	return status;
}

static uint8_t run_range(struct bench *b, uint32_t type, uint64_t sector, uint32_t nr,
	uint32_t flags)
{
	return run_ranges(b, type, &(struct range){ sector, nr, flags }, 1);
}

/* Sectors [first, end) are zero, one on each side of them is not. */
static void check_zero(struct bench *b, uint64_t first, uint64_t end)
{
	static const uint8_t zero[512];
	uint8_t buf[512];

	for (uint64_t s = first ? first - 1 : 0; s < end + 1 && s < SECTORS; s++) {
		bool in = s >= first && s < end;

		REQUIRE(pread(b->fd, buf, 512, (off_t)(s * 512)) == 512);
		if (in ? memcmp(buf, zero, 512) != 0 : !matches(buf, s * 512, 512)) {
			printf("# sector %u\n", (unsigned int)s);
			CHECK(!"contents");
			return;
		}
	}
}

static void check_untouched(struct bench *b)
{
	uint8_t buf[4096];

	for (uint64_t off = 0; off < SECTORS * 512; off += sizeof(buf)) {
		REQUIRE(pread(b->fd, buf, sizeof(buf), (off_t)off) == sizeof(buf));
		REQUIRE(matches(buf, off, sizeof(buf)));
	}
}

static long long blocks(struct bench *b)
{
	struct stat st;

	FAKE_MUST(!fsync(b->fd) && !fstat(b->fd, &st));
	return st.st_blocks;
}

/* How many fewer they are; the file system may have needed one more for its own lists. */
static void check_freed(struct bench *b, long long before, long long nr)
{
	long long freed = before - blocks(b);

	CHECK(freed <= nr && freed >= nr - 8);
}

static void test_config(void)
{
	struct bench b;

	make_image(&b, SECTORS * 512);
	setup(&b, DRV_ALL_FEATURES);
	CHECK(drv_offered(&b.d) & BIT(F_DISCARD) && drv_offered(&b.d) & BIT(F_ZEROES));
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 36, 4), 1 << 22);	/* sectors */
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 40, 4), 32);	/* segments */
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 44, 4), 1);		/* alignment */
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 48, 4), 1 << 17);
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 52, 4), 32);
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 56, 1), 1);		/* may unmap */
	CHECK_INT(lseek(b.fd, 0, SEEK_END), SECTORS * 512);
	teardown(&b);
	b.opts.ro = true;
	setup(&b, DRV_ALL_FEATURES);
	CHECK(!(drv_offered(&b.d) & (BIT(F_DISCARD) | BIT(F_ZEROES))));
	CHECK_INT(fake_mmio_read(&b.f, b.d.config + 36, 4), 0);
	CHECK_INT(run_range(&b, T_DISCARD, 0, 8, 0), S_UNSUPP);
	CHECK_INT(run_range(&b, T_ZEROES, 0, 8, 0), S_UNSUPP);
	check_untouched(&b);
	teardown(&b);
	drop_image(&b);
}

static void test_discard(void)
{
	struct range many[32];
	struct bench b;
	long long before;

	make_image(&b, SECTORS * 512);
	setup(&b, DRV_ALL_FEATURES);
	before = blocks(&b);
	CHECK_INT(run_range(&b, T_DISCARD, 64, 512, 0), S_OK);
	check_zero(&b, 64, 64 + 512);
	check_freed(&b, before, 512);
	/* Nothing at all, and no range of it. */
	CHECK_INT(run_range(&b, T_DISCARD, SECTORS, 0, 0), S_OK);
	check_freed(&b, before, 512);
	/* As many ranges as one request may have, the last up to the end of the disk. */
	for (unsigned int i = 0; i < 32; i++)
		many[i] = (struct range){ SECTORS - 8 - 16 * i, 8, 0 };
	CHECK_INT(run_ranges(&b, T_DISCARD, many, 32), S_OK);
	for (unsigned int i = 0; i < 32; i++)
		check_zero(&b, many[i].sector, many[i].sector + 8);
	check_freed(&b, before, 512 + 32 * 8);
	CHECK_INT(lseek(b.fd, 0, SEEK_END), SECTORS * 512);
	teardown(&b);
	drop_image(&b);
}

static void check_zeroes(uint64_t features)
{
	struct bench b;
	long long before;

	make_image(&b, SECTORS * 512);
	setup(&b, features);
	before = blocks(&b);
	CHECK_INT(run_range(&b, T_ZEROES, 64, 512, 0), S_OK);
	check_zero(&b, 64, 64 + 512);
	CHECK(blocks(&b) >= before);
	CHECK_INT(run_range(&b, T_ZEROES, 1024, 512, UNMAP), S_OK);
	check_zero(&b, 1024, 1024 + 512);
	check_freed(&b, before, 512);
	/* Not on any block of the file system. */
	CHECK_INT(run_ranges(&b, T_ZEROES, (struct range[]){ { 3, 9, 0 }, { 30, 9, UNMAP } }, 2),
		S_OK);
	check_zero(&b, 3, 12);
	check_zero(&b, 30, 39);
	CHECK_INT(lseek(b.fd, 0, SEEK_END), SECTORS * 512);
	teardown(&b);
	drop_image(&b);
}

static void test_zeroes(void)
{
	check_zeroes(DRV_ALL_FEATURES);
}

static void test_zeroes_write_through(void)
{
	check_zeroes(DRV_ALL_FEATURES & ~BIT(F_FLUSH));
}

static void test_zeroes_direct(void)
{
	struct bench b;

	make_image(&b, SECTORS * 512);
	b.opts.direct = true;
	if (create(&b, NULL) < 0) {
		fake_env_fini(&b.f);
		drop_image(&b);
		SKIP("no O_DIRECT in /tmp");
	}
	teardown(&b);
	setup(&b, DRV_ALL_FEATURES);
	CHECK_INT(run_range(&b, T_ZEROES, 3, 100, 0), S_OK);
	CHECK_INT(run_range(&b, T_ZEROES, 203, 100, UNMAP), S_OK);
	CHECK_INT(run_range(&b, T_DISCARD, 400, 8, 0), S_OK);
	check_zero(&b, 3, 103);
	check_zero(&b, 203, 303);
	check_zero(&b, 400, 408);
	teardown(&b);
	drop_image(&b);
}

/* Each range is checked, and all of them before the first is touched. */
static void test_refused(void)
{
	static const struct {
		uint32_t type;
		struct range r;
		uint8_t status;
	} bad[] = {
		{ T_DISCARD, { SECTORS, 1, 0 }, S_IOERR },
		{ T_DISCARD, { SECTORS - 1, 2, 0 }, S_IOERR },
		{ T_DISCARD, { UINT64_MAX, 1, 0 }, S_IOERR },
		{ T_DISCARD, { UINT64_MAX / 512 + 1, 1, 0 }, S_IOERR },
		{ T_DISCARD, { 0, UINT32_MAX, 0 }, S_IOERR },
		{ T_DISCARD, { SECTORS + 1, 0, 0 }, S_IOERR },
		{ T_DISCARD, { 0, 1, UNMAP }, S_UNSUPP },
		{ T_DISCARD, { 0, 1, 2 }, S_UNSUPP },
		{ T_ZEROES, { SECTORS, 1, 0 }, S_IOERR },
		{ T_ZEROES, { SECTORS - 1, 2, UNMAP }, S_IOERR },
		{ T_ZEROES, { 0, SECTORS + 1, 0 }, S_IOERR },
		{ T_ZEROES, { 1, UINT32_MAX, UNMAP }, S_IOERR },
		{ T_ZEROES, { 0, 1, 2 }, S_UNSUPP },
		{ T_ZEROES, { 0, 1, 1U << 31 | UNMAP }, S_UNSUPP },
	};
	static const uint32_t lengths[] = { 0, 1, 15, 17, 31, 33 * 16 };
	struct range v[33] = { { 0, 8, 0 } };
	struct bench b;
	struct req r;
	uint32_t used;

	make_image(&b, SECTORS * 512);
	setup(&b, DRV_ALL_FEATURES);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		v[1] = bad[i].r;
		CHECK_INT(run_ranges(&b, bad[i].type, v, 2), bad[i].status);
		CHECK_INT(run_ranges(&b, bad[i].type, v + 1, 1), bad[i].status);
	}
	v[1] = v[0];
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		r = make_ranges(&b, T_DISCARD, v, 33);
		r.len = lengths[i];
		CHECK_INT(run(&b, &r, false, &used), S_IOERR);
		CHECK_INT(used, 1);
		r = make_ranges(&b, T_ZEROES, v, 33);
		r.len = lengths[i];
		CHECK_INT(run(&b, &r, false, &used), S_IOERR);
	}
	check_untouched(&b);
	CHECK(!(drv_status(&b.d) & VIRTIO_S_NEEDS_RESET));
	teardown(&b);
	setup(&b, DRV_ALL_FEATURES & ~(BIT(F_DISCARD) | BIT(F_ZEROES)));
	CHECK_INT(run_ranges(&b, T_DISCARD, v, 1), S_UNSUPP);
	CHECK_INT(run_ranges(&b, T_ZEROES, v, 1), S_UNSUPP);
	check_untouched(&b);
	teardown(&b);
	drop_image(&b);
}

/* tmpfs makes holes, but no zeroes with space behind them: those are written. */
static int make_memory_image(struct bench *b, uint64_t size)
{
	int fd = memfd_create("disk", MFD_CLOEXEC);

	FAKE_MUST(fd >= 0 && !ftruncate(fd, (off_t)size));
	*b = (struct bench){ .fd = fd, .opts.path = b->path };
	snprintf(b->path, sizeof(b->path), "/proc/self/fd/%d", fd);
	return fd;
}

static void test_fill(void)
{
	const uint64_t from = MIB(1) + 512, len = MIB(3) + 1536;
	struct bench b;
	uint8_t *p;

	make_memory_image(&b, MIB(8));
	p = mmap(NULL, MIB(8), PROT_READ | PROT_WRITE, MAP_SHARED, b.fd, 0);
	FAKE_MUST(p != MAP_FAILED);
	memset(p, 0x5a, MIB(8));
	setup(&b, DRV_ALL_FEATURES & ~BIT(F_FLUSH));
	CHECK_INT(run_range(&b, T_ZEROES, from / 512, (uint32_t)(len / 512), 0), S_OK);
	for (uint64_t i = 0; i < MIB(8); i++)
		REQUIRE(p[i] == (i >= from && i < from + len ? 0 : 0x5a));
	CHECK_INT(blocks(&b), MIB(8) / 512);
	CHECK_INT(run_range(&b, T_ZEROES, 0, MIB(8) / 512, UNMAP), S_OK);
	CHECK_INT(blocks(&b), 0);
	CHECK_INT(p[0], 0);
	munmap(p, MIB(8));
	teardown(&b);
	close(b.fd);
}

/* A reset does not wait until gigabytes of zeroes are written. */
static void test_fill_reset(void)
{
	struct range v[32];
	struct bench b;
	struct req r;

	make_memory_image(&b, GIB(3));
	setup(&b, DRV_ALL_FEATURES);
	for (unsigned int i = 0; i < 32; i++)
		v[i] = (struct range){ i * (1U << 17), 1U << 17, 0 };
	r = make_ranges(&b, T_ZEROES, v, 32);
	submit(&b, &r, false);
	drv_kick(&b.d, 0);
	usleep(20000);
	drv_reset(&b.d);
	/* Most of it never happened. */
	CHECK(blocks(&b) < (long long)(GIB(1) / 512));
	CHECK_INT(status_of(&b, &r), NONE);
	REQUIRE(!drv_start(&b.d, DRV_ALL_FEATURES, 0));
	CHECK_INT(run_range(&b, T_ZEROES, 0, 8, 0), S_OK);
	teardown(&b);
	close(b.fd);
}

int main(void)
{
	RUN(test_config);
	RUN(test_discard);
	RUN(test_zeroes);
	RUN(test_zeroes_write_through);
	RUN(test_zeroes_direct);
	RUN(test_refused);
	RUN(test_fill);
	RUN(test_fill_reset);
	return tests_done();
}
