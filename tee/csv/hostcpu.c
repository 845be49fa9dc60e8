/* SPDX-License-Identifier: Apache-2.0 */
/* The host's CPUID, apart from who asks, so that a test can stand in for other hosts. */
#include "tee/csv/csv.h"

#include <cpuid.h>

bool csv_host_cpuid(uint32_t leaf, struct csv_cpuid *out)
{
	return __get_cpuid(leaf, &out->eax, &out->ebx, &out->ecx, &out->edx);
}
