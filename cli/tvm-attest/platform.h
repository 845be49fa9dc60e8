/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates of a platform, from wherever they come, and whether to trust them. A chain that
 * ends in a root from the same directory says nothing; the root must be known: built in
 * (Hygon's), named by --root, or the software platform's with --allow-soft.
 */
#ifndef CLI_TVM_ATTEST_PLATFORM_H
#define CLI_TVM_ATTEST_PLATFORM_H

#include <stdbool.h>

#include "attest/sev_ca.h"
#include "attest/sev_cert.h"
#include "cli/tvm-attest/args.h"
#include "cli/tvm-attest/cmd.h"
#include "cli/tvm-attest/out.h"

/* As given on the command line. */
struct platform_opts {
	const char *soft, *dir, *device;	/* at most one */
	const char *pdh, *chain;		/* files, instead of a directory's */
	const char *ca, *root, *cek;
	bool allow_soft;
};

#define PLATFORM_ARGS(o) \
	{ "soft", ARG_TEXT, &(o)->soft, 0, "DIR", "Directory of a software platform." }, \
	{ "platform", ARG_TEXT, &(o)->dir, 0, "DIR", \
		"Directory with a platform's exported certificates." }, \
	{ "device", ARG_TEXT, &(o)->device, 0, "PATH", "The host's processor, /dev/sev." }, \
	{ "ca", ARG_TEXT, &(o)->ca, 0, "FILE", "Vendor certificates: ASK and ARK, HSK and HRK " \
		"or HSK and CEK; default ask_ark.cert in the directory." }, \
	{ "cek", ARG_TEXT, &(o)->cek, 0, "FILE", "The chip's CEK, signed by the vendor." }, \
	{ "root", ARG_TEXT, &(o)->root, 0, "FILE", "The vendor's root certificate (ARK), from a " \
		"source you trust." }, \
	{ "allow-soft", ARG_FLAG, &(o)->allow_soft, 0, NULL, \
		"Accept a software platform: for tests, not confidential." }

enum trust {
	TRUST_NONE,	/* no roots, or a root that nobody vouches for */
	TRUST_BUILTIN,
	TRUST_GIVEN,
	TRUST_SOFT,
};

struct platform {
	enum attest_alg alg;
	struct sev_cert pdh;
	struct sev_cert_chain chain;
	struct sev_cert cek;		/* with the vendor's signature; else the chain's */
	bool have_roots;
	struct sev_roots roots;
	bool soft;			/* roots or status say so */
	enum trust trust;		/* set by platform_verify() */
	/* What the platform says about itself; not signed. */
	bool have_status;
	uint8_t api_major, api_minor, build;
	bool owned, es;
	bool live;			/* asked right now: state and guests are set */
	uint8_t state;
	unsigned int guests;
	bool have_chip_id;
	uint8_t chip_id[64];
};

/* Read what opts names. platform_close() in any case. */
enum status platform_open(struct platform *p, const struct platform_opts *opts);
void platform_close(struct platform *p);

/*
 * The whole chain and its root. STATUS_REFUSED after one line that says why. Nothing is ever
 * accepted silently from a software platform.
 */
enum status platform_verify(struct platform *p, const struct platform_opts *opts);

/* "platform", "algorithms", and after verification "root". */
void platform_print(const struct platform *p, struct out *out);

/* /dev/sev: certificates and status into p. */
enum status device_read(struct platform *p, const char *path);

#endif
