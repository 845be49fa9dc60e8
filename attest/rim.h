/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measurements of a realm: the initial one (RIM), made at launch step by step, and the four
 * extensible ones (REM) that belong to the guest. Arm RMM specification (DEN0137), A7.1 and the
 * "RIM" sections of RMI_REALM_CREATE, RMI_RTT_INIT_RIPAS, RMI_DATA_CREATE and RMI_REC_CREATE.
 *
 * Each step hashes a 256-byte descriptor that holds the value before it, so order counts.
 * Who measures what:
 *
 *			realm	RIPAS	pages	vCPUs
 *	RMM 1.x		yes	yes	yes	those that run at reset
 *	RMM 2.0		yes	no	yes	those that run at reset
 *	virtCCA TMM	yes	no	yes	all, by rim_tec()
 *
 * The personalization value is not measured anywhere: it stands beside the RIM in the token.
 */
#ifndef ATTEST_RIM_H
#define ATTEST_RIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RIM_MAX 64		/* bytes of the register; shorter hashes are followed by zeros */
#define RIM_PAGE 4096U		/* a granule */
#define RIM_RPV_LEN 64

enum rim_hash { RIM_SHA256, RIM_SHA512, RIM_SHA384 };	/* RmiHashAlgorithm; the last: RMM 2.0 */

size_t rim_hash_len(enum rim_hash hash);
const char *rim_hash_name(enum rim_hash hash);	/* as in tokens: "sha-256" */
bool rim_hash_find(const char *name, enum rim_hash *out); /* with or without the hyphen */
/* Zero-padded to RIM_MAX. 0, or -EIO when libcrypto fails, as all functions below. */
int rim_digest(enum rim_hash hash, const void *data, size_t len, uint8_t out[RIM_MAX]);

#define RIM_F_LPA2 1U		/* RmiRealmFlags */
#define RIM_F_SVE 2U
#define RIM_F_PMU 4U

/* What is measured of RmiRealmParams, encoded as there. */
struct rim_params {
	uint64_t flags;
	uint8_t s2sz;			/* bits of an IPA; the topmost one tells the halves apart */
	uint8_t sve_vl;			/* vector length / 128 - 1; virtCCA: without the - 1 */
	uint8_t num_bps, num_wps;	/* breakpoints - 1, watchpoints - 1 */
	uint8_t pmu_num_ctrs;
	enum rim_hash hash;
};

/* What is measured of RmiRecParams. */
struct rim_rec {
	uint64_t gprs[8];
	uint64_t pc;
	bool runnable;
};

struct rim {
	enum rim_hash hash;
	uint8_t s2sz;
	uint8_t value[RIM_MAX];
};

int rim_create(struct rim *rim, const struct rim_params *params);
/* Page at ipa; content NULL: it is there, but its content is not measured. */
int rim_data(struct rim *rim, uint64_t ipa, const uint8_t content[RIM_PAGE]);
int rim_rec(struct rim *rim, const struct rim_rec *rec); /* nothing, when not runnable */
int rim_tec(struct rim *rim, const struct rim_rec *tec);
/* One descriptor for each block in [base, top), both multiples of RIM_PAGE. */
int rim_ripas(struct rim *rim, uint64_t base, uint64_t top);

/*
 * Length of the block that starts at base: the largest that translation tables of this many
 * address bits can map, and that base and top leave room for. Tables at the start level are
 * concatenated where that saves a level, as KVM does.
 */
uint64_t rim_block(uint8_t s2sz, uint64_t base, uint64_t top);

/* RSI_MEASUREMENT_EXTEND: H(old value | what the guest gave), up to 64 bytes. */
int rim_rem_extend(enum rim_hash hash, uint8_t rem[RIM_MAX], const void *value, size_t len);

#endif
