/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tests/harness.h"
#include "tvm.h"
#include "vmm/opts.h"

enum colour { RED, GREEN, BLUE };

struct leaf {
	char *path;
	bool ro;
	uint32_t depth;
};

struct where {
	enum colour kind;
	char *path;
};

struct sample {
	char *name, *word;
	bool on, off;
	uint32_t count;
	uint64_t big, size;
	enum colour colour;
	OPT_LIST_OF(char *) names;
	OPT_LIST_OF(struct leaf) leaves;
	struct where where;
};

static const char *const colours[] = { "red", "green", "blue", NULL };

static const struct opt leaf_opts[] = {
	{ "path", OPT_PATH, OPT_REQUIRED, .offset = offsetof(struct leaf, path) },
	{ "ro", OPT_BOOL, .offset = offsetof(struct leaf, ro) },
	{ "depth", OPT_U32, .offset = offsetof(struct leaf, depth), .max = 9, .def = "3" },
};
static const struct opt_table leaf_table = { sizeof(struct leaf), leaf_opts, 3 };

static const struct opt where_opts[] = {
	{ "kind", OPT_ENUM, .offset = offsetof(struct where, kind), .names = colours },
	{ "path", OPT_PATH, .offset = offsetof(struct where, path) },
};
static const struct opt_table where_table = { sizeof(struct where), where_opts, 2 };

#define AT(m) .offset = offsetof(struct sample, m)
static const struct opt sample_opts[] = {
	{ "name", OPT_STR, AT(name), .max = 8, .def = "anna" },
	{ "word", OPT_STR, OPT_WORDS, AT(word) },
	{ "on", OPT_BOOL, AT(on), .def = "on" },
	{ "off", OPT_BOOL, AT(off) },
	{ "count", OPT_U32, AT(count), .min = 1, .max = 64, .def = "1" },
	{ "big", OPT_U64, AT(big) },
	{ "size", OPT_SIZE, AT(size), .min = 4096, .max = 1ULL << 39, .def = "1M" },
	{ "colour", OPT_ENUM, AT(colour), .names = colours, .def = "green" },
	{ "names", OPT_STRLIST, OPT_COMMAS | OPT_WORDS, AT(names), .max = 4 },
	{ "leaf", OPT_LIST, AT(leaves), .max = 2, .sub = &leaf_table },
	{ "where", OPT_SUB, AT(where), .sub = &where_table, .def = "blue" },
};
static const struct opt_table table = {
	sizeof(struct sample), sample_opts, ARRAY_SIZE(sample_opts)
};

static struct tvm_error err;

static int set(struct sample *s, const char *key, const char *value)
{
	const struct opt *opt = opts_find(&table, key, &err);

	return opt ? opt_set(opt, s, value, &err) : -EINVAL;
}

static void test_defaults(void)
{
	struct sample s;

	REQUIRE(!opts_init(&table, &s, &err));
	CHECK(!strcmp(s.name, "anna") && !s.word);
	CHECK(s.on && !s.off);
	CHECK_INT(s.count, 1);
	CHECK_INT(s.size, 1 << 20);
	CHECK_INT(s.colour, GREEN);
	CHECK_INT(s.where.kind, BLUE);
	CHECK_INT(s.names.nr, 0);
	opts_fini(&table, &s);
	CHECK(!s.name && !s.count);
}

static void test_numbers(void)
{
	static const struct {
		const char *text;
		long long bytes;
	} good[] = {
		{ "4096", 4096 }, { "4K", 4096 }, { "0x2000", 8192 }, { "16m", 16 << 20 },
		{ "1G", 1 << 30 }, { "512G", 1LL << 39 },
	};
	static const char *const bad[] = { "", " 4K", "+4K", "-1", "4KB", "4 K", "K", "0x", "1.5G",
		"0", "4095", "513G", "1T", "18446744073709551616", "99999999999999999999T",
		"17179869184G", "4K\n" };
	struct sample s;

	REQUIRE(!opts_init(&table, &s, &err));
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		CHECK_INT(set(&s, "size", good[i].text), 0);
		CHECK_INT(s.size, good[i].bytes);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_INT(set(&s, "size", bad[i]), -EINVAL);
		CHECK_HAS(err.msg, "size: '");
		CHECK(!strchr(err.msg, '\n'));
		CHECK_INT(s.size, 1LL << 39);
	}
	set(&s, "size", "1T");
	CHECK_HAS(err.msg, "'1T' is not in the range from 4K to 512G");
	CHECK_INT(set(&s, "count", "65"), -EINVAL);
	CHECK_HAS(err.msg, "count: '65' is not in the range from 1 to 64");
	CHECK_INT(set(&s, "count", "4K"), -EINVAL);
	CHECK_INT(set(&s, "big", "18446744073709551614"), 0);
	CHECK(s.big == UINT64_MAX - 1);
	opts_fini(&table, &s);
}

static void test_words(void)
{
	struct sample s;

	REQUIRE(!opts_init(&table, &s, &err));
	CHECK_INT(set(&s, "off", NULL), 0);
	CHECK(s.off);
	CHECK_INT(set(&s, "off", "off"), 0);
	CHECK(!s.off);
	CHECK_INT(set(&s, "on", "maybe"), -EINVAL);
	CHECK_HAS(err.msg, "on: 'maybe' is not on or off");
	CHECK_INT(set(&s, "colour", "pink"), -EINVAL);
	CHECK_HAS(err.msg, "colour: 'pink' is not known; allowed: red, green, blue");
	CHECK_INT(set(&s, "name", "123456789"), -EINVAL);
	CHECK_HAS(err.msg, "longer than 8 bytes");
	CHECK(!strcmp(s.name, "anna"));
	CHECK_INT(set(&s, "name", ""), 0);
	CHECK_INT(set(&s, "name", NULL), -EINVAL);
	CHECK_INT(set(&s, "word", "a b"), -EINVAL);
	CHECK_INT(set(&s, "word", ""), -EINVAL);
	CHECK_INT(set(&s, "coulor", "red"), -EINVAL);
	CHECK_HAS(err.msg, "unknown key 'coulor'; did you mean 'colour'?");
	CHECK_INT(set(&s, "zzzzzz\n", "red"), -EINVAL);
	CHECK_HAS(err.msg, "unknown key 'zzzzzz?'");
	opts_fini(&table, &s);
}

static void test_lists(void)
{
	struct sample s;

	REQUIRE(!opts_init(&table, &s, &err));
	CHECK_INT(set(&s, "names", "a,b"), 0);
	CHECK_INT(set(&s, "names", "c,,d"), -EINVAL);
	CHECK_INT(set(&s, "names", "c,d,e"), -EINVAL);
	CHECK_INT(s.names.nr, 2);
	CHECK_INT(set(&s, "names", "c"), 0);
	CHECK(s.names.nr == 3 && !strcmp(s.names.items[2], "c"));

	CHECK_INT(set(&s, "leaf", "a,,b.img,ro"), 0);
	CHECK_INT(set(&s, "leaf", "ro=on,path=x"), 0);
	REQUIRE(s.leaves.nr == 2);
	CHECK(!strcmp(s.leaves.items[0].path, "a,b.img") && s.leaves.items[0].ro);
	CHECK(!strcmp(s.leaves.items[1].path, "x"));
	CHECK_INT(s.leaves.items[1].depth, 3);
	CHECK_INT(set(&s, "leaf", "y"), -EINVAL);
	CHECK_HAS(err.msg, "leaf: given more than 2 times");
	opts_fini(&table, &s);
}

static void test_specs(void)
{
	static const struct {
		const char *spec, *message;
	} bad[] = {
		{ "", "empty item" }, { "a,", "empty item" }, { ",a", "empty item" },
		{ "a,path=b", "'path' is given twice" }, { "a,ro,ro=off", "'ro' is given twice" },
		{ "ro=on", "'path' is missing" }, { "path=", "path: the value is empty" },
		{ "a,depth=10", "leaf: depth: '10' is not in the range from 0 to 9" },
		{ "a,depth", "depth: a value is missing" },
		{ "a,rp", "leaf: unknown key 'rp'; did you mean 'ro'?" },
		{ "a,b", "unknown key 'b'; allowed: path, ro, depth" },
		{ "a=b", "unknown key 'a'" },
	};
	struct sample s;

	REQUIRE(!opts_init(&table, &s, &err));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_INT(set(&s, "leaf", bad[i].spec), -EINVAL);
		CHECK_HAS(err.msg, bad[i].message);
		CHECK_INT(s.leaves.nr, 0);
	}
	CHECK_INT(set(&s, "leaf", "./a=b"), 0);
	CHECK(s.leaves.nr == 1 && !strcmp(s.leaves.items[0].path, "./a=b"));

	CHECK_INT(set(&s, "where", "red=/x,,y=z"), 0);
	CHECK_INT(s.where.kind, RED);
	CHECK(!strcmp(s.where.path, "/x,y=z"));
	CHECK_INT(set(&s, "where", "pink=/x"), -EINVAL);
	CHECK(!strcmp(s.where.path, "/x,y=z"));
	CHECK_INT(set(&s, "where", "green"), 0);
	CHECK(s.where.kind == GREEN && !s.where.path);
	CHECK_INT(set(&s, "where", "kind=blue,path=p"), 0);
	CHECK(s.where.kind == BLUE && !strcmp(s.where.path, "p"));
	opts_fini(&table, &s);
}

static void test_copy_is_deep(void)
{
	struct sample a, b;

	REQUIRE(!opts_init(&table, &a, &err));
	set(&a, "leaf", "one,ro");
	set(&a, "names", "x,y");
	set(&a, "where", "red=p");
	REQUIRE(!opts_copy(&table, &b, &a));
	opts_fini(&table, &a);
	CHECK(b.leaves.nr == 1 && !strcmp(b.leaves.items[0].path, "one") && b.leaves.items[0].ro);
	CHECK(b.names.nr == 2 && !strcmp(b.names.items[1], "y"));
	CHECK(!strcmp(b.where.path, "p") && !strcmp(b.name, "anna"));
	CHECK_INT(b.size, 1 << 20);
	opts_fini(&table, &b);
}

static void test_text(void)
{
	struct sample s;
	char buf[32];

	REQUIRE(!opts_init(&table, &s, &err));
	set(&s, "size", "4097");
	CHECK(!strcmp(opt_text(&sample_opts[6], &s, buf, sizeof(buf)), "4097"));
	set(&s, "size", "1536M");
	CHECK(!strcmp(opt_text(&sample_opts[6], &s, buf, sizeof(buf)), "1536M"));
	CHECK(!strcmp(opt_text(&sample_opts[7], &s, buf, sizeof(buf)), "green"));
	CHECK(!opt_text(&sample_opts[1], &s, buf, sizeof(buf)));
	opts_fini(&table, &s);
}

static void test_quote(void)
{
	char q[OPT_QUOTE_MAX], text[300];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CHECK(!strcmp(opt_quote(q, "a\tb"), "'a?b'"));
	CHECK(strlen(opt_quote(q, text)) < OPT_QUOTE_MAX);
	CHECK_HAS(q, "...'");
}

int main(void)
{
	RUN(test_defaults);
	RUN(test_numbers);
	RUN(test_words);
	RUN(test_lists);
	RUN(test_specs);
	RUN(test_copy_is_deep);
	RUN(test_text);
	RUN(test_quote);
	return tests_done();
}
