/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of the software secure processor: a machine with two views of its memory, as
 * tee/csv has them, and an owner who knows what was said to whom.
 */
#ifndef TESTS_UNIT_TEST_SOFT_H
#define TESTS_UNIT_TEST_SOFT_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "attest/csv_session.h"
#include "attest/sev_measure.h"
#include "attest/sev_secret.h"
#include "attest/sev_session.h"
#include "attest/sev_vmsa.h"
#include "tee/csv/backend.h"
#include "tee/csv/soft/fw.h"
#include "tee/csv/soft/issue.h"
#include "tee/csv/soft/keys.h"
#include "tee/csv/soft/vm.h"
#include "tests/harness.h"
#include "tvm.h"

#define RAM_SIZE 0x10000U
#define NOISE 0xa5

struct host {
	struct sev_backend b;
	uint8_t *ram;			/* shared view: where the host writes */
	uint8_t priv[RAM_SIZE];
	unsigned int vcpus;
	int fail_private, fail_write, fail_vmsa;	/* answer with this */
	uint32_t status;		/* of the last command */
};

static inline uint64_t host_addr(struct host *h, uint64_t off)
{
	return (uintptr_t)h->ram + off;
}

static inline int fake_make_private(void *ctx, uint64_t uaddr, uint64_t len)
{
	struct host *h = ctx;
	uint64_t off = uaddr - (uintptr_t)h->ram;

	if (h->fail_private)
		return h->fail_private;
	memcpy(h->priv + off, h->ram + off, len);
	memset(h->ram + off, NOISE, len);
	return 0;
}

static inline int fake_write_private(void *ctx, uint64_t uaddr, const void *src, uint64_t len)
{
	struct host *h = ctx;
	uint64_t off = uaddr - (uintptr_t)h->ram;

	if (h->fail_write)
		return h->fail_write;
	if (uaddr < (uintptr_t)h->ram || off > RAM_SIZE || len > RAM_SIZE - off)
		return -EFAULT;
	memcpy(h->priv + off, src, len);
	return 0;
}

static inline void fake_page(unsigned int index, uint8_t page[SEV_VMSA_LEN])
{
	struct sev_vmsa vmsa = {
		.start = index ? 0x80b004 : SEV_RESET_VECTOR, .cpu_sig = 0x800f12,
	};

	sev_vmsa_page(&vmsa, page);
}

static inline int fake_vmsa(void *ctx, unsigned int index, uint8_t page[4096])
{
	struct host *h = ctx;

	if (index >= h->vcpus)
		return -ENOENT;
	if (index && h->fail_vmsa)
		return h->fail_vmsa;
	fake_page(index, page);
	return 0;
}

static const struct soft_memory_ops fake_memory = {
	.make_private = fake_make_private,
	.write_private = fake_write_private,
	.vmsa = fake_vmsa,
};

static inline bool host_init(struct host *h)
{
	memset(h, 0, sizeof(*h));
	h->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (h->ram == MAP_FAILED)
		return false;
	for (unsigned int i = 0; i < RAM_SIZE; i++)
		h->ram[i] = (uint8_t)i;
	return true;
}

/* A machine with a platform of its own. */
static inline bool host_open(struct host *h, const char *dir, bool csv)
{
	struct soft_opts opts = {
		.dir = dir, .csv = csv, .memory = &fake_memory, .memory_ctx = h,
	};
	struct tvm_error err = { 0 };

	if (!host_init(h) || sev_backend_soft_open(&opts, &h->b, &err) < 0) {
		printf("# %s\n", err.msg);
		return false;
	}
	return true;
}

/* A machine on a given platform. */
static inline bool host_open_on(struct host *h, struct soft_psp *psp)
{
	struct soft_memory memory = { &fake_memory, h };

	return host_init(h) && !soft_vm_open(psp, &memory, &h->b, NULL);
}

static inline void host_close(struct host *h)
{
	h->b.ops->close(h->b.ctx);
	munmap(h->ram, RAM_SIZE);
}

static inline struct soft_vm *host_vm(struct host *h)
{
	return h->b.ctx;
}

static inline struct soft_psp *host_psp(struct host *h)
{
	return host_vm(h)->psp;
}

static inline struct soft_guest *host_guest(struct host *h)
{
	return fw_guest(host_psp(h), host_vm(h)->handle);
}

/* Errno, or the firmware's status as a positive number. */
static inline int host_op(struct host *h, int id, void *data)
{
	int r = h->b.ops->op(h->b.ctx, (enum sev_guest_cmd)id, data, &h->status);

	return r == -EIO ? (int)h->status : r;
}

static inline int host_platform(struct host *h, int cmd, void *data)
{
	int r = h->b.ops->platform(h->b.ctx, (enum sev_platform_cmd)cmd, data, &h->status);

	return r == -EIO ? (int)h->status : r;
}

static inline int host_reg(struct host *h)
{
	return h->b.ops->reg_region(h->b.ctx, (uintptr_t)h->ram, RAM_SIZE);
}

static inline int host_update(struct host *h, uint64_t off, uint32_t len)
{
	struct sev_launch_update_data data = { .uaddr = host_addr(h, off), .len = len };

	return host_op(h, SEV_CMD_LAUNCH_UPDATE_DATA, &data);
}

static inline int host_measure(struct host *h, struct sev_measure *out)
{
	struct sev_launch_measure data = { .uaddr = (uintptr_t)out, .len = sizeof(*out) };

	return host_op(h, SEV_CMD_LAUNCH_MEASURE, &data);
}

static inline unsigned int host_state(struct host *h)
{
	struct sev_guest_status st = { .state = 99 };

	host_op(h, SEV_CMD_GUEST_STATUS, &st);
	return st.state;
}

static inline int host_start(struct host *h, uint32_t policy)
{
	struct sev_launch_start start = { .policy = policy };

	return host_op(h, SEV_CMD_LAUNCH_START, &start);
}

/* INIT, LAUNCH_START without an owner, all memory registered. */
static inline int host_begin(struct host *h, uint32_t policy)
{
	int r = host_op(h, policy & SEV_POLICY_ES ? SEV_CMD_ES_INIT : SEV_CMD_INIT, NULL);

	if (!r)
		r = host_reg(h);
	return r ? r : host_start(h, policy);
}

/* ---- The owner -------------------------------------------------------------------------- */

struct owner {
	bool csv;
	uint32_t policy;
	struct sev_cert pdh, godh;
	struct sev_cert_chain chain;
	struct attest_tk tk;
	uint8_t session[sizeof(struct csv_session)];
	uint32_t session_len;
};

static inline int owner_export(struct owner *o, struct host *h)
{
	struct sev_pdh_cert_export ex = {
		.pdh_uaddr = (uintptr_t)&o->pdh, .pdh_len = sizeof(o->pdh),
		.chain_uaddr = (uintptr_t)&o->chain, .chain_len = sizeof(o->chain),
	};

	return host_platform(h, SEV_PLATFORM_PDH_CERT_EXPORT, &ex);
}

/* Export the chain, verify it, make a session. */
static inline int owner_init(struct owner *o, struct host *h, bool csv, uint32_t policy,
	const struct csv_session_info *info)
{
	struct csv_session csv_session;
	struct sev_session session;
	int r;

	*o = (struct owner){ .csv = csv, .policy = policy };
	r = owner_export(o, h);
	if (!r)
		r = sev_chain_verify(&o->pdh, &o->chain, csv ? ATTEST_CSV : ATTEST_SEV, NULL);
	if (r)
		return r;
	if (csv) {
		r = csv_session_create(&o->pdh, policy, info, &csv_session, &o->godh, &o->tk, NULL);
		o->session_len = sizeof(csv_session);
		memcpy(o->session, &csv_session, sizeof(csv_session));
	} else {
		r = sev_session_create(&o->pdh, policy, &session, &o->godh, &o->tk, NULL);
		o->session_len = sizeof(session);
		memcpy(o->session, &session, sizeof(session));
	}
	return r;
}

static inline struct sev_launch_start owner_start_args(struct owner *o)
{
	return (struct sev_launch_start){
		.policy = o->policy, .dh_uaddr = (uintptr_t)&o->godh, .dh_len = sizeof(o->godh),
		.session_uaddr = (uintptr_t)o->session, .session_len = o->session_len,
	};
}

static inline int owner_start(struct owner *o, struct host *h)
{
	struct sev_launch_start start = owner_start_args(o);

	return host_op(h, SEV_CMD_LAUNCH_START, &start);
}

/* Whether m measures digest under what the platform says about itself. */
static inline int owner_verify(struct owner *o, struct host *h, const uint8_t *digest,
	const struct sev_measure *m)
{
	struct sev_platform_status st;
	struct sev_measure_info info = { .policy = o->policy };
	int r = host_platform(h, SEV_PLATFORM_STATUS, &st);

	if (r)
		return r;
	info.api_major = st.api_major;
	info.api_minor = st.api_minor;
	info.build = st.build;
	memcpy(info.digest, digest, sizeof(info.digest));
	return sev_measure_verify(o->csv ? ATTEST_CSV : ATTEST_SEV, &info, o->tk.tik, m);
}

struct packet {
	struct sev_secret_header hdr;
	uint8_t data[4096];
	uint32_t len;
};

static inline int owner_seal(struct owner *o, const struct sev_measure *m, const void *text,
	uint32_t len, uint32_t flags, struct packet *out)
{
	out->len = len;
	return sev_secret_seal(o->csv ? ATTEST_CSV : ATTEST_SEV, &o->tk, m->measure, flags, NULL,
		text, len, &out->hdr, out->data, NULL);
}

static inline struct sev_launch_secret packet_args(struct packet *p, struct host *h, uint64_t off)
{
	return (struct sev_launch_secret){
		.hdr_uaddr = (uintptr_t)&p->hdr, .hdr_len = sizeof(p->hdr),
		.guest_uaddr = host_addr(h, off), .guest_len = p->len,
		.trans_uaddr = (uintptr_t)p->data, .trans_len = p->len,
	};
}

static inline int packet_send(struct packet *p, struct host *h, uint64_t off)
{
	struct sev_launch_secret s = packet_args(p, h, off);

	return host_op(h, SEV_CMD_LAUNCH_SECRET, &s);
}

/* Hash of parts of a private view, as the owner computes it beforehand. */
static inline void digest_of(bool csv, const void *data, size_t len, uint8_t out[ALG_HASH_LEN])
{
	struct alg_part part = { data, len };

	if (alg_hash(csv ? ATTEST_CSV : ATTEST_SEV, &part, 1, out) < 0)
		memset(out, 0, ALG_HASH_LEN);
}

#endif
