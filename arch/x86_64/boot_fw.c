/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boot through our firmware: its image at the end of 4 GiB, the hash table that ties kernel,
 * initrd and command line to the measurement, and those three staged, unmeasured, where the
 * firmware looks for them (firmware/x86_64/fw_abi.h).
 *
 * Order of what is measured: firmware image, hash table. vCPUs start at the reset vector.
 */
#include <errno.h>
#include <string.h>

#include "arch/arch.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/x86.h"
#include "attest/ovmf_table.h"
#include "attest/sev_hashes.h"
#include "base/err.h"
#include "base/io.h"
#include "firmware/x86_64/fw_abi.h"
#include "tee/tee.h"
#include "vmm/gmem.h"
#include "vmm/vm.h"

int arch_firmware(const struct tvm_config *cfg, bool confidential, struct firmware *out,
	struct tvm_error *err)
{
	size_t size = (size_t)(fw_x86_64_end - fw_x86_64_start);
	bool builtin = cfg->firmware && !strcmp(cfg->firmware, "builtin");

	if (confidential && cfg->firmware && !builtin)
		return err_set(err, -EINVAL,
			"firmware: a confidential machine needs one; leave out firmware=none");
	if (confidential || builtin)
		*out = (struct firmware){ fw_x86_64_start, size, GIB(4) - size };
	return 0;
}

/* A place for the next staged file, each on pages of its own. */
static int stage(struct vm *vm, gpa_t *next, uint64_t size, const char *what, gpa_t *gpa_out,
	uint8_t **out, struct tvm_error *err)
{
	uint64_t room = align_up(size, KIB(4));

	*gpa_out = *next;
	*out = gmem_stage(vm->gmem, *next, room);
	if (!*out)
		return err_set(err, -ENOMEM, "%s: %llu KiB do not fit into %llu MiB of memory; "
			"give more --memory", what, (unsigned long long)size >> 10,
			(unsigned long long)vm->cfg->memory >> 20);
	*next += room;
	return 0;
}

static int read_into(uint8_t *dst, int fd, uint64_t size, const char *what,
	struct tvm_error *err)
{
	int r = read_at(fd, 0, dst, size);

	return r < 0 ? err_sys(err, r, "%s: cannot read", what) : 0;
}

struct staged {
	gpa_t kernel, initrd, cmdline;
	uint64_t initrd_size, cmdline_size;
	struct sev_hashes hashes;
	gpa_t end;
};

static int stage_files(struct vm *vm, struct staged *s, struct tvm_error *err)
{
	const char *cmdline = vm->cfg->cmdline ? vm->cfg->cmdline : "";
	uint8_t *kernel, *initrd = NULL, *text;
	gpa_t next = FW_STAGING_GPA;
	uint64_t at = 0;
	int r = stage(vm, &next, vm->kernel.file_size, "kernel", &s->kernel, &kernel, err);

	if (!r)
		r = read_into(kernel, vm->kernel.fd, vm->kernel.file_size, "kernel", err);
	s->initrd_size = initrd_total(vm);
	if (!r && s->initrd_size)
		r = stage(vm, &next, s->initrd_size, "initrd", &s->initrd, &initrd, err);
	for (unsigned int i = 0; !r && i < vm->nr_initrds; i++) {
		at = align_up(at, 4);
		r = read_into(initrd + at, vm->initrds[i].fd, vm->initrds[i].size, "initrd", err);
		at += vm->initrds[i].size;
	}
	s->cmdline_size = strlen(cmdline) + 1;
	if (s->cmdline_size > FW_CMDLINE_SPACE)
		return err_set(err, -E2BIG,
			"cmdline: %llu bytes are too long: the firmware takes %d",
			(unsigned long long)s->cmdline_size - 1, FW_CMDLINE_SPACE - 1);
	if (!r)
		r = stage(vm, &next, s->cmdline_size, "cmdline", &s->cmdline, &text, err);
	if (r < 0)
		return r;
	memcpy(text, cmdline, s->cmdline_size);
	s->end = next;
	/* Hashed where it was read to: the files may change meanwhile. */
	r = sev_hashes_compute(&s->hashes,
		(struct alg_part){ kernel, (size_t)vm->kernel.file_size },
		(struct alg_part){ initrd, (size_t)s->initrd_size }, cmdline);
	return r < 0 ? err_sys(err, r, "kernel hashes") : 0;
}

static int stage_info(struct vm *vm, const struct staged *s, struct tvm_error *err)
{
	const struct gmem_slot *high = gmem_slot(vm->gmem, 1);
	uint32_t virtio = vm->machine.mmio.nr; /* devices exist by now */
	const struct fw_boot_info info = {
		.magic = le64_make(FW_BOOT_INFO_MAGIC),
		.version = le32_make(FW_BOOT_INFO_VERSION),
		.cpus = le32_make(vm->cfg->cpus),
		.ram_low = le64_make(gmem_low_end(vm->gmem)),
		.ram_high = le64_make(high && !high->rom ? high->size : 0),
		.kernel_gpa = le64_make(s->kernel),
		.kernel_size = le64_make(vm->kernel.file_size),
		.initrd_gpa = le64_make(s->initrd),
		.initrd_size = le64_make(s->initrd_size),
		.cmdline_gpa = le64_make(s->cmdline),
		.cmdline_size = le64_make(s->cmdline_size),
		.ecam_base = le32_make(PCI_ECAM_GPA),
		.ecam_size = le32_make(PCI_ECAM_SIZE),
		.mmio32_base = le32_make(PCI_MMIO32_GPA),
		.mmio32_size = le32_make(PCI_MMIO32_SIZE),
		.pm_port = le16_make(ACPI_PM_PORT),
		.sci_gsi = le16_make(ACPI_SCI_GSI),
		.uart_port = le16_make(UART_PORT),
		.uart_gsi = le16_make(UART_GSI),
		.pvpanic_port = le16_make(vm->cfg->pvpanic ? PVPANIC_PORT : 0),
		.virtio_count = le16_make((uint16_t)virtio),
		.virtio_gsi = le16_make(virtio ? VIRTIO_MMIO_GSI : 0),
		.virtio_base = le32_make(virtio ? VIRTIO_MMIO_GPA : 0),
		.virtio_stride = le32_make(virtio ? VIRTIO_MMIO_STRIDE : 0),
	};
	uint8_t *at = gmem_stage(vm->gmem, FW_BOOT_INFO_GPA, FW_BOOT_INFO_SIZE);
	int r;

	if (!at)
		return err_set(err, -ENOMEM, "firmware: no memory at 1 MiB");
	memcpy(at, &info, sizeof(info));
	if (!vm->tee->stage)
		return 0;
	r = vm->tee->stage(vm, FW_BOOT_INFO_GPA, FW_BOOT_INFO_SIZE, err);
	if (!r)
		r = vm->tee->stage(vm, FW_STAGING_GPA, s->end - FW_STAGING_GPA, err);
	return r;
}

static int load_hashes(struct vm *vm, const struct staged *s, struct tvm_error *err)
{
	uint8_t table[SEV_HASHES_LEN];
	struct ovmf_table fw;
	int r = ovmf_table_read(vm->fw.image, vm->fw.size, &fw, err);

	if (r < 0)
		return r;
	if (fw.hashes.size < sizeof(table))
		return err_set(err, -EINVAL, "firmware: has no place for kernel hashes");
	sev_hashes_table(&s->hashes, table);
	return gmem_populate(vm->gmem, fw.hashes.base, table, sizeof(table), err);
}

int x86_load_firmware(struct vm *vm, struct tvm_error *err)
{
	struct staged s = { 0 };
	int r = stage_files(vm, &s, err);

	if (!r)
		r = stage_info(vm, &s, err);
	if (!r)
		r = gmem_populate(vm->gmem, vm->fw.gpa, vm->fw.image, vm->fw.size, err);
	if (!r && vm->cfg->tee.kernel_hashes)
		r = load_hashes(vm, &s, err);
	return r;
}
