/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The software secure processor, inside. Two halves with the same border as in real life:
 *
 *	csv.c -> op.c  what the Linux kernel does with an ioctl: copies, limits, errno
 *	           |
 *	         psp.h  what the firmware does with a command: states, keys, status codes
 *
 * A struct soft_psp is one processor: an identity (keys), a platform state and a table of
 * guests. sev_backend_soft_open() makes one for each machine; machines with the same directory
 * share the identity and nothing else. Tests put several machines on one processor.
 *
 * Threads: nothing here is locked. A processor and all machines on it belong to one thread at a
 * time. Different processors are independent, also on the same directory: store.c holds a lock
 * on it while files are read or changed.
 *
 * Results: 0, a negative errno when the host or the kernel's half refuses, or a positive
 * enum sev_status, the firmware's answer. op.c turns the latter into -EIO and *status.
 * A command that fails changes nothing.
 */
#ifndef TEE_CSV_SOFT_SOFT_H
#define TEE_CSV_SOFT_SOFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/alg.h"
#include "attest/sev_cert.h"
#include "attest/sev_measure.h"
#include "tee/csv/backend.h"

struct soft_keys;
struct soft_psp;

/*
 * Limits of the processor. Real ones: 15 ASIDs (first EPYC) to 1006, guests bounded by memory.
 * Small here, so that tests reach them: ASIDs 1 to 4 are for encrypted-state guests, the rest
 * for the others, as CPUID 0x8000001f EDX - 1 and ECX say on hardware.
 */
#define SOFT_MAX_ASID 24
#define SOFT_MIN_SEV_ASID 5
#define SOFT_MAX_GUESTS 16
#define SOFT_MAX_SECRETS 64		/* packets of a launch: replay memory is bounded */
#define SOFT_CHIP_ID_LEN 64		/* one socket */

#define BIT_U32(n) (1U << (n))
#define SOFT_FLAG_OWNED BIT_U32(0)	/* PLATFORM_STATUS flags */
#define SOFT_FLAG_ES BIT_U32(8)

enum soft_pstate { SOFT_UNINIT, SOFT_INIT, SOFT_WORKING };	/* as PLATFORM_STATUS says it */

/* A guest context, inside the processor. */
struct soft_guest {
	uint32_t handle;		/* 0: this entry is free */
	uint32_t policy;
	enum sev_gstate state;
	uint32_t asid;			/* 0: not ACTIVE */
	uint32_t vek;			/* names the memory key, so that sharing shows */
	bool broken;			/* digest and memory differ after a host's failure */
	struct attest_tk tk;
	struct alg_running *digest;	/* owned */
	uint8_t vm_digest[ALG_HASH_LEN]; /* CSV session: expected; zero: any */
	struct sev_measure measure;	/* valid from LSECRET on */
	unsigned int nr_secrets;
	uint8_t seen[SOFT_MAX_SECRETS][ALG_HASH_LEN];	/* MACs of packets taken */
};

/* What a command touches outside of the processor: the machine that issued it. */
struct soft_memory {
	const struct soft_memory_ops *ops; /* NULL: plain memory, private bytes in place */
	void *ctx;
};

/* What tells the algorithm sets apart, see model_sev.c and model_csv.c. */
struct soft_model {
	const char *name;		/* "sev" */
	enum attest_alg alg;
	enum key_kind key_kind;		/* of CEK and everything below */
	enum key_kind root_kind;
	uint8_t api_major, api_minor, build;
	uint32_t policy_bits;		/* that may be set, API version aside */
	uint32_t policy_refused;	/* known, but nothing for software */
	uint32_t secret_flags;		/* that a packet may carry */
	size_t session_len;
	/* Check and unwrap: 0, -EINVAL for the certificate, -EBADMSG for a MAC. */
	int (*session_open)(const void *session, const struct sev_cert *godh,
		const struct key *pdh, uint32_t policy, struct attest_tk *tk,
		uint8_t vm_digest[ALG_HASH_LEN]);
	/* Certificates of SM2 keys carry a name; NULL: they have none. */
	const char *(*uid)(enum sev_usage usage);
};

extern const struct soft_model soft_model_sev, soft_model_csv;

/* ---- psp.c ------------------------------------------------------------------------------ */

struct soft_psp {
	const struct soft_model *model;
	struct soft_keys *keys;		/* owned */
	enum soft_pstate state;
	bool es;			/* initialised for encrypted state */
	bool delays;
	uint32_t last_handle, last_vek;
	bool asid_taken[SOFT_MAX_ASID + 1];	/* the kernel's book: which ASID has a machine */
	struct soft_guest guests[SOFT_MAX_GUESTS];
};

/* A processor after power-on: UNINIT. dir may be NULL. */
int soft_psp_create(const char *dir, bool csv, bool delays, struct soft_psp **out,
	struct tvm_error *err);
void soft_psp_destroy(struct soft_psp *psp); /* keys and guests are wiped; NULL is fine */

/* A machine on a processor that the caller keeps; close() then leaves it alone. */
int soft_vm_open(struct soft_psp *psp, const struct soft_memory *memory,
	struct sev_backend *out, struct tvm_error *err);

/* Translate what libcrypto and memory do to us: negative errno to the firmware's status. */
int soft_fw_error(int r);

/* ---- delays.c --------------------------------------------------------------------------- */

/* Wait as long as a real processor takes for the command, of which len bytes of memory. */
void soft_delay(const struct soft_psp *psp, enum sev_guest_cmd id, uint64_t len);
void soft_delay_platform(const struct soft_psp *psp, enum sev_platform_cmd cmd);

#endif
