/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of both vendors: build, sign, check, verify. */
#include "attest/sev_cert.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "tvm.h"

const char *sev_usage_name(uint32_t usage)
{
	switch (usage) {
	case SEV_USAGE_ARK: return "ARK";
	case SEV_USAGE_ASK: return "ASK";
	case SEV_USAGE_OCA: return "OCA";
	case SEV_USAGE_PEK: return "PEK";
	case SEV_USAGE_PDH: return "PDH";
	case SEV_USAGE_CEK: return "CEK";
	case SEV_USAGE_INVALID: return "none";
	}
	return "unknown";
}

static enum key_kind kind_of(enum attest_alg alg)
{
	return alg == ATTEST_CSV ? KEY_SM2 : KEY_P384;
}

int sev_cert_build(struct sev_cert *cert, enum attest_alg alg, enum sev_usage usage,
	const struct key *key, uint8_t api_major, uint8_t api_minor)
{
	struct sev_cert c = { .api_major = api_major, .api_minor = api_minor };
	const uint8_t *uid;
	size_t uid_len;
	int r;

	if (key_kind(key) != kind_of(alg))
		return -EINVAL;
	c.version = le32_make(1);
	c.usage = le32_make(usage);
	if (alg == ATTEST_CSV) {
		c.algo = le32_make(usage == SEV_USAGE_PDH ? SEV_ALGO_SM2_DH : SEV_ALGO_SM2_SA);
		c.pubkey.curve = le32_make(SEV_CURVE_SM2);
		uid = key_uid(key, &uid_len);
		c.pubkey.uid_len = le16_make((uint16_t)uid_len);
		memcpy(c.pubkey.uid, uid, uid_len);
	} else {
		c.algo = le32_make(usage == SEV_USAGE_PDH ? SEV_ALGO_ECDH_SHA256 :
			SEV_ALGO_ECDSA_SHA256);
		c.pubkey.curve = le32_make(SEV_CURVE_P384);
	}
	r = key_point(key, c.pubkey.qx, c.pubkey.qy);
	if (r < 0)
		return r;
	c.sig[0].usage = c.sig[1].usage = le32_make(SEV_USAGE_INVALID);
	*cert = c;
	return 0;
}

int sev_cert_sign(struct sev_cert *cert, enum attest_alg alg, unsigned int slot,
	enum sev_usage signer_usage, const struct key *signer)
{
	struct sev_cert_sig sig = { 0 };
	enum sev_algo algo;
	int r;

	if (slot > 1)
		return -EINVAL;
	switch (key_kind(signer)) {
	case KEY_RSA2048:
	case KEY_RSA4096:
		algo = key_kind(signer) == KEY_RSA4096 ? SEV_ALGO_RSA_SHA384 : SEV_ALGO_RSA_SHA256;
		r = key_sign_pss(signer, algo == SEV_ALGO_RSA_SHA384 ? KEY_SHA384 : KEY_SHA256,
			cert, SEV_CERT_SIGNED, sig.rsa);
		break;
	case KEY_SM2:
		algo = SEV_ALGO_SM2_SA;
		r = key_sign(signer, KEY_SM3, cert, SEV_CERT_SIGNED, sig.r, sig.s);
		break;
	default:
		algo = SEV_ALGO_ECDSA_SHA256;
		r = key_sign(signer, KEY_SHA256, cert, SEV_CERT_SIGNED, sig.r, sig.s);
		break;
	}
	if (r < 0)
		return r;
	sig.usage = le32_make(signer_usage);
	sig.algo = le32_make(algo);
	cert->sig[slot] = sig;
	return 0;
}

/* An EC key for this usage: exchange for the PDH, signatures for the others. */
static bool algo_fits(uint32_t algo, enum attest_alg alg, enum sev_usage usage)
{
	switch (algo) {
	case SEV_ALGO_ECDH_SHA256:
	case SEV_ALGO_ECDH_SHA384:
		return alg == ATTEST_SEV && usage == SEV_USAGE_PDH;
	case SEV_ALGO_ECDSA_SHA256:
	case SEV_ALGO_ECDSA_SHA384:
		return alg == ATTEST_SEV && usage != SEV_USAGE_PDH;
	case SEV_ALGO_SM2_SA: /* Hygon's tools write it for a PDH, too */
		return alg == ATTEST_CSV;
	case SEV_ALGO_SM2_DH:
		return alg == ATTEST_CSV && usage == SEV_USAGE_PDH;
	}
	return false;
}

int sev_cert_key(const struct sev_cert *cert, enum attest_alg alg, enum sev_usage usage,
	struct key **out, struct tvm_error *err)
{
	uint32_t version = le32_get(cert->version), curve = le32_get(cert->pubkey.curve);
	uint32_t uid_len = le16_get(cert->pubkey.uid_len);
	const char *name = sev_usage_name(usage);
	int r;

	/* Hygon's CEKs have version 2, with the same layout. */
	if (version != 1 && !(alg == ATTEST_CSV && version == 2))
		return err_set(err, -EINVAL, "%s certificate: version %u is not known", name,
			version);
	if (le32_get(cert->usage) != usage)
		return err_set(err, -EINVAL, "%s certificate: this is a certificate for %s (0x%x)",
			name, sev_usage_name(le32_get(cert->usage)), le32_get(cert->usage));
	if (!algo_fits(le32_get(cert->algo), alg, usage))
		return err_set(err, -EINVAL, "%s certificate: algorithm 0x%x does not fit", name,
			le32_get(cert->algo));
	if (curve != (alg == ATTEST_CSV ? SEV_CURVE_SM2 : SEV_CURVE_P384))
		return err_set(err, -EINVAL, "%s certificate: curve %u, expected %s", name, curve,
			alg == ATTEST_CSV ? "SM2" : "P-384");
	if (alg == ATTEST_CSV && uid_len > KEY_UID_MAX)
		return err_set(err, -EINVAL, "%s certificate: user id of %u bytes, at most %u",
			name, uid_len, KEY_UID_MAX);
	r = key_from_point(kind_of(alg), cert->pubkey.qx, cert->pubkey.qy, out);
	if (r < 0)
		return err_set(err, r, "%s certificate: the key is not a point of its curve", name);
	if (alg == ATTEST_CSV)
		key_set_uid(*out, cert->pubkey.uid, uid_len);
	return 0;
}

int sev_cert_check(const struct sev_cert *cert, enum attest_alg alg, enum sev_usage usage,
	struct tvm_error *err)
{
	struct key *key;
	int r = sev_cert_key(cert, alg, usage, &key, err);

	if (!r)
		key_free(key);
	return r;
}

/* One slot against a key; the slot says the digest, the key's kind which algorithms may be. */
static int verify_slot(const struct sev_cert *cert, const struct sev_cert_sig *sig,
	const struct key *signer)
{
	enum key_kind kind = key_kind(signer);
	uint32_t algo = le32_get(sig->algo);

	if (kind == KEY_SM2 && algo == SEV_ALGO_SM2_SA)
		return key_verify(signer, KEY_SM3, cert, SEV_CERT_SIGNED, sig->r, sig->s);
	if (kind == KEY_P384 && (algo == SEV_ALGO_ECDSA_SHA256 || algo == SEV_ALGO_ECDSA_SHA384))
		return key_verify(signer, algo == SEV_ALGO_ECDSA_SHA256 ? KEY_SHA256 : KEY_SHA384,
			cert, SEV_CERT_SIGNED, sig->r, sig->s);
	if ((kind == KEY_RSA2048 && algo == SEV_ALGO_RSA_SHA256) ||
	    (kind == KEY_RSA4096 && algo == SEV_ALGO_RSA_SHA384))
		return key_verify_pss(signer, algo == SEV_ALGO_RSA_SHA256 ? KEY_SHA256 : KEY_SHA384,
			cert, SEV_CERT_SIGNED, sig->rsa, sizeof(sig->rsa));
	return -EBADMSG;
}

int sev_cert_verify(const struct sev_cert *cert, enum attest_alg alg, const struct key *signer,
	enum sev_usage signer_usage, struct tvm_error *err)
{
	const char *name = sev_usage_name(le32_get(cert->usage));
	bool seen = false;
	int r;

	for (unsigned int i = 0; i < 2; i++) {
		if (le32_get(cert->sig[i].usage) != signer_usage)
			continue;
		seen = true;
		r = verify_slot(cert, &cert->sig[i], signer);
		if (r != -EBADMSG)
			return r < 0 ? err_set(err, r, "%s certificate: cannot verify", name) : 0;
	}
	if (!seen)
		return err_set(err, -ENOENT, "%s certificate: not signed by any %s", name,
			sev_usage_name(signer_usage));
	return err_set(err, -EBADMSG, "%s certificate: the signature is not by this %s", name,
		sev_usage_name(signer_usage));
}

int sev_chain_verify(const struct sev_cert *pdh, const struct sev_cert_chain *chain,
	enum attest_alg alg, struct tvm_error *err)
{
	struct key *pek = NULL, *oca = NULL, *cek = NULL;
	int r = sev_cert_check(pdh, alg, SEV_USAGE_PDH, err);

	r = r < 0 ? r : sev_cert_key(&chain->pek, alg, SEV_USAGE_PEK, &pek, err);
	r = r < 0 ? r : sev_cert_key(&chain->oca, alg, SEV_USAGE_OCA, &oca, err);
	r = r < 0 ? r : sev_cert_key(&chain->cek, alg, SEV_USAGE_CEK, &cek, err);
	r = r < 0 ? r : sev_cert_verify(&chain->oca, alg, oca, SEV_USAGE_OCA, err);
	r = r < 0 ? r : sev_cert_verify(&chain->pek, alg, oca, SEV_USAGE_OCA, err);
	r = r < 0 ? r : sev_cert_verify(&chain->pek, alg, cek, SEV_USAGE_CEK, err);
	r = r < 0 ? r : sev_cert_verify(pdh, alg, pek, SEV_USAGE_PEK, err);
	key_free(pek);
	key_free(oca);
	key_free(cek);
	return r;
}
