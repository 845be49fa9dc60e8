/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token decoder. Input is a token as it comes; when its first byte is 0xff, what follows
 * are changes (two bytes place, one byte value) to a good token of ours whose generation the
 * second byte chooses: all of them must be refused, unless they change nothing. When it is
 * 0xfe, the rest are claims of a realm, which must come back as they went in.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "attest/cca_token.h"
#include "attest/key.h"
#include "attest/soft_id.h"
#include "tvm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM 4096

/* Making keys takes longer than all else: they serve all inputs. */
static struct {
	struct key *cpak, *rak;
	uint8_t token[2][ROOM];
	size_t len[2];
} good;

static void make(enum cca_form form)
{
	static const struct cca_platform_claims platform = { .impl_id = SOFT_CCA_IMPL_ID,
		.instance_id = { 1 }, .config = SOFT_NAME, .component = "RMM", .version = "1" };
	static const struct cca_realm_claims realm;
	uint8_t p[1024], r[1024];
	int p_len = cca_platform_build(form, &platform, good.cpak, good.rak, p, sizeof(p));
	int r_len = cca_realm_build(form, &realm, good.rak, r, sizeof(r));
	int len;

	assert(p_len > 0 && r_len > 0);
	len = cca_token_build(form, p, (size_t)p_len, r, (size_t)r_len, good.token[form], ROOM);
	assert(len > 0);
	good.len[form] = (size_t)len;
}

static bool inside(const struct cose_bytes *b, const uint8_t *data, size_t size)
{
	return !b->p || (b->p >= data && b->len <= size && b->p + b->len <= data + size);
}

/* All that is handed out lies in the input. */
static void check(const struct cca_token *t, const uint8_t *data, size_t size)
{
	const struct cca_platform *p = &t->platform;
	const struct cca_realm *r = &t->realm;
	const struct cose_bytes *const all[] = { &p->profile, &p->challenge, &p->impl_id,
		&p->instance_id, &p->config, &p->service, &p->hash, &r->profile, &r->challenge,
		&r->rpv, &r->rim, &r->rak, &r->rem[0], &r->rem[3], &p->sign.payload,
		&r->sign.sig };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert(inside(all[i], data, size));
	assert(r->rpv.len == RIM_RPV_LEN);
	assert(!cca_token_soft(t) || !t->virtcca);
	if (t->virtcca)
		return;
	assert(p->impl_id.len == 32 && p->instance_id.len == 33);
	assert(p->nr_components && p->nr_components <= CCA_COMPONENTS_MAX);
	for (unsigned int i = 0; i < p->nr_components; i++)
		assert(p->components[i].signer.p && inside(&p->components[i].type, data, size));
	assert(cca_lifecycle_name(p->lifecycle));
}

static void one(const uint8_t *data, size_t size, bool must_fail)
{
	struct tvm_error err = { 0 };
	struct cca_token t;
	int r = cca_token_parse(data, size, &t, &err);

	assert(r <= 0 && !r == !err.msg[0]);
	if (r < 0)
		return;
	check(&t, data, size);
	r = cca_token_verify(&t, good.cpak, &err);
	assert(r <= 0 && !r == !err.msg[0]);
	assert(r < 0 || !must_fail);
}

/* Written, read, verified, the same. */
static void round_trip(const uint8_t *data, size_t size)
{
	enum cca_form form = size && data[0] & 1 ? CCA_CURRENT : CCA_LEGACY;
	struct cca_realm_claims c = { .hash = size ? (enum rim_hash)((data[0] >> 1) % 3) : 0 };
	struct cca_platform_claims p = { .impl_id = SOFT_CCA_IMPL_ID, .instance_id = { 1 },
		.config = "", .component = "", .version = "" };
	uint8_t half[2][2048], whole[ROOM];
	size_t len = rim_hash_len(c.hash);
	struct cca_token t;
	int n[3];

	memcpy(c.challenge, data, size < 64 ? size : 64);
	memcpy(c.rim, data, size < len ? size : len);
	memcpy(c.rem[size % CCA_REMS], data, size < len ? size : len);
	p.lifecycle = (uint16_t)size;
	n[0] = cca_platform_build(form, &p, good.cpak, good.rak, half[0], sizeof(half[0]));
	n[1] = cca_realm_build(form, &c, good.rak, half[1], sizeof(half[1]));
	assert(n[0] > 0 && n[1] > 0);
	n[2] = cca_token_build(form, half[0], (size_t)n[0], half[1], (size_t)n[1], whole, ROOM);
	assert(n[2] > 0 && !cca_token_parse(whole, (size_t)n[2], &t, NULL));
	assert(!cca_token_verify(&t, good.cpak, NULL));
	assert(t.form == form && t.realm.hash == c.hash && t.realm.rim.len == len);
	assert(!memcmp(t.realm.challenge.p, c.challenge, 64));
	assert(!memcmp(t.realm.rim.p, c.rim, len));
	for (unsigned int i = 0; i < CCA_REMS; i++)
		assert(!memcmp(t.realm.rem[i].p, c.rem[i], len));
	assert(t.platform.lifecycle == p.lifecycle && cca_token_soft(&t));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum cca_form form;
	uint8_t *copy;

	if (!good.cpak) {
		assert(!key_generate(KEY_P384, &good.cpak) && !key_generate(KEY_P384, &good.rak));
		make(CCA_LEGACY);
		make(CCA_CURRENT);
	}
	if (size && data[0] == 0xfe) {
		round_trip(data + 1, size - 1);
		return 0;
	}
	if (size < 2 || data[0] != 0xff) {
		one(data, size, false);
		return 0;
	}
	form = data[1] & 1 ? CCA_CURRENT : CCA_LEGACY;
	copy = malloc(good.len[form]);
	if (!copy)
		return 0;
	memcpy(copy, good.token[form], good.len[form]);
	for (size_t i = 2; i + 3 <= size; i += 3)
		copy[(data[i] << 8 | data[i + 1]) % good.len[form]] = data[i + 2];
	one(copy, good.len[form], memcmp(copy, good.token[form], good.len[form]));
	free(copy);
	return 0;
}
