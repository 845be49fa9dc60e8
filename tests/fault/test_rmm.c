/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory runs out at the n-th allocation of a realm's life, n = 1, 2, 3 ... until it passes:
 * each failure is reported, leaves the realm as it was, and nothing behind. The platform's keys
 * are made once, outside.
 */
#include <errno.h>
#include <stdlib.h>

#include "tee/virtcca/soft/platform.h"
#include "tee/virtcca/soft/rmm.h"
#include "tests/fault/wrap.h"
#include "tests/harness.h"
#include "tvm.h"

#define BASE 0x80000000ULL
#define SIZE 0x400000ULL
#define MAX_POINTS 500

static const struct wrap_fault faults[] = {
	{ "malloc", CALL_MALLOC, ENOMEM, .optional = false },
	{ "calloc", CALL_CALLOC, ENOMEM, .optional = false },
	{ "reallocarray", CALL_REALLOCARRAY, ENOMEM, .optional = false },
};

static struct rmm_platform *platform;

static int no_access(void *ctx, uint64_t ipa, void *dst, size_t len)
{
	return -EFAULT;
}

static int take_page(void *ctx, uint64_t ipa, const void *src, size_t len)
{
	return 0;
}

static int convert(void *ctx, uint64_t base, uint64_t top, enum rsi_ripas to)
{
	return 0;
}

static const struct rmm_host host = { no_access, take_page, convert, rmm_platform_token, NULL };

static uint64_t call(struct rmm *rmm, enum rsi_call n, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t x[RMM_REGS] = { RSI_FID_FIRST + (uint64_t)n, a, b, c };

	rmm_call(rmm, 1, true, x);
	return x[0];
}

/* What failed: 0, -ENOMEM, or something that must not be. */
static int live(void)
{
	const struct rmm_params params = {
		.realm = { .s2sz = 33, .num_bps = 1, .num_wps = 1 } };
	const struct rim_rec rec = { .pc = BASE, .runnable = true };
	uint8_t before[RIM_MAX], after[RIM_MAX];
	struct rmm *rmm = NULL;
	uint64_t next, s;
	int r = rmm_create(&params, &host, platform, &rmm);

	if (r)
		return rmm ? -EBADF : r;
	r = rmm_add_ram(rmm, BASE, SIZE);
	if (r && rmm_shared_bytes(rmm))
		r = -EBADF;
	r = r ? r : rmm_init_ripas(rmm, BASE, BASE + SIZE, &next);
	for (unsigned int i = 0; !r && i < 2; i++) {
		rmm_rim(rmm, before);
		r = rmm_rec_create(rmm, i, &rec);
		rmm_rim(rmm, after);
		if (r && memcmp(before, after, RIM_MAX))
			r = -EBADF;
	}
	r = r ? r : rmm_activate(rmm);
	if (!r) {
		s = call(rmm, RSI_ATTESTATION_TOKEN_INIT, 1, 2, 3);
		r = s == RSI_ERROR_UNKNOWN ? -ENOMEM : s ? -EBADF : 0;
		/* A token that could not be made is none. */
		s = call(rmm, RSI_ATTESTATION_TOKEN_CONTINUE, BASE, 0, 64);
		if (s != (r ? RSI_ERROR_STATE : RSI_INCOMPLETE))
			r = -EBADF;
	}
	rmm_destroy(rmm);
	return r;
}

static void test_life(void)
{
	char where[96];

	for (unsigned int f = 0; f < sizeof(faults) / sizeof(faults[0]); f++) {
		unsigned int n, leaks;
		int r;

		for (n = 1; n < MAX_POINTS; n++) {
			wrap_arm(&faults[f], n);
			r = live();
			wrap_disarm();
			leaks = wrap_leaks(where, sizeof(where));
			if (leaks)
				printf("# %u blocks of %s are left\n", leaks, where);
			CHECK_INT(leaks, 0);
			CHECK_INT(r, wrap_fired() ? -ENOMEM : 0);
			if (!wrap_fired())
				break;
		}
		printf("# %s: %u points\n", faults[f].name, n - 1);
		CHECK(n > 1 && n < MAX_POINTS);
	}
}

int main(void)
{
	struct tvm_error err;

	if (rmm_platform_open(NULL, CCA_CURRENT, &platform, &err) < 0)
		return 1;
	RUN(test_life);
	rmm_platform_close(platform);
	return tests_done();
}
