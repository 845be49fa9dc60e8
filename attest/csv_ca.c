/* SPDX-License-Identifier: Apache-2.0 */
/* Hygon's two upper certificates: 832 bytes, of which 576 are signed with SM2. */
#include "attest/csv_ca.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/le.h"
#include "tvm.h"

struct csv_ca {
	le32 version;
	uint8_t key_id[SEV_CA_ID_LEN];
	uint8_t certifying_id[SEV_CA_ID_LEN];
	le32 usage;
	uint8_t zero[24];
	le32 curve;
	uint8_t qx[KEY_FIELD];
	uint8_t qy[KEY_FIELD];
	le16 uid_len;
	uint8_t uid[KEY_UID_MAX];
	uint8_t zero2[108];
	uint8_t r[KEY_FIELD];
	uint8_t s[KEY_FIELD];
	uint8_t zero3[112];
};

#define SIGNED_LEN 576
_Static_assert(sizeof(struct csv_ca) == CSV_CA_LEN, "CA certificate layout");
_Static_assert(offsetof(struct csv_ca, r) == SIGNED_LEN, "CA certificate layout");

/* The published root; coordinates little-endian as in its certificate. */
static const char hrk_uid[] = "HYGON-SSD-HRK";
static const uint8_t hrk_id[SEV_CA_ID_LEN] = {
	0x3a, 0xe8, 0x6a, 0x97, 0x01, 0x35, 0x5c, 0xce,
	0x33, 0x3a, 0x58, 0x9d, 0xe2, 0x15, 0x83, 0xd7,
};
static const uint8_t hrk_x[32] = {
	0x2d, 0xf6, 0xc2, 0x92, 0x1d, 0xf2, 0xf5, 0x2a,
	0x50, 0x1f, 0xcd, 0x85, 0xe7, 0x35, 0x09, 0xc8,
	0x75, 0x3a, 0x56, 0x09, 0xdb, 0x02, 0xd7, 0xf3,
	0x4c, 0xf1, 0xa4, 0x62, 0x4d, 0xe1, 0x62, 0xbe,
};
static const uint8_t hrk_y[32] = {
	0x46, 0xb9, 0x1e, 0xb4, 0x68, 0x4d, 0x74, 0x38,
	0x47, 0x88, 0xbe, 0xb9, 0x10, 0x0c, 0x64, 0x4a,
	0x38, 0x95, 0x4e, 0x16, 0x97, 0x8b, 0x4f, 0x58,
	0x15, 0x70, 0xbb, 0x57, 0x3a, 0x12, 0xab, 0x3b,
};

static int sm2_key(const struct csv_ca *c, struct key **out)
{
	size_t uid_len = le16_get(c->uid_len);
	int r;

	if (le32_get(c->curve) != SEV_CURVE_SM2 || uid_len > KEY_UID_MAX)
		return -EINVAL;
	r = key_from_point(KEY_SM2, c->qx, c->qy, out);
	return r < 0 ? r : key_set_uid(*out, c->uid, uid_len);
}

int csv_ca_parse(struct sev_ca *ca, const uint8_t *data, size_t len, struct tvm_error *err)
{
	struct csv_ca c;
	int r;

	if (len < sizeof(c))
		return err_set(err, -EINVAL, "CA certificate: %zu bytes, expected %zu", len,
			sizeof(c));
	memcpy(&c, data, sizeof(c));
	ca->usage = le32_get(c.usage);
	if (ca->usage != SEV_USAGE_ASK && ca->usage != SEV_USAGE_ARK)
		return err_set(err, -EINVAL, "CA certificate: usage 0x%x is neither HSK nor HRK",
			(unsigned int)ca->usage);
	r = sm2_key(&c, &ca->key);
	if (r < 0)
		return err_set(err, r, "CA certificate: no valid SM2 key");
	memcpy(ca->key_id, c.key_id, SEV_CA_ID_LEN);
	memcpy(ca->certifying_id, c.certifying_id, SEV_CA_ID_LEN);
	memcpy(ca->raw, data, sizeof(c));
	ca->len = sizeof(c);
	return (int)sizeof(c);
}

int csv_ca_verify(const struct sev_ca *ca, const struct sev_ca *signer)
{
	struct csv_ca c;

	memcpy(&c, ca->raw, sizeof(c));
	return key_verify(signer->key, KEY_SM3, &c, SIGNED_LEN, c.r, c.s);
}

bool csv_ca_is_hrk(const struct sev_ca *ca)
{
	struct csv_ca c;

	memcpy(&c, ca->raw, sizeof(c));
	return !memcmp(c.key_id, hrk_id, sizeof(hrk_id)) && !memcmp(c.qx, hrk_x, sizeof(hrk_x)) &&
		!memcmp(c.qy, hrk_y, sizeof(hrk_y));
}

int csv_ca_hrk(struct sev_ca *ca)
{
	struct csv_ca c = {
		.version = le32_make(1),
		.usage = le32_make(SEV_USAGE_ARK),
		.curve = le32_make(SEV_CURVE_SM2),
		.uid_len = le16_make(sizeof(hrk_uid) - 1),
	};
	uint8_t data[CSV_CA_LEN];

	memcpy(c.key_id, hrk_id, sizeof(hrk_id));
	memcpy(c.certifying_id, hrk_id, sizeof(hrk_id));
	memcpy(c.qx, hrk_x, sizeof(hrk_x));
	memcpy(c.qy, hrk_y, sizeof(hrk_y));
	memcpy(c.uid, hrk_uid, sizeof(hrk_uid) - 1);
	memcpy(data, &c, sizeof(c));
	return csv_ca_parse(ca, data, sizeof(data), NULL);
}

int csv_ca_build(uint8_t *out, enum sev_usage usage, const struct key *key, const uint8_t *key_id,
	const struct key *signer, const uint8_t *certifying_id)
{
	struct csv_ca c = {
		.version = le32_make(1),
		.usage = le32_make(usage),
		.curve = le32_make(SEV_CURVE_SM2),
	};
	const uint8_t *uid;
	size_t uid_len;
	int r;

	if (key_kind(key) != KEY_SM2 || key_kind(signer) != KEY_SM2)
		return -EINVAL;
	memcpy(c.key_id, key_id, sizeof(c.key_id));
	memcpy(c.certifying_id, certifying_id, sizeof(c.certifying_id));
	uid = key_uid(key, &uid_len);
	memcpy(c.uid, uid, uid_len);
	c.uid_len = le16_make((uint16_t)uid_len);
	r = key_point(key, c.qx, c.qy);
	r = r < 0 ? r : key_sign(signer, KEY_SM3, &c, SIGNED_LEN, c.r, c.s);
	if (r < 0)
		return r;
	memcpy(out, &c, sizeof(c));
	return (int)sizeof(c);
}
