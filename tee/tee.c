/* SPDX-License-Identifier: Apache-2.0 */
/* The table of TEE backends, and the empty one. */
#include "tee/tee.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

static const struct tee_ops tee_none = { .name = "none" };

static const struct tee_ops *const backends[] = { &tee_none };

const struct tee_ops *tee_find(const char *name, struct tvm_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
		if (!strcmp(name, backends[i]->name))
			return backends[i];
	err_set(err, -EINVAL, "tee: '%s' is not known; this build has: none", name);
	return NULL;
}
