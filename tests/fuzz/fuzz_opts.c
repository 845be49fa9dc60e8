/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is a sequence of lines "key value", set one after the other. A refused value
 * must change nothing; the result must survive being copied and printed.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tvm.h"
#include "vmm/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *json_of(const struct tvm_config *cfg)
{
	char *json = NULL;

	assert(!tvm_config_get_json(cfg, &json, NULL));
	return json;
}

static void set_line(struct tvm_config *cfg, char *line)
{
	char *value = strchr(line, ' '), *before = json_of(cfg), *after;
	struct tvm_error err;
	int r;

	if (value)
		*value++ = '\0';
	r = tvm_config_set(cfg, line, value, &err);
	if (r < 0) {
		assert(err.code == r && err.msg[0] && !strchr(err.msg, '\n'));
		after = json_of(cfg);
		assert(!strcmp(before, after));
		free(after);
	}
	free(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tvm_config *cfg = tvm_config_new(), *copy;
	char *text = strndup((const char *)data, size), *rest = text, *line;
	char *one, *two;

	assert(cfg && text);
	for (unsigned int n = 0; n < 64 && (line = strsep(&rest, "\n")); n++)
		set_line(cfg, line);
	copy = config_copy(cfg);
	assert(copy);
	one = json_of(cfg);
	two = json_of(copy);
	assert(!strcmp(one, two));
	config_validate(copy, NULL);
	free(one);
	free(two);
	free(text);
	tvm_config_free(cfg);
	tvm_config_free(copy);
	return 0;
}
