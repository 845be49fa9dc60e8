/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ELF kernels, read with libelf. libelf is told to read, not to map: a mapped file that
 * shrinks would end the process with SIGBUS. It is given nothing to do with section headers,
 * and counts and sizes are bounded before it allocates for them.
 */
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stddef.h>
#include <string.h>

#include "base/bits.h"
#include "base/err.h"
#include "base/le.h"
#include "firmware/image.h"

#define MAX_PHDRS 128
#define MAX_NOTES KIB(64)		/* bytes; Linux has some hundred */
#define XEN_ELFNOTE_PHYS32_ENTRY 18	/* Xen public/elfnote.h */

/* What PT_LOAD says of virtual addresses, needed only to translate e_entry. */
struct elf_ctx {
	Elf *elf;
	GElf_Ehdr ehdr;
	uint64_t vaddr[IMAGE_MAX_SEGMENTS], paddr[IMAGE_MAX_SEGMENTS], memsz[IMAGE_MAX_SEGMENTS];
	uint64_t file_size;
	bool has_pvh;
	uint64_t pvh_entry;
};

static int check_ehdr(const GElf_Ehdr *e, unsigned int machine, struct tvm_error *err)
{
	if (e->e_ident[EI_CLASS] != ELFCLASS64)
		return err_set(err, -ENOEXEC, "32-bit ELF file; a 64-bit kernel is needed");
	if (e->e_ident[EI_DATA] != ELFDATA2LSB)
		return err_set(err, -ENOEXEC, "big-endian ELF file");
	if (e->e_machine != machine)
		return err_set(err, -ENOEXEC, "ELF file for another machine (%u, not %u)",
			e->e_machine, machine);
	if (e->e_type != ET_EXEC)
		return err_set(err, -ENOEXEC, "not an ELF kernel: its type is %u, not %u "
			"(executable)", e->e_type, ET_EXEC);
	if (!e->e_phnum || e->e_phnum > MAX_PHDRS)
		return err_set(err, -ENOEXEC, "damaged ELF file: %u program headers, at most %u",
			e->e_phnum, MAX_PHDRS);
	if (e->e_phentsize != sizeof(Elf64_Phdr))
		return err_set(err, -ENOEXEC, "damaged ELF file: program headers of %u bytes",
			e->e_phentsize);
	return 0;
}

static int add_load(struct image *img, struct elf_ctx *ctx, const GElf_Phdr *p, unsigned int i,
	struct tvm_error *err)
{
	struct image_segment *s = img->segments;
	unsigned int n = img->nr_segments, at = n;

	if (p->p_filesz > p->p_memsz)
		return err_set(err, -ENOEXEC, "damaged ELF file: program header %u: more bytes in "
			"the file than in memory", i);
	if (!range_within(p->p_offset, p->p_filesz, 0, img->file_size))
		return err_set(err, -ENOEXEC, "truncated ELF file: program header %u ends beyond "
			"the file's %llu bytes", i, (unsigned long long)img->file_size);
	if (!range_within(p->p_paddr, p->p_memsz, 0, IMAGE_GPA_END))
		return err_set(err, -ENOEXEC, "damaged ELF file: program header %u: physical "
			"address 0x%llx, size 0x%llx", i, (unsigned long long)p->p_paddr,
			(unsigned long long)p->p_memsz);
	if (!p->p_memsz)
		return 0;
	if (n == IMAGE_MAX_SEGMENTS)
		return err_set(err, -ENOEXEC, "more than %u loadable segments", n);

	while (at && s[at - 1].gpa > p->p_paddr)
		at--;
	if ((at && s[at - 1].gpa + s[at - 1].memsz > p->p_paddr) ||
	    (at < n && s[at].gpa - p->p_paddr < p->p_memsz))
		return err_set(err, -ENOEXEC,
			"damaged ELF file: program header %u overlaps another", i);
	memmove(&s[at + 1], &s[at], (n - at) * sizeof(*s));
	s[at] = (struct image_segment){ p->p_paddr, p->p_offset, p->p_filesz, p->p_memsz };
	ctx->vaddr[n] = p->p_vaddr;
	ctx->paddr[n] = p->p_paddr;
	ctx->memsz[n] = p->p_memsz;
	img->nr_segments++;
	return 0;
}

static int find_pvh(struct elf_ctx *ctx, const GElf_Phdr *p, struct tvm_error *err)
{
	size_t pos = 0, next, name, desc;
	GElf_Nhdr note;
	Elf_Data *data;
	const char *buf;

	if (!p->p_filesz)
		return 0;
	if (p->p_filesz > MAX_NOTES)
		return err_set(err, -ENOEXEC, "damaged ELF file: %llu bytes of notes",
			(unsigned long long)p->p_filesz);
	if (!range_within(p->p_offset, p->p_filesz, 0, ctx->file_size))
		return err_set(err, -ENOEXEC, "truncated ELF file: notes end beyond it");
	data = elf_getdata_rawchunk(ctx->elf, (int64_t)p->p_offset, p->p_filesz,
		p->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
	if (!data)
		return err_set(err, -ENOEXEC, "damaged ELF file: notes cannot be read: %s",
			elf_errmsg(-1));
	buf = data->d_buf;
	for (; (next = gelf_getnote(data, pos, &note, &name, &desc)) > pos; pos = next) {
		if (note.n_type != XEN_ELFNOTE_PHYS32_ENTRY || note.n_namesz != sizeof("Xen") ||
		    memcmp(buf + name, "Xen", sizeof("Xen")))
			continue;
		if (note.n_descsz != 4 && note.n_descsz != 8)
			return err_set(err, -ENOEXEC, "damaged ELF file: PVH note of %u bytes",
				note.n_descsz);
		ctx->has_pvh = true;
		ctx->pvh_entry = le_load(buf + desc, note.n_descsz);
	}
	return 0;
}

static bool inside(const struct image *img, uint64_t gpa)
{
	for (unsigned int i = 0; i < img->nr_segments; i++) {
		if (range_within(gpa, 1, img->segments[i].gpa, img->segments[i].memsz))
			return true;
	}
	return false;
}

/* e_entry is physical in a Linux vmlinux, virtual in what other linkers make. */
static int find_entry(struct image *img, const struct elf_ctx *ctx, struct tvm_error *err)
{
	uint64_t entry = ctx->ehdr.e_entry;

	if (ctx->has_pvh) {
		img->kind = IMAGE_ELF_PVH;
		img->entry = ctx->pvh_entry;
		if (ctx->pvh_entry <= UINT32_MAX && inside(img, ctx->pvh_entry))
			return 0;
		return err_set(err, -ENOEXEC, "damaged ELF file: PVH entry 0x%llx lies outside",
			(unsigned long long)ctx->pvh_entry);
	}
	img->kind = IMAGE_ELF64;
	img->entry = entry;
	if (inside(img, entry))
		return 0;
	for (unsigned int i = 0; i < img->nr_segments; i++) {
		/* A virtual range may wrap: compare the distance only. */
		if (entry - ctx->vaddr[i] < ctx->memsz[i]) {
			img->entry = ctx->paddr[i] + (entry - ctx->vaddr[i]);
			return 0;
		}
	}
	return err_set(err, -ENOEXEC, "damaged ELF file: entry 0x%llx lies outside",
		(unsigned long long)entry);
}

static int parse(struct image *img, unsigned int machine, struct elf_ctx *ctx,
	struct tvm_error *err)
{
	GElf_Phdr p;
	int r;

	if (elf_kind(ctx->elf) != ELF_K_ELF || !gelf_getehdr(ctx->elf, &ctx->ehdr))
		return err_set(err, -ENOEXEC, "damaged ELF file: no valid header");
	r = check_ehdr(&ctx->ehdr, machine, err);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < ctx->ehdr.e_phnum; i++) {
		if (!gelf_getphdr(ctx->elf, (int)i, &p))
			return err_set(err, -ENOEXEC, "truncated ELF file: program header %u: %s",
				i, elf_errmsg(-1));
		r = 0;
		if (p.p_type == PT_LOAD)
			r = add_load(img, ctx, &p, i, err);
		else if (p.p_type == PT_NOTE)
			r = find_pvh(ctx, &p, err);
		if (r < 0)
			return r;
	}
	if (!img->nr_segments)
		return err_set(err, -ENOEXEC, "ELF file without loadable segments");
	return find_entry(img, ctx, err);
}

/*
 * libelf allocates for as many sections as the file claims to have, and in one form of the
 * header the count is a 64-bit number found elsewhere. A kernel has no use for that form.
 */
static int check_sections(struct image *img, struct tvm_error *err)
{
	Elf64_Ehdr e;
	int r = image_read(img, 0, &e, sizeof(e));

	if (r == -ENODATA)
		return err_set(err, -ENOEXEC, "truncated ELF file: %llu bytes",
			(unsigned long long)img->file_size);
	if (r < 0)
		return err_sys(err, r, "cannot be read");
	if (e.e_ident[EI_CLASS] == ELFCLASS64 && e.e_shoff && !e.e_shnum)
		return err_set(err, -ENOEXEC, "damaged ELF file: sections without a count");
	return 0;
}

int image_parse_elf(struct image *img, unsigned int machine, struct tvm_error *err)
{
	struct elf_ctx ctx = { .file_size = img->file_size };
	int r;

	r = check_sections(img, err);
	if (r < 0)
		return r;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return err_set(err, -ENOSYS, "libelf is too old");
	ctx.elf = elf_begin(img->fd, ELF_C_READ, NULL);
	if (!ctx.elf)
		return err_set(err, -ENOEXEC, "damaged ELF file: %s", elf_errmsg(-1));
	r = parse(img, machine, &ctx, err);
	elf_end(ctx.elf);
	img->cmdline_max = 2047;	/* COMMAND_LINE_SIZE of x86 less the NUL */
	img->initrd_max = UINT32_MAX;	/* Linux takes 32 bits of the address in PVH */
	return r;
}
