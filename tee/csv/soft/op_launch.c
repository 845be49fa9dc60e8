/* SPDX-License-Identifier: Apache-2.0 */
/* The launch commands of KVM_MEMORY_ENCRYPT_OP, see op.c: their structures, blobs and errno. */
#include "tee/csv/soft/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "tee/csv/soft/fw.h"

#define PAGE 4096ULL
#define VMSA_LEN 4096

int soft_take_asid(struct soft_vm *vm, bool es)
{
	uint32_t first = es ? 1 : SOFT_MIN_SEV_ASID;
	uint32_t last = es ? SOFT_MIN_SEV_ASID - 1 : SOFT_MAX_ASID;

	for (uint32_t i = first; i <= last; i++) {
		if (vm->psp->asid_taken[i])
			continue;
		vm->psp->asid_taken[i] = true;
		vm->asid = i;
		return 0;
	}
	return -EBUSY;
}

/* After INIT2 the policy says which kind it is; ES needs a low ASID. */
static int settle_kind(struct soft_vm *vm, uint32_t policy)
{
	uint32_t asid = vm->asid;
	int r;

	if (vm->kind != SOFT_KIND_OPEN)
		return 0;
	if (policy & SEV_POLICY_ES) {
		r = soft_take_asid(vm, true);
		if (r < 0)
			return r;
		vm->psp->asid_taken[asid] = false;
	}
	return 0;
}

/* LAUNCH_START and ACTIVATE, as KVM sends them: a guest that gets no ASID is taken back. */
static int start_and_bind(struct soft_vm *vm, struct fw_launch_start *start)
{
	int r = fw_launch_start(vm->psp, start);

	if (r)
		return r;
	r = settle_kind(vm, start->policy);
	if (!r)
		r = fw_activate(vm->psp, start->handle, vm->asid);
	if (r) {
		fw_decommission(vm->psp, start->handle);
		return r;
	}
	if (vm->kind == SOFT_KIND_OPEN)
		vm->kind = start->policy & SEV_POLICY_ES ? SOFT_KIND_ES : SOFT_KIND_SEV;
	return 0;
}

int op_launch_start(struct soft_vm *vm, void *data)
{
	_cleanup_free_ void *dh = NULL;
	_cleanup_free_ void *session = NULL;
	struct fw_launch_start start;
	struct sev_launch_start in;
	int r = 0;

	memcpy(&in, data, sizeof(in));
	start = (struct fw_launch_start){ .handle = in.handle, .policy = in.policy };
	if (in.dh_uaddr) {
		r = soft_copy_blob(in.dh_uaddr, in.dh_len, &dh);
		start.dh_len = in.dh_len;
	}
	if (!r && in.session_uaddr) {
		r = soft_copy_blob(in.session_uaddr, in.session_len, &session);
		start.session_len = in.session_len;
	}
	if (r < 0)
		return r;
	start.dh = dh;
	start.session = session;
	r = start_and_bind(vm, &start);
	if (r)
		return r;
	vm->handle = start.handle;
	in.handle = start.handle;
	memcpy(data, &in, sizeof(in));
	return 0;
}

int op_launch_update_data(struct soft_vm *vm, const void *data, uint64_t *len_out)
{
	struct sev_launch_update_data in;
	int r;

	memcpy(&in, data, sizeof(in));
	r = soft_guest_range(vm, in.uaddr, in.len);
	if (r < 0)
		return r;
	*len_out = in.len;
	return fw_launch_update_data(vm->psp, vm->handle, &vm->memory, in.uaddr, in.len);
}

/* All pages first: a vCPU that has none must not leave half of them measured. */
static int collect_vmsa(struct soft_vm *vm, uint8_t **pages_out, unsigned int *nr_out)
{
	const struct soft_memory_ops *ops = vm->memory.ops;
	_cleanup_free_ uint8_t *pages = NULL;
	unsigned int nr = 0;
	uint8_t *grown;
	int r;

	for (;;) {
		grown = realloc(pages, (size_t)(nr + 1) * VMSA_LEN);
		if (!grown)
			return -ENOMEM;
		pages = grown;
		r = -ENOENT;
		if (ops && ops->vmsa)
			r = ops->vmsa(vm->memory.ctx, nr, pages + (size_t)nr * VMSA_LEN);
		if (r == -ENOENT)
			break;
		if (r < 0)
			return r;
		if (++nr == SOFT_MAX_VCPUS)
			break;
	}
	*pages_out = take_ptr(&pages);
	*nr_out = nr;
	return 0;
}

/*
 * KVM walks its vCPUs. A second time is refused here: the registers are the guest's by then, and
 * KVM gives no promise what it would measure.
 */
int op_launch_update_vmsa(struct soft_vm *vm, uint64_t *len_out)
{
	uint8_t *pages;
	unsigned int nr;
	int r;

	/* An open kind is settled by LAUNCH_START, so before it KVM's firmware call fails. */
	if (vm->kind == SOFT_KIND_SEV)
		return -ENOTTY;
	if (vm->vmsa_done)
		return -EINVAL;
	r = collect_vmsa(vm, &pages, &nr);
	if (r < 0)
		return r;
	*len_out = (uint64_t)nr * VMSA_LEN;
	r = nr ? fw_launch_update_vmsa(vm->psp, vm->handle, pages, nr) : 0;
	if (!r)
		vm->vmsa_done = true;
	OPENSSL_cleanse(pages, (size_t)nr * VMSA_LEN);
	free(pages);
	return r;
}

int op_launch_measure(struct soft_vm *vm, void *data)
{
	struct sev_launch_measure in;
	struct sev_measure out;
	uint32_t len;
	int r;

	memcpy(&in, data, sizeof(in));
	if (in.uaddr && in.len > SEV_BLOB_MAX)
		return -EINVAL;
	/*
	 * Without a buffer KVM passes length 0, which asks for the one that is needed. KVM tells
	 * it only to who asked so; backend.h wants it whenever the length is wrong.
	 */
	len = in.uaddr ? in.len : 0;
	r = fw_launch_measure(vm->psp, vm->handle, &out, &len);
	if (!r)
		memcpy((void *)(uintptr_t)in.uaddr, &out, sizeof(out));
	if (!r || r == SEV_RET_INVALID_LEN) {
		in.len = len;
		memcpy(data, &in, sizeof(in));
	}
	return r;
}

int op_launch_secret(struct soft_vm *vm, const void *data)
{
	_cleanup_free_ void *hdr = NULL;
	_cleanup_free_ void *trans = NULL;
	struct fw_launch_secret secret;
	struct sev_launch_secret in;
	int r;

	memcpy(&in, data, sizeof(in));
	r = soft_guest_range(vm, in.guest_uaddr, in.guest_len);
	if (r < 0)
		return r;
	/* Physically contiguous, says KVM; only a single page surely is. */
	if (align_down(in.guest_uaddr, PAGE) != align_down(in.guest_uaddr + in.guest_len - 1, PAGE))
		return -EINVAL;
	r = soft_copy_blob(in.trans_uaddr, in.trans_len, &trans);
	if (!r)
		r = soft_copy_blob(in.hdr_uaddr, in.hdr_len, &hdr);
	if (r < 0)
		return r;
	secret = (struct fw_launch_secret){
		.hdr = hdr, .hdr_len = in.hdr_len, .guest_addr = in.guest_uaddr,
		.guest_len = in.guest_len, .trans = trans, .trans_len = in.trans_len,
	};
	return fw_launch_secret(vm->psp, vm->handle, &vm->memory, &secret);
}
