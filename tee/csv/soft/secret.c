/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LAUNCH_SECRET (SEV API, LAUNCH_UPDATE_SECRET): the owner's packet, opened and stored where
 * the host says, inside the guest's memory.
 *
 * Replay. A packet is bound to one launch by the measurement in its MAC, whose nonce is fresh.
 * Within that launch the specification has no rule: firmware takes the same packet again, also
 * for another address, which no MAC covers. Ours refuses it (SECURE_DATA_INVALID), as a host
 * has no honest reason to place one secret twice.
 */
#include "tee/csv/soft/fw.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#define ALIGNMENT 16

static bool seen(const struct soft_guest *g, const uint8_t mac[ALG_HASH_LEN])
{
	for (unsigned int i = 0; i < g->nr_secrets; i++)
		if (alg_equal(g->seen[i], mac, ALG_HASH_LEN))
			return true;
	return false;
}

/* Lengths and address: sev-csv.md 4.5. */
static int check_packet(const struct soft_psp *psp, const struct fw_launch_secret *s,
	const struct sev_secret_header *h)
{
	if (s->guest_len < ALIGNMENT || s->guest_len > SEV_SECRET_MAX || s->guest_len % ALIGNMENT)
		return SEV_RET_INVALID_LEN;
	/* Compressed packets exist in the specification only; no tool makes them. */
	if (le32_get(h->flags) & 1)
		return SEV_RET_UNSUPPORTED;
	if (le32_get(h->flags) & ~psp->model->secret_flags)
		return SEV_RET_INVALID_PARAM;
	if (s->trans_len != s->guest_len)
		return SEV_RET_INVALID_LEN;
	if (s->guest_addr % ALIGNMENT)
		return SEV_RET_INVALID_ADDRESS;
	return 0;
}

static int store(const struct soft_memory *mem, uint64_t addr, const void *text, uint32_t len)
{
	if (mem->ops)
		return mem->ops->write_private(mem->ctx, addr, text, len);
	memcpy((void *)(uintptr_t)addr, text, len);
	return 0;
}

int fw_launch_secret(struct soft_psp *psp, uint32_t handle, const struct soft_memory *mem,
	const struct fw_launch_secret *secret)
{
	struct sev_secret_header header;
	uint8_t text[SEV_SECRET_MAX];
	struct soft_guest *g;
	int r = fw_guest_in(psp, handle, BIT_U32(SEV_GSTATE_LSECRET), &g);

	if (r)
		return r;
	if (!g->asid)
		return SEV_RET_INACTIVE;
	if (secret->hdr_len != sizeof(header))
		return SEV_RET_INVALID_LEN;
	memcpy(&header, secret->hdr, sizeof(header));
	r = check_packet(psp, secret, &header);
	if (r)
		return r;
	r = sev_secret_open(psp->model->alg, &g->tk, g->measure.measure, &header, secret->trans,
		secret->trans_len, text, secret->guest_len, NULL);
	if (r == -EBADMSG)
		r = SEV_RET_BAD_MEASUREMENT;
	else if (r == -EINVAL)
		r = SEV_RET_INVALID_PARAM;
	else if (r < 0)
		r = soft_fw_error(r);
	else if (seen(g, header.mac))
		r = SEV_RET_SECURE_DATA_INVALID;
	else if (g->nr_secrets == SOFT_MAX_SECRETS)
		r = SEV_RET_RESOURCE_LIMIT;
	else
		r = store(mem, secret->guest_addr, text, secret->guest_len);
	OPENSSL_cleanse(text, sizeof(text));
	if (!r)
		memcpy(g->seen[g->nr_secrets++], header.mac, ALG_HASH_LEN);
	return r;
}
