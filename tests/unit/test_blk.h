/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of virtio-blk: a disk on a file in /tmp, driven through its PCI transport on the
 * driver of driver.h, one request at a time or many. The file's bytes are pattern(offset).
 */
#ifndef TESTS_UNIT_TEST_BLK_H
#define TESTS_UNIT_TEST_BLK_H

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "devices/devices.h"
#include "devices/virtio/virtio.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"
#include "tests/harness.h"
#include "vmm/devopts.h"

#define SECTORS 2048u
#define WAIT 10000
#define BLK_MMIO_BASE (FAKE_MMIO32 + FAKE_MMIO32_SIZE)
#define BLK_MMIO_GSI 5
#define NONE 0xaa	/* a status that the device never writes */

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_ZEROES = 13 };
enum { S_OK, S_IOERR, S_UNSUPP };
enum { F_RO = 5, F_FLUSH = 9, F_MQ = 12, F_DISCARD = 13, F_ZEROES = 14 };

struct bench {
	struct fake_env f;
	struct drv d;
	struct dev *dev;
	struct disk_opts opts;
	bool mmio;		/* the transport */
	struct mmio_slots slots;
	char path[256];
	int fd;			/* the test's own view of the image */
};

static inline uint8_t pattern(uint64_t off)
{
	return (uint8_t)(off ^ off >> 9);
}

static inline void make_image_in(struct bench *b, uint64_t size, const char *where)
{
	uint8_t buf[4096];

	snprintf(b->path, sizeof(b->path), "%s/test-blk-XXXXXX", where);
	b->fd = mkstemp(b->path);
	FAKE_MUST(b->fd >= 0);
	for (uint64_t off = 0; off < size; off += sizeof(buf)) {
		size_t n = size - off < sizeof(buf) ? (size_t)(size - off) : sizeof(buf);

		for (size_t i = 0; i < n; i++)
			buf[i] = pattern(off + i);
		FAKE_MUST(pwrite(b->fd, buf, n, (off_t)off) == (ssize_t)n);
	}
	b->opts = (struct disk_opts){ .path = b->path };
	b->mmio = false;
}

static inline void make_image(struct bench *b, uint64_t size)
{
	make_image_in(b, size, "/tmp");
}

static inline int create(struct bench *b, struct tvm_error *err)
{
	fake_env_init(&b->f, MIB(16));
	b->slots = (struct mmio_slots){ BLK_MMIO_BASE, 0x200, BLK_MMIO_GSI, 0, 1 };
	b->f.env.mmio = b->mmio ? &b->slots : NULL;
	b->dev = NULL;
	return virtio_blk_class.create(&b->f.env, &b->opts, &b->dev, err);
}

static inline void setup(struct bench *b, uint64_t features)
{
	struct tvm_error err = { 0 };

	if (create(b, &err) < 0)
		printf("# %s\n", err.msg);
	FAKE_MUST(b->dev);
	fake_env_start(&b->f);
	FAKE_MUST(!(b->mmio ? drv_mmio_init(&b->d, &b->f, BLK_MMIO_BASE, BLK_MMIO_GSI) :
		drv_init(&b->d, &b->f, (unsigned int)drv_find(&b->f, VIRTIO_ID_BLOCK))));
	FAKE_MUST(!drv_start(&b->d, features, 0));
}

static inline void teardown(struct bench *b)
{
	loop_stop(b->f.loop);
	if (b->dev)
		virtio_blk_class.destroy(b->dev);
	fake_env_fini(&b->f);
}

static inline void drop_image(struct bench *b)
{
	close(b->fd);
	unlink(b->path);
}

/* A request with one data buffer; returns its head. */
struct req {
	gpa_t header, data, status;
	uint32_t len;
};

static inline struct req make(struct bench *b, uint32_t type, uint64_t sector, uint32_t len)
{
	struct req r = { .len = len };
	uint8_t *h;

	r.header = drv_alloc(&b->d, 16, 16);
	r.status = drv_alloc(&b->d, 1, 1);
	r.data = drv_alloc(&b->d, len ? len : 1, 512);
	h = drv_ram(&b->d, r.header, 16);
	le_store(h, 4, type);
	le_store(h + 4, 4, 0);
	le_store(h + 8, 8, sector);
	*(uint8_t *)drv_ram(&b->d, r.status, 1) = NONE;
	return r;
}

static inline int submit_to(struct bench *b, unsigned int vq, const struct req *r, bool data_in,
	bool indirect)
{
	struct drv_buf bufs[] = { { r->header, 16, false }, { r->data, r->len, data_in },
		{ r->status, 1, true } };

	if (r->len)
		return drv_add(&b->d, vq, bufs, 3, indirect);
	bufs[1] = bufs[2];
	return drv_add(&b->d, vq, bufs, 2, indirect);
}

static inline int submit(struct bench *b, const struct req *r, bool data_in)
{
	return submit_to(b, 0, r, data_in, false);
}

static inline uint8_t status_of(struct bench *b, const struct req *r)
{
	return *(uint8_t *)drv_ram(&b->d, r->status, 1);
}

/* Run one request: its status, with the used length. */
static inline uint8_t run_on(struct bench *b, unsigned int vq, const struct req *r, bool data_in,
	uint32_t *used)
{
	int head = submit_to(b, vq, r, data_in, false);
	uint32_t id;

	drv_kick(&b->d, vq);
	*used = 0;
	if (!drv_wait(&b->d, vq, WAIT, &id, used) || (int)id != head)
		return NONE;
	return status_of(b, r);
}

static inline uint8_t run(struct bench *b, const struct req *r, bool data_in, uint32_t *used)
{
	return run_on(b, 0, r, data_in, used);
}

static inline bool matches(const uint8_t *p, uint64_t off, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != pattern(off + i))
			return false;
	return true;
}

#endif
