/* SPDX-License-Identifier: Apache-2.0 */
/* The private file of a software platform: all its keys, for keydir.c. */
#ifndef TEE_CSV_SOFT_KEYFILE_H
#define TEE_CSV_SOFT_KEYFILE_H

#include "base/le.h"
#include "tee/csv/soft/keys.h"

#define KEYFILE_KEYS 4		/* CEK, OCA, PEK, PDH */

struct keyfile {
	char magic[32];
	le32 csv;
	le32 owned;
	uint8_t chip_id[SOFT_CHIP_ID_LEN];
	struct sev_cert pdh;
	struct sev_cert_chain chain;
	le32 roots_len;
	uint8_t roots[SEV_CA_PAIR_MAX];
	struct {
		le32 len;		/* 0: none */
		uint8_t der[316];	/* PKCS #8; P-384 has 185 */
	} keys[KEYFILE_KEYS];
	uint8_t check[ALG_HASH_LEN];	/* SHA-256 of all before: finds damage, not malice */
};

/* No padding: the file is this, byte by byte. */
_Static_assert(sizeof(struct keyfile) == 12956, "file layout");

/* Wipe f afterwards, whatever the result. */
int keyfile_encode(const struct soft_keys *keys, struct keyfile *f);

/* What a file of len bytes holds; err says what is wrong with it, but not its name. */
int keyfile_parse(const struct keyfile *f, size_t len, const struct soft_model *model,
	struct soft_keys **out, struct tvm_error *err);

#endif
