/* SPDX-License-Identifier: Apache-2.0 */
/* The soft platform's memory views; views.h tells why they are as they are. */
#include "tee/csv/views.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "vmm/gmem.h"
#include "vmm/kvm.h"

#define PAGE KIB(4)
#define PRIVATE_LOW MIB(1)	/* the window shows P here for ever */
#define MAX_SLOTS GMEM_MAX_SLOTS

struct view {
	gpa_t gpa;
	uint64_t size;
	bool rom;
	uint8_t *s;			/* borrowed from gmem */
	int s_fd;			/* borrowed */
	uint8_t *p;			/* owned mapping */
	int p_fd;			/* owned */
	uint8_t *window;		/* owned mapping */
	_Atomic uint64_t *shared;	/* bitmap of announced pages, owned */
};

struct soft_views {
	const struct kvm_vm *kvm;	/* borrowed */
	uint64_t private_bit;
	unsigned int nr;
	struct view views[MAX_SLOTS];
	pthread_mutex_t lock;		/* the window's mappings, switched */
	bool switched;
	_Atomic uint64_t shared_pages, announcements;
};

int soft_views_create(const struct kvm_vm *kvm, uint64_t private_bit, struct soft_views **out,
	struct tvm_error *err)
{
	struct soft_views *v = calloc(1, sizeof(*v));

	if (!v)
		return err_set(err, -ENOMEM, "soft platform: out of memory");
	v->kvm = kvm;
	v->private_bit = private_bit;
	pthread_mutex_init(&v->lock, NULL);
	*out = v;
	return 0;
}

static void view_fini(struct view *w)
{
	if (w->p)
		munmap(w->p, w->size);
	if (w->window)
		munmap(w->window, w->size);
	close_fd(&w->p_fd);
	free((void *)w->shared);
}

void soft_views_destroy(struct soft_views *v)
{
	if (!v)
		return;
	while (v->nr)
		view_fini(&v->views[--v->nr]);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

static uint8_t *map(int fd, uint64_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (at == MAP_FAILED)
		return NULL;
	madvise(at, size, MADV_DONTDUMP);
	return at;
}

int soft_views_add(struct soft_views *v, const struct gmem_slot *slot, struct tvm_error *err)
{
	struct view *w = &v->views[v->nr];
	int r;

	if (v->nr == MAX_SLOTS || slot->gpa + slot->size > v->private_bit)
		return err_set(err, -E2BIG, "soft platform: guest memory at 0x%llx reaches the "
			"C-bit (0x%llx): give less --memory", (unsigned long long)slot->gpa,
			(unsigned long long)v->private_bit);
	*w = (struct view){ .gpa = slot->gpa, .size = slot->size, .rom = slot->rom, .s = slot->hva,
		.s_fd = slot->fd, .p_fd = -1 };
	v->nr++;	/* what follows is undone by destroy */
	w->p_fd = memfd_create("tvm-private", MFD_CLOEXEC);
	if (w->p_fd < 0 || ftruncate(w->p_fd, (off_t)w->size) < 0)
		return err_sys(err, -errno, "soft platform: private memory");
	w->p = map(w->p_fd, w->size);
	w->window = map(w->p_fd, w->size);
	w->shared = calloc((w->size / PAGE + 63) / 64, sizeof(*w->shared));
	if (!w->p || !w->window || !w->shared)
		return err_set(err, -ENOMEM, "soft platform: out of memory for private memory");
	r = kvm_add_slot(v->kvm, 2 * (v->nr - 1), w->gpa, w->size, w->window, err);
	if (!r)
		r = kvm_add_slot(v->kvm, 2 * v->nr - 1, w->gpa | v->private_bit, w->size, w->p,
			err);
	return r;
}

static struct view *find(struct soft_views *v, gpa_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < v->nr; i++)
		if (range_within(gpa, len, v->views[i].gpa, v->views[i].size))
			return &v->views[i];
	return NULL;
}

static struct view *find_uaddr(struct soft_views *v, uint64_t uaddr, uint64_t len)
{
	for (unsigned int i = 0; i < v->nr; i++)
		if (range_within(uaddr, len, (uintptr_t)v->views[i].s, v->views[i].size))
			return &v->views[i];
	return NULL;
}

/* Let the window show S or P at [off, off + len), as far as it may change there. */
static int show(struct view *w, uint64_t off, uint64_t len, bool shared)
{
	uint64_t low = w->gpa < PRIVATE_LOW ? PRIVATE_LOW - w->gpa : 0;

	if (w->rom)
		return 0;
	if (off < low) {
		uint64_t skip = low - off;

		if (skip >= len)
			return 0;
		off += skip;
		len -= skip;
	}
	if (mmap(w->window + off, len, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_NORESERVE | MAP_FIXED, shared ? w->s_fd : w->p_fd,
		    (off_t)off) == MAP_FAILED)
		return -errno;
	return 0;
}

static void mark(struct soft_views *v, struct view *w, uint64_t off, uint64_t len, bool shared)
{
	for (uint64_t page = off / PAGE; page < (off + len) / PAGE; page++) {
		uint64_t bit = BIT(page % 64), old;

		old = shared ? atomic_fetch_or(&w->shared[page / 64], bit) :
			atomic_fetch_and(&w->shared[page / 64], ~bit);
		if (!(old & bit) == shared)
			atomic_fetch_add(&v->shared_pages, shared ? 1 : UINT64_MAX);
	}
}

int soft_views_stage(struct soft_views *v, gpa_t gpa, uint64_t len, struct tvm_error *err)
{
	gpa_t start = align_down(gpa, PAGE);
	uint64_t size = align_up(gpa + len, PAGE) - start;
	struct view *w = find(v, start, size);
	int r;

	if (!w || w->rom || start < PRIVATE_LOW)
		return err_set(err, -EFAULT,
			"soft platform: staging at 0x%llx is not RAM above 1 MiB",
			(unsigned long long)gpa);
	r = show(w, start - w->gpa, size, true);
	if (r < 0)
		return err_sys(err, r, "soft platform: staging at 0x%llx", (unsigned long long)gpa);
	mark(v, w, start - w->gpa, size, true);
	return 0;
}

static bool is_shared(struct view *w, uint64_t page)
{
	return atomic_load_explicit(&w->shared[page / 64], memory_order_relaxed) &
		BIT(page % 64);
}

/* The first shared range of the kernel: from now on the window shows S. */
static int switch_views(struct soft_views *v, struct view *w, uint64_t off, uint64_t len)
{
	int r = 0;

	/* The kernel wrote there through the window before it told us; staged pages showed S. */
	for (uint64_t at = off; at < off + len; at += PAGE)
		if (!is_shared(w, at / PAGE))
			memcpy(w->s + at, w->p + at, PAGE);
	for (unsigned int i = 0; i < v->nr && !r; i++)
		r = show(&v->views[i], 0, v->views[i].size, true);
	if (!r)
		v->switched = true;
	return r;
}

int soft_views_announce(struct soft_views *v, gpa_t gpa, uint64_t pages, bool is_private)
{
	uint64_t len, off;
	struct view *w;
	int r = 0;

	if (gpa % PAGE || !pages || mul_overflows(pages, PAGE, &len))
		return -EINVAL;
	w = find(v, gpa, len);
	if (!w || w->rom)
		return -EINVAL;
	off = gpa - w->gpa;
	atomic_fetch_add_explicit(&v->announcements, 1, memory_order_relaxed);
	pthread_mutex_lock(&v->lock);
	if (!is_private && !v->switched)
		r = switch_views(v, w, off, len);
	else if (is_private && !v->switched)
		r = show(w, off, len, false);
	if (!r)
		mark(v, w, off, len, !is_private);
	pthread_mutex_unlock(&v->lock);
	return r;
}

bool soft_views_shared(void *opaque, gpa_t gpa, size_t len)
{
	struct soft_views *v = opaque;
	struct view *w = find(v, gpa, len);
	uint64_t off;

	if (!w)
		return false;
	off = gpa - w->gpa;
	for (uint64_t page = off / PAGE; len && page <= (off + len - 1) / PAGE; page++)
		if (!is_shared(w, page))
			return false;
	return true;
}

int soft_views_make_private(struct soft_views *v, uint64_t uaddr, uint64_t len)
{
	struct view *w = find_uaddr(v, uaddr, len);
	uint64_t off;

	if (!w)
		return -EFAULT;
	off = uaddr - (uintptr_t)w->s;
	memcpy(w->p + off, w->s + off, len);
	/* Hardware leaves ciphertext behind; noise stands for it. */
	for (uint64_t done = 0; done < len;) {
		ssize_t n = getrandom(w->s + off + done, len - done, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (uint64_t)n : 0;
	}
	return 0;
}

int soft_views_write_private(struct soft_views *v, uint64_t uaddr, const void *src, uint64_t len)
{
	struct view *w = find_uaddr(v, uaddr, len);

	if (!w)
		return -EFAULT;
	memcpy(w->p + (uaddr - (uintptr_t)w->s), src, len);
	return 0;
}

void soft_views_stats(struct soft_views *v, struct soft_views_stats *out)
{
	pthread_mutex_lock(&v->lock);
	*out = (struct soft_views_stats){ v->shared_pages, v->announcements, v->switched };
	pthread_mutex_unlock(&v->lock);
}

/* Only what is really there: holes of the memfd are skipped, so nothing new is allocated. */
static uint64_t count_in(int fd, const uint8_t *base, uint64_t size, const void *marker,
	size_t len)
{
	uint64_t count = 0;
	off_t data = 0, hole;

	while ((data = lseek(fd, data, SEEK_DATA)) >= 0 && (uint64_t)data < size) {
		const uint8_t *at = base + data, *end;

		hole = lseek(fd, data, SEEK_HOLE);
		end = base + (hole < 0 ? size : (uint64_t)hole);
		while ((at = memmem(at, (size_t)(end - at), marker, len))) {
			count++;
			at += len;
		}
		if (hole < 0)
			break;
		data = hole;
	}
	return count;
}

uint64_t soft_views_count(struct soft_views *v, bool is_private, const void *marker, size_t len)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < v->nr; i++) {
		struct view *w = &v->views[i];

		count += count_in(is_private ? w->p_fd : w->s_fd, is_private ? w->p : w->s, w->size,
			marker, len);
	}
	return count;
}
