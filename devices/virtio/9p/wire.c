/* SPDX-License-Identifier: Apache-2.0 */
/* Integers, strings and buffers of 9P messages. */
#include "devices/virtio/9p/wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/le.h"

static uint64_t get(struct p9_in *in, unsigned int size)
{
	uint64_t v;

	if (in->err || in->left < size) {
		in->err = in->err ? in->err : -EINVAL;
		return 0;
	}
	v = le_load(in->p, size);
	in->p += size;
	in->left -= size;
	return v;
}

uint8_t p9_get8(struct p9_in *in)
{
	return (uint8_t)get(in, 1);
}

uint16_t p9_get16(struct p9_in *in)
{
	return (uint16_t)get(in, 2);
}

uint32_t p9_get32(struct p9_in *in)
{
	return (uint32_t)get(in, 4);
}

uint64_t p9_get64(struct p9_in *in)
{
	return get(in, 8);
}

void p9_get_str(struct p9_in *in, char *dst, size_t cap)
{
	size_t len = p9_get16(in);

	dst[0] = 0;
	if (!in->err && len > in->left)
		in->err = -EINVAL;
	else if (!in->err && len >= cap)
		in->err = -ENAMETOOLONG;
	else if (!in->err && memchr(in->p, 0, len))
		in->err = -EINVAL;
	if (in->err)
		return;
	memcpy(dst, in->p, len);
	dst[len] = 0;
	in->p += len;
	in->left -= len;
}

static void put(struct p9_out *out, unsigned int size, uint64_t v)
{
	assert(size <= out->cap - out->len);
	le_store(out->buf + out->len, size, v);
	out->len += size;
}

void p9_put8(struct p9_out *out, uint8_t v)
{
	put(out, 1, v);
}

void p9_put16(struct p9_out *out, uint16_t v)
{
	put(out, 2, v);
}

void p9_put32(struct p9_out *out, uint32_t v)
{
	put(out, 4, v);
}

void p9_put64(struct p9_out *out, uint64_t v)
{
	put(out, 8, v);
}

void p9_put_str(struct p9_out *out, const char *s, size_t len)
{
	assert(len <= UINT16_MAX);
	p9_put16(out, (uint16_t)len);
	assert(len <= out->cap - out->len);
	memcpy(out->buf + out->len, s, len);
	out->len += len;
}

void p9_put_qid(struct p9_out *out, const struct p9_qid *qid)
{
	p9_put8(out, qid->type);
	p9_put32(out, qid->version);
	p9_put64(out, qid->path);
}

unsigned int p9_iov_slice(const struct iovec *iov, unsigned int nr, uint64_t off,
	uint64_t len, struct iovec *dst)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < nr && len; i++) {
		size_t have = iov[i].iov_len;

		if (off >= have) {
			off -= have;
			continue;
		}
		have -= (size_t)off;
		dst[n].iov_base = (uint8_t *)iov[i].iov_base + off;
		dst[n].iov_len = have < len ? have : (size_t)len;
		len -= dst[n++].iov_len;
		off = 0;
	}
	return n;
}

/* One copy of each byte; the compiler must not fetch guest memory again later. */
static size_t copy(const struct iovec *iov, unsigned int nr, uint64_t off, void *dst,
	const void *src, size_t len)
{
	size_t done = 0;

	for (unsigned int i = 0; i < nr && done < len; i++) {
		struct iovec part;
		unsigned int n = p9_iov_slice(&iov[i], 1, off, len - done, &part);

		off -= off < iov[i].iov_len ? off : iov[i].iov_len;
		if (!n)
			continue;
		if (dst)
			memcpy((uint8_t *)dst + done, part.iov_base, part.iov_len);
		else
			memcpy(part.iov_base, (const uint8_t *)src + done, part.iov_len);
		done += part.iov_len;
	}
	__asm__ volatile("" ::: "memory");
	return done;
}

size_t p9_iov_read(const struct iovec *iov, unsigned int nr, uint64_t off, void *dst,
	size_t len)
{
	return copy(iov, nr, off, dst, NULL, len);
}

size_t p9_iov_write(const struct iovec *iov, unsigned int nr, uint64_t off, const void *src,
	size_t len)
{
	return copy(iov, nr, off, NULL, src, len);
}
