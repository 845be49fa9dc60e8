/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 2084-byte certificate of a secure processor: PDH, PEK, OCA, CEK, and the owner's GODH.
 * AMD and Hygon share the frame (SEV API 1.51, appendix C); keys and signatures differ and
 * follow from the algorithm set. Two signature slots cover the same bytes; their order has no
 * meaning, the usage in the slot says who signed.
 *
 *	0x000 version, api, usage, algo     0x010 public key     0x414 slot 0     0x61c slot 1
 *	|<------------- signed: 0x000 .. 0x413 ---------->|
 */
#ifndef ATTEST_SEV_CERT_H
#define ATTEST_SEV_CERT_H

#include <stddef.h>
#include <stdint.h>

#include "attest/alg.h"
#include "attest/key.h"
#include "base/le.h"

struct tvm_error;

enum sev_usage {
	SEV_USAGE_ARK = 0x0,	/* Hygon: HRK */
	SEV_USAGE_ASK = 0x13,	/* Hygon: HSK */
	SEV_USAGE_INVALID = 0x1000,
	SEV_USAGE_OCA = 0x1001,
	SEV_USAGE_PEK = 0x1002,
	SEV_USAGE_PDH = 0x1003,
	SEV_USAGE_CEK = 0x1004,
};

enum sev_algo {
	SEV_ALGO_INVALID = 0,
	SEV_ALGO_RSA_SHA256 = 0x1,
	SEV_ALGO_ECDSA_SHA256 = 0x2,
	SEV_ALGO_ECDH_SHA256 = 0x3,
	SEV_ALGO_SM2_SA = 0x4,
	SEV_ALGO_SM2_DH = 0x5,
	SEV_ALGO_RSA_SHA384 = 0x101,
	SEV_ALGO_ECDSA_SHA384 = 0x102,
	SEV_ALGO_ECDH_SHA384 = 0x103,
};

enum sev_curve { SEV_CURVE_P256 = 1, SEV_CURVE_P384 = 2, SEV_CURVE_SM2 = 3 };

struct sev_pubkey {
	le32 curve;
	uint8_t qx[KEY_FIELD];		/* little-endian */
	uint8_t qy[KEY_FIELD];
	le16 uid_len;			/* from here on: SM2 only, else zero */
	uint8_t uid[KEY_UID_MAX];
	uint8_t sid[16];		/* CEK: key id of its HSK */
	uint8_t zero[608];
};

struct sev_cert_sig {
	le32 usage;			/* of the signing key; SEV_USAGE_INVALID: empty */
	le32 algo;
	union {
		struct {
			uint8_t r[KEY_FIELD];
			uint8_t s[KEY_FIELD];
		};
		uint8_t rsa[KEY_RSA_FIELD];
	};
};

struct sev_cert {
	le32 version;
	uint8_t api_major;
	uint8_t api_minor;
	uint8_t zero[2];
	le32 usage;
	le32 algo;
	struct sev_pubkey pubkey;
	struct sev_cert_sig sig[2];
};

#define SEV_CERT_LEN 2084
#define SEV_CERT_SIGNED 0x414
_Static_assert(sizeof(struct sev_cert) == SEV_CERT_LEN, "certificate layout");
_Static_assert(offsetof(struct sev_cert, sig) == SEV_CERT_SIGNED, "certificate layout");

/* What the processor exports beside its PDH. */
struct sev_cert_chain {
	struct sev_cert pek;
	struct sev_cert oca;
	struct sev_cert cek;
};

/* "PDH", "CEK", ...; "unknown" for other numbers. */
const char *sev_usage_name(uint32_t usage);

/*
 * A certificate of key's public part with both slots empty: PDH for key exchange, the others
 * for signatures. For CSV the key's SM2 user id goes in. -EINVAL: key of the other set.
 */
int sev_cert_build(struct sev_cert *cert, enum attest_alg alg, enum sev_usage usage,
	const struct key *key, uint8_t api_major, uint8_t api_minor);

/* Sign into slot 0 or 1. An RSA key (ASK) signs with PSS, others as their set does. */
int sev_cert_sign(struct sev_cert *cert, enum attest_alg alg, unsigned int slot,
	enum sev_usage signer_usage, const struct key *signer);

/* Fields, curve and point; no signature. -EINVAL, err names the certificate and the field. */
int sev_cert_check(const struct sev_cert *cert, enum attest_alg alg, enum sev_usage usage,
	struct tvm_error *err);

/* The public key of a certificate that passes sev_cert_check(). */
int sev_cert_key(const struct sev_cert *cert, enum attest_alg alg, enum sev_usage usage,
	struct key **out, struct tvm_error *err);

/*
 * Whether signer (of usage signer_usage) signed cert. -EBADMSG: signature wrong; -ENOENT: cert
 * has no slot for such a signer. A RSA signer is an ASK, see sev_ca.h.
 */
int sev_cert_verify(const struct sev_cert *cert, enum attest_alg alg, const struct key *signer,
	enum sev_usage signer_usage, struct tvm_error *err);

/*
 * PDH <- PEK <- (OCA, CEK) and OCA <- OCA, all fields checked. Says nothing about who made the
 * CEK: sev_roots_verify() in sev_ca.h goes on from here.
 */
int sev_chain_verify(const struct sev_cert *pdh, const struct sev_cert_chain *chain,
	enum attest_alg alg, struct tvm_error *err);

#endif
