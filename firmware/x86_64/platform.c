/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain and SEV guests: the C-bit in page tables decides what is private, ports and
 * hypercalls work as ever. There are no writable globals: the image is executed where it is.
 */
#include "firmware/x86_64/fw_platform.h"

#include <string.h>

#include "base/bits.h"

#define CPUID_SME 0x8000001f
#define SME_COHERENT BIT(10)
#define CPUID_ADDRESS_SIZES 0x80000008
#define CPUID_HYPERVISOR 0x40000000
#define KVM_FEATURES 1			/* leaf, from the one with the signature */
#define KVM_FEATURE_HC_MAP_GPA_RANGE BIT(16)
#define KVM_HC_MAP_GPA_RANGE 12
#define MAP_GPA_ENCRYPTED BIT(4)	/* of 4 KiB pages: size 0 */
#define CR4_OSFXSR BIT(9)

struct regs {
	uint32_t eax, ebx, ecx, edx;
};

static struct regs cpuid(uint32_t leaf)
{
	struct regs r;

	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) :
		"a"(leaf), "c"(0));
	return r;
}

/* Linux looks for the signature in the same steps (arch/x86/include/asm/processor.h). */
static bool kvm_maps_ranges(void)
{
	if (!(cpuid(1).ecx & BIT(31)))
		return false;
	for (uint32_t leaf = CPUID_HYPERVISOR; leaf < CPUID_HYPERVISOR + 0x10000; leaf += 0x100) {
		struct regs r = cpuid(leaf);

		if (r.ebx == 0x4b4d564b && r.ecx == 0x564b4d56 && r.edx == 0x4d)
			return cpuid(leaf + KVM_FEATURES).eax & KVM_FEATURE_HC_MAP_GPA_RANGE;
	}
	return false;
}

static unsigned int low_bit(uint64_t mask)
{
	return (unsigned int)__builtin_ctzll(mask);
}

void fw_platform_init(struct fw_platform *p, uint64_t c_mask)
{
	struct regs r = cpuid(0x80000000);

	p->c_mask = c_mask;
	p->phys_bits = 36;
	if (r.eax >= CPUID_ADDRESS_SIZES)
		p->phys_bits = cpuid(CPUID_ADDRESS_SIZES).eax & 0xff;
	if (c_mask && low_bit(c_mask) < p->phys_bits)
		p->phys_bits = low_bit(c_mask);
	p->coherent = !c_mask || cpuid(CPUID_SME).eax & SME_COHERENT;
	p->announce = c_mask && kvm_maps_ranges();
	r = cpuid(1);
	p->sha_ni = r.ecx & BIT(19) && r.ecx & BIT(9) && cpuid(0).eax >= 7 &&
		cpuid(7).ebx & BIT(29);
}

bool fw_platform_encrypted(const struct fw_platform *p)
{
	return p->c_mask;
}

void fw_report(enum fw_stage stage, enum fw_reason reason)
{
	__asm__ volatile("outl %0, %1" : : "a"(FW_REPORT((uint32_t)stage, (uint32_t)reason)),
		"d"((uint16_t)FW_PORT));
}

void fw_stop(enum fw_stage stage, enum fw_reason reason)
{
	fw_report(stage, reason);
	for (;;)
		__asm__ volatile("cli; hlt");
}

void fw_copy_shared(void *dst, uint64_t gpa, uint64_t len)
{
	memcpy(dst, (const void *)(FW_SHARED_WINDOW + gpa), len);
}

static void map_gpa_range(uint64_t gpa, uint64_t pages, uint64_t attributes)
{
	uint64_t rax = KVM_HC_MAP_GPA_RANGE;

	/* The answer changes nothing: the pages are private to us in any case. */
	__asm__ volatile("vmmcall" : "+a"(rax) : "b"(gpa), "c"(pages), "d"(attributes) : "memory");
}

void fw_take_back(const struct fw_platform *p, uint64_t gpa, uint64_t len)
{
	uint64_t size = align_up(len, 4096);

	memset((void *)(FW_SHARED_WINDOW + gpa), 0, size);
	if (!p->coherent)
		__asm__ volatile("wbinvd" : : : "memory");
	if (p->announce)
		map_gpa_range(gpa, size / 4096, MAP_GPA_ENCRYPTED);
}

/* reset.S */
_Noreturn void fw_jump(uint64_t entry, uint64_t boot_params, uint64_t cr3);

void fw_enter_kernel(const struct fw_platform *p, uint64_t entry, uint64_t boot_params)
{
	fw_jump(entry, boot_params, FW_PAGE_TABLES_GPA | p->c_mask);
}

void fw_vectors(bool on)
{
	uint64_t cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	cr4 = on ? cr4 | CR4_OSFXSR : cr4 & ~CR4_OSFXSR;
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
}
