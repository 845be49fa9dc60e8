/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/csv_report.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "tvm.h"

/* The MAC covers certificate, serial number and what is zero, as stored. */
#define MAC_FROM offsetof(struct csv_report, pek)
#define MAC_LEN (offsetof(struct csv_report, mac) - MAC_FROM)

static void xor_words(void *p, size_t len, le32 mask)
{
	uint8_t *b = p;

	for (size_t i = 0; i < len; i++)
		b[i] ^= mask.b[i % 4];
}

void csv_report_decode(const struct csv_report *stored, struct csv_report *out)
{
	*out = *stored;
	xor_words(out, offsetof(struct csv_report, anonce), stored->anonce);
	xor_words(&out->pek, sizeof(out->pek), stored->anonce);
	xor_words(out->serial, sizeof(out->serial), stored->anonce);
}

static int mac_of(const struct csv_report *stored, const uint8_t mnonce[16],
	uint8_t mac[ALG_HASH_LEN])
{
	struct alg_part part = { (const uint8_t *)stored + MAC_FROM, MAC_LEN };

	return alg_hmac(ATTEST_CSV, mnonce, 16, &part, 1, mac);
}

int csv_report_verify(const struct csv_report *stored, struct csv_report *out,
	struct tvm_error *err)
{
	uint8_t mac[ALG_HASH_LEN];
	struct csv_report plain;
	struct key *key;
	int r;

	csv_report_decode(stored, &plain);
	r = mac_of(stored, plain.mnonce, mac);
	if (r < 0)
		return err_set(err, r, "report: libcrypto failed");
	if (!alg_equal(mac, stored->mac, sizeof(mac)))
		return err_set(err, -EBADMSG, "report: the MAC over its certificate is wrong");
	if (le32_get(plain.sig_usage) != SEV_USAGE_PEK ||
	    le32_get(plain.sig_algo) != SEV_ALGO_SM2_SA)
		return err_set(err, -EINVAL, "report: usage 0x%x with algorithm 0x%x, expected a "
			"PEK with SM2", le32_get(plain.sig_usage), le32_get(plain.sig_algo));
	r = sev_cert_key(&plain.pek, ATTEST_CSV, SEV_USAGE_PEK, &key, err);
	if (r < 0)
		return r;
	r = key_verify(key, KEY_SM3, stored, CSV_REPORT_SIGNED, stored->r, stored->s);
	key_free(key);
	if (r < 0)
		return err_set(err, r, "report: the signature is not by its PEK");
	*out = plain;
	return 0;
}

int csv_report_sign(struct csv_report *report, const struct key *pek)
{
	uint8_t mnonce[16];
	struct csv_report made;
	int r;

	report->sig_usage = le32_make(SEV_USAGE_PEK);
	report->sig_algo = le32_make(SEV_ALGO_SM2_SA);
	memcpy(mnonce, report->mnonce, sizeof(mnonce));
	csv_report_decode(report, &made);
	r = key_sign(pek, KEY_SM3, &made, CSV_REPORT_SIGNED, made.r, made.s);
	r = r < 0 ? r : mac_of(&made, mnonce, made.mac);
	if (!r)
		*report = made;
	return r;
}
