/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of the library that can be made to fail, by the linker's --wrap (wrap.opts names them
 * once more, for the Makefile). Counts calls while armed, fails the one that is asked for,
 * and keeps account of heap blocks.
 */
#ifndef TESTS_FAULT_WRAP_H
#define TESTS_FAULT_WRAP_H

#include <stdbool.h>

enum wrap_call {
	CALL_MALLOC, CALL_CALLOC, CALL_REALLOCARRAY, CALL_STRDUP, CALL_OPEN_MEMSTREAM,
	CALL_OPEN, CALL_REOPEN, CALL_FSTAT, CALL_FSTAT_STDIO, CALL_STATX, CALL_LSEEK,
	CALL_PREAD, CALL_FCNTL, CALL_MEMFD_CREATE, CALL_FTRUNCATE, CALL_MMAP, CALL_MADVISE,
	CALL_EVENTFD, CALL_EPOLL_CREATE1, CALL_EPOLL_CTL, CALL_TIMERFD_CREATE,
	CALL_PTHREAD_CREATE, CALL_IOCTL, CALL_KVM_CAP, CALL_KVM_STATE, CALL_KVM_RUN,
	CALL_URING_INIT, CALL_URING_FILES, CALL_ELF_BEGIN, CALL_ELF_RAWCHUNK, CALL_JSON_NEW,
	CALL_JSON_ADD,
};

struct wrap_fault {
	const char *name;
	enum wrap_call call;
	int error;		/* errno value; 0: end of file */
	bool optional;		/* the library may do without and say nothing */
	bool invisible;		/* the library has to go on as if nothing had happened */
};

/* From now on, fail the n-th call (from 1) and count heap blocks. n 0: count only. */
void wrap_arm(const struct wrap_fault *fault, unsigned int n);
void wrap_disarm(void);			/* goes on counting */

bool wrap_fired(void);			/* since wrap_arm() */
bool wrap_fired_elsewhere(void);	/* on a thread that did not arm */
const char *wrap_where(void);		/* "ioctl 3 (0x4020ae46), called at 0x8a10" */

/* Blocks counted that are not free yet; where says who took the first. Ends the count. */
unsigned int wrap_leaks(char *where, unsigned long len);

#endif
