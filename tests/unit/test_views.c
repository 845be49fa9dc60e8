/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The soft platform's memory views, without KVM: this file stands in for kvm_add_slot(), so it
 * knows what a guest would find at each address, with and without the C-bit.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/err.h"
#include "tee/csv/views.h"
#include "tests/harness.h"
#include "tvm.h"
#include "vmm/gmem.h"
#include "vmm/kvm.h"

#define PAGE KIB(4)
#define C BIT(39)
#define LOW_SIZE MIB(8)
#define HIGH_GPA GIB(4)
#define HIGH_SIZE MIB(2)
#define ROM_SIZE KIB(64)
#define ROM_GPA (GIB(4) - ROM_SIZE)

static struct {
	unsigned int nr, fail_at;	/* fail_at: the n-th call, from 1; 0: none */
	struct {
		uint32_t slot;
		uint64_t gpa, size;
		uint8_t *hva;
	} slots[16];
} kvm;

int kvm_add_slot(const struct kvm_vm *vm, uint32_t slot, uint64_t gpa, uint64_t size, void *hva,
	struct tvm_error *err)
{
	if (kvm.nr + 1 == kvm.fail_at)
		return err_set(err, -EEXIST, "memory slot");
	kvm.slots[kvm.nr].slot = slot;
	kvm.slots[kvm.nr].gpa = gpa;
	kvm.slots[kvm.nr].size = size;
	kvm.slots[kvm.nr++].hva = hva;
	return 0;
}

/* What a guest reaches there; with C, encrypted. */
static uint8_t *guest(gpa_t gpa)
{
	for (unsigned int i = 0; i < kvm.nr; i++)
		if (range_within(gpa, 1, kvm.slots[i].gpa, kvm.slots[i].size))
			return kvm.slots[i].hva + (gpa - kvm.slots[i].gpa);
	printf("Bail out! no memory slot at 0x%llx\n", (unsigned long long)gpa);
	exit(1);
}

static struct gmem *gm;
static struct soft_views *v;
static struct tvm_error err;
static const struct kvm_vm no_vm = { .kvm_fd = -1, .vm_fd = -1 };

static void end(void)
{
	soft_views_destroy(v);
	gmem_destroy(gm);
	v = NULL;
	gm = NULL;
}

static int begin_with(uint64_t c)
{
	int r = gmem_create(&(struct gmem_opts){ 0 }, &gm, &err);

	memset(&kvm.nr, 0, sizeof(kvm.nr));
	if (!r)
		r = gmem_add(gm, 0, LOW_SIZE, &err);
	if (!r)
		r = gmem_add(gm, HIGH_GPA, HIGH_SIZE, &err);
	if (!r)
		r = gmem_add_rom(gm, ROM_GPA, ROM_SIZE, &err);
	if (!r)
		r = soft_views_create(&no_vm, c, &v, &err);
	for (unsigned int i = 0; !r && i < gmem_nr_slots(gm); i++)
		r = soft_views_add(v, gmem_slot(gm, i), &err);
	return r;
}

static bool begin(void)
{
	kvm.fail_at = 0;
	if (!begin_with(C))
		return true;
	printf("# %s\n", err.msg);
	tests.this_failed = true;
	end();
	return false;
}

/* What devices would reach, if they may. */
static uint8_t *shared_memory(gpa_t gpa)
{
	return gmem_host(gm, gpa, 1);
}

/* The unencrypted view at gpa is the private memory; else it is the shared one. */
static bool shows_private(gpa_t gpa)
{
	uint8_t *w = guest(gpa), *p = guest(gpa | C), *s = shared_memory(gpa), old = *w;
	bool is_p = true, is_s = true;

	for (int i = 0; i < 2; i++) {
		*w = (uint8_t)(*w + 1);
		is_p = is_p && *p == *w;
		is_s = is_s && *s == *w;
	}
	*w = old;
	CHECK(is_p != is_s);
	return is_p;
}

static struct soft_views_stats stats(void)
{
	struct soft_views_stats st;

	soft_views_stats(v, &st);
	return st;
}

static void test_slots(void)
{
	static const uint64_t gpas[] = { 0, HIGH_GPA, ROM_GPA };
	static const uint64_t sizes[] = { LOW_SIZE, HIGH_SIZE, ROM_SIZE };

	if (!begin())
		return;
	CHECK_INT(kvm.nr, 6);
	for (unsigned int i = 0; i < kvm.nr; i++) {
		CHECK_INT(kvm.slots[i].slot, i);
		CHECK_INT(kvm.slots[i].gpa, gpas[i / 2] | (i % 2 ? C : 0));
		CHECK_INT(kvm.slots[i].size, sizes[i / 2]);
		CHECK(kvm.slots[i].hva != gmem_slot(gm, i / 2)->hva);
		for (unsigned int j = 0; j < i; j++)
			CHECK(kvm.slots[i].hva != kvm.slots[j].hva);
	}
	end();
}

static void test_no_room_below_c_bit(void)
{
	kvm.fail_at = 0;
	CHECK_INT(begin_with(HIGH_GPA + HIGH_SIZE), 0);
	end();
	CHECK_INT(begin_with(HIGH_GPA + HIGH_SIZE / 2), -E2BIG);
	CHECK_HAS(err.msg, "--memory");
	end();
}

static void test_kvm_fails(void)
{
	for (kvm.fail_at = 1; kvm.fail_at <= 6; kvm.fail_at++) {
		CHECK_INT(begin_with(C), -EEXIST);
		end();
	}
	soft_views_destroy(NULL);
}

static void test_private_at_first(void)
{
	static const gpa_t gpas[] = { 0, 0x9d000, MIB(1) - 1, MIB(1), LOW_SIZE - 1, HIGH_GPA,
		HIGH_GPA + HIGH_SIZE - 1, ROM_GPA, GIB(4) - 16 };

	if (!begin())
		return;
	for (unsigned int i = 0; i < sizeof(gpas) / sizeof(gpas[0]); i++) {
		*guest(gpas[i] | C) = 0x5a;
		CHECK_INT(*guest(gpas[i]), 0x5a);
		*guest(gpas[i]) = 0xa5;
		CHECK_INT(*guest(gpas[i] | C), 0xa5);
		CHECK_INT(*shared_memory(gpas[i]), 0);
		CHECK(!soft_views_shared(v, gpas[i], 1));
	}
	CHECK(!stats().switched);
	CHECK_INT(stats().shared_pages, 0);
	end();
}

static void test_staged(void)
{
	if (!begin())
		return;
	strcpy((char *)shared_memory(MIB(2) + 100), "staged");
	/* Not at a page's start, and some bytes into the third page: three pages. */
	CHECK_INT(soft_views_stage(v, MIB(2) + 100, 2 * PAGE, &err), 0);
	CHECK(!strcmp((char *)guest(MIB(2) + 100), "staged"));
	CHECK_INT(*guest((MIB(2) + 100) | C), 0);
	for (unsigned int i = 0; i < 3; i++)
		CHECK(!shows_private(MIB(2) + i * PAGE));
	CHECK(shows_private(MIB(2) - 1));
	CHECK(shows_private(MIB(2) + 3 * PAGE));
	CHECK(soft_views_shared(v, MIB(2), 3 * PAGE));
	CHECK(!soft_views_shared(v, MIB(2), 3 * PAGE + 1));
	CHECK(!soft_views_shared(v, MIB(2) - 1, 2));
	CHECK_INT(stats().shared_pages, 3);
	/* From the first byte that may be. */
	CHECK_INT(soft_views_stage(v, MIB(1), PAGE, &err), 0);
	CHECK(!shows_private(MIB(1)));
	CHECK(shows_private(MIB(1) - 1));
	CHECK(!stats().switched);
	end();
}

static void test_bad_staging(void)
{
	static const struct {
		gpa_t gpa;
		uint64_t len;
	} bad[] = { { MIB(1) - 1, 2 }, { 0x9000, PAGE }, { LOW_SIZE - PAGE, PAGE + 1 },
		{ LOW_SIZE, PAGE }, { HIGH_GPA - PAGE, 2 * PAGE }, { ROM_GPA, PAGE },
		{ HIGH_GPA + HIGH_SIZE - 1, 2 }, { MIB(2), GIB(8) } };

	if (!begin())
		return;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.msg[0] = 0;
		CHECK_INT(soft_views_stage(v, bad[i].gpa, bad[i].len, &err), -EFAULT);
		CHECK(err.msg[0]);
	}
	CHECK_INT(stats().shared_pages, 0);
	CHECK(shows_private(MIB(2)));
	end();
}

/* Firmware copies what was staged, then takes the pages back. */
static void test_take_back(void)
{
	if (!begin())
		return;
	CHECK_INT(soft_views_stage(v, MIB(2), 4 * PAGE, &err), 0);
	CHECK_INT(soft_views_announce(v, MIB(2) + PAGE, 2, true), 0);
	CHECK(!shows_private(MIB(2)));
	CHECK(shows_private(MIB(2) + PAGE));
	CHECK(shows_private(MIB(2) + 2 * PAGE));
	CHECK(!shows_private(MIB(2) + 3 * PAGE));
	CHECK(soft_views_shared(v, MIB(2), PAGE));
	CHECK(!soft_views_shared(v, MIB(2) + PAGE, PAGE));
	CHECK(soft_views_shared(v, MIB(2) + 3 * PAGE, PAGE));
	CHECK_INT(stats().shared_pages, 2);
	/* What is private already may be announced so, as kernels do for all RAM. */
	CHECK_INT(soft_views_announce(v, 0, 0xa0, true), 0);
	CHECK_INT(soft_views_announce(v, MIB(1), (LOW_SIZE - MIB(1)) / PAGE, true), 0);
	CHECK(shows_private(MIB(2)));
	CHECK_INT(stats().shared_pages, 0);
	CHECK_INT(stats().announcements, 3);
	CHECK(!stats().switched);
	end();
}

static void fill(uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(i * 7 + 1);
}

static bool filled(const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] != (uint8_t)(i * 7 + 1))
			return false;
	return true;
}

/* Bytes that are as they were; of noise it is one in 256. */
static size_t left(const uint8_t *at, size_t len, bool zero)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += at[i] == (zero ? 0 : (uint8_t)(i * 7 + 1));
	return n;
}

static void test_make_private(void)
{
	static const struct {
		gpa_t gpa;
		uint64_t len;
	} ranges[] = { { ROM_GPA, ROM_SIZE }, { 0xf0c00, 176 }, { MIB(2) - 16, MIB(1) + 32 } };

	if (!begin())
		return;
	for (unsigned int i = 0; i < 3; i++) {
		gpa_t gpa = ranges[i].gpa;
		uint64_t len = ranges[i].len;
		uint8_t *s = shared_memory(gpa);

		fill(s, len);
		CHECK_INT(soft_views_make_private(v, (uintptr_t)s, len), 0);
		CHECK(filled(guest(gpa | C), len));
		CHECK(filled(guest(gpa), len));
		CHECK(left(s, len, false) < len / 32);
		CHECK(left(s, len, true) < len / 32);
		CHECK(!soft_views_shared(v, gpa, 1));
	}
	/* Nothing beside the bytes that were meant. */
	CHECK_INT(*shared_memory(0xf0bff), 0);
	CHECK_INT(*shared_memory(0xf0c00 + 176), 0);
	CHECK_INT(*guest(0xf0bff | C), 0);
	CHECK_INT(*guest((0xf0c00 + 176) | C), 0);
	end();
}

static void test_write_private(void)
{
	static const uint8_t secret[32] = "a launch secret, thirty-two byte";
	uint64_t s;

	if (!begin())
		return;
	s = (uintptr_t)shared_memory(0xf0000);
	CHECK_INT(soft_views_write_private(v, s, secret, sizeof(secret)), 0);
	CHECK(!memcmp(guest(0xf0000 | C), secret, sizeof(secret)));
	CHECK_INT(left(shared_memory(0xf0000), PAGE, true), PAGE);
	CHECK_INT(soft_views_count(v, true, secret, sizeof(secret)), 1);
	CHECK_INT(soft_views_count(v, false, secret, sizeof(secret)), 0);
	end();
}

static void test_host_addresses(void)
{
	uint64_t low, high;

	if (!begin())
		return;
	low = (uintptr_t)gmem_slot(gm, 0)->hva;
	high = low + LOW_SIZE;
	CHECK_INT(soft_views_make_private(v, low - 1, 1), -EFAULT);
	CHECK_INT(soft_views_make_private(v, high - 16, 32), -EFAULT);
	CHECK_INT(soft_views_make_private(v, high - 16, UINT64_MAX), -EFAULT);
	CHECK_INT(soft_views_make_private(v, 0, 16), -EFAULT);
	CHECK_INT(soft_views_make_private(v, (uintptr_t)guest(0), 16), -EFAULT);
	CHECK_INT(soft_views_write_private(v, low - 1, "x", 1), -EFAULT);
	CHECK_INT(soft_views_write_private(v, high - 1, "xy", 2), -EFAULT);
	CHECK_INT(soft_views_write_private(v, high - 1, "x", UINT64_MAX), -EFAULT);
	CHECK_INT(soft_views_write_private(v, high - 1, "x", 1), 0);
	CHECK_INT(*guest((LOW_SIZE - 1) | C), 'x');
	end();
}

/* The first shared range: the guest wrote there through the window, and nowhere else. */
static void test_switch(void)
{
	gpa_t bss = MIB(4), other = MIB(5);

	if (!begin())
		return;
	fill(guest(bss), 2 * PAGE);
	*guest(other) = 0x11;
	*guest(HIGH_GPA) = 0x22;
	*guest(0x99000) = 0x33;
	*guest(ROM_GPA) = 0x44;
	CHECK_INT(soft_views_announce(v, bss, 2, false), 0);
	CHECK(stats().switched);
	CHECK_INT(stats().shared_pages, 2);

	CHECK(filled(guest(bss), 2 * PAGE));
	CHECK(filled(shared_memory(bss), 2 * PAGE));
	CHECK(!shows_private(bss));
	CHECK(!shows_private(MIB(1)));
	CHECK(!shows_private(LOW_SIZE - 1));
	CHECK(!shows_private(HIGH_GPA));
	CHECK(!shows_private(HIGH_GPA + HIGH_SIZE - 1));
	CHECK_INT(*guest(other), 0);
	CHECK_INT(*guest(other | C), 0x11);
	CHECK_INT(*shared_memory(HIGH_GPA), 0);

	/* AP trampolines and firmware are fetched through what is private. */
	CHECK_INT(*guest(0x99000), 0x33);
	CHECK(shows_private(0));
	CHECK(shows_private(MIB(1) - 1));
	CHECK(shows_private(ROM_GPA));
	CHECK(shows_private(GIB(4) - 1));
	CHECK_INT(*guest(ROM_GPA), 0x44);
	CHECK_INT(*shared_memory(0x99000), 0);
	CHECK_INT(*shared_memory(ROM_GPA), 0);

	/* For devices only what was announced changed. */
	CHECK(soft_views_shared(v, bss, 2 * PAGE));
	CHECK(!soft_views_shared(v, bss, 2 * PAGE + 1));
	CHECK(!soft_views_shared(v, other, 1));
	end();
}

/* From then on guests convert in place by themselves: nothing is copied any more. */
static void test_after_the_switch(void)
{
	if (!begin())
		return;
	CHECK_INT(soft_views_announce(v, MIB(4), 1, false), 0);
	*guest(MIB(6) | C) = 0x11;
	*guest(MIB(6)) = 0x22;
	CHECK_INT(soft_views_announce(v, MIB(6), 1, false), 0);
	CHECK_INT(*guest(MIB(6)), 0x22);
	CHECK_INT(*guest(MIB(6) | C), 0x11);
	CHECK_INT(*shared_memory(MIB(6)), 0x22);
	CHECK_INT(soft_views_announce(v, MIB(6), 1, true), 0);
	CHECK(!shows_private(MIB(6)));
	CHECK(!soft_views_shared(v, MIB(6), 1));
	CHECK_INT(*guest(MIB(6) | C), 0x11);
	CHECK_INT(stats().shared_pages, 1);
	/* Twice the same counts once. */
	CHECK_INT(soft_views_announce(v, MIB(4), 1, false), 0);
	CHECK_INT(stats().shared_pages, 1);
	CHECK_INT(soft_views_announce(v, MIB(4), 1, true), 0);
	CHECK_INT(soft_views_announce(v, MIB(4), 1, true), 0);
	CHECK_INT(stats().shared_pages, 0);
	CHECK(stats().switched);
	end();
}

/* Pages that were staged and never taken back show S already: the switch copies around them. */
static void test_switch_keeps_staged(void)
{
	if (!begin())
		return;
	*shared_memory(MIB(4) + PAGE) = 0x55;
	CHECK_INT(soft_views_stage(v, MIB(4) + PAGE, PAGE, &err), 0);
	*guest((MIB(4) + PAGE) | C) = 0x66;
	*guest(MIB(4)) = 0x77;
	CHECK_INT(soft_views_announce(v, MIB(4), 3, false), 0);
	CHECK_INT(*guest(MIB(4)), 0x77);
	CHECK_INT(*guest(MIB(4) + PAGE), 0x55);
	CHECK_INT(*guest((MIB(4) + PAGE) | C), 0x66);
	CHECK_INT(stats().shared_pages, 3);
	end();
}

static void test_shared(void)
{
	if (!begin())
		return;
	/* Over a word's end in the bitmap, and to the end of a range of memory. */
	CHECK_INT(soft_views_announce(v, MIB(2) + 62 * PAGE, 4, false), 0);
	CHECK_INT(soft_views_announce(v, LOW_SIZE - PAGE, 1, false), 0);
	CHECK_INT(soft_views_announce(v, HIGH_GPA, 1, false), 0);

	CHECK(soft_views_shared(v, MIB(2) + 62 * PAGE, 4 * PAGE));
	CHECK(soft_views_shared(v, MIB(2) + 63 * PAGE + 4095, 2));
	CHECK(soft_views_shared(v, MIB(2) + 66 * PAGE - 1, 1));
	CHECK(!soft_views_shared(v, MIB(2) + 66 * PAGE - 1, 2));
	CHECK(!soft_views_shared(v, MIB(2) + 62 * PAGE - 1, 1));
	CHECK(!soft_views_shared(v, MIB(2) + 62 * PAGE - 1, 2));
	/* A hole in the middle. */
	CHECK_INT(soft_views_announce(v, MIB(2) + 64 * PAGE, 1, true), 0);
	CHECK(soft_views_shared(v, MIB(2) + 62 * PAGE, 2 * PAGE));
	CHECK(!soft_views_shared(v, MIB(2) + 62 * PAGE, 4 * PAGE));
	CHECK(soft_views_shared(v, MIB(2) + 65 * PAGE, PAGE));

	CHECK(soft_views_shared(v, LOW_SIZE - 1, 1));
	CHECK(!soft_views_shared(v, LOW_SIZE - 1, 2));
	CHECK(!soft_views_shared(v, LOW_SIZE - 1, (size_t)(HIGH_GPA - LOW_SIZE) + 2));
	CHECK(!soft_views_shared(v, LOW_SIZE - 1, SIZE_MAX));
	CHECK(!soft_views_shared(v, HIGH_GPA, SIZE_MAX));
	CHECK(!soft_views_shared(v, HIGH_GPA - 1, 2));
	CHECK(!soft_views_shared(v, UINT64_MAX, 1));
	CHECK(!soft_views_shared(v, UINT64_MAX - 4095, PAGE));
	/* With the C-bit it is no address for a device. */
	CHECK(!soft_views_shared(v, HIGH_GPA | C, 1));
	end();
}

static void test_bad_announcements(void)
{
	static const struct {
		gpa_t gpa;
		uint64_t pages;
	} bad[] = {
		{ MIB(2), 0 },
		{ MIB(2) + 1, 1 },
		{ MIB(2) + 16, 1 },
		{ LOW_SIZE, 1 },
		{ LOW_SIZE - PAGE, 2 },
		{ 0, LOW_SIZE / PAGE + 1 },
		{ HIGH_GPA + HIGH_SIZE, 1 },
		{ ROM_GPA, 1 },
		{ ROM_GPA, ROM_SIZE / PAGE },
		{ ROM_GPA, ROM_SIZE / PAGE + 1 },
		{ MIB(2) | C, 1 },
		{ MIB(2), 1ULL << 52 },			/* 2^64 bytes */
		{ MIB(2), (1ULL << 52) + 1 },		/* one page, wrapped */
		{ MIB(2), UINT64_MAX },
		{ MIB(2), UINT64_MAX / PAGE },
		{ UINT64_MAX - 4095, 1 },
		{ UINT64_MAX - 4095, 2 },
	};

	if (!begin())
		return;
	CHECK_INT(soft_views_stage(v, MIB(2), PAGE, &err), 0);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_INT(soft_views_announce(v, bad[i].gpa, bad[i].pages, false), -EINVAL);
		CHECK_INT(soft_views_announce(v, bad[i].gpa, bad[i].pages, true), -EINVAL);
	}
	CHECK(!stats().switched);
	CHECK_INT(stats().shared_pages, 1);
	CHECK_INT(stats().announcements, 0);
	CHECK(shows_private(MIB(2) - 1));
	CHECK(!shows_private(MIB(2)));
	CHECK(shows_private(HIGH_GPA));
	CHECK(!soft_views_shared(v, MIB(2) + PAGE, 1));
	CHECK(!soft_views_shared(v, ROM_GPA, 1));
	end();
}

static void test_count(void)
{
	static const char marker[] = "tvm-marker-0123456789";
	const size_t len = sizeof(marker) - 1;
	/* Over a page's end, at the ends of memory, and far apart: holes lie between. */
	static const gpa_t gpas[] = { 0, MIB(2) - 5, MIB(7), LOW_SIZE - sizeof(marker) + 1,
		HIGH_GPA + 17, ROM_GPA + 100 };

	if (!begin())
		return;
	CHECK_INT(soft_views_count(v, true, marker, len), 0);
	CHECK_INT(soft_views_count(v, false, marker, len), 0);
	for (unsigned int i = 0; i < 6; i++)
		memcpy(guest(gpas[i] | C), marker, len);
	CHECK_INT(soft_views_count(v, true, marker, len), 6);
	CHECK_INT(soft_views_count(v, false, marker, len), 0);
	memcpy(guest(MIB(7) + len), marker, len);
	CHECK_INT(soft_views_count(v, true, marker, len), 7);
	CHECK_INT(soft_views_count(v, false, marker, len), 0);
	/* Measured bytes move. */
	memcpy(shared_memory(MIB(3)), marker, len);
	CHECK_INT(soft_views_count(v, false, marker, len), 1);
	CHECK_INT(soft_views_make_private(v, (uintptr_t)shared_memory(MIB(3)), PAGE), 0);
	CHECK_INT(soft_views_count(v, false, marker, len), 0);
	CHECK_INT(soft_views_count(v, true, marker, len), 8);
	end();
}

/* ---- Threads ------------------------------------------------------------------------- */

#define ROUNDS 300
static _Atomic bool over;

/* Shares and takes back pages of its own; both start with a first one at the same time. */
static void *announces(void *opaque)
{
	gpa_t gpa = MIB(2) + (uintptr_t)opaque * 33 * PAGE;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (soft_views_announce(v, gpa, 33, false) < 0 ||
		    soft_views_announce(v, gpa + PAGE, 31, true) < 0 ||
		    soft_views_announce(v, 0, LOW_SIZE / PAGE + 1, false) != -EINVAL)
			return "an announcement failed";
	}
	return NULL;
}

/* A device: what nobody announces is never shared. */
static void *asks(void *opaque)
{
	struct soft_views_stats st;

	while (!atomic_load(&over)) {
		if (soft_views_shared(v, MIB(2) - PAGE, PAGE) ||
		    soft_views_shared(v, MIB(2) + 65 * PAGE, PAGE + 1))
			return "a private page is said to be shared";
		soft_views_shared(v, MIB(2), 66 * PAGE);
		soft_views_stats(v, &st);
		if (st.shared_pages > 66)
			return "more pages are counted than there are";
	}
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[3];
	void *complaint;

	if (!begin())
		return;
	over = false;
	pthread_create(&threads[0], NULL, announces, (void *)0);
	pthread_create(&threads[1], NULL, announces, (void *)1);
	pthread_create(&threads[2], NULL, asks, NULL);
	for (unsigned int i = 0; i < 3; i++) {
		over = i == 2;
		pthread_join(threads[i], &complaint);
		if (complaint)
			printf("# %s\n", (char *)complaint);
		CHECK(!complaint);
	}
	CHECK_INT(stats().shared_pages, 4);
	CHECK_INT(stats().announcements, 4 * ROUNDS);
	CHECK(soft_views_shared(v, MIB(2), PAGE));
	CHECK(soft_views_shared(v, MIB(2) + 32 * PAGE, 2 * PAGE));
	CHECK(soft_views_shared(v, MIB(2) + 65 * PAGE, PAGE));
	CHECK(!soft_views_shared(v, MIB(2) + PAGE, 1));
	end();
}

int main(void)
{
	RUN(test_slots);
	RUN(test_no_room_below_c_bit);
	RUN(test_kvm_fails);
	RUN(test_private_at_first);
	RUN(test_staged);
	RUN(test_bad_staging);
	RUN(test_take_back);
	RUN(test_make_private);
	RUN(test_write_private);
	RUN(test_host_addresses);
	RUN(test_switch);
	RUN(test_after_the_switch);
	RUN(test_switch_keeps_staged);
	RUN(test_shared);
	RUN(test_bad_announcements);
	RUN(test_count);
	RUN(test_threads);
	return tests_done();
}
