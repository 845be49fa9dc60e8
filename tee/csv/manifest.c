/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launch manifest: what a launch measures, in its order, with the expected digest; from
 * the configuration and the files alone. The guest owner signs off on this.
 */
#include "tee/csv/manifest.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "attest/ovmf_table.h"
#include "attest/sev_launch.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "vmm/vm.h"

static int append(const char *path, const char *what, uint8_t **buf, size_t *len,
	struct tvm_error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t at = (*len + 3) & ~(size_t)3;
	struct stat st;
	uint8_t *grown;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "%s: cannot open '%s'", what, path);
	if (!S_ISREG(st.st_mode) || !st.st_size)
		return err_set(err, -EINVAL, "%s: '%s' is not a file with contents", what, path);
	grown = realloc(*buf, at + (size_t)st.st_size);
	if (!grown)
		return err_set(err, -ENOMEM, "%s: out of memory", what);
	*buf = grown;
	memset(grown + *len, 0, at - *len);
	r = read_at(fd, 0, grown + at, (size_t)st.st_size);
	if (r < 0)
		return err_sys(err, r, "%s: cannot read '%s'", what, path);
	*len = at + (size_t)st.st_size;
	return 0;
}

static int hash_files(const struct tvm_config *cfg, struct sev_hashes *out,
	struct tvm_error *err)
{
	_cleanup_free_ uint8_t *kernel = NULL, *initrd = NULL;
	size_t kernel_len = 0, initrd_len = 0;
	int r = append(cfg->kernel, "kernel", &kernel, &kernel_len, err);

	for (unsigned int i = 0; !r && i < cfg->initrd.nr; i++)
		r = append(cfg->initrd.items[i], "initrd", &initrd, &initrd_len, err);
	if (r < 0)
		return r;
	r = sev_hashes_compute(out, (struct alg_part){ kernel, kernel_len },
		(struct alg_part){ initrd, initrd_len }, cfg->cmdline);
	return r < 0 ? err_sys(err, r, "hashes") : 0;
}

static void hex(FILE *f, const char *name, const uint8_t *bytes, size_t len)
{
	fprintf(f, "\"%s\":\"", name);
	for (size_t i = 0; i < len; i++)
		fprintf(f, "%02x", bytes[i]);
	fputc('"', f);
}

static int part(FILE *f, enum attest_alg alg, const char *name, uint64_t gpa, const void *data,
	size_t len)
{
	uint8_t digest[ALG_HASH_LEN];
	int r = alg_hash(alg, &(struct alg_part){ data, len }, 1, digest);

	fprintf(f, "{\"what\":\"%s\",\"gpa\":%llu,\"size\":%zu,", name,
		(unsigned long long)gpa, len);
	hex(f, alg == ATTEST_CSV ? "sm3" : "sha256", digest, sizeof(digest));
	fputc('}', f);
	return r;
}

static int print(FILE *f, const struct csv_kind *kind, const struct tvm_config *cfg,
	const struct firmware *fw, const struct sev_hashes *hashes, struct tvm_error *err)
{
	struct sev_launch launch = {
		.alg = kind->csv ? ATTEST_CSV : ATTEST_SEV,
		.es = kind->es,
		.firmware = { fw->image, fw->size },
		.hashes = hashes,
		.vcpus = cfg->cpus,
		.vmsa_legacy = kind->csv,
	};
	uint8_t digest[ALG_HASH_LEN], table[SEV_HASHES_LEN];
	unsigned int ebx, ecx, edx;
	struct ovmf_table areas;
	int r = ovmf_table_read(fw->image, fw->size, &areas, err);

	if (r < 0)
		return r;
	if (kind->es)
		__get_cpuid(1, &launch.cpu_sig, &ebx, &ecx, &edx);
	r = sev_launch_digest(&launch, digest, err);
	if (r < 0)
		return r;
	fprintf(f, "\"kind\":\"%s\",\"policy\":%u,\"measured\":[", kind->name,
		cfg->tee.policy == CONFIG_POLICY_DEFAULT ? kind->policy : cfg->tee.policy);
	r = part(f, launch.alg, "firmware", fw->gpa, fw->image, fw->size);
	if (!r && hashes) {
		sev_hashes_table(hashes, table);
		fputc(',', f);
		r = part(f, launch.alg, "kernel-hashes", areas.hashes.base, table, sizeof(table));
	}
	if (kind->es)
		fprintf(f, ",{\"what\":\"vmsa\",\"vcpus\":%u,\"cpu\":\"this host's\"}", cfg->cpus);
	fputs("],", f);
	if (hashes) {
		fputs("\"kernel_hashes\":{", f);
		hex(f, "kernel", hashes->kernel, sizeof(hashes->kernel));
		fputc(',', f);
		hex(f, "initrd", hashes->initrd, sizeof(hashes->initrd));
		fputc(',', f);
		hex(f, "cmdline", hashes->cmdline, sizeof(hashes->cmdline));
		fputs("},", f);
	}
	hex(f, "launch_digest", digest, sizeof(digest));
	if (!r && kind->es && !kind->csv) {
		/* Kernels without SEV_INIT2 leave FPU state out of the register pages. */
		launch.vmsa_legacy = true;
		r = sev_launch_digest(&launch, digest, err);
		fputc(',', f);
		hex(f, "launch_digest_es_init", digest, sizeof(digest));
	}
	return r < 0 ? err_sys(err, r, "manifest") : 0;
}

int csv_manifest(const struct csv_kind *kind, const struct tvm_config *cfg,
	const struct firmware *fw, FILE *f, struct tvm_error *err)
{
	struct sev_hashes hashes;
	int r = cfg->tee.kernel_hashes ? hash_files(cfg, &hashes, err) : 0;

	if (r < 0)
		return r;
	return print(f, kind, cfg, fw, cfg->tee.kernel_hashes ? &hashes : NULL, err);
}
