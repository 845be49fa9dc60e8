/* SPDX-License-Identifier: Apache-2.0 */
/* Realms on hardware: Arm CCA through KVM (hw.c), and Kunpeng's virtCCA (virtcca.c). */
#ifndef TEE_VIRTCCA_HW_H
#define TEE_VIRTCCA_HW_H

#include "tee/tee.h"

/* What the kind "cca" becomes with platform=hw. */
extern const struct tee_ops cca_hw_ops;

extern const struct tee_ops virtcca_ops;

#endif
