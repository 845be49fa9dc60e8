/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 9P2000.L on the wire: little-endian integers and strings with a 16-bit length.
 *
 * Reading is from a private copy of a message, never from guest memory. The first error
 * stays: a handler reads all fields, then looks at p9_in.err once.
 */
#ifndef DEVICES_VIRTIO_9P_WIRE_H
#define DEVICES_VIRTIO_9P_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define P9_HDR 7u		/* size[4] type[1] tag[2] */
#define P9_ERR_SIZE 11u		/* the whole Rlerror */
#define P9_IO_HDR 11u		/* Rread, Rreaddir: header and count[4] */
#define P9_WRITE_HDR 23u	/* Twrite: header, fid[4] offset[8] count[4] */
#define P9_MSIZE_MIN 4096u
#define P9_MSIZE_MAX (1u << 20)
#define P9_NAME_MAX 255u
#define P9_WALK_MAX 16u
#define P9_QID_SIZE 13u
#define P9_NOFID (~0u)

/* Requests; the answer's type is one more. */
enum p9_type {
	P9_RLERROR = 7,
	P9_TSTATFS = 8,
	P9_TLOPEN = 12,
	P9_TLCREATE = 14,
	P9_TSYMLINK = 16,
	P9_TMKNOD = 18,
	P9_TRENAME = 20,
	P9_TREADLINK = 22,
	P9_TGETATTR = 24,
	P9_TSETATTR = 26,
	P9_TXATTRWALK = 30,
	P9_TXATTRCREATE = 32,
	P9_TREADDIR = 40,
	P9_TFSYNC = 50,
	P9_TLOCK = 52,
	P9_TGETLOCK = 54,
	P9_TLINK = 70,
	P9_TMKDIR = 72,
	P9_TRENAMEAT = 74,
	P9_TUNLINKAT = 76,
	P9_TVERSION = 100,
	P9_TAUTH = 102,
	P9_TATTACH = 104,
	P9_TFLUSH = 108,
	P9_TWALK = 110,
	P9_TREAD = 116,
	P9_TWRITE = 118,
	P9_TCLUNK = 120,
	P9_TREMOVE = 122,
};

#define P9_QID_DIR 0x80
#define P9_QID_SYMLINK 0x02

struct p9_qid {
	uint8_t type;
	uint32_t version;
	uint64_t path;
};

struct p9_in {
	const uint8_t *p;
	size_t left;
	int err;		/* 0 or a negative errno */
};

uint8_t p9_get8(struct p9_in *in);
uint16_t p9_get16(struct p9_in *in);
uint32_t p9_get32(struct p9_in *in);
uint64_t p9_get64(struct p9_in *in);

/* A string into dst[cap], ended by NUL: -ENAMETOOLONG, or -EINVAL when it holds a NUL. */
void p9_get_str(struct p9_in *in, char *dst, size_t cap);

/* The caller knows that there is room: capacity is asserted. */
struct p9_out {
	uint8_t *buf;
	size_t len, cap;
};

void p9_put8(struct p9_out *out, uint8_t v);
void p9_put16(struct p9_out *out, uint16_t v);
void p9_put32(struct p9_out *out, uint32_t v);
void p9_put64(struct p9_out *out, uint64_t v);
void p9_put_str(struct p9_out *out, const char *s, size_t len);
void p9_put_qid(struct p9_out *out, const struct p9_qid *qid);

/* Between buffers of a chain, from byte off on, and memory of our own; returns bytes. */
size_t p9_iov_read(const struct iovec *iov, unsigned int nr, uint64_t off, void *dst,
	size_t len);
size_t p9_iov_write(const struct iovec *iov, unsigned int nr, uint64_t off, const void *src,
	size_t len);

/* Bytes [off, off + len) of iov as buffers of their own: how many of dst[nr] it takes. */
unsigned int p9_iov_slice(const struct iovec *iov, unsigned int nr, uint64_t off,
	uint64_t len, struct iovec *dst);

#endif
