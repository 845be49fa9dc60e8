/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV attestation report (version 1), which the guest asks the processor for. Its first part,
 * the PEK certificate and the serial number are stored XORed word by word with anonce; the
 * signature covers the bytes as stored.
 */
#ifndef ATTEST_CSV_REPORT_H
#define ATTEST_CSV_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "attest/alg.h"
#include "attest/sev_cert.h"
#include "base/le.h"

struct csv_report {
	uint8_t user_pubkey_digest[32];
	uint8_t vm_id[16];
	uint8_t vm_version[16];
	uint8_t user_data[64];
	uint8_t mnonce[16];
	uint8_t measure[32];		/* SM3 launch digest, no HMAC */
	le32 policy;
	le32 sig_usage;
	le32 sig_algo;
	le32 anonce;
	uint8_t r[KEY_FIELD];
	uint8_t s[KEY_FIELD];
	struct sev_cert pek;
	uint8_t serial[64];		/* of the chip: text, NUL padded */
	uint8_t zero[32];
	uint8_t mac[32];
};

#define CSV_REPORT_LEN 2548
#define CSV_REPORT_SIGNED 0xb4
_Static_assert(sizeof(struct csv_report) == CSV_REPORT_LEN, "report layout");
_Static_assert(offsetof(struct csv_report, sig_usage) == CSV_REPORT_SIGNED, "report layout");

/* Undo (or do) the XOR: the fields of a stored report become readable. */
void csv_report_decode(const struct csv_report *stored, struct csv_report *out);

/*
 * Check MAC, the PEK certificate's fields, and the signature by that certificate. The chain
 * above the PEK is the caller's: sev_cert_verify() with its CEK. out: decoded.
 */
int csv_report_verify(const struct csv_report *stored, struct csv_report *out,
	struct tvm_error *err);

/* Processor: everything but signature, MAC and XOR is set in plain; make it the stored form. */
int csv_report_sign(struct csv_report *report, const struct key *pek);

#endif
