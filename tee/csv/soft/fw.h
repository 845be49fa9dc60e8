/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The firmware's commands: SEV API specification, chapters 5 (platform) and 6 (guest). Buffers
 * are private copies of the caller's, so nothing changes while it is checked. Results as in
 * soft.h.
 */
#ifndef TEE_CSV_SOFT_FW_H
#define TEE_CSV_SOFT_FW_H

#include "attest/sev_report.h"
#include "attest/sev_secret.h"
#include "tee/csv/soft/soft.h"

/* ---- platform.c: the platform ----------------------------------------------------------- */

int fw_init(struct soft_psp *psp, bool es);
int fw_shutdown(struct soft_psp *psp);
int fw_factory_reset(struct soft_psp *psp);
void fw_platform_status(const struct soft_psp *psp, struct sev_platform_status *out);
int fw_pek_gen(struct soft_psp *psp);
int fw_pek_csr(struct soft_psp *psp, struct sev_cert *out);
int fw_pek_cert_import(struct soft_psp *psp, const struct sev_cert *pek,
	const struct sev_cert *oca);
int fw_pdh_gen(struct soft_psp *psp);
int fw_pdh_cert_export(struct soft_psp *psp, struct sev_cert *pdh, struct sev_cert_chain *chain);

/* ---- guest.c: guest contexts ------------------------------------------------------------ */

/* The guest of a handle; NULL: no such guest (INVALID_GUEST). */
struct soft_guest *fw_guest(struct soft_psp *psp, uint32_t handle);
/* A free context under a new handle, not yet in the table's count; NULL: RESOURCE_LIMIT. */
struct soft_guest *fw_guest_alloc(struct soft_psp *psp);
void fw_guest_free(struct soft_guest *g);
unsigned int fw_guest_count(const struct soft_psp *psp);

/*
 * Platform WORKING and guest in one of the states of mask (BIT_U32(enum sev_gstate)); *out then.
 * Else the status to answer with.
 */
int fw_guest_in(struct soft_psp *psp, uint32_t handle, uint32_t mask, struct soft_guest **out);

int fw_activate(struct soft_psp *psp, uint32_t handle, uint32_t asid);
int fw_deactivate(struct soft_psp *psp, uint32_t handle);
int fw_decommission(struct soft_psp *psp, uint32_t handle);
int fw_guest_status(struct soft_psp *psp, uint32_t handle, struct sev_guest_status *out);

/* ---- launch.c --------------------------------------------------------------------------- */

struct fw_launch_start {
	uint32_t handle;		/* in: 0, or whose key to share; out: the new guest */
	uint32_t policy;
	const void *dh;			/* NULL with dh_len 0: none */
	size_t dh_len;
	const void *session;
	size_t session_len;
};

int fw_launch_start(struct soft_psp *psp, struct fw_launch_start *start);
/* Measure bytes that stand still, then hand them to the guest. */
int fw_launch_update_data(struct soft_psp *psp, uint32_t handle, const struct soft_memory *mem,
	uint64_t addr, uint32_t len);
int fw_launch_update_vmsa(struct soft_psp *psp, uint32_t handle, const uint8_t *pages,
	unsigned int nr);
/* *len: size of the caller's buffer; afterwards, unless the state is wrong, what is needed. */
int fw_launch_measure(struct soft_psp *psp, uint32_t handle, struct sev_measure *out,
	uint32_t *len);
int fw_launch_finish(struct soft_psp *psp, uint32_t handle);

/* ---- secret.c --------------------------------------------------------------------------- */

struct fw_launch_secret {
	const void *hdr;
	size_t hdr_len;
	uint64_t guest_addr;
	uint32_t guest_len;
	const void *trans;
	size_t trans_len;
};

int fw_launch_secret(struct soft_psp *psp, uint32_t handle, const struct soft_memory *mem,
	const struct fw_launch_secret *secret);

/* ---- report.c: attestation report, debugging, migration --------------------------------- */

int fw_attestation_report(struct soft_psp *psp, uint32_t handle, const uint8_t mnonce[16],
	struct sev_report *out, uint32_t *len);
/* Policy and state only: may the host decrypt or encrypt memory of this guest? */
int fw_dbg(struct soft_psp *psp, uint32_t handle);
/* SEND_START, the first step of a migration, which software does not do. */
int fw_send_start(struct soft_psp *psp, uint32_t handle);

#endif
