/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owner's directory of one launch: what `session` writes and later commands read.
 *
 *	session.b64 godh.b64	for the host: base64 text as QEMU, libvirt and tvm-run take it
 *	tik.bin tek.bin		keys, 16 bytes each, mode 0600: never leave the owner
 *	session.json		policy, algorithms, kind of platform
 */
#ifndef CLI_TVM_ATTEST_OWNER_H
#define CLI_TVM_ATTEST_OWNER_H

#include "attest/alg.h"
#include "cli/tvm-attest/args.h"
#include "cli/tvm-attest/cmd.h"

#define OWNER_SESSION "session.b64"
#define OWNER_GODH "godh.b64"
#define OWNER_TIK "tik.bin"
#define OWNER_TEK "tek.bin"
#define OWNER_INFO "session.json"

struct owner_opts {
	const char *session;		/* the directory; or: */
	const char *tik, *tek;		/* files */
};

#define OWNER_ARGS(o) \
	{ "session", ARG_TEXT, &(o)->session, 0, "DIR", "Directory that 'session' wrote." }, \
	{ "tik", ARG_TEXT, &(o)->tik, 0, "FILE", "Transport integrity key, without --session." }, \
	{ "tek", ARG_TEXT, &(o)->tek, 0, "FILE", "Transport encryption key, without --session." }

struct owner {
	struct attest_tk tk;		/* explicit_bzero() it */
	bool known;			/* from session.json: the rest is set */
	bool soft;
	enum attest_alg alg;
	uint32_t policy;
};

/* TIK is always read, TEK when need_tek says so. */
enum status owner_open(struct owner *owner, const struct owner_opts *opts, bool need_tek);

/* Write a new launch's files; none of them may exist. */
struct owner_files {
	const void *session, *godh;
	size_t session_len, godh_len;
};
enum status owner_write(const char *dir, const struct owner *owner,
	const struct owner_files *files);

#endif
