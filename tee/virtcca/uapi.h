/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of the kernel's interface on arm64 that are younger than the headers we build with, or
 * in no released kernel at all. Each group names where its numbers come from; docs/realms.md
 * says which of them are not confirmed.
 */
#ifndef TEE_VIRTCCA_UAPI_H
#define TEE_VIRTCCA_UAPI_H

#include <linux/ioctl.h>
#include <linux/kvm.h>
#include <stdint.h>

/* ---- The SMCCC filter: Linux 6.4, Documentation/virt/kvm/devices/vm.rst, 6 ------------- */

#define CCA_VM_SMCCC_CTRL 0		/* KVM_ARM_VM_SMCCC_CTRL, attribute group of a VM */
#define CCA_VM_SMCCC_FILTER 0		/* KVM_ARM_VM_SMCCC_FILTER */
#define CCA_SMCCC_FWD_TO_USER 2		/* KVM_SMCCC_FILTER_FWD_TO_USER */
#define CCA_HYPERCALL_SMC 1U		/* KVM_HYPERCALL_EXIT_SMC */

struct cca_smccc_filter {		/* struct kvm_smccc_filter */
	uint32_t base, nr_functions;
	uint8_t action, pad[15];
};

/* ---- guest_memfd: Linux 6.8, include/uapi/linux/kvm.h, api.rst 4.140 to 4.142 ----------- */

#define REALM_CAP_MEMORY_ATTRIBUTES 233
#define REALM_MEM_GUEST_MEMFD 4U	/* KVM_MEM_GUEST_MEMFD */
#define REALM_ATTRIBUTE_PRIVATE 8ULL	/* KVM_MEMORY_ATTRIBUTE_PRIVATE */
#define REALM_EXIT_MEMORY_FAULT 39
#define REALM_FAULT_PRIVATE 8ULL	/* KVM_MEMORY_EXIT_FLAG_PRIVATE */

struct realm_create_gmem {		/* struct kvm_create_guest_memfd */
	uint64_t size, flags, reserved[6];
};

struct realm_region {			/* struct kvm_userspace_memory_region2 */
	uint32_t slot, flags;
	uint64_t guest_phys_addr, memory_size, userspace_addr, guest_memfd_offset;
	uint32_t guest_memfd, pad1;
	uint64_t pad2[14];
};

struct realm_attributes {		/* struct kvm_memory_attributes */
	uint64_t address, size, attributes, flags;
};

struct realm_fault {			/* memory_fault in struct kvm_run */
	uint64_t flags, gpa, size;
};

#define REALM_SET_REGION2 _IOW(KVMIO, 0x49, struct realm_region)
#define REALM_SET_ATTRIBUTES _IOW(KVMIO, 0xd2, struct realm_attributes)
#define REALM_CREATE_GMEM _IOWR(KVMIO, 0xd4, struct realm_create_gmem)

/* ---- Arm CCA: the series "arm64: Support for Arm CCA in KVM", v12 to v15 --------------- */

#define REALM_VM_TYPE_OLD (1UL << 8)	/* up to v13: bits 11..8 */
#define REALM_VM_TYPE_NEW (1UL << 30)	/* v14: KVM_VM_TYPE_ARM_REALM */
/* KVM_CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES, in the series that v15 is based on. */
#define REALM_CAP_GMEM_ATTRIBUTES 250
#define REALM_POPULATE_MEASURE 1U	/* KVM_ARM_RMI_POPULATE_FLAGS_MEASURE */

struct realm_populate {			/* struct kvm_arm_rmi_populate */
	uint64_t base, size, source_uaddr;
	uint32_t flags, reserved;
};

#define REALM_POPULATE_W _IOW(KVMIO, 0xd7, struct realm_populate)	/* v12 */
#define REALM_POPULATE_WR _IOWR(KVMIO, 0xd7, struct realm_populate)	/* v13 and later */

/*
 * ---- virtCCA: linux-headers of openEuler's QEMU (branch qemu-8.2.0) and of OLK-6.6,
 * arch/arm64/kvm/virtcca_cvm.c -----------------------------------------------------------
 */

#define VIRTCCA_CAP 300			/* KVM_CAP_ARM_TMM; later KVM_CAP_ARM_RME */
#define VIRTCCA_VM_TYPE (1UL << 8)	/* "kvm-type=cvm" */
#define VIRTCCA_VCPU_TEC 8		/* KVM_ARM_VCPU_TEC, of KVM_ARM_VCPU_FINALIZE only */

enum virtcca_cmd {			/* args[0] of KVM_ENABLE_CAP; args[1] is a pointer */
	VIRTCCA_CONFIG_CVM = 0,
	VIRTCCA_CREATE_RD = 1,
	VIRTCCA_POPULATE_CVM = 2,
	VIRTCCA_ACTIVATE_CVM = 3,
};

enum virtcca_cfg {
	VIRTCCA_CFG_HASH_ALGO = 1,	/* 0 SHA-256, 1 SHA-512 */
	VIRTCCA_CFG_SVE = 2,		/* vectors of so many times 128 bits */
	VIRTCCA_CFG_PMU = 4,		/* counters */
};

struct virtcca_config_item {		/* struct kvm_cap_arm_tmm_config_item */
	uint32_t cfg;
	union {
		uint32_t value;		/* hash_algo, sve_vq, num_pmu_cntrs */
		uint8_t reserved[256];
	};
};

#define VIRTCCA_POPULATE_MEASURE 1U

struct virtcca_populate {		/* struct kvm_cap_arm_tmm_populate_region_args */
	uint64_t base1, size1, base2, size2;
	uint32_t flags, reserved[3];
};

struct virtcca_numa_node {		/* struct kvm_numa_node */
	uint64_t numa_id, ipa_start, ipa_size;
	uint64_t host_numa_nodes[2];	/* all zero: any */
	uint64_t cpu_id[4];		/* bit map */
};

#define VIRTCCA_NUMA_NODES 8

struct virtcca_user_data {		/* struct kvm_user_data */
	uint64_t loader_start, image_end, initrd_start, dtb_end, ram_size;
	uint64_t numa_cnt;		/* struct kvm_numa_info from here */
	struct virtcca_numa_node numa_nodes[VIRTCCA_NUMA_NODES];
};

/* The number of KVM_SET_USER_MEMORY_REGION2, told apart by the size. */
#define VIRTCCA_LOAD_USER_DATA _IOW(KVMIO, 0x49, struct virtcca_user_data)

_Static_assert(sizeof(struct realm_region) == 160 && sizeof(struct realm_populate) == 32 &&
	sizeof(struct virtcca_config_item) == 260 && sizeof(struct virtcca_populate) == 48 &&
	sizeof(struct virtcca_user_data) == 624, "as the kernel has them");

#endif
