/* SPDX-License-Identifier: Apache-2.0 */
/* The other tests of fstest: each prints what it found as "# ..." lines. */
#ifndef TESTS_GUEST_FS_PERM_H
#define TESTS_GUEST_FS_PERM_H

#include <stdbool.h>

/*
 * perm.c: every user against every owner and mode, in two directories (as root): how many cases
 * there were, and in how many the two differ. every: one case in so many. link_owners:
 * whether owners of symbolic links count.
 */
unsigned int fs_perm(int tested, int right, unsigned int every, bool link_owners,
	unsigned int *cases);

/* locks.c: in the current directory; how many things went wrong. */
unsigned int fs_locks(void);

#endif
