/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest contexts and their states (SEV API, chapter 6):
 *
 *	UNINIT --LAUNCH_START--> LUPDATE --LAUNCH_MEASURE--> LSECRET --LAUNCH_FINISH--> RUNNING
 *
 * Handles count up and are not used again: a stale one is INVALID_GUEST, not another guest.
 */
#include "tee/csv/soft/fw.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

struct soft_guest *fw_guest(struct soft_psp *psp, uint32_t handle)
{
	for (unsigned int i = 0; handle && i < SOFT_MAX_GUESTS; i++)
		if (psp->guests[i].handle == handle)
			return &psp->guests[i];
	return NULL;
}

struct soft_guest *fw_guest_alloc(struct soft_psp *psp)
{
	if (psp->last_handle == UINT32_MAX)
		return NULL;
	for (unsigned int i = 0; i < SOFT_MAX_GUESTS; i++)
		if (!psp->guests[i].handle)
			return &psp->guests[i];
	return NULL;
}

void fw_guest_free(struct soft_guest *g)
{
	alg_running_free(g->digest);
	OPENSSL_cleanse(g, sizeof(*g));
}

unsigned int fw_guest_count(const struct soft_psp *psp)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < SOFT_MAX_GUESTS; i++)
		n += psp->guests[i].handle != 0;
	return n;
}

int fw_guest_in(struct soft_psp *psp, uint32_t handle, uint32_t mask, struct soft_guest **out)
{
	struct soft_guest *g = fw_guest(psp, handle);

	/*
	 * A platform without guests is not WORKING, so an unknown handle could be answered with
	 * either code; KVM's callers learn more from the one about the guest.
	 */
	if (psp->state == SOFT_UNINIT)
		return SEV_RET_INVALID_PLATFORM_STATE;
	if (!g)
		return SEV_RET_INVALID_GUEST;
	if (g->broken || !(mask & BIT_U32(g->state)))
		return SEV_RET_INVALID_GUEST_STATE;
	*out = g;
	return 0;
}

int fw_activate(struct soft_psp *psp, uint32_t handle, uint32_t asid)
{
	struct soft_guest *g = fw_guest(psp, handle);

	if (psp->state != SOFT_WORKING)
		return SEV_RET_INVALID_PLATFORM_STATE;
	if (!g)
		return SEV_RET_INVALID_GUEST;
	if (g->asid)
		return SEV_RET_ACTIVE;
	/* Hardware runs a guest with encrypted state if and only if its ASID is a low one. */
	if (!asid || asid > SOFT_MAX_ASID ||
	    (asid < SOFT_MIN_SEV_ASID) != !!(g->policy & SEV_POLICY_ES))
		return SEV_RET_INVALID_ASID;
	for (unsigned int i = 0; i < SOFT_MAX_GUESTS; i++)
		if (psp->guests[i].handle && psp->guests[i].asid == asid)
			return SEV_RET_ASID_OWNED;
	g->asid = asid;
	return 0;
}

int fw_deactivate(struct soft_psp *psp, uint32_t handle)
{
	struct soft_guest *g = fw_guest(psp, handle);

	if (psp->state != SOFT_WORKING)
		return SEV_RET_INVALID_PLATFORM_STATE;
	if (!g)
		return SEV_RET_INVALID_GUEST;
	g->asid = 0;
	return 0;
}

int fw_decommission(struct soft_psp *psp, uint32_t handle)
{
	struct soft_guest *g = fw_guest(psp, handle);

	if (psp->state != SOFT_WORKING)
		return SEV_RET_INVALID_PLATFORM_STATE;
	if (!g)
		return SEV_RET_INVALID_GUEST;
	if (g->asid)
		return SEV_RET_ACTIVE;
	fw_guest_free(g);
	if (!fw_guest_count(psp))
		psp->state = SOFT_INIT;
	return 0;
}

int fw_guest_status(struct soft_psp *psp, uint32_t handle, struct sev_guest_status *out)
{
	struct soft_guest *g = fw_guest(psp, handle);

	if (psp->state == SOFT_UNINIT)
		return SEV_RET_INVALID_PLATFORM_STATE;
	if (!g)
		return SEV_RET_INVALID_GUEST;
	*out = (struct sev_guest_status){
		.handle = g->handle, .policy = g->policy, .state = g->state,
	};
	return 0;
}
