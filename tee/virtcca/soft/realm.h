/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of struct rmm: the realm descriptor, for the files of the software realm manager. */
#ifndef TEE_VIRTCCA_SOFT_REALM_H
#define TEE_VIRTCCA_SOFT_REALM_H

#include "base/bits.h"
#include "tee/virtcca/soft/pages.h"
#include "tee/virtcca/soft/rmm.h"

struct realm_ram {
	uint64_t base, size;
	struct pages pages;
};

/* A REC, as far as it is not KVM's vCPU: the token that it is fetching. */
struct realm_rec {
	uint8_t *token;			/* owned; NULL: none in progress */
	size_t token_len, token_done;
};

struct rmm {
	enum rmm_state state;
	const struct rmm_host *host;	/* borrowed */
	void *ctx;			/* borrowed, for host */
	uint8_t rpv[RIM_RPV_LEN];
	uint64_t set_max;
	struct rim rim;
	uint8_t rem[CCA_REMS][RIM_MAX];
	unsigned int nr_rams;
	struct realm_ram rams[RMM_RAMS_MAX]; /* sorted, disjoint */
	unsigned int nr_recs;
	struct realm_rec *recs;		/* owned */
	uint64_t shared;		/* bytes of RAM that are EMPTY */
	struct rmm_stats stats;
};

/* First address of the unprotected half. */
static inline uint64_t realm_half(const struct rmm *rmm)
{
	return BIT(rmm->rim.s2sz - 1);
}

/* The range that has ipa, or NULL. */
static inline struct realm_ram *realm_ram(const struct rmm *rmm, uint64_t ipa)
{
	for (unsigned int i = 0; i < rmm->nr_rams; i++) {
		const struct realm_ram *ram = &rmm->rams[i];

		if (range_within(ipa, 1, ram->base, ram->size))
			return (struct realm_ram *)ram;
	}
	return NULL;
}

static inline uint64_t realm_page(const struct realm_ram *ram, uint64_t ipa)
{
	return (ipa - ram->base) / RMM_PAGE;
}

static inline bool realm_aligned(uint64_t ipa)
{
	return !(ipa & (RMM_PAGE - 1));
}

/*
 * The calls of a guest: read x, write results to x[1] and up, return the status for x[0].
 * Results they do not set are what x had.
 */
enum rsi_status rsi_ipa_state_set(struct rmm *rmm, uint64_t x[RMM_REGS]);	/* rsi_mem.c */
enum rsi_status rsi_ipa_state_get(struct rmm *rmm, uint64_t x[RMM_REGS]);
enum rsi_status rsi_measurement_read(struct rmm *rmm, uint64_t x[RMM_REGS]);	/* rsi_attest.c */
enum rsi_status rsi_measurement_extend(struct rmm *rmm, uint64_t x[RMM_REGS]);
enum rsi_status rsi_token_init(struct rmm *rmm, unsigned int rec, uint64_t x[RMM_REGS]);
enum rsi_status rsi_token_continue(struct rmm *rmm, unsigned int rec, uint64_t x[RMM_REGS]);

#endif
