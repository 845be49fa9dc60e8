/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The expected RIM of a realm, offline: what a launch measures, in its order.
 *
 *	parameters | RAM as RIPAS (RMM 1.x) | pages, ascending | vCPU 0 (virtCCA: all)
 *
 * Pages are those that any part touches, with zeros where no part is; with virtCCA, all in the two
 * ranges that a launch there names. Which order a host's KVM really takes for RIPAS is said in
 * docs/realms.md.
 */
#ifndef ATTEST_RIM_LAUNCH_H
#define ATTEST_RIM_LAUNCH_H

#include "attest/rim.h"

struct tvm_error;

#define RIM_PARTS_MAX 64
#define RIM_RAMS_MAX 8

/* Bytes of a launch; with zeros behind them up to space, when that is more than len. */
struct rim_part {
	const char *name;	/* for messages */
	uint64_t ipa;
	const void *data;
	uint64_t len, space;
};

struct rim_range {
	uint64_t base, size;
};

struct rim_launch {
	struct rim_params params;
	bool ripas;		/* RMM 1.x; false: RMM 2.0, virtCCA */
	bool tec;		/* virtCCA's structure for vCPUs */
	bool split;		/* pages are those of rim_split(); needs one range of RAM */
	unsigned int vcpus;	/* virtCCA */
	unsigned int nr_rams, nr_parts;
	struct rim_range rams[RIM_RAMS_MAX];	/* ascending */
	struct rim_part parts[RIM_PARTS_MAX];	/* any order; sorted by the call below */
	struct rim_rec boot;	/* of vCPU 0; the others wait for PSCI: all zero in virtCCA */
};

/*
 * -EINVAL: parts overlap, or lie outside of RAM; RAM is not within the realm's half.
 * *pages_out: how many were measured.
 */
int rim_launch(struct rim_launch *launch, uint8_t out[RIM_MAX], uint64_t *pages_out,
	struct tvm_error *err);

/*
 * The two ranges of a launch on virtCCA by tvm (tee/virtcca/virtcca.c): from the start of RAM to
 * the widest gap between parts, and from there to their end, in whole pages. What lies in smaller
 * gaps is zeros, and measured. Parts ascend. -EINVAL: none, or one below RAM.
 */
int rim_split(const struct rim_range *parts, unsigned int nr, uint64_t ram,
	struct rim_range out[2]);

/* Bits of an IPA for RAM that ends at end: twice that, and at least 4 GiB for each half. */
uint8_t rim_width(uint64_t ram_end);

/*
 * Where tvm puts the parts of a realm (arch/aarch64/boot.c): kernel at the bottom of RAM, device
 * tree at the next 2 MiB behind its memory, initrds behind the 64 KiB for that, each one on a
 * multiple of 4.
 */
#define RIM_TVM_RAM 0x80000000ULL
#define RIM_TVM_FDT_ALIGN 0x200000ULL
#define RIM_TVM_FDT_SPACE 0x10000ULL

/*
 * Direct boot of virtCCA as the vendor's QEMU does it: it places, and gen_rim_ref measures, a
 * stub in the first 2 MiB, the kernel behind that, the initrd at 128 MiB or half of the memory,
 * the device tree at the next 2 MiB. Padding is measured.
 */
#define RIM_VIRTCCA_RAM 0x40000000ULL
#define RIM_VIRTCCA_ALIGN 0x200000ULL
#define RIM_VIRTCCA_INITRD 0x8000000ULL
#define RIM_VIRTCCA_STUB_LEN 40U
void rim_virtcca_stub(uint64_t dtb, uint64_t entry, uint8_t out[RIM_VIRTCCA_STUB_LEN]);

#endif
