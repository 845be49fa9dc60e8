/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The realm's memory, as the realm changes it: RSI_IPA_STATE_SET and GET. On hardware the first
 * one goes to the host, which changes one entry after the other (RMI_RTT_SET_RIPAS), and comes
 * back with how far that got; here both are one step.
 */
#include "tee/virtcca/soft/realm.h"

/* A range of the protected half that RSI accepts. */
static bool is_range(const struct rmm *rmm, uint64_t base, uint64_t top)
{
	return realm_aligned(base | top) && base < top && top <= realm_half(rmm);
}

/* Where the memory behind base, which has none, begins; at most top. */
static uint64_t gap_end(const struct rmm *rmm, uint64_t base, uint64_t top)
{
	for (unsigned int i = 0; i < rmm->nr_rams; i++)
		if (rmm->rams[i].base > base)
			return rmm->rams[i].base < top ? rmm->rams[i].base : top;
	return top;
}

/* End of the pages from base on that are in the same state; at most top. */
static uint64_t run_end(const struct realm_ram *ram, uint64_t base, uint64_t top)
{
	uint64_t end = top - ram->base < ram->size ? top - ram->base : ram->size;

	return ram->base + RMM_PAGE * pages_run(&ram->pages, realm_page(ram, base),
		end / RMM_PAGE);
}

static int convert(struct rmm *rmm, struct realm_ram *ram, uint64_t base, uint64_t top,
	enum rsi_ripas from, enum rsi_ripas to)
{
	uint64_t first = realm_page(ram, base), end = first + (top - base) / RMM_PAGE;
	int r = rmm->host->convert(rmm->ctx, base, top, to);

	if (r < 0)
		return r;
	pages_set_ripas(&ram->pages, first, end, to);
	pages_set_data(&ram->pages, first, end, false);
	if (to == RSI_EMPTY) {
		rmm->shared += top - base;
		rmm->stats.to_empty += top - base;
	} else {
		rmm->shared -= from == RSI_EMPTY ? top - base : 0;
		rmm->stats.to_ram += top - base;
	}
	return 0;
}

enum rsi_status rsi_ipa_state_set(struct rmm *rmm, uint64_t x[RMM_REGS])
{
	uint64_t base = x[1], top = x[2], at = base, end, runs = 0;
	enum rsi_ripas to = x[3] == RSI_RAM ? RSI_RAM : RSI_EMPTY;
	bool destroyed = x[4] & RSI_CHANGE_DESTROYED, stuck = false;

	if (!is_range(rmm, base, top) || x[3] > RSI_RAM) {
		x[1] = x[2] = 0;
		return RSI_ERROR_INPUT;
	}
	if (rmm->set_max && top - base > rmm->set_max)
		top = base + rmm->set_max;
	while (!stuck && at < top && runs < RMM_RUNS_MAX) {
		struct realm_ram *ram = realm_ram(rmm, at);
		enum rsi_ripas from = rmm_ripas(rmm, at);

		end = ram ? run_end(ram, at, top) : gap_end(rmm, at, top);
		if (from != to) {
			stuck = !ram || (from == RSI_DESTROYED && !destroyed) ||
				convert(rmm, ram, at, end, from, to) < 0;
			runs++;
		}
		if (!stuck)
			at = end;
	}
	x[1] = at;
	x[2] = stuck && at == base ? RSI_REJECT : RSI_ACCEPT;
	return RSI_SUCCESS;
}

enum rsi_status rsi_ipa_state_get(struct rmm *rmm, uint64_t x[RMM_REGS])
{
	uint64_t base = x[1], top = x[2], at = base;
	enum rsi_ripas ripas;

	if (!is_range(rmm, base, top)) {
		x[1] = x[2] = 0;
		return RSI_ERROR_INPUT;
	}
	ripas = rmm_ripas(rmm, base);
	/* Runs end where ranges do; what follows may be in the same state. */
	while (at < top && rmm_ripas(rmm, at) == ripas) {
		const struct realm_ram *ram = realm_ram(rmm, at);

		at = ram ? run_end(ram, at, top) : gap_end(rmm, at, top);
	}
	x[1] = at;
	x[2] = ripas;
	return RSI_SUCCESS;
}
