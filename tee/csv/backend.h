/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who answers the SEV and CSV commands: the kernel and its secure processor (backend_kvm.c), or
 * the software one (soft/). The launch flow in csv.c is written once against this interface;
 * commands and structures are those of the kernel (uapi.h).
 */
#ifndef TEE_CSV_BACKEND_H
#define TEE_CSV_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tee/csv/uapi.h"

struct kvm_vm;
struct tvm_error;

struct sev_backend_ops {
	const char *name;		/* "hw", "soft" */
	/*
	 * KVM_MEMORY_ENCRYPT_OP: id with its data structure (NULL where it has none). 0, or a
	 * negative errno as the kernel gives it; -EIO comes with the firmware's status in
	 * *status (SEV_RET_*). Lengths in data are written back also on failure.
	 */
	int (*op)(void *ctx, enum sev_guest_cmd id, void *data, uint32_t *status);
	/* SEV_ISSUE_CMD on /dev/sev, the same way. */
	int (*platform)(void *ctx, enum sev_platform_cmd cmd, void *data, uint32_t *status);
	/* KVM_MEMORY_ENCRYPT_REG_REGION of host addresses. */
	int (*reg_region)(void *ctx, uint64_t uaddr, uint64_t size);
	void (*close)(void *ctx);	/* the guest is decommissioned */
};

struct sev_backend {
	const struct sev_backend_ops *ops;
	void *ctx;			/* owned */
};

/* The kernel's. kvm is borrowed; /dev/sev is opened. */
int sev_backend_kvm_open(struct kvm_vm *kvm, struct sev_backend *out, struct tvm_error *err);

/* What the software processor does to guest memory; host addresses are those it was given. */
struct soft_memory_ops {
	/* [uaddr, uaddr + len) was measured: it belongs to the guest from now on. */
	int (*make_private)(void *ctx, uint64_t uaddr, uint64_t len);
	/* Store bytes behind the private view of uaddr; -EFAULT outside guest memory. */
	int (*write_private)(void *ctx, uint64_t uaddr, const void *src, uint64_t len);
	/* VMSA pages for an ES guest, in vCPU order: page of vCPU index; -ENOENT past the last. */
	int (*vmsa)(void *ctx, unsigned int index, uint8_t page[4096]);
};

struct soft_opts {
	const char *dir;	/* keys and certificates live here; NULL: made for this run only */
	bool csv;		/* SM2, SM3, SM4 instead of P-384, SHA-256, AES */
	bool delays;		/* cost model: take as long as real firmware does */
	const struct soft_memory_ops *memory;
	void *memory_ctx;	/* borrowed */
};

/* The software secure processor. dir is made 0700 when absent. */
int sev_backend_soft_open(const struct soft_opts *opts, struct sev_backend *out,
	struct tvm_error *err);

/* Name of a firmware status ("BAD_MEASUREMENT") and what usually helps; never NULL. */
const char *sev_status_name(uint32_t status);
const char *sev_status_remedy(uint32_t status);

#endif
