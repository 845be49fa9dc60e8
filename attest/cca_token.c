/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and verifying tokens. Claims that are not known are left alone, as EAT asks. */
#include "attest/cca_token.h"

#include <errno.h>
#include <string.h>

#include "attest/cca_claims.h"
#include "attest/key.h"
#include "attest/soft_id.h"
#include "base/err.h"

#define PLATFORM "platform token"
#define REALM "realm token"

/* ---- Values ------------------------------------------------------------------------------- */

static int bad(struct tvm_error *err, const char *half, const char *claim)
{
	return err_set(err, -EBADMSG, "%s: %s is not as it must be", half, claim);
}

static int get(struct cbor_in *in, enum cbor_type type, struct cose_bytes *out)
{
	struct cbor_item item;
	int r = cbor_expect(in, type, &item);

	if (r < 0)
		return r;
	*out = (struct cose_bytes){ item.bytes, (size_t)item.value };
	return 0;
}

static int get_len(struct cbor_in *in, struct cose_bytes *out, size_t len)
{
	int r = get(in, CBOR_BYTES, out);

	return r < 0 ? r : out->len == len ? 0 : -EINVAL;
}

/* A hash: 32, 48 or 64 bytes. */
static int get_hash(struct cbor_in *in, struct cose_bytes *out)
{
	int r = get(in, CBOR_BYTES, out);

	return r < 0 ? r : out->len == 32 || out->len == 48 || out->len == 64 ? 0 : -EINVAL;
}

static bool equals(const struct cose_bytes *b, const char *text)
{
	return b->len == strlen(text) && !memcmp(b->p, text, b->len);
}

static int get_hash_name(struct cbor_in *in, enum rim_hash *out)
{
	struct cose_bytes name;
	int r = get(in, CBOR_TEXT, &name);

	for (unsigned int i = RIM_SHA256; r >= 0 && i <= RIM_SHA384; i++) {
		if (equals(&name, rim_hash_name((enum rim_hash)i))) {
			*out = (enum rim_hash)i;
			return 0;
		}
	}
	return r < 0 ? r : -EINVAL;
}

static int find_profile(const struct cose_bytes *profile, const char *const names[3],
	unsigned int *generation)
{
	for (unsigned int i = 0; i < 3; i++) {
		if (names[i] && equals(profile, names[i])) {
			*generation = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* ---- Platform token ----------------------------------------------------------------------- */

static int parse_component(struct cbor_in *in, struct cca_component *c)
{
	struct cbor_map map;
	int64_t key;
	int r = cbor_map_begin(in, &map);

	while (r >= 0 && (r = cbor_map_key(in, &map, &key)) > 0) {
		switch (key) {
		case COMPONENT_TYPE: r = get(in, CBOR_TEXT, &c->type); break;
		case COMPONENT_MEASUREMENT: r = get_hash(in, &c->measurement); break;
		case COMPONENT_VERSION: r = get(in, CBOR_TEXT, &c->version); break;
		case COMPONENT_SIGNER: r = get_hash(in, &c->signer); break;
		case COMPONENT_HASH: r = get(in, CBOR_TEXT, &c->hash); break;
		default: r = cbor_skip(in); break;
		}
	}
	return r < 0 ? r : c->measurement.p && c->signer.p ? 0 : -EINVAL;
}

static int parse_components(struct cbor_in *in, struct cca_platform *p)
{
	struct cbor_item item;
	int r = cbor_expect(in, CBOR_ARRAY, &item);

	if (r >= 0 && (!item.value || item.value > CCA_COMPONENTS_MAX))
		return -EINVAL;
	while (r >= 0 && p->nr_components < item.value)
		r = parse_component(in, &p->components[p->nr_components++]);
	return r;
}

static int get_lifecycle(struct cbor_in *in, uint64_t *out, bool *have)
{
	struct cbor_item item;
	int r = cbor_expect(in, CBOR_UINT, &item);

	if (r < 0)
		return r;
	*out = item.value;
	*have = true;
	return item.value <= UINT16_MAX ? 0 : -EINVAL;
}

static int get_instance(struct cbor_in *in, struct cose_bytes *out)
{
	int r = get_len(in, out, 33);

	return r < 0 ? r : out->p[0] == 1 ? 0 : -EINVAL;	/* a UEID of type RAND */
}

static int platform_claims(struct cca_platform *p, struct tvm_error *err)
{
	static const char *const profiles[] = { CCA_PROFILE_LEGACY, CCA_PROFILE_PLATFORM_1,
		CCA_PROFILE_PLATFORM_2 };
	struct cbor_in in = { p->sign.payload.p, p->sign.payload.p + p->sign.payload.len };
	const char *claim = "the set of claims";
	bool have_lifecycle = false;
	struct cbor_map map;
	int64_t key;
	int r = cbor_map_begin(&in, &map);

#define CLAIM(number, name, call) case number: claim = name; r = call; break
	while (r >= 0 && (r = cbor_map_key(&in, &map, &key)) > 0) {
		switch (key) {
		CLAIM(CLAIM_PROFILE, "profile", get(&in, CBOR_TEXT, &p->profile));
		CLAIM(CLAIM_CHALLENGE, "challenge", get_hash(&in, &p->challenge));
		CLAIM(CLAIM_IMPLEMENTATION, "implementation id", get_len(&in, &p->impl_id, 32));
		CLAIM(CLAIM_INSTANCE, "instance id", get_instance(&in, &p->instance_id));
		CLAIM(CLAIM_CONFIG, "configuration", get(&in, CBOR_BYTES, &p->config));
		CLAIM(CLAIM_LIFECYCLE, "lifecycle",
			get_lifecycle(&in, &p->lifecycle, &have_lifecycle));
		CLAIM(CLAIM_COMPONENTS, "list of software components", parse_components(&in, p));
		CLAIM(CLAIM_SERVICE, "verification service", get(&in, CBOR_TEXT, &p->service));
		CLAIM(CLAIM_HASH, "hash algorithm", get(&in, CBOR_TEXT, &p->hash));
		default: claim = "an unknown claim"; r = cbor_skip(&in); break;
		}
		if (r < 0)
			return bad(err, PLATFORM, claim);
	}
	if (r < 0 || !cbor_done(&in))
		return bad(err, PLATFORM, "the set of claims");
	if (!p->profile.p || find_profile(&p->profile, profiles, &p->generation) < 0)
		return err_set(err, -EBADMSG, PLATFORM ": no profile that is known");
	if (!p->challenge.p || !p->impl_id.p || !p->instance_id.p || !p->config.p ||
	    !have_lifecycle || !p->nr_components || !p->hash.p)
		return err_set(err, -EBADMSG, PLATFORM ": a mandatory claim is missing");
	return 0;
}

/* ---- Realm token -------------------------------------------------------------------------- */

static int parse_rems(struct cbor_in *in, struct cca_realm *realm)
{
	struct cbor_item item;
	int r = cbor_expect(in, CBOR_ARRAY, &item);

	if (r >= 0 && item.value != CCA_REMS)
		return -EINVAL;
	for (unsigned int i = 0; r >= 0 && i < CCA_REMS; i++)
		r = get_hash(in, &realm->rem[i]);
	return r;
}

static int realm_claims(struct cca_realm *realm, struct tvm_error *err)
{
	static const char *const profiles[] = { NULL, CCA_PROFILE_REALM_1, CCA_PROFILE_REALM_2 };
	struct cbor_in in = { realm->sign.payload.p,
		realm->sign.payload.p + realm->sign.payload.len };
	bool have_hash = false, have_rak_hash = false;
	const char *claim = "the set of claims";
	struct cbor_map map;
	int64_t key;
	int r = cbor_map_begin(&in, &map);

	while (r >= 0 && (r = cbor_map_key(&in, &map, &key)) > 0) {
		have_hash = have_hash || key == CLAIM_REALM_HASH;
		have_rak_hash = have_rak_hash || key == CLAIM_RAK_HASH;
		switch (key) {
		CLAIM(CLAIM_PROFILE, "profile", get(&in, CBOR_TEXT, &realm->profile));
		CLAIM(CLAIM_CHALLENGE, "challenge",
			get_len(&in, &realm->challenge, CCA_CHALLENGE_LEN));
		CLAIM(CLAIM_RPV, "personalization value", get_len(&in, &realm->rpv, RIM_RPV_LEN));
		CLAIM(CLAIM_REALM_HASH, "hash algorithm", get_hash_name(&in, &realm->hash));
		CLAIM(CLAIM_RAK, "public key", get(&in, CBOR_BYTES, &realm->rak));
		CLAIM(CLAIM_RIM, "initial measurement", get_hash(&in, &realm->rim));
		CLAIM(CLAIM_REM, "list of extensible measurements", parse_rems(&in, realm));
		CLAIM(CLAIM_RAK_HASH, "hash algorithm of the public key",
			get_hash_name(&in, &realm->rak_hash));
		default: claim = "an unknown claim"; r = cbor_skip(&in); break;
		}
		if (r < 0)
			return bad(err, REALM, claim);
	}
	if (r < 0 || !cbor_done(&in))
		return bad(err, REALM, "the set of claims");
	if (realm->profile.p && find_profile(&realm->profile, profiles, &realm->generation) < 0)
		return err_set(err, -EBADMSG, REALM ": no profile that is known");
	if (!realm->challenge.p || !realm->rpv.p || !have_hash || !realm->rak.p ||
	    !realm->rim.p || !realm->rem[0].p || !have_rak_hash)
		return err_set(err, -EBADMSG, REALM ": a mandatory claim is missing");
	for (unsigned int i = 0; i < CCA_REMS; i++)
		if (realm->rem[i].len != realm->rim.len)
			return err_set(err, -EBADMSG, REALM ": measurements differ in length");
	return 0;
}

/* ---- The envelope ------------------------------------------------------------------------- */

static int get_half(struct cbor_in *in, enum cca_form form, struct cose_bytes *out)
{
	struct cbor_item item;
	int64_t format;

	if (form == CCA_CURRENT && (cbor_expect(in, CBOR_ARRAY, &item) < 0 || item.value != 2 ||
	    cbor_int(in, &format) < 0 || format != CCA_CMW_CWT))
		return -EBADMSG;
	return get(in, CBOR_BYTES, out);
}

static int parse_envelope(struct cbor_in *in, enum cca_form *form, struct cose_bytes *platform,
	struct cose_bytes *realm, struct tvm_error *err)
{
	struct cbor_item tag;
	struct cbor_map map;
	int64_t key;
	int r;

	if (cbor_expect(in, CBOR_TAG, &tag) < 0 ||
	    (tag.value != CCA_TAG_LEGACY && tag.value != CCA_TAG_CMW))
		return err_set(err, -EBADMSG, "this is no CCA token: neither tag %d nor %d",
			CCA_TAG_LEGACY, CCA_TAG_CMW);
	*form = tag.value == CCA_TAG_CMW ? CCA_CURRENT : CCA_LEGACY;
	r = cbor_map_begin(in, &map);
	while (r >= 0 && (r = cbor_map_key(in, &map, &key)) > 0) {
		if (key == CCA_PLATFORM)
			r = get_half(in, *form, platform);
		else if (key == CCA_REALM)
			r = get_half(in, *form, realm);
		else
			r = -EINVAL;
	}
	if (r < 0 || !cbor_done(in))
		return err_set(err, -EBADMSG, "the token's envelope is damaged");
	if (!realm->p)
		return err_set(err, -EBADMSG, "the token has no " REALM);
	if (!platform->p && *form != CCA_LEGACY)
		return err_set(err, -EBADMSG, "the token has no " PLATFORM);
	return 0;
}

static int parse_sign1(const struct cose_bytes *half, const char *name, struct cose_sign1 *out,
	struct tvm_error *err)
{
	int r = cose_sign1_parse(half->p, half->len, out);

	if (r == -ENOTSUP)
		return err_set(err, -EBADMSG, "%s: signed with an algorithm that is none of "
			"ES384, ES256 and RSASSA-PSS", name);
	return r < 0 ? err_set(err, -EBADMSG, "%s: this is no COSE_Sign1", name) : 0;
}

int cca_token_parse(const void *bytes, size_t len, struct cca_token *out, struct tvm_error *err)
{
	struct cbor_in in = { bytes, (const uint8_t *)bytes + len };
	struct cose_bytes platform = { 0 }, realm = { 0 };
	int r;

	if (len > CCA_TOKEN_MAX)
		return err_set(err, -EBADMSG, "%zu bytes are too many for a token", len);
	memset(out, 0, sizeof(*out));
	r = parse_envelope(&in, &out->form, &platform, &realm, err);
	out->virtcca = r >= 0 && !platform.p;
	if (r >= 0 && !out->virtcca)
		r = parse_sign1(&platform, PLATFORM, &out->platform.sign, err);
	r = r < 0 ? r : parse_sign1(&realm, REALM, &out->realm.sign, err);
	if (r >= 0 && !out->virtcca)
		r = platform_claims(&out->platform, err);
	return r < 0 ? r : realm_claims(&out->realm, err);
}

/* ---- Verification ------------------------------------------------------------------------- */

static int verify_sign1(const struct cose_sign1 *s, const struct key *key, const char *half,
	const char *whose, struct tvm_error *err)
{
	int r = cose_sign1_verify(s, key);

	if (r == -EINVAL)
		return err_set(err, -EBADMSG, "%s: signed with another kind of key than %s", half,
			whose);
	if (r == -EBADMSG)
		return err_set(err, r, "%s: the signature is not by %s", half, whose);
	return r < 0 ? err_sys(err, r, "%s", half) : 0;
}

/* The platform vouches for the key that signs the realm's half. */
static int verify_binding(const struct cca_token *t, struct tvm_error *err)
{
	uint8_t hash[RIM_MAX];
	int r = rim_digest(t->realm.rak_hash, t->realm.rak.p, t->realm.rak.len, hash);

	if (r < 0)
		return err_sys(err, r, "libcrypto");
	if (t->platform.challenge.len != rim_hash_len(t->realm.rak_hash) ||
	    memcmp(t->platform.challenge.p, hash, t->platform.challenge.len))
		return err_set(err, -EBADMSG, "the " PLATFORM " does not vouch for this " REALM
			": its challenge is not the hash of the realm's key");
	return 0;
}

/* The key is in the token as X.509 has it; it counts because it is the one that was given. */
static int verify_virtcca(const struct cca_token *token, const struct key *cpak,
	struct tvm_error *err)
{
	uint8_t der[KEY_SPKI_MAX];
	int len = key_spki_export(cpak, der, sizeof(der));

	if (len < 0 || token->realm.rak.len != (size_t)len ||
	    memcmp(token->realm.rak.p, der, (size_t)len))
		return err_set(err, -EBADMSG, REALM ": its key is not that of this device");
	return verify_sign1(&token->realm.sign, cpak, REALM, "this device's", err);
}

int cca_token_verify(const struct cca_token *token, const struct key *cpak, struct tvm_error *err)
{
	const struct cose_bytes *rak = &token->realm.rak;
	struct key *key = NULL;
	int r;

	if (token->virtcca)
		return verify_virtcca(token, cpak, err);
	r = verify_sign1(&token->platform.sign, cpak, PLATFORM, "this platform's key", err);
	if (r < 0)
		return r;
	if (token->platform.generation != token->realm.generation)
		return err_set(err, -EBADMSG, "profiles of " PLATFORM " and " REALM
			" do not belong together");
	r = verify_binding(token, err);
	if (r < 0)
		return r;
	r = token->realm.generation ? cose_key_parse(rak->p, rak->len, &key) :
		cose_point_parse(rak->p, rak->len, &key);
	if (r < 0)
		return err_set(err, r, REALM ": its public key is none");
	r = verify_sign1(&token->realm.sign, key, REALM, "its own key", err);
	key_free(key);
	return r;
}

bool cca_lifecycle_secured(uint64_t lifecycle)
{
	return lifecycle >> 8 == 0x30;
}

const char *cca_lifecycle_name(uint64_t lifecycle)
{
	static const char *const names[] = { "unknown", "assembly and test", "provisioning",
		"secured", "non-CCA debug", "recoverable debug", "decommissioned" };

	return lifecycle & 0xf00 || lifecycle >> 12 > 6 ? "invalid" : names[lifecycle >> 12];
}

bool cca_token_soft(const struct cca_token *token)
{
	return !token->virtcca && !memcmp(token->platform.impl_id.p, SOFT_CCA_IMPL_ID,
		strlen(SOFT_CCA_IMPL_ID));
}
