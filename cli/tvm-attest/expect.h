/* SPDX-License-Identifier: Apache-2.0 */
/* What a launch should measure, from the owner's own files: for `measure` and `verify`. */
#ifndef CLI_TVM_ATTEST_EXPECT_H
#define CLI_TVM_ATTEST_EXPECT_H

#include "attest/alg.h"
#include "attest/sev_hashes.h"
#include "attest/sev_measure.h"
#include "cli/tvm-attest/args.h"
#include "cli/tvm-attest/cmd.h"
#include "cli/tvm-attest/out.h"
#include "cli/tvm-attest/owner.h"

struct expect_opts {
	const char *tee, *firmware, *kernel, *initrd, *cmdline, *digest;
	const char *cpu, *vmsa;
	struct arg_num policy, vcpus, cpu_sig, vmsa_features;
	struct arg_num api_major, api_minor, build;
};

#define EXPECT_ARGS(o) \
	{ "tee", ARG_TEXT, &(o)->tee, 0, "sev|sev-es|csv|csv2|cca|virtcca", \
		"Kind of guest; default sev, or what the session says." }, \
	{ "policy", ARG_NUM, &(o)->policy, 0, "N", "Guest policy; default the session's, or 1, " \
		"with encrypted state 5." }, \
	{ "firmware", ARG_TEXT, &(o)->firmware, 0, "FILE", "Firmware image." }, \
	{ "kernel", ARG_TEXT, &(o)->kernel, 0, "FILE", \
		"Kernel; none: no hash table is measured." }, \
	{ "initrd", ARG_TEXT, &(o)->initrd, 0, "FILE", "Initial ramdisk." }, \
	{ "cmdline", ARG_TEXT, &(o)->cmdline, 0, "TEXT", "Kernel command line." }, \
	{ "vcpus", ARG_NUM, &(o)->vcpus, 512, "N", "Number of vCPUs, measured with encrypted " \
		"state; default 1." }, \
	{ "cpu", ARG_TEXT, &(o)->cpu, 0, "NAME", "Processor model of the guest, such as " \
		"EPYC-Milan or Dhyana." }, \
	{ "cpu-sig", ARG_NUM, &(o)->cpu_sig, 0, "N", "The same as its CPUID 1 EAX." }, \
	{ "vmsa", ARG_TEXT, &(o)->vmsa, 0, "init2|legacy", \
		"How the host's KVM makes register pages; default: either." }, \
	{ "vmsa-features", ARG_NUM, &(o)->vmsa_features, 0, "N", \
		"SEV_FEATURES in register pages; default 0." }, \
	{ "api-major", ARG_NUM, &(o)->api_major, 255, "N", \
		"Version of the platform's firmware:" }, \
	{ "api-minor", ARG_NUM, &(o)->api_minor, 255, "N", \
		"as query-sev or 'platform' report it," }, \
	{ "build", ARG_NUM, &(o)->build, 255, "N", "build included." }

struct expect {
	enum attest_alg alg;
	bool es;
	uint32_t policy;
	bool have_hashes;
	struct sev_hashes hashes;
	bool have_firmware;
	uint8_t firmware[32];		/* hash of the image alone, for people */
	unsigned int nr;		/* digests: register pages are made in two ways */
	struct {
		const char *vmsa;	/* "init2", "legacy"; NULL without encrypted state */
		uint8_t digest[ALG_HASH_LEN];
	} digests[2];
};

/* owner may be NULL. */
enum status expect_compute(struct expect *ex, const struct expect_opts *o,
	const struct owner *owner);

/* The digest at index and the platform's version as input for a measurement. */
enum status expect_info(const struct expect *ex, const struct expect_opts *o, unsigned int index,
	struct sev_measure_info *info);

void expect_print(const struct expect *ex, struct out *out);

#endif
