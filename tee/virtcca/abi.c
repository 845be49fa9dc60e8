/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interfaces for Arm CCA, and how they are told apart. None is in a released kernel, and
 * their capability numbers are others' in mainline: so a VM is made, which only a kernel with
 * realms does; its ioctls and capabilities then say which series it is. A realm's VM hides
 * capabilities that are not for realms, so there the number means what we take it for.
 */
#include "tee/virtcca/abi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "tee/virtcca/uapi.h"
#include "vmm/kvm.h"

#define LIVE_CAP "/sys/module/kvm/parameters/kvm_cap_arm_rmi"
#define SOFT "; to go on without, use platform=soft (not confidential)"

/* Newest first. Up to v11 calls were explicit: those kernels are recognised, not driven. */
static const struct realm_abi abis[] = {
	{ "v15", REALM_VM_TYPE_NEW, 251, REALM_POPULATE_WR, false, false },
	{ "v14", REALM_VM_TYPE_NEW, 249, REALM_POPULATE_WR, false, true },
	{ "v13", REALM_VM_TYPE_OLD, 248, REALM_POPULATE_WR, false, true },
	{ "v12", REALM_VM_TYPE_OLD, 247, REALM_POPULATE_W, true, true },
};

int realm_abi_told(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[16] = { 0 };

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return 0;
	return (int)strtoul(text, NULL, 10);
}

/* A VM of that type, to look at; negative errno. */
static int try_type(const struct kvm_vm *kvm, unsigned long type)
{
	int fd;

	do
		fd = ioctl(kvm->kvm_fd, KVM_CREATE_VM, type);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

/* Nothing is asked for, so nothing happens; but only a number that exists is looked at. */
static bool has_populate(const struct kvm_vm *vm, unsigned long request)
{
	struct realm_populate none = { 0 };

	return kvm_ioctl(vm->vm_fd, request, &none) != -ENOTTY;
}

static bool speaks(const struct kvm_vm *vm, const struct realm_abi *abi)
{
	bool private = (unsigned int)kvm_cap(vm, REALM_CAP_MEMORY_ATTRIBUTES) &
		REALM_ATTRIBUTE_PRIVATE;

	return private == abi->vm_attributes && has_populate(vm, abi->populate);
}

static int confirm(const struct kvm_vm *vm, const struct realm_abi *abi, int cap,
	struct tvm_error *err)
{
	if (!cap)
		cap = realm_abi_told(LIVE_CAP);
	if (!cap)
		cap = abi->cap;
	if (kvm_cap(vm, cap) <= 0)
		return err_set(err, -EOPNOTSUPP, "tee: this host's KVM makes realms as series %s "
			"does, but lacks its capability (KVM_CAP_ARM_RMI, %d)" SOFT, abi->name,
			cap);
	if (!abi->vm_attributes && !((unsigned int)kvm_cap(vm, REALM_CAP_GMEM_ATTRIBUTES) &
		REALM_ATTRIBUTE_PRIVATE))
		return err_set(err, -EOPNOTSUPP, "tee: this host's guest_memfd has no private "
			"memory for realms (kvm.gmem_in_place_conversion=1)" SOFT);
	return 0;
}

static int none(int new_error, int old_error, struct tvm_error *err)
{
	if (!old_error)
		return err_set(err, -EOPNOTSUPP, "tee: this host's KVM makes realms by an older "
			"interface or a vendor's (none of series v12 to v15)" SOFT);
	return err_set(err, -ENODEV, "tee: this host has no realms: KVM_CREATE_VM gives none "
		"(errors %d and %d); it takes a processor with RME, its firmware, and a kernel "
		"with Arm CCA" SOFT, new_error, old_error);
}

int realm_abi_detect(const struct kvm_vm *kvm, uint8_t bits, int cap,
	const struct realm_abi **out, struct tvm_error *err)
{
	static const unsigned long types[] = { REALM_VM_TYPE_NEW, REALM_VM_TYPE_OLD };
	int errors[2] = { 0 };

	for (unsigned int t = 0; t < ARRAY_SIZE(types); t++) {
		struct kvm_vm vm = *kvm;
		_cleanup_close_ int fd = try_type(kvm, types[t] | bits);

		if (fd < 0) {
			errors[t] = -fd;
			continue;
		}
		vm.vm_fd = fd;
		for (unsigned int i = 0; i < ARRAY_SIZE(abis); i++) {
			int r;

			if (abis[i].vm_type != types[t] || !speaks(&vm, &abis[i]))
				continue;
			r = confirm(&vm, &abis[i], cap, err);
			if (!r)
				*out = &abis[i];
			return r;
		}
		return none(0, 0, err);
	}
	return none(errors[0], errors[1], err);
}
