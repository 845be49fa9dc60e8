/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GICv3 with an ITS, both inside KVM (Documentation/virt/kvm/devices/arm-vgic-v3.rst and
 * arm-vgic-its.rst). Offsets and register names: Arm GIC architecture specification, IHI 0069.
 *
 * KVM resets the ITS on demand and vCPUs with KVM_ARM_VCPU_INIT, but leaves distributor,
 * redistributors and CPU interfaces alone: arm64_gic_reset() writes their reset values.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "arch/aarch64/arm64.h"
#include "arch/aarch64/layout.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tee/tee.h"
#include "vmm/vm.h"

#define GICD_CTLR 0x0000
#define GICR_CTLR 0x0000
#define GICR_PROPBASER 0x0070
#define GICR_PENDBASER 0x0078
#define GICR_SGI_BASE 0x10000

/* Same offsets in the distributor and in a redistributor's SGI frame. */
#define IGROUPR 0x0080
#define ICENABLER 0x0180
#define ISPENDR 0x0200
#define ICACTIVER 0x0380
#define IPRIORITYR 0x0400
#define ICFGR 0x0c00

/* System register encodings as KVM wants them: op0:2 op1:3 CRn:4 CRm:4 op2:3. */
#define SYSREG(op0, op1, crn, crm, op2) \
	((uint64_t)((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2)))
#define ICC_PMR SYSREG(3, 0, 4, 6, 0)
#define ICC_BPR0 SYSREG(3, 0, 12, 8, 3)
#define ICC_AP0R(n) SYSREG(3, 0, 12, 8, 4 + (n))
#define ICC_AP1R(n) SYSREG(3, 0, 12, 9, n)
#define ICC_BPR1 SYSREG(3, 0, 12, 12, 3)
#define ICC_CTLR SYSREG(3, 0, 12, 12, 4)
#define ICC_CTLR_GUEST_BITS 3ULL	/* EOImode, CBPR; the others describe the hardware */
#define ICC_IGRPEN0 SYSREG(3, 0, 12, 12, 6)
#define ICC_IGRPEN1 SYSREG(3, 0, 12, 12, 7)

_Static_assert(SPI_LINE == (KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | SPI_BASE),
	"layout.h cannot ask KVM");
_Static_assert(NR_GSI % 32 == 0, "GICD registers of one bit hold 32 interrupts");
_Static_assert(GICR_GPA + 64 * GICR_SIZE <= ITS_GPA && ITS_GPA + ITS_SIZE <= GICD_GPA,
	"64 vCPUs fit");

static int device(const struct vm *vm, uint32_t type, int *out)
{
	struct kvm_create_device dev = { .type = type };
	int r = kvm_ioctl(vm->kvm.vm_fd, KVM_CREATE_DEVICE, &dev);

	if (!r)
		*out = (int)dev.fd;
	return r;
}

static int set(int fd, uint32_t group, uint64_t attr, uint64_t val)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)&val };

	return kvm_ioctl(fd, KVM_SET_DEVICE_ATTR, &a);
}

/* The same for an attribute of 32 bits. */
static int set32(int fd, uint32_t group, uint64_t attr, uint32_t val)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)&val };

	return kvm_ioctl(fd, KVM_SET_DEVICE_ATTR, &a);
}

static int control(int fd, uint64_t what)
{
	struct kvm_device_attr a = { .group = KVM_DEV_ARM_VGIC_GRP_CTRL, .attr = what };

	return kvm_ioctl(fd, KVM_SET_DEVICE_ATTR, &a);
}

int arm64_gic_create(struct vm *vm, struct tvm_error *err)
{
	/* arm-vgic-v3.rst: count in bits 63..52, flags and index 0. */
	uint64_t shared = vm->kvm.shared_bit;
	uint64_t redists = (uint64_t)vm->cfg->cpus << 52 | GICR_GPA | shared;
	struct arch_vm *arch = vm->arch;
	int r = device(vm, KVM_DEV_TYPE_ARM_VGIC_V3, &arch->gic_fd);

	if (r < 0)
		return err_sys(err, r, "kvm: cannot create a GICv3; the host needs one itself");
	r = set(arch->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST,
		GICD_GPA | shared);
	if (!r)
		r = set(arch->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, redists);
	if (!r)
		r = set32(arch->gic_fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, SPI_BASE + NR_GSI);
	if (r < 0)
		return err_sys(err, r, "kvm: cannot place the GICv3");
	/* It would look for its tables in memory that only the guest sees: board.c, gicv2m. */
	if (vm->tee->confidential)
		return 0;
	r = device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS, &arch->its_fd);
	if (!r)
		r = set(arch->its_fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, ITS_GPA);
	return r < 0 ? err_sys(err, r, "kvm: cannot create the GIC's ITS") : 0;
}

int arm64_gic_init(struct vm *vm, struct tvm_error *err)
{
	int r = control(vm->arch->gic_fd, KVM_DEV_ARM_VGIC_CTRL_INIT);

	if (!r && vm->arch->its_fd >= 0)
		r = control(vm->arch->its_fd, KVM_DEV_ARM_VGIC_CTRL_INIT);
	return r < 0 ? err_sys(err, r, "kvm: cannot initialise the GICv3") : 0;
}

/* Interrupts [first, first + 32): disabled, idle, group 0, level-sensitive, priority 0. */
static int reset_irqs(int fd, uint32_t group, uint64_t base, unsigned int first)
{
	static const struct {
		uint32_t reg, val;
		unsigned int bits; /* of one interrupt */
	} regs[] = {
		{ ICENABLER, ~0u, 1 },
		{ ICACTIVER, ~0u, 1 },
		{ ISPENDR, 0, 1 }, /* arm-vgic-v3.rst: from here, a write sets the state as is */
		{ IGROUPR, 0, 1 },
		{ ICFGR, 0, 2 },
		{ IPRIORITYR, 0, 8 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
		unsigned int start = first * regs[i].bits / 8;

		for (unsigned int off = 0; off < 4 * regs[i].bits; off += 4) {
			int r = set32(fd, group, base + regs[i].reg + start + off, regs[i].val);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* LPIs off first: their tables' addresses cannot be written while they are on. */
static int reset_redist(int fd, uint64_t cpu)
{
	static const uint32_t zero[] = { GICR_CTLR, GICR_PROPBASER, GICR_PROPBASER + 4,
		GICR_PENDBASER, GICR_PENDBASER + 4 };
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(zero); i++)
		r = set32(fd, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, cpu | zero[i], 0);
	return r < 0 ? r : reset_irqs(fd, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, cpu | GICR_SGI_BASE, 0);
}

static int reset_cpu_interface(int fd, uint64_t cpu)
{
	static const uint64_t zero[] = { ICC_IGRPEN0, ICC_IGRPEN1, ICC_PMR, ICC_BPR0, ICC_BPR1,
		ICC_AP0R(0), ICC_AP1R(0) };
	uint64_t ctlr = 0;
	struct kvm_device_attr a = { .group = KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
		.attr = cpu | ICC_CTLR, .addr = (uintptr_t)&ctlr };
	int r = kvm_ioctl(fd, KVM_GET_DEVICE_ATTR, &a);

	if (!r)
		r = set(fd, a.group, a.attr, ctlr & ~ICC_CTLR_GUEST_BITS);
	for (size_t i = 0; !r && i < ARRAY_SIZE(zero); i++)
		r = set(fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, cpu | zero[i], 0);
	/* The others exist only with 6 or 7 bits of priority. */
	for (unsigned int n = 1; !r && n < 4; n++) {
		set(fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, cpu | ICC_AP0R(n), 0);
		set(fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, cpu | ICC_AP1R(n), 0);
	}
	return r;
}

/* arm-vgic-v3.rst: Aff3.Aff2.Aff1.Aff0 in bits 63..32 name the vCPU. */
static uint64_t mpidr_attr(uint64_t mpidr)
{
	return (mpidr >> 32 & 0xff) << 56 | (mpidr & 0xffffff) << 32;
}

int arm64_gic_reset(struct vm *vm, struct tvm_error *err)
{
	int fd = vm->arch->gic_fd;
	int r = set32(fd, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_CTLR, 0);

	for (unsigned int i = 0; !r && i < NR_GSI; i += 32)
		r = reset_irqs(fd, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0, SPI_BASE + i);
	for (unsigned int i = 0; !r && i < vm->nr_vcpus; i++) {
		uint64_t mpidr;

		r = arm64_vcpu_mpidr(&vm->vcpus[i], &mpidr, err);
		if (r < 0)
			return r;
		r = reset_redist(fd, mpidr_attr(mpidr));
		if (!r)
			r = reset_cpu_interface(fd, mpidr_attr(mpidr));
	}
	if (!r && vm->arch->its_fd >= 0)
		r = control(vm->arch->its_fd, KVM_DEV_ARM_ITS_CTRL_RESET);
	return r < 0 ? err_sys(err, r, "kvm: cannot reset the GICv3") : 0;
}
