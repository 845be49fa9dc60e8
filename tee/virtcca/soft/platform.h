/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The platform that a software realm manager says it runs on: the key of platform tokens (CPAK),
 * kept in a directory that the user names, and a key for the realm's own tokens (RAK), made each
 * time. Its tokens are signed like real ones and say in implementation id, configuration and
 * lifecycle that they are not (attest/soft_id.h).
 */
#ifndef TEE_VIRTCCA_SOFT_PLATFORM_H
#define TEE_VIRTCCA_SOFT_PLATFORM_H

#include "attest/cca_token.h"

struct rmm_platform;
struct tvm_error;

/*
 * Keys of the directory, which is made, with a new key, when absent or empty; dir NULL: a key
 * for this run. Anything else there but our files in order is an error that names it.
 */
int rmm_platform_open(const char *dir, enum cca_form form, struct rmm_platform **out,
	struct tvm_error *err);
void rmm_platform_close(struct rmm_platform *p); /* NULL is fine */

/* What verifies its tokens. */
const struct key *rmm_platform_cpak(const struct rmm_platform *p);

/* struct rmm_host, token(): ctx is a struct rmm_platform. Any thread. */
int rmm_platform_token(void *ctx, const struct cca_realm_claims *claims, uint8_t **buf,
	size_t *len);

#endif
