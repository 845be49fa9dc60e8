/* SPDX-License-Identifier: Apache-2.0 */
/* A realm on the soft platform: what cca.c (launch) and guest.c (its calls) share. */
#ifndef TEE_VIRTCCA_CCA_H
#define TEE_VIRTCCA_CCA_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/bits.h"
#include "tee/virtcca/soft/platform.h"
#include "tee/virtcca/soft/rmm.h"
#include "tee/virtcca/views.h"

struct kvm_vm;
struct tee_ops;
struct tvm_error;
struct vcpu;
struct vm;

/* Accesses that are not the realm's to make. */
enum cca_violation {
	CCA_VIOLATION_MMIO,	/* to an address without memory, in its own half */
	CCA_VIOLATION_MEMORY,	/* to memory, through the half where it is not now */
	CCA_NR_VIOLATIONS
};

struct cca {
	struct rmm_params params;
	struct rmm_platform *platform;	/* owned */
	struct realm_views *views;	/* owned */
	/* Written at launch; while vCPUs run, each call holds it, device threads ask with it. */
	pthread_rwlock_t lock;
	struct rmm *rmm;		/* owned; NULL until the launch */
	struct {
		uint64_t base, len;
	} parts[64];			/* of initial contents, while they are loaded */
	unsigned int nr_parts;
	_Atomic uint64_t mmio;		/* accesses that devices answered */
	_Atomic uint64_t violations[CCA_NR_VIOLATIONS];
};

static inline struct cca *cca_of(void *tee_state)
{
	return tee_state;
}

extern const struct tee_ops cca_ops;

int cca_get_reg(const struct vcpu *vcpu, uint64_t id, uint64_t *out);

/* guest.c: calls of the realm come to us from now on. After KVM_CREATE_VM. */
int cca_filter(const struct kvm_vm *kvm, struct tvm_error *err);

/* guest.c: struct tee_ops. */
bool cca_vcpu_exit(struct vcpu *vcpu);
bool cca_vcpu_mmio(struct vcpu *vcpu, uint64_t *gpa);
bool cca_vcpu_fault(struct vcpu *vcpu);

#endif
