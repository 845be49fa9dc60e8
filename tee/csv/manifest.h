/* SPDX-License-Identifier: Apache-2.0 */
/* What a launch will measure, without launching: members of a JSON object. */
#ifndef TEE_CSV_MANIFEST_H
#define TEE_CSV_MANIFEST_H

#include <stdio.h>

#include "tee/csv/csv.h"

struct firmware;
struct tvm_config;
struct tvm_error;

int csv_manifest(const struct csv_kind *kind, const struct tvm_config *cfg,
	const struct firmware *fw, FILE *f, struct tvm_error *err);

#endif
