/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's program of tests/bench/guest, linked statically:
 *
 *	io seqread|seqwrite|randread|randwrite FILE BLOCKSIZE THREADS SECONDS
 *
 * reads or writes FILE past the page cache (O_DIRECT) with as many threads as requests shall be
 * under way, and prints blocks per second. Other workloads are further words here.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 64

struct job {
	int fd;
	bool write, random;
	uint64_t blocks;
	size_t size;
	_Atomic uint64_t next, done;
	_Atomic bool stop;
};

static void fail(const char *what)
{
	fprintf(stderr, "io: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *work(void *opaque)
{
	struct job *j = opaque;
	void *buf = aligned_alloc(4096, j->size);

	if (!buf)
		fail("memory");
	memset(buf, 0x5a, j->size);
	while (!j->stop) {
		uint64_t i = j->next++, at = (j->random ? i * 2654435761u : i) % j->blocks;
		ssize_t n = j->write ? pwrite(j->fd, buf, j->size, (off_t)(at * j->size)) :
			pread(j->fd, buf, j->size, (off_t)(at * j->size));

		if (n != (ssize_t)j->size)
			fail("I/O");
		j->done++;
	}
	free(buf);
	return NULL;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	pthread_t threads[MAX_THREADS];
	unsigned int nr, seconds;
	struct job j = { 0 };
	double start;
	off_t end;

	if (argc != 6) {
		fputs("io seqread|seqwrite|randread|randwrite FILE BLOCKSIZE THREADS SECONDS\n",
			stderr);
		return 2;
	}
	j.write = strstr(argv[1], "write");
	j.random = !strncmp(argv[1], "rand", 4);
	j.size = strtoul(argv[3], NULL, 0);
	nr = (unsigned int)atoi(argv[4]);
	seconds = (unsigned int)atoi(argv[5]);
	j.fd = open(argv[2], (j.write ? O_RDWR : O_RDONLY) | O_DIRECT);
	end = j.fd < 0 ? -1 : lseek(j.fd, 0, SEEK_END);
	if (end < 0)
		fail(argv[2]);
	j.blocks = j.size ? (uint64_t)end / j.size : 0;
	if (!nr || nr > MAX_THREADS || !seconds || !j.blocks)
		return 2;
	start = now();
	for (unsigned int i = 0; i < nr; i++)
		if (pthread_create(&threads[i], NULL, work, &j))
			fail("thread");
	sleep(seconds);
	j.stop = true;
	for (unsigned int i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	printf("%.1f\n", (double)j.done / (now() - start));
	return 0;
}
