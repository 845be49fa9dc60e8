/* SPDX-License-Identifier: Apache-2.0 */
/* What is measured: hash table, register pages, digest, measurement. */
#include "attest/sev_measure.h"

#include <errno.h>

#include "attest/sev_launch.h"
#include "tests/unit/test_attest_vectors.h"
#include "tests/unit/test_attest_image.h"
#include "tvm.h"

static struct tvm_error err;

static struct sev_hashes hashes(void)
{
	struct sev_hashes h;

	CHECK(!sev_hashes_compute(&h, (struct alg_part){ "KERNEL", 6 },
		(struct alg_part){ "INITRD", 6 }, "console=ttyS0"));
	return h;
}

static void test_hash_table(void)
{
	struct sev_hashes h = hashes();
	uint8_t table[SEV_HASHES_LEN], digest[32];
	struct alg_part part = { table, sizeof(table) };

	sev_hashes_table(&h, table);
	CHECK(is_hex(table, sizeof(table), TABLE_HEX));
	CHECK(!alg_hash(ATTEST_SEV, &part, 1, digest));
	CHECK(is_hex(digest, 32,
		"89e0c84f79edd8bfd3d0e56b7b1c7b85004a8bc60ff2abfa0f92ee746f9b4b25"));
}

static void test_hash_table_defaults(void)
{
	struct sev_hashes h;

	CHECK(!sev_hashes_compute(&h, (struct alg_part){ "KERNEL", 6 },
		(struct alg_part){ NULL, 0 }, NULL));
	CHECK(is_hex(h.initrd, 32,
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	CHECK(is_hex(h.cmdline, 32,
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"));
}

static void check_page(const struct sev_vmsa *vmsa, const char *hex)
{
	uint8_t page[SEV_VMSA_LEN], digest[32];
	struct alg_part part = { page, sizeof(page) };

	sev_vmsa_page(vmsa, page);
	CHECK(!alg_hash(ATTEST_SEV, &part, 1, digest));
	CHECK(is_hex(digest, 32, hex));
}

static void test_vmsa(void)
{
	struct sev_vmsa v = { SEV_RESET_VECTOR, 0x800f12, 0, false };

	check_page(&v, "8295cef559b57130391d59605890ef93297720b48bef9a8c3c985b9c3fb0788c");
	v.legacy = true;
	check_page(&v, "30a76bd1aa5adf81f02832d38c21e31b073cf0663dd2337455db2a3c210666af");
	v.start = 0x80b004;
	check_page(&v, "3d1cd8f98c320cb09405dae226a8bd6e18d8bfc0b4babda508c10963a6f3df19");
	v.legacy = false;
	check_page(&v, "7ff723da33f39dedbe8336bb697e0a2f76471690074d5902e1a8177cd5312c95");
}

static void test_cpu_sig(void)
{
	CHECK_INT(sev_cpu_sig_by_name("EPYC"), 0x800f12);
	CHECK_INT(sev_cpu_sig_by_name("EPYC-Rome"), 0x830f10);
	CHECK_INT(sev_cpu_sig_by_name("EPYC-Milan"), 0xa00f11);
	CHECK_INT(sev_cpu_sig_by_name("EPYC-Genoa"), 0xa10f10);
	CHECK_INT(sev_cpu_sig_by_name("EPYC-Turin"), 0xb00f00);
	CHECK_INT(sev_cpu_sig_by_name("Dhyana"), 0x900f01);
	CHECK_INT(sev_cpu_sig_by_name("8086"), 0);
	CHECK_INT(sev_cpu_sig(6, 0x2a, 7), 0x206a7);
	for (unsigned int i = 0; sev_cpu_name(i); i++)
		CHECK(sev_cpu_sig_by_name(sev_cpu_name(i)));
}

/* The image of the vectors has no table; its AP reset address comes with it there. */
static void test_launch_digest(void)
{
	struct sev_hashes h = hashes();
	uint8_t fw[4096], digest[32];
	struct sev_launch l = {
		.alg = ATTEST_SEV,
		.firmware = { fw, sizeof(fw) },
		.hashes = &h,
		.vcpus = 1,
	};

	count_from(0, fw, sizeof(fw));
	CHECK(!sev_launch_digest(&l, digest, &err));
	CHECK(is_hex(digest, 32, LD_FW_TABLE));
	l.alg = ATTEST_CSV;
	CHECK(!sev_launch_digest(&l, digest, &err));
	CHECK(is_hex(digest, 32,
		"8db36ae6e6fd40a2a1227027096339eb085c06e8e94efdb5c956eb0bac42c37c"));
	l.es = true;
	CHECK(!sev_launch_digest(&l, digest, &err));
	l.vcpus = 2;
	CHECK_INT(sev_launch_digest(&l, digest, &err), -EINVAL);
	CHECK_HAS(err.msg, "start address");
	l.vcpus = 0;
	CHECK_INT(sev_launch_digest(&l, digest, &err), -EINVAL);
}

/* Pages of the vectors, hashed with firmware and table by hand. */
static void test_launch_digest_es(void)
{
	static const char *const want[2] = {
		"b51d99de639d58d92b3969d16b163befbd7e9c525622c39978251340fb00fb0b",
		"39f8099f42c1d313ba00d9be4ba7d93edf32de57a1dd99ae823b8edcd8ec237d",
	};
	uint8_t fw[4096], table[SEV_HASHES_LEN], pages[2][SEV_VMSA_LEN], digest[32];
	struct sev_hashes h = hashes();

	count_from(0, fw, sizeof(fw));
	sev_hashes_table(&h, table);
	for (unsigned int legacy = 0; legacy < 2; legacy++) {
		struct sev_vmsa v = { SEV_RESET_VECTOR, 0x800f12, 0, legacy };
		const struct alg_part parts[] = {
			{ fw, sizeof(fw) }, { table, sizeof(table) }, { pages, sizeof(pages) },
		};

		sev_vmsa_page(&v, pages[0]);
		v.start = 0x80b004;
		sev_vmsa_page(&v, pages[1]);
		CHECK(!alg_hash(ATTEST_SEV, parts, 3, digest));
		CHECK(is_hex(digest, 32, want[legacy]));
	}
}

/* The same through an image that has a table: areas and reset address come from it. */
static void test_launch_of_image(void)
{
	struct image_builder b = { 0 };
	struct sev_hashes h = hashes();
	uint8_t table[SEV_HASHES_LEN], pages[3][SEV_VMSA_LEN], digest[32], want[32];
	struct sev_vmsa v = { SEV_RESET_VECTOR, 0xa00f11, 0x20, false };
	struct sev_launch l = {
		.alg = ATTEST_SEV, .es = true, .hashes = &h, .vcpus = 3, .cpu_sig = 0xa00f11,
		.vmsa_features = 0x20,
	};

	image_usual(&b);
	image_finish(&b);
	l.firmware = (struct alg_part){ b.bytes, sizeof(b.bytes) };
	sev_hashes_table(&h, table);
	sev_vmsa_page(&v, pages[0]);
	v.start = IMAGE_AP_RESET;
	sev_vmsa_page(&v, pages[1]);
	sev_vmsa_page(&v, pages[2]);
	CHECK(!alg_hash(ATTEST_SEV, (const struct alg_part[]){ l.firmware,
		{ table, sizeof(table) }, { pages, sizeof(pages) } }, 3, want));
	CHECK(!sev_launch_digest(&l, digest, &err));
	CHECK(!memcmp(digest, want, 32));
}

/* A firmware that says what it takes, but takes no hash table, would check nothing. */
static void test_launch_without_area(void)
{
	struct image_builder b = { 0 };
	struct sev_hashes h = hashes();
	uint8_t digest[32];
	struct sev_launch l = { .alg = ATTEST_SEV, .hashes = &h };

	image_u32s(&b, RESET_GUID, (const uint32_t[]){ IMAGE_AP_RESET }, 1);
	image_finish(&b);
	l.firmware = (struct alg_part){ b.bytes, sizeof(b.bytes) };
	CHECK_INT(sev_launch_digest(&l, digest, &err), -EINVAL);
	CHECK_HAS(err.msg, "no place for a hash table");
	l.hashes = NULL;
	CHECK(!sev_launch_digest(&l, digest, &err));
}

static void test_measure(void)
{
	struct sev_measure_info info = { 1, 55, 21, 5, { 0 } };
	struct sev_measure m;
	uint8_t tik[16];
	char text[TEXT_BASE64(sizeof(m))];

	unhex(LD_FW_TABLE, info.digest, 32);
	count_from(0x40, tik, 16);
	count_from(0x50, m.mnonce, 16);
	CHECK(!sev_measure(ATTEST_SEV, &info, tik, &m));
	CHECK(is_hex(m.measure, 32, MEASURE_HEX));
	text_base64(&m, sizeof(m), text);
	CHECK(!strcmp(text, "6VeTdBu8hLkuEsSu6mUo8r7UF5GNNTN1ilKoJbpfAulQUVJTVFVWV1hZWltcXV5f"));
	CHECK(!sev_measure_verify(ATTEST_SEV, &info, tik, &m));
}

static void test_measure_of_others(void)
{
	struct sev_measure_info info = { 0, 0x12, 0x0f, 0, { 0 } };
	struct sev_measure m;
	uint8_t tik[16];

	unhex("66320db73158a35a255d051758e95ed4", tik, 16);
	unhex("4fbe0bedbad6c86ae8f68971d103e554", m.mnonce, 16);
	CHECK(!alg_hash(ATTEST_SEV, NULL, 0, info.digest));
	CHECK(!sev_measure(ATTEST_SEV, &info, tik, &m));
	CHECK(is_hex(m.measure, 32,
		"6faab2daae389bcd3405a05d6cafe33c0414f7bedd0bae19ba5f38b7fd1664ea"));
}

static void test_measure_csv(void)
{
	struct sev_measure_info info = { 1, 3, 6, 5, { 0 } };
	struct sev_measure m;
	uint8_t tik[16];

	unhex("8db36ae6e6fd40a2a1227027096339eb085c06e8e94efdb5c956eb0bac42c37c", info.digest, 32);
	count_from(0x40, tik, 16);
	count_from(0x50, m.mnonce, 16);
	CHECK(!sev_measure(ATTEST_CSV, &info, tik, &m));
	CHECK(is_hex(m.measure, 32,
		"31b0dea67ebe301511bd3adf1cb6ba84130e3cc0c5591cae6c39ac309d441eeb"));
}

/* Each input counts. */
static void test_measure_refused(void)
{
	const struct sev_measure_info good = { 1, 55, 21, 5, { 1 } };
	struct sev_measure_info bad;
	struct sev_measure m = { 0 }, other;
	uint8_t tik[16] = { 7 }, wrong[16] = { 8 };

	REQUIRE(!sev_measure(ATTEST_SEV, &good, tik, &m));
	CHECK(!sev_measure_verify(ATTEST_SEV, &good, tik, &m));
	CHECK_INT(sev_measure_verify(ATTEST_SEV, &good, wrong, &m), -EBADMSG);
	CHECK_INT(sev_measure_verify(ATTEST_CSV, &good, tik, &m), -EBADMSG);
	for (size_t i = 0; i < sizeof(m); i++) {
		other = m;
		((uint8_t *)&other)[i] ^= 1;
		CHECK_INT(sev_measure_verify(ATTEST_SEV, &good, tik, &other), -EBADMSG);
	}
	bad = good;
	bad.api_major ^= 1;
	CHECK_INT(sev_measure_verify(ATTEST_SEV, &bad, tik, &m), -EBADMSG);
	bad = good;
	bad.api_minor ^= 1;
	CHECK_INT(sev_measure_verify(ATTEST_SEV, &bad, tik, &m), -EBADMSG);
	bad = good;
	bad.build ^= 1;
	CHECK_INT(sev_measure_verify(ATTEST_SEV, &bad, tik, &m), -EBADMSG);
	bad = good;
	bad.policy ^= 1U << 31;
	CHECK_INT(sev_measure_verify(ATTEST_SEV, &bad, tik, &m), -EBADMSG);
	bad = good;
	bad.digest[31] ^= 1;
	CHECK_INT(sev_measure_verify(ATTEST_SEV, &bad, tik, &m), -EBADMSG);
}

int main(void)
{
	RUN(test_hash_table);
	RUN(test_hash_table_defaults);
	RUN(test_vmsa);
	RUN(test_cpu_sig);
	RUN(test_launch_digest);
	RUN(test_launch_digest_es);
	RUN(test_launch_of_image);
	RUN(test_launch_without_area);
	RUN(test_measure);
	RUN(test_measure_of_others);
	RUN(test_measure_csv);
	RUN(test_measure_refused);
	return tests_done();
}
