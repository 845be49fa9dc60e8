/* SPDX-License-Identifier: Apache-2.0 */
/* The soft platform's keys, in a directory, and a token all the way from a realm. */
#include "tee/virtcca/soft/platform.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/key.h"
#include "attest/soft_id.h"
#include "tests/unit/test_rmm.h"
#include "tvm.h"

static char dir[] = "/tmp/tvm-rmm-XXXXXX";
static char path[64];
static struct tvm_error err;

static const char *in_dir(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static bool write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "we");

	return f && fputs(text, f) >= 0 && !fclose(f);
}

static struct key *read_cpak(void)
{
	struct key *key = NULL;
	char pem[1024];
	FILE *f = fopen(in_dir(SOFT_FILE_CPAK), "re");
	size_t n = f ? fread(pem, 1, sizeof(pem), f) : 0;

	if (f)
		fclose(f);
	return key_spki_import(pem, n, &key) < 0 ? NULL : key;
}

static void test_token(void)
{
	static const enum cca_form forms[] = { CCA_LEGACY, CCA_CURRENT };
	static const struct rmm_host host = { rig_read, rig_write, rig_convert,
		rmm_platform_token, NULL };

	for (unsigned int i = 0; i < 2; i++) {
		const struct rim_rec rec = { .pc = BASE, .runnable = true };
		struct rmm_params params = rig_params();
		struct cca_realm_claims claims = { .rpv = { 9 }, .rim = { 8 } };
		struct rmm_platform *p;
		struct cca_token token;
		uint8_t *buf = NULL;
		struct key *cpak;
		struct rmm *rmm;
		size_t len;

		REQUIRE(!rmm_platform_open(dir, forms[i], &p, &err));
		REQUIRE(!rmm_platform_token(p, &claims, &buf, &len));
		REQUIRE(!cca_token_parse(buf, len, &token, &err));
		cpak = read_cpak();
		REQUIRE(cpak);
		CHECK_INT(cca_token_verify(&token, cpak, &err), 0);
		CHECK(cca_token_soft(&token) && token.realm.rim.p[0] == 8);
		CHECK(token.platform.lifecycle == 0);
		CHECK(token.platform.config.len == strlen(SOFT_NAME) &&
			!memcmp(token.platform.config.p, SOFT_NAME, strlen(SOFT_NAME)));
		free(buf);
		/* The same through a realm: its host's context is the platform here. */
		REQUIRE(!rmm_create(&params, &host, p, &rmm));
		CHECK(!rmm_rec_create(rmm, 0, &rec) && !rmm_activate(rmm));
		memset(rig.x, 0, sizeof(rig.x));
		rig.x[0] = RSI_FID_FIRST + RSI_ATTESTATION_TOKEN_INIT;
		rmm_call(rmm, 0, true, rig.x);
		CHECK(rig.x[0] == RSI_SUCCESS && rig.x[1] == 4096);
		rmm_destroy(rmm);
		key_free(cpak);
		rmm_platform_close(p);
	}
}

static void test_directory(void)
{
	struct key *first, *second;
	struct rmm_platform *p;
	struct stat sb;

	REQUIRE(!rmm_platform_open(dir, CCA_CURRENT, &p, &err));
	rmm_platform_close(p);
	first = read_cpak();
	REQUIRE(first && !stat(in_dir("cpak.key"), &sb));
	CHECK((sb.st_mode & 0777) == 0600);
	/* The export is written again, with the same key. */
	CHECK(!unlink(in_dir(SOFT_FILE_CPAK)));
	REQUIRE(!rmm_platform_open(dir, CCA_CURRENT, &p, &err));
	rmm_platform_close(p);
	second = read_cpak();
	REQUIRE(second);
	{
		uint8_t a[COSE_POINT_MAX], b[COSE_POINT_MAX];
		size_t a_len, b_len;

		CHECK(!cose_point_put(first, a, &a_len) && !cose_point_put(second, b, &b_len) &&
			a_len == b_len && !memcmp(a, b, a_len));
	}
	key_free(first);
	key_free(second);
}

static void refused(const char *text)
{
	struct rmm_platform *p = NULL;

	CHECK(rmm_platform_open(dir, CCA_CURRENT, &p, &err) < 0 && !p);
	CHECK_HAS(err.msg, text);
}

static void test_damaged(void)
{
	REQUIRE(write_file(SOFT_FILE_CPAK, "something else"));
	refused("does not belong to the key there");
	CHECK(!unlink(in_dir(SOFT_FILE_CPAK)));
	CHECK(!chmod(in_dir("cpak.key"), 0644));
	refused("others may read");
	REQUIRE(write_file("cpak.key", "no key"));
	CHECK(!chmod(in_dir("cpak.key"), 0600));
	refused("is no P-384 key");
	CHECK(!unlink(in_dir("cpak.key")));
	REQUIRE(write_file(SOFT_FILE_CPAK, "a key of hardware"));
	refused("not a soft platform's directory");
	CHECK(!unlink(in_dir(SOFT_FILE_CPAK)));
}

static void test_one_run(void)
{
	struct rmm_platform *p;

	REQUIRE(!rmm_platform_open(NULL, CCA_CURRENT, &p, &err));
	CHECK(key_kind(rmm_platform_cpak(p)) == KEY_P384);
	rmm_platform_close(p);
	rmm_platform_close(NULL);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	RUN(test_token);
	RUN(test_directory);
	RUN(test_damaged);
	RUN(test_one_run);
	unlink(in_dir("lock"));
	rmdir(dir);
	return tests_done();
}
