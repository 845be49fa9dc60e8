/* SPDX-License-Identifier: Apache-2.0 */
/* A processor as an object: power on, power off. */
#include "tee/csv/soft/soft.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "base/err.h"
#include "tee/csv/soft/fw.h"
#include "tee/csv/soft/keys.h"

int soft_psp_create(const char *dir, bool csv, bool delays, struct soft_psp **out,
	struct tvm_error *err)
{
	struct soft_psp *psp = calloc(1, sizeof(*psp));
	int r;

	if (!psp)
		return err_set(err, -ENOMEM, "soft platform: out of memory");
	psp->model = csv ? &soft_model_csv : &soft_model_sev;
	psp->delays = delays;
	r = keys_open(dir, psp->model, &psp->keys, err);
	if (r < 0) {
		soft_psp_destroy(psp);
		return r;
	}
	*out = psp;
	return 0;
}

void soft_psp_destroy(struct soft_psp *psp)
{
	if (!psp)
		return;
	for (unsigned int i = 0; i < SOFT_MAX_GUESTS; i++)
		fw_guest_free(&psp->guests[i]);
	keys_free(psp->keys);
	OPENSSL_cleanse(psp, sizeof(*psp));
	free(psp);
}

int soft_fw_error(int r)
{
	return r < 0 ? SEV_RET_HWSEV_RET_PLATFORM : r;
}
