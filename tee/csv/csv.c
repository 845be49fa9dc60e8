/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launch of SEV, SEV-ES, CSV and CSV2 guests, written once against the kernel's interface
 * (Documentation/virt/kvm/x86/amd-memory-encryption.rst):
 *
 *	INIT, LAUNCH_START          probe, vm_init: before vCPUs and memory
 *	REG_REGION                  each memory range
 *	LAUNCH_UPDATE_DATA          each gmem_populate(), in its order
 *	LAUNCH_UPDATE_VMSA, MEASURE finalize: the machine is "measured"
 *	LAUNCH_SECRET               any number of times
 *	LAUNCH_FINISH               start
 *
 * After each command the guest's state is read back; another one than expected ends the launch.
 */
#include "tee/csv/csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/blob.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tee/csv/manifest.h"
#include "vmm/gmem.h"
#include "vmm/vm.h"

static const struct csv_kind kinds[] = {
	{ "sev", false, false, SEV_POLICY_NODBG },
	{ "sev-es", false, true, SEV_POLICY_NODBG | SEV_POLICY_ES },
	{ "csv", true, false, SEV_POLICY_NODBG },
	{ "csv2", true, true, SEV_POLICY_NODBG | SEV_POLICY_ES },
};

static const struct csv_kind *kind_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Refusals of what the guest owner gave, in contrast to a broken host. */
static bool is_refusal(uint32_t status)
{
	return status == SEV_RET_BAD_MEASUREMENT || status == SEV_RET_POLICY_FAILURE ||
		status == SEV_RET_INVALID_CERTIFICATE || status == SEV_RET_BAD_SIGNATURE ||
		status == SEV_RET_SECURE_DATA_INVALID;
}

/* What a command's failure means; -EIO alone comes with the firmware's own status. */
static int refused(int r, uint32_t status, const char *what, struct tvm_error *err)
{
	if (r != -EIO || !status)
		return err_sys(err, r, "tee: %s", what);
	return err_set(err, is_refusal(status) ? -EKEYREJECTED : -EIO,
		"tee: %s: the firmware says %s (%u): %s", what, sev_status_name(status), status,
		sev_status_remedy(status));
}

int csv_command(struct csv *csv, enum csv_step step, enum sev_guest_cmd id, void *data,
	const char *what, struct tvm_error *err)
{
	uint64_t start = now_ns();
	uint32_t status = 0;
	int r = csv->backend.ops->op(csv->backend.ctx, id, data, &status);

	csv->step_ns[step] += now_ns() - start;
	csv->commands++;
	return r < 0 ? refused(r, status, what, err) : 0;
}

static int expect_state(struct csv *csv, enum sev_gstate want, const char *after,
	struct tvm_error *err)
{
	struct sev_guest_status st = { 0 };
	uint32_t status = 0;
	int r = csv->backend.ops->op(csv->backend.ctx, SEV_CMD_GUEST_STATUS, &st, &status);

	if (r < 0) {
		r = refused(r, status, "GUEST_STATUS", err);
		return err_prefix(err, r, "after %s", after);
	}
	if (st.state != want || st.policy != csv->policy)
		return err_set(err, -EPROTO, "tee: after %s the guest is in state %u with policy "
			"0x%x, not %u and 0x%x: this platform is not to be trusted", after,
			st.state, st.policy, want, csv->policy);
	return 0;
}

static int csv_probe(struct vm *vm, unsigned long *vm_type_out, struct tvm_error *err)
{
	const struct tee_opts *opts = &vm->cfg->tee;
	struct csv *csv = calloc(1, sizeof(*csv));

	if (!csv)
		return err_set(err, -ENOMEM, "tee: out of memory");
	vm->tee_state = csv;
	csv->kind = kind_of(opts->kind);
	csv->soft = opts->platform == TEE_PLATFORM_SOFT;
	csv->policy = opts->policy == CONFIG_POLICY_DEFAULT ? csv->kind->policy : opts->policy;
	if (csv->kind->es != !!(csv->policy & SEV_POLICY_ES))
		return err_set(err, -EINVAL, "tee: policy 0x%x %s the ES bit (0x4), but kind %s "
			"%s it", csv->policy, csv->policy & SEV_POLICY_ES ? "has" : "lacks",
			csv->kind->name, csv->kind->es ? "needs" : "does not have");
	/* Old kernels and CSV know only the commands; explicit VM types take INIT2. */
	if (!csv->kind->csv) {
		unsigned long type = csv->kind->es ? SEV_KVM_TYPE_SEV_ES : SEV_KVM_TYPE_SEV;

		if (csv->soft)
			csv->init2 = true;
		else if (kvm_cap(&vm->kvm, SEV_KVM_CAP_VM_TYPES) & (1 << type)) {
			csv->init2 = true;
			*vm_type_out = type;
		}
	}
	return 0;
}

static int platform_check(struct csv *csv, struct tvm_error *err)
{
	uint32_t status = 0;
	int r = csv->backend.ops->platform(csv->backend.ctx, SEV_PLATFORM_STATUS, &csv->platform,
		&status);

	if (r < 0)
		return refused(r, status, "PLATFORM_STATUS", err);
	if (!csv->platform.state)
		return err_set(err, -ENODEV, "tee: the secure processor is not initialised; see "
			"the host kernel's log for ccp");
	if (csv->kind->es && !(csv->platform.flags & 0x100))
		return err_set(err, -ENODEV,
			"tee: %s is not enabled on this host (kvm_amd.sev_es=1)", csv->kind->name);
	return 0;
}

static int launch_start(struct vm *vm, struct csv *csv, struct tvm_error *err)
{
	const struct tee_opts *opts = &vm->cfg->tee;
	_cleanup_free_ uint8_t *cert = NULL, *session = NULL;
	struct sev_launch_start start = { .policy = csv->policy };
	size_t cert_len = 0, session_len = 0;
	int r = 0;

	if (opts->session) {
		r = blob_read(opts->dh_cert, "dh-cert", SEV_BLOB_MAX, &cert, &cert_len, err);
		if (!r)
			r = blob_read(opts->session, "session", SEV_BLOB_MAX, &session,
				&session_len, err);
		if (r < 0)
			return r;
		start.dh_uaddr = (uintptr_t)cert;
		start.dh_len = (uint32_t)cert_len;
		start.session_uaddr = (uintptr_t)session;
		start.session_len = (uint32_t)session_len;
	} else {
		log_warn(&vm->log, "tee: no session given: nobody can check the measurement or "
			"send a secret");
	}
	r = csv_command(csv, CSV_STEP_START, SEV_CMD_LAUNCH_START, &start, "LAUNCH_START", err);
	if (r < 0)
		return r;
	return expect_state(csv, SEV_GSTATE_LUPDATE, "LAUNCH_START", err);
}

static int csv_vm_init(struct vm *vm, struct tvm_error *err)
{
	struct csv *csv = csv_of(vm->tee_state);
	struct sev_init2 init2 = { 0 };
	int r = csv->soft ? csv_soft_open(vm, err) :
		sev_backend_kvm_open(&vm->kvm, &csv->backend, err);

	if (!r)
		r = platform_check(csv, err);
	if (!r)
		r = csv_guest_init(vm, err);
	if (r < 0)
		return r;
	if (csv->init2)
		r = csv_command(csv, CSV_STEP_INIT, SEV_CMD_INIT2, &init2, "SEV_INIT2", err);
	else if (csv->kind->es)
		r = csv_command(csv, CSV_STEP_INIT, SEV_CMD_ES_INIT, NULL, "SEV_ES_INIT", err);
	else
		r = csv_command(csv, CSV_STEP_INIT, SEV_CMD_INIT, NULL, "SEV_INIT", err);
	if (r == -EBUSY)
		return err_set(err, r, "tee: this host runs as many %s guests as it has ASIDs for; "
			"end another one", csv->kind->name);
	if (r < 0)
		return r;
	log_info(&vm->log, "tee: %s on the %s platform, API %u.%u build %u, policy 0x%x",
		csv->kind->name, csv->soft ? "soft (not confidential)" : "hardware",
		csv->platform.api_major, csv->platform.api_minor, csv->platform.build, csv->policy);
	if (csv->soft && csv->kind->es)
		log_warn(&vm->log, "tee: soft platform: %s is launched as such, but the guest runs "
			"without encrypted registers, as a plain one", csv->kind->name);
	return launch_start(vm, csv, err);
}

static int csv_mem_add(struct vm *vm, const struct gmem_slot *slot, unsigned int index,
	struct tvm_error *err)
{
	struct csv *csv = csv_of(vm->tee_state);
	int r;

	if (csv->views && !index) /* devices reach what the guest shares, and nothing else */
		gmem_restrict(vm->gmem, soft_views_shared, csv->views);
	r = csv->views ? soft_views_add(csv->views, slot, err) :
		kvm_add_slot(&vm->kvm, index, slot->gpa, slot->size, slot->hva, err);

	if (r < 0)
		return r;
	r = csv->backend.ops->reg_region(csv->backend.ctx, (uintptr_t)slot->hva, slot->size);
	if (r == -ENOMEM)
		return err_set(err, r, "tee: cannot pin %llu MiB of guest memory; raise the limit "
			"of locked memory (ulimit -l)", (unsigned long long)slot->size >> 20);
	return r < 0 ? err_sys(err, r, "tee: REG_REGION") : 0;
}

static int csv_stage(struct vm *vm, gpa_t gpa, uint64_t len, struct tvm_error *err)
{
	struct csv *csv = csv_of(vm->tee_state);

	return csv->views ? soft_views_stage(csv->views, gpa, len, err) : 0;
}

static int csv_populate(struct vm *vm, gpa_t gpa, size_t len, struct tvm_error *err)
{
	struct csv *csv = csv_of(vm->tee_state);
	struct sev_launch_update_data data = {
		.uaddr = (uintptr_t)gmem_host(vm->gmem, gpa, len),
		.len = (uint32_t)len,
	};
	int r;

	if (len % 16 || gpa % 16 || len > UINT32_MAX)
		return err_set(err, -EINVAL, "tee: %zu bytes at 0x%llx: measured contents come in "
			"multiples of 16", len, (unsigned long long)gpa);
	r = csv_command(csv, CSV_STEP_UPDATE, SEV_CMD_LAUNCH_UPDATE_DATA, &data,
		"LAUNCH_UPDATE_DATA", err);
	if (r < 0)
		return r;
	csv->measured_bytes += len;
	return expect_state(csv, SEV_GSTATE_LUPDATE, "LAUNCH_UPDATE_DATA", err);
}

static int csv_finalize(struct vm *vm, struct tvm_error *err)
{
	struct csv *csv = csv_of(vm->tee_state);
	struct sev_launch_measure m = {
		.uaddr = (uintptr_t)&csv->measure,
		.len = sizeof(csv->measure),
	};
	int r = 0;

	if (csv->kind->es)
		r = csv_command(csv, CSV_STEP_VMSA, SEV_CMD_LAUNCH_UPDATE_VMSA, NULL,
			"LAUNCH_UPDATE_VMSA", err);
	if (!r && csv->kind->es)
		r = expect_state(csv, SEV_GSTATE_LUPDATE, "LAUNCH_UPDATE_VMSA", err);
	if (!r)
		r = csv_command(csv, CSV_STEP_MEASURE, SEV_CMD_LAUNCH_MEASURE, &m,
			"LAUNCH_MEASURE", err);
	if (!r)
		r = expect_state(csv, SEV_GSTATE_LSECRET, "LAUNCH_MEASURE", err);
	if (r < 0)
		return r;
	csv->measured = true;
	return 0;
}

static int manifest(const struct tvm_config *cfg, const struct firmware *fw, FILE *f,
	struct tvm_error *err)
{
	return csv_manifest(kind_of(cfg->tee.kind), cfg, fw, f, err);
}

static int csv_measurement(struct vm *vm, struct tvm_measurement *out, struct tvm_error *err)
{
	struct csv *csv = csv_of(vm->tee_state);

	if (!csv->measured)
		return err_set(err, -EAGAIN, "measurement: the launch has not come that far");
	memcpy(out->blob, &csv->measure, sizeof(csv->measure));
	out->blob_len = sizeof(csv->measure);
	out->kind = csv->kind->name;
	out->soft = csv->soft;
	out->api_major = csv->platform.api_major;
	out->api_minor = csv->platform.api_minor;
	out->build = csv->platform.build;
	out->policy = csv->policy;
	return 0;
}

static int csv_report(struct vm *vm, const uint8_t mnonce[16], void *buf, size_t *len,
	struct tvm_error *err)
{
	struct csv *csv = csv_of(vm->tee_state);
	struct sev_attestation_report rep = { .uaddr = (uintptr_t)buf, .len = (uint32_t)*len };
	uint32_t status = 0;
	int r;

	memcpy(rep.mnonce, mnonce, sizeof(rep.mnonce));
	r = csv->backend.ops->op(csv->backend.ctx, SEV_CMD_GET_ATTESTATION_REPORT, &rep, &status);
	*len = rep.len;
	if (r == -EIO && status == SEV_RET_INVALID_LEN)
		return err_set(err, -ENOSPC, "report: needs %zu bytes", *len);
	return r < 0 ? refused(r, status, "GET_ATTESTATION_REPORT", err) : 0;
}

static int csv_secret(struct vm *vm, gpa_t gpa, const void *header, size_t header_len,
	const void *secret, size_t len, struct tvm_error *err)
{
	struct csv *csv = csv_of(vm->tee_state);
	struct sev_launch_secret s = {
		.hdr_uaddr = (uintptr_t)header,
		.hdr_len = (uint32_t)header_len,
		.guest_uaddr = (uintptr_t)gmem_host(vm->gmem, gpa, len),
		.guest_len = (uint32_t)len,
		.trans_uaddr = (uintptr_t)secret,
		.trans_len = (uint32_t)len,
	};
	int r;

	if (!csv->measured || csv->finished)
		return err_set(err, -EBUSY,
			"secret: it is taken between the measurement and the start");
	if (header_len != SEV_SECRET_HDR_LEN)
		return err_set(err, -EINVAL, "secret: the header has %zu bytes, not %d", header_len,
			SEV_SECRET_HDR_LEN);
	if (!len || len % 16 || len > SEV_BLOB_MAX)
		return err_set(err, -EINVAL, "secret: %zu bytes; a packet has 16 to %d, in "
			"multiples of 16", len, SEV_BLOB_MAX);
	if (!s.guest_uaddr || gpa % 16 || gpa % 4096 + len > 4096)
		return err_set(err, -EINVAL, "secret: %zu bytes at 0x%llx are not 16-byte aligned "
			"guest memory inside one page", len, (unsigned long long)gpa);
	r = csv_command(csv, CSV_STEP_SECRET, SEV_CMD_LAUNCH_SECRET, &s, "LAUNCH_SECRET", err);
	if (r < 0)
		return r;
	return expect_state(csv, SEV_GSTATE_LSECRET, "LAUNCH_SECRET", err);
}

static int csv_start(struct vm *vm, struct tvm_error *err)
{
	struct csv *csv = csv_of(vm->tee_state);
	int r;

	if (csv->finished)
		return 0;
	r = csv_command(csv, CSV_STEP_FINISH, SEV_CMD_LAUNCH_FINISH, NULL, "LAUNCH_FINISH", err);
	if (!r)
		r = expect_state(csv, SEV_GSTATE_RUNNING, "LAUNCH_FINISH", err);
	if (!r)
		csv->finished = true;
	return r;
}

static void csv_metrics(struct vm *vm, FILE *f)
{
	static const char *const steps[CSV_NR_STEPS] = { "init", "launch_start", "update_data",
		"update_vmsa", "measure", "secret", "finish" };
	struct csv *csv = csv_of(vm->tee_state);

	fprintf(f, ",\"launch\":{\"kind\":\"%s\",\"platform\":\"%s\",\"commands\":%u,"
		"\"measured_bytes\":%llu,\"step_ns\":{", csv->kind->name, csv->soft ? "soft" : "hw",
		csv->commands, (unsigned long long)csv->measured_bytes);
	for (int i = 0; i < CSV_NR_STEPS; i++)
		fprintf(f, "%s\"%s\":%llu", i ? "," : "", steps[i],
			(unsigned long long)csv->step_ns[i]);
	fputs("}}", f);
	if (csv->views) {
		struct soft_views_stats st;

		soft_views_stats(csv->views, &st);
		fprintf(f, ",\"soft_memory\":{\"shared_pages\":%llu,\"announcements\":%llu,"
			"\"rejected\":%llu,\"switched\":%s}", (unsigned long long)st.shared_pages,
			(unsigned long long)st.announcements,
			(unsigned long long)atomic_load(&csv->rejected),
			st.switched ? "true" : "false");
	}
}

static void csv_destroy(struct vm *vm)
{
	struct csv *csv = csv_of(vm->tee_state);

	if (!csv)
		return;
	if (csv->backend.ops)
		csv->backend.ops->close(csv->backend.ctx);
	soft_views_destroy(csv->views);
	free(csv);
	vm->tee_state = NULL;
}

#define CSV_OPS(text) \
	{ \
		.name = text, \
		.confidential = true, \
		.probe = csv_probe, \
		.vm_init = csv_vm_init, \
		.mem_add = csv_mem_add, \
		.cpuid = csv_guest_cpuid, \
		.vcpu_init = csv_vcpu_init, \
		.stage = csv_stage, \
		.populate = csv_populate, \
		.finalize = csv_finalize, \
		.manifest = manifest, \
		.measurement = csv_measurement, \
		.report = csv_report, \
		.secret = csv_secret, \
		.start = csv_start, \
		.vcpu_exit = csv_guest_exit, \
		.metrics = csv_metrics, \
		.destroy = csv_destroy, \
	}

static const struct tee_ops ops_sev = CSV_OPS("sev");
static const struct tee_ops ops_sev_es = CSV_OPS("sev-es");
static const struct tee_ops ops_csv = CSV_OPS("csv");
static const struct tee_ops ops_csv2 = CSV_OPS("csv2");

const struct tee_ops *const tee_backends[] = {
	&ops_sev, &ops_sev_es, &ops_csv, &ops_csv2, NULL
};
