/* SPDX-License-Identifier: Apache-2.0 */
/* What may be asked about a guest, or done to it, beside launching it. */
#include "tee/csv/soft/fw.h"

#include <errno.h>
#include <string.h>

#include "tee/csv/soft/keys.h"

int fw_attestation_report(struct soft_psp *psp, uint32_t handle, const uint8_t mnonce[16],
	struct sev_report *out, uint32_t *len)
{
	struct sev_report report = { 0 };
	struct soft_guest *g;
	int r = fw_guest_in(psp, handle, BIT_U32(SEV_GSTATE_LUPDATE) |
		BIT_U32(SEV_GSTATE_LSECRET) | BIT_U32(SEV_GSTATE_RUNNING), &g);

	if (r)
		return r;
	if (*len < sizeof(report)) {
		*len = sizeof(report);
		return SEV_RET_INVALID_LEN;
	}
	*len = sizeof(report);
	memcpy(report.mnonce, mnonce, sizeof(report.mnonce));
	report.policy = le32_make(g->policy);
	r = alg_running_get(g->digest, report.digest);
	if (!r)
		r = sev_report_sign(&report, psp->model->alg, psp->keys->pek);
	if (r < 0)
		return soft_fw_error(r);
	*out = report;
	return 0;
}

int fw_dbg(struct soft_psp *psp, uint32_t handle)
{
	struct soft_guest *g;
	int r = fw_guest_in(psp, handle, BIT_U32(SEV_GSTATE_RUNNING), &g);

	if (r)
		return r;
	return g->policy & SEV_POLICY_NODBG ? SEV_RET_POLICY_FAILURE : 0;
}

int fw_send_start(struct soft_psp *psp, uint32_t handle)
{
	struct soft_guest *g;
	int r = fw_guest_in(psp, handle, BIT_U32(SEV_GSTATE_RUNNING), &g);

	if (r)
		return r;
	return g->policy & SEV_POLICY_NOSEND ? SEV_RET_POLICY_FAILURE : SEV_RET_UNSUPPORTED;
}
