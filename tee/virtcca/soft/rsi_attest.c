/* SPDX-License-Identifier: Apache-2.0 */
/* What a realm asks about itself: measurements, and tokens piece by piece. */
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "tee/virtcca/soft/realm.h"

#define VALUE_REGS 8	/* 64 bytes */

static void regs_to_bytes(const uint64_t *regs, uint8_t out[8 * VALUE_REGS])
{
	for (unsigned int i = 0; i < VALUE_REGS; i++)
		le_store(out + 8 * i, 8, regs[i]);
}

enum rsi_status rsi_measurement_read(struct rmm *rmm, uint64_t x[RMM_REGS])
{
	uint64_t index = x[1];
	const uint8_t *value;

	if (index > CCA_REMS) {
		memset(&x[1], 0, VALUE_REGS * sizeof(*x));
		return RSI_ERROR_INPUT;
	}
	value = index ? rmm->rem[index - 1] : rmm->rim.value;
	for (unsigned int i = 0; i < VALUE_REGS; i++)
		x[1 + i] = le_load(value + 8 * i, 8);
	return RSI_SUCCESS;
}

enum rsi_status rsi_measurement_extend(struct rmm *rmm, uint64_t x[RMM_REGS])
{
	uint64_t index = x[1], size = x[2];
	uint8_t value[8 * VALUE_REGS];

	if (!index || index > CCA_REMS || size > sizeof(value))
		return RSI_ERROR_INPUT;
	regs_to_bytes(&x[3], value);
	return rim_rem_extend(rmm->rim.hash, rmm->rem[index - 1], value, (size_t)size) < 0 ?
		RSI_ERROR_UNKNOWN : RSI_SUCCESS;
}

static void forget(struct realm_rec *rec)
{
	free(rec->token);
	*rec = (struct realm_rec){ 0 };
}

enum rsi_status rsi_token_init(struct rmm *rmm, unsigned int index, uint64_t x[RMM_REGS])
{
	struct realm_rec *rec = &rmm->recs[index];
	struct cca_realm_claims claims = { .hash = rmm->rim.hash };
	uint8_t *token = NULL;
	size_t len = 0;
	int r = -1;

	regs_to_bytes(&x[1], claims.challenge);
	memcpy(claims.rpv, rmm->rpv, sizeof(claims.rpv));
	memcpy(claims.rim, rmm->rim.value, sizeof(claims.rim));
	memcpy(claims.rem, rmm->rem, sizeof(claims.rem));
	/* Another one in progress is lost, as the specification says. */
	forget(rec);
	x[1] = 0;
	if (rmm->host->token)
		r = rmm->host->token(rmm->ctx, &claims, &token, &len);
	if (r < 0)
		return RSI_ERROR_UNKNOWN;
	*rec = (struct realm_rec){ .token = token, .token_len = len };
	x[1] = align_up(len, RMM_PAGE);
	return RSI_SUCCESS;
}

enum rsi_status rsi_token_continue(struct rmm *rmm, unsigned int index, uint64_t x[RMM_REGS])
{
	struct realm_rec *rec = &rmm->recs[index];
	uint64_t ipa = x[1], offset = x[2], size = x[3];
	size_t n = rec->token_len - rec->token_done;

	x[1] = 0;
	if (!realm_aligned(ipa) || rmm_ripas(rmm, ipa) != RSI_RAM || offset >= RMM_PAGE ||
	    size > RMM_PAGE - offset)
		return RSI_ERROR_INPUT;
	if (!rec->token)
		return RSI_ERROR_STATE;
	if (n > size)
		n = (size_t)size;
	if (n && rmm->host->write(rmm->ctx, ipa + offset, rec->token + rec->token_done, n) < 0)
		return RSI_ERROR_UNKNOWN;
	rec->token_done += n;
	x[1] = n;
	if (rec->token_done < rec->token_len)
		return RSI_INCOMPLETE;
	forget(rec);
	return RSI_SUCCESS;
}
