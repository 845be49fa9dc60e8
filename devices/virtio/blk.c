/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-blk (virtio 1.2, 5.2): the device. Its queues share one engine, all on the loop's
 * thread: several of them spare the guest's vCPUs a lock, and interrupts on other vCPUs.
 */
#include "devices/virtio/blk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "devices/devices.h"
#include "vmm/devopts.h"

/* 5.2.4 */
struct blk_config {
	le64 capacity;			/* in sectors of 512 bytes */
	le32 size_max;
	le32 seg_max;
	uint8_t geometry[4];
	le32 blk_size;
	uint8_t topology[8];
	uint8_t writeback;
	uint8_t unused0;
	le16 num_queues;
	le32 max_discard_sectors;
	le32 max_discard_seg;
	le32 discard_sector_alignment;
	le32 max_write_zeroes_sectors;
	le32 max_write_zeroes_seg;
	uint8_t write_zeroes_may_unmap;
	uint8_t unused1[3];
};

void blk_interrupt(struct blk *blk)
{
	for (unsigned int i = 0; i < blk->nr_queues; i++) {
		struct blk_queue *q = &blk->queues[i];

		if (!q->pushed)
			continue;
		q->pushed = false;
		virtq_notify(q->vq);
	}
}

/* What the page cache had is answered then. */
static void submit(struct blk *blk)
{
	blk_io_submit(blk->io);
	blk_interrupt(blk);
}

static void blk_notify(struct virtio_dev *vd, unsigned int index)
{
	struct blk *blk = container_of(vd, struct blk, vd);
	struct blk_queue *q = &blk->queues[index];
	unsigned int budget = BLK_QUEUE_SIZE, n;

	do {
		virtq_disable_notify(q->vq);
		/* In parts, so that disk and guest work on the first while we take the next. */
		while (budget && (n = blk_take(q, budget))) {
			budget -= n;
			submit(blk);
		}
	} while (budget && virtq_enable_notify(q->vq));
	/* A guest that is faster than we are must leave turns for others on this thread. */
	if (!budget)
		virtio_queue_kick(vd, index);
}

/* The engine may still have requests of other queues; they reach the guest as ever. */
static void blk_queue_reset(struct virtio_dev *vd, unsigned int index)
{
	struct blk *blk = container_of(vd, struct blk, vd);
	struct blk_queue *q = &blk->queues[index];

	q->resetting = true;
	blk_io_drain(blk->io, &q->in_flight);
	q->resetting = false;
	q->pushed = false;
	blk_interrupt(blk);
}

static void blk_reset(struct virtio_dev *vd)
{
	struct blk *blk = container_of(vd, struct blk, vd);

	for (unsigned int i = 0; i < blk->nr_queues; i++)
		blk->queues[i].resetting = true;
	blk_io_drain(blk->io, NULL);
	for (unsigned int i = 0; i < blk->nr_queues; i++)
		blk->queues[i].resetting = blk->queues[i].pushed = false;
}

static const struct virtio_ops blk_ops = {
	.id = VIRTIO_ID_BLOCK,
	.features = BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_BLK_SIZE) |
		BIT(VIRTIO_BLK_F_FLUSH),
	.notify = blk_notify,
	.reset = blk_reset,
	.queue_reset = blk_queue_reset,
};

static void machine_reset(struct dev *dev)
{
	virtio_machine_reset(&((struct blk *)dev)->vd);
}

static void blk_destroy(struct dev *dev)
{
	struct blk *blk = (struct blk *)dev;

	virtio_fini(&blk->vd);
	blk_io_destroy(blk->io);
	blk_file_close(&blk->file);
	free(blk->slots);
	free(blk);
}

static uint64_t features(const struct blk *blk)
{
	uint64_t f = blk->nr_queues > 1 ? BIT(VIRTIO_BLK_F_MQ) : 0;

	if (blk->ro)
		return f | BIT(VIRTIO_BLK_F_RO);
	return f | BIT(VIRTIO_BLK_F_WRITE_ZEROES) |
		(blk->file.discard ? BIT(VIRTIO_BLK_F_DISCARD) : 0);
}

/* Fields of features that are not offered stay 0. */
static void fill_config(struct blk *blk)
{
	struct blk_config *config = (struct blk_config *)blk->vd.config;

	config->capacity = le64_make(blk->file.size / BLK_SECTOR);
	config->seg_max = le32_make(BLK_SEG_MAX);
	config->blk_size = le32_make(blk->file.block_size);
	if (blk->nr_queues > 1)
		config->num_queues = le16_make((uint16_t)blk->nr_queues);
	if (blk->ro)
		return;
	config->max_write_zeroes_sectors = le32_make(BLK_ZEROES_SECTORS);
	config->max_write_zeroes_seg = le32_make(BLK_RANGES_MAX);
	config->write_zeroes_may_unmap = blk->file.discard;
	if (!blk->file.discard)
		return;
	config->max_discard_sectors = le32_make(BLK_DISCARD_SECTORS);
	config->max_discard_seg = le32_make(BLK_RANGES_MAX);
	config->discard_sector_alignment = le32_make(blk->file.block_size / BLK_SECTOR);
}

static int init_queues(struct blk *blk, struct tvm_error *err)
{
	unsigned int depth = BLK_QUEUE_SIZE * blk->nr_queues;

	for (unsigned int i = 0; i < blk->nr_queues; i++)
		blk->queues[i] = (struct blk_queue){ .blk = blk, .vq = blk->vd.queues[i] };
	blk->nr_slots = depth + 1;
	blk->slots = calloc(blk->nr_slots, sizeof(*blk->slots));
	if (!blk->slots)
		return err_set(err, -ENOMEM, "%s: out of memory", blk->vd.name);
	return blk_io_create(blk->vd.env, blk->vd.name, &blk->file, depth, true,
		&blk_request_io_ops, blk, &blk->io, err);
}

static int blk_init(struct blk *blk, const struct dev_env *env, const struct disk_opts *opts,
	struct tvm_error *err)
{
	const char *base = strrchr(opts->path, '/');
	uint16_t sizes[BLK_QUEUES_MAX];
	char name[24];
	int r;

	if (opts->serial && strlen(opts->serial) > BLK_ID_BYTES)
		return err_set(err, -EINVAL, "%s: serial \"%s\" is longer than %d bytes",
			opts->path, opts->serial, BLK_ID_BYTES);
	if (opts->serial)
		memcpy(blk->id, opts->serial, strlen(opts->serial));
	blk->nr_queues = opts->queues ? opts->queues : 1;
	if (blk->nr_queues > BLK_QUEUES_MAX)
		return err_set(err, -EINVAL, "%s: %u queues, at most %d are allowed", opts->path,
			blk->nr_queues, BLK_QUEUES_MAX);
	for (unsigned int i = 0; i < blk->nr_queues; i++)
		sizes[i] = BLK_QUEUE_SIZE;
	blk->ro = opts->ro;
	r = blk_file_open(env, opts, &blk->file, err);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "disk %.18s", base ? base + 1 : opts->path);
	r = virtio_init(&blk->vd, &blk_ops, env, name, features(blk), sizeof(struct blk_config),
		blk->nr_queues, sizes, err);
	if (r < 0)
		return r;
	fill_config(blk);
	r = init_queues(blk, err);
	return r < 0 ? r : virtio_attach(&blk->vd, err);
}

static int blk_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	struct blk *blk = calloc(1, sizeof(*blk));
	int r;

	if (!blk)
		return err_set(err, -ENOMEM, "disk: out of memory");
	blk->dev.cls = &virtio_blk_class;
	blk->file.fd = blk->file.buffered_fd = -1;
	r = blk_init(blk, env, opts, err);
	if (r < 0) {
		blk_destroy(&blk->dev);
		return r;
	}
	*out = &blk->dev;
	return 0;
}

const struct dev_class virtio_blk_class = {
	.name = "virtio-blk",
	.create = blk_create,
	.reset = machine_reset,
	.destroy = blk_destroy,
};
