/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's SEV and CSV: ioctls on the VM and on /dev/sev, nothing else. */
#include "tee/csv/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "vmm/kvm.h"

#define SEV_PATH "/dev/sev"

struct backend_kvm {
	struct kvm_vm *kvm;	/* borrowed */
	int sev_fd;		/* owned */
};

static int kvm_op(void *ctx, enum sev_guest_cmd id, void *data, uint32_t *status)
{
	struct backend_kvm *b = ctx;
	struct sev_cmd cmd = {
		.id = id,
		.data = (uintptr_t)data,
		.sev_fd = (uint32_t)b->sev_fd,
	};
	int r = kvm_ioctl(b->kvm->vm_fd, KVM_MEMORY_ENCRYPT_OP, &cmd);

	*status = cmd.error;
	return r;
}

static int kvm_platform(void *ctx, enum sev_platform_cmd id, void *data, uint32_t *status)
{
	struct backend_kvm *b = ctx;
	struct sev_issue_cmd cmd = { .cmd = id, .data = (uintptr_t)data };
	int r = kvm_ioctl(b->sev_fd, SEV_ISSUE_CMD, &cmd);

	*status = cmd.error;
	return r;
}

static int kvm_reg_region(void *ctx, uint64_t uaddr, uint64_t size)
{
	struct backend_kvm *b = ctx;
	struct kvm_enc_region region = { .addr = uaddr, .size = size };

	return kvm_ioctl(b->kvm->vm_fd, KVM_MEMORY_ENCRYPT_REG_REGION, &region);
}

static void kvm_backend_close(void *ctx)
{
	struct backend_kvm *b = ctx;

	/* The kernel decommissions the guest with the VM. */
	close_fd(&b->sev_fd);
	free(b);
}

static const struct sev_backend_ops kvm_backend_ops = {
	.name = "hw",
	.op = kvm_op,
	.platform = kvm_platform,
	.reg_region = kvm_reg_region,
	.close = kvm_backend_close,
};

int sev_backend_kvm_open(struct kvm_vm *kvm, struct sev_backend *out, struct tvm_error *err)
{
	struct backend_kvm *b = calloc(1, sizeof(*b));

	if (!b)
		return err_set(err, -ENOMEM, "tee: out of memory");
	b->kvm = kvm;
	b->sev_fd = open(SEV_PATH, O_RDWR | O_CLOEXEC);
	if (b->sev_fd < 0) {
		int r = errno == ENOENT || errno == ENXIO || errno == ENODEV ?
			err_set(err, -ENODEV, "tee: this host has no SEV or CSV (no " SEV_PATH
				"); to go on without, use platform=soft (not confidential)") :
			err_sys(err, -errno, "tee: cannot open " SEV_PATH);

		free(b);
		return r;
	}
	/* api.rst, KVM_MEMORY_ENCRYPT_OP: NULL asks whether KVM has it at all. */
	if (kvm_ioctl(kvm->vm_fd, KVM_MEMORY_ENCRYPT_OP, NULL) < 0) {
		kvm_backend_close(b);
		return err_set(err, -ENODEV, "tee: KVM on this host has SEV and CSV off "
			"(kvm_amd.sev=1); to go on without, use platform=soft (not confidential)");
	}
	*out = (struct sev_backend){ &kvm_backend_ops, b };
	return 0;
}
