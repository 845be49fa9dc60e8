/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR: examples of RFC 8949, appendix A, and what the reader has to refuse. */
#include "attest/cbor.h"

#include <errno.h>

#include "attest/text.h"
#include "tests/harness.h"

static uint8_t buf[256];

static bool wrote(const struct cbor_out *out, const char *hex)
{
	char text[2 * sizeof(buf) + 1];

	text_hex(out->buf, out->len, text);
	return !strcmp(text, hex);
}

static struct cbor_in from(const char *hex)
{
	size_t len = strlen(hex) / 2;

	if (!text_unhex(hex, buf, len))
		printf("# bad hex %s\n", hex);
	return (struct cbor_in){ buf, buf + len };
}

static void test_integers(void)
{
	static const struct {
		int64_t value;
		const char *hex;
	} all[] = {
		{ 0, "00" }, { 10, "0a" }, { 23, "17" }, { 24, "1818" }, { 100, "1864" },
		{ 255, "18ff" }, { 256, "190100" }, { 1000, "1903e8" }, { 65536, "1a00010000" },
		{ 1000000, "1a000f4240" }, { 1000000000000, "1b000000e8d4a51000" },
		{ INT64_MAX, "1b7fffffffffffffff" }, { -1, "20" }, { -10, "29" }, { -24, "37" },
		{ -25, "3818" }, { -100, "3863" }, { -1000, "3903e7" },
		{ INT64_MIN, "3b7fffffffffffffff" },
	};

	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct cbor_out out = { buf, sizeof(buf), 0 };
		struct cbor_in in;
		int64_t back = 77;

		cbor_put_int(&out, all[i].value);
		CHECK(wrote(&out, all[i].hex));
		in = from(all[i].hex);
		CHECK(!cbor_int(&in, &back) && back == all[i].value && cbor_done(&in));
	}
}

static void test_write(void)
{
	struct cbor_out out = { buf, sizeof(buf), 0 };

	cbor_put_tag(&out, 399);
	cbor_put_map(&out, 1);
	cbor_put_int(&out, 1);
	cbor_put_array(&out, 2);
	cbor_put_text(&out, "IETF");
	cbor_put_bytes(&out, "\1\2\3\4", 4);
	CHECK(wrote(&out, "d9018fa10182644945544644" "01020304"));
}

/* What does not fit is counted and leaves the rest of the buffer alone. */
static void test_write_full(void)
{
	for (size_t size = 0; size < 13; size++) {
		struct cbor_out out = { buf, size, 0 };

		memset(buf, 0x55, sizeof(buf));
		cbor_put_array(&out, 1);
		cbor_put_bytes(&out, "0123456789", 10);
		CHECK_INT(out.len, 12);
		for (size_t i = size; i < 20; i++)
			if (size < 12)
				CHECK(buf[i] == 0x55);
	}
}

static void test_read(void)
{
	struct cbor_in in = from("d9018fa1018264494554464401020304");
	struct cbor_item item;
	struct cbor_map map;
	int64_t key;

	CHECK(!cbor_expect(&in, CBOR_TAG, &item) && item.value == 399);
	CHECK_INT(cbor_expect(&in, CBOR_ARRAY, &item), -EINVAL);
	CHECK(!cbor_map_begin(&in, &map));
	CHECK_INT(cbor_map_key(&in, &map, &key), 1);
	CHECK_INT(key, 1);
	CHECK(!cbor_expect(&in, CBOR_ARRAY, &item) && item.value == 2);
	CHECK(!cbor_expect(&in, CBOR_TEXT, &item) && !memcmp(item.bytes, "IETF", 4));
	CHECK(!cbor_expect(&in, CBOR_BYTES, &item) && item.value == 4 && item.bytes[3] == 4);
	CHECK_INT(cbor_map_key(&in, &map, &key), 0);
	CHECK(cbor_done(&in));
	CHECK_INT(cbor_next(&in, &item), -EBADMSG);
	in = from("d9018fa1018264494554464401020304" "f6");
	CHECK(!cbor_skip(&in) && in.end - in.p == 1);
	CHECK(!cbor_skip(&in) && cbor_done(&in));
}

static void test_refused(void)
{
	static const char *const bad[] = {
		"1800", "1817", "190000", "1900ff", "1a0000ffff", "1b00000000ffffffff",	/* long */
		"5801aa", "780161", "9800", "b800", "d812f6",
		"18", "1901", "1a010203", "1b01020304050607",	/* cut off */
		"1c", "1d", "1e", "1f", "5f4101ff", "7f6161ff", "9fff", "bfff", "ff",
		"41", "42aa", "5affffffff00", "5bffffffffffffffff00", "61",
		"f4f5", "f90000", "fa00000000", "fb0000000000000000", "f7", "f0", "f818", "f8ff",
		"81", "a1", "a101", "8201", "c1", "9affffffff00", "bbffffffffffffffff00",
		"bb800000000000000000",
	};

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cbor_in in = from(bad[i]);
		int r = cbor_skip(&in);

		/* A whole item, and something behind it: for those whose first part is fine. */
		if (!r)
			CHECK(!cbor_done(&in) && !strcmp(bad[i], "f4f5"));
		else
			CHECK_INT(r, -EBADMSG);
	}
}

static void test_depth(void)
{
	struct cbor_in in = from("818181818181818101");

	CHECK(!cbor_skip(&in) && cbor_done(&in));
	in = from("81818181818181818101");
	CHECK_INT(cbor_skip(&in), -ELOOP);
	CHECK(in.p == buf);
	in = from("c6c6c6c6c6c6c6c6c601");
	CHECK_INT(cbor_skip(&in), -ELOOP);
}

static void test_keys(void)
{
	struct cbor_out out = { buf, sizeof(buf), 0 };
	struct cbor_in in;
	struct cbor_map map;
	int64_t key;

	in = from("a3" "0100" "2000" "0100");	/* 1, -1, 1 again */
	REQUIRE(!cbor_map_begin(&in, &map));
	CHECK(cbor_map_key(&in, &map, &key) == 1 && !cbor_skip(&in));
	CHECK(cbor_map_key(&in, &map, &key) == 1 && key == -1 && !cbor_skip(&in));
	CHECK_INT(cbor_map_key(&in, &map, &key), -EEXIST);
	in = from("a1" "6161" "00");		/* a text key */
	REQUIRE(!cbor_map_begin(&in, &map));
	CHECK_INT(cbor_map_key(&in, &map, &key), -EINVAL);
	cbor_put_map(&out, CBOR_KEYS + 1);
	for (int i = 0; i <= CBOR_KEYS; i++) {
		cbor_put_int(&out, i);
		cbor_put_int(&out, 0);
	}
	in = (struct cbor_in){ buf, buf + out.len };
	REQUIRE(!cbor_map_begin(&in, &map));
	for (int i = 0; i < CBOR_KEYS; i++)
		CHECK(cbor_map_key(&in, &map, &key) == 1 && !cbor_skip(&in));
	CHECK_INT(cbor_map_key(&in, &map, &key), -EINVAL);
}

int main(void)
{
	RUN(test_integers);
	RUN(test_write);
	RUN(test_write_full);
	RUN(test_read);
	RUN(test_refused);
	RUN(test_depth);
	RUN(test_keys);
	return tests_done();
}
