/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two views of a realm's memory, without KVM: this file stands in for kvm_add_slot(), and
 * asks the host's kernel whether what KVM would map can be reached.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "tee/virtcca/views.h"
#include "tests/harness.h"
#include "tvm.h"
#include "vmm/gmem.h"
#include "vmm/kvm.h"

#define PAGE KIB(4)
#define SHARED BIT(32)
#define RAM 0x80000000ULL
#define SIZE MIB(4)

static struct {
	unsigned int nr, fail_at;	/* fail_at: the n-th call, from 1; 0: none */
	struct {
		uint64_t gpa, size;
		uint8_t *hva;
	} slots[4];
} kvm;

int kvm_add_slot(const struct kvm_vm *vm, uint32_t slot, uint64_t gpa, uint64_t size, void *hva,
	struct tvm_error *err)
{
	if (kvm.nr + 1 == kvm.fail_at)
		return err_set(err, -EEXIST, "memory slot");
	kvm.slots[kvm.nr].gpa = gpa;
	kvm.slots[kvm.nr].size = size;
	kvm.slots[kvm.nr++].hva = hva;
	return 0;
}

static struct gmem *gm;
static struct realm_views *v;
static struct tvm_error err;
static const struct kvm_vm no_vm = { .kvm_fd = -1, .vm_fd = -1 };

static void setup(void)
{
	kvm.nr = kvm.fail_at = 0;
	if (gmem_create(&(struct gmem_opts){ 0 }, &gm, &err) < 0 ||
	    gmem_add(gm, RAM, SIZE, &err) < 0 ||
	    realm_views_create(&no_vm, SHARED, &v, &err) < 0 ||
	    realm_views_add(v, gmem_slot(gm, 0), &err) < 0 || realm_views_reset(v, &err) < 0)
		abort();
}

static void teardown(void)
{
	realm_views_destroy(v);
	gmem_destroy(gm);
}

/* What a guest reaches there, reachable or not. */
static uint8_t *guest(gpa_t gpa)
{
	for (unsigned int i = 0; i < kvm.nr; i++)
		if (range_within(gpa, 1, kvm.slots[i].gpa, kvm.slots[i].size))
			return kvm.slots[i].hva + (gpa - kvm.slots[i].gpa);
	abort();
}

static bool reachable(gpa_t gpa)
{
	int p[2];
	ssize_t n;

	if (pipe2(p, O_CLOEXEC) < 0)
		abort();
	n = write(p[1], guest(gpa), 1);	/* /dev/null would not look */
	close(p[0]);
	close(p[1]);
	return n == 1;
}

static void test_start(void)
{
	setup();
	CHECK_INT(kvm.nr, 2);
	CHECK(kvm.slots[0].gpa == RAM && kvm.slots[1].gpa == (RAM | SHARED));
	for (uint64_t off = 0; off < SIZE; off += MIB(1)) {
		CHECK(reachable(RAM + off));
		CHECK(!reachable((RAM | SHARED) + off));
		CHECK_INT(*guest(RAM + off), 0);
	}
	teardown();
}

static void test_convert(void)
{
	const gpa_t at = RAM + MIB(1);
	uint8_t *host, byte = 0;

	setup();
	host = gmem_host(gm, at, PAGE);
	*guest(at) = 'p';
	*guest(at + PAGE) = 'q';
	CHECK(!realm_views_convert(v, at, PAGE, true));
	CHECK(!reachable(at) && reachable(at | SHARED));
	CHECK(reachable(at + PAGE) && !reachable((at + PAGE) | SHARED));
	CHECK_INT(*guest(at | SHARED), 0);	/* nothing of it became visible */
	CHECK_INT(*guest(at + PAGE), 'q');
	*guest(at | SHARED) = 's';
	CHECK_INT(*host, 's');			/* devices see it */
	*host = 'd';
	CHECK_INT(*guest(at | SHARED), 'd');

	CHECK(!realm_views_convert(v, at, PAGE, false));
	CHECK(reachable(at) && !reachable(at | SHARED));
	CHECK_INT(*guest(at), 0);
	CHECK_INT(*host, 0);

	/* The realm manager's access is to the protected half, whatever is open. */
	CHECK(!realm_views_write(v, at + 5, "x", 1));
	CHECK_INT(*guest(at + 5), 'x');
	CHECK(!realm_views_read(v, at + 5, &byte, 1));
	CHECK_INT(byte, 'x');
	CHECK_INT(gmem_host(gm, at, PAGE)[5], 0);
	teardown();
}

static void test_reset(void)
{
	setup();
	*guest(RAM) = 'p';
	CHECK(!realm_views_convert(v, RAM + PAGE, 2 * PAGE, true));
	CHECK(!realm_views_reset(v, &err));
	CHECK(reachable(RAM + PAGE) && !reachable((RAM + PAGE) | SHARED));
	CHECK_INT(*guest(RAM), 0);
	teardown();
}

static void test_outside(void)
{
	uint8_t byte;

	setup();
	CHECK_INT(realm_views_convert(v, RAM - PAGE, PAGE, true), -EFAULT);
	CHECK_INT(realm_views_convert(v, RAM, SIZE + PAGE, true), -EFAULT);
	CHECK_INT(realm_views_convert(v, RAM, UINT64_MAX - PAGE + 1, true), -EFAULT);
	CHECK_INT(realm_views_read(v, RAM + SIZE, &byte, 1), -EFAULT);
	CHECK_INT(realm_views_write(v, RAM | SHARED, &byte, 1), -EFAULT);
	teardown();
}

static void test_failures(void)
{
	struct gmem_slot high = { .gpa = SHARED - PAGE, .size = 2 * PAGE, .fd = -1 };

	for (unsigned int n = 1; n <= 2; n++) {
		kvm.nr = 0;
		kvm.fail_at = n;
		REQUIRE(!gmem_create(&(struct gmem_opts){ 0 }, &gm, &err));
		REQUIRE(!gmem_add(gm, RAM, SIZE, &err));
		REQUIRE(!realm_views_create(&no_vm, SHARED, &v, &err));
		CHECK_INT(realm_views_add(v, gmem_slot(gm, 0), &err), -EEXIST);
		teardown();
	}
	REQUIRE(!realm_views_create(&no_vm, SHARED, &v, &err));
	CHECK_INT(realm_views_add(v, &high, &err), -E2BIG);
	CHECK_HAS(err.msg, "does not fit");
	realm_views_destroy(v);
	realm_views_destroy(NULL);
}

int main(void)
{
	RUN(test_start);
	RUN(test_convert);
	RUN(test_reset);
	RUN(test_outside);
	RUN(test_failures);
	return tests_done();
}
