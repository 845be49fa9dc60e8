/* SPDX-License-Identifier: Apache-2.0 */
/* Structures of SEV_ISSUE_CMD that uapi.h does not have: include/uapi/linux/psp-sev.h. */
#ifndef TEE_CSV_SOFT_ISSUE_H
#define TEE_CSV_SOFT_ISSUE_H

#include <stdint.h>

struct sev_pek_csr {
	uint64_t uaddr;
	uint32_t len;
} __attribute__((packed));

struct sev_pek_cert_import {
	uint64_t pek_uaddr;
	uint32_t pek_len;
	uint64_t oca_uaddr;
	uint32_t oca_len;
} __attribute__((packed));

struct sev_get_id2 {
	uint64_t uaddr;
	uint32_t len;
} __attribute__((packed));

_Static_assert(sizeof(struct sev_pek_csr) == 12, "kernel ABI");
_Static_assert(sizeof(struct sev_pek_cert_import) == 24, "kernel ABI");
_Static_assert(sizeof(struct sev_get_id2) == 12, "kernel ABI");

#endif
