/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reset state as QEMU and KVM leave it in a VMSA: AMD64 APM volume 2, 14.1.3 and appendix B,
 * table B-4; KVM forces EFER.SVME and CR4.MCE, and clears CR0.CD and NW.
 */
#include "attest/sev_vmsa.h"

#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"

struct segment {
	uint16_t offset, selector, attrib;
	uint32_t limit;
};

static const struct segment segments[] = {
	{ 0x000, 0, 0x93, 0xffff },		/* ES */
	{ 0x010, 0xf000, 0x9b, 0xffff },	/* CS, base set by page */
	{ 0x020, 0, 0x93, 0xffff },		/* SS */
	{ 0x030, 0, 0x93, 0xffff },		/* DS */
	{ 0x040, 0, 0x93, 0xffff },		/* FS */
	{ 0x050, 0, 0x93, 0xffff },		/* GS */
	{ 0x060, 0, 0, 0xffff },		/* GDTR */
	{ 0x070, 0, 0x82, 0xffff },		/* LDTR */
	{ 0x080, 0, 0, 0xffff },		/* IDTR */
	{ 0x090, 0, 0x8b, 0xffff },		/* TR */
};

static const struct {
	uint16_t offset, size;
	uint64_t value;
} registers[] = {
	{ 0x0d0, 8, 0x1000 },			/* EFER */
	{ 0x148, 8, 0x40 },			/* CR4 */
	{ 0x158, 8, 0x10 },			/* CR0 */
	{ 0x160, 8, 0x400 },			/* DR7 */
	{ 0x168, 8, 0xffff0ff0 },		/* DR6 */
	{ 0x170, 8, 0x2 },			/* RFLAGS */
	{ 0x268, 8, 0x0007040600070406 },	/* G_PAT */
	{ 0x3e8, 8, 0x1 },			/* XCR0 */
};

enum {
	VMSA_CS_BASE = 0x018,
	VMSA_RIP = 0x178,
	VMSA_RDX = 0x310,
	VMSA_SEV_FEATURES = 0x3b0,
	VMSA_MXCSR = 0x408,
	VMSA_FCW = 0x410,
};

void sev_vmsa_page(const struct sev_vmsa *vmsa, uint8_t page[SEV_VMSA_LEN])
{
	memset(page, 0, SEV_VMSA_LEN);
	for (size_t i = 0; i < ARRAY_SIZE(segments); i++) {
		const struct segment *s = &segments[i];

		le_store(page + s->offset, 2, s->selector);
		le_store(page + s->offset + 2, 2, s->attrib);
		le_store(page + s->offset + 4, 4, s->limit);
	}
	for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
		le_store(page + registers[i].offset, registers[i].size, registers[i].value);
	le_store(page + VMSA_CS_BASE, 8, vmsa->start & 0xffff0000);
	le_store(page + VMSA_RIP, 8, vmsa->start & 0xffff);
	le_store(page + VMSA_RDX, 8, vmsa->cpu_sig);
	le_store(page + VMSA_SEV_FEATURES, 8, vmsa->features);
	if (vmsa->legacy)
		return;
	le_store(page + VMSA_MXCSR, 4, 0x1f80);
	le_store(page + VMSA_FCW, 2, 0x37f);
}

uint32_t sev_cpu_sig(unsigned int family, unsigned int model, unsigned int stepping)
{
	unsigned int base = family < 15 ? family : 15;

	return (stepping & 0xf) | (model & 0xf) << 4 | base << 8 | (model >> 4 & 0xf) << 16 |
		((family - base) & 0xff) << 20;
}

/* Family, model and stepping of QEMU's processor models. */
static const struct {
	const char *name;
	uint16_t family, model, stepping;
} cpus[] = {
	{ "EPYC", 23, 1, 2 },
	{ "EPYC-Rome", 23, 49, 0 },
	{ "EPYC-Milan", 25, 1, 1 },
	{ "EPYC-Genoa", 25, 17, 0 },
	{ "EPYC-Turin", 26, 0, 0 },
	{ "Dhyana", 24, 0, 1 },
};

const char *sev_cpu_name(unsigned int index)
{
	return index < ARRAY_SIZE(cpus) ? cpus[index].name : NULL;
}

uint32_t sev_cpu_sig_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++) {
		if (!strcmp(cpus[i].name, name))
			return sev_cpu_sig(cpus[i].family, cpus[i].model, cpus[i].stepping);
	}
	return 0;
}
