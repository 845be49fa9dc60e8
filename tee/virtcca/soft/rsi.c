/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of a realm: DEN0137 1.0, B5.3. Dispatch, and the short ones. */
#include <string.h>

#include "base/le.h"
#include "tee/virtcca/soft/realm.h"

/* RsiRealmConfig, RsiHostCall: B5.4 */
enum {
	CONFIG_IPA_WIDTH = 0, CONFIG_HASH = 8, CONFIG_RPV = 0x200, CONFIG_ALIGN = 4096,
	HOST_CALL_IMM = 0, HOST_CALL_GPR0 = 8, HOST_CALL_LEN = 256,
};

static enum rsi_status version(uint64_t x[RMM_REGS])
{
	bool supported = x[1] == RSI_VERSION_1_0;

	x[1] = x[2] = RSI_VERSION_1_0;
	return supported ? RSI_SUCCESS : RSI_ERROR_INPUT;
}

/* Every feature register of an RMM 1.0 is zero. */
static enum rsi_status features(uint64_t x[RMM_REGS])
{
	x[1] = 0;
	return RSI_SUCCESS;
}

static enum rsi_status realm_config(struct rmm *rmm, uint64_t x[RMM_REGS])
{
	uint8_t page[CONFIG_ALIGN] = { 0 };
	uint64_t ipa = x[1];

	if (!realm_aligned(ipa) || rmm_ripas(rmm, ipa) != RSI_RAM)
		return RSI_ERROR_INPUT;
	le_store(page + CONFIG_IPA_WIDTH, 8, rmm->rim.s2sz);
	page[CONFIG_HASH] = (uint8_t)rmm->rim.hash;
	memcpy(page + CONFIG_RPV, rmm->rpv, sizeof(rmm->rpv));
	return rmm->host->write(rmm->ctx, ipa, page, sizeof(page)) < 0 ? RSI_ERROR_UNKNOWN :
		RSI_SUCCESS;
}

static enum rsi_status host_call(struct rmm *rmm, unsigned int rec, uint64_t x[RMM_REGS])
{
	uint64_t ipa = x[1], gprs[RSI_HOST_CALL_GPRS];
	uint8_t call[HOST_CALL_LEN];

	if (ipa & (HOST_CALL_LEN - 1) || rmm_ripas(rmm, ipa) != RSI_RAM)
		return RSI_ERROR_INPUT;
	if (!rmm->host->host_call)
		return RSI_SUCCESS;
	if (rmm->host->read(rmm->ctx, ipa, call, sizeof(call)) < 0)
		return RSI_ERROR_UNKNOWN;
	for (unsigned int i = 0; i < RSI_HOST_CALL_GPRS; i++)
		gprs[i] = le_load(call + HOST_CALL_GPR0 + 8 * i, 8);
	rmm->host->host_call(rmm->ctx, rec, (uint16_t)le_load(call + HOST_CALL_IMM, 2), gprs);
	for (unsigned int i = 0; i < RSI_HOST_CALL_GPRS; i++)
		le_store(call + HOST_CALL_GPR0 + 8 * i, 8, gprs[i]);
	return rmm->host->write(rmm->ctx, ipa + HOST_CALL_GPR0, call + HOST_CALL_GPR0,
		sizeof(call) - HOST_CALL_GPR0) < 0 ? RSI_ERROR_UNKNOWN : RSI_SUCCESS;
}

static enum rsi_status serve(struct rmm *rmm, unsigned int rec, enum rsi_call call,
	uint64_t x[RMM_REGS])
{
	switch (call) {
	case RSI_VERSION: return version(x);
	case RSI_FEATURES: return features(x);
	case RSI_MEASUREMENT_READ: return rsi_measurement_read(rmm, x);
	case RSI_MEASUREMENT_EXTEND: return rsi_measurement_extend(rmm, x);
	case RSI_ATTESTATION_TOKEN_INIT: return rsi_token_init(rmm, rec, x);
	case RSI_ATTESTATION_TOKEN_CONTINUE: return rsi_token_continue(rmm, rec, x);
	case RSI_REALM_CONFIG: return realm_config(rmm, x);
	case RSI_IPA_STATE_SET: return rsi_ipa_state_set(rmm, x);
	case RSI_IPA_STATE_GET: return rsi_ipa_state_get(rmm, x);
	case RSI_HOST_CALL: return host_call(rmm, rec, x);
	case RSI_CALLS: break;
	}
	return RSI_ERROR_UNKNOWN;
}

void rmm_call(struct rmm *rmm, unsigned int rec, bool smc, uint64_t x[RMM_REGS])
{
	uint32_t call = (uint32_t)x[0] - RSI_FID_FIRST;	/* SMCCC: the id is in w0 */
	enum rsi_status s;

	if (!smc || call >= RSI_CALLS || rmm->state != RMM_ACTIVE || rec >= rmm->nr_recs) {
		rmm->stats.unknown++;
		x[0] = RSI_NOT_SUPPORTED;
		return;
	}
	rmm->stats.calls[call]++;
	s = serve(rmm, rec, (enum rsi_call)call, x);
	if ((s != RSI_SUCCESS && s != RSI_INCOMPLETE) ||
	    (call == RSI_IPA_STATE_SET && x[2] == RSI_REJECT))
		rmm->stats.refused++;
	x[0] = s;
}
