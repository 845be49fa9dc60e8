/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The software realm manager: what Arm's RMM does for one realm, as a pure state machine. No
 * KVM, no threads, no keys, no guest memory of its own; it reaches all of that through struct
 * rmm_host. Arm DEN0137 1.0, RSI 1.0.
 *
 *	launch code	rmm_create, rmm_add_ram, rmm_init_ripas, rmm_data_create,
 *			rmm_rec_create, rmm_activate	    (what RMI commands do)
 *	vCPU threads	rmm_call: an SMC of the guest, as KVM's SMCCC filter hands it out:
 *			x0 to x17 in, x0 to x17 out	    (RSI)
 *	faults		rmm_fault: what an access that KVM could not complete has met
 *
 * How a backend on KVM uses it:
 *
 *  - Two memslots for each range of RAM: the protected one at its address, the shared one at
 *    rmm_shared_bit() more. Pages are EMPTY until the launch says RAM: set the two views up by
 *    rmm_ripas() before the first KVM_RUN, convert() is for what the guest changes later.
 *  - rmm_host.convert() moves [base, top) from one view to the other. It runs inside rmm_call()
 *    on the vCPU thread that made the call, before the guest is answered. RAM: shared view out
 *    of reach, protected view fresh zeros. EMPTY: the other way round. When it fails nothing may
 *    have changed; the guest is told how far its request got, or that it was rejected.
 *  - rmm_host.read() and write() reach the protected view: the RMM's own way into the realm.
 *    They are called for addresses whose state is RAM only, and never across a page.
 *  - rmm_is_shared() answers for the device view. One lock of the backend's covers every call
 *    here; devices hold it (shared) while they use memory that rmm_is_shared() allowed.
 *  - Launch in this order: create, RAM, RIPAS, pages in ascending order, RECs, activate. Each
 *    step extends the RIM, and this is the order that attest/rim_launch.c computes.
 *
 * Results of launch functions: 0; a positive enum rmi_status, the one that the specification
 * documents for the misuse; or a negative errno when the host fails. A call that fails changes
 * nothing.
 *
 * Unlike hardware: content of a page is always lost when its state changes; an access of the
 * RMM's to a page that the host destroyed is an error of the call, where hardware would stop
 * the realm; a request that cannot make any progress (no memory there, or a destroyed page that
 * the guest did not ask to replace) is rejected, where Linux guests would otherwise try forever.
 */
#ifndef TEE_VIRTCCA_SOFT_RMM_H
#define TEE_VIRTCCA_SOFT_RMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/cca_token.h"
#include "attest/rim.h"

struct rmm;

#define RMM_PAGE RIM_PAGE
#define RMM_RECS_MAX 512
#define RMM_RAMS_MAX 8
#define RMM_IPA_MIN 32		/* bits of a realm's addresses */
#define RMM_IPA_MAX 48
#define RMM_REGS 18		/* x0 to x17 */
#define RMM_RUNS_MAX 64		/* conversions in one IPA_STATE_SET: the guest asks for the rest */

enum rmi_status { RMI_SUCCESS, RMI_ERROR_INPUT, RMI_ERROR_REALM, RMI_ERROR_REC, RMI_ERROR_RTT };
enum rsi_status { RSI_SUCCESS, RSI_ERROR_INPUT, RSI_ERROR_STATE, RSI_INCOMPLETE,
	RSI_ERROR_UNKNOWN };
enum rsi_ripas { RSI_EMPTY, RSI_RAM, RSI_DESTROYED, RSI_DEV };
enum rmm_state { RMM_NEW, RMM_ACTIVE };

/* Function ids, and what a filter has to forward. */
#define RSI_FID_FIRST 0xc4000190U
#define RSI_FID_COUNT 0x20U
enum rsi_call {
	RSI_VERSION, RSI_FEATURES, RSI_MEASUREMENT_READ, RSI_MEASUREMENT_EXTEND,
	RSI_ATTESTATION_TOKEN_INIT, RSI_ATTESTATION_TOKEN_CONTINUE, RSI_REALM_CONFIG,
	RSI_IPA_STATE_SET, RSI_IPA_STATE_GET, RSI_HOST_CALL, RSI_CALLS,
};
#define RSI_NOT_SUPPORTED UINT64_MAX
#define RSI_VERSION_1_0 0x10000U
#define RSI_CHANGE_DESTROYED 1U		/* flags of IPA_STATE_SET */
enum { RSI_ACCEPT, RSI_REJECT };
#define RSI_HOST_CALL_GPRS 31

struct rmm_host {
	int (*read)(void *ctx, uint64_t ipa, void *dst, size_t len);
	int (*write)(void *ctx, uint64_t ipa, const void *src, size_t len);
	int (*convert)(void *ctx, uint64_t base, uint64_t top, enum rsi_ripas to);
	/*
	 * A token for these claims: *buf is malloc()ed and becomes ours. NULL: no attestation,
	 * RSI_ERROR_UNKNOWN.
	 */
	int (*token)(void *ctx, const struct cca_realm_claims *claims, uint8_t **buf, size_t *len);
	/* RSI_HOST_CALL; NULL: registers come back as they were, which guests take for "no". */
	void (*host_call)(void *ctx, unsigned int rec, uint16_t imm,
		uint64_t gprs[RSI_HOST_CALL_GPRS]);
};

struct rmm_params {
	struct rim_params realm;
	uint8_t rpv[RIM_RPV_LEN];
	/* At most so many bytes change in one IPA_STATE_SET; a multiple of RMM_PAGE, 0: all. */
	uint64_t set_max;
};

/* Counts since creation. */
struct rmm_stats {
	uint64_t calls[RSI_CALLS], unknown;
	uint64_t refused;		/* calls that ended in an error or a rejection */
	uint64_t to_ram, to_empty;	/* bytes converted */
};

/* ---- Launch (rmm.c) ----------------------------------------------------------------------- */

/* REALM_CREATE. host and ctx are borrowed. */
int rmm_create(const struct rmm_params *params, const struct rmm_host *host, void *ctx,
	struct rmm **out);
void rmm_destroy(struct rmm *rmm); /* NULL is fine */

/*
 * The host has memory for [base, base + size): at launch, or later for memory hotplug. Its state
 * is EMPTY. -EINVAL: unaligned, not in the protected half, overlapping; -ENOSPC, -ENOMEM.
 */
int rmm_add_ram(struct rmm *rmm, uint64_t base, uint64_t size);

/* RTT_INIT_RIPAS: RAM from now on, up to *next: the end of memory, or a page that has data. */
int rmm_init_ripas(struct rmm *rmm, uint64_t base, uint64_t top, uint64_t *next);
/* DATA_CREATE; content is measured if measure says so. The caller puts it into memory. */
int rmm_data_create(struct rmm *rmm, uint64_t ipa, const uint8_t content[RMM_PAGE], bool measure);
/* DATA_CREATE_UNKNOWN, at any time: a page whose content counts nowhere. */
int rmm_data_create_unknown(struct rmm *rmm, uint64_t ipa);
/* DATA_DESTROY: the host takes a page away; RAM becomes DESTROYED. */
int rmm_data_destroy(struct rmm *rmm, uint64_t ipa);
/* REC_CREATE; RECs come in the order of their MPIDR, 0 first. */
int rmm_rec_create(struct rmm *rmm, uint64_t mpidr, const struct rim_rec *rec);
int rmm_activate(struct rmm *rmm);

/* ---- Guest (rsi.c, rsi_mem.c, rsi_attest.c) ----------------------------------------------- */

/*
 * A call that a vCPU made; smc: by SMC, as RSI asks for. Results are in x; registers that the
 * function does not return stay as they were.
 */
void rmm_call(struct rmm *rmm, unsigned int rec, bool smc, uint64_t x[RMM_REGS]);

/* ---- Questions ---------------------------------------------------------------------------- */

/* What a guest access that ended in an exit or a fault means. */
enum rmm_fault {
	RMM_FAULT_MMIO,		/* unprotected, no RAM there: emulate at rmm_canon(ipa) */
	RMM_FAULT_SEA,		/* the realm gets a synchronous external abort */
	RMM_FAULT_DESTROYED,	/* the page is gone: hardware could not resume this vCPU */
	RMM_FAULT_HOST,		/* it should have worked: the host's mistake */
};

enum rmm_fault rmm_fault(const struct rmm *rmm, uint64_t ipa);
enum rmm_state rmm_state(const struct rmm *rmm);
uint64_t rmm_shared_bit(const struct rmm *rmm);
uint64_t rmm_canon(const struct rmm *rmm, uint64_t ipa); /* without that bit */
/* State of the page; EMPTY where there is no memory. */
enum rsi_ripas rmm_ripas(const struct rmm *rmm, uint64_t ipa);
/* Every byte of it is memory that the realm shares; ipa with or without the bit, len not 0. */
bool rmm_is_shared(const struct rmm *rmm, uint64_t ipa, uint64_t len);
uint64_t rmm_shared_bytes(const struct rmm *rmm);
void rmm_rim(const struct rmm *rmm, uint8_t out[RIM_MAX]);
const struct rmm_stats *rmm_stats(const struct rmm *rmm);

#endif
