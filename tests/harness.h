/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests: one program a module, TAP on stdout. A test is a function; CHECK() counts a
 * failure and goes on, REQUIRE() leaves the function. SKIP() says why.
 *
 *	static void test_wraps(void) { CHECK(align_up(5, 4) == 8); }
 *	int main(void) { RUN(test_wraps); return tests_done(); }
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static struct {
	int count, failed;
	bool this_failed;
	const char *skip;
} tests;

#define CHECK(cond) \
	do { \
		if (!(cond)) { \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
			tests.this_failed = true; \
		} \
	} while (0)

#define REQUIRE(cond) \
	do { \
		if (!(cond)) { \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
			tests.this_failed = true; \
			return; \
		} \
	} while (0)

#define CHECK_INT(a, b) \
	do { \
		long long a_ = (long long)(a), b_ = (long long)(b); \
		if (a_ != b_) { \
			printf("# %s:%d: %s is %lld (0x%llx), not %lld (0x%llx)\n", __FILE__, \
				__LINE__, #a, a_, a_, b_, b_); \
			tests.this_failed = true; \
		} \
	} while (0)

/* Text contains part. */
#define CHECK_HAS(text, part) \
	do { \
		if (!strstr((text), (part))) { \
			printf("# %s:%d: \"%s\" lacks \"%s\"\n", __FILE__, __LINE__, (text), \
				(part)); \
			tests.this_failed = true; \
		} \
	} while (0)

#define SKIP(why) \
	do { \
		tests.skip = (why); \
		return; \
	} while (0)

#define RUN(fn) tests_run(#fn, fn)

static inline void tests_run(const char *name, void (*fn)(void))
{
	tests.this_failed = false;
	tests.skip = NULL;
	fn();
	tests.count++;
	tests.failed += tests.this_failed;
	printf("%s %d - %s%s%s\n", tests.this_failed ? "not ok" : "ok", tests.count, name,
		tests.skip ? " # SKIP " : "", tests.skip ? tests.skip : "");
	fflush(stdout);
}

static inline int tests_done(void)
{
	printf("1..%d\n", tests.count);
	return tests.failed ? 1 : 0;
}

#endif
