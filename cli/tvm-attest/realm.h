/* SPDX-License-Identifier: Apache-2.0 */
/* What a realm should measure, from the owner's own files and the host's configuration. */
#ifndef CLI_TVM_ATTEST_REALM_H
#define CLI_TVM_ATTEST_REALM_H

#include "attest/rim_launch.h"
#include "cli/tvm-attest/args.h"
#include "cli/tvm-attest/cmd.h"
#include "cli/tvm-attest/file.h"

struct realm_opts {
	const char *tee, *kernel, *dtb, *hash, *rpv, *rmm, *layout;
	struct arg_list initrds, data;
	struct arg_addr memory, ram_base, entry, x0;
	struct arg_num vcpus, ipa_bits, breakpoints, watchpoints, pmu_counters, sve_vl;
	bool lpa2;
};

struct realm {
	struct rim_launch launch;
	uint8_t rpv[RIM_RPV_LEN];
	bool virtcca, qemu;	/* which layout virtCCA's parts have */
	uint64_t dtb_ipa, initrd_ipa;	/* 0: none */
	uint8_t stub[RIM_VIRTCCA_STUB_LEN];
	unsigned int nr_files;
	struct file files[RIM_PARTS_MAX]; /* owned */
	uint8_t *initrd;		/* owned: all of them, one behind the other */
	uint8_t rim[RIM_MAX];
	uint64_t pages;
};

/* RIM_RPV_LEN or 64 bytes of hexadecimal text; fewer are followed by zeros. */
enum status realm_padded(const char *name, const char *text, uint8_t out[64]);

/* Read what o names and measure it. realm_close() in any case. */
enum status realm_measure(struct realm *realm, const struct realm_opts *o);
void realm_close(struct realm *realm);

#endif
