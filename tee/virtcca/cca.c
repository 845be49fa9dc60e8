/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launch of a realm on the soft platform: the realm manager of soft/, fed with what the boot code
 * loads. Contents come in any order; they are measured in the one that attest/rim_launch.h says,
 * when all are there. A reset makes a new realm.
 */
#include "tee/virtcca/cca.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attest/rim_launch.h"
#include "attest/text.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tee/tee.h"
#include "tee/virtcca/hw.h"
#include "vmm/vm.h"

#define MPIDR_EL1 ARM64_SYS_REG(3, 0, 0, 0, 5)
#define MPIDR_AFFINITY 0xff00ffffffULL
#define CORE_REG(name) \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(name))
/* The least that RmiRealmParams can say: two of each, encoded as one less. */
#define BREAKPOINTS 1
#define WATCHPOINTS 1

/* ---- What the realm manager needs of us ---------------------------------------------- */

static int host_read(void *ctx, uint64_t ipa, void *dst, size_t len)
{
	return realm_views_read(cca_of(ctx)->views, ipa, dst, len);
}

static int host_write(void *ctx, uint64_t ipa, const void *src, size_t len)
{
	return realm_views_write(cca_of(ctx)->views, ipa, src, len);
}

static int host_convert(void *ctx, uint64_t base, uint64_t top, enum rsi_ripas to)
{
	return realm_views_convert(cca_of(ctx)->views, base, top - base, to == RSI_EMPTY);
}

static int host_token(void *ctx, const struct cca_realm_claims *claims, uint8_t **buf,
	size_t *len)
{
	return rmm_platform_token(cca_of(ctx)->platform, claims, buf, len);
}

static const struct rmm_host rmm_host = {
	.read = host_read,
	.write = host_write,
	.convert = host_convert,
	.token = host_token,
};

/* ---- Creation ------------------------------------------------------------------------ */

static int set_params(const struct vm *vm, struct rmm_params *p, struct tvm_error *err)
{
	const struct tee_opts *tee = &vm->cfg->tee;
	uint64_t end = RIM_TVM_RAM + vm->cfg->memory;

	p->realm = (struct rim_params){
		.s2sz = rim_width(end),
		.num_bps = BREAKPOINTS,
		.num_wps = WATCHPOINTS,
		.hash = tee->hash == TEE_HASH_SHA512 ? RIM_SHA512 : RIM_SHA256,
	};
	if (p->realm.s2sz > RMM_IPA_MAX)
		return err_set(err, -E2BIG, "tee: a realm of %llu MiB needs addresses of %u bits; "
			"give less --memory", (unsigned long long)vm->cfg->memory >> 20,
			p->realm.s2sz);
	memset(p->rpv, 0, sizeof(p->rpv));
	if (tee->rpv && (strlen(tee->rpv) > 2 * sizeof(p->rpv) || strlen(tee->rpv) % 2 ||
		!text_unhex(tee->rpv, p->rpv, strlen(tee->rpv) / 2)))
		return err_set(err, -EINVAL, "tee: rpv: at most %zu bytes of hexadecimal text",
			sizeof(p->rpv));
	return 0;
}

/* Another backend from here on, which shares nothing with this one but the kind. */
static int on_hardware(struct vm *vm, unsigned long *vm_type_out, struct tvm_error *err)
{
	vm->tee = &cca_hw_ops;
	return vm->tee->probe(vm, vm_type_out, err);
}

static int cca_probe(struct vm *vm, unsigned long *vm_type_out, struct tvm_error *err)
{
	const struct tee_opts *tee = &vm->cfg->tee;
	struct cca *cca;
	int bits, r;

	if (tee->platform != TEE_PLATFORM_SOFT)
		return on_hardware(vm, vm_type_out, err);
	if (vm->cfg->gmem.pages == GMEM_PAGES_HUGE2M || vm->cfg->gmem.pages == GMEM_PAGES_HUGE1G)
		return err_set(err, -EINVAL, "pages: realms share single small pages; choose thp "
			"or small");
	cca = calloc(1, sizeof(*cca));
	if (!cca)
		return err_set(err, -ENOMEM, "tee: out of memory");
	pthread_rwlock_init(&cca->lock, NULL);
	vm->tee_state = cca;
	r = set_params(vm, &cca->params, err);
	if (r < 0)
		return r;
	bits = kvm_cap(&vm->kvm, KVM_CAP_ARM_VM_IPA_SIZE);
	if (bits < cca->params.realm.s2sz)
		return err_set(err, -EOPNOTSUPP, "tee: the realm needs addresses of %u bits, and "
			"this host has %d; give less --memory", cca->params.realm.s2sz, bits);
	if (kvm_cap(&vm->kvm, KVM_CAP_ARM_INJECT_EXT_DABT) <= 0)
		return err_set(err, -EOPNOTSUPP, "soft platform: this host's KVM cannot deliver "
			"external aborts (KVM_CAP_ARM_INJECT_EXT_DABT)");
	*vm_type_out = KVM_VM_TYPE_ARM_IPA_SIZE(cca->params.realm.s2sz);
	return rmm_platform_open(tee->soft_dir, CCA_CURRENT, &cca->platform, err);
}

static int cca_vm_init(struct vm *vm, struct tvm_error *err)
{
	struct cca *cca = cca_of(vm->tee_state);
	int r = cca_filter(&vm->kvm, err);

	if (r < 0)
		return r;
	vm->kvm.shared_bit = BIT(cca->params.realm.s2sz - 1);
	log_warn(&vm->log, "realm on the soft platform: SIMULATED, nothing is confidential");
	return realm_views_create(&vm->kvm, vm->kvm.shared_bit, &cca->views, err);
}

static bool is_shared(void *opaque, gpa_t gpa, size_t len)
{
	struct cca *cca = opaque;
	bool shared;

	pthread_rwlock_rdlock(&cca->lock);
	shared = cca->rmm && rmm_is_shared(cca->rmm, gpa, len);
	pthread_rwlock_unlock(&cca->lock);
	return shared;
}

static int cca_mem_add(struct vm *vm, const struct gmem_slot *slot, unsigned int index,
	struct tvm_error *err)
{
	struct cca *cca = cca_of(vm->tee_state);

	if (!index) {
		gmem_restrict(vm->gmem, is_shared, cca);
		gmem_set_alias(vm->gmem, vm->kvm.shared_bit);
	}
	return realm_views_add(cca->views, slot, err);
}

/* ---- Launch -------------------------------------------------------------------------- */

static int cca_populate(struct vm *vm, gpa_t gpa, size_t len, struct tvm_error *err)
{
	struct cca *cca = cca_of(vm->tee_state);

	if (!len)
		return 0;
	if (cca->nr_parts == ARRAY_SIZE(cca->parts))
		return err_set(err, -E2BIG, "tee: too many parts are loaded");
	cca->parts[cca->nr_parts].base = align_down(gpa, RMM_PAGE);
	cca->parts[cca->nr_parts++].len = align_up(gpa + len, RMM_PAGE) - align_down(gpa, RMM_PAGE);
	return 0;
}

static int by_base(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;	/* base is the first member */

	return *x < *y ? -1 : *x > *y;
}

static int failed(struct tvm_error *err, int r, const char *what)
{
	return r < 0 ? err_sys(err, r, "soft platform: %s", what) :
		err_set(err, -EIO, "soft platform: %s: RMI status %d", what, r);
}

/* Each page from where the boot code left it to the realm's own memory. */
static int add_pages(struct vm *vm, struct cca *cca, struct tvm_error *err)
{
	uint64_t next = 0;

	qsort(cca->parts, cca->nr_parts, sizeof(cca->parts[0]), by_base);
	for (unsigned int i = 0; i < cca->nr_parts; i++) {
		uint64_t at = cca->parts[i].base, end = at + cca->parts[i].len;

		/* Two parts may meet in one page. */
		for (at = at < next ? next : at; at < end; at += RMM_PAGE) {
			const uint8_t *page = gmem_host(vm->gmem, at, RMM_PAGE);
			int r = page ? realm_views_write(cca->views, at, page, RMM_PAGE) : -EFAULT;

			if (!r)
				r = rmm_data_create(cca->rmm, at, page, true);
			if (r)
				return failed(err, r, "initial contents");
		}
		next = end > next ? end : next;
	}
	cca->nr_parts = 0;
	return 0;
}

static int add_ram(struct vm *vm, struct cca *cca, struct tvm_error *err)
{
	for (unsigned int i = 0; i < gmem_nr_slots(vm->gmem); i++) {
		const struct gmem_slot *s = gmem_slot(vm->gmem, i);
		uint64_t next = s->gpa;
		int r = rmm_add_ram(cca->rmm, s->gpa, s->size);

		while (!r && next < s->gpa + s->size)
			r = rmm_init_ripas(cca->rmm, next, s->gpa + s->size, &next);
		if (r)
			return failed(err, r, "memory");
	}
	return 0;
}

/* vCPU 0 runs where the boot code has put it, the others wait for PSCI. */
static int add_recs(struct vm *vm, struct cca *cca, struct tvm_error *err)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		struct rim_rec rec = { .runnable = !i };
		uint64_t mpidr;
		int r = cca_get_reg(&vm->vcpus[i], MPIDR_EL1, &mpidr);

		if (!r && !i)
			r = cca_get_reg(&vm->vcpus[0], CORE_REG(regs.pc), &rec.pc);
		if (!r && !i)
			r = cca_get_reg(&vm->vcpus[0], CORE_REG(regs.regs[0]), &rec.gprs[0]);
		if (!r)
			r = rmm_rec_create(cca->rmm, mpidr & MPIDR_AFFINITY, &rec);
		if (r)
			return failed(err, r, "vCPU");
	}
	return 0;
}

static int cca_finalize(struct vm *vm, struct tvm_error *err)
{
	struct cca *cca = cca_of(vm->tee_state);
	struct rmm *rmm;
	int r = realm_views_reset(cca->views, err);

	if (r < 0)
		return r;
	r = rmm_create(&cca->params, &rmm_host, cca, &rmm);
	if (r)
		return failed(err, r, "realm");
	pthread_rwlock_wrlock(&cca->lock);
	rmm_destroy(cca->rmm);
	cca->rmm = rmm;
	pthread_rwlock_unlock(&cca->lock);
	r = add_ram(vm, cca, err);
	if (!r)
		r = add_pages(vm, cca, err);
	if (!r)
		r = add_recs(vm, cca, err);
	if (r < 0)
		return r;
	r = rmm_activate(rmm);
	/* What was measured is the realm's by now; nothing of it stays with the host. */
	return r ? failed(err, r, "activation") : gmem_clear(vm->gmem, err);
}

static int cca_measurement(struct vm *vm, struct tvm_measurement *out, struct tvm_error *err)
{
	struct cca *cca = cca_of(vm->tee_state);

	if (!cca->rmm)
		return err_set(err, -EAGAIN, "measurement: the launch has not come that far");
	rmm_rim(cca->rmm, out->blob);
	out->blob_len = rim_hash_len(cca->params.realm.hash);
	out->kind = vm->tee->name;
	out->soft = true;
	return 0;
}

static void cca_metrics(struct vm *vm, FILE *f)
{
	static const char *const names[RSI_CALLS] = {
		"version", "features", "measurement_read", "measurement_extend", "token_init",
		"token_continue", "realm_config", "ipa_state_set", "ipa_state_get", "host_call",
	};
	struct cca *cca = cca_of(vm->tee_state);
	const struct rmm_stats *stats;
	uint64_t calls = 0;

	if (!cca->rmm)
		return;
	pthread_rwlock_rdlock(&cca->lock);
	stats = rmm_stats(cca->rmm);
	fprintf(f, ",\"rsi\":{");
	for (unsigned int i = 0; i < RSI_CALLS; i++) {
		calls += stats->calls[i];
		fprintf(f, "\"%s\":%llu,", names[i], (unsigned long long)stats->calls[i]);
	}
	fprintf(f, "\"unknown\":%llu,\"refused\":%llu},\"rsi_calls\":%llu,"
		"\"to_ram_bytes\":%llu,\"to_empty_bytes\":%llu,\"shared_bytes\":%llu,"
		"\"realm_mmio\":%llu,\"violations\":{\"mmio\":%llu,\"memory\":%llu}",
		(unsigned long long)stats->unknown, (unsigned long long)stats->refused,
		(unsigned long long)calls, (unsigned long long)stats->to_ram,
		(unsigned long long)stats->to_empty,
		(unsigned long long)rmm_shared_bytes(cca->rmm), (unsigned long long)cca->mmio,
		(unsigned long long)cca->violations[CCA_VIOLATION_MMIO],
		(unsigned long long)cca->violations[CCA_VIOLATION_MEMORY]);
	pthread_rwlock_unlock(&cca->lock);
}

static void cca_destroy(struct vm *vm)
{
	struct cca *cca = cca_of(vm->tee_state);

	if (!cca)
		return;
	rmm_destroy(cca->rmm);
	realm_views_destroy(cca->views);
	rmm_platform_close(cca->platform);
	pthread_rwlock_destroy(&cca->lock);
	free(cca);
	vm->tee_state = NULL;
}

const struct tee_ops cca_ops = {
	.name = "cca",
	.confidential = true,
	.probe = cca_probe,
	.vm_init = cca_vm_init,
	.mem_add = cca_mem_add,
	.populate = cca_populate,
	.finalize = cca_finalize,
	.measurement = cca_measurement,
	.vcpu_exit = cca_vcpu_exit,
	.vcpu_mmio = cca_vcpu_mmio,
	.vcpu_fault = cca_vcpu_fault,
	.metrics = cca_metrics,
	.destroy = cca_destroy,
};
