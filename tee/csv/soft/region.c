/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses from the caller. KVM would fault on wrong ones; here they are pointers, so guest
 * memory is what REG_REGION said it is, and everything else about it is -EFAULT.
 */
#include "tee/csv/soft/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"

#define PAGE 4096ULL

/* linux/arch/x86/kvm/svm/sev.c, sev_mem_enc_register_region() and sev_pin_memory() */
int soft_reg_region(void *ctx, uint64_t uaddr, uint64_t size)
{
	struct soft_vm *vm = ctx;
	uint64_t end;

	if (vm->kind == SOFT_KIND_NONE)
		return -ENOTTY;
	if (!size || add_overflows(uaddr, size, &end) || end > UINT64_MAX - PAGE)
		return -EINVAL;
	if (!uaddr)
		return -EFAULT;
	if (vm->nr_regions == SOFT_MAX_REGIONS)
		return -ENOMEM;
	uaddr = align_down(uaddr, PAGE);
	vm->regions[vm->nr_regions].addr = uaddr;
	vm->regions[vm->nr_regions++].size = align_up(end, PAGE) - uaddr;
	return 0;
}

/* Regions may touch and overlap: go on from the end of one that has the address. */
int soft_guest_range(const struct soft_vm *vm, uint64_t addr, uint64_t len)
{
	uint64_t end, reach;
	unsigned int i;

	if (!len || add_overflows(addr, len, &end))
		return -EINVAL;
	while (addr < end) {
		for (i = 0; i < vm->nr_regions; i++)
			if (range_within(addr, 1, vm->regions[i].addr, vm->regions[i].size))
				break;
		if (i == vm->nr_regions)
			return -EFAULT;
		reach = vm->regions[i].addr + vm->regions[i].size;
		addr = reach;
	}
	return 0;
}

/* linux/drivers/crypto/ccp/sev-dev.c, psp_copy_user_blob() */
int soft_copy_blob(uint64_t uaddr, uint32_t len, void **out)
{
	void *copy;

	if (!uaddr || !len || len > SEV_BLOB_MAX)
		return -EINVAL;
	copy = malloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, (const void *)(uintptr_t)uaddr, len);
	*out = copy;
	return 0;
}

int soft_answer(int r, uint32_t *status)
{
	/* An -EIO of the host's own must not look like an answer of the firmware. */
	*status = r > 0 ? (uint32_t)r : r == -EIO ? (uint32_t)SEV_RET_NO_FW_CALL : SEV_RET_SUCCESS;
	return r > 0 ? -EIO : r;
}
