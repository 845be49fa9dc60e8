/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is the life of a realm: parameters, launch commands, and then calls of its vCPUs
 * and of the host in any order, with addresses around what exists. Beside the realm manager runs
 * a model of one byte a page, told by what the host was asked to convert; after each step both
 * must agree, nothing but RAM may have been read or written, and launch commands that were
 * refused must have left the RIM as it was.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tee/virtcca/soft/rmm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BASE 0x80000000ULL
#define NR 40U			/* pages of RAM at launch; as many again can be plugged */
#define HOT (BASE + 0x10000000)
#define MAX_STEPS 200

struct input {
	const uint8_t *p;
	size_t left;
};

struct world {
	struct rmm *rmm;
	uint8_t model[2][NR];	/* RIPAS */
	bool hot;
	bool active, fail;
	unsigned int recs;
	size_t token_len;
};

static uint32_t take(struct input *in, unsigned int bytes)
{
	uint32_t v = 0;

	for (unsigned int i = 0; i < bytes && in->left; i++, in->left--)
		v = v << 8 | *in->p++;
	return v;
}

/* The model's byte of a page, or NULL. */
static uint8_t *page(struct world *w, uint64_t ipa)
{
	if (ipa >= BASE && ipa - BASE < NR * RMM_PAGE)
		return &w->model[0][(ipa - BASE) / RMM_PAGE];
	if (w->hot && ipa >= HOT && ipa - HOT < NR * RMM_PAGE)
		return &w->model[1][(ipa - HOT) / RMM_PAGE];
	return NULL;
}

static void must_be_ram(struct world *w, uint64_t ipa, size_t len)
{
	assert(len && len <= RMM_PAGE && ipa / RMM_PAGE == (ipa + len - 1) / RMM_PAGE);
	assert(page(w, ipa) && *page(w, ipa) == RSI_RAM);
}

static int host_read(void *ctx, uint64_t ipa, void *dst, size_t len)
{
	struct world *w = ctx;

	must_be_ram(w, ipa, len);
	memset(dst, 0x11, len);
	return w->fail ? -EFAULT : 0;
}

static int host_write(void *ctx, uint64_t ipa, const void *src, size_t len)
{
	struct world *w = ctx;
	volatile uint8_t all = 0;

	must_be_ram(w, ipa, len);
	for (size_t i = 0; i < len; i++)
		all ^= ((const uint8_t *)src)[i];
	return w->fail ? -EFAULT : 0;
}

static int host_convert(void *ctx, uint64_t base, uint64_t top, enum rsi_ripas to)
{
	struct world *w = ctx;

	assert(w->active && base < top && (to == RSI_RAM || to == RSI_EMPTY));
	if (w->fail)
		return -ENOMEM;
	for (; base < top; base += RMM_PAGE) {
		assert(page(w, base) && *page(w, base) != to);
		*page(w, base) = (uint8_t)to;
	}
	return 0;
}

static int host_token(void *ctx, const struct cca_realm_claims *claims, uint8_t **buf, size_t *len)
{
	struct world *w = ctx;

	if (w->fail)
		return -EIO;
	*len = w->token_len;
	*buf = calloc(1, w->token_len + 1);
	return *buf ? 0 : -ENOMEM;
}

static void host_call(void *ctx, unsigned int rec, uint16_t imm, uint64_t gprs[RSI_HOST_CALL_GPRS])
{
	struct world *w = ctx;

	assert(rec < w->recs);
	gprs[imm % RSI_HOST_CALL_GPRS] = imm;
}

static const struct rmm_host host = { host_read, host_write, host_convert, host_token, host_call };

/* Addresses of RAM, at its ends, of devices, in the other half, unaligned, and nowhere. */
static uint64_t address(struct input *in, struct world *w)
{
	uint32_t how = take(in, 1), n = take(in, 1);
	uint64_t ipa = (how & 1 ? HOT : BASE) + (uint64_t)n * RMM_PAGE;

	switch (how >> 4) {
	case 15: return UINT64_MAX - n;
	case 14: return ipa | rmm_shared_bit(w->rmm);
	case 13: return ipa + n;
	case 12: return (uint64_t)n * RMM_PAGE;
	case 11: return rmm_shared_bit(w->rmm) - (uint64_t)(n & 3) * RMM_PAGE;
	case 10: return HOT + NR * RMM_PAGE - (uint64_t)(n & 3) * RMM_PAGE;
	default: return ipa;
	}
}

static void launch(struct input *in, struct world *w, uint32_t op)
{
	uint8_t before[RIM_MAX], after[RIM_MAX], content[RMM_PAGE];
	struct rim_rec rec = { .pc = BASE };
	uint64_t a = address(in, w), b, next = 0;
	bool measured = true;
	int r;

	rmm_rim(w->rmm, before);
	switch (op) {
	case 0:
		b = address(in, w);
		r = rmm_init_ripas(w->rmm, a, b, &next);
		assert(r || (next > a && next <= b));
		for (b = a; !r && b < next; b += RMM_PAGE)
			*page(w, b) = RSI_RAM;
		break;
	case 1:
		memset(content, (int)take(in, 1), sizeof(content));
		r = rmm_data_create(w->rmm, a, content, content[0] & 1);
		break;
	case 2:
		r = rmm_data_create_unknown(w->rmm, a);
		measured = false;
		break;
	case 3:
		r = rmm_data_destroy(w->rmm, a);
		if (!r && *page(w, a) == RSI_RAM)
			*page(w, a) = RSI_DESTROYED;
		measured = false;
		break;
	case 4:
		rec.runnable = take(in, 1) & 1;
		r = rmm_rec_create(w->rmm, w->recs % 16 | (uint64_t)(w->recs / 16) << 8 |
			(take(in, 1) == 0xff), &rec);
		w->recs += !r;
		measured = rec.runnable;
		break;
	case 5:
		r = rmm_activate(w->rmm);
		w->active = w->active || !r;
		measured = false;
		break;
	default:
		return;
	}
	rmm_rim(w->rmm, after);
	assert(r <= RMI_ERROR_RTT && (!w->active || !measured || r || op == 4));
	assert((r == 0 && measured) == !!memcmp(before, after, RIM_MAX));
}

static void call(struct input *in, struct world *w)
{
	uint64_t x[RMM_REGS], a, b;
	uint32_t how = take(in, 1), n = how % (RSI_CALLS + 1);
	unsigned int rec = take(in, 1) % (w->recs + 1);
	struct rmm_stats stats = *rmm_stats(w->rmm);

	memset(x, 0x5a, sizeof(x));
	x[0] = RSI_FID_FIRST + n;
	x[1] = a = address(in, w);
	x[2] = b = address(in, w);
	x[3] = take(in, 1) % 5;
	x[4] = take(in, 1);
	if (n == RSI_VERSION)
		x[1] = take(in, 1) & 1 ? RSI_VERSION_1_0 : x[1];
	if (n == RSI_MEASUREMENT_READ || n == RSI_MEASUREMENT_EXTEND) {
		x[1] = how >> 4 & 7;
		x[2] = take(in, 1) % 80;
	}
	if (n == RSI_ATTESTATION_TOKEN_CONTINUE) {
		x[2] = take(in, 2) % (RMM_PAGE + 16);
		x[3] = take(in, 2) % (RMM_PAGE + 16);
		b = x[3];
	}
	rmm_call(w->rmm, rec, how < 0xf0, x);
	assert(x[0] <= RSI_ERROR_UNKNOWN || x[0] == RSI_NOT_SUPPORTED);
	assert(x[17] == 0x5a5a5a5a5a5a5a5aULL);
	assert((x[0] == RSI_NOT_SUPPORTED) == (how >= 0xf0 || n == RSI_CALLS || !w->active ||
		rec == w->recs));
	assert(rmm_stats(w->rmm)->unknown == stats.unknown + (x[0] == RSI_NOT_SUPPORTED));
	if (x[0] == RSI_NOT_SUPPORTED)
		return;
	if (n == RSI_IPA_STATE_SET && x[0] == RSI_SUCCESS)
		assert(x[1] >= a && x[1] <= b && (x[1] > a || x[2] == RSI_REJECT));
	if (n == RSI_IPA_STATE_GET && x[0] == RSI_SUCCESS) {
		assert(x[1] > a && x[1] <= b);
		for (; a < x[1] && a < HOT + 2 * NR * RMM_PAGE; a += RMM_PAGE)
			assert((page(w, a) ? *page(w, a) : RSI_EMPTY) == x[2]);
	}
	if (n == RSI_ATTESTATION_TOKEN_CONTINUE)
		assert(x[1] <= b && x[1] <= w->token_len);
	/* The guest's calls fail only for its own mistakes, unless the host fails. */
	assert(x[0] != RSI_ERROR_UNKNOWN || w->fail);
}

static void agree(struct world *w)
{
	uint64_t shared = 0;

	for (unsigned int area = 0; area < 2; area++) {
		for (unsigned int i = 0; i < NR; i++) {
			uint64_t ipa = (area ? HOT : BASE) + i * RMM_PAGE;
			uint8_t *state = page(w, ipa);

			assert(rmm_ripas(w->rmm, ipa) == (state ? *state : RSI_EMPTY));
			assert(rmm_is_shared(w->rmm, ipa + 1, 1) == (state && *state == RSI_EMPTY));
			shared += state && *state == RSI_EMPTY ? RMM_PAGE : 0;
		}
	}
	assert(rmm_shared_bytes(w->rmm) == shared);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct world w = { 0 };
	uint32_t how = take(&in, 1);
	struct rmm_params params = {
		.realm = { .s2sz = how & 1 ? 40 : 33, .num_bps = 1, .num_wps = 1,
			.hash = how & 2 ? RIM_SHA512 : RIM_SHA256 },
		.set_max = how & 4 ? 8 * RMM_PAGE : 0,
	};

	w.token_len = how & 8 ? 5000 : 700;
	assert(!rmm_create(&params, &host, &w, &w.rmm));
	assert(!rmm_add_ram(w.rmm, BASE, NR * RMM_PAGE));
	for (unsigned int i = 0; in.left && i < MAX_STEPS; i++) {
		uint32_t op = take(&in, 1);

		w.fail = op >= 0xf0;
		if ((op & 0xf) < 6)
			launch(&in, &w, op & 0xf);
		else if ((op & 0xf) == 6 && !w.hot)
			w.hot = !rmm_add_ram(w.rmm, HOT, NR * RMM_PAGE);
		else
			call(&in, &w);
	}
	agree(&w);
	rmm_destroy(w.rmm);
	return 0;
}
