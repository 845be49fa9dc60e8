/* SPDX-License-Identifier: Apache-2.0 */
/* tvm-attest measure --tee cca and virtcca. */
#include <stdlib.h>

#include "cli/tvm-attest/out.h"
#include "cli/tvm-attest/realm.h"

static void out_addr(struct out *out, const char *name, uint64_t value)
{
	uint8_t be[8];

	for (unsigned int i = 0; i < 8; i++)
		be[i] = (uint8_t)(value >> (56 - 8 * i));
	out_hex(out, name, be, sizeof(be));
}

static void print(const struct realm *realm, struct out *out)
{
	const struct rim_launch *l = &realm->launch;

	out_text(out, "tee", realm->virtcca ? "virtcca" : "cca");
	if (realm->virtcca)
		out_text(out, "layout", realm->qemu ? "qemu" : "tvm");
	else
		out_text(out, "rmm", l->ripas ? "1.0" : "2.0");
	out_text(out, "hash-algorithm", rim_hash_name(l->params.hash));
	out_num(out, "ipa-bits", l->params.s2sz);
	out_addr(out, "entry", l->boot.pc);
	out_addr(out, "x0", l->boot.gprs[0]);
	if (realm->initrd_ipa)
		out_addr(out, "initrd-address", realm->initrd_ipa);
	out_num(out, "measured-pages", realm->pages);
	out_hex(out, "rpv", realm->rpv, sizeof(realm->rpv));
	out_hex(out, "rim", realm->rim, rim_hash_len(l->params.hash));
	out_end(out);
}

int cmd_measure_realm(int argc, char **argv)
{
	struct realm_opts o = { 0 };
	struct out out = { 0 };
	const struct arg args[] = {
		{ "tee", ARG_TEXT, &o.tee, 0, "cca|virtcca",
			"Kind of guest: an Arm CCA realm, or one of Kunpeng's virtCCA." },
		{ "kernel", ARG_TEXT, &o.kernel, 0, "FILE", "Kernel, an arm64 Image." },
		{ "dtb", ARG_TEXT, &o.dtb, 0, "FILE", "Device tree, as the guest gets it." },
		{ "initrd", ARG_LIST, &o.initrds, 0, "FILE", "Initial ramdisk." },
		{ "data", ARG_LIST, &o.data, 0, "ADDRESS=FILE",
			"Bytes that are measured at an address, such as a firmware image." },
		{ "memory", ARG_ADDR, &o.memory, 0, "SIZE", "Memory: bytes, or with K, M, G, T." },
		{ "ram-base", ARG_ADDR, &o.ram_base, 0, "ADDRESS",
			"Where it begins; default 0x80000000, of --layout qemu 0x40000000." },
		{ "layout", ARG_TEXT, &o.layout, 0, "tvm|qemu", "virtCCA: who launches the guest, "
			"and puts things where; default tvm." },
		{ "vcpus", ARG_NUM, &o.vcpus, 512, "N",
			"Number of vCPUs: measured by virtCCA, else in the device tree." },
		{ "entry", ARG_ADDR, &o.entry, 0, "ADDRESS", "Where vCPU 0 begins; default: the "
			"kernel's entry." },
		{ "x0", ARG_ADDR, &o.x0, 0, "ADDRESS", "Its register x0; default: the device "
			"tree's address." },
		{ "rmm", ARG_TEXT, &o.rmm, 0, "1.0|2.0", "Version of the realm manager: 2.0 does "
			"not measure what is RAM. Default 1.0." },
		{ "hash", ARG_TEXT, &o.hash, 0, "sha256|sha384|sha512", "Hash algorithm; default "
			"sha256." },
		{ "rpv", ARG_TEXT, &o.rpv, 0, "HEX", "Personalization value, up to 64 bytes: not "
			"measured, a token has it beside the RIM." },
		{ "ipa-bits", ARG_NUM, &o.ipa_bits, 255, "N", "Address width; default: twice the "
			"memory's end, at least 33; virtCCA 40." },
		{ "breakpoints", ARG_NUM, &o.breakpoints, 255, "N", "Of a vCPU; default 2." },
		{ "watchpoints", ARG_NUM, &o.watchpoints, 255, "N", "Of a vCPU; default 2." },
		{ "pmu-counters", ARG_NUM, &o.pmu_counters, 31, "N",
			"Default: no PMU; of --layout qemu 1." },
		{ "sve-vl", ARG_NUM, &o.sve_vl, 2048, "BITS", "Vector length; default: no SVE; "
			"virtCCA 128." },
		{ "lpa2", ARG_FLAG, &o.lpa2, 0, NULL, "The realm has 52-bit addresses." },
		{ "json", ARG_FLAG, &out.json, 0, NULL, "Print one JSON object." },
	};
	const struct arg_table table = {
		"measure --tee cca --memory SIZE --kernel FILE --dtb FILE [option]...",
		"Compute the initial measurement (RIM) that a realm's token should have.",
		args, ARGS_NR(args),
	};
	enum args_result parsed = args_parse(&table, argc, argv);
	struct realm *realm;
	enum status s;

	if (parsed != ARGS_GO) {
		s = parsed == ARGS_HELP ? STATUS_OK : STATUS_USAGE;
	} else {
		realm = calloc(1, sizeof(*realm));
		s = realm ? realm_measure(realm, &o) : fail(STATUS_ERROR, "out of memory");
		if (!s)
			print(realm, &out);
		if (realm)
			realm_close(realm);
		free(realm);
	}
	free(o.initrds.items);
	free(o.data.items);
	return s;
}
