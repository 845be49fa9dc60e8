/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the software platform is told from hardware: the key ids in the certificates of its root
 * pair, or the implementation id of a realm's platform token. Nothing that carries them may
 * verify unless the user allows it explicitly.
 */
#ifndef ATTEST_SOFT_ID_H
#define ATTEST_SOFT_ID_H

#define SOFT_KEY_ID "tvm soft platfrm"		/* ARK or HRK: 16 bytes, without the NUL */
#define SOFT_ASK_ID "tvm soft signing"		/* ASK or HSK */
#define SOFT_NAME "tvm soft platform: not confidential"
/* Realms: start of the implementation id in platform tokens; 32 bytes with zeros behind it. */
#define SOFT_CCA_IMPL_ID "tvm soft: not confidential"

_Static_assert(sizeof(SOFT_KEY_ID) == 17 && sizeof(SOFT_ASK_ID) == 17, "16 bytes each");

/*
 * Files in a software platform's directory that tvm-attest reads; the layout of the hardware's
 * exports. Its private keys live beside them under names of its own.
 */
#define SOFT_FILE_PDH "pdh.cert"		/* 2084 bytes */
#define SOFT_FILE_CHAIN "cert_chain.cert"	/* PEK || OCA || CEK, 6252 bytes */
#define SOFT_FILE_ROOTS "ask_ark.cert"		/* ASK || ARK (CSV: HSK || HRK) */
#define SOFT_FILE_STATUS "status.json"		/* one object, see docs/man/tvm-attest.1 */
#define SOFT_FILE_CPAK "cpak.pem"		/* realms: the public key of platform tokens */

#endif
