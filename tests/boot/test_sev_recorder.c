/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hardware backend of SEV and CSV on a played host (recorder.h): order of commands, their
 * structures, what is measured, and every failure on the way; for each kind, on kernels with
 * and without VM types. Guests are launched, but do not run.
 */
#include <openssl/evp.h>

#include "attest/ovmf_table.h"
#include "attest/sev_hashes.h"
#include "attest/sev_vmsa.h"
#include "base/bits.h"
#include "base/cleanup.h"
#include "base/le.h"
#include "firmware/x86_64/fw_abi.h"
#include "tee/csv/hostcpu.h"
#include "tests/boot/recorder.h"
#include "tests/boot/vm.h"
#include "tests/fault/tiny_elf.h"

struct kind {
	const char *name;
	bool es, vm_types;	/* vm_types: a new kernel gives it a type of its own */
	uint32_t policy;
	const char *init_old, *init_new;
};

static const struct kind kinds[] = {
	{ "sev", false, true, 1, "init", "init2" },
	{ "sev-es", true, true, 5, "es-init", "init2" },
	{ "csv", false, false, 1, "init", "init" },
	{ "csv2", true, false, 5, "es-init", "es-init" },
};

static uint8_t dh_cert[DH_LEN], session[SESSION_LEN];

/* ---- Machines ------------------------------------------------------------------------ */

static char dir[] = "/tmp/tvm-sev-XXXXXX";
static char kernel[64], dh_path[64], session_path[64];
static char logged[4096];

static void on_log(void *opaque, enum tvm_log_level level, const char *line)
{
	size_t len = strlen(logged);

	if (level <= TVM_LOG_WARN)
		snprintf(logged + len, sizeof(logged) - len, "%s\n", line);
}

static const struct tvm_host host = { .size = sizeof(host), .log = on_log,
	.log_level = TVM_LOG_INFO };

static void play(bool new_kernel)
{
	recorder_play(new_kernel);
	logged[0] = 0;
	last_error = (struct tvm_error){ 0 };
}

static struct tvm_config *tee_config(const struct kind *kind, const char *more,
	const char *memory)
{
	struct tvm_config *cfg = tvm_config_new();
	char tee[256];

	snprintf(tee, sizeof(tee), "%s,platform=hw%s", kind->name, more);
	set(cfg, "kernel", kernel);
	set(cfg, "cmdline", "quiet");
	set(cfg, "memory", memory);
	set(cfg, "cpus", "2");
	set(cfg, "serial", "null");
	set(cfg, "tee", tee);
	return cfg;
}

static int try_prepare(const struct kind *kind, const char *more, const char *memory,
	struct tvm_vm **out)
{
	struct tvm_config *cfg = tee_config(kind, more, memory);
	int r = tvm_prepare(cfg, &host, out, &last_error);

	tvm_config_free(cfg);
	return r;
}

static void check_no_complaint(void)
{
	if (rec.complaint[0])
		printf("# %s\n", rec.complaint);
	CHECK(!rec.complaint[0]);
}

static void check_trace(const char *want)
{
	if (strcmp(rec.trace, want))
		printf("# got  %s\n# want %s\n", rec.trace, want);
	CHECK(!strcmp(rec.trace, want));
}

/* ---- A launch ------------------------------------------------------------------------ */

static void check_measured_parts(void)
{
	struct ovmf_table table;
	struct sev_hashes hashes;
	uint8_t file[8192], text[SEV_HASHES_LEN];
	size_t fw_len = (size_t)(fw_x86_64_end - fw_x86_64_start);
	_cleanup_close_ int fd = open(kernel, O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, file, sizeof(file));

	REQUIRE(len > 0 && rec.nr_updates == 2);
	REQUIRE(!ovmf_table_read(fw_x86_64_start, fw_len, &table, NULL));
	CHECK_INT(sev_hashes_compute(&hashes, (struct alg_part){ file, (size_t)len },
		(struct alg_part){ NULL, 0 }, "quiet"), 0);
	sev_hashes_table(&hashes, text);
	CHECK_INT(rec.updates[0].len, fw_len);
	CHECK(!memcmp(rec.updates[0].bytes, fw_x86_64_start, fw_len));
	CHECK_INT(rec.updates[1].len, 176);
	CHECK(!memcmp(rec.updates[1].bytes, text, sizeof(text)));
	/* The firmware ends at 4 GiB; the table is where the firmware looks for it. */
	for (unsigned int i = 0; i < rec.nr_slots; i++) {
		const struct part *s = &rec.slots[i];

		if (range_within(rec.updates[0].addr, fw_len, s->addr, s->len))
			CHECK_INT(rec.slot_gpa[i] + (rec.updates[0].addr - s->addr) + fw_len,
				GIB(4));
		if (range_within(rec.updates[1].addr, 176, s->addr, s->len))
			CHECK_INT(rec.slot_gpa[i] + (rec.updates[1].addr - s->addr),
				table.hashes.base);
	}
}

static void check_measurement(struct tvm_vm *vm, const struct kind *kind, uint32_t policy)
{
	struct tvm_measurement m = { .size = sizeof(m) };

	CHECK_INT(tvm_measurement(vm, &m, &last_error), 0);
	CHECK_INT(m.blob_len, sizeof(rec.measurement));
	CHECK(!memcmp(m.blob, rec.measurement, sizeof(rec.measurement)));
	CHECK(!strcmp(m.kind, kind->name) && !m.soft);
	CHECK_INT(m.api_major, 1);
	CHECK_INT(m.api_minor, 55);
	CHECK_INT(m.build, 21);
	CHECK_INT(m.policy, policy);
}

static void check_secret(struct tvm_vm *vm, gpa_t gpa, uint32_t len)
{
	uint8_t header[52], secret[4096];

	memset(header, (int)len, sizeof(header));
	memset(secret, (int)(len + 1), sizeof(secret));
	CHECK_INT(tvm_inject_secret(vm, header, sizeof(header), secret, len, gpa, &last_error),
		0);
	CHECK_INT(rec.secret_len, len);
	CHECK_INT(rec.secret_addr, recorder_host(gpa ? gpa : FW_SECRET_GPA));
	CHECK(!memcmp(rec.secret_hdr, header, sizeof(header)));
	CHECK(!memcmp(rec.secret, secret, len));
}

static void check_guest_cpuid(const struct kind *kind)
{
	CHECK_INT(rec.leaf.eax, kind->es ? 0xa : 2);
	CHECK_INT(rec.leaf.ebx, C_BIT | REDUCED_BITS << 6);
	CHECK_INT(rec.leaf.ecx, 0);
	CHECK_INT(rec.leaf.edx, 0);
}

static void check_segment(const uint8_t *vmsa, const struct kvm_segment *seg)
{
	CHECK_INT(seg->selector, le_load(vmsa, 2));
	CHECK_INT(seg->type | seg->s << 4 | seg->dpl << 5 | seg->present << 7 | seg->avl << 8 |
		seg->l << 9 | seg->db << 10 | seg->g << 11, le_load(vmsa + 2, 2));
	CHECK_INT(seg->limit, le_load(vmsa + 4, 4));
	CHECK_INT(seg->base, le_load(vmsa + 8, 8));
}

/* What KVM copies into the register pages is what the guest owner expects to be measured. */
static void check_vmsa(unsigned int cpu)
{
	static const struct kvm_regs none;
	struct kvm_regs regs = rec.regs[cpu];
	const struct kvm_sregs *s = &rec.sregs[cpu];
	struct sev_vmsa want = { .start = SEV_RESET_VECTOR };
	uint8_t page[SEV_VMSA_LEN];
	struct csv_cpuid leaf;
	struct ovmf_table table;

	REQUIRE(csv_host_cpuid(1, &leaf) && !ovmf_table_read(fw_x86_64_start,
		(size_t)(fw_x86_64_end - fw_x86_64_start), &table, NULL));
	want.cpu_sig = leaf.eax;
	if (cpu)
		want.start = table.ap_reset;
	sev_vmsa_page(&want, page);
	check_segment(page, &s->es);
	check_segment(page + 0x10, &s->cs);
	check_segment(page + 0x20, &s->ss);
	check_segment(page + 0x30, &s->ds);
	check_segment(page + 0x40, &s->fs);
	check_segment(page + 0x50, &s->gs);
	check_segment(page + 0x70, &s->ldt);
	check_segment(page + 0x90, &s->tr);
	CHECK_INT(s->gdt.limit, le_load(page + 0x64, 4));
	CHECK_INT(s->idt.limit, le_load(page + 0x84, 4));
	CHECK_INT(s->gdt.base | s->idt.base | s->cr2 | s->cr3 | s->cr4 | s->efer, 0);
	/* KVM hides CD and NW from the processor, as it adds EFER.SVME and CR4.MCE. */
	CHECK_INT(s->cr0 & ~0x60000000ULL, le_load(page + 0x158, 8));
	CHECK_INT(regs.rip, le_load(page + 0x178, 8));
	CHECK_INT(regs.rflags, le_load(page + 0x170, 8));
	CHECK_INT(regs.rdx, le_load(page + 0x310, 8));
	regs.rip = regs.rflags = regs.rdx = 0;
	CHECK(!memcmp(&regs, &none, sizeof(regs)));
}

static void check_launch(const struct kind *kind, bool new_kernel, bool high, bool owner)
{
	char more[256] = "", want[512];
	struct tvm_vm *vm = NULL;
	uint32_t policy = kind->policy;
	int fds;

	if (owner) {
		policy |= 0x01370002;	/* NOKS, and the lowest API version */
		snprintf(more, sizeof(more), ",policy=0x%x,dh-cert=%s,session=%s", policy,
			dh_path, session_path);
	}
	play(new_kernel);
	fds = count_entries("/proc/self/fd");
	CHECK_INT(try_prepare(kind, more, high ? "4G" : "16M", &vm), 0);
	if (!vm)
		printf("# %s: %s\n", kind->name, last_error.msg);
	REQUIRE(vm);
	CHECK_INT(rec.vm_type, !new_kernel || !kind->vm_types ? 0 :
		kind->es ? TYPE_SEV_ES : TYPE_SEV);
	CHECK_INT(rec.policy, policy);
	CHECK_INT(rec.dh_len, owner ? DH_LEN : 0);
	CHECK_INT(rec.session_len, owner ? SESSION_LEN : 0);
	CHECK(!memcmp(rec.dh, dh_cert, rec.dh_len));
	CHECK(!memcmp(rec.session, session, rec.session_len));
	CHECK(owner || strstr(logged, "no session given"));
	CHECK(!owner || !logged[0]);
	check_measured_parts();
	check_measurement(vm, kind, policy);
	check_guest_cpuid(kind);
	for (unsigned int i = 0; kind->es && i < 2; i++)
		check_vmsa(i);
	CHECK_INT(rec.nr_slots, high ? 3 : 2);
	check_secret(vm, 0, 64);
	check_secret(vm, high ? GIB(4) + 4096 : 0x300010, 4080);
	CHECK_INT(tvm_start(vm, &last_error), 0);
	CHECK_INT(rec.state, RUNNING);
	for (int i = 0; !rec.runs && i < 5000; i++)
		usleep(1000);
	CHECK(rec.runs);
	tvm_free(vm);
	snprintf(want, sizeof(want), "vm open probe platform %s start status slot region "
		"slot region %svcpu vcpu update status update status %smeasure status "
		"secret status secret status finish status",
		new_kernel ? kind->init_new : kind->init_old, high ? "slot region " : "",
		kind->es ? "vmsa status " : "");
	check_trace(want);
	check_no_complaint();
	CHECK_INT(count_entries("/proc/self/fd"), fds);
}

static void test_launch(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		check_launch(&kinds[i], false, false, true);
		check_launch(&kinds[i], true, true, false);
	}
}

static void test_no_hashes(void)
{
	struct tvm_vm *vm = NULL;

	play(true);
	CHECK_INT(try_prepare(&kinds[0], ",kernel-hashes=off", "16M", &vm), 0);
	CHECK_INT(rec.nr_updates, 1);
	check_trace("vm open probe platform init2 start status slot region slot region vcpu vcpu "
		"update status measure status");
	tvm_free(vm);
	check_no_complaint();
}

static void test_report(void)
{
	static const uint8_t nonce[16] = "nonce of sixteen";
	uint8_t buf[300] = { 0 };
	struct tvm_vm *vm = NULL;
	size_t len = 16;

	play(true);
	CHECK_INT(try_prepare(&kinds[0], "", "16M", &vm), 0);
	REQUIRE(vm);
	CHECK_INT(tvm_report(vm, nonce, buf, &len, &last_error), -ENOSPC);
	CHECK_INT(len, 208);
	len = sizeof(buf);
	CHECK_INT(tvm_report(vm, nonce, buf, &len, &last_error), 0);
	CHECK_INT(len, 208);
	CHECK(!memcmp(buf, nonce, 16) && buf[207] == 0x77 && !buf[208]);
	rec.fail_id = KVM_SEV_GET_ATTESTATION_REPORT;
	rec.fail_nth = 1;
	rec.fail_errno = EIO;
	rec.fail_status = SEV_RET_UNSUPPORTED;
	CHECK_INT(tvm_report(vm, nonce, buf, &len, &last_error), -EIO);
	CHECK_HAS(last_error.msg, "UNSUPPORTED");
	tvm_free(vm);
	check_no_complaint();
}

static void test_bad_secrets(void)
{
	static const struct {
		size_t header, len;
		gpa_t gpa;
	} bad[] = { { 51, 64, 0 }, { 53, 64, 0 }, { 52, 0, 0 }, { 52, 15, 0 }, { 52, 72, 0 },
		{ 52, 16400, 0x300000 }, { 52, 64, 0x300008 }, { 52, 64, 0x300fd0 },
		{ 52, 64, MIB(16) - 32 }, { 52, 64, GIB(5) }, { 52, 64, UINT64_MAX - 15 } };
	static uint8_t bytes[16400];
	struct tvm_vm *vm = NULL;

	play(true);
	CHECK_INT(try_prepare(&kinds[0], "", "16M", &vm), 0);
	REQUIRE(vm);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		last_error.msg[0] = 0;
		CHECK_INT(tvm_inject_secret(vm, bytes, bad[i].header, bytes, bad[i].len,
			bad[i].gpa, &last_error), -EINVAL);
		CHECK_HAS(last_error.msg, "secret: ");
	}
	CHECK(!strstr(rec.trace, "secret"));
	CHECK_INT(tvm_start(vm, &last_error), 0);
	CHECK_INT(tvm_inject_secret(vm, bytes, 52, bytes, 64, 0, &last_error), -EBUSY);
	CHECK(!strstr(rec.trace, "secret"));
	tvm_free(vm);
	check_no_complaint();
}

/* ---- Failures ------------------------------------------------------------------------ */

static const struct {
	int status;
	const char *name;
} statuses[] = {
	{ SEV_RET_INVALID_PLATFORM_STATE, "INVALID_PLATFORM_STATE" },
	{ SEV_RET_INVALID_GUEST_STATE, "INVALID_GUEST_STATE" },
	{ SEV_RET_INAVLID_CONFIG, "INVALID_CONFIG" },
	{ SEV_RET_INVALID_LEN, "INVALID_LEN" },
	{ SEV_RET_ALREADY_OWNED, "ALREADY_OWNED" },
	{ SEV_RET_INVALID_CERTIFICATE, "INVALID_CERTIFICATE" },
	{ SEV_RET_POLICY_FAILURE, "POLICY_FAILURE" },
	{ SEV_RET_INACTIVE, "INACTIVE" },
	{ SEV_RET_INVALID_ADDRESS, "INVALID_ADDRESS" },
	{ SEV_RET_BAD_SIGNATURE, "BAD_SIGNATURE" },
	{ SEV_RET_BAD_MEASUREMENT, "BAD_MEASUREMENT" },
	{ SEV_RET_ASID_OWNED, "ASID_OWNED" },
	{ SEV_RET_INVALID_ASID, "INVALID_ASID" },
	{ SEV_RET_WBINVD_REQUIRED, "WBINVD_REQUIRED" },
	{ SEV_RET_DFFLUSH_REQUIRED, "DFFLUSH_REQUIRED" },
	{ SEV_RET_INVALID_GUEST, "INVALID_GUEST" },
	{ SEV_RET_INVALID_COMMAND, "INVALID_COMMAND" },
	{ SEV_RET_ACTIVE, "ACTIVE" },
	{ SEV_RET_HWSEV_RET_PLATFORM, "HWERROR_PLATFORM" },
	{ SEV_RET_HWSEV_RET_UNSAFE, "HWERROR_UNSAFE" },
	{ SEV_RET_UNSUPPORTED, "UNSUPPORTED" },
	{ SEV_RET_INVALID_PARAM, "INVALID_PARAM" },
	{ SEV_RET_RESOURCE_LIMIT, "RESOURCE_LIMIT" },
	{ SEV_RET_SECURE_DATA_INVALID, "SECURE_DATA_INVALID" },
	{ SEV_RET_NO_FW_CALL, "NO_FW_CALL" },
	{ 0x99, "unknown" },
};

static bool is_refusal(int status)
{
	return status == SEV_RET_BAD_MEASUREMENT || status == SEV_RET_POLICY_FAILURE ||
		status == SEV_RET_INVALID_CERTIFICATE || status == SEV_RET_BAD_SIGNATURE ||
		status == SEV_RET_SECURE_DATA_INVALID;
}

struct step {
	int id;
	unsigned int nth;
	const char *name;
	bool es_only;
};

static const struct step steps[] = {
	{ FAIL_PLATFORM, 1, "PLATFORM_STATUS", false },
	{ -100, 1, "INIT", false },			/* whichever of the three it is */
	{ KVM_SEV_LAUNCH_START, 1, "LAUNCH_START", false },
	{ KVM_SEV_LAUNCH_UPDATE_DATA, 1, "LAUNCH_UPDATE_DATA", false },
	{ KVM_SEV_LAUNCH_UPDATE_DATA, 2, "LAUNCH_UPDATE_DATA", false },
	{ KVM_SEV_LAUNCH_UPDATE_VMSA, 1, "LAUNCH_UPDATE_VMSA", true },
	{ KVM_SEV_LAUNCH_MEASURE, 1, "LAUNCH_MEASURE", false },
	{ KVM_SEV_LAUNCH_SECRET, 1, "LAUNCH_SECRET", false },
	{ KVM_SEV_LAUNCH_FINISH, 1, "LAUNCH_FINISH", false },
	{ KVM_SEV_GUEST_STATUS, 1, "after LAUNCH_START: tee: GUEST_STATUS", false },
	{ KVM_SEV_GUEST_STATUS, 2, "after LAUNCH_UPDATE_DATA: tee: GUEST_STATUS", false },
	{ KVM_SEV_GUEST_STATUS, 4, "GUEST_STATUS", false },
	{ KVM_SEV_GUEST_STATUS, 7, "after LAUNCH_FINISH: tee: GUEST_STATUS", true },
};

static int init_id(const struct kind *kind)
{
	if (rec.new_kernel && kind->vm_types)
		return OP_INIT2;
	return kind->es ? KVM_SEV_ES_INIT : KVM_SEV_INIT;
}

/* Prepare, a secret and start, as far as it goes. The failure that was planned has to show. */
static int whole_launch(const struct kind *kind)
{
	uint8_t bytes[64] = { 0 };
	struct tvm_vm *vm = NULL;
	int fds = count_entries("/proc/self/fd");
	int r = try_prepare(kind, "", "16M", &vm);

	CHECK(!r == !!vm);
	if (!r)
		r = tvm_inject_secret(vm, bytes, 52, bytes, 64, 0, &last_error);
	if (!r)
		r = tvm_start(vm, &last_error);
	if (r)
		CHECK_INT(rec.runs, 0);
	tvm_free(vm);
	CHECK_INT(count_entries("/proc/self/fd"), fds);
	CHECK(r < 0 && last_error.code == r);
	CHECK(last_error.msg[0] && !strchr(last_error.msg, '\n'));
	check_no_complaint();
	return r;
}

static void fail_step(const struct kind *kind, bool new_kernel, const struct step *step,
	int error, int status)
{
	play(new_kernel);
	rec.fail_id = step->id == -100 ? init_id(kind) : step->id;
	rec.fail_nth = step->nth;
	rec.fail_errno = error;
	rec.fail_status = (uint32_t)status;
}

static void check_status(const struct kind *kind, bool new_kernel, const struct step *step,
	unsigned int i)
{
	char part[64];
	const char *at;

	fail_step(kind, new_kernel, step, EIO, statuses[i].status);
	CHECK_INT(whole_launch(kind), is_refusal(statuses[i].status) ? -EKEYREJECTED : -EIO);
	CHECK_HAS(last_error.msg, step->name);
	CHECK_HAS(last_error.msg, statuses[i].name);
	snprintf(part, sizeof(part), "(%u): ", (uint32_t)statuses[i].status);
	at = strstr(last_error.msg, part);
	CHECK(at && strlen(at + strlen(part)) > 10);	/* what helps */
}

/* Every status for every command; the kinds and kernels take turns. */
static void test_statuses(void)
{
	unsigned int turn = 0;

	for (unsigned int s = 0; s < ARRAY_SIZE(steps); s++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(statuses); i++) {
			unsigned int k = steps[s].es_only ? turn % 2 * 2 + 1 : turn % 4;

			check_status(&kinds[k], turn / 4 % 2, &steps[s], i);
			turn++;
		}
	}
}

/* Without a word from the firmware, in every kind on every kernel. */
static void test_errnos(void)
{
	static const int errors[] = { EIO, EINVAL, ENOTTY, ENOMEM, EFAULT, EPERM };

	for (unsigned int n = 0; n < 2 * ARRAY_SIZE(kinds); n++) {
		const struct kind *kind = &kinds[n / 2];

		for (unsigned int s = 0; s < ARRAY_SIZE(steps); s++) {
			int error = errors[(n + s) % ARRAY_SIZE(errors)];

			if (steps[s].es_only && !kind->es)
				continue;
			fail_step(kind, n % 2, &steps[s], error, 0);
			CHECK_INT(whole_launch(kind), -error);
			CHECK_HAS(last_error.msg, steps[s].name);
			CHECK_HAS(last_error.msg, strerror(error));
			CHECK(!strstr(last_error.msg, "SUCCESS"));
		}
	}
}

static void test_wrong_state(void)
{
	static const char *const after[] = { "LAUNCH_START", "LAUNCH_UPDATE_DATA",
		"LAUNCH_UPDATE_DATA", "LAUNCH_UPDATE_VMSA", "LAUNCH_MEASURE", "LAUNCH_SECRET",
		"LAUNCH_FINISH" };

	for (unsigned int n = 0; n < 2 * ARRAY_SIZE(kinds); n++) {
		const struct kind *kind = &kinds[n / 2];
		unsigned int nth = 0;

		for (unsigned int i = 0; i < ARRAY_SIZE(after); i++) {
			if (!kind->es && i == 3)
				continue;
			play(n % 2);
			rec.lie_nth = ++nth;
			rec.lie_policy = (n + i) % 2;
			CHECK_INT(whole_launch(kind), -EPROTO);
			CHECK_HAS(last_error.msg, after[i]);
			CHECK_HAS(last_error.msg, "not to be trusted");
		}
	}
}

static void test_hosts_without(void)
{
	static const int errors[] = { ENOENT, ENXIO, ENODEV };

	for (unsigned int i = 0; i < 3; i++) {
		play(i % 2);
		rec.open_error = errors[i];
		CHECK_INT(whole_launch(&kinds[i]), -ENODEV);
		CHECK_HAS(last_error.msg, "/dev/sev");
		CHECK_HAS(last_error.msg, "platform=soft");
	}
	play(true);
	rec.open_error = EACCES;
	CHECK_INT(whole_launch(&kinds[0]), -EACCES);
	CHECK_HAS(last_error.msg, "/dev/sev");

	play(false);
	rec.no_sev_in_kvm = true;
	CHECK_INT(whole_launch(&kinds[0]), -ENODEV);
	CHECK_HAS(last_error.msg, "kvm_amd.sev=1");
	CHECK_HAS(last_error.msg, "platform=soft");

	play(true);
	rec.platform_state = 0;
	CHECK_INT(whole_launch(&kinds[0]), -ENODEV);
	CHECK_HAS(last_error.msg, "not initialised");

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!kinds[i].es)
			continue;
		play(true);
		rec.platform_flags = 0;
		CHECK_INT(whole_launch(&kinds[i]), -ENODEV);
		CHECK_HAS(last_error.msg, kinds[i].name);
		CHECK_HAS(last_error.msg, "sev_es=1");
	}

	play(true);
	rec.cpu_sev = 1;	/* SME alone */
	CHECK_INT(whole_launch(&kinds[0]), -ENODEV);
	CHECK_HAS(last_error.msg, "platform=soft");
}

static void test_limits(void)
{
	struct step init = { -100, 1, "INIT", false }, reg = { FAIL_REGION, 2, "", false };

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		fail_step(&kinds[i], true, &init, EBUSY, 0);
		CHECK_INT(whole_launch(&kinds[i]), -EBUSY);
		CHECK_HAS(last_error.msg, "end another one");
		fail_step(&kinds[i], true, &reg, ENOMEM, 0);
		CHECK_INT(whole_launch(&kinds[i]), -ENOMEM);
		CHECK_HAS(last_error.msg, "ulimit -l");
		fail_step(&kinds[i], true, &reg, EINVAL, 0);
		CHECK_INT(whole_launch(&kinds[i]), -EINVAL);
		CHECK_HAS(last_error.msg, "REG_REGION");
	}
}

/* Policies that contradict the kind never reach the platform. */
static void test_bad_policy(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct tvm_vm *vm = NULL;

		play(true);
		CHECK_INT(try_prepare(&kinds[i], kinds[i].es ? ",policy=1" : ",policy=5", "16M",
			&vm), -EINVAL);
		CHECK_HAS(last_error.msg, "ES bit");
		check_trace("");
	}
}

/* This host as it is, with nobody in between. */
static void test_this_host(void)
{
	struct tvm_vm *vm = NULL;

	recorder_off();
	if (!access("/dev/sev", F_OK))
		SKIP("this host has /dev/sev");
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		last_error.msg[0] = 0;
		CHECK_INT(try_prepare(&kinds[i], "", "16M", &vm), -ENODEV);
		CHECK(!vm && !strchr(last_error.msg, '\n'));
		CHECK_HAS(last_error.msg, "no SEV or CSV");
		CHECK_HAS(last_error.msg, "/dev/sev");
		CHECK_HAS(last_error.msg, "platform=soft");
	}
}

static bool put(char *path, size_t size, const char *name, const void *bytes, size_t len)
{
	_cleanup_close_ int fd = -1;

	snprintf(path, size, "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return fd >= 0 && (bytes ? write(fd, bytes, len) == (ssize_t)len :
		tiny_elf_write(fd, (uint8_t[]){ TINY_HALT }, 3));
}

static bool make_files(void)
{
	char text[SESSION_LEN * 2];

	for (size_t i = 0; i < sizeof(dh_cert); i++)
		dh_cert[i] = (uint8_t)(i * 13);
	for (size_t i = 0; i < sizeof(session); i++)
		session[i] = (uint8_t)(i * 29 + 3);
	/* Owners' tools write either; the session comes as text here. */
	EVP_EncodeBlock((unsigned char *)text, session, sizeof(session));
	return mkdtemp(dir) && put(kernel, sizeof(kernel), "kernel", NULL, 0) &&
		put(dh_path, sizeof(dh_path), "dh", dh_cert, sizeof(dh_cert)) &&
		put(session_path, sizeof(session_path), "session", text, strlen(text));
}

int main(void)
{
	if (!tvm_has("kvm")) {
		printf("1..0 # SKIP no usable /dev/kvm\n");
		return 77;
	}
	signal(SIGALRM, on_alarm);
	if (!make_files()) {
		printf("Bail out! cannot write to %s\n", dir);
		return 1;
	}
	RUN_LIMITED(test_this_host);
	RUN_LIMITED(test_launch);
	RUN_LIMITED(test_no_hashes);
	RUN_LIMITED(test_report);
	RUN_LIMITED(test_bad_secrets);
	RUN_LIMITED(test_bad_policy);
	RUN_LIMITED(test_hosts_without);
	RUN_LIMITED(test_limits);
	RUN_LIMITED(test_wrong_state);
	RUN_LIMITED(test_errnos);
	RUN_LIMITED(test_statuses);
	recorder_off();
	unlink(kernel);
	unlink(dh_path);
	unlink(session_path);
	rmdir(dir);
	return tests_done();
}
