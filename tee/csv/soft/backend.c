/* SPDX-License-Identifier: Apache-2.0 */
/* The software processor behind tee/csv/backend.h: a machine, opened and closed. */
#include "tee/csv/soft/vm.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "tee/csv/soft/fw.h"

/* As the kernel destroys a machine: sev_vm_destroy(). */
static void soft_close(void *ctx)
{
	struct soft_vm *vm = ctx;

	if (!vm)
		return;
	if (vm->handle) {
		fw_deactivate(vm->psp, vm->handle);
		fw_decommission(vm->psp, vm->handle);
	}
	if (vm->asid)
		vm->psp->asid_taken[vm->asid] = false;
	if (vm->own_psp)
		soft_psp_destroy(vm->psp);
	free(vm);
}

static const struct sev_backend_ops soft_ops = {
	.name = "soft",
	.op = soft_op,
	.platform = soft_issue,
	.reg_region = soft_reg_region,
	.close = soft_close,
};

int soft_vm_open(struct soft_psp *psp, const struct soft_memory *memory,
	struct sev_backend *out, struct tvm_error *err)
{
	struct soft_vm *vm;
	int r;

	if (memory->ops && !memory->ops->write_private)
		return err_set(err, -EINVAL, "soft platform: memory without write_private()");
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return err_set(err, -ENOMEM, "soft platform: out of memory");
	vm->psp = psp;
	vm->memory = *memory;
	/* As the ccp module does when it is loaded. */
	r = psp->state == SOFT_UNINIT ? fw_init(psp, true) : 0;
	if (r) {
		free(vm);
		return err_set(err, -EIO, "soft platform: INIT failed (%d)", r);
	}
	*out = (struct sev_backend){ .ops = &soft_ops, .ctx = vm };
	return 0;
}

int sev_backend_soft_open(const struct soft_opts *opts, struct sev_backend *out,
	struct tvm_error *err)
{
	struct soft_memory memory = { opts->memory, opts->memory_ctx };
	struct soft_psp *psp;
	int r = soft_psp_create(opts->dir, opts->csv, opts->delays, &psp, err);

	if (r < 0)
		return r;
	r = soft_vm_open(psp, &memory, out, err);
	if (r < 0) {
		soft_psp_destroy(psp);
		return r;
	}
	((struct soft_vm *)out->ctx)->own_psp = true;
	return 0;
}
