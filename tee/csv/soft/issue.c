/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEV_ISSUE_CMD on /dev/sev as linux/drivers/crypto/ccp/sev-dev.c answers it: initialises the
 * platform when a command needs it, shuts it down for a factory reset. The caller counts as
 * privileged and as having the device open for writing.
 */
#include "tee/csv/soft/issue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tee/csv/soft/fw.h"
#include "tee/csv/soft/keys.h"
#include "tee/csv/soft/vm.h"

static int need_init(struct soft_psp *psp)
{
	return psp->state == SOFT_UNINIT ? fw_init(psp, true) : 0;
}

static int factory_reset(struct soft_psp *psp)
{
	int r;

	if (psp->state == SOFT_WORKING)
		return -EBUSY;
	r = fw_factory_reset(psp);
	/* Linux shuts down first; here last, so that a failure leaves all as it was. */
	return r ? r : fw_shutdown(psp);
}

static int status(struct soft_psp *psp, void *data)
{
	struct sev_platform_status out;

	fw_platform_status(psp, &out);
	memcpy(data, &out, sizeof(out));
	return 0;
}

static int pek_csr(struct soft_psp *psp, void *data)
{
	struct sev_pek_csr in;
	struct sev_cert csr;
	bool fits;
	int r;

	memcpy(&in, data, sizeof(in));
	if (in.len > SEV_BLOB_MAX)
		return -EFAULT;
	fits = in.uaddr && in.len >= sizeof(csr);
	r = fits ? fw_pek_csr(psp, &csr) : SEV_RET_INVALID_LEN;
	if (!r)
		memcpy((void *)(uintptr_t)in.uaddr, &csr, sizeof(csr));
	in.len = sizeof(csr);
	memcpy(data, &in, sizeof(in));
	return r;
}

static int pdh_cert_export(struct soft_psp *psp, void *data)
{
	struct sev_pdh_cert_export in;
	struct sev_cert_chain chain;
	struct sev_cert pdh;
	bool fits;
	int r;

	memcpy(&in, data, sizeof(in));
	if (in.pdh_len > SEV_BLOB_MAX || in.chain_len > SEV_BLOB_MAX)
		return -EFAULT;
	fits = in.pdh_uaddr && in.chain_uaddr && in.pdh_len >= sizeof(pdh) &&
		in.chain_len >= sizeof(chain);
	r = fits ? fw_pdh_cert_export(psp, &pdh, &chain) : SEV_RET_INVALID_LEN;
	if (!r) {
		memcpy((void *)(uintptr_t)in.pdh_uaddr, &pdh, sizeof(pdh));
		memcpy((void *)(uintptr_t)in.chain_uaddr, &chain, sizeof(chain));
	}
	in.pdh_len = sizeof(pdh);
	in.chain_len = sizeof(chain);
	memcpy(data, &in, sizeof(in));
	return r;
}

static int pek_cert_import(struct soft_psp *psp, const void *data)
{
	_cleanup_free_ void *pek_blob = NULL;
	_cleanup_free_ void *oca_blob = NULL;
	struct sev_pek_cert_import in;
	struct sev_cert pek, oca;
	int r;

	memcpy(&in, data, sizeof(in));
	r = soft_copy_blob(in.pek_uaddr, in.pek_len, &pek_blob);
	if (!r)
		r = soft_copy_blob(in.oca_uaddr, in.oca_len, &oca_blob);
	if (r < 0)
		return r;
	if (in.pek_len != sizeof(pek) || in.oca_len != sizeof(oca))
		return SEV_RET_INVALID_LEN;
	memcpy(&pek, pek_blob, sizeof(pek));
	memcpy(&oca, oca_blob, sizeof(oca));
	return fw_pek_cert_import(psp, &pek, &oca);
}

static int get_id2(struct soft_psp *psp, void *data)
{
	struct sev_get_id2 in;
	int r = SEV_RET_INVALID_LEN;

	memcpy(&in, data, sizeof(in));
	if (in.uaddr && in.len >= SOFT_CHIP_ID_LEN) {
		memcpy((void *)(uintptr_t)in.uaddr, psp->keys->chip_id, SOFT_CHIP_ID_LEN);
		r = 0;
	}
	in.len = SOFT_CHIP_ID_LEN;
	memcpy(data, &in, sizeof(in));
	return r;
}

static int dispatch(struct soft_psp *psp, enum sev_platform_cmd cmd, void *data)
{
	int r;

	switch (cmd) {
	case SEV_PLATFORM_FACTORY_RESET:
		return factory_reset(psp);
	case SEV_PLATFORM_STATUS:
		return data ? status(psp, data) : -EFAULT;
	case SEV_PLATFORM_GET_ID2:
		return data ? get_id2(psp, data) : -EFAULT;
	case SEV_PLATFORM_PEK_GEN:
	case SEV_PLATFORM_PDH_GEN:
		break;
	case SEV_PLATFORM_PEK_CSR:
	case SEV_PLATFORM_PDH_CERT_EXPORT:
	case SEV_PLATFORM_PEK_CERT_IMPORT:
		if (!data)
			return -EFAULT;
		break;
	default:
		return -EINVAL;
	}
	r = need_init(psp);
	if (r)
		return r;
	switch (cmd) {
	case SEV_PLATFORM_PEK_GEN:
		return fw_pek_gen(psp);
	case SEV_PLATFORM_PDH_GEN:
		return fw_pdh_gen(psp);
	case SEV_PLATFORM_PEK_CSR:
		return pek_csr(psp, data);
	case SEV_PLATFORM_PDH_CERT_EXPORT:
		return pdh_cert_export(psp, data);
	default:
		return pek_cert_import(psp, data);
	}
}

int soft_issue(void *ctx, enum sev_platform_cmd cmd, void *data, uint32_t *status_out)
{
	struct soft_vm *vm = ctx;
	int r = dispatch(vm->psp, cmd, data);

	if (!r)
		soft_delay_platform(vm->psp, cmd);
	return soft_answer(r, status_out);
}
