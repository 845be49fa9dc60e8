/* SPDX-License-Identifier: Apache-2.0 */
/* A machine as the kernel sees it, between the caller's structures and the firmware. */
#ifndef TEE_CSV_SOFT_VM_H
#define TEE_CSV_SOFT_VM_H

#include "tee/csv/soft/soft.h"

#define SOFT_MAX_REGIONS 64
#define SOFT_MAX_VCPUS 4096		/* as KVM_MAX_VCPUS in distribution kernels */

/*
 * What the machine was initialised for. INIT2 leaves it open: KVM knows from the type given to
 * KVM_CREATE_VM, which this interface does not carry, so the policy of LAUNCH_START decides.
 */
enum soft_kind { SOFT_KIND_NONE, SOFT_KIND_SEV, SOFT_KIND_ES, SOFT_KIND_OPEN };

struct soft_vm {
	struct soft_psp *psp;
	bool own_psp;			/* else borrowed */
	struct soft_memory memory;
	enum soft_kind kind;
	uint32_t asid;			/* 0: none */
	uint32_t handle;		/* 0: not launched */
	bool vmsa_done;
	unsigned int nr_regions;
	struct {
		uint64_t addr, size;
	} regions[SOFT_MAX_REGIONS];	/* of guest memory, by REG_REGION */
};

/* op.c: KVM_MEMORY_ENCRYPT_OP, and issue.c: SEV_ISSUE_CMD; see backend.h. */
int soft_op(void *ctx, enum sev_guest_cmd id, void *data, uint32_t *status);
int soft_issue(void *ctx, enum sev_platform_cmd cmd, void *data, uint32_t *status);

/*
 * op_launch.c: commands with a structure, for op.c; data is not NULL. len_out: bytes of memory
 * that the command went over, for the cost model.
 */
int soft_take_asid(struct soft_vm *vm, bool es); /* -EBUSY: none is left */
int op_launch_start(struct soft_vm *vm, void *data);
int op_launch_update_data(struct soft_vm *vm, const void *data, uint64_t *len_out);
int op_launch_update_vmsa(struct soft_vm *vm, uint64_t *len_out);
int op_launch_measure(struct soft_vm *vm, void *data);
int op_launch_secret(struct soft_vm *vm, const void *data);

/* region.c */
int soft_reg_region(void *ctx, uint64_t uaddr, uint64_t size);
/* 0; -EINVAL: empty or wrapping; -EFAULT: not all of it was registered. */
int soft_guest_range(const struct soft_vm *vm, uint64_t addr, uint64_t len);

/* A private copy of a caller's buffer: 0, -EINVAL for its length, -EFAULT, -ENOMEM. */
int soft_copy_blob(uint64_t uaddr, uint32_t len, void **out);

/* The firmware's answer (positive) to errno and *status. */
int soft_answer(int r, uint32_t *status);

#endif
