/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUID of the guest: what this host's KVM supports, less features that the user masked and
 * nested virtualisation, with topology leaves that describe one package of single-thread
 * cores (Intel SDM 2A, CPUID; AMD APM 3, appendix E).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/x86.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tee/tee.h"
#include "vmm/vm.h"

#define MAX_ENTRIES 256

enum reg { EAX, EBX, ECX, EDX };

struct feature {
	const char *name;	/* as in /proc/cpuinfo */
	uint32_t leaf, subleaf;
	enum reg reg;
	unsigned int bit;
};

static const struct feature features[] = {
	{ "sse3", 1, 0, ECX, 0 }, { "pclmulqdq", 1, 0, ECX, 1 }, { "vmx", 1, 0, ECX, 5 },
	{ "ssse3", 1, 0, ECX, 9 }, { "fma", 1, 0, ECX, 12 }, { "cx16", 1, 0, ECX, 13 },
	{ "pcid", 1, 0, ECX, 17 }, { "sse4_1", 1, 0, ECX, 19 }, { "sse4_2", 1, 0, ECX, 20 },
	{ "x2apic", 1, 0, ECX, 21 }, { "movbe", 1, 0, ECX, 22 }, { "popcnt", 1, 0, ECX, 23 },
	{ "tsc_deadline_timer", 1, 0, ECX, 24 }, { "aes", 1, 0, ECX, 25 },
	{ "xsave", 1, 0, ECX, 26 }, { "avx", 1, 0, ECX, 28 }, { "f16c", 1, 0, ECX, 29 },
	{ "rdrand", 1, 0, ECX, 30 },
	{ "fsgsbase", 7, 0, EBX, 0 }, { "bmi1", 7, 0, EBX, 3 }, { "hle", 7, 0, EBX, 4 },
	{ "avx2", 7, 0, EBX, 5 }, { "smep", 7, 0, EBX, 7 }, { "bmi2", 7, 0, EBX, 8 },
	{ "erms", 7, 0, EBX, 9 }, { "invpcid", 7, 0, EBX, 10 }, { "rtm", 7, 0, EBX, 11 },
	{ "avx512f", 7, 0, EBX, 16 }, { "avx512dq", 7, 0, EBX, 17 }, { "rdseed", 7, 0, EBX, 18 },
	{ "adx", 7, 0, EBX, 19 }, { "smap", 7, 0, EBX, 20 }, { "clflushopt", 7, 0, EBX, 23 },
	{ "clwb", 7, 0, EBX, 24 }, { "sha_ni", 7, 0, EBX, 29 }, { "avx512bw", 7, 0, EBX, 30 },
	{ "avx512vl", 7, 0, EBX, 31 }, { "umip", 7, 0, ECX, 2 }, { "pku", 7, 0, ECX, 3 },
	{ "gfni", 7, 0, ECX, 8 }, { "vaes", 7, 0, ECX, 9 }, { "vpclmulqdq", 7, 0, ECX, 10 },
	{ "la57", 7, 0, ECX, 16 }, { "rdpid", 7, 0, ECX, 22 }, { "fsrm", 7, 0, EDX, 4 },
	{ "amx_tile", 7, 0, EDX, 24 },
	{ "xsaveopt", 0xd, 1, EAX, 0 }, { "xsavec", 0xd, 1, EAX, 1 },
	{ "xgetbv1", 0xd, 1, EAX, 2 }, { "xsaves", 0xd, 1, EAX, 3 },
	{ "svm", 0x80000001, 0, ECX, 2 }, { "sse4a", 0x80000001, 0, ECX, 6 },
	{ "nx", 0x80000001, 0, EDX, 20 }, { "pdpe1gb", 0x80000001, 0, EDX, 26 },
	{ "rdtscp", 0x80000001, 0, EDX, 27 },
};

static uint32_t *reg_of(struct kvm_cpuid_entry2 *e, enum reg reg)
{
	uint32_t *const regs[] = { &e->eax, &e->ebx, &e->ecx, &e->edx };

	return regs[reg];
}

static struct kvm_cpuid_entry2 *find(struct kvm_cpuid2 *cpuid, uint32_t leaf, uint32_t subleaf)
{
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == leaf && (e->index == subleaf ||
			!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX)))
			return e;
	}
	return NULL;
}

/* The entry for a leaf and subleaf, made when there is none. */
static struct kvm_cpuid_entry2 *need(struct kvm_cpuid2 *cpuid, uint32_t leaf, uint32_t subleaf)
{
	struct kvm_cpuid_entry2 *e = find(cpuid, leaf, subleaf);

	if (e || cpuid->nent == MAX_ENTRIES)
		return e;
	e = &cpuid->entries[cpuid->nent++];
	*e = (struct kvm_cpuid_entry2){ .function = leaf, .index = subleaf,
		.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX };
	return e;
}

static void drop_leaf(struct kvm_cpuid2 *cpuid, uint32_t leaf)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function != leaf)
			cpuid->entries[kept++] = cpuid->entries[i];
	cpuid->nent = kept;
}

static bool mask(struct kvm_cpuid2 *cpuid, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		const struct feature *f = &features[i];
		struct kvm_cpuid_entry2 *e;

		if (strcmp(f->name, name))
			continue;
		e = find(cpuid, f->leaf, f->subleaf);
		if (e)
			*reg_of(e, f->reg) &= ~(uint32_t)BIT(f->bit);
		if (!strcmp(name, "xsave"))
			drop_leaf(cpuid, 0xd);
		return true;
	}
	return false;
}

static int mask_features(struct kvm_cpuid2 *cpuid, const struct tvm_config *cfg,
	struct tvm_error *err)
{
	if (cfg->cpu.sve || cfg->cpu.pauth || cfg->cpu.pmu)
		return err_set(err, -EOPNOTSUPP, "cpu: sve, pauth and pmu are features of aarch64; "
			"see cpu-mask");
	/* A guest of a small TCB gets no second hypervisor to play with. */
	mask(cpuid, "vmx");
	mask(cpuid, "svm");
	for (unsigned int i = 0; i < cfg->cpu_mask.nr; i++)
		if (!mask(cpuid, cfg->cpu_mask.items[i]))
			return err_set(err, -EINVAL, "cpu-mask: '%s' is not a feature that can "
				"be masked; names are those of /proc/cpuinfo, such as avx2, xsave",
				cfg->cpu_mask.items[i]);
	return 0;
}

int x86_cpuid_create(struct vm *vm, struct kvm_cpuid2 **out, struct tvm_error *err)
{
	const struct kvm_vm *kvm = &vm->kvm;
	_cleanup_free_ struct kvm_cpuid2 *cpuid = NULL;
	struct kvm_cpuid_entry2 *e;
	int r;

	cpuid = calloc(1, sizeof(*cpuid) + MAX_ENTRIES * sizeof(cpuid->entries[0]));
	if (!cpuid)
		return err_set(err, -ENOMEM, "cpuid: out of memory");
	cpuid->nent = MAX_ENTRIES;
	r = kvm_ioctl(kvm->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid);
	if (r < 0)
		return err_sys(err, r, "kvm: KVM_GET_SUPPORTED_CPUID");
	e = find(cpuid, 1, 0);
	if (e) {
		e->ecx |= (uint32_t)BIT(31); /* a hypervisor is present */
		/* Emulated by KVM with the in-kernel APIC, but not in the list (api.rst). */
		if (kvm_cap(kvm, KVM_CAP_TSC_DEADLINE_TIMER))
			e->ecx |= (uint32_t)BIT(24);
	}
	r = mask_features(cpuid, vm->cfg, err);
	if (r < 0)
		return r;
	if (vm->tee->cpuid)
		vm->tee->cpuid(vm, cpuid, MAX_ENTRIES);
	*out = take_ptr(&cpuid);
	return 0;
}

/* Bits of an APIC id that tell cores of the package apart. */
static unsigned int core_bits(unsigned int cpus)
{
	unsigned int bits = 0;

	while ((1u << bits) < cpus)
		bits++;
	return bits;
}

/* Leaves 0xb and 0x1f: level 0 threads (one a core), level 1 cores, level 2 ends. */
static void extended_topology(struct kvm_cpuid2 *cpuid, uint32_t leaf, unsigned int index,
	unsigned int cpus)
{
	static const uint32_t types[] = { 1, 2, 0 };

	for (uint32_t level = 0; level < ARRAY_SIZE(types); level++) {
		struct kvm_cpuid_entry2 *e = need(cpuid, leaf, level);

		if (!e)
			return;
		e->eax = level == 1 ? core_bits(cpus) : 0;
		e->ebx = level == 0 ? 1 : level == 1 ? cpus : 0;
		e->ecx = types[level] << 8 | level;
		e->edx = index;
	}
}

/* Caches up to level 2 belong to a core, the others to the package. */
static void cache_sharing(struct kvm_cpuid2 *cpuid, uint32_t leaf, unsigned int cpus)
{
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];
		uint32_t level = e->eax >> 5 & 7, sharers;

		if (e->function != leaf || !(e->eax & 0x1f))
			continue;
		sharers = level >= 3 ? (1u << core_bits(cpus)) - 1 : 0;
		e->eax = (e->eax & ~0x03ffc000u) | sharers << 14;
		if (leaf == 4) {
			uint32_t cores = (1u << core_bits(cpus)) - 1;

			e->eax = (e->eax & ~0xfc000000u) | (cores > 63 ? 63 : cores) << 26;
		}
	}
}

void x86_cpuid_personalise(struct kvm_cpuid2 *cpuid, unsigned int index, unsigned int cpus)
{
	struct kvm_cpuid_entry2 *max = find(cpuid, 0, 0), *e;

	e = find(cpuid, 1, 0);
	if (e) {
		e->ebx = (e->ebx & 0xffff) | cpus << 16 | index << 24;
		e->edx &= ~(uint32_t)BIT(28);
		if (cpus > 1)
			e->edx |= (uint32_t)BIT(28); /* HTT: the count above is valid */
	}
	cache_sharing(cpuid, 4, cpus);
	cache_sharing(cpuid, 0x8000001d, cpus);
	if (max && max->eax >= 0xb)
		extended_topology(cpuid, 0xb, index, cpus);
	if (max && max->eax >= 0x1f)
		extended_topology(cpuid, 0x1f, index, cpus);
	e = find(cpuid, 0x80000001, 0);
	if (e && cpus > 1)
		e->ecx |= (uint32_t)BIT(1); /* AMD CmpLegacy: cores, not threads */
	e = find(cpuid, 0x80000008, 0);
	if (e)
		e->ecx = (e->ecx & ~0xf0ffu) | core_bits(cpus) << 12 | (cpus - 1);
	e = find(cpuid, 0x8000001e, 0);
	if (e) {
		e->eax = index;
		e->ebx = index & 0xff; /* one thread a core */
		e->ecx = 0;	/* one node */
	}
}
