/* SPDX-License-Identifier: Apache-2.0 */
/* Both sides of a SEV session. */
#include "attest/sev_session.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/err.h"
#include "tvm.h"

struct wrap_keys {
	uint8_t kek[ALG_KEY_LEN];
	uint8_t kik[ALG_KEY_LEN];
};

static int derive(const uint8_t *z, size_t z_len, const uint8_t nonce[16], struct wrap_keys *keys)
{
	uint8_t master[ALG_KEY_LEN];
	int r;

	r = alg_kdf(ATTEST_SEV, z, z_len, ALG_MASTER, nonce, 16, master, sizeof(master));
	if (!r)
		r = alg_kdf(ATTEST_SEV, master, sizeof(master), ALG_KEK, NULL, 0, keys->kek,
			sizeof(keys->kek));
	if (!r)
		r = alg_kdf(ATTEST_SEV, master, sizeof(master), ALG_KIK, NULL, 0, keys->kik,
			sizeof(keys->kik));
	OPENSSL_cleanse(master, sizeof(master));
	return r;
}

static int policy_mac(const uint8_t tik[ALG_KEY_LEN], uint32_t policy, uint8_t mac[ALG_HASH_LEN])
{
	le32 le = le32_make(policy);
	struct alg_part part = { &le, sizeof(le) };

	return alg_hmac(ATTEST_SEV, tik, ALG_KEY_LEN, &part, 1, mac);
}

int sev_session_wrap(const uint8_t *z, size_t z_len, const struct sev_session_seed *seed,
	uint32_t policy, struct sev_session *session)
{
	struct alg_part wrapped = { session->wrap_tk, sizeof(session->wrap_tk) };
	struct wrap_keys keys;
	int r = derive(z, z_len, seed->nonce, &keys);

	memcpy(session->nonce, seed->nonce, sizeof(session->nonce));
	memcpy(session->wrap_iv, seed->wrap_iv, sizeof(session->wrap_iv));
	if (!r)
		r = alg_ctr(ATTEST_SEV, keys.kek, seed->wrap_iv, &seed->tk, session->wrap_tk,
			sizeof(session->wrap_tk));
	if (!r)
		r = alg_hmac(ATTEST_SEV, keys.kik, sizeof(keys.kik), &wrapped, 1,
			session->wrap_mac);
	if (!r)
		r = policy_mac(seed->tk.tik, policy, session->policy_mac);
	OPENSSL_cleanse(&keys, sizeof(keys));
	return r;
}

int sev_session_unwrap(const uint8_t *z, size_t z_len, const struct sev_session *session,
	uint32_t policy, struct attest_tk *tk)
{
	struct alg_part wrapped = { session->wrap_tk, sizeof(session->wrap_tk) };
	uint8_t mac[ALG_HASH_LEN];
	struct wrap_keys keys;
	struct attest_tk got;
	int r = derive(z, z_len, session->nonce, &keys);

	if (!r)
		r = alg_hmac(ATTEST_SEV, keys.kik, sizeof(keys.kik), &wrapped, 1, mac);
	if (!r && !alg_equal(mac, session->wrap_mac, sizeof(mac)))
		r = -EBADMSG;
	if (!r)
		r = alg_ctr(ATTEST_SEV, keys.kek, session->wrap_iv, session->wrap_tk, &got,
			sizeof(got));
	if (!r)
		r = policy_mac(got.tik, policy, mac);
	if (!r && !alg_equal(mac, session->policy_mac, sizeof(mac)))
		r = -EBADMSG;
	if (!r)
		*tk = got;
	OPENSSL_cleanse(&keys, sizeof(keys));
	OPENSSL_cleanse(&got, sizeof(got));
	OPENSSL_cleanse(mac, sizeof(mac));
	return r;
}

int sev_session_create(const struct sev_cert *pdh, uint32_t policy, struct sev_session *session,
	struct sev_cert *godh, struct attest_tk *tk, struct tvm_error *err)
{
	struct sev_session made_session;
	struct sev_session_seed seed;
	struct sev_cert made_godh;
	struct key *peer, *own = NULL;
	uint8_t z[KEY_Z_LEN];
	int r = sev_cert_key(pdh, ATTEST_SEV, SEV_USAGE_PDH, &peer, err);

	if (r < 0)
		return r;
	r = key_generate(KEY_P384, &own);
	r = r < 0 ? r : sev_cert_build(&made_godh, ATTEST_SEV, SEV_USAGE_PDH, own,
		pdh->api_major, pdh->api_minor);
	r = r < 0 ? r : key_ecdh(own, peer, z);
	r = r < 0 ? r : alg_random(&seed, sizeof(seed));
	r = r < 0 ? r : sev_session_wrap(z, sizeof(z), &seed, policy, &made_session);
	if (r < 0) {
		err_set(err, r, "session: libcrypto failed");
	} else {
		*session = made_session;
		*godh = made_godh;
		*tk = seed.tk;
	}
	OPENSSL_cleanse(z, sizeof(z));
	OPENSSL_cleanse(&seed, sizeof(seed));
	key_free(own);
	key_free(peer);
	return r;
}

int sev_session_open(const struct sev_session *session, const struct sev_cert *godh,
	const struct key *pdh, uint32_t policy, struct attest_tk *tk, struct tvm_error *err)
{
	uint8_t z[KEY_Z_LEN];
	struct key *peer;
	int r = sev_cert_key(godh, ATTEST_SEV, SEV_USAGE_PDH, &peer, err);

	if (r < 0)
		return r;
	r = key_ecdh(pdh, peer, z);
	key_free(peer);
	if (!r)
		r = sev_session_unwrap(z, sizeof(z), session, policy, tk);
	OPENSSL_cleanse(z, sizeof(z));
	if (r == -EBADMSG)
		return err_set(err, r, "session: a MAC is wrong: made for another platform key or "
			"policy, or changed on its way");
	return r < 0 ? err_set(err, r, "session: libcrypto failed") : 0;
}
