/* SPDX-License-Identifier: Apache-2.0 */
/* Writing tokens: keys of maps in ascending order, which is that of their encodings. */
#include "attest/cca_token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attest/cca_claims.h"

#define CLAIMS_MAX 2048
#define RAK_HASH RIM_SHA256

static int done(const struct cbor_out *out)
{
	return out->len > out->size ? -ENOSPC : (int)out->len;
}

int cca_rak_put(enum cca_form form, const struct key *rak, uint8_t out[CCA_RAK_MAX], size_t *len)
{
	struct cbor_out cbor = { out, CCA_RAK_MAX, 0 };
	int r;

	if (form == CCA_LEGACY)
		return cose_point_put(rak, out, len);
	r = cose_key_put(&cbor, rak);
	*len = cbor.len;
	return r < 0 ? r : cbor.len > cbor.size ? -ENOSPC : 0;
}

static int sign(const struct cbor_out *claims, const struct key *key, uint8_t *buf, size_t size)
{
	struct cbor_out out = { buf, size, 0 };
	int r = done(claims);

	r = r < 0 ? r : cose_sign1_put(&out, key, claims->buf, claims->len);
	return r < 0 ? r : done(&out);
}

int cca_platform_build(enum cca_form form, const struct cca_platform_claims *claims,
	const struct key *cpak, const struct key *rak, uint8_t *buf, size_t size)
{
	uint8_t payload[CLAIMS_MAX], rak_claim[CCA_RAK_MAX], hash[RIM_MAX];
	struct cbor_out out = { payload, sizeof(payload), 0 };
	size_t rak_len;
	int r = cca_rak_put(form, rak, rak_claim, &rak_len);

	r = r < 0 ? r : rim_digest(RAK_HASH, rak_claim, rak_len, hash);
	if (r < 0)
		return r;
	cbor_put_map(&out, 8);
	cbor_put_int(&out, CLAIM_CHALLENGE);
	cbor_put_bytes(&out, hash, rim_hash_len(RAK_HASH));
	cbor_put_int(&out, CLAIM_INSTANCE);
	cbor_put_bytes(&out, claims->instance_id, sizeof(claims->instance_id));
	cbor_put_int(&out, CLAIM_PROFILE);
	cbor_put_text(&out, form == CCA_LEGACY ? CCA_PROFILE_LEGACY : CCA_PROFILE_PLATFORM_1);
	cbor_put_int(&out, CLAIM_LIFECYCLE);
	cbor_put_int(&out, claims->lifecycle);
	cbor_put_int(&out, CLAIM_IMPLEMENTATION);
	cbor_put_bytes(&out, claims->impl_id, sizeof(claims->impl_id));
	cbor_put_int(&out, CLAIM_COMPONENTS);
	cbor_put_array(&out, 1);
	cbor_put_map(&out, 5);
	cbor_put_int(&out, COMPONENT_TYPE);
	cbor_put_text(&out, claims->component);
	cbor_put_int(&out, COMPONENT_MEASUREMENT);
	cbor_put_bytes(&out, claims->measurement, sizeof(claims->measurement));
	cbor_put_int(&out, COMPONENT_VERSION);
	cbor_put_text(&out, claims->version);
	cbor_put_int(&out, COMPONENT_SIGNER);
	cbor_put_bytes(&out, claims->signer, sizeof(claims->signer));
	cbor_put_int(&out, COMPONENT_HASH);
	cbor_put_text(&out, rim_hash_name(RIM_SHA256));
	cbor_put_int(&out, CLAIM_CONFIG);
	cbor_put_bytes(&out, claims->config, strlen(claims->config));
	cbor_put_int(&out, CLAIM_HASH);
	cbor_put_text(&out, rim_hash_name(RIM_SHA256));
	return sign(&out, cpak, buf, size);
}

int cca_realm_build(enum cca_form form, const struct cca_realm_claims *claims,
	const struct key *rak, uint8_t *buf, size_t size)
{
	uint8_t payload[CLAIMS_MAX], rak_claim[CCA_RAK_MAX];
	struct cbor_out out = { payload, sizeof(payload), 0 };
	size_t len = rim_hash_len(claims->hash), rak_len;
	int r = cca_rak_put(form, rak, rak_claim, &rak_len);

	if (r < 0)
		return r;
	cbor_put_map(&out, form == CCA_LEGACY ? 7 : 8);
	cbor_put_int(&out, CLAIM_CHALLENGE);
	cbor_put_bytes(&out, claims->challenge, sizeof(claims->challenge));
	if (form != CCA_LEGACY) {
		cbor_put_int(&out, CLAIM_PROFILE);
		cbor_put_text(&out, CCA_PROFILE_REALM_1);
	}
	cbor_put_int(&out, CLAIM_RPV);
	cbor_put_bytes(&out, claims->rpv, sizeof(claims->rpv));
	cbor_put_int(&out, CLAIM_REALM_HASH);
	cbor_put_text(&out, rim_hash_name(claims->hash));
	cbor_put_int(&out, CLAIM_RAK);
	cbor_put_bytes(&out, rak_claim, rak_len);
	cbor_put_int(&out, CLAIM_RIM);
	cbor_put_bytes(&out, claims->rim, len);
	cbor_put_int(&out, CLAIM_REM);
	cbor_put_array(&out, CCA_REMS);
	for (unsigned int i = 0; i < CCA_REMS; i++)
		cbor_put_bytes(&out, claims->rem[i], len);
	cbor_put_int(&out, CLAIM_RAK_HASH);
	cbor_put_text(&out, rim_hash_name(RAK_HASH));
	return sign(&out, rak, buf, size);
}

static void put_half(struct cbor_out *out, enum cca_form form, int64_t label, const void *half,
	size_t len)
{
	cbor_put_int(out, label);
	if (form != CCA_LEGACY) {
		cbor_put_array(out, 2);
		cbor_put_int(out, CCA_CMW_CWT);
	}
	cbor_put_bytes(out, half, len);
}

int cca_token_build(enum cca_form form, const void *platform, size_t platform_len,
	const void *realm, size_t realm_len, uint8_t *buf, size_t size)
{
	struct cbor_out out = { buf, size, 0 };

	cbor_put_tag(&out, form == CCA_LEGACY ? CCA_TAG_LEGACY : CCA_TAG_CMW);
	cbor_put_map(&out, 2);
	put_half(&out, form, CCA_PLATFORM, platform, platform_len);
	put_half(&out, form, CCA_REALM, realm, realm_len);
	return done(&out);
}
