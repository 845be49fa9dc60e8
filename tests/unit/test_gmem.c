/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/gmem.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/harness.h"
#include "tvm.h"

#define LOW MIB(1)
#define HIGH GIB(4)

static struct gmem *two_ranges(void)
{
	const struct gmem_opts opts = { .pages = GMEM_PAGES_SMALL };
	struct gmem *gm = NULL;

	if (gmem_create(&opts, &gm, NULL) || gmem_add(gm, 0, LOW, NULL) ||
		gmem_add(gm, HIGH, LOW, NULL))
		abort();
	return gm;
}

static void test_bounds(void)
{
	struct gmem *gm = two_ranges();
	struct iovec iov;
	uint8_t byte = 7;

	CHECK_INT(gmem_size(gm), 2 * LOW);
	CHECK(!gmem_write(gm, LOW - 1, &byte, 1));
	CHECK_INT(gmem_write(gm, LOW, &byte, 1), -EFAULT);
	CHECK_INT(gmem_map(gm, LOW - 1, 2, &iov), -EFAULT);
	CHECK_INT(gmem_map(gm, 0, 0, &iov), -EFAULT);
	CHECK(!gmem_map(gm, 0, LOW, &iov));
	CHECK_INT(gmem_map(gm, 0, LOW + 1, &iov), -EFAULT);
	CHECK(!gmem_map(gm, HIGH + LOW - 1, 1, &iov));
	CHECK_INT(*(uint8_t *)iov.iov_base, 0);
	gmem_destroy(gm);
}

/* CVE-2024-3446 class: an address and length whose sum wraps reaches nothing. */
static void test_wrapping_ranges(void)
{
	struct gmem *gm = two_ranges();
	struct iovec iov;

	CHECK_INT(gmem_map(gm, UINT64_MAX, 1, &iov), -EFAULT);
	CHECK_INT(gmem_map(gm, 16, SIZE_MAX, &iov), -EFAULT);
	CHECK_INT(gmem_map(gm, HIGH + 16, SIZE_MAX - 15, &iov), -EFAULT);
	CHECK_INT(gmem_map(gm, UINT64_MAX - 15, 32, &iov), -EFAULT);
	CHECK(!gmem_is_ram(gm, UINT64_MAX - 15, 32));
	gmem_destroy(gm);
}

static void test_add_refuses(void)
{
	struct gmem *gm = two_ranges();
	struct tvm_error err;

	CHECK_INT(gmem_add(gm, LOW - 4096, 8192, &err), -EEXIST);
	CHECK_INT(gmem_add(gm, LOW, 0, &err), -EINVAL);
	CHECK_INT(gmem_add(gm, LOW + 1, 4096, &err), -EINVAL);
	CHECK_INT(gmem_add(gm, UINT64_MAX - 4095, 8192, &err), -EINVAL);
	CHECK_INT(gmem_nr_slots(gm), 2);
	gmem_destroy(gm);
}

static int record(void *opaque, gpa_t gpa, size_t len, struct tvm_error *err)
{
	uint64_t *sum = opaque;

	*sum = *sum * 31 + gpa + len;
	return gpa == 0x5000 ? -EIO : 0;
}

static void test_populate_is_told_and_sealed(void)
{
	struct gmem *gm = two_ranges();
	struct tvm_error err;
	uint64_t sum = 0;
	char back[4];

	gmem_set_populate_hook(gm, record, &sum);
	CHECK(!gmem_populate(gm, 0x1000, "abc", 4, &err));
	CHECK_INT(sum, 0x1004);
	CHECK(!gmem_read(gm, 0x1000, back, 4) && !strcmp(back, "abc"));
	CHECK_INT(gmem_populate(gm, 0x5000, "x", 1, &err), -EIO);
	CHECK_INT(gmem_populate(gm, LOW - 2, "abc", 4, &err), -EFAULT);
	gmem_seal(gm);
	CHECK_INT(gmem_populate(gm, 0x1000, "x", 1, &err), -EBUSY);
	CHECK(!gmem_clear(gm, &err));
	CHECK(!gmem_read(gm, 0x1000, back, 4) && !back[0]);
	CHECK(!gmem_populate(gm, 0x1000, "x", 1, &err));
	gmem_destroy(gm);
}

static void test_populate_from_a_short_file(void)
{
	struct gmem *gm = two_ranges();
	struct tvm_error err;
	FILE *f = tmpfile();
	char back[8];

	REQUIRE(f && fwrite("01234567", 1, 8, f) == 8 && !fflush(f));
	CHECK(!gmem_populate_fd(gm, 0x2000, fileno(f), 2, 6, &err));
	CHECK(!gmem_read(gm, 0x2000, back, 6) && !memcmp(back, "234567", 6));
	CHECK_INT(gmem_populate_fd(gm, 0x2000, fileno(f), 2, 7, &err), -ENODATA);
	CHECK_HAS(err.msg, "shorter");
	fclose(f);
	gmem_destroy(gm);
}

static bool only_second_page(void *opaque, gpa_t gpa, size_t len)
{
	return range_within(gpa, len, 4096, 4096);
}

/* What a TEE does not share, no device reaches; what is loaded there is not affected. */
static void test_device_view_is_narrowed(void)
{
	struct gmem *gm = two_ranges();
	struct iovec iov;
	char c;

	gmem_restrict(gm, only_second_page, NULL);
	CHECK(!gmem_read(gm, 4096, &c, 1));
	CHECK_INT(gmem_read(gm, 4095, &c, 1), -EFAULT);
	CHECK_INT(gmem_write(gm, 8192, &c, 1), -EFAULT);
	CHECK_INT(gmem_map(gm, 4096, 4097, &iov), -EFAULT);
	CHECK(!gmem_populate(gm, 0, "x", 1, NULL));
	CHECK(gmem_is_ram(gm, 0, LOW));
	gmem_destroy(gm);
}

/* A realm's device addresses may have one bit more; what loads contents knows no such bit. */
static void test_alias(void)
{
	const gpa_t bit = BIT(40);
	struct gmem *gm = two_ranges();
	struct iovec a, b;
	char c = 'x';

	gmem_restrict(gm, only_second_page, NULL);
	CHECK_INT(gmem_write(gm, bit | 4096, &c, 1), -EFAULT);
	gmem_set_alias(gm, bit);
	CHECK(!gmem_write(gm, bit | 4096, &c, 1));
	c = 0;
	CHECK(!gmem_read(gm, 4096, &c, 1));
	CHECK_INT(c, 'x');
	CHECK(!gmem_map(gm, bit | 4100, 8, &a) && !gmem_map(gm, 4100, 8, &b));
	CHECK(a.iov_base == b.iov_base);
	CHECK_INT(gmem_read(gm, bit | 4095, &c, 1), -EFAULT);
	CHECK_INT(gmem_read(gm, bit << 1 | 4096, &c, 1), -EFAULT);
	CHECK(!gmem_discard(gm, bit | 4096, 4096));
	CHECK(!gmem_is_ram(gm, bit | 4096, 1));
	CHECK(gmem_populate(gm, bit | 4096, "x", 1, NULL) < 0);
	gmem_destroy(gm);
}

int main(void)
{
	RUN(test_bounds);
	RUN(test_wrapping_ranges);
	RUN(test_add_refuses);
	RUN(test_populate_is_told_and_sealed);
	RUN(test_populate_from_a_short_file);
	RUN(test_device_view_is_narrowed);
	RUN(test_alias);
	return tests_done();
}
