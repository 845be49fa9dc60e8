/* SPDX-License-Identifier: Apache-2.0 */
/* See realm.h. Parts are placed as tvm places them, or virtCCA's QEMU, or where --data says. */
#include "cli/tvm-attest/realm.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/text.h"
#include "firmware/image.h"
#include "tvm.h"

enum status realm_padded(const char *name, const char *text, uint8_t out[64])
{
	size_t digits = strlen(text);

	memset(out, 0, 64);
	if (!digits || digits % 2 || digits > 128 || !text_unhex(text, out, digits / 2))
		return fail(STATUS_USAGE, "--%s takes up to 128 hexadecimal digits, two for each "
			"byte", name);
	return STATUS_OK;
}

/* ---- Configuration ------------------------------------------------------------------------ */

static uint32_t or_default(const struct arg_num *num, uint32_t value)
{
	return num->given ? num->value : value;
}

static enum status common_params(struct realm *realm, const struct realm_opts *o)
{
	struct rim_launch *l = &realm->launch;
	struct rim_params *p = &l->params;
	uint64_t end = l->rams[0].base + l->rams[0].size;

	p->hash = RIM_SHA256;
	if (o->hash && !rim_hash_find(o->hash, &p->hash))
		return fail(STATUS_USAGE, "--hash %s: choose sha256, sha384 or sha512", o->hash);
	p->s2sz = (uint8_t)or_default(&o->ipa_bits, realm->virtcca ? 40 : rim_width(end));
	if (p->s2sz < 32 || p->s2sz > 52)
		return fail(STATUS_USAGE, "--ipa-bits %u: 32 to 52 are possible", p->s2sz);
	if (o->sve_vl.value % 128)
		return fail(STATUS_USAGE, "--sve-vl is a multiple of 128 bits");
	return STATUS_OK;
}

/* The monitor has one generation, no debug registers, and another encoding for SVE. */
static enum status virtcca_params(struct realm *realm, const struct realm_opts *o)
{
	struct rim_launch *l = &realm->launch;
	struct rim_params *p = &l->params;
	uint32_t sve_vl = or_default(&o->sve_vl, 128);
	uint32_t pmu = or_default(&o->pmu_counters, realm->qemu);

	if (o->rmm || o->lpa2 || o->breakpoints.given || o->watchpoints.given)
		return fail(STATUS_USAGE, "--rmm, --lpa2, --breakpoints and --watchpoints are not "
			"for virtCCA");
	if (p->hash == RIM_SHA384)
		return fail(STATUS_USAGE, "--hash sha384 is not for virtCCA");
	p->flags = (sve_vl ? RIM_F_SVE : 0) | (pmu ? RIM_F_PMU : 0);
	p->sve_vl = (uint8_t)(sve_vl / 128);
	p->pmu_num_ctrs = (uint8_t)pmu;
	l->tec = true;
	l->split = !realm->qemu;
	l->vcpus = or_default(&o->vcpus, 1);
	return STATUS_OK;
}

static enum status cca_params(struct rim_launch *l, const struct realm_opts *o)
{
	struct rim_params *p = &l->params;
	uint32_t bps = or_default(&o->breakpoints, 2), wps = or_default(&o->watchpoints, 2);

	if (bps < 2 || bps > 64 || wps < 2 || wps > 64)
		return fail(STATUS_USAGE, "2 to 64 breakpoints and watchpoints are possible");
	p->num_bps = (uint8_t)(bps - 1);
	p->num_wps = (uint8_t)(wps - 1);
	p->flags = o->lpa2 ? RIM_F_LPA2 : 0;
	if (o->pmu_counters.given) {
		p->flags |= RIM_F_PMU;
		p->pmu_num_ctrs = (uint8_t)o->pmu_counters.value;
	}
	if (o->sve_vl.value) {
		p->flags |= RIM_F_SVE;
		p->sve_vl = (uint8_t)(o->sve_vl.value / 128 - 1);
	}
	l->ripas = !o->rmm || !strcmp(o->rmm, "1.0");
	if (!l->ripas && strcmp(o->rmm, "2.0"))
		return fail(STATUS_USAGE, "--rmm %s: choose 1.0 or 2.0", o->rmm);
	return STATUS_OK;
}

/* ---- Parts -------------------------------------------------------------------------------- */

static enum status add(struct realm *realm, const char *name, uint64_t ipa, const void *data,
	uint64_t len)
{
	struct rim_launch *l = &realm->launch;

	if (l->nr_parts == RIM_PARTS_MAX)
		return fail(STATUS_USAGE, "more than %u parts", RIM_PARTS_MAX);
	l->parts[l->nr_parts++] = (struct rim_part){ name, ipa, data, len, 0 };
	return STATUS_OK;
}

static enum status open_file(struct realm *realm, const char *what, const char *path,
	struct file **out)
{
	enum status s;

	if (realm->nr_files == RIM_PARTS_MAX)
		return fail(STATUS_USAGE, "more than %u files", RIM_PARTS_MAX);
	*out = &realm->files[realm->nr_files];
	s = file_open(*out, what, path);
	realm->nr_files += !s;
	if (!s && !(*out)->len)
		return fail(STATUS_ERROR, "%s: '%s' is empty", what, path);
	return s;
}

/* The segments of an arm64 kernel, an Image at that address; *end: behind its memory. */
static enum status add_kernel(struct realm *realm, const char *path, uint64_t at, uint64_t *end)
{
	struct rim_launch *l = &realm->launch;
	struct image img;
	struct tvm_error err = { 0 };
	enum status s = STATUS_OK;
	uint64_t base;

	if (image_open(path, EM_AARCH64, image_unpack, &img, &err) < 0)
		return fail(STATUS_ERROR, "%s", err.msg);
	base = img.kind == IMAGE_ARM64 ? at : 0;
	for (unsigned int i = 0; !s && i < img.nr_segments; i++) {
		const struct image_segment *seg = &img.segments[i];
		struct file *f = &realm->files[realm->nr_files];

		*end = base + seg->gpa + seg->memsz;
		if (!seg->filesz)
			continue;
		f->data = malloc(seg->filesz);
		realm->nr_files++;
		if (!f->data || image_read(&img, seg->offset, f->data, seg->filesz) < 0)
			s = fail(STATUS_ERROR, "kernel: cannot read '%s'", path);
		s = s ? s : add(realm, "kernel", base + seg->gpa, f->data, seg->filesz);
	}
	l->boot.pc = base + img.entry;
	image_close(&img);
	return s;
}

static void round_space(struct realm *realm, uint64_t len, uint64_t to)
{
	realm->launch.parts[realm->launch.nr_parts - 1].space = (len + to - 1) & ~(to - 1);
}

/* Archives follow each other on 4-byte boundaries (initramfs buffer format). */
static enum status add_initrds(struct realm *realm, const struct arg_list *initrds,
	uint64_t *len)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < initrds->nr; i++) {
		struct file *f;
		enum status s = open_file(realm, "initrd", initrds->items[i], &f);
		uint8_t *grown;

		if (s)
			return s;
		grown = realloc(realm->initrd, total + f->len + 4);
		if (!grown)
			return fail(STATUS_ERROR, "initrd: out of memory");
		realm->initrd = grown;
		memcpy(grown + total, f->data, f->len);
		total += f->len;
		if (i + 1 < initrds->nr) {
			memset(grown + total, 0, 4);
			total = (total + 3) & ~3ULL;
		}
	}
	*len = total;
	return total ? add(realm, "initrd", realm->initrd_ipa, realm->initrd, total) : STATUS_OK;
}

static enum status add_tvm(struct realm *realm, const struct realm_opts *o)
{
	struct rim_launch *l = &realm->launch;
	enum status s;
	uint64_t end = 0, len;
	struct file *f;

	s = add_kernel(realm, o->kernel, l->rams[0].base, &end);
	if (s)
		return s;
	realm->dtb_ipa = (end + RIM_TVM_FDT_ALIGN - 1) & ~(RIM_TVM_FDT_ALIGN - 1);
	l->boot.gprs[0] = realm->dtb_ipa;
	if (o->initrds.nr)
		realm->initrd_ipa = realm->dtb_ipa + RIM_TVM_FDT_SPACE;
	s = open_file(realm, "device tree", o->dtb, &f);
	if (!s && f->len > RIM_TVM_FDT_SPACE)
		s = fail(STATUS_ERROR, "device tree: '%s' has more than %llu bytes", o->dtb,
			RIM_TVM_FDT_SPACE);
	s = s ? s : add(realm, "device tree", realm->dtb_ipa, f->data, f->len);
	return s ? s : add_initrds(realm, &o->initrds, &len);
}

/* rim_launch.h: order and padding are gen_rim_ref's. */
static enum status add_qemu(struct realm *realm, const struct realm_opts *o)
{
	struct rim_launch *l = &realm->launch;
	uint64_t base = l->rams[0].base, end = 0, half = l->rams[0].size / 2, len = 0;
	enum status s = add_kernel(realm, o->kernel, base + RIM_VIRTCCA_ALIGN, &end);
	uint64_t entry = l->boot.pc;
	struct file *f;

	if (s)
		return s;
	round_space(realm, end - base - RIM_VIRTCCA_ALIGN, RIM_PAGE);
	realm->initrd_ipa = base + (half < RIM_VIRTCCA_INITRD ? half : RIM_VIRTCCA_INITRD);
	if (realm->initrd_ipa < end)
		realm->initrd_ipa = end;
	realm->initrd_ipa = (realm->initrd_ipa + RIM_PAGE - 1) & ~(uint64_t)(RIM_PAGE - 1);
	s = add_initrds(realm, &o->initrds, &len);
	if (!s && len)
		round_space(realm, len + 1, RIM_VIRTCCA_ALIGN);
	realm->dtb_ipa = (realm->initrd_ipa + len + RIM_VIRTCCA_ALIGN - 1) &
		~(RIM_VIRTCCA_ALIGN - 1);
	s = s ? s : open_file(realm, "device tree", o->dtb, &f);
	s = s ? s : add(realm, "device tree", realm->dtb_ipa, f->data, f->len);
	if (s)
		return s;
	round_space(realm, f->len + 1, RIM_VIRTCCA_ALIGN);
	rim_virtcca_stub(realm->dtb_ipa, entry, realm->stub);
	s = add(realm, "boot stub", base, realm->stub, sizeof(realm->stub));
	if (!s)
		round_space(realm, 1, RIM_VIRTCCA_ALIGN);
	if (!o->initrds.nr)
		realm->initrd_ipa = 0;
	l->boot.pc = base;
	return s;
}

/* ADDRESS=FILE */
static enum status add_data(struct realm *realm, const char *text)
{
	const char *eq = strchr(text, '=');
	char number[32] = "";
	struct file *f;
	uint64_t ipa;
	enum status s;

	if (eq && (size_t)(eq - text) < sizeof(number))
		memcpy(number, text, (size_t)(eq - text));
	if (!eq || !eq[1] || !args_addr(number, &ipa))
		return fail(STATUS_USAGE, "--data takes ADDRESS=FILE");
	s = open_file(realm, "data", eq + 1, &f);
	return s ? s : add(realm, eq + 1, ipa, f->data, f->len);
}

static enum status parts(struct realm *realm, const struct realm_opts *o)
{
	struct rim_launch *l = &realm->launch;
	enum status s = STATUS_OK;

	if (!o->kernel && (o->dtb || o->initrds.nr))
		return fail(STATUS_USAGE, "--dtb and --initrd need --kernel, which places them");
	if (!o->kernel && !o->data.nr)
		return fail(STATUS_USAGE, "what is measured? give --kernel and --dtb, or --data");
	if (!o->kernel && !o->entry.given)
		return fail(STATUS_USAGE, "--entry is required with --data alone");
	if (o->kernel && !o->dtb)
		return fail(STATUS_USAGE, "--dtb is required with --kernel: a realm's device tree "
			"is measured");
	if (o->kernel)
		s = realm->qemu ? add_qemu(realm, o) : add_tvm(realm, o);
	for (unsigned int i = 0; !s && i < o->data.nr; i++)
		s = add_data(realm, o->data.items[i]);
	if (o->entry.given)
		l->boot.pc = o->entry.value;
	if (o->x0.given)
		l->boot.gprs[0] = o->x0.value;
	return s;
}

enum status realm_measure(struct realm *realm, const struct realm_opts *o)
{
	struct rim_launch *l = &realm->launch;
	struct tvm_error err = { 0 };
	enum status s = STATUS_OK;

	if (!o->memory.value)
		return fail(STATUS_USAGE, "--memory is required: a realm's memory is measured, and "
			"chooses its address width");
	realm->virtcca = o->tee && !strcmp(o->tee, "virtcca");
	if (o->layout && !realm->virtcca)
		return fail(STATUS_USAGE, "--layout is for virtCCA");
	realm->qemu = o->layout && !strcmp(o->layout, "qemu");
	if (o->layout && !realm->qemu && strcmp(o->layout, "tvm"))
		return fail(STATUS_USAGE, "--layout %s: choose tvm or qemu", o->layout);
	l->nr_rams = 1;
	l->rams[0] = (struct rim_range){ realm->qemu ? RIM_VIRTCCA_RAM : RIM_TVM_RAM,
		o->memory.value };
	if (o->ram_base.given)
		l->rams[0].base = o->ram_base.value;
	l->boot.runnable = true;
	if (l->rams[0].size > UINT64_MAX - l->rams[0].base)
		return fail(STATUS_USAGE, "--memory is too large");
	if (o->rpv)
		s = realm_padded("rpv", o->rpv, realm->rpv);
	s = s ? s : common_params(realm, o);
	s = s ? s : realm->virtcca ? virtcca_params(realm, o) : cca_params(l, o);
	s = s ? s : parts(realm, o);
	if (!s && rim_launch(l, realm->rim, &realm->pages, &err) < 0)
		s = fail(STATUS_ERROR, "%s", err.msg);
	return s;
}

void realm_close(struct realm *realm)
{
	for (unsigned int i = 0; i < realm->nr_files; i++)
		file_close(&realm->files[i]);
	free(realm->initrd);
}
