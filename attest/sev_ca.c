/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMD's roots, and what both vendors' have in common. An AMD certificate is a header, then
 * exponent, modulus and signature, as long as the header says; all little-endian.
 */
#include "attest/sev_ca.h"

#include <errno.h>
#include <string.h>

#include "attest/csv_ca.h"
#include "attest/soft_id.h"
#include "base/err.h"
#include "base/le.h"
#include "tvm.h"

struct amd_head {
	le32 version;
	uint8_t key_id[SEV_CA_ID_LEN];
	uint8_t certifying_id[SEV_CA_ID_LEN];
	le32 usage;
	uint8_t zero[16];
	le32 exponent_bits;
	le32 modulus_bits;
};

#define AMD_HEAD_LEN 64
_Static_assert(sizeof(struct amd_head) == AMD_HEAD_LEN, "CA certificate layout");
_Static_assert(AMD_HEAD_LEN + 3 * KEY_RSA_FIELD == SEV_CA_MAX, "CA certificate layout");

static int parse_amd(struct sev_ca *ca, const uint8_t *data, size_t len, struct tvm_error *err)
{
	struct amd_head head;
	size_t n, total;
	int r;

	if (len < sizeof(head))
		return err_set(err, -EINVAL, "CA certificate: %zu bytes are too short", len);
	memcpy(&head, data, sizeof(head));
	ca->usage = le32_get(head.usage);
	if (le32_get(head.version) != 1)
		return err_set(err, -EINVAL, "CA certificate: version %u is not known",
			le32_get(head.version));
	if (ca->usage != SEV_USAGE_ASK && ca->usage != SEV_USAGE_ARK)
		return err_set(err, -EINVAL, "CA certificate: usage 0x%x is neither ASK nor ARK",
			(unsigned int)ca->usage);
	n = le32_get(head.modulus_bits);
	if ((n != 2048 && n != 4096) || le32_get(head.exponent_bits) != n)
		return err_set(err, -EINVAL, "CA certificate: modulus of %zu and exponent of %u "
			"bits, expected 2048 or 4096", n, le32_get(head.exponent_bits));
	n /= 8;
	total = sizeof(head) + 3 * n;
	if (len < total)
		return err_set(err, -EINVAL, "CA certificate: %zu bytes, its header says %zu", len,
			total);
	r = key_from_rsa(data + sizeof(head) + n, n, data + sizeof(head), n, &ca->key);
	if (r < 0)
		return err_set(err, r, "CA certificate: no valid RSA key");
	memcpy(ca->key_id, head.key_id, SEV_CA_ID_LEN);
	memcpy(ca->certifying_id, head.certifying_id, SEV_CA_ID_LEN);
	memcpy(ca->raw, data, total);
	ca->len = total;
	return (int)total;
}

int sev_ca_parse(struct sev_ca *ca, enum attest_alg alg, const void *data, size_t len,
	struct tvm_error *err)
{
	struct sev_ca made = { .alg = alg };
	int r = alg == ATTEST_CSV ? csv_ca_parse(&made, data, len, err) :
		parse_amd(&made, data, len, err);

	if (r > 0)
		*ca = made;
	return r;
}

void sev_ca_fini(struct sev_ca *ca)
{
	key_free(ca->key);
	ca->key = NULL;
}

int sev_roots_parse(struct sev_roots *roots, enum attest_alg alg, const void *data, size_t len,
	struct tvm_error *err)
{
	struct sev_roots made = { 0 };
	int first, second;

	first = sev_ca_parse(&made.ask, alg, data, len, err);
	if (first < 0)
		return first;
	second = sev_ca_parse(&made.ark, alg, (const uint8_t *)data + first, len - (size_t)first,
		err);
	if (second > 0 && (size_t)(first + second) != len)
		second = err_set(err, -EINVAL, "CA certificates: %zu bytes behind the second one",
			len - (size_t)(first + second));
	else if (second > 0 &&
		 (made.ask.usage != SEV_USAGE_ASK || made.ark.usage != SEV_USAGE_ARK))
		second = err_set(err, -EINVAL, "CA certificates: %s and %s, expected %s",
			sev_usage_name(made.ask.usage), sev_usage_name(made.ark.usage),
			alg == ATTEST_CSV ? "HSK and HRK" : "ASK and ARK");
	if (second < 0) {
		sev_roots_fini(&made);
		return second;
	}
	*roots = made;
	return 0;
}

void sev_roots_fini(struct sev_roots *roots)
{
	sev_ca_fini(&roots->ask);
	sev_ca_fini(&roots->ark);
}

static int verify_amd(const struct sev_ca *ca, const struct sev_ca *signer)
{
	size_t n = (ca->len - AMD_HEAD_LEN) / 3;
	bool big = key_kind(signer->key) == KEY_RSA4096;

	/* The signature field is as long as the certificate's own modulus. */
	if (n != (big ? 512 : 256))
		return -EBADMSG;
	return key_verify_pss(signer->key, big ? KEY_SHA384 : KEY_SHA256, ca->raw, ca->len - n,
		ca->raw + ca->len - n, n);
}

int sev_ca_verify(const struct sev_ca *ca, const struct sev_ca *signer, struct tvm_error *err)
{
	const char *name = sev_usage_name(ca->usage);
	int r;

	if (ca->alg != signer->alg || memcmp(ca->certifying_id, signer->key_id, SEV_CA_ID_LEN))
		return err_set(err, -EBADMSG, "%s certificate: its certifying id is another key's",
			name);
	r = ca->alg == ATTEST_CSV ? csv_ca_verify(ca, signer) : verify_amd(ca, signer);
	return r < 0 ? err_set(err, r, "%s certificate: the signature is not by this %s", name,
		sev_usage_name(signer->usage)) : 0;
}

int sev_roots_verify(const struct sev_roots *roots, const struct sev_cert *cek,
	struct tvm_error *err)
{
	int r = sev_ca_verify(&roots->ark, &roots->ark, err);

	r = r < 0 ? r : sev_ca_verify(&roots->ask, &roots->ark, err);
	r = r < 0 ? r : sev_cert_check(cek, roots->ask.alg, SEV_USAGE_CEK, err);
	return r < 0 ? r : sev_cert_verify(cek, roots->ask.alg, roots->ask.key, SEV_USAGE_ASK, err);
}

/* Either id is enough: a chain that mixes them is no hardware's. */
bool sev_roots_soft(const struct sev_roots *roots)
{
	return !memcmp(roots->ark.key_id, SOFT_KEY_ID, SEV_CA_ID_LEN) ||
		!memcmp(roots->ask.key_id, SOFT_ASK_ID, SEV_CA_ID_LEN);
}

int sev_ca_builtin(struct sev_ca *ca, enum attest_alg alg)
{
	struct sev_ca made = { .alg = alg };
	int r = alg == ATTEST_CSV ? csv_ca_hrk(&made) : -ENOENT;

	if (r < 0)
		return r;
	*ca = made;
	return 0;
}

bool sev_roots_known(const struct sev_roots *roots)
{
	return roots->ark.alg == ATTEST_CSV && csv_ca_is_hrk(&roots->ark);
}

static int build_amd(uint8_t *out, enum sev_usage usage, const struct key *key,
	const uint8_t *key_id, const struct key *signer, const uint8_t *certifying_id)
{
	uint8_t modulus[KEY_RSA_FIELD], exponent[KEY_RSA_FIELD], sig[KEY_RSA_FIELD];
	struct amd_head head = { .version = le32_make(1), .usage = le32_make(usage) };
	size_t n;
	int r = key_rsa(key, modulus, exponent, &n);

	if (r < 0 || key_kind(signer) != key_kind(key))
		return -EINVAL;
	memcpy(head.key_id, key_id, SEV_CA_ID_LEN);
	memcpy(head.certifying_id, certifying_id, SEV_CA_ID_LEN);
	head.exponent_bits = head.modulus_bits = le32_make((uint32_t)n * 8);
	memcpy(out, &head, sizeof(head));
	memcpy(out + sizeof(head), exponent, n);
	memcpy(out + sizeof(head) + n, modulus, n);
	r = key_sign_pss(signer, n == 512 ? KEY_SHA384 : KEY_SHA256, out, sizeof(head) + 2 * n,
		sig);
	if (r < 0)
		return r;
	memcpy(out + sizeof(head) + 2 * n, sig, n);
	return (int)(sizeof(head) + 3 * n);
}

int sev_ca_build(uint8_t *out, enum attest_alg alg, enum sev_usage usage, const struct key *key,
	const uint8_t key_id[SEV_CA_ID_LEN], const struct key *signer,
	const uint8_t certifying_id[SEV_CA_ID_LEN])
{
	if (alg == ATTEST_CSV)
		return csv_ca_build(out, usage, key, key_id, signer, certifying_id);
	return build_amd(out, usage, key, key_id, signer, certifying_id);
}
