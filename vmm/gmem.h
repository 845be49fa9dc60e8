/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory: RAM ranges, the translation from gpa to host memory, and the only writer of
 * initial contents.
 *
 * Devices and the control plane see guest memory through the *device view*: gmem_read(),
 * gmem_write(), gmem_map(). For a plain machine it is all RAM; a TEE backend narrows it with
 * gmem_restrict(). Nothing but RAM is ever reachable, so a device cannot DMA into MMIO.
 *
 * Ranges are added before vCPUs run and never change, so lookups take no lock.
 */
#ifndef VMM_GMEM_H
#define VMM_GMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/bits.h"

struct gmem;
struct tvm_error;

#define GMEM_MAX_SLOTS 8

enum gmem_pages { GMEM_PAGES_THP, GMEM_PAGES_SMALL, GMEM_PAGES_HUGE2M, GMEM_PAGES_HUGE1G };

struct gmem_opts {
	enum gmem_pages pages;
	bool prealloc;
};

struct gmem_slot {
	gpa_t gpa;
	uint64_t size;		/* multiple of 4 KiB */
	uint8_t *hva;
	int fd;			/* memfd, owned */
	bool rom;		/* firmware: no device reaches it */
};

int gmem_create(const struct gmem_opts *opts, struct gmem **out, struct tvm_error *err);
void gmem_destroy(struct gmem *gm); /* NULL is fine */

/* Add RAM at [gpa, gpa + size), both multiples of 4 KiB (of the huge page, where asked). */
int gmem_add(struct gmem *gm, gpa_t gpa, uint64_t size, struct tvm_error *err);

/* The same for firmware: outside the device view, and not RAM. */
int gmem_add_rom(struct gmem *gm, gpa_t gpa, uint64_t size, struct tvm_error *err);

unsigned int gmem_nr_slots(const struct gmem *gm);
const struct gmem_slot *gmem_slot(const struct gmem *gm, unsigned int index);
uint64_t gmem_size(const struct gmem *gm); /* bytes of RAM in all slots */
/* End of RAM below the board's hole: that of the first range. */
uint64_t gmem_low_end(const struct gmem *gm);

/* Whether [gpa, gpa + len) is RAM, device view or not: for what is loaded there. */
bool gmem_is_ram(const struct gmem *gm, gpa_t gpa, uint64_t len);

/* One copy out of / into the device view. 0, or -EFAULT when any byte is outside of it. */
int gmem_read(const struct gmem *gm, gpa_t gpa, void *dst, size_t len);
int gmem_write(struct gmem *gm, gpa_t gpa, const void *src, size_t len);

/*
 * Pointer to [gpa, gpa + len) in the device view, len > 0, for bulk payload that is passed to
 * the host kernel and for ring memory. The guest may write it at any time. -EFAULT as above.
 */
int gmem_map(const struct gmem *gm, gpa_t gpa, size_t len, struct iovec *out);

/*
 * Contents of [gpa, gpa + len) in the device view are not needed: whole pages of it go back to
 * the host and read zero when they are touched again. Parts of pages stay. -EFAULT as above.
 */
int gmem_discard(struct gmem *gm, gpa_t gpa, uint64_t len);

/* Narrow the device view: allowed() must hold for every access. One filter at most. */
typedef bool gmem_filter_fn(void *opaque, gpa_t gpa, size_t len);
void gmem_restrict(struct gmem *gm, gmem_filter_fn *allowed, void *opaque);

/* In the device view, addresses with that bit name what those without it do; 0: none. */
void gmem_set_alias(struct gmem *gm, gpa_t bit);
gpa_t gmem_alias(const struct gmem *gm);

/*
 * Initial contents: bytes from src, or (populate_fd) len bytes of a file from offset off.
 * hook(), when set, is told of each range afterwards, in call order, and may measure or
 * encrypt it; its failure is the caller's. After gmem_seal() both return -EBUSY.
 */
typedef int gmem_populate_fn(void *opaque, gpa_t gpa, size_t len, struct tvm_error *err);
void gmem_set_populate_hook(struct gmem *gm, gmem_populate_fn *hook, void *opaque);
int gmem_populate(struct gmem *gm, gpa_t gpa, const void *src, size_t len,
	struct tvm_error *err);
int gmem_populate_fd(struct gmem *gm, gpa_t gpa, int fd, uint64_t off, size_t len,
	struct tvm_error *err);
void gmem_seal(struct gmem *gm);

/*
 * Contents that nobody measures, for firmware that checks them: a pointer to RAM before the
 * seal, or NULL. For a confidential machine it is memory that the guest shares.
 */
uint8_t *gmem_stage(struct gmem *gm, gpa_t gpa, uint64_t len);

/* Launch code only: host address of RAM or ROM, whatever the device view is; NULL: neither. */
uint8_t *gmem_host(const struct gmem *gm, gpa_t gpa, uint64_t len);

/* Reset: drop all contents (reads zero, memory goes back to the host) and unseal. */
int gmem_clear(struct gmem *gm, struct tvm_error *err);

#endif
