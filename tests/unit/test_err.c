/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>

#include "tests/harness.h"
#include "tvm.h"

static void test_set_and_sys(void)
{
	struct tvm_error err;

	CHECK_INT(err_set(&err, -EINVAL, "memory: %d is too small", 3), -EINVAL);
	CHECK(!strcmp(err.msg, "memory: 3 is too small"));
	CHECK_INT(err_sys(&err, -ENOENT, "kernel: '%s'", "x"), -ENOENT);
	CHECK(!strcmp(err.msg, "kernel: 'x': No such file or directory"));
	CHECK_INT(err.code, -ENOENT);
	CHECK_INT(err_set(NULL, -EIO, "nobody listens"), -EIO);
	CHECK_INT(err_sys(NULL, -EIO, "nobody listens"), -EIO);
	CHECK_INT(err_prefix(NULL, -EIO, "nobody listens"), -EIO);
}

static void test_prefix(void)
{
	struct tvm_error err;

	err_set(&err, -ENOMEM, "out of memory");
	CHECK_INT(err_prefix(&err, -ENOMEM, "slot %u", 1), -ENOMEM);
	CHECK(!strcmp(err.msg, "slot 1: out of memory"));
}

static void test_never_overflows(void)
{
	struct tvm_error err;
	char big[2048];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	err_set(&err, -EINVAL, "%s", big);
	CHECK_INT(strlen(err.msg), sizeof(err.msg) - 1);
	err_sys(&err, -EINVAL, "%s", big);
	CHECK_INT(strlen(err.msg), sizeof(err.msg) - 1);
	for (int i = 0; i < 20; i++)
		err_prefix(&err, -EINVAL, "prefix %d %s", i, big);
	CHECK_INT(strlen(err.msg), sizeof(err.msg) - 1);
	CHECK(!strncmp(err.msg, "prefix 19 x", 11));
}

int main(void)
{
	RUN(test_set_and_sys);
	RUN(test_prefix);
	RUN(test_never_overflows);
	return tests_done();
}
