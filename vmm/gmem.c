/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory on memfds. Nothing is touched before the guest or the boot loader touches it.
 * The device view is all RAM unless a filter narrows it; initial contents have one writer.
 */
#include "vmm/gmem.h"

#include <linux/falloc.h>
#include <linux/memfd.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"

struct gmem {
	struct gmem_opts opts;
	unsigned int nr_slots;
	struct gmem_slot slots[GMEM_MAX_SLOTS];
	gmem_filter_fn *allowed;	/* NULL: all RAM */
	void *allowed_opaque;
	gpa_t alias;			/* bit that device addresses may have */
	gmem_populate_fn *hook;		/* NULL: nobody measures */
	void *hook_opaque;
	bool sealed;
};

int gmem_create(const struct gmem_opts *opts, struct gmem **out, struct tvm_error *err)
{
	struct gmem *gm = calloc(1, sizeof(*gm));

	if (!gm)
		return err_set(err, -ENOMEM, "guest memory: out of memory");
	gm->opts = *opts;
	*out = gm;
	return 0;
}

void gmem_destroy(struct gmem *gm)
{
	if (!gm)
		return;
	while (gm->nr_slots) {
		struct gmem_slot *s = &gm->slots[--gm->nr_slots];

		munmap(s->hva, s->size);
		close_fd(&s->fd);
	}
	free(gm);
}

static uint64_t page_size(enum gmem_pages pages)
{
	switch (pages) {
	case GMEM_PAGES_HUGE2M: return MIB(2);
	case GMEM_PAGES_HUGE1G: return GIB(1);
	default: return KIB(4);
	}
}

static int open_memfd(enum gmem_pages pages)
{
	unsigned int flags = MFD_CLOEXEC;

	if (pages == GMEM_PAGES_HUGE2M)
		flags |= MFD_HUGETLB | MFD_HUGE_2MB;
	else if (pages == GMEM_PAGES_HUGE1G)
		flags |= MFD_HUGETLB | MFD_HUGE_1GB;
	return memfd_create("tvm-ram", flags);
}

/*
 * Reserve with the alignment that large pages need: the mapping is placed by hand inside a
 * larger hole, which is then trimmed.
 */
static uint8_t *map_aligned(int fd, uint64_t size, uint64_t align)
{
	uint8_t *hole, *at;

	hole = mmap(NULL, size + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);
	if (hole == MAP_FAILED)
		return NULL;
	at = (uint8_t *)align_up((uintptr_t)hole, align);
	if (mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd,
		    0) == MAP_FAILED) {
		int saved = errno;

		munmap(hole, size + align);
		errno = saved;
		return NULL;
	}
	if (at > hole)
		munmap(hole, (size_t)(at - hole));
	munmap(at + size, (size_t)(hole + align - at));
	return at;
}

static int add_slot(struct gmem *gm, gpa_t gpa, uint64_t size, bool rom, struct tvm_error *err)
{
	enum gmem_pages pages = rom ? GMEM_PAGES_SMALL : gm->opts.pages;
	uint64_t page = page_size(pages), end;
	_cleanup_close_ int fd = -1;
	uint8_t *at;

	if (!size || gpa % page || size % page || add_overflows(gpa, size, &end))
		return err_set(err, -EINVAL,
			"guest memory: 0x%llx bytes at 0x%llx are not whole pages of %llu KiB",
			(unsigned long long)size, (unsigned long long)gpa,
			(unsigned long long)page >> 10);
	if (gm->nr_slots == GMEM_MAX_SLOTS)
		return err_set(err, -ENOSPC, "guest memory: more than %d ranges", GMEM_MAX_SLOTS);
	for (unsigned int i = 0; i < gm->nr_slots; i++)
		if (ranges_overlap(gpa, size, gm->slots[i].gpa, gm->slots[i].size))
			return err_set(err, -EEXIST, "guest memory: range at 0x%llx overlaps",
				(unsigned long long)gpa);

	fd = open_memfd(pages);
	if (fd < 0)
		return err_sys(err, -errno, "guest memory: memfd");
	if (ftruncate(fd, (off_t)size) < 0)
		return err_sys(err, -errno, "guest memory: %llu MiB",
			(unsigned long long)size >> 20);
	at = map_aligned(fd, size, page > MIB(2) ? page : MIB(2));
	if (!at)
		return err_sys(err, -errno, "guest memory: cannot map %llu MiB%s",
			(unsigned long long)size >> 20, page > KIB(4) ?
			" of huge pages (see /proc/sys/vm/nr_hugepages)" : "");
	if (pages == GMEM_PAGES_THP)
		madvise(at, size, MADV_HUGEPAGE); /* advice: failing is fine */
	else if (pages == GMEM_PAGES_SMALL)
		madvise(at, size, MADV_NOHUGEPAGE);
	madvise(at, size, MADV_DONTDUMP);
	if (gm->opts.prealloc && fallocate(fd, 0, 0, (off_t)size) < 0) {
		int r = err_sys(err, -errno, "guest memory: cannot preallocate %llu MiB",
			(unsigned long long)size >> 20);

		munmap(at, size);
		return r;
	}
	gm->slots[gm->nr_slots++] = (struct gmem_slot){
		.gpa = gpa, .size = size, .hva = at, .fd = take_fd(&fd), .rom = rom,
	};
	return 0;
}

int gmem_add(struct gmem *gm, gpa_t gpa, uint64_t size, struct tvm_error *err)
{
	return add_slot(gm, gpa, size, false, err);
}

int gmem_add_rom(struct gmem *gm, gpa_t gpa, uint64_t size, struct tvm_error *err)
{
	return add_slot(gm, gpa, size, true, err);
}

unsigned int gmem_nr_slots(const struct gmem *gm)
{
	return gm->nr_slots;
}

const struct gmem_slot *gmem_slot(const struct gmem *gm, unsigned int index)
{
	return index < gm->nr_slots ? &gm->slots[index] : NULL;
}

uint64_t gmem_size(const struct gmem *gm)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < gm->nr_slots; i++)
		sum += gm->slots[i].rom ? 0 : gm->slots[i].size;
	return sum;
}

uint64_t gmem_low_end(const struct gmem *gm)
{
	return gm->slots[0].gpa + gm->slots[0].size;
}

/* The one translation. A range must lie in one slot: slots never touch each other. */
static const struct gmem_slot *slot_of(const struct gmem *gm, gpa_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < gm->nr_slots; i++)
		if (range_within(gpa, len, gm->slots[i].gpa, gm->slots[i].size))
			return &gm->slots[i];
	return NULL;
}

static uint8_t *hva(const struct gmem *gm, gpa_t gpa, uint64_t len, bool rom_too)
{
	const struct gmem_slot *s = slot_of(gm, gpa, len);

	return s && (rom_too || !s->rom) ? s->hva + (gpa - s->gpa) : NULL;
}

bool gmem_is_ram(const struct gmem *gm, gpa_t gpa, uint64_t len)
{
	return hva(gm, gpa, len, false);
}

static uint8_t *device_view(const struct gmem *gm, gpa_t gpa, size_t len)
{
	uint8_t *at = hva(gm, gpa & ~gm->alias, len, false);

	if (at && gm->allowed && !gm->allowed(gm->allowed_opaque, gpa & ~gm->alias, len))
		return NULL;
	return at;
}

int gmem_read(const struct gmem *gm, gpa_t gpa, void *dst, size_t len)
{
	const uint8_t *src = device_view(gm, gpa, len);

	if (!src)
		return -EFAULT;
	memcpy(dst, src, len);
	/* The guest may write on: what was copied must not be fetched a second time. */
	atomic_signal_fence(memory_order_seq_cst);
	return 0;
}

int gmem_write(struct gmem *gm, gpa_t gpa, const void *src, size_t len)
{
	uint8_t *dst = device_view(gm, gpa, len);

	if (!dst)
		return -EFAULT;
	memcpy(dst, src, len);
	return 0;
}

int gmem_map(const struct gmem *gm, gpa_t gpa, size_t len, struct iovec *out)
{
	uint8_t *at = len ? device_view(gm, gpa, len) : NULL;

	if (!at)
		return -EFAULT;
	*out = (struct iovec){ .iov_base = at, .iov_len = len };
	return 0;
}

int gmem_discard(struct gmem *gm, gpa_t gpa, uint64_t len)
{
	uint64_t page = page_size(gm->opts.pages), first, end;
	const struct gmem_slot *s;

	if (!len || len > SIZE_MAX || !device_view(gm, gpa, (size_t)len))
		return -EFAULT;
	gpa &= ~gm->alias;
	s = slot_of(gm, gpa, len);
	/* Inwards: the kernel would zero parts of pages. */
	first = align_up(gpa - s->gpa, page);
	end = align_down(gpa - s->gpa + len, page);
	if (first >= end)
		return 0;
	if (fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)first,
		    (off_t)(end - first)) < 0)
		return -errno;
	return 0;
}

void gmem_restrict(struct gmem *gm, gmem_filter_fn *allowed, void *opaque)
{
	gm->allowed = allowed;
	gm->allowed_opaque = opaque;
}

void gmem_set_alias(struct gmem *gm, gpa_t bit)
{
	gm->alias = bit;
}

gpa_t gmem_alias(const struct gmem *gm)
{
	return gm->alias;
}

void gmem_set_populate_hook(struct gmem *gm, gmem_populate_fn *hook, void *opaque)
{
	gm->hook = hook;
	gm->hook_opaque = opaque;
}

/* Where initial contents may go: RAM and ROM, before the seal, whatever the device view is. */
static int populate_target(struct gmem *gm, gpa_t gpa, size_t len, uint8_t **out,
	struct tvm_error *err)
{
	if (gm->sealed)
		return err_set(err, -EBUSY, "guest memory: contents are final");
	*out = hva(gm, gpa, len, true);
	if (!*out)
		return err_set(err, -EFAULT, "guest memory: %zu bytes at 0x%llx are not all RAM",
			len, (unsigned long long)gpa);
	return 0;
}

static int populated(struct gmem *gm, gpa_t gpa, size_t len, struct tvm_error *err)
{
	return gm->hook ? gm->hook(gm->hook_opaque, gpa, len, err) : 0;
}

int gmem_populate(struct gmem *gm, gpa_t gpa, const void *src, size_t len,
	struct tvm_error *err)
{
	uint8_t *dst;
	int r = populate_target(gm, gpa, len, &dst, err);

	if (r < 0)
		return r;
	memcpy(dst, src, len);
	return populated(gm, gpa, len, err);
}

int gmem_populate_fd(struct gmem *gm, gpa_t gpa, int fd, uint64_t off, size_t len,
	struct tvm_error *err)
{
	uint8_t *dst;
	int r = populate_target(gm, gpa, len, &dst, err);

	if (r < 0)
		return r;
	r = read_at(fd, off, dst, len);
	if (r == -ENODATA)
		return err_set(err, r, "the file became shorter while it was read");
	if (r < 0)
		return err_sys(err, r, "cannot read");
	return populated(gm, gpa, len, err);
}

uint8_t *gmem_host(const struct gmem *gm, gpa_t gpa, uint64_t len)
{
	return hva(gm, gpa, len, true);
}

uint8_t *gmem_stage(struct gmem *gm, gpa_t gpa, uint64_t len)
{
	return gm->sealed ? NULL : hva(gm, gpa, len, false);
}

void gmem_seal(struct gmem *gm)
{
	gm->sealed = true;
}

int gmem_clear(struct gmem *gm, struct tvm_error *err)
{
	for (unsigned int i = 0; i < gm->nr_slots; i++) {
		struct gmem_slot *s = &gm->slots[i];

		if (fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			    (off_t)s->size) < 0)
			return err_sys(err, -errno, "guest memory: cannot clear");
	}
	gm->sealed = false;
	return 0;
}
