/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/sev_launch.h"

#include <errno.h>

#include "attest/ovmf_table.h"
#include "base/err.h"
#include "tvm.h"

static int check(const struct sev_launch *launch, struct ovmf_table *table, struct tvm_error *err)
{
	int r = ovmf_table_read(launch->firmware.data, launch->firmware.len, table, err);
	bool absent = r == -ENOENT;

	if (absent)
		*table = (struct ovmf_table){ 0 };
	else if (r < 0)
		return r;
	if (launch->hashes && !absent && table->hashes.size < SEV_HASHES_LEN)
		return err_set(err, -EINVAL, "the firmware has no place for a hash table; it would "
			"start whatever kernel it is given");
	if (!launch->es)
		return 0;
	if (!launch->vcpus || launch->vcpus > SEV_LAUNCH_MAX_VCPUS)
		return err_set(err, -EINVAL, "%u vCPUs; 1 to %u can be measured", launch->vcpus,
			SEV_LAUNCH_MAX_VCPUS);
	if (launch->vcpus > 1 && !table->ap_reset)
		return err_set(err, -EINVAL, "the firmware says no start address for "
			"further vCPUs");
	return 0;
}

static int add_vmsas(struct alg_running *run, const struct sev_launch *launch, uint32_t ap_reset)
{
	struct sev_vmsa vmsa = {
		.start = SEV_RESET_VECTOR,
		.cpu_sig = launch->cpu_sig,
		.features = launch->vmsa_features,
		.legacy = launch->vmsa_legacy,
	};
	uint8_t page[SEV_VMSA_LEN];
	int r = 0;

	for (unsigned int i = 0; !r && i < launch->vcpus; i++) {
		sev_vmsa_page(&vmsa, page);
		r = alg_running_add(run, page, sizeof(page));
		vmsa.start = ap_reset;
	}
	return r;
}

int sev_launch_digest(const struct sev_launch *launch, uint8_t digest[ALG_HASH_LEN],
	struct tvm_error *err)
{
	uint8_t hashes[SEV_HASHES_LEN];
	struct alg_running *run = NULL;
	struct ovmf_table table;
	int r = check(launch, &table, err);

	if (r < 0)
		return r;
	r = alg_running_new(launch->alg, &run);
	r = r < 0 ? r : alg_running_add(run, launch->firmware.data, launch->firmware.len);
	if (!r && launch->hashes) {
		sev_hashes_table(launch->hashes, hashes);
		r = alg_running_add(run, hashes, sizeof(hashes));
	}
	if (!r && launch->es)
		r = add_vmsas(run, launch, table.ap_reset);
	r = r < 0 ? r : alg_running_get(run, digest);
	alg_running_free(run);
	return r < 0 ? err_set(err, r, "launch digest: libcrypto failed") : 0;
}
