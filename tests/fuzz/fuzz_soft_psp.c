/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is a sequence of commands to a software secure processor: what a hostile or broken
 * VMM sends. Each takes one byte that chooses the command and then bytes for the fields of its
 * structure; addresses point into a buffer of ours (or are null or wild where KVM checks them),
 * lengths are anything. After each command the guest's state must be one that the state machine
 * allows from the last, a refusal must have changed nothing, and the counts must add up.
 *
 * A quarter of the launches come with a session that is right but for what the input does to
 * it, and packets can be sealed with the owner's keys: otherwise no MAC would ever fit.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "attest/csv_session.h"
#include "attest/sev_secret.h"
#include "attest/sev_session.h"
#include "tee/csv/soft/fw.h"
#include "tee/csv/soft/issue.h"
#include "tee/csv/soft/keys.h"
#include "tee/csv/soft/vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RAM_SIZE 0x8000U
#define MAX_COMMANDS 64

struct input {
	const uint8_t *p;
	size_t left;
};

struct machine {
	struct sev_backend b;
	uint8_t *ram;
	uint8_t *blobs;			/* SEV_BLOB_MAX bytes at each of two places */
	struct attest_tk tk;
	struct sev_measure m;
	struct sev_secret_header hdr;
	unsigned int vcpus;
	bool fail;
};

static uint32_t take(struct input *in, unsigned int bytes)
{
	uint32_t v = 0;

	for (unsigned int i = 0; i < bytes && in->left; i++, in->left--)
		v = v << 8 | *in->p++;
	return v;
}

static int make_private(void *ctx, uint64_t uaddr, uint64_t len)
{
	struct machine *m = ctx;

	assert(uaddr >= (uintptr_t)m->ram && uaddr + len <= (uintptr_t)m->ram + RAM_SIZE);
	return m->fail ? -ENOSPC : 0;
}

static int write_private(void *ctx, uint64_t uaddr, const void *src, uint64_t len)
{
	struct machine *m = ctx;

	assert(uaddr >= (uintptr_t)m->ram && uaddr + len <= (uintptr_t)m->ram + RAM_SIZE);
	if (m->fail)
		return -ENOSPC;
	memcpy((void *)(uintptr_t)uaddr, src, len);
	return 0;
}

static int vmsa(void *ctx, unsigned int index, uint8_t page[4096])
{
	struct machine *m = ctx;

	if (index >= m->vcpus)
		return -ENOENT;
	memset(page, (int)index, 4096);
	return m->fail ? -EINVAL : 0;
}

static const struct soft_memory_ops memory_ops = { make_private, write_private, vmsa };

/* Places of guest memory, around its ends, and nowhere. */
static uint64_t guest_addr(struct input *in, struct machine *m)
{
	uint32_t v = take(in, 2);

	if (v >> 12 == 0xf)
		return v & 1 ? 0 : ~(uint64_t)v;
	return (uintptr_t)m->ram + v % (RAM_SIZE + 0x100);
}

/* A buffer of SEV_BLOB_MAX bytes, or none. */
static uint64_t blob(struct input *in, struct machine *m, unsigned int which)
{
	return take(in, 1) == 0xff ? 0 : (uintptr_t)m->blobs + which * SEV_BLOB_MAX;
}

static uint32_t any_len(struct input *in, uint32_t right)
{
	switch (take(in, 1) % 8) {
	case 0: return 0;
	case 1: return take(in, 2);
	case 2: return take(in, 4);
	case 3: return right - 1;
	default: return right;
	}
}

/* Overwrite a byte of a buffer, a few times. */
static void spoil(struct input *in, void *buf, size_t len)
{
	for (uint32_t n = take(in, 1) % 4; n; n--)
		((uint8_t *)buf)[take(in, 2) % len] ^= (uint8_t)take(in, 1);
}

static uint32_t make_session(struct soft_psp *psp, struct machine *m, uint32_t policy)
{
	struct sev_cert *godh = (void *)m->blobs;
	struct csv_session csv;
	struct sev_session sev;
	struct attest_tk tk;

	if (psp->model->alg == ATTEST_CSV) {
		if (csv_session_create(&psp->keys->pdh_cert, policy, NULL, &csv, godh, &tk, NULL))
			return 0;
		memcpy(m->blobs + SEV_BLOB_MAX, &csv, sizeof(csv));
		m->tk = tk;
		return sizeof(csv);
	}
	if (sev_session_create(&psp->keys->pdh_cert, policy, &sev, godh, &tk, NULL))
		return 0;
	memcpy(m->blobs + SEV_BLOB_MAX, &sev, sizeof(sev));
	m->tk = tk;
	return sizeof(sev);
}

static int launch_start(struct input *in, struct soft_psp *psp, struct machine *m, uint32_t *st)
{
	struct sev_launch_start s = { 0 };
	uint32_t how = take(in, 1);
	int r;

	s.policy = how & 0x80 ? take(in, 4) : how & 0xf;
	if (how & 0x10)
		s.handle = take(in, 1);
	if ((how & 0x60) == 0x20) {
		s.dh_uaddr = (uintptr_t)m->blobs;
		s.session_uaddr = s.dh_uaddr + SEV_BLOB_MAX;
		s.session_len = make_session(psp, m, s.policy);
		s.dh_len = sizeof(struct sev_cert);
		spoil(in, m->blobs, s.dh_len);
		spoil(in, m->blobs + SEV_BLOB_MAX, s.session_len + 1);
	} else if (how & 0x40) {
		s.dh_uaddr = blob(in, m, 0);
		s.dh_len = any_len(in, sizeof(struct sev_cert));
		s.session_uaddr = blob(in, m, 1);
		s.session_len = any_len(in, (uint32_t)psp->model->session_len);
	}
	r = m->b.ops->op(m->b.ctx, SEV_CMD_LAUNCH_START, &s, st);
	assert(r || s.handle);
	return r;
}

static int launch_secret(struct input *in, struct soft_psp *psp, struct machine *m, uint32_t *st)
{
	uint32_t how = take(in, 1), len = 16 * (1 + how % 8);
	struct sev_launch_secret s = {
		.hdr_uaddr = (uintptr_t)&m->hdr, .hdr_len = sizeof(m->hdr),
		.guest_uaddr = guest_addr(in, m), .guest_len = len,
		.trans_uaddr = (uintptr_t)m->blobs, .trans_len = len,
	};
	bool fine = how & 0x80;

	if (fine) /* else the last one again, or whatever lies there */
		sev_secret_seal(psp->model->alg, &m->tk, m->m.measure, 0, NULL, m->ram, len,
			&m->hdr, m->blobs, NULL);
	if (how & 0x40) {
		spoil(in, &m->hdr, sizeof(m->hdr));
		spoil(in, m->blobs, SEV_BLOB_MAX);
	}
	if (how & 0x20) {
		s.hdr_uaddr = blob(in, m, 1);
		s.hdr_len = any_len(in, sizeof(m->hdr));
		s.guest_len = any_len(in, len);
		s.trans_len = any_len(in, len);
	}
	return m->b.ops->op(m->b.ctx, SEV_CMD_LAUNCH_SECRET, &s, st);
}

static int guest_command(struct input *in, struct soft_psp *psp, struct machine *m, uint32_t *st)
{
	uint8_t room[sizeof(struct sev_measure) + sizeof(struct sev_report)];
	uint32_t id = take(in, 1) % 24;
	union {
		struct sev_init2 init2;
		struct sev_launch_update_data update;
		struct sev_launch_measure measure;
		struct sev_guest_status status;
		struct sev_dbg dbg;
		struct sev_attestation_report report;
	} d = { 0 };
	void *arg = &d;
	int r;

	switch (id) {
	case SEV_CMD_LAUNCH_START:
		return launch_start(in, psp, m, st);
	case SEV_CMD_LAUNCH_SECRET:
		return launch_secret(in, psp, m, st);
	case SEV_CMD_INIT2:
		d.init2.vmsa_features = take(in, 1);
		d.init2.flags = take(in, 1) % 4 == 3;
		d.init2.ghcb_version = (uint16_t)take(in, 1) % 4;
		break;
	case SEV_CMD_LAUNCH_UPDATE_DATA:
		d.update.uaddr = guest_addr(in, m);
		d.update.len = any_len(in, 0x100);
		break;
	case SEV_CMD_LAUNCH_MEASURE:
		d.measure.uaddr = take(in, 1) % 8 ? (uintptr_t)&m->m : 0;
		d.measure.len = any_len(in, sizeof(m->m));
		break;
	case SEV_CMD_GET_ATTESTATION_REPORT:
		/* What is written is bounded by the report, whatever length we claim. */
		d.report.uaddr = take(in, 1) % 8 ? (uintptr_t)room : 0;
		d.report.len = any_len(in, sizeof(struct sev_report));
		break;
	case SEV_CMD_DBG_DECRYPT:
	case SEV_CMD_DBG_ENCRYPT:
		d.dbg.src_uaddr = id == SEV_CMD_DBG_DECRYPT ? guest_addr(in, m) : blob(in, m, 0);
		d.dbg.dst_uaddr = id == SEV_CMD_DBG_ENCRYPT ? guest_addr(in, m) : blob(in, m, 0);
		d.dbg.len = any_len(in, 0x100);
		break;
	default:
		arg = take(in, 1) % 8 ? &d : NULL;
		break;
	}
	r = m->b.ops->op(m->b.ctx, (enum sev_guest_cmd)id, arg, st);
	assert(r || id != SEV_CMD_LAUNCH_MEASURE || d.measure.len == sizeof(m->m));
	return r;
}

/* The caller is trusted to register memory that exists; lengths may be nonsense. */
static int reg_region(struct input *in, struct machine *m)
{
	uint64_t off = take(in, 2) % RAM_SIZE, len = take(in, 2);

	if (len > RAM_SIZE - off)
		len = len & 1 ? 0 : UINT64_MAX - off;
	return m->b.ops->reg_region(m->b.ctx, (uintptr_t)m->ram + off, len);
}

static int platform_command(struct input *in, struct machine *m, uint32_t *st)
{
	uint32_t cmd = take(in, 1) % 10;
	union {
		struct sev_platform_status status;
		struct sev_pek_csr csr;
		struct sev_pdh_cert_export pdh;
		struct sev_pek_cert_import import;
		struct sev_get_id2 id;
	} d = { 0 };
	void *arg = &d;

	switch (cmd) {
	case SEV_PLATFORM_PEK_CSR:
	case SEV_PLATFORM_GET_ID2:
		d.csr.uaddr = blob(in, m, 0);
		d.csr.len = any_len(in, SEV_CERT_LEN);
		break;
	case SEV_PLATFORM_PDH_CERT_EXPORT:
		d.pdh.pdh_uaddr = blob(in, m, 0);
		d.pdh.pdh_len = any_len(in, SEV_CERT_LEN);
		d.pdh.chain_uaddr = blob(in, m, 1);
		d.pdh.chain_len = any_len(in, SEV_CHAIN_LEN);
		break;
	case SEV_PLATFORM_PEK_CERT_IMPORT:
		d.import.pek_uaddr = blob(in, m, 0);
		d.import.pek_len = any_len(in, SEV_CERT_LEN);
		d.import.oca_uaddr = blob(in, m, 1);
		d.import.oca_len = any_len(in, SEV_CERT_LEN);
		spoil(in, m->blobs, SEV_BLOB_MAX);
		break;
	default:
		arg = take(in, 1) % 8 ? &d : NULL;
		break;
	}
	return m->b.ops->platform(m->b.ctx, (enum sev_platform_cmd)cmd, arg, st);
}

/* The state of the machine's guest; UNINIT when it has none. */
static enum sev_gstate state_of(struct machine *m)
{
	struct soft_vm *vm = m->b.ctx;
	struct soft_guest *g = fw_guest(vm->psp, vm->handle);

	return g ? g->state : SEV_GSTATE_UNINIT;
}

static void one(struct input *in, struct soft_psp *psp, struct machine *m)
{
	enum sev_gstate before = state_of(m), after;
	unsigned int count = fw_guest_count(psp);
	enum soft_pstate pstate = psp->state;
	uint32_t status = 0x5a5a5a5a, how = take(in, 1);
	int r;

	m->fail = (how & 0x70) == 0x70;
	m->vcpus = how & 3;
	if ((how & 0xc) == 0xc)
		r = platform_command(in, m, &status);
	else if ((how & 0xff) == 0xf8)
		r = reg_region(in, m), status = 0;
	else
		r = guest_command(in, psp, m, &status);
	after = state_of(m);
	assert(status != 0x5a5a5a5a);
	/* An answer of the firmware comes with its code, everything else with none. */
	assert((r == -EIO) == (status != 0) && r <= 0);
	if (r) {
		assert(after == before && fw_guest_count(psp) == count);
		assert(psp->state == pstate || pstate == SOFT_UNINIT);
	}
	assert(after == before || after == before + 1);
	assert(!count || psp->state == SOFT_WORKING);
	assert((psp->state == SOFT_WORKING) == (fw_guest_count(psp) != 0));
}

static bool open_machine(struct machine *m, struct soft_psp *psp)
{
	struct soft_memory memory = { &memory_ops, m };

	m->blobs = calloc(2, SEV_BLOB_MAX);
	m->ram = aligned_alloc(4096, RAM_SIZE);
	if (!m->blobs || !m->ram || soft_vm_open(psp, &memory, &m->b, NULL) < 0)
		return false;
	memset(m->ram, 0x11, RAM_SIZE);
	return true;
}

/* Making keys takes longer than everything else, so a processor serves all inputs. */
static struct soft_psp *processor(bool csv)
{
	static struct soft_psp *psps[2];
	struct soft_psp *psp = psps[csv];

	if (!psp) {
		assert(!soft_psp_create(NULL, csv, false, &psp, NULL));
		assert(!keys_certify(psp->keys));
		psps[csv] = psp;
	}
	fw_shutdown(psp);
	psp->last_handle = psp->last_vek = 0;
	return psp;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct machine m[2] = { 0 };
	uint32_t how = take(&in, 1);
	struct soft_psp *psp = processor(how & 3);

	for (unsigned int i = 0; i < 2; i++) {
		assert(open_machine(&m[i], psp));
		if (how & 4 << i) {
			uint32_t status;

			assert(!m[i].b.ops->op(m[i].b.ctx,
				how & 0x10 ? SEV_CMD_ES_INIT : SEV_CMD_INIT, NULL, &status));
			assert(!m[i].b.ops->reg_region(m[i].b.ctx, (uintptr_t)m[i].ram, RAM_SIZE));
		}
	}
	for (unsigned int i = 0; in.left && i < MAX_COMMANDS; i++)
		one(&in, psp, &m[i % 4 == 3]);
	for (unsigned int i = 0; i < 2; i++) {
		m[i].b.ops->close(m[i].b.ctx);
		free(m[i].ram);
		free(m[i].blobs);
	}
	assert(!fw_guest_count(psp));
	for (unsigned int i = 0; i <= SOFT_MAX_ASID; i++)
		assert(!psp->asid_taken[i]);
	return 0;
}
