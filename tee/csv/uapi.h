/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's interface to SEV and CSV: KVM_MEMORY_ENCRYPT_OP and /dev/sev. Numbers and
 * layouts as in Linux arch/x86/include/uapi/asm/kvm.h and include/uapi/linux/psp-sev.h; written
 * here because the build machine's headers may be older than the host that runs us.
 */
#ifndef TEE_CSV_UAPI_H
#define TEE_CSV_UAPI_H

#include <stdint.h>
#include <sys/ioctl.h>

/* arch/x86/include/uapi/asm/kvm.h, enum sev_guest_cmd */
enum sev_guest_cmd {
	SEV_CMD_INIT = 0,
	SEV_CMD_ES_INIT = 1,
	SEV_CMD_LAUNCH_START = 2,
	SEV_CMD_LAUNCH_UPDATE_DATA = 3,
	SEV_CMD_LAUNCH_UPDATE_VMSA = 4,
	SEV_CMD_LAUNCH_SECRET = 5,
	SEV_CMD_LAUNCH_MEASURE = 6,
	SEV_CMD_LAUNCH_FINISH = 7,
	SEV_CMD_GUEST_STATUS = 16,
	SEV_CMD_DBG_DECRYPT = 17,
	SEV_CMD_DBG_ENCRYPT = 18,
	SEV_CMD_GET_ATTESTATION_REPORT = 20,
	SEV_CMD_INIT2 = 22,
};

struct sev_launch_start {
	uint32_t handle;
	uint32_t policy;
	uint64_t dh_uaddr;
	uint32_t dh_len;
	uint32_t pad0;
	uint64_t session_uaddr;
	uint32_t session_len;
	uint32_t pad1;
};

struct sev_launch_update_data {
	uint64_t uaddr;
	uint32_t len;
	uint32_t pad0;
};

struct sev_launch_secret {
	uint64_t hdr_uaddr;
	uint32_t hdr_len;
	uint32_t pad0;
	uint64_t guest_uaddr;
	uint32_t guest_len;
	uint32_t pad1;
	uint64_t trans_uaddr;
	uint32_t trans_len;
	uint32_t pad2;
};

struct sev_launch_measure {
	uint64_t uaddr;
	uint32_t len;
	uint32_t pad0;
};

struct sev_guest_status {
	uint32_t handle;
	uint32_t policy;
	uint32_t state;
};

struct sev_dbg {
	uint64_t src_uaddr;
	uint64_t dst_uaddr;
	uint32_t len;
	uint32_t pad0;
};

struct sev_attestation_report {
	uint8_t mnonce[16];
	uint64_t uaddr;
	uint32_t len;
	uint32_t pad0;
};

struct sev_init2 {
	uint64_t vmsa_features;
	uint32_t flags;
	uint16_t ghcb_version;
	uint16_t pad1;
	uint32_t pad2[8];
};

_Static_assert(sizeof(struct sev_launch_start) == 40, "kernel ABI");
_Static_assert(sizeof(struct sev_launch_update_data) == 16, "kernel ABI");
_Static_assert(sizeof(struct sev_launch_secret) == 48, "kernel ABI");
_Static_assert(sizeof(struct sev_launch_measure) == 16, "kernel ABI");
_Static_assert(sizeof(struct sev_guest_status) == 12, "kernel ABI");
_Static_assert(sizeof(struct sev_attestation_report) == 32, "kernel ABI");
_Static_assert(sizeof(struct sev_init2) == 48, "kernel ABI");

/* struct kvm_sev_cmd */
struct sev_cmd {
	uint32_t id;
	uint32_t pad0;
	uint64_t data;
	uint32_t error;
	uint32_t sev_fd;
};

#define SEV_KVM_TYPE_DEFAULT 0UL	/* KVM_CREATE_VM */
#define SEV_KVM_TYPE_SEV 2UL
#define SEV_KVM_TYPE_SEV_ES 3UL
#define SEV_KVM_CAP_VM_TYPES 235

/* include/uapi/linux/psp-sev.h */
struct sev_issue_cmd {
	uint32_t cmd;
	uint64_t data;
	uint32_t error;
} __attribute__((packed));

#define SEV_ISSUE_CMD _IOWR('S', 0x0, struct sev_issue_cmd)

enum sev_platform_cmd {
	SEV_PLATFORM_FACTORY_RESET = 0,
	SEV_PLATFORM_STATUS = 1,
	SEV_PLATFORM_PEK_GEN = 2,
	SEV_PLATFORM_PEK_CSR = 3,
	SEV_PLATFORM_PDH_GEN = 4,
	SEV_PLATFORM_PDH_CERT_EXPORT = 5,
	SEV_PLATFORM_PEK_CERT_IMPORT = 6,
	SEV_PLATFORM_GET_ID2 = 8,
};

struct sev_platform_status {
	uint8_t api_major;
	uint8_t api_minor;
	uint8_t state;
	uint32_t flags;		/* bit 0 owned, bit 8 ES */
	uint8_t build;
	uint32_t guest_count;
} __attribute__((packed));

struct sev_pdh_cert_export {
	uint64_t pdh_uaddr;
	uint32_t pdh_len;
	uint64_t chain_uaddr;
	uint32_t chain_len;
} __attribute__((packed));

/* Firmware status: SEV API specification, table of status codes. */
enum sev_status {
	SEV_RET_NO_FW_CALL = -1,
	SEV_RET_SUCCESS = 0,
	SEV_RET_INVALID_PLATFORM_STATE = 1,
	SEV_RET_INVALID_GUEST_STATE = 2,
	SEV_RET_INVALID_CONFIG = 3,
	SEV_RET_INVALID_LEN = 4,
	SEV_RET_ALREADY_OWNED = 5,
	SEV_RET_INVALID_CERTIFICATE = 6,
	SEV_RET_POLICY_FAILURE = 7,
	SEV_RET_INACTIVE = 8,
	SEV_RET_INVALID_ADDRESS = 9,
	SEV_RET_BAD_SIGNATURE = 10,
	SEV_RET_BAD_MEASUREMENT = 11,
	SEV_RET_ASID_OWNED = 12,
	SEV_RET_INVALID_ASID = 13,
	SEV_RET_WBINVD_REQUIRED = 14,
	SEV_RET_DFFLUSH_REQUIRED = 15,
	SEV_RET_INVALID_GUEST = 16,
	SEV_RET_INVALID_COMMAND = 17,
	SEV_RET_ACTIVE = 18,
	SEV_RET_HWSEV_RET_PLATFORM = 19,
	SEV_RET_HWSEV_RET_UNSAFE = 20,
	SEV_RET_UNSUPPORTED = 21,
	SEV_RET_INVALID_PARAM = 22,
	SEV_RET_RESOURCE_LIMIT = 23,
	SEV_RET_SECURE_DATA_INVALID = 24,
};

/* Guest states (GUEST_STATUS) and policy bits */
enum sev_gstate {
	SEV_GSTATE_UNINIT = 0,
	SEV_GSTATE_LUPDATE = 1,
	SEV_GSTATE_LSECRET = 2,
	SEV_GSTATE_RUNNING = 3,
};

#define SEV_POLICY_NODBG (1u << 0)
#define SEV_POLICY_NOKS (1u << 1)
#define SEV_POLICY_ES (1u << 2)
#define SEV_POLICY_NOSEND (1u << 3)
#define SEV_POLICY_DOMAIN (1u << 4)
#define SEV_POLICY_SEV (1u << 5)

#define SEV_BLOB_MAX 0x4000		/* dh certificate, session: each at most this */
#define SEV_MEASURE_LEN 48		/* measure[32], mnonce[16] */
#define SEV_REPORT_LEN 208
#define SEV_SECRET_HDR_LEN 52
#define SEV_CERT_LEN 2084
#define SEV_CHAIN_LEN (3 * SEV_CERT_LEN)

#endif
