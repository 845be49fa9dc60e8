/* SPDX-License-Identifier: Apache-2.0 */
/* The host that is played: a small state machine behind two ioctls. */
#include "tests/boot/recorder.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bits.h"
#include "tee/csv/hostcpu.h"

struct recorder rec = { .lock = PTHREAD_MUTEX_INITIALIZER, .sev_fd = -1, .vm_fd = -1 };

__attribute__((format(printf, 1, 2)))
static void complain(const char *fmt, ...)
{
	va_list ap;

	if (rec.complaint[0])
		return;
	va_start(ap, fmt);
	vsnprintf(rec.complaint, sizeof(rec.complaint), fmt, ap);
	va_end(ap);
}

static void trace(const char *word)
{
	size_t len = strlen(rec.trace);

	snprintf(rec.trace + len, sizeof(rec.trace) - len, "%s%s", len ? " " : "", word);
}

/* As the kernel: 0, or -1 with errno; the firmware's status beside -EIO. */
static int answer(int error)
{
	errno = error;
	return error ? -1 : 0;
}

static bool fails(int id)
{
	return rec.fail_id == id && !--rec.fail_nth;
}

static bool within(const struct part *parts, unsigned int nr, uint64_t addr, uint64_t len)
{
	for (unsigned int i = 0; i < nr; i++)
		if (range_within(addr, len, parts[i].addr, parts[i].len))
			return true;
	return false;
}

static void copy_in(uint8_t *dst, uint64_t uaddr, size_t len)
{
	if (len)
		memcpy(dst, (void *)(uintptr_t)uaddr, len);
}

/* What a structure holds beside its members has to be zero. */
#define CHECK_PADDING(got, ...) \
	do { \
		__typeof__(*(got)) want_; \
		memset(&want_, 0, sizeof(want_)); \
		__VA_ARGS__; \
		if (memcmp(&want_, (got), sizeof(want_))) \
			complain("%s: bytes between the members", __func__); \
	} while (0)

static int op_start(struct kvm_sev_launch_start *s)
{
	trace("start");
	CHECK_PADDING(s, want_.policy = s->policy, want_.dh_uaddr = s->dh_uaddr,
		want_.dh_len = s->dh_len, want_.session_uaddr = s->session_uaddr,
		want_.session_len = s->session_len);
	if (!rec.initialised || rec.state != UNINIT)
		return EINVAL;
	if (s->dh_len > sizeof(rec.dh) || s->session_len > sizeof(rec.session))
		return EINVAL;
	if (!s->dh_len != !s->dh_uaddr || !s->session_len != !s->session_uaddr)
		complain("LAUNCH_START: an address without a length");
	rec.dh_len = s->dh_len;
	rec.session_len = s->session_len;
	copy_in(rec.dh, s->dh_uaddr, s->dh_len);
	copy_in(rec.session, s->session_uaddr, s->session_len);
	rec.policy = s->policy;
	rec.state = LUPDATE;
	s->handle = HANDLE;
	return 0;
}

/* amd-memory-encryption.rst: all memory is pinned before the firmware encrypts any. */
static void check_regions(void)
{
	for (unsigned int i = 0; i < rec.nr_slots; i++)
		if (!within(rec.regions, rec.nr_regions, rec.slots[i].addr, rec.slots[i].len))
			complain("UPDATE_DATA: slot %u is not registered", i);
}

static int op_update(struct kvm_sev_launch_update_data *u)
{
	uint8_t *at = (uint8_t *)(uintptr_t)u->uaddr;
	struct part *p = &rec.updates[rec.nr_updates];

	trace("update");
	CHECK_PADDING(u, want_.uaddr = u->uaddr, want_.len = u->len);
	check_regions();
	if (rec.state != LUPDATE || u->uaddr % 16 || u->len % 16 || !u->len)
		return EINVAL;
	if (!within(rec.regions, rec.nr_regions, u->uaddr, u->len))
		return EFAULT;
	if (rec.nr_updates == MAX_PARTS)
		return ENOSPC;
	*p = (struct part){ u->uaddr, u->len, malloc(u->len) };
	memcpy(p->bytes, at, u->len);
	rec.nr_updates++;
	for (uint32_t i = 0; i < u->len; i++)
		at[i] ^= 0x5a;
	return 0;
}

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, void *arg);

static int op_vmsa(const void *data)
{
	trace("vmsa");
	if (data)
		complain("LAUNCH_UPDATE_VMSA takes no structure");
	if (!rec.es)
		return ENOTTY;
	if (rec.state != LUPDATE || rec.vmsa)
		return EINVAL;
	for (unsigned int i = 0; i < rec.vcpus; i++)
		if (__real_ioctl(rec.vcpu_fds[i], KVM_GET_REGS, &rec.regs[i]) ||
		    __real_ioctl(rec.vcpu_fds[i], KVM_GET_SREGS, &rec.sregs[i]))
			complain("LAUNCH_UPDATE_VMSA: vCPU %u has no registers", i);
	rec.vmsa = true;
	return 0;
}

static int op_measure(struct kvm_sev_launch_measure *m)
{
	trace("measure");
	CHECK_PADDING(m, want_.uaddr = m->uaddr, want_.len = m->len);
	if (rec.state != LUPDATE)
		return EINVAL;
	if (rec.es && !rec.vmsa)
		complain("LAUNCH_MEASURE: the VMSAs are not in it");
	if (m->len != sizeof(rec.measurement))
		return EINVAL;
	memcpy((void *)(uintptr_t)m->uaddr, rec.measurement, sizeof(rec.measurement));
	rec.state = LSECRET;
	return 0;
}

static int op_secret(struct kvm_sev_launch_secret *s)
{
	trace("secret");
	CHECK_PADDING(s, want_.hdr_uaddr = s->hdr_uaddr, want_.hdr_len = s->hdr_len,
		want_.guest_uaddr = s->guest_uaddr, want_.guest_len = s->guest_len,
		want_.trans_uaddr = s->trans_uaddr, want_.trans_len = s->trans_len);
	if (rec.state != LSECRET || s->hdr_len != sizeof(rec.secret_hdr) ||
	    s->trans_len > sizeof(rec.secret) || s->guest_len != s->trans_len)
		return EINVAL;
	if (!within(rec.regions, rec.nr_regions, s->guest_uaddr, s->guest_len))
		return EFAULT;
	copy_in(rec.secret_hdr, s->hdr_uaddr, s->hdr_len);
	copy_in(rec.secret, s->trans_uaddr, s->trans_len);
	rec.secret_addr = s->guest_uaddr;
	rec.secret_len = s->guest_len;
	return 0;
}

static int op_finish(const void *data)
{
	trace("finish");
	if (data)
		complain("LAUNCH_FINISH takes no structure");
	if (rec.state != LSECRET)
		return EINVAL;
	if (rec.runs)
		complain("a vCPU ran before LAUNCH_FINISH");
	rec.state = RUNNING;
	return 0;
}

static int op_status(struct kvm_sev_guest_status *st)
{
	bool lie = ++rec.status_asked == rec.lie_nth;

	trace("status");
	CHECK_PADDING(st, (void)0);
	*st = (struct kvm_sev_guest_status){ HANDLE, rec.policy, rec.state };
	if (lie && rec.lie_policy)
		st->policy ^= 1;
	else if (lie)
		st->state ^= 1;
	return 0;
}

static int op_report(struct kvm_sev_attestation_report *r, uint32_t *status)
{
	trace("report");
	CHECK_PADDING(r, memcpy(want_.mnonce, r->mnonce, 16), want_.uaddr = r->uaddr,
		want_.len = r->len);
	if (r->len < 208) {
		r->len = 208;
		*status = SEV_RET_INVALID_LEN;
		return EIO;
	}
	r->len = 208;
	memset((void *)(uintptr_t)r->uaddr, 0x77, r->len);
	memcpy((void *)(uintptr_t)r->uaddr, r->mnonce, 16);
	return 0;
}

static int op_init(unsigned int id, const uint8_t *data)
{
	static const uint8_t zero[INIT2_LEN];
	unsigned long type = id == OP_INIT2 ? rec.vm_type : 0;

	trace(id == OP_INIT2 ? "init2" : id == KVM_SEV_ES_INIT ? "es-init" : "init");
	rec.es = id == KVM_SEV_ES_INIT || (id == OP_INIT2 && type == TYPE_SEV_ES);
	if (rec.initialised || rec.vcpus || rec.vm_type != type || (id == OP_INIT2 && !type))
		return EINVAL;
	/* Plain SEV has no features or GHCB version; 0 means the newest for ES. */
	if (id == OP_INIT2 ? memcmp(data, zero, INIT2_LEN) : !!data)
		complain("SEV_INIT: unexpected parameters");
	rec.initialised = true;
	return 0;
}

static int op(struct kvm_sev_cmd *cmd)
{
	void *data;

	if (!cmd) {
		trace("probe");
		return answer(rec.no_sev_in_kvm ? ENOTTY : 0);
	}
	data = (void *)(uintptr_t)cmd->data;
	CHECK_PADDING(cmd, want_.id = cmd->id, want_.data = cmd->data,
		want_.sev_fd = cmd->sev_fd);
	if ((int)cmd->sev_fd != rec.sev_fd)
		complain("command %u: sev_fd is %d", cmd->id, (int)cmd->sev_fd);
	if (fails((int)cmd->id)) {
		cmd->error = rec.fail_status;
		return answer(rec.fail_errno);
	}
	switch (cmd->id) {
	case KVM_SEV_INIT:
	case KVM_SEV_ES_INIT:
	case OP_INIT2:
		return answer(op_init(cmd->id, data));
	case KVM_SEV_LAUNCH_START:
		return answer(op_start(data));
	case KVM_SEV_LAUNCH_UPDATE_DATA:
		return answer(op_update(data));
	case KVM_SEV_LAUNCH_UPDATE_VMSA:
		return answer(op_vmsa(data));
	case KVM_SEV_LAUNCH_MEASURE:
		return answer(op_measure(data));
	case KVM_SEV_LAUNCH_SECRET:
		return answer(op_secret(data));
	case KVM_SEV_LAUNCH_FINISH:
		return answer(op_finish(data));
	case KVM_SEV_GUEST_STATUS:
		return answer(op_status(data));
	case KVM_SEV_GET_ATTESTATION_REPORT:
		return answer(op_report(data, &cmd->error));
	default:
		complain("unknown command %u", cmd->id);
		return answer(EINVAL);
	}
}

static int issue(struct sev_issue_cmd *cmd)
{
	struct sev_user_data_status *st = (void *)(uintptr_t)cmd->data;

	trace("platform");
	if (cmd->cmd != SEV_PLATFORM_STATUS || cmd->error)
		complain("SEV_ISSUE_CMD: command %u, error %u", cmd->cmd, cmd->error);
	if (fails(FAIL_PLATFORM)) {
		cmd->error = rec.fail_status;
		return answer(rec.fail_errno);
	}
	*st = (struct sev_user_data_status){ .api_major = 1, .api_minor = 55, .build = 21,
		.state = rec.platform_state, .flags = rec.platform_flags, .guest_count = 3 };
	return 0;
}

static int region(const struct kvm_enc_region *r)
{
	trace("region");
	if (!rec.initialised)
		complain("REG_REGION before INIT");
	if (fails(FAIL_REGION))
		return answer(rec.fail_errno);
	if (rec.nr_regions < MAX_PARTS)
		rec.regions[rec.nr_regions++] = (struct part){ r->addr, r->size, NULL };
	return 0;
}

static void slot(const struct kvm_userspace_memory_region *r)
{
	trace("slot");
	if (rec.nr_slots == MAX_PARTS)
		return;
	rec.slot_gpa[rec.nr_slots] = r->guest_phys_addr;
	rec.slots[rec.nr_slots++] = (struct part){ r->userspace_addr, r->memory_size, NULL };
}

static void cpuid(const struct kvm_cpuid2 *c)
{
	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entries[i].function == 0x8000001f)
			rec.leaf = c->entries[i];
}

/* What nobody but the guest may touch once it is encrypted and measured. */
static void check_vcpu_state(unsigned long request)
{
	switch (request) {
	case KVM_SET_REGS:
	case KVM_SET_SREGS:
	case KVM_SET_MSRS:
	case KVM_SET_FPU:
	case KVM_SET_XSAVE:
	case KVM_SET_XCRS:
	case KVM_SET_DEBUGREGS:
	case KVM_SET_VCPU_EVENTS:
	case KVM_SET_CPUID2:
	case KVM_SET_MP_STATE:
	case KVM_CREATE_VCPU:
		if (rec.vmsa || rec.state > LUPDATE)
			complain("ioctl 0x%lx after the vCPUs were measured", request);
	}
}

static int recorded(int fd, unsigned long request, void *arg)
{
	int r;

	check_vcpu_state(request);
	switch (request) {
	case KVM_CHECK_EXTENSION:
		if ((uintptr_t)arg != CAP_VM_TYPES)
			break;
		return rec.new_kernel ? 1 << TYPE_SEV | 1 << TYPE_SEV_ES | 1 : 0;
	case KVM_CREATE_VM:
		trace("vm");
		rec.vm_type = (uintptr_t)arg;
		rec.vm_fd = __real_ioctl(fd, request, NULL);
		return rec.vm_fd;
	case KVM_MEMORY_ENCRYPT_OP:
		return op(arg);
	case KVM_MEMORY_ENCRYPT_REG_REGION:
		return region(arg);
	case SEV_ISSUE_CMD:
		if (fd != rec.sev_fd)
			complain("SEV_ISSUE_CMD on another descriptor");
		return issue(arg);
	case KVM_SET_USER_MEMORY_REGION:
		slot(arg);
		break;
	case KVM_SET_CPUID2:
		cpuid(arg);
		break;
	case KVM_CREATE_VCPU:
		trace("vcpu");
		r = __real_ioctl(fd, request, arg);
		if (r >= 0 && rec.vcpus < MAX_VCPUS)
			rec.vcpu_fds[rec.vcpus++] = r;
		return r;
	}
	return __real_ioctl(fd, request, arg);
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	int r, saved;

	if (!rec.on)
		return __real_ioctl(fd, request, arg);
	/* Nothing is encrypted, so there is nothing to run. */
	if (request == KVM_RUN) {
		rec.runs++;
		usleep(1000);
		return answer(EINTR);
	}
	pthread_mutex_lock(&rec.lock);
	r = recorded(fd, request, arg);
	saved = errno;
	pthread_mutex_unlock(&rec.lock);
	errno = saved;
	return r;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if (!rec.on || strcmp(path, "/dev/sev"))
		return __real_open(path, flags, mode);
	trace("open");
	if (flags != (O_RDWR | O_CLOEXEC))
		complain("/dev/sev: opened with flags 0x%x", flags);
	if (rec.open_error)
		return answer(rec.open_error);
	rec.sev_fd = memfd_create("sev", MFD_CLOEXEC);
	return rec.sev_fd;
}

bool __wrap_csv_host_cpuid(uint32_t leaf, struct csv_cpuid *out);
bool __wrap_csv_host_cpuid(uint32_t leaf, struct csv_cpuid *out)
{
	if (!rec.on || leaf != 0x8000001f)
		return __get_cpuid_count(leaf, 0, &out->eax, &out->ebx, &out->ecx, &out->edx);
	*out = (struct csv_cpuid){ rec.cpu_sev, C_BIT | REDUCED_BITS << 6, 509, 1 };
	return true;
}

void recorder_off(void)
{
	for (unsigned int i = 0; i < rec.nr_updates; i++)
		free(rec.updates[i].bytes);
	memset(&rec, 0, sizeof(rec));
	pthread_mutex_init(&rec.lock, NULL);
	rec.fail_id = FAIL_NONE;
	rec.sev_fd = rec.vm_fd = -1;
}

void recorder_play(bool new_kernel)
{
	recorder_off();
	rec.new_kernel = new_kernel;
	rec.platform_state = 2;	/* WORKING: there are other guests */
	rec.platform_flags = SEV_STATUS_FLAGS_CONFIG_ES;
	rec.cpu_sev = 0xf;
	for (size_t i = 0; i < sizeof(rec.measurement); i++)
		rec.measurement[i] = (uint8_t)(i * 5 + 9);
	rec.on = true;
}

uint64_t recorder_host(uint64_t gpa)
{
	for (unsigned int i = 0; i < rec.nr_slots; i++)
		if (range_within(gpa, 1, rec.slot_gpa[i], rec.slots[i].len))
			return rec.slots[i].addr + (gpa - rec.slot_gpa[i]);
	return 0;
}
