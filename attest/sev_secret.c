/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/sev_secret.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "tvm.h"

#define CONTEXT_SECRET 0x01	/* keeps this MAC apart from a measurement's */
#define FLAG_COMPRESSED 0x1

static int mac_of(enum attest_alg alg, const struct attest_tk *tk,
	const uint8_t measure[ALG_HASH_LEN], const struct sev_secret_header *header,
	const void *trans, size_t trans_len, size_t guest_len, uint8_t mac[ALG_HASH_LEN])
{
	const uint8_t context = CONTEXT_SECRET;
	le32 guest = le32_make((uint32_t)guest_len), trans32 = le32_make((uint32_t)trans_len);
	const struct alg_part parts[] = {
		{ &context, 1 },
		{ &header->flags, sizeof(header->flags) },
		{ header->iv, sizeof(header->iv) },
		{ &guest, sizeof(guest) },
		{ &trans32, sizeof(trans32) },
		{ trans, trans_len },
		{ measure, ALG_HASH_LEN },
	};

	return alg_hmac(alg, tk->tik, sizeof(tk->tik), parts, 7, mac);
}

static bool good_len(size_t len)
{
	return len && len <= SEV_SECRET_MAX && !(len % 16);
}

int sev_secret_seal(enum attest_alg alg, const struct attest_tk *tk,
	const uint8_t measure[ALG_HASH_LEN], uint32_t flags, const uint8_t *iv, const void *text,
	size_t len, struct sev_secret_header *header, void *out, struct tvm_error *err)
{
	struct sev_secret_header h = { .flags = le32_make(flags) };
	int r = 0;

	if (!good_len(len))
		return err_set(err, -EINVAL, "secret: %zu bytes; a packet has a multiple of 16, up "
			"to %u", len, SEV_SECRET_MAX);
	if (flags & FLAG_COMPRESSED)
		return err_set(err, -EINVAL, "secret: compressed packets are not supported");
	if (iv)
		memcpy(h.iv, iv, sizeof(h.iv));
	else
		r = alg_random(h.iv, sizeof(h.iv));
	r = r < 0 ? r : alg_ctr(alg, tk->tek, h.iv, text, out, len);
	r = r < 0 ? r : mac_of(alg, tk, measure, &h, out, len, len, h.mac);
	if (r < 0)
		return err_set(err, r, "secret: libcrypto failed");
	*header = h;
	return 0;
}

int sev_secret_open(enum attest_alg alg, const struct attest_tk *tk,
	const uint8_t measure[ALG_HASH_LEN], const struct sev_secret_header *header,
	const void *trans, size_t trans_len, void *out, size_t guest_len, struct tvm_error *err)
{
	uint8_t mac[ALG_HASH_LEN];
	int r;

	if (!good_len(trans_len) || guest_len != trans_len)
		return err_set(err, -EINVAL, "secret: %zu bytes for %zu; a packet has a multiple "
			"of 16, up to %u", trans_len, guest_len, SEV_SECRET_MAX);
	if (le32_get(header->flags) & FLAG_COMPRESSED)
		return err_set(err, -EINVAL, "secret: compressed packets are not supported");
	r = mac_of(alg, tk, measure, header, trans, trans_len, guest_len, mac);
	if (!r && !alg_equal(mac, header->mac, sizeof(mac)))
		return err_set(err, -EBADMSG, "secret: the MAC is wrong: other keys, another "
			"launch, or changed on its way");
	r = r < 0 ? r : alg_ctr(alg, tk->tek, header->iv, trans, out, trans_len);
	return r < 0 ? err_set(err, r, "secret: libcrypto failed") : 0;
}
