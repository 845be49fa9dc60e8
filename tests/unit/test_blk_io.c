/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of virtio-blk alone, with and without io_uring. */
#include <stdatomic.h>

#include "devices/virtio/blk_io.h"
#include "tests/unit/test_blk.h"

struct done {
	_Atomic int count, result;
};

static void on_done(void *opaque, struct blk_io_req *req, int result)
{
	struct done *d = opaque;

	d->result = result;
	d->count++;
}

static void on_batch(void *opaque)
{
}

static void test_engine(void)
{
	static const struct blk_io_ops ops = { on_done, on_batch };
	uint8_t buf[3000];

	for (int uring = 0; uring < 2; uring++) {
		struct blk_file file;
		struct done done = { 0 };
		struct blk_io *io = NULL;
		struct blk_io_req req, many[10];
		struct iovec iov[2], many_iov[10];
		struct bench b;

		make_image(&b, 4096);
		fake_env_init(&b.f, MIB(1));
		FAKE_MUST(!blk_file_open(&b.f.env, &b.opts, &file, NULL));
		FAKE_MUST(!blk_io_create(&b.f.env, "io", &file, 4, uring, &ops, &done, &io, NULL));
		for (int op = BLK_READ; op <= BLK_FLUSH; op++) {
			iov[0] = (struct iovec){ buf, 1000 };
			iov[1] = (struct iovec){ buf + 1000, 2000 };
			req = (struct blk_io_req){ .op = (enum blk_op)op, .durable = true,
				.offset = 100, .iov = iov, .nr_iov = 2, .len = 3000 };
			blk_io_start(io, &req);
			blk_io_submit(io);
			blk_io_drain(io, NULL);
			CHECK_INT(done.count, op + 1);
			CHECK_INT(done.result, 0);
			CHECK_INT(req.moved, op == BLK_FLUSH ? 0 : 3000);
			CHECK(matches(buf, 100, 3000));
		}
		/* More than the ring holds at once. */
		for (int i = 0; i < 10; i++) {
			many_iov[i] = (struct iovec){ buf, 512 };
			many[i] = (struct blk_io_req){ .op = BLK_READ, .iov = &many_iov[i],
				.nr_iov = 1, .len = 512, .offset = 512 };
			blk_io_start(io, &many[i]);
		}
		blk_io_drain(io, NULL);
		CHECK_INT(done.count, 13);
		blk_io_destroy(io);
		blk_file_close(&file);
		fake_env_fini(&b.f);
		drop_image(&b);
	}
}

static void test_iov_skip(void)
{
	uint8_t buf[16];
	struct iovec v[] = { { buf, 4 }, { buf + 4, 0 }, { buf + 4, 8 } }, *p = v;
	unsigned int nr = 3;

	blk_iov_skip(&p, &nr, 3);
	CHECK(nr == 3 && p->iov_base == buf + 3 && p->iov_len == 1);
	blk_iov_skip(&p, &nr, 1);
	CHECK(nr == 1 && p->iov_base == buf + 4 && p->iov_len == 8);
	blk_iov_skip(&p, &nr, 8);
	CHECK_INT(nr, 0);
}

int main(void)
{
	RUN(test_engine);
	RUN(test_iov_skip);
	return tests_done();
}
