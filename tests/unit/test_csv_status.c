/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Firmware statuses in words; and tee/csv/uapi.h against this machine's kernel headers, where
 * they have the same thing. (Those of /dev/sev use names of uapi.h: tests/boot/recorder.c.)
 */
#include <linux/kvm.h>
#include <stddef.h>

#include "tee/csv/backend.h"
#include "tests/harness.h"

static bool is_line(const char *text)
{
	return text && text[0] && !strchr(text, '\n') && !strchr(text, '%');
}

static void test_statuses(void)
{
	for (uint32_t i = 1; i <= SEV_RET_SECURE_DATA_INVALID; i++) {
		const char *name = sev_status_name(i);

		CHECK(is_line(name));
		CHECK_INT(strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), strlen(name));
		CHECK(is_line(sev_status_remedy(i)));
		for (uint32_t j = 0; j < i; j++)
			CHECK(strcmp(name, sev_status_name(j)));
	}
	CHECK(!strcmp(sev_status_name(SEV_RET_SUCCESS), "SUCCESS"));
	CHECK(!strcmp(sev_status_name((uint32_t)SEV_RET_NO_FW_CALL), "NO_FW_CALL"));
	CHECK(!strcmp(sev_status_name(SEV_RET_BAD_MEASUREMENT), "BAD_MEASUREMENT"));
	CHECK(!strcmp(sev_status_name(SEV_RET_INVALID_PARAM), "INVALID_PARAM"));
}

static void test_unknown_statuses(void)
{
	static const uint32_t codes[] = { (uint32_t)SEV_RET_NO_FW_CALL, 25, 0x99, 0x10000,
		INT32_MAX, 0x80000000, UINT32_MAX - 1 };

	for (unsigned int i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		CHECK(is_line(sev_status_name(codes[i])));
		CHECK(is_line(sev_status_remedy(codes[i])));
	}
}

static void test_commands(void)
{
	CHECK_INT(SEV_CMD_INIT, KVM_SEV_INIT);
	CHECK_INT(SEV_CMD_ES_INIT, KVM_SEV_ES_INIT);
	CHECK_INT(SEV_CMD_LAUNCH_START, KVM_SEV_LAUNCH_START);
	CHECK_INT(SEV_CMD_LAUNCH_UPDATE_DATA, KVM_SEV_LAUNCH_UPDATE_DATA);
	CHECK_INT(SEV_CMD_LAUNCH_UPDATE_VMSA, KVM_SEV_LAUNCH_UPDATE_VMSA);
	CHECK_INT(SEV_CMD_LAUNCH_SECRET, KVM_SEV_LAUNCH_SECRET);
	CHECK_INT(SEV_CMD_LAUNCH_MEASURE, KVM_SEV_LAUNCH_MEASURE);
	CHECK_INT(SEV_CMD_LAUNCH_FINISH, KVM_SEV_LAUNCH_FINISH);
	CHECK_INT(SEV_CMD_GUEST_STATUS, KVM_SEV_GUEST_STATUS);
	CHECK_INT(SEV_CMD_DBG_DECRYPT, KVM_SEV_DBG_DECRYPT);
	CHECK_INT(SEV_CMD_DBG_ENCRYPT, KVM_SEV_DBG_ENCRYPT);
	CHECK_INT(SEV_CMD_GET_ATTESTATION_REPORT, KVM_SEV_GET_ATTESTATION_REPORT);
}

#define SAME_SIZE(name) CHECK_INT(sizeof(struct sev_##name), sizeof(struct kvm_sev_##name))
#define SAME(name, member) \
	do { \
		CHECK_INT(offsetof(struct sev_##name, member), \
			offsetof(struct kvm_sev_##name, member)); \
		CHECK_INT(sizeof(((struct sev_##name *)0)->member), \
			sizeof(((struct kvm_sev_##name *)0)->member)); \
	} while (0)

static void test_structures(void)
{
	SAME_SIZE(cmd);
	SAME(cmd, id);
	SAME(cmd, data);
	SAME(cmd, error);
	SAME(cmd, sev_fd);
	SAME_SIZE(launch_start);
	SAME(launch_start, handle);
	SAME(launch_start, policy);
	SAME(launch_start, dh_uaddr);
	SAME(launch_start, dh_len);
	SAME(launch_start, session_uaddr);
	SAME(launch_start, session_len);
	SAME_SIZE(launch_update_data);
	SAME(launch_update_data, uaddr);
	SAME(launch_update_data, len);
	SAME_SIZE(launch_secret);
	SAME(launch_secret, hdr_uaddr);
	SAME(launch_secret, hdr_len);
	SAME(launch_secret, guest_uaddr);
	SAME(launch_secret, guest_len);
	SAME(launch_secret, trans_uaddr);
	SAME(launch_secret, trans_len);
	SAME_SIZE(launch_measure);
	SAME(launch_measure, uaddr);
	SAME(launch_measure, len);
	SAME_SIZE(guest_status);
	SAME(guest_status, handle);
	SAME(guest_status, policy);
	SAME(guest_status, state);
	SAME_SIZE(dbg);
	SAME(dbg, src_uaddr);
	SAME(dbg, dst_uaddr);
	SAME(dbg, len);
	SAME_SIZE(attestation_report);
	SAME(attestation_report, mnonce);
	SAME(attestation_report, uaddr);
	SAME(attestation_report, len);
}

/* Newer than some headers: Linux 6.10, struct kvm_sev_init; and the packed ones of psp-sev.h. */
static void test_structures_by_number(void)
{
	CHECK_INT(SEV_CMD_INIT2, 22);
	CHECK_INT(sizeof(struct sev_init2), 48);
	CHECK_INT(offsetof(struct sev_init2, flags), 8);
	CHECK_INT(offsetof(struct sev_init2, ghcb_version), 12);
	CHECK_INT(offsetof(struct sev_init2, pad2), 16);
	CHECK_INT(sizeof(struct sev_issue_cmd), 16);
	CHECK_INT(SEV_ISSUE_CMD, 0xc0105300);
	CHECK_INT(sizeof(struct sev_platform_status), 12);
	CHECK_INT(offsetof(struct sev_platform_status, flags), 3);
	CHECK_INT(offsetof(struct sev_platform_status, guest_count), 8);
	CHECK_INT(sizeof(struct sev_pdh_cert_export), 24);
	CHECK_INT(offsetof(struct sev_pdh_cert_export, chain_uaddr), 12);
}

int main(void)
{
	RUN(test_statuses);
	RUN(test_unknown_statuses);
	RUN(test_commands);
	RUN(test_structures);
	RUN(test_structures_by_number);
	return tests_done();
}
