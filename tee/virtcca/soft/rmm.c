/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launch of a realm: DEN0137 1.0, B4.3. Checks stand in the order of the specification's
 * failure conditions, so that of two mistakes the same one is reported.
 */
#include "tee/virtcca/soft/rmm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tee/virtcca/soft/realm.h"

/* B4.3.9, RMI_REALM_CREATE: what feature register 0 of this RMM says. */
static bool supported(const struct rmm_params *params)
{
	const struct rim_params *p = &params->realm;
	bool sve = p->flags & RIM_F_SVE, pmu = p->flags & RIM_F_PMU;

	return !(p->flags & ~(uint64_t)(RIM_F_SVE | RIM_F_PMU)) &&
		p->s2sz >= RMM_IPA_MIN && p->s2sz <= RMM_IPA_MAX &&
		p->sve_vl <= (sve ? 15 : 0) && p->pmu_num_ctrs <= (pmu ? 31 : 0) &&
		p->num_bps >= 1 && p->num_bps <= 15 && p->num_wps >= 1 && p->num_wps <= 15 &&
		(p->hash == RIM_SHA256 || p->hash == RIM_SHA512) && realm_aligned(params->set_max);
}

int rmm_create(const struct rmm_params *params, const struct rmm_host *host, void *ctx,
	struct rmm **out)
{
	struct rmm *rmm;
	int r;

	if (!supported(params))
		return RMI_ERROR_INPUT;
	rmm = calloc(1, sizeof(*rmm));
	if (!rmm)
		return -ENOMEM;
	rmm->host = host;
	rmm->ctx = ctx;
	rmm->set_max = params->set_max;
	memcpy(rmm->rpv, params->rpv, sizeof(rmm->rpv));
	r = rim_create(&rmm->rim, &params->realm);
	if (r < 0) {
		rmm_destroy(rmm);
		return r;
	}
	*out = rmm;
	return 0;
}

void rmm_destroy(struct rmm *rmm)
{
	if (!rmm)
		return;
	for (unsigned int i = 0; i < rmm->nr_rams; i++)
		pages_fini(&rmm->rams[i].pages);
	for (unsigned int i = 0; i < rmm->nr_recs; i++)
		free(rmm->recs[i].token);
	free(rmm->recs);
	free(rmm);
}

int rmm_add_ram(struct rmm *rmm, uint64_t base, uint64_t size)
{
	struct realm_ram ram = { .base = base, .size = size };
	unsigned int at = 0;
	int r;

	if (!size || !realm_aligned(base | size) || !range_within(base, size, 0, realm_half(rmm)))
		return -EINVAL;
	for (unsigned int i = 0; i < rmm->nr_rams; i++) {
		if (ranges_overlap(base, size, rmm->rams[i].base, rmm->rams[i].size))
			return -EINVAL;
		at += rmm->rams[i].base < base;
	}
	if (rmm->nr_rams == RMM_RAMS_MAX)
		return -ENOSPC;
	r = pages_init(&ram.pages, size / RMM_PAGE);
	if (r < 0)
		return r;
	memmove(&rmm->rams[at + 1], &rmm->rams[at], (rmm->nr_rams - at) * sizeof(ram));
	rmm->rams[at] = ram;
	rmm->nr_rams++;
	rmm->shared += size;
	return 0;
}

int rmm_init_ripas(struct rmm *rmm, uint64_t base, uint64_t top, uint64_t *next)
{
	struct realm_ram *ram;
	struct rim rim = rmm->rim;
	uint64_t from, to, kept;
	int r;

	if (top <= base || !realm_aligned(top) || top > realm_half(rmm))
		return RMI_ERROR_INPUT;
	if (rmm->state != RMM_NEW)
		return RMI_ERROR_REALM;
	ram = realm_ram(rmm, base);
	if (!realm_aligned(base) || !ram || pages_data(&ram->pages, realm_page(ram, base)))
		return RMI_ERROR_RTT;
	if (top - ram->base > ram->size)
		top = ram->base + ram->size;
	from = realm_page(ram, base);
	to = pages_next_data(&ram->pages, from, realm_page(ram, top));
	top = ram->base + to * RMM_PAGE;
	r = rim_ripas(&rim, base, top);
	if (r < 0)
		return r;
	/* What is RAM already is measured again, and is not taken from the shared bytes again. */
	for (uint64_t i = from; i < to; i = kept) {
		kept = pages_run(&ram->pages, i, to);
		if (pages_ripas(&ram->pages, i) == RSI_EMPTY)
			rmm->shared -= (kept - i) * RMM_PAGE;
	}
	pages_set_ripas(&ram->pages, from, to, RSI_RAM);
	rmm->rim = rim;
	*next = top;
	return 0;
}

/* An aligned protected page that has no data yet: the common part of both DATA_CREATEs. */
static int unassigned(const struct rmm *rmm, uint64_t ipa, struct realm_ram **out)
{
	*out = realm_ram(rmm, ipa);
	return !*out || pages_data(&(*out)->pages, realm_page(*out, ipa)) ? RMI_ERROR_RTT : 0;
}

int rmm_data_create(struct rmm *rmm, uint64_t ipa, const uint8_t content[RMM_PAGE], bool measure)
{
	struct realm_ram *ram;
	uint64_t page;
	int r;

	if (!realm_aligned(ipa) || ipa >= realm_half(rmm))
		return RMI_ERROR_INPUT;
	if (rmm->state != RMM_NEW)
		return RMI_ERROR_REALM;
	r = unassigned(rmm, ipa, &ram);
	if (r)
		return r;
	page = realm_page(ram, ipa);
	if (pages_ripas(&ram->pages, page) != RSI_RAM)
		return RMI_ERROR_RTT;
	r = rim_data(&rmm->rim, ipa, measure ? content : NULL);
	if (!r)
		pages_set_data(&ram->pages, page, page + 1, true);
	return r;
}

int rmm_data_create_unknown(struct rmm *rmm, uint64_t ipa)
{
	struct realm_ram *ram;
	int r;

	if (!realm_aligned(ipa) || ipa >= realm_half(rmm))
		return RMI_ERROR_INPUT;
	r = unassigned(rmm, ipa, &ram);
	if (!r)
		pages_set_data(&ram->pages, realm_page(ram, ipa), realm_page(ram, ipa) + 1, true);
	return r;
}

int rmm_data_destroy(struct rmm *rmm, uint64_t ipa)
{
	struct realm_ram *ram;
	uint64_t page;

	if (!realm_aligned(ipa) || ipa >= realm_half(rmm))
		return RMI_ERROR_INPUT;
	ram = realm_ram(rmm, ipa);
	if (!ram || !pages_data(&ram->pages, realm_page(ram, ipa)))
		return RMI_ERROR_RTT;
	page = realm_page(ram, ipa);
	pages_set_data(&ram->pages, page, page + 1, false);
	if (pages_ripas(&ram->pages, page) == RSI_RAM)
		pages_set_ripas(&ram->pages, page, page + 1, RSI_DESTROYED);
	return 0;
}

/* RecIndex(): affinity fields of four, eight, eight and eight bits; others must be zero. */
static bool rec_index(uint64_t mpidr, uint64_t *out)
{
	*out = (mpidr & 0xf) | (mpidr >> 8 & 0xff) << 4 | (mpidr >> 16 & 0xff) << 12 |
		(mpidr >> 24 & 0xff) << 20;
	return !(mpidr & ~0xffffff0fULL);
}

int rmm_rec_create(struct rmm *rmm, uint64_t mpidr, const struct rim_rec *rec)
{
	struct realm_rec *grown;
	uint64_t index;
	int r;

	if (rmm->state != RMM_NEW)
		return RMI_ERROR_REALM;
	if (!rec_index(mpidr, &index) || index != rmm->nr_recs || index >= RMM_RECS_MAX)
		return RMI_ERROR_INPUT;
	grown = reallocarray(rmm->recs, rmm->nr_recs + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	rmm->recs = grown;
	r = rim_rec(&rmm->rim, rec);
	if (r < 0)
		return r;
	rmm->recs[rmm->nr_recs++] = (struct realm_rec){ 0 };
	return 0;
}

int rmm_activate(struct rmm *rmm)
{
	if (rmm->state != RMM_NEW)
		return RMI_ERROR_REALM;
	rmm->state = RMM_ACTIVE;
	return 0;
}

/* ---- Questions ---------------------------------------------------------------------------- */

enum rmm_state rmm_state(const struct rmm *rmm)
{
	return rmm->state;
}

uint64_t rmm_shared_bit(const struct rmm *rmm)
{
	return realm_half(rmm);
}

uint64_t rmm_canon(const struct rmm *rmm, uint64_t ipa)
{
	return ipa & ~realm_half(rmm);
}

enum rsi_ripas rmm_ripas(const struct rmm *rmm, uint64_t ipa)
{
	const struct realm_ram *ram = realm_ram(rmm, ipa);

	return ram ? (enum rsi_ripas)pages_ripas(&ram->pages, realm_page(ram, ipa)) : RSI_EMPTY;
}

bool rmm_is_shared(const struct rmm *rmm, uint64_t ipa, uint64_t len)
{
	uint64_t at = rmm_canon(rmm, ipa), end;

	if (!len || add_overflows(at, len, &end))
		return false;
	while (at < end) {
		const struct realm_ram *ram = realm_ram(rmm, at);
		uint64_t page, last;

		if (!ram)
			return false;
		page = realm_page(ram, at);
		last = end - ram->base > ram->size ? ram->size : end - ram->base;
		last = (last + RMM_PAGE - 1) / RMM_PAGE;
		if (pages_ripas(&ram->pages, page) != RSI_EMPTY ||
		    pages_run(&ram->pages, page, last) != last)
			return false;
		at = ram->base + last * RMM_PAGE;
	}
	return true;
}

uint64_t rmm_shared_bytes(const struct rmm *rmm)
{
	return rmm->shared;
}

enum rmm_fault rmm_fault(const struct rmm *rmm, uint64_t ipa)
{
	uint64_t canon = rmm_canon(rmm, ipa);
	bool unprotected = canon != ipa, ram = realm_ram(rmm, canon);
	enum rsi_ripas ripas = rmm_ripas(rmm, canon);

	if (ipa >= 2 * realm_half(rmm))
		return RMM_FAULT_SEA;
	if (unprotected && !ram)
		return RMM_FAULT_MMIO;
	if (unprotected)
		return ripas == RSI_EMPTY ? RMM_FAULT_HOST : RMM_FAULT_SEA;
	switch (ripas) {
	case RSI_RAM: return RMM_FAULT_HOST;
	case RSI_DESTROYED: return RMM_FAULT_DESTROYED;
	default: return RMM_FAULT_SEA;
	}
}

void rmm_rim(const struct rmm *rmm, uint8_t out[RIM_MAX])
{
	memcpy(out, rmm->rim.value, RIM_MAX);
}

const struct rmm_stats *rmm_stats(const struct rmm *rmm)
{
	return &rmm->stats;
}
