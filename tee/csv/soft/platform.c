/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The platform's commands and its states (SEV API, chapter 5):
 *
 *	UNINIT --INIT--> INIT --first LAUNCH_START--> WORKING --last DECOMMISSION--> INIT
 *
 * with SHUTDOWN back to UNINIT from everywhere.
 */
#include "tee/csv/soft/fw.h"

#include <errno.h>
#include <string.h>

#include "tee/csv/soft/keys.h"

int fw_init(struct soft_psp *psp, bool es)
{
	if (psp->state != SOFT_UNINIT)
		return SEV_RET_INVALID_PLATFORM_STATE;
	psp->es = es;
	psp->state = SOFT_INIT;
	return 0;
}

int fw_shutdown(struct soft_psp *psp)
{
	for (unsigned int i = 0; i < SOFT_MAX_GUESTS; i++)
		fw_guest_free(&psp->guests[i]);
	psp->es = false;
	psp->state = SOFT_UNINIT;
	return 0;
}

int fw_factory_reset(struct soft_psp *psp)
{
	if (psp->state == SOFT_WORKING)
		return SEV_RET_INVALID_PLATFORM_STATE;
	return soft_fw_error(keys_reset(&psp->keys));
}

void fw_platform_status(const struct soft_psp *psp, struct sev_platform_status *out)
{
	*out = (struct sev_platform_status){
		.api_major = psp->model->api_major,
		.api_minor = psp->model->api_minor,
		.state = (uint8_t)psp->state,
		.flags = (psp->keys->owned ? SOFT_FLAG_OWNED : 0) | (psp->es ? SOFT_FLAG_ES : 0),
		.build = psp->model->build,
		.guest_count = fw_guest_count(psp),
	};
}

int fw_pek_gen(struct soft_psp *psp)
{
	if (psp->state != SOFT_INIT)
		return SEV_RET_INVALID_PLATFORM_STATE;
	if (psp->keys->owned)
		return SEV_RET_ALREADY_OWNED;
	return soft_fw_error(keys_new_pek(&psp->keys));
}

/* The PEK's certificate without signatures, for the owner to sign. */
int fw_pek_csr(struct soft_psp *psp, struct sev_cert *out)
{
	if (psp->state == SOFT_UNINIT)
		return SEV_RET_INVALID_PLATFORM_STATE;
	return soft_fw_error(sev_cert_build(out, psp->model->alg, SEV_USAGE_PEK, psp->keys->pek,
		psp->model->api_major, psp->model->api_minor));
}

/* Whether oca is self-signed and signed pek, which has to be our PEK's certificate. */
static int check_import(const struct soft_psp *psp, const struct sev_cert *pek,
	const struct sev_cert *oca)
{
	const struct sev_cert *own = &psp->keys->chain.pek;
	enum attest_alg alg = psp->model->alg;
	struct key *key = NULL;
	int r = 0;

	if (sev_cert_check(pek, alg, SEV_USAGE_PEK, NULL) ||
	    memcmp(&pek->pubkey, &own->pubkey, sizeof(pek->pubkey)) ||
	    sev_cert_key(oca, alg, SEV_USAGE_OCA, &key, NULL))
		return SEV_RET_INVALID_CERTIFICATE;
	if (sev_cert_verify(oca, alg, key, SEV_USAGE_OCA, NULL) ||
	    sev_cert_verify(pek, alg, key, SEV_USAGE_OCA, NULL))
		r = SEV_RET_BAD_SIGNATURE;
	key_free(key);
	return r;
}

int fw_pek_cert_import(struct soft_psp *psp, const struct sev_cert *pek,
	const struct sev_cert *oca)
{
	int r;

	if (psp->state != SOFT_INIT)
		return SEV_RET_INVALID_PLATFORM_STATE;
	if (psp->keys->owned)
		return SEV_RET_ALREADY_OWNED;
	r = check_import(psp, pek, oca);
	return r ? r : soft_fw_error(keys_import(&psp->keys, pek, oca));
}

int fw_pdh_gen(struct soft_psp *psp)
{
	if (psp->state == SOFT_UNINIT)
		return SEV_RET_INVALID_PLATFORM_STATE;
	return soft_fw_error(keys_new_pdh(&psp->keys));
}

int fw_pdh_cert_export(struct soft_psp *psp, struct sev_cert *pdh, struct sev_cert_chain *chain)
{
	int r;

	if (psp->state == SOFT_UNINIT)
		return SEV_RET_INVALID_PLATFORM_STATE;
	r = keys_certify(psp->keys);
	if (r < 0)
		return soft_fw_error(r);
	*pdh = psp->keys->pdh_cert;
	*chain = psp->keys->chain;
	return 0;
}
