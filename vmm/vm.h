/* SPDX-License-Identifier: Apache-2.0 */
/* A machine: what it is made of, and the order in which it is built and taken apart. */
#ifndef VMM_VM_H
#define VMM_VM_H

#include "base/log.h"
#include "firmware/image.h"
#include "vmm/config.h"
#include "vmm/irq.h"
#include "vmm/kvm.h"
#include "vmm/machine.h"
#include "vmm/run.h"
#include "vmm/vcpu.h"

struct arch_vm;
struct bus;
struct gmem;
struct loop;
struct tee_ops;

/* An initrd file, held open so that a reset loads the same one. */
struct initrd {
	int fd;			/* owned */
	uint64_t size;
};

/* Firmware that the guest starts in, at the end of the first 4 GiB. */
struct firmware {
	const uint8_t *image;	/* borrowed; NULL: direct boot */
	size_t size;
	uint64_t gpa;
};

struct vm {
	struct tvm_config *cfg;		/* owned copy */
	struct log log;
	struct kvm_vm kvm;
	const struct tee_ops *tee;
	void *tee_state;		/* of the backend */
	struct gmem *gmem;		/* owned */
	struct bus *bus;		/* owned */
	struct irq irq;
	struct loop *loop;		/* owned */
	struct image kernel;
	struct firmware fw;
	struct initrd *initrds;		/* owned array */
	unsigned int nr_initrds;
	struct arch_vm *arch;		/* owned by arch/ */
	struct machine machine;
	struct vcpu *vcpus;		/* owned array */
	unsigned int nr_vcpus;
	struct run run;
};

/* The public handle is the machine itself. */
static inline struct vm *vm_of(struct tvm_vm *vm)
{
	return (struct vm *)vm;
}

/* cfg is copied. On failure nothing is left and *out is untouched. */
int vm_create(const struct tvm_config *cfg, const struct tvm_host *host, struct vm **out,
	struct tvm_error *err);

/* See tvm_device_tree(). */
int vm_device_tree(const struct tvm_config *cfg, void **out, size_t *len_out,
	struct tvm_error *err);

/* Ends vCPU threads first. NULL is fine. */
void vm_destroy(struct vm *vm);

/* Bytes of all initrds in a row, each on a 4-byte boundary (initramfs buffer format). */
uint64_t initrd_total(const struct vm *vm);

/* All vCPUs are parked: devices, memory and vCPUs as after vm_create(). Not on the loop. */
int vm_reset(struct vm *vm, struct tvm_error *err);

#endif
