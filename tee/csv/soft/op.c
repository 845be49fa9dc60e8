/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KVM_MEMORY_ENCRYPT_OP as linux/arch/x86/kvm/svm/sev.c answers it: sev-csv.md 1.5. Each
 * structure and each blob is copied once, before anything in it is looked at. What KVM knows and
 * we do not: the machine's type and whether vCPUs exist, so INIT* come without these checks.
 */
#include "tee/csv/soft/vm.h"

#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "tee/csv/soft/fw.h"

#define VMSA_DEBUG_SWAP (1ULL << 5)	/* the one SEV_FEATURES bit that KVM may offer for ES */
#define GHCB_VERSION_MAX 2
/* Not in enum sev_guest_cmd, as nobody of ours sends it. */
#define CMD_SEND_START 8

static int init(struct soft_vm *vm, enum soft_kind kind)
{
	int r;

	if (vm->kind != SOFT_KIND_NONE)
		return -EINVAL;
	if (vm->psp->state == SOFT_UNINIT) {
		r = fw_init(vm->psp, true);
		if (r)
			return r;
	}
	r = soft_take_asid(vm, kind == SOFT_KIND_ES);
	if (r < 0)
		return r;
	vm->kind = kind;
	return 0;
}

static int init2(struct soft_vm *vm, const void *data)
{
	struct sev_init2 in;

	if (!data)
		return -EFAULT;
	memcpy(&in, data, sizeof(in));
	if (in.flags || (in.vmsa_features & ~VMSA_DEBUG_SWAP) || in.ghcb_version > GHCB_VERSION_MAX)
		return -EINVAL;
	/* Both are zero for a plain SEV guest, so anything else says what it is. */
	return init(vm, in.vmsa_features || in.ghcb_version ? SOFT_KIND_ES : SOFT_KIND_OPEN);
}

static int guest_status(struct soft_vm *vm, void *data)
{
	struct sev_guest_status out;
	int r = fw_guest_status(vm->psp, vm->handle, &out);

	if (!r)
		memcpy(data, &out, sizeof(out));
	return r;
}

static int attestation_report(struct soft_vm *vm, void *data)
{
	struct sev_attestation_report in;
	struct sev_report out;
	uint32_t len;
	int r;

	memcpy(&in, data, sizeof(in));
	if (in.uaddr && in.len > SEV_BLOB_MAX)
		return -EINVAL;
	len = in.uaddr ? in.len : 0;
	r = fw_attestation_report(vm->psp, vm->handle, in.mnonce, &out, &len);
	if (!r)
		memcpy((void *)(uintptr_t)in.uaddr, &out, sizeof(out));
	if (!r || r == SEV_RET_INVALID_LEN) {
		in.len = len;
		memcpy(data, &in, sizeof(in));
	}
	return r;
}

/*
 * The memory callbacks cannot read what is private. Encrypting is storing; decrypting works
 * only where memory is plain.
 */
static int dbg(struct soft_vm *vm, bool encrypt, const void *data)
{
	const struct soft_memory_ops *ops = vm->memory.ops;
	struct sev_dbg in;
	uint64_t guest, end;
	int r;

	memcpy(&in, data, sizeof(in));
	if (!in.len || add_overflows(in.src_uaddr, in.len, &end) || !in.dst_uaddr)
		return -EINVAL;
	if (!in.src_uaddr || in.len > SEV_BLOB_MAX)
		return -EFAULT;
	guest = encrypt ? in.dst_uaddr : in.src_uaddr;
	r = soft_guest_range(vm, guest, in.len);
	if (!r)
		r = fw_dbg(vm->psp, vm->handle);
	if (r)
		return r;
	if (!ops) {
		memmove((void *)(uintptr_t)in.dst_uaddr, (const void *)(uintptr_t)in.src_uaddr,
			in.len);
		return 0;
	}
	return encrypt ? ops->write_private(vm->memory.ctx, in.dst_uaddr,
		(const void *)(uintptr_t)in.src_uaddr, in.len) : SEV_RET_UNSUPPORTED;
}

static int dispatch(struct soft_vm *vm, enum sev_guest_cmd id, void *data, uint64_t *len)
{
	switch ((uint32_t)id) {
	case SEV_CMD_INIT:
		return init(vm, SOFT_KIND_SEV);
	case SEV_CMD_ES_INIT:
		return init(vm, SOFT_KIND_ES);
	case SEV_CMD_INIT2:
		return init2(vm, data);
	case SEV_CMD_LAUNCH_START:
	case SEV_CMD_LAUNCH_UPDATE_DATA:
	case SEV_CMD_LAUNCH_SECRET:
	case SEV_CMD_LAUNCH_MEASURE:
	case SEV_CMD_GUEST_STATUS:
	case SEV_CMD_DBG_DECRYPT:
	case SEV_CMD_DBG_ENCRYPT:
	case SEV_CMD_GET_ATTESTATION_REPORT:
		if (vm->kind == SOFT_KIND_NONE)
			return -ENOTTY;
		if (!data)
			return -EFAULT;
		break;
	case SEV_CMD_LAUNCH_UPDATE_VMSA:
	case SEV_CMD_LAUNCH_FINISH:
	case CMD_SEND_START:
		if (vm->kind == SOFT_KIND_NONE)
			return -ENOTTY;
		break;
	default:
		return -EINVAL;
	}
	switch ((uint32_t)id) {
	case SEV_CMD_LAUNCH_START:
		return op_launch_start(vm, data);
	case SEV_CMD_LAUNCH_UPDATE_DATA:
		return op_launch_update_data(vm, data, len);
	case SEV_CMD_LAUNCH_UPDATE_VMSA:
		return op_launch_update_vmsa(vm, len);
	case SEV_CMD_LAUNCH_SECRET:
		return op_launch_secret(vm, data);
	case SEV_CMD_LAUNCH_MEASURE:
		return op_launch_measure(vm, data);
	case SEV_CMD_LAUNCH_FINISH:
		return fw_launch_finish(vm->psp, vm->handle);
	case SEV_CMD_GUEST_STATUS:
		return guest_status(vm, data);
	case SEV_CMD_GET_ATTESTATION_REPORT:
		return attestation_report(vm, data);
	case CMD_SEND_START:
		return fw_send_start(vm->psp, vm->handle);
	default:
		return dbg(vm, id == SEV_CMD_DBG_ENCRYPT, data);
	}
}

int soft_op(void *ctx, enum sev_guest_cmd id, void *data, uint32_t *status)
{
	struct soft_vm *vm = ctx;
	uint64_t len = 0;
	int r = dispatch(vm, id, data, &len);

	if (!r)
		soft_delay(vm->psp, id, len);
	return soft_answer(r, status);
}
