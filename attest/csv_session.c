/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both sides of a CSV session. Layout, KDF and MACs are what Hygon's own public library writes.
 * Not settled by public sources, and decided here: a user_pubkey_digest of zeros (as that
 * library writes) is accepted and not compared, any other must be SM3 of the GODH certificate's
 * public key area; vm_digest is carried but not enforced.
 */
#include "attest/csv_session.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "tvm.h"

#define MASTER_LEN 32
#define MS_LEN (MASTER_LEN + KEY_SM2_OVERHEAD)

/* The KDF gives 32 bytes each; SM4 takes the first 16 of its key. */
struct wrap_keys {
	uint8_t kek[32];
	uint8_t kik[32];
};

int csv_session_master(const uint8_t z[16], const uint8_t nonce[16], uint8_t master[MASTER_LEN])
{
	return alg_kdf(ATTEST_CSV, z, 16, ALG_MASTER, nonce, 16, master, MASTER_LEN);
}

static int derive(const uint8_t master[MASTER_LEN], struct wrap_keys *keys)
{
	int r = alg_kdf(ATTEST_CSV, master, MASTER_LEN, ALG_KEK, NULL, 0, keys->kek, 32);

	return r < 0 ? r : alg_kdf(ATTEST_CSV, master, MASTER_LEN, ALG_KIK, NULL, 0, keys->kik, 32);
}

/* Unlike SEV's, this MAC covers the IV. */
static int wrap_mac(const struct csv_session *s, const uint8_t kik[32], uint8_t mac[ALG_HASH_LEN])
{
	const struct alg_part parts[] = { { s->wrap_iv, 16 }, { s->wrap_tk, 32 } };

	return alg_hmac(ATTEST_CSV, kik, 32, parts, 2, mac);
}

/* Policy, then everything from ms_enc to user_data. */
static int session_mac(const struct csv_session *s, const uint8_t tik[ALG_KEY_LEN],
	uint32_t policy, uint8_t mac[ALG_HASH_LEN])
{
	size_t from = offsetof(struct csv_session, ms_enc);
	le32 le = le32_make(policy);
	const struct alg_part parts[] = {
		{ &le, sizeof(le) }, { (const uint8_t *)s + from, CSV_SESSION_SIGNED - from },
	};

	return alg_hmac(ATTEST_CSV, tik, ALG_KEY_LEN, parts, 2, mac);
}

int csv_session_wrap(const uint8_t master[MASTER_LEN], const struct attest_tk *tk, uint32_t policy,
	struct csv_session *session)
{
	struct wrap_keys keys;
	int r = derive(master, &keys);

	r = r < 0 ? r : alg_ctr(ATTEST_CSV, keys.kek, session->wrap_iv, tk, session->wrap_tk,
		sizeof(session->wrap_tk));
	r = r < 0 ? r : wrap_mac(session, keys.kik, session->wrap_mac);
	r = r < 0 ? r : session_mac(session, tk->tik, policy, session->session_mac);
	OPENSSL_cleanse(&keys, sizeof(keys));
	return r;
}

int csv_session_unwrap(const uint8_t master[MASTER_LEN], const struct csv_session *session,
	uint32_t policy, struct attest_tk *tk)
{
	uint8_t mac[ALG_HASH_LEN];
	struct wrap_keys keys;
	struct attest_tk got;
	int r = derive(master, &keys);

	r = r < 0 ? r : wrap_mac(session, keys.kik, mac);
	if (!r && !alg_equal(mac, session->wrap_mac, sizeof(mac)))
		r = -EBADMSG;
	r = r < 0 ? r : alg_ctr(ATTEST_CSV, keys.kek, session->wrap_iv, session->wrap_tk, &got,
		sizeof(got));
	r = r < 0 ? r : session_mac(session, got.tik, policy, mac);
	if (!r && !alg_equal(mac, session->session_mac, sizeof(mac)))
		r = -EBADMSG;
	if (!r)
		*tk = got;
	OPENSSL_cleanse(&keys, sizeof(keys));
	OPENSSL_cleanse(&got, sizeof(got));
	OPENSSL_cleanse(mac, sizeof(mac));
	return r;
}

/* The owner's signature has fields of 32 bytes, certificates of 72. */
static int sign(struct csv_session *s, const struct key *own)
{
	uint8_t sig_r[KEY_FIELD], sig_s[KEY_FIELD];
	int r = key_sign(own, KEY_SM3, s, CSV_SESSION_SIGNED, sig_r, sig_s);

	if (!r) {
		memcpy(s->sig_r, sig_r, sizeof(s->sig_r));
		memcpy(s->sig_s, sig_s, sizeof(s->sig_s));
	}
	return r;
}

static int verify(const struct csv_session *s, const struct key *peer)
{
	uint8_t sig_r[KEY_FIELD] = { 0 }, sig_s[KEY_FIELD] = { 0 };

	memcpy(sig_r, s->sig_r, sizeof(s->sig_r));
	memcpy(sig_s, s->sig_s, sizeof(s->sig_s));
	return key_verify(peer, KEY_SM3, s, CSV_SESSION_SIGNED, sig_r, sig_s);
}

static int verify_digest(const struct csv_session *s, const struct sev_cert *godh)
{
	static const uint8_t none[32];
	struct alg_part part = { &godh->pubkey, sizeof(godh->pubkey) };
	uint8_t digest[ALG_HASH_LEN];
	int r;

	if (!memcmp(s->user_pubkey_digest, none, sizeof(none)))
		return 0;
	r = alg_hash(ATTEST_CSV, &part, 1, digest);
	return r < 0 ? r : memcmp(digest, s->user_pubkey_digest, sizeof(digest)) ? -EBADMSG : 0;
}

int csv_session_create(const struct sev_cert *pdh, uint32_t policy,
	const struct csv_session_info *info, struct csv_session *session, struct sev_cert *godh,
	struct attest_tk *tk, struct tvm_error *err)
{
	struct csv_session s = { 0 };
	struct key *peer, *own = NULL;
	uint8_t z[16], master[MASTER_LEN];
	struct sev_cert made_godh;
	struct attest_tk made;
	int r = sev_cert_key(pdh, ATTEST_CSV, SEV_USAGE_PDH, &peer, err);

	if (r < 0)
		return r;
	if (info) {
		memcpy(s.vm_digest, info->vm_digest, sizeof(s.vm_digest));
		memcpy(s.vm_id, info->vm_id, sizeof(s.vm_id));
		memcpy(s.vm_version, info->vm_version, sizeof(s.vm_version));
		memcpy(s.user_data, info->user_data, sizeof(s.user_data));
	}
	r = key_generate(KEY_SM2, &own);
	r = r < 0 ? r : key_set_uid(own, CSV_USER_UID, strlen(CSV_USER_UID));
	r = r < 0 ? r : sev_cert_build(&made_godh, ATTEST_CSV, SEV_USAGE_PDH, own, pdh->api_major,
		pdh->api_minor);
	r = r < 0 ? r : alg_random(z, sizeof(z));
	r = r < 0 ? r : alg_random(&made, sizeof(made));
	r = r < 0 ? r : alg_random(s.nonce, sizeof(s.nonce));
	r = r < 0 ? r : alg_random(s.wrap_iv, sizeof(s.wrap_iv));
	r = r < 0 ? r : csv_session_master(z, s.nonce, master);
	r = r < 0 ? r : key_sm2_encrypt(peer, master, sizeof(master), s.ms_enc, sizeof(s.ms_enc));
	r = r < 0 ? r : csv_session_wrap(master, &made, policy, &s);
	r = r < 0 ? r : sign(&s, own);
	if (r < 0) {
		err_set(err, r, "session: libcrypto failed");
	} else {
		*session = s;
		*godh = made_godh;
		*tk = made;
	}
	OPENSSL_cleanse(z, sizeof(z));
	OPENSSL_cleanse(master, sizeof(master));
	OPENSSL_cleanse(&made, sizeof(made));
	key_free(own);
	key_free(peer);
	return r;
}

int csv_session_open(const struct csv_session *session, const struct sev_cert *godh,
	const struct key *pdh, uint32_t policy, struct attest_tk *tk, struct tvm_error *err)
{
	uint8_t master[MASTER_LEN];
	struct key *peer;
	int r = sev_cert_key(godh, ATTEST_CSV, SEV_USAGE_PDH, &peer, err);

	if (r < 0)
		return r;
	r = verify(session, peer);
	r = r < 0 ? r : verify_digest(session, godh);
	key_free(peer);
	if (r == -EBADMSG)
		return err_set(err, r, "session: not signed by the key of the owner's certificate");
	r = r < 0 ? r : key_sm2_decrypt(pdh, session->ms_enc, MS_LEN, master, sizeof(master));
	r = r < 0 ? r : csv_session_unwrap(master, session, policy, tk);
	OPENSSL_cleanse(master, sizeof(master));
	if (r == -EBADMSG)
		return err_set(err, r, "session: made for another platform key or policy, or "
			"changed on its way");
	return r < 0 ? err_set(err, r, "session: libcrypto failed") : 0;
}
