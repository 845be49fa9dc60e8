/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio device between its transport and its function: status, features, configuration
 * space, queues (virtio 1.2, 2 and 3).
 *
 *	transport (pci.c or mmio.c)  ->  virtio.c  ->  ops of one device (blk.c, ...)
 *	                                        |
 *	                                     virtq.c (rings)
 *
 * Threads: the transport calls from vCPU threads; virtio.c moves what changes a running
 * device (DRIVER_OK, reset) to the loop's thread, where all ops run. No device I/O is done on
 * vCPU threads: notifications arrive by ioeventfd.
 *
 * Locks: ctl serialises status and configuration writes of vCPUs while they wait for the loop's
 * thread, which therefore never takes it. lock guards registers for a few instructions and may
 * be taken anywhere. Lock order: ctl, lock.
 */
#ifndef DEVICES_VIRTIO_VIRTIO_H
#define DEVICES_VIRTIO_VIRTIO_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "devices/virtio/virtq.h"
#include "vmm/device.h"

/* virtio 1.2, 2.1 */
#define VIRTIO_S_ACKNOWLEDGE 1
#define VIRTIO_S_DRIVER 2
#define VIRTIO_S_DRIVER_OK 4
#define VIRTIO_S_FEATURES_OK 8
#define VIRTIO_S_NEEDS_RESET 64
#define VIRTIO_S_FAILED 128

/* virtio 1.2, 6 */
#define VIRTIO_F_INDIRECT_DESC 28
#define VIRTIO_F_EVENT_IDX 29
#define VIRTIO_F_VERSION_1 32
#define VIRTIO_F_ACCESS_PLATFORM 33
#define VIRTIO_F_RING_PACKED 34
#define VIRTIO_F_IN_ORDER 35
#define VIRTIO_F_RING_RESET 40

/* virtio 1.2, 5 */
enum virtio_id {
	VIRTIO_ID_NET = 1,
	VIRTIO_ID_BLOCK = 2,
	VIRTIO_ID_CONSOLE = 3,
	VIRTIO_ID_RNG = 4,
	VIRTIO_ID_BALLOON = 5,
	VIRTIO_ID_9P = 9,
	VIRTIO_ID_VSOCK = 19,
};

struct virtio_dev;

/* One kind of device; static const. All functions run on the loop's thread. */
struct virtio_ops {
	uint32_t id;			/* enum virtio_id */
	uint64_t features;		/* device features; virtio.c adds the ring's own */
	/*
	 * Queues are running now, those that the driver enabled (virtq_ready()). 0, or
	 * negative: the device is marked NEEDS_RESET. reset() follows in both cases.
	 */
	int (*activate)(struct virtio_dev *vd);
	/* The driver put buffers into queue vq (may be spurious). Device is active. */
	void (*notify)(struct virtio_dev *vd, unsigned int vq);
	/* Once after each activate: must leave no request in flight; queues are gone then. */
	void (*reset)(struct virtio_dev *vd);
	/*
	 * The driver takes queue vq back (2.6.1), others go on: must leave no request of it in
	 * flight. notify() comes when it is enabled again. NULL: not offered.
	 */
	void (*queue_reset)(struct virtio_dev *vd, unsigned int vq);
	/*
	 * The driver wrote [off, off + len) of the configuration space; NULL: read-only. It
	 * may write every byte: what the device itself relies on must live elsewhere.
	 */
	void (*config_written)(struct virtio_dev *vd, size_t off, size_t len);
};

#define VIRTIO_MAX_QUEUES 32

/* What the transport does for the core. */
struct virtio_transport_ops {
	/* Interrupt for used buffers of a queue; any thread. */
	void (*vq_interrupt)(void *ctx, unsigned int vq);
	/*
	 * fd, an eventfd, signals the interrupt of a queue without this process where the host
	 * can do that now; where not, the count stays for whoever reads fd and then calls
	 * vq_interrupt(). -1: no more. Loop's thread; NULL: cannot.
	 */
	void (*vq_call_fd)(void *ctx, unsigned int vq, int fd);
	/* Interrupt for a configuration change (also NEEDS_RESET); any thread. */
	void (*config_interrupt)(void *ctx);
	/* Loop's thread: the device is active now (doorbells may be registered), or not. */
	void (*started)(void *ctx);
	void (*stopped)(void *ctx);
	/* Loop's thread: device reset, transport registers as at first. */
	void (*reset)(void *ctx);
	/* Machine reset: also what a device reset leaves alone. No vCPU runs. */
	void (*machine_reset)(void *ctx);
	void (*detach)(void *ctx);	/* frees ctx */
};

/* A queue's registers as the driver writes them, and its doorbell. */
struct virtio_queue {
	struct virtio_dev *vd;		/* borrowed: the queue is in it */
	uint16_t max_size;		/* never changes */
	bool external;			/* so does this: the kernel takes notifications */
	uint16_t size;			/* these seven: vd->lock */
	bool enabled;
	bool was_reset;			/* alone, and not enabled again since */
	gpa_t desc, driver, device;
	int notify_fd;			/* owned; eventfd */
	struct loop_fd watch;		/* loop's thread */
};

/*
 * Embedded in each device's structure. Fill in with virtio_init(); the device's own fields
 * after that, then virtio_attach() puts it on the machine's transport.
 */
struct virtio_dev {
	const struct virtio_ops *ops;
	const struct dev_env *env;	/* copy lives in env_copy */
	struct dev_env env_copy;
	char name[24];			/* "blk0", for log lines */
	uint64_t features;		/* offered */
	uint64_t accepted;		/* by the driver; final from FEATURES_OK on */
	uint8_t *config;		/* configuration space, little endian, owned */
	size_t config_size;
	_Atomic uint32_t config_generation;
	_Atomic uint8_t status;
	unsigned int nr_queues;
	struct virtq *queues[VIRTIO_MAX_QUEUES]; /* owned */
	struct virtio_queue regs[VIRTIO_MAX_QUEUES];
	pthread_mutex_t ctl;		/* see above */
	pthread_mutex_t lock;		/* accepted, regs, contents of config */
	const struct virtio_transport_ops *transport;
	void *transport_ctx;		/* owned by the transport */
	bool active;			/* loop's thread: between activate and reset */
};

/*
 * name is copied. features: extra offered bits beyond ops->features (may be 0).
 * queue_sizes: maximum size of each queue, powers of two.
 */
int virtio_init(struct virtio_dev *vd, const struct virtio_ops *ops, const struct dev_env *env,
	const char *name, uint64_t features, size_t config_size, unsigned int nr_queues,
	const uint16_t *queue_sizes, struct tvm_error *err);

/* Put the device on the machine's transport; the last step of create. */
int virtio_attach(struct virtio_dev *vd, struct tvm_error *err);

/* Undo both; fine on a zeroed structure and between the two. */
void virtio_fini(struct virtio_dev *vd);

/* The machine is reset: device and transport as after create. */
void virtio_machine_reset(struct virtio_dev *vd);

/* bit is a feature's number. Valid from activate on. */
static inline bool virtio_has(const struct virtio_dev *vd, unsigned int bit)
{
	return vd->accepted & (1ULL << bit);
}

/*
 * The guest broke a rule: set DEVICE_NEEDS_RESET, tell the driver, log once per activation.
 * Any thread.
 */
__attribute__((format(printf, 2, 3)))
void virtio_broken(struct virtio_dev *vd, const char *fmt, ...);

/*
 * For activate(): notify() is called for this queue, external or not, until the reset. Fine
 * where it is already. 0 or negative errno.
 */
int virtio_queue_watch(struct virtio_dev *vd, unsigned int vq);

/* The device changes len bytes of its configuration space at off, and tells the driver. */
void virtio_config_update(struct virtio_dev *vd, size_t off, const void *src, size_t len);

/* Tell the driver that the configuration space changed (loop's thread). */
void virtio_config_changed(struct virtio_dev *vd);

/* ---- For transports; vCPU threads ---------------------------------------------------- */

/* pci.c: give the device a slot on env->pci and set vd->transport. */
int virtio_pci_attach(struct virtio_dev *vd, struct tvm_error *err);

/* mmio.c: the next place of env->mmio. */
int virtio_mmio_attach(struct virtio_dev *vd, struct tvm_error *err);

static inline uint8_t virtio_status(const struct virtio_dev *vd)
{
	return atomic_load_explicit(&vd->status, memory_order_acquire);
}

/* The driver writes device_status; returns when activation or reset is complete. */
void virtio_set_status(struct virtio_dev *vd, uint8_t val);

/* Feature bits 32 * sel to 32 * sel + 31. */
uint32_t virtio_device_features(struct virtio_dev *vd, uint32_t sel);
uint32_t virtio_driver_features(struct virtio_dev *vd, uint32_t sel);
void virtio_set_driver_features(struct virtio_dev *vd, uint32_t sel, uint32_t val);

/* Queue registers; 64-bit addresses in halves. An absent queue reads 0 and takes nothing. */
enum virtio_queue_reg {
	VIRTIO_Q_SIZE,
	VIRTIO_Q_ENABLE,	/* 1: from now on; never back (4.1.4.3.2) */
	VIRTIO_Q_READY,		/* but 0 takes it back before DRIVER_OK (4.2.2.2) */
	VIRTIO_Q_DESC_LO,
	VIRTIO_Q_DESC_HI,
	VIRTIO_Q_DRIVER_LO,
	VIRTIO_Q_DRIVER_HI,
	VIRTIO_Q_DEVICE_LO,
	VIRTIO_Q_DEVICE_HI,
};
uint32_t virtio_queue_read(struct virtio_dev *vd, unsigned int vq, enum virtio_queue_reg reg);
void virtio_queue_write(struct virtio_dev *vd, unsigned int vq, enum virtio_queue_reg reg,
	uint32_t val);

/* Reset one queue of a running device (2.6.1); returns when it is done. */
void virtio_queue_reset(struct virtio_dev *vd, unsigned int vq);

/* virtio_queue.c for virtio.c, loop's thread: start if enabled; registers as at first. */
int virtio_queue_start(struct virtio_dev *vd, unsigned int vq);
void virtio_queue_clear(struct virtio_queue *q, bool alone);

/* A doorbell write that no ioeventfd took. */
void virtio_queue_kick(struct virtio_dev *vd, unsigned int vq);

uint64_t virtio_config_read(struct virtio_dev *vd, uint64_t off, unsigned int size);
void virtio_config_write(struct virtio_dev *vd, uint64_t off, unsigned int size, uint64_t val);

#endif
