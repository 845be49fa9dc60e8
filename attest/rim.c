/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/rim.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/le.h"

/* RmiRealmParams, RmiRecParams (DEN0137 1.0, B4.4): offsets of what is measured. */
enum {
	PARAMS_FLAGS = 0, PARAMS_S2SZ = 8, PARAMS_SVE_VL = 0x10, PARAMS_NUM_BPS = 0x18,
	PARAMS_NUM_WPS = 0x20, PARAMS_PMU = 0x28, PARAMS_HASH = 0x30,
	REC_FLAGS = 0, REC_PC = 0x200, REC_GPRS = 0x300,
	PARAMS_LEN = 4096,
};

enum { DESC_DATA, DESC_REC, DESC_RIPAS };
#define DATA_F_MEASURE 1U
#define REC_F_RUNNABLE 1U

/* RmmMeasurementDescriptor*, all of them. */
struct descriptor {
	uint8_t type;
	uint8_t zero[7];
	le64 len;
	uint8_t rim[RIM_MAX];
	union {
		struct {
			le64 ipa, flags;
			uint8_t content[RIM_MAX];
		} data;
		struct {
			uint8_t content[RIM_MAX];
		} rec;
		struct {
			le64 base, top;
		} ripas;
		uint8_t bytes[0x100 - 0x50];
	};
};

_Static_assert(sizeof(struct descriptor) == 0x100, "as hashed");

/* The virtCCA monitor's view of a vCPU. */
struct tec {
	le64 gprs[8];
	le64 pc;
	le64 flags;
};

static const struct {
	const char *name, *plain;
	size_t len;
} hashes[] = {
	[RIM_SHA256] = { "sha-256", "sha256", 32 },
	[RIM_SHA512] = { "sha-512", "sha512", 64 },
	[RIM_SHA384] = { "sha-384", "sha384", 48 },
};

size_t rim_hash_len(enum rim_hash hash)
{
	return hashes[hash].len;
}

const char *rim_hash_name(enum rim_hash hash)
{
	return hashes[hash].name;
}

bool rim_hash_find(const char *name, enum rim_hash *out)
{
	for (unsigned int i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		if (!strcmp(name, hashes[i].name) || !strcmp(name, hashes[i].plain)) {
			*out = (enum rim_hash)i;
			return true;
		}
	}
	return false;
}

static const EVP_MD *md_of(enum rim_hash hash)
{
	return hash == RIM_SHA256 ? EVP_sha256() : hash == RIM_SHA384 ? EVP_sha384() :
		EVP_sha512();
}

int rim_digest(enum rim_hash hash, const void *data, size_t len, uint8_t out[RIM_MAX])
{
	uint8_t md[EVP_MAX_MD_SIZE];

	if (EVP_Digest(data, len, md, NULL, md_of(hash), NULL) != 1)
		return -EIO;
	memset(out, 0, RIM_MAX);
	memcpy(out, md, rim_hash_len(hash));
	return 0;
}

static int extend(struct rim *rim, uint8_t type, struct descriptor *d)
{
	d->type = type;
	d->len = le64_make(sizeof(*d));
	memcpy(d->rim, rim->value, sizeof(d->rim));
	return rim_digest(rim->hash, d, sizeof(*d), rim->value);
}

int rim_create(struct rim *rim, const struct rim_params *params)
{
	uint8_t page[PARAMS_LEN] = { 0 };

	rim->hash = params->hash;
	rim->s2sz = params->s2sz;
	le_store(page + PARAMS_FLAGS, 8, params->flags);
	page[PARAMS_S2SZ] = params->s2sz;
	page[PARAMS_SVE_VL] = params->sve_vl;
	page[PARAMS_NUM_BPS] = params->num_bps;
	page[PARAMS_NUM_WPS] = params->num_wps;
	page[PARAMS_PMU] = params->pmu_num_ctrs;
	page[PARAMS_HASH] = (uint8_t)params->hash;
	return rim_digest(rim->hash, page, sizeof(page), rim->value);
}

int rim_data(struct rim *rim, uint64_t ipa, const uint8_t content[RIM_PAGE])
{
	struct descriptor d = { .data.ipa = le64_make(ipa) };
	int r = 0;

	if (content) {
		d.data.flags = le64_make(DATA_F_MEASURE);
		r = rim_digest(rim->hash, content, RIM_PAGE, d.data.content);
	}
	return r < 0 ? r : extend(rim, DESC_DATA, &d);
}

int rim_rec(struct rim *rim, const struct rim_rec *rec)
{
	uint8_t page[PARAMS_LEN] = { 0 };
	struct descriptor d = { 0 };
	int r;

	if (!rec->runnable)
		return 0;
	le_store(page + REC_FLAGS, 8, REC_F_RUNNABLE);
	le_store(page + REC_PC, 8, rec->pc);
	for (unsigned int i = 0; i < 8; i++)
		le_store(page + REC_GPRS + 8 * i, 8, rec->gprs[i]);
	r = rim_digest(rim->hash, page, sizeof(page), d.rec.content);
	return r < 0 ? r : extend(rim, DESC_REC, &d);
}

int rim_tec(struct rim *rim, const struct rim_rec *tec)
{
	struct tec t = {
		.pc = le64_make(tec->pc),
		.flags = le64_make(tec->runnable ? REC_F_RUNNABLE : 0),
	};
	struct descriptor d = { 0 };
	int r;

	for (unsigned int i = 0; i < 8; i++)
		t.gprs[i] = le64_make(tec->gprs[i]);
	r = rim_digest(rim->hash, &t, sizeof(t), d.rec.content);
	return r < 0 ? r : extend(rim, DESC_REC, &d);
}

uint64_t rim_block(uint8_t s2sz, uint64_t base, uint64_t top)
{
	/* Levels 0 to 2, and from how many address bits on tables start there. */
	static const struct {
		uint8_t shift, from;
	} levels[] = { { 39, 44 }, { 30, 35 }, { 21, 26 } };

	for (unsigned int i = 0; i < 3; i++) {
		uint64_t size = 1ULL << levels[i].shift;

		if (s2sz >= levels[i].from && !(base & (size - 1)) && top - base >= size)
			return size;
	}
	return RIM_PAGE;
}

int rim_ripas(struct rim *rim, uint64_t base, uint64_t top)
{
	int r = 0;

	while (!r && base < top) {
		uint64_t next = base + rim_block(rim->s2sz, base, top);
		struct descriptor d = {
			.ripas = { .base = le64_make(base), .top = le64_make(next) },
		};

		r = extend(rim, DESC_RIPAS, &d);
		base = next;
	}
	return r;
}

int rim_rem_extend(enum rim_hash hash, uint8_t rem[RIM_MAX], const void *value, size_t len)
{
	uint8_t buf[2 * RIM_MAX];
	size_t old = rim_hash_len(hash);

	if (len > RIM_MAX)
		return -EINVAL;
	memcpy(buf, rem, old);
	memcpy(buf + old, value, len);
	return rim_digest(hash, buf, old + len, rem);
}
