/* SPDX-License-Identifier: Apache-2.0 */
/* Backends of aarch64: Arm CCA; virtCCA is to come. */
#include <stddef.h>

#include "tee/tee.h"
#include "tee/virtcca/cca.h"

const struct tee_ops *const tee_backends[] = { &cca_ops, NULL };
