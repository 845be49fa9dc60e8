/* SPDX-License-Identifier: Apache-2.0 */
/* See parts.h. */
#include "tee/virtcca/parts.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "base/err.h"

int realm_parts_add(struct realm_parts *parts, uint64_t gpa, size_t len, struct tvm_error *err)
{
	if (!len)
		return 0;
	if (parts->nr == ARRAY_SIZE(parts->at))
		return err_set(err, -E2BIG, "tee: too many parts are loaded");
	parts->at[parts->nr++] = (struct realm_part){
		.base = align_down(gpa, REALM_PAGE),
		.end = align_up(gpa + len, REALM_PAGE),
	};
	return 0;
}

static int by_base(const void *a, const void *b)
{
	const struct realm_part *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

void realm_parts_join(struct realm_parts *parts)
{
	unsigned int n = 0;

	qsort(parts->at, parts->nr, sizeof(parts->at[0]), by_base);
	for (unsigned int i = 0; i < parts->nr; i++) {
		struct realm_part *last = n ? &parts->at[n - 1] : NULL;

		if (!last || parts->at[i].base > last->end)
			parts->at[n++] = parts->at[i];
		else if (parts->at[i].end > last->end)
			last->end = parts->at[i].end;
	}
	parts->nr = n;
}
