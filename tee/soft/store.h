/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a platform's directory, and nothing about what is in them. While a struct store is
 * open, no other process or thread has the same directory open: the lock is a file in it.
 */
#ifndef TEE_SOFT_STORE_H
#define TEE_SOFT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tvm_error;

struct store {
	const char *dir;	/* borrowed, for messages */
	int dir_fd;		/* owned */
	int lock_fd;		/* owned; closing unlocks */
};

#define STORE_NONE ((struct store){ .dir_fd = -1, .lock_fd = -1 })

/* Open, or make with mode 0700, and wait for the lock. */
int store_open(struct store *st, const char *dir, struct tvm_error *err);
void store_close(struct store *st);

/*
 * The whole file: bytes read. -ENOENT: absent (err says so). -EFBIG: more than size bytes.
 * secret: others must not be able to read it.
 */
ssize_t store_read(struct store *st, const char *name, void *buf, size_t size, bool secret,
	struct tvm_error *err);

/* Replace the file as a whole, or not at all: written beside it, synced, renamed. */
int store_write(struct store *st, const char *name, const void *buf, size_t size, mode_t mode,
	struct tvm_error *err);

int store_remove(struct store *st, const char *name, struct tvm_error *err); /* absent is fine */
bool store_exists(struct store *st, const char *name);

#endif
