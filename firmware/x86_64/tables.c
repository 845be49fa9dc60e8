/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel is told: boot_params (Linux, arch/x86/include/uapi/asm/bootparam.h) with
 * the e820 map, and as much of UEFI 2.7 as its efi_secret driver needs to find the launch
 * secret: a system table without services, configuration table and memory map.
 *
 * Linux maps what e820 calls ACPI (type 3) as private memory at any time, what is reserved
 * (type 2) only where a driver asks for it. So the tables and the secret's descriptor are
 * type 3; the secret itself is type 2. No EFI range may be a runtime or boot service: the
 * kernel would call SetVirtualAddressMap, and there is none.
 */
#include "firmware/x86_64/fw.h"

#include "base/bits.h"

#define E820_RAM 1
#define E820_RESERVED 2
#define E820_ACPI 3
#define LOW_RAM_END 0xa0000ULL
#define LOADER_UNREGISTERED 0xff

#define BP_RSDP 0x70
#define BP_EFI_INFO 0x1c0
#define BP_E820_ENTRIES 0x1e8
#define BP_SECURE_BOOT 0x1ec
#define BP_HEADER 0x1f1
#define BP_E820_TABLE 0x2d0
#define E820_ENTRY 20

#define EFI_RESERVED 0
#define EFI_CONVENTIONAL 7
#define EFI_ACPI_RECLAIM 9
#define EFI_MEMORY_UC_WC_WT_WB 0xf
#define EFI_DESC_SIZE 48

/* Offsets from FW_EFI_GPA. The kernel maps 200 bytes of the vendor's name. */
#define SYSTAB 0
#define VENDOR 0x100
#define CONFIG 0x200
#define SECRET 0x280
#define MEMMAP 0x300
_Static_assert(MEMMAP + FW_MAX_MAP * EFI_DESC_SIZE <= FW_EFI_SPACE, "fits");

struct map_entry {
	uint64_t base, end;
	uint32_t type;
};

static unsigned int make_map(const struct fw_boot *b, struct map_entry map[FW_MAX_MAP])
{
	const struct fw_info *i = b->info;
	unsigned int n = 0;

	map[n++] = (struct map_entry){ 0, LOW_RAM_END, E820_RAM };
	map[n++] = (struct map_entry){ FW_ACPI_GPA, FW_SECRET_GPA, E820_ACPI };
	map[n++] = (struct map_entry){ FW_SECRET_GPA, FW_RAM_START, E820_RESERVED };
	map[n++] = (struct map_entry){ FW_RAM_START, i->ram_low, E820_RAM };
	map[n++] = (struct map_entry){ i->ecam.gpa, i->ecam.gpa + i->ecam.size, E820_RESERVED };
	map[n++] = (struct map_entry){ FW_RAM_HIGH - b->rom_size, FW_RAM_HIGH, E820_RESERVED };
	if (i->ram_high)
		map[n++] = (struct map_entry){ FW_RAM_HIGH, FW_RAM_HIGH + i->ram_high, E820_RAM };
	return n;
}

static void header(const struct fw_boot *b, uint8_t *bp)
{
	if (b->kernel->header_size) {
		memcpy(bp + BP_HEADER, b->file + BP_HEADER, b->kernel->header_size);
		le_store(bp + 0x250, 8, 0);			/* setup_data */
	} else {
		le_store(bp + 0x1fe, 2, 0xaa55);
		le_store(bp + 0x202, 4, 0x53726448);		/* "HdrS" */
		le_store(bp + 0x230, 4, MIB(16));		/* kernel_alignment */
	}
	bp[0x210] = LOADER_UNREGISTERED;
	le_store(bp + 0x218, 4, b->info->initrd.size ? b->initrd_gpa : 0);
	le_store(bp + 0x21c, 4, b->info->initrd.size);
	le_store(bp + 0x228, 4, FW_CMDLINE_GPA);
	le_store(bp + 0x238, 4, b->info->cmdline.size);
}

void fw_boot_params_build(const struct fw_boot *b, uint8_t *bp)
{
	struct map_entry map[FW_MAX_MAP];
	unsigned int n = make_map(b, map);

	memset(bp, 0, FW_BOOT_PARAMS_SIZE);
	header(b, bp);
	le_store(bp + BP_RSDP, 8, b->rsdp_gpa);
	bp[BP_E820_ENTRIES] = (uint8_t)n;
	for (unsigned int i = 0; i < n; i++) {
		uint8_t *e = bp + BP_E820_TABLE + i * E820_ENTRY;

		le_store(e, 8, map[i].base);
		le_store(e + 8, 8, map[i].end - map[i].base);
		le_store(e + 16, 4, map[i].type);
	}
	if (!b->efi)
		return;
	bp[BP_SECURE_BOOT] = 2;					/* disabled */
	memcpy(bp + BP_EFI_INFO, "EL64", 4);
	le_store(bp + BP_EFI_INFO + 4, 4, FW_EFI_GPA + SYSTAB);
	le_store(bp + BP_EFI_INFO + 8, 4, EFI_DESC_SIZE);
	le_store(bp + BP_EFI_INFO + 12, 4, 1);			/* descriptor version */
	le_store(bp + BP_EFI_INFO + 16, 4, FW_EFI_GPA + MEMMAP);
	le_store(bp + BP_EFI_INFO + 20, 4, n * EFI_DESC_SIZE);
}

/* The first three fields of a GUID are little endian. */
static const uint8_t acpi_20_guid[16] = {	/* 8868e871-e4f1-11d3-bc22-0080c73c8881 */
	0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11,
	0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81,
};

static const uint8_t secret_guid[16] = {	/* adf956ad-e98c-484c-ae11-b51c7d336447 */
	0xad, 0x56, 0xf9, 0xad, 0x8c, 0xe9, 0x4c, 0x48,
	0xae, 0x11, 0xb5, 0x1c, 0x7d, 0x33, 0x64, 0x47,
};

void fw_efi_build(const struct fw_boot *b, uint8_t *buf)
{
	static const char vendor[] = "tvm";
	struct map_entry map[FW_MAX_MAP];
	unsigned int n = make_map(b, map);

	memset(buf, 0, FW_EFI_SPACE);
	memcpy(buf + SYSTAB, "IBI SYST", 8);
	le_store(buf + SYSTAB + 8, 4, 2 << 16 | 70);		/* UEFI 2.7 */
	le_store(buf + SYSTAB + 12, 4, 120);
	le_store(buf + SYSTAB + 24, 8, FW_EFI_GPA + VENDOR);
	le_store(buf + SYSTAB + 104, 8, 2);
	le_store(buf + SYSTAB + 112, 8, FW_EFI_GPA + CONFIG);
	for (unsigned int i = 0; vendor[i]; i++)
		buf[VENDOR + 2 * i] = (uint8_t)vendor[i];
	memcpy(buf + CONFIG, acpi_20_guid, 16);
	le_store(buf + CONFIG + 16, 8, b->rsdp_gpa);
	memcpy(buf + CONFIG + 24, secret_guid, 16);
	le_store(buf + CONFIG + 40, 8, FW_EFI_GPA + SECRET);
	le_store(buf + SECRET, 8, FW_SECRET_GPA);
	le_store(buf + SECRET + 8, 8, FW_SECRET_SIZE);
	for (unsigned int i = 0; i < n; i++) {
		uint8_t *d = buf + MEMMAP + i * EFI_DESC_SIZE;

		le_store(d, 4, map[i].type == E820_RAM ? EFI_CONVENTIONAL :
			map[i].type == E820_ACPI ? EFI_ACPI_RECLAIM : EFI_RESERVED);
		le_store(d + 8, 8, map[i].base);
		le_store(d + 24, 8, (map[i].end - map[i].base) / FW_PAGE);
		le_store(d + 32, 8, EFI_MEMORY_UC_WC_WT_WB);
	}
}
