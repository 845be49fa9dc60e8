/* SPDX-License-Identifier: Apache-2.0 */
/* The input is a JSON configuration. What is accepted must survive being printed and read. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tvm.h"
#include "vmm/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tvm_config *cfg = tvm_config_new(), *again = tvm_config_new();
	char *one = NULL, *two = NULL;
	struct tvm_error err;
	int r;

	assert(cfg && again);
	r = tvm_config_set_json(cfg, (const char *)data, size, &err);
	if (r < 0) {
		assert(err.code == r && err.msg[0] && !strchr(err.msg, '\n'));
	} else {
		assert(!tvm_config_get_json(cfg, &one, &err));
		assert(!tvm_config_set_json(again, one, strlen(one), &err));
		assert(!tvm_config_get_json(again, &two, &err));
		assert(!strcmp(one, two));
		config_validate(cfg, &err);
	}
	free(one);
	free(two);
	tvm_config_free(cfg);
	tvm_config_free(again);
	return 0;
}
