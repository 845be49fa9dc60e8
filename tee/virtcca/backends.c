/* SPDX-License-Identifier: Apache-2.0 */
/* Backends of aarch64: none yet, realms are issue 5. */
#include <stddef.h>

#include "tee/tee.h"

const struct tee_ops *const tee_backends[] = { NULL };
