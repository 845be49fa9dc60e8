/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a platform's certificates are to be trusted. */
#include <errno.h>
#include <string.h>

#include "attest/soft_id.h"
#include "cli/tvm-attest/file.h"
#include "cli/tvm-attest/platform.h"
#include "tvm.h"

static enum status refuse(const char *why)
{
	return fail(STATUS_REFUSED, "refused: %s", why);
}

/* The user's root: one certificate, or the pair that ends in it. */
static enum status read_root(struct sev_ca *root, enum attest_alg alg, const char *path)
{
	uint8_t data[SEV_CA_PAIR_MAX];
	struct tvm_error err = { 0 };
	size_t len;
	int n;
	enum status s = file_read("root certificate", path, data, sizeof(data), &len);

	if (s)
		return s;
	n = sev_ca_parse(root, alg, data, len, &err);
	if (n > 0 && root->usage == SEV_USAGE_ASK && (size_t)n < len) {
		sev_ca_fini(root);
		n = sev_ca_parse(root, alg, data + n, len - (size_t)n, &err);
	}
	if (n < 0)
		return fail(STATUS_ERROR, "'%s': %s", path, err.msg);
	if (root->usage != SEV_USAGE_ARK)
		return fail(STATUS_ERROR, "'%s' holds no root certificate", path);
	return STATUS_OK;
}

/* HSK || CEK of Hygon's server: by --root, or by Hygon's published root. */
static enum status verify_without_pair(struct platform *p, struct sev_ca *root)
{
	struct tvm_error err = { 0 };
	int r;

	if (root->key)
		r = sev_ca_verify(root, root, &err);
	else
		r = sev_ca_builtin(root, p->alg);
	r = r < 0 ? r : sev_ca_verify(&p->roots.ask, root, &err);
	r = r < 0 ? r : sev_cert_verify(&p->cek, p->alg, p->roots.ask.key, SEV_USAGE_ASK, &err);
	return r < 0 ? refuse(err.msg) : STATUS_OK;
}

static bool same_key(const struct sev_cert *a, const struct sev_cert *b)
{
	return !memcmp(a->pubkey.qx, b->pubkey.qx, sizeof(a->pubkey.qx)) &&
		!memcmp(a->pubkey.qy, b->pubkey.qy, sizeof(a->pubkey.qy));
}

static enum status judge(struct platform *p, const struct platform_opts *opts,
	const struct sev_ca *root)
{
	bool given = root && root->len == p->roots.ark.len &&
		!memcmp(root->raw, p->roots.ark.raw, root->len);

	/* A software root stays one, whoever names it. */
	if (p->soft && !opts->allow_soft)
		return refuse(SOFT_NAME "; --allow-soft accepts it for tests");
	if (p->soft)
		p->trust = TRUST_SOFT;
	else if (sev_roots_known(&p->roots))
		p->trust = TRUST_BUILTIN;
	else if (given)
		p->trust = TRUST_GIVEN;
	else
		return refuse(root ? "the platform's root is not the one of --root" :
			"nobody vouches for the root of the chain; name the vendor's with --root");
	return STATUS_OK;
}

static enum status verify_roots(struct platform *p, const struct platform_opts *opts,
	struct sev_ca *root)
{
	struct tvm_error err = { 0 };
	enum status s = STATUS_OK;

	if (opts->root)
		s = read_root(root, p->alg, opts->root);
	if (s)
		return s;
	if (!p->have_roots && !p->roots.ask.key)
		return refuse("there are no vendor certificates above the CEK; see --ca");
	if (!p->have_roots) {
		s = verify_without_pair(p, root);
		if (s)
			return s;
		p->roots.ark = *root;	/* takes the key over */
		root->key = NULL;
		p->soft |= sev_roots_soft(&p->roots);
		return judge(p, opts, &p->roots.ark);
	}
	if (sev_roots_verify(&p->roots, &p->cek, &err) < 0)
		return refuse(err.msg);
	return judge(p, opts, root->key ? root : NULL);
}

enum status platform_verify(struct platform *p, const struct platform_opts *opts)
{
	struct tvm_error err = { 0 };
	struct sev_ca root = { 0 };
	enum status s;

	p->trust = TRUST_NONE;
	if (sev_chain_verify(&p->pdh, &p->chain, p->alg, &err) < 0)
		return refuse(err.msg);
	if (!same_key(&p->cek, &p->chain.cek))
		return refuse("the vendor's CEK certificate is another chip's");
	s = verify_roots(p, opts, &root);
	sev_ca_fini(&root);
	return s;
}

void platform_print(const struct platform *p, struct out *out)
{
	static const char *const roots[] = {
		[TRUST_NONE] = "not verified",
		[TRUST_BUILTIN] = "the vendor's, built in",
		[TRUST_GIVEN] = "as given by --root",
		[TRUST_SOFT] = SOFT_NAME,
	};

	out_text(out, "platform", p->soft ? SOFT_NAME :
		p->trust == TRUST_NONE ? "unknown: not verified" : "hardware");
	out_text(out, "algorithms", p->alg == ATTEST_CSV ? "csv" : "sev");
	out_text(out, "root", roots[p->trust]);
	out_bool(out, "verified", p->trust != TRUST_NONE);
}
