/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every architecture defines. The Makefile compiles one folder, so these are plain
 * functions and nobody asks which architecture this is.
 */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/device.h"
#include "vmm/devopts.h"

struct firmware;
struct image;
struct kvm_irq_routing_entry;
struct kvm_vm;
struct tvm_config;
struct tvm_error;
struct vcpu;
struct vm;

/* A device that the board has at a fixed place. */
struct board_dev {
	const char *cls;	/* name in devices/devices.c */
	struct dev_place place;
};

struct board {
	unsigned int nr_devs;
	const struct board_dev *devs;
	struct pci_bus_opts pci;
	struct mmio_slots mmio;		/* for virtio-mmio; max 0: none */
	struct msi_frame msi_frame;	/* nr 0: none */
	unsigned int nr_gsi;		/* interrupt lines of the controller */
	unsigned int line_base;		/* what KVM_IRQ_LINE calls gsi 0 */
	unsigned int elf_machine;	/* EM_X86_64, ... */
	/* Kernels that do not unpack themselves: image_unpack() of firmware/image.h, or NULL. */
	int (*unpack)(struct image *img, const uint8_t *head, struct tvm_error *err);
	uint64_t ram_base;
	uint64_t ram_hole, ram_hole_end; /* no RAM between them */
};

const struct board *arch_board(void);

/* Argument of KVM_CREATE_VM for a plain machine. */
unsigned long arch_vm_type(const struct kvm_vm *kvm);

/* Routes of the controller's lines: returns how many were stored, at most max. */
unsigned int arch_irq_routes(struct kvm_irq_routing_entry *out, unsigned int max);

/* Firmware, where the configuration or a confidential machine wants one; else *out is left. */
int arch_firmware(const struct tvm_config *cfg, bool confidential, struct firmware *out,
	struct tvm_error *err);

/* Interrupt controller and per-VM state; after KVM_CREATE_VM and the memslots. */
int arch_vm_init(struct vm *vm, struct tvm_error *err);
void arch_vm_fini(struct vm *vm); /* accepts a VM without arch_vm_init() */

/* Everything that is set once in a vCPU: CPUID, features. */
int arch_vcpu_init(struct vcpu *vcpu, struct tvm_error *err);

/* Every vCPU exists: what of the interrupt controller had to wait for that. */
int arch_vcpus_created(struct vm *vm, struct tvm_error *err);

/*
 * Load kernel, initrd, command line and tables through gmem_populate(), in this order, and
 * put the first vCPU where the kernel wants it.
 */
int arch_load_boot(struct vm *vm, struct tvm_error *err);

/*
 * The device tree of a machine that has files and memory but neither KVM nor vCPUs, without what
 * is random in it. *out is the caller's to free(). -EOPNOTSUPP where machines have none.
 */
int arch_device_tree(const struct vm *vm, void **out, size_t *len_out, struct tvm_error *err);

/* Interrupt controller and all vCPUs as if new. No vCPU is running. */
int arch_reset(struct vm *vm, struct tvm_error *err);

/* An exit that vmm/vcpu.c does not know: true when it was handled. */
bool arch_vcpu_exit(struct vcpu *vcpu);

/* For a message about a vCPU that cannot go on: its program counter. */
uint64_t arch_vcpu_pc(struct vcpu *vcpu);

#endif
