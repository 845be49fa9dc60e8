/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity of a software processor: key pairs and certificates.
 *
 *	ARK -> ASK -> CEK -> PEK -> PDH		OCA -> OCA, OCA -> PEK
 *
 * Roots are made and used once: their private halves are gone when keys_open() returns, as
 * AMD's and Hygon's are nowhere on a chip. The rest is kept in the directory: one file with all
 * private keys, so that no crash leaves keys of two generations, and the certificates as
 * tvm-attest reads them (attest/soft_id.h).
 */
#ifndef TEE_CSV_SOFT_KEYS_H
#define TEE_CSV_SOFT_KEYS_H

#include "attest/sev_ca.h"
#include "attest/sev_cert.h"
#include "tee/csv/soft/soft.h"

struct soft_keys {
	const struct soft_model *model;
	char *dir;			/* owned; NULL: for this run only */
	struct key *cek, *pek, *pdh;	/* owned, private */
	struct key *oca;		/* owned; NULL while somebody else owns the platform */
	bool owned;			/* externally, by PEK_CERT_IMPORT */
	uint8_t chip_id[SOFT_CHIP_ID_LEN];
	struct sev_cert pdh_cert;
	struct sev_cert_chain chain;
	size_t roots_len;		/* 0: not made yet, see keys_certify() */
	uint8_t roots[SEV_CA_PAIR_MAX];
};

/*
 * Keys of the directory, which is made, with new keys, when absent or empty. dir NULL: new ones
 * that are never written. A file that is damaged, of another algorithm set or of somebody
 * else's platform is an error that names it.
 */
int keys_open(const char *dir, const struct soft_model *model, struct soft_keys **out,
	struct tvm_error *err);
void keys_free(struct soft_keys *keys); /* wiped; NULL is fine */

/*
 * Replace keys, each with all that hangs below it; *keys is the new set afterwards and the
 * files are written. On failure nothing has changed.
 */
int keys_new_pdh(struct soft_keys **keys);
int keys_new_pek(struct soft_keys **keys);
int keys_reset(struct soft_keys **keys);	/* new OCA, PEK, PDH; chip and CEK stay */
int keys_import(struct soft_keys **keys, const struct sev_cert *pek, const struct sev_cert *oca);

/* For keydir.c: everything new; with roots, unless the platform is for one run. */
int keys_make(const struct soft_model *model, bool roots, struct soft_keys **out);

/* keyfile.c: a second set of the same keys, to be changed and then put in place of the first. */
int keys_copy(const struct soft_keys *keys, struct soft_keys **out);
/* keydir.c: write all files. Nothing, and 0, for a platform of one run. */
int keys_save(const struct soft_keys *keys, struct tvm_error *err);

/*
 * Roots and the CEK's signature, where keys_open() left them out: RSA keys take long, and a
 * platform of one run seldom shows its chain.
 */
int keys_certify(struct soft_keys *keys);

#endif
