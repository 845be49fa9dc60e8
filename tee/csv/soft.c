/* SPDX-License-Identifier: Apache-2.0 */
/* The software platform as a machine's backend: its memory is this machine's two views. */
#include <errno.h>
#include <cpuid.h>

#include "attest/ovmf_table.h"
#include "attest/sev_vmsa.h"
#include "base/err.h"
#include "tee/csv/csv.h"
#include "vmm/vm.h"

static int make_private(void *ctx, uint64_t uaddr, uint64_t len)
{
	struct vm *vm = ctx;

	return soft_views_make_private(csv_of(vm->tee_state)->views, uaddr, len);
}

static int write_private(void *ctx, uint64_t uaddr, const void *src, uint64_t len)
{
	struct vm *vm = ctx;

	return soft_views_write_private(csv_of(vm->tee_state)->views, uaddr, src, len);
}

/* What KVM would hand over: reset state, with APs at the address that the firmware names. */
static int vmsa(void *ctx, unsigned int index, uint8_t page[SEV_VMSA_LEN])
{
	struct vm *vm = ctx;
	struct sev_vmsa v = {
		.start = SEV_RESET_VECTOR,
		.legacy = !csv_of(vm->tee_state)->init2,
	};
	unsigned int ebx, ecx, edx;

	if (index >= vm->cfg->cpus)
		return -ENOENT;
	if (index) {
		struct ovmf_table table;

		if (ovmf_table_read(vm->fw.image, vm->fw.size, &table, NULL) < 0 || !table.ap_reset)
			return -EINVAL;
		v.start = table.ap_reset;
	}
	__get_cpuid(1, &v.cpu_sig, &ebx, &ecx, &edx);
	sev_vmsa_page(&v, page);
	return 0;
}

static const struct soft_memory_ops memory_ops = {
	.make_private = make_private,
	.write_private = write_private,
	.vmsa = vmsa,
};

int csv_soft_open(struct vm *vm, struct tvm_error *err)
{
	struct csv *csv = csv_of(vm->tee_state);
	const struct soft_opts opts = {
		.dir = vm->cfg->tee.soft_dir,
		.csv = csv->kind->csv,
		.delays = vm->cfg->tee.delays,
		.memory = &memory_ops,
		.memory_ctx = vm,
	};

	return sev_backend_soft_open(&opts, &csv->backend, err);
}
