/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a machine shall be: the contents of the public, opaque struct tvm_config. Filled by
 * the setters of tvm.h, copied by tvm_prepare(), read-only from then on.
 */
#ifndef VMM_CONFIG_H
#define VMM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bits.h"
#include "vmm/devopts.h"
#include "vmm/gmem.h"
#include "vmm/opts.h"

#define CONFIG_MEMORY_MIN MIB(16)
#define CONFIG_MEMORY_MAX GIB(512)	/* what the x86_64 map and 40-bit hosts can place */
#define CONFIG_CPUS_MAX 64
#define CONFIG_SHARES_MAX 16
#define CONFIG_VSOCKS_MAX 1		/* a guest kernel drives only one */
#define CONFIG_DISKS_MAX 24		/* PCI slots left beside the other devices */
#define CONFIG_NETS_MAX 8

/* How virtio devices are found. */
enum transport { TRANSPORT_PCI, TRANSPORT_MMIO };

enum tee_platform { TEE_PLATFORM_HW, TEE_PLATFORM_SOFT };

enum tee_violation { TEE_VIOLATION_ABORT, TEE_VIOLATION_STOP };

enum tee_hash { TEE_HASH_SHA256, TEE_HASH_SHA512 };

/* "tee": a confidential machine, and how its launch goes (design: TEE launch). */
struct tee_opts {
	char *kind;		/* name of a backend of tee/: "none", "sev", "csv", ... */
	enum tee_platform platform;
	char *rpv;		/* realm personalization value, hexadecimal; NULL: zeros */
	enum tee_hash hash;	/* of realms' measurements */
	enum tee_violation violation; /* answer to a realm's access that is not its own */
	uint32_t rmi_cap;	/* KVM_CAP_ARM_RMI of this host; 0: detect */
	uint32_t policy;	/* guest policy; CONFIG_POLICY_DEFAULT: the kind's usual one */
	char *dh_cert, *session; /* files from the guest owner, base64 or raw */
	bool kernel_hashes;	/* measure kernel, initrd and command line */
	char *soft_dir;		/* the soft platform's keys; NULL: new ones for each launch */
	bool delays;		/* the soft platform takes as long as hardware */
	bool measure_only;	/* say what would be measured, launch nothing */
	char *measurement;	/* file that the measurement is written to, base64 */
	char *secret_header, *secret; /* files with the guest owner's packet, base64 or raw */
	uint64_t secret_gpa;	/* 0: the area that the firmware names */
	uint32_t secret_timeout; /* seconds to wait for the packet's files */
};

#define CONFIG_POLICY_DEFAULT UINT32_MAX

enum cpu_feature { CPU_FEATURE_AUTO, CPU_FEATURE_ON, CPU_FEATURE_OFF };

/* "cpu": optional parts of a processor (aarch64) */
struct cpu_opts {
	enum cpu_feature sve;	/* AUTO: where the host has it */
	enum cpu_feature pauth;	/* the same */
	enum cpu_feature pmu;	/* AUTO: off; counters tell a guest much about its host */
};

/* Strings are owned; NULL where not given. Members follow the order of config_table. */
struct tvm_config {
	char *name;				/* "name": starts log lines */
	char *kernel;				/* path; required */
	OPT_LIST_OF(char *) initrd;		/* paths, concatenated in order */
	char *cmdline;
	uint64_t memory;			/* bytes, a multiple of 1 MiB */
	struct gmem_opts gmem;			/* "pages", "prealloc" */
	uint32_t cpus;
	struct cpu_opts cpu;
	OPT_LIST_OF(char *) cpu_mask;		/* names of CPUID features the guest must not see */
	OPT_LIST_OF(struct disk_opts) disk;
	OPT_LIST_OF(struct net_opts) net;
	struct chardev_opts serial;		/* 16550 */
	OPT_LIST_OF(struct vsock_opts) vsock;
	OPT_LIST_OF(struct share_opts) share;
	OPT_LIST_OF(struct chardev_opts) console; /* virtio-console: its ports */
	enum transport transport;
	bool packed;				/* virtqueues, if the driver wants them */
	bool rng;
	bool balloon;
	bool pvpanic;
	bool no_reboot;
	char *firmware;				/* "none", "builtin"; NULL: builtin where needed */
	struct tee_opts tee;
};

/* Every key, in the order of the manual. */
extern const struct opt_table config_table;

/* Required keys and contradictions; each key alone was checked when it was set. */
int config_validate(const struct tvm_config *cfg, struct tvm_error *err);

/* What owner_text says into owner, uid and gid. */
int config_share_owner(struct share_opts *s, struct tvm_error *err);

/* A deep copy, freed with tvm_config_free(); NULL when memory is out. */
struct tvm_config *config_copy(const struct tvm_config *cfg);

#endif
