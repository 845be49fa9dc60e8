/* SPDX-License-Identifier: Apache-2.0 */
/* The soft platform's memory views; views.h tells what they are. */
#include "tee/virtcca/views.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "vmm/gmem.h"
#include "vmm/kvm.h"

struct view {
	uint64_t base, size;
	int s_fd;			/* borrowed from gmem */
	int p_fd;			/* owned */
	uint8_t *p;			/* owned mapping: ours */
	uint8_t *p_window, *s_window;	/* owned mappings: KVM's */
};

struct realm_views {
	const struct kvm_vm *kvm;	/* borrowed */
	uint64_t shared_bit;
	unsigned int nr;
	struct view views[GMEM_MAX_SLOTS];
};

int realm_views_create(const struct kvm_vm *kvm, uint64_t shared_bit, struct realm_views **out,
	struct tvm_error *err)
{
	struct realm_views *v = calloc(1, sizeof(*v));

	if (!v)
		return err_set(err, -ENOMEM, "soft platform: out of memory");
	v->kvm = kvm;
	v->shared_bit = shared_bit;
	*out = v;
	return 0;
}

static void unmap(uint8_t *at, uint64_t size)
{
	if (at)
		munmap(at, size);
}

void realm_views_destroy(struct realm_views *v)
{
	if (!v)
		return;
	for (unsigned int i = 0; i < v->nr; i++) {
		struct view *w = &v->views[i];

		unmap(w->p, w->size);
		unmap(w->p_window, w->size);
		unmap(w->s_window, w->size);
		close_fd(&w->p_fd);
	}
	free(v);
}

static uint8_t *map(int fd, uint64_t size, int prot)
{
	void *at = mmap(NULL, size, prot, MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (at == MAP_FAILED)
		return NULL;
	madvise(at, size, MADV_DONTDUMP);
	return at;
}

int realm_views_add(struct realm_views *v, const struct gmem_slot *slot, struct tvm_error *err)
{
	struct view *w = &v->views[v->nr];
	int r;

	if (v->nr == GMEM_MAX_SLOTS || slot->gpa + slot->size > v->shared_bit)
		return err_set(err, -E2BIG, "soft platform: guest memory at 0x%llx does not fit "
			"the realm's half of its addresses", (unsigned long long)slot->gpa);
	*w = (struct view){ .base = slot->gpa, .size = slot->size, .s_fd = slot->fd, .p_fd = -1 };
	v->nr++;	/* what follows is undone by destroy */
	w->p_fd = memfd_create("tvm-realm", MFD_CLOEXEC);
	if (w->p_fd < 0 || ftruncate(w->p_fd, (off_t)w->size) < 0)
		return err_sys(err, -errno, "soft platform: memory of the realm");
	w->p = map(w->p_fd, w->size, PROT_READ | PROT_WRITE);
	w->p_window = map(w->p_fd, w->size, PROT_READ | PROT_WRITE);
	w->s_window = map(w->s_fd, w->size, PROT_NONE);
	if (!w->p || !w->p_window || !w->s_window)
		return err_set(err, -ENOMEM, "soft platform: out of memory for the realm");
	r = kvm_add_slot(v->kvm, 2 * (v->nr - 1), w->base, w->size, w->p_window, err);
	if (!r)
		r = kvm_add_slot(v->kvm, 2 * v->nr - 1, w->base | v->shared_bit, w->size,
			w->s_window, err);
	return r;
}

static struct view *find(struct realm_views *v, uint64_t base, uint64_t len)
{
	for (unsigned int i = 0; i < v->nr; i++)
		if (range_within(base, len, v->views[i].base, v->views[i].size))
			return &v->views[i];
	return NULL;
}

static int drop(int fd, uint64_t off, uint64_t len)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
		(off_t)len) < 0 ? -errno : 0;
}

/* The old window closes first: no page is ever open in both. */
static int convert(struct view *w, uint64_t off, uint64_t len, bool shared)
{
	uint8_t *closing = shared ? w->p_window : w->s_window;
	uint8_t *opening = shared ? w->s_window : w->p_window;
	int r;

	if (mprotect(closing + off, len, PROT_NONE) < 0)
		return -errno;
	r = drop(w->p_fd, off, len);
	if (!r)
		r = drop(w->s_fd, off, len);
	if (!r && mprotect(opening + off, len, PROT_READ | PROT_WRITE) < 0)
		r = -errno;
	if (r < 0)	/* as it was, but for its contents, which count nowhere now */
		mprotect(closing + off, len, PROT_READ | PROT_WRITE);
	return r;
}

int realm_views_convert(struct realm_views *v, uint64_t base, uint64_t len, bool shared)
{
	struct view *w = find(v, base, len);

	return w ? convert(w, base - w->base, len, shared) : -EFAULT;
}

int realm_views_reset(struct realm_views *v, struct tvm_error *err)
{
	for (unsigned int i = 0; i < v->nr; i++) {
		struct view *w = &v->views[i];
		int r = mprotect(w->s_window, w->size, PROT_NONE) < 0 ? -errno : 0;

		if (!r)
			r = drop(w->p_fd, 0, w->size);
		if (!r && mprotect(w->p_window, w->size, PROT_READ | PROT_WRITE) < 0)
			r = -errno;
		if (r < 0)
			return err_sys(err, r, "soft platform: memory of the realm");
	}
	return 0;
}

int realm_views_read(struct realm_views *v, uint64_t ipa, void *dst, size_t len)
{
	const struct view *w = find(v, ipa, len);

	if (!w)
		return -EFAULT;
	memcpy(dst, w->p + (ipa - w->base), len);
	return 0;
}

int realm_views_write(struct realm_views *v, uint64_t ipa, const void *src, size_t len)
{
	const struct view *w = find(v, ipa, len);

	if (!w)
		return -EFAULT;
	memcpy(w->p + (ipa - w->base), src, len);
	return 0;
}
