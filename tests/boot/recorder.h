/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host with SEV or CSV, played: /dev/sev and KVM's encryption ioctls are answered here
 * (recorder.opts wraps ioctl and open), everything else is the real /dev/kvm. Numbers and
 * structures are those of the kernel's headers, not of tee/csv/uapi.h, so that both are
 * compared; and what the kernel would refuse is refused, or a complaint (sev.c of Linux).
 */
#ifndef TESTS_BOOT_RECORDER_H
#define TESTS_BOOT_RECORDER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <linux/kvm.h>
#include <linux/psp-sev.h>

/* Newer than some headers: include/uapi/linux/kvm.h, arch/x86/include/uapi/asm/kvm.h. */
#define CAP_VM_TYPES 235
#define TYPE_SEV 2
#define TYPE_SEV_ES 3
#define OP_INIT2 22
#define INIT2_LEN 48

#define C_BIT 51
#define REDUCED_BITS 5
#define HANDLE 0x1234
#define DH_LEN 2084
#define SESSION_LEN 128
#define MAX_PARTS 8
#define MAX_VCPUS 4

enum { UNINIT, LUPDATE, LSECRET, RUNNING };	/* SEV API specification, guest states */

/* What may fail beside the commands, which have their ids. */
enum { FAIL_NONE = -1, FAIL_PLATFORM = -2, FAIL_REGION = -3 };

struct part {
	uint64_t addr, len;
	uint8_t *bytes;		/* as they were before the firmware encrypted them */
};

/* The host that is played, and what was asked of it. One machine at a time. */
struct recorder {
	bool on;
	/* The host. */
	bool new_kernel, no_sev_in_kvm;
	int open_error;
	uint8_t platform_state, measurement[48];
	uint32_t platform_flags, cpu_sev;
	/* Fails the n-th occurrence (from 1) of an ioctl: a command's id, or one of FAIL_*. */
	int fail_id, fail_errno;
	unsigned int fail_nth;
	uint32_t fail_status;
	/* GUEST_STATUS answers wrong the n-th time. */
	unsigned int lie_nth;
	bool lie_policy;

	pthread_mutex_t lock;
	int sev_fd, vm_fd;
	unsigned long vm_type;
	unsigned int vcpus, state, status_asked;
	int vcpu_fds[MAX_VCPUS];
	struct kvm_regs regs[MAX_VCPUS];	/* at LAUNCH_UPDATE_VMSA */
	struct kvm_sregs sregs[MAX_VCPUS];
	bool es, initialised, vmsa;
	uint32_t policy;
	uint8_t dh[DH_LEN], session[SESSION_LEN];
	uint32_t dh_len, session_len;
	struct part slots[MAX_PARTS], regions[MAX_PARTS], updates[MAX_PARTS];
	uint64_t slot_gpa[MAX_PARTS];
	unsigned int nr_slots, nr_regions, nr_updates;
	uint8_t secret_hdr[52], secret[4096];
	uint64_t secret_addr;
	uint32_t secret_len;
	struct kvm_cpuid_entry2 leaf;	/* 0x8000001f of the last vCPU */
	char trace[1024], complaint[256];
	_Atomic unsigned int runs;
};

extern struct recorder rec;

/* Forget everything; nothing is played. */
void recorder_off(void);

/* A host on which everything is well, until members of rec are changed. */
void recorder_play(bool new_kernel);

/* Host address of a guest's; 0: no memory slot. */
uint64_t recorder_host(uint64_t gpa);

#endif
