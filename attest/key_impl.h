/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of struct key, for key.c, key_use.c, key_sm2.c and key_spki.c only. */
#ifndef ATTEST_KEY_IMPL_H
#define ATTEST_KEY_IMPL_H

#include <openssl/types.h>

#include "attest/key.h"

struct key {
	enum key_kind kind;
	bool has_private;
	EVP_PKEY *pkey;			/* owned */
	size_t uid_len;			/* SM2 */
	uint8_t uid[KEY_UID_MAX];
};

/* Takes pkey over; -EINVAL for NULL. */
int key_wrap(enum key_kind kind, EVP_PKEY *pkey, bool has_private, struct key **out);
int key_kind_of(const EVP_PKEY *pkey, enum key_kind *kind); /* -EINVAL: none of ours */
size_t key_field_len(const struct key *key);	/* of a coordinate; 0 for RSA */
bool key_is_zero(const void *p, size_t len);
void key_reverse(uint8_t *dst, const uint8_t *src, size_t len);

#endif
