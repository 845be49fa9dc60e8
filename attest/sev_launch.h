/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The expected launch digest, offline: what a launch measures, in its order.
 *
 *	firmware image | hash table, when a kernel is given | VMSA of each vCPU, when ES
 */
#ifndef ATTEST_SEV_LAUNCH_H
#define ATTEST_SEV_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>

#include "attest/alg.h"
#include "attest/sev_hashes.h"
#include "attest/sev_vmsa.h"

struct tvm_error;

#define SEV_LAUNCH_MAX_VCPUS 512

struct sev_launch {
	enum attest_alg alg;
	bool es;			/* SEV-ES, CSV2 */
	struct alg_part firmware;
	const struct sev_hashes *hashes; /* NULL: no hash table */
	unsigned int vcpus;		/* for es */
	uint32_t cpu_sig;		/* for es, see sev_vmsa.h */
	uint64_t vmsa_features;
	bool vmsa_legacy;
};

/*
 * -EINVAL: the firmware takes no hash table, or says no AP reset address for several vCPUs.
 * When the firmware has no table at all, hashes and a single vCPU still work.
 */
int sev_launch_digest(const struct sev_launch *launch, uint8_t digest[ALG_HASH_LEN],
	struct tvm_error *err);

#endif
