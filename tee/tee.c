/* SPDX-License-Identifier: Apache-2.0 */
/* The table of TEE backends, and the empty one. */
#include "tee/tee.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"

static const struct tee_ops tee_none = { .name = "none" };

const struct tee_ops *tee_find(const char *name, struct tvm_error *err)
{
	if (!strcmp(name, tee_none.name))
		return &tee_none;
	for (unsigned int i = 0; tee_backends[i]; i++)
		if (!strcmp(name, tee_backends[i]->name))
			return tee_backends[i];
	err_set(err, -EINVAL, "tee: '%s' is not for this architecture", name);
	return NULL;
}
