/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wrappers. They see calls from the library's objects and this program's, not those that
 * shared libraries make among themselves; what those allocate is the sanitizers' business.
 */
#include "tests/fault/wrap.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <libelf.h>
#include <liburing.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_BLOCKS 16384

static struct {
	_Atomic bool armed, counting, fired, elsewhere;
	pthread_t owner;
	const struct wrap_fault *fault;
	unsigned int n;
	_Atomic unsigned int calls;
	char where[96];
	pthread_mutex_t lock;	/* blocks */
	struct { void *ptr, *caller; } blocks[MAX_BLOCKS];
	unsigned int nr_blocks;
} wrap = { .lock = PTHREAD_MUTEX_INITIALIZER };

extern char __executable_start[];

void wrap_arm(const struct wrap_fault *fault, unsigned int n)
{
	wrap.fault = fault;
	wrap.n = n;
	wrap.where[0] = 0;
	wrap.calls = 0;
	wrap.fired = wrap.elsewhere = false;
	wrap.owner = pthread_self();
	wrap.counting = true;
	wrap.armed = n > 0;
}

void wrap_disarm(void)
{
	wrap.armed = false;
}

bool wrap_fired(void)
{
	return wrap.fired;
}

bool wrap_fired_elsewhere(void)
{
	return wrap.elsewhere;
}

const char *wrap_where(void)
{
	return wrap.where;
}

/* As addr2line -e takes it. */
static unsigned long code_offset(void *caller)
{
	return (unsigned long)((char *)caller - __executable_start);
}

static bool fails(enum wrap_call call, unsigned long detail, void *caller)
{
	if (!wrap.armed || wrap.fault->call != call)
		return false;
	if (atomic_fetch_add(&wrap.calls, 1) + 1 != wrap.n)
		return false;
	snprintf(wrap.where, sizeof(wrap.where), "%s %u (0x%lx), called at 0x%lx",
		wrap.fault->name, wrap.n, detail, code_offset(caller));
	wrap.elsewhere = !pthread_equal(pthread_self(), wrap.owner);
	wrap.fired = true;
	errno = wrap.fault->error;
	return true;
}

#define FAILS(call, detail) fails(call, (unsigned long)(detail), __builtin_return_address(0))

/* ---- Heap ---------------------------------------------------------------------------- */

static void *took(void *ptr, void *caller)
{
	if (!ptr || !wrap.counting)
		return ptr;
	pthread_mutex_lock(&wrap.lock);
	if (wrap.nr_blocks < MAX_BLOCKS) {
		wrap.blocks[wrap.nr_blocks].ptr = ptr;
		wrap.blocks[wrap.nr_blocks++].caller = caller;
	}
	pthread_mutex_unlock(&wrap.lock);
	return ptr;
}

/* Newest first: what is freed was mostly taken last. Others' blocks are not known here. */
static void gave(void *ptr)
{
	pthread_mutex_lock(&wrap.lock);
	for (unsigned int i = wrap.nr_blocks; ptr && i-- > 0;) {
		if (wrap.blocks[i].ptr == ptr) {
			wrap.blocks[i] = wrap.blocks[--wrap.nr_blocks];
			break;
		}
	}
	pthread_mutex_unlock(&wrap.lock);
}

unsigned int wrap_leaks(char *where, unsigned long len)
{
	unsigned int n = wrap.nr_blocks;

	where[0] = 0;
	if (n)
		snprintf(where, len, "0x%lx", code_offset(wrap.blocks[0].caller));
	wrap.nr_blocks = 0;
	wrap.counting = false;
	return n;
}

#define CALLER __builtin_return_address(0)

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	return FAILS(CALL_MALLOC, size) ? NULL : took(__real_malloc(size), CALLER);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	return FAILS(CALL_CALLOC, n * size) ? NULL : took(__real_calloc(n, size), CALLER);
}

void *__real_reallocarray(void *ptr, size_t n, size_t size);
void *__wrap_reallocarray(void *ptr, size_t n, size_t size);
void *__wrap_reallocarray(void *ptr, size_t n, size_t size)
{
	void *p;

	if (FAILS(CALL_REALLOCARRAY, n * size))
		return NULL;
	gave(ptr);
	p = __real_reallocarray(ptr, n, size);
	took(p ? p : ptr, CALLER);
	return p;
}

char *__real_strdup(const char *s);
char *__wrap_strdup(const char *s);
char *__wrap_strdup(const char *s)
{
	return FAILS(CALL_STRDUP, strlen(s)) ? NULL : took(__real_strdup(s), CALLER);
}

void __real_free(void *ptr);
void __wrap_free(void *ptr);
void __wrap_free(void *ptr)
{
	gave(ptr);
	__real_free(ptr);
}

/* ---- All others ---------------------------------------------------------------------- */

#define WRAP(type, failure, name, params, args, call, detail) \
	type __real_##name params; \
	type __wrap_##name params; \
	type __wrap_##name params \
	{ \
		return FAILS(call, detail) ? (failure) : __real_##name args; \
	}

WRAP(FILE *, NULL, open_memstream, (char **text, size_t *len), (text, len),
	CALL_OPEN_MEMSTREAM, 0)
WRAP(int, -1, fstat, (int fd, struct stat *st), (fd, st),
	fd > STDERR_FILENO ? CALL_FSTAT : CALL_FSTAT_STDIO, fd)
WRAP(int, -1, statx, (int fd, const char *path, int flags, unsigned int mask, struct statx *st),
	(fd, path, flags, mask, st), CALL_STATX, fd)
WRAP(off_t, -1, lseek, (int fd, off_t off, int whence), (fd, off, whence), CALL_LSEEK, off)
WRAP(ssize_t, wrap.fault->error ? -1 : 0, pread, (int fd, void *buf, size_t len, off_t off),
	(fd, buf, len, off), CALL_PREAD, off)
WRAP(int, -1, memfd_create, (const char *name, unsigned int flags), (name, flags),
	CALL_MEMFD_CREATE, flags)
WRAP(int, -1, ftruncate, (int fd, off_t size), (fd, size), CALL_FTRUNCATE, size)
WRAP(void *, MAP_FAILED, mmap, (void *at, size_t len, int prot, int flags, int fd, off_t off),
	(at, len, prot, flags, fd, off), CALL_MMAP, len)
WRAP(int, -1, madvise, (void *at, size_t len, int advice), (at, len, advice), CALL_MADVISE,
	advice)
WRAP(int, -1, eventfd, (unsigned int value, int flags), (value, flags), CALL_EVENTFD, flags)
WRAP(int, -1, epoll_create1, (int flags), (flags), CALL_EPOLL_CREATE1, flags)
WRAP(int, -1, epoll_ctl, (int fd, int op, int other, struct epoll_event *ev),
	(fd, op, other, ev), CALL_EPOLL_CTL, op)
WRAP(int, -1, timerfd_create, (int clock, int flags), (clock, flags), CALL_TIMERFD_CREATE,
	flags)
WRAP(int, wrap.fault->error, pthread_create, (pthread_t *thread, const pthread_attr_t *attr,
	void *(*fn)(void *), void *arg), (thread, attr, fn, arg), CALL_PTHREAD_CREATE, fn)
WRAP(int, -wrap.fault->error, io_uring_queue_init_params, (unsigned int entries,
	struct io_uring *ring, struct io_uring_params *p), (entries, ring, p), CALL_URING_INIT,
	entries)
WRAP(int, -wrap.fault->error, io_uring_register_files, (struct io_uring *ring, const int *fds,
	unsigned int n), (ring, fds, n), CALL_URING_FILES, n)
WRAP(Elf *, NULL, elf_begin, (int fd, Elf_Cmd cmd, Elf *ref), (fd, cmd, ref), CALL_ELF_BEGIN,
	cmd)
WRAP(Elf_Data *, NULL, elf_getdata_rawchunk, (Elf *elf, int64_t off, size_t len, Elf_Type type),
	(elf, off, len, type), CALL_ELF_RAWCHUNK, len)
WRAP(struct json_tokener *, NULL, json_tokener_new_ex, (int depth), (depth), CALL_JSON_NEW,
	depth)
WRAP(struct json_object *, NULL, json_object_new_object, (void), (), CALL_JSON_NEW, 0)
WRAP(struct json_object *, NULL, json_object_new_array, (void), (), CALL_JSON_NEW, 0)
WRAP(struct json_object *, NULL, json_object_new_string, (const char *s), (s), CALL_JSON_NEW, 0)
WRAP(struct json_object *, NULL, json_object_new_boolean, (json_bool b), (b), CALL_JSON_NEW, 0)
WRAP(struct json_object *, NULL, json_object_new_uint64, (uint64_t v), (v), CALL_JSON_NEW, 0)
WRAP(const char *, NULL, json_object_to_json_string_ext, (struct json_object *o, int flags),
	(o, flags), CALL_JSON_NEW, 0)
WRAP(int, -1, json_object_object_add, (struct json_object *o, const char *key,
	struct json_object *val), (o, key, val), CALL_JSON_ADD, 0)
WRAP(int, -1, json_object_array_add, (struct json_object *o, struct json_object *val), (o, val),
	CALL_JSON_ADD, 0)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	/* One that is open already, in another mode: a matter of speed. */
	if (!strncmp(path, "/proc/self/fd/", 14))
		return FAILS(CALL_REOPEN, flags) ? -1 : __real_open(path, flags, mode);
	return FAILS(CALL_OPEN, flags) ? -1 : __real_open(path, flags, mode);
}

int __real_fcntl(int fd, int cmd, ...);
int __wrap_fcntl(int fd, int cmd, ...);
int __wrap_fcntl(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return FAILS(CALL_FCNTL, cmd) ? -1 : __real_fcntl(fd, cmd, arg);
}

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	enum wrap_call call = CALL_IOCTL;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	switch (request) {
	case KVM_RUN:
		call = CALL_KVM_RUN;
		break;
	case KVM_CHECK_EXTENSION:
		call = CALL_KVM_CAP;
		break;
#ifdef __x86_64__
	/* What a processor has of it depends on its model, and KVM refuses the rest. */
	case KVM_GET_XCRS:
	case KVM_SET_XCRS:
	case KVM_GET_MSRS:
	case KVM_SET_MSRS:
	case KVM_KVMCLOCK_CTRL:
		call = CALL_KVM_STATE;
		break;
#endif
	}
	return FAILS(call, request) ? -1 : __real_ioctl(fd, request, arg);
}
