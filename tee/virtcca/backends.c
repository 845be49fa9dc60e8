/* SPDX-License-Identifier: Apache-2.0 */
/* Backends of aarch64: Arm CCA and virtCCA. */
#include <stddef.h>

#include "tee/tee.h"
#include "tee/virtcca/cca.h"
#include "tee/virtcca/hw.h"

const struct tee_ops *const tee_backends[] = { &cca_ops, &virtcca_ops, NULL };
