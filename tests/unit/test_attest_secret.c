/* SPDX-License-Identifier: Apache-2.0 */
/* The packet and the table inside it. */
#include "attest/sev_secret.h"

#include <errno.h>

#include "attest/sev_table.h"
#include "tests/unit/test_attest_vectors.h"
#include "tvm.h"

static struct tvm_error err;

struct packet {
	struct attest_tk tk;
	uint8_t measure[32], iv[16], text[64], trans[64], out[64];
	struct sev_secret_header header;
};

static void packet_make(struct packet *p, enum attest_alg alg, const char *measure)
{
	memset(p, 0, sizeof(*p));
	count_from(0x30, p->tk.tek, 16);
	count_from(0x40, p->tk.tik, 16);
	count_from(0x60, p->iv, 16);
	unhex(measure, p->measure, 32);
	unhex(SECRET_TABLE_HEX, p->text, 64);
	REQUIRE(!sev_secret_seal(alg, &p->tk, p->measure, 0, p->iv, p->text, 64, &p->header,
		p->trans, &err));
}

static int open_packet(struct packet *p, enum attest_alg alg)
{
	return sev_secret_open(alg, &p->tk, p->measure, &p->header, p->trans, 64, p->out, 64, &err);
}

static void test_vector(void)
{
	struct packet p;

	packet_make(&p, ATTEST_SEV, MEASURE_HEX);
	CHECK(is_hex(p.trans, 64,
		"d1ee50d069924667076e4ce82ce91faf9385b3d9a0616d6038346c38b483dbd2"
		"1d84a5afcc031969ecc9f8eb3cbb1b8fc578914a2b735643c3793df1a617f207"));
	CHECK(is_hex(&p.header, 52, "00000000606162636465666768696a6b6c6d6e6f"
		"f38fe389ce25b4cd00c02185ab5aa4c4768f2615c33bfe0f0d972184557b72a7"));
	CHECK(!open_packet(&p, ATTEST_SEV));
	CHECK(!memcmp(p.out, p.text, 64));
}

static void test_vector_csv(void)
{
	struct packet p;

	packet_make(&p, ATTEST_CSV,
		"31b0dea67ebe301511bd3adf1cb6ba84130e3cc0c5591cae6c39ac309d441eeb");
	CHECK(is_hex(p.trans, 64,
		"7f36148210992486e2321cf0ddb9835c4c828b9ced9e2f2f41537858a6d4b810"
		"48f19891892df8cc6297582fd50b8696310107658096e225536cb1de00184fc0"));
	CHECK(is_hex(p.header.mac, 32,
		"531cbd99077d0377694fab6f4e3fa1c4a91a37d6ebe44d164b23e007c0486ce5"));
	CHECK(!open_packet(&p, ATTEST_CSV));
	CHECK(!memcmp(p.out, p.text, 64));
}

/* Whatever is changed: refused, and not a byte is written. */
static void test_tampered(void)
{
	static const uint8_t zeros[64];
	struct packet p, good;

	for (enum attest_alg alg = ATTEST_SEV; alg <= ATTEST_CSV; alg++) {
		packet_make(&good, alg, MEASURE_HEX);
		for (size_t at = 0; at < 52; at++) {
			p = good;
			((uint8_t *)&p.header)[at] ^= 2;
			CHECK_INT(open_packet(&p, alg), -EBADMSG);
			CHECK(!memcmp(p.out, zeros, 64));
		}
		for (size_t at = 0; at < 64; at++) {
			p = good;
			p.trans[at] ^= 1;
			CHECK_INT(open_packet(&p, alg), -EBADMSG);
		}
		p = good;
		p.measure[0] ^= 1;
		CHECK_INT(open_packet(&p, alg), -EBADMSG);
		p = good;
		p.tk.tik[0] ^= 1;
		CHECK_INT(open_packet(&p, alg), -EBADMSG);
		CHECK_INT(open_packet(&good, !alg), -EBADMSG);
	}
}

static void test_lengths(void)
{
	static uint8_t big[SEV_SECRET_MAX + 16], out[SEV_SECRET_MAX + 16];
	static const size_t bad[] = { 0, 1, 15, 17, SEV_SECRET_MAX + 16 };
	struct packet p;

	packet_make(&p, ATTEST_SEV, MEASURE_HEX);
	for (size_t i = 0; i < 5; i++) {
		CHECK_INT(sev_secret_seal(ATTEST_SEV, &p.tk, p.measure, 0, NULL, big, bad[i],
			&p.header, out, &err), -EINVAL);
		CHECK_INT(sev_secret_open(ATTEST_SEV, &p.tk, p.measure, &p.header, big, bad[i], out,
			bad[i], &err), -EINVAL);
	}
	CHECK_INT(sev_secret_open(ATTEST_SEV, &p.tk, p.measure, &p.header, p.trans, 64, out, 48,
		&err), -EINVAL);
	CHECK(!sev_secret_seal(ATTEST_SEV, &p.tk, p.measure, 0, NULL, big, SEV_SECRET_MAX,
		&p.header, out, &err));
	CHECK(!sev_secret_open(ATTEST_SEV, &p.tk, p.measure, &p.header, out, SEV_SECRET_MAX, out,
		SEV_SECRET_MAX, &err));
	CHECK(!memcmp(out, big, SEV_SECRET_MAX));
	CHECK_INT(sev_secret_seal(ATTEST_SEV, &p.tk, p.measure, 1, NULL, big, 16, &p.header, out,
		&err), -EINVAL);
	CHECK_HAS(err.msg, "compressed");
}

static struct sev_table_entry entry(const char *guid, const char *text, size_t len)
{
	struct sev_table_entry e = { .data = text, .len = len };

	CHECK(guid_parse(guid, &e.guid));
	return e;
}

#define LUKS "736869e5-84f0-4973-92ec-06879ce3da0b"
#define COCO "e6f5a162-d67f-4750-a67c-5d065f2a9910"

static void test_table(void)
{
	struct sev_table_entry e = entry(LUKS, "passphrase", 11), seen;
	uint8_t table[64];
	size_t pos = 0;

	CHECK_INT(sev_table_size(&e, 1), 64);
	CHECK(!sev_table_write(&e, 1, table, 64, &err));
	/* The length without padding: padding inside it would read as an entry. */
	CHECK_INT(table[16], 51);
	CHECK(!memcmp(table + 20, e.guid.b, 16) && !memcmp(table + 40, "passphrase", 11));
	CHECK_INT(sev_table_next(table, 64, &pos, &seen), 1);
	CHECK(guid_equal(&seen.guid, &e.guid) && seen.len == 11);
	CHECK(!memcmp(seen.data, "passphrase", 11));
	CHECK_INT(sev_table_next(table, 64, &pos, &seen), 0);
	CHECK_INT(sev_table_next(table, 64, &pos, &seen), 0);
}

/* Others round the length up, or have a block of zeros behind it. */
static void test_table_of_others(void)
{
	struct sev_table_entry seen;
	uint8_t table[80] = { 0 };
	size_t pos = 0;

	unhex(SECRET_TABLE_HEX, table, 64);
	CHECK_INT(sev_table_next(table, 80, &pos, &seen), 1);
	CHECK_INT(seen.len, 11);
	CHECK_INT(sev_table_next(table, 80, &pos, &seen), 0);
	le_store(table + 16, 4, 80);	/* 29 zeros: an entry of length 0 */
	pos = 0;
	CHECK_INT(sev_table_next(table, 80, &pos, &seen), 1);
	CHECK_INT(sev_table_next(table, 80, &pos, &seen), -EINVAL);
}

static void test_table_bad(void)
{
	struct sev_table_entry e[3] = {
		entry(LUKS, "a", 1), entry(COCO, "", 0), entry(LUKS, "b", 1),
	};
	static const char big[SEV_SECRET_MAX];
	uint8_t out[128];

	CHECK_INT(sev_table_write(e, 0, out, 32, &err), -EINVAL);
	CHECK_INT(sev_table_write(e, 3, out, sev_table_size(e, 3), &err), -EINVAL);
	CHECK_HAS(err.msg, LUKS " is given twice");
	CHECK(!sev_table_write(e, 2, out, sev_table_size(e, 2), &err));
	CHECK_INT(sev_table_write(e, 2, out, 16, &err), -EINVAL);
	memset(&e[1].guid, 0, 16);
	CHECK_INT(sev_table_write(e, 2, out, sev_table_size(e, 2), &err), -EINVAL);
	e[0].data = big;
	e[0].len = SEV_SECRET_MAX - 40;
	CHECK_INT(sev_table_size(e, 1), SEV_SECRET_MAX);
	e[0].len++;
	CHECK_INT(sev_table_size(e, 1), 0);
	e[0].len = SIZE_MAX - 10;
	CHECK_INT(sev_table_size(e, 1), 0);
}

static void test_table_hostile(void)
{
	struct sev_table_entry seen;
	uint8_t table[64];
	size_t pos;

	unhex(SECRET_TABLE_HEX, table, 64);
	for (size_t size = 0; size < 64; size++) {
		pos = 0;
		CHECK_INT(sev_table_next(table, size, &pos, &seen), -EINVAL);
	}
	for (uint32_t len = 0; len < 20; len++) {
		pos = 0;
		le_store(table + 36, 4, len);
		CHECK_INT(sev_table_next(table, 64, &pos, &seen), -EINVAL);
	}
	pos = 0;
	le_store(table + 36, 4, 45);
	CHECK_INT(sev_table_next(table, 64, &pos, &seen), -EINVAL);
	pos = 0;
	le_store(table + 36, 4, 0xfffffff0);
	CHECK_INT(sev_table_next(table, 64, &pos, &seen), -EINVAL);
	pos = 0;
	table[0] ^= 1;
	CHECK_INT(sev_table_next(table, 64, &pos, &seen), -EINVAL);
}

int main(void)
{
	RUN(test_vector);
	RUN(test_vector_csv);
	RUN(test_tampered);
	RUN(test_lengths);
	RUN(test_table);
	RUN(test_table_of_others);
	RUN(test_table_bad);
	RUN(test_table_hostile);
	return tests_done();
}
