/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost-vsock against a kernel that is played: what it is told, in which order, and that each
 * refusal ends with a clear message and nothing left open.
 */
#include <fcntl.h>
#include <linux/vhost.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "devices/devices.h"
#include "devices/virtio/vsock_int.h"
#include "tests/harness.h"
#include "tests/unit/driver.h"
#include "tests/unit/fakes.h"
#include "vmm/devopts.h"

#define CID 7

/* The kernel. fail: this request is refused with error. */
static struct {
	int fd;			/* -1: not open */
	int open_error;
	unsigned long fail;
	int error;
	uint64_t features;	/* has */
	uint64_t cid, accepted;
	int running, calls[2], kicks[2];
	unsigned int owners, opens;
	bool table;
} kernel;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	if (strcmp(path, "/dev/vhost-vsock"))
		return __real_open(path, flags, mode);
	if (kernel.open_error) {
		errno = kernel.open_error;
		return -1;
	}
	kernel.opens++;
	kernel.fd = eventfd(0, EFD_CLOEXEC);
	return kernel.fd;
}

static void set_file(int *fds, const struct vhost_vring_file *file)
{
	FAKE_MUST(file->index < 2);
	fds[file->index] = file->fd;
}

static void set_running(int on)
{
	CHECK(kernel.table || !on); /* memory and rings come first */
	for (unsigned int i = 0; i < 2 && on; i++)
		CHECK(kernel.kicks[i] >= 0 && kernel.calls[i] >= 0);
	kernel.running = on;
	kernel.table &= on;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (fd != kernel.fd || fd < 0)
		return __real_ioctl(fd, request, arg);
	if (request == kernel.fail) {
		errno = kernel.error;
		return -1;
	}
	if (request == VHOST_GET_FEATURES)
		memcpy(arg, &kernel.features, sizeof(kernel.features));
	else if (request == VHOST_SET_OWNER)
		kernel.owners++;
	else if (request == VHOST_VSOCK_SET_GUEST_CID)
		memcpy(&kernel.cid, arg, sizeof(kernel.cid));
	else if (request == VHOST_SET_FEATURES)
		memcpy(&kernel.accepted, arg, sizeof(kernel.accepted));
	else if (request == VHOST_SET_MEM_TABLE)
		kernel.table = true;
	else if (request == VHOST_SET_VRING_KICK)
		set_file(kernel.kicks, arg);
	else if (request == VHOST_SET_VRING_CALL)
		set_file(kernel.calls, arg);
	else if (request == VHOST_VSOCK_SET_RUNNING)
		set_running(*(int *)arg);
	return 0;
}

static const uint64_t all_features = BIT(VIRTIO_F_INDIRECT_DESC) | BIT(VIRTIO_F_EVENT_IDX) |
	BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ACCESS_PLATFORM) | BIT(VIRTIO_VSOCK_F_SEQPACKET);

static void new_kernel(void)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.fd = kernel.kicks[0] = kernel.kicks[1] = kernel.calls[0] = kernel.calls[1] = -1;
	kernel.features = all_features;
}

static struct fake_env f;
static struct drv d;
static struct dev *dev;

static int create(const struct vsock_opts *opts, struct tvm_error *err)
{
	return vhost_vsock_class.create(&f.env, opts, &dev, err);
}

static void up(void)
{
	fake_env_init(&f, MIB(4));
	FAKE_MUST(!create(&(struct vsock_opts){ .cid = CID, .vhost = true }, NULL));
	fake_env_start(&f);
	FAKE_MUST(!drv_init(&d, &f, (unsigned int)drv_find(&f, VIRTIO_ID_VSOCK)));
}

static void down(void)
{
	int fd = kernel.fd;

	loop_stop(f.loop);
	vhost_vsock_class.destroy(dev);
	CHECK_INT(kernel.running, 0);
	CHECK(fcntl(fd, F_GETFD) < 0); /* closed */
	fake_env_fini(&f);
}

static void test_life(void)
{
	uint32_t message = DRV_MSI_DATA + 1 + VSOCK_RX;

	new_kernel();
	up();
	CHECK_INT(kernel.owners, 1);
	CHECK_INT(kernel.cid, CID);
	CHECK_INT(fake_mmio_read(&f, d.config, 4), CID);
	/* Rings that the kernel does not know, and resets that it cannot do, are not offered. */
	CHECK(!(drv_offered(&d) & (BIT(VIRTIO_F_RING_PACKED) | BIT(VIRTIO_F_RING_RESET))));
	CHECK(drv_offered(&d) & BIT(VIRTIO_VSOCK_F_SEQPACKET));
	for (unsigned int round = 0; round < 5; round++) {
		FAKE_MUST(!drv_start(&d, DRV_ALL_FEATURES_PACKED, 0));
		CHECK_INT(kernel.running, 1);
		CHECK(kernel.accepted & BIT(VIRTIO_VSOCK_F_SEQPACKET));
		CHECK(!(kernel.accepted & BIT(VIRTIO_F_ACCESS_PLATFORM)));
		/* Doorbells go to the kernel, its calls to the guest; our queue is quiet. */
		for (unsigned int vq = VSOCK_RX; vq <= VSOCK_TX; vq++) {
			eventfd_t count;

			eventfd_read(kernel.kicks[vq], &count);
			drv_kick(&d, vq);
			CHECK(!eventfd_read(kernel.kicks[vq], &count) && count == 1);
		}
		drv_kick(&d, VSOCK_EVENT);
		FAKE_MUST(!eventfd_write(kernel.calls[VSOCK_RX], 1));
		CHECK(fake_msi_wait(&f, message | (uint32_t)d.slot << 8, 10000));
		if (round & 1) {
			vhost_vsock_class.reset(dev);
			FAKE_MUST(!drv_init(&d, &f, d.slot));
		} else {
			drv_reset(&d);
		}
		CHECK_INT(kernel.running, 0);
		CHECK_INT(kernel.kicks[VSOCK_TX], VHOST_FILE_UNBIND);
		CHECK_INT(kernel.opens, 1);
	}
	FAKE_MUST(!drv_start(&d, DRV_ALL_FEATURES, 0)); /* and the end while it runs */
	down();
}

static void test_old_kernel(void)
{
	new_kernel();
	kernel.features &= ~(BIT(VIRTIO_VSOCK_F_SEQPACKET) | BIT(VIRTIO_F_EVENT_IDX));
	up();
	CHECK(!(drv_offered(&d) & (BIT(VIRTIO_VSOCK_F_SEQPACKET) | BIT(VIRTIO_F_EVENT_IDX))));
	FAKE_MUST(!drv_start(&d, DRV_ALL_FEATURES, 0));
	CHECK_INT(kernel.running, 1);
	down();
}

static void test_refusals(void)
{
	static const struct {
		unsigned long fail;
		int error;
		const char *message;
	} bad[] = {
		{ 0, ENOENT, "/dev/vhost-vsock" },
		{ VHOST_GET_FEATURES, EIO, "VHOST_GET_FEATURES" },
		{ VHOST_SET_OWNER, EBUSY, "VHOST_SET_OWNER" },
		{ VHOST_VSOCK_SET_GUEST_CID, EADDRINUSE, "cid 7 is another machine's" },
		{ VHOST_VSOCK_SET_GUEST_CID, EINVAL, "cid 7" },
	};
	char *port = (char *)"5:/tmp/x";
	struct tvm_error err;

	fake_env_init(&f, MIB(4));
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		new_kernel();
		kernel.fail = bad[i].fail;
		kernel.error = bad[i].error;
		kernel.open_error = bad[i].fail ? 0 : bad[i].error;
		CHECK_INT(create(&(struct vsock_opts){ .cid = CID }, &err), -bad[i].error);
		CHECK_HAS(err.msg, "vsock: ");
		CHECK_HAS(err.msg, bad[i].message);
		CHECK(kernel.fd < 0 || fcntl(kernel.fd, F_GETFD) < 0);
	}
	new_kernel();
	CHECK_INT(create(&(struct vsock_opts){ .cid = 2 }, &err), -EINVAL);
	CHECK_INT(create(&(struct vsock_opts){ .cid = 3, .path = port }, &err), -EINVAL);
	CHECK_HAS(err.msg, "no path and no port");
	CHECK_INT(create(&(struct vsock_opts){ .cid = 3, .port = { &port, 1 } }, &err), -EINVAL);
	CHECK_INT(kernel.opens, 0);
	fake_env_fini(&f);
}

/* The kernel refuses rings or the start: the guest is told, and may try again. */
static void test_broken_start(void)
{
	static const unsigned long fail[] = { VHOST_SET_FEATURES, VHOST_SET_MEM_TABLE,
		VHOST_SET_VRING_ADDR, VHOST_SET_VRING_KICK, VHOST_VSOCK_SET_RUNNING };

	new_kernel();
	up();
	for (unsigned int i = 0; i < ARRAY_SIZE(fail); i++) {
		kernel.fail = fail[i];
		kernel.error = EFAULT;
		FAKE_MUST(!drv_start(&d, DRV_ALL_FEATURES, 0));
		CHECK(drv_status(&d) & VIRTIO_S_NEEDS_RESET);
		CHECK_INT(kernel.running, 0);
		kernel.fail = 0;
		drv_reset(&d);
		FAKE_MUST(!drv_start(&d, DRV_ALL_FEATURES, 0));
		CHECK(!(drv_status(&d) & VIRTIO_S_NEEDS_RESET));
		CHECK_INT(kernel.running, 1);
		drv_reset(&d);
	}
	down();
}

int main(void)
{
	RUN(test_life);
	RUN(test_old_kernel);
	RUN(test_refusals);
	RUN(test_broken_start);
	return tests_done();
}
