/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds files to a fuzz target without a fuzzer: each argument is a file, or a directory all
 * of whose files are meant; without one, the target's corpus. Prints TAP, one line an argument.
 */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef CORPUS
#define CORPUS "."
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed_file(const char *path)
{
	FILE *f = fopen(path, "rbe");
	uint8_t *data = NULL, *grown;
	size_t size = 0, n;

	if (!f)
		return -1;
	/* An allocation of the exact size, so that a sanitizer sees the first byte beyond. */
	do {
		grown = realloc(data, size + 65536);
		if (!grown)
			break;
		data = grown;
		n = fread(data + size, 1, 65536, f);
		size += n;
	} while (n);
	fclose(f);
	grown = realloc(data, size ? size : 1);
	data = grown ? grown : data;
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

static int feed(const char *path, unsigned int *count)
{
	char name[4096];
	struct dirent *d;
	int failed = 0;
	DIR *dir = opendir(path);

	if (!dir) {
		++*count;
		return feed_file(path);
	}
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, d->d_name);
		failed |= feed_file(name);
		++*count;
	}
	closedir(dir);
	return failed;
}

int main(int argc, char **argv)
{
	char *corpus[] = { argv[0], (char[]){ CORPUS }, NULL };
	int failed = 0, r;

	if (argc < 2) {
		argc = 2;
		argv = corpus;
	}
	for (int i = 1; i < argc; i++) {
		unsigned int count = 0;

		r = feed(argv[i], &count);
		printf("%s %d - %s: %u inputs\n", r || !count ? "not ok" : "ok", i, argv[i], count);
		failed |= r || !count;
	}
	printf("1..%d\n", argc - 1);
	return failed ? 1 : 0;
}
