/* SPDX-License-Identifier: Apache-2.0 */
/* Thin wrappers over KVM ioctls. */
#include "vmm/kvm.h"

#include <linux/kvm.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "base/err.h"

#define KVM_PATH "/dev/kvm"

int kvm_ioctl(int fd, unsigned long request, void *arg)
{
	int r;

	do
		r = ioctl(fd, request, arg);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static int open_error(int code, struct tvm_error *err)
{
	switch (-code) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return err_set(err, code, "kvm: cannot open " KVM_PATH ": this host offers no KVM; "
			"load kvm_amd or kvm_intel, or enable virtualisation in its firmware "
			"(nested virtualisation in a virtual machine)");
	case EACCES:
	case EPERM:
		return err_set(err, code, "kvm: cannot open " KVM_PATH ": permission denied; add "
			"your user to the group that owns it (often 'kvm')");
	default:
		return err_sys(err, code, "kvm: cannot open " KVM_PATH);
	}
}

int kvm_open(struct kvm_vm *kvm, struct tvm_error *err)
{
	int version, size;

	kvm->kvm_fd = open(KVM_PATH, O_RDWR | O_CLOEXEC);
	if (kvm->kvm_fd < 0)
		return open_error(-errno, err);
	version = kvm_ioctl(kvm->kvm_fd, KVM_GET_API_VERSION, NULL);
	if (version < 0)
		return err_set(err, -ENODEV, "kvm: " KVM_PATH " is there, but it is not KVM");
	if (version != KVM_API_VERSION)
		return err_set(err, -ENODEV, "kvm: " KVM_PATH " has API version %d, not %d",
			version, KVM_API_VERSION);
	size = kvm_ioctl(kvm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, NULL);
	if (size < 0)
		return err_sys(err, size, "kvm: size of the vCPU area");
	kvm->run_size = (size_t)size;
	return 0;
}

int kvm_create_vm(struct kvm_vm *kvm, unsigned long type, struct tvm_error *err)
{
	/* Not through kvm_ioctl(): the argument is a number. */
	do
		kvm->vm_fd = ioctl(kvm->kvm_fd, KVM_CREATE_VM, type);
	while (kvm->vm_fd < 0 && errno == EINTR);
	if (kvm->vm_fd < 0)
		return err_sys(err, -errno, "kvm: cannot create a virtual machine");
	return 0;
}

void kvm_close(struct kvm_vm *kvm)
{
	close_fd(&kvm->vm_fd);
	close_fd(&kvm->kvm_fd);
}

int kvm_cap(const struct kvm_vm *kvm, int cap)
{
	int r = ioctl(kvm->vm_fd >= 0 ? kvm->vm_fd : kvm->kvm_fd, KVM_CHECK_EXTENSION, cap);

	return r < 0 ? 0 : r;
}

int kvm_require(const struct kvm_vm *kvm, int cap, const char *name, struct tvm_error *err)
{
	if (kvm_cap(kvm, cap) > 0)
		return 0;
	return err_set(err, -EOPNOTSUPP, "kvm: this host's KVM lacks %s; a newer kernel has it",
		name);
}

int kvm_add_slot(const struct kvm_vm *kvm, uint32_t slot, uint64_t gpa, uint64_t size, void *hva,
	struct tvm_error *err)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};
	int r = kvm_ioctl(kvm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region);

	if (r < 0)
		return err_sys(err, r, "kvm: memory slot %u (%llu KiB at 0x%llx)", slot,
			(unsigned long long)size >> 10, (unsigned long long)gpa);
	return 0;
}
