/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launch (SEV API, 6.2 to 6.6): from a policy and the owner's session to a measured guest.
 *
 * Memory is not encrypted: LAUNCH_UPDATE_* hash what they are given, and the memory callbacks
 * take it out of the host's sight. All that the owner sees is as from hardware.
 */
#include "tee/csv/soft/fw.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tee/csv/soft/keys.h"

#define ALIGNMENT 16		/* of addresses and lengths: the block of the memory cipher */
#define VMSA_LEN 4096

/* Policy against what this platform is and can do: sev-csv.md 3.2, 4.3. */
static int check_policy(const struct soft_psp *psp, uint32_t policy)
{
	const struct soft_model *m = psp->model;
	unsigned int major = policy >> 16 & 0xff, minor = policy >> 24;

	if (major > m->api_major || (major == m->api_major && minor > m->api_minor))
		return SEV_RET_POLICY_FAILURE;
	/* Of reserved bits the specification says only that they are zero; ours to refuse. */
	if ((policy & 0xffff & ~m->policy_bits) || (policy & m->policy_refused))
		return SEV_RET_POLICY_FAILURE;
	if ((policy & SEV_POLICY_ES) && !psp->es)
		return SEV_RET_POLICY_FAILURE;
	return 0;
}

/* A key is shared only when both guests allow it, and with one that has a key. */
static int check_sharing(struct soft_psp *psp, const struct fw_launch_start *start,
	uint32_t *vek_out)
{
	struct soft_guest *other;

	if (!start->handle)
		return 0;
	other = fw_guest(psp, start->handle);
	if (!other)
		return SEV_RET_INVALID_GUEST;
	if ((other->policy | start->policy) & SEV_POLICY_NOKS)
		return SEV_RET_POLICY_FAILURE;
	*vek_out = other->vek;
	return 0;
}

/*
 * The guest's transport keys: from the owner's session, or, when there is no owner, drawn here.
 * The latter's measurement can be checked by nobody; that firmware draws TIK at random then is
 * an assumption.
 */
static int transport_keys(const struct soft_psp *psp, const struct fw_launch_start *start,
	struct soft_guest *g)
{
	struct sev_cert godh;
	int r;

	if (!start->dh_len && !start->session_len)
		return soft_fw_error(alg_random(&g->tk, sizeof(g->tk)));
	if (start->dh_len != sizeof(godh) || start->session_len != psp->model->session_len)
		return SEV_RET_INVALID_LEN;
	memcpy(&godh, start->dh, sizeof(godh));
	r = psp->model->session_open(start->session, &godh, psp->keys->pdh, start->policy, &g->tk,
		g->vm_digest);
	if (r == -EINVAL)
		return SEV_RET_INVALID_CERTIFICATE;
	return r == -EBADMSG ? SEV_RET_BAD_MEASUREMENT : soft_fw_error(r);
}

int fw_launch_start(struct soft_psp *psp, struct fw_launch_start *start)
{
	struct soft_guest *g;
	uint32_t vek = 0;
	int r;

	if (psp->state == SOFT_UNINIT)
		return SEV_RET_INVALID_PLATFORM_STATE;
	r = check_policy(psp, start->policy);
	if (!r)
		r = check_sharing(psp, start, &vek);
	if (r)
		return r;
	g = fw_guest_alloc(psp);
	if (!g)
		return SEV_RET_RESOURCE_LIMIT;
	r = transport_keys(psp, start, g);
	if (!r)
		r = soft_fw_error(alg_running_new(psp->model->alg, &g->digest));
	if (r) {
		fw_guest_free(g);
		return r;
	}
	g->handle = ++psp->last_handle;
	g->vek = vek ? vek : ++psp->last_vek;
	g->policy = start->policy;
	g->state = SEV_GSTATE_LUPDATE;
	psp->state = SOFT_WORKING;
	start->handle = g->handle;
	return 0;
}

int fw_launch_update_data(struct soft_psp *psp, uint32_t handle, const struct soft_memory *mem,
	uint64_t addr, uint32_t len)
{
	struct soft_guest *g;
	int r = fw_guest_in(psp, handle, BIT_U32(SEV_GSTATE_LUPDATE), &g);

	if (r)
		return r;
	if (!g->asid)
		return SEV_RET_INACTIVE;
	if (!len || len % ALIGNMENT)
		return SEV_RET_INVALID_LEN;
	if (addr % ALIGNMENT)
		return SEV_RET_INVALID_ADDRESS;
	r = alg_running_add(g->digest, (const void *)(uintptr_t)addr, len);
	if (r < 0) {
		g->broken = true;
		return soft_fw_error(r);
	}
	if (!mem->ops || !mem->ops->make_private)
		return 0;
	r = mem->ops->make_private(mem->ctx, addr, len);
	/* Measured, and perhaps half moved: this guest must not come to life any more. */
	if (r < 0)
		g->broken = true;
	return r;
}

int fw_launch_update_vmsa(struct soft_psp *psp, uint32_t handle, const uint8_t *pages,
	unsigned int nr)
{
	struct soft_guest *g;
	int r = fw_guest_in(psp, handle, BIT_U32(SEV_GSTATE_LUPDATE), &g);

	if (r)
		return r;
	if (!g->asid)
		return SEV_RET_INACTIVE;
	/* The specification is not clear which code a guest without ES gets; ours. */
	if (!(g->policy & SEV_POLICY_ES))
		return SEV_RET_POLICY_FAILURE;
	r = alg_running_add(g->digest, pages, (size_t)nr * VMSA_LEN);
	if (r < 0)
		g->broken = true;
	return soft_fw_error(r);
}

int fw_launch_measure(struct soft_psp *psp, uint32_t handle, struct sev_measure *out,
	uint32_t *len)
{
	const struct soft_model *m = psp->model;
	struct sev_measure_info info = {
		.api_major = m->api_major, .api_minor = m->api_minor, .build = m->build,
	};
	struct sev_measure measure;
	struct soft_guest *g;
	/* A second measurement is refused: whether real firmware does is not known. */
	int r = fw_guest_in(psp, handle, BIT_U32(SEV_GSTATE_LUPDATE), &g);

	if (r)
		return r;
	if (!g->asid)
		return SEV_RET_INACTIVE;
	if (*len != sizeof(measure)) {
		*len = sizeof(measure);
		return SEV_RET_INVALID_LEN;
	}
	info.policy = g->policy;
	r = alg_random(measure.mnonce, sizeof(measure.mnonce));
	if (!r)
		r = alg_running_get(g->digest, info.digest);
	if (!r)
		r = sev_measure(m->alg, &info, g->tk.tik, &measure);
	if (r < 0)
		return soft_fw_error(r);
	g->measure = measure;
	g->state = SEV_GSTATE_LSECRET;
	*out = measure;
	return 0;
}

int fw_launch_finish(struct soft_psp *psp, uint32_t handle)
{
	static const uint8_t any[ALG_HASH_LEN];
	uint8_t digest[ALG_HASH_LEN];
	struct soft_guest *g;
	int r = fw_guest_in(psp, handle, BIT_U32(SEV_GSTATE_LSECRET), &g);

	if (r)
		return r;
	if (!g->asid)
		return SEV_RET_INACTIVE;
	r = alg_running_get(g->digest, digest);
	if (r < 0)
		return soft_fw_error(r);
	/* CSV: the owner's session may name the digest that it is for; see model_csv.c. */
	if (memcmp(g->vm_digest, any, sizeof(any)) &&
	    !alg_equal(g->vm_digest, digest, sizeof(digest)))
		return SEV_RET_BAD_MEASUREMENT;
	/* A running guest takes no more secrets and is not measured again. */
	OPENSSL_cleanse(&g->tk, sizeof(g->tk));
	g->state = SEV_GSTATE_RUNNING;
	return 0;
}
