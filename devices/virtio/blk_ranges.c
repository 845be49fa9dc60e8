/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Discard and write zeroes (virtio 1.2, 5.2.6): the request's data is a list of ranges. It is
 * copied, every range is checked, and only then the first one is started; one at a time.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "devices/virtio/blk.h"

/* 5.2.6 */
struct blk_range_wire {
	le64 sector;
	le32 num_sectors;
	le32 flags;
};

#define VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP 1

/* The status to refuse the request with, or VIRTIO_BLK_S_OK. */
static uint8_t check(const struct blk *blk, uint32_t type, const struct blk_range_wire *w,
	struct blk_range *out)
{
	bool discard = type == VIRTIO_BLK_T_DISCARD;
	uint32_t max = discard ? BLK_DISCARD_SECTORS : BLK_ZEROES_SECTORS;
	uint32_t flags = le32_get(w->flags);

	*out = (struct blk_range){
		.sector = le64_get(w->sector),
		.nr = le32_get(w->num_sectors),
		.unmap = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP,
	};
	/* 5.2.6.2: unknown flags, and this one in a discard. */
	if (flags & ~(discard ? 0U : VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP))
		return VIRTIO_BLK_S_UNSUPP;
	if (out->nr <= max && blk_in_disk(blk, out->sector, out->nr))
		return VIRTIO_BLK_S_OK;
	log_guest(blk->vd.env->log, "%s: %s of %u sectors at %llu of %llu", blk->vd.name,
		discard ? "discard" : "write zeroes", out->nr, (unsigned long long)out->sector,
		(unsigned long long)(blk->file.size / BLK_SECTOR));
	return VIRTIO_BLK_S_IOERR;
}

static uint8_t copy_ranges(struct blk_request *req, uint32_t type)
{
	const uint64_t len = req->chain.out_len - sizeof(struct blk_header);
	struct blk_range_wire wire[BLK_RANGES_MAX];
	uint8_t status = VIRTIO_BLK_S_OK;

	/* 5.2.6.1: whole segments, no more than the configuration says. */
	if (!len || len % sizeof(wire[0]) || len > sizeof(wire))
		return VIRTIO_BLK_S_IOERR;
	virtq_chain_read(&req->chain, sizeof(struct blk_header), wire, (size_t)len);
	req->nr_ranges = (unsigned int)(len / sizeof(wire[0]));
	for (unsigned int i = 0; i < req->nr_ranges && status == VIRTIO_BLK_S_OK; i++)
		status = check(req->queue->blk, type, &wire[i], &req->ranges[i]);
	return status;
}

bool blk_ranges_next(struct blk_request *req)
{
	const struct blk_range *range;

	while (req->range < req->nr_ranges && !req->ranges[req->range].nr)
		req->range++;
	if (req->range == req->nr_ranges)
		return false;
	range = &req->ranges[req->range++];
	req->io.offset = range->sector * BLK_SECTOR;
	req->io.len = (uint64_t)range->nr * BLK_SECTOR;
	req->io.unmap = range->unmap;
	req->io.iov = req->iov;
	req->io.nr_iov = ARRAY_SIZE(req->iov);
	blk_start_io(req);
	return true;
}

void blk_ranges_start(struct blk_request *req, uint32_t type)
{
	bool discard = type == VIRTIO_BLK_T_DISCARD;
	uint8_t status;

	/* Not offered when the disk is read-only. */
	if (!virtio_has(&req->queue->blk->vd,
		discard ? VIRTIO_BLK_F_DISCARD : VIRTIO_BLK_F_WRITE_ZEROES)) {
		blk_finish(req, VIRTIO_BLK_S_UNSUPP, 0);
		return;
	}
	status = copy_ranges(req, type);
	req->range = 0;
	req->io.op = discard ? BLK_DISCARD : BLK_ZERO;
	if (status != VIRTIO_BLK_S_OK || !blk_ranges_next(req))
		blk_finish(req, status, 0);
}
