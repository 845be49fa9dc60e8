/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The identity of a software platform: what is in its directory, who may read it, what survives
 * and what does not, and how files that are wrong are refused.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/sev_ca.h"
#include "attest/soft_id.h"
#include "base/cleanup.h"
#include "tee/csv/soft/keyfile.h"
#include "tests/unit/test_soft.h"

#define KEYS "platform.keys"

/* A place for platforms, made and removed by each test. */
static char base[64], dir[80];

static bool scratch(void)
{
	strcpy(base, "/tmp/test-soft-XXXXXX");
	if (!mkdtemp(base))
		return false;
	snprintf(dir, sizeof(dir), "%s/p", base);
	return true;
}

static void empty(const char *d)
{
	char path[512];
	struct dirent *e;
	DIR *dp = opendir(d);

	while (dp && (e = readdir(dp))) {
		snprintf(path, sizeof(path), "%s/%s", d, e->d_name);
		unlink(path);
	}
	if (dp)
		closedir(dp);
	rmdir(d);
}

static void cleanup(void)
{
	empty(dir);
	empty(base);
}

static char *in_dir(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static size_t slurp(const char *name, void *buf, size_t size)
{
	FILE *f = fopen(in_dir(name), "rbe");
	size_t n = f ? fread(buf, 1, size, f) : 0;

	if (f)
		fclose(f);
	return n;
}

static void spill(const char *name, const void *buf, size_t size, mode_t mode)
{
	_cleanup_close_ int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	CHECK(fd >= 0 && write(fd, buf, size) == (ssize_t)size);
}

static unsigned int mode_of(const char *path)
{
	struct stat sb;

	return stat(path, &sb) < 0 ? 0 : sb.st_mode & 07777;
}

static struct soft_psp *open_psp(bool csv, struct tvm_error *err)
{
	struct soft_psp *psp = NULL;

	soft_psp_create(dir, csv, false, &psp, err);
	return psp;
}

/* What is exported verifies as a soft platform's, and as nothing else. */
static void exports(bool csv)
{
	enum attest_alg alg = csv ? ATTEST_CSV : ATTEST_SEV;
	struct sev_roots roots = { 0 };
	uint8_t buf[SEV_CA_PAIR_MAX], file[SEV_CHAIN_LEN], id[SOFT_CHIP_ID_LEN] = { 0 };
	struct sev_get_id2 get = { (uintptr_t)id, sizeof(id) };
	struct tvm_error err = { 0 };
	static struct host h;
	struct owner o;
	char status[512];
	size_t n;

	REQUIRE(scratch());
	REQUIRE(host_open(&h, dir, csv));
	CHECK_INT(mode_of(dir), 0700);
	CHECK_INT(mode_of(in_dir(KEYS)), 0600);
	CHECK_INT(owner_export(&o, &h), 0);
	CHECK_INT(slurp(SOFT_FILE_PDH, file, sizeof(file)), SEV_CERT_LEN);
	CHECK(!memcmp(file, &o.pdh, SEV_CERT_LEN));
	CHECK_INT(slurp(SOFT_FILE_CHAIN, file, sizeof(file)), SEV_CHAIN_LEN);
	CHECK(!memcmp(file, &o.chain, SEV_CHAIN_LEN));
	CHECK_INT(sev_chain_verify(&o.pdh, &o.chain, alg, &err), 0);
	n = slurp(SOFT_FILE_ROOTS, buf, sizeof(buf));
	CHECK_INT(n, 2 * 832);
	CHECK_INT(sev_roots_parse(&roots, alg, buf, n, &err), 0);
	CHECK_INT(sev_roots_verify(&roots, &o.chain.cek, &err), 0);
	CHECK(sev_roots_soft(&roots));
	CHECK(!sev_roots_known(&roots));
	sev_roots_fini(&roots);
	status[slurp(SOFT_FILE_STATUS, status, sizeof(status) - 1)] = '\0';
	CHECK_HAS(status, csv ? "\"algorithms\":\"csv\"" : "\"algorithms\":\"sev\"");
	CHECK_HAS(status, csv ? "\"api-minor\":3" : "\"api-minor\":55");
	CHECK_INT(host_platform(&h, SEV_PLATFORM_GET_ID2, &get), 0);
	CHECK(memcmp(id, (uint8_t[SOFT_CHIP_ID_LEN]){ 0 }, sizeof(id)));
	host_close(&h);
	cleanup();
}

static void test_exports_sev(void) { exports(false); }
static void test_exports_csv(void) { exports(true); }

/* A session made before the machine exists works in a later process, and in several. */
static void persistence(bool csv)
{
	static struct host a, b, c;
	struct sev_measure m;
	struct owner o;

	REQUIRE(scratch());
	REQUIRE(host_open(&a, dir, csv));
	REQUIRE(!owner_init(&o, &a, csv, 1, NULL));
	host_close(&a);
	REQUIRE(host_open(&b, dir, csv) && host_open(&c, dir, csv));
	CHECK_INT(host_op(&b, SEV_CMD_INIT, NULL), 0);
	CHECK_INT(host_op(&c, SEV_CMD_INIT, NULL), 0);
	CHECK_INT(owner_start(&o, &b), 0);
	CHECK_INT(owner_start(&o, &c), 0);
	CHECK_INT(host_measure(&b, &m), 0);
	host_close(&b);
	host_close(&c);
	cleanup();
}

static void test_persistence_sev(void) { persistence(false); }
static void test_persistence_csv(void) { persistence(true); }

/* PDH_GEN, PEK_GEN, FACTORY_RESET: which keys change, in memory and for the next start. */
static void replaced(bool csv, bool kept)
{
	static const struct {
		int cmd;
		bool pdh, pek, oca, state_uninit;
	} cases[] = {
		{ SEV_PLATFORM_PDH_GEN, true, false, false, false },
		{ SEV_PLATFORM_PEK_GEN, true, true, false, false },
		{ SEV_PLATFORM_FACTORY_RESET, true, true, true, true },
	};

	REQUIRE(scratch());
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sev_platform_status st;
		struct owner before, after, again;
		struct tvm_error err = { 0 };
		static struct host h;

		REQUIRE(host_open(&h, kept ? dir : NULL, csv));
		CHECK_INT(owner_export(&before, &h), 0);
		CHECK_INT(host_platform(&h, cases[i].cmd, NULL), 0);
		CHECK_INT(host_platform(&h, SEV_PLATFORM_STATUS, &st), 0);
		CHECK_INT(st.state, cases[i].state_uninit ? SOFT_UNINIT : SOFT_INIT);
		CHECK_INT(owner_export(&after, &h), 0);
		CHECK_INT(sev_chain_verify(&after.pdh, &after.chain, csv ? ATTEST_CSV : ATTEST_SEV,
			&err), 0);
		CHECK_INT(!!memcmp(&before.pdh, &after.pdh, SEV_CERT_LEN), cases[i].pdh);
		CHECK_INT(!!memcmp(&before.chain.pek, &after.chain.pek, SEV_CERT_LEN),
			cases[i].pek);
		CHECK_INT(!!memcmp(&before.chain.oca, &after.chain.oca, SEV_CERT_LEN),
			cases[i].oca);
		CHECK(!memcmp(&before.chain.cek, &after.chain.cek, SEV_CERT_LEN));
		host_close(&h);
		if (kept) {
			REQUIRE(host_open(&h, dir, csv));
			CHECK_INT(owner_export(&again, &h), 0);
			CHECK(!memcmp(&again.pdh, &after.pdh, SEV_CERT_LEN));
			CHECK(!memcmp(&again.chain, &after.chain, SEV_CHAIN_LEN));
			host_close(&h);
		}
	}
	cleanup();
}

static void test_replace_sev(void) { replaced(false, true); }
static void test_replace_csv(void) { replaced(true, true); }
static void test_replace_one_run(void) { replaced(false, false); }

/* While a guest lives: PDH may change, the rest not. */
static void test_replace_working(void)
{
	static struct host h;

	REQUIRE(host_open(&h, NULL, false));
	CHECK_INT(host_begin(&h, 0), 0);
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PDH_GEN, NULL), 0);
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PEK_GEN, NULL), SEV_RET_INVALID_PLATFORM_STATE);
	CHECK_INT(host_platform(&h, SEV_PLATFORM_FACTORY_RESET, NULL), -EBUSY);
	CHECK_INT(host_state(&h), SEV_GSTATE_LUPDATE);
	host_close(&h);
}

/* Lengths asked for, lengths too small, lengths too long. */
static void test_lengths(void)
{
	struct sev_cert csr, pdh;
	struct sev_cert_chain chain;
	struct sev_pdh_cert_export ex = { 0 };
	struct sev_pek_csr in = { 0 };
	struct sev_get_id2 id = { 0 };
	static struct host h;

	REQUIRE(host_open(&h, NULL, false));
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PDH_CERT_EXPORT, &ex), SEV_RET_INVALID_LEN);
	CHECK_INT(ex.pdh_len, SEV_CERT_LEN);
	CHECK_INT(ex.chain_len, SEV_CHAIN_LEN);
	CHECK(!host_psp(&h)->keys->roots_len);
	ex = (struct sev_pdh_cert_export){ (uintptr_t)&pdh, SEV_CERT_LEN - 1, (uintptr_t)&chain,
		SEV_CHAIN_LEN };
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PDH_CERT_EXPORT, &ex), SEV_RET_INVALID_LEN);
	ex.chain_len = SEV_BLOB_MAX + 1;
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PDH_CERT_EXPORT, &ex), -EFAULT);
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PEK_CSR, &in), SEV_RET_INVALID_LEN);
	CHECK_INT(in.len, SEV_CERT_LEN);
	in.uaddr = (uintptr_t)&csr;
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PEK_CSR, &in), 0);
	CHECK_INT(le32_get(csr.usage), SEV_USAGE_PEK);
	CHECK_INT(le32_get(csr.sig[0].usage), SEV_USAGE_INVALID);
	CHECK_INT(host_platform(&h, SEV_PLATFORM_GET_ID2, &id), SEV_RET_INVALID_LEN);
	CHECK_INT(id.len, SOFT_CHIP_ID_LEN);
	host_close(&h);
}

/* An owner takes the platform over with an OCA of its own. */
static void import(bool csv)
{
	enum attest_alg alg = csv ? ATTEST_CSV : ATTEST_SEV;
	struct sev_cert pek, oca, bad;
	struct sev_pek_csr in = { (uintptr_t)&pek, sizeof(pek) };
	struct sev_pek_cert_import im = {
		(uintptr_t)&pek, sizeof(pek), (uintptr_t)&oca, sizeof(oca)
	};
	struct sev_platform_status st;
	struct key *key = NULL;
	struct tvm_error err = { 0 };
	struct owner before, after;
	static struct host h;

	REQUIRE(scratch());
	REQUIRE(host_open(&h, dir, csv));
	CHECK_INT(owner_export(&before, &h), 0);
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PEK_CSR, &in), 0);
	REQUIRE(!key_generate(csv ? KEY_SM2 : KEY_P384, &key));
	if (csv)
		CHECK_INT(key_set_uid(key, "OWNER", 5), 0);
	CHECK_INT(sev_cert_build(&oca, alg, SEV_USAGE_OCA, key, 1, 0), 0);
	CHECK_INT(sev_cert_sign(&oca, alg, 0, SEV_USAGE_OCA, key), 0);
	/* Not signed yet; signed by another; not our PEK; wrong lengths. */
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PEK_CERT_IMPORT, &im), SEV_RET_BAD_SIGNATURE);
	CHECK_INT(sev_cert_sign(&pek, alg, 0, SEV_USAGE_OCA, key), 0);
	pek.sig[0].r[0] ^= 1;
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PEK_CERT_IMPORT, &im), SEV_RET_BAD_SIGNATURE);
	pek.sig[0].r[0] ^= 1;
	bad = pek;
	bad.pubkey = before.pdh.pubkey;
	im.pek_uaddr = (uintptr_t)&bad;
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PEK_CERT_IMPORT, &im),
		SEV_RET_INVALID_CERTIFICATE);
	im.pek_uaddr = (uintptr_t)&pek;
	im.oca_uaddr = (uintptr_t)&pek;
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PEK_CERT_IMPORT, &im),
		SEV_RET_INVALID_CERTIFICATE);
	im.oca_uaddr = (uintptr_t)&oca;
	im.oca_len--;
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PEK_CERT_IMPORT, &im), SEV_RET_INVALID_LEN);
	im.oca_len = 0;
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PEK_CERT_IMPORT, &im), -EINVAL);
	im.oca_len = sizeof(oca);
	CHECK_INT(host_platform(&h, SEV_PLATFORM_STATUS, &st), 0);
	CHECK_INT(st.flags & SOFT_FLAG_OWNED, 0);
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PEK_CERT_IMPORT, &im), 0);
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PEK_CERT_IMPORT, &im), SEV_RET_ALREADY_OWNED);
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PEK_GEN, NULL), SEV_RET_ALREADY_OWNED);
	host_close(&h);
	/* It stays so, until the factory reset. */
	REQUIRE(host_open(&h, dir, csv));
	CHECK_INT(host_platform(&h, SEV_PLATFORM_STATUS, &st), 0);
	CHECK_INT(st.flags & SOFT_FLAG_OWNED, SOFT_FLAG_OWNED);
	CHECK_INT(owner_export(&after, &h), 0);
	CHECK_INT(sev_chain_verify(&after.pdh, &after.chain, alg, &err), 0);
	CHECK(!memcmp(&after.chain.oca, &oca, sizeof(oca)));
	CHECK(memcmp(&after.pdh, &before.pdh, sizeof(before.pdh)));
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PDH_GEN, NULL), 0);
	CHECK_INT(host_platform(&h, SEV_PLATFORM_FACTORY_RESET, NULL), 0);
	CHECK_INT(host_platform(&h, SEV_PLATFORM_STATUS, &st), 0);
	CHECK_INT(st.flags, 0);
	host_close(&h);
	key_free(key);
	cleanup();
}

static void test_import_sev(void) { import(false); }
static void test_import_csv(void) { import(true); }

/* ---- Files that are wrong ---------------------------------------------------------------- */

/* With CSV's algorithms, whose roots are made faster than RSA keys. */

/* The checksum holds again, so that what is behind it is looked at. */
static void reseal(struct keyfile *f)
{
	struct alg_part part = { f, offsetof(struct keyfile, check) };

	CHECK_INT(alg_hash(ATTEST_SEV, &part, 1, f->check), 0);
}

static void test_damaged(void)
{
	static const char *const says[] = { "truncated", "not a key file", "not a key file",
		"checksum", "checksum", "more than", "other algorithms", "others may read",
		"not that of its certificate", "no usable keys", "no usable keys", "certificate",
		"certificate", "" };
	static struct keyfile good, other, f;
	struct soft_psp *psp;
	struct tvm_error err;

	REQUIRE(scratch());
	psp = open_psp(true, &err);
	REQUIRE(psp && !keyfile_encode(psp->keys, &good));
	soft_psp_destroy(psp);
	REQUIRE(!soft_psp_create(NULL, true, false, &psp, NULL));
	REQUIRE(!keyfile_encode(psp->keys, &other));
	soft_psp_destroy(psp);
	for (unsigned int i = 0; i < ARRAY_SIZE(says); i++) {
		size_t len = sizeof(f);
		uint8_t more[sizeof(f) + 1];

		f = good;
		unlink(in_dir(KEYS));
		switch (i) {
		case 0: len -= 1; break;
		case 1: len = 0; break;
		case 2: f.magic[0] ^= 1; break;
		case 3: f.keys[0].der[9] ^= 1; break;
		case 4: f.check[0] ^= 1; break;
		case 5: len++; break;
		case 6: f.csv = le32_make(0); reseal(&f); break;
		case 8: memcpy(&f.keys[3], &other.keys[3], sizeof(f.keys[3])); reseal(&f); break;
		case 9: f.keys[1].len = le32_make(0); reseal(&f); break;
		case 10: f.roots_len = le32_make(0xffffffff); reseal(&f); break;
		case 11: f.chain.pek.sig[0].r[0] ^= 1; reseal(&f); break;
		case 12: f.chain.cek.sig[0].rsa[0] ^= 1; reseal(&f); break;
		}
		memcpy(more, &f, sizeof(f));
		more[sizeof(f)] = 0;
		spill(KEYS, more, len, i == 7 ? 0644 : 0600);
		psp = open_psp(true, &err);
		if (i == ARRAY_SIZE(says) - 1) {
			CHECK(psp != NULL);
			soft_psp_destroy(psp);
			continue;
		}
		CHECK(!psp);
		CHECK_HAS(err.msg, dir);
		CHECK_HAS(err.msg, KEYS);
		CHECK_HAS(err.msg, says[i]);
	}
	cleanup();
}

static void test_foreign_roots(void)
{
	static struct keyfile good, other, f;
	struct soft_psp *psp;
	struct tvm_error err;

	REQUIRE(scratch());
	psp = open_psp(true, &err);
	REQUIRE(psp && !keyfile_encode(psp->keys, &good));
	soft_psp_destroy(psp);
	REQUIRE(!soft_psp_create(NULL, true, false, &psp, NULL));
	CHECK_INT(keys_certify(psp->keys), 0);
	REQUIRE(!keyfile_encode(psp->keys, &other));
	soft_psp_destroy(psp);
	f = good;
	memcpy(f.roots, other.roots, sizeof(f.roots));
	reseal(&f);
	spill(KEYS, &f, sizeof(f), 0600);
	CHECK(!open_psp(true, &err));
	CHECK_HAS(err.msg, "CEK");
	cleanup();
}

static void test_exports_wrong(void)
{
	static const char *const names[] = { SOFT_FILE_PDH, SOFT_FILE_CHAIN, SOFT_FILE_ROOTS };
	uint8_t buf[SEV_CHAIN_LEN], again[SEV_CHAIN_LEN];
	struct tvm_error err;
	struct soft_psp *psp;

	REQUIRE(scratch());
	psp = open_psp(true, &err);
	REQUIRE(psp);
	soft_psp_destroy(psp);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = slurp(names[i], buf, sizeof(buf));

		/* Missing: a crash may have come between keys and exports. */
		unlink(in_dir(names[i]));
		psp = open_psp(true, &err);
		CHECK(psp != NULL);
		soft_psp_destroy(psp);
		CHECK_INT(slurp(names[i], again, sizeof(again)), n);
		CHECK(!memcmp(buf, again, n));
		/* Cut off, changed, replaced by a directory or a link: somebody's doing. */
		spill(names[i], buf, n - 1, 0644);
		CHECK(!open_psp(true, &err));
		CHECK_HAS(err.msg, names[i]);
		buf[100] ^= 1;
		spill(names[i], buf, n, 0644);
		CHECK(!open_psp(true, &err));
		CHECK_HAS(err.msg, names[i]);
		buf[100] ^= 1;
		unlink(in_dir(names[i]));
		CHECK_INT(symlink("/dev/zero", in_dir(names[i])), 0);
		CHECK(!open_psp(true, &err));
		CHECK_HAS(err.msg, names[i]);
		unlink(in_dir(names[i]));
	}
	/* Without its keys a directory of certificates is not ours to fill. */
	psp = open_psp(true, &err);
	CHECK(psp != NULL);
	soft_psp_destroy(psp);
	unlink(in_dir(KEYS));
	CHECK(!open_psp(true, &err));
	CHECK_INT(err.code, -EEXIST);
	CHECK_HAS(err.msg, "not a soft platform's directory");
	CHECK(access(in_dir(KEYS), F_OK) < 0);
	cleanup();
}

static void test_directory(void)
{
	struct tvm_error err;
	struct soft_psp *psp;

	REQUIRE(scratch());
	CHECK_INT(mkdir(dir, 0700), 0);
	CHECK_INT(chmod(dir, 0777), 0);
	CHECK(!open_psp(true, &err));
	CHECK_HAS(err.msg, "others may write");
	CHECK_INT(chmod(dir, 0755), 0);
	/* What a crash left of an unfinished file is no obstacle. */
	spill(".platform.keys.tmp", "half", 4, 0600);
	psp = open_psp(true, &err);
	CHECK(psp != NULL);
	soft_psp_destroy(psp);
	CHECK(access(in_dir(".platform.keys.tmp"), F_OK) < 0);
	CHECK(!open_psp(false, &err));
	CHECK_HAS(err.msg, "other algorithms");
	empty(dir);
	CHECK_INT(mknod(dir, S_IFREG | 0600, 0), 0);
	CHECK(!open_psp(true, &err));
	CHECK_INT(err.code, -ENOTDIR);
	unlink(dir);
	strcat(dir, "/no/such");
	CHECK(!open_psp(true, &err));
	CHECK_INT(err.code, -ENOENT);
	CHECK_HAS(err.msg, dir);
	cleanup();
	rmdir(base);
}

/* Writing fails: the command fails, keys in memory and in the directory stay the old ones. */
static void test_no_space(void)
{
	struct owner before, after;
	static struct host h;

	REQUIRE(scratch());
	REQUIRE(host_open(&h, dir, true));
	CHECK_INT(owner_export(&before, &h), 0);
	/* A directory where the temporary file would be: works for root, too. */
	CHECK_INT(mkdir(in_dir(".platform.keys.tmp"), 0700), 0);
	CHECK_INT(host_platform(&h, SEV_PLATFORM_PDH_GEN, NULL), SEV_RET_HWSEV_RET_PLATFORM);
	CHECK_INT(host_platform(&h, SEV_PLATFORM_FACTORY_RESET, NULL), SEV_RET_HWSEV_RET_PLATFORM);
	CHECK_INT(owner_export(&after, &h), 0);
	CHECK(!memcmp(&before.pdh, &after.pdh, SEV_CERT_LEN));
	CHECK(!memcmp(&before.chain, &after.chain, SEV_CHAIN_LEN));
	host_close(&h);
	rmdir(in_dir(".platform.keys.tmp"));
	REQUIRE(host_open(&h, dir, true));
	CHECK_INT(owner_export(&after, &h), 0);
	CHECK(!memcmp(&before.pdh, &after.pdh, SEV_CERT_LEN));
	host_close(&h);
	cleanup();
}

struct racer {
	pthread_t thread;
	struct sev_cert pdh;
	int r;
};

static void *race(void *arg)
{
	struct racer *racer = arg;
	struct soft_psp *psp;

	racer->r = soft_psp_create(dir, true, false, &psp, NULL);
	if (!racer->r) {
		racer->pdh = psp->keys->pdh_cert;
		soft_psp_destroy(psp);
	}
	return NULL;
}

/* Many at first use: one makes the keys, all have the same. */
static void test_race(void)
{
	static struct racer racers[8];

	REQUIRE(scratch());
	for (unsigned int i = 0; i < ARRAY_SIZE(racers); i++)
		CHECK_INT(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(racers); i++)
		pthread_join(racers[i].thread, NULL);
	for (unsigned int i = 0; i < ARRAY_SIZE(racers); i++) {
		CHECK_INT(racers[i].r, 0);
		CHECK(!memcmp(&racers[i].pdh, &racers[0].pdh, sizeof(racers[0].pdh)));
	}
	cleanup();
}

int main(void)
{
	RUN(test_exports_sev);
	RUN(test_exports_csv);
	RUN(test_persistence_sev);
	RUN(test_persistence_csv);
	RUN(test_replace_sev);
	RUN(test_replace_csv);
	RUN(test_replace_one_run);
	RUN(test_replace_working);
	RUN(test_lengths);
	RUN(test_import_sev);
	RUN(test_import_csv);
	RUN(test_damaged);
	RUN(test_foreign_roots);
	RUN(test_exports_wrong);
	RUN(test_directory);
	RUN(test_no_space);
	RUN(test_race);
	return tests_done();
}
