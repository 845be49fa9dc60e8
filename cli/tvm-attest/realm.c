/* SPDX-License-Identifier: Apache-2.0 */
/* See realm.h. Parts are placed as tvm places them, or where --data says. */
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

static enum status params(struct rim_launch *l, const struct realm_opts *o)
{
	struct rim_params *p = &l->params;
	uint64_t end = l->rams[0].base + l->rams[0].size;
	uint32_t bps = or_default(&o->breakpoints, 2), wps = or_default(&o->watchpoints, 2);

	p->hash = RIM_SHA256;
	if (o->hash && !rim_hash_find(o->hash, &p->hash))
		return fail(STATUS_USAGE, "--hash %s: choose sha256, sha384 or sha512", o->hash);
	p->s2sz = (uint8_t)or_default(&o->ipa_bits, rim_width(end));
	if (p->s2sz < 32 || p->s2sz > 52)
		return fail(STATUS_USAGE, "--ipa-bits %u: 32 to 52 are possible", p->s2sz);
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
		if (o->sve_vl.value % 128)
			return fail(STATUS_USAGE, "--sve-vl is a multiple of 128 bits");
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

/* The segments of an arm64 kernel; *end: behind its memory. */
static enum status add_kernel(struct realm *realm, const char *path, uint64_t *end)
{
	struct rim_launch *l = &realm->launch;
	struct image img;
	struct tvm_error err = { 0 };
	enum status s = STATUS_OK;
	uint64_t base;

	if (image_open(path, EM_AARCH64, &img, &err) < 0)
		return fail(STATUS_ERROR, "%s", err.msg);
	base = img.kind == IMAGE_ARM64 ? l->rams[0].base : 0;
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

/* Archives follow each other on 4-byte boundaries (initramfs buffer format). */
static enum status add_initrds(struct realm *realm, const struct arg_list *initrds)
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
	return total ? add(realm, "initrd", realm->initrd_ipa, realm->initrd, total) : STATUS_OK;
}

static enum status add_tvm(struct realm *realm, const struct realm_opts *o)
{
	struct rim_launch *l = &realm->launch;
	enum status s;
	uint64_t end = 0;
	struct file *f;

	if (!o->dtb)
		return fail(STATUS_USAGE, "--dtb is required with --kernel: a realm's device tree "
			"is measured");
	s = add_kernel(realm, o->kernel, &end);
	if (s)
		return s;
	realm->have_tvm = true;
	realm->dtb_ipa = (end + RIM_TVM_FDT_ALIGN - 1) & ~(RIM_TVM_FDT_ALIGN - 1);
	l->boot.gprs[0] = realm->dtb_ipa;
	if (o->initrds.nr)
		realm->initrd_ipa = realm->dtb_ipa + RIM_TVM_FDT_SPACE;
	s = open_file(realm, "device tree", o->dtb, &f);
	if (!s && f->len > RIM_TVM_FDT_SPACE)
		s = fail(STATUS_ERROR, "device tree: '%s' has more than %llu bytes", o->dtb,
			RIM_TVM_FDT_SPACE);
	s = s ? s : add(realm, "device tree", realm->dtb_ipa, f->data, f->len);
	return s ? s : add_initrds(realm, &o->initrds);
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
		return fail(STATUS_USAGE, "--dtb and --initrd need --kernel: it says where they lie");
	if (!o->kernel && !o->data.nr)
		return fail(STATUS_USAGE, "what is measured? give --kernel and --dtb, or --data");
	if (!o->kernel && !o->entry.given)
		return fail(STATUS_USAGE, "--entry is required with --data alone");
	if (o->kernel)
		s = add_tvm(realm, o);
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
	l->nr_rams = 1;
	l->rams[0] = (struct rim_range){
		o->ram_base.given ? o->ram_base.value : RIM_TVM_RAM, o->memory.value };
	l->boot.runnable = true;
	if (l->rams[0].size > UINT64_MAX - l->rams[0].base)
		return fail(STATUS_USAGE, "--memory is too large");
	if (o->rpv)
		s = realm_padded("rpv", o->rpv, realm->rpv);
	s = s ? s : params(l, o);
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
