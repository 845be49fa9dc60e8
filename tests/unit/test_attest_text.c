/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/text.h"

#include <errno.h>

#include "attest/guid.h"
#include "tests/harness.h"

static void test_hex(void)
{
	uint8_t b[4] = { 9, 9, 9, 9 };
	char text[9];

	CHECK(text_unhex("00fFa510", b, 4));
	text_hex(b, 4, text);
	CHECK(!strcmp(text, "00ffa510"));
	CHECK(!text_unhex("00ffa51", b, 4));
	CHECK(!text_unhex("00ffa5100", b, 4));
	CHECK(!text_unhex("00ffa5g0", b, 4));
	CHECK(!text_unhex("0x ffa51", b, 4));
	CHECK(text_unhex("", b, 0));
}

/* RFC 4648, section 10. */
static void test_base64(void)
{
	static const char *const pairs[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
	};
	char text[TEXT_BASE64(6)], back[6];

	for (size_t i = 0; i < 7; i++) {
		size_t len = strlen(pairs[i][0]);

		text_base64(pairs[i][0], len, text);
		CHECK(!strcmp(text, pairs[i][1]));
		CHECK_INT(text_unbase64(text, strlen(text), back, 6), len);
		CHECK(!memcmp(back, pairs[i][0], len));
	}
}

static int decode(const char *text)
{
	char out[8];

	return text_unbase64(text, strlen(text), out, sizeof(out));
}

static void test_base64_bad(void)
{
	CHECK_INT(decode("Zm9v\nYg==\n"), 4);
	CHECK_INT(decode(" Z m 9 v "), 3);
	CHECK_INT(decode("Zm9"), -EINVAL);	/* not in groups of four */
	CHECK_INT(decode("Zm9vY==="), -EINVAL);
	CHECK_INT(decode("Zg==Zg=="), -EINVAL);	/* data behind the padding */
	CHECK_INT(decode("Zh=="), -EINVAL);	/* bits left over */
	CHECK_INT(decode("Zm9-"), -EINVAL);
	CHECK_INT(decode("===="), -EINVAL);
	CHECK_INT(decode("Zm9vYmFyZm9v"), -ENOSPC);
	CHECK_INT(text_unbase64("Zm9v\0mFy", 8, (char[8]){ 0 }, 8), -EINVAL);
}

static void test_guid(void)
{
	static const char *const text = "736869e5-84f0-4973-92ec-06879ce3da0b";
	const struct guid want = GUID_INIT(0x736869e5, 0x84f0, 0x4973, 0x92, 0xec, 0x06, 0x87, 0x9c,
		0xe3, 0xda, 0x0b);
	char back[GUID_TEXT_LEN];
	struct guid guid;

	CHECK(guid_parse(text, &guid));
	CHECK(guid_equal(&guid, &want));
	CHECK(guid.b[0] == 0xe5 && guid.b[8] == 0x92);
	guid_format(&guid, back);
	CHECK(!strcmp(back, text));
	CHECK(guid_parse("736869E5-84F0-4973-92EC-06879CE3DA0B", &guid));
	CHECK(!guid_parse("", &guid));
	CHECK(!guid_parse("736869e5-84f0-4973-92ec-06879ce3da0", &guid));
	CHECK(!guid_parse("736869e5-84f0-4973-92ec-06879ce3da0b0", &guid));
	CHECK(!guid_parse("736869e584f0-4973-92ec-06879ce3da0b", &guid));
	CHECK(!guid_parse("{36869e5-84f0-4973-92ec-06879ce3da0b", &guid));
}

int main(void)
{
	RUN(test_hex);
	RUN(test_base64);
	RUN(test_base64_bad);
	RUN(test_guid);
	return tests_done();
}
