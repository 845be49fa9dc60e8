/* SPDX-License-Identifier: Apache-2.0 */
/* A guest of the SEV family: what the files of this folder share. */
#ifndef TEE_CSV_CSV_H
#define TEE_CSV_CSV_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "attest/sev_measure.h"
#include "tee/csv/backend.h"
#include "tee/csv/views.h"
#include "tee/tee.h"

struct csv_kind {
	const char *name;
	bool csv;		/* Hygon: SM2, SM3, SM4 */
	bool es;		/* encrypted register state */
	uint32_t policy;	/* when the user names none */
};

/* One launch step's cost, for metrics. */
enum csv_step {
	CSV_STEP_INIT,
	CSV_STEP_START,
	CSV_STEP_UPDATE,
	CSV_STEP_VMSA,
	CSV_STEP_MEASURE,
	CSV_STEP_SECRET,
	CSV_STEP_FINISH,
	CSV_NR_STEPS
};

struct csv {
	const struct csv_kind *kind;
	bool soft;
	bool init2;		/* KVM_SEV_INIT2 instead of INIT, ES_INIT */
	uint32_t policy;
	unsigned int c_bit;	/* position */
	unsigned int reduced_bits;
	struct sev_backend backend; /* owned */
	struct soft_views *views; /* owned; NULL on hardware */
	struct sev_platform_status platform;
	bool measured;
	struct sev_measure measure;
	bool finished;
	uint64_t measured_bytes;
	unsigned int commands;	/* firmware commands so far */
	uint64_t step_ns[CSV_NR_STEPS];
	_Atomic uint64_t rejected; /* announcements that named no RAM */
};

struct tvm_error;
struct vcpu;
struct vm;

static inline struct csv *csv_of(void *tee_state)
{
	return tee_state;
}

/* One firmware command: checks the answer, counts, times. what: for messages. */
int csv_command(struct csv *csv, enum csv_step step, enum sev_guest_cmd id, void *data,
	const char *what, struct tvm_error *err);

/* vcpu.c: registers as they are measured. */
int csv_vcpu_init(struct vcpu *vcpu, struct tvm_error *err);

/* guest.c: what the guest sees and asks, on the soft platform too. */
void csv_guest_cpuid(struct vm *vm, struct kvm_cpuid2 *cpuid, unsigned int max_entries);
int csv_guest_init(struct vm *vm, struct tvm_error *err);
bool csv_guest_exit(struct vcpu *vcpu);

/* soft.c: the software platform as this machine's backend. */
int csv_soft_open(struct vm *vm, struct tvm_error *err);

#endif
