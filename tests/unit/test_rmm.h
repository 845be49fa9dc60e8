/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A realm on the software realm manager, for the tests of its parts: 1 MiB of RAM at 2 GiB
 * in two host areas, as a backend would have them.
 */
#ifndef TESTS_UNIT_TEST_RMM_H
#define TESTS_UNIT_TEST_RMM_H

#include <errno.h>
#include <stdlib.h>

#include "tee/virtcca/soft/rmm.h"
#include "tests/harness.h"

#define BASE 0x80000000ULL
#define PAGES 256ULL
#define TOP (BASE + PAGES * RMM_PAGE)
#define AT(page) (BASE + (uint64_t)(page) * RMM_PAGE)

static struct rig {
	struct rmm *rmm;
	uint8_t private[PAGES * RMM_PAGE];
	unsigned int converts, tokens, host_calls;
	uint64_t base, top;		/* of the last conversion */
	enum rsi_ripas to;
	int fail;			/* what the host answers from now on */
	size_t token_len;
	struct cca_realm_claims claims;	/* of the last token */
	uint16_t imm;
	uint64_t x[RMM_REGS];
} rig;

static inline int rig_read(void *ctx, uint64_t ipa, void *dst, size_t len)
{
	struct rig *r = ctx;

	if (r->fail)
		return r->fail;
	memcpy(dst, r->private + (ipa - BASE), len);
	return 0;
}

static inline int rig_write(void *ctx, uint64_t ipa, const void *src, size_t len)
{
	struct rig *r = ctx;

	if (r->fail)
		return r->fail;
	memcpy(r->private + (ipa - BASE), src, len);
	return 0;
}

static inline int rig_convert(void *ctx, uint64_t base, uint64_t top, enum rsi_ripas to)
{
	struct rig *r = ctx;

	if (r->fail)
		return r->fail;
	r->converts++;
	r->base = base;
	r->top = top;
	r->to = to;
	memset(r->private + (base - BASE), 0, top - base);
	return 0;
}

static inline int rig_token(void *ctx, const struct cca_realm_claims *claims, uint8_t **buf,
	size_t *len)
{
	struct rig *r = ctx;

	if (r->fail)
		return r->fail;
	r->tokens++;
	r->claims = *claims;
	*len = r->token_len;
	*buf = malloc(r->token_len + 1);
	for (size_t i = 0; *buf && i < *len; i++)
		(*buf)[i] = (uint8_t)(i * 7 + i / 256);
	return *buf ? 0 : -ENOMEM;
}

static inline void rig_host_call(void *ctx, unsigned int rec, uint16_t imm,
	uint64_t gprs[RSI_HOST_CALL_GPRS])
{
	struct rig *r = ctx;

	r->host_calls++;
	r->imm = imm;
	gprs[0] = ~gprs[0];
	gprs[30] = rec;
}

static const struct rmm_host rig_host = { rig_read, rig_write, rig_convert, rig_token,
	rig_host_call };

static inline struct rmm_params rig_params(void)
{
	struct rmm_params p = {
		.realm = { .s2sz = 33, .num_bps = 1, .num_wps = 1, .hash = RIM_SHA256 },
	};

	memset(p.rpv, 0x5a, sizeof(p.rpv));
	return p;
}

/* New, with its RAM and nothing else. */
static inline bool rig_new(const struct rmm_params *params)
{
	rmm_destroy(rig.rmm);
	memset(&rig, 0, sizeof(rig));
	rig.token_len = 1000;
	return !rmm_create(params, &rig_host, &rig, &rig.rmm) &&
		!rmm_add_ram(rig.rmm, BASE, PAGES * RMM_PAGE);
}

/* As Linux guests find it: all of it RAM, two vCPUs, running. */
static inline bool rig_start(const struct rmm_params *params)
{
	const struct rim_rec first = { .gprs = { AT(8) }, .pc = BASE, .runnable = true };
	const struct rim_rec second = { 0 };
	uint64_t next;

	return rig_new(params) && !rmm_init_ripas(rig.rmm, BASE, TOP, &next) && next == TOP &&
		!rmm_rec_create(rig.rmm, 0, &first) && !rmm_rec_create(rig.rmm, 1, &second) &&
		!rmm_activate(rig.rmm);
}

/* A call of vCPU 0 with up to four arguments; the rest of the registers is 0xee. */
static inline uint64_t call(enum rsi_call n, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	memset(rig.x, 0xee, sizeof(rig.x));
	rig.x[0] = RSI_FID_FIRST + (uint64_t)n;
	rig.x[1] = a;
	rig.x[2] = b;
	rig.x[3] = c;
	rig.x[4] = d;
	rmm_call(rig.rmm, 0, true, rig.x);
	return rig.x[0];
}

#endif
