/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-9p (virtio 1.2, 5.9 reserves the id; Linux, net/9p/trans_virtio.c is the driver): a
 * tag in configuration space and one queue. Each chain is one request and the room for its
 * answer.
 *
 * The loop's thread takes chains and gives them back, workers serve them (9p/pool.h). Two
 * kinds stay here: Tversion waits until nothing runs, with the queue left alone meanwhile;
 * Tflush is answered after the request that it names. So does a Tread that comes alone, if the
 * data is in the host's page cache: to wake a worker and be woken takes as long as the copy.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/le.h"
#include "devices/virtio/9p/9p.h"
#include "devices/virtio/9p/pool.h"
#include "devices/virtio/9p/server.h"
#include "devices/virtio/virtio.h"

#define QUEUE_SIZE 256
#define VIRTIO_9P_F_MOUNT_TAG 0

struct request {
	struct p9_job job;
	struct virtq_chain chain;
	struct p9_header h;
	struct p9_bufs bufs;
	uint32_t written;
	bool used;			/* between pop and push */
	bool with_worker;		/* queued for one, or running */
	struct request *flushes;	/* Tflush: answered after this one */
	struct request *next_free;
	struct iovec iov[P9_MAX_BUFS];
};

struct share {
	struct dev dev;
	struct virtio_dev vd;
	struct p9_server server;
	struct p9_pool pool;
	struct p9_scratch *scratch;	/* owned; the loop's thread's */
	struct request *held;		/* Tversion that waits */
	struct request *alone;		/* Tread, until more is taken, or is not */
	unsigned int running;		/* requests that workers have */
	struct request *free;
	unsigned int nr_used;		/* slots that were ever in the list */
	struct request slots[QUEUE_SIZE + 1];
};

static struct request *get_slot(struct share *share)
{
	struct request *req = share->free;

	if (req)
		share->free = req->next_free;
	else
		req = &share->slots[share->nr_used++];
	assert(share->nr_used <= ARRAY_SIZE(share->slots));
	req->used = true;
	req->with_worker = false;
	req->flushes = NULL;
	return req;
}

static void put_slot(struct share *share, struct request *req)
{
	req->used = false;
	req->next_free = share->free;
	share->free = req;
}

/* Every request ends here. */
static void finish(struct share *share, struct request *req, uint32_t written)
{
	virtq_push(share->vd.queues[0], &req->chain, written);
	put_slot(share, req);
}

/* A request that a worker had is over: it, then whoever flushes it. */
static void finish_worked(struct share *share, struct request *req, uint32_t written)
{
	share->running--;
	finish(share, req, written);
	for (unsigned int i = 0; i < share->nr_used; i++) {
		struct request *f = &share->slots[i];

		if (f->used && f->flushes == req)
			finish(share, f, p9_answer_empty(&f->h, &f->bufs));
	}
}

/* A wait is for an older request only, so no two can wait for each other. */
static void flush(struct share *share, struct request *req)
{
	struct request *old = NULL;
	uint8_t tag[2];

	if (p9_iov_read(req->bufs.out, req->bufs.nr_out, P9_HDR, tag, 2) < 2) {
		finish(share, req, p9_answer_error(&req->h, &req->bufs, EINVAL));
		return;
	}
	for (unsigned int i = 0; i < share->nr_used && !old; i++)
		if (share->slots[i].used && share->slots[i].with_worker &&
			share->slots[i].h.tag == le_load(tag, 2))
			old = &share->slots[i];
	if (old && !p9_pool_cancel(&share->pool, &old->job)) {
		req->flushes = old;
		return;
	}
	if (old)
		finish_worked(share, old, p9_answer_error(&old->h, &old->bufs, EINTR));
	finish(share, req, p9_answer_empty(&req->h, &req->bufs));
}

static void serve_version(struct share *share, struct request *req)
{
	finish(share, req, p9_serve(&share->server, &req->h, &req->bufs, share->scratch));
}

static void give_to_worker(struct share *share, struct request *req)
{
	req->with_worker = true;
	share->running++;
	p9_pool_add(&share->pool, &req->job);
}

/* No more requests are there to be taken. */
static void serve_alone(struct share *share)
{
	struct request *req = share->alone;
	int64_t n;

	if (!req)
		return;
	share->alone = NULL;
	n = p9_serve_now(&share->server, &req->h, &req->bufs, share->scratch);
	if (n < 0)
		give_to_worker(share, req);
	else
		finish(share, req, (uint32_t)n);
}

static void start(struct share *share, struct request *req)
{
	if (share->alone) {
		give_to_worker(share, share->alone);
		share->alone = NULL;
	}
	if (req->h.type == P9_TFLUSH) {
		flush(share, req);
	} else if (req->h.type == P9_TREAD && !share->running) {
		share->alone = req;
	} else if (req->h.type != P9_TVERSION) {
		give_to_worker(share, req);
	} else if (share->running) {
		share->held = req;
	} else {
		serve_version(share, req);
	}
}

/* Take one request: false when there is none, or it has to wait. */
static bool take(struct share *share, struct virtq *vq)
{
	struct request *req = get_slot(share);
	struct virtq_chain *chain = &req->chain;

	chain->iov = req->iov;
	chain->max_iov = ARRAY_SIZE(req->iov);
	if (virtq_pop(vq, chain) <= 0) {
		put_slot(share, req);
		return false;
	}
	req->bufs = (struct p9_bufs){
		.out = chain->iov,
		.nr_out = chain->nr_out,
		.out_len = chain->out_len,
		.in = chain->iov + chain->nr_out,
		.nr_in = chain->nr_in,
		.in_len = chain->in_len,
	};
	/* Without room for an error there is no answer at all. */
	if (!p9_header_read(&req->bufs, &req->h) || chain->in_len < P9_ERR_SIZE) {
		virtio_broken(&share->vd, "request of %llu readable and %llu writable bytes",
			(unsigned long long)chain->out_len, (unsigned long long)chain->in_len);
		finish(share, req, 0);
		return false;
	}
	start(share, req);
	return !share->held;
}

static void share_notify(struct virtio_dev *vd, unsigned int index)
{
	struct share *share = container_of(vd, struct share, vd);
	struct virtq *vq = vd->queues[index];
	unsigned int budget = QUEUE_SIZE;

	if (share->held)
		return;
	do {
		virtq_disable_notify(vq);
		while (budget && take(share, vq))
			budget--;
		serve_alone(share);
	} while (budget && !share->held && virtq_enable_notify(vq));
	virtq_notify(vq);
	/* A guest that is faster than we are must leave turns for others on this thread. */
	if (!budget && !share->held)
		virtio_queue_kick(vd, index);
}

static int worker_begin(void *opaque, void **mine)
{
	struct share *share = opaque;
	int r = p9_server_enter(&share->server);

	if (r < 0)
		return r;
	*mine = malloc(sizeof(struct p9_scratch));
	return *mine ? 0 : -ENOMEM;
}

static void worker_run(void *opaque, void *mine, struct p9_job *job)
{
	struct share *share = opaque;
	struct request *req = container_of(job, struct request, job);

	req->written = p9_serve(&share->server, &req->h, &req->bufs, mine);
}

static void worker_end(void *opaque, void *mine)
{
	free(mine);
}

static void worker_done(void *opaque, struct p9_job *job)
{
	struct request *req = container_of(job, struct request, job);

	finish_worked(opaque, req, req->written);
}

static void worker_batch(void *opaque)
{
	struct share *share = opaque;
	struct request *held = share->held;

	if (held && !share->running) {
		share->held = NULL;
		serve_version(share, held);
		share_notify(&share->vd, 0);
		return;
	}
	if (share->vd.active)
		virtq_notify(share->vd.queues[0]);
}

static int share_activate(struct virtio_dev *vd)
{
	struct share *share = container_of(vd, struct share, vd);

	return p9_pool_start(&share->pool);
}

/* Those that run are waited for: they write into guest memory. */
static void forget_requests(struct share *share)
{
	p9_pool_stop(&share->pool);
	share->held = share->free = NULL;
	share->running = share->nr_used = 0;
}

static void share_reset(struct virtio_dev *vd)
{
	struct share *share = container_of(vd, struct share, vd);

	forget_requests(share);
	p9_server_reset(&share->server);
}

/* The driver takes its buffers back and keeps its fids. */
static void share_queue_reset(struct virtio_dev *vd, unsigned int vq)
{
	struct share *share = container_of(vd, struct share, vd);

	forget_requests(share);
	if (p9_pool_start(&share->pool) < 0)
		virtio_broken(vd, "no workers after a reset of the queue");
}

static const struct virtio_ops share_ops = {
	.id = VIRTIO_ID_9P,
	.features = BIT(VIRTIO_9P_F_MOUNT_TAG),
	.activate = share_activate,
	.notify = share_notify,
	.reset = share_reset,
	.queue_reset = share_queue_reset,
};

static void machine_reset(struct dev *dev)
{
	virtio_machine_reset(&((struct share *)dev)->vd);
}

static void share_destroy(struct dev *dev)
{
	struct share *share = (struct share *)dev;

	virtio_fini(&share->vd);
	p9_pool_fini(&share->pool);
	p9_server_fini(&share->server);
	free(share->scratch);
	free(share);
}

static int share_init(struct share *share, const struct dev_env *env,
	const struct share_opts *opts, struct tvm_error *err)
{
	static const struct p9_pool_ops pool_ops = { worker_begin, worker_run, worker_end,
		worker_done, worker_batch };
	static const uint16_t sizes[] = { QUEUE_SIZE };
	size_t len = opts->tag ? strlen(opts->tag) : 0;
	char name[24];
	int r;

	if (!len || len > SHARE_TAG_MAX)
		return err_set(err, -EINVAL, "%s: a tag of 1 to %d bytes is needed", opts->path,
			SHARE_TAG_MAX);
	r = p9_server_init(&share->server, opts, err);
	if (r < 0)
		return r;
	share->scratch = malloc(sizeof(*share->scratch));
	if (!share->scratch)
		return err_set(err, -ENOMEM, "share: out of memory");
	r = p9_pool_init(&share->pool, env->loop, &pool_ops, share);
	if (r < 0)
		return err_sys(err, r, "%s: workers", opts->path);
	snprintf(name, sizeof(name), "share %.16s", opts->tag);
	r = virtio_init(&share->vd, &share_ops, env, name, 0, sizeof(le16) + len,
		ARRAY_SIZE(sizes), sizes, err);
	if (r < 0)
		return r;
	le_store(share->vd.config, 2, len);
	memcpy(share->vd.config + 2, opts->tag, len);
	return virtio_attach(&share->vd, err);
}

static int share_create(const struct dev_env *env, const void *opts, struct dev **out,
	struct tvm_error *err)
{
	struct share *share = calloc(1, sizeof(*share));
	int r;

	if (!share)
		return err_set(err, -ENOMEM, "share: out of memory");
	share->dev.cls = &virtio_9p_class;
	r = share_init(share, env, opts, err);
	if (r < 0) {
		share_destroy(&share->dev);
		return r;
	}
	*out = &share->dev;
	return 0;
}

const struct dev_class virtio_9p_class = {
	.name = "virtio-9p",
	.create = share_create,
	.reset = machine_reset,
	.destroy = share_destroy,
};
