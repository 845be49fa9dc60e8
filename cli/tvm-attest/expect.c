/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tvm-attest/expect.h"

#include <string.h>

#include "attest/sev_launch.h"
#include "attest/text.h"
#include "cli/tvm-attest/file.h"
#include "tvm.h"

#define POLICY_NODBG 1U
#define POLICY_ES (1U << 2)

static const struct {
	const char *name;
	enum attest_alg alg;
	bool es;
} tees[] = {
	{ "sev", ATTEST_SEV, false },
	{ "sev-es", ATTEST_SEV, true },
	{ "csv", ATTEST_CSV, false },
	{ "csv2", ATTEST_CSV, true },
};

/* Algorithms, encrypted state and policy, from options and session: they must agree. */
static enum status choose(struct expect *ex, const struct expect_opts *o,
	const struct owner *owner)
{
	bool known = owner && owner->known;
	size_t i = 0;

	if (known && o->policy.given && o->policy.value != owner->policy)
		return fail(STATUS_USAGE, "--policy 0x%x: the session was made for 0x%x",
			o->policy.value, owner->policy);
	if (known)
		ex->policy = owner->policy;
	if (o->policy.given)
		ex->policy = o->policy.value;
	if (!o->tee) {
		ex->alg = known ? owner->alg : ATTEST_SEV;
		ex->es = ex->policy & POLICY_ES;
	} else {
		while (i < ARGS_NR(tees) && strcmp(tees[i].name, o->tee))
			i++;
		if (i == ARGS_NR(tees))
			return fail(STATUS_USAGE, "--tee %s: choose sev, sev-es, csv, "
				"csv2, cca or virtcca", o->tee);
		ex->alg = tees[i].alg;
		ex->es = tees[i].es;
		if (known && ex->alg != owner->alg)
			return fail(STATUS_USAGE, "--tee %s: the session was made for %s",
				o->tee, owner->alg == ATTEST_CSV ? "csv" : "sev");
	}
	if (!known && !o->policy.given)
		ex->policy = POLICY_NODBG | (ex->es ? POLICY_ES : 0);
	if (ex->es != !!(ex->policy & POLICY_ES))
		return fail(STATUS_USAGE, "policy 0x%x %s encrypted state (bit 2): not "
			"--tee %s", ex->policy, ex->es ? "does not ask for" : "asks for", o->tee);
	return STATUS_OK;
}

static enum status cpu_sig(const struct expect_opts *o, uint32_t *out)
{
	char names[256] = "";

	if (o->cpu && o->cpu_sig.given)
		return fail(STATUS_USAGE, "--cpu and --cpu-sig exclude each other");
	if (!o->cpu && !o->cpu_sig.given)
		return fail(STATUS_USAGE, "encrypted register state depends on the "
			"processor model: name it with --cpu or --cpu-sig");
	*out = o->cpu ? sev_cpu_sig_by_name(o->cpu) : o->cpu_sig.value;
	if (*out || !o->cpu)
		return STATUS_OK;
	for (unsigned int i = 0; sev_cpu_name(i); i++) {
		strncat(names, " ", sizeof(names) - strlen(names) - 1);
		strncat(names, sev_cpu_name(i), sizeof(names) - strlen(names) - 1);
	}
	return fail(STATUS_USAGE, "--cpu %s: known are%s", o->cpu, names);
}

static enum status digest(struct expect *ex, struct sev_launch *l, bool legacy)
{
	struct tvm_error err = { 0 };

	l->vmsa_legacy = legacy;
	if (sev_launch_digest(l, ex->digests[ex->nr].digest, &err) < 0)
		return fail(STATUS_ERROR, "%s", err.msg);
	ex->digests[ex->nr++].vmsa = !l->es ? NULL : legacy ? "legacy" : "init2";
	return STATUS_OK;
}

static enum status digests(struct expect *ex, const struct expect_opts *o,
	const struct file *firmware)
{
	struct sev_launch l = {
		.alg = ex->alg,
		.es = ex->es,
		.firmware = { firmware->data, firmware->len },
		.hashes = ex->have_hashes ? &ex->hashes : NULL,
		.vcpus = o->vcpus.given ? o->vcpus.value : 1,
		.vmsa_features = o->vmsa_features.value,
	};
	enum status s = STATUS_OK;

	if (ex->es)
		s = cpu_sig(o, &l.cpu_sig);
	if (!s && o->vmsa && strcmp(o->vmsa, "init2") && strcmp(o->vmsa, "legacy"))
		s = fail(STATUS_USAGE, "--vmsa %s: choose init2 or legacy", o->vmsa);
	if (!s && (!ex->es || !o->vmsa || !strcmp(o->vmsa, "init2")))
		s = digest(ex, &l, false);
	if (!s && ex->es && (!o->vmsa || !strcmp(o->vmsa, "legacy")))
		s = digest(ex, &l, true);
	return s;
}

static enum status hashes(struct expect *ex, const struct expect_opts *o)
{
	struct file kernel = { 0 }, initrd = { 0 };
	enum status s = file_open(&kernel, "kernel", o->kernel);

	if (!s && o->initrd)
		s = file_open(&initrd, "initrd", o->initrd);
	if (!s && sev_hashes_compute(&ex->hashes, (struct alg_part){ kernel.data, kernel.len },
		    (struct alg_part){ initrd.data, initrd.len }, o->cmdline) < 0)
		s = fail(STATUS_ERROR, "libcrypto failed");
	ex->have_hashes = true;
	file_close(&kernel);
	file_close(&initrd);
	return s;
}

static enum status from_files(struct expect *ex, const struct expect_opts *o)
{
	struct alg_part part;
	struct file firmware;
	enum status s;

	if (!o->firmware)
		return fail(STATUS_USAGE, "--firmware is required: it is measured first");
	if (!o->kernel && (o->initrd || o->cmdline))
		return fail(STATUS_USAGE, "--initrd and --cmdline need --kernel: without "
			"one no hash table is measured");
	s = o->kernel ? hashes(ex, o) : STATUS_OK;
	s = s ? s : file_open(&firmware, "firmware", o->firmware);
	if (s)
		return s;
	part = (struct alg_part){ firmware.data, firmware.len };
	if (!firmware.len)
		s = fail(STATUS_ERROR, "firmware: '%s' is empty", o->firmware);
	else if (alg_hash(ex->alg, &part, 1, ex->firmware) < 0)
		s = fail(STATUS_ERROR, "libcrypto failed");
	s = s ? s : digests(ex, o, &firmware);
	ex->have_firmware = true;
	file_close(&firmware);
	return s;
}

enum status expect_compute(struct expect *ex, const struct expect_opts *o,
	const struct owner *owner)
{
	enum status s;

	memset(ex, 0, sizeof(*ex));
	s = choose(ex, o, owner);
	if (s || !o->digest)
		return s ? s : from_files(ex, o);
	if (o->firmware || o->kernel || o->initrd || o->cmdline)
		return fail(STATUS_USAGE, "--digest stands for --firmware and what "
			"follows from it");
	if (!text_unhex(o->digest, ex->digests[0].digest, ALG_HASH_LEN))
		return fail(STATUS_USAGE, "--digest takes 64 hexadecimal digits");
	ex->nr = 1;
	return STATUS_OK;
}

enum status expect_info(const struct expect *ex, const struct expect_opts *o, unsigned int index,
	struct sev_measure_info *info)
{
	if (!o->api_major.given || !o->api_minor.given || !o->build.given)
		return fail(STATUS_USAGE, "a measurement covers the platform's version: "
			"--api-major, --api-minor and --build are required");
	*info = (struct sev_measure_info){
		.api_major = (uint8_t)o->api_major.value,
		.api_minor = (uint8_t)o->api_minor.value,
		.build = (uint8_t)o->build.value,
		.policy = ex->policy,
	};
	memcpy(info->digest, ex->digests[index].digest, sizeof(info->digest));
	return STATUS_OK;
}

void expect_print(const struct expect *ex, struct out *out)
{
	out_text(out, "algorithms", ex->alg == ATTEST_CSV ? "csv" : "sev");
	out_hexnum(out, "policy", ex->policy);
	if (ex->have_firmware)
		out_hex(out, "firmware-hash", ex->firmware, sizeof(ex->firmware));
	if (ex->have_hashes) {
		out_hex(out, "kernel-hash", ex->hashes.kernel, sizeof(ex->hashes.kernel));
		out_hex(out, "initrd-hash", ex->hashes.initrd, sizeof(ex->hashes.initrd));
		out_hex(out, "cmdline-hash", ex->hashes.cmdline, sizeof(ex->hashes.cmdline));
	}
}
